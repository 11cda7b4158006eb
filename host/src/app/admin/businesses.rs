//! Registering business lines.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::App;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::{Deed, line};
use crate::domain::catalogue::{AdminWrite, Business, Grant, LineRules};
use crate::domain::ids::BusinessCode;
use crate::identity::{Principal, Role};

/// Bytes of a line's settings as JSON: every hook gets them.
const SETTINGS_MAX: usize = 32 << 10;
/// Order types of a line.
const TYPES_MAX: usize = 50;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Fees are parts of 10,000.
const BASIS_POINTS: u32 = 10_000;
/// Longest compensation delay and parking time, milliseconds: 30 days.
const DELAY_MAX_MS: i64 = 30 * 86_400_000;
/// Milliseconds that a buyer, a merchant or a rating is waited for at most: a year.
const WINDOW_MAX_MS: i64 = 365 * 86_400_000;

/// A business line without its code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineIn {
    /// For people.
    pub name: String,
    /// Order types it owns, such as 1001.
    pub order_types: Vec<i32>,
    /// What the platform itself follows.
    #[serde(default)]
    #[schema(value_type = RulesIn)]
    pub rules: LineRules,
    /// A JSON object that every hook gets.
    #[serde(default = "empty")]
    #[schema(value_type = Object)]
    pub settings: Value,
    /// What its plugins may do beyond the defaults.
    #[serde(default)]
    #[schema(value_type = GrantIn)]
    pub grant: Grant,
    /// Whether new orders are taken; true if absent.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What the platform follows for a line. Anything left out has its default.
#[derive(ToSchema)]
#[schema(as = Rules)]
#[expect(dead_code, reason = "documents LineRules, which the domain keeps free of schemas")]
pub struct RulesIn {
    /// Accepted payment methods; `sandbox` and `balance` if absent.
    methods: Option<Vec<String>>,
    /// `reserve` (held at create, sold at deduct) or `at_once` (sold at create).
    #[schema(example = "reserve")]
    stock: Option<String>,
    /// Milliseconds until an order that should have gone on is forwarded again; 20,000 if absent.
    compensate_ms: Option<i64>,
    /// Milliseconds an early event may wait; a day if absent.
    park_ms: Option<i64>,
    /// Technical fee in basis points (1/10,000) of what a shop order earns.
    technical_fee_bp: Option<u32>,
    /// Promotion fee in basis points.
    promotion_fee_bp: Option<u32>,
    /// When stock is held for an order: `at_create` (if absent), `later` (after it was written), `before_visible` (with
    /// coins and coupons, and nobody sees the order before).
    #[schema(example = "at_create")]
    reserving: Option<String>,
    /// Whether the outside fulfilment service is told of packages; false if absent.
    fulfilment: Option<bool>,
    /// Carriers' node codes that deliver a parcel, such as `DELIVERED`; none if absent.
    delivered_codes: Option<Vec<String>>,
    /// Milliseconds by which a buyer can put off the automatic receipt, once; three days if absent, 0 forbids it.
    receive_extension_ms: Option<i64>,
    /// Milliseconds after receipt in which an item can be rated; 30 days if absent.
    rating_window_ms: Option<i64>,
    /// Milliseconds after which a silent merchant has agreed to an after-sale; two days if absent.
    aftersale_decide_ms: Option<i64>,
    /// Milliseconds after which a silent buyer has dropped a rejected after-sale, or one whose goods should come back;
    /// seven days if absent.
    aftersale_buyer_ms: Option<i64>,
    /// Milliseconds after which goods on their way back count as taken back; ten days if absent.
    aftersale_confirm_ms: Option<i64>,
}

/// What plugins may use beyond the defaults. Anything left out stays as it is by default.
#[derive(ToSchema)]
#[schema(as = Grant)]
#[expect(dead_code, reason = "documents Grant, which the domain keeps free of schemas")]
pub struct GrantIn {
    /// Origins its calls may reach, such as `https://supplier.example`.
    origins: Option<Vec<String>>,
    /// Largest component, KiB.
    component_kib: Option<u32>,
    /// Memory of an instance, MiB.
    memory_mib: Option<u32>,
    /// Fuel of a call.
    fuel: Option<u64>,
    /// Wall time of a quote, milliseconds.
    quote_ms: Option<u32>,
    /// Wall time of any other hook, milliseconds.
    hook_ms: Option<u32>,
    /// Calls and waits of one hook.
    calls: Option<u32>,
    /// Limits for interpreted languages.
    interpreted: Option<bool>,
}

/// A business line.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Its code.
    pub code: String,
    /// For people.
    pub name: String,
    /// Order types it owns.
    pub order_types: Vec<i32>,
    /// What the platform itself follows.
    #[schema(value_type = RulesIn)]
    pub rules: LineRules,
    /// A JSON object that every hook gets.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// What its plugins may do beyond the defaults.
    #[schema(value_type = GrantIn)]
    pub grant: Grant,
    /// The plugin version that prices new orders.
    pub active_plugin: Option<String>,
    /// Whether new orders are taken.
    pub enabled: bool,
}

fn empty() -> Value {
    json!({})
}

fn yes() -> bool {
    true
}

impl From<Business> for LineView {
    fn from(business: Business) -> Self {
        Self {
            code: business.code.to_string(),
            name: business.name,
            order_types: business.kinds,
            rules: business.rules,
            settings: business.settings,
            grant: business.grant,
            active_plugin: business.active.map(|digest| digest.to_string()),
            enabled: business.enabled,
        }
    }
}

