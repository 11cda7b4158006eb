//! WeChat Pay and PayPal end to end: the real host against stand-ins that speak their protocols. At the end of each run
//! the provider's book and ours are the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::platform::problem_code;
use hookline_tests::providers::paypal::PayPal;
use hookline_tests::providers::wechat::WeChat;
use hookline_tests::providers::{Event, Manner, Operation, Protocol, RefundState, Sale, Till, TradeState};
use hookline_tests::servers::{HostSettings, TestDatabase};
use hookline_tests::world::host_settings;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// A call is tried so often before its answer counts as unknown.
const TRIES: usize = 3;
const SLOW: Manner = Manner::Slow(Duration::from_millis(1_500));
const UNSENT: Manner = Manner::Unknown { done: false };
const SENT: Manner = Manner::Unknown { done: true };

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

async fn read<P: Protocol>(till: &Till<P>, sale: &mut Sale) -> Value {
    till.until(sale, "there", |_| true).await.unwrap()
}

async fn only_an_honest_callback_pays<P: Protocol>(till: &Till<P>) {
    let (mut sale, told) = till.paid_there().await.unwrap();
    let mut client = till.client();
    // No query may find the money meanwhile.
    till.provider.manners().always(Operation::Query, UNSENT);
    let forged = till.provider.forged(&sale.payment_no(), &Event::Paid).unwrap();
    assert_eq!(forged.send(&mut client).await.unwrap().status, StatusCode::UNAUTHORIZED);
    for index in [0, told.body.len() / 3, told.body.len() / 2, told.body.len() - 1] {
        let answer = told.corrupted_at(index).send(&mut client).await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{index}");
    }
    assert_eq!(status(&read(till, &mut sale).await), "created");
    till.provider.manners().always(Operation::Query, Manner::Good);
    for _ in 0..3 {
        let taken = told.send(&mut client).await.unwrap().success().unwrap();
        assert_eq!(taken.body, "");
        assert_eq!(status(&read(till, &mut sale).await), "paid");
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
    let (mut sale, _lost) = till.paid_there().await.unwrap();
    let manners = till.provider.manners();
    manners.next(Operation::Query, [SLOW, SENT, Manner::LoseAnswer, Manner::Fail(500), Manner::Refuse]);
    till.until(&mut sale, "paid", |read| status(read) == "paid").await.unwrap();
}

async fn an_announcement_without_an_answer_is_made_again_under_its_number<P: Protocol>(till: &Till<P>) {
    let mut sale = till.order().await.unwrap();
    till.provider.manners().next(Operation::Open, [SENT, Manner::LoseAnswer, SLOW]);
    let unknown = till.open(&mut sale).await.unwrap();
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    let number = unknown.json::<Value>().unwrap()["payment_no"].clone();
    till.open(&mut sale).await.unwrap().success().unwrap();
    assert_eq!(sale.payment["payment_no"], number);
    till.pay(&sale).unwrap().send(&mut till.client()).await.unwrap().success().unwrap();
    assert_eq!(status(&read(till, &mut sale).await), "paid");
}

async fn a_refused_announcement_ends_the_attempt_only<P: Protocol>(till: &Till<P>) {
    let mut sale = till.order().await.unwrap();
    till.provider.manners().next(Operation::Open, [Manner::Refuse]);
    let refused = till.open(&mut sale).await.unwrap();
    assert_eq!(problem_code(&refused), "payment-refused");
    till.open(&mut sale).await.unwrap().success().unwrap();
    till.pay(&sale).unwrap().send(&mut till.client()).await.unwrap().success().unwrap();
    assert_eq!(status(&read(till, &mut sale).await), "paid");
}

/// The money is at the provider, and nobody told us.
async fn cancelling_what_was_paid_pays_it<P: Protocol>(till: &Till<P>) {
    let (mut sale, _lost) = till.paid_there().await.unwrap();
    till.provider.book().pay(&sale.payment_no()).unwrap();
    let call = Call::new(Method::PUT, format!("/api/v1/orders/{}/cancel", sale.order.order_no));
    let call = call.json(&json!({"reason": "too late"}));
    let refused = sale.journey.buyer().send("cancel", call).await.unwrap();
    assert_eq!((refused.status, problem_code(&refused).as_str()), (StatusCode::CONFLICT, "already-paid"));
    assert_eq!(status(&read(till, &mut sale).await), "paid");
}

async fn refunds_arrive_once_whatever_the_provider_says<P: Protocol>(till: &Till<P>) {
    let mut sale = till.paid().await.unwrap();
    let manners = till.provider.manners();
    let before = manners.asked(Operation::Refund);
    manners.next(Operation::Refund, [Manner::Refuse]);
    manners.next(Operation::Refund, vec![UNSENT; TRIES]);
    manners.next(Operation::Refund, vec![SENT; TRIES]);
    let item = read(till, &mut sale).await["shop_orders"][0]["items"][0]["order_no"].clone();
    till.refund(&sale, json!([{"item_no": item, "amount": 123}])).await.unwrap();
    till.until(&mut sale, "partly sent back", |read| refunds_are_done(read, 1)).await.unwrap();
    let asked = manners.asked(Operation::Refund) - before;
    assert_eq!(asked, 1 + 2 * TRIES, "the number that was done is not sent again");
    manners.next(Operation::Refund, [Manner::LoseAnswer, SLOW]);
    till.refund(&sale, json!([])).await.unwrap();
    let now = till.until(&mut sale, "sent back", |read| refunds_are_done(read, 2)).await.unwrap();
    assert_eq!(now["shop_orders"][0]["status"], "closed", "{now}");
    let trade = till.provider.book().trade(&sale.payment_no()).unwrap();
    assert_eq!((trade.refunds.len(), trade.refunded()), (2, sale.order.to_pay), "{trade:?}");
}

/// A refund of everything that the provider has accepted and not done yet; its number.
async fn accepted<P: Protocol>(till: &Till<P>, sale: &mut Sale) -> String {
    till.provider.manners().next(Operation::Refund, [Manner::Pend]);
    let refund = till.refund(sale, json!([])).await.unwrap();
    let refund_no = refund["refunds"][0]["refund_no"].as_str().unwrap().to_owned();
    let book = till.provider.book();
    till.until(sale, "pending", |_| book.refund_entry(&refund_no).is_some()).await.unwrap();
    refund_no
}

async fn a_refund_notice_makes_us_ask<P: Protocol>(till: &Till<P>) {
    let mut sale = till.paid().await.unwrap();
    let refund_no = accepted(till, &mut sale).await;
    let told = Event::Refunded { refund_no: refund_no.clone() };
    let early = till.provider.message(&sale.payment_no(), &told).unwrap();
    early.send(&mut till.client()).await.unwrap().success().unwrap();
    let now = read(till, &mut sale).await;
    assert_eq!(now["refunds"][0]["status"], "pending", "{now}");
    assert_eq!(now["shop_orders"][0]["sub_status"], "closing", "{now}");
    till.provider.book().end_refund(&refund_no, RefundState::Done).unwrap();
    let done = till.provider.message(&sale.payment_no(), &told).unwrap();
    for _ in 0..2 {
        done.send(&mut till.client()).await.unwrap().success().unwrap();
    }
    till.until(&mut sale, "sent back", |read| refunds_are_done(read, 1)).await.unwrap();
}

async fn a_refund_that_failed_for_good_gets_a_new_number<P: Protocol>(till: &Till<P>) {
    let mut sale = till.paid().await.unwrap();
    let failed = accepted(till, &mut sale).await;
    till.provider.book().end_refund(&failed, RefundState::Failed).unwrap();
    till.until(&mut sale, "failed", |read| read["refunds"][0]["status"] == "failed").await.unwrap();
    let retry = Call::new(Method::POST, format!("/admin/v1/refunds/{failed}/retry")).json(&json!({"note": "again"}));
    let again: Value = till.world.admin().send(retry).await.unwrap().success().unwrap().json().unwrap();
    assert_ne!(again["refund_no"], failed.as_str());
    till.until(&mut sale, "sent back", |read| read["shop_orders"][0]["status"] == "closed").await.unwrap();
    let trade = till.provider.book().trade(&sale.payment_no()).unwrap();
    assert_eq!((trade.refunds.len(), trade.refunded()), (2, sale.order.to_pay), "{trade:?}");
}

async fn all<P: Protocol>(till: &Till<P>) {
    only_an_honest_callback_pays(till).await;
    a_lost_callback_is_found_by_a_query(till).await;
    a_slow_and_unsure_provider_is_asked_again(till).await;
    an_announcement_without_an_answer_is_made_again_under_its_number(till).await;
    a_refused_announcement_ends_the_attempt_only(till).await;
    cancelling_what_was_paid_pays_it(till).await;
    refunds_arrive_once_whatever_the_provider_says(till).await;
    a_refund_notice_makes_us_ask(till).await;
    a_refund_that_failed_for_good_gets_a_new_number(till).await;
}

async fn the_books_agree<P: Protocol>(till: &Till<P>) {
    till.agree().await.unwrap();
    checker::check_world(&till.world).await.unwrap().assert_clean();
}

async fn wechat(settings: HostSettings) {
    let till = Till::start(settings, WeChat::new()).await.unwrap();
    all(&till).await;
    // Cancelling closes at the provider first.
    let mut sale = till.sale().await.unwrap();
    let order = sale.order.order_no.clone();
    assert_eq!(sale.journey.buyer().cancel(&order).await.unwrap().status, "cancelled");
    assert_eq!(till.provider.book().trade(&sale.payment_no()).unwrap().state, TradeState::Closed);
    assert_eq!(read(&till, &mut sale).await["payments"][0]["status"], "closed");
    // A close that is not known: the order is cancelled when it is.
    let mut sale = till.sale().await.unwrap();
    till.provider.manners().next(Operation::Close, vec![UNSENT; TRIES]);
    let order = sale.order.order_no.clone();
    assert_ne!(sale.journey.buyer().cancel(&order).await.unwrap().status, "cancelled");
    till.until(&mut sale, "cancelled", |read| status(read) == "cancelled").await.unwrap();
    assert_eq!(till.provider.book().trade(&sale.payment_no()).unwrap().state, TradeState::Closed);
    // The provider's own test of whether signatures are checked.
    let (mut sale, told) = till.paid_there().await.unwrap();
    till.provider.manners().always(Operation::Query, UNSENT);
    let mut probe = told.clone();
    for (name, value) in &mut probe.headers {
        if name == "wechatpay-signature" {
            *value = format!("WECHATPAY/SIGNTEST/{value}");
        }
    }
    let refused = probe.send(&mut till.client()).await.unwrap();
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json::<Value>().unwrap()["code"], "FAIL");
    assert_eq!(status(&read(&till, &mut sale).await), "created");
    till.provider.manners().always(Operation::Query, Manner::Good);
    told.send(&mut till.client()).await.unwrap().success().unwrap();
    the_books_agree(&till).await;
}

