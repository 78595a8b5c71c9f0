//! The board drawn: a pure function from what is known to the cells of a terminal.

mod calls;
mod inbox;
mod text;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::app::{App, Mode, Pane};
use super::order::is_waiting;
use super::state::Link;
use crate::engine::policy::Level;
use text::clean;

/// From here on the inbox stands beside the calls.
const WIDE: u16 = 120;
const HELP: [&str; 13] = [
    "Up Down j k    select            Home End g G  first, last",
    "Tab            between calls and alerts",
    "a              acknowledge       s  snooze for 5 minutes, for everybody",
    "n              assign to me      r  resolve, then the outcome",
    "/              show only what has this text in its queue, team, agent or call",
    "q              quit              any key closes this",
    "",
    "On a call, the keys act on its most pressing open alert.",
    "Calls are ordered by risk × (1 + minutes that an alert has waited), alerts by",
    "who waits: nobody has it, held back, taken; then by level, risk and age.",
    "",
    "Trend is the change over the last three customer turns, in points.",
    "Mood is the customer's sentiment from -1 to +1.",
];

/// Draws the board. `now` is in ms since 1970.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, now: i64) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(header(app), head);
    let (board, inbox, detail) = places(body);
    calls::draw(frame, app, board, now);
    inbox::draw(frame, app, inbox, now);
    inbox::draw_detail(frame, app, detail, now);
    frame.render_widget(footer(app), foot);
    if app.mode == Mode::Help {
        help(frame, body);
    }
}

fn places(body: Rect) -> (Rect, Rect, Rect) {
    if body.width >= WIDE {
        let [board, side] =
            Layout::horizontal([Constraint::Percentage(58), Constraint::Fill(1)]).areas(body);
        let [inbox, detail] =
            Layout::vertical([Constraint::Percentage(40), Constraint::Fill(1)]).areas(side);
        return (board, inbox, detail);
    }
    let [board, inbox, detail] = Layout::vertical([
        Constraint::Percentage(40),
        Constraint::Percentage(25),
        Constraint::Fill(1),
    ])
    .areas(body);
    (board, inbox, detail)
}

fn header(app: &App) -> Line<'static> {
    let link = match &app.state.link {
        Link::Connecting => Span::styled("connecting…", Color::Yellow),
        Link::Live => Span::styled(format!("live as {}", clean(&app.state.user)), Color::Green),
        Link::Lost(why) => Span::styled(format!("reconnecting… {}", clean(why)), Color::Yellow),
    };
    let alerts = app.state.picture.alerts.values();
    let waiting = alerts.filter(|alert| is_waiting(alert)).count();
    let calls = app.state.picture.calls.len();
    let counts = format!("   {}   {}", count(calls, "call"), waiting_words(waiting));
    let strong = Style::new().add_modifier(Modifier::BOLD);
    Line::from(vec![Span::styled("Forewarn  ", strong), link, Span::raw(counts)])
}

fn waiting_words(waiting: usize) -> String {
    match waiting {
        0 => "no alert waits".into(),
        1 => "1 alert waits".into(),
        more => format!("{more} alerts wait"),
    }
}

fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

fn footer(app: &App) -> Line<'static> {
    let prompt = Style::new().add_modifier(Modifier::REVERSED);
    match &app.mode {
        Mode::Filter(_) => {
            Line::styled(format!("/{}▏  Enter keeps, Esc undoes", app.filter), prompt)
        }
        Mode::Resolve(_) => Line::styled(
            "Outcome: e escalated  v averted  f false alarm  d duplicate  Esc none",
            prompt,
        ),
        _ if !app.notice.is_empty() => Line::from(clean(&app.notice)),
        _ => Line::styled(
            "a acknowledge  s snooze  r resolve  n mine  / filter  ? help  q quit",
            Modifier::DIM,
        ),
    }
}

fn help(frame: &mut Frame<'_>, body: Rect) {
    let [area] = Layout::vertical([Constraint::Length(HELP.len() as u16 + 2)]).areas(body);
    frame.render_widget(Clear, area);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::from(*line)).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Keys ")), area);
}

/// A frame with a title, brighter where the arrows move.
fn pane(app: &App, own: Option<Pane>, title: String) -> Block<'static> {
    let style = match own == Some(app.pane) {
        true => Style::new().fg(Color::Cyan),
        false => Style::new().add_modifier(Modifier::DIM),
    };
    Block::bordered().border_style(style).title(title)
}

/// The first of `rows` rows so that row `selected` is seen, near the middle.
fn first_row(selected: Option<usize>, rows: usize, height: usize) -> usize {
    let wanted = selected.unwrap_or(0).saturating_sub(height / 2);
    wanted.min(rows.saturating_sub(height))
}

fn level_style(level: Option<Level>) -> Style {
    match level {
        Some(Level::Critical) => Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Some(Level::Warning) => Style::new().fg(Color::Yellow),
        Some(Level::Watch) => Style::new().fg(Color::Cyan),
        None => Style::new(),
    }
}

fn level_word(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Critical) => "critical",
        Some(Level::Warning) => "warning",
        Some(Level::Watch) => "watch",
        None => "",
    }
}
