//! Making an order from a priced cart.

use serde_json::json;

use crate::domain::cart::Cart;
use crate::domain::change::{Change, Flow, Timer, TimerKey, TimerKind};
use crate::domain::event::{Topic, event};
use crate::domain::ids::{Digest, Millis, OrderNo};
use crate::domain::money::Minor;
use crate::domain::order::{
    ItemOrder, Mode, PayFacts, PayOrder, Refunded, Sequences, ShopFacts, ShopOrder, Status, StockMode, SubStatus,
    Visible,
};
use crate::domain::price::{Priced, PricedShopOrder};
use crate::domain::resource::{Account, CouponMove, CouponState, Transfer, Unit};
use crate::domain::tree::OrderTree;

use super::stock;

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
    /// When a prepaid order is forwarded again.
    pub compensate_ms: Millis,
}

/// The change that makes the order, and the order. A cart with nothing to pay is left to `pay::paid`.
pub fn create(cart: &Cart, priced: Priced, terms: Terms) -> (Change, OrderTree) {
    let Terms { at, actor, pay_no, numbers, lines, methods, coin_value, catalogue_revision } = terms;
    let mut numbers = numbers.into_iter().map(OrderNo);
    let mut next = move || numbers.next().unwrap_or(OrderNo(0));
    let mut change = Change { at, ..Change::default() };
    let expire_time = Some(at + priced.pay_timeout_ms);
    for (index, shop) in priced.shops.into_iter().enumerate() {
        let no = next();
        let mut shop = shop_order(cart, index, shop, (no, pay_no), &lines[index], at, expire_time, &mut next);
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
        let data = json!({
            "order_no": no, "pay_order_no": pay_no, "buyer": shop.buyer, "shop_id": shop.shop, "business": shop.business,
            "status": shop.status, "currency": cart.currency, "price": shop.amounts.price, "to_pay": priced.amounts.to_pay,
        });
        change.events.push(event(&mut shop.sequences, no, Topic::Order, "ORDER_CREATED", at, &data));
        change.stock.extend(stock::take(&shop));
        if cart.mode == Mode::Prepaid {
            let key = TimerKey { subject: no, kind: TimerKind::Compensate };
            change.arm.push(Timer { key, due: at + lines[index].compensate_ms, attempt: 0 });
        }
        change.coupons.extend(shop.facts.coupons.iter().map(|code| lock(cart, pay_no, code)));
        change.new_shop_orders.push(shop);
    }
    change.coupons.extend(priced.coupons.iter().map(|code| lock(cart, pay_no, code)));
    if priced.amounts.coins > 0 {
        change.transfers.push(Transfer {
            order_no: pay_no,
            operation: "hold:coins".into(),
            from: Account::Available(cart.buyer.clone()),
            to: Account::Held(cart.buyer.clone()),
            unit: Unit::Coins,
            amount: priced.amounts.coins,
        });
    }
    let key = TimerKey { subject: pay_no, kind: TimerKind::PayTimeout };
    change.arm.extend(expire_time.map(|due| Timer { key, due, attempt: 0 }));
    change.new_pay_orders.push(PayOrder {
        no: pay_no,
        buyer: cart.buyer.clone(),
        status: Status::Created,
        sub_status: SubStatus::StockReserved,
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
    });
    let pay = change.new_pay_orders[0].clone();
    let shops = change.new_shop_orders.clone();
    (change, OrderTree { pay, shops, payments: vec![], refunds: vec![], shipments: vec![], aftersales: vec![] })
}

fn lock(cart: &Cart, order_no: OrderNo, code: &crate::domain::ids::CouponCode) -> CouponMove {
    let (from, to) = (CouponState::Free, CouponState::Locked);
    CouponMove { code: code.clone(), buyer: cart.buyer.clone(), order_no, from, to }
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
            seller_comment: String::new(),
            tags: vec![],
            receive_extended_at: None,
        },
        items: items.collect(),
    }
}
