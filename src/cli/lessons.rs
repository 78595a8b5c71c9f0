//! What a training is made from, read and checked: calls, annotation, recipe, teacher.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::call::Call;
use crate::corpus::{self, CorpusFile};
use crate::model::Source;
use crate::train::data::{self, Given};
use crate::train::teacher::Teacher;
use crate::train::{Materials, Recipe, recipe};

/// The teacher that ships.
const TONE: (&str, &str) = ("tone-en", include_str!("../../models/teachers/tone-en.json"));

/// Calls from files, and the annotation files that were put into them.
pub(super) struct Corpus {
    pub files: Vec<CorpusFile>,
    acts: Vec<Given>,
}

/// Reads calls and puts the annotation in `acts` into them.
pub(super) fn read(paths: &[PathBuf], acts: &[PathBuf]) -> Result<Corpus, Failure> {
    let mut files = corpus::read_all(paths).map_err(Failure::failed)?;
    let mut given = Vec::new();
    for path in acts {
        let calls = files.iter_mut().flat_map(|file| &mut file.calls);
        corpus::annotate(path, calls).map_err(Failure::failed)?;
        let sha256 = corpus::checksum(path).map_err(Failure::failed)?;
        given.push(Given { path: path.clone(), sha256 });
    }
    Ok(Corpus { files, acts: given })
}

impl Corpus {
    /// All calls.
    pub(super) fn calls(&self) -> Vec<&Call> {
        self.files.iter().flat_map(|file| &file.calls).collect()
    }

    /// What a training by the recipe in `path`, or by the one that ships, is made from.
    pub(super) fn materials(&self, path: Option<&Path>) -> Result<Materials, Failure> {
        let name = path.map_or("the built-in recipe".into(), |path| path.display().to_string());
        let recipe = match path {
            None => Recipe::parse(recipe::DEFAULT, &name),
            Some(path) => Recipe::parse(&text(path, "recipe")?, &name),
        };
        let recipe = recipe.map_err(Failure::usage)?;
        let calls = self.files.iter().map(|file| {
            let given = Given { path: file.path.clone(), sha256: file.sha256.clone() };
            (given, file.calls.len())
        });
        let files: Vec<(Given, usize)> =
            calls.chain(self.acts.iter().map(|acts| (acts.clone(), 0))).collect();
        let given: Vec<Given> = files.iter().map(|(given, _)| given.clone()).collect();
        for needed in &recipe.data {
            data::find(needed, &given, &name).map_err(Failure::usage)?;
        }
        let source = |(given, calls): (Given, usize)| Source {
            licence: licence(&recipe, &given.sha256),
            file: given.name(),
            sha256: given.sha256,
            calls,
        };
        let mut sources: Vec<Source> = files.into_iter().map(source).collect();
        let teacher = match recipe.teacher.as_deref() {
            None => None,
            Some(name) => {
                let (teacher, source) = teacher(name)?;
                sources.push(source);
                Some(teacher)
            }
        };
        Ok(Materials { recipe, teacher, sources, ablate: false })
    }
}

fn licence(recipe: &Recipe, sha256: &str) -> Option<String> {
    let needed = recipe.data.iter().find(|needed| needed.sha256 == sha256)?;
    Some(needed.licence.clone())
}

/// The teacher called `name`, or in the file `name`.
fn teacher(name: &str) -> Result<(Teacher, Source), Failure> {
    let (json, file) = if name == TONE.0 {
        (TONE.1.to_owned(), format!("{name}.json"))
    } else {
        let path = Path::new(name);
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (text(path, "teacher")?, file)
    };
    let teacher = Teacher::parse(&json, name).map_err(Failure::usage)?;
    let sha256 = corpus::checksum_of(json.as_bytes());
    Ok((teacher, Source { file, sha256, licence: None, calls: 0 }))
}

/// The text of a file that holds a `what`.
pub(super) fn text(path: &Path, what: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("cannot read the {what} {}: {error}", path.display()))
    })
}
