//! The stored tables: one row a sample, an empty cell for what is absent.

use flate2::read::GzDecoder;
use mce_features::labels::{fit_k, labels, pressure_y, realised_rate};
use mce_features::{FEATURE_NAMES, FeatureEngine, N_FEATURES, Sample};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Whole text of a file, unpacked where its name ends in gz.
pub(crate) fn text_of(path: &Path) -> String {
    let mut file = File::open(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text
}

/// What a table was made with.
pub(crate) struct Meta(serde_json::Value);

impl Meta {
    pub(crate) fn read(path: &Path) -> Self {
        Meta(serde_json::from_str(&text_of(path)).unwrap())
    }

    fn count(&self, name: &str) -> u64 {
        self.0["counters"][name].as_u64().unwrap()
    }

    fn k(&self) -> f64 {
        self.0["k"].as_f64().unwrap()
    }
}

/// Compares samples, their labels and the engine's counters with a stored table: masks exactly, values to 1e-9
/// relative or 1e-12 absolute. A k that was fitted must be fitted again to the same tolerance.
pub(crate) fn assert_same(engine: &FeatureEngine, samples: &[Sample], table: &Path, meta: &Meta) {
    let counters = engine.counters();
    for (name, got) in [
        ("observations", counters.observations),
        ("invalid", counters.invalid),
        ("late", counters.late),
        ("gaps", counters.gaps),
        ("resets", counters.resets),
        ("levels_dropped", counters.levels_dropped),
    ] {
        assert_eq!(got, meta.count(name), "{name}");
    }
    let config = engine.config();
    let rows = labels(samples, config.interval_ns(), config.mode());
    let pressures = || rows.iter().map(|row| row.pressure);
    if meta.0["k_fitted"] == true {
        assert_close(fit_k(pressures()).unwrap().unwrap(), meta.k(), "k");
    }
    let rate = realised_rate(pressures(), Some(meta.k())).unwrap();
    assert_eq!(rate, meta.0["base_rate"].as_f64().unwrap());
    let unmasked = samples.iter().filter(|s| s.mask == 0).count();
    assert_eq!(unmasked as u64, meta.0["unmasked"].as_u64().unwrap());

    let text = text_of(table);
    let mut lines = text.lines();
    let mut header = vec!["ts"];
    header.extend(FEATURE_NAMES);
    header.extend([
        "mask",
        "mid",
        "sigma",
        "z_5",
        "z_15",
        "z_30",
        "z_60",
        "pressure_y",
    ]);
    assert_eq!(lines.next().unwrap(), header.join(","));
    let stored: Vec<&str> = lines.collect();
    assert_eq!(samples.len() as u64, meta.0["samples"].as_u64().unwrap());
    let every = meta.0["every"].as_u64().unwrap_or(1) as usize;
    assert_eq!(samples.len().div_ceil(every), stored.len());
    for ((sample, label), line) in samples.iter().zip(&rows).step_by(every).zip(stored) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(sample.ts.0.to_string(), cells[0]);
        let mut values = sample.features.map(Some).to_vec();
        values.extend([None, Some(sample.mid), Some(sample.sigma)]);
        values.extend(label.z);
        let y = pressure_y(label.pressure, Some(meta.k()));
        values.push(y.map(|y| f64::from(u8::from(y))));
        for ((got, cell), name) in values.iter().zip(&cells[1..]).zip(&header[1..]) {
            let place = format!("{name} at {}", cells[0]);
            if *name == "mask" {
                assert_eq!(sample.mask.to_string(), *cell, "{place}");
                continue;
            }
            match got {
                Some(got) => assert_close(*got, cell.parse().expect(&place), &place),
                None => assert_eq!(*cell, "", "{place}"),
            }
        }
        assert_eq!(cells.len(), 1 + N_FEATURES + 8);
    }
}

fn assert_close(got: f64, want: f64, place: &str) {
    let tolerance = (1e-9 * want.abs()).max(1e-12);
    assert!(
        (got - want).abs() <= tolerance,
        "{place}: {got}, not {want}"
    );
}
