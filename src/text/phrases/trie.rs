//! The compiled matcher and the few words of state it carries from chunk to chunk.

use foldhash::HashMap;

use super::list::PhraseList;
use super::pattern::{Step, expand};
use crate::call::Speaker;
use crate::text::{Lexicon, WordId};

/// Edges that are looked through one by one.
const FEW_EDGES: usize = 8;
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
    node: u32,
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
    /// Where exact words lead from each node but the first, by node and then by word.
    edges: Vec<(WordId, u32)>,
    words: Vec<Word>,
}

/// What a word is by itself; by the word's number.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// Where phrases go on that begin with it. Most words begin none, so most cost no hash.
    begins: Option<u32>,
    negates: bool,
}

#[derive(Debug, Default)]
struct Node {
    any: Option<u32>,
    /// Its first edge and how many it has. Most have one to three, so looking through them takes
    /// one reach into memory, where a hash took several.
    first_edge: u32,
    edges: u32,
    /// Phrases that end here.
    ends: Vec<u32>,
}

/// Edges while the tree is built.
type Edges = HashMap<(u32, WordId), u32>;

impl Matcher {
    /// Compiles `list`, adding its words to `lexicon`.
    pub fn new(list: &PhraseList, lexicon: &mut Lexicon) -> Matcher {
        let mut edges = Edges::default();
        let mut matcher = Matcher { nodes: vec![Node::default()], ..Matcher::default() };
        for (index, phrase) in list.phrases().iter().enumerate() {
            // The list was checked when it was read, so every pattern expands.
            for steps in expand(&phrase.pattern).unwrap_or_default() {
                matcher.insert(&mut edges, &steps, index as u32, lexicon);
            }
        }
        let negations = NEGATIONS.map(|word| lexicon.intern(word));
        matcher.words = vec![Word::default(); lexicon.len()];
        matcher.lay_out(edges);
        for word in negations {
            matcher.words[word.0 as usize].negates = true;
        }
        matcher
    }

    /// Puts the edges of each node side by side; those of the first are known by their words.
    fn lay_out(&mut self, edges: Edges) {
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.sort_unstable_by_key(|(from, _)| *from);
        for ((node, word), next) in edges {
            if node == 0 {
                self.words[word.0 as usize].begins = Some(next);
                continue;
            }
            let own = &mut self.nodes[node as usize];
            if own.edges == 0 {
                own.first_edge = self.edges.len() as u32;
            }
            own.edges += 1;
            self.edges.push((word, next));
        }
    }

    /// Where `word` leads from a node.
    fn edge(&self, node: &Node, word: WordId) -> Option<u32> {
        let first = node.first_edge as usize;
        let own = &self.edges[first..first + node.edges as usize];
        if own.len() <= FEW_EDGES {
            return own.iter().find(|(label, _)| *label == word).map(|(_, next)| *next);
        }
        own.binary_search_by_key(&word, |(label, _)| *label).ok().map(|place| own[place].1)
    }

    fn insert(&mut self, edges: &mut Edges, steps: &[Step], phrase: u32, lexicon: &mut Lexicon) {
        let mut node = 0;
        for step in steps {
            let fresh = self.nodes.len() as u32;
            let next = match step {
                Step::Word(word) => *edges.entry((node, lexicon.intern(word))).or_insert(fresh),
                Step::Any => *self.nodes[node as usize].any.get_or_insert(fresh),
            };
            if next == fresh {
                self.nodes.push(Node::default());
            }
            node = next;
        }
        let ends = &mut self.nodes[node as usize].ends;
        if !ends.contains(&phrase) {
            ends.push(phrase);
        }
    }

    /// Takes one more word of the open turn; calls `found` for every phrase that ends with it
    /// and that `speaker` may say.
    pub fn step(
        &self,
        list: &PhraseList,
        state: &mut MatchState,
        speaker: Speaker,
        word: WordId,
        place: Place,
        mut found: impl FnMut(Hit),
    ) {
        let own = self.words.get(word.0 as usize).copied().unwrap_or_default();
        let waiting = state.active.len();
        for index in 0..waiting {
            let active = state.active[index];
            let from = &self.nodes[active.node as usize];
            for node in self.edge(from, word).into_iter().chain(from.any) {
                self.report(list, speaker, node, &active, place, &mut found);
                state.active.push(Active { node, ..active });
            }
        }
        if let Some(node) = own.begins {
            let negated = state.last_negation.is_some_and(|at| state.words - at <= NEGATION_WINDOW);
            let begun = Active { node, from: place, negated };
            self.report(list, speaker, node, &begun, place, &mut found);
            state.active.push(begun);
        }
        state.active.drain(..waiting);
        if own.negates {
            state.last_negation = Some(state.words);
        }
        state.words += 1;
    }

    fn report(
        &self,
        list: &PhraseList,
        speaker: Speaker,
        node: u32,
        active: &Active,
        to: Place,
        found: &mut impl FnMut(Hit),
    ) {
        for &phrase in &self.nodes[node as usize].ends {
            let entry = &list.phrases()[phrase as usize];
            if entry.who.includes(speaker) && !(entry.unless_negated && active.negated) {
                found(Hit { phrase, from: active.from, to });
            }
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
