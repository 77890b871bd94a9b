//! What can go wrong between a frame and an event, and what to do about it.

use crate::venue::Venue;
use mce_market::{DecimalError, InstrumentError, UnixNanos};

/// What the owner of a stream does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// What came is lost and nothing else is wrong: go on, or ask again. A book update lost this way shows as a gap.
    Retry,
    /// The symbol's book cannot be trusted: resync it.
    Resync,
    /// Going on cannot help: another venue's data, a definition that does not fit, a refused request.
    Halt,
}

/// Every error of this crate. Messages name venue and symbol; a reader of files adds the file.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    /// No venue has this name.
    #[error("there is no venue called {name:?}; known venues: {known}")]
    UnknownVenue {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A frame is not JSON, or only the beginning of it.
    #[error("{venue}: a frame is not JSON: {reason} at byte {offset}, near {near:?}")]
    NotJson {
        /// Whose frame it should be.
        venue: Venue,
        /// Byte in the frame.
        offset: usize,
        /// What the parser found.
        reason: String,
        /// The text around it.
        near: String,
    },
    /// A frame is JSON, but a field is missing or not what it should be.
    #[error("{venue}: expected a {kind} frame: {reason} at byte {offset}, near {near:?}")]
    Malformed {
        /// Whose frame it should be.
        venue: Venue,
        /// What the frame says it is.
        kind: String,
        /// Byte in the frame.
        offset: usize,
        /// What the parser found.
        reason: String,
        /// The text around it.
        near: String,
    },
    /// A frame is JSON of a kind that the venue is not known to send.
    #[error("{venue}: expected a frame of this venue, got {what}: {near:?}")]
    UnknownKind {
        /// Whose frame it should be.
        venue: Venue,
        /// What it says it is.
        what: String,
        /// Its beginning.
        near: String,
    },
    /// A frame is another venue's.
    #[error(
        "expected frames of {expected}, got one of {found} ({evidence}); give the venue that the data came from"
    )]
    WrongVenue {
        /// The venue that was asked for.
        expected: Venue,
        /// The venue that the frame is of.
        found: &'static str,
        /// How we know.
        evidence: &'static str,
    },
    /// A number does not fit its instrument.
    #[error("{venue} {symbol}{}, price {price}: the {field} does not fit the instrument", at(.ts))]
    Number {
        /// Whose frame it is.
        venue: Venue,
        /// Whose number it is.
        symbol: Box<str>,
        /// Exchange time of the frame, where it has one.
        ts: Option<UnixNanos>,
        /// The price of the level, order or trade.
        price: Box<str>,
        /// `price` or `size`.
        field: &'static str,
        /// Why it does not fit.
        #[source]
        source: DecimalError,
    },
    /// A price or a size that no market has.
    #[error("{venue} {symbol}{}, price {price}: expected a {field} above 0, got {value}", at(.ts))]
    Sign {
        /// Whose frame it is.
        venue: Venue,
        /// Whose number it is.
        symbol: Box<str>,
        /// Exchange time of the frame, where it has one.
        ts: Option<UnixNanos>,
        /// The price of the level, order or trade.
        price: Box<str>,
        /// `price` or `size`.
        field: &'static str,
        /// The refused number.
        value: Box<str>,
    },
    /// A time that does not fit.
    #[error(
        "{venue} {symbol}: expected a time in ms since 1970, got {ms}, which is beyond the year 2262"
    )]
    Time {
        /// Whose frame it is.
        venue: Venue,
        /// Its symbol.
        symbol: String,
        /// The refused time.
        ms: u64,
    },
    /// A snapshot lists a price twice or out of order.
    #[error(
        "{venue} {symbol}: the snapshot with id {update_id} has its {side} out of order at price {price}; it was not taken"
    )]
    SnapshotOrder {
        /// Whose snapshot it is.
        venue: Venue,
        /// Its symbol.
        symbol: String,
        /// Its update id.
        update_id: u64,
        /// `bids` or `asks`.
        side: &'static str,
        /// The price that is not worse than the one before it.
        price: String,
    },
    /// A snapshot that names no symbol, among several symbols.
    #[error(
        "{venue}: a REST snapshot names no symbol and could be any of {symbols}; give the symbol it is of"
    )]
    SnapshotSymbol {
        /// Whose snapshot it is.
        venue: Venue,
        /// The symbols it could be of.
        symbols: String,
    },
    /// A symbol that was asked for did not come.
    #[error("{venue}: no frame of symbol {symbol} in the input; symbols seen: {seen}")]
    SymbolAbsent {
        /// The venue.
        venue: Venue,
        /// The symbol that was asked for.
        symbol: String,
        /// What came instead.
        seen: String,
    },
    /// A symbol came that has no declared instrument.
    #[error(
        "{venue}: symbol {symbol} has no declared instrument; load the venue's instruments first"
    )]
    Undeclared {
        /// The venue.
        venue: Venue,
        /// The symbol.
        symbol: String,
    },
    /// An instrument was refused.
    #[error("the instrument was refused")]
    Instrument(#[from] InstrumentError),
    /// A tick or a lot is not a number that an instrument can have.
    #[error("expected a {what} such as 0.01, got {value}")]
    Increment {
        /// `tick` or `lot`.
        what: &'static str,
        /// The refused number.
        value: String,
        /// Why, where the number itself is fine.
        #[source]
        source: Option<DecimalError>,
    },
    /// The encoder was given an instrument whose scale is finer than the venue's texts.
    #[error("{venue} {symbol}: a {what} of {scale} decimals cannot be written with {decimals}")]
    EncodeScale {
        /// The venue.
        venue: Venue,
        /// The symbol.
        symbol: String,
        /// `price` or `size`.
        what: &'static str,
        /// The instrument's decimals.
        scale: u8,
        /// The decimals of the venue's texts.
        decimals: u8,
    },
    /// The venue refused a request.
    #[error("{venue} refused a request: code {code}, {message:?}")]
    Refused {
        /// The venue.
        venue: Venue,
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
        /// Whether asking again later can help.
        retry: bool,
    },
    /// A capture could not be read.
    #[error("line {line} (byte {byte}): the capture could not be read")]
    CaptureRead {
        /// Line, from 1.
        line: u64,
        /// Byte at which the line begins.
        byte: u64,
        /// What the reader said.
        #[source]
        source: std::io::Error,
    },
    /// A capture ends in the middle of a line.
    #[error(
        "line {line} (byte {byte}): the capture ends in half a line: {reason}, near {near:?}; cut the line off or record again"
    )]
    CaptureTruncated {
        /// Line, from 1.
        line: u64,
        /// Byte at which the line begins.
        byte: u64,
        /// What is missing.
        reason: String,
        /// The end of the line.
        near: String,
    },
    /// A line of a capture is not framed as one.
    #[error(
        "line {line} (byte {byte}): expected `<ns or µs> <json>` or `<json>`, {reason}: {near:?}"
    )]
    CaptureFraming {
        /// Line, from 1.
        line: u64,
        /// Byte at which the line begins.
        byte: u64,
        /// What came instead.
        reason: &'static str,
        /// The beginning of the line.
        near: String,
    },
    /// A line of a capture is longer than any frame.
    #[error(
        "line {line} (byte {byte}): the line is longer than {limit} bytes; this is not a capture"
    )]
    CaptureLineTooLong {
        /// Line, from 1.
        line: u64,
        /// Byte at which the line begins.
        byte: u64,
        /// The longest line that is read.
        limit: usize,
    },
}

