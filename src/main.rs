//! The `forewarn` program: parse, run, say in one line what went wrong.

use std::process::ExitCode;

use clap::Parser;
use forewarn::cli::{self, Cli};
use mimalloc::MiMalloc;

/// What one thread takes another gives back: a chunk is read by a socket's task and let go by the
/// journal's writer, which the allocator of glibc makes dear.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
