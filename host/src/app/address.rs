//! The goods go somewhere else: the plugin version that priced the order is asked again what freight and tax are there,
//! with everything else as it was at the first quote.

use super::App;
use super::api::{Idempotency, OrderAnswer};
use super::closing::change_closed;
use super::decisions::{Subject, record, unpack};
use super::loading;
use super::numbers::fresh;
use super::orders::{Freshness, Keyed, answer, must_be_shop_order, owned, role, store_problem, tree as read_tree};
use super::pay::actor;
use super::problem::Problem;
use super::quote::accept;
use super::reprice::{cannot, go_on, priced_anew};
use crate::domain::change::Decision;
use crate::domain::decide::adjust::{self as decide, Requoted};
use crate::domain::decide::view;
use crate::domain::draft::Draft;
use crate::domain::hook::{Hook, QuoteRequest, ShopRequest};
use crate::domain::ids::OrderNo;
use crate::domain::order::{Address, Delivery, ShopOrder};
use crate::identity::{Principal, Role};

/// Changes where a shop order goes. Before payment freight and tax follow; after it they must not differ, and nothing may
/// have been packed.
pub async fn change(
    app: &App,
    who: &Principal,
    no: OrderNo,
    address: Address,
    key: Option<Idempotency>,
) -> Result<OrderAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "address", key.as_ref());
    keyed.once(app, Box::pin(make(app, who, no, address, &keyed))).await
}

async fn make(
    app: &App,
    who: &Principal,
    no: OrderNo,
    address: Address,
    keyed: &Keyed<'_>,
) -> Result<OrderAnswer, Problem> {
    let read = read_tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let shop_no = must_be_shop_order(&read, no)?;
    let mut imagined = crate::domain::tree::OrderTree::clone(&read);
    imagined.payments.retain(|p| !p.is_open());
    let (shop, _) = decide::can_be_readdressed(&imagined, shop_no).map_err(|why| cannot(&why, &read, no))?;
    if shop.facts.address.as_ref() == Some(&address) {
        return Ok(answer(&read));
    }
    if shop.facts.delivery != Delivery::Parcel && shop.facts.address.is_none() {
        let detail = format!("a {} is delivered without an address", shop.facts.delivery);
        return Err(Problem::conflict("no-address", detail).of(no));
    }
    let (quoted, decision) = requote(app, shop, &address).await?;
    let numbers = fresh(app, 1 + read.shops.len(), no.slot()).await?;
    let changed = change_closed(app, keyed, no, |tree| {
        owned(who, tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide::readdress(&mut draft, shop_no, address.clone(), &quoted).map_err(|why| cannot(&why, tree, no))?;
        let shop = draft.stepped(shop_no);
        let seq = shop.decisions;
        shop.decisions += 1;
        draft.change.decisions.push(Decision { seq, ..decision.clone() });
        Ok(priced_anew(app, who, draft, &numbers))
    });
    let (outcome, tree) = changed.await?;
    go_on(app, tree.as_deref());
    Ok(outcome)
}

/// Asks the pinned version again, with the first quote's request and the other address. Only freight and tax are taken
/// from its answer.
async fn requote(app: &App, shop: &ShopOrder, address: &Address) -> Result<(Requoted, Decision), Problem> {
    let mut request = first_request(app, shop).await?;
    let asked = request.shops.iter().position(|asked| is_of(asked, shop)).ok_or_else(unknown)?;
    request.shops[asked].address = Some(view::address(address));
    loading::at_hand(app, &shop.business, shop.plugin).await;
    let call = app.plugins.quote(&shop.business, shop.plugin, request.clone()).await;
    let call = call.map_err(|e| Problem::busy(format!("{e}; it is being loaded, try again")))?;
    let answered = accept(&shop.business, &call)?.shops.get(asked).ok_or_else(unknown)?;
    let quoted = Requoted { freight: answered.freight, taxes: answered.items.iter().map(|item| item.tax).collect() };
    let subject = Subject { no: shop.no, seq: 0, business: shop.business.clone(), plugin: shop.plugin };
    let decision = record(subject, Hook::Pricing, &request, &call, app.clock.now());
    if quoted.taxes.len() == shop.items.len() { Ok((quoted, decision)) } else { Err(unknown()) }
}

/// The request of the quote that the order was made from.
async fn first_request(app: &App, shop: &ShopOrder) -> Result<QuoteRequest, Problem> {
    let first = shop.facts.quoted_under.unwrap_or(shop.pay_no);
    let decisions = app.store.decisions(first).await.map_err(store_problem)?;
    let of_line = |d: &&Decision| d.business == shop.business && d.hook == Hook::Pricing;
    let decision = decisions.iter().find(of_line).ok_or_else(unknown)?;
    serde_json::from_slice(&unpack(&decision.input)?).map_err(Problem::internal)
}

fn is_of(asked: &ShopRequest, shop: &ShopOrder) -> bool {
    let same = |(item, asked): (&crate::domain::order::ItemOrder, &crate::domain::hook::ItemRequest)| {
        item.sku.as_str() == asked.sku && item.quantity == asked.quantity
    };
    asked.shop == shop.shop.as_str()
        && asked.items.len() == shop.items.len()
        && shop.items.iter().zip(&asked.items).all(same)
}

fn unknown() -> Problem {
    Problem::conflict(
        "quote-unknown",
        "the quote that this order was made from is not there any more: cancel it and order again",
    )
}
