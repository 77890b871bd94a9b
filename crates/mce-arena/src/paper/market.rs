//! One instrument at the paper exchange: requests on their way, orders that rest, liquidity already taken.

use crate::error::ArenaError;
use crate::exchange::{Done, DoneReason, Rejection, Report};
use mce_market::{
    EventBody, FeeRate, Fill, Instrument, InstrumentId, Liquidity, MarketEvent, Money, Order,
    OrderBook, OrderId, OrderKind, Price, Qty, Side, TimeInForce, Trade, UnixNanos,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Something sent to the venue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    New(Order),
    Cancel(OrderId),
}

/// An order that rests in the book.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order: Order,
    price: Price,
    /// Units to be filled still; less than the order's rest when a reduce-only order was cut.
    left: i64,
    /// Units filled.
    filled: i64,
    /// Units of others to be filled before it; `None` while its price was not among the visible levels.
    ahead: Option<i64>,
}

/// Units that we took from each displayed level and that the recorded book still shows.
#[derive(Clone, Debug, Default)]
struct Taken {
    bids: BTreeMap<Price, i64>,
    asks: BTreeMap<Price, i64>,
}

impl Taken {
    fn side(&mut self, side: Side) -> &mut BTreeMap<Price, i64> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Forgets what was taken from levels that are gone.
    fn refresh(&mut self, book: &OrderBook) {
        for side in [Side::Buy, Side::Sell] {
            let taken = self.side(side);
            if !taken.is_empty() {
                taken.retain(|price, _| book.qty_at(side, *price) != Qty::ZERO);
            }
        }
    }

    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

#[derive(Clone, Debug)]
pub(super) struct PaperMarket {
    instrument: InstrumentId,
    spec: Arc<Instrument>,
    maker: FeeRate,
    taker: FeeRate,
    /// Latest exchange time seen.
    clock: Option<UnixNanos>,
    /// Whether the book is in step with its venue.
    known: bool,
    /// Signed units that our fills here add up to: what reduce-only orders may reduce.
    position: i64,
    /// By arrival, then in the order of sending.
    pending: VecDeque<(UnixNanos, Request)>,
    /// Best price first, then in the order of arrival.
    bids: Vec<Resting>,
    asks: Vec<Resting>,
    taken: Taken,
    pub(super) reports: Vec<Report>,
}

impl PaperMarket {
    pub(super) fn new(
        instrument: InstrumentId,
        spec: Arc<Instrument>,
        maker: FeeRate,
        taker: FeeRate,
    ) -> Self {
        PaperMarket {
            instrument,
            spec,
            maker,
            taker,
            clock: None,
            known: false,
            position: 0,
            pending: VecDeque::new(),
            bids: Vec::new(),
            asks: Vec::new(),
            taken: Taken::default(),
            reports: Vec::new(),
        }
    }

    pub(super) fn redefine(&mut self, spec: Arc<Instrument>) -> Result<(), ArenaError> {
        let same = spec.price_scale() == self.spec.price_scale()
            && spec.qty_scale() == self.spec.qty_scale();
        if !same {
            if self.position != 0 || self.orders_out() > 0 {
                return Err(ArenaError::ScaleChanged {
                    instrument: self.instrument,
                });
            }
            self.taken.clear();
        }
        self.spec = spec;
        Ok(())
    }

    pub(super) fn orders_out(&self) -> usize {
        self.bids.len() + self.asks.len() + self.pending.len()
    }

    pub(super) fn next_due(&self) -> Option<UnixNanos> {
        self.pending.front().map(|(arrival, _)| *arrival)
    }

    pub(super) fn send(&mut self, arrival: UnixNanos, request: Request) {
        let at = self.pending.partition_point(|(other, _)| *other <= arrival);
        self.pending.insert(at, (arrival, request));
    }

