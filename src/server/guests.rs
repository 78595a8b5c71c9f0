//! What each guest takes of the server over all its connections. A guest is a token, with the user
//! it names; an address, for what comes before a token is read and where there are none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;

use super::pace::Pace;
use super::settings::Settings;
use crate::access::Grant;
use crate::desk::Quota;

/// Guests that are known at a time; more share one place.
const MAX_GUESTS: usize = 16_384;
/// Time between looks for guests who have gone.
const SWEEP: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    /// Its id and its user: all tokens of an identity provider have one id.
    Token(String, Option<String>),
    /// Everybody for whom there is no room.
    Crowd,
}

/// All guests.
#[derive(Debug)]
pub(super) struct Guests {
    settings: Settings,
    calls: usize,
    known: Mutex<Known>,
    count: Gauge,
}

#[derive(Debug, Default)]
struct Known {
    guests: HashMap<Key, Arc<Guest>>,
    swept: Option<Instant>,
}

impl Guests {
    /// `calls` is how many a guest may have open; `count` shows how many guests are known.
    pub fn new(settings: &Settings, calls: usize, count: Gauge) -> Guests {
        Guests { settings: settings.clone(), calls, known: Mutex::default(), count }
    }

    /// Whoever is at an address. An IPv6 guest has a whole /64 network to choose from.
    pub fn at(&self, address: IpAddr) -> Arc<Guest> {
        let address = match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
            v4 => v4,
        };
        self.guest(Key::Address(address), self.settings.requests_per_s_per_address)
    }

    /// Whoever shows a token. `None` where there are none.
    pub fn with(&self, grant: &Grant) -> Option<Arc<Guest>> {
        let token = Key::Token(grant.token.clone()?, grant.user.clone());
        Some(self.guest(token, self.settings.requests_per_s_per_token))
    }

    fn guest(&self, key: Key, requests_per_s: u32) -> Arc<Guest> {
        let now = Instant::now();
        let new = || Arc::new(Guest::new(&self.settings, self.calls, requests_per_s, now));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = known.guests.get(&key) {
            return Arc::clone(guest);
        }
        if known.guests.len() >= MAX_GUESTS {
            known.sweep(now);
        }
        let key = if known.guests.len() < MAX_GUESTS { key } else { Key::Crowd };
        let guest = Arc::clone(known.guests.entry(key).or_insert_with(new));
        self.count.set(i64::try_from(known.guests.len()).unwrap_or(i64::MAX));
        guest
    }
}

impl Known {
    /// Forgets those of whom nothing is left to remember, at most once in a while.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.guests.retain(|_, guest| Arc::strong_count(guest) > 1 || !guest.is_rested(now));
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Guest {
    connections: AtomicUsize,
    rates: Mutex<Rates>,
    /// Calls it has open.
    pub calls: Arc<Quota>,
}

#[derive(Debug)]
struct Rates {
    requests: Pace,
    /// Those that need a token.
    readings: Pace,
    messages: Pace,
    bytes: Pace,
}

impl Guest {
    fn new(settings: &Settings, calls: usize, requests_per_s: u32, now: Instant) -> Guest {
        let rates = Rates {
            requests: Pace::new(requests_per_s, now),
            readings: Pace::new(settings.requests_per_s_per_token, now),
            messages: Pace::new(settings.messages_per_s_per_token, now),
            bytes: Pace::new(settings.bytes_per_s_per_token, now),
        };
        Guest {
            connections: AtomicUsize::new(0),
            rates: Mutex::new(rates),
            calls: Quota::new(calls),
        }
    }

    /// One more connection, for as long as the visit is kept; `None` over the limit.
    pub fn visit(self: &Arc<Self>, most: usize) -> Option<Visit> {
        let more = |now: usize| (now < most).then_some(now + 1);
        self.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Visit(Arc::clone(self)))
    }

    /// Counts a request of any kind. False when that was too much.
    pub fn asks(&self, now: Instant) -> bool {
        self.rates().requests.take(now)
    }

    /// Counts a request that needs a token, or would where there are some.
    pub fn reads(&self, now: Instant) -> bool {
        self.rates().readings.take(now)
    }

    /// Counts messages of calls. `Some` when that was too much: how long to wait for more.
    pub fn sends(&self, messages: usize, bytes: usize, now: Instant) -> Option<Duration> {
        let mut rates = self.rates();
        rates.messages.spend(messages as f64, now);
        rates.bytes.spend(bytes as f64, now);
        rates.messages.wait(now).max(rates.bytes.wait(now))
    }

    /// It may do at once all that it ever may.
    fn is_rested(&self, now: Instant) -> bool {
        let mut rates = self.rates();
        let Rates { requests, readings, messages, bytes } = &mut *rates;
        [requests, readings, messages, bytes].into_iter().all(|pace| pace.is_full(now))
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a guest.
#[derive(Debug)]
pub(super) struct Visit(Arc<Guest>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(settings: Settings) -> Guests {
        Guests::new(&settings, 10, Gauge::default())
    }

    #[test]
    fn connections_count_for_as_long_as_they_last() {
        let guests = guests(Settings::default());
        let at = |text: &str| guests.at(text.parse().unwrap());
        let first = at("10.0.0.1").visit(2).unwrap();
        let second = at("::ffff:10.0.0.1").visit(2);
        assert!(second.is_some() && at("10.0.0.1").visit(2).is_none());
        assert!(at("10.0.0.2").visit(2).is_some(), "others have their own");
        drop(first);
        assert!(at("10.0.0.1").visit(2).is_some());
        let network = at("2001:db8::1");
        assert!(Arc::ptr_eq(&network, &at("2001:db8::ffff:2")));
        assert!(!Arc::ptr_eq(&network, &at("2001:db8:0:1::1")));
    }

    #[test]
    fn rates_are_of_all_connections_together() {
        let settings = Settings {
            messages_per_s_per_token: 10,
            bytes_per_s_per_token: 1_000,
            requests_per_s_per_token: 1,
            ..Settings::default()
        };
        let guest = guests(settings).at("10.0.0.1".parse().unwrap());
        let now = Instant::now();
        assert_eq!(guest.sends(10, 0, now), None);
        assert!(guest.sends(10, 0, now).is_some(), "messages");
        let later = now + Duration::from_secs(10);
        assert!(guest.sends(1, 5_000, later).is_some_and(|wait| wait.as_secs() == 3), "bytes");
        assert!(guest.reads(now) && guest.reads(now) && !guest.reads(now));
        assert!(guest.asks(now));
    }

    #[test]
    fn guests_are_bounded_and_those_who_have_gone_are_forgotten() {
        let guests = guests(Settings::default());
        let at = |n: usize| guests.at(IpAddr::V4(u32::try_from(n).unwrap().into()));
        let busy = at(0);
        assert!((0..5_000).filter(|_| busy.asks(Instant::now())).count() < 5_000);
        drop(busy);
        let here = at(1);
        let kept: Vec<_> = (2..MAX_GUESTS).map(at).collect();
        let crowd = at(MAX_GUESTS + 1);
        assert!(Arc::ptr_eq(&crowd, &at(MAX_GUESTS + 2)), "no room for more");
        assert!(!Arc::ptr_eq(&here, &crowd));
        drop((kept, crowd));
        let mut known = guests.known.lock().unwrap();
        known.swept = None;
        known.sweep(Instant::now());
        // The one that is here, and the one whose rate is used up.
        assert_eq!(known.guests.len(), 2);
    }
}
