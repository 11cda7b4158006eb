//! What a line's orders need: secrets, SKUs, stock, coupons.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::App;
use super::super::api::Idempotency;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::{Deed, few, line, next};
use crate::domain::catalogue::{AdminWrite, Coupon, Sku};
use crate::domain::ids::{BusinessCode, BuyerId, CouponCode, ShopId, SkuId, StockKey};
use crate::domain::money::MAX_AMOUNT;
use crate::egress::SECRET_MIN;
use crate::identity::Principal;
use crate::secrets::Place;

/// Rows of one write.
const ROWS_MAX: usize = 500;
/// Bytes of a SKU's facts and of a coupon's terms.
const FACTS_MAX: usize = 8 << 10;
/// The longest secret, bytes; the shortest is what can still be told from chance in a supplier's answer.
const SECRET_MAX: usize = 8 << 10;
/// Bytes of a secret's name and of a coupon's kind.
const NAME_MAX: usize = 64;

/// Stores a secret, sealed. It can be replaced and deleted, and never read.
pub async fn put_secret(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    name: &str,
    value: &str,
) -> Result<(), Problem> {
    line(app, who, code).await?;
    let named = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if !named {
        return Err(Problem::invalid(
            "bad-path",
            format!("a secret's name has 1 to {NAME_MAX} of a-z, 0-9, _, - and ."),
        ));
    }
    if !(SECRET_MIN..=SECRET_MAX).contains(&value.len()) {
        return Err(Problem::invalid("bad-body", format!("value: {SECRET_MIN} to {SECRET_MAX} bytes")));
    }
    let sealed = app.sealer.seal(Place(&["secret", code.as_str(), name]), value.as_bytes());
    let write = AdminWrite::PutSecret { business: code.clone(), name: name.to_owned(), sealed };
    secret_deed(who, "secret.put", code, name).commit(app, vec![write], ()).await
}

/// Deletes a secret.
pub async fn delete_secret(app: &App, who: &Principal, code: &BusinessCode, name: &str) -> Result<(), Problem> {
    if !secret_names(app, who, code).await?.iter().any(|known| known == name) {
        return Err(Problem::not_found(format!("secret {name} of {code}")));
    }
    let write = AdminWrite::DeleteSecret { business: code.clone(), name: name.to_owned() };
    secret_deed(who, "secret.delete", code, name).commit(app, vec![write], ()).await
}

/// The names of a line's secrets.
pub async fn secret_names(app: &App, who: &Principal, code: &BusinessCode) -> Result<Vec<String>, Problem> {
    line(app, who, code).await?;
    app.store.secret_names(code).await.map_err(store_problem)
}

fn secret_deed<'a>(who: &'a Principal, action: &'static str, code: &BusinessCode, name: &str) -> Deed<'a> {
    Deed { who, action, target: format!("{code}/{name}"), detail: json!({}), key: None }
}

/// What a line sells.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuRow {
    /// Its code.
    #[schema(value_type = String)]
    pub sku_id: SkuId,
    /// The shop that sells it; none for every shop of the line.
    #[schema(value_type = Option<String>)]
    pub shop_id: Option<ShopId>,
    /// Whether it can be bought; true if absent.
    #[serde(default = "yes")]
    pub on_sale: bool,
    /// What the plugin prices it by: a JSON object of at most 8 KiB.
    #[schema(value_type = Object)]
    pub facts: Value,
}

fn yes() -> bool {
    true
}

/// How many rows were written.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// Rows.
    pub written: usize,
}

/// Adds or replaces SKUs.
pub async fn put_skus(app: &App, who: &Principal, code: &BusinessCode, rows: Vec<SkuRow>) -> Result<Written, Problem> {
    line(app, who, code).await?;
    few("skus", rows.len(), ROWS_MAX)?;
    let written = Written { written: rows.len() };
    let writes = rows.into_iter().map(|row| {
        let facts = object(&row.facts, &format!("facts of {}", row.sku_id))?;
        let sku = Sku { business: code.clone(), sku: row.sku_id, shop: row.shop_id, on_sale: row.on_sale, facts };
        Ok(AdminWrite::PutSku(sku))
    });
    let writes = writes.collect::<Result<Vec<_>, Problem>>()?;
    rows_deed(who, "sku.put", code.as_str(), written.written, None).commit(app, writes, written).await
}

/// A page of SKUs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SkuPage {
    /// In the order of their codes.
    pub skus: Vec<SkuRow>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// SKUs after a code.
