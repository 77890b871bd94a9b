use super::*;
use mce_market::{InstrumentKind, Liquidity, OrderId, Price, UnixNanos};
use proptest::prelude::*;

const ID: InstrumentId = InstrumentId(0);

/// Prices in cents, sizes in thousandths.
fn spec() -> Instrument {
    Instrument::new(
        "test",
        "X",
        InstrumentKind::Perpetual,
        (Scale::new(2).unwrap(), Price::from_units(1)),
        (Scale::new(3).unwrap(), Qty::from_units(1)),
    )
    .unwrap()
}

fn fill(instrument: InstrumentId, side: Side, price: i64, qty: i64, fee: i128) -> Fill {
    Fill {
        order: OrderId(1),
        instrument,
        side,
        price: Price::from_units(price),
        qty: Qty::from_units(qty),
        fee: Money::from_units(fee),
        liquidity: Liquidity::Taker,
        ts: UnixNanos(0),
    }
}

/// Fills as (side, price, size) with a fee of 1 unit each, then a mark; expected size, cost, realised, unrealised.
fn check(fills: &[(Side, i64, i64)], mark: i64, expected: (i64, &str, &str, &str)) {
    let mut book = Portfolio::new(Money::from_whole(1000));
    for (side, price, qty) in fills {
        book.apply(&fill(ID, *side, *price, *qty, 1), &spec())
            .unwrap();
    }
    let mid = MidPrice::from_price(Price::from_units(mark)).unwrap();
    book.mark(ID, mid, &spec()).unwrap();
    let position = book.position(ID).unwrap();
    let got = (
        position.qty().units(),
        position.cost().to_string(),
        position.realised().to_string(),
        position.unrealised().to_string(),
    );
    let (qty, cost, realised, unrealised) = expected;
    assert_eq!(
        got,
        (qty, cost.into(), realised.into(), unrealised.into()),
        "{fills:?}"
    );
    assert_eq!(book.fees(), Money::from_units(fills.len() as i128));
    assert_eq!(
        book.equity(),
        book.initial() + book.realised() + book.unrealised() - book.fees()
    );
}

#[test]
fn positions_are_kept_at_average_cost() {
    use Side::{Buy, Sell};
    check(&[(Buy, 1000, 2000)], 1100, (2000, "20", "0", "2"));
    check(
        &[(Buy, 1000, 2000), (Buy, 1300, 1000)],
        1100,
        (3000, "33", "0", "0"),
    );
    check(
        &[(Buy, 1000, 2000), (Sell, 1200, 500)],
        1000,
        (1500, "15", "1", "0"),
    );
    check(
        &[(Buy, 1000, 2000), (Sell, 1200, 2000)],
        999,
        (0, "0", "4", "0"),
    );
    check(&[(Sell, 1000, 2000)], 1100, (-2000, "-20", "0", "-2"));
    check(
        &[(Sell, 1000, 2000), (Buy, 900, 500)],
        1000,
        (-1500, "-15", "0.5", "0"),
    );
    // Through zero: 2 closed at a profit of 4, 1 opened the other way.
    check(
        &[(Buy, 1000, 2000), (Sell, 1200, 3000)],
        1100,
        (-1000, "-12", "4", "1"),
    );
    check(
        &[(Sell, 1000, 2000), (Buy, 1200, 3000)],
        1300,
        (1000, "12", "-4", "1"),
    );
}

#[test]
fn a_position_without_a_mark_is_valued_at_cost() {
    let mut book = Portfolio::new(Money::from_whole(100));
    book.apply(&fill(ID, Side::Buy, 1000, 1000, 0), &spec())
        .unwrap();
    assert_eq!(book.equity(), Money::from_whole(100));
    assert_eq!(book.position(ID).unwrap().entry_price(), Some(10.0));
    assert_eq!(
        (book.turnover(), book.executions()),
        (Money::from_whole(10), 1)
    );
}

#[test]
fn scales_may_change_only_while_flat() {
    let wide = Instrument::new(
        "test",
        "X",
        InstrumentKind::Perpetual,
        (Scale::new(3).unwrap(), Price::from_units(1)),
        (Scale::new(3).unwrap(), Qty::from_units(1)),
    )
    .unwrap();
    let mut book = Portfolio::new(Money::from_whole(100));
    book.apply(&fill(ID, Side::Buy, 1000, 1000, 0), &spec())
        .unwrap();
    let before = book.clone();
    let refused = book.apply(&fill(ID, Side::Sell, 11_000, 1000, 0), &wide);
    assert_eq!(refused, Err(ArenaError::ScaleChanged { instrument: ID }));
    assert_eq!(book, before);
    book.apply(&fill(ID, Side::Sell, 1100, 1000, 0), &spec())
        .unwrap();
    book.apply(&fill(ID, Side::Sell, 12_000, 1000, 0), &wide)
        .unwrap();
    assert_eq!(book.position(ID).unwrap().cost(), Money::from_whole(-12));
    assert_eq!(book.realised(), Money::from_whole(1));
}

#[test]
fn what_does_not_fit_is_not_booked() {
    let mut book = Portfolio::new(Money::from_whole(100));
    for bad in [
        fill(ID, Side::Buy, i64::MAX, i64::MAX, 0),
        fill(ID, Side::Buy, 10_000_000_000_000, 10_000_000_000_000, 0),
    ] {
        assert!(book.apply(&bad, &spec()).is_err());
        assert_eq!(book, Portfolio::new(Money::from_whole(100)));
    }
}

proptest! {
    #[test]
    fn cash_positions_and_fees_balance_to_the_unit(
        fills in prop::collection::vec(
            (0u32..3, any::<bool>(), 1i64..10_000_000_000, 1i64..10_000_000_000, -1_000_000i128..1_000_000_000_000),
            1..60,
        ),
        mark in 1i64..10_000_000_000,
    ) {
        let spec = spec();
        let mut book = Portfolio::new(Money::from_whole(1_000_000));
        let mut flows = Money::ZERO;
        let mut fees = Money::ZERO;
        let mut held = [0i64; 3];
        for (instrument, buy, price, qty, fee) in fills {
            let side = if buy { Side::Buy } else { Side::Sell };
            let fill = fill(InstrumentId(instrument), side, price, qty, fee);
            book.apply(&fill, &spec).unwrap();
            let notional = Money::notional(fill.price, spec.price_scale(), fill.qty, spec.qty_scale()).unwrap();
            flows += if buy { -notional } else { notional };
            fees += fill.fee;
            held[instrument as usize] += qty * side.sign();
            prop_assert!(book.balances());
            prop_assert_eq!(book.cash(), book.initial() + flows - fees);
            prop_assert_eq!(book.fees(), fees);
        }
        let mid = MidPrice::from_price(Price::from_units(mark)).unwrap();
        let mut worth = Money::ZERO;
        for (at, qty) in held.iter().enumerate() {
            let id = InstrumentId(at as u32);
            prop_assert_eq!(book.qty(id).units(), *qty);
            book.mark(id, mid, &spec).unwrap();
            worth += mid.value(Qty::from_units(*qty), &spec, id).unwrap();
            if *qty == 0 {
                prop_assert_eq!(book.position(id).map_or(Money::ZERO, Position::cost), Money::ZERO);
            }
        }
        prop_assert_eq!(book.equity(), book.cash() + worth);
        prop_assert_eq!(book.equity(), book.initial() + book.realised() + book.unrealised() - book.fees());
    }
}
