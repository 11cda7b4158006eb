//! Paying: an attempt is opened, and its success makes the order paid.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Packed, Shipment, ShipmentStatus};
use crate::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, ShipmentNo};
use crate::domain::money::{Minor, apportion};
use crate::domain::order::{Pairs, ShopOrder, Status, SubStatus};
use crate::domain::payment::{PayOffer, Payment, PaymentStatus};
use crate::domain::resource::{Account, CouponMove, CouponState, SALES, Transfer, Unit};
use crate::domain::tree::OrderTree;

/// The wallet.
pub const BALANCE: &str = "balance";
/// Nothing was to pay.
pub const NONE: &str = "none";

/// A payment that was never opened, for the whole amount to pay: `balance` of it from the wallet, the rest through
/// `account` of `method`.
pub fn attempt(
    tree: &OrderTree,
    no: PaymentNo,
    (method, account): (PaymentMethod, MerchantAccount),
    balance: Minor,
    at: Millis,
) -> Payment {
    let pay = &tree.pay;
    Payment {
        no,
        pay_no: pay.no,
        method,
        account,
        amount: pay.amounts.to_pay - balance,
        balance,
        currency: pay.currency,
        status: PaymentStatus::Pending,
        handle: None,
        trade_no: None,
        arrived: None,
        created_at: at,
        paid_at: None,
        ended_at: None,
        expires_at: pay.expire_time,
        offer: PayOffer::default(),
    }
}

/// Opens an attempt at a provider. Its part of the wallet is held in the same change; short: the store refuses it.
pub fn open(draft: &mut Draft, payment: Payment, query_ms: Millis) {
    if payment.balance > 0 {
        let buyer = draft.tree().pay.buyer.clone();
        let (from, to) = (Account::Available(buyer.clone()), Account::Held(buyer));
        transfer(draft, &payment, "hold", from, to);
    }
    draft.arm(payment.pay_no, TimerKind::Query, draft.at() + query_ms, 0);
    draft.payment(Write::Insert(payment), "open", "");
}

/// Takes the whole amount from the wallet and makes the order paid, in this change. Short: the store refuses it.
pub fn from_wallet(draft: &mut Draft, no: PaymentNo, shipments: &[ShipmentNo], compensate_ms: Millis) {
    let payment = attempt(draft.tree(), no, own(BALANCE), draft.tree().pay.amounts.to_pay, draft.at());
    if payment.balance > 0 {
        let from = Account::Available(draft.tree().pay.buyer.clone());
        transfer(draft, &payment, "pay", from, SALES);
    }
    let at = draft.at();
    succeed(draft, Write::Insert(payment), Paid { trade_no: None, at }, shipments, compensate_ms);
}

/// Nothing is to pay: a zero payment of method `none`, and the order is paid.
pub fn nothing(draft: &mut Draft, no: PaymentNo, shipments: &[ShipmentNo], compensate_ms: Millis) {
    let payment = attempt(draft.tree(), no, own(NONE), 0, draft.at());
    let at = draft.at();
    succeed(draft, Write::Insert(payment), Paid { trade_no: None, at }, shipments, compensate_ms);
}

fn own(method: &str) -> (PaymentMethod, MerchantAccount) {
    (PaymentMethod::new(method).unwrap_or_else(|_| unreachable!("a fixed word")), MerchantAccount::own())
}

/// That money arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The provider's reference.
    pub trade_no: Option<String>,
    /// When it arrived.
    pub at: Millis,
}

impl Paid {
    /// The payment with it.
    pub(super) fn mark(self, payment: &mut Payment) {
        payment.status = PaymentStatus::Succeeded;
        payment.trade_no = self.trade_no.or_else(|| payment.trade_no.clone());
        payment.paid_at = Some(self.at);
        payment.ended_at = Some(self.at);
    }
}

