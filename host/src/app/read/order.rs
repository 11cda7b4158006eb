//! One order, from its tree and its flow rows.

use super::super::aftersale::AftersaleAnswer;
use super::super::orders::{self, Freshness, store_problem};
use super::super::problem::Problem;
use super::super::refund::line_rules;
use super::super::{App, pay};
use super::views::{Amounts, FlowView, ItemView, OrderView, RefundView, ShipmentView, ShopOrderView};
use crate::config::Shards;
use crate::domain::change::{Flow, Settlement};
use crate::domain::decide::aftersale;
use crate::domain::decide::merge::MERGED;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::money::Minor;
use crate::domain::order::{ItemOrder, RateStatus, Share, ShopOrder, Status};
use crate::domain::payment::{RefundStatus, Way};
use crate::domain::rating;
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// The step of the history that tells how an order was received.
const RECEIVED: &str = "receive";

/// The pay order above any number, with what the caller may see of it.
pub async fn order(app: &App, who: &Principal, no: OrderNo) -> Result<OrderView, Problem> {
    let tree = orders::tree(app, no, Freshness::Fresh).await?;
    let shops: Vec<&ShopOrder> = tree.shops.iter().filter(|shop| orders::sees(who, shop)).collect();
    let asked = no == tree.pay.no || shops.iter().any(|s| s.no == no || s.items.iter().any(|item| item.no == no));
    // What was merged away has no shop orders; its buyer still sees where they went.
    let merged_away = tree.shops.is_empty() && !matches!(who.role, Role::Shop | Role::Business);
    let mine = who.role != Role::Buyer || tree.pay.buyer.as_str() == who.subject;
    if !(asked && mine) || shops.is_empty() && !merged_away {
        return Err(Problem::not_found(format!("order {no}")));
    }
    let mut histories = Vec::with_capacity(shops.len());
    for shop in shops {
        let flows = app.store.flows(shop.no).await.map_err(store_problem)?;
        let settlement = app.store.settlement(shop.no).await.map_err(store_problem)?;
        histories.push(History { shop, flows, settlement });
    }
    let lens = Lens {
        who,
        now: app.clock.now(),
        shards: app.settings.shards,
        rated: &|shop, item| {
            rating::of_item(shop, item, line_rules(app, &shop.business).rating_window_ms, app.clock.now())
        },
    };
    Ok(view(&lens, &tree, &histories))
}

/// For whom and when an order is shown.
struct Lens<'a> {
    who: &'a Principal,
    now: Millis,
    shards: Shards,
    /// The `rate_status` of an item now.
    rated: &'a Rated<'a>,
}

type Rated<'a> = dyn Fn(&ShopOrder, &ItemOrder) -> RateStatus + 'a;

fn rate_status(shop: &ShopOrder, rated: &Rated<'_>) -> RateStatus {
    rating::of_all(shop.items.iter().map(|item| rated(shop, item)))
}

/// A shop order with what happened to it.
struct History<'a> {
    shop: &'a ShopOrder,
    flows: Vec<Flow>,
    settlement: Option<Settlement>,
}

fn view(lens: &Lens<'_>, tree: &OrderTree, histories: &[History<'_>]) -> OrderView {
    let who = lens.who;
    let (pay, facts, status) = (&tree.pay, &tree.pay.facts, tree.status());
    let seller = matches!(who.role, Role::Shop | Role::Business);
    let shops = || histories.iter().map(|history| history.shop);
    let reverse = aftersale::of_shops(tree, shops(), lens.now);
    let kind = shops().next().map_or(0, |first| first.kind);
    let refunds = tree.refunds.iter().filter(|refund| match refund.shop_no {
        Some(no) => shops().any(|shop| shop.no == no),
        None => !seller,
    });
    let money = tree.refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
    OrderView {
        order_no: pay.no,
        buyer: pay.buyer.to_string(),
        kind: if shops().all(|shop| shop.kind == kind) { kind } else { 0 },
        status: status.word().to_owned(),
        status_code: status.code(),
        sub_status: pay.sub_status.word().to_owned(),
        sub_status_code: pay.sub_status.code(),
        reverse_status: reverse.code(),
        aftersales_status: aftersale::aftersales_word(reverse).to_owned(),
        rate_status: rating::of_all(shops().map(|shop| rate_status(shop, lens.rated))).code(),
        version: pay.version,
        mode: pay.mode.word().to_owned(),
        quantity: shops().map(|shop| shop.amounts.quantity).sum(),
        channel: facts.channel.word().to_owned(),
        platform: facts.platform,
        marketplace: facts.marketplace,
        currency: pay.currency.to_string(),
        amounts: (histories.len() == tree.shops.len()).then(|| pay_amounts(tree)),
        promotion_amount: (histories.len() == tree.shops.len()).then_some(pay.amounts.platform_discount),
        expire_time: pay.expire_time.map(rfc3339),
        reason: pay.reason.as_ref().map(|reason| reason.code.clone()),
        reason_text: pay.reason.as_ref().map(|reason| reason.text.clone()),
        merged_into: pay.reason.as_ref().filter(|r| r.code == MERGED).map(|reason| reason.text.clone()),
        created_at: rfc3339(pay.created_at),
        paid_at: pay.paid_at.map(rfc3339),
        refunded_at: money.filter_map(|refund| refund.succeeded_at).max().map(rfc3339),
        payment_methods: facts.methods.clone(),
        coupons: facts.coupons.iter().map(ToString::to_string).collect(),
        promotions: facts.promotions.iter().map(Into::into).collect(),
        out_id: facts.out_id.clone(),
        source: facts.source.clone(),
        tags: facts.tags.clone(),
        extra: facts.extra.clone(),
        shard: (!seller && who.role != Role::Buyer).then(|| lens.shards.of(pay.no.slot())),
        shop_orders: histories.iter().map(|history| shop_view(lens, tree, history)).collect(),
        payments: if seller { Vec::new() } else { tree.payments.iter().map(pay::answer).collect() },
        refunds: refunds.map(RefundView::from).collect(),
    }
}

