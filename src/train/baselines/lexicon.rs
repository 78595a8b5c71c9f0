//! Sentiment by counting words, as tools without a model do it.
//!
//! The rules are those of VADER (Hutto & Gilbert 2014): valences from −4 to 4, boosters, negation
//! in the three words before, what follows a "but" counts more, exclamation marks; the sum `s`
//! becomes `s / √(s² + 15)`. The list is our own and short.

use crate::text::tokenise;

/// Words to each side of zero, strongest first, with their valence.
#[rustfmt::skip]
const VALENCES: [(f64, &str); 8] = [
    (-3.2, "hate disgusting disgraceful appalling atrocious scam fraud liar liars lying stupid idiot idiots pathetic \
            horrible horrendous outrageous furious abysmal criminal"),
    (-2.4, "terrible awful worst ridiculous unacceptable useless angry rude joke nightmare incompetent disgrace \
            shocking insane sick lied lie threatened insulting robbed stolen steal shameful livid"),
    (-1.7, "bad upset frustrated frustrating annoyed annoying disappointed disappointing wrong fail failed fails \
            problem problems broken worse worried worry fault damn hell mess wasted waste fed unfair sad poor \
            stressed stressful refuse refused ignored suffering scared afraid crying ruined damaged"),
    (-1.0, "unhappy confused confusing mistake error late delay delayed lost missing tired stuck unfortunately \
            overcharged hassle hurt trouble difficult impossible sorry blame doubt sigh complaint issue issues \
            cost debt dead pain cancel slow"),
    (1.0, "okay fine fair hope hopefully calm clear easy sure agree understand useful solved fixed ready \
           reasonable safe yes"),
    (1.7, "good glad thanks thank nice kind help helped helpful better appreciate relief relieved pleased \
           comfortable works worked resolved smooth polite patient welcome laugh"),
    (2.4, "great happy lovely brilliant love excellent delighted fantastic super cheers grateful impressed enjoy \
           fun beautiful cool"),
    (3.2, "perfect wonderful amazing awesome outstanding superb best thrilled"),
];
const BOOSTERS: &str = "very really so extremely absolutely completely totally incredibly utterly too \
                        bloody damn fucking freaking particularly";
const DAMPERS: &str = "slightly somewhat little bit kind sort almost barely hardly partly";
const NEGATIONS: &str = "not no never nothing nobody none neither nor without isn't aren't wasn't weren't don't \
                         doesn't didn't won't wouldn't can't couldn't shouldn't haven't hasn't hadn't ain't";

/// What a booster adds to the size of a valence, by VADER.
const BOOST: f64 = 0.293;
/// What remains of a booster one, two and three words away.
const DECAY: [f64; 3] = [1.0, 0.95, 0.9];
/// What a negation makes of a valence.
const NEGATED: f64 = -0.74;
/// What an exclamation mark adds, four of them at most.
const EXCLAMATION: f64 = 0.292;
/// Keeps the sum of a usual sentence in the middle of the range.
const NORMALISATION: f64 = 15.0;

/// Sentiment of `text`, −1 … 1.
pub fn sentiment(text: &str) -> f64 {
    let words: Vec<String> = tokenise(text).into_iter().map(|token| token.word).collect();
    let but = words.iter().rposition(|word| word == "but");
    let mut sum = 0.0;
    for (index, word) in words.iter().enumerate() {
        let Some(valence) = valence(word) else { continue };
        let side = match but {
            Some(at) if index < at => 0.5,
            Some(at) if index > at => 1.5,
            _ => 1.0,
        };
        sum += side * in_context(&words[index.saturating_sub(3)..index], valence);
    }
    let shouts = text.chars().filter(|&c| c == '!').count().min(4) as f64;
    if sum != 0.0 {
        sum += sum.signum() * shouts * EXCLAMATION;
    }
    sum / (sum * sum + NORMALISATION).sqrt()
}

/// `valence` after the up to three words before it.
fn in_context(before: &[String], valence: f64) -> f64 {
    let mut size = valence.abs();
    for (word, decay) in before.iter().rev().zip(DECAY) {
        if listed(BOOSTERS, word) {
            size += BOOST * decay;
        } else if listed(DAMPERS, word) {
            size -= BOOST * decay;
        }
    }
    let negated = before.iter().any(|word| listed(NEGATIONS, word));
    valence.signum() * size * if negated { NEGATED } else { 1.0 }
}

fn valence(word: &str) -> Option<f64> {
    VALENCES.iter().find(|(_, words)| listed(words, word)).map(|(valence, _)| *valence)
}

fn listed(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|own| own == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_worked_out_by_hand() {
        let expected = -(2.4 + 0.293) / f64::sqrt(2.693 * 2.693 + 15.0);
        assert!((sentiment("this is very rude") - expected).abs() < 1e-12);
        assert_eq!(sentiment("the number is nine"), 0.0);
    }

    #[test]
    fn negation_turns_boosters_strengthen_and_what_follows_a_but_counts_more() {
        assert!(sentiment("not good") < 0.0 && sentiment("good") > 0.0);
        assert!(sentiment("not bad") > 0.0);
        assert!(sentiment("really awful") < sentiment("awful"));
        assert!(sentiment("awful!!") < sentiment("awful"));
        assert!(sentiment("good but bad") < 0.0 && sentiment("bad but good") > 0.0);
    }

    #[test]
    fn no_word_is_listed_twice() {
        let mut words: Vec<&str> =
            VALENCES.iter().flat_map(|(_, words)| words.split_ascii_whitespace()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert!(words.len() == count && count > 150, "{count}");
    }
}
