//! `docs/errors.md` has a row for every code that a problem can have, with its status, and no other rows.
#![expect(clippy::unwrap_used, reason = "a test; its helpers stand outside of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What stands before a code, and its status where that says it.
const BEFORE: &[(&str, Option<&str>)] = &[
    ("invalid(", Some("400")),
    ("conflict(", Some("409")),
    ("refused(", Some("422")),
    ("Kind::Invalid, ", Some("400")),
    ("Kind::Forbidden, ", Some("403")),
    ("Kind::NotFound, ", Some("404")),
    ("Kind::Conflict, ", Some("409")),
    ("Kind::Refused, ", Some("422")),
    ("Kind::Busy, ", Some("503")),
    ("Kind::Internal, ", Some("500")),
    ("StatusCode::UNAUTHORIZED, ", Some("401")),
    ("StatusCode::METHOD_NOT_ALLOWED, ", Some("405")),
    ("StatusCode::PAYLOAD_TOO_LARGE, ", Some("413")),
    ("StatusCode::UNSUPPORTED_MEDIA_TYPE, ", Some("415")),
    (".code = ", None),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(at: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("tests") {
            sources(&entry, into);
        } else if entry.extension().is_some_and(|end| end == "rs") && !entry.ends_with("tests.rs") {
            into.push(entry);
        }
    }
}

/// The code of the rooms that make problems: comments and tests out, and each run of white space one blank, none after a
/// bracket.
fn code() -> String {
    let mut files = vec![];
    for room in ["app", "http"] {
        sources(&root().join("host/src").join(room), &mut files);
    }
    assert!(files.len() > 50, "the sources are found");
    let mut code = String::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for word in text.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(str::split_whitespace) {
            code.push_str(word);
            if !word.ends_with('(') {
                code.push(' ');
            }
        }
    }
    code
}

/// The text that begins with this quotation mark, if it can be a code.
fn quoted(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('"')?.split_once('"')?;
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    plain.then_some(word)
}

/// Every code in the sources with the statuses that are known of it.
fn codes(code: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (before, status) in BEFORE {
        for (at, _) in code.match_indices(before) {
            if let Some(word) = quoted(&code[at + before.len()..]) {
                codes.entry(word).or_default().extend(*status);
            }
        }
    }
    // A code that is chosen first: the words with a hyphen up to the end of the statement.
    for (at, _) in code.match_indices("let code = ") {
        let chosen = code[at..].split(';').next().unwrap();
        let words = chosen.match_indices('"').filter_map(|(quote, _)| quoted(&chosen[quote..]));
        for word in words.filter(|word| word.contains('-')) {
            codes.entry(word).or_default();
        }
    }
    codes
}

/// Code and status of every row.
fn rows(text: &str) -> Vec<(String, String)> {
    let cells = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let code = cells.next()?.trim_end_matches('`').to_owned();
        let (status, advice) = (cells.next()?.to_owned(), cells.next()?);
        assert!(!advice.is_empty(), "{code} says nothing");
        Some((code, status))
    };
    text.lines().filter_map(cells).collect()
}

#[test]
fn every_error_code_has_one_row() {
    let code = code();
    let codes = codes(&code);
    assert!(codes.len() > 80, "the codes are found");
    let rows = rows(&fs::read_to_string(root().join("docs/errors.md")).unwrap());
    let mut wrong = vec![];
    for (code, statuses) in &codes {
        let of_it: Vec<_> = rows.iter().filter(|(row, _)| row == code).collect();
        let [(_, told)] = of_it.as_slice() else {
            wrong.push(format!("{code} has {} rows", of_it.len()));
            continue;
        };
        let told: BTreeSet<&str> = told.split(", ").collect();
        if !statuses.is_subset(&told) {
            wrong.push(format!("{code} is {statuses:?}, and its row says {told:?}"));
        }
    }
    let stale = rows.iter().filter(|(row, _)| !codes.contains_key(row.as_str()));
    wrong.extend(stale.map(|(row, _)| format!("{row} is in no source")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
