//! What goes back when a ticket is returned or changed.

use hookline_sdk::prelude::*;

/// Before departure taxes go back in full and a part of the fare is kept, as its class says; after it nothing goes back.
///
/// The reason `change` asks for the change fee (the new ticket is an order of its own), any other for the refund fee.
pub(crate) fn quote(request: &RefundRequest) -> Result<RefundQuote, HookError> {
    let fee_of = if request.reason == "change" { "change-fee-percent" } else { "refund-fee-percent" };
    let mut items = Vec::with_capacity(request.items.len());
    for wanted in &request.items {
        let Some(item) = request.order.item(wanted.line) else {
            return Err(HookError::Rejected(format!("the order has no line {}", wanted.line)));
        };
        let share = item.share(item.due, wanted.quantity)?;
        let fee = if request.now < number(item, "departs-at")? {
            let tax = item.share(item.tax, wanted.quantity)?;
            money::ratio((share - tax).max(0), number(item, fee_of)?.clamp(0, 100), 100)?
        } else {
            share
        };
        items.push(Refundable { line: wanted.line, amount: share - fee, fee });
    }
    Ok(RefundQuote { items, reason: request.reason.clone(), extra: Vec::new() })
}

fn number(item: &Item, key: &str) -> Result<i64, HookError> {
    let number = item.attributes.find(key).and_then(|text| text.parse().ok());
    number.ok_or_else(|| HookError::Attention(format!("line {} has no number {key}", item.line)))
}
