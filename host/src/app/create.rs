//! Making an order: quote, then one change that holds stock, coupons and coins and writes all three levels.

use std::sync::Arc;

use super::App;
use super::api::{CreateOrder, Idempotency, OrderAnswer};
use super::decisions::{Subject, record};
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{Denied, Keyed, answer, commit, refusal_problem, store_problem};
use super::problem::Problem;
use super::quote::{COIN_VALUE, PricedCart, own_cart, price_cart};
use super::{reserve, snapshots};
use crate::domain::cart::Cart;
use crate::domain::change::{Change, Refusal};
use crate::domain::decide::create::{LineTerms, Terms, create as decide};
use crate::domain::hook::Hook;
use crate::domain::ids::{OrderNo, Slot};
use crate::domain::order::{Mode, Status};
use crate::domain::tree::OrderTree;
use crate::identity::Principal;

/// Creates an order. The same number (or idempotency key) with the same body answers the first outcome again.
///
/// A prepaid order is paid from the wallet at once: the answer shows it paid, or cancelled for want of balance.
pub async fn create(
    app: &App,
    who: &Principal,
    request: CreateOrder,
    key: Option<Idempotency>,
) -> Result<OrderAnswer, Problem> {
    own_cart(who, &request.cart)?;
    let keyed = Keyed::new(who, "create_order", key.as_ref());
    match make(app, who, &request, &keyed).await {
        Ok(Made::New(tree)) => after_create(app, tree).await,
        Ok(Made::Before(outcome)) => reserve::outcome(app, outcome).await,
        Err(problem) => match keyed.stored(app).await? {
            Some(outcome) => reserve::outcome(app, outcome).await,
            None => Err(problem),
        },
    }
}

enum Made {
    New(Arc<OrderTree>),
    Before(OrderAnswer),
}

async fn make(app: &App, who: &Principal, request: &CreateOrder, keyed: &Keyed<'_>) -> Result<Made, Problem> {
    let cart = &request.cart;
    let slot = Slot::of(cart.buyer.as_str());
    if let Some(no) = request.order_no {
        own_number(app, no, slot)?;
    }
    let priced = price_cart(app, cart).await?;
    if let Some(expected) = request.expected_to_pay
        && expected != priced.priced.amounts.to_pay
    {
        let detail = format!("{} is to pay, not {expected}; nothing was kept", priced.priced.amounts.to_pay);
        return Err(Problem::conflict("price-changed", detail).with("quote", super::quote::answer(cart, &priced)));
    }
    let count = 1 + cart.shops.iter().map(|s| 1 + s.items.len()).sum::<usize>();
    let mut numbers = fresh(app, count, slot).await?;
    let pay_no = request.order_no.unwrap_or(OrderNo(numbers.remove(0)));
    let (mut change, tree) = decide_new(app, who, cart, priced, pay_no, numbers);
    // What the first answer will be, also of an order that is still to become visible.
    change.claim = keyed.claim(&reserve::once_visible(&tree))?;
    match commit(app, change).await {
        Ok(()) => Ok(Made::New(Arc::new(tree))),
        Err(Denied::Refusal(Refusal::KeyUsed(stored))) => Ok(Made::Before(keyed.read(&stored)?)),
        Err(Denied::Refusal(refusal @ Refusal::NumberTaken { .. })) => taken(app, who, cart, pay_no, &refusal).await,
        Err(denied) => Err(denied.into()),
    }
}

/// A number taken from us carries the buyer's slot and a time that is not in the future.
fn own_number(app: &App, no: OrderNo, slot: Slot) -> Result<(), Problem> {
    let newest = crate::domain::number::number(app.clock.now() + 1_000, i64::MAX, slot) | 1023;
    if no.0 > 0 && no.slot() == slot && no.0 <= newest {
        return Ok(());
    }
    let detail = "order_no must be one that POST /api/v1/order-numbers gave to this buyer";
    Err(Problem::invalid("foreign-number", detail).of(no))
}

