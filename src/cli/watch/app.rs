//! What the person at the board is doing: what is selected and typed, and what a key means.

use std::collections::HashMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::order;
use super::state::{Link, State};
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;

/// Commands that may wait for their answer.
const MAX_PENDING: usize = 16;
const SNOOZE_S: u64 = 300;
/// Longest filter.
const MAX_FILTER: usize = 60;
const ARRANGE_MS: i64 = 1_000;

/// Where the arrows move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pane {
    Calls,
    Alerts,
}

/// What keys mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Normal,
    /// The filter is being typed; it was this before.
    Filter(String),
    /// An outcome for this alert is asked for.
    Resolve(String),
    Help,
}

/// What is to be done beside the board.
#[derive(Debug, PartialEq)]
pub(super) enum Deed {
    /// Send a command.
    Send(Value),
    Quit,
}

/// The board and its person.
#[derive(Debug)]
pub(super) struct App {
    pub state: State,
    pub pane: Pane,
    pub mode: Mode,
    pub filter: String,
    /// What was last done, or could not be.
    pub notice: String,
    /// Ids of calls and alerts as they are shown.
    pub calls: Vec<String>,
    pub alerts: Vec<String>,
    call: Option<String>,
    alert: Option<String>,
    pending: HashMap<String, &'static str>,
    next_id: u64,
    arranged_ms: i64,
    changed: bool,
}

impl App {
    pub fn new(queues: Vec<String>) -> App {
        App {
            state: State::new(queues),
            pane: Pane::Calls,
            mode: Mode::Normal,
            filter: String::new(),
            notice: String::new(),
            calls: Vec::new(),
            alerts: Vec::new(),
            call: None,
            alert: None,
            pending: HashMap::new(),
            next_id: 1,
            arranged_ms: 0,
            changed: true,
        }
    }

    /// Takes in a message of the server.
    pub fn take(&mut self, text: &str, now: i64) {
        self.changed = true;
        let was_live = self.state.link == Link::Live;
        if let Some(reply) = self.state.take(text, now)
            && let Some(what) = self.pending.remove(&reply.id)
        {
            self.notice = match reply.refused {
                None => format!("{what}: done"),
                Some(why) => format!("{what}: refused, {why}"),
            };
        }
        if !was_live && self.state.link == Link::Live {
            self.arrange(now);
        }
    }

    /// The connection ended.
    pub fn lost(&mut self, why: String) {
        self.changed = true;
        if !self.pending.is_empty() {
            self.pending.clear();
            self.notice = "The connection ended before the answer: look at the alert".into();
        }
        self.state.lost(why);
    }

    /// Something else wants the board drawn.
    pub fn touch(&mut self) {
        self.changed = true;
    }

    /// Whether anything is to be drawn; asked about ten times a second. Times on the board move
    /// once a second, and so does the order.
    pub fn is_due(&mut self, now: i64) -> bool {
        if now - self.arranged_ms >= ARRANGE_MS {
            self.arrange(now);
            self.changed = true;
        }
        std::mem::take(&mut self.changed)
    }

