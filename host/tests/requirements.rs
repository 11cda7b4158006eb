//! `docs/requirements.md` names a test for every requirement, and the tests exist.
#![expect(clippy::unwrap_used, reason = "a test; its helpers stand outside of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The last number of the requirements.
const LAST: u32 = 158;
/// The one that was put in between.
const BETWEEN: &str = "57b";

/// Number, item, test of every row.
fn rows(text: &str) -> Vec<[String; 3]> {
    let cells = |line: &str| line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    let rows = rows.filter(|row: &Vec<String>| row[0].starts_with(|first: char| first.is_ascii_digit()));
    rows.map(|row| row.try_into().unwrap()).collect()
}

#[test]
fn every_requirement_has_one_row_and_its_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rows = rows(&fs::read_to_string(root.join("docs/requirements.md")).unwrap());
    let mut wrong = vec![];
    let mut numbers: BTreeMap<String, u32> = (1..=LAST).map(|number| (number.to_string(), 0)).collect();
    numbers.insert(BETWEEN.to_owned(), 0);
    for [number, item, test] in &rows {
        match numbers.get_mut(number) {
            Some(count) => *count += 1,
            None => wrong.push(format!("{number} is no requirement")),
        }
        if item.is_empty() {
            wrong.push(format!("{number} says nothing"));
        }
        if let Some(why) = test.strip_prefix('-') {
            if why.trim().is_empty() {
                wrong.push(format!("{number} has no test and does not say why"));
            }
            continue;
        }
        let Some((file, name)) = test.trim_matches('`').split_once("::") else {
            wrong.push(format!("{number}: {test} is not `file::test_name`"));
            continue;
        };
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        if !text.contains(&format!("fn {name}(")) {
            wrong.push(format!("{number}: there is no fn {name} in {file}"));
        }
    }
    wrong.extend(
        numbers.iter().filter(|(_, count)| **count != 1).map(|(number, count)| format!("{number}: {count} rows")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
