//! The price of a cart.

use hookline_sdk::money::Overflow;
use hookline_sdk::prelude::*;

use crate::coupons;
use crate::freight::freight;
use crate::settings::{Facts, Settings};

/// Prices every shop, then takes the platform coupon off the whole and coins off what is left to pay.
pub(crate) fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
    let settings: Settings = request.settings()?;
    let mut refusals = Refusals::new();
    let mut promotions = Vec::new();
    let mut shops = Vec::with_capacity(request.shops.len());
    let (mut worth, mut on_top) = (0, 0);
    for shop in &request.shops {
        let priced = price_shop(request, shop, &settings, &mut refusals, &mut promotions)?;
        worth = money::add(worth, priced.worth)?;
        on_top = money::sum([on_top, priced.tax, priced.shop.freight])?;
        shops.push(priced.shop);
    }
    let mut quoted = refusals.or(Quoted::new(shops, settings.pay_timeout_s))?;
    if let Some(promotion) = coupons::best(&request.platform_coupons, worth, PromotionLevel::Platform, "") {
        quoted.platform_discount = promotion.amount;
        promotions.push(promotion);
    }
    let to_pay = money::add(worth - quoted.platform_discount, on_top)?;
    quoted.coins = coins(request, to_pay, settings.coins_percent)?;
    quoted.promotions = promotions;
    Ok(quoted)
}

struct Priced {
    shop: PricedShop,
    /// The goods after item and shop discounts.
    worth: Minor,
    tax: Minor,
}

fn price_shop(
    request: &QuoteRequest,
    shop: &ShopRequest,
    settings: &Settings,
    refusals: &mut Refusals,
    promotions: &mut Vec<Promotion>,
) -> Result<Priced, Refusals> {
    let mut items = Vec::with_capacity(shop.items.len());
    let (mut worth, mut tax, mut grams) = (0, 0, 0_u64);
    for item in &shop.items {
        let facts: Facts<'_> = match item.facts() {
            Ok(facts) => facts,
            Err(reason) => {
                refusals.add(item.line, "bad-facts", reason);
                continue;
            }
        };
        if let Some((code, reason)) = refusal(request, item, &facts) {
            refusals.add(item.line, code, reason);
            continue;
        }
        let priced = price_item(item, &facts)?;
        if priced.discount > 0 {
            promotions.push(Promotion {
                level: PromotionLevel::Item,
                shop: shop.shop.clone(),
                title: "quantity price".to_owned(),
                amount: priced.discount,
                coupon: None,
            });
        }
        worth = money::add(worth, priced.net(item.quantity)?)?;
        tax = money::add(tax, priced.tax)?;
        grams = grams.saturating_add(u64::from(facts.grams) * u64::from(item.quantity));
        items.push(priced);
    }
    let mut priced = PricedShop::new(shop, items, Delivery::Parcel);
    if let Some(promotion) = coupons::best(&shop.coupons, worth, PromotionLevel::Shop, &shop.shop) {
        priced.discount = promotion.amount;
        worth -= promotion.amount;
        promotions.push(promotion);
    }
    if let Some(rates) = &settings.freight {
        priced.freight = freight(rates, shop.address.as_ref(), worth, grams)?;
    }
    priced.ship_within_s = settings.ship_within_s;
    priced.auto_receive_s = settings.auto_receive_s;
    priced.aftersale_window_s = settings.aftersale_window_s;
    Ok(Priced { shop: priced, worth, tax })
}

fn refusal(request: &QuoteRequest, item: &ItemRequest, facts: &Facts<'_>) -> Option<(&'static str, String)> {
    if facts.is_negative() {
        return Some(("bad-facts", format!("{} has a price below zero", facts.title)));
    }
    if facts.off_sale {
        return Some(("off-sale", format!("{} is not for sale", facts.title)));
    }
    if facts.currency.as_ref().is_some_and(|currency| *currency != request.currency) {
        return Some(("wrong-currency", format!("{} is not sold in {}", facts.title, request.currency)));
    }
    let most = facts.max_quantity.filter(|&most| item.quantity > most)?;
    Some(("too-many", format!("at most {most} of {} an order", facts.title)))
}

fn price_item(item: &ItemRequest, facts: &Facts<'_>) -> Result<PricedItem, Overflow> {
    let mut priced = PricedItem::new(item, facts.price, facts.title.as_ref());
    priced.discount = money::times(facts.price - facts.unit_price(item.quantity), item.quantity)?;
    priced.tax = money::basis_points(priced.net(item.quantity)?, facts.tax_bp)?;
    priced.picture = facts.picture.to_string();
    priced.stock.push(StockNeed { key: item.sku.clone(), quantity: item.quantity });
    if facts.grams > 0 {
        priced.attributes.push(pair("grams", facts.grams.to_string()));
    }
    Ok(priced)
}

/// As many coins as are offered, allowed and needed.
fn coins(request: &QuoteRequest, to_pay: Minor, percent: u32) -> Result<u64, Overflow> {
    let most = money::percent(to_pay, percent.min(100))?;
    let needed = most.checked_div(request.coin_value).unwrap_or(0);
    Ok(request.coins.min(u64::try_from(needed).unwrap_or(0)))
}
