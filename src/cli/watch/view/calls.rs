//! Open calls, the most urgent first.

use std::collections::HashMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;
use ratatui::widgets::{Row as Cells, Table};

use super::text::{clean, or_dash, percent, signed, span, spark, trend};
use super::{count, first_row, level_style, level_word, pane};
use crate::cli::watch::app::{App, Pane};
use crate::cli::watch::order::is_waiting;
use crate::cli::watch::state::Row;
use crate::engine::alert::{Alert, AlertState};

/// Bars of a curve.
const SPARK: usize = 10;

/// A column: its title, how wide, and from which width of the board on it is there.
const COLUMNS: [(&str, Constraint, u16); 9] = [
    ("Risk", Constraint::Length(5), 0),
    ("Level", Constraint::Length(8), 0),
    ("±", Constraint::Length(4), 40),
    ("Mood", Constraint::Length(4), 70),
    ("Curve", Constraint::Length(SPARK as u16), 64),
    ("Time", Constraint::Length(7), 48),
    ("Call", Constraint::Fill(2), 0),
    ("Queue / agent", Constraint::Fill(2), 78),
    ("Alert", Constraint::Fill(2), 0),
];

pub(super) fn draw(frame: &mut Frame<'_>, app: &App, area: Rect, now: i64) {
    let of = match app.filter.is_empty() {
        true => count(app.calls.len(), "call"),
        false => format!("{} with \"{}\"", count(app.calls.len(), "call"), clean(&app.filter)),
    };
    let block = pane(app, Some(Pane::Calls), format!(" {of} "));
    let inner = block.inner(area);
    // The head takes a line.
    let height = usize::from(inner.height).saturating_sub(1);
    let selected = app.call_at();
    let first = first_row(selected, app.calls.len(), height);
    let shown: Vec<usize> = (0..COLUMNS.len()).filter(|at| inner.width >= COLUMNS[*at].2).collect();
    let mut alerts: HashMap<&str, Vec<&Alert>> = HashMap::new();
    for alert in app.alerts.iter().filter_map(|id| app.state.picture.alerts.get(id)) {
        alerts.entry(&alert.call_id).or_default().push(alert);
    }
    let rows = app.calls.iter().enumerate().skip(first).take(height).filter_map(|(at, id)| {
        let row = app.state.picture.calls.get(id)?;
        let own = alerts.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let style = match (selected == Some(at), app.pane) {
            (true, Pane::Calls) => Style::new().add_modifier(Modifier::REVERSED),
            (true, Pane::Alerts) => Style::new().add_modifier(Modifier::UNDERLINED),
            _ => Style::new(),
        };
        let cells = cells(row, app.state.is_early(&row.view), own, now);
        Some(Cells::new(shown.iter().map(|at| cells[*at].clone()).collect::<Vec<_>>()).style(style))
    });
    let rows: Vec<Cells<'_>> = rows.collect();
    let head = Cells::new(shown.iter().map(|at| COLUMNS[*at].0)).style(Modifier::DIM);
    let widths: Vec<Constraint> = shown.iter().map(|at| COLUMNS[*at].1).collect();
    frame.render_widget(Table::new(rows, widths).header(head).block(block), area);
}

fn cells(row: &Row, early: bool, alerts: &[&Alert], now: i64) -> [Span<'static>; 9] {
    let view = &row.view;
    let level = level_style(view.level);
    let risk = match early {
        true => Style::new().add_modifier(Modifier::DIM),
        false => level,
    };
    let change = if early { String::new() } else { trend(view.trend) };
    let word = match (early, view.risk) {
        (_, None) => "no score",
        (true, _) => "early",
        _ => level_word(view.level),
    };
    let whose = format!("{} / {}", or_dash(view.queue.as_ref()), or_dash(view.agent_id.as_ref()));
    [
        Span::styled(format!("{:>5}", percent(view.risk)), risk),
        Span::styled(word, level),
        Span::raw(change),
        Span::raw(signed(view.sentiment)),
        Span::styled(spark(row.curve.iter(), SPARK), level),
        Span::raw(span(now - row.began_ms)),
        Span::raw(clean(&view.call_id)),
        Span::raw(whose),
        alert_words(alerts, now),
    ]
}

/// Who has the alert of a call, or how long it has waited.
fn alert_words(alerts: &[&Alert], now: i64) -> Span<'static> {
    let Some(first) = alerts.first() else { return Span::raw("") };
    let style = match is_waiting(first) {
        true => level_style(Some(first.level)),
        false => Style::new(),
    };
    Span::styled(state_words(first, now), style)
}

/// Where an alert is in its life, in a few words.
pub(super) fn state_words(alert: &Alert, now: i64) -> String {
    let owner = || or_dash(alert.owner.as_ref());
    match alert.state {
        AlertState::Raised if alert.held => "held back".into(),
        AlertState::Raised if alert.owner.is_some() => {
            format!("waits {} for {}", span(now - alert.raised_at.0), owner())
        }
        AlertState::Raised => format!("waits {}", span(now - alert.raised_at.0)),
        AlertState::Acknowledged => format!("with {}", owner()),
        AlertState::Snoozed => match alert.snoozed_until {
            Some(until) => format!("snoozed {}", span(until.0 - now)),
            None => "snoozed".into(),
        },
        AlertState::Resolved => "resolved".into(),
        AlertState::Retracted => "retracted".into(),
    }
}
