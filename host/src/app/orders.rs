//! Reading an order, deciding on it and committing the change: the loop that every use case on an order goes through.

use std::sync::Arc;

use super::App;
use super::api::{EventAnswer, Idempotency, OrderAnswer, ShopOrderAnswer};
use super::problem::{Kind, Problem};
use super::tally::Tally;
use crate::domain::change::{Change, Claim, Refusal, StoredClaim};
use crate::domain::draft::Draft;
use crate::domain::ids::OrderNo;
use crate::domain::order::{ItemOrder, ShopOrder, Visible};
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::store::{CommitError, StoreError};

/// How often a decision is made again because somebody else was faster.
pub const TRIES: usize = 8;

/// How sure the tree is to be the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As this host last committed it; another host may have been faster.
    Cached,
    /// Just read.
    Fresh,
}

/// Reads the tree of an order of any level.
pub async fn tree(app: &App, no: OrderNo, freshness: Freshness) -> Result<Arc<OrderTree>, Problem> {
    let read = match freshness {
        Freshness::Cached => app.store.cached_tree(no).await,
        Freshness::Fresh => app.store.order_tree(no).await,
    };
    read.map_err(store_problem)?.ok_or_else(|| Problem::not_found(format!("order {no}")))
}

/// What a decision wants: a draft to commit with an outcome, or only an outcome.
pub enum Decided<T> {
    /// Commit this.
    Commit(Box<Draft>, T),
    /// Nothing is to be written.
    Nothing(T),
}

/// An idempotency key on its way into a change.
pub struct Keyed<'a> {
    /// Whose.
    pub who: &'a Principal,
    /// The use case.
    pub operation: &'static str,
    /// The key.
    pub key: Option<&'a Idempotency>,
}

impl<'a> Keyed<'a> {
    /// A call of a use case, perhaps with a key.
    pub fn new(who: &'a Principal, operation: &'static str, key: Option<&'a Idempotency>) -> Self {
        Self { who, operation, key }
    }

    /// The claim for an outcome.
    pub fn claim(&self, outcome: &impl serde::Serialize) -> Result<Option<Claim>, Problem> {
        let Some(key) = self.key else { return Ok(None) };
        Ok(Some(Claim {
            principal: self.who.subject.clone(),
            key: key.key.clone(),
            digest: key.digest,
            operation: self.operation.to_owned(),
            outcome: serde_json::to_string(outcome).map_err(Problem::internal)?,
        }))
    }

    /// The stored outcome, if the key was used before for the same call.
    pub async fn stored<T: serde::de::DeserializeOwned>(&self, app: &App) -> Result<Option<T>, Problem> {
        let Some(key) = self.key else { return Ok(None) };
        let stored = app.store.claim(&self.who.subject, &key.key).await.map_err(store_problem)?;
        stored.map(|stored| self.read(&stored)).transpose()
    }

    /// Does it, unless it was done under this key before.
    pub async fn once<T: serde::de::DeserializeOwned>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        match self.stored(app).await? {
            Some(outcome) => Ok(outcome),
            None => self.or_before(app, work).await,
        }
    }

    /// Does it; if that cannot be done because it was done under this key before, that outcome is the answer.
    pub async fn or_before<T: serde::de::DeserializeOwned>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        match work.await {
            Err(problem) => self.stored(app).await?.ok_or(problem),
            done => done,
        }
    }

    /// Reads a stored claim, or says that the key stands for something else.
    pub fn read<T: serde::de::DeserializeOwned>(&self, stored: &StoredClaim) -> Result<T, Problem> {
        let same = self.key.is_some_and(|k| k.digest == stored.digest) && stored.operation == self.operation;
        if !same {
            let detail = "this Idempotency-Key was used for another request; send a new key";
            return Err(Problem::refused("idempotency-key-reused", detail));
        }
        serde_json::from_str(&stored.outcome).map_err(Problem::internal)
    }
}

