//! When each chunk was said, for formats in which everything has a beginning and an end.

use std::sync::Arc;

use crate::engine::effects::Said;

/// How long a word takes to say: 150 words a minute, as in `backtest` and `replay`.
const WORD_MS: i64 = 400;

/// A chunk's place in call time. It ends after it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// In milliseconds, never negative.
    pub start_ms: i64,
    /// In milliseconds.
    pub end_ms: i64,
    /// The platform said when it began.
    pub start_known: bool,
    /// The platform said when it ended.
    pub end_known: bool,
}

impl Span {
    pub fn is_known(&self) -> bool {
        self.start_known && self.end_known
    }
}

/// The spans of a transcript, in its order. What the platform did not say is estimated: a chunk
/// begins when everything before it has ended, and lasts 0.4 s a word, but no longer than until
/// the next one whose beginning is known. A chunk that ends before it begins lasts 1 ms.
pub(super) fn spans(transcript: &[Arc<Said>]) -> Vec<Span> {
    let mut next_known = vec![i64::MAX; transcript.len() + 1];
    for (at, said) in transcript.iter().enumerate().rev() {
        next_known[at] = said.start_ms.unwrap_or(next_known[at + 1]);
    }
    let mut ended = 0;
    let span = |(at, said): (usize, &Arc<Said>)| {
        let span = span(said, ended, next_known[at + 1]);
        ended = ended.max(span.end_ms);
        span
    };
    transcript.iter().enumerate().map(span).collect()
}

fn span(said: &Said, ended: i64, next_known: i64) -> Span {
    let words = i64::try_from(said.text.split_whitespace().count()).unwrap_or(i64::MAX);
    let lasts = words.max(1).saturating_mul(WORD_MS);
    let start_ms = match (said.start_ms, said.end_ms) {
        (Some(start), _) => start,
        (None, Some(end)) => ended.max(end.saturating_sub(lasts)).min(end.saturating_sub(1)),
        (None, None) => ended,
    };
    let start_ms = start_ms.clamp(0, i64::MAX - 1);
    let estimate = start_ms.saturating_add(lasts);
    let bounded = if next_known > start_ms { estimate.min(next_known) } else { estimate };
    let end_ms = said.end_ms.unwrap_or(bounded).max(start_ms + 1);
    Span {
        start_ms,
        end_ms,
        start_known: said.start_ms == Some(start_ms),
        end_known: said.end_ms == Some(end_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn of(said: &[(&str, Option<i64>, Option<i64>, &str)]) -> Vec<(i64, i64, bool, bool)> {
        let spans = spans(&samples::call(said).transcript);
        let parts = |span: &Span| (span.start_ms, span.end_ms, span.start_known, span.end_known);
        spans.iter().map(parts).collect()
    }

    #[test]
    fn what_is_known_stays_and_overlaps() {
        let said = [("agent", Some(0), Some(900), "a"), ("customer", Some(500), Some(700), "b")];
        assert_eq!(of(&said), [(0, 900, true, true), (500, 700, true, true)]);
    }

    #[test]
    fn what_is_missing_is_estimated() {
        let said = [
            ("agent", None, None, "three little words"),
            ("agent", None, None, ""),
            ("customer", None, Some(5_000), "two words"),
            ("customer", Some(5_200), None, "cut by the next one"),
            ("agent", Some(6_000), None, "now"),
        ];
        let expected = [
            (0, 1_200, false, false),
            (1_200, 1_600, false, false),
            (4_200, 5_000, false, true),
            (5_200, 6_000, true, false),
            (6_000, 6_400, true, false),
        ];
        assert_eq!(of(&said), expected);
    }

    #[test]
    fn absurd_times_still_end_after_they_begin() {
        let said = [
            ("agent", Some(-5), Some(-9), "a"),
            ("agent", Some(i64::MAX), Some(7), "b"),
            ("agent", None, Some(i64::MIN), "c"),
            ("agent", None, None, "d"),
        ];
        for (start, end, ..) in of(&said) {
            assert!(0 <= start && start < end, "{start} {end}");
        }
        assert_eq!(of(&said)[0], (0, 1, false, false));
    }
}
