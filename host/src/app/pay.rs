//! Opening a payment, and paying from the wallet.

use std::sync::Arc;

use super::App;
use super::api::{Idempotency, Pay, PaymentAnswer};
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{
    Decided, Denied, Freshness, Keyed, change, change_once, must_be_pay_order, owned, role, tree as read_tree,
    wrong_state,
};
use super::problem::Problem;
use crate::domain::change::Refusal;
use crate::domain::decide::{cancel, pay as decide};
use crate::domain::draft::Draft;
use crate::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentNo, ShipmentNo};
use crate::domain::order::{Mode, Reason, Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// Opens a payment, or pays at once from the wallet. A repeat with the same method answers the open payment.
pub async fn pay(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: Pay,
    key: Option<Idempotency>,
) -> Result<PaymentAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "pay", key.as_ref());
    let tree = read_tree(app, no, Freshness::Cached).await?;
    owned(who, &tree, no)?;
    let numbers = fresh(app, 1 + tree.shops.len(), no.slot()).await?;
    let payment_no = PaymentNo(numbers[0]);
    if request.method.as_str() == decide::BALANCE {
        return by_wallet(app, who, no, &keyed, &numbers).await;
    }
    let Some(provider) = app.providers.get(request.method.as_str(), "default") else {
        let detail = format!("payment method {} is not set up here", request.method);
        return Err(Problem::invalid("unknown-payment-method", detail).of(no));
    };
    let announced = announced(&tree, payment_no, &request);
    let offer = provider.create(&announced).await.map_err(|e| Problem::busy(e.to_string()))?.offer;
    let opened = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        can_be_paid(tree, no, request.method.as_str())?;
        let open = |p: &&Payment| p.status == PaymentStatus::Pending && p.method == request.method;
        if let Some(open) = tree.payments.iter().find(open) {
            return Ok(Decided::Nothing(answer(open)));
        }
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let payment = decide::open(&mut draft, payment_no, request.method.clone(), offer.clone());
        Ok(Decided::Commit(Box::new(draft), answer(&payment)))
    });
    Ok(opened.await?.0)
}

fn announced(tree: &OrderTree, no: PaymentNo, request: &Pay) -> Payment {
    Payment {
        no,
        pay_no: tree.pay.no,
        method: request.method.clone(),
        account: MerchantAccount::own(),
        amount: tree.pay.amounts.to_pay,
        balance: 0,
        currency: tree.pay.currency,
        status: PaymentStatus::Pending,
        handle: None,
        trade_no: None,
        arrived: None,
        created_at: tree.pay.created_at,
        paid_at: None,
        ended_at: None,
        expires_at: tree.pay.expire_time,
        offer: crate::domain::payment::PayOffer::default(),
    }
}

async fn by_wallet(
    app: &App,
    who: &Principal,
    no: OrderNo,
    keyed: &Keyed<'_>,
    numbers: &[i64],
) -> Result<PaymentAnswer, Problem> {
    let paid = change_once(app, no, keyed, |tree| {
        owned(who, tree, no)?;
        can_be_paid(tree, no, decide::BALANCE)?;
        if tree.payments.iter().any(|p| p.status == PaymentStatus::Pending) {
            let detail = "a payment at a provider is open; pay there, or cancel the order";
            return Err(Problem::conflict("payment-open", detail));
        }
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide::from_wallet(&mut draft, PaymentNo(numbers[0]), &shipments(numbers), compensate_ms(app, tree));
        let payment = draft.tree().paid_by().map(answer);
        let payment = payment.ok_or_else(|| Problem::internal("a wallet payment is in its tree"))?;
        Ok(Decided::Commit(Box::new(draft), payment))
    });
    let (payment, tree) = paid.await?;
    if let Some(tree) = tree {
        forward::spawn_all(app, &tree, Cause::Paid);
    }
    Ok(payment)
}

/// Pays a prepaid order from the wallet (or an order with nothing to pay), or cancels it for want of balance.
pub async fn from_wallet(app: &App, pay_no: OrderNo, actor: &str) -> Result<Arc<OrderTree>, Problem> {
    let shops = read_tree(app, pay_no, Freshness::Cached).await?.shops.len();
    let numbers = fresh(app, 1 + shops, pay_no.slot()).await?;
    let paid = change(app, pay_no, |tree| {
        if tree.pay.status != Status::Created {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), actor);
        let (no, compensate) = (PaymentNo(numbers[0]), compensate_ms(app, tree));
        if tree.pay.amounts.to_pay == 0 {
            decide::nothing(&mut draft, no, &shipments(&numbers), compensate);
        } else {
            decide::from_wallet(&mut draft, no, &shipments(&numbers), compensate);
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    match paid.await {
        Ok(((), tree)) => Ok(tree),
        Err(Denied::Refusal(refusal @ Refusal::BalanceShort { .. })) => {
            let reason = Reason::new("insufficient_balance", refusal.to_string());
            let cancelled = change(app, pay_no, |tree| {
                if tree.pay.status != Status::Created {
                    return Ok(Decided::Nothing(()));
                }
                let mut draft = Draft::new(tree, app.clock.now(), actor);
                cancel::cancel(&mut draft, &reason);
                Ok(Decided::Commit(Box::new(draft), ()))
            });
            Ok(cancelled.await?.1)
        }
        Err(denied) => Err(denied.into()),
    }
}

fn can_be_paid(tree: &OrderTree, no: OrderNo, method: &str) -> Result<(), Problem> {
    must_be_pay_order(tree, no)?;
    if tree.pay.status != Status::Created || tree.pay.sub_status == SubStatus::Cancelling {
        return Err(wrong_state(tree, no, "paid"));
    }
    if tree.pay.mode == Mode::Prepaid {
        return Err(Problem::conflict("prepaid", "a prepaid order is paid from the wallet by itself"));
    }
    if !tree.pay.facts.methods.iter().any(|m| m == method) {
        let detail = format!("this order can be paid by {}, not by {method}", tree.pay.facts.methods.join(", "));
        return Err(Problem::invalid("payment-method-not-enabled", detail));
    }
    Ok(())
}

/// The shipment numbers after the payment's own.
pub fn shipments(numbers: &[i64]) -> Vec<ShipmentNo> {
    numbers[1..].iter().map(|n| ShipmentNo(*n)).collect()
}

/// When a paid order is forwarded again: the shortest time of its lines.
pub fn compensate_ms(app: &App, tree: &OrderTree) -> Millis {
    let catalogue = app.catalogue.now();
    let of = |s: &crate::domain::order::ShopOrder| catalogue.businesses.get(&s.business).map(|b| b.rules.compensate_ms);
    tree.shops.iter().filter_map(of).min().unwrap_or(20_000)
}

/// Who acts, for the flow.
pub fn actor(who: &Principal) -> String {
    format!("{}:{}", who.role, who.subject)
}

/// A payment in the words of the API.
pub fn answer(payment: &Payment) -> PaymentAnswer {
    PaymentAnswer {
        payment_no: payment.no,
        order_no: payment.pay_no,
        payment_method: payment.method.to_string(),
        amount: payment.amount + payment.balance,
        currency: payment.currency.to_string(),
        status: payment.status.word().to_owned(),
        trade_no: payment.trade_no.clone(),
        paid_at: payment.paid_at.map(rfc3339),
        pay_url: payment.offer.pay_url.clone(),
        qr_code: payment.offer.qr_code.clone(),
        pay_params: payment.offer.pay_params.clone(),
    }
}
