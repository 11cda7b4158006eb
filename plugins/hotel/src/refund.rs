//! What goes back when a stay is cancelled.

use hookline_sdk::prelude::*;

use crate::settings::Settings;

/// Deposits go back in full; of a room the fee is kept that the time left before check-in asks for.
pub(crate) fn quote(request: &RefundRequest) -> Result<RefundQuote, HookError> {
    let settings: Settings = request.settings()?;
    let mut items = Vec::with_capacity(request.items.len());
    for wanted in &request.items {
        let Some(item) = request.order.item(wanted.line) else {
            return Err(HookError::Rejected(format!("the order has no line {}", wanted.line)));
        };
        let share = item.share(item.due, wanted.quantity)?;
        let fee = money::percent(share, fee_percent(&settings, item, request.now)?)?;
        items.push(Refundable { line: wanted.line, amount: share - fee, fee });
    }
    Ok(RefundQuote { items, reason: request.reason.clone(), extra: Vec::new() })
}

fn fee_percent(settings: &Settings, item: &Item, now: Millis) -> Result<u32, HookError> {
    if item.attributes.find("kind") == Some("deposit") {
        return Ok(0);
    }
    let checkin = item.attributes.find("checkin").and_then(Date::parse);
    let checkin = checkin.ok_or_else(|| HookError::Attention(format!("line {} has no check-in day", item.line)))?;
    let left_ms = settings.checkin_at(checkin) - now;
    let reached = settings.cancellation.iter().filter(|fee| left_ms >= i64::from(fee.hours_before) * 3_600_000);
    let earliest = reached.max_by_key(|fee| fee.hours_before);
    Ok(earliest.map_or(settings.late_fee_percent, |fee| fee.fee_percent).min(100))
}
