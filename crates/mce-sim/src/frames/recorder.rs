//! Turns what happened in a market into the frames of Binance spot.

use crate::error::SimError;
use crate::market::{Happening, HappeningBody, Market};
use crate::matching::{Lots, Matching, Ticks};
use crate::rng::Noise;
use mce_market::{
    BookSnapshot, Instrument, Level, OrderBook, Price, Qty, Side, Ticker, Trade, UnixNanos,
};
use mce_venues::binance_spot::encode::{DepthUpdate, Encoder};
use std::collections::BTreeSet;
use std::time::Duration;

/// The venue gathers book changes for this long.
const UPDATE_NS: i64 = 100_000_000;
/// Updates are sent this long after each full 100 ms: no venue's clock strikes with ours.
const UPDATE_PHASE_NS: i64 = 8_000_000;
/// The most levels a side that the venue answers with.
const ANSWER_LEVELS: usize = 5000;
/// The recorder's noise: no account has this number.
const AGENT: u32 = u32::MAX;
/// With more units a tick or lot, the largest price or size of a market would not fit 64 bits.
const MOST_UNITS: i64 = i64::MAX / Matching::MOST;

/// What one recorder of one symbol knows of its market, and what it is sent.
#[derive(Clone, Debug)]
pub struct BinanceSpotRecorder {
    encoder: Encoder,
    tick: i64,
    lot: i64,
    /// The book as the frames so far, and those being gathered, say it is.
    book: OrderBook,
    /// Prices changed since the last update was sent, in units.
    changed: [BTreeSet<i64>; 2],
    /// The first and the last change since then.
    ids: Option<(u64, u64)>,
    update_id: u64,
    best: Option<(Level, Level)>,
    next_update: UnixNanos,
    noise: Noise,
    frames: u64,
    last_recv: UnixNanos,
    latency: Duration,
    jitter: Duration,
}

impl BinanceSpotRecorder {
    /// A recorder of `market`, connected now, that calls it `instrument`. The seed is for the delays of frames.
    ///
    /// # Errors
    /// [`SimError::Increment`] when a tick or lot is of so many units that prices could overflow,
    /// [`SimError::Venue`] when the venue cannot show such decimals.
    pub fn new(instrument: &Instrument, market: &Market, seed: u64) -> Result<Self, SimError> {
        let (tick, lot) = (instrument.tick().units(), instrument.lot().units());
        if tick > MOST_UNITS || lot > MOST_UNITS {
            return Err(SimError::Increment {
                symbol: instrument.symbol().to_string(),
                tick,
                lot,
            });
        }
        let now = market.now();
        let mut recorder = BinanceSpotRecorder {
            encoder: Encoder::new(instrument)?,
            tick,
            lot,
            book: OrderBook::new(),
            changed: [BTreeSet::new(), BTreeSet::new()],
            ids: None,
            update_id: market.update_id(),
            best: None,
            next_update: UnixNanos(now.0.saturating_sub(UPDATE_PHASE_NS)).ceil_to(UPDATE_NS),
            noise: Noise::new(seed),
            frames: 0,
            last_recv: now,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
        };
        recorder.next_update = UnixNanos(recorder.next_update.0.saturating_add(UPDATE_PHASE_NS));
        for side in [Side::Buy, Side::Sell] {
            for (price, lots) in market.book().levels(side) {
                recorder.set(side, price, lots);
            }
        }
        recorder.best = recorder.best_now();
        Ok(recorder)
    }

    /// Sets the least time that a frame is on its way, and the mean of the exponential time on top of it.
    pub fn set_delays(&mut self, latency: Duration, jitter: Duration) {
        (self.latency, self.jitter) = (latency, jitter);
    }

    /// The book that the frames tell of.
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// When the next book update is due.
    pub fn next_update(&self) -> UnixNanos {
        self.next_update
    }

    /// Sends what a happening shows at once: a trade, new best prices. False for what nobody is shown.
    pub fn show(&mut self, happening: &Happening, out: &mut Vec<(UnixNanos, Vec<u8>)>) -> bool {
        match happening.body {
            HappeningBody::Trade { number, fill } => {
                let trade = Trade {
                    id: number,
                    price: self.price(fill.price),
                    qty: self.qty(fill.lots),
                    aggressor: fill.aggressor,
                };
                let ms = millis(happening.ts);
                let (recv, mut line) = self.begin(happening.ts);
                let encoder = &self.encoder;
                encoder.combined("trade", &mut line, |data| {
                    encoder.trade(ms, ms, &trade, data)
                });
                out.push((recv, line));
            }
            HappeningBody::Level {
                update_id,
                side,
                price,
                lots,
            } => {
                let units = self.set(side, price, lots);
                self.changed[usize::from(side == Side::Sell)].insert(units);
                self.ids = Some((self.ids.map_or(update_id, |(first, _)| first), update_id));
                self.update_id = update_id;
                out.extend(self.ticker(happening.ts));
            }
            HappeningBody::UnwindBegan { .. } | HappeningBody::UnwindEnded { .. } => return false,
        }
        true
    }

