//! Answers that wait for their commit, and the acks that go out for them.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::gauge::Gauge;

use crate::desk::Later;
use crate::server::metrics::Metrics;

/// An answer that waits for its commit, and what it holds of the credits.
pub(super) struct Pending {
    pub ticket: u64,
    pub later: Later,
    pub bytes: usize,
    pub read: Instant,
    /// Counts it for as long as it waits.
    pub _unacked: Unacked,
}

/// Counts a message from its reading to its answer.
pub(super) struct Unacked {
    messages: Gauge,
    all_bytes: Gauge,
    bytes: i64,
}

impl Unacked {
    pub fn new(metrics: &Metrics, bytes: usize) -> Unacked {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        metrics.unacked.inc();
        metrics.unacked_bytes.inc_by(bytes);
        Unacked {
            messages: metrics.unacked.clone(),
            all_bytes: metrics.unacked_bytes.clone(),
            bytes,
        }
    }
}

impl Drop for Unacked {
    fn drop(&mut self) {
        self.messages.dec();
        self.all_bytes.dec_by(self.bytes);
    }
}

/// One ack per call, with the highest number, in the order of the calls' first.
#[derive(Default)]
pub(super) struct Acks {
    pub calls: Vec<(Arc<str>, u64)>,
    /// Where calls are, once there are too many to look through.
    places: foldhash::HashMap<Arc<str>, usize>,
}

impl Acks {
    /// Calls that are looked through one by one.
    const FEW: usize = 8;

    pub fn add(&mut self, call_id: Arc<str>, seq: u64) {
        let place = match self.calls.len() {
            0..=Self::FEW => self.calls.iter().position(|(known, _)| *known == call_id),
            _ => self.places.get(&call_id).copied(),
        };
        if let Some(place) = place {
            self.calls[place].1 = self.calls[place].1.max(seq);
            return;
        }
        self.calls.push((call_id, seq));
        if self.calls.len() > Self::FEW {
            let known = self.places.len();
            let new = self.calls.iter().enumerate().skip(known);
            self.places.extend(new.map(|(place, (call_id, _))| (Arc::clone(call_id), place)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_acked_once_with_its_highest_number() {
        // Few calls, just as many as are looked through, and many.
        for calls in [1, 8, 9, 10, 40] {
            let mut acks = Acks::default();
            for seq in 1..=3 {
                for call in 0..calls {
                    acks.add(format!("c-{call}").into(), seq);
                }
            }
            let expected: Vec<(Arc<str>, u64)> =
                (0..calls).map(|call| (format!("c-{call}").into(), 3)).collect();
            assert_eq!(acks.calls, expected);
        }
    }
}
