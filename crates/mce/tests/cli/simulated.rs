//! What tests of the model's path need, made once for all of them: captures of simulated markets and a bundle.

use crate::mce;
use mce_market::UnixNanos;
use mce_sim::frames::{CaptureConfig, capture_lines};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// Flags that say what the captures are.
pub(crate) const SOURCE: &str =
    "--format binance-capture --venue binance-spot --symbol SIMUSDT --tick 0.01";
/// A model that is trained in a moment, on samples 5 s apart.
pub(crate) const SMALL: &str = "--interval 5s --hidden 8 --encoder 12 --epochs 2";
/// Where `today` begins; what is learnt from lies a day before.
const TODAY: UnixNanos = UnixNanos(1_767_225_600_000_000_000);

/// Captures of two markets of the same kind, and a model that learnt from the older one.
pub(crate) struct Simulated {
    /// 70 minutes.
    pub(crate) past: PathBuf,
    /// Half an hour.
    pub(crate) today: PathBuf,
    /// Trained on `past` with [`SMALL`].
    pub(crate) bundle: PathBuf,
    /// What the training said.
    pub(crate) trained: serde_json::Value,
}

/// The fixture of this process.
pub(crate) fn simulated() -> &'static Simulated {
    static MADE: OnceLock<Simulated> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = folder();
        let past = capture(&folder, "past.jsonl", 7, TODAY.0 - 86_400_000_000_000, 4200);
        let today = capture(&folder, "today.jsonl", 8, TODAY.0, 1800);
        let bundle = folder.join("bundle");
        let train = mce("train --json").words(SOURCE).words(SMALL);
        let trained = train.path("--out").path(&bundle).path(&past).run().json();
        Simulated {
            past,
            today,
            bundle,
            trained,
        }
    })
}

/// The lines of half a minute.
pub(crate) fn short() -> &'static str {
    static MADE: OnceLock<String> = OnceLock::new();
    MADE.get_or_init(|| {
        let config = CaptureConfig::new(9, TODAY);
        let lines = capture_lines(config, Duration::from_secs(30)).unwrap();
        let text = |(_, line)| String::from_utf8(line).unwrap() + "\n";
        lines.map(text).collect()
    })
}

/// A folder for this process. Nothing runs at the end of a test binary, so what an earlier one left is removed here.
fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    fs::create_dir_all(&root).unwrap();
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let age = path.metadata().and_then(|m| m.modified()).ok();
        let age = age.and_then(|made| SystemTime::now().duration_since(made).ok());
        if age.is_some_and(|age| age > Duration::from_secs(3600)) {
            fs::remove_dir_all(&path).ok(); // another process may be at it too
        }
    }
    tempfile::Builder::new().tempdir_in(root).unwrap().keep()
}

fn capture(folder: &Path, name: &str, seed: u64, start: i64, seconds: u64) -> PathBuf {
    let path = folder.join(name);
    let config = CaptureConfig::new(seed, UnixNanos(start));
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for (_, line) in capture_lines(config, Duration::from_secs(seconds)).unwrap() {
        file.write_all(&line).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.into_inner().unwrap();
    path
}
