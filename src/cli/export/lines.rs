//! JSON Lines: everything exactly as it is.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::out::Out;
use super::{Alerts, Calls, What};
use crate::cli::Failure;
use crate::engine::alert::{Alert, HistoryEntry};
use crate::engine::effects::Said;
use crate::wire::exports::corpus;
use crate::wire::lists::CallDetail;

pub(super) struct Lines {
    out: Out,
    write: Box<dyn Write>,
    what: What,
}

/// A final chunk and its call.
#[derive(Serialize)]
struct Chunk<'a> {
    call: u64,
    call_id: &'a str,
    #[serde(flatten)]
    said: &'a Said,
}

/// A step in the life of an alert.
#[derive(Serialize)]
struct Step<'a> {
    alert_id: &'a str,
    call_id: &'a str,
    n: u32,
    #[serde(flatten)]
    entry: &'a HistoryEntry,
}

impl Lines {
    pub fn open(out: Option<&Path>, what: What) -> Result<Lines, Failure> {
        let (out, write) = Out::open(out)?;
        Ok(Lines { out, write, what })
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let written = serde_json::to_writer(&mut self.write, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.write.write_all(b"\n"));
        written.map_err(|error| self.out.failed(error))
    }

    fn end(self, written: Result<(), Failure>) -> Result<(), Failure> {
        let Lines { out, mut write, .. } = self;
        out.close(written, write.flush())
    }
}

impl Calls for Lines {
    fn call(&mut self, call: &CallDetail, is_newest: bool) -> Result<(), Failure> {
        if self.what == What::Calls {
            return self.line(&corpus::line(call, is_newest));
        }
        let (number, call_id) = (call.number, &call.view.call_id);
        let mut said = call.transcript.iter();
        said.try_for_each(|said| self.line(&Chunk { call: number, call_id, said }))
    }

    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure> {
        (*self).end(written)
    }
}

impl Alerts for Lines {
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        if self.what == What::Alerts {
            return self.line(alert);
        }
        let (alert_id, call_id) = (&alert.alert_id, &alert.call_id);
        let mut steps = (1..).zip(&alert.history);
        steps.try_for_each(|(n, entry)| self.line(&Step { alert_id, call_id, n, entry }))
    }

    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure> {
        (*self).end(written)
    }
}
