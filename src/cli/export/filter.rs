//! Which calls or alerts: the parameters of REST as flags.

use clap::Parser;

use crate::cli::Failure;
use crate::engine::effects::CallPhase;
use crate::wire::lists::{AlertQuery, CallQuery, Parameters};

const OF_CALLS: [&str; 8] = ["from", "to", "queue", "team", "agent", "outcome", "alerted", "q"];
const OF_ALERTS: [&str; 9] =
    ["from", "to", "queue", "team", "agent", "state", "call_id", "kind", "level"];

#[derive(Debug, Parser)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Only calls that began, or alerts raised, at this time or later (RFC 3339).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only those before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only of this queue.
    #[arg(long, allow_hyphen_values = true)]
    queue: Option<String>,
    /// Only of this team.
    #[arg(long, allow_hyphen_values = true)]
    team: Option<String>,
    /// Only of this agent.
    #[arg(long, allow_hyphen_values = true)]
    agent: Option<String>,
    /// Calls: escalated, not_escalated or unknown, as their platform told.
    #[arg(long)]
    outcome: Option<String>,
    /// Calls: true for those that raised an alert, false for the others.
    #[arg(long)]
    alerted: Option<String>,
    /// Calls: whose id or an attribute begins so, or in which all these words were said.
    #[arg(long, allow_hyphen_values = true)]
    q: Option<String>,
    /// Alerts: open, closed, raised, acknowledged, snoozed, resolved or retracted.
    #[arg(long)]
    state: Option<String>,
    /// Alerts: of calls with this id.
    #[arg(long, allow_hyphen_values = true)]
    call_id: Option<String>,
    /// Alerts: risk, trigger or manual.
    #[arg(long)]
    kind: Option<String>,
    /// Alerts: watch, warning or critical.
    #[arg(long)]
    level: Option<String>,
}

impl Filter {
    /// The query for calls.
    pub fn calls(&self) -> Result<CallQuery, Failure> {
        let given = self.parameters("calls", &OF_CALLS)?;
        let query = CallQuery::parse(&given).map_err(Failure::usage)?;
        // The tables also hold calls that were over and go on.
        Ok(CallQuery { state: Some(CallPhase::Ended), ..query })
    }

    /// The query for alerts.
    pub fn alerts(&self) -> Result<AlertQuery, Failure> {
        let given = self.parameters("alerts", &OF_ALERTS)?;
        AlertQuery::parse(&given).map_err(Failure::usage)
    }

    fn parameters(&self, what: &str, known: &[&str]) -> Result<Parameters, Failure> {
        let flags = [
            ("from", &self.from),
            ("to", &self.to),
            ("queue", &self.queue),
            ("team", &self.team),
            ("agent", &self.agent),
            ("outcome", &self.outcome),
            ("alerted", &self.alerted),
            ("q", &self.q),
            ("state", &self.state),
            ("call_id", &self.call_id),
            ("kind", &self.kind),
            ("level", &self.level),
        ];
        let given: Vec<(String, String)> = flags
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect();
        if let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let flag = name.replace('_', "-");
            return Err(Failure::Usage(format!("--{flag} is no filter of {what}; see --help")));
        }
        Parameters::new(given, known).map_err(Failure::usage)
    }
}
