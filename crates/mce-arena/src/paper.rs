//! An exchange on paper: orders meet the recorded book after a stated latency.
//!
//! # Time
//! Everything is in exchange time. An order decided at `ts` arrives at `ts` + latency, and meets the book as it is
//! after the last event whose exchange time is at or before its arrival: never a later one, never an earlier one.
//! For that the caller frames every event of an instrument with two calls:
//!
//! ```text
//! exchange.advance(instrument, event.ts_exchange, &book)   // what arrived before the event meets the book before it
//! book.apply(event)
//! exchange.observe(&event, &book)                          // resting orders meet the event
//! ```
//!
//! The stated latency is one way and all in all: market data to us, deciding, and the order to the venue. An order's
//! `ts` must be the exchange time of the newest event seen when it was decided, not the (earlier) grid time of a sample.
//! While the book is unknown (before the first snapshot, after a gap) or crossed, what arrives waits and meets the
//! first book that is known again, at that book's time.
//!
//! # Taking
//! A taker walks the levels from the best, a fill a level at that level's price, up to the displayed size less what
//! we took there before. What we took stays taken until the book shows no level at that price: the recorded market
//! never knew of us, so a level that merely shrinks or grows still holds what we already had.
//!
//! # Resting
//! A limit order that rests joins its level behind all that is displayed there. The queue ahead of it shrinks with
//! trades at its price, and is never longer than what the level shows; sizes cancelled at its level are taken to have
//! been behind it (the risk-averse model of hftbacktest). It is filled, at its own price, as maker,
//! - by a trade at its price, with what the trade leaves after the queue ahead,
//! - by a trade through its price, up to the trade's size,
//! - by a quote of the other side that the recorded book shows at or through its price, up to the quote's size: that
//!   order would have met ours. Without this, a market that moves through us by quotes alone would never hit us.
//!
//! A price beyond the visible levels has an unknown queue: the order is filled there only once it was seen.
//!
//! What is not modelled: our orders change nobody's behaviour; the venue's own limits, outages and self-trade rules.

mod market;

