//! What a pay order was priced at, whole: written with every change of its prices, read back by whoever may see all of it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
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
use crate::identity::{Principal, Role};

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
    let json = unpack(&found.detail)?;
    let (json, digest) = match who.role {
        Role::Buyer => for_buyer(json, found.digest)?,
        Role::Shop | Role::Business if !sees_all(who, &json)? => {
            return Err(Problem::not_found(format!("order {no}")));
        }
        _ => (json, found.digest),
    };
    let json = String::from_utf8(json).map_err(Problem::internal)?;
    Ok(SnapshotAnswer {
        order_no: pay_no,
        version: found.version,
        digest: digest.to_string(),
        at: rfc3339(found.at),
        detail: RawValue::from_string(json).map_err(Problem::internal)?,
    })
}

/// Whose the shop orders of a snapshot are.
#[derive(Deserialize)]
struct Sellers {
    shop_orders: Vec<Seller>,
}

#[derive(Deserialize)]
struct Seller {
    shop_id: String,
    business: String,
}

/// Whether all that a snapshot shows is this seller's: an old one may hold what was split off since.
fn sees_all(who: &Principal, json: &[u8]) -> Result<bool, Problem> {
    let sellers: Sellers = serde_json::from_slice(json).map_err(Problem::internal)?;
    Ok(sellers.shop_orders.iter().all(|seller| match who.role {
        Role::Shop => who.serves_shop(&seller.shop_id),
        _ => who.runs_business(&seller.business),
    }))
}

/// What a buyer gets: without what the seller noted for itself. The digest is of what stands there.
fn for_buyer(json: Vec<u8>, taken: Digest) -> Result<(Vec<u8>, Digest), Problem> {
    let mut detail: Value = serde_json::from_slice(&json).map_err(Problem::internal)?;
    let whole = detail.clone();
    for shop in detail["shop_orders"].as_array_mut().into_iter().flatten() {
        if let Some(facts) = shop["facts"].as_object_mut() {
            blank(facts, "seller_comment", json!(""));
            blank(facts, "tags", json!([]));
        }
    }
    if detail == whole {
        return Ok((json, taken));
    }
    let json = serde_json::to_vec(&detail).map_err(Problem::internal)?;
    let digest = digest(&json);
    Ok((json, digest))
}

fn blank(facts: &mut Map<String, Value>, name: &str, with: Value) {
    if let Some(value) = facts.get_mut(name) {
        *value = with;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decide::tests::made;

    fn seller(role: Role, subject: &str, shops: &[&str], business: Option<&str>) -> Principal {
        Principal {
            role,
            shops: shops.iter().map(|s| (*s).to_owned()).collect(),
            business: business.map(str::to_owned),
            ..Principal::buyer(subject)
        }
    }

    fn json(tree: &OrderTree) -> Vec<u8> {
        unpack(&take(tree, 0).detail).unwrap()
    }

    #[test]
    fn a_seller_gets_no_snapshot_with_others_shop_orders() {
        let (_, mut tree) = made(&[100]);
        let mine = seller(Role::Shop, "s", &["shop-1"], None);
        let line = seller(Role::Business, "b", &[], Some("goods"));
        assert!(sees_all(&mine, &json(&tree)).unwrap() && sees_all(&line, &json(&tree)).unwrap());
        let mut other = tree.shops[0].clone();
        (other.shop, other.business) = ("shop-2".parse().unwrap(), "hotel".parse().unwrap());
        tree.shops.push(other);
        assert!(!sees_all(&mine, &json(&tree)).unwrap() && !sees_all(&line, &json(&tree)).unwrap());
    }

    #[test]
    fn a_buyer_gets_a_snapshot_without_the_sellers_notes() {
        let (_, mut tree) = made(&[100]);
        let taken = digest(&json(&tree));
        assert_eq!(for_buyer(json(&tree), taken).unwrap(), (json(&tree), taken));
        tree.shops[0].facts.seller_comment = "a difficult one".into();
        tree.shops[0].facts.tags = vec!["watch".into()];
        let (shown, of) = for_buyer(json(&tree), taken).unwrap();
        let text = String::from_utf8(shown.clone()).unwrap();
        assert!(!text.contains("difficult") && !text.contains("watch"));
        assert_eq!(of, digest(&shown));
    }
}
