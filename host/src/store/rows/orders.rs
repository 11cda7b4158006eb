//! Pay orders, shop orders, items and flows.

use aws_lc_rs::digest::{Context, SHA256};

use crate::domain::change::Flow;
use crate::domain::ids::{OrderNo, PaymentNo};
use crate::domain::order::{ItemOrder, Mode, PayOrder, ShopOrder, Status, SubStatus, Visible};
use crate::store::error::StoreError;
use crate::store::sql::{OnConflict, Reader, Rows, insert, sql, table, touch, update};

table! {
    /// L1.
    pub(crate) PAY_ORDERS = "pay_orders" {
        no: Int, buyer: Text, status: Int, sub_status: Int, version: Int, mode: Int, currency: Text, amounts: Text,
        expire_time: Int, reason: Text, sequences: Text, created_at: Int, paid_at: Int, paid_by: Int,
        updated_at: Int, facts: Text,
    }
    /// What of L1 moves on.
    PAY_MOVES = "pay_orders" {
        no: Int, status: Int, sub_status: Int, version: Int, amounts: Text, expire_time: Int, reason: Text,
        sequences: Text, paid_at: Int, paid_by: Int, updated_at: Int,
    }
    /// L2.
    pub(crate) SHOP_ORDERS = "shop_orders" {
        no: Int, pay_no: Int, buyer: Text, shop: Text, business: Text, kind: Int, status: Int, sub_status: Int,
        version: Int, visible: Int, attention: Text, expire_time: Int, reason: Text, amounts: Text, plugin: Bytes,
        suspended: Text, packed_at: Int, pending_signals: Int, decisions: Int, attributes: Text, sequences: Text, created_at: Int, paid_at: Int,
        shipped_at: Int, received_at: Int, ended_at: Int, updated_at: Int, out_id: Text, facts: Text, mark: Int,
    }
    /// What of L2 moves on.
    SHOP_MOVES = "shop_orders" {
        no: Int, pay_no: Int, status: Int, sub_status: Int, version: Int, visible: Int, attention: Text,
        expire_time: Int, reason: Text, amounts: Text, suspended: Text, packed_at: Int, pending_signals: Int,
        decisions: Int, attributes: Text, sequences: Text, paid_at: Int, shipped_at: Int, received_at: Int, ended_at: Int, updated_at: Int,
    }
    /// What of L2 rarely changes.
    SHOP_FACTS = "shop_orders" { no: Int, out_id: Text, facts: Text, mark: Int }
    /// L3.
    pub(crate) ITEM_ORDERS = "item_orders" {
        no: Int, shop_no: Int, line: Int, sku: Text, quantity: Int, original: Int, price: Int, tax: Int, share: Text,
        refunded: Text, ratings: Int, facts: Text,
    }
    /// What of L3 moves on.
    ITEM_MOVES = "item_orders" { no: Int, tax: Int, share: Text, refunded: Text, ratings: Int }
    /// History.
    pub(crate) FLOWS = "flows" {
        shop_no: Int, version: Int, n: Int, event: Text, from_status: Int, from_sub: Int, to_status: Int, to_sub: Int,
        at: Int, actor: Text, note: Text,
    }
    PAY_KEYS = "pay_orders" { ord: Int, no: Int }
    SHOP_KEYS = "shop_orders" { ord: Int, no: Int }
}

sql! {
    pub(crate) INSERT_PAY = insert("insert pay_orders", &PAY_ORDERS, Some("no"), OnConflict::Nothing);
    pub(crate) MOVE_PAY = update("update pay_orders", &PAY_MOVES, Some("no"), 1);
    pub(crate) INSERT_SHOP = insert("insert shop_orders", &SHOP_ORDERS, Some("no"), OnConflict::Nothing);
    pub(crate) MOVE_SHOP = update("update shop_orders", &SHOP_MOVES, Some("no"), 1);
    pub(crate) FACTS_SHOP = update("update shop_orders facts", &SHOP_FACTS, Some("no"), 1);
    pub(crate) INSERT_ITEM = insert("insert item_orders", &ITEM_ORDERS, Some("no"), OnConflict::Fail);
    pub(crate) MOVE_ITEM = update("update item_orders", &ITEM_MOVES, Some("no"), 1);
    pub(crate) INSERT_FLOW = insert("insert flows", &FLOWS, Some("shop_no"), OnConflict::Fail);
    /// number → version, status
    pub(crate) LOCK_PAY = touch("lock pay_orders", &PAY_KEYS, Some("no"), "t.version, t.status", true);
    /// number → version, status, mark
    pub(crate) LOCK_SHOP = touch("lock shop_orders", &SHOP_KEYS, Some("no"), "t.version, t.status, t.mark", true);
}

