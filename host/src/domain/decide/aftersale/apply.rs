//! Asking for an after-sale, and asking again after a rejection.

use super::{Cannot, OPEN_MAX, RESUBMITS_MAX, agree, arm, find, must, tell};
use crate::domain::aftersale::{Aftersale, AftersaleDetail, AftersaleKind, AftersaleStatus, Claim, Evidence};
use crate::domain::catalogue::LineRules;
use crate::domain::change::Write;
use crate::domain::decide::refund::{CannotRefund, Left, Wanted, left, parts};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::ShipmentStatus;
use crate::domain::ids::{AftersaleNo, OrderNo};
use crate::domain::money::Minor;
use crate::domain::order::{ItemOrder, ShopOrder, Status, SubStatus};
use crate::domain::tree::OrderTree;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Application {
    /// A fresh number.
    pub no: AftersaleNo,
    /// What.
    pub kind: AftersaleKind,
    /// Of which items, each once.
    pub wanted: Vec<Wanted>,
    /// What the business line says of them; empty where it does not price refunds.
    pub priced: Vec<Priced>,
    /// Why.
    pub reason: String,
    /// What the buyer has to show.
    pub evidence: Option<Evidence>,
}

/// What the business line says that units of an item are worth when they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// The item.
    pub item_no: OrderNo,
    /// What goes back of what the units cost, all ways of paying together, minor units.
    pub amount: Minor,
}

/// Applies. What was not deducted yet needs no decision: it is approved at once.
pub fn apply(draft: &mut Draft, shop_no: OrderNo, application: Application, rules: &LineRules) -> Result<(), Cannot> {
    let shop = open_shop(draft, shop_no)?;
    if draft.tree().aftersales_of(shop_no).filter(|a| a.is_open()).count() >= OPEN_MAX {
        return Err(Cannot::Limit { what: "open after-sales of an order", limit: OPEN_MAX });
    }
    let (items, unshipped) = claims(draft.tree(), &shop, &application)?;
    let at = draft.at();
    let (no, begun) = (application.no, shop.sub_status != SubStatus::ToDeduct || shop.suspended.is_some());
    let row = Aftersale {
        no,
        shop_no,
        buyer: shop.buyer.clone(),
        shop: shop.shop.clone(),
        business: shop.business.clone(),
        kind: application.kind,
        status: AftersaleStatus::Applied,
        reason: application.reason,
        items,
        detail: AftersaleDetail {
            unshipped,
            evidence: application.evidence.into_iter().collect(),
            ..AftersaleDetail::default()
        },
        deadline: Some(at + rules.aftersale_decide_ms),
        created_at: at,
        updated_at: at,
        ended_at: None,
    };
    draft.stay(shop_no, "aftersale_apply", no.to_string());
    tell(draft, &row);
    draft.aftersale(Write::Insert(row));
    arm(draft, shop_no);
    // Money without units is a merchant's to give, whatever the order's state.
    let of_units = draft.tree().aftersales.iter().any(|a| a.no == no && a.items.iter().all(|c| c.quantity > 0));
    if shop.status == Status::Paid && !begun && of_units {
        agree(draft, find(draft, no)?, rules, "nothing was done for the order yet");
    }
    Ok(())
}

/// Changes a rejected after-sale and hands it in again. Its own parts are free for it meanwhile.
pub fn resubmit(draft: &mut Draft, application: Application, rules: &LineRules) -> Result<(), Cannot> {
    let mut row = find(draft, application.no)?;
    must(&row, &[AftersaleStatus::Rejected], "resubmitted")?;
    if row.detail.goods_back {
        let what = "resubmitted: the goods are back, ask an operator";
        return Err(Cannot::State { no: row.no, status: row.status, what });
    }
    if row.detail.resubmits >= RESUBMITS_MAX {
        return Err(Cannot::Limit { what: "changes of an after-sale", limit: RESUBMITS_MAX.into() });
    }
    let shop = open_shop(draft, row.shop_no)?;
    let mut without = draft.tree().clone();
    without.aftersales.retain(|a| a.no != row.no);
    (row.items, row.detail.unshipped) = claims(&without, &shop, &application)?;
    row.kind = application.kind;
    row.reason = application.reason;
    row.detail.resubmits += 1;
    if let Some(evidence) = application.evidence {
        super::argue(&mut row, evidence)?;
    }
    draft.stay(row.shop_no, "aftersale_resubmit", "");
    let deadline = draft.at() + rules.aftersale_decide_ms;
    super::turn(draft, row, AftersaleStatus::Applied, Some(deadline));
    Ok(())
}

/// The shop order, if it can have an after-sale now.
fn open_shop(draft: &Draft, shop_no: OrderNo) -> Result<ShopOrder, Cannot> {
    let what = "an after-sale is possible from payment to the end of the after-sale window";
    let shop = draft.tree().shop(shop_no).cloned().ok_or(Cannot::Order { status: Status::Created, what })?;
    let open = matches!(shop.status, Status::Paid | Status::Shipped | Status::Received);
    if !open || shop.sub_status == SubStatus::Closing {
        return Err(Cannot::Order { status: shop.status, what });
    }
    let window_ends = shop.received_at.map(|received| received + shop.facts.aftersale_window_ms);
    if window_ends.is_some_and(|ends| draft.at() >= ends) {
        return Err(Cannot::TooLate);
    }
    Ok(shop)
}

