//! What is traded: an instrument's scales, increments and names, and the table that numbers instruments.

use crate::decimal::Scale;
use crate::price::{Price, Qty};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Number of an instrument in its [`Instruments`] table: what events carry instead of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub u32);

/// What kind of contract it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstrumentKind {
    /// Spot: base against quote.
    Spot,
    /// Perpetual future, margined in the quote currency.
    Perpetual,
    /// Dated future.
    Future,
}

impl fmt::Display for InstrumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InstrumentKind::Spot => "spot",
            InstrumentKind::Perpetual => "perpetual",
            InstrumentKind::Future => "future",
        })
    }
}

/// An instrument of one venue. Increments are positive and expressed in its own scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    venue: Arc<str>,
    symbol: Arc<str>,
    kind: InstrumentKind,
    price_scale: Scale,
    qty_scale: Scale,
    tick: Price,
    lot: Qty,
}

/// Why an instrument was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// Tick or lot is not positive.
    #[error("{venue} {symbol}: {what} must be above 0, got {units} units")]
    Increment {
        /// Venue name.
        venue: String,
        /// Symbol as the venue writes it.
        symbol: String,
        /// `tick` or `lot`.
        what: &'static str,
        /// The refused value in units.
        units: i64,
    },
    /// The venue or the symbol has no name, or one with control characters.
    #[error(
        "an instrument needs a venue and a symbol of printable characters, got {venue:?} and {symbol:?}"
    )]
    Name {
        /// Venue name.
        venue: String,
        /// Symbol.
        symbol: String,
    },
}

impl Instrument {
    /// An instrument of `venue` called `symbol` (as the venue writes it), with its price increment `tick` and size
    /// increment `lot` in units of the two scales.
    ///
    /// # Errors
    /// [`InstrumentError`] when an increment is not positive or a name is empty or unprintable.
    pub fn new(
        venue: &str,
        symbol: &str,
        kind: InstrumentKind,
        (price_scale, tick): (Scale, Price),
        (qty_scale, lot): (Scale, Qty),
    ) -> Result<Self, InstrumentError> {
        let printable = |name: &str| !name.is_empty() && !name.chars().any(char::is_control);
        if !printable(venue) || !printable(symbol) {
            return Err(InstrumentError::Name {
                venue: venue.into(),
                symbol: symbol.into(),
            });
        }
        for (what, units) in [("tick", tick.units()), ("lot", lot.units())] {
            if units <= 0 {
                return Err(InstrumentError::Increment {
                    venue: venue.into(),
                    symbol: symbol.into(),
                    what,
                    units,
                });
            }
        }
        Ok(Instrument {
            venue: venue.into(),
            symbol: symbol.into(),
            kind,
            price_scale,
            qty_scale,
            tick,
            lot,
        })
    }

    /// Venue name, for example `binance-spot`.
    pub fn venue(&self) -> &Arc<str> {
        &self.venue
    }

    /// Symbol as the venue writes it, for example `BTCUSDT`.
    pub fn symbol(&self) -> &Arc<str> {
        &self.symbol
    }

    /// Contract kind.
    pub fn kind(&self) -> InstrumentKind {
        self.kind
    }

    /// Scale of every price of this instrument.
    pub fn price_scale(&self) -> Scale {
        self.price_scale
    }

    /// Scale of every size of this instrument.
    pub fn qty_scale(&self) -> Scale {
        self.qty_scale
    }

    /// Price increment τ, above 0.
    pub fn tick(&self) -> Price {
        self.tick
    }

    /// Price increment as a float.
    pub fn tick_f64(&self) -> f64 {
        self.tick.to_f64(self.price_scale)
    }

    /// Size increment, above 0.
    pub fn lot(&self) -> Qty {
        self.lot
    }
}

/// The instruments of one run, numbered from 0 in the order they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    list: Vec<Arc<Instrument>>,
    by_name: HashMap<(Arc<str>, Arc<str>), InstrumentId>,
}

impl Instruments {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an instrument or replaces the one of the same venue and symbol (a changed tick or lot), keeping its id.
    pub fn upsert(&mut self, instrument: Arc<Instrument>) -> InstrumentId {
        let key = (instrument.venue.clone(), instrument.symbol.clone());
        if let Some(id) = self.by_name.get(&key) {
            self.list[id.0 as usize] = instrument;
            return *id;
        }
        let id = InstrumentId(
            u32::try_from(self.list.len()).expect("fewer than 2^32 instruments fit in memory"),
        );
        self.by_name.insert(key, id);
        self.list.push(instrument);
        id
    }

    /// The instrument of an id of this table.
    pub fn get(&self, id: InstrumentId) -> Option<&Arc<Instrument>> {
        self.list.get(id.0 as usize)
    }

    /// The id of a venue's symbol.
    pub fn find(&self, venue: &str, symbol: &str) -> Option<InstrumentId> {
        self.by_name.get(&(venue.into(), symbol.into())).copied()
    }

    /// All instruments in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Arc<Instrument>)> {
        self.list
            .iter()
            .enumerate()
            .map(|(at, instrument)| (InstrumentId(at as u32), instrument))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
