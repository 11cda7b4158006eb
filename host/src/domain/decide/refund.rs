//! Money that goes back: how much of each line is left, what of it is owed now, and what becomes of it.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::money::Minor;
use crate::domain::order::{ItemOrder, Share, ShopOrder};
use crate::domain::payment::{Refund, RefundLine, RefundStatus, Way};
use crate::domain::reconcile::{Discrepancy, DiscrepancyKind};
use crate::domain::resource::{Account, SALES, Transfer, Unit};
use crate::domain::tree::OrderTree;

use super::unpaid::REFUND_RETRY_MS;

/// How many refunds one decision about a shop order makes at most: one per way.
pub const REFUNDS: usize = 3;

/// What of a line can still go back, refunds on their way taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The item; none for freight.
    pub item_no: Option<OrderNo>,
    /// Units.
    pub quantity: u32,
    /// Minor units through the provider.
    pub provider: Minor,
    /// Minor units into the wallet.
    pub balance: Minor,
    /// Coins, counted.
    pub coins: i64,
}

impl Left {
    /// Provider and wallet together, minor units.
    pub fn cash(&self) -> Minor {
        self.provider + self.balance
    }

    fn part(&self, way: Way) -> i64 {
        match way {
            Way::Provider => self.provider,
            Way::Balance => self.balance,
            Way::Coins => self.coins,
        }
    }

    fn part_mut(&mut self, way: Way) -> &mut i64 {
        match way {
            Way::Provider => &mut self.provider,
            Way::Balance => &mut self.balance,
            Way::Coins => &mut self.coins,
        }
    }
}

/// What is left of each item of a shop order, and last of its freight.
pub fn left(tree: &OrderTree, shop: &ShopOrder) -> Vec<Left> {
    let line = |item_no, quantity, share: &Share| Left {
        item_no,
        quantity,
        provider: share.cash - share.balance,
        balance: share.balance,
        coins: share.coins,
    };
    // Units that are back already are counted by the item itself: some went without money.
    let units = |i: &ItemOrder| i.quantity.saturating_sub(i.refunded.quantity);
    let items = shop.items.iter().map(|i| line(Some(i.no), units(i), &i.share));
    let mut lines: Vec<Left> = items.chain([line(None, 0, &shop.amounts.freight_share)]).collect();
    for refund in tree.refunds.iter().filter(|r| r.shop_no == Some(shop.no) && r.counts()) {
        for gone in &refund.lines {
            if let Some(line) = lines.iter_mut().find(|line| line.item_no == gone.item_no) {
                *line.part_mut(refund.way) -= gone.amount;
                if refund.status != RefundStatus::Succeeded {
                    line.quantity = line.quantity.saturating_sub(gone.quantity);
                }
            }
        }
    }
    lines
}

/// A part of an item that shall go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub item_no: OrderNo,
    /// Units; 0 moves money only.
    pub quantity: u32,
    /// Minor units; none is what the units cost.
    pub amount: Option<Minor>,
}

/// Why a part cannot go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRefund {
    /// The item is not of this shop order, or named twice.
    #[error("item {0} is not in this shop order, or named twice")]
    Item(OrderNo),
    /// Neither units nor an amount.
    #[error("item {0}: say how many units or how much money")]
    Nothing(OrderNo),
    /// More than is left.
    #[error("item {no}: {quantity} units and {cash} minor units can still be refunded")]
    AboveLeft {
        /// Which.
        no: OrderNo,
        /// Units left.
        quantity: u32,
        /// Minor units left.
        cash: Minor,
    },
}

