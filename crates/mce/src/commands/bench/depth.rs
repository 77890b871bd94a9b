//! Depth messages to measure with: made up, or the user's own.

use mce_engine::EngineError;
use std::io::BufRead;
use std::path::Path;

/// Messages made up for a run.
const MESSAGES: usize = 100_000;
/// Level changes in a message before crossed levels are removed.
const LEVELS: usize = 10;

/// Binance USD-M depth messages, one JSON text each.
pub struct DepthMessages {
    /// The messages in order.
    pub lines: Vec<Vec<u8>>,
}

impl DepthMessages {
    /// Made up: ten changes a message at geometric distances from a walking mid, three in ten of them deletes; what the
    /// mid walks over is deleted, so the book never crosses. The same every time.
    pub fn made_up() -> Self {
        let mut state = 7u64;
        let mut uniform = move || {
            // SplitMix64 (Steele, Lea & Flood 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut mid = 600_000i64;
        let mut update = 1_000u64;
        let mut lines = Vec::with_capacity(MESSAGES);
        for at in 0..MESSAGES {
            let walk = (uniform() * 9.0) as i64;
            let step = i64::from(walk == 0) - i64::from(walk == 8);
            mid += step;
            let (mut bids, mut asks) = (Vec::<(i64, i64)>::new(), Vec::<(i64, i64)>::new());
            for _ in 0..LEVELS {
                let offset = 1 + ((1.0 - uniform()).ln() / (1.0f64 - 0.06).ln()) as i64;
                let size = 1 + (uniform() * 50_000.0) as i64;
                let size = if uniform() < 0.3 { 0 } else { size };
                let (side, price) = if uniform() < 0.5 {
                    (&mut bids, mid - offset)
                } else {
                    (&mut asks, mid + offset)
                };
                side.retain(|level| level.0 != price);
                side.push((price, size));
            }
            let (crossed, side) = match step {
                1 => (mid - 1, &mut asks),
                -1 => (mid + 1, &mut bids),
                _ => (0, &mut asks),
            };
            if step != 0 {
                side.retain(|level| level.0 != mid && level.0 != crossed);
                side.extend([(mid, 0), (crossed, 0)]);
            }
            let previous = update;
            update += (bids.len() + asks.len()) as u64;
            let time = 1_700_000_000_000u64 + at as u64 * 10;
            let text = format!(
                r#"{{"e":"depthUpdate","E":{time},"T":{},"s":"BTCUSDT","U":{},"u":{update},"pu":{previous},"b":[{}],"a":[{}]}}"#,
                time - 3,
                previous + 1,
                levels_text(&bids),
                levels_text(&asks),
            );
            lines.push(text.into_bytes());
        }
        DepthMessages { lines }
    }

    /// The user's own: one message a line.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let lines = mce_engine::files::open_input(path)?
            .split(b'\n')
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| EngineError::io(path, "read", source))?;
        Ok(DepthMessages { lines })
    }
}

fn levels_text(levels: &[(i64, i64)]) -> String {
    levels
        .iter()
        .map(|(price, size)| {
            format!(
                r#"["{}.{}0","{}.{:03}"]"#,
                price / 10,
                price % 10,
                size / 1000,
                size % 1000
            )
        })
        .collect::<Vec<_>>()
        .join(",")
}
