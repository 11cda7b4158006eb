//! Taking a shop order out of an unpaid pay order, to pay or cancel it alone.

use super::App;
use super::api::{Idempotency, OrderAnswer};
use super::closing::close_all;
use super::numbers::fresh;
use super::orders::{
    Denied, Freshness, Keyed, TRIES, answer, commit, must_be_shop_order, owned, role, stock_pending, tree as read_tree,
};
use super::pay::{actor, methods_of};
use super::problem::Problem;
use super::snapshots;
use crate::domain::change::Refusal;
use crate::domain::decide::split::{self as decide, CannotSplit};
use crate::domain::ids::OrderNo;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Closes the open payments of the pay order, then takes the shop order out into a new one.
pub async fn split(app: &App, who: &Principal, no: OrderNo, key: Option<Idempotency>) -> Result<OrderAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "split", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, no, &keyed))).await
}

async fn make(app: &App, who: &Principal, no: OrderNo, keyed: &Keyed<'_>) -> Result<OrderAnswer, Problem> {
    let number = OrderNo(fresh(app, 1, no.slot()).await?[0]);
    for attempt in 0..TRIES {
        let tree = read_tree(app, no, Freshness::Fresh).await?;
        owned(who, &tree, no)?;
        let shop_no = must_be_shop_order(&tree, no)?;
        let at = app.clock.now();
        let decided = |tree: &OrderTree| {
            let methods = tree.shop(shop_no).map(|shop| methods_of(app, &tree.pay.facts.methods, &[shop]));
            decide::split(tree, shop_no, number, methods.unwrap_or_default(), at, &actor(who))
        };
        let split = match decided(&tree) {
            // What would be refused anyway closes no payment.
            Err(CannotSplit::Open(_)) if attempt == 0 => {
                let mut imagined = OrderTree::clone(&tree);
                imagined.payments.retain(|p| !p.is_open());
                decided(&imagined).map_err(|why| cannot(&why, no))?;
                close_all(app, who, &tree).await?;
                continue;
            }
            other => other.map_err(|why| cannot(&why, no))?,
        };
        let outcome = answer(&split.made);
        let mut change = split.change;
        change.claim = keyed.claim(&outcome)?;
        change.snapshots = vec![snapshots::take(&split.left, at), snapshots::take(&split.made, at)];
        match commit(app, change).await {
            Ok(()) => return Ok(outcome),
            Err(Denied::Refusal(Refusal::VersionMoved { .. })) => {}
            Err(denied) => return Err(denied.into()),
        }
    }
    Err(Problem::busy("the order is being changed by others; try again"))
}

fn cannot(why: &CannotSplit, no: OrderNo) -> Problem {
    match why {
        CannotSplit::Disputed(_) => Problem::conflict("payment-disputed", why.to_string()).of(no),
        CannotSplit::State(_) | CannotSplit::Open(_) => Problem::conflict("wrong-state", why.to_string()).of(no),
        CannotSplit::StockPending(_) => stock_pending(no),
        CannotSplit::Only(_) => Problem::conflict("only-shop-order", why.to_string()).of(no),
        CannotSplit::NothingToPay(_) => Problem::conflict("nothing-to-pay", why.to_string()).of(no),
        CannotSplit::NoMethod => Problem::refused("cannot-pay-together", why.to_string()).of(no),
        CannotSplit::Overflow(_) => Problem::internal(why),
    }
}
