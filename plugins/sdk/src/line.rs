//! What a business line implements.

use crate::ctx::Ctx;
use crate::refusals::Refusals;
use crate::stop::Hook;
use crate::types::{
    Deducted, HookError, Order, Payment, QuoteRequest, Quoted, Received, RefundLine, RefundQuote, RefundRequest,
    Revoked, Shipped, Trigger,
};

/// The four hooks. The defaults are those of a line without a supplier: nothing to secure, a warehouse that ships by
/// notice, and a delivery that is done when the buyer, the carrier or the timer says so.
pub trait BusinessLine {
    /// Prices a cart; the same cart at the same time always has the same price.
    ///
    /// # Errors
    ///
    /// Every line that can't be sold like this.
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals>;

    /// The order is paid: secure what was bought.
    ///
    /// # Errors
    ///
    /// Suspends, or ends the order.
    fn deduct(_ctx: &mut Ctx<'_>, _order: &Order, _payment: &Payment) -> Hook<Deducted> {
        Ok(Deducted::new())
    }

    /// Hand over what was bought, or say how it will be.
    ///
    /// # Errors
    ///
    /// Suspends, or ends the order.
    fn ship(_ctx: &mut Ctx<'_>, _order: &Order) -> Hook<Shipped> {
        Ok(Shipped::prepared())
    }

    /// Is the delivery done?
    ///
    /// # Errors
    ///
    /// Suspends, or asks for a person.
    fn receive(_ctx: &mut Ctx<'_>, _order: &Order, trigger: &Trigger) -> Hook<Received> {
        Ok(match trigger {
            Trigger::Buyer | Trigger::Delivered | Trigger::Timer => Received::confirmed(),
            Trigger::Signal(_) | Trigger::Other(_) => Received::not_yet(),
        })
    }
}

/// A line that prices refunds itself. Export it with `export!(Line with aftersale)`.
pub trait Aftersale: BusinessLine {
    /// What goes back for the given units, and what is kept.
    ///
    /// # Errors
    ///
    /// The refund is not possible, or a person must look.
    fn quote_refund(request: &RefundRequest) -> Result<RefundQuote, HookError>;

    /// Undo something delivered.
    ///
    /// # Errors
    ///
    /// Suspends, or the supplier does not take it back.
    fn revoke(_ctx: &mut Ctx<'_>, _order: &Order, _items: &[RefundLine]) -> Hook<Revoked> {
        Ok(Revoked::new())
    }
}