    /// What is selected stays so wherever it goes.
    fn arrange(&mut self, now: i64) {
        self.arranged_ms = now;
        let filter = self.filter.to_lowercase();
        let has = |texts: [Option<&String>; 4]| {
            texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&filter))
        };
        self.calls = order::calls(
            &self.state,
            |view: &CallView| {
                let CallView { call_id, queue, team, agent_id, .. } = view;
                has([Some(call_id), queue.as_ref(), team.as_ref(), agent_id.as_ref()])
            },
            now,
        );
        self.alerts = order::alerts(&self.state, |alert: &Alert| {
            let Alert { call_id, queue, team, agent_id, .. } = alert;
            has([Some(call_id), queue.as_ref(), team.as_ref(), agent_id.as_ref()])
        });
        keep(&mut self.call, &self.calls);
        keep(&mut self.alert, &self.alerts);
    }

    /// Place of the selected call.
    pub fn call_at(&self) -> Option<usize> {
        place(self.call.as_ref(), &self.calls)
    }

    /// Place of the selected alert.
    pub fn alert_at(&self) -> Option<usize> {
        place(self.alert.as_ref(), &self.alerts)
    }

    /// The alert that keys act on: the selected one, or the first of the selected call.
    pub fn target(&self) -> Option<&Alert> {
        let alerts = &self.state.picture.alerts;
        match self.pane {
            Pane::Alerts => alerts.get(self.alert.as_ref()?),
            Pane::Calls => {
                let call = self.call.as_ref()?;
                self.alerts.iter().filter_map(|id| alerts.get(id)).find(|a| &a.call_id == call)
            }
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent, now: i64) -> Option<Deed> {
        self.changed = true;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return matches!(key.code, KeyCode::Char('c')).then_some(Deed::Quit);
        }
        match std::mem::replace(&mut self.mode, Mode::Normal) {
            Mode::Normal => self.normal(key.code),
            Mode::Help => None,
            Mode::Filter(before) => {
                self.typed(key.code, before);
                self.arrange(now);
                None
            }
            Mode::Resolve(alert) => self.outcome(key.code, &alert),
        }
    }

    fn normal(&mut self, key: KeyCode) -> Option<Deed> {
        match key {
            KeyCode::Char('q') => return Some(Deed::Quit),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-10),
            KeyCode::PageDown => self.step(10),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Left | KeyCode::Right => {
                self.pane = if self.pane == Pane::Calls { Pane::Alerts } else { Pane::Calls };
            }
            KeyCode::Char('/') => self.mode = Mode::Filter(self.filter.clone()),
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Esc => self.notice.clear(),
            KeyCode::Char(key @ ('a' | 's' | 'r' | 'n')) => return self.act(key),
            _ => {}
        }
        None
    }

    fn act(&mut self, key: char) -> Option<Deed> {
        let Some(alert) = self.target() else {
            self.notice = "No open alert is selected".into();
            return None;
        };
        let alert_id = alert.alert_id.clone();
        match key {
            'a' => self.send("Acknowledge", json!({"type": "acknowledge", "alert_id": alert_id})),
            's' => {
                let command = json!({"type": "snooze", "alert_id": alert_id, "for_s": SNOOZE_S});
                self.send("Snooze for 5 minutes", command)
            }
            'n' => {
                let to = self.state.user.clone();
                self.send("Assign to me", json!({"type": "assign", "alert_id": alert_id, "to": to}))
            }
            _ => {
                self.mode = Mode::Resolve(alert_id);
                None
            }
        }
    }

    fn outcome(&mut self, key: KeyCode, alert_id: &str) -> Option<Deed> {
        let outcome = match key {
            KeyCode::Char('e') => "escalated",
            KeyCode::Char('v') => "averted",
            KeyCode::Char('f') => "false_alarm",
            KeyCode::Char('d') => "duplicate",
            KeyCode::Esc => return None,
            _ => {
                self.mode = Mode::Resolve(alert_id.to_owned());
                return None;
            }
        };
        let command = json!({"type": "resolve", "alert_id": alert_id, "outcome": outcome});
        self.send("Resolve", command)
    }

    fn send(&mut self, what: &'static str, mut command: Value) -> Option<Deed> {
        if self.state.link != Link::Live {
            self.notice = format!("{what}: not sent, there is no connection");
            return None;
        }
        if self.pending.len() >= MAX_PENDING {
            self.notice = format!("{what}: not sent, {MAX_PENDING} answers are awaited already");
            return None;
        }
        let id = format!("board-{}", self.next_id);
        self.next_id += 1;
        self.notice = format!("{what} …");
        command["id"] = json!(id);
        self.pending.insert(id, what);
        Some(Deed::Send(command))
    }

    fn typed(&mut self, key: KeyCode, before: String) {
        match key {
            KeyCode::Enter => return,
            KeyCode::Esc => {
                self.filter = before;
                return;
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if !c.is_control() && self.filter.len() < MAX_FILTER => {
                self.filter.push(c);
            }
            _ => {}
        }
        self.mode = Mode::Filter(before);
    }

    fn step(&mut self, by: isize) {
        let (selected, ids) = match self.pane {
            Pane::Calls => (&mut self.call, &self.calls),
            Pane::Alerts => (&mut self.alert, &self.alerts),
        };
        let Some(last) = ids.len().checked_sub(1) else { return };
        let at = place(selected.as_ref(), ids).unwrap_or(0);
        *selected = Some(ids[at.saturating_add_signed(by).min(last)].clone());
    }
}

/// Keeps a selection that is still there; else the first is selected.
fn keep(selected: &mut Option<String>, ids: &[String]) {
    if place(selected.as_ref(), ids).is_none() {
        *selected = ids.first().cloned();
    }
}

fn place(id: Option<&String>, ids: &[String]) -> Option<usize> {
    let id = id?;
    ids.iter().position(|one| one == id)
}
