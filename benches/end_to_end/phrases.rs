//! A long phrase list: the one that ships, and as many made-up phrases as are wanted.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::messages::Turns;

const SHIPPED: &str = include_str!("../../data/triggers.toml");
const PHRASES_OF_A_CATEGORY: usize = 100;

/// Writes a rules file with `count` phrases beside those that ship. Half of them are two to five
/// words in a row of the corpus's turns, so that the matcher meets them; the other half begin like
/// those and end with a word that nobody says.
///
/// # Errors
/// When it cannot be written.
pub fn write(turns: &Turns, count: usize) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut toml = SHIPPED.to_owned();
    for (place, phrase) in generated(turns).take(count).enumerate() {
        if place % PHRASES_OF_A_CATEGORY == 0 {
            let category = place / PHRASES_OF_A_CATEGORY;
            close(&mut toml, place);
            write!(
                toml,
                "\n[[category]]\nid = \"bench_{category}\"\nlabel = \"bench {category}\"\n\
                 who = \"any\"\nphrases = [\n"
            )?;
        }
        writeln!(toml, "  \"{phrase}\",")?;
    }
    close(&mut toml, count);
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    file.write_all(toml.as_bytes())?;
    Ok(file)
}

/// Ends the category before, if there is one.
fn close(toml: &mut String, place: usize) {
    if place > 0 {
        toml.push_str("]\n");
    }
}

/// The same ones in every run, again from the beginning when there are no more.
fn generated(turns: &Turns) -> impl Iterator<Item = String> {
    let plain = |word: &str| word.chars().all(|letter| letter.is_ascii_alphabetic());
    (0..)
        .flat_map(move |from: usize| turns.all().iter().map(move |turn| (from, turn)))
        .enumerate()
        .filter_map(move |(place, (from, turn))| {
            let words = turn.text.split(' ').skip(from * 3).take(2 + place % 4);
            let mut words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
            let usable =
                words.len() >= 2 && words.iter().all(|word| !word.is_empty() && plain(word));
            if place % 2 == 1 && usable {
                words.push(format!("zyx{place}"));
            }
            usable.then(|| words.join(" "))
        })
}
