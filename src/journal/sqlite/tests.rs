mod outbox;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::call::{Speaker, Timestamp};
use crate::engine::event::{CallEnd, CallStart, Chunk, Event, Recorded};
use crate::engine::rules::Ruleset;
use crate::engine::{CallState, Engine};
use crate::journal::{Archive, Most, ReadError, Stretch, Which};
use crate::wire::lists::{CallQuery, Parameters, Search, ShiftQuery};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::with_model(None, Default::default()).unwrap());

/// A journal, and what should be in it.
struct Bench {
    dir: TempDir,
    settings: Settings,
    journal: Option<Sqlite>,
    offset: u64,
    now: i64,
    open: HashMap<Arc<str>, (CallState, Vec<Arc<crate::engine::effects::Said>>)>,
    waiting: Vec<Record>,
    /// Everything committed, in order.
    committed: Vec<Record>,
}

impl Bench {
    fn new(settings: Settings) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let journal = Some(Sqlite::open(dir.path(), &settings, "engine 1").unwrap());
        Bench {
            dir,
            settings,
            journal,
            offset: 0,
            now: 1_800_000_000_000,
            open: HashMap::new(),
            waiting: Vec::new(),
            committed: Vec::new(),
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }

    fn journal(&mut self) -> &mut Sqlite {
        self.journal.as_mut().unwrap()
    }

    fn open_again(&mut self) -> Result<History, String> {
        self.journal = None;
        let mut journal = Sqlite::open(self.dir.path(), &self.settings, "engine 1")
            .map_err(|error| error.to_string())?;
        let history = journal.read_back(1_000).map_err(|error| error.to_string())?;
        self.journal = Some(journal);
        Ok(history)
    }

    fn start(&mut self, call_id: &str) {
        self.now += 7;
        let start = CallStart { call_id: call_id.into(), ..CallStart::default() };
        let (state, _) = CallState::open(&ENGINE, start.clone(), Timestamp(self.now));
        self.open.insert(call_id.into(), (state, Vec::new()));
        self.push(call_id, Event::Start(start), 1, None);
    }

    fn say(&mut self, call_id: &str, text: &str) {
        let seq = self.open[call_id].0.last_seq() + 1;
        let speaker = Speaker::Customer;
        let chunk = Chunk {
            seq,
            segment_id: None,
            speaker,
            start_ms: None,
            end_ms: None,
            is_final: true,
            confidence: None,
            text: text.into(),
        };
        self.apply(call_id, Event::Chunk(chunk));
    }

    fn end(&mut self, call_id: &str) {
        let seq = self.open[call_id].0.last_seq() + 1;
        self.apply(call_id, Event::End(CallEnd { seq, ..CallEnd::default() }));
        self.open.remove(call_id);
    }

    fn apply(&mut self, call_id: &str, event: Event) {
        self.now += 7;
        let (state, said) = self.open.get_mut(call_id).unwrap();
        let effects = state.apply(&ENGINE, &event, Timestamp(self.now));
        said.extend(effects.said);
        let messages = effects.alerts.len() as u64 + u64::from(effects.call.is_some());
        let view = Arc::new(state.view(&ENGINE));
        let archive =
            state.is_finished().then(|| Box::new(Archive::of(state, view, std::mem::take(said))));
        self.push(call_id, event, messages, archive);
    }

    fn push(&mut self, call_id: &str, event: Event, messages: u64, archive: Option<Box<Archive>>) {
        let recorded = Recorded { at: Timestamp(self.now), event, held: Vec::new() };
        let base_offset = self.offset;
        self.offset += messages;
        let record = Record::new(call_id.into(), recorded);
        self.waiting.push(Record { base_offset, archive, ..record });
    }

    fn commit(&mut self) {
        let records = std::mem::take(&mut self.waiting);
        let offset = self.offset;
        self.journal().commit(&records, offset).unwrap();
        self.committed.extend(records);
    }

