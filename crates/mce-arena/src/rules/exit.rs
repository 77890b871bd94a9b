//! The exit rule: when pressure spikes, positions are closed, and nothing is opened until it has calmed down.

use super::MceRules;
use mce_market::Reading;
use std::fmt;

/// Why the alarm rings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExitCause {
    /// The pressure is at or above its limit.
    Level {
        /// MCE_Pressure.
        pressure: f64,
    },
    /// The pressure rose too far within two samples.
    Rise {
        /// MCE_Pressure.
        pressure: f64,
        /// The rise from the lower of the two samples before.
        rise: f64,
    },
    /// It rang before, and the pressure is not low enough yet to stop it.
    NotCalm {
        /// MCE_Pressure; `None` while it is absent.
        pressure: Option<f64>,
    },
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitCause::Level { pressure } => write!(f, "pressure {pressure:.3}"),
            ExitCause::Rise { pressure, rise } => {
                write!(f, "pressure {pressure:.3} after a rise of {rise:.3}")
            }
            ExitCause::NotCalm {
                pressure: Some(pressure),
            } => write!(f, "pressure {pressure:.3} not calm yet"),
            ExitCause::NotCalm { pressure: None } => f.write_str("pressure unknown since a spike"),
        }
    }
}

/// The state of the exit rule: the last two samples' pressures, and whether the alarm rings.
///
/// Hysteresis: once it rings it goes on until the pressure is below `exit_rearm` (and neither limit is broken). An absent
/// pressure is no evidence of calm, so the alarm goes on through it; nor is it a sample to measure a rise from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExitAlarm {
    /// The pressures of the sample before and of the one before that.
    before: [Option<f64>; 2],
    ringing: bool,
}

impl ExitAlarm {
    /// Takes the pressure of the next sample; gives why positions are to be closed, if they are.
    pub fn update(&mut self, rules: &MceRules, pressure: &Reading) -> Option<ExitCause> {
        let config = rules.config();
        let Some(now) = pressure.value() else {
            self.before = [None, self.before[0]];
            let cause = ExitCause::NotCalm { pressure: None };
            return (config.exit && self.ringing).then_some(cause);
        };
        let lowest = self.before.into_iter().flatten().reduce(f64::min);
        self.before = [Some(now), self.before[0]];
        if !config.exit {
            return None;
        }
        let rise = lowest.map_or(0.0, |lowest| now - lowest);
        let cause = if now >= config.exit_pressure {
            Some(ExitCause::Level { pressure: now })
        } else if rise > config.exit_rise {
            Some(ExitCause::Rise {
                pressure: now,
                rise,
            })
        } else if self.ringing && now >= config.exit_rearm {
            Some(ExitCause::NotCalm {
                pressure: Some(now),
            })
        } else {
            None
        };
        self.ringing = cause.is_some();
        cause
    }
}
