//! How a command ends when it cannot do what it was asked.

use std::fmt::Display;
use std::process::ExitCode;

/// An exit code and one line for the user: what, where, how to mend it.
#[derive(Debug)]
pub enum Failure {
    /// The work failed: exit code 1.
    Failed(String),
    /// Wrong usage or bad configuration: exit code 2.
    Usage(String),
    /// Whoever read our output has gone: nothing to say, nothing wrong.
    Quiet,
}

impl Failure {
    /// Something that went wrong while working.
    pub fn failed(error: impl Display) -> Failure {
        Failure::Failed(error.to_string())
    }

    /// Something that was wrong before work began.
    pub fn usage(error: impl Display) -> Failure {
        Failure::Usage(error.to_string())
    }

    /// A failure to write to stdout; a closed pipe is none.
    pub fn output(error: &std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::Quiet,
            _ => Failure::Failed(format!("cannot write the output: {error}")),
        }
    }

    /// Tells the user and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (message, code) = match self {
            Failure::Quiet => return ExitCode::SUCCESS,
            Failure::Failed(message) => (message, 1),
            Failure::Usage(message) => (message, 2),
        };
        eprintln!("forewarn: {message}");
        ExitCode::from(code)
    }
}
