//! Bad uploads are refused with the reason, and a line that misbehaves does not disturb its neighbours.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call};
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::world::{Line, LineSetup, Pace, World, component};
use hyper::Method;
use serde_json::{Value, json};

const HUNDRED_MB: usize = 100 << 20;
/// Order types of the hostile lines.
const KINDS: std::ops::Range<i32> = 661..700;
/// A quote of goods beside attackers may take this long: far above what it takes, far below a looping hook's deadline
/// in a row.
const PATIENCE: Duration = Duration::from_secs(5);

async fn upload(world: &World, bytes: Vec<u8>) -> Result<Answer, hookline_tests::client::ClientError> {
    world.admin().upload(Line::Goods.code(), bytes).await
}

async fn refused(world: &World, bytes: Vec<u8>, because: &str) {
    let answer = upload(world, bytes).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status.is_client_error() && text.contains(because), "{}: {text}, not {because}", answer.status);
}

/// Many locals alive over many branches: a small file that costs a compiler minutes.
fn compile_bomb() -> Vec<u8> {
    let locals = 5_000;
    let mut text =
        format!("(component (core module (func (export \"f\") (param i32) (local {})\n", "i64 ".repeat(locals));
    for at in 0..3_000 {
        let (to, from) = (at % locals + 1, (at * 7_919) % locals + 1);
        let _ = writeln!(
            text,
            "(block (br_if 0 (local.get 0)) (local.set {to} (i64.add (local.get {from}) (i64.const 1))))"
        );
    }
    text.push_str(")))");
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn bad_uploads_are_refused_and_change_nothing() {
    let world = World::on_sqlite().await.unwrap();
    let good = component("goods").unwrap();
    refused(&world, good[..good.len() / 2].to_vec(), "").await;
    refused(&world, b"\0asm nonsense".to_vec(), "").await;
    refused(&world, Vec::new(), "empty").await;
    let sockets = wat::parse_str("(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))").unwrap();
    refused(&world, sockets, "wasi:http").await;
    refused(&world, wat::parse_str("(component)").unwrap(), "").await;
    refused(&world, compile_bomb(), "").await;
    // Told to go away in the midst of it, or refused at the end: never taken, never kept in memory.
    match upload(&world, vec![0; HUNDRED_MB]).await {
        Ok(answer) => assert!(answer.status.is_client_error(), "{answer:?}"),
        Err(cut_off) => assert_eq!(cut_off.status(), None),
    }
    assert!(world.host.client().is_ready().await);
    let ended = Journey::new(&world, Line::Goods).to_completed(&world, Paying::Sandbox).await.unwrap();
    assert_eq!(ended.status, "completed");
    checker::check_world(&world).await.unwrap().assert_clean();
}

fn bait(code: &str, kind: i32) -> Value {
    let shop = json!({"shop_id": "trap", "business": code, "type": kind, "items": [{"sku_id": "bait", "quantity": 1}]});
    json!({"mode": "wait", "channel": "api", "currency": "CNY", "shops": [shop]})
}

#[tokio::test]
async fn a_line_that_misbehaves_does_not_disturb_goods() {
    let world = World::start(hookline_tests::world::host_settings(), &Pace::default()).await.unwrap();
    let ways =
        ["loop", "eat-memory", "trap", "deep-recursion", "huge-answer", "negative-price", "overflow", "log-flood"];
    for (kind, way) in KINDS.zip(ways) {
        // Good as long as it is tried, bad once it is in.
        let code = format!("hostile-{way}");
        world.register(&LineSetup::hostile(&code, kind, json!({}))).await.unwrap();
        let spoilt = LineSetup::hostile(&code, kind, json!({"hook": "quote", "behave": way}));
        world.admin().business(&spoilt).await.unwrap();
    }
    let is_over = AtomicBool::new(false);
    let begin = Instant::now();
    let attack = join_all(KINDS.zip(ways).map(async |(kind, way)| {
        let mut client = world.host.client().with_token(&world.mint.buyer("attacker"));
        let cart = bait(&format!("hostile-{way}"), kind);
        let mut asked = 0;
        while !is_over.load(Ordering::Relaxed) {
            let answer = client.send(Call::new(Method::POST, "/api/v1/quotes").json(&cart)).await.unwrap();
            // The new settings arrive within a second. Noise is no fault: a line that only logs too much still quotes.
            let is_new = begin.elapsed() > Duration::from_secs(2);
            assert!(!is_new || answer.status.is_success() == (way == "log-flood"), "{way}: {answer:?}");
            asked += 1;
        }
        assert!(asked > 0, "{way} was never tried");
    }));
    let neighbours = async {
        let mut quoter = world.host.client().with_token(&world.mint.buyer("neighbour"));
        let cart = Journey::new(&world, Line::Goods).cart(Paying::Sandbox);
        for _ in 0..50 {
            let asked = Instant::now();
            let answer = quoter.send(Call::new(Method::POST, "/api/v1/quotes").json(&cart)).await.unwrap();
            assert!(answer.status.is_success(), "{answer:?}");
            assert!(asked.elapsed() < PATIENCE, "a quote of goods took {:?}", asked.elapsed());
        }
        for _ in 0..4 {
            Journey::new(&world, Line::Goods).to_completed(&world, Paying::Sandbox).await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    };
    join(attack, neighbours).await;
    assert!(world.host.client().is_ready().await);
    checker::check_world(&world).await.unwrap().assert_clean();
}