/// What the wanted parts come to, by way. Units take their part of what is left; the last unit takes the rest, so that
/// any sequence of partial refunds adds up to exactly what was paid.
pub fn parts(left: &[Left], wanted: &[Wanted]) -> Result<Vec<Left>, CannotRefund> {
    let mut parts: Vec<Left> = Vec::with_capacity(wanted.len());
    for want in wanted {
        let line = left.iter().find(|line| line.item_no == Some(want.item_no));
        let line = line.filter(|_| !parts.iter().any(|p| p.item_no == Some(want.item_no)));
        let line = line.ok_or(CannotRefund::Item(want.item_no))?;
        let above = CannotRefund::AboveLeft { no: want.item_no, quantity: line.quantity, cash: line.cash() };
        if want.quantity == 0 && want.amount.unwrap_or(0) <= 0 {
            return Err(CannotRefund::Nothing(want.item_no));
        }
        if want.quantity > line.quantity || want.amount.is_some_and(|amount| amount < 0 || amount > line.cash()) {
            return Err(above);
        }
        let of_units = |part: i64| share_of(part, want.quantity, line.quantity);
        let mut part = Left {
            item_no: line.item_no,
            quantity: want.quantity,
            provider: of_units(line.provider),
            balance: of_units(line.balance),
            coins: of_units(line.coins),
        };
        if let Some(amount) = want.amount {
            part.balance = portion(amount, line.balance, line.cash());
            part.provider = amount - part.balance;
        }
        parts.push(part);
    }
    Ok(parts)
}

/// `quantity` of `units` that are left of `whole`, rounded down; all of it for the last ones.
fn share_of(whole: i64, quantity: u32, units: u32) -> i64 {
    if quantity == units { if units == 0 { 0 } else { whole } } else { portion(whole, quantity.into(), units.into()) }
}

/// `whole × part / of`, rounded down; 0 of nothing.
fn portion(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    i64::try_from(i128::from(whole) * i128::from(part) / i128::from(of)).unwrap_or(0)
}

/// Owes parts of a shop order back, each in the way it was paid. The wallet gets its part in this change; the provider
/// is asked after it. The shop order must have been stepped.
pub fn owe(draft: &mut Draft, shop: &ShopOrder, parts: &[Left], reason: &str, numbers: &[RefundNo]) {
    let at = draft.at();
    let mut units_counted = false;
    for (way, number) in Way::ALL.iter().zip(numbers) {
        let amount: i64 = parts.iter().map(|line| line.part(*way)).sum();
        if amount == 0 {
            continue;
        }
        let units = |quantity: u32| if units_counted { 0 } else { quantity };
        let line = |p: &Left| RefundLine { item_no: p.item_no, quantity: units(p.quantity), amount: p.part(*way) };
        let lines = parts.iter().map(line).filter(|line| line.amount > 0 || line.quantity > 0).collect();
        units_counted = true;
        let refund = Refund {
            no: *number,
            pay_no: shop.pay_no,
            shop_no: Some(shop.no),
            aftersale_no: None,
            payment_no: draft.tree().pay.paid_by.filter(|_| *way != Way::Coins),
            way: *way,
            amount,
            status: RefundStatus::Pending,
            reason: reason.to_owned(),
            lines,
            attempts: 0,
            replaced_by: None,
            created_at: at,
            succeeded_at: None,
        };
        draft.refund(Write::Insert(refund.clone()), "refund_owed", reason);
        if *way == Way::Provider {
            draft.arm(shop.pay_no, TimerKind::Refund, at + REFUND_RETRY_MS, 0);
        } else {
            into_wallet(draft, &refund);
            succeeded(draft, refund);
        }
    }
    if !units_counted {
        // Somebody else paid for everything: units go back without money.
        for part in parts.iter().filter(|part| part.quantity > 0) {
            if let Some(item) = part.item_no.and_then(|no| draft.item(shop.no, no)) {
                item.refunded.quantity += part.quantity;
            }
        }
    }
}

fn into_wallet(draft: &mut Draft, refund: &Refund) {
    let pay = &draft.tree().pay;
    let unit = if refund.way == Way::Coins { Unit::Coins } else { Unit::Money(pay.currency) };
    let to = Account::Available(pay.buyer.clone());
    let operation = format!("refund:{}", refund.no);
    let transfer = Transfer { order_no: pay.no, operation, from: SALES, to, unit, amount: refund.amount };
    draft.change.transfers.push(transfer);
}

