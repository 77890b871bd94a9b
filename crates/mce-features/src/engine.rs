//! The feature engine of one instrument: market events in, samples of the 14 features out.
//!
//! It is a state machine without a clock: everything is defined by exchange time and the order of events, so a live
//! stream, its recording and a batch over a file give the same samples bit for bit.
//!
//! | module | what lives there |
//! |---|---|
//! | `observe` | books: what is checked, refused and taken as an observation |
//! | `changes` | which levels changed between two observations |
//! | `flows` | what moves at every observation |
//! | `sampling` | what moves at samples: averages, and the 14 formulas |
//! | `top` | one side of a sampled book as columns |
//! | `state` | saving and restoring |

mod changes;
mod flows;
mod observe;
mod sampling;
mod state;
mod top;

#[cfg(test)]
mod tests;

use crate::error::FeatureError;
use crate::sample::{FeatureConfig, Sample};
use changes::SideChanges;
use flows::{Flows, PendingTrades, Terms};
use mce_market::{
    BookSnapshot, EventBody, Instrument, InstrumentId, Level, MarketEvent, OrderBook, Price, Scale,
    Side, Trade, UnixNanos,
};
use sampling::Averages;
use std::sync::Arc;
use top::Top;

/// A longer silence resets the engine: its warm-up begins again. Nanoseconds.
pub const RESET_NS: i64 = 300 * UnixNanos::PER_SECOND;

/// What happened to the books that an engine was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Observations taken.
    pub observations: u64,
    /// Observations refused: a side missing, or the best bid at or above the best ask.
    pub invalid: u64,
    /// Observations dropped because they are older than the one before.
    pub late: u64,
    /// Gaps: announced ones, and silences longer than `max_quiet` that no announcement came before.
    pub gaps: u64,
    /// Silences that started the warm-up again.
    pub resets: u64,
    /// Levels without a size above 0 that were dropped from a book.
    pub levels_dropped: u64,
    /// Depth updates passed over because no snapshot had said what they change: at the start, or after a gap.
    pub unsynced: u64,
}

/// The last accepted observation, as far as later ones need it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Accepted {
    ts: i64,
    bid: Level,
    ask: Level,
    /// Price of the last bid within the depth looked at.
    last_bid: Price,
    last_ask: Price,
    mid: f64,
}

/// What an engine needs to know of its instrument.
#[derive(Clone, Debug)]
struct Units {
    venue: Arc<str>,
    symbol: Arc<str>,
    price_scale: Scale,
    qty_scale: Scale,
    /// Price units in 1.
    price_one: f64,
    /// Size units in 1.
    qty_one: f64,
    /// τ.
    tick: Price,
}

impl Units {
    fn of(instrument: &Instrument) -> Self {
        Units {
            venue: instrument.venue().clone(),
            symbol: instrument.symbol().clone(),
            price_scale: instrument.price_scale(),
            qty_scale: instrument.qty_scale(),
            price_one: instrument.price_scale().units_per_one() as f64,
            qty_one: instrument.qty_scale().units_per_one() as f64,
            tick: instrument.tick(),
        }
    }

    /// A price as the float nearest to its decimal.
    #[inline]
    fn price(&self, price: Price) -> f64 {
        price.to_f64(self.price_scale)
    }

    /// m of a book with these best levels.
    #[inline]
    fn mid(&self, bid: Level, ask: Level) -> f64 {
        (self.price(ask.price) + self.price(bid.price)) / 2.0
    }
}

/// Volumes folded in by the observations since the previous sample, base units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct SampleVolumes {
    buy: f64,
    sell: f64,
    liquidated: f64,
}

/// Room that is used again and again, so that an event needs no allocation.
#[derive(Clone, Debug, Default)]
struct Scratch {
    terms: Terms,
    bids: Top,
    asks: Top,
    levels: Vec<Level>,
    /// Levels of a snapshot that passed the checks.
    clean: BookSnapshot,
}