    /// What arrives before `before` meets `book`.
    pub(super) fn arrivals(
        &mut self,
        before: UnixNanos,
        book: &OrderBook,
    ) -> Result<(), ArenaError> {
        while let Some((arrival, request)) = self.pending.front().copied()
            && arrival < before
            && self.known
            && !book.is_crossed()
        {
            self.pending.pop_front();
            // Later than the arrival only where it had to wait for a book.
            let ts = self.clock.map_or(arrival, |clock| clock.max(arrival));
            match request {
                Request::New(order) => self.arrive(order, ts, book)?,
                Request::Cancel(order) => self.cancel(order, ts),
            }
        }
        Ok(())
    }

    /// An event happened, and `book` is the book after it.
    pub(super) fn observe(
        &mut self,
        event: &MarketEvent,
        book: &OrderBook,
    ) -> Result<(), ArenaError> {
        if let Some(ts) = event.ts_exchange {
            self.clock = Some(self.clock.map_or(ts, |clock| clock.max(ts)));
        }
        match &event.body {
            EventBody::Trade(trade) => self.on_trade(trade)?,
            EventBody::Delta(_) => self.on_book(book)?,
            EventBody::Snapshot(_) => {
                self.known = true;
                self.on_book(book)?;
            }
            EventBody::Gap(_) => {
                self.known = false;
                self.taken.clear();
            }
            EventBody::Instrument(_)
            | EventBody::Ticker(_)
            | EventBody::Liquidation(_)
            | EventBody::Status(_)
            | EventBody::Clock => {}
        }
        Ok(())
    }

    fn arrive(&mut self, order: Order, ts: UnixNanos, book: &OrderBook) -> Result<(), ArenaError> {
        let mut left = order.qty.units();
        if order.reduce_only {
            left = left.min(self.reducible(order.side));
            if left == 0 {
                self.done(&order, 0, ts, DoneReason::NothingToReduce);
                return Ok(());
            }
        }
        let allowed = left;
        let (limit, time_in_force) = match order.kind {
            OrderKind::Market => (None, TimeInForce::ImmediateOrCancel),
            OrderKind::Limit {
                price,
                time_in_force,
            } => (Some(price), time_in_force),
        };
        match time_in_force {
            TimeInForce::PostOnly => {
                if self.available(order.side, limit, 1, book) > 0 {
                    let why = DoneReason::Rejected(Rejection::WouldTake);
                    self.done(&order, 0, ts, why);
                    return Ok(());
                }
            }
            TimeInForce::FillOrKill => {
                if self.available(order.side, limit, left, book) >= left {
                    self.take(&order, limit, &mut left, ts, book)?;
                }
            }
            TimeInForce::ImmediateOrCancel | TimeInForce::GoodTillCancel => {
                self.take(&order, limit, &mut left, ts, book)?;
            }
        }
        let filled = allowed - left;
        match (limit, time_in_force) {
            (Some(price), TimeInForce::GoodTillCancel | TimeInForce::PostOnly) if left > 0 => {
                self.rest(order, price, (left, filled), ts, book);
            }
            _ if filled == order.qty.units() => self.done(&order, filled, ts, DoneReason::Filled),
            _ if left == 0 => self.done(&order, filled, ts, DoneReason::NothingToReduce),
            _ => self.done(&order, filled, ts, DoneReason::Expired),
        }
        Ok(())
    }

    fn rest(
        &mut self,
        order: Order,
        price: Price,
        (left, filled): (i64, i64),
        ts: UnixNanos,
        book: &OrderBook,
    ) {
        let resting = Resting {
            order,
            price,
            left,
            filled,
            ahead: visible_qty(book, order.side, price),
        };
        let list = self.resting(order.side);
        let at = list.partition_point(|other| better_by(order.side, other.price, price) >= 0);
        list.insert(at, resting);
        self.reports.push(Report::Resting {
            order: order.id,
            ts,
        });
    }

