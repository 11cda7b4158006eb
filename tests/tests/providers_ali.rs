//! Alipay and UnionPay end to end: the real host against stand-ins that speak their protocols. At the end of each run the
//! provider's book and ours are the same. One of the runs is on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::platform::problem_code;
use hookline_tests::providers::alipay::{Alipay, Product};
use hookline_tests::providers::unionpay::UnionPay;
use hookline_tests::providers::{Event, Manner, Operation, Protocol, RefundState, Sale, Till, TradeState};
use hookline_tests::servers::{HostSettings, TestDatabase};
use hookline_tests::world::host_settings;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// Lost callbacks are found soon, but not before a callback that is sent at once.
fn settings() -> HostSettings {
    host_settings().set("PAYMENT_QUERY_MS", "2000").set("REFUND_RETRY_MS", "200").set("PAYMENT_TIMEOUT", "1")
}

fn status(read: &Value) -> &str {
    read["status"].as_str().unwrap()
}

fn refunds_are_done(read: &Value, count: usize) -> bool {
    let refunds = read["refunds"].as_array().unwrap();
    refunds.len() == count && refunds.iter().all(|refund| refund["status"] == "succeeded")
}

/// Part of the first item's money.
fn part(read: &Value, amount: i64) -> Value {
    let item = &read["shop_orders"][0]["items"][0]["order_no"];
    assert!(item.is_string(), "{read}");
    json!([{"item_no": item, "amount": amount}])
}

async fn read<P: Protocol>(till: &Till<P>, sale: &mut Sale) -> Value {
    till.until(sale, "there", |_| true).await.unwrap()
}

async fn only_an_honest_callback_pays<P: Protocol>(till: &Till<P>) {
    let (mut sale, told) = till.paid_there().await.unwrap();
    let mut client = till.client();
    let forged = till.provider.forged(&sale.payment_no(), &Event::Paid).unwrap();
    assert_eq!(forged.send(&mut client).await.unwrap().status, StatusCode::UNAUTHORIZED);
    for index in [0, told.body.len() / 3, told.body.len() / 2, told.body.len() - 1] {
        let answer = told.corrupted_at(index).send(&mut client).await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{index}");
    }
    assert_eq!(status(&read(till, &mut sale).await), "created");
    let taken = told.send(&mut client).await.unwrap().success().unwrap();
    if till.provider.protocol().name() == "alipay" {
        assert_eq!(taken.body, "success");
    }
    assert_eq!(status(&read(till, &mut sale).await), "paid");
    for _ in 0..2 {
        let again = told.send(&mut client).await.unwrap().success().unwrap();
        assert_eq!(again.body, taken.body);
    }
    assert_eq!(forged.send(&mut client).await.unwrap().status, StatusCode::UNAUTHORIZED);
    let now = read(till, &mut sale).await;
    assert_eq!((now["payments"].as_array().unwrap().len(), &now["refunds"]), (1, &json!([])), "{now}");
}

async fn a_lost_callback_is_found_by_a_query<P: Protocol>(till: &Till<P>) {
    let (mut sale, _lost) = till.paid_there().await.unwrap();
    till.until(&mut sale, "paid", |read| status(read) == "paid").await.unwrap();
}

async fn a_slow_and_unsure_provider_is_asked_again<P: Protocol>(till: &Till<P>) {
    let manners = till.provider.manners();
    let (mut sale, _lost) = till.paid_there().await.unwrap();
    for bad in [Manner::Unknown { done: true }, Manner::Slow(Duration::from_millis(1_500)), Manner::LoseAnswer] {
        manners.always(Operation::Query, bad.clone());
        let before = manners.asked(Operation::Query);
        let ask = Call::new(Method::POST, format!("/api/v1/payments/{}/query", sale.payment_no())).json(&json!({}));
        let known: Value = sale.journey.buyer().send("query", ask).await.unwrap().success().unwrap().json().unwrap();
        assert_eq!(known["status"], "pending", "{bad:?}");
        assert!(manners.asked(Operation::Query) > before, "{bad:?}");
        assert_eq!(status(&read(till, &mut sale).await), "created", "{bad:?}");
    }
    manners.always(Operation::Query, Manner::Good);
    till.until(&mut sale, "paid", |read| status(read) == "paid").await.unwrap();
}

