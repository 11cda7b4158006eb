//! How long an instance, a quote of five lines and its end take. Run in release: `cargo test --release -p hookline
//! --test plugin -- --ignored --nocapture speed`.
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::time::Instant;

use hookline::plugin::Outcome;

use crate::support::{business, component, quote, room, upload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, for release builds on a quiet machine"]
async fn speed() {
    for name in ["goods", "goods-wasip2"] {
        let bytes = component(name);
        let room = room();
        let digest = upload(&room, "goods", &bytes).await.digest;
        let line = business("goods");
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let request = quote(5, "{}");
            let started = Instant::now();
            let call = room.quote(&line, digest, request).await.unwrap();
            outside.push(started.elapsed().as_nanos() / 100);
            inside.push(u128::from(call.micros) * 10);
            assert!(matches!(call.outcome, Outcome::Ok(_)), "{:?}", call.outcome);
        }
        for (what, times) in [("in the hook runtime", &mut inside), ("as the caller sees it", &mut outside)] {
            times.sort_unstable();
            let at = |percent: usize| times.get(times.len() * percent / 100).unwrap() / 10;
            eprintln!(
                "{name} {what}: p50 {} µs, p90 {} µs, p99 {} µs (pooled: {})",
                at(50),
                at(90),
                at(99),
                room.is_pooled()
            );
        }
    }
}