    fn cancel(&mut self, id: OrderId, ts: UnixNanos) {
        for side in [Side::Buy, Side::Sell] {
            let list = self.resting(side);
            if let Some(at) = list.iter().position(|resting| resting.order.id == id) {
                let resting = list.remove(at);
                self.done(&resting.order, resting.filled, ts, DoneReason::Cancelled);
                return;
            }
        }
        self.reports.push(Report::CancelRejected { order: id, ts });
    }

    /// Units that an order of `side` could take within `limit`, counted up to `enough`.
    fn available(
        &mut self,
        side: Side,
        limit: Option<Price>,
        enough: i64,
        book: &OrderBook,
    ) -> i64 {
        let against = side.opposite();
        let taken = self.taken.side(against);
        let mut sum = 0i64;
        for level in book.levels(against) {
            if sum >= enough || !within(side, limit, level.price) {
                break;
            }
            let used = taken.get(&level.price).copied().unwrap_or(0);
            sum = sum.saturating_add((level.qty.units() - used).max(0));
        }
        sum
    }

    /// Walks the levels within `limit`, a fill a level at its price.
    fn take(
        &mut self,
        order: &Order,
        limit: Option<Price>,
        left: &mut i64,
        ts: UnixNanos,
        book: &OrderBook,
    ) -> Result<(), ArenaError> {
        let against = order.side.opposite();
        for level in book.levels(against) {
            if *left == 0 || !within(order.side, limit, level.price) {
                break;
            }
            let used = self.taken.side(against).entry(level.price).or_insert(0);
            let qty = (level.qty.units() - *used).min(*left);
            if qty > 0 {
                *used += qty;
                *left -= qty;
                self.fill(order, level.price, qty, Liquidity::Taker, ts)?;
            }
        }
        Ok(())
    }

    fn on_trade(&mut self, trade: &Trade) -> Result<(), ArenaError> {
        // Who sells into the market meets bids.
        let side = trade.aggressor.opposite();
        if self.resting(side).is_empty() {
            return Ok(());
        }
        let mut volume = trade.qty.units();
        let mut at = 0;
        while at < self.resting(side).len() && volume > 0 {
            let resting = &mut self.resting(side)[at];
            let through = better_by(side, resting.price, trade.price);
            let reaches = match (through, &mut resting.ahead) {
                (..0, _) => break,
                (0, None) => 0,
                (0, Some(ahead)) => {
                    let queue = (*ahead).min(volume);
                    *ahead -= queue;
                    volume - queue
                }
                (_, _) => volume,
            };
            let (filled, over) = self.fill_resting(side, at, reaches)?;
            volume -= filled;
            if !over {
                at += 1;
            }
        }
        Ok(())
    }

    fn on_book(&mut self, book: &OrderBook) -> Result<(), ArenaError> {
        self.taken.refresh(book);
        for side in [Side::Buy, Side::Sell] {
            if self.resting(side).is_empty() {
                continue;
            }
            for resting in self.resting(side) {
                if let Some(shown) = visible_qty(book, side, resting.price) {
                    resting.ahead = Some(resting.ahead.map_or(shown, |ahead| ahead.min(shown)));
                }
            }
            if self.known && !book.is_crossed() {
                self.meet_quotes(side, book)?;
            }
        }
        Ok(())
    }

