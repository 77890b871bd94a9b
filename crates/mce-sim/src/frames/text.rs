//! A capture as a text to be read, for those who read files.

use super::Capture;
use std::io::{self, BufRead, Read};

/// The lines of a capture, newlines included, made while they are read.
pub struct CaptureText {
    capture: Capture,
    line: Vec<u8>,
    read: usize,
}

impl CaptureText {
    pub(super) fn new(capture: Capture) -> Self {
        CaptureText {
            capture,
            line: Vec::new(),
            read: 0,
        }
    }

    /// The capture, as far as it was read.
    pub fn capture(&mut self) -> &mut Capture {
        &mut self.capture
    }
}

impl BufRead for CaptureText {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.line.len() {
            (self.line, self.read) = match self.capture.next() {
                Some((_, mut line)) => {
                    line.push(b'\n');
                    (line, 0)
                }
                None => (Vec::new(), 0),
            };
        }
        Ok(&self.line[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read = (self.read + amount).min(self.line.len());
    }
}

impl Read for CaptureText {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let line = self.fill_buf()?;
        let n = line.len().min(out.len());
        out[..n].copy_from_slice(&line[..n]);
        self.consume(n);
        Ok(n)
    }
}
