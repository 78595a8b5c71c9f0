//! Open alerts, and the selected one with its reasons and advice.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row as Cells, Table, Wrap};

use super::calls::state_words;
use super::text::{clean, or_dash, percent};
use super::{count, first_row, level_style, level_word, pane};
use crate::cli::watch::app::{App, Pane};
use crate::engine::alert::{Alert, AlertKind, Guidance, Reason};

/// Reasons and pieces of advice that are shown.
const REASONS: usize = 6;
const ADVICE: usize = 2;

pub(super) fn draw(frame: &mut Frame<'_>, app: &App, area: Rect, now: i64) {
    let title = format!(" {} ", count(app.alerts.len(), "open alert"));
    let block = pane(app, Some(Pane::Alerts), title);
    let height = usize::from(block.inner(area).height);
    let selected = app.alert_at();
    let first = first_row(selected, app.alerts.len(), height);
    let rows = app.alerts.iter().enumerate().skip(first).take(height).filter_map(|(at, id)| {
        let alert = app.state.picture.alerts.get(id)?;
        let style = match (selected == Some(at), app.pane) {
            (true, Pane::Alerts) => Style::new().add_modifier(Modifier::REVERSED),
            _ => Style::new(),
        };
        let level = level_word(Some(alert.level));
        let cells = [
            Span::styled(level, level_style(Some(alert.level))),
            Span::raw(format!("{:>5}", percent(alert.risk))),
            Span::raw(clean(&alert.call_id)),
            Span::raw(state_words(alert, now)),
        ];
        Some(Cells::new(cells).style(style))
    });
    let rows: Vec<Cells<'_>> = rows.collect();
    let widths =
        [Constraint::Length(8), Constraint::Length(5), Constraint::Fill(1), Constraint::Fill(1)];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

pub(super) fn draw_detail(frame: &mut Frame<'_>, app: &App, area: Rect, now: i64) {
    let Some(alert) = app.target() else {
        let none = Paragraph::new("No open alert is selected.");
        frame.render_widget(none.block(pane(app, None, " Why ".into())), area);
        return;
    };
    let title = format!(" Why: {} ", clean(&alert.call_id));
    let text = Paragraph::new(lines(alert, now)).wrap(Wrap { trim: false });
    frame.render_widget(text.block(pane(app, None, title)), area);
}

/// The alert in words: what, why, and what to do next.
fn lines(alert: &Alert, now: i64) -> Vec<Line<'static>> {
    let kind = match alert.kind {
        AlertKind::Risk => "risk",
        AlertKind::Trigger => "trigger",
        AlertKind::Manual => "raised hand",
    };
    let level = level_word(Some(alert.level)).to_uppercase();
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{level} {} ", percent(alert.risk)), level_style(Some(alert.level))),
        Span::raw(format!("{kind}, {}", state_words(alert, now))),
        Span::styled(
            format!("  {} / {}", or_dash(alert.queue.as_ref()), or_dash(alert.agent_id.as_ref())),
            Modifier::DIM,
        ),
    ])];
    lines.extend(alert.reasons.iter().take(REASONS).flat_map(reason));
    if let Some(advice) = &alert.recommendation {
        let what = format!("{}: {}", clean(&advice.action), clean(&advice.because));
        lines.push(Line::styled(what, Modifier::BOLD));
    }
    lines.extend(alert.guidance.iter().take(ADVICE).flat_map(guidance));
    lines
}

fn reason(reason: &Reason) -> Vec<Line<'static>> {
    // No probability stands behind the reason of a rule.
    let contribution = match reason.contribution {
        0.0 => clean(&reason.label),
        log_odds => format!("{log_odds:+.2}  {}", clean(&reason.label)),
    };
    let quotes = reason.quotes.iter().map(|quote| {
        let text = format!("       \"{}\" ({})", clean(&quote.text), quote.speaker.name());
        Line::styled(text, Color::Gray)
    });
    std::iter::once(Line::from(contribution)).chain(quotes).collect()
}

fn guidance(advice: &Guidance) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("→ {}: ", clean(&advice.title)), Color::Green),
        Span::raw(clean(&advice.say)),
    ])];
    if !advice.avoid.is_empty() {
        lines.push(Line::styled(format!("  not: {}", clean(&advice.avoid)), Modifier::DIM));
    }
    lines
}
