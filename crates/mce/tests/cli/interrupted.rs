//! Ctrl-C: work stops cleanly and says what was kept.

use crate::simulated::{SOURCE, simulated};
use crate::{mce, names};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn training_keeps_the_best_so_far() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let endless = "--hidden 8 --encoder 12 --epochs 1000000 --patience 1000000 --threads 1";
    let call = mce("train --json --out bundle")
        .words(SOURCE)
        .words(endless);
    let mut call = call.path(&fixture.past).in_folder(folder.path());
    let mut child = call
        .command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("training: ") {
        line.clear();
        let read = said.read_line(&mut line).unwrap();
        assert!(read > 0, "it ended before it was asked to");
    }
    assert_eq!(names(folder.path()), [""; 0]);
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest}");
    for part in ["interrupted", "best weights so far are in bundle"] {
        assert!(rest.contains(part), "no {part:?} in {rest}");
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["epochs"].as_u64() < Some(1_000_000), "{report}");
    let show = mce("model show --json bundle").in_folder(folder.path());
    assert_eq!(show.run().json()["id"], report["id"]);
    assert_eq!(names(folder.path()), ["bundle"]);
}
