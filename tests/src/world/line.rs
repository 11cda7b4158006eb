//! The four business lines as the harness registers them.

use serde_json::{Value, json};

use super::catalogue::{self, SkuFacts};
use crate::suppliers::{SUPPLIER_TOKEN, Suppliers};

/// A business line of the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// Parcels.
    Goods,
    /// Nights.
    Hotel,
    /// Seats.
    Flight,
    /// Credit.
    Topup,
}

impl Line {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Goods, Self::Hotel, Self::Flight, Self::Topup];

    /// Its code, and the name of its component.
    pub fn code(self) -> &'static str {
        match self {
            Self::Goods => "goods",
            Self::Hotel => "hotel",
            Self::Flight => "flight",
            Self::Topup => "topup",
        }
    }

    /// The order type it owns.
    pub fn kind(self) -> i32 {
        match self {
            Self::Goods => 1,
            Self::Hotel => 1002,
            Self::Flight => 2,
            Self::Topup => 3,
        }
    }

    /// The shop that sells it here.
    pub fn shop(self) -> String {
        format!("{}-shop", self.code())
    }

    /// The operation of the supplier that must happen once per shop order.
    pub fn effect(self) -> Option<&'static str> {
        match self {
            Self::Goods => None,
            Self::Hotel => Some("book"),
            Self::Flight => Some("ticket"),
            Self::Topup => Some("topup"),
        }
    }
}

/// How long things take in a world: seconds, so that completed orders are seen.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Until an unpaid order is cancelled.
    pub pay_timeout_s: u32,
    /// From shipped to received without anybody.
    pub auto_receive_s: u32,
    /// From received to completed.
    pub aftersale_window_s: u32,
    /// Until an order that should have gone on is forwarded again.
    pub compensate_ms: u32,
    /// Whether goods ship at once, without a warehouse.
    pub auto_waybill: bool,
}

impl Default for Pace {
    fn default() -> Self {
        let (pay_timeout_s, auto_receive_s, aftersale_window_s) = (30, 60, 1);
        Self { pay_timeout_s, auto_receive_s, aftersale_window_s, compensate_ms: 1_000, auto_waybill: false }
    }
}

/// What one line is set up with.
#[derive(Debug, Clone)]
pub struct LineSetup {
    /// The name of its component; lines of one world may share one.
    pub component: String,
    /// The order type it owns.
    pub kind: i32,
    /// Its code.
    pub code: String,
    /// Settings that every hook gets.
    pub settings: Value,
    /// Origins that its calls may reach.
    pub origins: Vec<String>,
    /// Its secrets, by name.
    pub secrets: Vec<(&'static str, String)>,
    /// What it sells.
    pub skus: Vec<SkuFacts>,
    /// What the platform follows for it.
    pub rules: Value,
}

impl LineSetup {
    /// The usual set-up of a line.
    pub fn new(line: Line, pace: &Pace, suppliers: &Suppliers) -> Self {
        let mut settings = json!({
            "pay_timeout_s": pace.pay_timeout_s, "auto_receive_s": pace.auto_receive_s,
            "aftersale_window_s": pace.aftersale_window_s,
        });
        let (supplier, more) = match line {
            Line::Goods => (None, goods(pace)),
            Line::Hotel => (Some(suppliers.hotel.url()), hotel()),
            Line::Flight => (Some(suppliers.flight.url()), json!({"poll_s": 1, "closes_s": 3600})),
            Line::Topup => (Some(suppliers.topup.url()), json!({"result_wait_s": 30})),
        };
        merge(&mut settings, more);
        let mut setup = Self {
            component: line.code().to_owned(),
            kind: line.kind(),
            code: line.code().to_owned(),
            settings,
            origins: Vec::new(),
            secrets: Vec::new(),
            skus: catalogue::of(line),
            rules: json!({"compensate_ms": pace.compensate_ms, "technical_fee_bp": 60}),
        };
        if let Some(url) = supplier {
            merge(&mut setup.settings, json!({"supplier_url": url}));
            setup.origins.push(url);
            setup.secrets.push(("supplier-token", SUPPLIER_TOKEN.to_owned()));
        }
        setup
    }
}

fn hotel() -> Value {
    json!({"poll_s": 1, "cancellation": [{"hours_before": 1, "fee_percent": catalogue::CANCELLATION_PERCENT}]})
}

fn goods(pace: &Pace) -> Value {
    let waybill = if pace.auto_waybill { json!({"carrier": "SF"}) } else { Value::Null };
    json!({
        "auto_waybill": waybill,
        "freight": {
            "standard": {"first": 800, "first_grams": 1000, "step": 200, "step_grams": 500},
            "free_over": 99_000,
        },
    })
}

impl LineSetup {
    /// A line on the component that misbehaves on command: `behave` says in which hook and how.
    pub fn hostile(code: &str, kind: i32, behave: Value) -> Self {
        Self {
            component: "hostile".to_owned(),
            kind,
            code: code.to_owned(),
            settings: behave,
            origins: Vec::new(),
            secrets: Vec::new(),
            skus: vec![catalogue::SkuFacts::goods("bait", 100, 100_000)],
            rules: json!({"compensate_ms": 1_000}),
        }
    }
}

/// Puts the members of one object into another.
pub fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
