//! The MCE rules: what the model's two readings do to entries, sizes and open positions.
//!
//! | rule | long | short |
//! |---|---|---|
//! | filter on entries | skew > θ *and* (or *or*) pressure < π | skew < −θ *and* (or *or*) pressure < π |
//! | scale of sizes | × 0.5 if skew < −θ | × 0.5 if skew > θ |
//! | | × 0.3 if pressure > π | the same |
//! | exit | pressure ≥ 0.9, or a rise > 0.3 within two samples, until pressure < 0.8 | the same |
//!
//! with θ = 0.2 and π = 0.8 unless configured otherwise. Every comparison is as strict as it is written here. With the
//! filter on "and", an entry that passes is neither opposed nor under high pressure: *scale* then acts on the re-sizing
//! of open positions only; with the filter off or on "or" it acts on entries too.
//!
//! A reading that is absent, masked or stale is not a zero. A rule whose readings are not all there does not judge; what
//! then happens to entries is [`WhenAbsent`]'s, and the decision says so. The exit rule needs only the pressure.
//!
//! Everything but [`ExitAlarm`] is a pure function. What a size was before these rules is [`crate::sizing`]'s.

mod exit;

use crate::error::{ArenaError, Checks};
pub use exit::{ExitAlarm, ExitCause};
use mce_market::{AbsentReason, Reading, Side};

/// How the two conditions of the filter are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterMode {
    /// Both must hold.
    And,
    /// One is enough.
    Or,
}

/// What happens to entries while a reading that a rule needs is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenAbsent {
    /// Nothing is opened or made larger.
    Block,
    /// Agents go on with 0.0 and 0.0, the rules being off.
    Trade,
}

/// Parameters of the rules, as they are written in a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MceRulesConfig {
    /// The filter on entries; `None` switches it off.
    pub filter: Option<FilterMode>,
    /// Whether sizes are scaled.
    pub scale: bool,
    /// Whether pressure closes positions.
    pub exit: bool,
    /// What happens without a signal.
    pub when_absent: WhenAbsent,
    /// θ, in (0, 1).
    pub skew_threshold: f64,
    /// π, in (0, 1).
    pub pressure_threshold: f64,
    /// Factor on a size that the skew opposes beyond θ, [0, 1].
    pub opposed_multiplier: f64,
    /// Factor on a size under pressure above π, [0, 1].
    pub pressure_multiplier: f64,
    /// Factor on a size that the skew supports beyond θ, [1, 2]; 1 leaves it alone.
    pub agreed_multiplier: f64,
    /// Pressure from which on positions are closed, in (0, 1].
    pub exit_pressure: f64,
    /// Rise of the pressure within two samples beyond which positions are closed, in (0, 1].
    pub exit_rise: f64,
    /// Pressure below which the exit rule is quiet again, above 0 and below `exit_pressure`.
    pub exit_rearm: f64,
}

impl Default for MceRulesConfig {
    /// Everything on, with the values of the table in this module's head.
    fn default() -> Self {
        MceRulesConfig {
            filter: Some(FilterMode::And),
            scale: true,
            exit: true,
            when_absent: WhenAbsent::Block,
            skew_threshold: 0.2,
            pressure_threshold: 0.8,
            opposed_multiplier: 0.5,
            pressure_multiplier: 0.3,
            agreed_multiplier: 1.0,
            exit_pressure: 0.9,
            exit_rise: 0.3,
            exit_rearm: 0.8,
        }
    }
}

impl MceRulesConfig {
    /// Every rule off: agents trade on their base signals alone.
    pub fn off() -> Self {
        MceRulesConfig {
            filter: None,
            scale: false,
            exit: false,
            ..Self::default()
        }
    }
}

/// The rules, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MceRules {
    config: MceRulesConfig,
}

/// What the filter says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterVerdict {
    /// Whether the skew is on the entry's side beyond θ.
    pub skew_supports: bool,
    /// Whether the pressure is below π.
    pub pressure_low: bool,
    /// Whether the entry may go on.
    pub passes: bool,
}

/// What became of the two readings in one decision.
#[derive(Clone, Debug, PartialEq)]
pub enum MceUse {
    /// Every rule is off: the readings were not asked for.
    Off,
    /// The rules judged by these values.
    Applied {
        /// MCE_Skew, or 0 if no rule needs it and it is absent.
        skew: f64,
        /// MCE_Pressure.
        pressure: f64,
    },
    /// A reading is absent, and nothing may be opened or made larger.
    Blocked(AbsentReason),
    /// A reading is absent, and the agent goes on as though both were 0.0, the rules being off.
    Ignored(AbsentReason),
}

