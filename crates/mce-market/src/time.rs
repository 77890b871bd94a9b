//! Time as integer nanoseconds since the Unix epoch. Nothing here reads a clock.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since 1970-01-01T00:00:00Z; any value is legal, years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// Nanoseconds in a second.
    pub const PER_SECOND: i64 = 1_000_000_000;

    /// From milliseconds, `None` beyond 64 bits.
    pub fn from_millis(millis: i64) -> Option<Self> {
        millis.checked_mul(1_000_000).map(UnixNanos)
    }

    /// From microseconds, `None` beyond 64 bits.
    pub fn from_micros(micros: i64) -> Option<Self> {
        micros.checked_mul(1_000).map(UnixNanos)
    }

    /// `self − earlier` in nanoseconds, saturating; negative when `earlier` is later.
    pub fn since(self, earlier: UnixNanos) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self − earlier` in seconds.
    pub fn seconds_since(self, earlier: UnixNanos) -> f64 {
        self.since(earlier) as f64 / Self::PER_SECOND as f64
    }

    /// Later by `duration`, saturating.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        UnixNanos(self.0.saturating_add(nanos))
    }

    /// The first multiple of `interval_ns` (> 0) at or after this time.
    pub fn ceil_to(self, interval_ns: i64) -> Self {
        let past = self.0.rem_euclid(interval_ns);
        if past == 0 {
            self
        } else {
            UnixNanos(self.0.saturating_add(interval_ns - past))
        }
    }

    /// Seconds of the UTC day, [0, 86400).
    pub fn second_of_day(self) -> f64 {
        self.0.rem_euclid(86_400 * Self::PER_SECOND) as f64 / Self::PER_SECOND as f64
    }
}

impl fmt::Display for UnixNanos {
    /// RFC 3339 in UTC with nanoseconds, trailing zeros cut: `2024-08-08T23:54:15.208Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(Self::PER_SECOND);
        let nanos = self.0.rem_euclid(Self::PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60
        )?;
        if nanos != 0 {
            let text = format!("{nanos:09}");
            write!(f, ".{}", text.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl UnixNanos {
    /// Reads what [`fmt::Display`] writes, and a bare date as its midnight: `2024-08-08`,
    /// `2024-08-08T23:54:15Z`, `2024-08-08T23:54:15.208Z`. UTC only. `None` when it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time.strip_suffix('Z').unwrap_or(time))),
            None => (text, None),
        };
        let mut parts = date.splitn(3, '-');
        let year: i64 = digits(parts.next()?, 4)?;
        let month: i64 = digits(parts.next()?, 2)?;
        let day: i64 = digits(parts.next()?, 2)?;
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        let mut nanos = days.checked_mul(86_400 * Self::PER_SECOND)?;
        if let Some(time) = time {
            let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
            let mut parts = clock.splitn(3, ':');
            let hour = digits(parts.next()?, 2).filter(|h| *h < 24)?;
            let minute = digits(parts.next()?, 2).filter(|m| *m < 60)?;
            let second = match parts.next() {
                Some(s) => digits(s, 2).filter(|s| *s < 60)?,
                None => 0,
            };
            let fraction = match fraction.len() {
                0 => 0,
                n @ 1..=9 => digits(fraction, n)? * 10i64.pow(9 - n as u32),
                _ => return None,
            };
            let of_day = (hour * 3600 + minute * 60 + second) * Self::PER_SECOND + fraction;
            nanos = nanos.checked_add(of_day)?;
        }
        Some(UnixNanos(nanos))
    }
}

fn digits(text: &str, length: usize) -> Option<i64> {
    if text.len() != length || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Days since the epoch to (year, month, day) of the Gregorian calendar: H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_print_and_read_as_rfc_3339() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_723_161_255_208_000_000, "2024-08-08T23:54:15.208Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(UnixNanos(nanos).to_string(), text);
            assert_eq!(UnixNanos::parse(text), Some(UnixNanos(nanos)));
        }
        assert_eq!(
            UnixNanos::parse("1970-01-02"),
            Some(UnixNanos(86_400_000_000_000))
        );
        for bad in [
            "",
            "2024-02-30",
            "2024-8-08",
            "2024-08-08T25:00:00Z",
            "2024-08-08T10:00:00+02:00",
            "yesterday",
        ] {
            assert_eq!(UnixNanos::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(nanos in -62_000_000_000_000_000i64..i64::MAX) {
            prop_assert_eq!(UnixNanos::parse(&UnixNanos(nanos).to_string()), Some(UnixNanos(nanos)));
        }

        #[test]
        fn ceil_is_the_next_multiple(nanos in -1_000_000i64..1_000_000, interval in 1i64..10_000) {
            let up = UnixNanos(nanos).ceil_to(interval).0;
            prop_assert!(up >= nanos && up - nanos < interval && up.rem_euclid(interval) == 0);
        }
    }
}
