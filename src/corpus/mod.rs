//! Reading recorded calls, their annotation, and labelled texts: JSON Lines, plain or gzipped, from files, folders or stdin.

mod annotation;
pub mod import;
mod redact;
mod texts;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::call::Call;
use crate::text::redact::Redactor;

pub use annotation::annotate;
pub use redact::redact;
pub use texts::{LabelledText, texts};

/// Why a corpus could not be read.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// The file cannot be opened or read.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A line is no call.
    #[error("{path}:{line}: {message}")]
    Line {
        /// Which file.
        path: String,
        /// 1-based.
        line: usize,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// Nothing to work on.
    #[error("{path}: no calls in it; expected one JSON object a line (data/README.md)")]
    Empty {
        /// Which file or folder.
        path: String,
    },
}

/// Opens `path` for reading; `-` is stdin, a gzip header is recognised whatever the name.
///
/// # Errors
/// [`CorpusError::Io`].
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, CorpusError> {
    let failed = |error| CorpusError::Io { path: path.display().to_string(), error };
    let raw: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut reader = BufReader::new(raw);
    let zipped = reader.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    if zipped {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// The calls of one file, in order, one at a time, redacted. Blank lines are skipped.
///
/// # Errors
/// As [`CorpusError`]; the iterator ends after an I/O error.
pub fn calls(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Call, CorpusError>> + use<>, CorpusError> {
    let redactor = Redactor::default();
    Ok(calls_as_said(path)?.map(move |call| {
        call.map(|mut call| {
            redact(&mut call, &redactor);
            call
        })
    }))
}

/// The same, not redacted: what a platform has.
fn calls_as_said(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Call, CorpusError>> + use<>, CorpusError> {
    let name = path.display().to_string();
    let lines = open(path)?.lines().enumerate();
    Ok(lines.filter_map(move |(index, line)| {
        let line = match line {
            Ok(line) => line,
            Err(error) => return Some(Err(line_error(&name, index, &error.to_string()))),
        };
        // Editors of one system put a byte order mark before the first line.
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(&line);
        if line.trim().is_empty() {
            return None;
        }
        Some(Call::parse(line).map_err(|message| line_error(&name, index, &message)))
    }))
}

fn line_error(path: &str, index: usize, message: &str) -> CorpusError {
    CorpusError::Line { path: path.into(), line: index + 1, message: message.into() }
}

/// One corpus file and its checksum.
#[derive(Clone, Debug)]
pub struct CorpusFile {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its calls.
    pub calls: Vec<Call>,
}

/// Reads all of `paths`, redacted; a folder stands for its `.jsonl` and `.jsonl.gz` files by name.
///
/// # Errors
/// The first [`CorpusError`] met; also when an id occurs twice.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<CorpusFile>, CorpusError> {
    let mut files = read_as_said(paths)?;
    let redactor = Redactor::default();
    for call in files.iter_mut().flat_map(|file| &mut file.calls) {
        redact(call, &redactor);
    }
    Ok(files)
}

/// The same, not redacted: for `replay`, which sends what a platform would.
///
/// # Errors
/// As [`read_all`].
pub fn read_as_said(paths: &[PathBuf]) -> Result<Vec<CorpusFile>, CorpusError> {
    let mut files = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for path in expand(paths)? {
        let calls = calls_as_said(&path)?.collect::<Result<Vec<_>, _>>()?;
        if calls.is_empty() {
            return Err(CorpusError::Empty { path: path.display().to_string() });
        }
        for (index, call) in calls.iter().enumerate() {
            if !seen.insert(call.id.clone()) {
                let message = format!("the id `{}` occurs twice", call.id);
                return Err(line_error(&path.display().to_string(), index, &message));
            }
        }
        let sha256 = checksum(&path)?;
        files.push(CorpusFile { path, sha256, calls });
    }
    Ok(files)
}

/// Replaces folders by the corpus files in them.
///
/// # Errors
/// [`CorpusError::Io`], or [`CorpusError::Empty`] for a folder without any.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CorpusError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let name = path.display().to_string();
        let failed = |error| CorpusError::Io { path: name.clone(), error };
        let mut inside = Vec::new();
        for entry in path.read_dir().map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned());
            if name.is_some_and(|n| n.ends_with(".jsonl") || n.ends_with(".jsonl.gz")) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(CorpusError::Empty { path: name });
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// SHA-256 of a file's bytes, in hex; `stdin` for what is read from there.
///
/// # Errors
/// [`CorpusError::Io`].
pub fn checksum(path: &Path) -> Result<String, CorpusError> {
    if path.as_os_str() == "-" {
        return Ok("stdin".into());
    }
    let bytes = std::fs::read(path)
        .map_err(|error| CorpusError::Io { path: path.display().to_string(), error })?;
    Ok(checksum_of(&bytes))
}

/// SHA-256 of `bytes`, in hex.
pub fn checksum_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LINE: &str = r#"{"id":"x-1","turns":[{"speaker":"agent","text":"hi"}]}"#;

    #[test]
    fn gzip_is_recognised_by_content_and_folders_expand() {
        let folder = tempfile::tempdir().unwrap();
        let zipped = std::fs::File::create(folder.path().join("a.jsonl.gz")).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(zipped, flate2::Compression::fast());
        writeln!(encoder, "{LINE}\n").unwrap();
        encoder.finish().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not a corpus").unwrap();
        // With a byte order mark and the line ends of another system.
        let other = LINE.replace("x-1", "x-9");
        std::fs::write(folder.path().join("b.jsonl"), format!("\u{FEFF}{other}\r\n")).unwrap();
        let files = read_all(&[folder.path().to_path_buf()]).unwrap();
        assert_eq!((files.len(), files[0].calls.len(), files[0].sha256.len()), (2, 1, 64));
        assert_eq!(files[1].calls[0].id, "x-9");
    }

    #[test]
    fn errors_name_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        std::fs::write(&path, format!("{LINE}\n{{\"id\":\"x-2\"}}\n")).unwrap();
        let message = read_all(&[path]).unwrap_err().to_string();
        assert!(message.contains("bad.jsonl:2:") && message.contains("turns"), "{message}");
        assert!(Call::parse("[]").unwrap_err().contains("one JSON object"));
        assert!(Call::parse(r#"{"id":1,"turns":[]}"#).unwrap_err().ends_with("at column 7"));
        assert!(
            Call::parse(r#"{"id":"a","outcome":{"escalated":true,"turn":5},"turns":[]}"#).is_err()
        );
    }
}
