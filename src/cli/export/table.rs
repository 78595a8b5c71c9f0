//! CSV as in RFC 4180: a header, a row a thing, lines that end in CR LF, UTF-8.

use std::io::Write;
use std::path::Path;

use super::out::Out;
use super::{Alerts, Calls, What};
use crate::cli::Failure;
use crate::engine::alert::Alert;
use crate::wire::exports::tables;
use crate::wire::lists::CallDetail;

pub(super) struct Table {
    out: Out,
    rows: csv::Writer<Box<dyn Write>>,
    what: What,
}

impl Table {
    pub fn open(out: Option<&Path>, what: What) -> Result<Table, Failure> {
        let (out, write) = Out::open(out)?;
        let rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(write);
        let mut table = Table { out, rows, what };
        table.row(match what {
            What::Calls => &tables::CALLS[..],
            What::Transcripts => &tables::CHUNKS[..],
            What::Alerts => &tables::ALERTS[..],
            What::AlertHistory => &tables::STEPS[..],
        })?;
        Ok(table)
    }

    fn row(&mut self, cells: &[impl AsRef<[u8]>]) -> Result<(), Failure> {
        self.rows.write_record(cells).map_err(|error| self.out.failed(error))
    }

    fn end(self, written: Result<(), Failure>) -> Result<(), Failure> {
        let Table { out, mut rows, .. } = self;
        out.close(written, rows.flush())
    }
}

impl Calls for Table {
    fn call(&mut self, call: &CallDetail, _: bool) -> Result<(), Failure> {
        if self.what == What::Calls {
            return self.row(&tables::call(call));
        }
        call.transcript.iter().try_for_each(|said| self.row(&tables::chunk(call, said)))
    }

    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure> {
        (*self).end(written)
    }
}

impl Alerts for Table {
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        if self.what == What::Alerts {
            return self.row(&tables::alert(alert));
        }
        tables::steps(alert).try_for_each(|row| self.row(&row))
    }

    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure> {
        (*self).end(written)
    }
}
