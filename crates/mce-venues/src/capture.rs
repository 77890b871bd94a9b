//! Lines of a capture: `<time of receipt> <frame>`, over anything that reads.
//!
//! Opening files and unpacking them is the caller's. The frame is not looked into here, but for the last line when it
//! has no newline: a recorder that was killed leaves half a line, and half a frame must not pass for a whole one.

use crate::error::{VenueError, near};
use mce_market::UnixNanos;
use serde::de::IgnoredAny;
use std::io::{BufRead, Read};

/// One line of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLine<'a> {
    /// Line number, from 1; empty lines count.
    pub number: u64,
    /// When the frame was received; `None` when the line has no stamp.
    pub recv: Option<UnixNanos>,
    /// The frame as the venue sent it.
    pub frame: &'a [u8],
}

/// Reads a capture line by line into one buffer.
///
/// A stamp is in nanoseconds or microseconds since 1970, told apart by its size: from 10^17 on it is nanoseconds
/// (1973 in ns), from 10^14 microseconds. A line that begins with `{` or `[` has no stamp. Empty lines are skipped.
///
/// ```
/// use mce_venues::CaptureReader;
/// let mut reader = CaptureReader::new(&b"1721749182850494 {\"e\":1}\n\n[2]"[..]);
/// let line = reader.next_line()?.expect("there is a line");
/// assert_eq!((line.number, line.frame), (1, &b"{\"e\":1}"[..]));
/// assert_eq!(line.recv.map(|t| t.0), Some(1_721_749_182_850_494_000));
/// assert_eq!(reader.next_line()?.map(|line| line.number), Some(3));
/// assert_eq!(reader.next_line()?, None);
/// # Ok::<(), mce_venues::VenueError>(())
/// ```
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: R,
    buffer: Vec<u8>,
    line: u64,
    /// Byte at which the present line begins.
    start: u64,
    /// Byte after the present line.
    end: u64,
    longest: usize,
}

impl<R> CaptureReader<R> {
    /// The longest line that is read: no venue sends a frame of this size.
    pub const LONGEST_LINE: usize = 64 << 20;
}

impl<R: BufRead> CaptureReader<R> {
    /// A reader of the lines of `input`.
    pub fn new(input: R) -> Self {
        CaptureReader {
            input,
            buffer: Vec::new(),
            line: 0,
            start: 0,
            end: 0,
            longest: Self::LONGEST_LINE,
        }
    }

    /// The next line that is not empty; `None` at the end.
    ///
    /// # Errors
    /// [`VenueError::CaptureRead`] when `input` fails (as a cut-off archive does), [`VenueError::CaptureTruncated`]
    /// when the input ends in half a line, [`VenueError::CaptureFraming`] when a line is neither JSON nor a stamp and
    /// JSON, [`VenueError::CaptureLineTooLong`] beyond [`CaptureReader::LONGEST_LINE`].
    pub fn next_line(&mut self) -> Result<Option<CaptureLine<'_>>, VenueError> {
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let whole = self.buffer.last() == Some(&b'\n');
        let text = self.buffer.trim_ascii();
        let (recv, frame) = self.split(text, whole)?;
        if !whole && let Err(error) = serde_json::from_slice::<IgnoredAny>(frame) {
            return Err(self.truncated(error.to_string()));
        }
        Ok(Some(CaptureLine {
            number: self.line,
            recv,
            frame,
        }))
    }

    /// Reads the next line, newline included, into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, VenueError> {
        self.buffer.clear();
        self.start = self.end;
        let limit = self.longest as u64 + 1;
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| VenueError::CaptureRead {
                line: self.line + 1,
                byte: self.start,
                source,
            })?;
        if read == 0 {
            return Ok(false);
        }
        self.line += 1;
        self.end += read as u64;
        if read as u64 == limit {
            return Err(VenueError::CaptureLineTooLong {
                line: self.line,
                byte: self.start,
                limit: self.longest,
            });
        }
        Ok(true)
    }

    /// Stamp and frame of a line without surrounding blanks.
    fn split<'a>(
        &self,
        text: &'a [u8],
        whole: bool,
    ) -> Result<(Option<UnixNanos>, &'a [u8]), VenueError> {
        if matches!(text.first(), Some(b'{' | b'[')) {
            return Ok((None, text));
        }
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.framing("got a line that is neither", text));
        }
        let stamp = stamp(&text[..digits]);
        let frame = text[digits..].trim_ascii_start();
        if frame.is_empty() {
            // The line may have been cut inside its stamp, whose size then says nothing.
            return Err(if whole {
                self.framing("got a stamp without a frame", text)
            } else {
                self.truncated("a stamp without a frame".to_owned())
            });
        }
        if frame.len() == text.len() - digits {
            return Err(self.framing("got a stamp without a blank after it", text));
        }
        match stamp {
            Some(recv) => Ok((Some(recv), frame)),
            None => Err(self.framing("got a stamp that is neither ns nor µs since 1970", text)),
        }
    }

    #[cold]
    fn framing(&self, reason: &'static str, text: &[u8]) -> VenueError {
        VenueError::CaptureFraming {
            line: self.line,
            byte: self.start,
            reason,
            near: near(text, 0),
        }
    }

    #[cold]
    fn truncated(&self, reason: String) -> VenueError {
        VenueError::CaptureTruncated {
            line: self.line,
            byte: self.start,
            reason,
            near: near(&self.buffer, self.buffer.len()),
        }
    }
}