    /// Quotes of the other side at or through the price of a resting order meet it.
    fn meet_quotes(&mut self, side: Side, book: &OrderBook) -> Result<(), ArenaError> {
        let against = side.opposite();
        let mut at = 0;
        while let Some(resting) = self.resting(side).get(at) {
            let price = resting.price;
            let mut over = false;
            for level in book.levels(against) {
                if over || !within(side, Some(price), level.price) {
                    break;
                }
                let used = self.taken.side(against).get(&level.price).copied();
                let open = (level.qty.units() - used.unwrap_or(0)).max(0);
                let filled;
                (filled, over) = self.fill_resting(side, at, open)?;
                if filled > 0 {
                    *self.taken.side(against).entry(level.price).or_insert(0) += filled;
                }
            }
            if !over {
                let best = book.levels(against).next();
                if best.is_none_or(|level| !within(side, Some(price), level.price)) {
                    break; // the next orders have worse prices still
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// Fills up to `reaches` units of the resting order at index `at`; gives the units filled and whether the order is
    /// over, and then gone from the list.
    fn fill_resting(
        &mut self,
        side: Side,
        at: usize,
        reaches: i64,
    ) -> Result<(i64, bool), ArenaError> {
        let reducible = self.reducible(side);
        let ts = self.clock;
        let resting = &mut self.resting(side)[at];
        let order = resting.order;
        // A trade or a book comes with a time in every feed we know; without one, the order's own is the latest known.
        let ts = ts.unwrap_or(order.ts);
        let mut qty = reaches.min(resting.left);
        if order.reduce_only {
            qty = qty.min(reducible);
        }
        resting.left -= qty;
        resting.filled += qty;
        let Resting {
            price,
            left,
            filled,
            ..
        } = *resting;
        if qty > 0 {
            self.fill(&order, price, qty, Liquidity::Maker, ts)?;
        }
        let over = left == 0 || (order.reduce_only && self.reducible(side) == 0);
        if over {
            self.resting(side).remove(at);
            let reason = if filled == order.qty.units() {
                DoneReason::Filled
            } else {
                DoneReason::NothingToReduce
            };
            self.done(&order, filled, ts, reason);
        }
        Ok((qty, over))
    }

    fn fill(
        &mut self,
        order: &Order,
        price: Price,
        qty: i64,
        liquidity: Liquidity,
        ts: UnixNanos,
    ) -> Result<(), ArenaError> {
        let instrument = self.instrument;
        let size = Qty::from_units(qty);
        let spec = &self.spec;
        let notional = Money::notional(price, spec.price_scale(), size, spec.qty_scale())
            .map_err(|source| ArenaError::Inexact { instrument, source })?;
        let rate = match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        };
        let overflow = ArenaError::Overflow {
            instrument,
            what: "size of a position",
        };
        self.position = self
            .position
            .checked_add(qty * order.side.sign())
            .ok_or(overflow)?;
        self.reports.push(Report::Fill(Fill {
            order: order.id,
            instrument,
            side: order.side,
            price,
            qty: size,
            fee: notional.fee(rate),
            liquidity,
            ts,
        }));
        Ok(())
    }

    fn done(&mut self, order: &Order, filled: i64, ts: UnixNanos, reason: DoneReason) {
        self.reports.push(Report::Done(Done {
            order: order.id,
            ts,
            filled: Qty::from_units(filled),
            reason,
        }));
    }

    /// Units by which an order of `side` may make the position smaller.
    fn reducible(&self, side: Side) -> i64 {
        self.position.saturating_mul(-side.sign()).max(0)
    }

    fn resting(&mut self, side: Side) -> &mut Vec<Resting> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// Whether a taker of `side` with this limit may trade at `price`.
fn within(side: Side, limit: Option<Price>, price: Price) -> bool {
    limit.is_none_or(|limit| better_by(side, limit, price) >= 0)
}

/// By how many units an order of `side` at `price` is more eager than one at `other`.
fn better_by(side: Side, price: Price, other: Price) -> i64 {
    // Prices of books and approved orders are above 0, so the difference fits.
    (price.units() - other.units()) * side.sign()
}

/// Size shown at a price; `None` for a price beyond the visible levels of its side, of which nothing is known.
fn visible_qty(book: &OrderBook, side: Side, price: Price) -> Option<i64> {
    let shown = book.qty_at(side, price).units();
    let seen = shown > 0
        || book
            .levels(side)
            .any(|level| better_by(side, price, level.price) > 0);
    seen.then_some(shown)
}
