//! What a destination answered, and what that means for the message and for those behind it.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::call::Timestamp;

/// Longest wait that an answer can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it means.
    pub verdict: Verdict,
    /// Status, or what stood in the way, for people. Without secrets.
    pub text: String,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has the message.
    Taken,
    /// It has something against this message: tried a few times, then given up.
    Refused,
    /// It answers, and takes nothing as things are (a wrong secret, a wrong path, a fault of its
    /// own): tried again for some hours, then given up, so that one message that breaks it does
    /// not stand before all others for ever.
    Unwilling,
    /// It cannot be reached, or asks to wait: tried again for as long as the message is kept.
    Away,
}

impl Answer {
    /// Of a request that got none.
    pub fn none(text: String) -> Answer {
        Answer { verdict: Verdict::Away, text, retry_after: None }
    }

    /// Of a status with its headers. `now` is for a `Retry-After` that names a moment.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Answer {
        let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        Answer {
            verdict: verdict(status),
            text: format!("status {}", status.as_u16()),
            retry_after: asked.and_then(|text| retry_after(text, now)),
        }
    }
}

fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken,
        408 | 425 | 429 | 502..=504 => Verdict::Away,
        401 | 403 | 404 | 407 | 410 => Verdict::Unwilling,
        400..=499 => Verdict::Refused,
        // A redirect leads somewhere that nobody has allowed to be sent to.
        _ => Verdict::Unwilling,
    }
}

/// Seconds, or a moment as HTTP writes it.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let wait = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let moment = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
            let ms = moment.as_millisecond().saturating_sub(now.0);
            Duration::from_millis(u64::try_from(ms).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        for (verdict_of, codes) in [
            (Verdict::Taken, &[200, 201, 202, 204][..]),
            (Verdict::Refused, &[400, 402, 405, 409, 413, 415, 422, 451]),
            (Verdict::Unwilling, &[301, 302, 307, 401, 403, 404, 407, 410, 500, 501, 505]),
            (Verdict::Away, &[408, 425, 429, 502, 503, 504]),
        ] {
            for code in codes {
                assert_eq!(verdict(StatusCode::from_u16(*code).unwrap()), verdict_of, "{code}");
            }
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_moment() {
        let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("999999", Some(3_600)),
            ("Sun, 22 Nov 2026 10:00:30 GMT", Some(30)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
