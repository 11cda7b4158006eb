//! Stock moves of a shop order: two lines of one key are one move.

use std::collections::BTreeMap;

use crate::domain::aftersale::Claim;
use crate::domain::ids::StockKey;
use crate::domain::order::{ItemOrder, ShopOrder, StockMode};
use crate::domain::resource::{StockMove, StockMoveKind};

/// Moves what the order still takes from stock: without the units whose stock was given back.
pub fn moves(shop: &ShopOrder, kind: StockMoveKind, reason: &str) -> Vec<StockMove> {
    moves_of(shop, kind, reason, |item| (item.refunded.restocked, item.quantity))
}

/// Moves what units of each item take, counted from and to. Counted so, the parts of a line add up to its whole.
fn moves_of(
    shop: &ShopOrder,
    kind: StockMoveKind,
    reason: &str,
    units: impl Fn(&ItemOrder) -> (u32, u32),
) -> Vec<StockMove> {
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for item in &shop.items {
        let (from, to) = units(item);
        for need in &item.facts.stock {
            let upto = |count: u32| i64::from(need.quantity) * i64::from(count) / i64::from(item.quantity.max(1));
            *sums.entry(&need.key).or_default() += upto(to) - upto(from);
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

/// Gives everything back when the order ends without a deal. `confirmed` says whether deduct was done.
pub fn give_back(shop: &ShopOrder, confirmed: bool) -> Vec<StockMove> {
    match shop.facts.stock {
        StockMode::Reserve if !confirmed => moves(shop, StockMoveKind::Release, "release"),
        _ => moves(shop, StockMoveKind::Restock, "restock:undo"),
    }
}

/// Gives the stock of some units back for a cause, such as an after-sale's number. The caller counts them in
/// `refunded.restocked`.
pub fn give_units_back(shop: &ShopOrder, units: &[Claim], confirmed: bool, cause: &str) -> Vec<StockMove> {
    let of = |item: &ItemOrder| (item.refunded.restocked, item.refunded.restocked + claimed(units, item));
    match shop.facts.stock {
        StockMode::Reserve if !confirmed => moves_of(shop, StockMoveKind::Release, &format!("release:{cause}"), of),
        _ => moves_of(shop, StockMoveKind::Restock, &format!("restock:{cause}"), of),
    }
}

/// Moves the stock of other goods of the same kind, for an exchange.
pub fn replacement(shop: &ShopOrder, units: &[Claim], kind: StockMoveKind, cause: &str) -> Vec<StockMove> {
    moves_of(shop, kind, &format!("{}:{cause}", kind.word()), |item| (0, claimed(units, item)))
}

fn claimed(units: &[Claim], item: &ItemOrder) -> u32 {
    units.iter().filter(|claim| claim.item_no == item.no).map(|claim| claim.quantity).sum()
}
