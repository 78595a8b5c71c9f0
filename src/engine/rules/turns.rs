//! Conditions on whole turns: how the customer feels, and who talks over whom.

use super::spec::{Kind, Need, NodeId, Rules, Window};
use super::state::{Fired, Mention, RuleState, Words};
use crate::call::Speaker;
use crate::features::OVERLAP_MS;
use crate::text::phrases::{Place, Who};

/// Customer turns whose sentiment is remembered.
pub(super) const MAX_MOODS: usize = 32;

/// A turn as rules see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    speaker: Speaker,
    seq: u64,
    start: i64,
    end: i64,
    /// Where the other side's words end, over which it began.
    over: Option<i64>,
}

impl Turn {
    fn words(&self) -> Words {
        // All of its first chunk.
        let all = Place { seq: self.seq, start: 0, end: u32::MAX };
        Words { from: all, to: all }
    }
}

impl RuleState {
    /// Goes on with the open turn.
    pub(super) fn turn_goes_on(&mut self, end: i64) {
        if let Some(turn) = &mut self.turn {
            turn.end = turn.end.max(end);
        }
    }

    /// A turn begins with the chunk `seq`. Times that are guessed overlap nothing.
    pub(super) fn turn_begins(&mut self, speaker: Speaker, seq: u64, start: i64, timed: bool) {
        let person = |speaker| speaker != Speaker::Other;
        let changed = self.turn.is_some_and(|turn| turn.speaker != speaker && person(turn.speaker));
        let over = self.speech_end.filter(|end| {
            timed && changed && person(speaker) && start < end.saturating_sub(OVERLAP_MS)
        });
        self.turn = Some(Turn { speaker, seq, start, end: start, over });
    }

    /// The open turn is over. `mood` is the sentiment of the newest customer turn and the call's.
    pub(super) fn turn_ends(
        &mut self,
        rules: &Rules,
        mood: Option<(f64, f64)>,
        most: usize,
        fired: &mut Vec<Fired>,
    ) {
        let Some(turn) = self.turn else { return };
        let mood = mood.filter(|_| turn.speaker == Speaker::Customer);
        for &node in &rules.of_turns {
            match (rules.node(node).kind, mood) {
                (Kind::SentimentBelow { value, turns }, Some((own, _))) => {
                    let memory = self.memory_mut(node);
                    memory.run = if own < value { memory.run.saturating_add(1) } else { 0 };
                    if memory.run == turns {
                        self.happen(rules, node, turn.end, vec![turn.words()], fired);
                    }
                }
                (Kind::SentimentDrop { by, window }, Some((_, average))) => {
                    let fell = self.highest(window, turn.end) - average >= by;
                    let memory = self.memory_mut(node);
                    let before = memory.done.take();
                    memory.done = fell.then_some(turn.end);
                    if fell && before.is_none() {
                        self.happen(rules, node, turn.end, vec![turn.words()], fired);
                    }
                }
                (Kind::TalkOver { by, need, within }, _) => {
                    self.talked_over(rules, node, (by, need, within), &turn, most, fired);
                }
                _ => {}
            }
        }
        if let Some((_, average)) = mood {
            self.moods.push_back((turn.end, average));
            if self.moods.len() > MAX_MOODS {
                self.moods.pop_front();
            }
        }
    }

    /// The highest sentiment of the call in the time before.
    fn highest(&self, window: Window, now: i64) -> f64 {
        let skipped = match window {
            Window::Turns(turns) => self.moods.len().saturating_sub(turns),
            Window::Ms(ms) => {
                self.moods.iter().filter(|(at, _)| now.saturating_sub(*at) > ms).count()
            }
        };
        self.moods.iter().skip(skipped).fold(f64::NEG_INFINITY, |most, (_, mood)| most.max(*mood))
    }

    fn talked_over(
        &mut self,
        rules: &Rules,
        node: NodeId,
        (by, need, within): (Who, Need, i64),
        turn: &Turn,
        most: usize,
        fired: &mut Vec<Fired>,
    ) {
        let speaker =
            if turn.speaker == Speaker::Supervisor { Speaker::Agent } else { turn.speaker };
        let Some(over) = turn.over.filter(|_| by.includes(speaker)) else { return };
        let ms = over.min(turn.end).saturating_sub(turn.start).max(0);
        let mention = Mention { at: turn.start, ms, words: turn.words() };
        let mentions = &mut self.memory_mut(node).mentions;
        mentions.retain(|mention| turn.start.saturating_sub(mention.at) <= within);
        self.remember(node, mention, most);
        let mentions = &mut self.memory_mut(node).mentions;
        let enough = match need {
            Need::Times(times) => mentions.len() >= times,
            Need::Ms(ms) => mentions.iter().map(|mention| mention.ms).sum::<i64>() >= ms,
        };
        if enough {
            // What has happened does not count again.
            let words = mentions.drain(..).map(|mention| mention.words).collect();
            self.happen(rules, node, turn.start, words, fired);
        }
    }
}
