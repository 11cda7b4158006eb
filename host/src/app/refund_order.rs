//! Giving money back by the number of an order: all of it, a shop order, or parts of its items.

use serde_json::json;

use super::App;
use super::aftersale::apply::{Request, application, keep, price};
use super::aftersale::{Fresh, follow, money, numbers, prepare};
use super::api::{Idempotency, RefundOrder, RefundedOrder, RefundedPart};
use super::orders::{Decided, Freshness, Keyed, answer_for, change_once, owned, tree as read_tree, wrong_state};
use super::pay::actor;
use super::problem::Problem;
use super::refund::line_rules;
use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus};
use crate::domain::change::Decision;
use crate::domain::decide::aftersale::{self as decide, Priced};
use crate::domain::decide::refund::{Wanted, left};
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::order::{ShopOrder, Status, SubStatus};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Refunds an order, a shop order or parts of items, each shop order as one after-sale. A seller's word needs no other:
/// the money begins at once, or as soon as the supplier has taken back what it delivered. A buyer's is an application.
/// When everything of a shop order went back it closes; freight is retained once something was sent.
pub async fn refund(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: RefundOrder,
    key: Option<Idempotency>,
) -> Result<RefundedOrder, Problem> {
    let keyed = Keyed::new(who, "refund", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, no, &request, &keyed))).await
}

async fn make(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: &RefundOrder,
    keyed: &Keyed<'_>,
) -> Result<RefundedOrder, Problem> {
    let read = read_tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let wanted_now = wanted(&read, no, request)?;
    let mut prepared = vec![];
    for shop in concerned(&read, no, &wanted_now)? {
        let asked = asked(shop, &wanted_now, &request.reason);
        // A seller gives back all of it; what a buyer gets may be less a fee.
        let priced = if who.role == Role::Buyer { price(app, &read, shop.no, &asked).await? } else { (vec![], None) };
        prepare(app, &read, shop.no).await;
        prepared.push(Prepared { shop_no: shop.no, asked, priced, fresh: numbers(app, shop.no).await? });
    }
    let refunded = change_once(app, no, keyed, |tree| {
        owned(who, tree, no)?;
        concerned(tree, no, &wanted(tree, no, request)?)?;
        let known: Vec<RefundNo> = tree.refunds.iter().map(|r| r.no).collect();
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        for one in &prepared {
            ask(app, who, &mut draft, one)?;
        }
        let fresh: Vec<RefundedPart> =
            draft.tree().refunds.iter().filter(|r| !known.contains(&r.no)).map(RefundedPart::from).collect();
        let state = |tree: &OrderTree, refunds: &[RefundedPart]| json!({"status": tree.status(), "refunds": refunds});
        let told = (state(tree, &[]), state(draft.tree(), &fresh));
        draft.operated(no, "refund", &request.reason, told);
        let aftersales = prepared.iter().map(|one| one.fresh.aftersale).collect();
        let outcome = RefundedOrder { order: answer_for(who, draft.tree()), aftersales, refunds: fresh };
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    let (outcome, tree) = refunded.await?;
    if let Some(tree) = tree {
        for one in &prepared {
            follow(app, &tree, one.shop_no);
        }
    }
    Ok(outcome)
}

/// A shop order's part of a refund.
struct Prepared {
    shop_no: OrderNo,
    asked: Request,
    priced: (Vec<Priced>, Option<Decision>),
    fresh: Fresh,
}

fn asked(shop: &ShopOrder, wanted: &[Wanted], reason: &str) -> Request {
    let mine = wanted.iter().filter(|w| shop.items.iter().any(|i| i.no == w.item_no)).copied();
    Request { kind: AftersaleKind::Refund, items: mine.collect(), reason: reason.to_owned(), evidence: None }
}

fn ask(app: &App, who: &Principal, draft: &mut Draft, one: &Prepared) -> Result<(), Problem> {
    let (no, tree) = (one.shop_no, draft.tree().clone());
    let shop = tree.shop(no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
    if one.asked.items.is_empty() && tree.aftersales_of(no).any(Aftersale::holds) {
        let detail = "a buyer's after-sale is open: decide it first, or name the items to refund";
        return Err(Problem::conflict("aftersale-open", detail).of(no));
    }
    let rules = line_rules(app, &shop.business);
    let (priced, decision) = &one.priced;
    let application = application(who, &tree, shop, &one.asked, (one.fresh.aftersale, priced), draft.at());
    decide::apply(draft, no, application, &rules)?;
    keep(draft, no, decision.clone());
    let waits =
        draft.tree().aftersales.iter().any(|a| a.no == one.fresh.aftersale && a.status == AftersaleStatus::Applied);
    if who.role != Role::Buyer && waits {
        decide::approve(draft, one.fresh.aftersale, &rules, one.fresh.shipment, "the seller's word")?;
    }
    money(app, draft, no, &rules, &one.fresh.refunds)
}

/// The items as asked for; an item's own number means that whole item.
fn wanted(tree: &OrderTree, no: OrderNo, request: &RefundOrder) -> Result<Vec<Wanted>, Problem> {
    let item = tree.shops.iter().find_map(|s| Some((s, s.items.iter().find(|i| i.no == no)?)));
    let Some((shop, item)) = item else { return Ok(request.items.clone()) };
    if !request.items.is_empty() {
        return Err(Problem::invalid("bad-body", "items: only with a pay order's or shop order's number"));
    }
    let left = left(tree, shop).into_iter().find(|line| line.item_no == Some(item.no));
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
