//! After-sales: what buyers ask for and merchants decide. Each use case is one decision of `decide::aftersale`; the money
//! begins in the same change where nobody outside must be asked first, else forward goes on.

pub(super) mod apply;
mod goods;
mod read;
mod views;

pub use apply::{Request, apply, quote, resubmit};
pub use goods::{confirm_return, parcel_arrived, send_back};
pub use read::{Listing, get, list};
pub use views::{AftersaleAnswer, AftersalePage, AftersaleQuote, ClaimView, EvidenceView, ParcelView};

use std::sync::Arc;

use super::api::Idempotency;
use super::numbers::fresh;
use super::orders::{Decided, Denied, Freshness, Keyed, change, change_once, owned, role, store_problem, tree};
use super::pay::actor;
use super::problem::Problem;
use super::{App, forward, fulfilment, loading, refund};
use crate::domain::aftersale::{Aftersale, AftersaleStatus, Evidence};
use crate::domain::catalogue::LineRules;
use crate::domain::change::Refusal;
use crate::domain::decide::aftersale::{self as decide, Cannot};
use crate::domain::decide::refund::REFUNDS;
use crate::domain::decide::ship::is_deducted;
use crate::domain::draft::Draft;
use crate::domain::ids::{AftersaleNo, OrderNo, RefundNo, ShipmentNo};
use crate::domain::order::ShopOrder;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Who asks.
const BUYERS: &[Role] = &[Role::Buyer, Role::Operator, Role::Admin];
/// Who decides.
const SELLERS: &[Role] = &[Role::Shop, Role::Business, Role::Operator, Role::Admin];

/// Numbers that a decision may need.
pub(super) struct Fresh {
    pub(super) refunds: Vec<RefundNo>,
    pub(super) shipment: ShipmentNo,
    pub(super) aftersale: AftersaleNo,
}

pub(super) async fn numbers(app: &App, no: OrderNo) -> Result<Fresh, Problem> {
    let mut numbers = fresh(app, REFUNDS + 2, no.slot()).await?;
    let mut one = || numbers.pop().ok_or_else(|| Problem::internal("a block of numbers has what was asked for"));
    let (aftersale, shipment) = (AftersaleNo(one()?), ShipmentNo(one()?));
    Ok(Fresh { refunds: numbers.into_iter().map(RefundNo).collect(), shipment, aftersale })
}

impl From<Cannot> for Problem {
    fn from(cannot: Cannot) -> Self {
        let code = match &cannot {
            Cannot::Order { .. } => "wrong-state",
            Cannot::TooLate => "aftersale-window-over",
            Cannot::State { .. } => "aftersale-state",
            Cannot::Unknown(no) => return Self::not_found(format!("after-sale {no}")),
            Cannot::Units => return Self::invalid("bad-body", cannot.to_string()),
            Cannot::Mixed => "partly-shipped",
            Cannot::Refund(_) => "refund-above-remaining",
            Cannot::NoExchange(_) => "wrong-shipment",
            Cannot::Limit { .. } => "aftersale-limit",
            Cannot::HookInFlight => "hook-in-flight",
        };
        Self::conflict(code, cannot.to_string())
    }
}

/// The merchant agrees, or an operator where the two sides do not. An exchange whose new goods are short becomes a
/// return.
pub async fn approve(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    note: String,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_approve", key.as_ref());
    let agree = |short: bool| {
        let note = note.clone();
        on(app, who, no, SELLERS, &keyed, move |draft, row, rules, fresh| {
            may_decide(who, row)?;
            if by_hand(who, draft, row) {
                decide::without_supplier(draft, no, &note)?;
                return Ok(decide::proceed(draft, no, rules, &fresh.refunds).map(drop)?);
            }
            if short {
                decide::into_return(draft, no)?;
            }
            Ok(decide::approve(draft, no, rules, fresh.shipment, &note)?)
        })
    };
    match agree(false).await {
        Err(Denied::Refusal(Refusal::StockShort { .. } | Refusal::UnknownStock { .. })) => Ok(agree(true).await?),
        other => Ok(other?),
    }
}

/// The merchant says no and why, or an operator for good.
pub async fn reject(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    why: String,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_reject", key.as_ref());
    let rejected = on(app, who, no, SELLERS, &keyed, |draft, row, rules, _| {
        may_decide(who, row)?;
        if by_hand(who, draft, row) {
            decide::without_supplier(draft, no, &why)?;
            return Ok(decide::not_revoked(draft, no, rules, &why)?);
        }
        Ok(decide::reject(draft, no, rules, &why)?)
    });
    Ok(rejected.await?)
}

/// The buyer withdraws it.
pub async fn withdraw(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_withdraw", key.as_ref());
    Ok(on(app, who, no, BUYERS, &keyed, |draft, _, _, _| Ok(decide::withdraw(draft, no)?)).await?)
}

/// The buyer asks an operator.
pub async fn arbitrate(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_arbitrate", key.as_ref());
    Ok(on(app, who, no, BUYERS, &keyed, |draft, _, _, _| Ok(decide::arbitrate(draft, no)?)).await?)
}

/// A word of either side, with links to pictures.
pub async fn add_evidence(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    (text, links): (String, Vec<String>),
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_evidence", key.as_ref());
    let added = on(app, who, no, &Role::ALL, &keyed, |draft, _, _, _| {
        let evidence = Evidence { by: actor(who), at: draft.at(), text: text.clone(), links: links.clone() };
        Ok(decide::add_evidence(draft, no, evidence)?)
    });
    Ok(added.await?)
}

