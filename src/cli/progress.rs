//! Progress of long work: on a terminal only, so that pipes stay quiet.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

/// Prints each line with the seconds since the start, when stderr is a terminal.
pub(super) fn printer() -> impl Fn(&str) + Sync {
    let (begin, terminal) = (Instant::now(), stderr().is_terminal());
    move |line| {
        if terminal {
            eprintln!("{:>6.1} s  {line}", begin.elapsed().as_secs_f64());
        }
    }
}
