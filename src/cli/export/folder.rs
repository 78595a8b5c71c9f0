//! A folder with a file for each call, which other programs take one by one.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Calls;
use super::out::{about, make};
use crate::cli::Failure;
use crate::wire::exports::{vcon, webvtt};
use crate::wire::lists::CallDetail;

/// Longest part of a call's id in the name of a file.
const MAX_NAME_CHARS: usize = 80;

/// How a call becomes the text of a file.
#[derive(Clone, Copy)]
pub(super) struct Form {
    extension: &'static str,
    encode: fn(&CallDetail) -> serde_json::Result<String>,
}

pub(super) const VCON: Form = Form { extension: "vcon", encode: vcon::encode };
pub(super) const VTT: Form = Form { extension: "vtt", encode: |call| Ok(webvtt::encode(call)) };

pub(super) struct Folder {
    path: PathBuf,
    form: Form,
}

impl Folder {
    /// Makes the folder, or takes an empty one.
    pub fn open(path: &Path, form: Form) -> Result<Folder, Failure> {
        let open = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            match fs::read_dir(path)?.next() {
                Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                None => Ok(()),
            }
        };
        open().map_err(|error| about(path, &error))?;
        Ok(Folder { path: path.to_owned(), form })
    }
}

impl Calls for Folder {
    fn call(&mut self, call: &CallDetail, _: bool) -> Result<(), Failure> {
        let name = file_name(&call.view.call_id, call.number, self.form.extension);
        let path = self.path.join(name);
        let text = (self.form.encode)(call).map_err(Failure::failed)?;
        let written = make(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| about(&path, &error))
    }

    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure> {
        written
    }
}

/// The id as far as every file system takes it, with the number that tells it from all others.
fn file_name(call_id: &str, number: u64, extension: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = call_id.chars().take(MAX_NAME_CHARS).map(safe).collect();
    // A name that begins with a point is hidden.
    let name = name.trim_start_matches('.');
    format!("{name}-{number}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_and_differ() {
        assert_eq!(file_name("c-7", 3, "vtt"), "c-7-3.vtt");
        assert_eq!(file_name("../../etc/passwd", 3, "vcon"), "_.._etc_passwd-3.vcon");
        assert_eq!(file_name("...", 4, "vtt"), "-4.vtt");
        assert_eq!(file_name("ü b\0", 5, "vtt"), "__b_-5.vtt");
        assert!(file_name(&"x".repeat(256), 6, "vtt").len() < 100);
    }
}
