//! Many nodes on a real nats-server: what one node promises, three promise together.
//!
//! Each test starts a nats-server of its own, with its store in a folder of its own. Where the
//! program is missing the tests say `SKIPPED` on stderr, and `tests/run` repeats it.
//! `CRASH_ROUNDS` says how often nodes are killed (3 unless told), `CRASH_SEED` repeats a run.

mod bad_input;
mod comes_back;
mod cut;
mod cut_off;
mod forget;
mod halfway;
mod history;
mod killed;
mod load;
mod nats;
mod nats_away;
mod nodes;
mod people;
mod replicas;
mod seen;
mod takeover;
mod timers;
mod tls;
mod tools;
mod watcher;
