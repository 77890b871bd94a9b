//! `mce wire`: offline conformance of captured frames.

use super::print_json;
use crate::args::Wire;
use crate::exit::Unverified;
use crate::progress::Progress;
use anyhow::Result;
use mce_engine::conformance::{SymbolReport, WireReport, check_wire};
use mce_market::Level;
use mce_venues::Venue;
use serde_json::{Value, json};

pub fn run(args: &Wire, as_json: bool) -> Result<()> {
    let venue: Venue = args.venue.parse().map_err(mce_engine::EngineError::from)?;
    let mut progress = Progress::new("frames", None);
    let report = check_wire(venue, args.symbol.as_deref(), &args.files, |frames| {
        if frames % 1024 == 0 {
            progress.set(frames, "");
        }
    })?;
    progress.finish();
    if as_json {
        print_json(&to_json(&report))?;
    } else {
        print(&report);
    }
    let failed: u64 = report
        .symbols
        .iter()
        .map(|s| s.counters.checksums_failed)
        .sum();
    if failed > 0 {
        return Err(Unverified(format!("{failed} checksums failed")).into());
    }
    Ok(())
}

fn texts(report: &SymbolReport, level: &Level) -> (String, String) {
    (
        level
            .price
            .decimal(report.instrument.price_scale())
            .to_string(),
        level.qty.decimal(report.instrument.qty_scale()).to_string(),
    )
}

fn to_json(report: &WireReport) -> Value {
    let symbols: Vec<Value> = report
        .symbols
        .iter()
        .map(|s| {
            let levels = |side: &[Level]| side.iter().map(|l| texts(s, l)).collect::<Vec<_>>();
            json!({
                "symbol": &**s.instrument.symbol(),
                "frames": s.counters.frames,
                "applied": s.counters.applied,
                "ignored": s.counters.ignored,
                "gaps": s.counters.gaps,
                "resyncs": s.counters.resyncs,
                "checksums_ok": s.counters.checksums_ok,
                "checksums_failed": s.counters.checksums_failed,
                "crossed": s.crossed,
                "trades_buy": s.counters.trades_buy,
                "trades_sell": s.counters.trades_sell,
                "trades_not_market": s.counters.trades_not_market,
                "ticker_checked": s.ticker_checked,
                "ticker_agreed": s.ticker_agreed,
                "unparsed": s.counters.unparsed,
                "bids": levels(&s.bids),
                "asks": levels(&s.asks),
                "digest": format!("{:016x}", s.digest),
            })
        })
        .collect();
    json!({
        "symbols": symbols,
        "unparsed": report.unparsed,
        "problems": report.problems,
    })
}

fn print(report: &WireReport) {
    for s in &report.symbols {
        let c = &s.counters;
        println!("{} {}", s.instrument.venue(), s.instrument.symbol());
        println!(
            "  frames {}  applied {}  ignored {}  unparsed {}",
            c.frames, c.applied, c.ignored, c.unparsed
        );
        println!(
            "  gaps {}  resyncs {}  crossed {}",
            c.gaps, c.resyncs, s.crossed
        );
        println!(
            "  checksums ok {}  failed {}",
            c.checksums_ok, c.checksums_failed
        );
        println!(
            "  trades buy {}  sell {}  not market {}",
            c.trades_buy, c.trades_sell, c.trades_not_market
        );
        let share = if s.ticker_checked > 0 {
            format!(
                " ({:.3} %)",
                100.0 * s.ticker_agreed as f64 / s.ticker_checked as f64
            )
        } else {
            String::new()
        };
        println!(
            "  ticker agreed {} of {}{share}",
            s.ticker_agreed, s.ticker_checked
        );
        println!(
            "  {:>20} {:>16} | {:<16} {:<20}",
            "bid size", "bid", "ask", "ask size"
        );
        for row in 0..s.bids.len().max(s.asks.len()) {
            let side = |levels: &[Level]| levels.get(row).map(|l| texts(s, l)).unwrap_or_default();
            let (bid, ask) = (side(&s.bids), side(&s.asks));
            println!(
                "  {:>20} {:>16} | {:<16} {:<20}",
                bid.1, bid.0, ask.0, ask.1
            );
        }
        println!("  digest {:016x}", s.digest);
    }
    if report.unparsed > 0 {
        println!(
            "frames of no symbol that could not be read: {}",
            report.unparsed
        );
    }
    for problem in &report.problems {
        println!("  {problem}");
    }
}
