//! Writes an hour of a simulated market as Binance spot frames to standard output:
//! `cargo run --release -p mce-sim --example capture -- [HOURS] [SEED] > capture.txt`.

use mce_market::UnixNanos;
use mce_sim::frames::{CaptureConfig, capture_lines};
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let hours: f64 = args.next().map_or(Ok(1.0), |text| text.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |text| text.parse())?;
    let config = CaptureConfig::new(seed, UnixNanos(1_700_000_000_000_000_000));
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut lines, mut bytes) = (0u64, 0u64);
    let began = Instant::now();
    let mut capture = capture_lines(config, Duration::from_secs_f64(hours * 3600.0))?;
    for (_, line) in capture.by_ref() {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        lines += 1;
        bytes += line.len() as u64 + 1;
    }
    out.flush()?;
    eprintln!(
        "{lines} lines, {bytes} bytes in {:.2} s",
        began.elapsed().as_secs_f64()
    );
    eprintln!(
        "{} beginnings and ends of unwinds",
        capture.take_unwinds().len()
    );
    Ok(())
}