/// What is asked for as parts of items, and whether all of it is still here.
fn claims(tree: &OrderTree, shop: &ShopOrder, asked: &Application) -> Result<(Vec<Claim>, bool), Cannot> {
    let goods = asked.kind != AftersaleKind::Refund;
    if goods && asked.wanted.iter().any(|w| w.quantity == 0 || w.amount.is_some()) {
        return Err(Cannot::Units);
    }
    if asked.wanted.is_empty() {
        return Err(CannotRefund::NothingLeft.into());
    }
    let left = left(tree, shop);
    let parts = parts(&left, &asked.wanted)?;
    let of_units = parts.iter().filter(|part| part.quantity > 0);
    let here: Vec<bool> = of_units.filter_map(|p| waits(tree, shop, p.item_no, p.quantity)).collect();
    let unshipped = shop.status == Status::Paid && !here.is_empty() && here.iter().all(|here| *here);
    if shop.status == Status::Paid && !unshipped && here.iter().any(|here| *here) {
        return Err(Cannot::Mixed);
    }
    if goods && (unshipped || shop.status == Status::Paid && shop.sub_status != SubStatus::PartShipped) {
        return Err(Cannot::Order { status: shop.status, what: "goods that were not shipped need not come back" });
    }
    let mut claims = Vec::with_capacity(parts.len());
    for part in &parts {
        let Some(item) = shop.items.iter().find(|i| Some(i.no) == part.item_no) else { continue };
        let units = units(&left, item, part.quantity)?;
        if part.quantity > 0 && part.cash() > units.cash() {
            let (no, quantity, cash) = (item.no, part.quantity, units.cash());
            return Err(CannotRefund::AboveLeft { no, quantity, cash }.into());
        }
        let priced = asked.priced.iter().find(|p| p.item_no == item.no).map(|p| p.amount);
        claims.push(claim(item, part, &units, priced));
    }
    Ok((claims, unshipped))
}

/// What units of an item cost the buyer, of what is left.
fn units(left: &[Left], item: &ItemOrder, quantity: u32) -> Result<Left, CannotRefund> {
    let none = Left { item_no: Some(item.no), quantity: 0, provider: 0, balance: 0, coins: 0 };
    if quantity == 0 {
        return Ok(none);
    }
    let worth = parts(left, &[Wanted { item_no: item.no, quantity, amount: None }])?;
    Ok(worth.first().copied().unwrap_or(none))
}

/// Whether units of an item are in packages that have not left; none if it is not of the order.
fn waits(tree: &OrderTree, shop: &ShopOrder, item_no: Option<OrderNo>, quantity: u32) -> Option<bool> {
    let item = shop.items.iter().find(|i| Some(i.no) == item_no)?;
    let waiting = tree.shipments_of(shop.no).filter(|s| s.status == ShipmentStatus::Created);
    let units = waiting.flat_map(|s| &s.items).filter(|p| p.line == item.line).map(|p| p.quantity);
    Some(units.sum::<u32>() >= quantity)
}

/// Whether all units of these claims are in packages that have not left.
pub(super) fn are_here(tree: &OrderTree, shop: &ShopOrder, claims: &[Claim]) -> bool {
    let of_units = claims.iter().filter(|claim| claim.quantity > 0);
    of_units.into_iter().all(|claim| waits(tree, shop, Some(claim.item_no), claim.quantity) == Some(true))
}

/// What goes back of a part and what is kept of it. `units` is what its units cost the buyer; the line's word on them
/// is of everything that was given for them, and the third party's share is never the buyer's.
fn claim(item: &ItemOrder, part: &Left, units: &Left, priced: Option<Minor>) -> Claim {
    let value = |coins: i64| match item.share.coins {
        0 => 0,
        all => i64::try_from(i128::from(item.share.coins_value) * i128::from(coins) / i128::from(all)).unwrap_or(0),
    };
    let (mut cash, mut coins) = (part.cash(), part.coins);
    if let Some(amount) = priced.filter(|_| part.quantity > 0) {
        let third = i64::from(part.quantity) * item.share.third_party / i64::from(item.quantity.max(1));
        let whole = units.cash() + value(units.coins);
        let back = (amount - third).clamp(0, whole);
        let kept = whole - back;
        cash = cash.min(units.cash() - kept.min(units.cash()));
        let beyond = kept - kept.min(units.cash());
        if beyond > 0 {
            let worth = value(units.coins).max(1);
            coins =
                i64::try_from(i128::from(units.coins) * i128::from(worth - beyond) / i128::from(worth)).unwrap_or(0);
        }
    }
    // Of units that come back nothing stays open: what does not go back is kept.
    let (fee, fee_coins) = if part.quantity > 0 { (units.cash() - cash, units.coins - coins) } else { (0, 0) };
    Claim { item_no: item.no, quantity: part.quantity, cash, coins, fee, fee_coins }
}
