//! Orders: take a number, quote, create, read, and move on.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::caller::Caller;
use super::cart::{AddressBody, CartBody};
use super::fields::Amount;
use super::json::{Command, Json, Nothing};
use super::params::{At, Repeatable, Search};
use super::reply::{Answer, accepted, created, ok};
use crate::app::api::{EventAnswer, OrderAnswer, Pay, PaymentAnswer, QuoteAnswer, Reprice, SignalIn, TakenNumber};
use crate::app::cancel::Cancelled;
use crate::app::numbers::External;
use crate::app::problem::Problem;
use crate::app::read::OrderView;
use crate::app::snapshots::SnapshotAnswer;
use crate::app::{self, read};
use crate::domain::ids::{OrderNo, PaymentMethod, SignalName};
use crate::domain::money::Minor;

/// Characters of a reason.
const REASON_MAX: usize = 200;
/// Characters of somebody else's id.
const EXTERNAL_ID_MAX: usize = 128;
/// Bytes of a signal's payload.
const PAYLOAD_MAX: usize = 16 << 10;
/// Characters of a signal's id.
const SIGNAL_ID_MAX: usize = 128;

/// Whose id the number is for; nothing for a number of its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberBody {
    /// The application's own id of the order, 1 to 128 printable characters: the same id always gets the same number.
    external_id: Option<String>,
    /// The id of a payment at a third party, likewise. Not together with `external_id`.
    third_party_payment_id: Option<String>,
}

impl NumberBody {
    fn parse(self) -> Result<Option<External>, Problem> {
        let Self { external_id, third_party_payment_id } = self;
        if let Some(id) = external_id.as_ref().or(third_party_payment_id.as_ref()) {
            let printable = !id.chars().any(char::is_control) && !id.trim().is_empty();
            if !printable || id.chars().count() > EXTERNAL_ID_MAX {
                let detail =
                    format!("external_id, third_party_payment_id: 1 to {EXTERNAL_ID_MAX} printable characters");
                return Err(Problem::invalid("bad-body", detail));
            }
        }
        match (external_id, third_party_payment_id) {
            (None, None) => Ok(None),
            (Some(id), None) => Ok(Some(External::Order(id))),
            (None, Some(id)) => Ok(Some(External::Payment(id))),
            (Some(_), Some(_)) => {
                Err(Problem::invalid("bad-body", "send external_id or third_party_payment_id, not both"))
            }
        }
    }
}

/// Take an order number.
///
/// Creating with it is idempotent by itself. With an id of somebody else the caller always gets the same number.
#[utoipa::path(post, path = "/api/v1/order-numbers", tag = "orders", request_body = Option<NumberBody>,
    params(Repeatable),
    responses((status = 201, description = "Yours until an order is made with it", body = TakenNumber)))]
pub(super) async fn take_number(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<NumberBody>,
) -> Answer<TakenNumber> {
    let external = call.body.parse()?;
    let app = room.app.clone();
    let work = async move { app::numbers::take(&app, &who, external, call.key).await };
    Ok(created(room.finish("take_number", work).await?))
}

/// Price a cart, without any effect.
#[utoipa::path(post, path = "/api/v1/quotes", tag = "orders", request_body = CartBody,
    responses((status = 200, description = "What it would cost now", body = QuoteAnswer)))]
pub(super) async fn quote(State(room): State<Shared>, who: Caller, Json(body): Json<CartBody>) -> Answer<QuoteAnswer> {
    Ok(ok(app::quote::quote(&room.app, &who, body.into_cart(&who)?).await?))
}

/// Create an order from a cart or a direct purchase.
///
/// One pay order with a shop order for each shop. 409 `stock-short`, `price-changed` (with the new quote) or
/// `number-taken`; 422 when a business line refuses, with the reason per line. Nothing is kept then.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", params(Repeatable), request_body = CartBody,
    responses((status = 201, description = "The order", body = OrderAnswer)))]
pub(super) async fn create(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<CartBody>,
) -> Answer<OrderAnswer> {
    let order = call.body.into_create(&who)?;
    let app = room.app.clone();
    let work = async move { app::create::create(&app, &who, order, call.key).await };
    Ok(created(room.finish("create", work).await?))
}

/// One order with all three levels, payments, refunds, shipments and timeline.
///
/// Takes the number of any level and answers the pay order above it. Sellers see their own shop orders of it.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}", tag = "orders",
    params(("order_no" = String, Path, description = "Of any level")),
    responses((status = 200, description = "The order", body = OrderView)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<OrderNo>) -> Answer<OrderView> {
    Ok(ok(read::order(&room.app, &who, no).await?))
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    /// At most 200 characters.
    reason: Option<String>,
}

