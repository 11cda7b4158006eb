//! Full-reduction coupons: so much off, or so many percent up to a cap, when the goods reach a minimum.

use hookline_sdk::prelude::*;

/// `{"min": 10000, "off": 1500}` or `{"percent": 10, "cap": 2000}`; amounts are minor units of the cart's currency.
#[derive(Debug, Deserialize)]
struct Terms {
    #[serde(default)]
    title: String,
    #[serde(default)]
    min: Minor,
    #[serde(default)]
    off: Minor,
    #[serde(default)]
    percent: u32,
    cap: Option<Minor>,
}

/// The coupon that takes most off goods of this worth; the first one offered if two are equal. Coupons of other forms
/// are left alone.
pub(crate) fn best(offered: &[Coupon], worth: Minor, level: PromotionLevel, shop: &str) -> Option<Promotion> {
    let mut best: Option<Promotion> = None;
    for coupon in offered {
        let Ok(terms) = serde_json::from_str::<Terms>(&coupon.terms) else {
            hookline_sdk::warn!("coupon {} has terms of another form", coupon.code);
            continue;
        };
        let amount = terms.amount(worth);
        if amount > best.as_ref().map_or(0, |promotion| promotion.amount) {
            let title = if terms.title.is_empty() { coupon.kind.clone() } else { terms.title };
            best = Some(Promotion { level, shop: shop.to_owned(), title, amount, coupon: Some(coupon.code.clone()) });
        }
    }
    best
}

impl Terms {
    fn amount(&self, worth: Minor) -> Minor {
        if worth < self.min {
            return 0;
        }
        let percent = money::percent(worth, self.percent.min(100)).unwrap_or(0);
        let percent = self.cap.map_or(percent, |cap| percent.min(cap));
        self.off.max(percent).clamp(0, worth.max(0))
    }
}