pub async fn skus(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    after: Option<SkuId>,
    limit: u32,
) -> Result<SkuPage, Problem> {
    line(app, who, code).await?;
    let rows = app.store.skus(code, after.as_ref(), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| row.sku.to_string());
    let row = |row: Sku| SkuRow {
        sku_id: row.sku,
        shop_id: row.shop,
        on_sale: row.on_sale,
        facts: serde_json::from_str(&row.facts).unwrap_or_default(),
    };
    Ok(SkuPage { skus: rows.into_iter().map(row).collect(), next })
}

/// Stock to add.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockIn {
    /// Of what: often the SKU, or a part of it such as `room-12@2026-12-01`.
    #[schema(value_type = String)]
    pub key: StockKey,
    /// How many; negative takes away, never below zero.
    pub quantity: i64,
}

/// Adds stock: all rows or none.
pub async fn add_stock(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    rows: Vec<StockIn>,
    key: Option<Idempotency>,
) -> Result<Written, Problem> {
    line(app, who, code).await?;
    few("stock", rows.len(), ROWS_MAX)?;
    if let Some(row) = rows.iter().find(|row| row.quantity.checked_abs().is_none_or(|size| size > MAX_AMOUNT)) {
        return Err(Problem::invalid("bad-body", format!("quantity of {}: out of range", row.key)));
    }
    let written = Written { written: rows.len() };
    let add = |row: StockIn| AdminWrite::AddStock { business: code.clone(), key: row.key, quantity: row.quantity };
    let writes = rows.into_iter().map(add).collect();
    rows_deed(who, "stock.add", code.as_str(), written.written, key.as_ref()).commit(app, writes, written).await
}

/// What there is of one stock key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockRow {
    /// Of what.
    #[schema(value_type = String)]
    pub key: StockKey,
    /// Can be bought.
    pub available: i64,
    /// Held for orders.
    pub reserved: i64,
    /// Sold.
    pub sold: i64,
}

/// A page of stock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockPage {
    /// In the order of their keys.
    pub stock: Vec<StockRow>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// Stock after a key.
pub async fn stock(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    after: Option<StockKey>,
    limit: u32,
) -> Result<StockPage, Problem> {
    line(app, who, code).await?;
    let rows = app.store.stock(code, after.as_ref(), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| row.key.to_string());
    let rows = rows.into_iter().map(|row| StockRow {
        key: row.key,
        available: row.available,
        reserved: row.reserved,
        sold: row.sold,
    });
    Ok(StockPage { stock: rows.collect(), next })
}

/// A coupon to issue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CouponIn {
    /// Its code, unique.
    #[schema(value_type = String)]
    pub code: CouponCode,
    /// Whose it is.
    #[schema(value_type = String)]
    pub buyer: BuyerId,
    /// What the plugin makes of it.
    pub kind: String,
    /// A JSON object of at most 8 KiB.
    #[schema(value_type = Object)]
    pub terms: Value,
}

/// Issues coupons of a line, or of the platform (`line` none: the caller's role decides that before).
pub async fn put_coupons(
    app: &App,
    who: &Principal,
    of: Option<&BusinessCode>,
    rows: Vec<CouponIn>,
) -> Result<Written, Problem> {
    if let Some(code) = of {
        line(app, who, code).await?;
    }
    few("coupons", rows.len(), ROWS_MAX)?;
    let written = Written { written: rows.len() };
    let writes = rows.into_iter().map(|row| {
        if !(1..=NAME_MAX).contains(&row.kind.len()) {
            return Err(Problem::invalid("bad-body", format!("kind of {}: 1 to {NAME_MAX} bytes", row.code)));
        }
        let terms = object(&row.terms, &format!("terms of {}", row.code))?;
        let coupon = Coupon { code: row.code, business: of.cloned(), buyer: row.buyer, kind: row.kind, terms };
        Ok(AdminWrite::PutCoupon(coupon))
    });
    let writes = writes.collect::<Result<Vec<_>, Problem>>()?;
    let target = of.map_or("platform", BusinessCode::as_str);
    rows_deed(who, "coupon.put", target, written.written, None).commit(app, writes, written).await
}

fn rows_deed<'a>(
    who: &'a Principal,
    action: &'static str,
    target: &str,
    rows: usize,
    key: Option<&'a Idempotency>,
) -> Deed<'a> {
    Deed { who, action, target: target.to_owned(), detail: json!({ "rows": rows }), key }
}

fn object(value: &Value, what: &str) -> Result<String, Problem> {
    let text = value.to_string();
    if value.is_object() && text.len() <= FACTS_MAX {
        Ok(text)
    } else {
        Err(Problem::invalid("bad-body", format!("{what}: a JSON object of at most {FACTS_MAX} bytes")))
    }
}