/// Digits of ns or µs since 1970, `None` when they are neither.
fn stamp(digits: &[u8]) -> Option<UnixNanos> {
    let value = digits.iter().try_fold(0i64, |value, digit| {
        value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    })?;
    match value {
        100_000_000_000_000_000.. => Some(UnixNanos(value)),
        100_000_000_000_000.. => UnixNanos::from_micros(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    type Lines = Vec<(u64, Option<i64>, String)>;

    /// All lines, and the error at which reading stopped.
    fn read(input: &[u8]) -> (Lines, Option<VenueError>) {
        // A tiny buffer, so that lines span reads.
        let mut reader = CaptureReader::new(BufReader::with_capacity(7, input));
        let mut lines = Vec::new();
        loop {
            match reader.next_line() {
                Ok(Some(line)) => lines.push((
                    line.number,
                    line.recv.map(|t| t.0),
                    String::from_utf8_lossy(line.frame).into_owned(),
                )),
                Ok(None) => return (lines, None),
                Err(error) => return (lines, Some(error)),
            }
        }
    }

    fn check(input: &str, expected: &[(u64, Option<i64>, &str)]) {
        let (lines, error) = read(input.as_bytes());
        assert!(error.is_none(), "{input:?}: {error:?}");
        let expected: Lines = expected
            .iter()
            .map(|(n, t, f)| (*n, *t, (*f).to_owned()))
            .collect();
        assert_eq!(lines, expected, "{input:?}");
    }

    fn check_error(input: &str, part: &str) {
        let (_, error) = read(input.as_bytes());
        let text = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains(part), "{input:?}: {text:?} has no {part:?}");
    }

    const NS: &str = "1723161253937085768";

    #[test]
    fn stamps_are_told_apart_by_their_size() {
        check(
            "1721749182850494 {}\n1723161253937085768 {}\n{\"a\":1}\n [1] \n",
            &[
                (1, Some(1_721_749_182_850_494_000), "{}"),
                (2, Some(1_723_161_253_937_085_768), "{}"),
                (3, None, "{\"a\":1}"),
                (4, None, "[1]"),
            ],
        );
        for bad in [
            "1 {}",
            "1723161253 {}",
            "1723161253937 {}",
            "99999999999999999999 {}",
        ] {
            check_error(bad, "neither ns nor µs");
        }
    }

    #[test]
    fn empty_lines_and_carriage_returns_are_no_frames() {
        check("", &[]);
        check("\n \n\r\n", &[]);
        check("\n{}\r\n\n[]", &[(2, None, "{}"), (4, None, "[]")]);
    }

    #[test]
    fn the_last_line_needs_no_newline_but_all_of_its_frame() {
        check(
            &format!("{NS} {{\"a\":[1]}}"),
            &[(1, Some(1_723_161_253_937_085_768), "{\"a\":[1]}")],
        );
        let whole = format!("{NS} {{\"a\":[1]}}\n{NS} {{\"e\":\"x\",\"b\":[[\"1\",\"2\"]]}}");
        let first = whole.find('\n').unwrap();
        for cut in first + 2..whole.len() {
            check_error(
                &whole[..cut],
                "line 2 (byte 30): the capture ends in half a line",
            );
        }
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        check_error("hello", "neither: \"hello\"");
        check_error(&format!("{NS}\n"), "a stamp without a frame");
        check_error(&format!("{NS}{{}}\n"), "without a blank");
        check_error("\n\n12:30 {}\n", "line 3 (byte 2)");
    }

    #[test]
    fn lines_have_a_longest_length() {
        let mut reader = CaptureReader::new(&b"[1]\n[12]\n"[..]);
        reader.longest = 4;
        assert!(reader.next_line().unwrap().is_some());
        let error = reader.next_line().unwrap_err();
        assert!(matches!(
            error,
            VenueError::CaptureLineTooLong {
                line: 2,
                byte: 4,
                limit: 4
            }
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_loop(input: Vec<u8>) {
            let (lines, _) = read(&input);
            prop_assert!(lines.len() <= input.len());
        }

        #[test]
        fn what_was_framed_is_read_back(stamps in prop::collection::vec(100_000_000_000_000_000i64.., 0..20)) {
            let text: String = stamps.iter().map(|t| format!("{t} {{\"t\":{t}}}\n")).collect();
            let (lines, error) = read(text.as_bytes());
            prop_assert!(error.is_none());
            prop_assert_eq!(lines.iter().map(|l| l.1.unwrap()).collect::<Vec<_>>(), stamps);
        }
    }
}
