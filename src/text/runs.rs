//! What the features do not tell apart: numbers, dates and addresses that are read out.
//!
//! A run of three digits or more, however it is said, is one word `#` to the features; so is a
//! date with its month, and an address around `dot` and `at`. Redaction replaces only what is
//! such a run, and a placeholder is one. So the features of a call are the same whether a number
//! was masked or not, in how many chunks it came, and what was masked of it at which cut.
//!
//! Words are taken as they come. Where one makes a run of what was said before it, the answer is
//! [`Verdict::Join`], and the caller reads the turn again without those words.

use super::class::Class;
use super::for_each_token;
use super::redact::Kind;

/// Digits or number words from which on they are a run.
const LONG: u8 = 3;

/// What becomes of a word in the list of the words of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is one more word.
    Push,
    /// It is part of the run that the last word of the list stands for.
    Absorb,
    /// It and so many of the last words of the list are one run: `#` takes their place.
    Join(usize),
}

/// How the words of a speaker ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// In a run, which the speaker may go on with.
    pub in_run: bool,
    /// What of it was redacted last.
    pub masked: Option<Kind>,
}

/// The run that is open in a turn, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Runs {
    number: Option<Number>,
    address: Address,
    /// The speaker's turn before ended in a run.
    before: Ending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Number {
    /// Words of the list that it takes.
    words: usize,
    /// Digits and number words, up to [`LONG`].
    weight: u8,
    /// An ordinal is the newest of it; a month would make it a date.
    ordinal: bool,
    /// Begins with a month; a number would make it a date.
    month: bool,
    masked: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Address {
    #[default]
    None,
    /// A word of it was the newest.
    Word,
    /// A `dot` was, so the next word belongs to it.
    Dot,
}

impl Runs {
    /// Of a turn that begins; the speaker's last one ended so.
    pub fn after(before: Ending) -> Runs {
        Runs { before, ..Runs::default() }
    }

    /// How the turn ends, if it ends here.
    pub fn ending(&self) -> Ending {
        match self.number {
            Some(number) if number.weight >= LONG => Ending { in_run: true, masked: number.masked },
            Some(_) => Ending::default(),
            None => self.before,
        }
    }

    /// Whether words that follow may go on with words before.
    pub fn is_open(&self) -> bool {
        self.number.is_some() || self.in_address() || self.before.in_run
    }

    /// Whether an address is open.
    pub fn in_address(&self) -> bool {
        self.address != Address::None
    }

    /// Takes the next word. `prior(n)` is the class of the `n`-th last word of the list, from 0;
    /// that of `#` is a number.
    pub fn take(&mut self, class: Class, prior: impl Fn(usize) -> Option<Class>) -> Verdict {
        match (self.address, class) {
            (Address::Dot, _) => {
                self.address = Address::Word;
                return Verdict::Absorb;
            }
            (Address::Word, Class::Dot) => {
                self.address = Address::Dot;
                return Verdict::Absorb;
            }
            _ => self.address = Address::None,
        }
        let before = std::mem::take(&mut self.before);
        match class {
            Class::Number(weight) => self.count(weight, None, before),
            Class::Placeholder(Kind::Email) => self.open_address(0, Address::Word, prior),
            Class::Placeholder(kind) => self.count(LONG, Some(kind), before),
            Class::Dot => {
                let own = usize::from(prior(0).is_some_and(|class| class != Class::At));
                self.open_address(own, Address::Dot, prior)
            }
            Class::Filler if self.number.is_none() => {
                self.before = before;
                Verdict::Push
            }
            Class::Plain | Class::Letter | Class::At => self.close(),
            _ => self.part(class),
        }
    }

    /// A number, or what stands for one.
    fn count(&mut self, weight: u8, masked: Option<Kind>, before: Ending) -> Verdict {
        let mut number = self.number.unwrap_or_default();
        if number.weight >= LONG {
            number.masked = masked.or(number.masked);
            self.number = Some(number);
            return Verdict::Absorb;
        }
        let goes_on = before.in_run && self.number.is_none();
        number.weight = match number.month || goes_on {
            true => LONG,
            false => (number.weight + weight.min(LONG)).min(LONG),
        };
        number.masked = masked.or(before.masked.filter(|_| goes_on));
        self.settle(number)
    }

    /// Anything else that can be part of a number or a date.
    fn part(&mut self, class: Class) -> Verdict {
        let Some(mut number) = self.number else { return self.begin(class) };
        if number.weight >= LONG {
            return if class == Class::Of { self.close() } else { Verdict::Absorb };
        }
        match class {
            Class::Oh => number.weight += u8::from(number.weight > 0),
            // Only a digit after it makes the number longer.
            Class::Times(more) => number.weight = (number.weight + more).min(LONG - 1),
            Class::Filler => {}
            Class::Of if number.ordinal || number.month => {}
            Class::Of => return self.close(),
            Class::Ordinal if number.month => number.weight = LONG,
            Class::Ordinal => number.ordinal = true,
            Class::Month if number.ordinal || number.weight > 0 => number.weight = LONG,
            _ => number.month = true,
        }
        self.settle(number)
    }

    /// A word that no number goes on with.
    fn close(&mut self) -> Verdict {
        self.number = None;
        Verdict::Push
    }

    /// The first word of what may become a run.
    fn begin(&mut self, class: Class) -> Verdict {
        let mut number = Number { words: 1, ..Number::default() };
        match class {
            Class::Oh => {}
            Class::Times(more) => number.weight = more,
            Class::Ordinal => number.ordinal = true,
            Class::Month => number.month = true,
            _ => return Verdict::Push,
        }
        self.number = Some(number);
        Verdict::Push
    }

    /// Adds the word that has just been counted.
    fn settle(&mut self, mut number: Number) -> Verdict {
        let verdict = match number.weight >= LONG {
            true => Verdict::Join(number.words),
            false => Verdict::Push,
        };
        number.words = if verdict == Verdict::Push { number.words + 1 } else { 1 };
        self.number = Some(number);
        verdict
    }

    /// An address to which the last `own` words belong. What can be its first part does, too:
    /// letters and numbers, and a word before `at`.
    fn open_address(
        &mut self,
        own: usize,
        newest: Address,
        prior: impl Fn(usize) -> Option<Class>,
    ) -> Verdict {
        self.number = None;
        self.address = newest;
        let mut words = own;
        loop {
            match prior(words) {
                Some(Class::Letter | Class::Number(_) | Class::Oh | Class::Times(_)) => words += 1,
                Some(Class::At) => words += 1 + usize::from(prior(words + 1).is_some()),
                _ => return Verdict::Join(words),
            }
        }
    }
}

/// The words of a turn as the features read them.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    runs: Runs,
    list: Vec<(String, Class)>,
}

