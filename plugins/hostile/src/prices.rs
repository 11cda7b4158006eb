//! Prices and refunds that no host may take.

use hookline_sdk::prelude::*;

use crate::Behave;
use crate::anywhere::MIB;

/// Spoils a price.
pub(crate) fn spoil(behave: Behave, request: &QuoteRequest, quoted: &mut Quoted) -> Result<(), Refusals> {
    match behave {
        Behave::Reject => {
            let mut refusals = Refusals::new();
            refusals.add(0, "rejected", "rejected, as asked");
            return Err(refusals);
        }
        Behave::Other => return Err(Refusals::fault("other, as asked")),
        Behave::DiscountAboveCart => quoted.platform_discount = i64::MAX,
        Behave::TooManyCoins => quoted.coins = request.coins.saturating_mul(2).max(1),
        Behave::CoinsAboveCart => quoted.coins = request.coins,
        Behave::Quadratic => {
            let lines = request.shops.iter().map(|shop| shop.items.len()).sum::<usize>();
            (0..lines * lines * 10_000).for_each(|turn| _ = std::hint::black_box(turn));
        }
        Behave::NoTime => quoted.pay_timeout_s = 0,
        Behave::UnknownCoupon => {
            quoted.platform_discount = 1;
            quoted.promotions.push(Promotion {
                level: PromotionLevel::Platform,
                shop: String::new(),
                title: "not yours".to_owned(),
                amount: 1,
                coupon: Some("never-offered".to_owned()),
            });
        }
        _ => {}
    }
    if let Some(shop) = quoted.shops.first_mut() {
        spoil_shop(behave, shop);
        if let Some(item) = shop.items.first_mut() {
            spoil_item(behave, item);
        }
    }
    Ok(())
}

fn spoil_shop(behave: Behave, shop: &mut PricedShop) {
    match behave {
        Behave::DiscountAboveShop => shop.discount = i64::MAX,
        Behave::NegativeFreight => shop.freight = -1,
        Behave::UnknownShop => "never-asked".clone_into(&mut shop.shop),
        Behave::MissingLine => drop(shop.items.pop()),
        Behave::DoubleLine => shop.items.extend(shop.items.first().cloned()),
        _ => {}
    }
}

fn spoil_item(behave: Behave, item: &mut PricedItem) {
    match behave {
        Behave::NegativePrice => item.original = -1,
        Behave::NegativeDiscount => item.discount = -1,
        Behave::DiscountAboveLine => item.discount = i64::MAX,
        Behave::Overflow => (item.original, item.tax) = (i64::MAX, i64::MAX),
        Behave::NegativeTax => item.tax = -1,
        Behave::UnknownLine => item.line = u32::MAX,
        Behave::LieStock => item.stock = vec![StockNeed { key: "not-of-this-line".to_owned(), quantity: 1 }],
        Behave::HugeStock => item.stock.iter_mut().for_each(|need| need.quantity = u32::MAX),
        Behave::NoStock => item.stock.clear(),
        Behave::HugeAnswer => item.title = "h".repeat(MIB),
        Behave::Nul => item.title.push('\0'),
        Behave::BadKey => item.attributes.push(pair("No Such Key", "x")),
        Behave::BigAttributes => item.attributes.push(pair("big", "b".repeat(16 << 10))),
        Behave::Unfair => item.original = item.original.saturating_add(1),
        _ => {}
    }
}

/// Spoils a refund.
pub(crate) fn spoil_refund(behave: Behave, quote: &mut RefundQuote) -> Result<(), HookError> {
    match behave {
        Behave::Reject => return Err(HookError::Rejected("rejected, as asked".to_owned())),
        Behave::Attention => return Err(HookError::Attention("a person, as asked".to_owned())),
        Behave::Other => return Err(HookError::Other("other, as asked".to_owned())),
        Behave::HugeAnswer => quote.reason = "h".repeat(MIB),
        Behave::Nul => quote.reason.push('\0'),
        Behave::MissingLine => drop(quote.items.pop()),
        Behave::DoubleLine => quote.items.extend(quote.items.first().copied()),
        _ => {}
    }
    if let Some(item) = quote.items.first_mut() {
        match behave {
            Behave::RefundTooMuch => item.amount = item.amount.saturating_mul(2).saturating_add(1),
            Behave::NegativeFee => item.fee = -1,
            Behave::Overflow => (item.amount, item.fee) = (i64::MAX, i64::MAX),
            Behave::UnknownLine => item.line = u32::MAX,
            _ => {}
        }
    }
    Ok(())
}
