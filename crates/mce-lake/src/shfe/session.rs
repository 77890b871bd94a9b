//! The exchange's clock: China time of day, its sessions of continuous trading, and the date it belongs to.
//!
//! Sessions as in FEATURES, section 3: 09:00–10:15, 10:30–11:30, 13:30–15:00 and 21:00–23:00, both ends included.

use mce_market::UnixNanos;

pub(super) const DAY_NS: i64 = 86_400 * UnixNanos::PER_SECOND;
/// China is 8 hours ahead of UTC all year.
const CHINA_NS: i64 = 8 * 3600 * UnixNanos::PER_SECOND;
const MINUTE_NS: i64 = 60 * UnixNanos::PER_SECOND;

/// First and last instant of each session of continuous trading, as nanoseconds of the China day.
const SESSIONS: [(i64, i64); 4] = [
    (9 * 60 * MINUTE_NS, (10 * 60 + 15) * MINUTE_NS),
    ((10 * 60 + 30) * MINUTE_NS, (11 * 60 + 30) * MINUTE_NS),
    ((13 * 60 + 30) * MINUTE_NS, 15 * 60 * MINUTE_NS),
    (21 * 60 * MINUTE_NS, 23 * 60 * MINUTE_NS),
];

/// A moment of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExchangeTime {
    /// The moment in UTC.
    pub(super) ts: UnixNanos,
    /// Which session of which China day; the inner `None` is outside them (the print of the opening auction).
    pub(super) session: (i64, Option<usize>),
    /// Whether nothing can follow it in its session: it stands at the session's end, or in none.
    pub(super) last_of_session: bool,
}

/// Joins the exchange's time of day to a date: of the days around the receive time, the one that brings the two
/// nearest, so that a row stamped 23:59:59.9 and received after midnight stays on the day before.
///
/// `None` when the receive time is beyond what 64 bits of nanoseconds hold.
pub(super) fn exchange_time(received: UnixNanos, of_day: i64) -> Option<ExchangeTime> {
    let received = received.0.checked_add(CHINA_NS)?;
    let midnight = received.checked_sub(received.rem_euclid(DAY_NS))?;
    let mut ts = midnight.checked_add(of_day)?;
    let ahead = received.checked_sub(ts)?;
    if ahead > DAY_NS / 2 {
        ts = ts.checked_add(DAY_NS)?;
    } else if ahead < -DAY_NS / 2 {
        ts = ts.checked_sub(DAY_NS)?;
    }
    let session = SESSIONS
        .iter()
        .position(|(start, end)| (*start..=*end).contains(&of_day));
    Some(ExchangeTime {
        ts: UnixNanos(ts.checked_sub(CHINA_NS)?),
        session: (ts.div_euclid(DAY_NS), session),
        last_of_session: session.is_none_or(|at| of_day == SESSIONS[at].1),
    })
}

/// Reads `HH:MM:SS` with up to nine decimals of a second as nanoseconds of the day; one-digit parts are taken, as
/// the exchange's gateways write them. `None` when it is something else.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hour = number(parts.next()?, 2).filter(|h| *h < 24)?;
    let minute = number(parts.next()?, 2).filter(|m| *m < 60)?;
    let rest = parts.next()?;
    let (second, fraction) = match rest.split_once('.') {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (rest, None),
    };
    let second = number(second, 2).filter(|s| *s < 60)?;
    let nanos = match fraction {
        Some(digits) => number(digits, 9)? * 10i64.pow(9 - digits.len() as u32),
        None => 0,
    };
    Some((hour * 3600 + minute * 60 + second) * UnixNanos::PER_SECOND + nanos)
}

fn number(text: &str, digits_max: usize) -> Option<i64> {
    let plain = !text.is_empty()
        && text.len() <= digits_max
        && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_time(text: &str, expected: Option<i64>) {
        assert_eq!(time_of_day(text), expected, "{text}");
    }

    #[test]
    fn times_of_day_are_read_to_the_nanosecond() {
        check_time("00:00:00", Some(0));
        check_time("20:59:00.500", Some(75_540_500_000_000));
        check_time("21:00:01.0", Some(75_601_000_000_000));
        check_time("9:5:7.25", Some(32_707_250_000_000));
        check_time("23:59:59.999999999", Some(DAY_NS - 1));
        for bad in [
            "",
            "21:00",
            "24:00:00",
            "21:60:00",
            "21:00:60",
            "21:00:00.",
            "21:00:00.1234567890",
            "21:00:+1",
            "a:b:c",
            "21:00:00 PM",
            "-1:00:00",
        ] {
            check_time(bad, None);
        }
    }

    fn check_session(received: &str, of_day: &str, ts: &str, session: Option<usize>, last: bool) {
        let received = UnixNanos::parse(received).unwrap();
        let got = exchange_time(received, time_of_day(of_day).unwrap()).unwrap();
        assert_eq!(got.ts, UnixNanos::parse(ts).unwrap(), "{of_day}");
        assert_eq!(got.session.1, session, "{of_day}");
        assert_eq!(got.last_of_session, last, "{of_day}");
    }

    #[test]
    fn a_time_of_day_finds_its_date_and_session() {
        let auction = "2025-06-04T12:59:00.518402Z";
        check_session(
            auction,
            "20:59:00.500",
            "2025-06-04T12:59:00.5Z",
            None,
            true,
        );
        check_session(
            "2025-06-04T13:00:00Z",
            "21:00:00",
            "2025-06-04T13:00:00Z",
            Some(3),
            false,
        );
        check_session(
            "2025-06-04T15:00:01Z",
            "23:00:00",
            "2025-06-04T15:00:00Z",
            Some(3),
            true,
        );
        check_session(
            "2025-06-05T02:15:00Z",
            "10:15:00",
            "2025-06-05T02:15:00Z",
            Some(0),
            true,
        );
        check_session(
            "2025-06-05T02:15:00Z",
            "10:15:00.5",
            "2025-06-05T02:15:00.5Z",
            None,
            true,
        );
        check_session(
            "2025-06-05T02:30:00Z",
            "10:30:00",
            "2025-06-05T02:30:00Z",
            Some(1),
            false,
        );
        check_session(
            "2025-06-05T07:00:00Z",
            "15:00:00",
            "2025-06-05T07:00:00Z",
            Some(2),
            true,
        );
    }

    #[test]
    fn around_midnight_the_nearest_day_counts() {
        // 16:00 UTC is midnight in China.
        check_session(
            "2025-06-04T16:00:00.1Z",
            "23:59:59.9",
            "2025-06-04T15:59:59.9Z",
            None,
            true,
        );
        check_session(
            "2025-06-04T15:59:59.9Z",
            "00:00:00.1",
            "2025-06-04T16:00:00.1Z",
            None,
            true,
        );
    }

    #[test]
    fn times_beyond_64_bits_are_refused() {
        assert_eq!(exchange_time(UnixNanos(i64::MAX), 0), None);
        assert_eq!(exchange_time(UnixNanos(i64::MIN), 0), None);
    }
}
