//! All calls and alerts there are: those in memory, and those in the journal only.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::union::{self, Live, Part};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallPhase, CallView, Said};
use crate::hub::{Hub, Listed};
use crate::journal::{Began, Found, Library, Most, ReadError, Which};
use crate::wire::lists::{AlertKey, AlertQuery, CallDetail, CallQuery, Page, ShiftQuery};

/// What is taken from memory at a time; the hub is locked for so long.
const STEP: usize = 256;
/// The same with transcripts.
const TRANSCRIPT_STEP: usize = 32;

/// One reading.
pub(super) struct Archive<'a> {
    hub: &'a Hub,
    library: Option<&'a dyn Library>,
    until: Instant,
}

impl<'a> Archive<'a> {
    /// A reading that ends at `until`.
    pub fn new(hub: &'a Hub, library: Option<&'a dyn Library>, until: Instant) -> Archive<'a> {
        Archive { hub, library, until }
    }

    /// When its time is over.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether its time is over.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Calls, newest first.
    pub fn calls(
        &self,
        query: &CallQuery,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Page<Arc<CallView>>, ReadError> {
        let step = if query.search.is_some() { TRANSCRIPT_STEP } else { STEP };
        let live = |below: Option<&u64>| {
            let calls = self.hub.calls_below(below.copied(), step, query.search.is_some());
            let (last, keys) = (calls.len() < step, calls.iter().map(|call| call.number).collect());
            let mut items = Vec::new();
            for call in calls {
                if self.is_meant(query, &call)? {
                    items.push((call.number, call.view));
                }
            }
            Ok(Live { keys, items, last })
        };
        let part = union::part(after, limit, self.until, live, |stretch| {
            match self.library.filter(|_| query.reaches_back()) {
                Some(library) => Ok(shared(library.calls(query, stretch, self.until)?)),
                None => Ok(Found::default()),
            }
        })?;
        Ok(page(part))
    }

    fn is_meant(&self, query: &CallQuery, call: &Listed) -> Result<bool, ReadError> {
        let alerted = match query.alerted {
            Some(_) => self.is_alerted(call)?,
            None => call.alerted,
        };
        if !query.matches(&call.view, alerted) {
            return Ok(false);
        }
        let Some(search) = &query.search else { return Ok(true) };
        let said = |transcript: &[Arc<Said>]| {
            let mut listener = search.listener();
            transcript.iter().any(|said| listener.hears(&said.text))
        };
        if search.names(&call.view) || said(&call.transcript) {
            return Ok(true);
        }
        Ok(self.whole(call)?.is_some_and(|detail| said(&detail.transcript)))
    }

    fn is_alerted(&self, call: &Listed) -> Result<bool, ReadError> {
        Ok(call.alerted || self.whole(call)?.is_some_and(|detail| !detail.alert_list.is_empty()))
    }

    /// All of a call that had left memory and was opened again: the tables have its beginning.
    /// `None` when nothing is missing here.
    fn whole(&self, call: &Listed) -> Result<Option<CallDetail>, ReadError> {
        if call.whole || self.library.is_none() {
            return Ok(None);
        }
        let detail = self.call(&call.view.call_id, self.shown())?;
        Ok(detail.filter(|detail| detail.number == call.number))
    }

    /// As much of a transcript as is shown.
    pub fn shown(&self) -> Most {
        Most::chunks(self.hub.transcript_chunks())
    }

    /// One call, the newest of its id, with so much of its transcript.
    pub fn call(&self, call_id: &str, most: Most) -> Result<Option<CallDetail>, ReadError> {
        let kept = self.hub.call(call_id);
        let (Some(library), false) = (self.library, kept.as_ref().is_some_and(|kept| kept.whole))
        else {
            return Ok(kept);
        };
        let past = library.call(Which::Newest(call_id), most, self.until)?;
        Ok(match (kept, past) {
            (Some(kept), Some(past)) if kept.number == past.number => Some(joined(kept, past)),
            (Some(kept), _) => Some(kept),
            (None, past) => past,
        })
    }

    /// Alerts, newest first.
    pub fn alerts(
        &self,
        query: &AlertQuery,
        after: Option<AlertKey>,
        limit: usize,
    ) -> Result<Page<Arc<Alert>>, ReadError> {
        let live = |below: Option<&AlertKey>| {
            let alerts = self.hub.alerts_below(below, STEP);
            Ok(Live {
                last: alerts.len() < STEP,
                keys: alerts.iter().map(|alert| AlertKey::of(alert)).collect(),
                items: alerts
                    .into_iter()
                    .filter(|alert| query.matches(alert))
                    .map(|alert| (AlertKey::of(&alert), alert))
                    .collect(),
            })
        };
        let part = union::part(after, limit, self.until, live, |stretch| {
            match self.library.filter(|_| query.reaches_back()) {
                Some(library) => Ok(shared(library.alerts(query, stretch, self.until)?)),
                None => Ok(Found::default()),
            }
        })?;
        within_sight(query, part).map(page)
    }

    /// Hands every call that began in a shift to `see`.
    pub fn began(&self, query: &ShiftQuery, mut see: impl FnMut(Began)) -> Result<(), ReadError> {
        let wanted = query.calls();
        let mut seen = HashSet::new();
        let mut below = None;
        loop {
            let calls = self.hub.calls_below(below, STEP, false);
            for call in &calls {
                seen.insert(call.number);
                if wanted.matches(&call.view, call.alerted) {
                    see(Began {
                        number: call.number,
                        at: call.view.started_at,
                        escalated: call.view.outcome.as_ref().is_some_and(|o| o.escalated),
                        alerted: self.is_alerted(call)?,
                    });
                }
            }
            below = calls.last().map(|call| call.number);
            if calls.len() < STEP {
                break;
            }
        }
        let Some(library) = self.library else { return Ok(()) };
        library.began(query, self.until, &mut |call| {
            if !seen.contains(&call.number) {
                see(call);
            }
        })
    }
}

