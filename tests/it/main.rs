//! The built binary over real sockets. One integration-test binary, a module a concern.
#![allow(missing_docs)]

mod harness;
mod imports;
mod replay;
