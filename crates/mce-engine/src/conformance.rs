//! Offline conformance: does what a venue sent make a book that the venue's own words agree with?
//!
//! Frames go through the same decoder, sequence rule and book as live ones. Each applied depth event is then held
//! against the greatest best-bid-and-ask line (`u′ ≤ u`) that the venue sent anywhere in the input.

use crate::error::EngineError;
use crate::replay::Capture;
use mce_market::{EventBody, Instrument, InstrumentId, Level, MarketEvent, OrderBook, Side};
use mce_venues::{Action, Counters, InstrumentRule, Venue};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What was found for one symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolReport {
    /// The instrument, with its scales.
    pub instrument: Arc<Instrument>,
    /// What the stream counted.
    pub counters: Counters,
    /// Applied updates after which the best bid was at or above the best ask.
    pub crossed: u64,
    /// Applied updates for which a best-bid-and-ask line of no later update id was seen.
    pub ticker_checked: u64,
    /// Those whose greatest such line has the book's best prices and sizes.
    pub ticker_agreed: u64,
    /// Best ten bids at the end.
    pub bids: Vec<Level>,
    /// Best ten asks at the end.
    pub asks: Vec<Level>,
    /// Digest of the whole book at the end.
    pub digest: u64,
}

/// What was found in all files.
#[derive(Clone, Debug, PartialEq)]
pub struct WireReport {
    /// By symbol, in the order of their names.
    pub symbols: Vec<SymbolReport>,
    /// Frames that could not be decoded and belong to no symbol.
    pub unparsed: u64,
    /// The first frames that could not be decoded, as messages.
    pub problems: Vec<String>,
}

/// Messages of frames that could not be decoded are kept up to here.
const PROBLEMS_MAX: usize = 20;

/// Best prices and sizes under one update id.
#[derive(Clone, Copy, Debug)]
struct Best {
    update: u64,
    bid: Level,
    ask: Level,
}

#[derive(Default)]
struct Check {
    book: OrderBook,
    crossed: u64,
    applied: Vec<Best>,
    tickers: Vec<Best>,
}

impl Check {
    fn take(&mut self, event: &MarketEvent) {
        match &event.body {
            EventBody::Snapshot(snapshot) => {
                self.book
                    .apply_snapshot(snapshot)
                    .expect("a venue stream lets only prices and sizes above 0 through");
            }
            EventBody::Delta(delta) => {
                self.book
                    .apply_delta(delta)
                    .expect("a venue stream lets only prices above 0 and sizes from 0 through");
                self.crossed += u64::from(self.book.is_crossed());
                if let (Some(update), Some(bid), Some(ask)) = (
                    delta.last_update_id,
                    self.book.best_bid(),
                    self.book.best_ask(),
                ) {
                    self.applied.push(Best { update, bid, ask });
                }
            }
            EventBody::Ticker(ticker) => {
                if let Some(update) = ticker.update_id {
                    self.tickers.push(Best {
                        update,
                        bid: ticker.bid,
                        ask: ticker.ask,
                    });
                }
            }
            EventBody::Gap(_) => self.book.clear(),
            EventBody::Instrument(_)
            | EventBody::Trade(_)
            | EventBody::Liquidation(_)
            | EventBody::Status(_)
            | EventBody::Clock => {}
        }
    }

    /// How many applied updates could be compared with a ticker, and how many agreed.
    fn tickers_against_book(&mut self) -> (u64, u64) {
        self.tickers.sort_by_key(|t| t.update);
        let (mut checked, mut agreed) = (0, 0);
        for best in &self.applied {
            let after = self.tickers.partition_point(|t| t.update <= best.update);
            if let Some(ticker) = after.checked_sub(1).map(|at| &self.tickers[at]) {
                checked += 1;
                agreed += u64::from(ticker.bid == best.bid && ticker.ask == best.ask);
            }
        }
        (checked, agreed)
    }
}

/// Reads `files` as one recording of `venue`, all symbols or one.
///
/// # Errors
/// Damage, another venue's frames, a symbol that never came. A frame that cannot be decoded and is no damage is counted
/// and told in the report.
pub fn check_wire(
    venue: Venue,
    symbol: Option<&str>,
    files: &[PathBuf],
    mut progress: impl FnMut(u64),
) -> Result<WireReport, EngineError> {
    let rule = InstrumentRule::offline(None, None)?;
    let mut capture = Capture::open(venue, rule, symbol, files, None)?;
    let mut checks: BTreeMap<InstrumentId, Check> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut events = Vec::new();
    let mut frames = 0;
    loop {
        match capture.next(&mut events) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(EngineError::Venue { path, line, source })
                if source.action() != Action::Halt && !source.is_damage() =>
            {
                if problems.len() < PROBLEMS_MAX {
                    problems.push(format!("{}, line {line}: {source}", path.display()));
                }
            }
            Err(error) => return Err(error),
        }
        frames += 1;
        progress(frames);
        for event in events.drain(..) {
            checks.entry(event.instrument).or_default().take(&event);
            capture.recycle(event);
        }
    }
    capture.stream().check_symbols()?;
    let mut symbols: Vec<SymbolReport> = capture
        .stream()
        .symbols()
        .map(|view| {
            let mut check = checks.remove(&view.id).unwrap_or_default();
            let (ticker_checked, ticker_agreed) = check.tickers_against_book();
            let top = |side| check.book.levels(side).take(10).collect();
            SymbolReport {
                counters: view.counters.clone(),
                crossed: check.crossed,
                ticker_checked,
                ticker_agreed,
                bids: top(Side::Buy),
                asks: top(Side::Sell),
                digest: check
                    .book
                    .digest(view.instrument.price_scale(), view.instrument.qty_scale()),
                instrument: view.instrument.clone(),
            }
        })
        .collect();
    symbols.sort_by(|a, b| a.instrument.symbol().cmp(b.instrument.symbol()));
    Ok(WireReport {
        symbols,
        unparsed: capture.stream().counters().unparsed,
        problems,
    })
}
