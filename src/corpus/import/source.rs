//! Where the calls are: files, folders, stdin; gzip, size, encoding.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::corpus::{CorpusError, open};

/// Largest file that is read, unpacked, in bytes. A vCon may carry its recording.
pub const MAX_BYTES: u64 = 64 << 20;
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 16;
/// Names of files that may hold calls, as they end.
const ENDINGS: [&str; 7] = [".json", ".jsonl", ".ndjson", ".vcon", ".vtt", ".srt", ".txt"];

/// The files of some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Files in order, folders by name; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// Files in folders that were passed over for their names.
    pub passed_over: usize,
    /// Folders that could not be read, and why.
    pub failed: Vec<CorpusError>,
}

/// Replaces folders by the files in them and below them that may hold calls.
pub fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        match path.is_dir() {
            true => look_into(path, 0, &mut found),
            false => found.files.push(path.clone()),
        }
    }
    found
}

fn look_into(folder: &Path, depth: usize, found: &mut Found) {
    let entries = folder.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            found.failed.push(CorpusError::Io { path: folder.display().to_string(), error });
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        // Links to folders could lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if name.starts_with('.') {
            continue;
        }
        if is_folder {
            if depth < MAX_DEPTH {
                look_into(&entry.path(), depth + 1, found);
            }
        } else if ENDINGS.iter().any(|end| name.trim_end_matches(".gz").ends_with(end)) {
            found.files.push(entry.path());
        } else {
            found.passed_over += 1;
        }
    }
}

/// The text of a file, plain or gzipped.
///
/// # Errors
/// A sentence: it cannot be read, is larger than `limit` bytes, or is not UTF-8.
pub fn read(path: &Path, limit: u64) -> Result<String, String> {
    let said = |error: std::io::Error| format!("cannot read it: {error}");
    let opened = open(path).map_err(|error| match error {
        CorpusError::Io { error, .. } => said(error),
        other => other.to_string(),
    })?;
    let mut bytes = Vec::new();
    opened.take(limit + 1).read_to_end(&mut bytes).map_err(said)?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "it is larger than {} MiB; divide it (one call a file, or one JSON document a line in \
             several files), or leave recordings out of it",
            limit >> 20
        ));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE".into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!(
            "line {line}: the byte 0x{:02x} is not UTF-8; if it is Latin-1, convert it: \
             iconv -f ISO-8859-1 -t UTF-8 FILE",
            bytes[at]
        )
    })
}

/// The name of a file without folder and endings: the id of calls that have none.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().map_or("stdin".into(), |name| name.to_string_lossy().into_owned());
    if name == "-" {
        return "stdin".into();
    }
    let mut stem = name.strip_suffix(".gz").unwrap_or(&name);
    while let Some(end) = ENDINGS.iter().find(|end| stem.to_lowercase().ends_with(*end)) {
        stem = &stem[..stem.len() - end.len()];
    }
    if stem.is_empty() { name } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_looked_into_and_other_files_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("b/c")).unwrap();
        for name in ["b/c/2.json.gz", "b/1.VTT", "a.txt", "x.wav", ".hidden.txt"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = find(&[folder.path().to_path_buf(), PathBuf::from("-")]);
        let names: Vec<String> = found.files.iter().map(|path| stem(path)).collect();
        assert_eq!(names, ["a", "1", "2", "stdin"]);
        assert_eq!(found.passed_over, 1);
    }

    #[test]
    fn what_cannot_be_read_says_how_to_mend_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        for (bytes, expected) in [
            (&b"Agent: a\nAgent: caf\xe9\n"[..], "line 2: the byte 0xe9 is not UTF-8"),
            (b"\xff\xfeA\x00", "UTF-16"),
            (&[b'a'; 41], "larger than"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path, 40).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        std::fs::write(&path, "ok").unwrap();
        assert_eq!(read(&path, 2).as_deref(), Ok("ok"));
        assert!(read(&folder.path().join("none"), 2).unwrap_err().contains("cannot read it"));
    }
}
