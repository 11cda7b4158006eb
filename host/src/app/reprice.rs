//! The seller lowers the price of an unpaid shop order.

use super::App;
use super::api::{Idempotency, OrderAnswer, Reprice};
use super::closing::change_closed;
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{
    Decided, Freshness, Keyed, answer_for, must_be_shop_order, owned, role, tree as read_tree, wrong_state,
};
use super::pay::{actor, compensate_ms, shipments};
use super::problem::Problem;
use super::snapshots;
use crate::domain::decide::adjust::{self as decide, CannotAdjust};
use crate::domain::decide::reserve::Next;
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, PaymentNo};
use crate::domain::order::Status;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Closes the open payments, then lowers the price. An order that costs nothing then is paid in that change.
pub async fn reprice(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: Reprice,
    key: Option<Idempotency>,
) -> Result<OrderAnswer, Problem> {
    role(who, &[Role::Shop, Role::Business, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "reprice", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, no, &request, &keyed))).await
}

async fn make(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: &Reprice,
    keyed: &Keyed<'_>,
) -> Result<OrderAnswer, Problem> {
    let read = read_tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let numbers = fresh(app, 1 + read.shops.len(), no.slot()).await?;
    let changed = change_closed(app, keyed, no, |tree| {
        owned(who, tree, no)?;
        let shop_no = must_be_shop_order(tree, no)?;
        let same = tree.shop(shop_no).is_some_and(|shop| shop.amounts.reprice == request.discount);
        if same && tree.pay.status == Status::Created {
            return Ok(Decided::Nothing(answer_for(who, tree)));
        }
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let lowered = decide::reprice(&mut draft, shop_no, request.discount, &request.remark);
        lowered.map_err(|why| cannot(&why, tree, no))?;
        Ok(priced_anew(app, who, draft, &numbers))
    });
    let (outcome, tree) = changed.await?;
    go_on(app, tree.as_deref());
    Ok(outcome)
}

/// What every change of a price ends with: its snapshot, and being paid where nothing is to pay any more.
pub(super) fn priced_anew(app: &App, who: &Principal, mut draft: Draft, numbers: &[i64]) -> Decided<OrderAnswer> {
    let shipments = shipments(numbers);
    let compensate_ms = compensate_ms(app, draft.tree());
    let next = Next { payment: PaymentNo(numbers[0]), shipments: &shipments, compensate_ms };
    decide::pay_nothing(&mut draft, &next);
    let snapshot = snapshots::take(draft.tree(), draft.at());
    draft.change.snapshots.push(snapshot);
    let outcome = answer_for(who, draft.tree());
    Decided::Commit(Box::new(draft), outcome)
}

/// An order that became paid is forwarded.
pub(super) fn go_on(app: &App, tree: Option<&OrderTree>) {
    if let Some(tree) = tree.filter(|tree| tree.pay.status == Status::Paid) {
        forward::spawn_all(app, tree, Cause::Paid);
    }
}

pub(super) fn cannot(why: &CannotAdjust, tree: &OrderTree, no: OrderNo) -> Problem {
    let conflict = |code| Problem::conflict(code, why.to_string()).of(no);
    match why {
        CannotAdjust::State(_) => wrong_state(tree, no, "changed so any more"),
        CannotAdjust::Open(_) => conflict("payment-open"),
        CannotAdjust::OnlyLowers { now } => conflict("price-only-lowers").with("discount_minor", now),
        CannotAdjust::TooMuch { most } => conflict("price-too-low").with("most", most),
        CannotAdjust::Covered => conflict("lines-covered"),
        CannotAdjust::Shipped(_) => conflict("already-shipped"),
        CannotAdjust::ChangesPrice => conflict("address-changes-price"),
        CannotAdjust::Overflow(_) => Problem::invalid("bad-body", why.to_string()).of(no),
    }
}
