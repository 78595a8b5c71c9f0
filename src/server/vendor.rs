//! Vendor formats at the server: what the URL says of them, and their way to the desk.

use std::collections::HashMap;
use std::time::Instant;

use super::App;
use crate::desk::{Later, Now, Platform, Taken};
use crate::hub::Publication;
use crate::journal::Permit;
use crate::wire::vendors::{About, Adapter, Counts, Facts, Format, Roles};
use crate::wire::{Code, ingest};

/// A connection without calls, as the URL describes it.
pub(super) fn adapter(app: &App, format: Format, facts: Facts) -> Adapter {
    let nonce = format!("{:012x}", fastrand::u64(..1 << 48));
    Adapter::new(format, facts, nonce, app.desk.settings().max_calls_per_connection)
}

/// What the URL says about the calls of a connection.
///
/// # Errors
/// A sentence about the first parameter that cannot be used.
pub(super) fn facts(
    query: &HashMap<String, String>,
    settings: &crate::wire::Settings,
) -> Result<Facts, String> {
    let short = |name: &str| match query.get(name).filter(|text| !text.is_empty()) {
        Some(text) if text.len() > settings.max_name_bytes => Err(format!(
            "`{name}` has {} bytes; at most {} are allowed",
            text.len(),
            settings.max_name_bytes
        )),
        given => Ok(given.cloned()),
    };
    let call_id = query.get("call_id").filter(|call_id| !call_id.is_empty()).cloned();
    if let Some(call_id) = &call_id {
        ingest::call_id_is_usable(call_id, settings)?;
    }
    let about = About {
        queue: short("queue")?,
        team: short("team")?,
        agent_id: short("agent_id")?,
        lang: short("lang")?,
        ..About::default()
    };
    let roles = query.get("roles").map_or(Ok(Roles::default()), |text| Roles::parse(text))?;
    Ok(Facts { call_id, about, roles })
}

/// Gives the next message of `adapter` to the desk. `None` when there is none.
pub(super) fn feed(
    app: &App,
    platform: &mut Platform,
    adapter: &mut Adapter,
    read: Instant,
    permit: Permit<'_, Publication>,
) -> Option<Taken> {
    let message = adapter.next(&app.wire)?;
    let call_id = message.call_id.clone().into_owned();
    let taken = platform.take(Ok(message), read, permit);
    if taken.elsewhere.is_some() {
        return Some(taken);
    }
    match (&taken.later, &taken.now) {
        (Some((_, Later::Started { last_seq, ended, reopened, .. })), _) => {
            let goes_on = *last_seq > 0 && adapter.needs_time(&call_id);
            let known = goes_on.then(|| app.desk.hub().call(&call_id)).flatten();
            let at_ms = known.map_or(0, |call| call.view.at_ms);
            adapter.started(&call_id, *last_seq, at_ms, *ended);
            if *reopened {
                adapter.reopened(&call_id);
            }
        }
        (Some((_, Later::Ack { .. })), _) => adapter.taken(),
        // Somebody else has the call, or moved it on: ask for it again. Nobody need know.
        (None, Some(Now::Nack { .. })) => {
            adapter.lost(&call_id);
            return Some(Taken::default());
        }
        (None, Some(Now::Refused(problem))) if problem.code == Code::TakenOver => {
            adapter.lost(&call_id);
            return Some(Taken::default());
        }
        (None, _) => adapter.refused(),
    }
    Some(taken)
}

/// Counts what an adapter passed over.
pub(super) fn count(app: &App, adapter: &mut Adapter) {
    let Counts { skipped, unknown_speakers } = adapter.take_counts();
    let metrics = &app.metrics;
    let format = adapter.format().name();
    metrics.vendor_skipped(format, skipped);
    metrics.vendor_unknown_speakers(format, unknown_speakers);
}
