//! One call: as JSON, as a vCon, as WebVTT.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};

use super::archive::Archive;
use super::{Given, blocking};
use crate::engine::effects::CallPhase;
use crate::journal::{Most, ReadError};
use crate::server::App;
use crate::server::guard::Caller;
use crate::server::rest::{body_of, json_body, problem};
use crate::wire::audit::Done;
use crate::wire::exports::{MAX_CHUNKS, MAX_TEXT_BYTES, vcon, webvtt};
use crate::wire::lists::{CallDetail, Parameters};
use crate::wire::{Place, Scopes};

/// How a call is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Vcon,
    Webvtt,
}

const FORMS: [(&str, Form); 3] =
    [("json", Form::Json), ("vcon", Form::Vcon), ("vtt", Form::Webvtt)];
const SUFFIXES: [(&str, Form); 2] = [(".vcon", Form::Vcon), (".vtt", Form::Webvtt)];

/// `GET /v1/calls/{id}`, `/v1/calls/{id}.vcon`, `/v1/calls/{id}.vtt`. An id may end like that
/// itself: a call of exactly that id comes first, and `?format=` leaves no doubt.
pub(in crate::server) async fn call(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(given): Given,
) -> Response<Body> {
    let parsed =
        Parameters::new(given, &["format"]).and_then(|given| given.choice("format", &FORMS));
    let form = match parsed {
        Ok(form) => form,
        Err(text) => return problem(StatusCode::BAD_REQUEST, "bad_request", &text),
    };
    let name: Arc<str> = name.into();
    let answer = || {
        let (scopes, name) = (Arc::clone(&caller.grant.scopes), Arc::clone(&name));
        blocking(&app, move |archive| {
            let found = find(archive, &scopes, &name, form)?;
            // A long call takes a while to write out, too.
            Ok(found.map(|(call, form)| (call.view.call_id.clone(), form, written(&call, form))))
        })
    };
    let was_open = fetch_words(&app, &name).await;
    let mut answered = answer().await;
    // It ended in between: its words are somewhere else by now.
    if was_open && !fetch_words(&app, &name).await {
        answered = answer().await;
    }
    match answered {
        Ok(Some((call_id, form, response))) => {
            if form != Form::Json && response.status() == StatusCode::OK {
                let who = caller.grant.user.as_deref().unwrap_or("anybody");
                let form = FORMS.iter().find(|(_, own)| *own == form).map(|(name, _)| *name);
                app.audit.note(&caller, who, Done::Export, Some(&call_id), form);
            }
            response
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "not_found", "no such call is kept here"),
        Err(response) => *response,
    }
}

/// Has what is said in a call of another node at hand, if it is one. Says whether it goes on there.
async fn fetch_words(app: &App, name: &str) -> bool {
    let Some(cluster) = &app.cluster else { return false };
    let shorter = SUFFIXES.iter().filter_map(|(end, _)| name.strip_suffix(end));
    let mut goes_on = false;
    for call_id in shorter.chain([name]) {
        cluster.follow(call_id).await;
        goes_on |= app.desk.hub().is_open(call_id);
    }
    goes_on
}

fn find(
    archive: &Archive<'_>,
    scopes: &Scopes,
    name: &str,
    form: Option<Form>,
) -> Result<Option<(CallDetail, Form)>, ReadError> {
    // A call out of sight is as if it were not there.
    let seen = |call: &CallDetail| scopes.allow(Place::of_call(&call.view));
    let exactly = form.unwrap_or(Form::Json);
    if let Some(call) = archive.call(name, most(archive, exactly))?.filter(seen) {
        return Ok(Some((call, exactly)));
    }
    let meant = |(suffix, form)| Some((name.strip_suffix(suffix)?, form));
    let Some((call_id, form)) = SUFFIXES.into_iter().find_map(meant).filter(|_| form.is_none())
    else {
        return Ok(None);
    };
    let call = archive.call(call_id, most(archive, form))?.filter(seen);
    Ok(call.map(|call| (call, form)))
}

/// How much of a transcript: what goes to other programs has all of it that is bearable.
fn most(archive: &Archive<'_>, form: Form) -> Most {
    match form {
        Form::Json => archive.shown(),
        Form::Vcon | Form::Webvtt => Most { chunks: MAX_CHUNKS, text_bytes: MAX_TEXT_BYTES },
    }
}

fn written(call: &CallDetail, form: Form) -> Response<Body> {
    match form {
        Form::Json => json_body(StatusCode::OK, call),
        Form::Webvtt => body_of(StatusCode::OK, webvtt::MEDIA_TYPE, webvtt::encode(call)),
        Form::Vcon if call.view.state == CallPhase::Open => {
            let text = "a vCon is of a call that has ended, and this one goes on; its transcript so \
                        far is there as .vtt";
            problem(StatusCode::CONFLICT, "call_open", text)
        }
        Form::Vcon => match vcon::encode(call) {
            Ok(text) => body_of(StatusCode::OK, vcon::MEDIA_TYPE, text),
            Err(error) => {
                let text = error.to_string();
                problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &text)
            }
        },
    }
}
