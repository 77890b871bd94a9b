//! The parameters of a market and the ones it has unless told otherwise.

use crate::error::{SimError, check};
use crate::makers::MakerConfig;
use crate::matching::{Lots, Ticks};
use crate::participants::{
    CrowdConfig, SizeConfig, SplitterConfig, TakerConfig, TrendConfig, ValueConfig,
};
use mce_market::UnixNanos;

/// Who is in a market and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketConfig {
    /// Everything random comes from it.
    pub seed: u64,
    /// The clock's first time.
    pub start: UnixNanos,
    /// Price around which the first book is laid.
    pub founding_price: Ticks,
    /// Spread of the first book, ticks.
    pub founding_spread: i64,
    /// Liquidity without a view.
    pub crowd: CrowdConfig,
    /// Market orders without a view.
    pub takers: TakerConfig,
    /// Those who know the value.
    pub value: ValueConfig,
    /// Large orders in small pieces.
    pub splitters: Vec<SplitterConfig>,
    /// Trend followers.
    pub trends: Vec<TrendConfig>,
    /// Market makers.
    pub makers: Vec<MakerConfig>,
}

impl MarketConfig {
    /// A liquid market with three makers, from `start` on.
    ///
    /// The structure is that of the papers named at each parameter; the rates and sizes are ours, chosen so that
    /// a tick of 1 bp gives spreads of 1 to 10 ticks, returns of about 2 bp in 5 s, hardly any correlation between them,
    /// and a few forced unwinds an hour. `examples/market_facts.rs` prints them.
    pub fn new(seed: u64, start: UnixNanos) -> Self {
        let size = |median, spread| SizeConfig {
            median,
            spread,
            most: Lots(20_000),
        };
        let splitter = SplitterConfig {
            pause_s: 150.0,
            least: 12.0,
            tail: 1.5,
            most: 200.0,
            children_per_s: 1.0,
            size: size(400.0, 0.8),
        };
        let trend = |half_life_s, full_at| TrendConfig {
            half_life_s,
            full_at,
            most: Lots(15_000),
            chunk: Lots(2_000),
            look_s: 2.0,
        };
        let maker = |quote, limit, tau_s, look_s| MakerConfig {
            quote: Lots(quote),
            levels: 3,
            step: 2,
            limit: Lots(limit),
            gamma: 0.01,
            tau_s,
            decay: 0.4,
            impact: 0.000_12,
            fair_half_life_s: 4.0,
            sigma_half_life_s: 60.0,
            variance: (0.5, 2.0),
            look_s,
            chunk: Lots(quote),
            chunk_s: 1.0,
            unwind_to: 0.2,
            cool_s: 15.0,
        };
        MarketConfig {
            seed,
            start,
            founding_price: Ticks(10_000),
            founding_spread: 3,
            crowd: CrowdConfig {
                orders_per_s: 12.0,
                tail: 0.6,
                offset: 3.0,
                reach: 1000,
                inside: 0.04,
                cancels_per_s: 0.3,
                cancel_half: 10.0,
                size: size(400.0, 1.0),
            },
            takers: TakerConfig {
                orders_per_s: 2.0,
                chase: 0.5,
                size: size(300.0, 1.2),
            },
            value: ValueConfig {
                sigma: 0.6,
                threshold: 2.0,
                lots_per_tick: 150.0,
                chunk: Lots(3_000),
                look_s: 1.0,
            },
            splitters: vec![splitter; 6],
            trends: vec![trend(30.0, 15.0), trend(90.0, 25.0)],
            makers: vec![
                maker(800, 6_000, 20.0, 0.25),
                maker(1000, 9_000, 30.0, 0.4),
                maker(1200, 13_500, 45.0, 0.6),
            ],
        }
    }

    pub(crate) fn check(&self) -> Result<(), SimError> {
        let price = self.founding_price.0 as f64;
        let spread = self.founding_spread as f64;
        let name = |what: &'static str| move || what.to_string();
        check(name("founding_price"), price, "2 to 1e9 ticks", |x| {
            (2.0..=1e9).contains(&x)
        })?;
        check(
            name("founding_spread"),
            spread,
            "1 tick to the price",
            |x| x >= 1.0 && x <= price,
        )?;
        self.crowd.check()?;
        self.takers.check()?;
        self.value.check()?;
        self.splitters.iter().try_for_each(SplitterConfig::check)?;
        self.trends.iter().try_for_each(TrendConfig::check)?;
        self.makers.iter().try_for_each(MakerConfig::check)?;
        let agents = 3 + self.splitters.len() + self.trends.len() + self.makers.len();
        check(
            name("number of agents"),
            agents as f64,
            "at most 60,000",
            |x| x <= 60_000.0,
        )
    }
}
