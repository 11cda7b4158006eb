//! The price of a stay.

use hookline_sdk::prelude::*;

use crate::settings::{Facts, Kind, Settings};
use crate::stay::{Refusal, Stay};

const DAY_MS: i64 = 86_400_000;

/// Prices rooms and deposits. This line knows no coupons and takes no coins.
pub(crate) fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
    let settings: Settings = request.settings()?;
    let mut refusals = Refusals::new();
    let shops = request.shops.iter().map(|shop| price_shop(request, shop, &settings, &mut refusals)).collect();
    refusals.or(Quoted::new(shops, settings.pay_timeout_s))
}

fn price_shop(request: &QuoteRequest, shop: &ShopRequest, settings: &Settings, refusals: &mut Refusals) -> PricedShop {
    let mut items = Vec::with_capacity(shop.items.len());
    let mut rooms: Vec<u32> = Vec::new();
    let (mut wanted, mut deposits) = (0_u64, 0_u64);
    let mut last_day = request.now;
    for item in &shop.items {
        let priced = match item.facts::<Facts<'_>>() {
            Err(reason) => Err(("bad-facts", reason)),
            Ok(deposit) if deposit.kind == Kind::Deposit => {
                deposits += u64::from(item.quantity);
                price_deposit(item, &deposit)
            }
            Ok(room) => {
                rooms.push(item.line);
                wanted += u64::from(item.quantity);
                price_room(item, &room, settings, request.now).map(|(priced, stay)| {
                    last_day = last_day.max(stay.checkout.begins(settings.utc_offset_min));
                    priced
                })
            }
        };
        match priced {
            Ok(priced) => items.push(priced),
            Err((code, reason)) => refusals.add(item.line, code, reason),
        }
    }
    if settings.deposit_required && deposits < wanted {
        for line in rooms {
            refusals.add(line, "deposit-missing", "add one deposit for each room");
        }
    }
    let mut priced = PricedShop::new(shop, items, Delivery::Booking);
    priced.ship_within_s = settings.ship_within_s;
    priced.auto_receive_s = settings.auto_receive_s.unwrap_or_else(|| seconds(request.now, last_day + DAY_MS));
    priced.aftersale_window_s = settings.aftersale_window_s;
    priced
}

fn price_deposit(item: &ItemRequest, deposit: &Facts<'_>) -> Result<PricedItem, Refusal> {
    let Some(price) = deposit.price.filter(|&price| price >= 0) else {
        return Err(("bad-facts", "a deposit without a price, or below zero".to_owned()));
    };
    let mut priced = PricedItem::new(item, price, deposit.title.as_ref());
    priced.attributes.push(pair("kind", "deposit"));
    Ok(priced)
}

fn price_room(
    item: &ItemRequest,
    room: &Facts<'_>,
    settings: &Settings,
    now: Millis,
) -> Result<(PricedItem, Stay), Refusal> {
    let stay = Stay::read(&item.extra)?;
    stay.check(settings, room, item.quantity, now)?;
    let mut total = 0;
    let mut stock = Vec::new();
    for night in stay.nights() {
        let day = night.to_string();
        let price = room.calendar.get(day.as_str()).copied().or(room.price);
        let price = price.ok_or_else(|| ("not-for-sale", format!("{} has no price on {day}", room.title)))?;
        let sum = if price < 0 { None } else { money::add(total, price).ok() };
        total = sum.ok_or_else(|| ("bad-facts", format!("the price on {day} makes no sense")))?;
        stock.push(StockNeed { key: [item.sku.as_str(), "@", &day].concat(), quantity: item.quantity });
    }
    let mut priced = PricedItem::new(item, total, room.title.as_ref());
    priced.picture = room.picture.to_string();
    priced.attributes = vec![
        pair("kind", "room"),
        pair("checkin", stay.checkin.to_string()),
        pair("checkout", stay.checkout.to_string()),
        pair("guests", stay.guests.to_string()),
    ];
    priced.stock = stock;
    Ok((priced, stay))
}

fn seconds(from: Millis, to: Millis) -> u32 {
    u32::try_from((to - from) / 1_000).unwrap_or(0)
}