fn shop_view(lens: &Lens<'_>, tree: &OrderTree, history: &History<'_>) -> ShopOrderView {
    let who = lens.who;
    let shop = history.shop;
    let reverse = aftersale::of_shop(tree, shop, lens.now);
    let waiting = shop.suspended.as_ref();
    ShopOrderView {
        order_no: shop.no,
        parent_no: shop.pay_no,
        shop_id: shop.shop.to_string(),
        business: shop.business.to_string(),
        quantity: shop.amounts.quantity,
        kind: shop.kind,
        status: shop.status.word().to_owned(),
        status_code: shop.status.code(),
        sub_status: shop.sub_status.word().to_owned(),
        sub_status_code: shop.sub_status.code(),
        reverse_status: reverse.code(),
        aftersales_status: aftersale::aftersales_word(reverse).to_owned(),
        rate_status: rate_status(shop, lens.rated).code(),
        visible: shop.visible.code(),
        version: shop.version,
        attention: if who.role == Role::Buyer { None } else { shop.attention.clone() },
        expire_time: shop.expire_time.map(rfc3339),
        reason: shop.reason.as_ref().map(|reason| reason.code.clone()),
        reason_text: shop.reason.as_ref().map(|reason| reason.text.clone()),
        amounts: shop_amounts(shop),
        shop_discount: shop.amounts.discount,
        promotion_amount: shop.amounts.reprice,
        delivery: shop.facts.delivery.word().to_owned(),
        address: shop.facts.address.clone(),
        buyer_comment: shop.facts.buyer_comment.clone(),
        seller_comment: (who.role != Role::Buyer).then(|| shop.facts.seller_comment.clone()),
        tags: (who.role != Role::Buyer).then(|| shop.facts.tags.clone()),
        out_id: shop.out_id.clone(),
        coupons: shop.facts.coupons.iter().map(ToString::to_string).collect(),
        promotions: shop.facts.promotions.iter().map(Into::into).collect(),
        attributes: shop.attributes.clone(),
        extra: shop.facts.extra.clone(),
        plugin: shop.plugin.to_string(),
        waiting_hook: waiting.map(|suspended| suspended.hook.word().to_owned()),
        waiting_signal: waiting.and_then(|suspended| suspended.wait.as_ref()?.signal.as_ref()).map(ToString::to_string),
        created_at: rfc3339(shop.created_at),
        paid_at: shop.paid_at.map(rfc3339),
        shipped_at: shop.shipped_at.map(rfc3339),
        received_at: shop.received_at.map(rfc3339),
        receive_type: history.flows.iter().find(|f| f.event == RECEIVED && !f.ignored).map(|f| f.note.clone()),
        ended_at: shop.ended_at.map(rfc3339),
        updated_at: rfc3339(shop.updated_at),
        items: shop.items.iter().map(|item| item_view(lens, tree, shop, item)).collect(),
        shipments: tree
            .shipments
            .iter()
            .filter(|s| s.shop_no == shop.no)
            .map(|shipment| ShipmentView::of(shipment, Some(shop)))
            .collect(),
        aftersales: tree.aftersales_of(shop.no).filter_map(|a| AftersaleAnswer::of(tree, a.no)).collect(),
        timeline: history.flows.iter().map(|flow| flow_view(who, flow)).collect(),
        settlement: history.settlement.as_ref().filter(|_| who.role != Role::Buyer).map(Into::into),
    }
}

/// Events that tell what the field `attention` tells, or how suppliers are called, which buyers do not see.
const HIDDEN: [&str; 9] = [
    "attention",
    "recall",
    "redrive",
    "call",
    "dispute",
    "refund_failed",
    "refund_stuck",
    "aftersale_refund_failed",
    "aftersale_by_hand",
];

