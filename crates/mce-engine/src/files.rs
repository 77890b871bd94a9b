//! Files in and out: gunzip on the way in, rename on the way out.
//!
//! An output is written beside its place under another name, synced, and renamed, so a reader sees the whole file or
//! none, and a command that fails leaves nothing behind.

use crate::error::EngineError;
use flate2::bufread::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Opens a file for reading by lines; a name that ends in `.gz` is gunzipped.
///
/// # Errors
/// [`EngineError::Io`] when it cannot be opened.
pub fn open_input(path: &Path) -> Result<Box<dyn BufRead>, EngineError> {
    let file = File::open(path).map_err(|source| EngineError::io(path, "open", source))?;
    let reader = BufReader::with_capacity(1 << 17, file);
    if path.extension().is_some_and(|e| e == "gz") {
        let inflated = MultiGzDecoder::new(reader);
        return Ok(Box::new(BufReader::with_capacity(1 << 17, inflated)));
    }
    Ok(Box::new(reader))
}

/// Whether a read error means that the file itself is damaged: cut off, or not the gzip it says it is.
pub fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput)
}

/// Writes a file as a whole: `fill` gets a buffered writer; the file appears under `path` when all was written and
/// synced, and not at all when `fill` fails.
///
/// # Errors
/// What `fill` returns, or [`EngineError::Io`].
pub fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let temporary = beside(path)?;
    let write = || {
        let file = File::create(&temporary)
            .map_err(|source| EngineError::io(&temporary, "create", source))?;
        let mut writer = BufWriter::with_capacity(1 << 17, file);
        fill(&mut writer)?;
        let file = writer
            .into_inner()
            .map_err(|error| EngineError::io(&temporary, "write", error.into_error()))?;
        file.sync_all()
            .map_err(|source| EngineError::io(&temporary, "sync", source))?;
        fs::rename(&temporary, path).map_err(|source| EngineError::io(path, "rename to", source))
    };
    let written = write();
    if written.is_err() {
        // The file may not exist; the first error is the one to tell.
        fs::remove_file(&temporary).ok();
    } else {
        sync_folder(path)?;
    }
    written
}

/// Writes `files` (name, bytes) as one directory that appears as a whole. A directory that is already there is
/// replaced only when `replace` says that it may be.
///
/// # Errors
/// [`EngineError::Io`]; [`EngineError::Exists`] when there is something at `path` that may not be replaced.
pub fn write_directory(
    path: &Path,
    files: &[(&str, Vec<u8>)],
    replace: impl FnOnce(&Path) -> bool,
) -> Result<(), EngineError> {
    let occupied = path.exists();
    if occupied && !replace(path) {
        return Err(EngineError::Exists { path: path.into() });
    }
    let temporary = beside(path)?;
    let write = || {
        fs::create_dir_all(&temporary)
            .map_err(|source| EngineError::io(&temporary, "create", source))?;
        for (name, bytes) in files {
            let at = temporary.join(name);
            let mut file =
                File::create(&at).map_err(|source| EngineError::io(&at, "create", source))?;
            file.write_all(bytes)
                .and_then(|()| file.sync_all())
                .map_err(|source| EngineError::io(&at, "write", source))?;
        }
        if occupied {
            let old = temporary.with_extension("old");
            fs::rename(path, &old).map_err(|source| EngineError::io(path, "move away", source))?;
            fs::rename(&temporary, path)
                .map_err(|source| EngineError::io(path, "rename to", source))?;
            return fs::remove_dir_all(&old)
                .map_err(|source| EngineError::io(&old, "remove", source));
        }
        fs::rename(&temporary, path).map_err(|source| EngineError::io(path, "rename to", source))
    };
    let written = write();
    if written.is_err() {
        fs::remove_dir_all(&temporary).ok();
    } else {
        sync_folder(path)?;
    }
    written
}

/// A name in the same folder that nobody else uses.
fn beside(path: &Path) -> Result<PathBuf, EngineError> {
    let Some(name) = path.file_name() else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it has no file name");
        return Err(EngineError::io(path, "write", source));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn sync_folder(path: &Path) -> Result<(), EngineError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|source| EngineError::io(folder, "sync", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let refused = write_file(&path, |w| {
            w.write_all(b"half").unwrap();
            Err(EngineError::Exists { path: "x".into() })
        });
        assert!(refused.is_err());
        assert!(names(folder.path()).is_empty());
        write_file(&path, |w| {
            w.write_all(b"all").unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn a_directory_is_replaced_only_with_leave() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        write_directory(&path, &[("a", b"1".to_vec())], |_| false).unwrap();
        assert!(write_directory(&path, &[("a", b"2".to_vec())], |_| false).is_err());
        assert_eq!(fs::read(path.join("a")).unwrap(), b"1");
        write_directory(&path, &[("b", b"3".to_vec())], |_| true).unwrap();
        assert_eq!(names(folder.path()), ["bundle"]);
        assert_eq!(names(&path), ["b"]);
    }
}
