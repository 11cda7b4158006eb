//! Giving money back on the seller's or the platform's word: an order, a shop order or parts of its items.

use serde_json::json;

use super::App;
use super::api::{Idempotency, RefundOrder, RefundedOrder, RefundedPart};
use super::numbers::fresh;
use super::orders::{Decided, Freshness, Keyed, answer, change_once, owned, role, tree as read_tree, wrong_state};
use super::pay::actor;
use super::problem::Problem;
use super::refund::{line_rules, spawn};
use crate::domain::decide::refund::{self as decide, Left, REFUNDS, Wanted};
use crate::domain::decide::undo::{Freight, undo};
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::order::{Reason, ShopOrder, Status, SubStatus};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Owes the money in one change and sends it after it. Without items everything of the order goes back and it closes;
/// freight is retained once it was shipped. With items their parts go back, and the order goes on.
pub async fn refund(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: RefundOrder,
    key: Option<Idempotency>,
) -> Result<RefundedOrder, Problem> {
    role(who, &[Role::Shop, Role::Business, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "refund", key.as_ref());
    let read = read_tree(app, no, Freshness::Cached).await?;
    let numbers = fresh(app, REFUNDS * read.shops.len(), no.slot()).await?;
    let refunded = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let wanted = wanted(tree, no, &request)?;
        let known: Vec<RefundNo> = tree.refunds.iter().map(|r| r.no).collect();
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let concerned = concerned(tree, no, &wanted)?;
        for (shop, numbers) in concerned.into_iter().zip(numbers.chunks(REFUNDS)) {
            let numbers: Vec<RefundNo> = numbers.iter().map(|n| RefundNo(*n)).collect();
            one(app, &mut draft, shop, &wanted, &request.reason, &numbers)?;
        }
        let fresh: Vec<RefundedPart> =
            draft.tree().refunds.iter().filter(|r| !known.contains(&r.no)).map(RefundedPart::from).collect();
        let state = |tree: &OrderTree, refunds: &[RefundedPart]| json!({"status": tree.status(), "refunds": refunds});
        let told = (state(tree, &[]), state(draft.tree(), &fresh));
        draft.operated(no, "refund", &request.reason, told);
        let outcome = RefundedOrder { order: answer(draft.tree()), refunds: fresh };
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    let (outcome, tree) = refunded.await?;
    if let Some(tree) = tree {
        spawn(app, tree.pay.no);
    }
    Ok(outcome)
}

/// The items as asked for; an item's own number means that whole item.
fn wanted(tree: &OrderTree, no: OrderNo, request: &RefundOrder) -> Result<Vec<Wanted>, Problem> {
    let item = tree.shops.iter().find_map(|s| Some((s, s.items.iter().find(|i| i.no == no)?)));
    let Some((shop, item)) = item else { return Ok(request.items.clone()) };
    if !request.items.is_empty() {
        return Err(Problem::invalid("bad-body", "items: only with a pay order's or shop order's number"));
    }
    let left = decide::left(tree, shop).into_iter().find(|line| line.item_no == Some(item.no));
    let quantity = left.map_or(0, |line| line.quantity);
    Ok(vec![Wanted { item_no: no, quantity, amount: None }])
}

/// The shop orders that the number and the items concern.
fn concerned<'t>(tree: &'t OrderTree, no: OrderNo, wanted: &[Wanted]) -> Result<Vec<&'t ShopOrder>, Problem> {
    let named = |s: &&ShopOrder| s.no == no || s.pay_no == no || s.items.iter().any(|i| i.no == no);
    let touched =
        |s: &&ShopOrder| wanted.is_empty() || s.items.iter().any(|i| wanted.iter().any(|w| w.item_no == i.no));
    let shops: Vec<_> = tree.shops.iter().filter(named).collect();
    if let Some(stray) = wanted.iter().find(|w| !shops.iter().any(|s| s.items.iter().any(|i| i.no == w.item_no))) {
        return Err(Problem::invalid("unknown-item", format!("item {} is not in order {no}", stray.item_no)));
    }
    let touched: Vec<_> = shops.into_iter().filter(touched).collect();
    if let Some(ended) = touched.iter().find(|s| !wanted.is_empty() && !can_be_refunded(s)) {
        return Err(wrong_state(tree, ended.no, "refunded"));
    }
    let open: Vec<_> = touched.into_iter().filter(|s| can_be_refunded(s)).collect();
    if open.is_empty() { Err(wrong_state(tree, no, "refunded")) } else { Ok(open) }
}

fn can_be_refunded(shop: &ShopOrder) -> bool {
    matches!(shop.status, Status::Paid | Status::Shipped | Status::Received) && shop.sub_status != SubStatus::Closing
}

fn one(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    wanted: &[Wanted],
    reason: &str,
    numbers: &[RefundNo],
) -> Result<(), Problem> {
    let left = decide::left(draft.tree(), shop);
    let mine: Vec<Wanted> = wanted.iter().filter(|w| shop.items.iter().any(|i| i.no == w.item_no)).copied().collect();
    let parts = decide::parts(&left, &mine).map_err(|e| Problem::conflict("refund-above-remaining", e.to_string()))?;
    if mine.is_empty() || is_everything(&left, &parts) {
        if shop.suspended.is_some() {
            let detail = "its supplier is being asked right now; try again when that is known";
            return Err(Problem::conflict("hook-in-flight", detail).of(shop.no));
        }
        let unshipped = shop.status == Status::Paid && shop.sub_status != SubStatus::PartShipped;
        let freight = if unshipped { Freight::Back } else { Freight::Kept };
        let rules = line_rules(app, &shop.business);
        undo(draft, shop.no, &Reason::new("refunded", reason), freight, &rules, numbers);
    } else {
        draft.stay(shop.no, "refund_owed", reason);
        decide::owe(draft, shop, &parts, reason, numbers);
    }
    Ok(())
}

/// Whether the parts are all that is left of the items.
fn is_everything(left: &[Left], parts: &[Left]) -> bool {
    left.iter().filter(|line| line.item_no.is_some()).all(|line| {
        let gone = parts.iter().find(|part| part.item_no == line.item_no);
        line.quantity == 0 && line.cash() == 0 || gone == Some(line)
    })
}
