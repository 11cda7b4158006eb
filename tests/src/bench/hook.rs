//! What a hook costs (a fresh instance and a quote of five lines), and what the host needs.

use hyper::Method;
use serde_json::{Value, json};

use super::flow;
use super::load::now_ms;
use crate::client::Call;
use crate::journey::{self, Paying};
use crate::world::{Line, World, WorldError};

/// So many orders are made to measure it.
const QUOTES: usize = 400;
const LINES: usize = 5;

/// The median of the decisions' own clock, microseconds.
pub(super) async fn p50(world: &World) -> Result<i64, WorldError> {
    let mut buyer = world.host.client().with_token(&world.mint.buyer("hook-watcher"));
    let begin = now_ms();
    for n in 0..QUOTES {
        let items: Vec<Value> = (1..=LINES).map(|line| json!({"sku_id": flow::sku(n + line), "quantity": 1})).collect();
        let cart = journey::cart(Line::Goods, json!(items), Paying::Sandbox, &format!("hook-{n}"));
        buyer.send(Call::new(Method::POST, "/api/v1/orders").json(&cart)).await?.success()?;
    }
    let query = format!("SELECT micros FROM decisions WHERE hook = 'pricing' AND at >= {begin} ORDER BY micros");
    let rows = world.database().rows(&query).await?;
    if rows.len() < QUOTES {
        return Err(WorldError::Wrong(format!("{} pricing decisions for {QUOTES} orders", rows.len())));
    }
    Ok(rows[rows.len() / 2].int(0))
}

/// Resident memory of the host; 0 where the system does not tell.
pub(super) fn resident_mb(world: &World) -> u64 {
    let Some(pid) = world.host.pid() else { return 0 };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    kib / 1024
}
