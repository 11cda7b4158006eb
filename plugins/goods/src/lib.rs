//! Physical goods: list prices, quantity breaks, coupons, coins, freight, parcels. The README tells its JSON forms.

mod coupons;
mod freight;
mod pricing;
mod settings;

use hookline_sdk::prelude::*;

use settings::Settings;

/// The business line.
#[derive(Debug, Clone, Copy)]
pub struct Goods;

impl BusinessLine for Goods {
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
        pricing::quote(request)
    }

    fn ship(ctx: &mut Ctx<'_>, order: &Order) -> Hook<Shipped> {
        let Some(auto) = ctx.settings::<Settings>()?.auto_waybill else { return Ok(Shipped::prepared()) };
        // An order number is unique, so the waybill is: every run and every host gives the same one.
        let waybill = [auto.carrier.as_str(), &order.number].concat();
        Ok(Shipped::at_once(Shipment { waybill, carrier: auto.carrier, ..Shipment::of(order, Progress::Shipped) }))
    }
}

hookline_sdk::export!(Goods);
