//! A business line that misbehaves on command, so that tests can see the host survive it.
//!
//! The settings `{"hook": "quote", "behave": "loop"}` choose the hook (quote, deduct, ship, receive, quote-refund,
//! revoke) and the [`Behave`]; every other hook, and every hook without such settings, is as good as gold: an item
//! costs `price` of its facts (default 100), reserves its SKU, ships at once and is received by anyone.

mod anywhere;
mod behave;
mod good;
mod prices;
mod steps;

use hookline_sdk::prelude::*;

use behave::Settings;
pub use behave::{Behave, HookName};

/// The business line.
#[derive(Debug, Clone, Copy)]
pub struct Hostile;

impl BusinessLine for Hostile {
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
        let settings: Settings = request.settings()?;
        let mut quoted = good::quote(request);
        if let Some(behave) = settings.on(HookName::Quote) {
            anywhere::misbehave(behave);
            prices::spoil(behave, request, &mut quoted)?;
        }
        Ok(quoted)
    }

    fn deduct(ctx: &mut Ctx<'_>, order: &Order, _payment: &Payment) -> Hook<Deducted> {
        let settings: Settings = ctx.settings()?;
        let mut deducted = Deducted::new();
        if let Some(behave) = settings.on(HookName::Deduct) {
            anywhere::misbehave(behave);
            steps::stop(behave, ctx, &settings)?;
            steps::spoil_pairs(behave, &mut deducted.attributes);
            steps::spoil_events(behave, order, &mut deducted.events);
        }
        Ok(deducted)
    }

    fn ship(ctx: &mut Ctx<'_>, order: &Order) -> Hook<Shipped> {
        let settings: Settings = ctx.settings()?;
        let mut shipped = good::ship(order);
        if let Some(behave) = settings.on(HookName::Ship) {
            anywhere::misbehave(behave);
            steps::stop(behave, ctx, &settings)?;
            steps::spoil_pairs(behave, &mut shipped.attributes);
            steps::spoil_shipments(behave, &mut shipped.shipments);
        }
        Ok(shipped)
    }

    fn receive(ctx: &mut Ctx<'_>, _order: &Order, _trigger: &Trigger) -> Hook<Received> {
        let settings: Settings = ctx.settings()?;
        let mut received = Received::confirmed();
        if let Some(behave) = settings.on(HookName::Receive) {
            anywhere::misbehave(behave);
            steps::stop(behave, ctx, &settings)?;
            steps::spoil_pairs(behave, &mut received.attributes);
            steps::spoil_verdict(behave, &mut received.verdict);
        }
        Ok(received)
    }
}

impl Aftersale for Hostile {
    fn quote_refund(request: &RefundRequest) -> Result<RefundQuote, HookError> {
        let settings: Settings = request.settings()?;
        let mut quote = good::refund(request)?;
        if let Some(behave) = settings.on(HookName::QuoteRefund) {
            anywhere::misbehave(behave);
            prices::spoil_refund(behave, &mut quote)?;
        }
        Ok(quote)
    }

    fn revoke(ctx: &mut Ctx<'_>, _order: &Order, _items: &[RefundLine]) -> Hook<Revoked> {
        let settings: Settings = ctx.settings()?;
        let mut revoked = Revoked::new();
        if let Some(behave) = settings.on(HookName::Revoke) {
            anywhere::misbehave(behave);
            steps::stop(behave, ctx, &settings)?;
            steps::spoil_pairs(behave, &mut revoked.attributes);
        }
        Ok(revoked)
    }
}

hookline_sdk::export!(Hostile with aftersale);
