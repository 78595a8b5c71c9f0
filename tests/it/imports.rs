//! The invariants of the house, checked by reading the sources: arrows point down, and each
//! foreign library has one room.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name. `*` is all of them.
const ROOMS: [(&str, &str); 20] = [
    ("main", "cli"),
    ("cli", "*"),
    ("config", "telemetry server cluster access egress desk hub journal wire engine text"),
    ("telemetry", ""),
    ("server", "cluster access egress desk hub journal wire engine features model text call"),
    ("access", "wire call"),
    ("cluster", "desk hub journal wire engine features model text call"),
    ("client", "wire engine features model text call"),
    ("desk", "hub journal wire engine features model text call"),
    ("egress", "journal engine call"),
    ("hub", "wire engine features model text call"),
    ("journal", "wire engine features model text call"),
    ("wire", "engine features model text call"),
    ("train", "corpus engine features model text call"),
    ("corpus", "wire features text call"),
    ("engine", "features model text call"),
    ("features", "model text call"),
    ("model", "text call"),
    ("text", "call"),
    ("call", ""),
];

/// Foreign names and the places that may know them, as starts of paths under `src`.
const FOREIGN: [(&str, &[&str]); 12] = [
    ("linfa", &["train/"]),
    ("linfa_logistic", &["train/"]),
    ("linfa_ftrl", &["train/"]),
    ("tokio_tungstenite", &["server/", "client/"]),
    ("tungstenite", &["server/", "client/"]),
    ("rusqlite", &["journal/sqlite"]),
    ("async_nats", &["journal/jetstream"]),
    ("ratatui", &["cli/watch/"]),
    // Names of types only: what is on the wire has a schema.
    ("schemars", &["wire/", "engine/", "features/tags", "call"]),
    ("hyper_rustls", &["egress/", "client/tls"]),
    ("rustls", &["egress/", "server/tls", "client/tls"]),
    ("tokio_rustls", &["server/tls", "client/tls"]),
];

/// The core does no I/O and knows no clock.
const CORE: [&str; 5] = ["text", "features", "model", "engine", "call"];
const NOT_IN_CORE: [&str; 11] = [
    "tokio",
    "tracing",
    "axum",
    "hyper",
    "net",
    "fs",
    "io",
    "env",
    "thread",
    "SystemTime",
    "Instant",
];

/// What a file under `src` does that it must not.
fn violations(path: &str, source: &str) -> Vec<String> {
    let room = path.split(['/', '.']).next().unwrap();
    // A room's tests may borrow what they need to set the stage.
    if room == "lib" || path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let words = words(source);
    let mut found = Vec::new();
    match ROOMS.iter().find(|(name, _)| *name == room) {
        None => found.push(format!("{path}: the room `{room}` has no place in the house")),
        Some((_, allowed)) => {
            for named in rooms_named(path, &words) {
                if named != room && *allowed != "*" && !allowed.split(' ').any(|a| a == named) {
                    found.push(format!("{path}: `{room}` must not see `{named}`"));
                }
            }
        }
    }
    for (name, places) in FOREIGN {
        if words.iter().any(|word| word == name) && !places.iter().any(|p| path.starts_with(p)) {
            found.push(format!("{path}: only {} may name `{name}`", places.join(", ")));
        }
    }
    if CORE.contains(&room) {
        for name in NOT_IN_CORE {
            // Modules of std only as `std::net`; the others by their name alone.
            let module = ["net", "fs", "io", "env", "thread"].contains(&name);
            let named = match module {
                true => paths(&words, "std").contains(name),
                false => words.iter().any(|word| word == name),
            };
            if named {
                found.push(format!("{path}: the core must not name `{name}`"));
            }
        }
    }
    found
}

/// Rooms named by `crate::room`, by `forewarn::room`, or by enough `super::` to leave one's own.
fn rooms_named(path: &str, words: &[String]) -> BTreeSet<String> {
    let mut named = paths(words, "crate");
    named.append(&mut paths(words, "forewarn"));
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let up = vec!["super"; depth].join(" :: ");
    let joined = words.join(" ");
    for (at, _) in joined.match_indices(&format!("{up} :: ")) {
        let rest = &joined[at + up.len() + 4..];
        let rest = rest.trim_start_matches("super :: ");
        named.extend(rest.split(' ').next().map(str::to_owned));
    }
    named.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
    named
}