/// A reading whose time was over ends at an alert that it looked at, and the place of that names
/// its call. Whoever may not see all goes on from the last alert that was shown.
fn within_sight(
    query: &AlertQuery,
    mut part: Part<AlertKey, Arc<Alert>>,
) -> Result<Part<AlertKey, Arc<Alert>>, ReadError> {
    if query.scopes.is_all() || part.next.is_none() {
        return Ok(part);
    }
    let Some(last) = part.items.last() else { return Err(ReadError::TooSlow) };
    part.next = Some(AlertKey::of(last));
    Ok(part)
}

/// Memory has the newest state, and perhaps only the end of what was said and raised.
fn joined(kept: CallDetail, past: CallDetail) -> CallDetail {
    let mut transcript = past.transcript;
    if let Some(first) = kept.transcript.first() {
        transcript.retain(|said| said.seq < first.seq);
    }
    transcript.extend(kept.transcript);
    let mut alert_list = past.alert_list;
    alert_list.retain(|alert| !kept.alert_list.iter().any(|own| own.alert_id == alert.alert_id));
    alert_list.extend(kept.alert_list);
    alert_list.sort_by_cached_key(|alert| AlertKey::of(alert));
    // What an open call said between the tables' part and memory's may be on its way to the tables.
    let whole = past.whole && kept.view.state == CallPhase::Ended;
    CallDetail { transcript, alert_list, whole, ..kept }
}

fn shared<K, T>(found: Found<K, T>) -> Found<K, Arc<T>> {
    let items = found.items.into_iter().map(|(key, item)| (key, Arc::new(item))).collect();
    Found { items, reached: found.reached }
}

fn page<K: ToString, T>(part: Part<K, T>) -> Page<T> {
    Page { items: part.items, next: part.next.map(|key| key.to_string()) }
}