impl VenueError {
    /// What to do about it.
    pub fn action(&self) -> Action {
        match self {
            VenueError::NotJson { .. }
            | VenueError::Malformed { .. }
            | VenueError::UnknownKind { .. }
            | VenueError::Sign { .. }
            | VenueError::Time { .. }
            | VenueError::Refused { retry: true, .. } => Action::Retry,
            VenueError::SnapshotOrder { .. } => Action::Resync,
            VenueError::UnknownVenue { .. }
            | VenueError::WrongVenue { .. }
            | VenueError::Number { .. }
            | VenueError::SnapshotSymbol { .. }
            | VenueError::SymbolAbsent { .. }
            | VenueError::Undeclared { .. }
            | VenueError::Instrument(_)
            | VenueError::Increment { .. }
            | VenueError::EncodeScale { .. }
            | VenueError::Refused { retry: false, .. }
            | VenueError::CaptureRead { .. }
            | VenueError::CaptureTruncated { .. }
            | VenueError::CaptureFraming { .. }
            | VenueError::CaptureLineTooLong { .. } => Action::Halt,
        }
    }

    /// Whether the data itself is damaged, as opposed to being something else than was asked for.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            VenueError::NotJson { .. }
                | VenueError::CaptureRead { .. }
                | VenueError::CaptureTruncated { .. }
                | VenueError::CaptureFraming { .. }
                | VenueError::CaptureLineTooLong { .. }
        )
    }
}

fn at(ts: &Option<UnixNanos>) -> String {
    ts.map(|ts| format!(" at {ts}")).unwrap_or_default()
}

/// At most 60 bytes of `text` around `offset`, for messages.
#[cold]
pub(crate) fn near(text: &[u8], offset: usize) -> String {
    let from = offset.saturating_sub(30).min(text.len());
    let to = from.saturating_add(60).min(text.len());
    String::from_utf8_lossy(&text[from..to]).into_owned()
}
