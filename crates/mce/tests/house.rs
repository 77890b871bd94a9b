//! Rules of the house that the compiler does not know: which crate may import which, and what no file may hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each crate may depend on directly. Dev-dependencies are free but for circles, which Cargo refuses itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("mce-market", &[]),
    ("mce-features", &["mce-market"]),
    ("mce-tft", &[]),
    ("mce-venues", &["mce-market"]),
    ("mce-lake", &["mce-market"]),
    ("mce-arena", &["mce-market", "mce-features"]),
    ("mce-sim", &["mce-market", "mce-venues"]),
    (
        "mce-engine",
        &[
            "mce-market",
            "mce-features",
            "mce-tft",
            "mce-venues",
            "mce-lake",
            "mce-arena",
        ],
    ),
    (
        "mce",
        &[
            "mce-market",
            "mce-features",
            "mce-tft",
            "mce-venues",
            "mce-lake",
            "mce-arena",
            "mce-sim",
            "mce-engine",
        ],
    ),
];

/// Outside crates that only one of ours may name: the one that knows that outside thing.
const OWNERS: &[(&str, &[&str])] = &[
    ("parquet", &["mce-lake"]),
    ("arrow-array", &["mce-lake"]),
    ("arrow-schema", &["mce-lake"]),
    ("arrow-cast", &["mce-lake"]),
    ("safetensors", &["mce-tft"]),
    ("flate2", &["mce-engine"]),
    ("clap", &["mce"]),
    ("anyhow", &["mce"]),
    ("toml", &["mce"]),
];

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn crates_import_only_what_lies_below_them() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .other_options(["--offline".to_string(), "--locked".to_string()])
        .no_deps()
        .exec()
        .expect("cargo metadata runs on this workspace");
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let owners: BTreeMap<&str, &[&str]> = OWNERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some(allowed) = arrows.get(name) else {
            wrong.push(format!(
                "{name} is not in the table of this test: give it a floor"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if dependency.kind != cargo_metadata::DependencyKind::Normal {
                continue;
            }
            let on = dependency.name.as_str();
            if arrows.contains_key(on) && !allowed.contains(&on) {
                wrong.push(format!(
                    "{name} -> {on} is an arrow that the house does not have"
                ));
            }
            if let Some(owners) = owners.get(on)
                && !owners.contains(&name)
            {
                wrong.push(format!("{name} -> {on}: only {owners:?} may know it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        metadata.packages.len(),
        ARROWS.len(),
        "every crate of the table exists"
    );
}

/// Every text file of the project that is written by hand.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder).expect("a folder of the project can be read");
        for entry in entries {
            let path = entry.expect("an entry of a folder can be read").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !(name.starts_with('.') || name == "target") {
                    walk(&path, found);
                }
            } else if [".rs", ".md", ".toml"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for part in ["crates", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let path = workspace_root().join(part);
        if path.is_dir() {
            walk(&path, &mut found);
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_file_is_one_subject() {
    let mut long = Vec::new();
    for path in sources() {
        if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
            let lines = text.lines().count();
            if lines > 600
                && !path.components().any(|c| c.as_os_str() == "tests")
                && !path.ends_with("tests.rs")
            {
                long.push(format!("{} has {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "600 lines at most:\n{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    let mut silent = Vec::new();
    for path in sources() {
        if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
            if !text.starts_with("//!") {
                silent.push(path.display().to_string());
            }
        }
    }
    assert!(
        silent.is_empty(),
        "these files do not begin with `//!`:\n{}",
        silent.join("\n")
    );
}
