//! Exit codes: 0 done · 1 failed · 2 usage or config · 3 data damaged or failed verification · 130 interrupted.

use mce_arena::ArenaError;
use mce_engine::EngineError;
use mce_tft::TftError;
use mce_venues::VenueError;
use std::fmt;
use std::process::ExitCode;

/// Flags or configuration that cannot work; every problem is listed.
#[derive(Debug)]
pub struct Usage(pub Vec<String>);

impl Usage {
    /// One problem.
    pub fn new(problem: impl Into<String>) -> Self {
        Usage(vec![problem.into()])
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Usage {}

/// Ctrl-C: the message says what was kept.
#[derive(Debug)]
pub struct Interrupted(pub String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted: {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Data was read, and it failed verification; the output already says how.
#[derive(Debug)]
pub struct Unverified(pub String);

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unverified {}

/// The exit code of an error.
pub fn code(error: &anyhow::Error) -> ExitCode {
    let code = if error.is::<Usage>() {
        2
    } else if error.is::<Interrupted>() {
        130
    } else if error.is::<Unverified>() {
        3
    } else {
        match error.downcast_ref::<EngineError>() {
            Some(engine) if engine.is_damage() => 3,
            Some(engine) if is_setting(engine) => 2,
            _ => 1,
        }
    };
    ExitCode::from(code)
}

/// Whether a flag or a key of the configuration is out of range, which the room that it is for found out.
fn is_setting(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::FeatureConfig(_)
            | EngineError::Rule(VenueError::Increment { .. })
            | EngineError::Tft(TftError::Config { .. } | TftError::TrainOptions { .. })
            | EngineError::Arena(ArenaError::Config { .. })
    )
}