use crate::error::{ArenaError, Checks};
use crate::exchange::{Cancel, Done, DoneReason, Exchange, Full, Rejection, Report};
use crate::risk::Approved;
use market::{PaperMarket, Request};
use mce_market::{
    EventBody, FeeRate, Instrument, InstrumentId, MarketEvent, Order, OrderBook, Qty, UnixNanos,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a paper exchange is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperConfig {
    /// From the newest event seen to the order's arrival at the venue, at most a minute. Cancels take as long.
    pub latency: Duration,
    /// Fee on what rested.
    pub maker: FeeRate,
    /// Fee on what took.
    pub taker: FeeRate,
    /// How many orders may be out at once, on their way or resting; a further one is refused. Above 0.
    pub orders_max: usize,
}

impl Default for PaperConfig {
    /// 100 ms, no fees, 1024 orders.
    fn default() -> Self {
        PaperConfig {
            latency: Duration::from_millis(100),
            maker: FeeRate::ZERO,
            taker: FeeRate::ZERO,
            orders_max: 1024,
        }
    }
}

/// Fills approved orders against recorded books. See the module's head for how.
#[derive(Clone, Debug)]
pub struct PaperExchange {
    config: PaperConfig,
    markets: BTreeMap<InstrumentId, PaperMarket>,
    reports: Vec<Report>,
}

impl PaperExchange {
    /// An exchange that lists nothing yet.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: PaperConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        checks.require(
            "latency",
            config.latency <= Duration::from_secs(60),
            "at most 60 s",
            format_args!("{:?}", config.latency),
        );
        checks.require(
            "orders_max",
            config.orders_max > 0,
            "above 0",
            config.orders_max,
        );
        checks.finish()?;
        Ok(PaperExchange {
            config,
            markets: BTreeMap::new(),
            reports: Vec::new(),
        })
    }

    /// Lists an instrument, or takes its new tick and lot. [`PaperExchange::observe`] does it for
    /// [`EventBody::Instrument`] by itself.
    ///
    /// # Errors
    /// [`ArenaError::Scales`] when price × size need more decimals than money has, [`ArenaError::ScaleChanged`] when
    /// the scales are not those of a position or an order that is out.
    pub fn list(
        &mut self,
        instrument: InstrumentId,
        spec: &Arc<Instrument>,
    ) -> Result<(), ArenaError> {
        let (price, qty) = (spec.price_scale().decimals(), spec.qty_scale().decimals());
        if price + qty > 18 {
            return Err(ArenaError::Scales {
                instrument,
                price_decimals: price,
                qty_decimals: qty,
            });
        }
        match self.markets.get_mut(&instrument) {
            Some(market) => market.redefine(spec.clone()),
            None => {
                let market = PaperMarket::new(
                    instrument,
                    spec.clone(),
                    self.config.maker,
                    self.config.taker,
                );
                self.markets.insert(instrument, market);
                Ok(())
            }
        }
    }

    /// It is about to be `before` at the venue: everything that arrives at the instrument earlier meets `book`, the book
    /// as it is before the event of that time. An event without an exchange time moves no time: do not call it then.
    ///
    /// # Errors
    /// [`ArenaError::NotListed`]; [`ArenaError::Inexact`] or [`ArenaError::Overflow`] when a fill does not fit money.
    pub fn advance(
        &mut self,
        instrument: InstrumentId,
        before: UnixNanos,
        book: &OrderBook,
    ) -> Result<(), ArenaError> {
        self.market(instrument)?.arrivals(before, book)?;
        self.collect(instrument);
        Ok(())
    }

    /// An event of the instrument was applied, and `book` is the book after it.
    ///
    /// # Errors
    /// As [`PaperExchange::advance`], and as [`PaperExchange::list`] for an instrument event.
    pub fn observe(&mut self, event: &MarketEvent, book: &OrderBook) -> Result<(), ArenaError> {
        if let EventBody::Instrument(spec) = &event.body {
            return self.list(event.instrument, spec);
        }
        self.market(event.instrument)?.observe(event, book)?;
        self.collect(event.instrument);
        Ok(())
    }

    /// The earliest arrival that has not met a book yet, over all instruments: with it a caller of many instruments
    /// advances a quiet one too, once the time of any other has gone past it.
    pub fn next_due(&self) -> Option<(UnixNanos, InstrumentId)> {
        self.markets
            .iter()
            .filter_map(|(id, market)| Some((market.next_due()?, *id)))
            .min()
    }

    /// Orders on their way or resting.
    pub fn orders_out(&self) -> usize {
        self.markets.values().map(PaperMarket::orders_out).sum()
    }

    fn market(&mut self, instrument: InstrumentId) -> Result<&mut PaperMarket, ArenaError> {
        self.markets
            .get_mut(&instrument)
            .ok_or(ArenaError::NotListed { instrument })
    }

    fn collect(&mut self, instrument: InstrumentId) {
        if let Some(market) = self.markets.get_mut(&instrument) {
            self.reports.append(&mut market.reports);
        }
    }

    fn arrival(&self, ts: UnixNanos) -> UnixNanos {
        ts.saturating_add(self.config.latency)
    }
}

impl Exchange for PaperExchange {
    fn submit(&mut self, order: Approved<Order>) -> Result<(), Full> {
        let order = order.into_inner();
        if self.orders_out() >= self.config.orders_max {
            return Err(Full {
                order: order.id,
                capacity: self.config.orders_max,
                ts: order.ts,
            });
        }
        let arrival = self.arrival(order.ts);
        match self.markets.get_mut(&order.instrument) {
            Some(market) => market.send(arrival, Request::New(order)),
            None => self.reports.push(Report::Done(Done {
                order: order.id,
                ts: arrival,
                filled: Qty::ZERO,
                reason: DoneReason::Rejected(Rejection::UnknownInstrument),
            })),
        }
        Ok(())
    }

    fn cancel(&mut self, cancel: Cancel) {
        let arrival = self.arrival(cancel.ts);
        match self.markets.get_mut(&cancel.instrument) {
            Some(market) => market.send(arrival, Request::Cancel(cancel.order)),
            None => self.reports.push(Report::CancelRejected {
                order: cancel.order,
                ts: arrival,
            }),
        }
    }

    fn drain(&mut self, out: &mut Vec<Report>) {
        out.append(&mut self.reports);
    }
}

#[cfg(test)]
mod tests;
