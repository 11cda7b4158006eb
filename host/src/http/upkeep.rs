//! What people do beside an order's state: hide it, rate, comment, tag.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::caller::Caller;
use super::json::{Command, Nothing};
use super::params::{At, Repeatable};
use super::reply::{Answer, ok};
use crate::app::api::{CommentAnswer, RatingAnswer, ShownAnswer, TagsAnswer};
use crate::app::problem::Problem;
use crate::app::upkeep;
use crate::domain::decide::upkeep::Side;
use crate::domain::ids::OrderNo;
use crate::domain::order::Visible;

/// Characters of a comment.
const COMMENT_MAX: usize = 1_024;
/// Tags of a shop order.
const TAGS_MAX: usize = 20;
/// Characters of a tag.
const TAG_MAX: usize = 64;
/// Characters of the seller's own reference.
pub(super) const OUT_ID_MAX: usize = 128;

/// Where the order is shown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VisibleBody {
    /// 0 in the list, 1 in the recycle bin, 2 nowhere any more.
    #[schema(minimum = 0, maximum = 2)]
    visible: i16,
}

/// Put an ended order into the recycle bin, take it out again, or delete it for good.
///
/// 1 can be undone, 2 cannot: from then on there is no such order for its buyer. 409 while the order has not ended.
#[utoipa::path(put, path = "/api/v1/orders/{order_no}/visible", tag = "orders", request_body = VisibleBody,
    params(("order_no" = String, Path, description = "A shop order, or a pay order for all of its shop orders"), Repeatable),
    responses((status = 200, description = "Where they are shown now", body = ShownAnswer)))]
pub(super) async fn show(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<VisibleBody>,
) -> Answer<ShownAnswer> {
    let to = visible(call.body.visible, "bad-body")?;
    let app = room.app.clone();
    Ok(ok(room.finish("visible", async move { upkeep::show(&app, &who, no, to, call.key).await }).await?))
}

/// One of the three places that a buyer may choose.
pub(super) fn visible(code: i16, problem: &'static str) -> Result<Visible, Problem> {
    Visible::from_code(code)
        .filter(|visible| *visible != Visible::NotYet)
        .ok_or_else(|| Problem::invalid(problem, "visible must be 0 (listed), 1 (recycle bin) or 2 (deleted for good)"))
}

/// Rate an item, or add to the rating: twice at most.
///
/// Possible from the receipt until the line's rating window is over, also after completion; 409 `not-to-be-rated`
/// otherwise. The words and stars are kept by whoever shows them: the platform keeps how often.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/rating", tag = "orders",
    params(("order_no" = String, Path, description = "An item order"), Repeatable),
    responses((status = 200, description = "What is possible now", body = RatingAnswer)))]
pub(super) async fn rate(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<Nothing>,
) -> Answer<RatingAnswer> {
    let app = room.app.clone();
    Ok(ok(room.finish("rating", async move { upkeep::rate(&app, &who, no, call.key).await }).await?))
}

/// A comment: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentBody {
    /// By the buyer, at most 1024 characters; empty takes it away.
    buyer_comment: Option<String>,
    /// By the seller, for sellers only; as long.
    seller_comment: Option<String>,
}

/// Replace a comment on a shop order, in any state.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/comments", tag = "orders", request_body = CommentBody,
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "The comment", body = CommentAnswer)))]
pub(super) async fn comment(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<CommentBody>,
) -> Answer<CommentAnswer> {
    let (side, name, text) = match (call.body.buyer_comment, call.body.seller_comment) {
        (Some(text), None) => (Side::Buyer, "buyer_comment", text),
        (None, Some(text)) => (Side::Seller, "seller_comment", text),
        _ => return Err(Problem::invalid("bad-body", "give either buyer_comment or seller_comment").into()),
    };
    at_most(name, &text, COMMENT_MAX)?;
    let app = room.app.clone();
    let work = async move { upkeep::comment(&app, &who, no, (side, text), call.key).await };
    Ok(ok(room.finish("comment", work).await?))
}

/// The seller's marks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagsBody {
    /// All of them: at most 20, each 1 to 64 characters.
    tags: Vec<String>,
    /// The seller's own reference, at most 128 characters; absent leaves it, empty takes it away.
    out_id: Option<String>,
}

/// Replace the seller's tags and reference of a shop order, in any state.
#[utoipa::path(put, path = "/api/v1/orders/{order_no}/tags", tag = "orders", request_body = TagsBody,
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "What it is marked with", body = TagsAnswer)))]
pub(super) async fn tag(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<TagsBody>,
) -> Answer<TagsAnswer> {
    let TagsBody { tags, out_id } = call.body;
    if tags.len() > TAGS_MAX {
        return Err(Problem::invalid("bad-body", format!("tags: at most {TAGS_MAX}")).into());
    }
    for tag in &tags {
        at_most("tags", tag, TAG_MAX)?;
        if tag.is_empty() {
            return Err(Problem::invalid("bad-body", "tags: none may be empty").into());
        }
    }
    at_most("out_id", out_id.as_deref().unwrap_or_default(), OUT_ID_MAX)?;
    let app = room.app.clone();
    let work = async move { upkeep::tag(&app, &who, no, (tags, out_id), call.key).await };
    Ok(ok(room.finish("tags", work).await?))
}

fn at_most(name: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.chars().count() <= most {
        return Ok(());
    }
    Err(Problem::invalid("bad-body", format!("{name}: at most {most} characters")))
}