    /// The best prices, if they are not what they were.
    fn ticker(&mut self, ts: UnixNanos) -> Option<(UnixNanos, Vec<u8>)> {
        let best = self.best_now();
        let changed = best != self.best;
        self.best = best;
        let (bid, ask) = best.filter(|_| changed)?;
        let ticker = Ticker {
            update_id: Some(self.update_id),
            bid,
            ask,
        };
        let (recv, mut line) = self.begin(ts);
        let encoder = &self.encoder;
        encoder.combined("bookTicker", &mut line, |data| {
            encoder.ticker(self.update_id, &ticker, data);
        });
        Some((recv, line))
    }

    /// Sends the book update that is due; nothing when nothing changed.
    pub fn update(&mut self) -> Option<(UnixNanos, Vec<u8>)> {
        let ts = self.next_update;
        self.next_update = UnixNanos(ts.0.saturating_add(UPDATE_NS));
        let (first, last) = self.ids.take()?;
        let level = |book: &OrderBook, side, units| {
            let price = Price::from_units(units);
            Level::new(price, book.qty_at(side, price))
        };
        let [bids, asks] = &mut self.changed;
        let bids = std::mem::take(bids);
        let bids = bids
            .iter()
            .rev()
            .map(|units| level(&self.book, Side::Buy, *units));
        let asks = std::mem::take(asks);
        let asks = asks
            .iter()
            .map(|units| level(&self.book, Side::Sell, *units));
        let (bids, asks) = (Vec::from_iter(bids), Vec::from_iter(asks));
        let update = DepthUpdate {
            event_ms: millis(ts),
            first_update_id: first,
            last_update_id: last,
            bids: &bids,
            asks: &asks,
        };
        let (recv, mut line) = self.begin(ts);
        let encoder = &self.encoder;
        encoder.combined("depth@100ms", &mut line, |data| {
            encoder.depth(&update, data)
        });
        Some((recv, line))
    }

    /// The whole book at `ts`, received after the way there and back, on a connection of its own.
    pub fn answer(&mut self, ts: UnixNanos) -> (UnixNanos, Vec<u8>) {
        let mut book = BookSnapshot::default();
        self.book.top_into(Side::Buy, ANSWER_LEVELS, &mut book.bids);
        self.book
            .top_into(Side::Sell, ANSWER_LEVELS, &mut book.asks);
        let delay = self.delay().saturating_add(self.latency);
        let recv = ts.saturating_add(delay).max(self.last_recv);
        let mut line = stamp(recv);
        self.encoder.rest_depth(self.update_id, &book, &mut line);
        (recv, line)
    }

    /// Begins a line of the socket, on which no frame overtakes another.
    fn begin(&mut self, sent: UnixNanos) -> (UnixNanos, Vec<u8>) {
        let recv = sent.saturating_add(self.delay()).max(self.last_recv);
        self.last_recv = recv;
        (recv, stamp(recv))
    }

    fn delay(&mut self) -> Duration {
        self.frames += 1;
        let jitter = self.noise.draws(AGENT, self.frames).exponential(1.0);
        self.latency.saturating_add(self.jitter.mul_f64(jitter))
    }

    fn set(&mut self, side: Side, price: Ticks, lots: Lots) -> i64 {
        let level = [Level::new(self.price(price), self.qty(lots))];
        let (bids, asks) = match side {
            Side::Buy => (&level[..], &[][..]),
            Side::Sell => (&[][..], &level[..]),
        };
        let applied = self.book.apply_levels(bids, asks);
        applied.expect("the matching engine keeps prices above 0 and sizes at or above 0");
        level[0].price.units()
    }

    fn best_now(&self) -> Option<(Level, Level)> {
        self.book.best_bid().zip(self.book.best_ask())
    }

    fn price(&self, price: Ticks) -> Price {
        Price::from_units(price.0 * self.tick)
    }

    fn qty(&self, lots: Lots) -> Qty {
        Qty::from_units(lots.0 * self.lot)
    }
}

fn millis(ts: UnixNanos) -> u64 {
    u64::try_from(ts.0 / 1_000_000).unwrap_or(0)
}

fn stamp(recv: UnixNanos) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    line.extend_from_slice(recv.0.to_string().as_bytes());
    line.push(b' ');
    line
}
