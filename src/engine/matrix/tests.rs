use serde_json::json;

use super::*;

/// A matrix with every condition.
const FULL: &str = r#"version = 1
[hours]
timezone = "Europe/Berlin"
monday = ["08:00-12:00", "13:00-18:00"]
friday = ["08:00-24:00"]
closed = ["2026-12-25"]
[budget]
warnings_per_team_per_hour = 7
[[rule]]
name = "night"
hours = "outside"
queues = ["outage"]
[[rule.tier]]
notify = ["user:on-call"]
within_s = 30
[[rule.tier]]
notify = ["supervisors"]
[[rule]]
name = "gold"
attributes.tier = ["gold", "platinum"]
attributes.visits = 2
[[rule.tier]]
notify = ["agent:{agent}", "team:{team}:supervisors", "queue:{queue}:specialists"]
[[rule]]
name = "refused"
because = ["act:refu"]
teams = ["t1", "t2"]
kinds = ["risk"]
min_level = "critical"
[[rule.tier]]
notify = ["team:t9:supervisors"]
[[rule]]
name = "authority"
main_reason = ["act:auth"]
route = "functional"
[[rule.tier]]
notify = ["queue:{queue}:supervisors", "supervisors"]
[[rule]]
name = "rest"
[[rule.tier]]
notify = ["user:{team}"]
"#;

