//! The end of the after-sale window: the shop gets its money, the order is completed.

use serde_json::json;

use crate::domain::catalogue::LineRules;
use crate::domain::change::{Settlement, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::OrderNo;
use crate::domain::money::Minor;
use crate::domain::order::{ShopOrder, Status, SubStatus};

/// Basis points in a whole.
const WHOLE_BP: i64 = 10_000;

/// Completes a received shop order and fixes what its shop gets.
pub fn complete(draft: &mut Draft, no: OrderNo, rules: &LineRules) {
    let at = draft.at();
    let shop = draft.step(no, "complete", (Status::Completed, SubStatus::None), "");
    let gross = gross(shop);
    let fee = |bp: u32| i64::try_from(i128::from(gross) * i128::from(bp) / i128::from(WHOLE_BP)).unwrap_or(0);
    let (technical_fee, promotion_fee) = (fee(rules.technical_fee_bp), fee(rules.promotion_fee_bp));
    let net = gross - technical_fee - promotion_fee;
    draft.change.settlements.push(Settlement { shop_no: no, gross, technical_fee, promotion_fee, net, at });
    draft.disarm(no, TimerKind::Settle);
    draft.emit(no, Topic::Order, "ORDER_COMPLETED", json!({"gross": gross, "net": net}));
}

/// Cash, coin, third-party and platform-discount shares of everything that was not refunded, freight included.
pub fn gross(shop: &ShopOrder) -> Minor {
    let freight = &shop.amounts.freight_share;
    let items: Minor = shop
        .items
        .iter()
        .map(|item| {
            let coins_left = value_left(item.share.coins_value, item.share.coins, item.refunded.coins);
            let given = item.share.cash - item.refunded.cash + coins_left + item.share.third_party;
            let whole = item.refunded.quantity == item.quantity;
            if whole { given - item.share.third_party } else { given + item.share.platform_discount }
        })
        .sum();
    items + freight.due - shop.amounts.freight_refunded
}

/// The value of the coins of a line that were not given back.
fn value_left(value: Minor, coins: i64, refunded: i64) -> Minor {
    if coins == 0 {
        value
    } else {
        i64::try_from(i128::from(value) * i128::from(coins - refunded) / i128::from(coins)).unwrap_or(0)
    }
}