/// Why a change was not made: a decision against it, or the store's refusal.
#[derive(Debug)]
pub enum Denied {
    /// Decided.
    Problem(Problem),
    /// The store refused.
    Refusal(Refusal),
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Problem(problem) => problem,
            Denied::Refusal(refusal) => refusal_problem(&refusal),
        }
    }
}

/// Reads, decides, commits. A decision against the request, or one without effect, is made again on a fresh tree if
/// the first one came from memory; a conflict is decided again, up to [`TRIES`] times.
pub async fn change<T>(
    app: &App,
    no: OrderNo,
    mut decide: impl FnMut(&OrderTree) -> Result<Decided<T>, Problem>,
) -> Result<(T, Arc<OrderTree>), Denied> {
    let mut freshness = Freshness::Cached;
    for _ in 0..TRIES {
        let tree = tree(app, no, freshness).await?;
        let (draft, outcome) = match decide(&tree) {
            Ok(Decided::Commit(draft, outcome)) => (draft, outcome),
            Ok(Decided::Nothing(outcome)) if freshness == Freshness::Fresh => return Ok((outcome, tree)),
            Err(problem) if freshness == Freshness::Fresh => return Err(problem.of(no).into()),
            Ok(Decided::Nothing(_)) | Err(_) => {
                freshness = Freshness::Fresh;
                continue;
            }
        };
        let (change, after) = draft.finish();
        match commit(app, change).await {
            Ok(()) => return Ok((outcome, Arc::new(after))),
            Err(Denied::Refusal(Refusal::VersionMoved { .. })) => freshness = Freshness::Fresh,
            Err(denied) => return Err(denied),
        }
    }
    Err(Problem::busy(format!("order {no} is being changed by others; try again")).of(no).into())
}

/// Like [`change`], with an idempotency key: the outcome is claimed with the effect, and a repeat gets it again.
pub async fn change_once<T>(
    app: &App,
    no: OrderNo,
    keyed: &Keyed<'_>,
    mut decide: impl FnMut(&OrderTree) -> Result<Decided<T>, Problem>,
) -> Result<(T, Option<Arc<OrderTree>>), Denied>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let decided = change(app, no, |tree| {
        Ok(match decide(tree)? {
            Decided::Commit(mut draft, outcome) => {
                draft.change.claim = keyed.claim(&outcome)?;
                Decided::Commit(draft, outcome)
            }
            nothing @ Decided::Nothing(_) => nothing,
        })
    });
    match decided.await {
        Ok((outcome, tree)) => Ok((outcome, Some(tree))),
        Err(Denied::Refusal(Refusal::KeyUsed(stored))) => Ok((keyed.read(&stored)?, None)),
        Err(denied) => match keyed.stored(app).await? {
            Some(outcome) => Ok((outcome, None)),
            None => Err(denied),
        },
    }
}

/// Commits a change.
pub async fn commit(app: &App, change: Change) -> Result<(), Denied> {
    let tally = Tally::of(&change);
    app.store.commit(change).await.map_err(denied)?;
    tally.count();
    Ok(())
}

/// A write that was not made.
pub fn denied(error: CommitError) -> Denied {
    match error {
        CommitError::Refused(refusal) => Denied::Refusal(refusal),
        CommitError::Busy { .. } => Problem::busy("the host is at its limit; try again").into(),
        CommitError::Failed(error) => store_problem(error).into(),
    }
}

