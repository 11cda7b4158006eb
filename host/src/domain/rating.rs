//! Whether items can be rated: computed on read, from what the order, the item and the clock say.

use super::ids::Millis;
use super::order::{ItemOrder, RateStatus, ShopOrder, Status, SubStatus};

/// How often a buyer rates an item: once, and once more.
pub const RATINGS_MAX: u8 = 2;

/// The `rate_status` of an item at a time. `window_ms` is the line's, from the receipt.
pub fn of_item(shop: &ShopOrder, item: &ItemOrder, window_ms: Millis, now: Millis) -> RateStatus {
    let failed = shop.status == Status::Closed || shop.sub_status == SubStatus::Closing;
    if failed || item.refunded.quantity >= item.quantity || item.ratings >= RATINGS_MAX {
        return RateStatus::Closed;
    }
    match shop.received_at {
        None => RateStatus::NotYet,
        Some(received) if now >= received.saturating_add(window_ms) => RateStatus::Closed,
        Some(_) if item.ratings == 0 => RateStatus::Open,
        Some(_) => RateStatus::Again,
    }
}

/// The `rate_status` of an order, from those of its items: what can be done now comes first, then what can be done later.
pub fn of_all(items: impl IntoIterator<Item = RateStatus>) -> RateStatus {
    const FIRST: [RateStatus; 4] = [RateStatus::Open, RateStatus::Again, RateStatus::NotYet, RateStatus::Closed];
    let items: Vec<RateStatus> = items.into_iter().collect();
    FIRST.into_iter().find(|status| items.contains(status)).unwrap_or(RateStatus::NotYet)
}
