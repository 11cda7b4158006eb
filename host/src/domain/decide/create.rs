//! Making an order from a priced cart.

use serde_json::json;

use crate::domain::cart::Cart;
use crate::domain::change::{Change, Flow, Timer, TimerKey, TimerKind};
use crate::domain::event::{Topic, event};
use crate::domain::ids::{Digest, Millis, OrderNo};
use crate::domain::money::Minor;
use crate::domain::order::{
    ItemOrder, Mode, PayFacts, PayOrder, Refunded, Reserving, Sequences, ShopFacts, ShopOrder, Status, StockMode,
    SubStatus, Visible,
};
use crate::domain::price::{Priced, PricedShopOrder};
use crate::domain::tree::OrderTree;

use super::{hold, stock};

/// The host that makes an order holds its stock at once; the timer goes on should that host die.
pub const RESERVE_GRACE_MS: Millis = 2_000;

/// What create needs to know besides the cart and its prices.
#[derive(Debug)]
pub struct Terms {
    /// The decision's time.
    pub at: Millis,
    /// Who asks.
    pub actor: String,
    /// The pay order's number.
    pub pay_no: OrderNo,
    /// Fresh numbers: one per shop order and one per item, in the order of the cart.
    pub numbers: Vec<i64>,
    /// Per shop order of the cart.
    pub lines: Vec<LineTerms>,
    /// Methods that every line accepts.
    pub methods: Vec<String>,
    /// Value of one coin.
    pub coin_value: Minor,
    /// The catalogue's revision.
    pub catalogue_revision: i64,
}

/// What create follows for one shop order.
#[derive(Debug, Clone)]
pub struct LineTerms {
    /// The version that priced it.
    pub plugin: Digest,
    /// How its stock moves.
    pub stock: StockMode,
    /// When its stock is held.
    pub reserving: Reserving,
    /// When a prepaid order is forwarded again.
    pub compensate_ms: Millis,
}

/// The change that makes the order, and the order. A cart with nothing to pay is left to `pay::paid`.
///
/// Stock that a line reserves later is not in it. If any line wants everything held before the order is seen, the order
/// is written invisible and holds nothing at all: `reserve::reveal` follows.
pub fn create(cart: &Cart, priced: Priced, terms: Terms) -> (Change, OrderTree) {
    let Terms { at, actor, pay_no, numbers, lines, methods, coin_value, catalogue_revision } = terms;
    let mut numbers = numbers.into_iter().map(OrderNo);
    let mut next = move || numbers.next().unwrap_or(OrderNo(0));
    let mut change = Change { at, ..Change::default() };
    let expire_time = Some(at + priced.pay_timeout_ms);
    let hidden = lines.iter().any(|line| line.reserving == Reserving::BeforeVisible);
    let mut shops = Vec::with_capacity(priced.shops.len());
    for (index, shop) in priced.shops.into_iter().enumerate() {
        let no = next();
        let mut shop = shop_order(cart, index, shop, (no, pay_no), &lines[index], at, expire_time, &mut next);
        if hidden {
            shop.visible = Visible::NotYet;
            shop.sub_status = SubStatus::None;
        } else if lines[index].reserving == Reserving::Later && stock::needs_any(&shop) {
            shop.sub_status = SubStatus::None;
        } else {
            change.stock.extend(stock::take(&shop));
        }
        change.flows.push(Flow {
            shop_no: no,
            version: 0,
            event: "create".into(),
            from: None,
            to: (shop.status, shop.sub_status),
            ignored: false,
            at,
            actor: actor.clone(),
            note: String::new(),
        });
        shops.push(shop);
    }
    let pending = shops.iter().any(ShopOrder::stock_pending);
    let pay = PayOrder {
        no: pay_no,
        buyer: cart.buyer.clone(),
        status: Status::Created,
        sub_status: if pending { SubStatus::None } else { SubStatus::StockReserved },
        version: 0,
        mode: cart.mode,
        currency: cart.currency,
        amounts: priced.amounts,
        expire_time,
        reason: None,
        sequences: Sequences::default(),
        created_at: at,
        paid_at: None,
        paid_by: None,
        updated_at: at,
        facts: PayFacts {
            channel: cart.channel,
            platform: cart.platform,
            marketplace: cart.marketplace,
            methods,
            coin_value,
            coupons: priced.coupons,
            promotions: priced.promotions,
            catalogue_revision,
            out_id: cart.out_id.clone(),
            source: cart.source.clone(),
            tags: cart.tags.clone(),
            extra: cart.extra.clone(),
        },
    };
    let mut arm = |subject, kind, due| change.arm.push(Timer { key: TimerKey { subject, kind }, due, attempt: 0 });
    // With nothing to pay a second change makes it paid: the timer does, should this host die before.
    if pending || pay.amounts.to_pay == 0 {
        arm(pay_no, TimerKind::Reserve, at + RESERVE_GRACE_MS);
    }
    if !pending && cart.mode == Mode::Prepaid {
        for (shop, line) in shops.iter().zip(&lines) {
            arm(shop.no, TimerKind::Compensate, at + line.compensate_ms);
        }
    }
    if !hidden {
        if let Some(due) = expire_time {
            arm(pay_no, TimerKind::PayTimeout, due);
        }
        for shop in &mut shops {
            let data = told(&pay, shop);
            change.events.push(event(&mut shop.sequences, shop.no, Topic::Order, "ORDER_CREATED", at, &data));
        }
        hold::everything(&mut change, &pay, &shops);
    }
    change.new_pay_orders.push(pay.clone());
    change.new_shop_orders.clone_from(&shops);
    (change, OrderTree { pay, shops, payments: vec![], refunds: vec![], shipments: vec![], aftersales: vec![] })
}

