//! Venues from the outside: recordings of real ones, and a made-up one whose true book is known.

mod captures;
mod conformance;
mod model;

use flate2::read::MultiGzDecoder;
use mce_venues::CaptureReader;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// A path in the shared data beside the repository. Without it the test is skipped and says so; in CI it fails.
fn shared(path: &str) -> Option<PathBuf> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(path);
    if full.exists() {
        return Some(full);
    }
    let missing = format!("{} is missing", full.display());
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        panic!("{missing}, and CI must have it");
    }
    println!("skipped: {missing}");
    None
}

/// The lines of a capture, unpacked if it is packed.
fn lines(path: &PathBuf) -> CaptureReader<Box<dyn BufRead>> {
    let file = File::open(path).expect("the file was found");
    let reader: Box<dyn BufRead> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    CaptureReader::new(reader)
}