/// A read that failed.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub fn store_problem(error: StoreError) -> Problem {
    Problem::internal(Chain(&error))
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a StoreError);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A refusal in the words of the API.
pub fn refusal_problem(refusal: &Refusal) -> Problem {
    let conflict = |code| Problem::conflict(code, refusal.to_string());
    match refusal {
        Refusal::VersionMoved { no } | Refusal::JournalMoved { no } => {
            Problem::busy("the order is being changed by others; try again").of(*no)
        }
        Refusal::StockShort { business, key, wanted, available } => conflict("stock-short")
            .with("business", business)
            .with("stock_key", key)
            .with("wanted", wanted)
            .with("available", available),
        Refusal::UnknownStock { business, key } => {
            conflict("stock-unknown").with("business", business).with("stock_key", key)
        }
        Refusal::BalanceShort { unit, needed, available } => {
            conflict("insufficient-balance").with("unit", unit).with("needed", needed).with("available", available)
        }
        Refusal::CouponUnusable { code } => conflict("coupon-unusable").with("coupon", code),
        Refusal::NumberTaken { no } => conflict("number-taken").of(*no),
        Refusal::KeyUsed(_) => Problem::refused("idempotency-key-reused", refusal.to_string()),
        Refusal::WaybillTaken { waybill } => conflict("waybill-taken").with("waybill", waybill),
        Refusal::TradeTaken { trade_no } => conflict("trade-taken").with("trade_no", trade_no),
        Refusal::ExternalKnown { no } => conflict("number-known").of(*no),
        Refusal::OperationDone { no, .. } => conflict("already-done").of(*no),
        Refusal::SignalSeen { .. } | Refusal::ParkedBefore { .. } => conflict("already-received"),
        Refusal::AccountTaken { method, account, business } => {
            conflict("account-taken").with("payment_method", method).with("account", account).with("business", business)
        }
        Refusal::Admin(_) => conflict("not-possible"),
    }
}

/// Whether the caller may know of a shop order: the one place that decides it. One that is not visible yet only staff
/// know, one that its buyer deleted for good is still there for sellers and staff.
pub fn sees(who: &Principal, shop: &ShopOrder) -> bool {
    match who.role {
        Role::Buyer => shop.buyer.as_str() == who.subject && !matches!(shop.visible, Visible::Gone | Visible::NotYet),
        Role::Shop => who.serves_shop(shop.shop.as_str()) && shop.visible != Visible::NotYet,
        Role::Business => who.runs_business(shop.business.as_str()) && shop.visible != Visible::NotYet,
        Role::Operator | Role::Admin => true,
    }
}

/// Whether the caller may see and drive the order; otherwise it does not exist for them. One that is not visible yet
/// nobody drives.
pub fn owned(who: &Principal, tree: &OrderTree, no: OrderNo) -> Result<(), Problem> {
    if tree.is_hidden() { Err(Problem::not_found(format!("order {no}"))) } else { readable(who, tree, no) }
}

/// The shop orders that a number of any level stands for.
fn concerned(tree: &OrderTree, no: OrderNo) -> impl Iterator<Item = &ShopOrder> {
    tree.shops.iter().filter(move |s| s.no == no || s.pay_no == no || s.items.iter().any(|i| i.no == no))
}

/// Whether the caller may read the order.
pub fn readable(who: &Principal, tree: &OrderTree, no: OrderNo) -> Result<(), Problem> {
    let mut concerned = concerned(tree, no).peekable();
    let merged_away = tree.shops.is_empty();
    let allowed = match who.role {
        Role::Buyer if merged_away => tree.pay.buyer.as_str() == who.subject,
        // Of what was merged away nothing is a seller's any more.
        Role::Shop | Role::Business => concerned.peek().is_some() && concerned.all(|s| sees(who, s)),
        Role::Buyer | Role::Operator | Role::Admin => merged_away || concerned.any(|s| sees(who, s)),
    };
    if allowed { Ok(()) } else { Err(Problem::not_found(format!("order {no}"))) }
}

/// Only these roles may do this.
pub fn role(who: &Principal, roles: &[Role]) -> Result<(), Problem> {
    if roles.contains(&who.role) {
        return Ok(());
    }
    let words: Vec<&str> = roles.iter().map(|r| r.word()).collect();
    Err(Problem::forbidden(format!("this needs the role {}; yours is {}", words.join(" or "), who.role)))
}

/// The pay order number is needed here.
pub fn must_be_pay_order(tree: &OrderTree, no: OrderNo) -> Result<(), Problem> {
    if tree.pay.no == no { Ok(()) } else { Err(wrong_level(tree, no, "pay order")) }
}

