//! Merging unpaid orders, so that the buyer pays once.

use std::sync::Arc;

use super::App;
use super::api::{Idempotency, OrderAnswer};
use super::closing::close_all;
use super::numbers::fresh;
use super::orders::{
    Denied, Freshness, Keyed, TRIES, answer, commit, must_be_pay_order, owned, role, stock_pending, tree as read_tree,
};
use super::pay::{actor, common_methods};
use super::problem::Problem;
use super::snapshots;
use crate::domain::change::Refusal;
use crate::domain::decide::merge::{self as decide, CannotMerge, MERGED_MAX};
use crate::domain::ids::OrderNo;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Closes the open payments of all the orders, then merges them into a new pay order.
pub async fn merge(
    app: &App,
    who: &Principal,
    orders: &[OrderNo],
    key: Option<Idempotency>,
) -> Result<OrderAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "merge", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, orders, &keyed))).await
}

async fn make(app: &App, who: &Principal, orders: &[OrderNo], keyed: &Keyed<'_>) -> Result<OrderAnswer, Problem> {
    if !(2..=MERGED_MAX).contains(&orders.len()) {
        return Err(cannot(&CannotMerge::Count));
    }
    close_each(app, who, orders).await?;
    let no = OrderNo(fresh(app, 1, orders[0].slot()).await?[0]);
    for _ in 0..TRIES {
        let mut trees = Vec::with_capacity(orders.len());
        for no in orders {
            trees.push(read_tree(app, *no, Freshness::Fresh).await?);
        }
        let methods = common_methods(app, &trees);
        let merged = decide::merge(&trees, no, methods, app.clock.now(), &actor(who));
        let (mut change, tree) = merged.map_err(|why| cannot(&why))?;
        let outcome = answer(&tree);
        change.claim = keyed.claim(&outcome)?;
        change.snapshots.push(snapshots::take(&tree, change.at));
        match commit(app, change).await {
            Ok(()) => return Ok(outcome),
            Err(Denied::Refusal(Refusal::VersionMoved { .. })) => {}
            Err(denied) => return Err(denied.into()),
        }
    }
    Err(Problem::busy("the orders are being changed by others; try again"))
}

/// The orders stay as they are when one of their payments cannot be closed. What would be refused anyway closes none: it
/// is decided first, as if no payment were open.
async fn close_each(app: &App, who: &Principal, orders: &[OrderNo]) -> Result<(), Problem> {
    let mut trees = Vec::with_capacity(orders.len());
    let mut imagined = Vec::with_capacity(orders.len());
    for no in orders {
        let tree = read_tree(app, *no, Freshness::Fresh).await?;
        owned(who, &tree, *no)?;
        must_be_pay_order(&tree, *no)?;
        let mut closed = OrderTree::clone(&tree);
        closed.payments.retain(|p| !p.is_open());
        imagined.push(Arc::new(closed));
        trees.push(tree);
    }
    let methods = common_methods(app, &imagined);
    decide::merge(&imagined, orders[0], methods, app.clock.now(), &actor(who)).map_err(|why| cannot(&why))?;
    for tree in &trees {
        close_all(app, who, tree).await?;
    }
    Ok(())
}

fn cannot(why: &CannotMerge) -> Problem {
    match why {
        CannotMerge::Count => Problem::invalid("bad-body", format!("orders: {why}")),
        CannotMerge::NoMethod | CannotMerge::Other(_) | CannotMerge::Overflow(_) => {
            Problem::refused("cannot-pay-together", why.to_string())
        }
        CannotMerge::TooLarge => Problem::invalid("too-many-shop-orders", why.to_string()),
        CannotMerge::Disputed(no) => Problem::conflict("payment-disputed", why.to_string()).of(*no),
        CannotMerge::StockPending(no) => stock_pending(*no),
        CannotMerge::State(no) | CannotMerge::Open(no) => Problem::conflict("wrong-state", why.to_string()).of(*no),
    }
}
