//! The compiled matcher and the few words of state it carries from chunk to chunk.

use super::list::PhraseList;
use super::pattern::{Step, expand};
use super::tree::{Branch, Tree};
use crate::call::Speaker;
use crate::text::{Lexicon, Pairs, WordId};

/// Words before a phrase in which a negation undoes it.
const NEGATION_WINDOW: u32 = 3;
#[rustfmt::skip]
const NEGATIONS: [&str; 18] = [
    "not", "never", "no", "without", "don't", "doesn't", "didn't", "isn't", "aren't", "wasn't",
    "weren't", "won't", "wouldn't", "haven't", "hasn't", "nor", "nothing", "neither",
];

/// Where a word stands in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// `seq` of the chunk that holds it.
    pub seq: u64,
    /// First code point in that chunk's text.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
}

/// A phrase that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Index into [`PhraseList::phrases`].
    pub phrase: u32,
    /// Its first word.
    pub from: Place,
    /// Its last word.
    pub to: Place,
}

/// Partial matches of the open turn. Empty at the start of every turn.
#[derive(Clone, Debug, Default)]
pub struct MatchState {
    active: Vec<Active>,
    words: u32,
    last_negation: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    link: Link,
    from: Place,
    negated: bool,
}

impl MatchState {
    /// Forgets everything: a new turn begins.
    pub fn clear(&mut self) {
        self.active.clear();
        self.words = 0;
        self.last_negation = None;
    }
}

/// A [`PhraseList`] compiled against a [`Lexicon`].
#[derive(Debug, Default)]
pub struct Matcher {
    nodes: Vec<Node>,
    /// Where exact words lead from each node but the first, as [`Link`]s.
    edges: Pairs,
    /// Phrases that end, node by node.
    ends: Vec<u32>,
    /// By their numbers.
    words: Vec<Opening>,
}

/// What a word by itself means to phrases: where those go on that begin with it, and whether it
/// negates what follows. Every word of an open turn has one, so it is small.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening(Link);

/// The number of a node, 0 for none, and what is to be done there: most nodes are passed without a
/// look at them, which would be a reach into memory for each word of a long list.
#[derive(Clone, Copy, Debug, Default)]
struct Link(u32);

impl Link {
    /// Phrases end at the node.
    const ENDS: u32 = 1 << 31;
    /// Any word leads on from it.
    const ANY: u32 = 1 << 30;
    /// Some words lead on from it.
    const EXACT: u32 = 1 << 29;
    /// Of an [`Opening`]: the word negates.
    const NEGATES: u32 = 1 << 28;

    /// To a branch of that number.
    fn to(number: u32, branch: &Branch) -> Link {
        let flag = |is_so: bool, flag: u32| if is_so { flag } else { 0 };
        let ends = flag(!branch.ends.is_empty(), Link::ENDS);
        let any = flag(branch.any > 0, Link::ANY);
        Link(number | ends | any | flag(!branch.exact.is_empty(), Link::EXACT))
    }

    fn number(self) -> u32 {
        self.0 & !(Link::ENDS | Link::ANY | Link::EXACT | Link::NEGATES)
    }

    fn is(self, flags: u32) -> bool {
        self.0 & flags != 0
    }
}

/// A [`Branch`], laid out for reading. The words that lead on are in [`Matcher::edges`].
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    any: Link,
    /// Its phrases in [`Matcher::ends`].
    first_end: u32,
    ends: u32,
}

impl Matcher {
    /// Compiles `list`, adding its words to `lexicon`.
    pub fn new(list: &PhraseList, lexicon: &mut Lexicon) -> Matcher {
        let mut tree = Tree::new();
        for (index, phrase) in (0..).zip(list.phrases()) {
            // The list was checked when it was read, so every pattern expands.
            for steps in expand(&phrase.pattern).unwrap_or_default() {
                let words = steps.iter().map(|step| match step {
                    Step::Word(word) => Some(lexicon.intern(word)),
                    Step::Any => None,
                });
                tree.insert(words, index);
            }
        }
        let negations = NEGATIONS.map(|word| lexicon.intern(word));
        let words = vec![Opening::default(); lexicon.len()];
        let mut matcher = Matcher { words, ..Matcher::default() };
        let branches = tree.share();
        for number in 0..branches.len() {
            matcher.add(number, &branches);
        }
        for word in negations {
            matcher.words[word.0 as usize].0.0 |= Link::NEGATES;
        }
        matcher
    }

    fn add(&mut self, number: usize, branches: &[Branch]) {
        let branch = &branches[number];
        let link = |next: u32| match next {
            0 => Link::default(),
            next => Link::to(next, &branches[next as usize]),
        };
        let (first_end, ends) = (self.ends.len() as u32, branch.ends.len() as u32);
        self.nodes.push(Node { any: link(branch.any), first_end, ends });
        self.ends.extend(&branch.ends);
        for (&word, &next) in &branch.exact {
            match number {
                0 => self.words[word.0 as usize] = Opening(link(next)),
                number => self.edges.insert(WordId(number as u32), word, link(next).0),
            }
        }
    }

    /// What `word` by itself means to the phrases.
    pub fn opening(&self, word: WordId) -> Opening {
        self.words.get(word.0 as usize).copied().unwrap_or_default()
    }

