//! Samples, masks and labels against the stored numbers of the slow reference.
//!
//! The reference lives beside the repository and not in it. Where it is missing the tests say so and pass, but not
//! in continuous integration, where its absence is a failure.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod capture;
mod table;
mod tiny;

use std::path::PathBuf;

/// A file of the shared folder beside the repository; `None`, and a word about it, where there is none.
fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let file = PathBuf::from(root).join(path);
    if file.exists() {
        return Some(file);
    }
    let missing = format!("{} is missing", file.display());
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing}: continuous integration must have it"
    );
    eprintln!("skipped: {missing}");
    None
}