/// Registers a line. One that exists with the same content is answered as it is; another content is a conflict.
pub async fn register(app: &App, who: &Principal, code: BusinessCode, wanted: LineIn) -> Result<LineView, Problem> {
    check(app, &code, &wanted).await?;
    if let Some(before) = app.store.business(&code).await.map_err(store_problem)? {
        let after = merged(&before, wanted);
        if after == before {
            return Ok(before.into());
        }
        let detail = format!("business {code} is registered with other content; replace it with PUT");
        return Err(Problem::conflict("business-exists", detail));
    }
    let fresh = Business {
        code,
        name: wanted.name,
        kinds: wanted.order_types,
        rules: wanted.rules,
        settings: wanted.settings,
        grant: wanted.grant,
        active: None,
        enabled: wanted.enabled,
    };
    put(app, who, "business.register", fresh).await
}

/// Replaces everything about a line but its code and its active plugin.
pub async fn replace(app: &App, who: &Principal, code: &BusinessCode, wanted: LineIn) -> Result<LineView, Problem> {
    check(app, code, &wanted).await?;
    let before = line(app, who, code).await?;
    put(app, who, "business.replace", merged(&before, wanted)).await
}

/// The lines the caller may manage.
pub async fn list(app: &App, who: &Principal) -> Result<Vec<LineView>, Problem> {
    let all = app.store.businesses().await.map_err(store_problem)?;
    let mine = |business: &Business| who.role != Role::Business || who.runs_business(business.code.as_str());
    Ok(all.into_iter().filter(mine).map(LineView::from).collect())
}

/// One line.
pub async fn get(app: &App, who: &Principal, code: &BusinessCode) -> Result<LineView, Problem> {
    line(app, who, code).await.map(LineView::from)
}

/// Takes a line out that never had an order: lists and settlements are read by line.
pub async fn delete(app: &App, who: &Principal, code: &BusinessCode) -> Result<(), Problem> {
    line(app, who, code).await?;
    let deed = Deed { who, action: "business.delete", target: code.to_string(), detail: json!({}), key: None };
    deed.commit(app, vec![AdminWrite::DeleteBusiness(code.clone())], ()).await
}

fn merged(before: &Business, wanted: LineIn) -> Business {
    Business {
        code: before.code.clone(),
        active: before.active,
        name: wanted.name,
        kinds: wanted.order_types,
        rules: wanted.rules,
        settings: wanted.settings,
        grant: wanted.grant,
        enabled: wanted.enabled,
    }
}

async fn put(app: &App, who: &Principal, action: &'static str, business: Business) -> Result<LineView, Problem> {
    let view = LineView::from(business.clone());
    let detail = serde_json::to_value(&view).map_err(Problem::internal)?;
    let deed = Deed { who, action, target: business.code.to_string(), detail, key: None };
    deed.commit(app, vec![AdminWrite::PutBusiness(business)], view).await
}

async fn check(app: &App, code: &BusinessCode, wanted: &LineIn) -> Result<(), Problem> {
    let wrong = |what: String| Err(Problem::invalid("bad-body", what));
    if !(1..=NAME_MAX).contains(&wanted.name.chars().count()) {
        return wrong(format!("name: 1 to {NAME_MAX} characters"));
    }
    super::few("order_types", wanted.order_types.len(), TYPES_MAX)?;
    if wanted.order_types.iter().any(|kind| *kind <= 0) {
        return wrong("order_types: positive numbers".to_owned());
    }
    if !wanted.settings.is_object() || wanted.settings.to_string().len() > SETTINGS_MAX {
        return wrong(format!("settings: a JSON object of at most {SETTINGS_MAX} bytes"));
    }
    let rules = &wanted.rules;
    if rules.technical_fee_bp.saturating_add(rules.promotion_fee_bp) > BASIS_POINTS {
        return wrong(format!("rules: the fees are at most {BASIS_POINTS} basis points together"));
    }
    let delays = [rules.compensate_ms, rules.park_ms];
    if delays.iter().any(|delay| !(1..=DELAY_MAX_MS).contains(delay)) {
        return wrong(format!("rules: compensate_ms and park_ms are 1 to {DELAY_MAX_MS}"));
    }
    let windows = [
        (rules.receive_extension_ms, 0, "receive_extension_ms"),
        (rules.rating_window_ms, 0, "rating_window_ms"),
        (rules.aftersale_decide_ms, 1, "aftersale_decide_ms"),
        (rules.aftersale_buyer_ms, 1, "aftersale_buyer_ms"),
        (rules.aftersale_confirm_ms, 1, "aftersale_confirm_ms"),
    ];
    if let Some((_, least, name)) = windows.iter().find(|(ms, least, _)| !(*least..=WINDOW_MAX_MS).contains(ms)) {
        return wrong(format!("rules: {name} is {least} to {WINDOW_MAX_MS}"));
    }
    let others = app.store.businesses().await.map_err(store_problem)?;
    for other in others.iter().filter(|other| other.code != *code) {
        if let Some(kind) = other.kinds.iter().find(|kind| wanted.order_types.contains(kind)) {
            let detail = format!("order type {kind} belongs to business {}", other.code);
            return Err(Problem::conflict("order-type-taken", detail));
        }
    }
    Ok(())
}
