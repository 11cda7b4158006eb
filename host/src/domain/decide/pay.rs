//! Paying: an attempt, its success, and money that comes too late.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Packed, Shipment, ShipmentStatus};
use crate::domain::ids::{MerchantAccount, Millis, PaymentMethod, PaymentNo, RefundNo, ShipmentNo};
use crate::domain::money::Minor;
use crate::domain::order::{Pairs, Status, SubStatus};
use crate::domain::payment::{PayOffer, Payment, PaymentStatus, Refund, RefundStatus, Way};
use crate::domain::resource::{Account, CouponMove, CouponState, SALES, Transfer, Unit};

/// The wallet.
pub const BALANCE: &str = "balance";
/// Nothing was to pay.
pub const NONE: &str = "none";

/// A new attempt at a provider, for the whole amount to pay.
pub fn open(draft: &mut Draft, no: PaymentNo, method: PaymentMethod, offer: PayOffer) -> Payment {
    let payment = new_payment(draft, no, method, offer);
    draft.payment(Write::Insert(payment.clone()));
    payment
}

fn new_payment(draft: &Draft, no: PaymentNo, method: PaymentMethod, offer: PayOffer) -> Payment {
    let pay = &draft.tree().pay;
    let wallet = method.as_str() == BALANCE;
    Payment {
        no,
        pay_no: pay.no,
        method,
        account: MerchantAccount::own(),
        amount: if wallet { 0 } else { pay.amounts.to_pay },
        balance: if wallet { pay.amounts.to_pay } else { 0 },
        currency: pay.currency,
        status: PaymentStatus::Pending,
        handle: None,
        trade_no: None,
        arrived: None,
        created_at: draft.at(),
        paid_at: None,
        ended_at: None,
        expires_at: pay.expire_time,
        offer,
    }
}

/// Takes the whole amount from the wallet and makes the order paid, in this change. Short: the store refuses it.
pub fn from_wallet(draft: &mut Draft, no: PaymentNo, shipments: &[ShipmentNo], compensate_ms: Millis) {
    let method = PaymentMethod::new(BALANCE).unwrap_or_else(|_| unreachable!("a fixed word"));
    let payment = new_payment(draft, no, method, PayOffer::default());
    if payment.balance > 0 {
        draft.change.transfers.push(Transfer {
            order_no: payment.pay_no,
            operation: format!("pay:{no}"),
            from: Account::Available(draft.tree().pay.buyer.clone()),
            to: SALES,
            unit: Unit::Money(payment.currency),
            amount: payment.balance,
        });
    }
    succeed(draft, Write::Insert(payment), None, draft.at(), shipments, compensate_ms);
}

/// Nothing is to pay: a zero payment of method `none`, and the order is paid.
pub fn nothing(draft: &mut Draft, no: PaymentNo, shipments: &[ShipmentNo], compensate_ms: Millis) {
    let method = PaymentMethod::new(NONE).unwrap_or_else(|_| unreachable!("a fixed word"));
    let payment = new_payment(draft, no, method, PayOffer::default());
    succeed(draft, Write::Insert(payment), None, draft.at(), shipments, compensate_ms);
}

/// A verified success for an order that waits for it: everything that follows from being paid, in one change.
///
/// `shipments` holds one fresh number per shop order.
pub fn succeed(
    draft: &mut Draft,
    payment: Write<Payment>,
    trade_no: Option<String>,
    paid_at: Millis,
    shipments: &[ShipmentNo],
    compensate_ms: Millis,
) {
    let at = draft.at();
    let paid = with_row(payment, |p| {
        p.status = PaymentStatus::Succeeded;
        p.trade_no = trade_no;
        p.paid_at = Some(paid_at);
    });
    let row = paid.row().clone();
    draft.payment(paid);
    let pay = draft.pay();
    pay.status = Status::Paid;
    pay.sub_status = SubStatus::None;
    pay.paid_at = Some(paid_at);
    pay.expire_time = None;
    let (pay_no, buyer, coins) = (pay.no, pay.buyer.clone(), pay.amounts.coins);
    let coupons = pay.facts.coupons.clone();
    use_coupons(draft, &coupons);
    draft.disarm(pay_no, TimerKind::PayTimeout);
    if coins > 0 {
        draft.change.transfers.push(Transfer {
            order_no: pay_no,
            operation: "capture:coins".into(),
            from: Account::Held(buyer),
            to: SALES,
            unit: Unit::Coins,
            amount: coins,
        });
    }
    draft.emit_pay("PAYMENT_SUCCEEDED", payment_data(&row));
    let shops: Vec<_> = draft.tree().shops.iter().map(|s| s.no).collect();
    for (no, shipment_no) in shops.into_iter().zip(shipments) {
        let shop = draft.step(no, "pay", (Status::Paid, SubStatus::ToDeduct), row.no.to_string());
        shop.paid_at = Some(paid_at);
        let deadline = at + shop.facts.ship_within_ms;
        shop.expire_time = Some(deadline);
        let shipment = first_shipment(shop, *shipment_no, at);
        let cash: Vec<_> = shop.items.iter().map(|i| (i.no, i.share.cash)).collect();
        if row.balance > 0 {
            shop.amounts.freight_share.balance = shop.amounts.freight_share.cash;
            for (item_no, cash) in cash {
                if let Some(item) = draft.item(no, item_no) {
                    item.share.balance = cash;
                }
            }
        }
        draft.emit(no, Topic::Order, "ORDER_PAID", json!({"payment_no": row.no, "method": row.method}));
        draft.emit(no, Topic::Fulfilment, "SHIPMENT_CREATED", json!({"shipment_no": shipment.no}));
        draft.shipment(Write::Insert(shipment));
        draft.arm(no, TimerKind::Compensate, at + compensate_ms, 0);
        draft.arm(no, TimerKind::ShipOverdue, deadline, 0);
    }
}