/// A shop order number is needed here.
pub fn must_be_shop_order(tree: &OrderTree, no: OrderNo) -> Result<OrderNo, Problem> {
    tree.shop(no).map(|shop| shop.no).ok_or_else(|| wrong_level(tree, no, "shop order"))
}

/// Names what the number stands for, nothing beside it: a seller may know one shop order and not its sisters.
fn wrong_level(tree: &OrderTree, no: OrderNo, wanted: &str) -> Problem {
    let shops: Vec<OrderNo> = concerned(tree, no).map(|s| s.no).collect();
    Problem::conflict("wrong-level", format!("{no} is not a {wanted}; use one of the numbers given"))
        .of(no)
        .with("pay_order_no", tree.pay.no)
        .with("shop_order_nos", shops)
}

/// The order waits for its stock: a moment later the same request may do.
pub fn stock_pending(no: OrderNo) -> Problem {
    let detail = "the order still waits for its stock; try again in a moment";
    Problem { retry_after_s: Some(1), ..Problem::conflict("stock-pending", detail).of(no) }
}

/// An item number is needed here: the shop order above it, and itself.
pub fn must_be_item(tree: &OrderTree, no: OrderNo) -> Result<(&ShopOrder, &ItemOrder), Problem> {
    let item = tree.shops.iter().find_map(|shop| Some((shop, shop.items.iter().find(|item| item.no == no)?)));
    let items: Vec<OrderNo> = concerned(tree, no).flat_map(|shop| &shop.items).map(|item| item.no).collect();
    item.ok_or_else(|| wrong_level(tree, no, "item order").with("item_order_nos", items))
}

/// An event that the state does not allow.
pub fn wrong_state(tree: &OrderTree, no: OrderNo, what: &str) -> Problem {
    let status = tree.shop(no).map_or(tree.status(), |s| s.status);
    Problem::new(Kind::Conflict, "wrong-state", format!("order {no} is {status}: it cannot be {what}"))
        .of(no)
        .with("status", status)
}

/// The order in short.
pub fn answer(tree: &OrderTree) -> OrderAnswer {
    let status = tree.status();
    let shop = |s: &ShopOrder| ShopOrderAnswer {
        order_no: s.no,
        business: s.business.to_string(),
        shop_id: s.shop.to_string(),
        status: s.status.word().to_owned(),
        status_code: s.status.code(),
        sub_status: s.sub_status.word().to_owned(),
        items: s.items.iter().map(|i| i.no).collect(),
    };
    OrderAnswer {
        order_no: tree.pay.no,
        status: status.word().to_owned(),
        status_code: status.code(),
        to_pay: tree.pay.amounts.to_pay,
        currency: tree.pay.currency.to_string(),
        expire_time: tree.pay.expire_time.map(rfc3339),
        reason: tree.pay.reason.as_ref().map(|r| r.code.clone()),
        shop_orders: tree.shops.iter().map(shop).collect(),
    }
}

/// The order in short with those shop orders that the caller may know of, and what is to pay for them; the others are
/// others'.
pub fn answer_for(who: &Principal, tree: &OrderTree) -> OrderAnswer {
    let mut answer = answer(tree);
    let seen = || tree.shops.iter().filter(|shop| sees(who, shop));
    if seen().count() < tree.shops.len() {
        answer.shop_orders.retain(|shown| seen().any(|shop| shop.no == shown.order_no));
        answer.to_pay = seen().flat_map(ShopOrder::shares).map(|share| share.cash).sum();
    }
    answer
}

/// What became of an event.
pub fn event_answer(tree: &OrderTree, no: OrderNo, effect: &str) -> EventAnswer {
    let (status, sub) = tree.shop(no).map_or(("unknown", "none"), |s| (s.status.word(), s.sub_status.word()));
    EventAnswer { order_no: no, effect: effect.to_owned(), status: status.to_owned(), sub_status: sub.to_owned() }
}
