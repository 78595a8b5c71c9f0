//! `forewarn train`.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::{Failure, progress};
use crate::call::Call;
use crate::corpus;
use crate::features::SPACE;
use crate::train::pipeline::sources;
use crate::train::recipe::{self, Recipe};
use crate::train::{card, train};

/// Fits a model on recorded calls. The same build on the same kind of processor gives the same
/// file, byte for byte.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn train --corpus data/calls --out models/en-calls.json
  forewarn train --corpus data/calls --corpus my-calls.jsonl.gz --out mine.json --recipe mine.toml

Calls need an outcome; acts, sentiment and reader's risk on turns teach the first level
(data/README.md). The card is written beside the model, with the ending .md.")]
pub(super) struct Args {
    /// Files or folders of calls.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    corpus: Vec<PathBuf>,
    /// Where to write the model.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Recipe [default: that of the model that ships].
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let recipe = recipe(args.recipe.as_deref())?;
    check_target(&args.out)?;
    let files = corpus::read_all(&args.corpus).map_err(Failure::failed)?;
    let calls: Vec<&Call> = files.iter().flat_map(|file| &file.calls).collect();
    let model =
        train(&calls, &recipe, sources(&files), &progress::printer()).map_err(Failure::failed)?;
    write(&args.out, &model.to_json(SPACE))?;
    write(&args.out.with_extension("md"), &card::write(&model, &calls, &command(args)))
}

/// The recipe in `path`, or that of the model that ships.
pub(super) fn recipe(path: Option<&Path>) -> Result<Recipe, Failure> {
    let Some(path) = path else {
        return Recipe::parse(recipe::DEFAULT, "the built-in recipe").map_err(Failure::usage);
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the recipe {name}: {error}")))?;
    Recipe::parse(&text, &name).map_err(Failure::usage)
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

/// The command line as the card gives it.
fn command(args: &Args) -> String {
    let shown = |path: &PathBuf| path.display().to_string();
    let corpus: Vec<String> = args.corpus.iter().map(shown).collect();
    let recipe = args.recipe.as_ref().map(|path| format!(" --recipe {}", shown(path)));
    format!(
        "forewarn train --corpus {} --out {}{}",
        corpus.join(" "),
        shown(&args.out),
        recipe.unwrap_or_default()
    )
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
