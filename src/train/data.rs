//! Files that a recipe was written for, and whether they are the ones at hand.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::corpus::CorpusFile;
use crate::model::Source;

/// A file that a recipe needs. It is not part of the project; the recipe says where to get it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needed {
    /// Its name, without folders.
    pub file: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its licence, as stated at its source.
    pub licence: String,
    /// What it is and where it comes from.
    pub source: String,
}

/// A file that a recipe needs is absent, or another one.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Missing(String);

/// A file at hand and its checksum.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Given {
    /// Its name without folders.
    pub fn name(&self) -> String {
        name(&self.path)
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Names, checksums and sizes of `files`, for the model file.
pub fn sources(files: &[CorpusFile]) -> Vec<Source> {
    let source = |file: &CorpusFile| Source {
        file: name(&file.path),
        sha256: file.sha256.clone(),
        licence: None,
        calls: file.calls.len(),
    };
    files.iter().map(source).collect()
}

/// Finds `needed` among the files at hand.
///
/// # Errors
/// [`Missing`] says which file, what it is, and whether one of that name is another.
pub fn find<'a>(needed: &Needed, given: &'a [Given], recipe: &str) -> Result<&'a Given, Missing> {
    if let Some(found) = given.iter().find(|given| given.sha256 == needed.sha256) {
        return Ok(found);
    }
    let Needed { file, sha256, licence, source } = needed;
    let namesake = given.iter().find(|given| given.name() == *file);
    let found = namesake.map_or_else(
        || "it was not given".to_owned(),
        |other| {
            format!("{} is another file: its SHA-256 is {}", other.path.display(), other.sha256)
        },
    );
    Err(Missing(format!(
        "the recipe {recipe} needs {file} ({source}; licence {licence}; SHA-256 {sha256}), but \
         {found}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_checksum_not_its_name() {
        let needed = Needed {
            file: "a.jsonl".into(),
            sha256: "11".into(),
            licence: "MIT".into(),
            source: "somewhere".into(),
        };
        let given = |name: &str, sha256: &str| Given { path: name.into(), sha256: sha256.into() };
        let renamed = [given("dir/b.jsonl", "11")];
        assert_eq!(find(&needed, &renamed, "r.toml").unwrap(), &renamed[0]);
        let refused = |given: &[Given]| find(&needed, given, "r.toml").unwrap_err().to_string();
        assert!(refused(&[]).contains("needs a.jsonl (somewhere; licence MIT; SHA-256 11)"));
        assert!(refused(&[given("dir/a.jsonl", "22")]).contains("dir/a.jsonl is another file"));
    }
}
