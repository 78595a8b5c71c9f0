//! What waits for destinations, on disk.

use super::*;
use crate::engine::alert::Alert;
use crate::journal::{Change, Standing};

/// Alerts that changed, one in each of so many records, and no other message.
fn changed(bench: &mut Bench, number: u64) {
    change(bench, number);
    bench.commit();
}

/// The same before its commit.
fn change(bench: &mut Bench, number: u64) {
    for _ in 0..number {
        bench.now += 1_000;
        let alert: Alert = {
            let mut state = bench.open["a"].0.clone();
            let hand = Event::RaiseHand { by: "ana".into(), note: Some("é".repeat(50)) };
            state.apply(&ENGINE, &hand, Timestamp(bench.now)).alerts.remove(0)
        };
        let change = Change { place: 1, told: 0, moved_from: None, alert: Arc::new(alert) };
        let event = Event::Refused { seq: 1, code: "x".into() };
        bench.push("a", event, 1, None);
        bench.waiting.last_mut().unwrap().changes = vec![change];
    }
}

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// A journal with an outbox that no clock empties.
fn with_outbox(settings: Settings, destinations: &[&str]) -> (Bench, Arc<dyn Outbox>) {
    let mut bench = Bench::new(Settings { outbox_hours: 0, ..settings });
    bench.start("a");
    bench.commit();
    let outbox = bench.journal().open_outbox(&names(destinations)).unwrap().unwrap();
    (bench, outbox)
}

fn offsets(outbox: &Arc<dyn Outbox>, after: u64) -> Vec<u64> {
    outbox.page(after, 100).unwrap().iter().map(|one| one.offset).collect()
}

#[test]
fn what_waits_outlives_the_process_and_goes_when_all_have_it() {
    let (mut bench, outbox) = with_outbox(Settings::default(), &["one", "two"]);
    let mut newest = outbox.newest();
    changed(&mut bench, 3);
    assert_eq!((*newest.borrow_and_update(), offsets(&outbox, 0)), (4, vec![2, 3, 4]));
    let first = outbox.page(1, 1).unwrap().remove(0);
    assert_eq!((first.at, first.told), (Timestamp(bench.now - 2_000), 0));
    assert_eq!(*first.epoch, *bench.journal().epoch());
    assert!(first.alert.contains("\"kind\":\"manual\"") && first.alert.contains("éé"));
    outbox.delivered("one", 4);
    outbox.delivered("two", 3);
    outbox.delivered("two", 2);
    // Known to this process only: a crash forgets it, an end in order does not.
    bench.open_again().unwrap();
    let outbox = bench.journal().open_outbox(&names(&["one", "two"])).unwrap().unwrap();
    assert_eq!((outbox.standing("one").offset, outbox.standing("two").waiting), (1, 3));
    outbox.delivered("one", 4);
    outbox.delivered("two", 3);
    bench.journal().close().unwrap();
    assert_eq!(bench.number("SELECT count(*) FROM outbox"), 1, "one waits for two");
    bench.open_again().unwrap();
    let outbox = bench.journal().open_outbox(&names(&["two", "three"])).unwrap().unwrap();
    let two = outbox.standing("two");
    assert_eq!((two.offset, two.waiting, two.oldest), (3, 1, Some(Timestamp(bench.now))));
    assert_eq!(outbox.standing("three").offset, 4, "a new one begins with what comes");
    outbox.delivered("two", 4);
    bench.journal().close().unwrap();
    assert_eq!(bench.number("SELECT count(*) FROM outbox"), 0);
    let known = "SELECT group_concat(name || offset) FROM (SELECT * FROM destinations ORDER BY 1)";
    let journal = bench.journal.as_ref().unwrap();
    let known: String = journal.connection.query_row(known, [], |row| row.get(0)).unwrap();
    assert_eq!(known, "three4,two4", "one is named no more");
}

#[test]
fn without_destinations_nothing_is_put_in() {
    let (mut bench, _) = with_outbox(Settings::default(), &["one"]);
    changed(&mut bench, 2);
    bench.open_again().unwrap();
    bench.journal().open_outbox(&[]).unwrap();
    changed(&mut bench, 2);
    let both = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM destinations)";
    assert_eq!(bench.number(both), 0);
}

#[test]
fn a_commit_that_fails_puts_nothing_in() {
    let settings = Settings { max_file_bytes: 1 << 20, max_bytes: 1 << 19, ..Settings::default() };
    let (mut bench, outbox) = with_outbox(settings, &["one"]);
    for _ in 0..2_000 {
        let before = outbox.standing("one").waiting;
        change(&mut bench, 5);
        let (records, offset) = (std::mem::take(&mut bench.waiting), bench.offset);
        if bench.journal().commit(&records, offset).is_err() {
            assert_eq!(outbox.standing("one").waiting, before);
            assert_eq!(bench.number("SELECT count(*) FROM outbox"), before as i64);
            return;
        }
    }
    panic!("a file of 1 MiB takes all this");
}

#[test]
fn the_oldest_go_unsent_over_the_limits() {
    let most = Settings { outbox_bytes: 8_000, ..Settings::default() };
    let (mut bench, outbox) = with_outbox(most, &["one", "two"]);
    changed(&mut bench, 20);
    outbox.delivered("one", 21);
    bench.journal().tidy_outbox().unwrap();
    let left = offsets(&outbox, 0);
    let bytes = bench.number("SELECT sum(octet_length(alert)) FROM outbox");
    assert!(bytes <= 8_000 && !left.is_empty() && left.ends_with(&[21]), "{bytes}: {left:?}");
    let two = outbox.standing("two");
    assert_eq!((two.waiting, two.dropped), (left.len() as u64, 20 - left.len() as u64));
    assert_eq!(outbox.standing("one").dropped, 0, "it had them all");
    assert_eq!(bench.number("SELECT count(*) FROM outbox"), left.len() as i64);
}

#[test]
fn what_is_too_old_goes_unsent() {
    let (mut bench, outbox) = with_outbox(Settings::default(), &["one"]);
    bench.now = 1_500_000_000_000;
    changed(&mut bench, 2);
    bench.now = 4_000_000_000_000;
    changed(&mut bench, 1);
    bench.journal().tidy_outbox().unwrap();
    assert_eq!(offsets(&outbox, 0).len(), 3, "0 hours set no limit");
    bench.journal().settings.outbox_hours = 1;
    bench.journal().tidy_outbox().unwrap();
    assert_eq!((offsets(&outbox, 0), outbox.standing("one").dropped), (vec![4], 2));
}

#[test]
fn a_restored_backup_sends_nothing_again() {
    let (mut bench, outbox) = with_outbox(Settings::default(), &["one"]);
    changed(&mut bench, 3);
    let target = bench.dir.path().join("backup.db");
    backup(bench.dir.path(), &target).unwrap();
    assert_eq!(check(&target, &Seal::default()).unwrap().outbox, 3);
    let fresh = bench.dir.path().join("fresh");
    restore(&target, &fresh, &Seal::default()).unwrap();
    let mut journal = Sqlite::open(&fresh, &Settings::default(), "engine 1").unwrap();
    journal.read_back(10).unwrap();
    let restored = journal.open_outbox(&names(&["one"])).unwrap().unwrap();
    assert_eq!(restored.standing("one"), Standing { offset: 4, ..Default::default() });
    assert_eq!(offsets(&outbox, 0).len(), 3, "the one it was taken of goes on");
}
