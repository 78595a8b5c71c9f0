//! `forewarn train`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::{Failure, lessons, progress};
use crate::corpus;
use crate::features::SPACE;
use crate::train::data::{self, Given, Needed};
use crate::train::teacher::{self, Collection, TeacherRecipe};
use crate::train::{ablation, card, train};

/// Fits a model on recorded calls. The same build on the same kind of processor gives the same
/// file, byte for byte.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn train --corpus data/calls --out models/en-calls.json
  forewarn train --corpus data/calls --corpus my-calls.jsonl.gz --out mine.json --recipe mine.toml
  forewarn train --corpus disputes.jsonl.gz --acts disputes_acts.tsv \\
      --recipe models/en-disputes.toml --out models/en-disputes.json
  forewarn train --teacher models/teachers/tone-en.toml --corpus texts.jsonl.gz --out tone-en.json

Calls need an outcome; acts, sentiment and reader's risk on turns teach the first level
(data/README.md). The card is written beside the model, with the ending .md.")]
pub(super) struct Args {
    /// Files or folders of calls; with --teacher, files of texts.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    corpus: Vec<PathBuf>,
    /// Acts and reader's risk of the calls, from files of their own.
    #[arg(long, num_args = 1.., value_name = "FILE.tsv")]
    acts: Vec<PathBuf>,
    /// Where to write the model.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Recipe [default: that of the model that ships].
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Also print what each block of the recipe's columns brings: the risk head fitted again
    /// without it, on held-out calls.
    #[arg(long, conflicts_with = "teacher")]
    ablate: bool,
    /// Fit a teacher by this recipe instead of a model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recipe", "acts"])]
    teacher: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    check_target(&args.out)?;
    if let Some(recipe) = &args.teacher {
        return fit_teacher(args, recipe);
    }
    let corpus = lessons::read(&args.corpus, &args.acts)?;
    let mut materials = corpus.materials(args.recipe.as_deref())?;
    materials.ablate = args.ablate;
    let calls = corpus.calls();
    let trained = train(&calls, &materials, &progress::printer()).map_err(Failure::failed)?;
    write(&args.out, &trained.model.to_json(SPACE))?;
    let card = card::write(&trained, &calls, &command(args), &materials.recipe.weaknesses);
    write(&args.out.with_extension("md"), &card)?;
    if args.ablate {
        let table = ablation::markdown(&trained.ablations);
        std::io::stdout().write_all(table.as_bytes()).map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

fn fit_teacher(args: &Args, path: &Path) -> Result<(), Failure> {
    let name = path.display().to_string();
    let recipe = TeacherRecipe::parse(&lessons::text(path, "recipe")?, &name);
    let recipe = recipe.map_err(Failure::usage)?;
    let given = corpus::expand(&args.corpus).map_err(Failure::failed)?;
    let given: Vec<Given> = given
        .into_iter()
        .map(|path| Ok(Given { sha256: corpus::checksum(&path).map_err(Failure::failed)?, path }))
        .collect::<Result<_, Failure>>()?;
    let texts = |collection: &Collection| {
        let needed = Needed::from(collection);
        let found = data::find(&needed, &given, &name).map_err(Failure::usage)?;
        corpus::texts(&found.path).map_err(Failure::failed)
    };
    let texts: Vec<_> = recipe.collections.iter().map(texts).collect::<Result<_, _>>()?;
    let teacher = teacher::fit(&recipe, &texts, &progress::printer()).map_err(Failure::failed)?;
    write(&args.out, &teacher.to_json())
}

/// A run of minutes should not end with a folder that is not there.
fn check_target(out: &Path) -> Result<(), Failure> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::Usage(format!(
            "cannot write {}: the folder {} does not exist",
            out.display(),
            folder.display()
        )));
    }
    Ok(())
}

/// The command line as the card gives it. Of corpora from elsewhere only the file's name.
fn command(args: &Args) -> String {
    let shown = |path: &PathBuf| {
        let far = path.is_absolute() || path.starts_with("..");
        let name = path.file_name().filter(|_| far).map(Path::new);
        name.unwrap_or(path).display().to_string()
    };
    let own = |paths: &[PathBuf]| paths.iter().map(shown).collect::<Vec<_>>().join(" ");
    let mut command = format!("forewarn train --corpus {}", own(&args.corpus));
    if !args.acts.is_empty() {
        command += &format!(" --acts {}", own(&args.acts));
    }
    if let Some(recipe) = &args.recipe {
        command += &format!(" --recipe {}", shown(recipe));
    }
    command + &format!(" --out {}", shown(&args.out))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
