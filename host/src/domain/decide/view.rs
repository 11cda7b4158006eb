//! What hooks see of an order.

use super::left::unrefunded;
use crate::domain::hook;
use crate::domain::ids::OrderNo;
use crate::domain::order::{Address, Delivery, ItemOrder, Pairs, ShopOrder};
use crate::domain::tree::OrderTree;

/// A shop order in the words of the contract.
pub fn order_view(tree: &OrderTree, no: OrderNo) -> Option<hook::OrderView> {
    let shop = tree.shop(no)?;
    let shipments = tree.shipments_of(no).map(|s| hook::ShipmentView {
        number: s.no.to_string(),
        status: s.status.word().to_owned(),
        carrier: s.carrier.clone(),
        waybill: s.waybill.clone().unwrap_or_default(),
    });
    let due = shop.items.iter().map(|i| i.share.due).sum::<i64>() + shop.amounts.freight;
    Some(hook::OrderView {
        number: shop.no.to_string(),
        pay_number: shop.pay_no.to_string(),
        buyer: shop.buyer.to_string(),
        shop: shop.shop.to_string(),
        kind: u32::try_from(shop.kind).unwrap_or(0),
        currency: tree.pay.currency.to_string(),
        status: shop.status.word().to_owned(),
        items: items(tree, shop),
        freight: shop.amounts.freight,
        due,
        address: shop.facts.address.as_ref().map(address),
        delivery: delivery(shop.facts.delivery),
        attributes: pairs(&shop.attributes),
        shipments: shipments.collect(),
        created_at: shop.created_at,
        paid_at: shop.paid_at,
        buyer_comment: shop.facts.buyer_comment.clone(),
        extra: pairs(&shop.facts.extra),
    })
}

fn items(tree: &OrderTree, shop: &ShopOrder) -> Vec<hook::OrderItem> {
    let left = unrefunded(tree, shop);
    let gone = |i: &ItemOrder| {
        let line = left.iter().find(|line| line.item_no == Some(i.no));
        i.quantity - line.map_or(i.quantity, |line| line.quantity).min(i.quantity)
    };
    let item = |i: &ItemOrder| hook::OrderItem {
        line: i.line,
        number: i.no.to_string(),
        sku: i.sku.to_string(),
        quantity: i.quantity,
        original: i.original,
        discount: i.facts.discount,
        tax: i.tax,
        due: i.share.due,
        title: i.facts.title.clone(),
        attributes: pairs(&i.facts.attributes),
        extra: pairs(&i.facts.extra),
        stock: i.facts.stock.iter().map(|n| hook::StockNeed { key: n.key.to_string(), quantity: n.quantity }).collect(),
        refunded: gone(i),
    };
    shop.items.iter().map(item).collect()
}

/// How the order was paid, in the words of the contract.
pub fn payment_view(tree: &OrderTree) -> Option<hook::PaymentView> {
    let payment = tree.paid_by()?;
    Some(hook::PaymentView {
        method: payment.method.to_string(),
        number: payment.no.to_string(),
        amount: payment.amount + payment.balance,
        paid_at: payment.paid_at.unwrap_or(payment.created_at),
    })
}

/// An address in the words of the contract.
pub fn address(address: &Address) -> hook::Address {
    let a = address.clone();
    hook::Address {
        name: a.name,
        mobile: a.mobile,
        zip: a.zip,
        country: a.country,
        province: a.province,
        city: a.city,
        district: a.district,
        town: a.town,
        detail: a.detail,
    }
}

/// Pairs in the words of the contract.
pub fn pairs(pairs: &Pairs) -> hook::Pairs {
    pairs.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn delivery(delivery: Delivery) -> hook::Delivery {
    match delivery {
        Delivery::Parcel => hook::Delivery::Parcel,
        Delivery::Code => hook::Delivery::Code,
        Delivery::Voucher => hook::Delivery::Voucher,
        Delivery::Ticket => hook::Delivery::Ticket,
        Delivery::Booking => hook::Delivery::Booking,
        Delivery::Credit => hook::Delivery::Credit,
    }
}
