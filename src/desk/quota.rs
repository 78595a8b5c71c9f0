//! How many calls somebody may have open, over all connections and after they are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The open calls of somebody.
#[derive(Debug)]
pub struct Quota {
    open: AtomicUsize,
    most: usize,
}

impl Quota {
    /// None yet, and at most so many.
    pub fn new(most: usize) -> Arc<Quota> {
        Arc::new(Quota { open: AtomicUsize::new(0), most })
    }

    /// The most that may be open.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Room for one more call; `None` when there is none.
    pub(super) fn reserve(self: &Arc<Self>) -> Option<Reserved> {
        let more = |open: usize| (open < self.most).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Reserved(Arc::clone(self)))
    }

    /// Counts a call that is open already, whether there is room or not: who resumes a call is
    /// not kept from it.
    pub(super) fn take_over(self: &Arc<Self>) -> Reserved {
        self.open.fetch_add(1, Ordering::Relaxed);
        Reserved(Arc::clone(self))
    }
}

/// Counts an open call for as long as it is kept.
#[derive(Debug)]
pub(super) struct Reserved(Arc<Quota>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