async fn paypal(settings: HostSettings) {
    let till = Till::start(settings, PayPal::new()).await.unwrap();
    all(&till).await;
    let manners = till.provider.manners();
    // A capture whose answer does not come is looked up, not made again; the webhook is asked for again.
    let (mut sale, told) = till.paid_there().await.unwrap();
    manners.next(Operation::Capture, vec![SENT; TRIES]);
    let later = told.send(&mut till.client()).await.unwrap();
    assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE);
    told.send(&mut till.client()).await.unwrap().success().unwrap();
    assert_eq!(status(&read(&till, &mut sale).await), "paid");
    // A buyer whose card is declined can choose another one.
    let (mut sale, told) = till.paid_there().await.unwrap();
    let captures = manners.asked(Operation::Capture);
    manners.next(Operation::Capture, [Manner::Refuse]);
    told.send(&mut till.client()).await.unwrap().success().unwrap();
    till.until(&mut sale, "paid", |read| status(read) == "paid").await.unwrap();
    assert_eq!(manners.asked(Operation::Capture) - captures, 2);
    // The buyer comes back from the provider's page, before any webhook.
    let (mut sale, _later) = till.paid_there().await.unwrap();
    let back = Call::new(Method::POST, format!("/api/v1/payments/{}/query", sale.payment_no()));
    let payment: Value = sale.journey.buyer().send("query", back).await.unwrap().success().unwrap().json().unwrap();
    assert_eq!(payment["status"], "succeeded", "{payment}");
    // The provider cannot close: an order that is not captured ends, and is not captured afterwards.
    let (mut sale, told) = till.paid_there().await.unwrap();
    let captures = manners.asked(Operation::Capture);
    let order = sale.order.order_no.clone();
    assert_eq!(sale.journey.buyer().cancel(&order).await.unwrap().status, "cancelled");
    told.send(&mut till.client()).await.unwrap().success().unwrap();
    assert_eq!(manners.asked(Operation::Capture), captures);
    assert_eq!(till.provider.book().trade(&sale.payment_no()).unwrap().state, TradeState::Open);
    // Money that moved nevertheless goes back.
    till.provider.book().pay(&sale.payment_no()).unwrap();
    let paid = till.provider.message(&sale.payment_no(), &Event::Paid).unwrap();
    paid.send(&mut till.client()).await.unwrap().success().unwrap();
    let now = till.until(&mut sale, "sent back", |read| refunds_are_done(read, 1)).await.unwrap();
    assert_eq!(status(&now), "cancelled");
    // The same signature over another body of the same order: only the provider's books are believed.
    let mut sale = till.sale().await.unwrap();
    let lie = till.provider.message(&sale.payment_no(), &Event::Paid).unwrap();
    lie.send(&mut till.client()).await.unwrap().success().unwrap();
    assert_eq!(status(&read(&till, &mut sale).await), "created");
    the_books_agree(&till).await;
}

#[tokio::test]
async fn wechat_on_sqlite() {
    wechat(settings()).await;
}

#[tokio::test]
async fn wechat_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    wechat(settings().set("ORDER_DB_URL", database.url())).await;
}

#[tokio::test]
async fn paypal_on_sqlite() {
    paypal(settings()).await;
}

#[tokio::test]
async fn paypal_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    paypal(settings().set("ORDER_DB_URL", database.url())).await;
}