    fn number(&self, sql: &str) -> i64 {
        let journal = self.journal.as_ref().unwrap();
        journal.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Without what the tables are told.
fn events(records: &[Record]) -> Vec<Record> {
    records.iter().map(|record| Record { archive: None, ..record.clone() }).collect()
}

#[test]
fn what_was_committed_is_there_again() {
    let mut bench = Bench::new(Settings::default());
    for call in ["a", "b"] {
        bench.start(call);
        bench.say(call, "I want to \"speak\" to a manager,\n né?");
        bench.commit();
    }
    let (epoch, offset) = (bench.journal().epoch().to_owned(), bench.offset);
    let history = bench.open_again().unwrap();
    assert_eq!(history.records, bench.committed);
    assert!(history.same_engine && history.ended.is_empty());
    let journal = bench.journal();
    assert_eq!((journal.epoch(), journal.last_offset()), (&*epoch, offset));
    bench.end("a");
    bench.commit();
    let history = bench.open_again().unwrap();
    assert_eq!(history.records, events(&bench.committed), "messages may be asked for again");
}

#[test]
fn an_ended_call_is_in_the_tables_and_leaves_the_log() {
    let mut bench = Bench::new(Settings { history_messages: 0, ..Settings::default() });
    for call in ["a", "b"] {
        bench.start(call);
        bench.say(call, "this is ridiculous, get me your manager");
        bench.say(call, "now");
        bench.commit();
    }
    let offset = bench.offset;
    bench.end("a");
    bench.commit();
    bench.start("c");
    bench.commit();
    bench.journal().tidy().unwrap();
    bench.journal().compact().unwrap();
    assert!(bench.offset > offset);
    let count = |table: &str| format!("SELECT count(*) FROM {table}");
    assert_eq!(bench.number(&count("calls")), 1);
    assert_eq!(bench.number(&count("transcript")), 2);
    assert_eq!(bench.number(&count("log_calls")), 2);
    let alerts = bench.number(&count("alerts"));
    assert!(alerts > 0 && bench.number(&count("alert_events")) >= 2 * alerts);
    let query = "SELECT call_id || state || last_seq || is_final FROM calls";
    let row: String = bench.journal().connection.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(row, "aended31");
    let history = bench.open_again().unwrap();
    assert!(history.records.iter().all(|record| &*record.call_id != "a"));
    assert_eq!(history.ended, [(Arc::from("a"), 3)]);
}

/// An ack would wait for the fsync of the main file.
#[test]
fn a_long_wal_goes_to_the_main_file_but_not_within_a_commit() {
    let mut bench = Bench::new(Settings::default());
    let bytes =
        |bench: &Bench, file: &str| fs::metadata(bench.dir.path().join(file)).unwrap().len();
    bench.start("a");
    bench.commit();
    let words = "w".repeat(500_000);
    for _ in 0..20 {
        bench.say("a", &words);
        bench.commit();
        assert!(bytes(&bench, "journal.db") < 1 << 20, "not before there was time for it");
    }
    // Beside the commits, if they are still going on.
    let begun = Instant::now();
    while bytes(&bench, "journal.db") < 9 << 20 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody brings it there");
        bench.journal().tidy().unwrap();
    }
    let words = &words[..250_000];
    for _ in 0..300 {
        bench.say("a", words);
        bench.commit();
        bench.journal().tidy().unwrap();
    }
    assert!(bytes(&bench, "journal.db-wal") < 40 << 20, "the WAL begins anew");
    bench.journal = None;
    assert!(!bench.dir.path().join("journal.db-wal").exists(), "all of it is in the main file");
}

#[test]
fn one_process_has_a_journal_and_only_its_owner_reads_it() {
    let bench = Bench::new(Settings::default());
    let error = Sqlite::open(bench.dir.path(), &bench.settings, "engine 1").unwrap_err();
    assert!(error.to_string().contains("another process has this journal"), "{error}");
    let mode = fs::metadata(bench.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let wal = fs::metadata(bench.dir.path().join("journal.db-wal")).unwrap().permissions().mode();
    assert_eq!(wal & 0o777, 0o600);
}

#[test]
fn another_engine_begins_a_new_epoch() {
    let mut bench = Bench::new(Settings::default());
    bench.start("a");
    bench.commit();
    let epoch = bench.journal().epoch().to_owned();
    bench.journal = None;
    let mut journal = Sqlite::open(bench.dir.path(), &bench.settings, "engine 2").unwrap();
    assert_ne!(journal.epoch(), epoch);
    let history = journal.read_back(10).unwrap();
    assert_eq!((history.records.len(), history.same_engine), (1, false));
    assert_eq!(journal.last_offset(), 1);
}

#[test]
fn a_newer_schema_and_a_foreign_file_are_refused() {
    let mut bench = Bench::new(Settings::default());
    bench.journal().connection.pragma_update(None, "user_version", 9).unwrap();
    let error = bench.open_again().unwrap_err();
    assert!(error.contains("written by a newer forewarn (schema 9;"), "{error}");
    fs::write(bench.file(), "dear diary, ".repeat(1_000)).unwrap();
    let error = bench.open_again().unwrap_err();
    assert!(error.contains("journal.db is damaged") && error.contains("journal export"), "{error}");
}

/// A journal with open and ended calls, closed.
fn closed_journal() -> Bench {
    let mut bench = Bench::new(Settings { history_messages: 40, ..Settings::default() });
    for call in 0..40 {
        let call = format!("call-{call}");
        bench.start(&call);
        for _ in 0..20 {
            bench.say(&call, "I have called three times about this and nobody calls me back");
        }
        bench.commit();
        if !call.ends_with('7') {
            bench.end(&call);
            bench.commit();
        }
        bench.journal().tidy().unwrap();
        bench.journal().compact().unwrap();
    }
    bench
}

#[test]
fn a_file_cut_anywhere_is_refused_with_advice() {
    let mut bench = closed_journal();
    let whole = bench.open_again().unwrap();
    bench.journal = None;
    let bytes = fs::read(bench.file()).unwrap();
    let parts = (1..60).map(|part| bytes.len() * part / 60);
    for length in [1, 100, 511, 512, 4_095, 4_096, bytes.len() - 1].into_iter().chain(parts) {
        bench.journal = None;
        fs::write(bench.file(), &bytes[..length]).unwrap();
        let error = bench.open_again().unwrap_err();
        assert!(error.contains("journal.db is damaged"), "{length}: {error}");
        assert!(error.contains("`forewarn journal check --data-dir"), "{error}");
    }
    bench.journal = None;
    fs::write(bench.file(), &bytes).unwrap();
    assert_eq!(bench.open_again().unwrap().records, whole.records);
}

#[test]
fn a_wal_cut_anywhere_leaves_what_was_committed_before() {
    let mut bench = Bench::new(Settings::default());
    for call in 0..20 {
        bench.start(&format!("call-{call}"));
        bench.say(&format!("call-{call}"), "hello");
        bench.commit();
    }
    let wal = fs::read(bench.dir.path().join("journal.db-wal")).unwrap();
    let database = fs::read(bench.file()).unwrap();
    let committed = bench.committed.clone();
    assert!(wal.len() > 10 * 4096, "nothing has gone to the main file yet");
    let mut lengths = Vec::new();
    for part in 0..=40 {
        bench.journal = None;
        let _ = fs::remove_file(bench.dir.path().join("journal.db-shm"));
        fs::write(bench.file(), &database).unwrap();
        fs::write(bench.dir.path().join("journal.db-wal"), &wal[..wal.len() * part / 40]).unwrap();
        let history = bench.open_again().unwrap();
        assert_eq!(history.records[..], committed[..history.records.len()]);
        lengths.push(history.records.len());
    }
    assert!(lengths.is_sorted() && lengths.contains(&0));
    assert_eq!(lengths.last(), Some(&committed.len()));
}

#[test]
fn a_changed_event_is_noticed_and_the_rest_is_saved() {
    let mut bench = closed_journal();
    bench.journal = None;
    let mut bytes = fs::read(bench.file()).unwrap();
    let needle = b"\"text\":\"I have called";
    let places: Vec<usize> =
        (0..bytes.len() - needle.len()).filter(|&at| bytes[at..].starts_with(needle)).collect();
    bytes[places[places.len() / 2] + 10] ^= 1;
    fs::write(bench.file(), &bytes).unwrap();
    let error = bench.open_again().unwrap_err();
    assert!(error.contains("the checksum of a batch of events is wrong"), "{error}");
    let findings = check(&bench.file(), &Seal::default()).unwrap();
    assert!(findings.problems[0].contains("checksum"), "{findings:?}");
    let mut out = Vec::new();
    let exported = export(&bench.file(), &Seal::default(), &mut out).unwrap();
    assert_eq!((exported.calls, exported.lost.len()), (36, 1), "{exported:?}");
    assert!(exported.events > findings.events);
}

#[test]
fn what_is_readable_of_a_broken_file_is_saved() {
    let mut bench = closed_journal();
    bench.journal = None;
    let mut bytes = fs::read(bench.file()).unwrap();
    // A page with words on it: of some others nothing would be missed.
    let needle = b"I have called";
    let words: Vec<usize> =
        (0..bytes.len() - needle.len()).filter(|&at| bytes[at..].starts_with(needle)).collect();
    let middle = words[words.len() / 2] / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(bench.file(), &bytes).unwrap();
    let findings = check(&bench.file(), &Seal::default()).unwrap();
    assert!(!findings.problems.is_empty());
    let mut out = Vec::new();
    let exported = export(&bench.file(), &Seal::default(), &mut out).unwrap();
    assert!(exported.calls + exported.events > 0 && !exported.lost.is_empty(), "{exported:?}");
    // And of one that is too short.
    fs::write(bench.file(), &bytes[..middle]).unwrap();
    let exported = export(&bench.file(), &Seal::default(), &mut out).unwrap();
    assert!(exported.calls + exported.events > 0 && !exported.lost.is_empty(), "{exported:?}");
}

#[test]
fn a_backup_of_a_live_journal_comes_back_under_a_new_epoch() {
    let mut bench = Bench::new(Settings::default());
    bench.start("a");
    bench.say("a", "hello");
    bench.start("b");
    bench.end("b");
    bench.commit();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.db");
    backup(bench.dir.path(), &copy).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let error = backup(bench.dir.path(), &copy).unwrap_err().to_string();
    assert!(error.contains("copy.db"), "an existing file is not overwritten: {error}");
    let new = elsewhere.path().join("new");
    restore(&copy, &new, &Seal::default()).unwrap();
    let error = restore(&copy, &new, &Seal::default()).unwrap_err().to_string();
    assert!(error.contains("there is a journal already"), "{error}");
    let mut journal = Sqlite::open(&new, &bench.settings, "engine 1").unwrap();
    assert_eq!(journal.read_back(10).unwrap().records, events(&bench.committed));
    assert_ne!(journal.epoch(), bench.journal().epoch());
    assert_eq!(journal.last_offset(), bench.offset);
    fs::rename(new.join(FILE), new.join("old.db")).unwrap();
    let error = restore(&copy, &new, &Seal::default()).unwrap_err().to_string();
    assert!(error.contains("another process has this journal"), "{error}");
    drop(journal);
    fs::write(new.join("journal.db-wal"), "left behind").unwrap();
    let error = restore(&copy, &new, &Seal::default()).unwrap_err().to_string();
    assert!(error.contains("move journal.db* away first"), "{error}");
    let third = elsewhere.path().join("third");
    fs::write(&copy, "half a backup").unwrap();
    let error = restore(&copy, &third, &Seal::default()).unwrap_err().to_string();
    assert!(error.contains("copy.db is damaged"), "{error}");
    let left: Vec<_> = third.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "nothing half done is left");
}

#[test]
fn old_calls_go_and_the_file_stops_growing() {
    let bound = 400_000;
    let settings =
        Settings { history_messages: 20, max_bytes: bound, keep_days: 0, ..Settings::default() };
    let mut bench = Bench::new(settings);
    // 2001: too old for anybody who asks.
    bench.now = 1_000_000_000_000;
    let mut sizes = Vec::new();
    for call in 0..300 {
        let call = format!("call-{call}");
        bench.start(&call);
        for _ in 0..10 {
            bench.say(&call, "I have called three times about this and nobody calls me back");
        }
        bench.end(&call);
        bench.commit();
        bench.journal().over_limits = true;
        bench.journal().tidy().unwrap();
        bench.journal().compact().unwrap();
        sizes.push(fs::metadata(bench.file()).unwrap().size());
    }
    let kept = bench.number("SELECT count(*) FROM calls");
    assert!((20..200).contains(&kept), "{kept}");
    assert_eq!(
        bench.number("SELECT max(call) FROM calls"),
        bench.number("SELECT call FROM calls WHERE call_id = 'call-299'"),
        "the newest are kept"
    );
    assert_eq!(bench.number("SELECT count(DISTINCT call) FROM transcript"), kept);
    let steady = sizes[sizes.len() / 2];
    assert!(*sizes.last().unwrap() <= steady + 64 * 4096, "{steady} {:?}", sizes.last());
    bench.settings.max_bytes = 0;
    bench.settings.keep_days = 1;
    bench.open_again().unwrap();
    for _ in 0..1_000 {
        bench.journal().over_limits = true;
        bench.journal().tidy().unwrap();
    }
    assert_eq!(bench.number("SELECT count(*) FROM calls"), 0);
}

const LONG: &str = "I have called three times about this and nobody calls me back, not once";

#[test]
fn a_full_journal_refuses_keeps_what_it_has_and_goes_on_with_more_room() {
    let settings = Settings { max_file_bytes: 200_000, max_bytes: 100_000, ..Settings::default() };
    let mut bench = Bench::new(settings);
    bench.start("open");
    bench.commit();
    let (refused, why) = loop {
        bench.say("open", &LONG.repeat(20));
        assert!(bench.committed.len() < 1_000, "it must become full");
        let records = std::mem::take(&mut bench.waiting);
        let offset = bench.offset;
        match bench.journal().commit(&records, offset) {
            Ok(()) => bench.committed.extend(records),
            Err(error) => break (records, error.to_string()),
        }
    };
    assert!(why.contains("full") && why.contains("`max_file_bytes` in [journal]"), "{why}");
    assert!(fs::metadata(bench.file()).unwrap().size() <= 200_000);
    assert_eq!(bench.open_again().unwrap().records, bench.committed, "what was committed");
    bench.settings.max_file_bytes = 400_000;
    bench.open_again().unwrap();
    let offset = bench.offset;
    bench.journal().commit(&refused, offset).unwrap();
    bench.committed.extend(refused);
    assert_eq!(bench.open_again().unwrap().records, bench.committed);
}

#[test]
fn a_journal_full_of_ended_calls_makes_room_by_itself() {
    let settings = Settings {
        max_file_bytes: 300_000,
        max_bytes: 100_000,
        history_messages: 0,
        ..Settings::default()
    };
    let mut bench = Bench::new(settings);
    let mut failures = 0;
    for call in 0..100 {
        let call = format!("call-{call}");
        bench.start(&call);
        for _ in 0..10 {
            bench.say(&call, LONG);
        }
        bench.end(&call);
        let records = std::mem::take(&mut bench.waiting);
        let offset = bench.offset;
        // As the writer does: tried again, with housekeeping between.
        while let Err(error) = bench.journal().commit(&records, offset) {
            assert!(error.to_string().contains("`max_file_bytes` in [journal]"), "{error}");
            failures += 1;
            assert!(failures < 1_000, "it must come back");
            bench.journal().over_limits = true;
            let _ = bench.journal().tidy();
            let _ = bench.journal().compact();
        }
    }
    assert!(failures > 0, "it was full");
    assert!(fs::metadata(bench.file()).unwrap().size() <= 300_000);
    let kept = bench.number("SELECT count(*) FROM calls");
    assert!((1..100).contains(&kept), "the oldest of {kept} made room");
    assert_eq!(bench.number("SELECT count(*) FROM calls WHERE call_id = 'call-99'"), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Start(u8),
    Say(u8),
    End(u8),
    Commit,
    Compact,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u8).prop_map(Step::Start),
        8 => (0..6_u8).prop_map(Step::Say),
        3 => (0..6_u8).prop_map(Step::End),
        4 => Just(Step::Commit),
        2 => Just(Step::Compact),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Whatever happens, what comes back is each open call whole and in order, and the log holds
    /// no more than a bounded number of records for each that is needed.
    #[test]
    fn open_calls_come_back_whole(
        steps in prop::collection::vec(step(), 1..120),
        history_messages in 0..12_u64,
    ) {
        let mut bench = Bench::new(Settings { history_messages, ..Settings::default() });
        for step in steps.into_iter().chain([Step::Commit, Step::Restart, Step::Compact]) {
            let is_open = |bench: &Bench, call: u8| bench.open.contains_key(&*format!("c{call}"));
            match step {
                Step::Start(call) if !is_open(&bench, call) => bench.start(&format!("c{call}")),
                Step::Say(call) if is_open(&bench, call) => bench.say(&format!("c{call}"), "hm"),
                Step::End(call) if is_open(&bench, call) => bench.end(&format!("c{call}")),
                Step::Commit => bench.commit(),
                Step::Compact => {
                    bench.journal().tidy().unwrap();
                    bench.journal().compact().unwrap();
                    let ledger = &bench.journal().ledger;
                    prop_assert!(ledger.is_idle(), "{:?}", ledger.work(u64::MAX));
                }
                Step::Restart => {
                    bench.commit();
                    let history = bench.open_again().unwrap();
                    prop_assert_eq!(bench.journal().last_offset(), bench.offset);
                    verify(&bench, &history)?;
                }
                _ => {}
            }
        }
    }
}

/// What must come back: the newest call of each id, whole, unless it is final and old.
fn verify(bench: &Bench, history: &History) -> Result<(), TestCaseError> {
    let of = |records: &[Record], call: &str| -> Vec<Record> {
        let own: Vec<Record> = records.iter().filter(|r| &*r.call_id == call).cloned().collect();
        let start = own.iter().rposition(Record::is_start).unwrap_or(0);
        events(&own[start..])
    };
    for call in (0..6).map(|call| format!("c{call}")) {
        let (all, back) = (of(&bench.committed, &call), of(&history.records, &call));
        if bench.open.contains_key(&*call) || !back.is_empty() {
            prop_assert_eq!(&back, &all, "{}", call);
            continue;
        }
        let Some(last) = all.last() else { continue };
        let oldest = bench.offset.saturating_sub(bench.settings.history_messages);
        prop_assert!(last.base_offset < oldest, "{} left too early", call);
        prop_assert!(history.ended.iter().any(|(id, _)| **id == *call), "{} forgotten", call);
    }
    Ok(())
}

/// Each case is some hundred commits with their fsyncs.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    asked.map_or(24, |cases: u32| cases.min(200))
}

