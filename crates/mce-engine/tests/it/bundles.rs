//! A bundle comes back as it went, or not at all.

use crate::market::{at, bundle, learn, series};
use mce_engine::EngineError;
use mce_engine::bundle::{Bundle, INDEX, NORMALIZER, WEIGHTS};
use mce_engine::evaluate::predict;
use mce_features::FeatureConfig;
use mce_market::InputMode;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The bundle as a directory, there as long as the folder is.
fn saved() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    bundle().save(&path, false).unwrap();
    (folder, path)
}

fn bytes(path: &Path) -> [Vec<u8>; 3] {
    [WEIGHTS, NORMALIZER, INDEX].map(|name| fs::read(path.join(name)).unwrap())
}

/// The differences for which a bundle is refused.
fn differences(error: EngineError) -> Vec<String> {
    assert!(!error.is_damage(), "{error}");
    match error {
        EngineError::Bundle { differences, .. } => differences,
        other => panic!("the bundle was to be refused: {other}"),
    }
}

#[test]
fn what_is_loaded_is_what_was_saved() {
    let (folder, path) = saved();
    let loaded = Bundle::load(&path).unwrap();
    let made = bundle();
    assert_eq!(loaded.id(), made.id());
    assert_eq!(loaded.config(), made.config());
    assert_eq!(loaded.normalizer(), made.normalizer());
    assert_eq!(loaded.calibration(), made.calibration());
    assert_eq!(loaded.baselines(), made.baselines());
    assert_eq!(loaded.training(), made.training());
    assert_eq!(loaded.symbols(), made.symbols());
    let again = folder.path().join("again");
    loaded.save(&again, false).unwrap();
    assert_eq!(bytes(&again), bytes(&path));
    // Bit for bit: signals compare as floats do.
    let said = predict(&made, series()).unwrap();
    assert_eq!(predict(&Arc::new(loaded), series()).unwrap(), said);
    assert!(said.iter().any(|signal| signal.skew.value().is_some()));
}

#[test]
fn an_id_is_of_everything_in_it() {
    let other = learn(series(), at(3800));
    assert_ne!(other.id(), bundle().id());
    assert_eq!(learn(series(), at(3900)).id(), bundle().id());
}

#[test]
fn a_bundle_takes_the_place_of_a_bundle_alone_and_only_when_asked() {
    let (folder, path) = saved();
    let refused = |path: &Path, replace| match bundle().save(path, replace) {
        Err(EngineError::Exists { path: taken }) => assert_eq!(taken, path),
        other => panic!("{other:?}"),
    };
    refused(&path, false);
    bundle().save(&path, true).unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    refused(&other, true);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn features_taken_in_another_way_are_named_one_by_one() {
    let made = bundle();
    let config = |interval, quiet, depth, mode| {
        let seconds = Duration::from_secs;
        FeatureConfig::new(seconds(interval), seconds(quiet), depth, mode).unwrap()
    };
    let check = |config: FeatureConfig, expected: &[&str]| {
        let error = made.require(&config, Path::new("data"));
        let found = error.map_or_else(differences, |()| Vec::new());
        assert_eq!(found, expected);
    };
    let interval = "interval is 5 s, the data's is 1 s";
    let quiet = "max_quiet is 60 s, the data's is 30 s";
    let depth = "depth is 50, the data's is 5";
    let mode = "mode is D, the data's is S";
    check(config(5, 60, 50, InputMode::Deltas), &[]);
    check(config(1, 60, 50, InputMode::Deltas), &[interval]);
    check(config(5, 30, 50, InputMode::Deltas), &[quiet]);
    check(config(5, 60, 5, InputMode::Deltas), &[depth]);
    check(config(5, 60, 50, InputMode::Snapshots), &[mode]);
    check(
        config(1, 30, 5, InputMode::Snapshots),
        &[mode, interval, quiet, depth],
    );
}

/// Edits texts of the index, and compares the differences that loading then names.
fn check_edited(edits: &[(&str, &str)], expected: &[&str]) {
    let (_folder, path) = saved();
    let index = path.join(INDEX);
    let mut text = fs::read_to_string(&index).unwrap();
    for (old, new) in edits {
        assert!(text.contains(old), "no {old:?}");
        text = text.replacen(old, new, 1);
    }
    fs::write(&index, text).unwrap();
    let found = differences(Bundle::load(&path).unwrap_err());
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found:?} has no {expected:?}");
    }
}

