//! Payments that do not pay their order: closed, failed, too late, or of another amount. Money that arrived is never
//! kept silently.

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::ids::{Millis, RefundNo, ShipmentNo};
use crate::domain::money::{Currency, Minor, apportion};
use crate::domain::payment::{Arrived, Payment, PaymentStatus, Refund, RefundStatus, Way};
use crate::domain::reconcile::{Discrepancy, DiscrepancyKind};
use crate::domain::resource::Account;
use crate::domain::tree::OrderTree;

use super::pay::{BALANCE, Paid, lines, payment_data, succeed, transfer};

/// First pause before a provider is asked about a refund again.
pub const REFUND_RETRY_MS: Millis = 5_000;

/// Ends an open attempt: closed at its provider, or given up.
pub fn close(draft: &mut Draft, payment: Payment, why: &str) {
    end(draft, payment, PaymentStatus::Closed, "closed", why);
}

/// The provider says that it will not happen.
pub fn fail(draft: &mut Draft, payment: Payment, why: &str) {
    end(draft, payment, PaymentStatus::Failed, "failed", why);
}

fn end(draft: &mut Draft, mut payment: Payment, status: PaymentStatus, step: &str, why: &str) {
    release(draft, &payment);
    payment.status = status;
    payment.ended_at = Some(draft.at());
    draft.payment(Write::Update(payment), step, why);
}

/// Gives back what an open attempt holds of the wallet.
fn release(draft: &mut Draft, payment: &Payment) {
    if payment.is_open() && payment.balance > 0 && payment.method.as_str() != BALANCE {
        let buyer = draft.tree().pay.buyer.clone();
        transfer(draft, payment, "release", Account::Held(buyer.clone()), Account::Available(buyer));
    }
}

/// Whether the success of a payment pays its whole order. The price may have changed since (split, re-price, address);
/// and the wallet's part of an attempt that ended was given back: alone, the provider's part pays nothing.
pub fn is_whole(tree: &OrderTree, payment: &Payment) -> bool {
    payment.total() == tree.pay.amounts.to_pay && (payment.is_open() || payment.balance == 0)
}

/// Money arrived for an order that can no longer take it: recorded, and its full refund created in the same change.
pub fn too_late(draft: &mut Draft, payment: Payment, paid: Paid, refund_no: RefundNo) {
    release(draft, &payment);
    let mut row = payment;
    paid.mark(&mut row);
    draft.payment(Write::Update(row.clone()), "succeeded_late", "the order can no longer take it");
    draft.emit_pay("PAYMENT_SUCCEEDED", payment_data(&row));
    give_back(draft, &row, row.amount, refund_no, "paid too late");
}

/// Owes a part of a payment back through its provider, for no shop order.
fn give_back(draft: &mut Draft, payment: &Payment, amount: Minor, no: RefundNo, reason: &str) {
    let at = draft.at();
    let refund = Refund {
        no,
        pay_no: payment.pay_no,
        shop_no: None,
        aftersale_no: None,
        payment_no: Some(payment.no),
        way: Way::Provider,
        amount,
        status: RefundStatus::Pending,
        reason: reason.into(),
        lines: vec![],
        attempts: 0,
        replaced_by: None,
        created_at: at,
        succeeded_at: None,
    };
    draft.refund(Write::Insert(refund), "refund_owed", reason);
    draft.arm(payment.pay_no, TimerKind::Refund, at + REFUND_RETRY_MS, 0);
}

/// Another amount or currency than the payment's own arrived: never applied, on the list of differences, and an
/// operator settles it.
pub fn dispute(draft: &mut Draft, payment: Payment, trade_no: Option<String>, arrived: Arrived, note: &str) {
    release(draft, &payment);
    let mut row = payment;
    row.status = PaymentStatus::Disputed;
    row.ended_at = Some(draft.at());
    row.trade_no = trade_no;
    draft.change.discrepancies.push(Discrepancy {
        method: row.method.clone(),
        account: row.account.clone(),
        kind: DiscrepancyKind::WrongAmount,
        reference: row.no.to_string(),
        payment_no: Some(row.no),
        refund_no: None,
        trade_no: row.trade_no.clone(),
        ours: Some(row.amount),
        theirs: Some(arrived.amount),
        currency: arrived.currency.clone(),
        day: None,
        note: note.to_owned(),
        found_at: draft.at(),
    });
    row.arrived = Some(arrived);
    draft.payment(Write::Update(row), "disputed", note);
    let shops: Vec<_> = draft.tree().shops.iter().filter(|s| !s.status.is_final()).map(|s| s.no).collect();
    for no in shops {
        draft.stay(no, "dispute", note).attention = Some(format!("payment disputed: {note}"));
    }
}

/// The provider took money for a payment under a second reference. We cannot refund what we have no record of, so it
/// goes on the list of differences.
pub fn paid_twice(draft: &mut Draft, payment: &Payment, trade_no: String, arrived: Arrived) {
    let note = format!("{} {} arrived again for {}", arrived.amount, arrived.currency, payment.no);
    draft.change.discrepancies.push(Discrepancy {
        method: payment.method.clone(),
        account: payment.account.clone(),
        kind: DiscrepancyKind::MissingHere,
        reference: trade_no.clone(),
        payment_no: Some(payment.no),
        refund_no: None,
        trade_no: Some(trade_no),
        ours: None,
        theirs: Some(arrived.amount),
        currency: arrived.currency,
        day: None,
        note: note.clone(),
        found_at: draft.at(),
    });
    draft.log(payment.no, "paid_twice", note);
}