/// A reading whose time is over gives what it has, says how far it came, and can go on there.
#[test]
fn a_reading_ends_in_time_and_goes_on_where_it_was() {
    let mut bench = Bench::new(Settings::default());
    let calls = 200;
    for number in 0..calls {
        let call = format!("c{number}");
        bench.start(&call);
        bench.say(&call, "hello there");
        bench.end(&call);
    }
    bench.commit();
    let library = bench.journal().library().unwrap();
    let query = CallQuery { search: Some(Search::parse("there").unwrap()), ..CallQuery::default() };
    let (late, none) = (Instant::now(), BTreeSet::new());
    let (mut seen, mut parts, mut below) = (Vec::new(), 0, None);
    let mut early = 0;
    loop {
        let stretch = Stretch { below, from: None, without: &none, most: 1_000 };
        let found = match library.calls(&query, &stretch, late) {
            // SQLite counts its steps from one reading to the next, so that the clock may be
            // looked at before the first row.
            Err(ReadError::TooSlow) if early < parts => {
                early += 1;
                continue;
            }
            found => found.unwrap(),
        };
        seen.extend(found.items.into_iter().map(|(_, view)| view.call_id));
        parts += 1;
        below = found.reached;
        if below.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..calls).rev().map(|number| format!("c{number}")).collect();
    assert_eq!(seen, expected);
    assert!(parts > 2, "it was interrupted");
    // What is not given in parts is not given at all.
    let given = Parameters::new(Vec::new(), &ShiftQuery::NAMES).unwrap();
    let shift = ShiftQuery::parse(&given, Timestamp(bench.now)).unwrap();
    let mut counted = 0;
    let read = library.began(&shift, late, &mut |_| counted += 1);
    assert!(matches!(read, Err(ReadError::TooSlow)) && counted < calls);
    let soon = Instant::now() + Duration::from_secs(60);
    counted = 0;
    library.began(&shift, soon, &mut |_| counted += 1).unwrap();
    assert_eq!(counted, calls);
}

