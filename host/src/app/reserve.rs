//! What an order still has to hold after it was written: the stock of lines that reserve later, or everything of an order
//! that nobody sees before. It runs right after create; killed anywhere, the timer goes on, and the moves are unique.

use std::sync::Arc;

use super::App;
use super::api::OrderAnswer;
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{Decided, Denied, Freshness, answer, change, refusal_problem, tree as read_tree};
use super::pay::{compensate_ms, from_wallet, shipments};
use super::problem::Problem;
use crate::domain::change::Refusal;
use crate::domain::decide::reserve::{self as decide, Next, VOIDED};
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, PaymentNo};
use crate::domain::order::{Mode, Status, SubStatus, Visible};
use crate::domain::tree::OrderTree;

const WHO: &str = "reserve";

/// Holds the stock of a pay order in the background. Its failure is logged; the timer tries again.
pub fn spawn(app: &App, pay_no: OrderNo) {
    let (tasks, app) = (app.tasks.clone(), app.clone());
    tasks.spawn("reserve", async move {
        if let Err(problem) = drive(&app, pay_no).await {
            tracing::warn!(%pay_no, %problem, "stock was not reserved; the timer tries again");
        }
    });
}

/// Goes on with an order that was written without what it needs. One that got it is paid if it is prepaid
/// or nothing is to pay, and forwarded if it is paid; one that cannot get it has ended.
pub async fn drive(app: &App, pay_no: OrderNo) -> Result<(), Problem> {
    crate::faults::point("before-reserve");
    let mut tree = settle(app, pay_no).await?;
    crate::faults::point("after-reserve-commit");
    if tree.is_hidden() || tree.stock_pending() {
        return Ok(());
    }
    if tree.pay.status == Status::Created && (tree.pay.mode == Mode::Prepaid || tree.pay.amounts.to_pay == 0) {
        tree = from_wallet(app, pay_no, "forward").await?;
    }
    if tree.pay.status == Status::Paid {
        forward::spawn_all(app, &tree, Cause::Paid);
    }
    Ok(())
}

/// The order once it is visible, or why it never will be.
pub async fn shown(app: &App, pay_no: OrderNo) -> Result<Arc<OrderTree>, Problem> {
    let tree = settle(app, pay_no).await?;
    if tree.is_hidden() {
        return Err(voided(&tree));
    }
    if tree.pay.status == Status::Paid {
        forward::spawn_all(app, &tree, Cause::Paid);
    }
    Ok(tree)
}

/// The outcome of a create that happened before: an order that is not visible yet is gone on with first.
pub async fn outcome(app: &App, stored: OrderAnswer) -> Result<OrderAnswer, Problem> {
    if read_tree(app, stored.order_no, Freshness::Cached).await?.is_hidden() {
        shown(app, stored.order_no).await?;
    }
    Ok(stored)
}

/// What create answers of an order once it is visible.
pub fn once_visible(tree: &OrderTree) -> OrderAnswer {
    if !tree.is_hidden() {
        return answer(tree);
    }
    let mut shown = tree.clone();
    for shop in &mut shown.shops {
        (shop.visible, shop.sub_status) = (Visible::Normal, SubStatus::StockReserved);
    }
    answer(&shown)
}

/// One change holds everything. What is short ends the order, in a change of its own.
async fn settle(app: &App, pay_no: OrderNo) -> Result<Arc<OrderTree>, Problem> {
    let shops = read_tree(app, pay_no, Freshness::Cached).await?.shops.len();
    let numbers = fresh(app, 1 + shops, pay_no.slot()).await?;
    let shipments = shipments(&numbers);
    let held = change(app, pay_no, |tree| {
        if !tree.stock_pending() {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), WHO);
        let compensate_ms = compensate_ms(app, tree);
        let next = Next { payment: PaymentNo(numbers[0]), shipments: &shipments, compensate_ms };
        if tree.is_hidden() {
            decide::reveal(&mut draft, &next);
        } else {
            decide::reserve(&mut draft, &next);
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    match held.await {
        Ok(((), tree)) => Ok(tree),
        Err(Denied::Refusal(refusal)) if is_short(&refusal) => end(app, pay_no, &refusal).await,
        Err(denied) => Err(denied.into()),
    }
}

/// Whether a refusal is final for what is to be held.
fn is_short(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::StockShort { .. }
            | Refusal::UnknownStock { .. }
            | Refusal::BalanceShort { .. }
            | Refusal::CouponUnusable { .. }
    )
}

async fn end(app: &App, pay_no: OrderNo, refusal: &Refusal) -> Result<Arc<OrderTree>, Problem> {
    let ended = change(app, pay_no, |tree| {
        if !tree.stock_pending() {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), WHO);
        match refusal {
            _ if tree.is_hidden() => {
                let why = refusal_problem(refusal);
                decide::void(&mut draft, &format!("{}: {}", why.code, why.detail));
            }
            Refusal::StockShort { business, key, .. } | Refusal::UnknownStock { business, key } => {
                decide::failed(&mut draft, business, key, &refusal.to_string());
            }
            other => return Err(refusal_problem(other)),
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    Ok(ended.await?.1)
}

/// Codes that a voided order can have been answered with.
const CODES: [&str; 4] = ["stock-short", "stock-unknown", "insufficient-balance", "coupon-unusable"];

/// What create answered when the order was voided: its reason says it.
fn voided(tree: &OrderTree) -> Problem {
    let text = tree.pay.reason.as_ref().filter(|r| r.code == VOIDED).map(|r| r.text.as_str()).unwrap_or_default();
    let said = text.split_once(": ").and_then(|(code, detail)| Some((CODES.into_iter().find(|c| *c == code)?, detail)));
    match said {
        Some((code, detail)) => Problem::conflict(code, detail),
        None => Problem::busy("the order is still being made; repeat the request").of(tree.pay.no),
    }
}