/// Where a supplier does not say whether it takes something back, and the order stands still with a mark, an operator's
/// word replaces its own.
fn by_hand(who: &Principal, draft: &Draft, row: &Aftersale) -> bool {
    let staff = matches!(who.role, Role::Operator | Role::Admin);
    let stands = draft.tree().shop(row.shop_no).is_some_and(|shop| shop.attention.is_some());
    staff && stands && row.status == AftersaleStatus::Approved && decide::is_due(row)
}

/// What both sides disagree about is an operator's.
fn may_decide(who: &Principal, row: &Aftersale) -> Result<(), Problem> {
    let seller = matches!(who.role, Role::Shop | Role::Business);
    if seller && row.status == AftersaleStatus::Arbitrating {
        return Err(Problem::conflict("arbitrating", format!("an operator decides after-sale {} now", row.no)));
    }
    Ok(())
}

/// Decides on an after-sale that the caller has to do with, and lets its money begin.
async fn on(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    roles: &[Role],
    keyed: &Keyed<'_>,
    decide: impl Fn(&mut Draft, &Aftersale, &LineRules, &Fresh) -> Result<(), Problem> + Send,
) -> Result<AftersaleAnswer, Denied> {
    role(who, roles)?;
    let missing = || Problem::not_found(format!("after-sale {no}"));
    let read = app.store.tree_of_aftersale(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let row = read.aftersales.iter().find(|a| a.no == no).ok_or_else(missing)?;
    owned(who, &read, row.shop_no).map_err(|_| missing())?;
    let shop_no = row.shop_no;
    prepare(app, &read, shop_no).await;
    let fresh = numbers(app, shop_no).await?;
    let decided = change_once(app, shop_no, keyed, |tree| {
        owned(who, tree, shop_no)?;
        let row = tree.aftersales.iter().find(|a| a.no == no).ok_or_else(missing)?;
        let rules = refund::line_rules(app, &row.business);
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide(&mut draft, row, &rules, &fresh)?;
        money(app, &mut draft, shop_no, &rules, &fresh.refunds)?;
        let answer = AftersaleAnswer::of(draft.tree(), no).ok_or_else(missing)?;
        Ok(Decided::Commit(Box::new(draft), answer))
    });
    let (answer, tree) = decided.await?;
    if let Some(tree) = tree {
        follow(app, &tree, shop_no);
    }
    Ok(answer)
}

/// Has the version at hand that may have to revoke something.
pub(super) async fn prepare(app: &App, tree: &OrderTree, shop_no: OrderNo) {
    if let Some(shop) = tree.shop(shop_no) {
        loading::at_hand(app, &shop.business, shop.plugin).await;
    }
}

/// Whether the line's `revoke` hook must be asked before money goes back: something was done at its supplier.
fn must_revoke(app: &App, shop: &ShopOrder) -> bool {
    is_deducted(shop) && app.plugins.has_aftersale(&shop.business, shop.plugin).unwrap_or(true)
}

/// Whether the supplier must take something back before the money of this one can go.
pub(super) fn asks_supplier(app: &App, tree: &OrderTree, shop: &ShopOrder, row: &Aftersale) -> bool {
    !row.takes_goods_back() && !decide::must_come_back(tree, shop, row) && must_revoke(app, shop)
}

/// Begins the refund of the shop order that waits for nobody.
pub(super) fn money(
    app: &App,
    draft: &mut Draft,
    shop_no: OrderNo,
    rules: &LineRules,
    numbers: &[RefundNo],
) -> Result<(), Problem> {
    let Some(shop) = draft.tree().shop(shop_no).cloned() else { return Ok(()) };
    if let Some(row) = decide::ready(draft.tree(), &shop)
        && !asks_supplier(app, draft.tree(), &shop, row)
    {
        let no = row.no;
        decide::proceed(draft, no, rules, numbers)?;
    }
    fulfilment::arm(app, draft, &shop);
    Ok(())
}

/// What goes on outside of the change: refunds at their providers, hooks that must be asked.
pub(super) fn follow(app: &App, tree: &Arc<OrderTree>, shop_no: OrderNo) {
    refund::spawn(app, tree.pay.no);
    forward::spawn(app, shop_no, forward::Cause::Signal);
}

/// Does what the passed deadlines of an order's after-sales say, one change each, so that one which cannot go on keeps
/// no other from its turn.
pub async fn deadlines(app: &App, shop_no: OrderNo) -> Result<(), Problem> {
    let read = tree(app, shop_no, Freshness::Fresh).await?;
    prepare(app, &read, shop_no).await;
    for no in decide::overdue(&read, shop_no, app.clock.now()) {
        match pass(app, shop_no, no, Way::Plain).await {
            Err(Denied::Refusal(Refusal::StockShort { .. } | Refusal::UnknownStock { .. })) => {
                pass(app, shop_no, no, Way::IntoReturn).await?;
            }
            other => other?,
        }
    }
    follow(app, &tree(app, shop_no, Freshness::Fresh).await?, shop_no);
    Ok(())
}

/// How a deadline is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// The new goods of an exchange are short.
    IntoReturn,
}

async fn pass(app: &App, shop_no: OrderNo, no: AftersaleNo, way: Way) -> Result<(), Denied> {
    let fresh = numbers(app, shop_no).await?;
    let passed = change(app, shop_no, |tree| {
        let now = app.clock.now();
        let Some(shop) = tree.shop(shop_no) else { return Ok(Decided::Nothing(())) };
        let mut draft = Draft::new(tree, now, "timer:aftersale");
        if !decide::overdue(tree, shop_no, now).contains(&no) {
            return Ok(Decided::Nothing(()));
        }
        let rules = refund::line_rules(app, &shop.business);
        if way == Way::IntoReturn {
            decide::into_return(&mut draft, no)?;
        }
        decide::deadline(&mut draft, no, &rules, fresh.shipment)?;
        money(app, &mut draft, shop_no, &rules, &fresh.refunds)?;
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    passed.await.map(drop)
}