/// All cells of a new pay order.
pub(crate) fn put_pay(rows: &mut Rows, order: &PayOrder) {
    rows.int(order.no.0);
    rows.text(order.buyer.as_str());
    rows.int(order.status.code().into());
    rows.int(order.sub_status.code().into());
    rows.int(order.version);
    rows.int(order.mode.code().into());
    rows.text(order.currency.as_str());
    rows.json(&order.amounts);
    rows.opt_int(order.expire_time);
    rows.opt_json(order.reason.as_ref());
    rows.json(&order.sequences);
    rows.int(order.created_at);
    rows.opt_int(order.paid_at);
    rows.opt_int(order.paid_by.map(|no| no.0));
    rows.int(order.updated_at);
    rows.json(&order.facts);
}

/// The cells of a pay order that moves on.
pub(crate) fn move_pay(rows: &mut Rows, order: &PayOrder) {
    rows.int(order.no.0);
    rows.int(order.status.code().into());
    rows.int(order.sub_status.code().into());
    rows.int(order.version);
    rows.json(&order.amounts);
    rows.opt_int(order.expire_time);
    rows.opt_json(order.reason.as_ref());
    rows.json(&order.sequences);
    rows.opt_int(order.paid_at);
    rows.opt_int(order.paid_by.map(|no| no.0));
    rows.int(order.updated_at);
}

/// A pay order from a row of [`PAY_ORDERS`].
pub(crate) fn take_pay(row: &mut Reader<'_>) -> Result<PayOrder, StoreError> {
    Ok(PayOrder {
        no: OrderNo(row.int()?),
        buyer: row.id()?,
        status: row.code(Status::from_code)?,
        sub_status: row.code(SubStatus::from_code)?,
        version: row.int()?,
        mode: row.code(Mode::from_code)?,
        currency: row.id()?,
        amounts: row.json()?,
        expire_time: row.opt_int()?,
        reason: row.opt_json()?,
        sequences: row.json()?,
        created_at: row.int()?,
        paid_at: row.opt_int()?,
        paid_by: row.opt_int()?.map(PaymentNo),
        updated_at: row.int()?,
        facts: row.json()?,
    })
}

/// All cells of a new shop order; `facts` and `mark` are those of [`mark`].
pub(crate) fn put_shop(rows: &mut Rows, order: &ShopOrder) {
    let (facts, mark) = mark(order);
    rows.int(order.no.0);
    rows.int(order.pay_no.0);
    rows.text(order.buyer.as_str());
    rows.text(order.shop.as_str());
    rows.text(order.business.as_str());
    rows.int(order.kind.into());
    rows.int(order.status.code().into());
    rows.int(order.sub_status.code().into());
    rows.int(order.version);
    rows.int(order.visible.code().into());
    rows.opt_text(order.attention.as_deref());
    rows.opt_int(order.expire_time);
    rows.opt_json(order.reason.as_ref());
    rows.json(&order.amounts);
    rows.bytes(&order.plugin.0);
    rows.opt_json(order.suspended.as_ref());
    rows.opt_int(order.packed_at);
    rows.int(order.pending_signals);
    rows.int(order.decisions);
    rows.json(&order.attributes);
    rows.json(&order.sequences);
    rows.int(order.created_at);
    rows.opt_int(order.paid_at);
    rows.opt_int(order.shipped_at);
    rows.opt_int(order.received_at);
    rows.opt_int(order.ended_at);
    rows.int(order.updated_at);
    rows.opt_text(order.out_id.as_deref());
    rows.text(&facts);
    rows.int(mark);
}

/// The cells of a shop order that moves on.
pub(crate) fn move_shop(rows: &mut Rows, order: &ShopOrder) {
    rows.int(order.no.0);
    rows.int(order.pay_no.0);
    rows.int(order.status.code().into());
    rows.int(order.sub_status.code().into());
    rows.int(order.version);
    rows.int(order.visible.code().into());
    rows.opt_text(order.attention.as_deref());
    rows.opt_int(order.expire_time);
    rows.opt_json(order.reason.as_ref());
    rows.json(&order.amounts);
    rows.opt_json(order.suspended.as_ref());
    rows.opt_int(order.packed_at);
    rows.int(order.pending_signals);
    rows.int(order.decisions);
    rows.json(&order.attributes);
    rows.json(&order.sequences);
    rows.opt_int(order.paid_at);
    rows.opt_int(order.shipped_at);
    rows.opt_int(order.received_at);
    rows.opt_int(order.ended_at);
    rows.int(order.updated_at);
}

/// The cells of a shop order whose facts changed.
pub(crate) fn facts_shop(rows: &mut Rows, order: &ShopOrder, facts: &str, mark: i64) {
    rows.int(order.no.0);
    rows.opt_text(order.out_id.as_deref());
    rows.text(facts);
    rows.int(mark);
}