impl Reader {
    /// A turn that begins; the speaker's last one ended so.
    pub fn after(before: Ending) -> Reader {
        Reader { runs: Runs::after(before), list: Vec::new() }
    }

    /// Takes the words of `text`.
    pub fn take(&mut self, text: &str) {
        for_each_token(text, &mut String::new(), |word, start, end| {
            let class = Class::of(word, end - start);
            let list = &self.list;
            let prior = |n: usize| list.len().checked_sub(n + 1).map(|at| list[at].1);
            match self.runs.take(class, prior) {
                Verdict::Push => self.list.push((word.to_owned(), class)),
                Verdict::Absorb => {}
                Verdict::Join(words) => {
                    self.list.truncate(self.list.len() - words);
                    self.list.push(("#".into(), Class::Number(LONG)));
                }
            }
        });
    }

    /// What is open after its words.
    pub fn runs(&self) -> Runs {
        self.runs
    }

    /// Its words.
    pub fn words(self) -> Vec<String> {
        self.list.into_iter().map(|(word, _)| word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut reader = Reader::default();
        reader.take(text);
        reader.words().join(" ")
    }

    #[test]
    fn ordinary_speech_stays_as_it_is() {
        for text in [
            "i called three times",
            "one of them said two hundred",
            "no one double charged me",
            "oh this is the third time in march",
            "the first of many",
            "can i speak to someone at the branch",
            "you may go",
        ] {
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn what_is_read_out_is_one_word() {
        for text in [
            "it is 4111 1111 1111 1111 thanks",
            "it is four one uh one one dash double five thanks",
            "it is [card] thanks",
            "it is four [card] thanks",
            "it is march the fourth nineteen eighty thanks",
            "it is the 4th of march 1980 thanks".replace("the ", "").as_str(),
            "it is triple five thanks",
            "it is oh seven oh nine thanks",
            "it is john dot smith at example dot com thanks",
            "it is j o h n at example dot co dot uk thanks",
            "it is [email] thanks",
            "it is [email] at example dot com thanks",
            "it is john dot [email] thanks",
            "it is AB12345 thanks",
        ] {
            assert_eq!(read(text), "it is # thanks", "{text}");
        }
    }
}
