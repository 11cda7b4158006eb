//! What the demo tells of one order of each line that went wrong and came right, in words and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::drive::Outcome;
use super::plan::Ending;
use super::report::money;
use super::wrong::Story;
use crate::world::catalogue::{CANCELLATION_PERCENT, ECONOMY_PERCENT};
use crate::world::{Line, World, WorldError};

/// The first such order of each line, and what is not right with any.
pub(super) struct Stories {
    told: Vec<(Line, Story)>,
    faults: Vec<String>,
}

impl Stories {
    /// Reads and checks all of them.
    pub(super) async fn read(world: &World, outcomes: &[Outcome]) -> Result<Self, WorldError> {
        let (mut told, mut faults) = (Vec::new(), Vec::new());
        for line in Line::ALL {
            let ending = Ending::told_of(line);
            let mine = outcomes.iter().filter(|outcome| outcome.line == line && outcome.ending == ending);
            let mut first = None;
            for ended in mine.filter_map(|outcome| outcome.ended.as_ref().ok()?.as_ref()) {
                let story = Story::read(world, ending, ended).await?;
                faults.extend(story.faults());
                first.get_or_insert(story);
            }
            told.extend(first.map(|story| (line, story)));
        }
        Ok(Self { told, faults })
    }

    /// Whether everything that went wrong came right.
    pub(super) fn are_right(&self) -> bool {
        self.faults.is_empty()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("What went wrong and came right:\n");
        for (line, story) in &self.told {
            let _ = writeln!(text, "  {}: {}", line.code(), words(story));
            let _ = writeln!(
                text,
                "    order {}: paid {}, back {}, fee {}, kept {}, {}",
                word(&story.order, "order_no"),
                money(story.paid()),
                money(story.back()),
                money(story.fee()),
                money(story.kept()),
                word(story.shop_order(), "status"),
            );
            for row in story.aftersales() {
                let (no, reason, status) = (word(row, "aftersale_no"), word(row, "reason"), word(row, "status"));
                let (back, fee) = (money(minor(row, "amount")), money(minor(row, "fee")));
                let _ = writeln!(text, "    after-sale {no} \"{reason}\": {back} back, {fee} fee, {status}");
            }
            for row in story.refunds() {
                let (no, way, status) = (word(row, "refund_no"), word(row, "way"), word(row, "status"));
                let _ = writeln!(text, "    refund {no} by {way}: {}, {status}", money(minor(row, "amount")));
            }
        }
        for line in Line::ALL.iter().filter(|line| !self.told.iter().any(|(told, _)| told == *line)) {
            let _ = writeln!(text, "  {}: no such order came to its end", line.code());
        }
        for fault in &self.faults {
            let _ = writeln!(text, "  NOT RIGHT: {fault}");
        }
        text
    }

    /// For programs: one object of each line.
    pub(super) fn json(&self) -> Value {
        let one = |(line, story): &(Line, Story)| {
            let some = |row: &Value, names: &[&str]| -> Value {
                names
                    .iter()
                    .map(|name| ((*name).to_owned(), row[name].clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            };
            let aftersales = story.aftersales();
            let aftersales =
                aftersales.map(|row| some(row, &["aftersale_no", "type", "reason", "amount", "fee", "status"]));
            let refunds = story.refunds().map(|row| some(row, &["refund_no", "way", "amount", "status"]));
            json!({
                "line": line.code(), "what": words(story), "order_no": story.order["order_no"],
                "paid_minor": story.paid(), "back_minor": story.back(), "fee_minor": story.fee(),
                "kept_minor": story.kept(), "status": story.shop_order()["status"],
                "aftersales": aftersales.collect::<Vec<_>>(), "refunds": refunds.collect::<Vec<_>>(),
                "faults": story.faults(),
            })
        };
        self.told.iter().map(one).collect()
    }
}

fn words(story: &Story) -> String {
    match story.ending {
        Ending::LostParcel => format!(
            "the carrier lost the parcel and the shop said so; everything went back, the freight of {} too",
            money(story.freight())
        ),
        Ending::CancelledLate => format!(
            "the buyer gave a booked stay up late; the hotel took the booking back, and {CANCELLATION_PERCENT} % of \
             the room is kept"
        ),
        Ending::OneSeatBack => format!(
            "one of two passengers gave the ticket back for {ECONOMY_PERCENT} % of the fare; the other flew, and the \
             order went on"
        ),
        _ => "the carrier took the order and then refused it; everything went back".to_owned(),
    }
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("-")
}

fn minor(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_default()
}
