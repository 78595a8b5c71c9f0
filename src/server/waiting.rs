//! A room for those who have not come to the point yet: connections without a request, bodies
//! that are still arriving. When it is full, whoever has been in it longest must go, so that a
//! flood of those who never come to it keeps nobody else out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

/// A room with so many seats.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    seats: usize,
    inside: Mutex<Inside>,
    waiting: Gauge,
    pushed_out: Counter,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// Oldest first.
    guests: BTreeMap<u64, CancellationToken>,
}

impl WaitingRoom {
    /// `waiting` shows how many are inside, `pushed_out` counts those who had to go.
    pub fn new(seats: usize, waiting: Gauge, pushed_out: Counter) -> Arc<WaitingRoom> {
        Arc::new(WaitingRoom { seats, inside: Mutex::default(), waiting, pushed_out })
    }

    /// A seat of its own for `out`, which is cancelled when its holder must go.
    fn sit(&self, out: &CancellationToken) -> u64 {
        let mut inside = self.lock();
        let number = inside.next;
        inside.next += 1;
        inside.guests.insert(number, out.clone());
        if inside.guests.len() > self.seats
            && let Some((_, oldest)) = inside.guests.pop_first()
        {
            oldest.cancel();
            self.pushed_out.inc();
        } else {
            self.waiting.inc();
        }
        number
    }

    fn stand_up(&self, number: u64) {
        if self.lock().guests.remove(&number).is_some() {
            self.waiting.dec();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits from time to time.
#[derive(Debug)]
pub(super) struct Waiting {
    room: Arc<WaitingRoom>,
    number: Mutex<Option<u64>>,
    out: CancellationToken,
}

impl Waiting {
    /// Waits from now on.
    pub fn new(room: &Arc<WaitingRoom>) -> Waiting {
        let out = CancellationToken::new();
        let number = Mutex::new(Some(room.sit(&out)));
        Waiting { room: Arc::clone(room), number, out }
    }

    /// Comes to the point.
    pub fn ends(&self) {
        if let Some(number) = self.number().take() {
            self.room.stand_up(number);
        }
    }

    /// Waits again, behind all others.
    pub fn begins(&self) {
        self.ends();
        *self.number() = Some(self.room.sit(&self.out));
    }

    /// Returns when it must go.
    pub async fn pushed_out(&self) {
        self.out.cancelled().await;
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_longest_must_go() {
        let (waiting, pushed_out) = (Gauge::default(), Counter::default());
        let room = WaitingRoom::new(2, waiting.clone(), pushed_out.clone());
        let is_out = |one: &Waiting| one.out.is_cancelled();
        let first = Waiting::new(&room);
        let second = Waiting::new(&room);
        first.ends();
        first.begins();
        let third = Waiting::new(&room);
        assert!(is_out(&second) && !is_out(&first) && !is_out(&third), "the first waited anew");
        assert_eq!((waiting.get(), pushed_out.get()), (2, 1));
        drop(second);
        assert_eq!(waiting.get(), 2, "it had no seat any more");
        third.ends();
        let busy = Waiting::new(&room);
        assert!(!is_out(&third) && !is_out(&busy), "who has come to the point has no seat");
        drop((first, third, busy));
        assert_eq!(waiting.get(), 0);
    }
}
