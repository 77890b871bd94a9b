use super::*;
use mce_market::UnixNanos;

fn bits(text: &str) -> Vec<bool> {
    text.bytes().map(|b| b == b'1').collect()
}

#[test]
fn known_sequences_have_known_complexity() {
    for (text, expected) in [
        ("", 0),
        ("0", 1),
        ("1", 1),
        ("00", 2),
        ("01", 2),
        ("0001101001000101", 6), // Lempel & Ziv 1976
        ("0000000000", 2),
        ("0101010101", 3),
        ("0011001100110011", 4),     // 0·01·10·01100110011
        ("1001111011000010", 6),     // 1·0·01·1110·1100·0010
        ("10011110110000101111", 7), // the one before, then ·1111
    ] {
        assert_eq!(lempel_ziv(&bits(text)), expected, "{text}");
    }
}

/// Fair coin tosses from a seed: SplitMix64 (Steele, Lea & Flood 2014).
fn tosses(seed: &mut u64, n: usize) -> Vec<bool> {
    (0..n)
        .map(|_| {
            *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) & 1 == 1
        })
        .collect()
}

#[test]
fn the_scale_is_the_99_percent_quantile_of_coin_tosses() {
    let mut seed = 2026;
    for (n, quantile) in COIN_TOSSES {
        let runs = 4000;
        let counts: Vec<usize> = (0..runs)
            .map(|_| lempel_ziv(&tosses(&mut seed, n)))
            .collect();
        let at_most = |c| counts.iter().filter(|count| **count <= c).count() as f64 / runs as f64;
        // The quantile itself is at or above 99 % and the count below it is not, within sampling error.
        assert!(
            at_most(quantile) > 0.99 - 0.003,
            "{n}: {}",
            at_most(quantile)
        );
        assert!(
            at_most(quantile - 1) < 0.99 + 0.003,
            "{n}: {}",
            at_most(quantile - 1)
        );
        let mean = counts.iter().sum::<usize>() as f64 / runs as f64 / quantile as f64;
        assert!((0.86..=0.925).contains(&mean), "{n}: {mean}");
    }
}

fn manager() -> ComplexityManager {
    ComplexityManager::new(ComplexityConfig::default()).unwrap()
}

/// Feeds bars that move as `moves` says (0 is flat) and gives the reading.
fn read(moves: impl IntoIterator<Item = i8>) -> Complexity {
    let mut manager = manager();
    let mut close = 1000.0;
    for (at, step) in std::iter::once(0).chain(moves).enumerate() {
        close += f64::from(step);
        manager.on_bar(&Bar {
            open_ts: UnixNanos(at as i64),
            close_ts: UnixNanos(at as i64 + 1),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            buy_volume: 0.5,
        });
    }
    manager.reading()
}

#[test]
fn a_trend_keeps_its_size_and_noise_loses_it() {
    let known = |reading| match reading {
        Complexity::Known {
            mci,
            multiplier,
            critical,
        } => (mci, multiplier, critical),
        other => panic!("{other:?}"),
    };
    let (mci, multiplier, critical) = known(read([1; 64]));
    assert_eq!((mci, multiplier, critical), (2.0 / 15.0, 1.0, false));
    assert_eq!(known(read([1, -1].repeat(32))).0, 3.0 / 15.0);
    // The most irregular of some tosses: 15 of 15 components or more, nothing new is opened.
    let mut seed = 1;
    let noisy = (0..4000)
        .map(|_| tosses(&mut seed, 64))
        .max_by_key(|t| lempel_ziv(t))
        .unwrap();
    let (mci, multiplier, critical) = known(read(noisy.iter().map(|up| if *up { 1 } else { -1 })));
    assert_eq!((mci, critical), (1.0, true));
    assert!((multiplier - 0.1).abs() < 1e-12);
}

#[test]
fn only_moves_count() {
    assert_eq!(read([0; 500]), Complexity::WarmUp { have: 0, need: 64 });
    assert_eq!(read([1; 63]), Complexity::WarmUp { have: 63, need: 64 });
    assert_eq!(read([1, 0, 0].repeat(64)), read([1; 64]));
    assert_eq!(Complexity::WarmUp { have: 0, need: 64 }.multiplier(), None);
    assert_eq!(Complexity::Off.multiplier(), Some(1.0));
}

#[test]
fn the_multiplier_falls_in_a_line() {
    let multiplier = |components: usize| {
        let mut manager = manager();
        manager.scale = components as f64; // a trend has 2 components: the MCI is 2 / components
        for at in 0..65 {
            manager.on_bar(&Bar {
                open_ts: UnixNanos(at),
                close_ts: UnixNanos(at + 1),
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0 + at as f64,
                volume: 0.0,
                buy_volume: 0.0,
            });
        }
        manager.reading().multiplier().unwrap()
    };
    assert_eq!(multiplier(4), 1.0); // 0.5, below 0.6
    let expected = 1.0 - 0.9 * (2.0 / 3.0 - 0.6) / 0.35;
    assert!((multiplier(3) - expected).abs() < 1e-12);
    assert!((multiplier(2) - 0.1).abs() < 1e-12);
}

#[test]
fn every_bad_value_is_named() {
    let bad = ComplexityConfig {
        window: 100,
        calm: -0.1,
        critical: -0.2,
        floor: 0.0,
    };
    let text = ComplexityManager::new(bad).unwrap_err().to_string();
    for key in ["window", "calm", "critical", "floor"] {
        assert!(text.contains(&format!("{key}: expected")), "{text}");
    }
}
