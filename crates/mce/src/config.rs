//! `mce.toml`: settings of arena, risk gate and paper exchange. Raw text becomes a checked [`Config`] once, here; every
//! problem is found and told together, with key and line.

mod section;

use crate::exit::Usage;
use mce_arena::{
    AgentConfig, AgentId, AgentParams, ArenaConfig, BookImbalance, BookImbalanceConfig,
    ComplexityConfig, FilterMode, MceRulesConfig, Member, Momentum, MomentumConfig, OrderStyle,
    PaperConfig, Reversion, ReversionConfig, RiskLimits, SizingConfig, WhenAbsent,
};
use mce_market::{FeeRate, InstrumentId, Money};
use section::{Document, Section};
use std::path::Path;
use std::time::Duration;

/// The agents there are, by the name that the configuration calls them.
const AGENTS: [&str; 3] = ["imbalance", "momentum", "reversion"];

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Names of the agents, from [`AGENTS`].
    pub agents: Vec<String>,
    /// What every agent's habits are.
    pub params: AgentParams,
    /// The MCE rules.
    pub rules: MceRulesConfig,
    /// Position sizes.
    pub sizing: SizingConfig,
    /// Account, order style, complexity manager, risk limits.
    pub arena: ArenaConfig,
    /// The paper exchange.
    pub paper: PaperConfig,
    /// Length of the bars that agents see.
    pub bars: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            agents: AGENTS.map(String::from).to_vec(),
            params: AgentParams::default(),
            rules: MceRulesConfig::default(),
            sizing: SizingConfig::default(),
            arena: ArenaConfig::default(),
            paper: PaperConfig::default(),
            bars: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Usage::new(format!("{}: {error}", path.display())))?;
        Self::parse(&text).map_err(|problems| {
            let at = |problem: String| format!("{}: {problem}", path.display());
            Usage(problems.into_iter().map(at).collect()).into()
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Every problem, each with key and line.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut document = Document::parse(text)?;
        let mut config = Config::default();
        document.section("arena", |s| config.read_arena(s));
        document.section("risk", |s| read_risk(&mut config.arena.limits, s));
        document.section("exchange", |s| read_exchange(&mut config.paper, s));
        document.finish()?;
        // The arena's own checks: one agent of each kind in a market that need not exist.
        let agents = config
            .agent_configs(InstrumentId(0))
            .map_err(|e| vec![e.to_string()])?;
        mce_arena::ArenaManager::new(config.arena.clone(), agents)
            .map_err(|e| vec![e.to_string()])?;
        mce_arena::PaperExchange::new(config.paper).map_err(|e| vec![e.to_string()])?;
        Ok(config)
    }

    /// The agents of one instrument.
    pub fn agent_configs(
        &self,
        instrument: InstrumentId,
    ) -> Result<Vec<AgentConfig>, mce_arena::ArenaError> {
        let make = |(id, name): (u32, &String)| {
            let member = match name.as_str() {
                "momentum" => Member::Momentum(Momentum::new(MomentumConfig::default())?),
                "reversion" => Member::Reversion(Reversion::new(ReversionConfig::default())?),
                _ => Member::BookImbalance(BookImbalance::new(BookImbalanceConfig::default())?),
            };
            Ok(AgentConfig {
                params: self.params,
                rules: self.rules,
                sizing: self.sizing,
                ..AgentConfig::new(AgentId(id), name, instrument, member)
            })
        };
        (1..).zip(&self.agents).map(make).collect()
    }

    fn read_arena(&mut self, s: &mut Section<'_>) {
        if let Some(names) = s.texts("agents") {
            for name in &names {
                if !AGENTS.contains(&name.as_str()) {
                    s.problem(
                        "agents",
                        &format!("there is no agent {name:?}; known: {}", AGENTS.join(", ")),
                    );
                }
            }
            self.agents = names;
        }
        s.money("initial", &mut self.arena.initial);
        match s.text("filter").as_deref() {
            None => {}
            Some("and") => self.rules.filter = Some(FilterMode::And),
            Some("or") => self.rules.filter = Some(FilterMode::Or),
            Some("off") => self.rules.filter = None,
            Some(other) => s.problem(
                "filter",
                &format!("expected \"and\", \"or\" or \"off\", got {other:?}"),
            ),
        }
        match s.text("when_absent").as_deref() {
            None => {}
            Some("block") => self.rules.when_absent = WhenAbsent::Block,
            Some("trade") => self.rules.when_absent = WhenAbsent::Trade,
            Some(other) => s.problem(
                "when_absent",
                &format!("expected \"block\" or \"trade\", got {other:?}"),
            ),
        }
        s.flag("scale", &mut self.rules.scale);
        s.flag("exit", &mut self.rules.exit);
        s.number("skew", &mut self.rules.skew_threshold);
        s.number("pressure", &mut self.rules.pressure_threshold);
        s.number("opposed_multiplier", &mut self.rules.opposed_multiplier);
        s.number("pressure_multiplier", &mut self.rules.pressure_multiplier);
        s.number("agreed_multiplier", &mut self.rules.agreed_multiplier);
        s.number("exit_pressure", &mut self.rules.exit_pressure);
        s.number("exit_rise", &mut self.rules.exit_rise);
        s.number("exit_rearm", &mut self.rules.exit_rearm);
        s.number("kelly", &mut self.sizing.kelly_part);
        s.number("edge", &mut self.sizing.edge_at_full_confidence);
        s.number("max_size", &mut self.sizing.fraction_max);
        s.number("min_size", &mut self.sizing.fraction_min);
        s.number("confidence_min", &mut self.params.confidence_min);
        s.flag("allow_short", &mut self.params.allow_short);
        s.number("stop_sigmas", &mut self.params.stop_sigmas);
        s.duration("time_out", &mut self.params.time_out);
        s.duration("hold_min", &mut self.params.hold_min);
        s.duration("cool_down", &mut self.params.cool_down);
        s.number("resize_band", &mut self.params.resize_band);
        s.duration("bars", &mut self.bars);
        let mut complexity = true;
        s.flag("complexity", &mut complexity);
        self.arena.complexity = complexity.then(ComplexityConfig::default);
        let mut slippage = 10;
        s.whole("slippage_bps", &mut slippage);
        self.arena.style = OrderStyle::Protected {
            slippage_bps: slippage,
        };
    }
}

