//! What people do beside an order's state, in any state: hide it, rate, comment, mark. Each writes the operate log.

use serde_json::json;

use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::OrderNo;
use crate::domain::order::{RateStatus, Status, Visible};

/// Why a shop order cannot be hidden or brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unhidden {
    /// Only ended orders leave the buyer's list.
    Open(Status),
    /// It was deleted for good.
    Gone,
}

/// Shows a shop order in the buyer's list, in the recycle bin, or nowhere any more. False when it is so already.
pub fn show(draft: &mut Draft, no: OrderNo, to: Visible) -> Result<bool, Unhidden> {
    let Some(shop) = draft.tree().shop(no) else { return Ok(false) };
    let (from, status) = (shop.visible, shop.status);
    if from == to {
        return Ok(false);
    }
    if matches!(from, Visible::Gone | Visible::NotYet) {
        return Err(Unhidden::Gone);
    }
    if !status.is_final() {
        return Err(Unhidden::Open(status));
    }
    draft.annotate(no, "visible", to.word()).visible = to;
    let told = (json!({"visible": from.code()}), json!({"visible": to.code()}));
    draft.operated(no, "visible", "", told);
    Ok(true)
}

/// The buyer rated an item that is in `status`: 1 the first time, 2 the second; any other is not to be rated.
pub fn rate(draft: &mut Draft, shop_no: OrderNo, item_no: OrderNo, status: RateStatus) -> bool {
    if !matches!(status, RateStatus::Open | RateStatus::Again) {
        return false;
    }
    draft.annotate(shop_no, "rate", item_no.to_string());
    let Some(item) = draft.item(shop_no, item_no) else { return false };
    let before = item.ratings;
    item.ratings += 1;
    let (sku, after) = (item.sku.clone(), item.ratings);
    draft.emit(shop_no, Topic::Order, "ORDER_RATED", json!({"item_no": item_no, "sku_id": sku, "ratings": after}));
    draft.operated(item_no, "rate", "", (json!({"ratings": before}), json!({"ratings": after})));
    true
}

/// Whose comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The buyer's.
    Buyer,
    /// The seller's.
    Seller,
}

/// Replaces a comment; an empty one takes it away.
pub fn comment(draft: &mut Draft, no: OrderNo, side: Side, text: &str) {
    let facts = &mut draft.annotate(no, "comment", "").facts;
    let (name, comment) = match side {
        Side::Buyer => ("buyer_comment", &mut facts.buyer_comment),
        Side::Seller => ("seller_comment", &mut facts.seller_comment),
    };
    let before = std::mem::replace(comment, text.to_owned());
    draft.operated(no, "comment", "", (json!({name: before}), json!({name: text})));
}

/// Replaces the seller's tags, and the seller's own reference if one is given (an empty one takes it away).
pub fn tag(draft: &mut Draft, no: OrderNo, tags: &[String], out_id: Option<&str>) {
    let shop = draft.annotate(no, "tags", "");
    let before = json!({"tags": shop.facts.tags, "out_id": shop.out_id});
    shop.facts.tags = tags.to_vec();
    if let Some(out_id) = out_id {
        shop.out_id = Some(out_id.to_owned()).filter(|id| !id.is_empty());
    }
    let after = json!({"tags": shop.facts.tags, "out_id": shop.out_id});
    draft.operated(no, "tags", "", (before, after));
}
