//! A vendor's times as call time: one zero, and no way back.
//!
//! Times of a stream may begin at 0 again, after a reconnect for example. Such an *epoch* goes on
//! after everything that was. It is known by a stream of another name, or by a final that lies
//! far before the last one of its track.

use super::Time;

/// How far back a final of a track may lie before it must belong to another epoch.
const BACKWARDS_MS: i64 = 5_000;
/// Most streams told apart; the oldest is forgotten.
const MAX_STREAMS: usize = 16;

#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// The moment that is call time 0.
    zero: Option<i64>,
    /// Call time of the latest word.
    latest_ms: i64,
    streams: Vec<Stream>,
    epochs: u32,
}

#[derive(Clone, Debug)]
struct Stream {
    name: Option<String>,
    /// Call time of its 0.
    offset_ms: i64,
    epoch: u32,
}

impl Timeline {
    /// The call was known before, and its words went up to `latest_ms`.
    pub fn resume(&mut self, latest_ms: i64) {
        self.latest_ms = self.latest_ms.max(latest_ms);
    }

    /// The call began at this moment, unless that is known already.
    pub fn begin(&mut self, moment_ms: i64) {
        self.zero.get_or_insert(moment_ms);
    }

    /// Whether a final at `start` cannot follow the one of its track that began at `last`.
    pub fn is_back(last: Option<Time>, start: Option<Time>) -> bool {
        match (last, start) {
            (Some(Time::Stream(last)), Some(Time::Stream(start))) => start < last - BACKWARDS_MS,
            _ => false,
        }
    }

    /// Begins another epoch of a stream.
    pub fn restart(&mut self, stream: Option<&str>) {
        let (latest_ms, epoch) = (self.latest_ms, self.epochs);
        if let Some(known) = self.streams.iter_mut().find(|known| known.name.as_deref() == stream) {
            known.offset_ms = latest_ms;
            known.epoch = epoch;
            self.epochs += 1;
        }
    }

    /// The epoch in which a piece of a stream lies; `start` decides it for a stream that is new.
    pub fn epoch(&mut self, stream: Option<&str>, start: Option<Time>) -> u32 {
        self.stream(stream, start).epoch
    }

    /// Call time of a vendor's time.
    pub fn place(&mut self, stream: Option<&str>, time: Option<Time>) -> Option<i64> {
        let ms = match time? {
            Time::Stream(ms) => ms.saturating_add(self.stream(stream, time).offset_ms),
            Time::Wall(ms) => {
                // Without a beginning, the first moment follows what was.
                let zero = *self.zero.get_or_insert(ms.saturating_sub(self.latest_ms));
                ms.saturating_sub(zero)
            }
        };
        self.latest_ms = self.latest_ms.max(ms);
        Some(ms)
    }

    fn stream(&mut self, name: Option<&str>, start: Option<Time>) -> &Stream {
        let place = self.streams.iter().position(|known| known.name.as_deref() == name);
        let place = place.unwrap_or_else(|| {
            let is_back = Timeline::is_back(Some(Time::Stream(self.latest_ms)), start);
            let offset_ms = if is_back { self.latest_ms } else { 0 };
            if self.streams.len() >= MAX_STREAMS {
                self.streams.remove(0);
            }
            let name = name.map(str::to_owned);
            self.streams.push(Stream { name, offset_ms, epoch: self.epochs });
            self.epochs += 1;
            self.streams.len() - 1
        });
        &self.streams[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Option<Time> {
        Some(Time::Stream(ms))
    }

    #[test]
    fn a_stream_that_begins_again_goes_on_after_what_was() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.place(Some("a"), at(60_000)), Some(60_000));
        assert_eq!(timeline.place(Some("b"), at(1_000)), Some(61_000), "another stream");
        assert_eq!(timeline.place(Some("a"), at(59_000)), Some(59_000), "the first goes on");
        assert_ne!(timeline.epoch(Some("a"), None), timeline.epoch(Some("b"), None));
        timeline.restart(Some("a"));
        assert_eq!(timeline.place(Some("a"), at(500)), Some(61_500));
    }

    #[test]
    fn a_call_that_is_resumed_goes_on_too() {
        let mut timeline = Timeline::default();
        timeline.resume(60_000);
        assert_eq!(timeline.place(None, at(2_000)), Some(62_000), "it began at 0 again");
        let mut timeline = Timeline::default();
        timeline.resume(60_000);
        assert_eq!(timeline.place(None, at(58_000)), Some(58_000), "it went on");
    }

    #[test]
    fn moments_count_from_the_start_of_the_call() {
        let mut timeline = Timeline::default();
        timeline.begin(1_000_000);
        timeline.begin(2_000_000);
        assert_eq!(timeline.place(None, Some(Time::Wall(1_012_400))), Some(12_400));
        let mut timeline = Timeline::default();
        timeline.resume(5_000);
        assert_eq!(timeline.place(None, Some(Time::Wall(9_000))), Some(5_000));
    }
}
