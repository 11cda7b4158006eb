//! From the lines' quotes to a priced cart: sums at three levels, and shares that every later refund is made from.
//!
//! `L3 = quantity × original − item discount`, `L2 = ΣL3 − shop discount`, `L1 = ΣL2 − platform discount`,
//! `to pay = L1 + Σfreight + Σtax − coins − third-party`. All are ≥ 0. Shop discount goes over the shop's items, platform
//! discount over the items of the quote that gave it, coins and third-party discount over its items and freight lines;
//! the weight is always what is left of a line, so no share exceeds its line.

use super::cart::Cart;
use super::hook::{PricedShop, PromotionLevel, Quoted};
use super::ids::{BusinessCode, CouponCode, Millis};
use super::money::{Minor, Overflow, apportion, sum, times};
use super::order::{Delivery, ItemFacts, Pairs, PayAmounts, Promotion, Refunded, Share, ShopAmounts, StockNeed};

/// A cart with every price and share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// L1 sums.
    pub amounts: PayAmounts,
    /// In the order of the cart's shops.
    pub shops: Vec<PricedShopOrder>,
    /// Platform coupons used.
    pub coupons: Vec<CouponCode>,
    /// Promotions at platform level.
    pub promotions: Vec<Promotion>,
    /// The shortest of the lines' pay timeouts, milliseconds.
    pub pay_timeout_ms: Millis,
}

/// A shop order's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedShopOrder {
    /// L2 sums and the freight line's share.
    pub amounts: ShopAmounts,
    /// In the order of the shop's lines.
    pub items: Vec<PricedLine>,
    /// How it is delivered.
    pub delivery: Delivery,
    /// See [`super::order::ShopFacts`].
    pub auto_receive_ms: Millis,
    /// See [`super::order::ShopFacts`].
    pub aftersale_window_ms: Millis,
    /// See [`super::order::ShopFacts`].
    pub ship_within_ms: Millis,
    /// Shop coupons used.
    pub coupons: Vec<CouponCode>,
    /// Promotions at item and shop level.
    pub promotions: Vec<Promotion>,
    /// The plugin's extras.
    pub extra: Pairs,
}

/// A line's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedLine {
    /// Original price of one.
    pub original: Minor,
    /// quantity × original − item discount.
    pub price: Minor,
    /// Tax of the line.
    pub tax: Minor,
    /// Shares.
    pub share: Share,
    /// What never changes.
    pub facts: ItemFacts,
}

