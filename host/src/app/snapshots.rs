//! What a pay order was priced at, whole: written with every change of its prices, read back by whoever may see all of it.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::App;
use super::decisions::{pack, unpack};
use super::orders::{Freshness, readable, store_problem, tree as read_tree};
use super::problem::Problem;
use crate::domain::ids::{BusinessCode, BuyerId, Digest, Millis, OrderNo, ShopId, SkuId};
use crate::domain::money::{Currency, Minor};
use crate::domain::operation::Snapshot;
use crate::domain::order::{ItemFacts, ItemOrder, PayAmounts, PayFacts, Share, ShopAmounts, ShopFacts, ShopOrder};
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::Principal;

/// The whole priced order.
#[derive(Serialize)]
struct Detail<'t> {
    order_no: OrderNo,
    version: i64,
    buyer: &'t BuyerId,
    currency: Currency,
    amounts: &'t PayAmounts,
    facts: &'t PayFacts,
    shop_orders: Vec<ShopDetail<'t>>,
}

#[derive(Serialize)]
struct ShopDetail<'t> {
    order_no: OrderNo,
    shop_id: &'t ShopId,
    business: &'t BusinessCode,
    #[serde(rename = "type")]
    kind: i32,
    plugin: Digest,
    amounts: &'t ShopAmounts,
    facts: &'t ShopFacts,
    items: Vec<ItemDetail<'t>>,
}

#[derive(Serialize)]
struct ItemDetail<'t> {
    order_no: OrderNo,
    sku_id: &'t SkuId,
    quantity: u32,
    original: Minor,
    price: Minor,
    tax: Minor,
    share: &'t Share,
    facts: &'t ItemFacts,
}

impl<'t> From<&'t ItemOrder> for ItemDetail<'t> {
    fn from(item: &'t ItemOrder) -> Self {
        Self {
            order_no: item.no,
            sku_id: &item.sku,
            quantity: item.quantity,
            original: item.original,
            price: item.price,
            tax: item.tax,
            share: &item.share,
            facts: &item.facts,
        }
    }
}

impl<'t> From<&'t ShopOrder> for ShopDetail<'t> {
    fn from(shop: &'t ShopOrder) -> Self {
        Self {
            order_no: shop.no,
            shop_id: &shop.shop,
            business: &shop.business,
            kind: shop.kind,
            plugin: shop.plugin,
            amounts: &shop.amounts,
            facts: &shop.facts,
            items: shop.items.iter().map(Into::into).collect(),
        }
    }
}

/// The snapshot of a tree as it will be, under its pay order's version.
pub fn take(tree: &OrderTree, at: Millis) -> Snapshot {
    let (pay, version) = (&tree.pay, tree.pay.version);
    let detail = Detail {
        order_no: pay.no,
        version,
        buyer: &pay.buyer,
        currency: pay.currency,
        amounts: &pay.amounts,
        facts: &pay.facts,
        shop_orders: tree.shops.iter().map(Into::into).collect(),
    };
    let json = serde_json::to_vec(&detail).unwrap_or_default();
    Snapshot { order_no: pay.no, version, digest: digest(&json), detail: pack(json), at }
}

fn digest(bytes: &[u8]) -> Digest {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.as_ref());
    Digest(digest)
}

/// A snapshot as it was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotAnswer {
    /// The pay order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// The pay order's version that it is of.
    pub version: i64,
    /// SHA-256 of `detail`, byte by byte as it stands here.
    pub digest: String,
    /// RFC 3339
    pub at: String,
    /// Amounts, facts and shares of all levels.
    #[schema(value_type = Object)]
    pub detail: Box<RawValue>,
}

/// The newest snapshot of the pay order above a number, or that of a version.
pub async fn read(app: &App, who: &Principal, no: OrderNo, version: Option<i64>) -> Result<SnapshotAnswer, Problem> {
    let tree = read_tree(app, no, Freshness::Fresh).await?;
    let pay_no = tree.pay.no;
    // It shows all shop orders, so it is for those who may see all of them.
    readable(who, &tree, pay_no).map_err(|_| Problem::not_found(format!("order {no}")))?;
    let found = app.store.snapshot(pay_no, version).await.map_err(store_problem)?;
    let found =
        found.ok_or_else(|| Problem::not_found(format!("snapshot of order {pay_no} of this version")).of(pay_no))?;
    let json = String::from_utf8(unpack(&found.detail)?).map_err(Problem::internal)?;
    Ok(SnapshotAnswer {
        order_no: pay_no,
        version: found.version,
        digest: found.digest.to_string(),
        at: rfc3339(found.at),
        detail: RawValue::from_string(json).map_err(Problem::internal)?,
    })
}