/// The first parts of all paths below `root`: `a` and `c` of `root::{a::b, c}`.
fn paths(words: &[String], root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for at in 0..words.len() {
        // A path that only ends in this name is another one.
        if words[at] != root || words.get(at + 1).is_none_or(|w| w != "::") {
            continue;
        }
        let mut next = at + 2;
        if words.get(next).is_none_or(|word| word != "{") {
            found.extend(words.get(next).cloned());
            continue;
        }
        let mut depth = 1;
        let mut first = true;
        while depth > 0 && next + 1 < words.len() {
            next += 1;
            match words[next].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "," => first = depth == 1,
                word if first && depth == 1 => {
                    found.insert(word.to_owned());
                    first = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// Identifiers and signs of the source, without comments and literals.
fn words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            quote(rest)
        } else if c.is_alphanumeric() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            words.push("::".into());
            2
        } else {
            if !c.is_whitespace() {
                words.push(c.into());
            }
            c.len_utf8()
        };
        rest = &rest[skip..];
    }
    words
}

/// Length of `r"…"`, `r#"…"#`, `br"…"`.
fn raw_string(rest: &str) -> Option<usize> {
    let start = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let body = start[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close)?;
    Some(rest.len() - body.len() + end + close.len())
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a character literal, or of the sign of a lifetime.
fn quote(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let behind = at + c.len_utf8();
            rest[behind..].find('\'').map_or(1, |end| behind + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn the_house_stands() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 50, "the sources were found");
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        found.extend(violations(&path, &std::fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let forbids = std::fs::read_to_string(src.join("lib.rs")).unwrap();
    assert!(forbids.contains("#![forbid(unsafe_code)]"));
}

#[test]
fn the_checker_sees_what_it_must() {
    for (path, source) in [
        ("engine/score.rs", "use crate::desk::Desk;"),
        ("engine/score.rs", "use crate::{call::Call, hub::{Hub, Frame}};"),
        ("engine/mod.rs", "fn f() { super::server::start() }"),
        ("engine/policy.rs", "use super::super::journal;"),
        ("call.rs", "use super::engine::Engine;"),
        ("hub/mod.rs", "use crate::journal::Journal;"),
        ("client/play.rs", "use crate::server::Settings;"),
        ("corpus.rs", "use crate::engine::Engine;"),
        ("engine/x.rs", "use linfa::prelude::*;"),
        ("cli/x.rs", "use tokio_tungstenite::connect_async;"),
        ("journal/memory.rs", "type C = rusqlite::Connection;"),
        ("desk/mod.rs", "use async_nats as nats;"),
        ("cli/replay.rs", "use ratatui::Frame;"),
        ("server/rest.rs", "use rustls::ClientConfig;"),
        ("egress/slack.rs", "use crate::desk::Desk;"),
        ("journal/writer.rs", "use crate::egress::Settings;"),
        ("features/x.rs", "let now = std::time::Instant::now();"),
        ("model/file.rs", "use std::{fs, path::Path};"),
        ("text/x.rs", "use std::fs::File;"),
        ("engine/x.rs", "tracing::info!(\"x\");"),
        ("attic/mod.rs", ""),
    ] {
        assert_eq!(violations(path, source).len(), 1, "{path}: {source}");
    }
}

#[test]
fn the_checker_lets_pass_what_may_be() {
    for (path, source) in [
        ("engine/x.rs", "// crate::desk, linfa\nlet x = \"crate::desk \\\" tokio\"; /* tracing */"),
        ("engine/x.rs", "let x = r#\"use tokio \" \"#; let c = '\"'; let d = '\\''; fn f<'a>() {}"),
        ("engine/alert.rs", "use crate::call::Speaker; use super::policy::Level;"),
        ("train/heads.rs", "use linfa::prelude::*; use crate::corpus;"),
        ("server/x.rs", "use crate::{desk::{Desk, Platform}, wire}; use tokio_tungstenite as ws;"),
        ("desk/mod.rs", "use crate::hub::Hub; let x = self.client;"),
        ("engine/tests.rs", "use crate::corpus;"),
        ("engine/x.rs", "#[cfg(test)]\nmod tests {\n use crate::corpus; }"),
        ("text/x.rs", "use std::fmt; let net = 1; let tokio_like = 2;"),
    ] {
        assert_eq!(violations(path, source), Vec::<String>::new(), "{path}: {source}");
    }
}