/// Cancel an unpaid pay order with all its shop orders.
#[utoipa::path(put, path = "/api/v1/orders/{order_no}/cancel", tag = "orders", request_body = Option<CancelBody>,
    params(("order_no" = String, Path, description = "A pay order"), Repeatable),
    responses((status = 200, description = "Cancelled", body = OrderAnswer),
              (status = 202, description = "Begun: a provider has yet to close its payment", body = OrderAnswer)))]
pub(super) async fn cancel(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<CancelBody>,
) -> Answer<OrderAnswer> {
    let reason = call.body.reason;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        return Err(Problem::invalid("bad-body", format!("reason: at most {REASON_MAX} characters")).into());
    }
    let app = room.app.clone();
    let work = async move { app::cancel::cancel(&app, &who, no, reason, call.key).await };
    Ok(match room.finish("cancel", work).await? {
        Cancelled::Done(order) => ok(order),
        Cancelled::Accepted(order) => accepted(order),
    })
}

/// How to pay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PayBody {
    /// `alipay`, `balance`, `sandbox`, …: one of the `payment_methods` of the quote.
    #[schema(value_type = String, example = "sandbox")]
    payment_method: PaymentMethod,
    /// What the wallet pays of it, minor units, less than what is to pay; 0 if absent.
    #[serde(default)]
    balance_minor: Minor,
}

/// Pay a pay order.
///
/// A repeat while the payment is open answers the same payment. 503 when the provider has not answered: repeat it.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/pay", tag = "orders", request_body = PayBody,
    params(("order_no" = String, Path, description = "A pay order"), Repeatable),
    responses((status = 200, description = "The payment, and how the buyer completes it", body = PaymentAnswer)))]
pub(super) async fn pay(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<PayBody>,
) -> Answer<PaymentAnswer> {
    let (pay, app) = (Pay { method: call.body.payment_method, balance: call.body.balance_minor }, room.app.clone());
    let work = async move { app::pay::pay(&app, &who, no, pay, call.key).await };
    Ok(ok(room.finish("pay", work).await?))
}

/// Which orders to pay together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeBody {
    /// 2 to 20 unpaid pay orders of one buyer.
    #[schema(value_type = Vec<String>)]
    orders: Vec<OrderNo>,
}

/// Merge unpaid pay orders into a new one, to pay once.
///
/// Their open payments are closed first; the old orders end as `cancelled`, reason `merged`.
#[utoipa::path(post, path = "/api/v1/orders/merge", tag = "orders", request_body = MergeBody, params(Repeatable),
    responses((status = 201, description = "The order to pay", body = OrderAnswer)))]
pub(super) async fn merge(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<MergeBody>,
) -> Answer<OrderAnswer> {
    let app = room.app.clone();
    let work = async move { app::merge::merge(&app, &who, &call.body.orders, call.key).await };
    Ok(created(room.finish("merge", work).await?))
}

/// Take a shop order out of its unpaid pay order, into a new one.
///
/// Its shares go along as they are; nothing is priced again, and the time to pay stays. Open payments of the pay order
/// are closed first. Platform coupons stay with the old pay order. 409 for the only shop order.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/split", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 201, description = "The new pay order", body = OrderAnswer)))]
pub(super) async fn split(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<Nothing>,
) -> Answer<OrderAnswer> {
    let app = room.app.clone();
    let work = async move { app::split::split(&app, &who, no, call.key).await };
    Ok(created(room.finish("split", work).await?))
}

/// By how much to lower a price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceBody {
    /// In total, minor units: never less than now.
    discount_minor: Amount,
    /// Why, at most 200 characters.
    #[serde(default)]
    remark: String,
}

/// Lower the price of an unpaid shop order.
///
/// Open payments are closed first. What is taken off goes over its items; an order that costs nothing then is paid. 409
/// where coins or a third party pay more of a line than it would cost.
#[utoipa::path(put, path = "/api/v1/orders/{order_no}/price", tag = "orders", request_body = PriceBody,
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "The pay order with its new price", body = OrderAnswer)))]
pub(super) async fn reprice(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<PriceBody>,
) -> Answer<OrderAnswer> {
    let PriceBody { discount_minor, remark } = call.body;
    if remark.chars().count() > REASON_MAX {
        return Err(Problem::invalid("bad-body", format!("remark: at most {REASON_MAX} characters")).into());
    }
    let (wanted, app) = (Reprice { discount: discount_minor.0, remark }, room.app.clone());
    let work = async move { app::reprice::reprice(&app, &who, no, wanted, call.key).await };
    Ok(ok(room.finish("reprice", work).await?))
}

