//! The price of tickets.

use hookline_sdk::money::Overflow;
use hookline_sdk::prelude::*;

use crate::passengers;
use crate::settings::{Facts, Fare, Settings};

const DAY_MS: i64 = 86_400_000;

/// Prices every ticket at its fare class. This line knows no coupons and takes no coins.
pub(crate) fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
    let settings: Settings = request.settings()?;
    let mut refusals = Refusals::new();
    let mut shops = Vec::with_capacity(request.shops.len());
    for shop in &request.shops {
        shops.push(price_shop(request, shop, &settings, &mut refusals)?);
    }
    refusals.or(Quoted::new(shops, settings.pay_timeout_s))
}

fn price_shop(
    request: &QuoteRequest,
    shop: &ShopRequest,
    settings: &Settings,
    refusals: &mut Refusals,
) -> Result<PricedShop, Overflow> {
    let mut items = Vec::with_capacity(shop.items.len());
    let mut last = request.now;
    for item in &shop.items {
        let facts: Facts<'_> = match item.facts() {
            Ok(facts) => facts,
            Err(reason) => {
                refusals.add(item.line, "bad-facts", reason);
                continue;
            }
        };
        match choose(item, &facts, settings, request.now) {
            Ok((class, fare)) => items.push(price_item(item, &facts, class, fare)?),
            Err((code, reason)) => refusals.add(item.line, code, reason),
        }
        last = last.max(facts.departs_at);
    }
    let mut priced = PricedShop::new(shop, items, Delivery::Ticket);
    let until_flown = (last.saturating_sub(request.now).saturating_add(DAY_MS)) / 1_000;
    priced.auto_receive_s = settings.auto_receive_s.unwrap_or_else(|| u32::try_from(until_flown).unwrap_or(u32::MAX));
    priced.ship_within_s = settings.ship_within_s;
    priced.aftersale_window_s = settings.aftersale_window_s;
    Ok(priced)
}

/// The fare class that the buyer asks for, if the flight can still be sold like this.
fn choose<'a>(
    item: &'a ItemRequest,
    facts: &'a Facts<'_>,
    settings: &Settings,
    now: Millis,
) -> Result<(&'a str, &'a Fare), (&'static str, String)> {
    let class = item.extra.find("class").unwrap_or_default();
    let Some(fare) = facts.fares.get(class) else {
        let known: Vec<_> = facts.fares.keys().copied().collect();
        return Err(("unknown-class", format!("class must be one of {}", known.join(", "))));
    };
    if fare.price < 0 || facts.tax < 0 {
        return Err(("bad-facts", format!("{} has a price below zero", facts.title)));
    }
    if facts.departs_at - i64::from(settings.closes_s) * 1_000 < now {
        return Err(("closed", format!("{} is closed for sale", facts.flight)));
    }
    passengers::read(&item.extra, item.quantity).map_err(|reason| ("bad-passengers", reason))?;
    Ok((class, fare))
}

fn price_item(item: &ItemRequest, facts: &Facts<'_>, class: &str, fare: &Fare) -> Result<PricedItem, Overflow> {
    let mut priced = PricedItem::new(item, fare.price, facts.title.as_ref());
    priced.tax = money::times(facts.tax, item.quantity)?;
    priced.picture = facts.picture.to_string();
    priced.stock.push(StockNeed { key: [item.sku.as_str(), "@", class].concat(), quantity: item.quantity });
    priced.attributes = vec![
        pair("flight", facts.flight.as_ref()),
        pair("class", class),
        pair("departs-at", facts.departs_at.to_string()),
        pair("refund-fee-percent", fare.refund_fee_percent.to_string()),
        pair("change-fee-percent", fare.change_fee_percent.to_string()),
    ];
    Ok(priced)
}