/// A step of the history. That there was one everyone sees, as the versions count them.
fn flow_view(who: &Principal, flow: &Flow) -> FlowView {
    let mut view = FlowView::from(flow);
    if who.role == Role::Buyer && HIDDEN.contains(&flow.event.as_str()) {
        view.note.clear();
        view.actor.clear();
    }
    view
}

fn item_view(lens: &Lens<'_>, tree: &OrderTree, shop: &ShopOrder, item: &ItemOrder) -> ItemView {
    let gone = item.refunded.quantity >= item.quantity;
    let status = if gone && shop.status != Status::Cancelled { Status::Closed } else { shop.status };
    ItemView {
        order_no: item.no,
        parent_no: shop.no,
        status: status.word().to_owned(),
        status_code: status.code(),
        refund_status: refund_status(tree, item).to_owned(),
        reverse_status: aftersale::item_status(tree, shop, item, lens.now).code(),
        rate_status: (lens.rated)(shop, item).code(),
        ratings: item.ratings,
        expire_time: shop.expire_time.map(rfc3339),
        sku_id: item.sku.to_string(),
        title: item.facts.title.clone(),
        picture: item.facts.picture.clone(),
        quantity: item.quantity,
        original_price: item.original,
        discount: item.facts.discount,
        price: item.price,
        tax_amount: item.tax,
        due: item.share.due,
        cash: item.share.cash,
        coins: item.share.coins,
        refunded_quantity: item.refunded.quantity,
        refunded_amount: item.refunded.cash,
        refunded_coins: item.refunded.coins,
        retained_amount: item.refunded.retained,
        attributes: item.facts.attributes.clone(),
        extra: item.facts.extra.clone(),
    }
}

fn refund_status(tree: &OrderTree, item: &ItemOrder) -> &'static str {
    let concerns = |refund: &&crate::domain::payment::Refund| refund.lines.iter().any(|l| l.item_no == Some(item.no));
    if tree.refunds.iter().filter(concerns).any(|refund| refund.status == RefundStatus::Pending) {
        "processing"
    } else if item.refunded.quantity == 0 && item.refunded.cash == 0 && item.refunded.coins == 0 {
        "none"
    } else if item.refunded.quantity < item.quantity {
        "partial"
    } else {
        "refunded"
    }
}

fn pay_amounts(tree: &OrderTree) -> Amounts {
    let amounts = &tree.pay.amounts;
    let original = tree.shops.iter().map(original).sum::<Minor>();
    let refunded = tree
        .refunds
        .iter()
        .filter(|refund| refund.status == RefundStatus::Succeeded && refund.way != Way::Coins)
        .map(|refund| refund.amount);
    Amounts {
        original_amount: original,
        price: amounts.price,
        shipping_fee: amounts.freight,
        tax_amount: amounts.tax,
        discount_amount: original + amounts.freight + amounts.tax - amounts.to_pay,
        total_amount: amounts.to_pay,
        coins: amounts.coins,
        coins_value: amounts.coins_value,
        third_party_discount: amounts.third_party,
        refunded_amount: refunded.sum(),
    }
}

/// From the shares: what of the whole order falls to this shop order.
fn shop_amounts(shop: &ShopOrder) -> Amounts {
    let shares = || shop.items.iter().map(|item| &item.share).chain([&shop.amounts.freight_share]);
    let sum = |part: fn(&Share) -> i64| shares().map(part).sum::<i64>();
    let (original, cash) = (original(shop), sum(|share| share.cash));
    let refunded = shop.items.iter().map(|item| item.refunded.cash).sum::<Minor>() + shop.amounts.freight_refunded.cash;
    Amounts {
        original_amount: original,
        price: shop.amounts.price,
        shipping_fee: shop.amounts.freight,
        tax_amount: shop.amounts.tax,
        discount_amount: original + shop.amounts.freight + shop.amounts.tax - cash,
        total_amount: cash,
        coins: sum(|share| share.coins),
        coins_value: sum(|share| share.coins_value),
        third_party_discount: sum(|share| share.third_party),
        refunded_amount: refunded,
    }
}

fn original(shop: &ShopOrder) -> Minor {
    shop.items.iter().map(|item| item.original * Minor::from(item.quantity)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decide::tests::made;

    #[test]
    fn a_buyer_is_not_told_what_attention_says() {
        let (change, _) = made(&[100]);
        let told = |role, event: &str| {
            let who = Principal { role, ..Principal::buyer("li") };
            let flow = Flow { event: event.into(), note: "1 CNY arrived".into(), ..change.flows[0].clone() };
            let view = flow_view(&who, &flow);
            !view.note.is_empty() && !view.actor.is_empty()
        };
        assert!(HIDDEN.iter().all(|event| !told(Role::Buyer, event) && told(Role::Shop, event)));
        assert!(told(Role::Buyer, "pay"));
    }
}
