//! Pricing a cart: one hook call per business line, then shares. No effect.

use std::sync::Arc;

use super::App;
use super::api::{QuoteAnswer, QuoteItem, QuoteShop};
use super::catalogue::{self, Snapshot};
use super::orders::store_problem;
use super::problem::Problem;
use super::{loading, methods};
use crate::domain::cart::Cart;
use crate::domain::catalogue::{Business, Coupon, Sku};
use crate::domain::decide::view::{address, pairs};
use crate::domain::hook::{self, LineRefusal, QuoteRequest, Quoted};
use crate::domain::ids::{BusinessCode, CouponCode, Millis};
use crate::domain::money::Minor;
use crate::domain::order::Channel;
use crate::domain::price::{Priced, price};
use crate::domain::resource::CouponState;
use crate::identity::{Principal, Role};
use crate::plugin::{Call, Outcome};
use crate::store::StoredCoupon;

/// The value of one coin, minor units; fixed on each order.
pub const COIN_VALUE: Minor = 1;

/// A cart with its prices and how they came about.
pub struct PricedCart {
    /// Every price and share.
    pub priced: Priced,
    /// The catalogue it was priced with.
    pub snapshot: Arc<Snapshot>,
    /// Methods by which all lines can be paid at once: each has the same account.
    pub methods: Vec<String>,
    /// One call per business line, in the order of [`Cart::lines`].
    pub calls: Vec<LineCall>,
}

/// The pricing call of one line.
pub struct LineCall {
    /// Whose.
    pub business: Arc<Business>,
    /// What it was asked.
    pub request: QuoteRequest,
    /// What it answered.
    pub call: Call<Quoted>,
}

/// Prices a cart without effect.
pub async fn quote(app: &App, who: &Principal, cart: Cart) -> Result<QuoteAnswer, Problem> {
    own_cart(who, &cart)?;
    let priced = price_cart(app, &cart).await?;
    Ok(answer(&cart, &priced))
}

/// A buyer quotes and buys for itself; operators may do it for a buyer.
pub fn own_cart(who: &Principal, cart: &Cart) -> Result<(), Problem> {
    match who.role {
        Role::Buyer if who.subject == cart.buyer.as_str() => Ok(()),
        Role::Operator | Role::Admin => Ok(()),
        Role::Buyer | Role::Shop | Role::Business => Err(Problem::forbidden("orders are made by their buyer")),
    }
}

/// Asks every line of the cart for its prices and puts them together.
pub async fn price_cart(app: &App, cart: &Cart) -> Result<PricedCart, Problem> {
    let snapshot = app.catalogue.now();
    let now = app.clock.now();
    let mut calls: Vec<LineCall> = vec![];
    let mut coins_left = cart.coins;
    let mut platform = owned_coupons(app, cart, &cart.platform_coupons, None).await?;
    for (code, shops) in cart.lines() {
        let line = snapshot.open_line(&code)?.clone();
        for index in &shops {
            let kind = cart.shops[*index].kind;
            if !line.kinds.contains(&kind) {
                let detail = format!("business line {code} does not own order type {kind}; it owns {:?}", line.kinds);
                return Err(Problem::invalid("unknown-type", detail));
            }
        }
        let mut request = request(app, &snapshot, cart, &line, &shops, now).await?;
        request.coins = u64::try_from(coins_left).unwrap_or(0);
        request.platform_coupons = platform.iter().map(coupon).collect();
        let plugin = line.active.ok_or_else(|| Problem::internal("an open line has an active plugin"))?;
        loading::at_hand(app, &code, plugin).await;
        let call = app.plugins.quote(&code, plugin, request.clone()).await;
        let call = call.map_err(|e| Problem::busy(format!("{e}; it is being loaded, try again")))?;
        let quoted = accept(&code, &call)?;
        coins_left -= i64::try_from(quoted.coins).unwrap_or(coins_left);
        let used: Vec<&String> = quoted.promotions.iter().filter_map(|p| p.coupon.as_ref()).collect();
        platform.retain(|c| !used.iter().any(|u| u.as_str() == c.code.as_str()));
        calls.push(LineCall { business: line, request, call });
    }
    let lines: Vec<&Business> = calls.iter().map(|call| &*call.business).collect();
    let methods = methods::shared(&snapshot, &lines)?;
    let quotes: Vec<Quoted> = calls.iter().filter_map(|c| c.call.outcome.ok().cloned()).collect();
    let priced = price(cart, &quotes, COIN_VALUE).map_err(|e| Problem::refused("bad-quote", e.to_string()))?;
    Ok(PricedCart { priced, snapshot, methods, calls })
}