/// The feature engine of one instrument; it owns the instrument's order book.
///
/// Samples are emitted when a later event arrives: the sample at grid time g is final once an event with ts > g came.
/// Each call appends the samples that it settles to `out`.
///
/// ```
/// use mce_features::{FeatureConfig, FeatureEngine};
/// use mce_market::{Instrument, InstrumentId, InstrumentKind, Level, Price, Qty, Scale, UnixNanos};
///
/// let (two, three) = (Scale::new(2)?, Scale::new(3)?);
/// let tick = (two, Price::parse(b"0.01", two)?);
/// let lot = (three, Qty::parse(b"0.001", three)?);
/// let instrument = Instrument::new("binance-spot", "BTCUSDT", InstrumentKind::Spot, tick, lot)?;
/// let mut engine = FeatureEngine::new(InstrumentId(0), &instrument, FeatureConfig::default());
///
/// let level = |price, qty| Level::new(Price::from_units(price), Qty::from_units(qty));
/// let (bids, asks) = ([level(6_183_763, 1_500)], [level(6_183_764, 500)]);
/// let mut samples = Vec::new();
/// for second in [4, 9, 11] {
///     let ts = UnixNanos(second * UnixNanos::PER_SECOND);
///     engine.observe(ts, &bids, &asks, &mut samples)?;
/// }
/// // The grid times 5 and 10 are past; the book was bid-heavy at both: (1.5 − 0.5)/(1.5 + 0.5).
/// assert_eq!(samples.len(), 2);
/// assert_eq!(samples[1].features[1], 0.5);
/// assert!(engine.book_usable());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeatureEngine {
    instrument: InstrumentId,
    config: FeatureConfig,
    units: Units,
    book: OrderBook,
    /// Whether the book is known: there was a snapshot since the start and since the last gap.
    synced: bool,
    accepted: Option<Accepted>,
    /// Whether `accepted` may be sampled and compared with: not between a gap and the next observation.
    live: bool,
    /// What changed in `book` since `accepted`, while `live`. Empty but for refused observations.
    bids: SideChanges,
    asks: SideChanges,
    /// Next grid time to emit or to skip.
    next_grid: Option<i64>,
    last_event: Option<i64>,
    /// Whether the next sample is the first after a gap or after the start.
    after_gap: bool,
    averages: Averages,
    flows: Flows,
    trades: PendingTrades,
    since_sample: SampleVolumes,
    counters: Counters,
    scratch: Scratch,
}

impl FeatureEngine {
    /// An engine that has seen nothing. Of the instrument it takes names (for messages), scales and the tick.
    pub fn new(
        instrument_id: InstrumentId,
        instrument: &Instrument,
        config: FeatureConfig,
    ) -> Self {
        FeatureEngine {
            instrument: instrument_id,
            config,
            units: Units::of(instrument),
            book: OrderBook::new(),
            synced: false,
            accepted: None,
            live: false,
            bids: SideChanges::new(Side::Buy),
            asks: SideChanges::new(Side::Sell),
            next_grid: None,
            last_event: None,
            after_gap: true,
            averages: Averages::default(),
            flows: Flows::default(),
            trades: PendingTrades::default(),
            since_sample: SampleVolumes::default(),
            counters: Counters::default(),
            scratch: Scratch::default(),
        }
    }

    /// Takes one event of the engine's instrument (in debug builds another one's is a panic), in the order of arrival.
    ///
    /// - A snapshot with an exchange time is an observation, in every mode. Without one it sets the book and gives no
    ///   observation; where a book was live, that is a gap too.
    /// - A delta, in mode D alone, changes the book and is an observation at its exchange time; without one it only
    ///   changes the book. Before any snapshot, and between a gap and the next one, deltas are passed over and
    ///   counted. A removal of a level that is not there is none; a size below 0 removes and is counted.
    /// - A refused snapshot leaves the book untouched in modes S and T. In mode D the book follows its stream, since
    ///   later deltas build upon it, while everything else stays as if the refused update had not come.
    /// - A trade or a liquidation without an exchange time counts, and moves no grid.
    /// - A new definition of the instrument gives its tick from then on. Where its scales differ, the book is
    ///   unknown, as after a gap.
    /// - A gap moves no grid, whatever its time. Tickers and statuses say nothing here.
    ///
    /// # Errors
    /// [`FeatureError::Level`] and [`FeatureError::TradePrice`] for input that must never happen,
    /// [`FeatureError::DeltaInMode`] for a delta in modes S and T, [`FeatureError::ClockWithoutTime`]. The event then
    /// counts as an event with its time and no more; the engine can go on.
    pub fn on_event(
        &mut self,
        event: &MarketEvent,
        out: &mut Vec<Sample>,
    ) -> Result<(), FeatureError> {
        debug_assert_eq!(
            event.instrument, self.instrument,
            "an event of another instrument"
        );
        match &event.body {
            EventBody::Delta(delta) => {
                self.on_delta(event.ts_exchange, event.ts_recv, delta, out)?;
            }
            EventBody::Trade(trade) => {
                self.advance_to(event.ts_exchange, out);
                self.on_trade(event.ts_exchange.unwrap_or(event.ts_recv), trade)?;
            }
            EventBody::Clock => match event.ts_exchange {
                Some(ts) => self.advance(ts.0, out),
                None => {
                    return Err(FeatureError::ClockWithoutTime {
                        venue: self.units.venue.clone(),
                        symbol: self.units.symbol.clone(),
                    });
                }
            },
            EventBody::Snapshot(snapshot) => match event.ts_exchange {
                Some(ts) => self.observe(ts, &snapshot.bids, &snapshot.asks, out)?,
                None => self.set_book(event.ts_recv, snapshot)?,
            },
            EventBody::Liquidation(liquidation) => {
                self.advance_to(event.ts_exchange, out);
                if self.accepted.is_some() && liquidation.qty.units() > 0 {
                    self.trades.liquidated += liquidation.qty.to_f64(self.units.qty_scale);
                }
            }
            EventBody::Gap(_) => self.gap(),
            EventBody::Instrument(instrument) => self.redefine(instrument),
            EventBody::Ticker(_) | EventBody::Status(_) => {}
        }
        Ok(())
    }