#[test]
fn a_transcript_is_read_from_its_end_within_limits() {
    let mut bench = Bench::new(Settings::default());
    for texts in [&["old"][..], &["1", "22", "333", "4444"]] {
        bench.start("c");
        texts.iter().for_each(|text| bench.say("c", text));
        bench.end("c");
        bench.commit();
    }
    let until = Instant::now() + Duration::from_secs(60);
    let mut read = |which, chunks, text_bytes| {
        let library = bench.journal().library().unwrap();
        let call = library.call(which, Most { chunks, text_bytes }, until).unwrap()?;
        let texts: Vec<String> = call.transcript.iter().map(|s| s.text.to_string()).collect();
        Some((texts.join(" "), call.whole, call.number))
    };
    let newest = Which::Newest("c");
    let (text, whole, number) = read(newest, 4, 10).unwrap();
    assert_eq!((text.as_str(), whole), ("1 22 333 4444", true), "just all of it");
    for (chunks, text_bytes, text) in
        [(3, 10, "22 333 4444"), (4, 9, "22 333 4444"), (4, 8, "333 4444"), (4, 3, ""), (0, 10, "")]
    {
        assert_eq!(read(newest, chunks, text_bytes), Some((text.into(), false, number)));
    }
    assert_eq!(read(Which::Number(0), 9, 99), Some(("old".into(), true, 0)));
    assert_eq!(read(Which::Number(1), 9, 99), None, "no call has this number");
    assert_eq!(read(Which::Newest("d"), 9, 99), None);
}

