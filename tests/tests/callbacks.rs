//! A hundred thousand callbacks of five providers, three in ten hostile, from many senders at once: none that is forged
//! is believed, every honest one is taken, each effect happens once, and the host never fails.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;

use futures_util::future::join_all;
use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::platform::Order;
use hookline_tests::providers::alipay::{Alipay, Product};
use hookline_tests::providers::paypal::PayPal;
use hookline_tests::providers::unionpay::UnionPay;
use hookline_tests::providers::wechat::WeChat;
use hookline_tests::providers::{Event, Message, Protocol, StandIn};
use hookline_tests::sandbox::Notice;
use hookline_tests::world::{Line, LineSetup, Pace, World, catalogue, host_settings};
use hyper::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

const CALLBACKS: usize = 100_000;
const HOSTILE_PERCENT: u32 = 30;
const SENDERS: usize = 24;
const ORDERS_EACH: usize = 12;
const SEED: u64 = 20_261_121;

/// An order with the callback that pays it, and the same by a stranger.
struct Told {
    journey: Journey,
    order: Order,
    honest: Message,
    forged: Message,
}

async fn opened(world: &World, method: &str) -> (Journey, Order, Value) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", order.order_no));
    let answer = journey.buyer().send("pay", call.json(&json!({"payment_method": method}))).await.unwrap();
    (journey, order, answer.success().unwrap().json().unwrap())
}

async fn told_by<P: Protocol>(world: &World, provider: &StandIn<P>, all: &mut Vec<Told>) {
    for _ in 0..ORDERS_EACH {
        let (journey, order, offer) = opened(world, provider.protocol().name()).await;
        let no = offer["payment_no"].as_str().unwrap();
        provider.visit(&offer).unwrap();
        let honest = provider.pay(no).unwrap();
        let forged = provider.forged(no, &Event::Paid).unwrap();
        all.push(Told { journey, order, honest, forged });
    }
}

async fn told_by_sandbox(world: &World, all: &mut Vec<Told>) {
    for _ in 0..ORDERS_EACH {
        let (journey, order, offer) = opened(world, "sandbox").await;
        let notice = Notice::paid(offer["payment_no"].as_str().unwrap(), order.to_pay);
        all.push(Told { journey, order, honest: notice.message(), forged: notice.forged_message() });
    }
}

async fn set_up<P: Protocol>(world: &World, protocol: P) -> StandIn<P> {
    let provider = StandIn::start(protocol).await.unwrap();
    let (path, account) = provider.account(&[Line::Goods.code()]);
    world.admin().send(Call::new(Method::PUT, path).json(&account)).await.unwrap().success().unwrap();
    provider
}

/// One of the ways in which a callback can lie. Each differs from every honest one in what is signed.
fn hostile(told: &Told, other: &Told, dice: &mut StdRng) -> Message {
    let mut message = told.honest.clone();
    let length = message.body.len();
    match dice.random_range(0..9) {
        0 | 1 => told.forged.clone(),
        2 => message.corrupted_at(dice.random_range(0..length)),
        3 => {
            message.body.truncate(dice.random_range(0..length));
            message
        }
        4 => {
            message.body.insert(dice.random_range(0..length), 0xff);
            message
        }
        5 => {
            // Another order's signature over this one's body.
            message.headers.clone_from(&other.forged.headers);
            message.body.clone_from(&told.forged.body);
            message
        }
        6 => {
            message.path = format!("{}-of-nobody", message.path);
            message
        }
        7 => {
            "/callbacks/payments/sandbox/default".clone_into(&mut message.path);
            message.headers.retain(|(name, _)| !name.starts_with("sandbox"));
            message
        }
        _ => {
            message.body = b"{}".repeat(dice.random_range(0..200));
            message
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_callbacks() {
    // Nothing but callbacks shall pay here.
    let settings = host_settings().set("PAYMENT_QUERY_MS", "3600000").set("ORDER_LOG", "error");
    let world = World::empty(settings).await.unwrap();
    let pace = Pace { pay_timeout_s: 3_600, ..Pace::default() };
    let mut setup = LineSetup::new(Line::Goods, &pace, &world.suppliers);
    setup.rules["methods"] = json!(["alipay", "wechat", "unionpay", "paypal", "sandbox"]);
    world.register(&setup).await.unwrap();
    let alipay = set_up(&world, Alipay::new(Product::Page)).await;
    let wechat = set_up(&world, WeChat::new()).await;
    let unionpay = set_up(&world, UnionPay::new()).await;
    let paypal = set_up(&world, PayPal::new()).await;
    world.sells(Line::Goods, catalogue::items(Line::Goods, 0)).await.unwrap();

    let mut all = vec![];
    told_by(&world, &alipay, &mut all).await;
    told_by(&world, &wechat, &mut all).await;
    told_by(&world, &unionpay, &mut all).await;
    told_by(&world, &paypal, &mut all).await;
    told_by_sandbox(&world, &mut all).await;

    // The hostile ones come first for a while: what they could pay is still unpaid then.
    let (all, world_ref) = (&all, &world);
    for told in all {
        let mut dice = StdRng::seed_from_u64(SEED);
        for _ in 0..20 {
            let answer = hostile(told, &all[0], &mut dice).send(&mut world.host.client()).await.unwrap();
            assert!(answer.status.is_client_error(), "{answer:?}");
        }
    }
    let senders = (0..SENDERS).map(async |sender| {
        let mut dice = StdRng::seed_from_u64(SEED + sender as u64);
        let mut client = world_ref.host.client();
        let mut statuses: BTreeMap<(bool, u16), usize> = BTreeMap::new();
        for _ in 0..=CALLBACKS / SENDERS {
            let told = &all[dice.random_range(0..all.len())];
            let is_hostile = dice.random_range(0..100) < HOSTILE_PERCENT;
            let message = if is_hostile {
                hostile(told, &all[dice.random_range(0..all.len())], &mut dice)
            } else {
                told.honest.clone()
            };
            let status = message.send(&mut client).await.unwrap().status;
            assert!(!is_hostile || status.is_client_error(), "{status} for {message:?}");
            assert!(is_hostile || status.is_success(), "{status} for {message:?}");
            *statuses.entry((is_hostile, status.as_u16())).or_default() += 1;
        }
        statuses
    });
    let statuses = join_all(senders).await;
    let sum = |hostile: bool| -> usize {
        statuses.iter().flatten().filter(|((was, _), _)| *was == hostile).map(|(_, count)| count).sum()
    };
    assert!(sum(true) * 100 > CALLBACKS * 28 && sum(true) + sum(false) >= CALLBACKS, "{statuses:?}");

    for told in all {
        let mut buyer = world.host.client().with_token(&world.mint.buyer(told.journey.buyer_id()));
        let read: Value = buyer.get(&format!("/api/v1/orders/{}", told.order.order_no)).await.unwrap();
        assert_eq!(read["status"], "paid", "{read}");
        let payments = read["payments"].as_array().unwrap();
        assert_eq!((payments.len(), payments[0]["status"].as_str()), (1, Some("succeeded")), "{read}");
        assert_eq!(read["refunds"], json!([]));
        let log = format!("/api/v1/payments/{}/log", payments[0]["payment_no"].as_str().unwrap());
        let log: Value = world.host.client().with_token(&world.mint.operator()).get(&log).await.unwrap();
        let times = log.as_array().unwrap().iter().filter(|row| row["step"] == "succeeded").count();
        assert_eq!(times, 1, "{read}");
    }
    checker::check_world(&world).await.unwrap().assert_clean();
}
