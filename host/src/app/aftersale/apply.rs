//! Applying for an after-sale: the business line says what it is worth, the stored shares say what it can be.

use super::views::{AftersaleAnswer, AftersaleQuote, ClaimView};
use super::{BUYERS, follow, money, numbers};
use crate::app::api::Idempotency;
use crate::app::decisions::{Subject, record};
use crate::app::orders::{
    Decided, Freshness, Keyed, change_once, must_be_shop_order, owned, role, store_problem, tree,
};
use crate::app::pay::actor;
use crate::app::problem::Problem;
use crate::app::{App, loading, refund};
use crate::domain::aftersale::{AftersaleKind, Evidence};
use crate::domain::change::Decision;
use crate::domain::decide::aftersale::{self as decide, Application, Priced};
use crate::domain::decide::refund::{Wanted, left};
use crate::domain::decide::view;
use crate::domain::draft::Draft;
use crate::domain::hook::{Hook, RefundInput, RefundLine};
use crate::domain::ids::{AftersaleNo, OrderNo};
use crate::domain::order::ShopOrder;
use crate::domain::tree::OrderTree;
use crate::identity::Principal;
use crate::plugin::Outcome;

/// What a buyer asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What.
    pub kind: AftersaleKind,
    /// Of which items; none is every unit that is left.
    pub items: Vec<Wanted>,
    /// Why.
    pub reason: String,
    /// What they have to show: words and links.
    pub evidence: Option<(String, Vec<String>)>,
}

/// Applies for an after-sale of a shop order (or of an item's own number).
pub async fn apply(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: Request,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    role(who, BUYERS)?;
    let keyed = Keyed::new(who, "aftersale_apply", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, no, request, &keyed))).await
}

