//! The one error of this crate: it adds the file to what the rooms below say, and knows what is damage.

use crate::files;
use mce_arena::ArenaError;
use mce_features::{FeatureConfigError, FeatureError};
use mce_lake::LakeError;
use mce_tft::TftError;
use mce_venues::VenueError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a piece of the engine could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file could not be read or written.
    #[error("{}: could not {action} it{}", path.display(), if is_damage(action, source) { DAMAGED } else { "" })]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done: `open`, `read`, `write`, …
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is something at the place of an output that may not be replaced.
    #[error("{}: already exists and is not replaced; remove it, choose another name, or say --force for a bundle", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// A frame or a capture, in a file.
    #[error("{}{}", path.display(), at(*line, source))]
    Venue {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: Box<VenueError>,
    },
    /// A venue's own rule, not tied to a line.
    #[error(transparent)]
    Rule(#[from] VenueError),
    /// A table or an event file.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Input that the feature engine refuses.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// Feature parameters out of range.
    #[error(transparent)]
    FeatureConfig(#[from] FeatureConfigError),
    /// The model: configuration, weights, training.
    #[error(transparent)]
    Tft(#[from] TftError),
    /// A setting of the arena out of range, or a value that cannot be booked.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// A bundle that does not fit; every difference is listed.
    #[error("{}: the bundle is refused: {}", path.display(), differences.join("; "))]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// What differs, each with both values.
        differences: Vec<String>,
    },
    /// A bundle's file is not what its index says: cut off or changed.
    #[error("{}: damaged: {what}; copy or train the bundle again", path.display())]
    BundleDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The data cannot serve the purpose: too few rows, no labels.
    #[error("{0}")]
    Data(String),
    /// Work was stopped on request; what was kept is said by who asked.
    #[error("stopped on request")]
    Stopped,
}

impl EngineError {
    /// An I/O error with its file and what was being done.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        EngineError::Io {
            path: path.into(),
            action,
            source,
        }
    }

    /// Whether the data is damaged (cut off, half a line, changed bytes), as opposed to being the wrong data.
    pub fn is_damage(&self) -> bool {
        match self {
            EngineError::Io { action, source, .. } => is_damage(action, source),
            EngineError::Venue { source, .. } => source.is_damage(),
            EngineError::Rule(source) => source.is_damage(),
            EngineError::Lake(source) => source.is_damage(),
            EngineError::BundleDamaged { .. } => true,
            EngineError::Exists { .. }
            | EngineError::Feature(_)
            | EngineError::FeatureConfig(_)
            | EngineError::Tft(_)
            | EngineError::Arena(_)
            | EngineError::Bundle { .. }
            | EngineError::Data(_)
            | EngineError::Stopped => false,
        }
    }
}

/// What a message says of a file that is read and is not what it should be.
const DAMAGED: &str = ", it is damaged or cut off; copy or record it again";

fn is_damage(action: &str, source: &io::Error) -> bool {
    action == "read" && files::is_damage(source)
}

/// The line, unless the source says it itself, as a capture's reader does.
fn at(line: u64, source: &VenueError) -> String {
    match source {
        VenueError::CaptureRead { .. }
        | VenueError::CaptureTruncated { .. }
        | VenueError::CaptureFraming { .. }
        | VenueError::CaptureLineTooLong { .. } => String::new(),
        _ => format!(", line {line}"),
    }
}