    /// Takes all of `events` and the end of their stream: the batch form of [`FeatureEngine::on_event`].
    ///
    /// # Errors
    /// Those of [`FeatureEngine::on_event`], at the first event that is refused with one.
    pub fn run<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a MarketEvent>,
    ) -> Result<Vec<Sample>, FeatureError> {
        let mut out = Vec::new();
        for event in events {
            self.on_event(event, &mut out)?;
        }
        self.finish(&mut out);
        Ok(out)
    }

    /// The stream ends: also the sample at the very time of the last event is final.
    pub fn finish(&mut self, out: &mut Vec<Sample>) {
        if let Some(last) = self.last_event {
            self.advance(last.saturating_add(1), out);
        }
    }

    /// The instrument's order book as its stream says it, at its full depth.
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// Whether there is an observation that samples may be made of: not before the first one, and not between a gap
    /// and the next one. How old it is, [`FeatureEngine::last_observation`] tells.
    pub fn book_usable(&self) -> bool {
        self.live
    }

    /// Exchange time of the last accepted observation.
    pub fn last_observation(&self) -> Option<UnixNanos> {
        self.accepted.map(|book| UnixNanos(book.ts))
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whose engine it is.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// The parameters of the series.
    pub fn config(&self) -> &FeatureConfig {
        &self.config
    }

    fn on_trade(&mut self, ts: UnixNanos, trade: &Trade) -> Result<(), FeatureError> {
        if trade.price.units() <= 0 {
            return Err(FeatureError::TradePrice {
                venue: self.units.venue.clone(),
                symbol: self.units.symbol.clone(),
                ts: ts.0,
                price: trade.price.decimal(self.units.price_scale),
            });
        }
        // Before the first observation there is nothing that a volume could be "since".
        let counts = self.config.mode().has_trades() && self.accepted.is_some();
        if counts && trade.qty.units() > 0 {
            let scale = self.units.qty_scale;
            self.trades
                .add(trade.aggressor, trade.price, trade.qty, scale);
        }
        Ok(())
    }

    /// The book is unknown until the next snapshot, and nothing is compared across.
    fn gap(&mut self) {
        self.counters.gaps += 1;
        self.synced = false;
        self.live = false;
        self.after_gap = true;
        self.bids.clear();
        self.asks.clear();
    }

    fn redefine(&mut self, instrument: &Instrument) {
        let units = Units::of(instrument);
        let same_scales =
            units.price_scale == self.units.price_scale && units.qty_scale == self.units.qty_scale;
        self.units = units;
        if !same_scales {
            self.gap();
            self.book.clear();
            // Volumes are kept in base units; by price they would be lessening levels of another scale.
            self.trades.at_ask.clear();
            self.trades.at_bid.clear();
        }
    }

    /// Nothing is known: the start, and after a silence beyond [`RESET_NS`].
    fn reset(&mut self) {
        self.accepted = None;
        self.live = false;
        self.after_gap = true;
        self.averages = Averages::default();
        self.flows = Flows::default();
        self.trades.clear();
        self.since_sample = SampleVolumes::default();
    }

    fn advance_to(&mut self, ts: Option<UnixNanos>, out: &mut Vec<Sample>) {
        if let Some(ts) = ts {
            self.advance(ts.0, out);
        }
    }

    /// Emits every grid time before `ts` that is not emitted yet; a quiet book stays valid for `max_quiet`.
    #[inline]
    fn advance(&mut self, ts: i64, out: &mut Vec<Sample>) {
        if self.last_event.is_none_or(|last| ts > last) {
            self.last_event = Some(ts);
        }
        if self.next_grid.is_some_and(|grid| grid < ts) {
            self.emit_before(ts, out);
        }
    }

    fn emit_before(&mut self, ts: i64, out: &mut Vec<Sample>) {
        while let Some(grid) = self.next_grid
            && grid < ts
        {
            let usable = self.accepted.filter(|book| {
                self.live && grid.saturating_sub(book.ts) <= self.config.max_quiet_ns()
            });
            let Some(book) = usable else {
                // Nothing until the next observation, which will not be before `ts`'s own grid time.
                self.next_grid = Some(self.grid_at_or_after(ts));
                return;
            };
            out.push(self.sample(UnixNanos(grid), &book));
            self.next_grid = Some(grid.saturating_add(self.config.interval_ns()));
        }
    }

    fn grid_at_or_after(&self, ts: i64) -> i64 {
        UnixNanos(ts).ceil_to(self.config.interval_ns()).0
    }
}