fn decide_new(
    app: &App,
    who: &Principal,
    cart: &Cart,
    priced: PricedCart,
    pay_no: OrderNo,
    numbers: Vec<i64>,
) -> (Change, OrderTree) {
    let at = app.clock.now();
    let PricedCart { priced, snapshot, methods, calls } = priced;
    let terms_of = |shop: &crate::domain::cart::CartShop| {
        let call = calls.iter().find(|c| c.business.code == shop.business)?;
        let rules = &call.business.rules;
        Some(LineTerms {
            plugin: call.business.active?,
            stock: rules.stock,
            reserving: rules.reserving,
            compensate_ms: rules.compensate_ms,
        })
    };
    let terms = Terms {
        at,
        actor: format!("{}:{}", who.role, who.subject),
        pay_no,
        numbers,
        lines: cart.shops.iter().filter_map(terms_of).collect(),
        methods,
        coin_value: COIN_VALUE,
        catalogue_revision: snapshot.revision,
    };
    let (mut change, tree) = decide(cart, priced, terms);
    for (seq, line) in calls.iter().enumerate() {
        let subject = Subject {
            no: pay_no,
            seq: i64::try_from(seq).unwrap_or(i64::MAX),
            business: line.business.code.clone(),
            plugin: line.business.active.unwrap_or(crate::domain::ids::Digest([0; 32])),
        };
        change.decisions.push(record(subject, Hook::Pricing, &line.request, &line.call, at));
    }
    change.snapshots.push(snapshots::take(&tree, at));
    (change, tree)
}

/// The number exists: the stored order answers if it is the same buyer's same cart.
async fn taken(app: &App, who: &Principal, cart: &Cart, no: OrderNo, refusal: &Refusal) -> Result<Made, Problem> {
    let tree = app.store.order_tree(no).await.map_err(store_problem)?;
    let same = |tree: &Arc<OrderTree>| tree.pay.no == no && tree.pay.buyer == cart.buyer && same_cart(tree, cart);
    match tree.filter(same) {
        // An invisible order is its maker's all the same: who makes it is asked for, not who may see it.
        Some(tree) if own_cart(who, cart).is_ok() => Ok(Made::Before(reserve::once_visible(&tree))),
        _ => Err(refusal_problem(refusal)),
    }
}

fn same_cart(tree: &OrderTree, cart: &Cart) -> bool {
    tree.shops.len() == cart.shops.len()
        && tree.pay.mode == cart.mode
        && tree.pay.currency == cart.currency
        && tree.shops.iter().zip(&cart.shops).all(|(made, wanted)| {
            made.shop == wanted.shop
                && made.business == wanted.business
                && made.facts.address == wanted.address
                && made.items.len() == wanted.items.len()
                && made.items.iter().zip(&wanted.items).all(|(m, w)| m.sku == w.sku && m.quantity == w.quantity)
        })
}

/// An invisible order is shown, or ends. One that waits for its stock gets it by itself. Nothing to pay, or prepaid: the
/// order is paid at once, and the rest of forward runs by itself.
async fn after_create(app: &App, mut tree: Arc<OrderTree>) -> Result<OrderAnswer, Problem> {
    if tree.is_hidden() {
        crate::faults::point("before-reveal");
        tree = reserve::shown(app, tree.pay.no).await?;
    }
    if tree.stock_pending() {
        reserve::spawn(app, tree.pay.no);
        return Ok(answer(&tree));
    }
    let prepaid = tree.pay.mode == Mode::Prepaid;
    if !prepaid && tree.pay.amounts.to_pay > 0 || tree.pay.status != Status::Created {
        return Ok(answer(&tree));
    }
    let tree = super::pay::from_wallet(app, tree.pay.no, "forward").await?;
    forward::spawn_all(app, &tree, Cause::Paid);
    Ok(answer(&tree))
}
