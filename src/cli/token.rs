//! `forewarn token`.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::Failure;
use crate::access::{Listed, Role, Store, StoreError, Wanted, now};
use crate::call::Timestamp;
use crate::wire::Scopes;

/// Makes, lists and revokes tokens, also while the server runs.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn token new --data-dir data --role ingest --user pbx
  forewarn token new --data-dir data --role supervisor --user ana --scope queue:billing
  forewarn token new --data-dir data --role agent --user a17 --expires 90d
  TOKEN=$(forewarn token new --data-dir data --role admin | tail -n 1)
  forewarn token list --data-dir data
  forewarn token revoke 3f2a9c51d07e --data-dir data     # closes its connections within seconds

Of each kind of scope that is named (queue, team, agent) a call must have one; without scopes all
calls are seen. An agent's token is for the agent that --user names, or --scope agent:ID.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token and print it, this once, as the last word.
    New {
        #[command(flatten)]
        place: Place,
        /// ingest (platforms: transcripts in, nothing out), agent, supervisor or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Whom it names: what consoles show and alerts are owned by [default: the token's id].
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// queue:NAME, team:NAME or agent:NAME; may be given again [default: all calls].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// When it ends: 90d, 12h, 30m, or a time such as 2027-01-01T00:00:00Z [default: never].
        #[arg(long, value_name = "WHEN", value_parser = expiry)]
        expires: Option<Timestamp>,
    },
    /// Show all tokens, without their secrets.
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON Lines.
        #[arg(long)]
        json: bool,
    },
    /// End a token: connections that came in by it are closed.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Parser)]
struct Place {
    /// Where the server keeps its data; made when it is missing.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::New { place, role, user, scope, expires } => {
            let scopes =
                Scopes::parse(scope).map_err(|why| Failure::Usage(format!("--scope {why}")))?;
            let wanted = Wanted { role, user, scopes, expires };
            let (made, text) = Store::of(&place.data_dir).make(wanted).map_err(failed)?;
            say(&format!("{}\nThis is the only time the token is shown:\n{text}", row(&made)))
        }
        What::List { place, json } => {
            let tokens = Store::of(&place.data_dir).list().map_err(failed)?;
            for token in &tokens {
                match json {
                    true => say(&serde_json::to_string(token).map_err(Failure::failed)?)?,
                    false => say(&row(token))?,
                }
            }
            Ok(())
        }
        What::Revoke { id, place } => {
            let first = Store::of(&place.data_dir).revoke(&id).map_err(failed)?;
            say(&format!("{id} {}", if first { "revoked" } else { "was revoked before" }))
        }
    }
}

/// One token on one line.
fn row(token: &Listed) -> String {
    let Listed { id, role, user, scopes, created, expires, state, .. } = token;
    let scopes = match scopes.is_all() {
        true => "all calls".into(),
        false => scopes.names().join(" "),
    };
    let expires = expires.map_or("never expires".into(), |expires| format!("expires {expires}"));
    format!("{id}  {:<10}  {user}  {scopes}  created {created}  {expires}  {state}", role.name())
}

fn role(text: &str) -> Result<Role, String> {
    Role::named(text).ok_or_else(|| "write ingest, agent, supervisor or admin".into())
}

fn expiry(text: &str) -> Result<Timestamp, String> {
    let now = now();
    let moment = Timestamp::parse(text).or_else(|| {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit_ms = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            _ => return None,
        };
        let ms = number.parse::<u32>().ok().filter(|number| *number > 0)?;
        Some(now.plus_ms(i64::from(ms).checked_mul(unit_ms)?))
    });
    // The farthest moment that can be written down again.
    let farthest = now.plus_ms(100 * 366 * 86_400_000);
    match moment {
        Some(moment) if moment > now && moment < farthest => Ok(moment),
        Some(_) => Err("it must lie ahead, and within a hundred years".into()),
        None => Err("write 90d, 12h, 30m, or a time such as 2027-01-01T00:00:00Z".into()),
    }
}

fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Asked(text) if text.contains("--") => Failure::Usage(text),
        other => Failure::failed(other),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(stdout().lock(), "{text}").map_err(|error| Failure::output(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_lie_ahead() {
        let day = expiry("1d").unwrap().0 - now().0;
        assert!((86_390_000..=86_400_000).contains(&day), "{day}");
        assert!(expiry("2099-01-01T00:00:00Z").is_ok());
        for bad in ["", "d", "0d", "-1d", "1y", "90", "é", "2020-01-01T00:00:00Z", "40000d"] {
            assert!(expiry(bad).is_err(), "{bad}");
        }
    }
}
