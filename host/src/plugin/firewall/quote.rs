//! What a quote must keep: the price model of the three levels, checked with overflow as an error.

use super::super::outcome::{BadOutput, Refusal};
use super::super::weigh::Weight;
use super::text::{filled, pairs, short, whole};
use super::{AMOUNT_MAX, product, sum, within};
use crate::domain::hook::{LineRefusal, PricedItem, PricedShop, Promotion, QuoteRequest, Quoted};

const TITLE_BYTES: usize = 512;
const PICTURE_BYTES: usize = 2 * 1024;
const ITEM_ATTRIBUTES: u64 = 4 * 1024;
const EXTRA_BYTES: u64 = 8 * 1024;
const STOCK_KEY_BYTES: usize = 96;
const STOCK_NEEDS: usize = 64;
const CODE_BYTES: usize = 64;
const DAY_S: i64 = 24 * 60 * 60;
/// Longest time to pay, seconds.
const PAY_TIMEOUT_S: i64 = 30 * DAY_S;
/// Longest of every other time a quote sets, seconds.
const TIME_S: i64 = 400 * DAY_S;

/// What of the request its answer is held against.
pub(in super::super) struct QuoteFrame {
    shops: Vec<ShopFrame>,
    platform_coupons: Vec<String>,
    coins: u64,
    coin_value: i64,
}

struct ShopFrame {
    shop: String,
    /// Line and quantity.
    lines: Vec<(u32, u32)>,
    coupons: Vec<String>,
}

impl QuoteFrame {
    pub(in super::super) fn of(request: &QuoteRequest) -> Self {
        let codes = |coupons: &[crate::domain::hook::Coupon]| coupons.iter().map(|c| c.code.clone()).collect();
        Self {
            shops: request
                .shops
                .iter()
                .map(|shop| ShopFrame {
                    shop: shop.shop.clone(),
                    lines: shop.items.iter().map(|item| (item.line, item.quantity)).collect(),
                    coupons: codes(&shop.coupons),
                })
                .collect(),
            platform_coupons: codes(&request.platform_coupons),
            coins: request.coins,
            coin_value: request.coin_value,
        }
    }

    /// The answer itself, or the invariant it breaks.
    pub(in super::super) fn check(&self, quoted: Quoted) -> Result<Quoted, Refusal> {
        whole(Weight::of(&quoted))?;
        self.prices(&quoted)?;
        self.promotions(&quoted.promotions)?;
        within("pay-timeout-s", i64::from(quoted.pay_timeout_s), 1, PAY_TIMEOUT_S)?;
        pairs("the quote's extra", &quoted.extra, EXTRA_BYTES)?;
        Ok(quoted)
    }

    /// Refused lines are lines of the request, each once.
    pub(in super::super) fn check_refused(&self, refused: &[LineRefusal]) -> Result<(), Refusal> {
        whole(Weight::of(refused))?;
        if refused.is_empty() {
            return Err(BadOutput::Empty("the list of refused lines").into());
        }
        for (at, refusal) in refused.iter().enumerate() {
            let known = self.shops.iter().any(|shop| shop.lines.iter().any(|(line, _)| *line == refusal.line));
            if !known || refused.iter().take(at).any(|earlier| earlier.line == refusal.line) {
                return Err(BadOutput::UnknownLine { line: refusal.line }.into());
            }
            filled("a refusal's code", &refusal.code, CODE_BYTES)?;
        }
        Ok(())
    }

    /// `to pay = Σ(L3 − shop discount) − platform discount + Σfreight + Σtax − coins − third-party`, every step ≥ 0.
    fn prices(&self, quoted: &Quoted) -> Result<(), BadOutput> {
        let same = |(answer, frame): (&PricedShop, &ShopFrame)| answer.shop == frame.shop;
        if quoted.shops.len() != self.shops.len() || !quoted.shops.iter().zip(&self.shops).all(same) {
            return Err(BadOutput::Shops);
        }
        let mut goods = 0;
        let mut extras = 0;
        for (shop, frame) in quoted.shops.iter().zip(&self.shops) {
            let (net, more) = frame.check(shop)?;
            goods = sum("the goods", goods, net)?;
            extras = sum("freight and tax", extras, more)?;
        }
        within("platform-discount", quoted.platform_discount, 0, goods)?;
        let owed = sum("the amount to pay", goods - quoted.platform_discount, extras)?;
        if quoted.coins > self.coins {
            return Err(BadOutput::Coins { taken: quoted.coins, offered: self.coins });
        }
        let coins = i64::try_from(quoted.coins).map_err(|_| BadOutput::Overflow("the coins"))?;
        let coins = product("the value of the coins", coins, self.coin_value)?;
        within("the value of the coins", coins, 0, owed)?;
        within("third-party-discount", quoted.third_party_discount, 0, owed - coins)
    }