/// What ORDER_CREATED says of a shop order.
pub(super) fn told(pay: &PayOrder, shop: &ShopOrder) -> serde_json::Value {
    json!({
        "order_no": shop.no, "pay_order_no": pay.no, "buyer": shop.buyer, "shop_id": shop.shop, "business": shop.business,
        "status": shop.status, "currency": pay.currency, "price": shop.amounts.price, "to_pay": pay.amounts.to_pay,
    })
}

#[expect(clippy::too_many_arguments, reason = "every part comes from another place")]
fn shop_order(
    cart: &Cart,
    index: usize,
    priced: PricedShopOrder,
    (no, pay_no): (OrderNo, OrderNo),
    terms: &LineTerms,
    at: Millis,
    expire_time: Option<Millis>,
    next: &mut impl FnMut() -> OrderNo,
) -> ShopOrder {
    let wanted = &cart.shops[index];
    let lines = priced.items.into_iter().zip(&wanted.items).enumerate();
    let items = lines.map(|(line, (item, want))| ItemOrder {
        no: next(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        sku: want.sku.clone(),
        quantity: want.quantity,
        original: item.original,
        price: item.price,
        tax: item.tax,
        share: item.share,
        refunded: Refunded::default(),
        ratings: 0,
        facts: item.facts,
    });
    ShopOrder {
        no,
        pay_no,
        buyer: cart.buyer.clone(),
        shop: wanted.shop.clone(),
        business: wanted.business.clone(),
        kind: wanted.kind,
        status: Status::Created,
        sub_status: SubStatus::StockReserved,
        version: 0,
        visible: Visible::Normal,
        attention: None,
        expire_time,
        reason: None,
        amounts: priced.amounts,
        plugin: terms.plugin,
        suspended: None,
        packed_at: None,
        pending_signals: 0,
        decisions: 0,
        attributes: std::collections::BTreeMap::new(),
        sequences: Sequences::default(),
        created_at: at,
        paid_at: None,
        shipped_at: None,
        received_at: None,
        ended_at: None,
        updated_at: at,
        out_id: cart.out_id.clone(),
        facts: ShopFacts {
            delivery: priced.delivery,
            auto_receive_ms: priced.auto_receive_ms,
            aftersale_window_ms: priced.aftersale_window_ms,
            ship_within_ms: priced.ship_within_ms,
            coupons: priced.coupons,
            promotions: priced.promotions,
            address: wanted.address.clone(),
            buyer_comment: wanted.buyer_comment.clone(),
            extra: priced.extra,
            stock: terms.stock,
            quoted_under: None,
            seller_comment: String::new(),
            tags: vec![],
            receive_extended_at: None,
        },
        items: items.collect(),
    }
}
