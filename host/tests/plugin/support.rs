//! A plugin room, loaded lines and carts to price.
#![expect(clippy::disallowed_methods, reason = "xtask passes the folder")]

use std::path::PathBuf;

use hookline::domain::catalogue::Grant;
use hookline::domain::hook::{
    Channel, DeductInput, Delivery, ItemRequest, OrderItem, OrderView, PaymentView, QuoteRequest, ShipInput,
    ShopRequest, StockNeed,
};
use hookline::domain::ids::{BusinessCode, Digest};
use hookline::plugin::{PluginSettings, Plugins, UploadReport};

pub(crate) const NOW: i64 = 1_767_225_600_000;

pub(crate) fn settings() -> PluginSettings {
    PluginSettings::new(PathBuf::from(env!("CARGO_BIN_EXE_hookline")))
}

pub(crate) fn room() -> Plugins {
    Plugins::start(&settings()).unwrap()
}

pub(crate) fn business(code: &str) -> BusinessCode {
    BusinessCode::new(code).unwrap()
}

/// The bytes of a built business line.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("HOOKLINE_COMPONENTS");
    let folder = folder.expect("no components (HOOKLINE_COMPONENTS is not set): run `cargo xtask test`");
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Checks, compiles, loads and activates.
pub(crate) async fn upload(room: &Plugins, code: &str, bytes: &[u8]) -> UploadReport {
    upload_with(room, code, bytes, Grant::default()).await
}

pub(crate) async fn upload_with(room: &Plugins, code: &str, bytes: &[u8], grant: Grant) -> UploadReport {
    let business = business(code);
    let settings = if matches!(code, "hotel" | "flight" | "topup") { SUPPLIER } else { "{}" };
    let (report, artefact) =
        room.check(&business, bytes, &grant, settings).await.unwrap_or_else(|error| panic!("{error}"));
    room.load(&business, report.digest, &artefact, &grant).unwrap();
    room.activate(&business, Some(report.digest)).unwrap();
    report
}

pub(crate) fn quote(lines: u32, settings: &str) -> QuoteRequest {
    let item = |line| ItemRequest {
        line,
        sku: format!("tea-{line}"),
        quantity: 2,
        facts: r#"{"title":"Tea","picture":"tea.jpg","price":2000,"grams":300,"tax_bp":1300}"#.to_owned(),
        extra: vec![],
    };
    QuoteRequest {
        buyer: "buyer-1".to_owned(),
        channel: Channel::Mobile,
        platform: 1,
        marketplace: 1,
        now: NOW,
        currency: "CNY".to_owned(),
        shops: vec![ShopRequest {
            shop: "shop-1".to_owned(),
            items: (0..lines).map(item).collect(),
            address: None,
            coupons: vec![],
            extra: vec![],
        }],
        platform_coupons: vec![],
        coins: 10,
        coin_value: 1,
        settings: settings.to_owned(),
        extra: vec![],
    }
}

pub(crate) fn order(lines: u32) -> OrderView {
    let item = |line| OrderItem {
        line,
        number: format!("3{line}"),
        sku: format!("tea-{line}"),
        quantity: 2,
        original: 2_000,
        discount: 0,
        tax: 0,
        due: 4_000,
        title: "Tea".to_owned(),
        attributes: vec![],
        extra: vec![],
        stock: vec![StockNeed { key: format!("tea-{line}"), quantity: 2 }],
        refunded: 0,
    };
    OrderView {
        number: "1".to_owned(),
        pay_number: "2".to_owned(),
        buyer: "buyer-1".to_owned(),
        shop: "shop-1".to_owned(),
        kind: 0,
        currency: "CNY".to_owned(),
        status: "paid".to_owned(),
        items: (0..lines).map(item).collect(),
        freight: 0,
        due: 4_000 * i64::from(lines),
        address: None,
        delivery: Delivery::Parcel,
        attributes: vec![],
        shipments: vec![],
        created_at: NOW,
        paid_at: Some(NOW),
        buyer_comment: String::new(),
        extra: vec![],
    }
}

pub(crate) fn deduct(settings: &str) -> DeductInput {
    DeductInput {
        order: order(2),
        payment: PaymentView { method: "sandbox".into(), number: "4".into(), amount: 8_000, paid_at: NOW },
        now: NOW,
        settings: settings.to_owned(),
        journal: vec![],
        extra: vec![],
    }
}

pub(crate) fn ship(settings: &str) -> ShipInput {
    ShipInput { order: order(2), now: NOW, settings: settings.to_owned(), journal: vec![], extra: vec![] }
}

/// Enough for a line that talks to a supplier.
const SUPPLIER: &str = r#"{"supplier_url":"https://supplier.example"}"#;

/// A digest that nothing has.
pub(crate) const NOBODY: Digest = Digest([0; 32]);
