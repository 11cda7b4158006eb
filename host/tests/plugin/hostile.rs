//! A line that misbehaves on command: each way has its typed outcome, the neighbours notice nothing, and what it took
//! comes back.
#![expect(clippy::disallowed_methods, reason = "it measures, and is a caller of its own")]

use std::time::{Duration, Instant};

use hookline::domain::catalogue::Grant;
use hookline::domain::hook::{Delivery, Step};
use hookline::plugin::{Limit, Outcome, PluginSettings, Plugins};

use crate::support::{business, component, deduct, quote, room, settings, ship, upload, upload_with};

fn on(hook: &str, behave: &str) -> String {
    format!(r#"{{"hook":"{hook}","behave":"{behave}"}}"#)
}

async fn loaded() -> Plugins {
    let hostile = component("hostile");
    let room = room();
    let report = upload(&room, "hostile", &hostile).await;
    assert!(report.has_aftersale);
    room
}

async fn quote_word(room: &Plugins, behave: &str) -> String {
    let line = business("hostile");
    let digest = room.active(&line).unwrap();
    let mut call = room.quote(&line, digest, quote(3, &on("quote", behave))).await.unwrap();
    // A machine that is busy with other tests may not get to it in time; that says nothing about the plugin.
    for _ in 0..20 {
        if !matches!(call.outcome, Outcome::Saturated | Outcome::Deadline(_)) {
            break;
        }
        call = room.quote(&line, digest, quote(3, &on("quote", behave))).await.unwrap();
    }
    format!("{behave}: {} {}", call.outcome.word(), call.outcome.detail().unwrap_or_default())
}

#[tokio::test]
async fn every_misbehaviour_of_a_quote_has_its_outcome() {
    let room = loaded().await;
    let expected = [
        ("loop", "out_of_fuel"),
        ("trap", "trap"),
        ("deep-recursion", "trap"),
        ("log-flood", "ok"),
        ("log-long", "ok"),
        ("log-escape", "ok"),
        ("huge-answer", "output_too_large"),
        ("nul", "bad_output"),
        ("bad-key", "bad_output"),
        ("big-attributes", "bad_output"),
        ("reject", "refused"),
        ("other", "bad_output"),
        ("negative-price", "bad_output"),
        ("negative-discount", "bad_output"),
        ("discount-above-line", "bad_output"),
        ("discount-above-shop", "bad_output"),
        ("discount-above-cart", "bad_output"),
        ("overflow", "bad_output"),
        ("negative-tax", "bad_output"),
        ("negative-freight", "bad_output"),
        ("unknown-line", "bad_output"),
        ("missing-line", "bad_output"),
        ("double-line", "bad_output"),
        ("unknown-shop", "bad_output"),
        ("too-many-coins", "bad_output"),
        ("unknown-coupon", "bad_output"),
        ("no-time", "bad_output"),
    ];
    for (behave, word) in expected {
        let found = quote_word(&room, behave).await;
        assert!(found.starts_with(&format!("{behave}: {word} ")), "{found}, expected {word}");
    }
}

#[tokio::test]
async fn every_misbehaviour_of_a_step_has_its_outcome() {
    let room = loaded().await;
    let line = business("hostile");
    let digest = room.active(&line).unwrap();
    for (behave, word) in [
        ("loop", "out_of_fuel"),
        ("trap", "trap"),
        ("nul", "bad_output"),
        ("bad-key", "bad_output"),
        ("big-attributes", "bad_output"),
        ("huge-answer", "output_too_large"),
        ("reject", "rejected"),
        ("retry", "retry"),
        ("retry-at-once", "bad_output"),
        ("attention", "attention"),
        ("other", "attention"),
        ("wait-forever", "bad_output"),
        ("wait-bad-name", "bad_output"),
        ("poll-nothing", "bad_output"),
        ("call", "ok"),
        ("call-bad-headers", "bad_output"),
        ("bad-event", "bad_output"),
    ] {
        let call = room.deduct(&line, digest, deduct(&on("deduct", behave))).await.unwrap();
        assert_eq!(call.outcome.word(), word, "{behave}: {:?}", call.outcome);
    }
    for (behave, word) in [
        ("ship-too-much", "bad_output"),
        ("ship-too-little", "bad_output"),
        ("ship-unknown-line", "bad_output"),
        ("loop", "out_of_fuel"),
    ] {
        let call = room.ship(&line, digest, ship(&on("ship", behave))).await.unwrap();
        assert_eq!(call.outcome.word(), word, "{behave}: {:?}", call.outcome);
    }
    let mut virtual_goods = ship("{}");
    virtual_goods.order.delivery = Delivery::Code;
    let call = room.ship(&line, digest, virtual_goods).await.unwrap();
    assert!(matches!(call.outcome, Outcome::Ok(Step::Done(_))), "{:?}", call.outcome);
}

#[tokio::test]
async fn with_fuel_to_spare_the_other_limits_hold() {
    let (room, hostile) = (loaded().await, component("hostile"));
    let line = business("rich");
    let grant = Grant { fuel: Some(100_000_000_000), hook_ms: Some(60_000), quote_ms: Some(200), ..Grant::default() };
    let digest = upload_with(&room, "rich", &hostile, grant).await.digest;
    let call = room.deduct(&line, digest, deduct(&on("deduct", "eat-memory"))).await.unwrap();
    let Outcome::Memory(exceeded) = call.outcome else { panic!("{:?}", call.outcome) };
    assert_eq!((exceeded.limit, exceeded.allowed), (Limit::Memory, 16 << 20));
    assert!(exceeded.used > exceeded.allowed);
    let call = room.deduct(&line, digest, deduct(&on("deduct", "call-huge"))).await.unwrap();
    assert!(matches!(call.outcome, Outcome::OutputTooLarge(_)), "{:?}", call.outcome);
    let mut call = room.quote(&line, digest, quote(1, &on("quote", "loop"))).await.unwrap();
    for _ in 0..20 {
        if !matches!(call.outcome, Outcome::Saturated) {
            break;
        }
        call = room.quote(&line, digest, quote(1, &on("quote", "loop"))).await.unwrap();
    }
    assert!(matches!(call.outcome, Outcome::Deadline(e) if e.allowed == 200), "{:?}", call.outcome);
    assert!(call.micros < 2_000_000);
}

#[tokio::test]
async fn a_log_is_cut_and_harmless() {
    let room = loaded().await;
    let line = business("hostile");
    let flood = room.quote(&line, room.active(&line).unwrap(), quote(1, &on("quote", "log-flood"))).await.unwrap();
    let kept: usize = flood.log.iter().map(|line| line.text.len()).sum();
    assert!(kept <= 17 << 10 && flood.log.last().unwrap().text.contains("dropped"));
    let escape = room.quote(&line, room.active(&line).unwrap(), quote(1, &on("quote", "log-escape"))).await.unwrap();
    assert!(escape.log.iter().all(|line| !line.text.chars().any(char::is_control)), "{:?}", escape.log);
}

#[tokio::test]
async fn an_input_that_is_too_large_is_not_the_plugins_fault() {
    let room = loaded().await;
    let line = business("hostile");
    let mut request = quote(1, "{}");
    request.extra.push(("note".into(), "x".repeat(70_000)));
    let call = room.quote(&line, room.active(&line).unwrap(), request).await.unwrap();
    assert!(matches!(call.outcome, Outcome::InputTooLarge(_)) && !call.outcome.is_fault());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbours_notice_nothing_and_memory_comes_back() {
    let (room, goods) = (loaded().await, component("goods"));
    let report = upload(&room, "goods", &goods).await;
    let (room, good) = (std::sync::Arc::new(room), business("goods"));
    let alone = room.quote(&good, report.digest, quote(5, "{}")).await.unwrap();
    let Outcome::Ok(expected) = &alone.outcome else { panic!("{:?}", alone.outcome) };
    // The first round warms the pool.
    let mut before = 0;
    let mut slowest = Duration::ZERO;
    for round in 0..4 {
        let storm: Vec<_> = (0..48)
            .map(|n| {
                let room = room.clone();
                tokio::spawn(async move {
                    let behave = ["loop", "eat-memory", "trap", "deep-recursion", "huge-answer", "log-flood"][n % 6];
                    quote_word(&room, behave).await
                })
            })
            .collect();
        for _ in 0..50 {
            let started = Instant::now();
            let call = room.quote(&good, report.digest, quote(5, "{}")).await.unwrap();
            slowest = slowest.max(started.elapsed());
            assert_eq!(call.fuel, alone.fuel);
            assert!(matches!(&call.outcome, Outcome::Ok(quoted) if quoted == expected), "{:?}", call.outcome);
        }
        for call in storm {
            let word = call.await.unwrap();
            assert!(!word.contains(": ok") || word.starts_with("log-flood"), "{word}");
        }
        if round == 0 {
            before = resident_kib();
        }
    }
    let after = resident_kib();
    eprintln!("slowest good quote {slowest:?}, resident {before} KiB, then {after} KiB");
    assert!(after < before + 32 * 1024, "resident memory went from {before} to {after} KiB");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_room_whole() {
    let room = loaded().await;
    let line = business("hostile");
    let digest = room.active(&line).unwrap();
    for _ in 0..40 {
        let call = room.quote(&line, digest, quote(1, &on("quote", "loop")));
        drop(tokio::time::timeout(Duration::from_millis(1), call).await);
    }
    let call = room.quote(&line, digest, quote(1, "{}")).await.unwrap();
    assert!(matches!(call.outcome, Outcome::Ok(_) | Outcome::Saturated), "{:?}", call.outcome);
}

#[tokio::test]
async fn a_call_that_gets_no_slot_is_saturated_and_the_other_line_still_gets_one() {
    let (hostile, goods) = (component("hostile"), component("goods"));
    let room = Plugins::start(&PluginSettings { slots: 2, ..settings() }).unwrap();
    let grant = Grant { fuel: Some(100_000_000_000), quote_ms: Some(3_000), ..Grant::default() };
    let digest = upload_with(&room, "hostile", &hostile, grant).await.digest;
    let good = upload(&room, "goods", &goods).await.digest;
    let (line, other) = (business("hostile"), business("goods"));
    let looping = || room.quote(&line, digest, quote(1, &on("quote", "loop")));
    let (one, two, neighbour) = tokio::join!(looping(), looping(), room.quote(&other, good, quote(1, "{}")));
    let words = [one.unwrap().outcome.word(), two.unwrap().outcome.word()];
    assert_eq!(words.iter().filter(|word| **word == "saturated").count(), 1, "{words:?}");
    assert!(matches!(neighbour.unwrap().outcome, Outcome::Ok(_)));
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
