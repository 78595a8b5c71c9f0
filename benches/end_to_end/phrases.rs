//! A long phrase list: the one that ships, and as many made-up phrases as are wanted.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::ensure;

use crate::messages::Turns;

const SHIPPED: &str = include_str!("../../data/triggers.toml");
const PHRASES_OF_A_CATEGORY: usize = 100;
const LONGEST_TURN: usize = 25;

/// Writes a rules file with `count` phrases beside those that ship. Half of them are three to six
/// words in a row of the corpus's turns, so that the matcher meets them, about two in each turn; the
/// other half begin like those and end with a word that nobody says.
///
/// # Errors
/// When there are not so many, or the file cannot be written.
pub fn write(turns: &Turns, count: usize) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut toml = SHIPPED.to_owned();
    let phrases: Vec<String> = generated(turns).take(count).collect();
    ensure!(phrases.len() == count, "the corpus makes {} phrases only", phrases.len());
    for (place, phrase) in phrases.iter().enumerate() {
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

/// The same ones in every run: from the beginnings of all turns, then from further on.
fn generated(turns: &Turns) -> impl Iterator<Item = String> {
    let turns = turns.all();
    let starts = (0..LONGEST_TURN).step_by(3);
    let places = starts.flat_map(move |start| turns.iter().map(move |turn| (start, turn)));
    places.enumerate().filter_map(|(place, (start, turn))| {
        let words = turn.text.split(' ').skip(start).take(3 + place % 4);
        let mut words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
        let plain = |word: &String| word.chars().all(|letter| letter.is_ascii_alphabetic());
        let usable = words.len() >= 3 && words.iter().all(|word| !word.is_empty() && plain(word));
        if place % 2 == 1 {
            words.push(format!("zyx{place}"));
        }
        usable.then(|| words.join(" "))
    })
}
