//! Which rules judge which call: a call keeps the engine it began with, a reload gives calls that
//! begin from then on another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::engine::Engine;
use crate::engine::event::{CallStart, Event};
use crate::engine::rules::{Rules, Ruleset};
use crate::journal::History;

/// The engine for calls that begin, and those that calls began with.
#[derive(Debug)]
pub(super) struct Engines {
    present: RwLock<Arc<Engine>>,
    /// Every engine that some call may still hold.
    known: Mutex<Vec<Weak<Engine>>>,
    most: usize,
}

impl Engines {
    pub fn new(engine: Arc<Engine>, most: usize) -> Engines {
        let known = Mutex::new(vec![Arc::downgrade(&engine)]);
        Engines { present: RwLock::new(engine), known, most }
    }

    pub fn present(&self) -> Arc<Engine> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// # Errors
    /// A sentence, when calls still hold too many others.
    pub fn replace(&self, engine: Arc<Engine>) -> Result<(), String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Arc::downgrade(&engine);
        known.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&fresh));
        if known.len() >= self.most {
            let most = self.most;
            return Err(format!(
                "calls that go on were begun with {most} other versions of the rules, the most \
                 that may be; it is tried again when some have ended"
            ));
        }
        known.push(fresh);
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = engine;
        Ok(())
    }
}

/// The engines that the calls of a journal began with.
#[derive(Debug)]
pub(super) struct Kept {
    present: Arc<Engine>,
    others: HashMap<Arc<str>, Arc<Engine>>,
}

impl Kept {
    /// Compiles what is kept. What cannot be used is left out, see [`unusable_ruleset`].
    pub fn new(present: Arc<Engine>, rulesets: &[Ruleset]) -> Kept {
        let others = rulesets.iter().filter(|kept| kept.hash != present.ruleset.hash);
        let compile = |kept: &Ruleset| {
            let engine = present.with_rules(&kept.text, "rules in the journal").ok()?;
            Some((Arc::clone(&kept.hash), Arc::new(engine)))
        };
        let others = others.filter_map(compile).collect();
        Kept { present, others }
    }

    /// The engine of a call that began like this.
    pub fn of(&self, start: &CallStart) -> &Arc<Engine> {
        let own = start.ruleset.as_deref().and_then(|hash| self.others.get(hash));
        own.unwrap_or(&self.present)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Engine>> {
        self.others.values()
    }
}

impl Engines {
    /// Remembers what calls found in the journal hold.
    pub fn remember(&self, kept: &Kept) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(kept.all().map(Arc::downgrade));
    }
}

/// The first set of rules that a journal needs and this binary cannot use, and why. Its calls are
/// judged by the present rules then, which gives other messages than those that were sent.
pub fn unusable_ruleset(history: &History) -> Option<String> {
    let unreadable = history.rulesets.iter().find_map(|kept| {
        let error = Rules::parse(&kept.text, "rules in the journal").err()?;
        Some(error.to_string())
    });
    let lost = || {
        history.records.iter().find_map(|record| {
            let Event::Start(start) = &record.recorded.event else { return None };
            let hash = start.ruleset.as_deref()?;
            let there = history.rulesets.iter().any(|kept| &*kept.hash == hash);
            (!there).then(|| format!("the rules `{hash}` are missing in the journal"))
        })
    };
    unreadable.or_else(lost)
}
