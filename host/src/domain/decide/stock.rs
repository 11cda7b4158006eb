//! Stock moves of a shop order: two lines of one key are one move.

use std::collections::BTreeMap;

use crate::domain::ids::StockKey;
use crate::domain::order::{ShopOrder, StockMode};
use crate::domain::resource::{StockMove, StockMoveKind};

/// Moves everything the order takes from stock.
pub fn moves(shop: &ShopOrder, kind: StockMoveKind, reason: &str) -> Vec<StockMove> {
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for need in shop.items.iter().flat_map(|item| &item.facts.stock) {
        *sums.entry(&need.key).or_default() += i64::from(need.quantity);
    }
    let make = |(key, quantity): (&StockKey, i64)| StockMove {
        shop_no: shop.no,
        business: shop.business.clone(),
        key: key.clone(),
        kind,
        quantity,
        reason: reason.to_owned(),
    };
    sums.into_iter().map(make).collect()
}

/// Whether the order takes anything from stock.
pub fn needs_any(shop: &ShopOrder) -> bool {
    shop.items.iter().any(|item| !item.facts.stock.is_empty())
}

/// Whether the order takes of this key.
pub fn needs(shop: &ShopOrder, key: &StockKey) -> bool {
    shop.items.iter().flat_map(|item| &item.facts.stock).any(|need| need.key == *key)
}

/// What the order takes hold of: held, or sold at once.
pub fn take(shop: &ShopOrder) -> Vec<StockMove> {
    match shop.facts.stock {
        StockMode::Reserve => moves(shop, StockMoveKind::Reserve, "reserve"),
        StockMode::AtOnce => moves(shop, StockMoveKind::Sell, "sell"),
    }
}

/// What the end of deduct does: a reservation becomes a sale.
pub fn confirm(shop: &ShopOrder) -> Vec<StockMove> {
    match shop.facts.stock {
        StockMode::Reserve => moves(shop, StockMoveKind::Confirm, "confirm"),
        StockMode::AtOnce => vec![],
    }
}

/// Gives everything back when the order ends without a deal. `confirmed` says whether deduct was done.
pub fn give_back(shop: &ShopOrder, confirmed: bool) -> Vec<StockMove> {
    match shop.facts.stock {
        StockMode::Reserve if !confirmed => moves(shop, StockMoveKind::Release, "release"),
        _ => moves(shop, StockMoveKind::Restock, "restock:undo"),
    }
}