async fn request(
    app: &App,
    snapshot: &Snapshot,
    cart: &Cart,
    line: &Business,
    shops: &[usize],
    now: Millis,
) -> Result<QuoteRequest, Problem> {
    let mut refused = vec![];
    let mut number = 0_u32;
    let mut requests = Vec::with_capacity(shops.len());
    for index in shops {
        let shop = &cart.shops[*index];
        let mut items = Vec::with_capacity(shop.items.len());
        for item in &shop.items {
            let known = catalogue::sku(app, snapshot, &line.code, &item.sku).await?;
            match known.as_deref() {
                Some(sku) if for_sale(sku, shop) => items.push(hook::ItemRequest {
                    line: number,
                    sku: item.sku.to_string(),
                    quantity: item.quantity,
                    facts: sku.facts.clone(),
                    extra: pairs(&item.extra),
                }),
                Some(_) => refused.push(refusal(number, "off-sale", "is not for sale in this shop now")),
                None => refused.push(refusal(number, "unknown-sku", "is not in the catalogue of this business line")),
            }
            number += 1;
        }
        requests.push(hook::ShopRequest {
            shop: shop.shop.to_string(),
            items,
            address: shop.address.as_ref().map(address),
            coupons: owned_coupons(app, cart, &shop.coupons, Some(&line.code)).await?.iter().map(coupon).collect(),
            extra: pairs(&shop.extra),
        });
    }
    if !refused.is_empty() {
        return Err(refused_lines(&line.code, &refused));
    }
    Ok(QuoteRequest {
        buyer: cart.buyer.to_string(),
        channel: match cart.channel {
            Channel::Pc => hook::Channel::Pc,
            Channel::Mobile => hook::Channel::Mobile,
            Channel::Api => hook::Channel::Api,
            Channel::ThirdParty => hook::Channel::ThirdParty,
        },
        platform: cart.platform,
        marketplace: cart.marketplace,
        now,
        currency: cart.currency.to_string(),
        shops: requests,
        platform_coupons: vec![],
        coins: 0,
        coin_value: COIN_VALUE,
        settings: line.settings.to_string(),
        extra: pairs(&cart.extra),
    })
}

fn for_sale(sku: &Sku, shop: &crate::domain::cart::CartShop) -> bool {
    sku.on_sale && sku.shop.as_ref().is_none_or(|owner| *owner == shop.shop)
}

fn refusal(line: u32, code: &str, reason: &str) -> LineRefusal {
    LineRefusal { line, code: code.to_owned(), reason: reason.to_owned() }
}

fn refused_lines(business: &BusinessCode, lines: &[LineRefusal]) -> Problem {
    let detail = format!("business line {business} refuses {} of the lines; see `lines`", lines.len());
    Problem::refused("lines-refused", detail).with("business", business).with("lines", lines)
}

/// Coupons that are the buyer's, free, and of this line (or the platform's).
async fn owned_coupons(
    app: &App,
    cart: &Cart,
    codes: &[CouponCode],
    line: Option<&BusinessCode>,
) -> Result<Vec<Coupon>, Problem> {
    if codes.is_empty() {
        return Ok(vec![]);
    }
    let found = app.store.coupons(codes).await.map_err(store_problem)?;
    let usable = |c: &StoredCoupon| {
        c.state == CouponState::Free && c.coupon.buyer == cart.buyer && c.coupon.business.as_ref() == line
    };
    let found: Vec<Coupon> = found.into_iter().filter(usable).map(|c| c.coupon).collect();
    for code in codes {
        if !found.iter().any(|c| c.code == *code) {
            let detail = format!("coupon {code} is not yours, not free, or not for this");
            return Err(Problem::conflict("coupon-unusable", detail).with("coupon", code));
        }
    }
    Ok(found)
}

fn coupon(coupon: &Coupon) -> hook::Coupon {
    hook::Coupon { code: coupon.code.to_string(), kind: coupon.kind.clone(), terms: coupon.terms.clone() }
}

/// The one place that decides what a pricing call's outcome means for the caller.
pub(super) fn accept<'a>(business: &BusinessCode, call: &'a Call<Quoted>) -> Result<&'a Quoted, Problem> {
    match &call.outcome {
        Outcome::Ok(quoted) => Ok(quoted),
        Outcome::Refused(lines) => Err(refused_lines(business, lines)),
        Outcome::InputTooLarge(_) => Err(Problem::invalid("cart-too-large", call.outcome.detail().unwrap_or_default())),
        Outcome::Saturated => Err(Problem::busy(format!("business line {business} is at its limit; try again"))),
        Outcome::Rejected(_)
        | Outcome::Retry { .. }
        | Outcome::Attention(_)
        | Outcome::Trap(_)
        | Outcome::OutOfFuel(_)
        | Outcome::Deadline(_)
        | Outcome::Memory(_)
        | Outcome::OutputTooLarge(_)
        | Outcome::BadOutput(_) => {
            let detail = call.outcome.detail().unwrap_or_default();
            tracing::error!(%business, outcome = call.outcome.word(), detail, "a plugin cannot price");
            let text = format!("business line {business} cannot price this now ({})", call.outcome.word());
            Err(Problem::new(super::problem::Kind::Busy, "plugin-failed", text).with("outcome", call.outcome.word()))
        }
    }
}

/// The prices in the words of the API.
pub fn answer(cart: &Cart, priced: &PricedCart) -> QuoteAnswer {
    let amounts = &priced.priced.amounts;
    let shops = priced.priced.shops.iter().zip(&cart.shops).map(|(shop, wanted)| QuoteShop {
        shop_id: wanted.shop.to_string(),
        business: wanted.business.to_string(),
        price: shop.amounts.price,
        discount: shop.amounts.discount,
        freight: shop.amounts.freight,
        tax: shop.amounts.tax,
        delivery: shop.delivery.word().to_owned(),
        items: shop
            .items
            .iter()
            .zip(&wanted.items)
            .map(|(item, want)| QuoteItem {
                sku_id: want.sku.to_string(),
                quantity: want.quantity,
                title: item.facts.title.clone(),
                original_price: item.original,
                price: item.price,
                due: item.share.due,
            })
            .collect(),
    });
    QuoteAnswer {
        currency: cart.currency.to_string(),
        price: amounts.price,
        freight: amounts.freight,
        tax: amounts.tax,
        platform_discount: amounts.platform_discount,
        coins: amounts.coins,
        coins_value: amounts.coins_value,
        third_party_discount: amounts.third_party,
        to_pay: amounts.to_pay,
        payment_methods: priced.methods.clone(),
        shops: shops.collect(),
    }
}
