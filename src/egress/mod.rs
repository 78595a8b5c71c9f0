//! Ways out: alerts sent to destinations outside, each in the format it speaks.
//!
//! A task for each destination reads the journal's outbox in the order of the offsets and sends
//! what the destination wants, at least once, one after the other: nothing overtakes. A
//! destination that does not answer keeps only its own task waiting. This room decides nothing
//! about alerts; a format is a pure function from a change of an alert to a message.

mod answer;
mod client;
mod cloudevents;
mod delivery;
mod destination;
mod metrics;
mod pagerduty;
mod running;
mod sample;
mod secrets;
mod settings;
mod signature;
mod slack;
#[cfg(test)]
mod tests;
mod told;
mod wanted;

pub use answer::{Answer, Verdict};
pub use client::Client;
pub use destination::{Destination, Message};
pub use metrics::Metrics;
pub use running::{Running, open, start};
pub use settings::{Changes, Format, Settings, check};
