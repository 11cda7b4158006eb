//! How much of each line of a shop order can still go back, and what a part of it comes to.

use crate::domain::ids::OrderNo;
use crate::domain::money::Minor;
use crate::domain::order::{ItemOrder, Share, ShopOrder};
use crate::domain::payment::{RefundStatus, Way};
use crate::domain::tree::OrderTree;

/// What of a line can still go back, refunds on their way taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The item; none for freight.
    pub item_no: Option<OrderNo>,
    /// Units.
    pub quantity: u32,
    /// Minor units through the provider.
    pub provider: Minor,
    /// Minor units into the wallet.
    pub balance: Minor,
    /// Coins, counted.
    pub coins: i64,
}

impl Left {
    /// Provider and wallet together, minor units.
    pub fn cash(&self) -> Minor {
        self.provider + self.balance
    }

    /// Takes money off, from wallet and provider by what each has left, and coins.
    fn take(&mut self, cash: Minor, coins: i64) {
        let balance = portion(cash, self.balance, self.cash());
        self.balance -= balance;
        self.provider -= cash - balance;
        self.coins -= coins;
    }

    /// A part of it: this much money and coins, divided like what is left.
    pub(super) fn of(&self, quantity: u32, cash: Minor, coins: i64) -> Self {
        let balance = portion(cash, self.balance, self.cash());
        Self { item_no: self.item_no, quantity, provider: cash - balance, balance, coins }
    }

    pub(super) fn part(&self, way: Way) -> i64 {
        match way {
            Way::Provider => self.provider,
            Way::Balance => self.balance,
            Way::Coins => self.coins,
        }
    }

    fn part_mut(&mut self, way: Way) -> &mut i64 {
        match way {
            Way::Provider => &mut self.provider,
            Way::Balance => &mut self.balance,
            Way::Coins => &mut self.coins,
        }
    }
}

/// What nobody has asked for of each item of a shop order, and last of its freight: [`unrefunded`] without what open
/// after-sales hold.
pub fn left(tree: &OrderTree, shop: &ShopOrder) -> Vec<Left> {
    let mut lines = unrefunded(tree, shop);
    for claim in tree.aftersales_of(shop.no).filter(|a| a.holds()).flat_map(|a| &a.items) {
        if let Some(line) = lines.iter_mut().find(|line| line.item_no == Some(claim.item_no)) {
            line.quantity = line.quantity.saturating_sub(claim.quantity);
            line.take(claim.cash + claim.fee, claim.coins + claim.fee_coins);
        }
    }
    lines
}

/// What has not gone back, and is not on its way back, of each item of a shop order, and last of its freight.
pub fn unrefunded(tree: &OrderTree, shop: &ShopOrder) -> Vec<Left> {
    let line = |item_no, quantity, share: &Share| Left {
        item_no,
        quantity,
        provider: share.cash - share.balance,
        balance: share.balance,
        coins: share.coins,
    };
    // Units that are back already are counted by the item itself: some went without money.
    let units = |i: &ItemOrder| i.quantity.saturating_sub(i.refunded.quantity);
    let items = shop.items.iter().map(|i| line(Some(i.no), units(i), &i.share));
    let mut lines: Vec<Left> = items.chain([line(None, 0, &shop.amounts.freight_share)]).collect();
    for refund in tree.refunds.iter().filter(|r| r.shop_no == Some(shop.no) && r.counts()) {
        for gone in &refund.lines {
            if let Some(line) = lines.iter_mut().find(|line| line.item_no == gone.item_no) {
                *line.part_mut(refund.way) -= gone.amount;
                if refund.status != RefundStatus::Succeeded {
                    line.quantity = line.quantity.saturating_sub(gone.quantity);
                }
            }
        }
    }
    let kept = shop.items.iter().map(|i| &i.refunded).chain([&shop.amounts.freight_refunded]);
    for (line, kept) in lines.iter_mut().zip(kept) {
        line.take(kept.retained, kept.retained_coins);
    }
    lines
}

/// A part of an item that shall go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub item_no: OrderNo,
    /// Units; 0 moves money only.
    pub quantity: u32,
    /// Minor units; none is what the units cost.
    pub amount: Option<Minor>,
}

/// Why a part cannot go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRefund {
    /// The item is not of this shop order, or named twice.
    #[error("item {0} is not in this shop order, or named twice")]
    Item(OrderNo),
    /// Neither units nor an amount.
    #[error("item {0}: say how many units or how much money")]
    Nothing(OrderNo),
    /// Everything went back, or is about to.
    #[error("nothing is left that could go back")]
    NothingLeft,
    /// More than is left.
    #[error("item {no}: {quantity} units and {cash} minor units can still be refunded")]
    AboveLeft {
        /// Which.
        no: OrderNo,
        /// Units left.
        quantity: u32,
        /// Minor units left.
        cash: Minor,
    },
}

/// What the wanted parts come to, by way. Units take their part of what is left; the last unit takes the rest, so that
/// any sequence of partial refunds adds up to exactly what was paid.
pub fn parts(left: &[Left], wanted: &[Wanted]) -> Result<Vec<Left>, CannotRefund> {
    let mut parts: Vec<Left> = Vec::with_capacity(wanted.len());
    for want in wanted {
        let line = left.iter().find(|line| line.item_no == Some(want.item_no));
        let line = line.filter(|_| !parts.iter().any(|p| p.item_no == Some(want.item_no)));
        let line = line.ok_or(CannotRefund::Item(want.item_no))?;
        let above = CannotRefund::AboveLeft { no: want.item_no, quantity: line.quantity, cash: line.cash() };
        if want.quantity == 0 && want.amount.unwrap_or(0) <= 0 {
            return Err(CannotRefund::Nothing(want.item_no));
        }
        if want.quantity > line.quantity || want.amount.is_some_and(|amount| amount < 0 || amount > line.cash()) {
            return Err(above);
        }
        let of_units = |part: i64| share_of(part, want.quantity, line.quantity);
        let mut part = Left {
            item_no: line.item_no,
            quantity: want.quantity,
            provider: of_units(line.provider),
            balance: of_units(line.balance),
            coins: of_units(line.coins),
        };
        if let Some(amount) = want.amount {
            part = line.of(want.quantity, amount, part.coins);
        }
        parts.push(part);
    }
    Ok(parts)
}

/// `quantity` of `units` that are left of `whole`, rounded down; all of it for the last ones.
fn share_of(whole: i64, quantity: u32, units: u32) -> i64 {
    if quantity == units { if units == 0 { 0 } else { whole } } else { portion(whole, quantity.into(), units.into()) }
}

/// `whole × part / of`, rounded down; 0 of nothing.
pub(super) fn portion(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    i64::try_from(i128::from(whole) * i128::from(part) / i128::from(of)).unwrap_or(0)
}
