//! Stored data as events: files are opened here and handed, as readers, to whoever knows their format.

mod capture;

pub use capture::Capture;

use crate::error::EngineError;
use crate::files;
use mce_lake::{EventsJsonl, ShfeReader};
use mce_market::{
    Decimal, Instrument, InstrumentId, InstrumentKind, MarketEvent, Price, Qty, Scale,
};
use mce_venues::{InstrumentRule, Venue, VenueError};
use std::fs::File;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File formats that can be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines `<ns or µs> <json>` of a venue's frames.
    Capture,
    /// SHFE snapshots as Parquet.
    ShfeParquet,
    /// JSON lines of book, trade, clock and gap events.
    EventsJsonl,
}

/// What to replay.
#[derive(Clone, Debug)]
pub struct ReplaySpec {
    /// What the files are.
    pub format: Format,
    /// Files in time order, read as one recording.
    pub files: Vec<PathBuf>,
    /// Venue name; decides a capture's decoder, is free text otherwise.
    pub venue: String,
    /// The one symbol to take.
    pub symbol: String,
    /// Price increment; its decimals are the price scale.
    pub tick: Option<Decimal>,
    /// Size increment; its decimals are the size scale. 8 decimals without.
    pub lot: Option<Decimal>,
    /// Only the first rows of the input.
    pub head: Option<u64>,
}

/// Events of one symbol out of files, in the order in which they were received.
pub struct Replay {
    reader: Reader,
}

enum Reader {
    Capture(Box<Capture>),
    Shfe(Box<ShfeReader>),
    Jsonl(Box<EventsJsonl<Box<dyn BufRead>>>, u64),
}

impl Replay {
    /// Opens what `spec` names.
    ///
    /// # Errors
    /// [`EngineError`] when a file cannot be opened or is not of its format, when the venue is unknown, or when tick or
    /// lot is none.
    pub fn open(spec: &ReplaySpec) -> Result<Self, EngineError> {
        let reader = match spec.format {
            Format::Capture => {
                let venue: Venue = spec.venue.parse()?;
                let rule = InstrumentRule::offline(spec.tick, spec.lot)?;
                let capture =
                    Capture::open(venue, rule, Some(&spec.symbol), &spec.files, spec.head)?;
                Reader::Capture(Box::new(capture))
            }
            Format::ShfeParquet => {
                let inputs = spec
                    .files
                    .iter()
                    .map(|path| {
                        let file = File::open(path)
                            .map_err(|source| EngineError::io(path, "open", source))?;
                        Ok((path.display().to_string(), file))
                    })
                    .collect::<Result<Vec<_>, EngineError>>()?;
                let instrument = instrument(spec, InstrumentKind::Future)?;
                let reader = ShfeReader::open(inputs, instrument, InstrumentId(0), spec.head)?;
                Reader::Shfe(Box::new(reader))
            }
            Format::EventsJsonl => {
                let [path] = spec.files.as_slice() else {
                    return Err(EngineError::Data(format!(
                        "events-jsonl takes one file, got {}; join them first",
                        spec.files.len()
                    )));
                };
                let instrument = instrument(spec, InstrumentKind::Spot)?;
                let input = files::open_input(path)?;
                let name = path.display().to_string();
                let reader = EventsJsonl::new(&name, input, instrument, InstrumentId(0));
                Reader::Jsonl(Box::new(reader), spec.head.unwrap_or(u64::MAX))
            }
        };
        Ok(Replay { reader })
    }

    /// Appends the events of the next row or frame (perhaps none) to `out`; `false` at the end of the input.
    ///
    /// # Errors
    /// [`EngineError`] naming file and line or row for what cannot be read; at the end, when the symbol never came.
    pub fn next(&mut self, out: &mut Vec<MarketEvent>) -> Result<bool, EngineError> {
        match &mut self.reader {
            Reader::Capture(capture) => {
                if capture.next(out)?.is_none() {
                    capture.stream().check_symbols()?;
                    return Ok(false);
                }
                Ok(true)
            }
            Reader::Shfe(reader) => match reader.next() {
                Some(event) => {
                    out.push(event?);
                    Ok(true)
                }
                None => Ok(false),
            },
            Reader::Jsonl(reader, left) => {
                if *left == 0 {
                    return Ok(false);
                }
                match reader.next() {
                    Some(event) => {
                        out.push(event?);
                        *left -= 1;
                        Ok(true)
                    }
                    None => Ok(false),
                }
            }
        }
    }

    /// Takes back an event that is no longer needed, to use its memory again.
    pub fn recycle(&mut self, event: MarketEvent) {
        if let Reader::Capture(capture) = &mut self.reader {
            capture.recycle(event);
        }
    }

    /// Bytes of all files, for progress; compressed files count as they lie on disk.
    pub fn bytes(files: &[PathBuf]) -> u64 {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
        files.iter().map(size).sum()
    }
}

/// The instrument of a file that does not define one itself.
fn instrument(spec: &ReplaySpec, kind: InstrumentKind) -> Result<Arc<Instrument>, EngineError> {
    let part = |what: &'static str, value: Option<Decimal>| -> Result<(Scale, i64), EngineError> {
        let Some(value) = value else {
            return Ok((Scale::EIGHT, 1));
        };
        let refused = |source| VenueError::Increment {
            what,
            value: value.to_string(),
            source,
        };
        let scale = value.scale().map_err(|error| refused(Some(error)))?;
        if value.mantissa() <= 0 {
            return Err(refused(None).into());
        }
        Ok((scale, value.mantissa()))
    };
    let (price_scale, tick) = part("tick", spec.tick)?;
    let (qty_scale, lot) = part("lot", spec.lot)?;
    let instrument = Instrument::new(
        &spec.venue,
        &spec.symbol,
        kind,
        (price_scale, Price::from_units(tick)),
        (qty_scale, Qty::from_units(lot)),
    )
    .map_err(VenueError::from)?;
    Ok(Arc::new(instrument))
}

/// xxh3-128 over the bytes of all files in order, as hex: which data a model was made from.
///
/// # Errors
/// [`EngineError::Io`].
pub fn data_hash(files: &[PathBuf]) -> Result<String, EngineError> {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for path in files {
        hash_file(path, &mut hash)?;
    }
    Ok(format!("{:032x}", hash.digest128()))
}

fn hash_file(path: &Path, hash: &mut xxhash_rust::xxh3::Xxh3) -> Result<(), EngineError> {
    use std::io::Read;
    let failed = |source| EngineError::io(path, "read", source);
    let mut file = File::open(path).map_err(|source| EngineError::io(path, "open", source))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        hash.update(&buffer[..read]);
    }
}