#[test]
fn a_bundle_of_another_kind_is_refused_with_every_difference() {
    let schema = ("mce-features/1", "mce-features/9");
    let mode = ("\"mode\": \"D\"", "\"mode\": \"S\"");
    let interval = ("\"interval_ns\": 5000000000", "\"interval_ns\": 2000000000");
    let quiet = (
        "\"max_quiet_ns\": 60000000000",
        "\"max_quiet_ns\": 7000000000",
    );
    let depth = ("\"depth\": 50", "\"depth\": 5");
    let rows = ("\"n_symbols\":2", "\"n_symbols\":3");
    let symbol = ("\"SIMUSDT\"", "\"OTHER\"");
    check_edited(&[schema], &["schema is mce-features/9"]);
    check_edited(&[mode], &["mode is S"]);
    check_edited(&[interval], &["interval is 2 s"]);
    check_edited(&[quiet], &["max_quiet is 7 s"]);
    check_edited(&[depth], &["depth is 5"]);
    check_edited(&[rows], &["3 symbol rows"]);
    check_edited(&[symbol], &["OTHER"]);
    check_edited(
        &[schema, mode, interval, quiet, depth, rows, symbol],
        &[
            "schema is mce-features/9, not mce-features/1",
            "mode is S, the normaliser's is D",
            "interval is 2 s, the normaliser's is 5 s",
            "max_quiet is 7 s, the normaliser's is 60 s",
            "depth is 5, the normaliser's is 50",
            "list of symbols is OTHER, the normaliser's is SIMUSDT",
            "the model has 3 symbol rows, 1 symbols are named",
        ],
    );
    check_edited(&[("\"format\": 1", "\"format\": 7")], &["format is 7"]);
    check_edited(&[("\"z_30\"", "\"z_31\"")], &["z_30"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_changed_byte_is_damage_or_another_bundle(file in 0usize..3, place in 0.0f64..1.0, bit in 0u8..8) {
        let name = [WEIGHTS, NORMALIZER, INDEX][file];
        let (_folder, path) = saved();
        let mut bytes = fs::read(path.join(name)).unwrap();
        let at = (bytes.len() as f64 * place) as usize;
        bytes[at] ^= 1 << bit;
        fs::write(path.join(name), bytes).unwrap();
        match Bundle::load(&path) {
            // A digit of the index may be another digit, and then it is another bundle; times are also there in words.
            Ok(other) => {
                prop_assert_eq!(name, INDEX);
                let made = bundle();
                if other.id() == made.id() {
                    prop_assert_eq!(other.training(), made.training());
                    prop_assert_eq!(other.calibration(), made.calibration());
                    prop_assert_eq!(other.baselines(), made.baselines());
                }
                for signal in predict(&Arc::new(other), series()).unwrap() {
                    let values = [signal.skew.value(), signal.pressure.value(), signal.probability];
                    prop_assert!(values.into_iter().flatten().all(f64::is_finite), "{:?}", signal);
                }
            }
            Err(error) => prop_assert!(name == INDEX || error.is_damage(), "{}", error),
        }
    }

    #[test]
    fn a_cut_file_is_damage(file in 0usize..3, place in 0.0f64..1.0) {
        let name = [WEIGHTS, NORMALIZER, INDEX][file];
        let (_folder, path) = saved();
        let bytes = fs::read(path.join(name)).unwrap();
        fs::write(path.join(name), &bytes[..(bytes.len() as f64 * place) as usize]).unwrap();
        let error = Bundle::load(&path).unwrap_err();
        prop_assert!(error.is_damage(), "{}", error);
        prop_assert!(error.to_string().contains(name), "{}", error);
    }
}
