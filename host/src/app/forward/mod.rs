//! Forward: advance one shop order as far as it can go now, under its lock.
//!
//! Each round reads the order, runs hooks (pure) and events on a draft, and commits one change. A hook that asks for a
//! call ends the round: what it waits for is committed, the call is made, and the next round runs it again with the
//! answer. Killed anywhere, the compensation timer begins again from what was committed.

mod ask;
mod hooks;
pub(super) mod journal;
mod outside;
mod packages;
mod questions;
mod rounds;

use std::sync::Arc;

use super::App;
use super::api::OrderAnswer;
use super::orders::{Decided, Freshness, answer_for, change, must_be_shop_order, owned, tree};
use super::problem::Problem;
use crate::domain::change::{ExceptionNotice, Parked, ShipNotice, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::hook::Trigger;
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::order::Status;
use crate::domain::tree::OrderTree;
use crate::identity::Principal;

pub(super) use outside::line_secret;
pub use rounds::{Went, advance};

/// Why an order is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was just paid.
    Paid,
    /// Somebody asked for it.
    Api,
    /// A signal arrived.
    Signal,
    /// The compensation timer fired for the n-th time.
    Timer(i64),
}

impl Cause {
    fn attempt(self) -> i64 {
        match self {
            Self::Timer(attempt) => attempt,
            Self::Paid | Self::Api | Self::Signal => 0,
        }
    }
}

/// What to do with the order before it is forwarded, judged by its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A package left.
    Ship(ShipNotice),
    /// A package arrived; none names the only one on its way.
    Deliver(Option<ShipmentNo>),
    /// A package was lost, refused or will be late.
    Exception(ExceptionNotice),
    /// The buyer, or the timer, says that delivery is done.
    Receive(Trigger),
}

/// A request to forward.
pub struct Forward<'a> {
    /// Which shop order.
    pub no: OrderNo,
    /// Why.
    pub cause: Cause,
    /// Who, for the flow.
    pub actor: String,
    /// What happened to it.
    pub event: Option<Event>,
    /// The caller's idempotency key, claimed with the first commit.
    pub keyed: Option<&'a super::orders::Keyed<'a>>,
    /// The parked event this is, taken up with its effect.
    pub parked: Option<&'a Parked>,
}

impl Forward<'_> {
    /// Forward without an event.
    pub fn plain(no: OrderNo, cause: Cause) -> Self {
        let actor = match cause {
            Cause::Timer(_) => "timer:compensate",
            Cause::Paid | Cause::Api | Cause::Signal => "forward",
        };
        Self { no, cause, actor: actor.to_owned(), event: None, keyed: None, parked: None }
    }
}

/// Forwards every shop order of a tree in the background.
pub fn spawn_all(app: &App, tree: &OrderTree, cause: Cause) {
    for shop in &tree.shops {
        spawn(app, shop.no, cause);
    }
}

/// Forwards a shop order in the background. Its failure is logged; the compensation timer tries again.
pub fn spawn(app: &App, no: OrderNo, cause: Cause) {
    let (tasks, app) = (app.tasks.clone(), app.clone());
    tasks.spawn("forward", async move {
        if let Err(problem) = advance(&app, Forward::plain(no, cause)).await {
            tracing::warn!(%no, %problem, "an order was not forwarded; its timer tries again");
        }
    });
}

/// Advances an order now; a pay order fans out to its shop orders.
pub async fn forward(app: &App, who: &Principal, no: OrderNo) -> Result<OrderAnswer, Problem> {
    let read = tree(app, no, Freshness::Cached).await?;
    owned(who, &read, no)?;
    let shops: Vec<OrderNo> = if read.pay.no == no {
        read.shops.iter().map(|s| s.no).collect()
    } else {
        vec![must_be_shop_order(&read, no)?]
    };
    let mut newest = read;
    for shop in shops {
        newest = advance(app, Forward::plain(shop, Cause::Api)).await?.tree;
    }
    Ok(answer_for(who, &newest))
}

/// Arms the compensation timer to fire at once: the order is forwarded in the background even if this host dies.
pub async fn compensate(app: &App, who: &Principal, no: OrderNo) -> Result<OrderAnswer, Problem> {
    let armed = change(app, no, |tree| {
        owned(who, tree, no)?;
        if tree.pay.no != no {
            must_be_shop_order(tree, no)?;
        }
        let now = app.clock.now();
        let mut draft = Draft::new(tree, now, "compensate");
        let concerned = tree.shops.iter().filter(|s| (s.no == no || tree.pay.no == no) && !s.status.is_final());
        let concerned: Vec<OrderNo> = concerned.filter(|s| s.status != Status::Received).map(|s| s.no).collect();
        for shop in concerned {
            draft.arm(shop, TimerKind::Compensate, now, 0);
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    let ((), tree): ((), Arc<OrderTree>) = armed.await?;
    Ok(answer_for(who, &tree))
}
