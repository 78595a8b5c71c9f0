//! The life of an alert: every state against everything that can happen to it.

use std::sync::LazyLock;

use super::alert::Alert;
use super::effects::Effects;
use super::event::{Action, CallEnd, CallStart, Chunk, Event, Resolution};
use super::{CallState, Check, Engine, Settings};
use crate::call::{Outcome, Speaker, Timestamp};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::with_model(None, Settings::default()).unwrap());

/// A call with one warning, raised at 0 s on words that are not yet final.
struct Case {
    state: CallState,
    effects: Effects,
}

impl Case {
    fn new() -> Case {
        let (call_id, team) = ("c".into(), Some("t1".into()));
        let start = CallStart { call_id, team, ..CallStart::default() };
        let (state, _) = CallState::open(&ENGINE, start, Timestamp(0));
        let mut case = Case { state, effects: Effects::default() };
        case.say(0, "s", false, "you lying crooks");
        assert_eq!(case.effects.warned, [case.alert().alert_id.clone()]);
        case
    }

    fn alert(&self) -> &Alert {
        &self.state.alerts()[0]
    }

    fn apply(&mut self, at_s: i64, event: &Event) {
        self.effects = self.state.apply(&ENGINE, event, Timestamp(at_s * 1_000));
        // What is sent of an alert last is what it is.
        let own = |sent: &&Alert| sent.alert_id == self.alert().alert_id;
        if let Some(sent) = self.effects.alerts.iter().rfind(own) {
            assert_eq!(sent, self.alert());
        }
    }

    fn say(&mut self, at_s: i64, segment: &str, is_final: bool, text: &str) {
        let chunk = Chunk {
            seq: self.state.last_seq() + 1,
            segment_id: Some(segment.into()),
            speaker: Speaker::Customer,
            start_ms: None,
            end_ms: None,
            is_final,
            confidence: None,
            text: text.into(),
        };
        self.apply(at_s, &Event::Chunk(chunk));
    }

    /// Does what is permitted; says how it was answered.
    fn act(&mut self, at_s: i64, by: &str, action: Action) -> String {
        let alert_id = self.alert().alert_id.clone();
        match self.state.check(&ENGINE, &alert_id, by, &action) {
            Err(refusal) => format!("{}: {}", refusal.code, refusal.message),
            Ok(Check::AlreadyDone) => "ok, as it was".into(),
            Ok(Check::Apply) => {
                self.apply(at_s, &Event::Command { alert_id, by: by.into(), action });
                self.shown()
            }
        }
    }

    fn end(&mut self, at_s: i64, outcome: Option<Outcome>) {
        let seq = self.state.last_seq() + 1;
        self.apply(at_s, &Event::End(CallEnd { seq, outcome, reason: None }));
    }

    /// All that the life of an alert is about, in a line.
    fn shown(&self) -> String {
        let alert = self.alert();
        let mut text = format!("{:?} tier {}", alert.state, alert.tier).to_lowercase();
        text += if alert.held { " held" } else { "" };
        text += &alert.owner.as_ref().map_or(String::new(), |owner| format!(" of {owner}"));
        if !alert.notify.is_empty() {
            text += &format!(", tells {}", alert.notify.join(" "));
        }
        let seconds = |at: Timestamp| at.0 / 1_000;
        text +=
            &alert.next_tier_at.map_or(String::new(), |at| format!(", next at {}", seconds(at)));
        text +=
            &alert.snoozed_until.map_or(String::new(), |at| format!(", back at {}", seconds(at)));
        text += &alert.outcome.map_or(String::new(), |outcome| format!(", {outcome:?}"));
        let last = alert.history.last().unwrap();
        assert_eq!(last.state, alert.state);
        text + &format!("; {} {}", last.by, last.what.as_deref().unwrap_or("-"))
    }
}

fn snooze() -> Action {
    Action::Snooze { for_s: 300 }
}

fn give(to: &str) -> Action {
    Action::Assign { to: to.into(), from: None }
}

fn resolve() -> Action {
    Action::Resolve { outcome: Resolution::Averted, note: None }
}