/// Why a disputed payment cannot be settled so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSettle {
    /// It is not disputed (any more).
    #[error("the payment is not disputed")]
    NotDisputed,
    /// Another currency cannot pay the order, nor be refunded by us.
    #[error("another currency arrived: settle it with the provider and record how")]
    Currency,
    /// The order cannot be paid any more.
    #[error("the order can no longer be paid: refund what arrived")]
    OrderMoved,
    /// The wallet's part was given back when the dispute began.
    #[error("the wallet's part was given back: refund what arrived")]
    WalletPart,
    /// What is missing is more than the goods cost: freight is never forgiven.
    #[error("too little arrived to accept it: refund what arrived")]
    TooLittle,
}

/// Settles a dispute by sending everything back that arrived.
pub fn refund_arrived(draft: &mut Draft, payment: Payment, refund_no: RefundNo) -> Result<(), CannotSettle> {
    let (row, arrived) = settled(draft, payment)?;
    draft.payment(Write::Update(row.clone()), "dispute_refunded", "");
    clear_attention(draft);
    give_back(draft, &row, arrived, refund_no, "another amount arrived");
    Ok(())
}

/// Settles a dispute by taking what arrived: the order becomes paid. More than was asked for goes back at once; what is
/// missing becomes a platform discount over the items, so that every sum holds.
pub fn accept_arrived(
    draft: &mut Draft,
    payment: Payment,
    refund_no: RefundNo,
    shipments: &[ShipmentNo],
    compensate_ms: Millis,
) -> Result<(), CannotSettle> {
    if draft.tree().pay.status != crate::domain::order::Status::Created {
        return Err(CannotSettle::OrderMoved);
    }
    // Not what the payment was for: the price may have changed since.
    let (balance, asked) = (payment.balance, draft.tree().pay.amounts.to_pay);
    if balance > 0 {
        return Err(CannotSettle::WalletPart);
    }
    let (row, arrived) = settled(draft, payment)?;
    let (trade_no, at) = (row.trade_no.clone(), row.paid_at.unwrap_or(draft.at()));
    if arrived < asked {
        forgive(draft, asked - arrived)?;
    }
    clear_attention(draft);
    succeed(draft, Write::Update(row.clone()), Paid { trade_no, at }, shipments, compensate_ms);
    if arrived > asked {
        give_back(draft, &row, arrived - asked, refund_no, "more arrived than was to pay");
    }
    Ok(())
}

/// The payment as a success of what arrived.
fn settled(draft: &Draft, mut payment: Payment) -> Result<(Payment, Minor), CannotSettle> {
    let arrived = payment.arrived.clone().filter(|_| payment.status == PaymentStatus::Disputed);
    let arrived = arrived.ok_or(CannotSettle::NotDisputed)?;
    let same = arrived.currency.parse::<Currency>().is_ok_and(|currency| currency == payment.currency);
    if !same || arrived.amount <= 0 {
        return Err(CannotSettle::Currency);
    }
    payment.status = PaymentStatus::Succeeded;
    payment.amount = arrived.amount;
    payment.balance = 0;
    payment.paid_at = Some(draft.at());
    Ok((payment, arrived.amount))
}

fn clear_attention(draft: &mut Draft) {
    let marked = draft.tree().shops.iter().filter(|s| s.attention.is_some() && !s.status.is_final());
    for no in marked.map(|s| s.no).collect::<Vec<_>>() {
        draft.stay(no, "dispute_settled", "").attention = None;
    }
}

/// Takes an amount off what is to pay, as a platform discount over the items by what is left of them.
fn forgive(draft: &mut Draft, missing: Minor) -> Result<(), CannotSettle> {
    let items: Vec<_> =
        lines(draft.tree()).into_iter().filter_map(|(shop, item, cash)| Some((shop, item?, cash))).collect();
    let weights: Vec<Minor> = items.iter().map(|(.., cash)| *cash).collect();
    let parts = apportion(missing, &weights).map_err(|_| CannotSettle::TooLittle)?;
    if missing > draft.tree().pay.amounts.price {
        return Err(CannotSettle::TooLittle);
    }
    let pay = draft.pay();
    pay.amounts.platform_discount += missing;
    pay.amounts.price -= missing;
    pay.amounts.to_pay -= missing;
    let note = format!("{missing} less arrived and was accepted");
    let shops: Vec<_> = draft.tree().shops.iter().map(|s| s.no).collect();
    for no in shops {
        draft.stay(no, "forgive", note.clone());
    }
    for ((shop, item, _), part) in items.into_iter().zip(parts) {
        if let Some(item) = draft.item(shop, item) {
            item.share.platform_discount += part;
            item.share.due -= part;
            item.share.cash -= part;
        }
    }
    Ok(())
}