#[test]
fn rules_are_kept_as_long_as_a_call_in_the_log_began_with_them() {
    let mut bench = Bench::new(Settings { history_messages: 0, ..Settings::default() });
    let [first, second] = ["version = 1\n", "version = 1 # later\n"].map(Ruleset::new);
    let begin = |bench: &mut Bench, call_id: &str, ruleset: &Ruleset| {
        bench.start(call_id);
        bench.waiting.last_mut().unwrap().ruleset = Some(ruleset.clone());
        bench.commit();
    };
    begin(&mut bench, "a", &first);
    begin(&mut bench, "b", &first);
    begin(&mut bench, "c", &second);
    let kept = |bench: &mut Bench| {
        let mut kept = bench.open_again().unwrap().rulesets;
        kept.sort_by(|a, b| a.text.cmp(&b.text));
        kept
    };
    assert_eq!(kept(&mut bench), [first.clone(), second.clone()]);
    for (call, left) in [("a", vec![first, second.clone()]), ("b", vec![second])] {
        bench.end(call);
        bench.commit();
        // Offsets go on, so that what was said before is history.
        bench.say("c", "get me your manager");
        bench.commit();
        bench.journal().tidy_up().unwrap();
        bench.journal().compact().unwrap();
        assert_eq!(kept(&mut bench), left, "after the end of {call}");
    }
}

#[test]
fn a_history_that_cannot_go_on_gets_another_name() {
    let mut bench = Bench::new(Settings::default());
    let before = bench.journal().epoch().to_owned();
    bench.journal().renew_epoch().unwrap();
    let renewed = bench.journal().epoch().to_owned();
    assert_ne!(renewed, before);
    assert!(!bench.journal().read_back(1).unwrap().same_engine);
    bench.open_again().unwrap();
    assert_eq!(bench.journal().epoch(), renewed);
}