/// Brings a case into a state at 10 s.
fn reach(row: &str) -> Case {
    let mut case = Case::new();
    match row {
        "raised" => {}
        "held" => {
            let ids = [case.alert().alert_id.clone()];
            let mut effects = std::mem::take(&mut case.effects);
            case.state.hold(&ids, &mut effects);
            assert_eq!(effects.alerts[0], *case.alert(), "what is sent is held too");
        }
        "given to carl" => drop(case.act(10, "ann", give("carl"))),
        "acknowledged" => drop(case.act(10, "ann", Action::Acknowledge)),
        "snoozed" => drop(case.act(10, "ann", snooze())),
        "resolved" => drop(case.act(10, "ann", resolve())),
        "retracted" => case.say(10, "s", true, "thanks"),
        other => panic!("{other}"),
    }
    case
}

/// Lets something happen at 20 s or, for timers, in its time.
fn happen(case: &mut Case, column: &str) -> String {
    let alert_id = case.alert().alert_id.clone();
    match column {
        "ann acknowledges" => return case.act(20, "ann", Action::Acknowledge),
        "bob acknowledges" => return case.act(20, "bob", Action::Acknowledge),
        "bob snoozes" => return case.act(20, "bob", snooze()),
        "bob gives to dora" => return case.act(20, "bob", give("dora")),
        "ann resolves" => return case.act(20, "ann", resolve()),
        "bob resolves" => return case.act(20, "bob", resolve()),
        "120 s" => case.apply(120, &Event::Timer),
        "310 s" => case.apply(310, &Event::Timer),
        "nobody of tier 1" => case.apply(20, &Event::PassOn { alert_id, tier: 1 }),
        "nobody of tier 2" => case.apply(20, &Event::PassOn { alert_id, tier: 2 }),
        "budget frees" => case.apply(20, &Event::Release { alert_id }),
        "level rises" => case.say(20, "t", true, "oh go to hell"),
        "words taken back" => case.say(20, "s", true, "thanks"),
        "call ends" => case.end(20, None),
        "grace ends" => {
            case.end(20, None);
            case.apply(920, &Event::Timer);
        }
        other => panic!("{other}"),
    }
    case.shown()
}

/// A state in each line that is not indented, as it is at 10 s; then what comes of it.
const LIFE: &str = include_str!("life.txt");

#[test]
fn everything_that_can_happen_to_an_alert() {
    let rows =
        ["raised", "held", "given to carl", "acknowledged", "snoozed", "resolved", "retracted"];
    let columns = [
        "ann acknowledges",
        "bob acknowledges",
        "bob snoozes",
        "bob gives to dora",
        "ann resolves",
        "bob resolves",
        "120 s",
        "310 s",
        "nobody of tier 1",
        "nobody of tier 2",
        "budget frees",
        "level rises",
        "words taken back",
        "call ends",
        "grace ends",
    ];
    let mut seen = String::new();
    for row in rows {
        seen += &format!("{row}: {}\n", reach(row).shown());
        for column in columns {
            seen += &format!("  {column}: {}\n", happen(&mut reach(row), column));
        }
    }
    for (line, (seen, expected)) in seen.lines().zip(LIFE.lines()).enumerate() {
        assert_eq!(seen, expected, "line {line}");
    }
    assert_eq!(seen.lines().count(), LIFE.lines().count(), "{seen}");
}

/// A console says who it thought has the alert; of two who take it over, one wins.
#[test]
fn whoever_names_the_present_owner_may_take_it_over() {
    let take = |from: Option<&str>| Action::Assign {
        to: "dora".into(),
        from: Some(from.map(str::to_owned)),
    };
    let mut given = reach("given to carl");
    let refused = given.act(20, "bob", take(None));
    assert_eq!(refused, "already_acknowledged: by ann at 00:00:10: assigned to carl");
    assert!(given.act(20, "bob", take(Some("carl"))).starts_with("raised tier 1 of dora"));
    let refused =
        given.act(21, "eve", Action::Assign { to: "eve".into(), from: Some(Some("carl".into())) });
    assert_eq!(refused, "already_acknowledged: by bob at 00:00:20: assigned to dora");
    let mut raised = reach("raised");
    assert_eq!(raised.act(20, "bob", take(Some("ann"))), "already_acknowledged: nobody has it");
    assert!(raised.act(20, "bob", take(None)).starts_with("raised tier 1 of dora"));
}
