//! Everything that reads what others wrote, with input that nobody would write on purpose: no panic,
//! and no answer that contradicts itself.
//!
//! A case is a seed that some mutations have been at. In a usual run each target has a few
//! thousand cases; `FUZZ_SECONDS=300 cargo test --release --test it fuzz:: -- --nocapture
//! --test-threads 2` gives each of them five minutes and says how many cases that were;
//! `FUZZ_ONLY=zoom` beside it tries the target of that name alone. A case that fails is made smaller
//! and printed.

mod mutate;
mod reads;
mod stores;

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use mutate::mutation;

/// Tries `target` with seeds that were mutated. `cases` is how many a usual run has.
fn fuzz(
    name: &str,
    seeds: &[Vec<u8>],
    cases: u32,
    target: impl Fn(&[u8]) -> Result<(), TestCaseError>,
) {
    if std::env::var("FUZZ_ONLY").is_ok_and(|only| only != name) {
        return println!("{name}: SKIPPED, FUZZ_ONLY names another");
    }
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let (begun, most) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(0)));
    let mut total = 0;
    loop {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let strategy = (any::<prop::sample::Index>(), vec(mutation(), 0..8));
        let tried = TestRunner::new(config).run(&strategy, |(seed, mutations)| {
            target(&mutate::mutated(seed.get::<Vec<u8>>(seeds), &mutations, seeds))
        });
        if let Err(failure) = tried {
            panic!("{name}: {failure}");
        }
        total += u64::from(cases);
        if begun.elapsed() >= most {
            break;
        }
    }
    println!("{name}: {total} cases in {:.0?}", begun.elapsed());
}

/// The same for who reads text: bytes that are none are replaced, as no socket lets them through.
fn fuzz_text(
    name: &str,
    seeds: &[String],
    cases: u32,
    target: impl Fn(&str) -> Result<(), TestCaseError>,
) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.clone().into_bytes()).collect();
    fuzz(name, &seeds, cases, |bytes| target(&String::from_utf8_lossy(bytes)));
}

/// A refusal that people can read.
fn is_a_sentence(message: &str) -> Result<(), TestCaseError> {
    prop_assert!(!message.trim().is_empty(), "an empty refusal");
    let head: String = message.chars().take(200).collect();
    prop_assert!(message.len() < 4_096, "a refusal of {} bytes: {head}", message.len());
    Ok(())
}