async fn cancelling_closes_at_the_provider_first<P: Protocol>(till: &Till<P>) {
    let mut sale = till.sale().await.unwrap();
    till.provider.visit(&sale.payment).unwrap();
    let order = sale.order.order_no.clone();
    let cancelled = sale.journey.buyer().cancel(&order).await.unwrap();
    assert_eq!(cancelled.status, "cancelled");
    let trade = till.provider.book().trade(&sale.payment_no()).unwrap();
    // UnionPay has no way to close; the buyer's form is only stopped by its time.
    let state = if till.provider.protocol().name() == "unionpay" { TradeState::Open } else { TradeState::Closed };
    assert_eq!(trade.state, state);
    let now = read(till, &mut sale).await;
    assert_eq!(now["payments"][0]["status"], "closed", "{now}");
}

async fn cancelling_what_was_paid_pays_it<P: Protocol>(till: &Till<P>) {
    let (mut sale, _lost) = till.paid_there().await.unwrap();
    let call = Call::new(Method::PUT, format!("/api/v1/orders/{}/cancel", sale.order.order_no));
    let call = call.json(&json!({"reason": "too late"}));
    let refused = sale.journey.buyer().send("cancel", call).await.unwrap();
    assert_eq!((refused.status, problem_code(&refused).as_str()), (StatusCode::CONFLICT, "already-paid"));
    assert_eq!(status(&read(till, &mut sale).await), "paid");
}

async fn money_that_comes_after_the_end_goes_back<P: Protocol>(till: &Till<P>) {
    let mut sale = till.sale().await.unwrap();
    let order = sale.order.order_no.clone();
    assert_eq!(sale.journey.buyer().cancel(&order).await.unwrap().status, "cancelled");
    // The buyer had not opened the page yet, so the provider knew of nothing to close.
    let told = till.pay(&sale).unwrap();
    told.send(&mut till.client()).await.unwrap().success().unwrap();
    let now = till.until(&mut sale, "sent back", |read| refunds_are_done(read, 1)).await.unwrap();
    assert_eq!(status(&now), "cancelled");
    let trade = till.provider.book().trade(&sale.payment_no()).unwrap();
    assert_eq!((trade.refunded(), trade.amount), (sale.order.to_pay, sale.order.to_pay));
}

async fn refunds_arrive_once_whatever_the_provider_says<P: Protocol>(till: &Till<P>) {
    let mut sale = till.paid().await.unwrap();
    let manners = till.provider.manners();
    let before = manners.asked(Operation::Refund);
    let (unsent, sent) = (Manner::Unknown { done: false }, Manner::Unknown { done: true });
    manners.next(Operation::Refund, [Manner::Refuse, unsent, sent]);
    let items = part(&read(till, &mut sale).await, 123);
    till.refund(&sale, items).await.unwrap();
    till.until(&mut sale, "partly sent back", |read| refunds_are_done(read, 1)).await.unwrap();
    assert_eq!(manners.asked(Operation::Refund) - before, 3, "the number that was done is not sent again");
    manners.next(Operation::Refund, [Manner::LoseAnswer, Manner::Slow(Duration::from_millis(1_500))]);
    till.refund(&sale, json!([])).await.unwrap();
    let now = till.until(&mut sale, "sent back", |read| refunds_are_done(read, 2)).await.unwrap();
    assert_eq!(now["shop_orders"][0]["status"], "closed", "{now}");
    let trade = till.provider.book().trade(&sale.payment_no()).unwrap();
    assert_eq!((trade.refunds.len(), trade.refunded()), (2, sale.order.to_pay), "{trade:?}");
}

async fn a_refund_notice_makes_us_ask<P: Protocol>(till: &Till<P>) {
    let mut sale = till.paid().await.unwrap();
    till.provider.manners().next(Operation::Refund, [Manner::Pend]);
    let refund = till.refund(&sale, json!([])).await.unwrap();
    let refund_no = refund["refunds"][0]["refund_no"].as_str().unwrap().to_owned();
    let book = till.provider.book();
    // The provider has it, and does nothing yet.
    till.until(&mut sale, "pending", |_| book.refund_entry(&refund_no).is_some()).await.unwrap();
    let told = Event::Refunded { refund_no: refund_no.clone() };
    let early = till.provider.message(&sale.payment_no(), &told).unwrap();
    early.send(&mut till.client()).await.unwrap().success().unwrap();
    let now = read(till, &mut sale).await;
    assert_eq!(now["refunds"][0]["status"], "pending", "{now}");
    assert_eq!(now["shop_orders"][0]["sub_status"], "closing", "{now}");
    book.end_refund(&refund_no, RefundState::Done).unwrap();
    let done = till.provider.message(&sale.payment_no(), &told).unwrap();
    for _ in 0..2 {
        done.send(&mut till.client()).await.unwrap().success().unwrap();
    }
    till.until(&mut sale, "sent back", |read| refunds_are_done(read, 1)).await.unwrap();
}

