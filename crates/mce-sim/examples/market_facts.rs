//! Prints what a simulated market is like: `cargo run --release -p mce-sim --example market_facts -- [HOURS] [SEED]`.

use mce_market::{Side, UnixNanos};
use mce_sim::{HappeningBody, Lots, Market, MarketConfig};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let hours: i64 = args.next().map_or(Ok(1), |text| text.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |text| text.parse())?;
    let step = 5 * UnixNanos::PER_SECOND;
    let start = UnixNanos(1_700_000_000_000_000_000);
    let mut market = Market::new(MarketConfig::new(seed, start))?;
    let began = Instant::now();
    let mut facts = Facts::default();
    let mut happenings = Vec::new();
    for at in 1..=hours * 720 {
        market.run_until(UnixNanos(start.0 + at * step), &mut happenings);
        facts.sample(&market);
        happenings
            .drain(..)
            .for_each(|happening| facts.count(happening.body));
    }
    let seconds = hours as f64 * 3600.0;
    facts.print(seconds);
    println!("refused orders          {}", market.refused());
    println!(
        "times real time         {:.0}",
        seconds / began.elapsed().as_secs_f64()
    );
    Ok(())
}

#[derive(Default)]
struct Facts {
    mids: Vec<f64>,
    spreads: Vec<f64>,
    /// Sizes at the best, levels and sizes within ten ticks of the mid.
    best: Vec<f64>,
    near: Vec<f64>,
    levels: Vec<f64>,
    /// Largest |position| / limit of any maker, and all of them.
    loads: Vec<f64>,
    skews: Vec<f64>,
    changes: u64,
    trades: u64,
    volume: i64,
    unwinds: u64,
    unwound: u64,
}

impl Facts {
    fn sample(&mut self, market: &Market) {
        let book = market.book();
        let (Some((bid, bid_lots)), Some((ask, ask_lots))) =
            (book.best(Side::Buy), book.best(Side::Sell))
        else {
            println!("a side is empty at {}", market.now());
            return;
        };
        self.mids.push(0.5 * (bid.0 + ask.0) as f64);
        self.spreads.push((ask.0 - bid.0) as f64);
        self.best.push(0.5 * (bid_lots.0 + ask_lots.0) as f64);
        let within = book
            .levels(Side::Buy)
            .filter(|(price, _)| price.0 > bid.0 - 10);
        self.near.push(within.map(|(_, lots)| lots.0 as f64).sum());
        self.levels.push(book.levels(Side::Buy).count() as f64);
        for maker in market.truth() {
            self.loads
                .push(maker.position.0 as f64 / maker.limit.0 as f64);
            self.skews.push(maker.skew);
        }
    }

    fn count(&mut self, body: HappeningBody) {
        match body {
            HappeningBody::Level { .. } => self.changes += 1,
            HappeningBody::Trade { fill, .. } => {
                self.trades += 1;
                let Lots(lots) = fill.lots;
                self.volume += lots;
            }
            HappeningBody::UnwindBegan { .. } => self.unwinds += 1,
            HappeningBody::UnwindEnded { .. } => self.unwound += 1,
        }
    }

    fn print(&self, seconds: f64) {
        let returns = |step: usize| {
            let logs = Vec::from_iter(self.mids.iter().step_by(step).map(|m| m.ln()));
            Vec::from_iter(logs.windows(2).map(|w| (w[1] - w[0]) * 1e4))
        };
        for (name, step) in [("5 s", 1), ("30 s", 6), ("300 s", 60)] {
            let r = returns(step);
            let (mean, sd) = (mean(&r), deviation(&r));
            let fourth = r.iter().map(|x| ((x - mean) / sd).powi(4)).sum::<f64>() / r.len() as f64;
            let lagged = r
                .windows(2)
                .map(|w| (w[0] - mean) * (w[1] - mean))
                .sum::<f64>();
            let mut sizes = Vec::from_iter(r.iter().map(|x| x.abs()));
            sizes.sort_by(f64::total_cmp);
            let quantile = |q: f64| sizes[(q * (sizes.len() - 1) as f64) as usize];
            let [half, tenth, hundredth] = [0.5, 0.9, 0.99].map(quantile);
            let rho = lagged / (sd * sd * r.len() as f64);
            println!(
                "returns {name:<6} sd {sd:.2} bp, excess kurtosis {:.1}, lag-1 {rho:.3}",
                fourth - 3.0
            );
            println!("  |returns|    median {half:.2}, 90 % {tenth:.2}, 99 % {hundredth:.2} bp");
        }
        println!(
            "mid                     {:.0} to {:.0}",
            least(&self.mids),
            most(&self.mids)
        );
        println!(
            "spread, ticks           mean {:.2}, least {}, most {}",
            mean(&self.spreads),
            least(&self.spreads),
            most(&self.spreads)
        );
        println!("size at the best        {:.0} lots", mean(&self.best));
        println!("size within 10 ticks    {:.0} lots", mean(&self.near));
        println!("levels a side           {:.0}", mean(&self.levels));
        println!(
            "level changes a second  {:.1}",
            self.changes as f64 / seconds
        );
        println!(
            "trades a second         {:.2}",
            self.trades as f64 / seconds
        );
        println!(
            "lots traded a second    {:.0}",
            self.volume as f64 / seconds
        );
        println!("position/limit          sd {:.2}", deviation(&self.loads));
        println!("skew, ticks             sd {:.2}", deviation(&self.skews));
        let hours = seconds / 3600.0;
        println!(
            "unwinds an hour         {:.1} (ended {})",
            self.unwinds as f64 / hours,
            self.unwound
        );
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
