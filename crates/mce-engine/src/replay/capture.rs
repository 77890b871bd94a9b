//! Capture files of one venue, read as one recording.

use crate::error::EngineError;
use crate::files;
use mce_market::MarketEvent;
use mce_venues::{CaptureReader, FrameKind, InstrumentRule, Venue, VenueError, VenueStream};
use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// The frames of several capture files through one venue stream.
pub struct Capture {
    stream: VenueStream,
    waiting: VecDeque<PathBuf>,
    current: Option<(PathBuf, CaptureReader<Box<dyn BufRead>>)>,
    left: u64,
    line: u64,
}

impl Capture {
    /// Opens the first of `files`; the others follow. With a symbol, frames of others are passed over; with `head`, only
    /// that many lines are read.
    ///
    /// # Errors
    /// [`EngineError::Io`] when any of the files cannot be opened: better now than after an hour of work.
    pub fn open(
        venue: Venue,
        rule: InstrumentRule,
        symbol: Option<&str>,
        files: &[PathBuf],
        head: Option<u64>,
    ) -> Result<Self, EngineError> {
        for path in files {
            files::open_input(path)?;
        }
        let stream = VenueStream::new(venue, rule);
        Ok(Capture {
            stream: match symbol {
                Some(symbol) => stream.with_symbol(symbol),
                None => stream,
            },
            waiting: files.iter().cloned().collect(),
            current: None,
            left: head.unwrap_or(u64::MAX),
            line: 0,
        })
    }

    /// Puts the next line through the stream and appends its events to `out`; `None` at the end.
    ///
    /// # Errors
    /// [`EngineError::Venue`] with file and line. After an error of decoding the next call goes on with the next line.
    pub fn next(&mut self, out: &mut Vec<MarketEvent>) -> Result<Option<FrameKind>, EngineError> {
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            let Some((path, reader)) = &mut self.current else {
                let Some(path) = self.waiting.pop_front() else {
                    return Ok(None);
                };
                let reader = CaptureReader::new(files::open_input(&path)?);
                self.current = Some((path, reader));
                self.line = 0;
                continue;
            };
            let failed = |path: &Path, line: u64, source: VenueError| match source {
                // A reader's own error says where it is.
                VenueError::CaptureRead { source, .. } => EngineError::io(path, "read", source),
                source => EngineError::Venue {
                    path: path.into(),
                    line,
                    source: Box::new(source),
                },
            };
            match reader.next_line() {
                Ok(Some(line)) => {
                    self.left -= 1;
                    self.line = line.number;
                    let kind = self.stream.on_line(&line, out);
                    return kind
                        .map(Some)
                        .map_err(|source| failed(path, self.line, source));
                }
                Ok(None) => self.current = None,
                Err(source) => {
                    let error = failed(path, self.line + 1, source);
                    self.left = 0;
                    return Err(error);
                }
            }
        }
    }

    /// The stream: its counters and symbols.
    pub fn stream(&self) -> &VenueStream {
        &self.stream
    }

    /// Takes back an event that is no longer needed, to use its memory again.
    pub fn recycle(&mut self, event: MarketEvent) {
        self.stream.recycle(event);
    }
}
