//! The serde structs of Binance frames: field names and types, and nothing about what they mean.

use crate::message::DecimalLevel;
use mce_market::{Decimal, Side};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The outermost level of a JSON text.
pub(super) enum Fields<'a> {
    Object(ObjectFields<'a>),
    Array,
}

/// The fields of an object in their order, values as text.
pub(super) struct ObjectFields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> ObjectFields<'a> {
    /// Whether there are no fields but these.
    pub(super) fn only(&self, names: &[&str]) -> bool {
        self.0
            .iter()
            .all(|(field, _)| names.contains(&field.as_ref()))
    }

    /// The JSON text of a field.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        Some(value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                /// No frame has more fields; the rest of a longer object is read and forgotten.
                const MOST: usize = 64;
                let mut fields = Vec::with_capacity(16);
                while let Some(Text(name)) = map.next_key()? {
                    if fields.len() < MOST {
                        fields.push((name, map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Fields::Object(ObjectFields(fields)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Fields::Array)
            }
        }
        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// A string, borrowed where it has no escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A decimal in a string: the only way in which Binance writes prices and sizes.
pub(super) struct Number(pub(super) Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number in a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                Decimal::parse(text.as_bytes())
                    .map(Number)
                    .map_err(E::custom)
            }
        }
        deserializer.deserialize_str(NumberVisitor)
    }
}

/// `[["price","size"],…]`.
pub(super) struct Levels(pub(super) Vec<DecimalLevel>);

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LevelsVisitor;
        impl<'de> Visitor<'de> for LevelsVisitor {
            type Value = Levels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of [price, size]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Levels, A::Error> {
                let mut levels = Vec::new();
                while let Some((Number(price), Number(qty))) = seq.next_element()? {
                    levels.push(DecimalLevel { price, qty });
                }
                Ok(Levels(levels))
            }
        }
        deserializer.deserialize_seq(LevelsVisitor)
    }
}

#[derive(Deserialize)]
pub(super) struct WireDepth<'a> {
    #[serde(rename = "E")]
    pub(super) event: u64,
    #[serde(rename = "T")]
    pub(super) transaction: Option<u64>,
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    #[serde(rename = "U")]
    pub(super) first: u64,
    #[serde(rename = "u")]
    pub(super) last: u64,
    pub(super) pu: Option<u64>,
    pub(super) st: Option<u64>,
    pub(super) b: Levels,
    pub(super) a: Levels,
}

#[derive(Deserialize)]
pub(super) struct WireTrade<'a> {
    #[serde(rename = "E")]
    pub(super) event: u64,
    #[serde(rename = "T")]
    pub(super) time: u64,
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    /// Trade id of `trade`; something else elsewhere.
    #[serde(borrow)]
    pub(super) t: Option<&'a RawValue>,
    /// Trade id of `aggTrade`; the seller's order on spot.
    #[serde(borrow)]
    pub(super) a: Option<&'a RawValue>,
    pub(super) p: Number,
    pub(super) q: Number,
    pub(super) m: bool,
    #[serde(borrow, rename = "X")]
    pub(super) x: Option<Text<'a>>,
    #[serde(rename = "M")]
    pub(super) flag: Option<bool>,
    pub(super) st: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireTicker<'a> {
    #[serde(rename = "E")]
    pub(super) event: Option<u64>,
    #[serde(rename = "T")]
    pub(super) transaction: Option<u64>,
    pub(super) u: u64,
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    #[serde(rename = "b")]
    pub(super) bid: Number,
    #[serde(rename = "B")]
    pub(super) bid_qty: Number,
    #[serde(rename = "a")]
    pub(super) ask: Number,
    #[serde(rename = "A")]
    pub(super) ask_qty: Number,
    pub(super) st: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireForceOrder<'a> {
    #[serde(rename = "E")]
    pub(super) event: u64,
    #[serde(borrow)]
    pub(super) o: WireOrder<'a>,
    pub(super) st: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireOrder<'a> {
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    #[serde(rename = "S")]
    pub(super) side: WireSide,
    pub(super) ap: Number,
    pub(super) z: Number,
    #[serde(rename = "T")]
    pub(super) time: u64,
}

pub(super) struct WireSide(Side);

impl From<WireSide> for Side {
    fn from(side: WireSide) -> Side {
        side.0
    }
}

impl<'de> Deserialize<'de> for WireSide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer)?.0.as_ref() {
            "BUY" => Ok(WireSide(Side::Buy)),
            "SELL" => Ok(WireSide(Side::Sell)),
            other => Err(D::Error::custom(format_args!(
                "expected a side of BUY or SELL, got {other:?}"
            ))),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireRestDepth<'a> {
    #[serde(rename = "lastUpdateId")]
    pub(super) last_update_id: u64,
    #[serde(rename = "E")]
    pub(super) event: Option<u64>,
    #[serde(rename = "T")]
    pub(super) transaction: Option<u64>,
    #[serde(borrow)]
    pub(super) symbol: Option<Text<'a>>,
    pub(super) bids: Levels,
    pub(super) asks: Levels,
}

#[derive(Deserialize)]
pub(super) struct WireShutdown {
    #[serde(rename = "E")]
    pub(super) event: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireError<'a> {
    pub(super) code: i64,
    #[serde(borrow)]
    pub(super) msg: Text<'a>,
}
