//! The terminal: taken over, drawn, given back, also when something goes wrong.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::{DefaultTerminal, crossterm::event::KeyEvent};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Failure;
use super::app::{App, Deed};
use super::view;
use crate::client::{self, Subscription, Target};

/// Between two drawings.
const FRAME: Duration = Duration::from_millis(100);
/// How long the keyboard is waited for before looking whether the board is still there.
const KEY_PATIENCE: Duration = Duration::from_millis(200);
/// Keys and commands that wait.
const QUEUE: usize = 64;

/// A terminal that is given back when it is dropped. A panic gives it back first, so that its
/// message can be read.
struct Screen(DefaultTerminal);

impl Screen {
    fn take() -> std::io::Result<Screen> {
        ratatui::try_init().map(Screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the board until the person leaves.
pub(super) async fn run(target: &Target, subscription: &Subscription) -> Result<(), Failure> {
    let app = RefCell::new(App::new(subscription.queues.clone()));
    let (send, mut commands) = mpsc::channel(QUEUE);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let mut screen = Screen::take().map_err(Failure::failed)?;
    let mut keys = keys().map_err(Failure::failed)?;
    let watched = client::watch(
        target,
        subscription,
        &mut commands,
        |text| {
            app.borrow_mut().take(text, now());
            true
        },
        |error| app.borrow_mut().lost(error.to_string()),
    );
    tokio::pin!(watched);
    let mut frame = tokio::time::interval(FRAME);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // Only a failure ends it; the board never has enough.
            ended = &mut watched => return ended.map_err(Failure::failed),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
            _ = frame.tick() => {
                let mut app = app.borrow_mut();
                if app.is_due(now()) {
                    let drawn = screen.0.draw(|frame| view::draw(frame, &app, now()));
                    drawn.map_err(|error| Failure::output(&error))?;
                }
            }
            key = keys.recv() => {
                let mut app = app.borrow_mut();
                let Some(key) = key else { return Ok(()) };
                match key.and_then(|key| app.key(key, now())) {
                    Some(Deed::Quit) => return Ok(()),
                    // When it is full the connection is not writing; the reply will not come.
                    Some(Deed::Send(command)) => drop(send.try_send(command.to_string())),
                    None => app.touch(),
                }
            }
        }
    }
}

/// Keys as they are pressed; `None` for a window that changed its size. Ends with the terminal.
fn keys() -> std::io::Result<mpsc::Receiver<Option<KeyEvent>>> {
    let (sender, keys) = mpsc::channel(QUEUE);
    // The terminal can only be waited for by a thread.
    std::thread::Builder::new().name("keys".into()).spawn(move || {
        while !sender.is_closed() {
            let event = match event::poll(KEY_PATIENCE) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            let sent = match event {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    sender.blocking_send(Some(key))
                }
                Ok(Event::Resize(..)) => sender.blocking_send(None),
                Ok(_) => Ok(()),
                Err(_) => return,
            };
            if sent.is_err() {
                return;
            }
        }
    })?;
    Ok(keys)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