async fn all<P: Protocol>(till: &Till<P>) {
    only_an_honest_callback_pays(till).await;
    a_lost_callback_is_found_by_a_query(till).await;
    a_slow_and_unsure_provider_is_asked_again(till).await;
    cancelling_closes_at_the_provider_first(till).await;
    cancelling_what_was_paid_pays_it(till).await;
    refunds_arrive_once_whatever_the_provider_says(till).await;
    a_refund_notice_makes_us_ask(till).await;
}

async fn the_books_agree<P: Protocol>(till: &Till<P>) {
    assert!(till.agree().await.unwrap() >= 7, "nothing was compared");
    checker::check_world(&till.world).await.unwrap().assert_clean();
}

#[tokio::test]
async fn alipay_by_page() {
    let database = TestDatabase::create().await.unwrap();
    let settings = settings().set("ORDER_DB_URL", database.url());
    let till = Till::start(settings, Alipay::new(Product::Page)).await.unwrap();
    all(&till).await;
    money_that_comes_after_the_end_goes_back(&till).await;
    the_books_agree(&till).await;
}

#[tokio::test]
async fn alipay_by_code() {
    let till = Till::start(settings(), Alipay::new(Product::Precreate)).await.unwrap();
    all(&till).await;
    // An answer that does not come: the same number is announced again.
    let mut sale = till.order().await.unwrap();
    till.provider.manners().next(Operation::Open, [Manner::Unknown { done: true }, Manner::LoseAnswer]);
    let unknown = till.open(&mut sale).await.unwrap();
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    let number = unknown.json::<Value>().unwrap()["payment_no"].clone();
    till.open(&mut sale).await.unwrap().success().unwrap();
    assert_eq!(sale.payment["payment_no"], number);
    till.pay(&sale).unwrap().send(&mut till.client()).await.unwrap().success().unwrap();
    // A refusal ends the attempt, and another can be made.
    let mut sale = till.order().await.unwrap();
    till.provider.manners().next(Operation::Open, [Manner::Refuse]);
    let refused = till.open(&mut sale).await.unwrap();
    assert_eq!(problem_code(&refused), "payment-refused");
    till.open(&mut sale).await.unwrap().success().unwrap();
    till.pay(&sale).unwrap().send(&mut till.client()).await.unwrap().success().unwrap();
    // A close that is not known: the order is cancelled when it is.
    let mut sale = till.sale().await.unwrap();
    till.provider.manners().next(Operation::Close, [Manner::Unknown { done: false }]);
    let order = sale.order.order_no.clone();
    assert_ne!(sale.journey.buyer().cancel(&order).await.unwrap().status, "cancelled");
    till.until(&mut sale, "cancelled", |read| status(read) == "cancelled").await.unwrap();
    assert_eq!(till.provider.book().trade(&sale.payment_no()).unwrap().state, TradeState::Closed);
    the_books_agree(&till).await;
}

#[tokio::test]
async fn unionpay() {
    let till = Till::start(settings(), UnionPay::new()).await.unwrap();
    all(&till).await;
    money_that_comes_after_the_end_goes_back(&till).await;
    // A refund that failed for good is made up for by another one under a new number.
    let mut sale = till.paid().await.unwrap();
    till.provider.manners().next(Operation::Refund, [Manner::Pend]);
    let refund = till.refund(&sale, json!([])).await.unwrap();
    let failed = refund["refunds"][0]["refund_no"].as_str().unwrap().to_owned();
    let book = till.provider.book();
    till.until(&mut sale, "pending", |_| book.refund_entry(&failed).is_some()).await.unwrap();
    book.end_refund(&failed, RefundState::Failed).unwrap();
    till.until(&mut sale, "failed", |read| read["refunds"][0]["status"] == "failed").await.unwrap();
    let retry = Call::new(Method::POST, format!("/admin/v1/refunds/{failed}/retry")).json(&json!({"note": "again"}));
    let again: Value = till.world.admin().send(retry).await.unwrap().success().unwrap().json().unwrap();
    assert_ne!(again["refund_no"], failed.as_str());
    till.until(&mut sale, "sent back", |read| read["shop_orders"][0]["status"] == "closed").await.unwrap();
    let trade = book.trade(&sale.payment_no()).unwrap();
    assert_eq!((trade.refunds.len(), trade.refunded()), (2, sale.order.to_pay), "{trade:?}");
    the_books_agree(&till).await;
}
