//! Trades, best bid and ask, liquidations: what is told beside the book.

use super::Books;
use crate::binance::message::{BookTicker, ForceOrder, TradeMsg};
use crate::binance::sequence::EventOrder;
use crate::error::VenueError;
use crate::message::DecimalLevel;
use crate::stream::{Context, FrameKind};
use mce_market::{EventBody, Liquidation, Side, Ticker, Trade};

impl<O: EventOrder> Books<O> {
    pub(super) fn trade(
        &mut self,
        context: &mut Context<'_>,
        trade: &TradeMsg<'_>,
    ) -> Result<FrameKind, VenueError> {
        let Some(at) = self.enter(context, &trade.symbol)? else {
            return Ok(FrameKind::OtherSymbol);
        };
        let ts = context.symbols.time(&trade.symbol, trade.event_ms)?;
        let recv = context.symbols.received(context.recv, Some(ts));
        let slot = context.symbols.slot(at);
        if !trade.is_market() {
            slot.counters.trades_not_market += 1;
            return Ok(FrameKind::TradeNotMarket);
        }
        if *self.book(at).trades.get_or_insert(trade.kind) != trade.kind {
            slot.counters.trades_doubled += 1;
            return Ok(FrameKind::TradeDoubled);
        }
        let level = DecimalLevel {
            price: trade.price,
            qty: trade.qty,
        };
        let level = (slot.scales.filled_level(level))
            .map_err(|bad| context.symbols.bad_number(at, Some(ts), bad))?;
        let aggressor = trade.aggressor();
        let slot = context.symbols.slot(at);
        match aggressor {
            Side::Buy => slot.counters.trades_buy += 1,
            Side::Sell => slot.counters.trades_sell += 1,
        }
        let body = EventBody::Trade(Trade {
            id: trade.id,
            price: level.price,
            qty: level.qty,
            aggressor,
        });
        (context.emitter).emit(context.out, slot.id, Some(ts), recv, body);
        Ok(FrameKind::Trade)
    }

    pub(super) fn ticker(
        &mut self,
        context: &mut Context<'_>,
        ticker: &BookTicker<'_>,
    ) -> Result<FrameKind, VenueError> {
        let Some(at) = self.enter(context, &ticker.symbol)? else {
            return Ok(FrameKind::OtherSymbol);
        };
        let ts = match ticker.event_ms {
            Some(ms) => Some(context.symbols.time(&ticker.symbol, ms)?),
            None => None,
        };
        let recv = context.symbols.received(context.recv, ts);
        let slot = context.symbols.slot(at);
        if ticker.bid.price.mantissa() == 0 || ticker.ask.price.mantissa() == 0 {
            // A side without orders has price 0: there is no best bid and ask to tell.
            slot.counters.unused += 1;
            return Ok(FrameKind::Unused);
        }
        let scales = slot.scales;
        let side = |level| {
            scales
                .level(level)
                .map_err(|bad| context.symbols.bad_number(at, ts, bad))
        };
        let (bid, ask) = (side(ticker.bid)?, side(ticker.ask)?);
        let slot = context.symbols.slot(at);
        slot.counters.tickers += 1;
        let body = EventBody::Ticker(Ticker {
            update_id: Some(ticker.update_id),
            bid,
            ask,
        });
        (context.emitter).emit(context.out, slot.id, ts, recv, body);
        Ok(FrameKind::Ticker)
    }

    pub(super) fn liquidation(
        &mut self,
        context: &mut Context<'_>,
        order: &ForceOrder<'_>,
    ) -> Result<FrameKind, VenueError> {
        let Some(at) = self.enter(context, &order.symbol)? else {
            return Ok(FrameKind::OtherSymbol);
        };
        let ts = context.symbols.time(&order.symbol, order.event_ms)?;
        let recv = context.symbols.received(context.recv, Some(ts));
        let slot = context.symbols.slot(at);
        if order.filled.mantissa() == 0 {
            slot.counters.unused += 1;
            return Ok(FrameKind::Unused);
        }
        let scales = slot.scales;
        let filled = DecimalLevel {
            price: order.average_price,
            qty: order.filled,
        };
        let (price, qty) = scales
            .average_price(order.average_price)
            .and_then(|price| Ok((price, scales.filled_qty(filled)?)))
            .map_err(|bad| context.symbols.bad_number(at, Some(ts), bad))?;
        let slot = context.symbols.slot(at);
        slot.counters.liquidations += 1;
        let body = EventBody::Liquidation(Liquidation {
            side: order.side,
            price,
            qty,
        });
        (context.emitter).emit(context.out, slot.id, Some(ts), recv, body);
        Ok(FrameKind::Liquidation)
    }
}