    fn promotions(&self, promotions: &[Promotion]) -> Result<(), BadOutput> {
        let mut used: Vec<&str> = Vec::new();
        for promotion in promotions {
            within("a promotion's amount", promotion.amount, 0, AMOUNT_MAX)?;
            short("a promotion's title", &promotion.title, TITLE_BYTES)?;
            let shop = self.shops.iter().find(|frame| frame.shop == promotion.shop);
            if shop.is_none() && !promotion.shop.is_empty() {
                return Err(BadOutput::PromotionShop(promotion.shop.clone()));
            }
            if let Some(code) = &promotion.coupon {
                let offered = self.platform_coupons.contains(code) || shop.is_some_and(|s| s.coupons.contains(code));
                if !offered || used.contains(&code.as_str()) {
                    return Err(BadOutput::Coupon(code.clone()));
                }
                used.push(code);
            }
        }
        Ok(())
    }
}

impl ShopFrame {
    /// What the shop's goods cost after its discounts, and its freight and tax.
    fn check(&self, shop: &PricedShop) -> Result<(i64, i64), BadOutput> {
        let same = |(item, (line, _)): (&PricedItem, &(u32, u32))| item.line == *line;
        if shop.items.len() != self.lines.len() || !shop.items.iter().zip(&self.lines).all(same) {
            return Err(BadOutput::Lines { shop: self.shop.clone() });
        }
        let mut goods = 0;
        let mut tax = 0;
        for (item, (_, quantity)) in shop.items.iter().zip(&self.lines) {
            goods = sum("a shop's goods", goods, price(item, *quantity)?)?;
            tax = sum("a shop's tax", tax, item.tax)?;
        }
        within("a shop's discount", shop.discount, 0, goods)?;
        within("freight", shop.freight, 0, AMOUNT_MAX)?;
        within("auto-receive-s", i64::from(shop.auto_receive_s), 0, TIME_S)?;
        within("aftersale-window-s", i64::from(shop.aftersale_window_s), 0, TIME_S)?;
        within("ship-within-s", i64::from(shop.ship_within_s), 1, TIME_S)?;
        pairs("a shop's extra", &shop.extra, EXTRA_BYTES)?;
        Ok((goods - shop.discount, sum("freight and tax", shop.freight, tax)?))
    }
}

/// What the line costs after its own discount; its texts and stock are looked at too.
fn price(item: &PricedItem, quantity: u32) -> Result<i64, BadOutput> {
    within("an original price", item.original, 0, AMOUNT_MAX)?;
    let whole = product("a line", item.original, i64::from(quantity))?;
    within("an item's discount", item.discount, 0, whole)?;
    within("an item's tax", item.tax, 0, AMOUNT_MAX)?;
    short("a title", &item.title, TITLE_BYTES)?;
    short("a picture", &item.picture, PICTURE_BYTES)?;
    pairs("an item's attributes", &item.attributes, ITEM_ATTRIBUTES)?;
    pairs("an item's extra", &item.extra, EXTRA_BYTES)?;
    if item.stock.len() > STOCK_NEEDS {
        return Err(BadOutput::TooLong {
            what: "stock needs",
            used: item.stock.len() as u64,
            allowed: STOCK_NEEDS as u64,
        });
    }
    for need in &item.stock {
        filled("a stock key", &need.key, STOCK_KEY_BYTES)?;
        within("a stock quantity", i64::from(need.quantity), 1, i64::from(u32::MAX))?;
    }
    Ok(whole - item.discount)
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
