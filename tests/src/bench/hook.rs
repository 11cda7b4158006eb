//! What a hook costs (a fresh instance and a quote of five lines), and what the host needs.

use hookline::domain::catalogue::Grant;
use hookline::domain::hook::{Channel, ItemRequest, QuoteRequest, ShopRequest};
use hookline::domain::ids::BusinessCode;
use hookline::plugin::{Outcome, PluginSettings, Plugins};
use hookline_servers::{HOST_BINARY, required};

use crate::world::{World, WorldError, component};

/// So many quotes are made one after another; the first tenth only warms up.
const QUOTES: usize = 20_000;
const LINES: u32 = 5;

/// The median cost in the plugin room, microseconds: instance, call, firewall and the instance's end.
pub(super) async fn p50() -> Result<i64, WorldError> {
    let room = Plugins::start(&PluginSettings::new(required(HOST_BINARY)?.into())).map_err(wrong)?;
    let line = BusinessCode::new("goods").map_err(wrong)?;
    let checked = room.check(&line, &component("goods")?, &Grant::default(), "{}").await;
    let (report, artefact) = checked.map_err(wrong)?;
    room.load(&line, report.digest, &artefact, &Grant::default()).map_err(wrong)?;
    let mut micros = Vec::with_capacity(QUOTES);
    for _ in 0..QUOTES {
        let call = room.quote(&line, report.digest, request()).await.map_err(wrong)?;
        if !matches!(call.outcome, Outcome::Ok(_)) {
            return Err(WorldError::Wrong(format!("the quote ended as {}", call.outcome.word())));
        }
        micros.push(call.micros);
    }
    let warm = &mut micros[QUOTES / 10..];
    warm.sort_unstable();
    i64::try_from(warm[warm.len() / 2]).map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> WorldError {
    WorldError::Wrong(error.to_string())
}

fn request() -> QuoteRequest {
    let item = |line| ItemRequest {
        line,
        sku: format!("sku-{line}"),
        quantity: 2,
        facts: r#"{"title":"Tea","picture":"tea.jpg","price":2000,"grams":300,"tax_bp":1300}"#.to_owned(),
        extra: vec![],
    };
    let items = (0..LINES).map(item).collect();
    let shop = ShopRequest { shop: "shop-1".to_owned(), items, address: None, coupons: vec![], extra: vec![] };
    QuoteRequest {
        buyer: "buyer-1".to_owned(),
        channel: Channel::Mobile,
        platform: 1,
        marketplace: 1,
        now: 1_800_000_000_000,
        currency: "CNY".to_owned(),
        shops: vec![shop],
        platform_coupons: vec![],
        coins: 0,
        coin_value: 1,
        settings: "{}".to_owned(),
        extra: vec![],
    }
}

/// Resident memory of the host; 0 where the system does not tell.
pub(super) fn resident_mb(world: &World) -> u64 {
    let Some(pid) = world.host.pid() else { return 0 };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    kib / 1024
}