impl MceRules {
    /// The rules of a configuration.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: MceRulesConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        let above_0_to_1 = f64::MIN_POSITIVE..=1.0;
        let inside = f64::MIN_POSITIVE..=1.0 - f64::EPSILON;
        for (key, value) in [
            ("skew_threshold", config.skew_threshold),
            ("pressure_threshold", config.pressure_threshold),
        ] {
            checks.within(key, value, inside.clone(), "above 0 and below 1");
        }
        for (key, value) in [
            ("opposed_multiplier", config.opposed_multiplier),
            ("pressure_multiplier", config.pressure_multiplier),
        ] {
            checks.within(key, value, 0.0..=1.0, "0 to 1");
        }
        let agreed = config.agreed_multiplier;
        checks.within("agreed_multiplier", agreed, 1.0..=2.0, "1 to 2");
        for (key, value) in [
            ("exit_pressure", config.exit_pressure),
            ("exit_rise", config.exit_rise),
        ] {
            checks.within(key, value, above_0_to_1.clone(), "above 0 and at most 1");
        }
        checks.require(
            "exit_rearm",
            config.exit_rearm > 0.0 && config.exit_rearm < config.exit_pressure,
            "above 0 and below exit_pressure",
            config.exit_rearm,
        );
        checks.finish()?;
        Ok(MceRules { config })
    }

    /// The parameters.
    pub fn config(&self) -> &MceRulesConfig {
        &self.config
    }

    /// Whether the rules that are on have the readings that they need, and what follows if not.
    pub fn usage(&self, skew: &Reading, pressure: &Reading) -> MceUse {
        let needs_skew = self.config.filter.is_some() || self.config.scale;
        if !needs_skew && !self.config.exit {
            return MceUse::Off;
        }
        let missing = match (skew, pressure) {
            (Reading::Absent(why), _) if needs_skew => why,
            (_, Reading::Absent(why)) => why,
            _ => {
                return MceUse::Applied {
                    skew: skew.or_zero(),
                    pressure: pressure.or_zero(),
                };
            }
        };
        match self.config.when_absent {
            WhenAbsent::Block => MceUse::Blocked(missing.clone()),
            WhenAbsent::Trade => MceUse::Ignored(missing.clone()),
        }
    }

    /// What the filter says of an entry of `side`; with the filter off everything passes.
    pub fn filter(&self, side: Side, skew: f64, pressure: f64) -> FilterVerdict {
        let skew_supports = towards(side, skew) > self.config.skew_threshold;
        let pressure_low = pressure < self.config.pressure_threshold;
        FilterVerdict {
            skew_supports,
            pressure_low,
            passes: match self.config.filter {
                None => true,
                Some(FilterMode::And) => skew_supports && pressure_low,
                Some(FilterMode::Or) => skew_supports || pressure_low,
            },
        }
    }

    /// The factor on the size of a position of `side` that is open; 1 with scaling off.
    pub fn scale(&self, side: Side, skew: f64, pressure: f64) -> f64 {
        if !self.config.scale {
            return 1.0;
        }
        let support = towards(side, skew);
        let mut factor = 1.0;
        if support < -self.config.skew_threshold {
            factor *= self.config.opposed_multiplier;
        }
        if support > self.config.skew_threshold {
            factor *= self.config.agreed_multiplier;
        }
        if pressure > self.config.pressure_threshold {
            factor *= self.config.pressure_multiplier;
        }
        factor
    }

    /// The factor on the size of an entry of `side`: that of [`MceRules::scale`], but 1 behind a filter on "and".
    pub fn scale_entry(&self, side: Side, skew: f64, pressure: f64) -> f64 {
        match self.config.filter {
            Some(FilterMode::And) => 1.0,
            Some(FilterMode::Or) | None => self.scale(side, skew, pressure),
        }
    }
}

/// The skew as seen from a side: positive supports it.
fn towards(side: Side, skew: f64) -> f64 {
    match side {
        Side::Buy => skew,
        Side::Sell => -skew,
    }
}

#[cfg(test)]
mod tests;