async fn make(
    app: &App,
    who: &Principal,
    no: OrderNo,
    mut request: Request,
    keyed: &Keyed<'_>,
) -> Result<AftersaleAnswer, Problem> {
    let read = tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let shop_no = shop_of(&read, no)?;
    freeze(&read, shop_no, &mut request);
    let (priced, decision) = price(app, &read, shop_no, &request).await?;
    let fresh = numbers(app, shop_no).await?;
    let applied = change_once(app, shop_no, keyed, |tree| {
        owned(who, tree, no)?;
        let shop = tree.shop(shop_no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
        let rules = refund::line_rules(app, &shop.business);
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let application = application(who, tree, shop, &request, (fresh.aftersale, &priced), draft.at());
        decide::apply(&mut draft, shop_no, application, &rules)?;
        keep(&mut draft, shop_no, decision.clone());
        money(app, &mut draft, shop_no, &rules, &fresh.refunds)?;
        let answer = AftersaleAnswer::of(draft.tree(), fresh.aftersale);
        let answer = answer.ok_or_else(|| Problem::internal("an applied after-sale is in its tree"))?;
        Ok(Decided::Commit(Box::new(draft), answer))
    });
    let (answer, tree) = applied.await?;
    if let Some(tree) = tree {
        follow(app, &tree, shop_no);
    }
    Ok(answer)
}

/// Changes a rejected after-sale and hands it in again.
pub async fn resubmit(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    request: Request,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    role(who, BUYERS)?;
    let keyed = Keyed::new(who, "aftersale_resubmit", key.as_ref());
    keyed.once(app, Box::pin(change(app, who, no, request, &keyed))).await
}

async fn change(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    mut request: Request,
    keyed: &Keyed<'_>,
) -> Result<AftersaleAnswer, Problem> {
    let missing = || Problem::not_found(format!("after-sale {no}"));
    let read = app.store.tree_of_aftersale(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let shop_no = read.aftersales.iter().find(|a| a.no == no).map(|a| a.shop_no).ok_or_else(missing)?;
    owned(who, &read, shop_no).map_err(|_| missing())?;
    let mut without = OrderTree::clone(&read);
    without.aftersales.retain(|a| a.no != no);
    freeze(&without, shop_no, &mut request);
    let (priced, decision) = price(app, &read, shop_no, &request).await?;
    let again = super::on(app, who, no, BUYERS, keyed, |draft, row, rules, _| {
        let tree = draft.tree().clone();
        let shop = tree.shop(row.shop_no).ok_or_else(missing)?;
        let application = application(who, &tree, shop, &request, (no, &priced), draft.at());
        decide::resubmit(draft, application, rules)?;
        keep(draft, shop_no, decision.clone());
        Ok(())
    });
    Ok(again.await?)
}

/// What an application would come to now, without any effect.
pub async fn quote(app: &App, who: &Principal, no: OrderNo, request: Request) -> Result<AftersaleQuote, Problem> {
    role(who, BUYERS)?;
    let read = tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let shop_no = shop_of(&read, no)?;
    let (priced, _) = price(app, &read, shop_no, &request).await?;
    let shop = read.shop(shop_no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
    let rules = refund::line_rules(app, &shop.business);
    let mut draft = Draft::new(&read, app.clock.now(), &actor(who));
    let fresh = numbers(app, shop_no).await?;
    let application = application(who, &read, shop, &request, (fresh.aftersale, &priced), draft.at());
    decide::apply(&mut draft, shop_no, application, &rules)?;
    let row = draft.tree().aftersales.iter().find(|a| a.no == fresh.aftersale);
    let claims: Vec<ClaimView> = row.into_iter().flat_map(|a| &a.items).map(ClaimView::from).collect();
    Ok(AftersaleQuote {
        currency: read.pay.currency.to_string(),
        amount: claims.iter().map(|c| c.amount).sum(),
        coins: claims.iter().map(|c| c.coins).sum(),
        fee: claims.iter().map(|c| c.fee).sum(),
        items: claims,
    })
}

/// An item's number means its shop order.
fn shop_of(tree: &OrderTree, no: OrderNo) -> Result<OrderNo, Problem> {
    match tree.shops.iter().find(|s| s.items.iter().any(|i| i.no == no)) {
        Some(shop) => Ok(shop.no),
        None => must_be_shop_order(tree, no),
    }
}

/// What is asked for is fixed before the line prices it: its word is of exactly these units.
fn freeze(tree: &OrderTree, shop_no: OrderNo, request: &mut Request) {
    if let Some(shop) = tree.shop(shop_no) {
        request.items = wanted(tree, shop, &request.items);
    }
}

/// The parts that were asked for; none is every unit that nobody else asked for.
pub(in crate::app) fn wanted(tree: &OrderTree, shop: &ShopOrder, items: &[Wanted]) -> Vec<Wanted> {
    if !items.is_empty() {
        return items.to_vec();
    }
    let all = left(tree, shop).into_iter().filter(|line| line.quantity > 0);
    let whole = |line: crate::domain::decide::refund::Left| {
        Some(Wanted { item_no: line.item_no?, quantity: line.quantity, amount: None })
    };
    all.filter_map(whole).collect()
}

pub(in crate::app) fn application(
    who: &Principal,
    tree: &OrderTree,
    shop: &ShopOrder,
    request: &Request,
    (no, priced): (AftersaleNo, &[Priced]),
    at: i64,
) -> Application {
    let evidence = request.evidence.clone();
    Application {
        no,
        kind: request.kind,
        wanted: wanted(tree, shop, &request.items),
        priced: priced.to_vec(),
        reason: request.reason.clone(),
        evidence: evidence.map(|(text, links)| Evidence { by: actor(who), at, text, links }),
    }
}

/// What the line says that the units are worth, and the record of its word. Nothing where it does not price refunds.
pub(in crate::app) async fn price(
    app: &App,
    tree: &OrderTree,
    shop_no: OrderNo,
    request: &Request,
) -> Result<(Vec<Priced>, Option<Decision>), Problem> {
    let shop = tree.shop(shop_no).ok_or_else(|| Problem::not_found(format!("order {shop_no}")))?;
    loading::at_hand(app, &shop.business, shop.plugin).await;
    let line_of = |item_no| shop.items.iter().find(|i| i.no == item_no).map(|i| i.line);
    let units = wanted(tree, shop, &request.items).into_iter().filter(|w| w.quantity > 0);
    let items: Vec<RefundLine> =
        units.filter_map(|w| Some(RefundLine { line: line_of(w.item_no)?, quantity: w.quantity })).collect();
    if items.is_empty() || !app.plugins.has_aftersale(&shop.business, shop.plugin).map_err(Problem::internal)? {
        return Ok((vec![], None));
    }
    let order = view::order_view(tree, shop_no).ok_or_else(|| Problem::internal("a shop order is in its tree"))?;
    let at = app.clock.now();
    let settings = app.catalogue.now().businesses.get(&shop.business).map(|b| b.settings.to_string());
    let input = RefundInput {
        order,
        items,
        reason: request.reason.clone(),
        now: at,
        settings: settings.unwrap_or_else(|| "{}".to_owned()),
        extra: vec![],
    };
    let call = app.plugins.quote_refund(&shop.business, shop.plugin, input.clone()).await.map_err(Problem::internal)?;
    let subject = Subject { no: shop_no, seq: shop.decisions, business: shop.business.clone(), plugin: shop.plugin };
    let decision = record(subject, Hook::QuoteRefund, &input, &call, at);
    match &call.outcome {
        Outcome::Ok(quote) => {
            let item_of = |line| shop.items.iter().find(|i| i.line == line).map(|i| i.no);
            let priced = quote.items.iter();
            let priced = priced.filter_map(|r| Some(Priced { item_no: item_of(r.line)?, amount: r.amount }));
            Ok((priced.collect(), Some(decision)))
        }
        Outcome::Rejected(why) => Err(Problem::refused("refund-refused", why.clone()).of(shop_no)),
        Outcome::Retry { reason, .. } => Err(Problem::busy(reason.clone()).of(shop_no)),
        Outcome::Saturated => Err(Problem::busy("the business line is at its limit; try again").of(shop_no)),
        other => {
            let detail = other.detail().unwrap_or_default();
            tracing::error!(%shop_no, outcome = other.word(), detail, "a line could not price a refund");
            Err(Problem::busy("the business line cannot price this refund now; try again or ask its operator"))
        }
    }
}

/// Keeps the line's word with what it decided.
pub(in crate::app) fn keep(draft: &mut Draft, shop_no: OrderNo, decision: Option<Decision>) {
    if let Some(mut decision) = decision {
        let shop = draft.stepped(shop_no);
        decision.seq = shop.decisions;
        shop.decisions += 1;
        draft.change.decisions.push(decision);
    }
}
