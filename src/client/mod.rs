//! The client's side of the protocol: what `replay`, `demo` and `watch` speak to a server.
//!
//! [`play`] behaves as a call platform: credits, acks, resume, reconnect. [`watch`] behaves as a
//! console that comes back where it left off. Knows nothing of the server's insides: it works
//! against any server that keeps to the protocol.

mod backoff;
mod connect;
mod console;
mod feed;
mod http;
mod messages;
mod play;
mod script;
mod socket;
mod tally;
mod tls;

pub use self::http::{HttpAnswer, delete};
pub use connect::{ConnectError, Target};
pub use console::{Subscription, watch};
pub use messages::Scored;
pub use play::{Note, PlayError, Settings, play};
pub use script::{Script, Speed};
pub use socket::Ending;
pub use tally::Tally;

/// Subprotocol of call platforms.
pub const INGEST: &str = "escalation.ingest.v1";
/// Subprotocol of consoles.
pub const CONSOLE: &str = "escalation.console.v1";
