//! What a good line would answer.

use hookline_sdk::prelude::*;

#[derive(Deserialize)]
struct Facts {
    price: Option<Minor>,
}

pub(crate) fn quote(request: &QuoteRequest) -> Quoted {
    let shops = request.shops.iter().map(|shop| {
        let items = shop.items.iter().map(|item| {
            let price = item.facts::<Facts>().ok().and_then(|facts| facts.price).unwrap_or(100);
            let mut priced = PricedItem::new(item, price, item.sku.as_str());
            priced.stock.push(StockNeed { key: item.sku.clone(), quantity: item.quantity });
            priced
        });
        let mut priced = PricedShop::new(shop, items.collect(), Delivery::Code);
        (priced.ship_within_s, priced.auto_receive_s, priced.aftersale_window_s) = (3_600, 3_600, 3_600);
        priced
    });
    Quoted::new(shops.collect(), 900)
}

pub(crate) fn ship(order: &Order) -> Shipped {
    Shipped::at_once(Shipment::of(order, Progress::Shipped))
}

pub(crate) fn refund(request: &RefundRequest) -> Result<RefundQuote, HookError> {
    let items = request.items.iter().map(|wanted| {
        let item = request.order.item(wanted.line).ok_or_else(|| HookError::Rejected("no such line".to_owned()))?;
        Ok(Refundable { line: wanted.line, amount: item.share(item.due, wanted.quantity)?, fee: 0 })
    });
    let items: Result<_, HookError> = items.collect();
    Ok(RefundQuote { items: items?, reason: String::new(), extra: Vec::new() })
}