/// Why quotes can't be made into prices. The plugin room's firewall refuses such answers first; this is the last word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// A sum left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// An answer does not fit the cart.
    #[error("the quote of {business} {what}")]
    Unfit {
        /// Whose.
        business: BusinessCode,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Puts the quotes together. `quotes` holds one answer per business line, in the order of [`Cart::lines`]; item lines of
/// a quote count from 0 through the line's shops in the order of the cart.
pub fn price(cart: &Cart, quotes: &[Quoted], coin_value: Minor) -> Result<Priced, PriceError> {
    let lines = cart.lines();
    let mut shops: Vec<Option<PricedShopOrder>> = cart.shops.iter().map(|_| None).collect();
    let mut priced = Priced {
        amounts: PayAmounts::default(),
        shops: vec![],
        coupons: vec![],
        promotions: vec![],
        pay_timeout_ms: Millis::MAX,
    };
    for ((business, indexes), quoted) in lines.iter().zip(quotes) {
        let unfit = |what| PriceError::Unfit { business: business.clone(), what };
        if quoted.shops.len() != indexes.len() {
            return Err(unfit("does not answer every shop"));
        }
        let mut mine = Vec::with_capacity(indexes.len());
        for (index, shop) in indexes.iter().zip(&quoted.shops) {
            mine.push(price_shop(cart, *index, shop, quoted).map_err(|e| e.of(business))?);
        }
        let coins = i64::try_from(quoted.coins).map_err(|_| Overflow)?;
        let coins_value = coins.checked_mul(coin_value).ok_or(Overflow)?;
        spread_platform(&mut mine, quoted.platform_discount)?;
        spread_payments(&mut mine, coins, coins_value, quoted.third_party_discount)?;
        priced.amounts.platform_discount = sum([priced.amounts.platform_discount, quoted.platform_discount])?;
        priced.amounts.coins = priced.amounts.coins.checked_add(coins).ok_or(Overflow)?;
        priced.amounts.coins_value = sum([priced.amounts.coins_value, coins_value])?;
        priced.amounts.third_party = sum([priced.amounts.third_party, quoted.third_party_discount])?;
        priced.pay_timeout_ms = priced.pay_timeout_ms.min(Millis::from(quoted.pay_timeout_s) * 1000);
        for promotion in quoted.promotions.iter().filter(|p| p.level == PromotionLevel::Platform) {
            let promotion = read_promotion(promotion).map_err(unfit)?;
            priced.coupons.extend(promotion.coupon.clone());
            priced.promotions.push(promotion);
        }
        for (index, shop) in indexes.iter().zip(mine) {
            shops[*index] = Some(shop);
        }
    }
    priced.shops = shops.into_iter().flatten().collect();
    finish(&mut priced)?;
    Ok(priced)
}

enum ShopError {
    Overflow(Overflow),
    Unfit(&'static str),
}

impl From<Overflow> for ShopError {
    fn from(overflow: Overflow) -> Self {
        Self::Overflow(overflow)
    }
}

impl ShopError {
    fn of(self, business: &BusinessCode) -> PriceError {
        match self {
            Self::Overflow(overflow) => overflow.into(),
            Self::Unfit(what) => PriceError::Unfit { business: business.clone(), what },
        }
    }
}

fn price_shop(cart: &Cart, index: usize, answer: &PricedShop, quoted: &Quoted) -> Result<PricedShopOrder, ShopError> {
    let wanted = &cart.shops[index];
    if answer.items.len() != wanted.items.len() || answer.shop != wanted.shop.as_str() {
        return Err(ShopError::Unfit("does not answer every line"));
    }
    let mut items = Vec::with_capacity(answer.items.len());
    for (item, want) in answer.items.iter().zip(&wanted.items) {
        let price = sum([times(item.original, want.quantity)?, -item.discount])?;
        if item.original < 0 || item.discount < 0 || item.tax < 0 || price < 0 {
            return Err(ShopError::Unfit("has a negative price"));
        }
        let mut stock = Vec::with_capacity(item.stock.len());
        for need in &item.stock {
            let key = need.key.parse().map_err(|_| ShopError::Unfit("names a bad stock key"))?;
            stock.push(StockNeed { key, quantity: need.quantity });
        }
        let facts = ItemFacts {
            title: item.title.clone(),
            picture: item.picture.clone(),
            discount: item.discount,
            attributes: item.attributes.iter().cloned().collect(),
            extra: want.extra.clone(),
            stock,
        };
        let share = Share { due: price, ..Share::default() };
        items.push(PricedLine { original: item.original, price, tax: item.tax, share, facts });
    }
    let of_this_shop = |p: &&super::hook::Promotion| p.level != PromotionLevel::Platform && p.shop == answer.shop;
    let promotions = quoted
        .promotions
        .iter()
        .filter(of_this_shop)
        .map(read_promotion)
        .collect::<Result<Vec<_>, _>>()
        .map_err(ShopError::Unfit)?;
    let discounts = apportion(answer.discount, &items.iter().map(|i| i.price).collect::<Vec<_>>())?;
    for (item, part) in items.iter_mut().zip(discounts) {
        item.share.shop_discount = part;
        item.share.due -= part;
    }
    let freight_share = Share { due: answer.freight, ..Share::default() };
    if answer.freight < 0 {
        return Err(ShopError::Unfit("has a negative freight"));
    }
    let amounts = ShopAmounts {
        reprice: 0,
        price: sum(items.iter().map(|i| i.price))? - answer.discount,
        quantity: wanted.items.iter().map(|i| i64::from(i.quantity)).sum(),
        discount: answer.discount,
        freight: answer.freight,
        tax: sum(items.iter().map(|i| i.tax))?,
        freight_share,
        freight_refunded: Refunded::default(),
    };
    let mut extra = wanted.extra.clone();
    extra.extend(answer.extra.iter().cloned());
    Ok(PricedShopOrder {
        amounts,
        items,
        delivery: read_delivery(answer.delivery),
        auto_receive_ms: Millis::from(answer.auto_receive_s) * 1000,
        aftersale_window_ms: Millis::from(answer.aftersale_window_s) * 1000,
        ship_within_ms: Millis::from(answer.ship_within_s) * 1000,
        coupons: promotions.iter().filter_map(|p| p.coupon.clone()).collect(),
        promotions,
        extra,
    })
}

/// The contract's word for a delivery in the model's words.
pub fn read_delivery(delivery: super::hook::Delivery) -> Delivery {
    use super::hook::Delivery as Hook;
    match delivery {
        Hook::Parcel => Delivery::Parcel,
        Hook::Code => Delivery::Code,
        Hook::Voucher => Delivery::Voucher,
        Hook::Ticket => Delivery::Ticket,
        Hook::Booking => Delivery::Booking,
        Hook::Credit => Delivery::Credit,
    }
}

fn read_promotion(promotion: &super::hook::Promotion) -> Result<Promotion, &'static str> {
    let coupon = promotion.coupon.as_deref().map(str::parse).transpose().map_err(|_| "names a bad coupon")?;
    Ok(Promotion { title: promotion.title.clone(), amount: promotion.amount, coupon })
}

/// Platform discount goes over all items of the quote, by what the shop discount left; tax joins afterwards.
fn spread_platform(shops: &mut [PricedShopOrder], discount: Minor) -> Result<(), Overflow> {
    let mut items: Vec<&mut PricedLine> = shops.iter_mut().flat_map(|s| &mut s.items).collect();
    let parts = apportion(discount, &items.iter().map(|i| i.share.due).collect::<Vec<_>>())?;
    for (item, part) in items.iter_mut().zip(parts) {
        item.share.platform_discount = part;
        item.share.due = sum([item.share.due - part, item.tax])?;
    }
    Ok(())
}

/// Coins and the third party pay parts of items and freight lines; the buyer's money pays the rest.
fn spread_payments(shops: &mut [PricedShopOrder], coins: i64, value: Minor, third: Minor) -> Result<(), Overflow> {
    let mut shares: Vec<&mut Share> = vec![];
    for shop in shops {
        shares.extend(shop.items.iter_mut().map(|i| &mut i.share));
        shares.push(&mut shop.amounts.freight_share);
    }
    let due: Vec<Minor> = shares.iter().map(|s| s.due).collect();
    let values = apportion(value, &due)?;
    let counts = apportion(coins, &due)?;
    let left: Vec<Minor> = due.iter().zip(&values).map(|(d, v)| d - v).collect();
    let thirds = apportion(third, &left)?;
    for (index, share) in shares.iter_mut().enumerate() {
        share.coins = counts[index];
        share.coins_value = values[index];
        share.third_party = thirds[index];
        share.cash = share.due - values[index] - thirds[index];
    }
    Ok(())
}

fn finish(priced: &mut Priced) -> Result<(), Overflow> {
    let total = &mut priced.amounts;
    total.price = sum(priced.shops.iter().map(|s| s.amounts.price))? - total.platform_discount;
    total.quantity = priced.shops.iter().map(|s| s.amounts.quantity).sum();
    total.freight = sum(priced.shops.iter().map(|s| s.amounts.freight))?;
    total.tax = sum(priced.shops.iter().map(|s| s.amounts.tax))?;
    total.to_pay = sum([total.price, total.freight, total.tax, -total.coins_value, -total.third_party])?;
    let cash = priced.shops.iter().flat_map(|s| s.items.iter().map(|i| &i.share).chain([&s.amounts.freight_share]));
    if total.price < 0 || total.to_pay != sum(cash.map(|s| s.cash))? || total.to_pay < 0 {
        return Err(Overflow);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