/// A verified success for an order that waits for it: everything that follows from being paid, in one change.
///
/// `shipments` holds one fresh number per shop order.
pub fn succeed(
    draft: &mut Draft,
    payment: Write<Payment>,
    paid: Paid,
    shipments: &[ShipmentNo],
    compensate_ms: Millis,
) {
    let (at, paid_at) = (draft.at(), paid.at);
    let payment = payment.map(|payment| paid.mark(payment));
    let row = payment.row().clone();
    draft.payment(payment, "succeeded", "");
    if row.balance > 0 && row.method.as_str() != BALANCE {
        let from = Account::Held(draft.tree().pay.buyer.clone());
        transfer(draft, &row, "capture", from, SALES);
    }
    let pay = draft.pay();
    pay.status = Status::Paid;
    pay.sub_status = SubStatus::None;
    pay.reason = None;
    pay.paid_at = Some(paid_at);
    pay.paid_by = Some(row.no);
    pay.expire_time = None;
    let (pay_no, buyer, coins) = (pay.no, pay.buyer.clone(), pay.amounts.coins);
    let coupons = pay.facts.coupons.clone();
    use_coupons(draft, &coupons);
    draft.disarm(pay_no, TimerKind::PayTimeout);
    if draft.tree().pay.amounts.to_pay == 0 {
        draft.disarm(pay_no, TimerKind::Reserve);
    }
    follow(draft, 0, 0);
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
        let shipment = first_shipment(shop, *shipment_no, at);
        draft.emit(no, Topic::Order, "ORDER_PAID", json!({"payment_no": row.no, "method": row.method}));
        draft.emit(no, Topic::Fulfilment, "SHIPMENT_CREATED", json!({"shipment_no": shipment.no}));
        draft.shipment(Write::Insert(shipment));
        draft.arm(no, TimerKind::Compensate, at + compensate_ms, 0);
        draft.deadline(no, TimerKind::ShipOverdue, deadline);
    }
    divide(draft, row.balance);
}

/// Divides each line's cash into what the wallet and what the provider paid. Refunds follow these parts.
fn divide(draft: &mut Draft, balance: Minor) {
    if balance == 0 {
        return;
    }
    let lines: Vec<(OrderNo, Option<OrderNo>, Minor)> = lines(draft.tree());
    let weights: Vec<Minor> = lines.iter().map(|(_, _, cash)| *cash).collect();
    let parts = apportion(balance, &weights).expect("the wallet's part is at most what is to pay: Σ cash");
    for ((shop_no, item_no, _), part) in lines.into_iter().zip(parts) {
        match item_no {
            None => draft.stepped(shop_no).amounts.freight_share.balance = part,
            Some(item_no) => {
                if let Some(item) = draft.item(shop_no, item_no) {
                    item.share.balance = part;
                }
            }
        }
    }
}

/// Every line of a pay order with its cash: the items of each shop order, then its freight (no item number).
pub(super) fn lines(tree: &OrderTree) -> Vec<(OrderNo, Option<OrderNo>, Minor)> {
    let of = |shop: &ShopOrder| {
        let items = shop.items.iter().map(|i| (shop.no, Some(i.no), i.share.cash));
        items.chain([(shop.no, None, shop.amounts.freight_share.cash)]).collect::<Vec<_>>()
    };
    tree.shops.iter().flat_map(of).collect()
}

/// Arms the query timer after `pause` as long as a provider must be asked about a payment, else disarms it. `attempt`
/// counts the times before.
pub fn follow(draft: &mut Draft, pause: Millis, attempt: i64) {
    let (no, at) = (draft.tree().pay.no, draft.at());
    if draft.tree().payments.iter().any(|p| to_be_asked(p, at)) {
        draft.arm(no, TimerKind::Query, at + pause, attempt);
    } else {
        draft.disarm(no, TimerKind::Query);
    }
}

/// A payment that ended unpaid is still asked about for a day: money may come late.
const ASKED_AFTER_END_MS: Millis = 86_400_000;

/// Whether a provider may know something of this payment that we do not.
pub fn to_be_asked(payment: &Payment, now: Millis) -> bool {
    match payment.status {
        PaymentStatus::Pending => true,
        PaymentStatus::Closed | PaymentStatus::Failed => {
            payment.ended_at.is_some_and(|ended| now - ended < ASKED_AFTER_END_MS)
        }
        PaymentStatus::Succeeded | PaymentStatus::Disputed => false,
    }
}

/// Moves the wallet's part of a payment. Unique by the payment's number.
pub(super) fn transfer(draft: &mut Draft, payment: &Payment, operation: &str, from: Account, to: Account) {
    draft.change.transfers.push(Transfer {
        order_no: payment.pay_no,
        operation: format!("{operation}:{}", payment.no),
        from,
        to,
        unit: Unit::Money(payment.currency),
        amount: payment.balance,
    });
}

fn first_shipment(shop: &ShopOrder, no: ShipmentNo, at: Millis) -> Shipment {
    Shipment {
        no,
        shop_no: shop.no,
        aftersale_no: None,
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
        delayed_at: None,
        told_at: None,
        taken_at: None,
        note: String::new(),
    }
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

/// What events say of a payment.
pub(super) fn payment_data(payment: &Payment) -> serde_json::Value {
    json!({
        "payment_no": payment.no, "method": payment.method, "amount": payment.total(), "balance": payment.balance,
        "trade_no": payment.trade_no,
    })
}