fn first_shipment(shop: &crate::domain::order::ShopOrder, no: ShipmentNo, at: Millis) -> Shipment {
    Shipment {
        no,
        shop_no: shop.no,
        status: ShipmentStatus::Created,
        delivery: shop.facts.delivery,
        carrier: String::new(),
        waybill: None,
        items: shop.items.iter().map(|i| Packed { line: i.line, quantity: i.quantity }).collect(),
        secrets: None,
        attributes: Pairs::new(),
        created_at: at,
        shipped_at: None,
        delivered_at: None,
    }
}

/// Money arrived for an order that can no longer take it: recorded, and its full refund created in the same change.
pub fn too_late(draft: &mut Draft, payment: Payment, trade_no: Option<String>, paid_at: Millis, refund_no: RefundNo) {
    let at = draft.at();
    let paid = with_row(Write::Update(payment), |p| {
        p.status = PaymentStatus::Succeeded;
        p.trade_no = trade_no;
        p.paid_at = Some(paid_at);
    });
    let row = paid.row().clone();
    draft.payment(paid);
    draft.emit_pay("PAYMENT_SUCCEEDED", payment_data(&row));
    draft.refund(Write::Insert(Refund {
        no: refund_no,
        pay_no: row.pay_no,
        shop_no: None,
        payment_no: Some(row.no),
        way: Way::Provider,
        amount: row.amount,
        status: RefundStatus::Pending,
        reason: "paid too late".into(),
        lines: vec![],
        attempts: 0,
        replaced_by: None,
        created_at: at,
        succeeded_at: None,
    }));
    draft.arm(row.pay_no, TimerKind::Refund, at + REFUND_RETRY_MS, 0);
}

/// First pause before a provider is asked about a refund again.
pub const REFUND_RETRY_MS: Millis = 5_000;

/// Another amount or currency than the payment's own arrived: never applied, an operator settles it.
pub fn dispute(draft: &mut Draft, payment: Payment, trade_no: Option<String>, arrived: Minor, currency: &str) {
    let note = format!("{arrived} {currency} arrived instead of {} {}", payment.amount, payment.currency);
    draft.payment(with_row(Write::Update(payment), |p| {
        p.status = PaymentStatus::Disputed;
        p.trade_no = trade_no;
    }));
    let shops: Vec<_> = draft.tree().shops.iter().filter(|s| !s.status.is_final()).map(|s| s.no).collect();
    for no in shops {
        draft.stay(no, "dispute", note.clone()).attention = Some(format!("payment disputed: {note}"));
    }
}

/// Ends an open attempt unpaid.
pub fn close(draft: &mut Draft, payment: Payment) {
    draft.payment(with_row(Write::Update(payment), |p| p.status = PaymentStatus::Closed));
}

/// The provider says it will not happen.
pub fn fail(draft: &mut Draft, payment: Payment) {
    draft.payment(with_row(Write::Update(payment), |p| p.status = PaymentStatus::Failed));
}

/// Uses up coupons that the order holds: the platform's when it is paid, a shop's when it is deducted.
pub fn use_coupons(draft: &mut Draft, codes: &[crate::domain::ids::CouponCode]) {
    let (order_no, buyer) = (draft.tree().pay.no, draft.tree().pay.buyer.clone());
    draft.change.coupons.extend(codes.iter().map(|code| CouponMove {
        code: code.clone(),
        buyer: buyer.clone(),
        order_no,
        from: CouponState::Locked,
        to: CouponState::Used,
    }));
}

fn payment_data(payment: &Payment) -> serde_json::Value {
    json!({
        "payment_no": payment.no, "method": payment.method, "amount": payment.amount + payment.balance,
        "trade_no": payment.trade_no,
    })
}

fn with_row(write: Write<Payment>, change: impl FnOnce(&mut Payment)) -> Write<Payment> {
    match write {
        Write::Insert(mut row) => {
            change(&mut row);
            Write::Insert(row)
        }
        Write::Update(mut row) => {
            change(&mut row);
            Write::Update(row)
        }
    }
}
