//! How `replay`, `watch` and `forget` are let in, and whom they trust.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::Failure;
use crate::client::Target;
use crate::config::TOKEN;

/// The token to show, if the server asks for one.
#[derive(Debug, Default, Parser)]
struct Token {
    /// The token to show. Others on this machine can read it in the list of programs: better use
    /// --token-file, or the variable FOREWARN_TOKEN.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
    /// File that holds the token to show.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The token, and whom to trust.
#[derive(Debug, Default, Parser)]
pub(super) struct Login {
    #[command(flatten)]
    token: Token,
    /// Authorities (PEM) of which a wss:// or https:// server must have its certificate [default:
    /// the system's].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Login {
    /// The token to show, if there is one.
    pub fn token(&self) -> Result<Option<String>, Failure> {
        self.token.read()
    }

    /// The file of authorities.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// A server to connect to.
    pub fn target(&self, url: &str, subprotocol: &'static str) -> Result<Target, Failure> {
        let token = self.token()?;
        Target::new(url, subprotocol, token.as_deref(), self.ca()).map_err(Failure::usage)
    }
}

impl Token {
    /// That of the flags, else that of the environment.
    fn read(&self) -> Result<Option<String>, Failure> {
        if let Some(path) = &self.token_file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::Usage(format!("cannot read the token file {}: {error}", path.display()))
            })?;
            return Ok(Some(text.trim().to_owned()));
        }
        let given = self.token.clone().or_else(|| std::env::var(TOKEN).ok());
        Ok(given.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }
}
