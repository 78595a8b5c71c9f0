//! Who has which call, as the stream of news tells it. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::effects::CallPhase;
use crate::journal::Message;
use crate::journal::jetstream::{DeskLetter, News};

/// A call that goes on, or of which an alert does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Who wrote of it last.
    pub node: Arc<str>,
    /// Place of its first events.
    pub began: u64,
    /// Its number.
    pub number: u64,
    /// Numbered messages so far.
    pub told: u64,
    /// Place of its newest news.
    pub desk: u64,
    open: bool,
    alerts: BTreeSet<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<Arc<str>, Entry>);

impl Index {
    /// Takes in news.
    pub fn note(&mut self, place: u64, letter: &DeskLetter) {
        if matches!(letter.news, News::Erased) {
            self.0.remove(&letter.call_id);
            return;
        }
        let entry = self.0.entry(Arc::clone(&letter.call_id)).or_default();
        if entry.began != letter.began {
            *entry = Entry { began: letter.began, ..Entry::default() };
        }
        entry.node = Arc::clone(&letter.node);
        entry.told = letter.told;
        entry.desk = place;
        entry.number = if letter.number > 0 { letter.number } else { place - 1 };
        match &letter.news {
            News::Told(Message::Call(_, view)) => {
                entry.open = view.state == CallPhase::Open;
                entry.alerts = view.alerts.iter().cloned().collect();
            }
            News::Told(Message::Alert(alert)) => {
                if alert.state.is_open() {
                    entry.alerts.insert(alert.alert_id.clone());
                } else {
                    entry.alerts.remove(&alert.alert_id);
                }
            }
            News::Taken | News::Erased => {}
        }
        if !entry.open && entry.alerts.is_empty() {
            self.0.remove(&letter.call_id);
        }
    }

    /// What is known of a call.
    pub fn of(&self, call_id: &str) -> Option<&Entry> {
        self.0.get(call_id)
    }

    /// Nobody can do anything for a call any more.
    pub fn forget(&mut self, call_id: &str) {
        self.0.remove(call_id);
    }

    /// Where the events begin that some call still needs, among those that `belong`.
    pub fn oldest(&self, belong: impl Fn(&str) -> bool) -> Option<u64> {
        let own = self.0.iter().filter(|(call_id, _)| belong(call_id));
        own.map(|(_, entry)| entry.began).min()
    }

    /// Calls whose node is not there any more.
    pub fn without(&self, is_there: impl Fn(&Arc<str>, &str) -> bool) -> Vec<(Arc<str>, Entry)> {
        let orphans = self.0.iter().filter(|(call_id, entry)| !is_there(call_id, &entry.node));
        orphans.map(|(call_id, entry)| (Arc::clone(call_id), entry.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Timestamp;
    use crate::engine::effects::{CallChange, CallView};
    use crate::engine::event::CallStart;
    use crate::engine::{CallState, Engine};

    fn view(open: bool, alerts: &[&str]) -> Arc<CallView> {
        let engine = Engine::with_model(None, Default::default()).unwrap();
        let start = CallStart { call_id: "c".into(), ..CallStart::default() };
        let mut view = CallState::open(&engine, start, Timestamp(0)).0.view(&engine);
        view.state = if open { CallPhase::Open } else { CallPhase::Ended };
        view.alerts = alerts.iter().map(|id| (*id).to_owned()).collect();
        Arc::new(view)
    }

    fn letter(node: &str, told: u64, news: News) -> DeskLetter {
        let number = if told > 1 { 4 } else { 0 };
        let (node, call_id, began) = (node.into(), "c".into(), 7);
        DeskLetter { node, call_id, began, number, told, over: None, news }
    }

    fn call(change: CallChange, open: bool, alerts: &[&str]) -> News {
        News::Told(Message::Call(change, view(open, alerts)))
    }

    #[test]
    fn a_call_stays_as_long_as_somebody_must_care_for_it() {
        let mut index = Index::default();
        index.note(5, &letter("a", 1, call(CallChange::Started, true, &[])));
        let entry = index.of("c").unwrap();
        assert_eq!((&*entry.node, entry.number, entry.desk), ("a", 4, 5));
        index.note(9, &letter("b", 1, News::Taken));
        assert_eq!(&*index.of("c").unwrap().node, "b");
        assert!(index.without(|_, node| node == "b").is_empty());
        index.note(12, &letter("b", 2, call(CallChange::Ended, false, &["one"])));
        assert_eq!(index.without(|_, node| node == "a").len(), 1, "an alert of it is open");
        index.note(14, &letter("b", 3, call(CallChange::Updated, false, &[])));
        assert_eq!(index.of("c"), None);
    }
}