    /// Takes one more word of the open turn, with what [`Matcher::opening`] says of it; calls
    /// `found` for every phrase that ends with it and that `speaker` may say.
    pub fn step(
        &self,
        list: &PhraseList,
        state: &mut MatchState,
        speaker: Speaker,
        (word, opening): (WordId, Opening),
        place: Place,
        mut found: impl FnMut(Hit),
    ) {
        let waiting = state.active.len();
        for index in 0..waiting {
            let active = state.active[index];
            let node = active.link.number();
            if active.link.is(Link::EXACT)
                && let Some(next) = self.edges.get(WordId(node), word)
            {
                let active = Active { link: Link(next), ..active };
                self.reach(list, state, speaker, active, place, &mut found);
            }
            if active.link.is(Link::ANY) {
                let active = Active { link: self.nodes[node as usize].any, ..active };
                self.reach(list, state, speaker, active, place, &mut found);
            }
        }
        if opening.0.number() > 0 {
            let negated = state.last_negation.is_some_and(|at| state.words - at <= NEGATION_WINDOW);
            let begun = Active { link: opening.0, from: place, negated };
            self.reach(list, state, speaker, begun, place, &mut found);
        }
        if waiting > 0 {
            state.active.drain(..waiting);
        }
        if opening.0.is(Link::NEGATES) {
            state.last_negation = Some(state.words);
        }
        state.words += 1;
    }

    /// Words have led to the node of `active`: reports the phrases that end there, and waits for
    /// those that go on.
    fn reach(
        &self,
        list: &PhraseList,
        state: &mut MatchState,
        speaker: Speaker,
        active: Active,
        to: Place,
        found: &mut impl FnMut(Hit),
    ) {
        if active.link.is(Link::ENDS) {
            let node = self.nodes[active.link.number() as usize];
            let first = node.first_end as usize;
            for &phrase in &self.ends[first..first + node.ends as usize] {
                let entry = &list.phrases()[phrase as usize];
                if entry.who.includes(speaker) && !(entry.unless_negated && active.negated) {
                    found(Hit { phrase, from: active.from, to });
                }
            }
        }
        if active.link.is(Link::EXACT | Link::ANY) {
            state.active.push(active);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenise;
    use proptest::prelude::*;

    const LIST: &str = r#"
        version = 1
        [[category]]
        id = "repeat_contact"
        label = "repeat contact"
        who = "customer"
        phrases = ["called (two|three) times", "third * time", "third time"]
        [[category]]
        id = "refusal"
        label = "refusal"
        who = "agent"
        unless_negated = false
        phrases = ["can't do that"]
    "#;

    fn said(chunks: &[&str], speaker: Speaker) -> Vec<(String, u64, u64)> {
        let list = PhraseList::parse(LIST, "test").unwrap();
        let mut lexicon = Lexicon::default();
        let matcher = Matcher::new(&list, &mut lexicon);
        let (mut state, mut hits) = (MatchState::default(), Vec::new());
        for (seq, chunk) in chunks.iter().enumerate() {
            for token in tokenise(chunk) {
                let place = Place { seq: seq as u64, start: token.start, end: token.end };
                let word = lexicon.get(&token.word);
                let word = (word, matcher.opening(word));
                matcher.step(&list, &mut state, speaker, word, place, |hit| {
                    let pattern = list.phrases()[hit.phrase as usize].pattern.clone();
                    hits.push((pattern, hit.from.seq, hit.to.seq));
                });
            }
        }
        hits
    }

    #[test]
    fn phrases_match_across_chunk_borders() {
        let hits = said(&["I have called", "THREE times!"], Speaker::Customer);
        assert_eq!(hits, [("called (two|three) times".into(), 0, 1)]);
        assert_eq!(said(&["the third whole time"], Speaker::Customer).len(), 1);
    }

    #[test]
    fn only_the_right_speaker_and_not_after_a_negation() {
        assert!(said(&["called two times"], Speaker::Agent).is_empty());
        assert!(said(&["I have not called two times"], Speaker::Customer).is_empty());
        assert_eq!(said(&["no no really truly I called two times"], Speaker::Customer).len(), 1);
        // A refusal is made of negations; its category opts out of the rule.
        assert_eq!(said(&["no I can't do that"], Speaker::Agent).len(), 1);
    }

    proptest! {
        #[test]
        fn cutting_does_not_change_what_is_found(
            words in prop::collection::vec(
                prop::sample::select(vec!["called", "two", "three", "times", "third", "x", "not"]),
                0..30,
            ),
            cuts in prop::collection::vec(any::<bool>(), 30),
        ) {
            let whole = words.join(" ");
            let mut chunks = vec![String::new()];
            for (word, cut) in words.iter().zip(cuts) {
                if cut { chunks.push(String::new()); }
                let chunk = chunks.last_mut().unwrap();
                chunk.push(' ');
                chunk.push_str(word);
            }
            let cut: Vec<&str> = chunks.iter().map(String::as_str).collect();
            let names = |hits: Vec<(String, u64, u64)>| {
                hits.into_iter().map(|hit| hit.0).collect::<Vec<_>>()
            };
            prop_assert_eq!(
                names(said(&[&whole], Speaker::Customer)),
                names(said(&cut, Speaker::Customer))
            );
        }
    }
}
