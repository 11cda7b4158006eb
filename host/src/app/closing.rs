//! Decisions on an unpaid order whose open payments must be closed first: money may not arrive for a price that is no
//! longer the order's.

use std::sync::Arc;

use super::App;
use super::api::OrderAnswer;
use super::orders::{Decided, Freshness, Keyed, change_once, tree as read_tree};
use super::pay::actor;
use super::problem::Problem;
use super::query::{Closing, close};
use crate::domain::ids::OrderNo;
use crate::domain::payment::Payment;
use crate::domain::tree::OrderTree;
use crate::identity::Principal;

/// Closes the open payments of a tree at their providers. 409 when one has the money, or does not say that it is closed:
/// the order stays as it is then.
pub(super) async fn close_all(app: &App, who: &Principal, tree: &OrderTree) -> Result<(), Problem> {
    let no = tree.pay.no;
    for open in tree.payments.iter().filter(|p| p.is_open()) {
        match close(app, open, &actor(who)).await? {
            Closing::Closed => {}
            Closing::Paid => {
                return Err(Problem::conflict("already-paid", format!("order {no} was paid meanwhile")).of(no));
            }
            Closing::Unknown(why) => {
                let detail = format!("the open payment {} could not be closed: {why}; try again", open.no);
                return Err(Problem::conflict("payment-not-closed", detail).of(no));
            }
        }
    }
    Ok(())
}

/// Decides, with the open payments closed before. What would be refused anyway, or changes nothing, closes none.
pub(super) async fn change_closed(
    app: &App,
    keyed: &Keyed<'_>,
    no: OrderNo,
    mut decide: impl FnMut(&OrderTree) -> Result<Decided<OrderAnswer>, Problem>,
) -> Result<(OrderAnswer, Option<Arc<OrderTree>>), Problem> {
    let read = read_tree(app, no, Freshness::Fresh).await?;
    if read.payments.iter().any(Payment::is_open) {
        let mut imagined = OrderTree::clone(&read);
        imagined.payments.retain(|p| !p.is_open());
        match decide(&imagined).map_err(|problem| problem.of(no))? {
            Decided::Nothing(outcome) => return Ok((outcome, None)),
            Decided::Commit(..) => close_all(app, keyed.who, &read).await?,
        }
    }
    Ok(change_once(app, no, keyed, decide).await?)
}
