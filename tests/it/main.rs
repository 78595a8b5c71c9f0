//! The built binary over real sockets. One integration-test binary, a module a concern.
#![allow(missing_docs)]

mod abuse;
mod access;
mod backtest;
mod bad_input;
mod cli;
mod cluster;
mod console;
mod contracts;
mod crash;
mod deploy;
mod egress;
mod export;
mod fuzz;
mod harness;
mod import;
mod imports;
mod ingest;
mod journal;
mod lists;
mod matrix;
mod models;
mod overload;
mod playbook;
mod privacy;
mod replay;
mod rest;
mod rules;
mod vendors;
mod watch;
mod witness;
