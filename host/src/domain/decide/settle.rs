//! The end of the after-sale window: the shop gets its money, the order is completed.

use serde_json::json;

use crate::domain::catalogue::LineRules;
use crate::domain::change::{Settlement, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::money::{Currency, Minor};
use crate::domain::order::{Refunded, Share, ShopOrder, Status, SubStatus};

/// Basis points in a whole.
const WHOLE_BP: i64 = 10_000;

/// Completes a received shop order and fixes what its shop gets.
pub fn complete(draft: &mut Draft, no: OrderNo, rules: &LineRules) {
    let at = draft.at();
    let shop = draft.step(no, "complete", (Status::Completed, SubStatus::None), "");
    shop.attention = None;
    let shop = shop.clone();
    let settlement = settlement(&shop, draft.tree().pay.currency, rules, at);
    let data = json!({"gross": settlement.gross, "net": settlement.net});
    draft.change.settlements.push(settlement);
    draft.disarm(no, TimerKind::Settle);
    draft.emit(no, Topic::Order, "ORDER_COMPLETED", data);
}

/// Fixes what the shop of a closed order keeps of it, if anything was retained.
pub fn retained(draft: &mut Draft, no: OrderNo, rules: &LineRules) {
    let at = draft.at();
    let shop = draft.stepped(no).clone();
    let settlement = settlement(&shop, draft.tree().pay.currency, rules, at);
    if settlement.gross > 0 {
        draft.change.settlements.push(settlement);
    }
}

fn settlement(shop: &ShopOrder, currency: Currency, rules: &LineRules, at: Millis) -> Settlement {
    let gross = gross(shop);
    let fee = |bp: u32| i64::try_from(i128::from(gross) * i128::from(bp) / i128::from(WHOLE_BP)).unwrap_or(0);
    let (technical_fee, promotion_fee) = (fee(rules.technical_fee_bp), fee(rules.promotion_fee_bp));
    Settlement {
        shop_no: shop.no,
        shop: shop.shop.clone(),
        business: shop.business.clone(),
        currency,
        gross,
        technical_fee,
        promotion_fee,
        net: gross - technical_fee - promotion_fee,
        at,
    }
}

/// Cash, coin, third-party and platform-discount shares of everything that was not refunded, freight included. What the
/// platform and third parties gave is earned by the units that stay, rounded down.
pub fn gross(shop: &ShopOrder) -> Minor {
    let line = |share: &Share, refunded: &Refunded, units: u32| {
        let stay = i128::from(units) - i128::from(refunded.quantity);
        let given = i128::from(share.third_party + share.platform_discount) * stay / i128::from(units.max(1));
        share.cash - refunded.cash + value_left(share, refunded) + i64::try_from(given).unwrap_or(0)
    };
    let items = shop.items.iter().map(|item| line(&item.share, &item.refunded, item.quantity));
    items.sum::<Minor>() + line(&shop.amounts.freight_share, &shop.amounts.freight_refunded, 1)
}

/// The value of the coins of a line that were not given back.
fn value_left(share: &Share, refunded: &Refunded) -> Minor {
    if share.coins == 0 {
        return share.coins_value;
    }
    let left = i128::from(share.coins_value) * i128::from(share.coins - refunded.coins) / i128::from(share.coins);
    i64::try_from(left).unwrap_or(0)
}