/// The provider did a refund. The shop order must have been stepped, if it is for one.
pub(super) fn succeeded(draft: &mut Draft, mut refund: Refund) {
    refund.status = RefundStatus::Succeeded;
    refund.succeeded_at = Some(draft.at());
    let open = |no: &OrderNo| draft.tree().shop(*no).is_some_and(|shop| !shop.status.is_final());
    if let Some(shop_no) = refund.shop_no.filter(open) {
        for line in &refund.lines {
            let refunded = match line.item_no {
                None => Some(&mut draft.stepped(shop_no).amounts.freight_refunded),
                Some(item_no) => draft.item(shop_no, item_no).map(|item| &mut item.refunded),
            };
            let Some(refunded) = refunded else { continue };
            refunded.quantity += line.quantity;
            if refund.way == Way::Coins {
                refunded.coins += line.amount;
            } else {
                refunded.cash += line.amount;
            }
        }
    }
    let data = json!({
        "refund_no": refund.no, "payment_no": refund.payment_no, "way": refund.way, "amount": refund.amount,
        "shop_order_no": refund.shop_no, "reason": refund.reason,
    });
    draft.refund(Write::Update(refund), "refunded", "");
    draft.emit_pay("REFUND_SUCCEEDED", data);
}

/// The provider declared a refund finally failed: a person decides, and it gets a new number ([`replace`]).
pub fn failed(draft: &mut Draft, mut refund: Refund, why: &str) {
    refund.status = RefundStatus::Failed;
    show(draft, &refund, DiscrepancyKind::RefundFailed, &format!("refund {} failed: {why}", refund.no));
    draft.refund(Write::Update(refund), "refund_failed", why);
}

/// The provider needs a person to finish a refund; it is still asked about.
pub fn stuck(draft: &mut Draft, refund: Refund, why: &str) {
    show(
        draft,
        &refund,
        DiscrepancyKind::RefundStuck,
        &format!("refund {} is stuck at the provider: {why}", refund.no),
    );
    draft.refund(Write::Update(refund), "refund_stuck", why);
}

/// Puts a refund on the list of differences, and marks its shop order if that has not ended.
fn show(draft: &mut Draft, refund: &Refund, kind: DiscrepancyKind, text: &str) {
    let payment = draft.tree().payments.iter().find(|p| Some(p.no) == refund.payment_no);
    if let Some(payment) = payment {
        let found = Discrepancy {
            method: payment.method.clone(),
            account: payment.account.clone(),
            kind,
            reference: refund.no.to_string(),
            payment_no: Some(payment.no),
            refund_no: Some(refund.no),
            trade_no: payment.trade_no.clone(),
            ours: Some(refund.amount),
            theirs: None,
            currency: payment.currency.to_string(),
            day: None,
            note: text.to_owned(),
            found_at: draft.at(),
        };
        draft.change.discrepancies.push(found);
    }
    let shop = refund.shop_no.and_then(|no| draft.tree().shop(no)).filter(|s| !s.status.is_final());
    if let Some(no) = shop.filter(|s| s.attention.as_deref() != Some(text)).map(|s| s.no) {
        draft.stay(no, kind.word(), text).attention = Some(text.to_owned());
    }
}

/// Owes a failed refund again under a new number.
pub fn replace(draft: &mut Draft, failed: &Refund, no: RefundNo) {
    let at = draft.at();
    let again =
        Refund { no, status: RefundStatus::Pending, attempts: 0, replaced_by: None, created_at: at, ..failed.clone() };
    draft.refund(Write::Update(Refund { replaced_by: Some(no), ..failed.clone() }), "refund_replaced", no.to_string());
    draft.refund(Write::Insert(again), "refund_owed", failed.reason.clone());
    draft.arm(failed.pay_no, TimerKind::Refund, at, 0);
}
