//! Who may use whom, as ARCHITECTURE.md draws it, read from the sources.
#![expect(clippy::unwrap_used, reason = "a test; its helpers stand outside of it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use besides itself and the ground.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("egress", &["domain"]),
    ("store", &["domain", "egress"]),
    ("plugin", &["domain", "egress"]),
    ("payment", &["domain", "egress"]),
    ("redis_link", &[]),
    ("lock", &["domain", "redis_link"]),
    ("broker", &["domain", "redis_link"]),
    ("app", &["domain", "egress", "store", "plugin", "payment", "lock"]),
    ("worker", &["domain", "app", "store", "plugin", "lock", "broker"]),
    ("http", &["domain", "app"]),
];
/// Below all rooms.
const GROUND: &[&str] =
    &["clock", "config", "entropy", "faults", "health", "identity", "secrets", "tasks", "telemetry"];
/// Libraries with one door.
const DOORS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("wasmtime", &["plugin"]),
    ("axum", &["http"]),
    // The settings check the addresses that these two will be given.
    ("redis", &["redis_link", "broker", "lock", "config"]),
    ("reqwest", &["egress", "config"]),
    ("webpki", &["payment"]),
    ("x509_parser", &["payment"]),
];

fn sources(at: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, into);
        } else if entry.extension().is_some_and(|end| end == "rs") {
            into.push(entry);
        }
    }
}

/// The code of each source with its room: comments and tests out.
fn code() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    assert!(files.len() > 100, "the sources are found");
    let room_of = |file: &Path| {
        let first = file.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let is_test = |file: &Path| {
        let inside = file.strip_prefix(&root).unwrap();
        inside.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    };
    files.retain(|file| !is_test(file));
    let lines = |text: &str| {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    files.iter().map(|f| (room_of(f), f.display().to_string(), lines(&fs::read_to_string(f).unwrap()))).collect()
}

/// Whether the code names a path that begins with `word::`.
fn names(code: &str, word: &str) -> bool {
    let path = format!("{word}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn a_room_uses_only_rooms_below_it() {
    let mut wrong = vec![];
    for (room, file, code) in code() {
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else { continue };
        for (other, _) in ROOMS.iter().filter(|(other, _)| *other != room && !may.contains(other)) {
            if code.contains(&format!("crate::{other}::")) || code.contains(&format!("crate::{{{other}::")) {
                wrong.push(format!("{file}: {room} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_known() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).chain(GROUND.iter().copied()).collect();
    for (room, file, _) in code() {
        assert!(known.contains(room.as_str()) || ["lib", "main", "serve"].contains(&room.as_str()), "{file}");
    }
}

#[test]
fn a_library_has_one_door() {
    let mut wrong = vec![];
    for (room, file, code) in code() {
        for (library, doors) in DOORS {
            if names(&code, library) && !doors.contains(&room.as_str()) {
                wrong.push(format!("{file}: {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    for (_, file, code) in code().into_iter().filter(|(room, ..)| room == "domain") {
        for word in ["async fn", "tokio::", "tracing::", "sqlx::", "std::time::", "std::fs::", "std::net::", "rand::"] {
            assert!(!code.contains(word), "{file} has {word}");
        }
    }
}

/// A metric that is described and never recorded would look like silence.
#[test]
fn every_metric_is_recorded_somewhere() {
    let code = code();
    let (_, _, named) = code.iter().find(|(_, file, _)| file.ends_with("telemetry/metrics.rs")).unwrap();
    let name = |line: &str| line.trim().split_once(" = \"hookline_").map(|(name, _)| name.to_owned());
    let metrics: Vec<String> = named.lines().filter_map(name).collect();
    assert!(metrics.len() > 30, "the metrics are found");
    let used =
        |metric: &String| code.iter().any(|(room, _, text)| room != "telemetry" && text.contains(metric.as_str()));
    let silent: Vec<_> = metrics.iter().filter(|metric| !used(metric)).collect();
    assert!(silent.is_empty(), "described and never recorded: {silent:?}");
}
