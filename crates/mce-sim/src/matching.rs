//! The matching engine: price-time priority over orders of whole ticks and lots.
//!
//! Every order keeps its place (L3 inside); what a venue shows is the sum at a price (L2 outside). An incoming order
//! takes the best opposite price first and the oldest order there first, at the resting order's price, and what is
//! left rests or goes. The book is never crossed. Who may send what, and what it does to accounts, is the market's.

use mce_market::Side;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// A price in whole price increments of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

/// A size in whole size increments of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lots(pub i64);

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ticks", self.0)
    }
}

impl fmt::Display for Lots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lots", self.0)
    }
}

/// Whose order it is: an account of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u16);

/// An order by its owner's own numbering. An owner never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId {
    /// The account.
    pub owner: Owner,
    /// The account's number for it.
    pub number: u64,
}

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Take what the price allows, then rest.
    Limit(Ticks),
    /// Rest, or be refused if any of it would take.
    PostOnly(Ticks),
    /// Take what there is at any price; the rest is cancelled.
    Market,
}

/// An order on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its name.
    pub id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Size, above 0.
    pub lots: Lots,
    /// Price terms; a price is above 0. Both are at most [`Matching::MOST`].
    pub terms: Terms,
}

/// Why an order was refused. The book is then unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Size or price not above 0, or beyond [`Matching::MOST`], which no price and no level may pass.
    #[error(
        "an order needs a size and a price above 0, and at most 2^36 lots at a price of at most 2^36 ticks"
    )]
    OutOfRange,
    /// An order of this name rests already.
    #[error("an order of this number rests already")]
    Duplicate,
    /// A post-only order that would have taken.
    #[error("a post-only order would have taken")]
    WouldTake,
}

/// One execution between a resting and an incoming order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order that rested.
    pub maker: OrderId,
    /// The order that came in.
    pub taker: OrderId,
    /// Side of the incoming order.
    pub aggressor: Side,
    /// The resting order's price.
    pub price: Ticks,
    /// Executed size, above 0.
    pub lots: Lots,
}

/// What became of an order that was accepted; the three add up to its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Executed at once.
    pub filled: Lots,
    /// Resting in the book.
    pub rested: Lots,
    /// Cancelled for want of liquidity.
    pub cancelled: Lots,
}

/// What commands did to the book, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Executions.
    pub fills: Vec<Fill>,
    /// Prices whose size changed; a price may come more than once.
    pub touched: Vec<(Side, Ticks)>,
}

impl Report {
    /// Forgets what is in it and keeps its memory.
    pub fn clear(&mut self) {
        self.fills.clear();
        self.touched.clear();
    }
}

/// A limit order book and the rule by which orders meet in it.
///
/// ```
/// use mce_market::Side;
/// use mce_sim::matching::Report;
/// use mce_sim::{Lots, Matching, NewOrder, OrderId, Owner, Terms, Ticks};
/// let order = |number, side, lots, terms| NewOrder {
///     id: OrderId { owner: Owner(0), number },
///     side,
///     lots: Lots(lots),
///     terms,
/// };
/// let (mut book, mut report) = (Matching::new(), Report::default());
/// book.submit(order(1, Side::Buy, 5, Terms::Limit(Ticks(99))), &mut report)?;
/// book.submit(order(2, Side::Sell, 3, Terms::Market), &mut report)?;
/// assert_eq!(report.fills[0].lots, Lots(3));
/// assert_eq!(book.best(Side::Buy), Some((Ticks(99), Lots(2))));
/// # Ok::<(), mce_sim::matching::Refused>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// Levels by rank, so that the first is the best of its side.
    bids: BTreeMap<i64, Queue>,
    asks: BTreeMap<i64, Queue>,
    /// Never iterated: its order is not ours to know.
    places: HashMap<OrderId, usize>,
    resting: Vec<Resting>,
    free: Vec<usize>,
}

/// Orders at one price, oldest first.
#[derive(Clone, Debug)]
struct Queue {
    total: i64,
    oldest: usize,
    newest: usize,
}

#[derive(Clone, Debug)]
struct Resting {
    id: OrderId,
    side: Side,
    price: i64,
    lots: i64,
    older: Option<usize>,
    newer: Option<usize>,
}

