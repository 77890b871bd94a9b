//! The program as a user runs it: exit codes, what is printed, what is written, and what is left when it fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bundles;
mod golden;
mod interrupted;
mod refusals;
mod repeat;
mod simulated;
mod surface;
mod tables;
mod wire;

use flate2::read::GzDecoder;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One call of the program in the making.
struct Call {
    command: Command,
    line: String,
}

/// What a call came to.
struct Ran {
    line: String,
    code: Option<i32>,
    out: String,
    err: String,
}

/// A call of the program with these arguments, which must hold no blanks themselves.
fn mce(words: &str) -> Call {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mce"));
    command.env_remove("MCE_LOG");
    let call = Call {
        command,
        line: "mce".into(),
    };
    call.words(words)
}

impl Call {
    fn words(self, words: &str) -> Self {
        words.split_whitespace().fold(self, Self::path)
    }

    /// One more argument, blanks or not.
    fn path(mut self, argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        self.command.arg(argument);
        self.line += &format!(" {}", argument.to_string_lossy());
        self
    }

    fn paths<P: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = P>) -> Self {
        arguments.into_iter().fold(self, Self::path)
    }

    fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    fn run(mut self) -> Ran {
        let output = self.command.output().unwrap();
        Ran {
            line: self.line,
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.line, self.err);
        self
    }

    /// Standard output of a success: one JSON object on one line and nothing else.
    fn json(self) -> Value {
        let ran = self.ok();
        assert!(
            ran.out.ends_with('\n') && ran.out.lines().count() == 1,
            "{}: {:?}",
            ran.line,
            ran.out
        );
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(value.is_object(), "{}: {value}", ran.line);
        value
    }

    /// A failure with this exit code, nothing on standard output, and one message that says all of `says`.
    fn refused(self, code: i32, says: &[&str]) {
        let Ran { line, out, err, .. } = &self;
        assert_eq!(self.code, Some(code), "{line}\n{err}");
        assert_eq!(out, "", "{line}");
        let begins = |line: &&str| line.starts_with("mce: ") || line.starts_with("error: ");
        assert_eq!(err.lines().filter(begins).count(), 1, "{line}\n{err}");
        for part in says {
            assert!(err.contains(part), "{line}\nno {part:?} in: {err}");
        }
        for panicked in ["panicked", "RUST_BACKTRACE"] {
            assert!(!err.contains(panicked), "{line}\n{err}");
        }
    }
}

/// Runs a call that must be refused, in an empty folder that must stay so: what a call would write goes there.
fn refused(call: Call, code: i32, says: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    call.in_folder(folder.path()).run().refused(code, says);
    assert_eq!(names(folder.path()), [""; 0]);
}

/// Names in a folder, hidden ones too, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files of a folder that holds nothing else.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = fs::read(folder.join(&name)).unwrap();
        (name, bytes)
    };
    names(folder).into_iter().map(read).collect()
}

/// A path in the shared data beside the repository. Without it the test is skipped and says so; in CI it fails.
fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let full = PathBuf::from(root).join(path);
    if full.exists() {
        return Some(full);
    }
    let missing = format!("{} is missing", full.display());
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing}: continuous integration must have it"
    );
    eprintln!("skipped: {missing}");
    None
}

/// Several of them, or none.
fn all_shared(paths: &[String]) -> Option<Vec<PathBuf>> {
    paths.iter().map(|path| shared(path)).collect()
}

/// Whole text of a file, unpacked where its name ends in gz.
fn text_of(path: &Path) -> String {
    let mut file = File::open(path).unwrap();
    let mut text = String::new();
    if path.extension() == Some(&OsString::from("gz")) {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text
}
