//! Every route and who may use it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use quick_cache::sync::Cache;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, ResponseBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{only, public, upload};
use super::around::{Routes, around};
use super::reply::{ProblemBody, Refused};
use super::{
    Room, Shared, admin, aftersales, caller, docs, fulfilment, health, lists, logistics, orders, payments, receiving,
    sandbox, shipments, upkeep, wallet,
};
use crate::app::App;
use crate::app::problem::Problem;
use crate::identity::Role::{self, Admin, Business, Buyer, Operator, Shop};
use crate::telemetry::Metrics;

/// Whoever keeps the platform running.
const STAFF: &[Role] = &[Operator, Admin];
/// Whoever runs a line, and staff.
const LINE: &[Role] = &[Business, Operator, Admin];
/// Whoever sells, and staff.
const SELLERS: &[Role] = &[Shop, Business, Operator, Admin];
/// The buyer, and staff.
const BUYERS: &[Role] = &[Buyer, Operator, Admin];

fn routes() -> OpenApiRouter<Shared> {
    ordering().merge(paying()).merge(fulfilling()).merge(operating()).merge(watching())
}

/// Orders until they are paid, and what is told of them.
fn ordering() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(only(&[Buyer], routes!(orders::take_number)))
        .routes(only(&[Buyer], routes!(orders::quote)))
        .routes(only(&[Buyer], routes!(orders::create)))
        .routes(only(&Role::ALL, routes!(lists::list)))
        .routes(only(&Role::ALL, routes!(lists::counts)))
        .routes(only(SELLERS, routes!(lists::operations_of)))
        .routes(only(SELLERS, routes!(lists::settlements)))
        .routes(only(STAFF, routes!(lists::operations)))
        .routes(only(&Role::ALL, routes!(orders::get)))
        .routes(only(BUYERS, routes!(orders::cancel)))
        .routes(only(BUYERS, routes!(orders::pay)))
        .routes(only(BUYERS, routes!(orders::receive)))
        .routes(only(&[Buyer], routes!(upkeep::show)))
        .routes(only(&[Buyer], routes!(upkeep::rate)))
        .routes(only(&Role::ALL, routes!(upkeep::comment)))
        .routes(only(SELLERS, routes!(upkeep::tag)))
        .routes(only(LINE, routes!(orders::forward)))
        .routes(only(LINE, routes!(orders::compensate)))
        .routes(only(LINE, routes!(orders::signal)))
        .routes(only(BUYERS, routes!(orders::merge)))
        .routes(only(BUYERS, routes!(orders::split)))
        .routes(only(SELLERS, routes!(orders::reprice)))
        .routes(only(BUYERS, routes!(orders::readdress)))
        .routes(only(&Role::ALL, routes!(orders::snapshot)))
}

/// Payments, refunds and wallets.
fn paying() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(only(BUYERS, routes!(payments::get)))
        .routes(only(&[Buyer], routes!(wallet::balances)))
        .routes(only(&[Buyer], routes!(wallet::statement)))
        .routes(only(BUYERS, routes!(payments::query)))
        .routes(only(BUYERS, routes!(payments::close)))
        .routes(only(STAFF, routes!(payments::log)))
        .routes(only(&Role::ALL, routes!(payments::refund)))
        .routes(only(STAFF, routes!(payments::settle)))
        .routes(only(STAFF, routes!(payments::retry_refund)))
        .routes(public(routes!(payments::callback)))
        .routes(public(routes!(sandbox::page)))
        .routes(public(routes!(sandbox::press)))
}

/// Packages and after-sales.
fn fulfilling() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(only(BUYERS, routes!(aftersales::apply)))
        .routes(only(BUYERS, routes!(aftersales::quote)))
        .routes(only(&Role::ALL, routes!(aftersales::list)))
        .routes(only(&Role::ALL, routes!(aftersales::get)))
        .routes(only(SELLERS, routes!(aftersales::approve)))
        .routes(only(SELLERS, routes!(aftersales::reject)))
        .routes(only(BUYERS, routes!(aftersales::cancel)))
        .routes(only(BUYERS, routes!(aftersales::resubmit)))
        .routes(only(BUYERS, routes!(aftersales::arbitrate)))
        .routes(only(&Role::ALL, routes!(aftersales::evidence)))
        .routes(only(BUYERS, routes!(aftersales::send_back)))
        .routes(only(SELLERS, routes!(aftersales::confirm_return)))
        .routes(only(SELLERS, routes!(shipments::ship)))
        .routes(only(SELLERS, routes!(shipments::deliver)))
        .routes(only(SELLERS, routes!(shipments::exception)))
        .routes(only(SELLERS, routes!(shipments::split)))
        .routes(only(SELLERS, routes!(logistics::track)))
        .routes(only(SELLERS, routes!(logistics::batch)))
        .routes(only(&Role::ALL, routes!(logistics::tracks)))
        .routes(only(&[Buyer], routes!(receiving::extend)))
        .routes(only(&[Buyer], routes!(receiving::secrets)))
        .routes(public(routes!(fulfilment::callback)))
        .routes(only(&Role::ALL, routes!(shipments::get)))
}