/// Lower is better: the price for asks, its negative for bids.
fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Matching {
    /// The highest price in ticks and the largest size of a level in lots. Both leave room for 27 bits of units a
    /// tick and a lot in 64.
    pub const MOST: i64 = 1 << 36;

    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Best price of a side and the size there.
    pub fn best(&self, side: Side) -> Option<(Ticks, Lots)> {
        self.levels(side).next()
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (Ticks, Lots)> + '_ {
        let level = move |(rank_of, queue): (&i64, &Queue)| {
            let price = match side {
                Side::Buy => -rank_of,
                Side::Sell => *rank_of,
            };
            (Ticks(price), Lots(queue.total))
        };
        self.side(side).iter().map(level)
    }

    /// Size resting at a price.
    pub fn lots_at(&self, side: Side, price: Ticks) -> Lots {
        let queue = self.side(side).get(&rank(side, price.0));
        Lots(queue.map_or(0, |queue| queue.total))
    }

    /// Side, price and what is left of a resting order; `None` when it does not rest (any more).
    pub fn order(&self, id: OrderId) -> Option<(Side, Ticks, Lots)> {
        let resting = &self.resting[*self.places.get(&id)?];
        Some((resting.side, Ticks(resting.price), Lots(resting.lots)))
    }

    /// Number of resting orders.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing rests.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes an order in. What it did is appended to `report`.
    ///
    /// # Errors
    /// [`Refused`]; then nothing was done.
    pub fn submit(&mut self, order: NewOrder, report: &mut Report) -> Result<Outcome, Refused> {
        let (limit, may_take) = match order.terms {
            Terms::Limit(price) => (Some(price), true),
            Terms::PostOnly(price) => (Some(price), false),
            Terms::Market => (None, true),
        };
        let resting = limit.map_or(0, |price| self.lots_at(order.side, price).0);
        let in_range = |value: i64| (1..=Self::MOST).contains(&value);
        if !in_range(order.lots.0)
            || !limit.is_none_or(|price| in_range(price.0))
            || resting > Self::MOST - order.lots.0
        {
            return Err(Refused::OutOfRange);
        }
        if self.places.contains_key(&order.id) {
            return Err(Refused::Duplicate);
        }
        // The worst rank of the other side that the order may still meet.
        let other = order.side.opposite();
        let reach = limit.map_or(i64::MAX, |price| rank(other, price.0));
        if !may_take
            && self
                .side(other)
                .first_key_value()
                .is_some_and(|(r, _)| *r <= reach)
        {
            return Err(Refused::WouldTake);
        }
        let left = self.take(order, reach, report);
        let mut outcome = Outcome {
            filled: Lots(order.lots.0 - left),
            ..Outcome::default()
        };
        match limit {
            Some(price) if left > 0 => {
                self.rest(order, price.0, left);
                report.touched.push((order.side, price));
                outcome.rested = Lots(left);
            }
            _ => outcome.cancelled = Lots(left),
        }
        Ok(outcome)
    }

    /// Removes a resting order and tells what was left of it; `None` when it does not rest (any more).
    pub fn cancel(&mut self, id: OrderId, report: &mut Report) -> Option<Lots> {
        let at = *self.places.get(&id)?;
        let (side, price, lots) = {
            let resting = &self.resting[at];
            (resting.side, resting.price, resting.lots)
        };
        self.reduce(at, lots);
        report.touched.push((side, Ticks(price)));
        Some(Lots(lots))
    }

    /// Executes against the other side up to rank `reach`; what is left of the order.
    fn take(&mut self, order: NewOrder, reach: i64, report: &mut Report) -> i64 {
        let other = order.side.opposite();
        let mut left = order.lots.0;
        while left > 0 {
            let Some((rank_of, queue)) = self.side(other).first_key_value() else {
                break;
            };
            if *rank_of > reach {
                break;
            }
            let at = queue.oldest;
            let resting = &self.resting[at];
            let (maker, price) = (resting.id, Ticks(resting.price));
            let lots = resting.lots.min(left);
            left -= lots;
            self.reduce(at, lots);
            report.fills.push(Fill {
                maker,
                taker: order.id,
                aggressor: order.side,
                price,
                lots: Lots(lots),
            });
            if report.touched.last() != Some(&(other, price)) {
                report.touched.push((other, price));
            }
        }
        left
    }

    fn rest(&mut self, order: NewOrder, price: i64, lots: i64) {
        let resting = Resting {
            id: order.id,
            side: order.side,
            price,
            lots,
            older: None,
            newer: None,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.resting[at] = resting;
                at
            }
            None => {
                self.resting.push(resting);
                self.resting.len() - 1
            }
        };
        self.places.insert(order.id, at);
        let queue = self.side_mut(order.side).entry(rank(order.side, price));
        let mut behind = None;
        queue
            .and_modify(|queue| {
                behind = Some(queue.newest);
                queue.newest = at;
                queue.total += lots;
            })
            .or_insert(Queue {
                total: lots,
                oldest: at,
                newest: at,
            });
        if let Some(older) = behind {
            self.resting[older].newer = Some(at);
            self.resting[at].older = Some(older);
        }
    }

    /// Takes `lots` from a resting order, and the order and its level out of the book when nothing is left.
    fn reduce(&mut self, at: usize, lots: i64) {
        self.resting[at].lots -= lots;
        let resting = self.resting[at].clone();
        let key = rank(resting.side, resting.price);
        let gone = resting.lots == 0;
        let levels = self.side_mut(resting.side);
        let queue = levels
            .get_mut(&key)
            .expect("a resting order stands in the queue of its price");
        queue.total -= lots;
        if !gone {
            return;
        }
        match (resting.older, resting.newer) {
            (None, None) => drop(levels.remove(&key)),
            (None, Some(newer)) => queue.oldest = newer,
            (Some(older), None) => queue.newest = older,
            (Some(_), Some(_)) => {}
        }
        if let Some(older) = resting.older {
            self.resting[older].newer = resting.newer;
        }
        if let Some(newer) = resting.newer {
            self.resting[newer].older = resting.older;
        }
        self.places.remove(&resting.id);
        self.free.push(at);
    }

    fn side(&self, side: Side) -> &BTreeMap<i64, Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests;
