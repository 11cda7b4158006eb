//! What people do beside an order's state, in any state: hide it, rate its items, comment, tag.

use super::App;
use super::api::{CommentAnswer, Idempotency, RatingAnswer, ShownAnswer, ShownOrder, TagsAnswer};
use super::orders::{Decided, Keyed, change_once, must_be_item, must_be_shop_order, owned, role, sees, wrong_state};
use super::pay::actor;
use super::problem::Problem;
use super::refund::line_rules;
use crate::domain::decide::upkeep::{self as decide, Side, Unhidden};
use crate::domain::draft::Draft;
use crate::domain::ids::OrderNo;
use crate::domain::order::{RateStatus, Visible};
use crate::domain::rating;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Whoever sells, and staff.
const SELLERS: &[Role] = &[Role::Shop, Role::Business, Role::Operator, Role::Admin];

/// Puts ended shop orders into the buyer's recycle bin, takes them out again, or deletes them for good. A pay order's
/// number means all of its shop orders that the buyer still has.
pub async fn show(
    app: &App,
    who: &Principal,
    no: OrderNo,
    to: Visible,
    key: Option<Idempotency>,
) -> Result<ShownAnswer, Problem> {
    role(who, &[Role::Buyer])?;
    let keyed = Keyed::new(who, "visible", key.as_ref());
    let shown = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let concerned = concerned(who, tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let mut moved = false;
        for shop in &concerned {
            moved |= decide::show(&mut draft, *shop, to).map_err(|unhidden| match unhidden {
                Unhidden::Open(_) => wrong_state(tree, *shop, "hidden; only an order that has ended can be"),
                Unhidden::Gone => Problem::conflict("order-gone", "it was deleted for good").of(*shop),
            })?;
        }
        let orders = concerned.into_iter().map(|order_no| ShownOrder { order_no, visible: to.code() }).collect();
        let outcome = ShownAnswer { orders };
        Ok(if moved || key.is_some() { Decided::Commit(Box::new(draft), outcome) } else { Decided::Nothing(outcome) })
    });
    Ok(shown.await?.0)
}

/// The shop orders of a number of L1 or L2 that the caller knows.
fn concerned(who: &Principal, tree: &OrderTree, no: OrderNo) -> Result<Vec<OrderNo>, Problem> {
    if tree.pay.no != no {
        return Ok(vec![must_be_shop_order(tree, no)?]);
    }
    let shops: Vec<OrderNo> = tree.shops.iter().filter(|shop| sees(who, shop)).map(|shop| shop.no).collect();
    if shops.is_empty() {
        return Err(wrong_state(tree, no, "hidden: another pay order has its shop orders"));
    }
    Ok(shops)
}

/// The buyer rates an item: once, and once more.
pub async fn rate(app: &App, who: &Principal, no: OrderNo, key: Option<Idempotency>) -> Result<RatingAnswer, Problem> {
    role(who, &[Role::Buyer])?;
    let keyed = Keyed::new(who, "rate", key.as_ref());
    let rated = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let now = app.clock.now();
        let (shop, item) = must_be_item(tree, no)?;
        let window = line_rules(app, &shop.business).rating_window_ms;
        let status = rating::of_item(shop, item, window, now);
        let mut draft = Draft::new(tree, now, &actor(who));
        if !decide::rate(&mut draft, shop.no, no, status) {
            let why = match status {
                RateStatus::NotYet => "it can be rated once it is received",
                RateStatus::Open | RateStatus::Again | RateStatus::Closed => {
                    "it was rated twice, its order failed, or the time for it is over"
                }
            };
            return Err(Problem::conflict("not-to-be-rated", why).with("rate_status", status.code()));
        }
        let (shop, item) = must_be_item(draft.tree(), no)?;
        let status = rating::of_item(shop, item, window, now);
        let outcome = RatingAnswer { order_no: no, ratings: item.ratings, rate_status: status.code() };
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    Ok(rated.await?.0)
}

/// Replaces a comment on a shop order: the buyer's or the seller's, each their own; staff either.
pub async fn comment(
    app: &App,
    who: &Principal,
    no: OrderNo,
    (side, text): (Side, String),
    key: Option<Idempotency>,
) -> Result<CommentAnswer, Problem> {
    match side {
        Side::Buyer => role(who, &[Role::Buyer, Role::Operator, Role::Admin])?,
        Side::Seller => role(who, SELLERS)?,
    }
    let keyed = Keyed::new(who, "comment", key.as_ref());
    let commented = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let no = must_be_shop_order(tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide::comment(&mut draft, no, side, &text);
        let outcome = match side {
            Side::Buyer => CommentAnswer { order_no: no, buyer_comment: Some(text.clone()), seller_comment: None },
            Side::Seller => CommentAnswer { order_no: no, buyer_comment: None, seller_comment: Some(text.clone()) },
        };
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    Ok(commented.await?.0)
}

/// Replaces the seller's tags of a shop order, and the seller's own reference if one is given.
pub async fn tag(
    app: &App,
    who: &Principal,
    no: OrderNo,
    (tags, out_id): (Vec<String>, Option<String>),
    key: Option<Idempotency>,
) -> Result<TagsAnswer, Problem> {
    role(who, SELLERS)?;
    let keyed = Keyed::new(who, "tags", key.as_ref());
    let tagged = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let no = must_be_shop_order(tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide::tag(&mut draft, no, &tags, out_id.as_deref());
        let out_id = draft.tree().shop(no).and_then(|shop| shop.out_id.clone());
        Ok(Decided::Commit(Box::new(draft), TagsAnswer { order_no: no, tags: tags.clone(), out_id }))
    });
    Ok(tagged.await?.0)
}