/// Where it goes now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressChange {
    /// The whole address.
    address: AddressBody,
}

/// Change where a shop order goes.
///
/// Before payment open payments are closed, and freight and tax become what they are there. After it they must not
/// differ (409 `address-changes-price`), and nothing may have been packed (409 `already-shipped`).
#[utoipa::path(put, path = "/api/v1/orders/{order_no}/address", tag = "orders", request_body = AddressChange,
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "The pay order, perhaps with another price", body = OrderAnswer)))]
pub(super) async fn readdress(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<AddressChange>,
) -> Answer<OrderAnswer> {
    let address = call.body.address.parse("address")?;
    let app = room.app.clone();
    let work = async move { app::address::change(&app, &who, no, address, call.key).await };
    Ok(ok(room.finish("address", work).await?))
}

/// Which snapshot.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SnapshotSearch {
    /// The pay order's version; the newest if absent.
    version: Option<i64>,
}

/// What a pay order was priced at, whole: amounts, facts and shares of all levels.
///
/// One is taken when the order is made, re-priced, sent elsewhere, merged or split.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/snapshot", tag = "orders",
    params(("order_no" = String, Path, description = "Of any level"), SnapshotSearch),
    responses((status = 200, description = "The snapshot", body = SnapshotAnswer)))]
pub(super) async fn snapshot(
    State(room): State<Shared>,
    who: Caller,
    At(no): At<OrderNo>,
    Search(search): Search<SnapshotSearch>,
) -> Answer<SnapshotAnswer> {
    Ok(ok(app::snapshots::read(&room.app, &who, no, search.version).await?))
}

/// Confirm the receipt of a shop order.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/receive", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn receive(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<Nothing>,
) -> Answer<EventAnswer> {
    let app = room.app.clone();
    let work = async move { app::receive::receive(&app, &who, no, call.key).await };
    Ok(ok(room.finish("receive", work).await?))
}

/// Advance an order as far as it can go now.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/forward", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order, or a pay order for all of its shop orders")),
    responses((status = 200, description = "Where it is now", body = OrderAnswer)))]
pub(super) async fn forward(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    _: Json<Nothing>,
) -> Answer<OrderAnswer> {
    let app = room.app.clone();
    Ok(ok(room.finish("forward", async move { app::forward::forward(&app, &who, no).await }).await?))
}

/// Arm compensation: the order is forwarded again soon.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/compensate", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order, or a pay order for all of its shop orders")),
    responses((status = 200, description = "Where it is now", body = OrderAnswer)))]
pub(super) async fn compensate(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    _: Json<Nothing>,
) -> Answer<OrderAnswer> {
    let app = room.app.clone();
    Ok(ok(room.finish("compensate", async move { app::forward::compensate(&app, &who, no).await }).await?))
}

/// A supplier's word.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalBody {
    /// The sender's id, 1 to 128 characters: a repeat changes nothing.
    id: String,
    /// Any JSON of at most 16 KiB, handed to the hook that waits.
    #[schema(value_type = Object)]
    payload: Option<Box<serde_json::value::RawValue>>,
}

/// Hand a supplier's signal to an order.
///
/// It is kept also when nobody waits for it yet.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/signals/{name}", tag = "orders", request_body = SignalBody,
    params(("order_no" = String, Path, description = "A shop order"), ("name" = String, Path, description = "As a hook waits for it")),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn signal(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((no, name)): At<(OrderNo, SignalName)>,
    Json(body): Json<SignalBody>,
) -> Answer<EventAnswer> {
    if !(1..=SIGNAL_ID_MAX).contains(&body.id.chars().count()) {
        return Err(Problem::invalid("bad-body", format!("id: 1 to {SIGNAL_ID_MAX} characters")).into());
    }
    let payload = body.payload.map_or_else(|| "null".to_owned(), |payload| payload.get().to_owned());
    if payload.len() > PAYLOAD_MAX {
        return Err(Problem::invalid("bad-body", format!("payload: at most {PAYLOAD_MAX} bytes")).into());
    }
    let (signal, app) = (SignalIn { name, id: body.id, payload }, room.app.clone());
    Ok(ok(room.finish("signal", async move { app::signal::signal(&app, &who, no, signal).await }).await?))
}
