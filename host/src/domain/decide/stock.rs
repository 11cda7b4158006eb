//! Stock moves of a shop order: two lines of one key are one move.
//!
//! A need is of a whole line. What falls to a number of its units is counted from the first unit on, so that the parts of
//! any sequence add up to the whole.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::domain::aftersale::Claim;
use crate::domain::ids::StockKey;
use crate::domain::order::{ItemOrder, ShopOrder, StockMode};
use crate::domain::resource::{StockMove, StockMoveKind};

/// Moves what the order takes from stock, without the units that are settled already (`Refunded::restocked`).
pub fn moves(shop: &ShopOrder, kind: StockMoveKind, reason: &str) -> Vec<StockMove> {
    moves_of(shop, |item| item.refunded.restocked..item.quantity, kind, reason)
}

/// Moves some units of each line: those of the range, counted from 0. Counted so, the parts of a line add up to its
/// whole.
pub fn moves_of(
    shop: &ShopOrder,
    units: impl Fn(&ItemOrder) -> Range<u32>,
    kind: StockMoveKind,
    reason: &str,
) -> Vec<StockMove> {
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for item in &shop.items {
        let Range { start, end } = units(item);
        let up_to = |units: u32, whole: u32| i64::from(whole) * i64::from(units) / i64::from(item.quantity.max(1));
        for need in &item.facts.stock {
            *sums.entry(&need.key).or_default() += up_to(end, need.quantity) - up_to(start, need.quantity);
        }
    }
    let make = |(key, quantity): (&StockKey, i64)| StockMove {
        shop_no: shop.no,
        business: shop.business.clone(),
        key: key.clone(),
        kind,
        quantity,
        reason: reason.to_owned(),
    };
    sums.into_iter().filter(|(_, quantity)| *quantity > 0).map(make).collect()
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

/// Gives back what is not settled when the order ends without a deal. `confirmed` says whether deduct was done.
pub fn give_back(shop: &ShopOrder, confirmed: bool) -> Vec<StockMove> {
    match shop.facts.stock {
        StockMode::Reserve if !confirmed => moves(shop, StockMoveKind::Release, "release"),
        _ => moves(shop, StockMoveKind::Restock, "restock:undo"),
    }
}

/// Gives the stock of some units back for a cause, such as an after-sale's number. The caller counts them in
/// `refunded.restocked`.
pub fn give_units_back(shop: &ShopOrder, units: &[Claim], confirmed: bool, cause: &str) -> Vec<StockMove> {
    let of = |item: &ItemOrder| item.refunded.restocked..item.refunded.restocked + claimed(units, item);
    let kind = match shop.facts.stock {
        StockMode::Reserve if !confirmed => StockMoveKind::Release,
        StockMode::Reserve | StockMode::AtOnce => StockMoveKind::Restock,
    };
    moves_of(shop, of, kind, &format!("{}:{cause}", kind.word()))
}

/// Moves the stock of other goods of the same kind, for an exchange.
pub fn replacement(shop: &ShopOrder, units: &[Claim], kind: StockMoveKind, cause: &str) -> Vec<StockMove> {
    moves_of(shop, |item| 0..claimed(units, item), kind, &format!("{}:{cause}", kind.word()))
}

fn claimed(units: &[Claim], item: &ItemOrder) -> u32 {
    units.iter().filter(|claim| claim.item_no == item.no).map(|claim| claim.quantity).sum()
}
