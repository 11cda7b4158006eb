//! Money that goes back: what is owed now, and what becomes of it.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::ids::{AftersaleNo, OrderNo, RefundNo};
use crate::domain::order::ShopOrder;
use crate::domain::payment::{Refund, RefundLine, RefundStatus, Way};
use crate::domain::reconcile::{Discrepancy, DiscrepancyKind};
use crate::domain::resource::{Account, SALES, Transfer, Unit};

use super::aftersale;
pub use super::left::{CannotRefund, Left, Wanted, left, parts, unrefunded};
use super::unpaid::REFUND_RETRY_MS;

/// How many refunds one decision about a shop order makes at most: one per way.
pub const REFUNDS: usize = 3;

/// Owes parts of a shop order back, each in the way it was paid. The wallet gets its part in this change; the provider
/// is asked after it. The shop order must have been stepped.
///
/// `cause` is the after-sale that asked for it.
pub fn owe(
    draft: &mut Draft,
    shop: &ShopOrder,
    parts: &[Left],
    (reason, cause): (&str, Option<AftersaleNo>),
    numbers: &[RefundNo],
) {
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
            aftersale_no: cause,
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
    if let Some(no) = refund.aftersale_no {
        aftersale::refund_failed(draft, no, why);
    }
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
    if let Some(no) = failed.aftersale_no {
        aftersale::refund_retried(draft, no);
    }
    let again =
        Refund { no, status: RefundStatus::Pending, attempts: 0, replaced_by: None, created_at: at, ..failed.clone() };
    draft.refund(Write::Update(Refund { replaced_by: Some(no), ..failed.clone() }), "refund_replaced", no.to_string());
    draft.refund(Write::Insert(again), "refund_owed", failed.reason.clone());
    draft.arm(failed.pay_no, TimerKind::Refund, at, 0);
}