/// The facts as JSON, and the digest of them and the seller's reference. Hardly a step of an order changes them, so they are written only when the stored
/// digest differs.
pub(crate) fn mark(order: &ShopOrder) -> (String, i64) {
    let facts = serde_json::to_string(&order.facts).unwrap_or_default();
    let mut told = Context::new(&SHA256);
    told.update(facts.as_bytes());
    if let Some(out_id) = &order.out_id {
        told.update(&[0]);
        told.update(out_id.as_bytes());
    }
    let hash = told.finish();
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_ref()[..8]);
    (facts, i64::from_be_bytes(first))
}

/// A shop order from a row of [`SHOP_ORDERS`], without its items.
pub(crate) fn take_shop(row: &mut Reader<'_>) -> Result<ShopOrder, StoreError> {
    let order = ShopOrder {
        no: OrderNo(row.int()?),
        pay_no: OrderNo(row.int()?),
        buyer: row.id()?,
        shop: row.id()?,
        business: row.id()?,
        kind: row.small()?,
        status: row.code(Status::from_code)?,
        sub_status: row.code(SubStatus::from_code)?,
        version: row.int()?,
        visible: row.code(Visible::from_code)?,
        attention: row.opt_text()?,
        expire_time: row.opt_int()?,
        reason: row.opt_json()?,
        amounts: row.json()?,
        plugin: row.digest()?,
        suspended: row.opt_json()?,
        packed_at: row.opt_int()?,
        pending_signals: row.int()?,
        decisions: row.int()?,
        attributes: row.json()?,
        sequences: row.json()?,
        created_at: row.int()?,
        paid_at: row.opt_int()?,
        shipped_at: row.opt_int()?,
        received_at: row.opt_int()?,
        ended_at: row.opt_int()?,
        updated_at: row.int()?,
        out_id: row.opt_text()?,
        facts: row.json()?,
        items: vec![],
    };
    Ok(order)
}

/// All cells of a new item.
pub(crate) fn put_item(rows: &mut Rows, shop_no: OrderNo, item: &ItemOrder) {
    rows.int(item.no.0);
    rows.int(shop_no.0);
    rows.int(item.line.into());
    rows.text(item.sku.as_str());
    rows.int(item.quantity.into());
    rows.int(item.original);
    rows.int(item.price);
    rows.int(item.tax);
    rows.json(&item.share);
    rows.json(&item.refunded);
    rows.int(item.ratings.into());
    rows.json(&item.facts);
}

/// The cells of an item that changed.
pub(crate) fn move_item(rows: &mut Rows, item: &ItemOrder) {
    rows.int(item.no.0);
    rows.int(item.tax);
    rows.json(&item.share);
    rows.json(&item.refunded);
    rows.int(item.ratings.into());
}

/// An item and its shop order from a row of [`ITEM_ORDERS`].
pub(crate) fn take_item(row: &mut Reader<'_>) -> Result<(OrderNo, ItemOrder), StoreError> {
    let no = OrderNo(row.int()?);
    let shop_no = OrderNo(row.int()?);
    let item = ItemOrder {
        no,
        line: row.small()?,
        sku: row.id()?,
        quantity: row.small()?,
        original: row.int()?,
        price: row.int()?,
        tax: row.int()?,
        share: row.json()?,
        refunded: row.json()?,
        ratings: row.small()?,
        facts: row.json()?,
    };
    Ok((shop_no, item))
}

/// All cells of a flow row; `n` tells apart what changed nothing.
pub(crate) fn put_flow(rows: &mut Rows, flow: &Flow, n: i64) {
    rows.int(flow.shop_no.0);
    rows.int(flow.version);
    rows.int(n);
    rows.text(&flow.event);
    rows.opt_int(flow.from.map(|(status, _)| status.code().into()));
    rows.opt_int(flow.from.map(|(_, sub)| sub.code().into()));
    rows.int(flow.to.0.code().into());
    rows.int(flow.to.1.code().into());
    rows.int(flow.at);
    rows.text(&flow.actor);
    rows.text(&flow.note);
}

/// A flow row from a row of [`FLOWS`].
pub(crate) fn take_flow(row: &mut Reader<'_>) -> Result<Flow, StoreError> {
    let (shop_no, version, n, event) = (OrderNo(row.int()?), row.int()?, row.int()?, row.text()?);
    let status = row.opt_int()?;
    let from_status = status.and_then(|c| i16::try_from(c).ok()).and_then(Status::from_code);
    let sub = row.opt_int()?;
    let from_sub = sub.and_then(|c| i16::try_from(c).ok()).and_then(SubStatus::from_code);
    Ok(Flow {
        shop_no,
        version,
        event,
        from: from_status.zip(from_sub),
        to: (row.code(Status::from_code)?, row.code(SubStatus::from_code)?),
        ignored: n != 0,
        at: row.int()?,
        actor: row.text()?,
        note: row.text()?,
    })
}