/// Business lines, keys and upkeep.
fn operating() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(only(STAFF, routes!(admin::businesses::register)))
        .routes(only(LINE, routes!(admin::businesses::list)))
        .routes(only(LINE, routes!(admin::businesses::get)))
        .routes(only(STAFF, routes!(admin::businesses::replace)))
        .routes(only(STAFF, routes!(admin::businesses::delete)))
        .routes(only(LINE, upload(routes!(admin::plugins::upload))))
        .routes(only(LINE, routes!(admin::plugins::list)))
        .routes(only(LINE, routes!(admin::plugins::get)))
        .routes(only(LINE, routes!(admin::plugins::activate)))
        .routes(only(LINE, routes!(admin::resources::list_secrets)))
        .routes(only(LINE, routes!(admin::resources::put_secret)))
        .routes(only(LINE, routes!(admin::resources::delete_secret)))
        .routes(only(LINE, routes!(admin::resources::put_skus)))
        .routes(only(LINE, routes!(admin::resources::list_skus)))
        .routes(only(LINE, routes!(admin::resources::add_stock)))
        .routes(only(LINE, routes!(admin::resources::list_stock)))
        .routes(only(LINE, routes!(admin::resources::put_line_coupons)))
        .routes(only(STAFF, routes!(admin::resources::put_platform_coupons)))
        .routes(only(LINE, routes!(admin::keys::make_for_line)))
        .routes(only(&[Admin], routes!(admin::keys::make)))
        .routes(only(LINE, routes!(admin::keys::revoke)))
        .routes(only(STAFF, routes!(admin::accounts::list)))
        .routes(only(STAFF, routes!(admin::accounts::get)))
        .routes(only(&[Admin], routes!(admin::accounts::put)))
        .routes(only(&[Admin], routes!(admin::accounts::delete)))
        .routes(only(STAFF, routes!(admin::reconcile::list)))
        .routes(only(STAFF, routes!(admin::reconcile::days)))
        .routes(only(STAFF, upload(routes!(admin::reconcile::upload))))
        .routes(only(STAFF, routes!(admin::reconcile::settle)))
        .routes(only(STAFF, routes!(admin::wallets::get)))
        .routes(only(STAFF, routes!(admin::wallets::top_up)))
        .routes(only(STAFF, routes!(admin::wallets::withdraw)))
        .routes(only(STAFF, routes!(admin::wallets::statement)))
        .routes(only(STAFF, routes!(admin::wallets::house)))
        .routes(only(STAFF, routes!(admin::wallets::check)))
        .routes(only(STAFF, routes!(admin::stuck::attention)))
        .routes(only(STAFF, routes!(admin::stuck::redrive_order)))
        .routes(only(STAFF, routes!(admin::stuck::dead_letters)))
        .routes(only(STAFF, routes!(admin::stuck::redrive_letter)))
        .routes(only(STAFF, routes!(admin::stuck::timers)))
        .routes(only(STAFF, routes!(admin::stuck::outbox)))
}

/// What probes and readers of the API ask.
fn watching() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(public(routes!(health::live)))
        .routes(public(routes!(health::ready)))
        .routes(public(routes!(health::metrics)))
        .routes(public(routes!(docs::openapi)))
        .routes(public(routes!(docs::page)))
}

fn described() -> (Router<Shared>, OpenApi) {
    let info = InfoBuilder::new()
        .title("Hookline")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Orders of many business lines. Money is integers of minor units, times are RFC 3339, errors are \
             RFC 9457 problems, lists are keyset pages. `x-roles` of an operation says who may use it.",
        ))
        .build();
    let (router, mut document) =
        OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build()).merge(routes()).split_for_parts();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token (JWT) or an API key.")).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let problem = ResponseBuilder::new()
        .description("A problem")
        .content(
            "application/problem+json",
            ContentBuilder::new()
                .schema(Some(RefOr::Ref(utoipa::openapi::Ref::from_schema_name(ProblemBody::name()))))
                .build(),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
        }
    }
    (router, document)
}

/// The OpenAPI 3.1 document.
pub fn document() -> OpenApi {
    described().1
}

/// The same as JSON text, members sorted: the library keeps extensions in no order.
pub fn document_text() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&serde_json::to_value(document())?)
}

/// All routes over a use-case layer. Without `metrics` the page `/metrics` is empty.
pub fn router(app: App, metrics: Option<Metrics>) -> Router {
    let (router, document) = described();
    let room: Shared = Arc::new(Room {
        routes: Routes::new(&document),
        keys: Cache::new(caller::KEYS_REMEMBERED),
        requests: AtomicU64::new(1),
        name: hex::encode(app.entropy.bytes::<4>()),
        documents: docs::Documents::new(&document),
        metrics,
        app,
    });
    router
        .fallback(async || Refused::from(Problem::not_found("such path")).into_response())
        .layer(from_fn_with_state(room.clone(), around))
        .with_state(room)
}