fn read_risk(limits: &mut RiskLimits, s: &mut Section<'_>) {
    s.number("account_drawdown_max", &mut limits.account_drawdown_max);
    s.number("agent_drawdown_max", &mut limits.agent_drawdown_max);
    s.money("position_notional_max", &mut limits.position_notional_max);
    s.money("order_notional_max", &mut limits.order_notional_max);
    s.money("order_notional_min", &mut limits.order_notional_min);
    s.whole("orders_max", &mut limits.orders_max);
    s.duration("orders_interval", &mut limits.orders_interval);
    s.number("collar", &mut limits.collar);
    s.duration("book_age_max", &mut limits.book_age_max);
}

fn read_exchange(paper: &mut PaperConfig, s: &mut Section<'_>) {
    s.duration("latency", &mut paper.latency);
    for (key, rate) in [
        ("maker_bps", &mut paper.maker),
        ("taker_bps", &mut paper.taker),
    ] {
        let mut bps = rate.bps();
        s.number(key, &mut bps);
        match FeeRate::from_bps(bps) {
            Some(fee) => *rate = fee,
            None => s.problem(
                key,
                &format!("expected -1000 to 1000 basis points, got {bps}"),
            ),
        }
    }
}

/// Decimal text as money.
fn money(text: &str) -> Option<Money> {
    let decimal: mce_market::Decimal = text.parse().ok()?;
    let up = 10i128.pow(18 - u32::from(decimal.decimals()));
    Some(Money::from_units(
        i128::from(decimal.mantissa()).checked_mul(up)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let problems = Config::parse(text).err().unwrap_or_default();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, part) in problems.iter().zip(expected) {
            assert!(problem.contains(part), "{problem:?} does not say {part:?}");
        }
    }

    #[test]
    fn every_problem_is_told_with_key_and_line() {
        check("", &[]);
        check(
            "[arena]\nfilter = \"or\"\nskew = 0.3\nagents = [\"momentum\"]\ninitial = \"5000.5\"\n\n[exchange]\nlatency = \"250ms\"\n",
            &[],
        );
        check(
            "[arena]\nfliter = \"or\"\nskew = \"high\"\n[exchang]\n[risk]\nbook_age_max = 5\n",
            &[
                "line 2: unknown key arena.fliter; did you mean filter?",
                "line 3: arena.skew: expected a number",
                "line 4: unknown section [exchang]; did you mean exchange?",
                "line 6: risk.book_age_max: expected a duration",
            ],
        );
        check("[arena]\nskew = 7\n", &["skew_threshold"]);
        check("[arena\n", &["line 1"]);
    }

    #[test]
    fn the_example_file_holds_the_defaults() {
        let example = include_str!("../../../mce.toml");
        assert_eq!(Config::parse(example).unwrap(), Config::default());
    }

    #[test]
    fn values_reach_their_places() {
        let config = Config::parse(
            "[arena]\nfilter = \"off\"\ninitial = \"5000.5\"\n[exchange]\ntaker_bps = 2.5\n",
        )
        .unwrap();
        assert_eq!(config.rules.filter, None);
        assert_eq!(config.arena.initial.to_string(), "5000.5");
        assert_eq!(config.paper.taker.bps(), 2.5);
    }
}
