//! What the four lines sell, and a cart of each.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::line::Line;
use crate::suppliers::FAILING_PHONE;

const DAY_MS: i64 = 86_400_000;
/// Days from today on which rooms are to be had.
const NIGHTS: std::ops::Range<i64> = 10..40;
/// A SKU of which there is one.
pub const RARE: &str = "rare-thing";
/// How many SKUs the goods line has besides.
pub const GOODS: usize = 40;

/// What the hotel keeps of a room that is given up, in percent.
pub const CANCELLATION_PERCENT: i64 = 30;
/// What the airline keeps of an economy fare when its ticket goes back, in percent.
pub const ECONOMY_PERCENT: i64 = 40;

/// A SKU with its stock.
#[derive(Debug, Clone)]
pub struct SkuFacts {
    /// Its code.
    pub sku: String,
    /// What the plugin prices it by.
    pub facts: Value,
    /// Stock keys with how many of each there are.
    pub stock: Vec<(String, i64)>,
}

impl SkuFacts {
    /// Goods that are counted by their own code.
    pub fn goods(sku: &str, price: i64, stock: i64) -> Self {
        let facts = json!({"title": format!("A thing called {sku}"), "price": price, "grams": 300, "tax_bp": 1300});
        Self { sku: sku.to_owned(), facts, stock: vec![(sku.to_owned(), stock)] }
    }
}

/// What a line sells.
pub(super) fn of(line: Line) -> Vec<SkuFacts> {
    match line {
        Line::Goods => (0..GOODS)
            .map(|n| SkuFacts::goods(&goods(n), 990 + 100 * count(n), 100_000))
            .chain([SkuFacts::goods(RARE, 99_900, 1)])
            .collect(),
        Line::Hotel => vec![
            SkuFacts {
                sku: "sea-view".to_owned(),
                facts: json!({"kind": "room", "title": "Sea view", "price": 30_000, "occupancy": 2}),
                stock: NIGHTS.map(|day| (format!("sea-view@{}", date(day)), 10_000)).collect(),
            },
            SkuFacts {
                sku: "deposit".to_owned(),
                facts: json!({"kind": "deposit", "title": "Deposit", "price": 10_000}),
                stock: Vec::new(),
            },
        ],
        Line::Flight => vec![SkuFacts {
            sku: "hl123".to_owned(),
            facts: json!({
                "title": "Hangzhou – Chengdu", "flight": "HL123", "departs_at": now_ms() + 20 * DAY_MS, "tax": 5_000,
                "fares": {
                    "economy": {"price": 80_000, "refund_fee_percent": ECONOMY_PERCENT}, "light": {"price": 60_000},
                },
            }),
            stock: vec![("hl123@economy".to_owned(), 100_000), ("hl123@light".to_owned(), 100_000)],
        }],
        Line::Topup => vec![SkuFacts {
            sku: "cmcc-100".to_owned(),
            facts: json!({"title": "100 yuan", "face": 10_000, "price": 9_950, "carrier": "cmcc", "prefixes": ["138"]}),
            stock: Vec::new(),
        }],
    }
}

/// The code of the n-th goods SKU.
pub fn goods(n: usize) -> String {
    format!("thing-{}", n % GOODS)
}

/// The first night of stays that the hotel supplier refuses in a demo.
pub fn refused_night() -> String {
    date(NIGHTS.end - 3)
}

/// The passenger whom the airline refuses in a demo.
pub const REFUSED_PASSENGER: &str = "E-REFUSED";

/// A cart that the line's supplier refuses: at once, or for a top-up after it was accepted. Goods have no supplier.
pub fn refused_items(line: Line) -> Value {
    match line {
        Line::Goods => items(line, 0),
        Line::Hotel => {
            let extra = json!({"checkin": refused_night(), "checkout": date(NIGHTS.end - 2), "guests": "1"});
            json!([{"sku_id": "sea-view", "quantity": 1, "extra": extra}])
        }
        Line::Flight => {
            let passengers = json!([{"name": "Bob", "id": REFUSED_PASSENGER}]).to_string();
            json!([{"sku_id": "hl123", "quantity": 1, "extra": {"class": "light", "passengers": passengers}}])
        }
        Line::Topup => json!([{"sku_id": "cmcc-100", "quantity": 1, "extra": {"phone": FAILING_PHONE}}]),
    }
}

/// Two seats of one fare class, in one line.
pub fn two_seats(n: usize) -> Value {
    let passengers =
        json!([{"name": "Ada", "id": format!("E{n}")}, {"name": "Bob", "id": format!("F{n}")}]).to_string();
    json!([{"sku_id": "hl123", "quantity": 2, "extra": {"class": "economy", "passengers": passengers}}])
}

/// The lines of the n-th cart of a business line.
pub fn items(line: Line, n: usize) -> Value {
    match line {
        Line::Goods => json!([
            {"sku_id": goods(n), "quantity": 1 + n % 3},
            {"sku_id": goods(n * 7 + 1), "quantity": 1},
        ]),
        Line::Hotel => {
            let first = NIGHTS.start + count(n % 20);
            let extra = json!({"checkin": date(first), "checkout": date(first + 2), "guests": "2"});
            json!([{"sku_id": "sea-view", "quantity": 1, "extra": extra}, {"sku_id": "deposit", "quantity": 1}])
        }
        Line::Flight => {
            let class = if n.is_multiple_of(2) { "economy" } else { "light" };
            let passengers = json!([{"name": "Ada", "id": format!("E{n}")}]).to_string();
            json!([{"sku_id": "hl123", "quantity": 1, "extra": {"class": class, "passengers": passengers}}])
        }
        Line::Topup => {
            let phone = format!("138{:08}", 10_000_000 + n);
            json!([{"sku_id": "cmcc-100", "quantity": 1, "extra": {"phone": phone}}])
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

/// The day so many days from now, `YYYY-MM-DD`.
fn date(days_from_now: i64) -> String {
    civil(now_ms() / DAY_MS + days_from_now)
}

/// Days since 1970-01-01 as a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), "1970-01-01");
        assert_eq!(civil(11_016), "2000-02-29");
        assert_eq!(civil(20_818), "2026-12-31");
    }
}