fn full() -> Matrix {
    Matrix::parse(FULL, "full.toml").unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Noon of a Monday in Berlin's winter: between the openings.
const NOON: &str = "2026-11-23T11:30:00Z";

fn reasons(features: &[(&str, f64)]) -> Vec<Reason> {
    let reason = |(feature, contribution): &(&str, f64)| Reason {
        feature: (*feature).into(),
        label: String::new(),
        contribution: *contribution,
        quotes: Vec::new(),
    };
    features.iter().map(reason).collect()
}

/// The rule for a critical risk alert of a call with these fields.
fn chosen(start: &CallStart, reasons: &[Reason], when: &str) -> String {
    let subject = Subject {
        queue: start.queue.as_deref(),
        team: start.team.as_deref(),
        agent_id: start.agent_id.as_deref(),
        attributes: &start.attributes,
        kind: AlertKind::Risk,
        level: Level::Critical,
        reasons,
    };
    let matrix = full();
    matrix.rule(matrix.choose(&subject, at(when))).name().to_owned()
}

fn call(queue: &str, team: &str) -> CallStart {
    CallStart { queue: Some(queue.into()), team: Some(team.into()), ..CallStart::default() }
}

#[test]
fn the_first_rule_that_fits_is_taken() {
    let none = &reasons(&[]);
    assert_eq!(chosen(&call("outage", "t"), none, NOON), "night");
    assert_eq!(chosen(&call("billing", "t"), none, NOON), "rest");
    let refused = reasons(&[("act:prob", 1.0), ("act:refu", 0.2)]);
    assert_eq!(chosen(&call("billing", "t2"), &refused, NOON), "refused");
    assert_eq!(chosen(&call("billing", "t3"), &refused, NOON), "rest", "another team");
    let calming = reasons(&[("act:refu", -0.2)]);
    assert_eq!(chosen(&call("billing", "t2"), &calming, NOON), "rest", "it speaks against it");
}

#[test]
fn the_main_reason_is_the_first_that_speaks_for_an_escalation() {
    for (features, expected) in [
        (&[("act:auth", 0.1), ("outlook:agent", 4.0)][..], "authority"),
        (&[("act:vagu", -0.3), ("act:auth", 0.1)][..], "authority"),
        (&[("act:vagu", 0.3), ("act:auth", 0.1)][..], "rest"),
        (&[("other", 3.0)][..], "rest"),
    ] {
        assert_eq!(chosen(&call("b", "t3"), &reasons(features), NOON), expected, "{features:?}");
    }
}

#[test]
fn attributes_are_compared_by_value() {
    for (attributes, expected) in [
        (json!({"tier": "gold", "visits": 2}), "gold"),
        (json!({"tier": "platinum", "visits": 2.0}), "gold"),
        (json!({"tier": "gold", "visits": "2"}), "rest"),
        (json!({"tier": "silver", "visits": 2}), "rest"),
        (json!({"visits": 2}), "rest"),
    ] {
        let attributes = attributes.as_object().unwrap().clone();
        let start = CallStart { attributes, ..call("b", "t3") };
        assert_eq!(chosen(&start, &[], NOON), expected, "{:?}", start.attributes);
    }
}

#[test]
fn business_hours_are_those_of_the_place() {
    let night = |when| chosen(&call("outage", "t"), &[], when) == "night";
    // One hour ahead of UTC in winter, two in summer.
    assert!(night("2026-11-23T06:59:59Z") && !night("2026-11-23T07:00:00Z"));
    assert!(night("2026-07-06T05:59:59Z") && !night("2026-07-06T06:00:00Z"));
    // The end is not part of it; midnight is the next day.
    assert!(!night("2026-11-23T10:59:59Z") && night("2026-11-23T11:00:00Z"));
    assert!(!night("2026-11-27T22:59:59Z") && night("2026-11-27T23:00:00Z"));
    // A Friday that is closed, and a Tuesday without hours.
    assert!(night("2026-12-25T10:00:00Z") && night("2026-11-24T10:00:00Z"));
}

#[test]
fn what_the_call_does_not_say_falls_back() {
    let matrix = full();
    let notify = |name: &str, start: &CallStart| {
        let rule = matrix.rules().iter().find(|rule| rule.name() == name).unwrap();
        let subject = Subject {
            queue: start.queue.as_deref(),
            team: start.team.as_deref(),
            agent_id: start.agent_id.as_deref(),
            attributes: &start.attributes,
            kind: AlertKind::Manual,
            level: Level::Warning,
            reasons: &[],
        };
        rule.notify(1, &subject)
    };
    let start = CallStart { agent_id: Some("a17".into()), ..call("billing", "t1") };
    let all = ["agent:a17", "team:t1:supervisors", "queue:billing:specialists"];
    assert_eq!(notify("gold", &start), all);
    assert_eq!(notify("gold", &CallStart::default()), ["supervisors"], "each once");
    assert_eq!(notify("authority", &CallStart::default()), ["supervisors"]);
    assert_eq!(notify("rest", &CallStart::default()), ["supervisors"], "never nobody");
    assert_eq!(notify("rest", &call("q", "t1")), ["user:t1"]);
}

#[test]
fn tiers_end_with_the_last() {
    let matrix = full();
    let night = &matrix.rules()[0];
    assert_eq!((night.within_ms(1), night.within_ms(2)), (Some(30_000), None));
    let (start, none) = (CallStart::default(), reasons(&[]));
    let subject = Subject {
        queue: None,
        team: None,
        agent_id: None,
        attributes: &start.attributes,
        kind: AlertKind::Risk,
        level: Level::Warning,
        reasons: &none,
    };
    assert_eq!(night.notify(9, &subject), ["supervisors"]);
    assert_eq!(night.within_ms(9), None);
    assert_eq!((matrix.warnings_per_hour(), matrix.rule(3).route()), (Some(7), Route::Functional));
}

#[test]
fn the_matrix_that_ships_is_sound_and_has_a_budget() {
    let matrix = Matrix::parse(DEFAULT_MATRIX, "data/matrix.toml").unwrap();
    assert_eq!(matrix.warnings_per_hour(), Some(30));
    assert_eq!(matrix.clone().without_budget().warnings_per_hour(), None);
    let unset = "version = 1\n[[rule]]\nname = \"a\"\n[[rule.tier]]\nnotify = [\"supervisors\"]";
    assert_eq!(Matrix::parse(unset, "m").unwrap().warnings_per_hour(), Some(30));
}

/// Each fault, where it is, and words of the way to mend it.
#[test]
fn a_bad_matrix_names_line_and_column() {
    let rest = "[[rule]]\nname = \"rest\"\n[[rule.tier]]\nnotify = [\"supervisors\"]\n";
    let general = |middle: &str| format!("version = 1\n{middle}{rest}");
    let tier = |tier: &str| general(&format!("[[rule]]\nname = \"x\"\nteams = [\"t\"]\n{tier}"));
    let within = "[[rule.tier]]\nnotify = [\"supervisors\"]\n";
    let many = |number: usize, text: &str| text.repeat(number);
    for (toml, place, words) in [
        ("version = 2\n".to_owned(), "1:11", "write `version = 1`"),
        ("version = 1\n".to_owned(), "2:1", "there is no [[rule]]"),
        ("version = \n".to_owned(), "1:11", ""),
        (general("[[rule]]\nnam = \"x\"\n"), "3:1", "unknown field `nam`"),
        (general("[[rule]]\nname = \"x\"\nkinds = [\"riks\"]\n"), "4:10", "`riks`"),
        (general("[[rule]]\nname = \"x\"\nmin_level = \"watch\"\n"), "4:13", "\"warning\""),
        (general("[[rule]]\nname = \"x\"\nhours = \"within\"\n"), "4:9", "[hours]"),
        (general("[[rule]]\nname = \"x\"\nattributes.a = {}\n"), "4:16", "a text, a number"),
        (general("[[rule]]\nname = \"x\"\nteams = [\"t\", \"\"]\n"), "4:15", "empty"),
        (general(rest), "3:8", "move it to the end"),
        (
            "version = 1\n[[rule]]\nname = \"x\"\nteams = [\"t\"]\n[[rule.tier]]\n\
          notify = [\"supervisors\"]"
                .to_owned(),
            "3:8",
            "without conditions",
        ),
        (
            general(
                "[[rule]]\nname = \"rest\"\nteams = [\"t\"]\n[[rule.tier]]\n\
          notify = [\"supervisors\"]\n",
            ),
            "8:8",
            "two rules named `rest`",
        ),
        (tier(""), "3:8", "tells nobody"),
        (tier("[[rule.tier]]\nnotify = []\n"), "6:10", "name somebody"),
        (
            tier("[[rule.tier]]\nnotify = [\"supervisors\", \"bosses\"]\n"),
            "6:26",
            "write supervisors",
        ),
        (tier("[[rule.tier]]\nnotify = [\"team:{tem}:supervisors\"]\n"), "6:11", "is nobody"),
        (tier("[[rule.tier]]\nnotify = [\"supervisors\"]\nwithin_s = 9\n"), "7:12", "is the last"),
        (tier(&many(2, within)), "5:1", "`within_s`"),
        (
            tier(&format!("[[rule.tier]]\nnotify = [\"user:a\"]\nwithin_s = 0\n{within}")),
            "7:12",
            "from 1",
        ),
        (general("[budget]\nwarnings_per_team_per_hour = 0\n"), "3:30", "\"unlimited\""),
        (general("[hours]\ntimezone = \"Berlin\"\n"), "3:12", "IANA"),
        (general("[hours]\ntimezone = \"UTC\"\nmonday = [\"8-18\"]\n"), "4:11", "08:00-18:00"),
        (
            general("[hours]\ntimezone = \"UTC\"\nmonday = [\"22:00-06:00\"]\n"),
            "4:11",
            "22:00-24:00",
        ),
        (general("[hours]\ntimezone = \"UTC\"\nclosed = [\"25.12.\"]\n"), "4:11", "2026-12-25"),
    ] {
        let error = Matrix::parse(&toml, "m.toml").unwrap_err().to_string();
        assert!(error.starts_with(&format!("m.toml:{place}: ")), "{place}: {error}\n{toml}");
        assert!(error.contains(words) && !error.contains('\n'), "{words}: {error}");
    }
}

#[test]
fn everything_in_a_matrix_has_a_limit() {
    let tiers = "[[rule.tier]]\nnotify = [\"supervisors\"]\nwithin_s = 1\n";
    let targets = vec!["\"supervisors\""; 201].join(", ");
    for (toml, words) in [
        (
            format!("version = 1\n[[rule]]\nname = \"x\"\n{}", tiers.repeat(11)),
            "more than 10 tiers",
        ),
        (format!("version = 1\n[[rule]]\nname = \"{}\"\n{tiers}", "x".repeat(257)), "256 bytes"),
        (
            format!("version = 1\n[[rule]]\nname = \"x\"\n[[rule.tier]]\nnotify = [{targets}]"),
            "200",
        ),
        (format!("version = 1\n{}", "[[rule]]\nname = \"x\"\n".repeat(201)), "more than 200 rules"),
        (" ".repeat((1 << 20) + 1), "over 1048576 bytes"),
    ] {
        let error = Matrix::parse(&toml, "m").unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn an_explanation_says_why_not_and_when() {
    let matrix = full();
    let attributes = Attributes::new();
    let none = reasons(&[("act:prob", 1.0)]);
    let mut subject = Subject {
        queue: Some("outage"),
        team: Some("t7"),
        agent_id: None,
        attributes: &attributes,
        kind: AlertKind::Trigger,
        level: Level::Warning,
        reasons: &none,
    };
    let night = matrix.explain(&subject, at(NOON));
    assert_eq!(
        night.lines().take(4).collect::<Vec<_>>(),
        [
            "Monday 2026-11-23 12:30 in Europe/Berlin is outside business hours",
            "rule `night` fits (hierarchical route)",
            "11:30:00 tier 1: user:on-call",
            "11:30:30 tier 2: supervisors",
        ]
    );
    assert!(night.contains("one of 7 warnings an hour for team `t7`"), "{night}");
    let open = matrix.explain(&subject, at("2026-11-23T07:30:00Z"));
    assert!(
        open.contains(
            "rule `night` does not fit: Monday 2026-11-23 08:30 in Europe/Berlin is \
        within business hours"
        ),
        "{open}"
    );
    assert!(open.contains("`gold` does not fit: its attribute `tier` is not given, not \"gold\""));
    assert!(open.contains("`refused` does not fit: its team is `t7`, not t1 or t2"));
    assert!(open.contains("`authority` does not fit: its main reason is `act:prob`, not act:auth"));
    subject.team = Some("t1");
    let open = matrix.explain(&subject, at(NOON));
    assert!(!open.contains("refused"), "rules after the one that fits are not spoken of: {open}");
}
