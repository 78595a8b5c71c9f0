//! Forewarn: sees, while a customer call is still going on, that it is about to escalate.
//!
//! `ARCHITECTURE.md` is the map of this crate. In one line: a chunk of transcript goes
//! socket → `wire` → `desk` → `engine` → `journal` → ack, and `hub` → consoles.

#![forbid(unsafe_code)]

pub mod access;
pub mod call;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod config;
pub mod corpus;
pub mod desk;
pub mod egress;
pub mod engine;
pub mod features;
pub mod hub;
pub mod journal;
pub mod model;
pub mod server;
pub mod telemetry;
pub mod text;
pub mod train;
pub mod wire;
