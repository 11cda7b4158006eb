//! The price of a top-up.

use hookline_sdk::prelude::*;

use crate::settings::{Facts, Settings};

/// Prices one top-up for each shop; coupons and coins are not taken.
pub(crate) fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
    let settings: Settings = request.settings()?;
    let mut refusals = Refusals::new();
    let mut promotions = Vec::new();
    let mut shops = Vec::with_capacity(request.shops.len());
    for shop in &request.shops {
        let mut items = Vec::with_capacity(1);
        for (n, item) in shop.items.iter().enumerate() {
            // One order is one call of the carrier, which succeeds or fails as a whole.
            let priced = if n > 0 || item.quantity != 1 {
                Err(("one-at-a-time", "one top-up an order".to_owned()))
            } else {
                price(item)
            };
            match priced {
                Ok(priced) => items.push(priced),
                Err((code, reason)) => refusals.add(item.line, code, reason),
            }
        }
        promotions.extend(items.iter().filter(|item| item.discount > 0).map(|item| Promotion {
            level: PromotionLevel::Item,
            shop: shop.shop.clone(),
            title: "below face value".to_owned(),
            amount: item.discount,
            coupon: None,
        }));
        let mut priced = PricedShop::new(shop, items, Delivery::Credit);
        priced.ship_within_s = settings.ship_within_s;
        priced.auto_receive_s = settings.auto_receive_s;
        priced.aftersale_window_s = settings.aftersale_window_s;
        shops.push(priced);
    }
    refusals.or(Quoted { promotions, ..Quoted::new(shops, settings.pay_timeout_s) })
}

fn price(item: &ItemRequest) -> Result<PricedItem, (&'static str, String)> {
    let facts: Facts<'_> = item.facts().map_err(|reason| ("bad-facts", reason))?;
    let price = facts.price.unwrap_or(facts.face);
    if facts.face <= 0 || price < 0 {
        return Err(("bad-facts", format!("{} has no sensible price", facts.title)));
    }
    let phone = item.extra.find("phone").unwrap_or_default();
    if !is_mobile(phone) {
        return Err(("bad-number", "a mobile number has 11 digits and begins with 13 to 19".to_owned()));
    }
    if !facts.prefixes.is_empty() && !facts.prefixes.iter().any(|prefix| phone.starts_with(prefix.as_ref())) {
        return Err(("other-carrier", format!("this is no number of {}", facts.carrier)));
    }
    let mut priced = PricedItem::new(item, facts.face.max(price), facts.title.as_ref());
    priced.discount = priced.original - price;
    priced.picture = facts.picture.to_string();
    priced.attributes = vec![pair("face", facts.face.to_string()), pair("carrier", facts.carrier.as_ref())];
    Ok(priced)
}

/// A mobile number of mainland China.
fn is_mobile(phone: &str) -> bool {
    let digits = phone.as_bytes();
    digits.len() == 11 && digits.iter().all(u8::is_ascii_digit) && digits[0] == b'1' && digits[1] >= b'3'
}
