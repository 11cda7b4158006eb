//! Our side of the books.

use super::super::App;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use crate::domain::books::{EntryKind, Ours, Theirs};
use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::payment::{Payment, PaymentStatus, Refund, RefundStatus};
use crate::store::Span;

/// Rows of one read.
const PAGE: u32 = 1_000;

/// An entry of ours with the time when its money moved.
pub(super) struct Booked {
    /// The entry.
    pub entry: Ours,
    /// When.
    pub at: Millis,
}

/// Everything that moved through an account in a span: payments, then refunds, each by number.
pub(super) async fn booked(app: &App, row: &PaymentAccount, span: Span) -> Result<Vec<Booked>, Problem> {
    let (mut all, mut after) = (vec![], PaymentNo(0));
    loop {
        let page = app.store.payments_arrived(&row.method, &row.account, span, after, PAGE).await;
        let page = page.map_err(store_problem)?;
        let Some(last) = page.last() else { break };
        after = last.no;
        all.extend(page.iter().map(|payment| Booked { entry: of_payment(payment), at: arrived_at(payment) }));
    }
    let mut after = RefundNo(0);
    loop {
        let page = app.store.refunds_done(&row.method, &row.account, span, after, PAGE).await.map_err(store_problem)?;
        let Some(last) = page.last() else { break };
        after = last.no;
        for refund in &page {
            if let Some((payment, refund)) = with_payment(app, refund.clone()).await? {
                all.push(Booked { at: refund.succeeded_at.unwrap_or(span.from), entry: of_refund(&payment, &refund) });
            }
        }
    }
    Ok(all)
}

/// What we know of an entry of the provider's, whatever its day.
pub(super) enum Known {
    /// We have it, as this.
    Moved(Ours),
    /// We know its number, but no money moved under it here.
    Unmoved(PaymentNo, Option<RefundNo>),
    /// We have never heard of it.
    Nothing,
}

/// Looks an entry of the provider's up by our number.
pub(super) async fn look_up(app: &App, row: &PaymentAccount, entry: &Theirs) -> Result<Known, Problem> {
    let mine = |payment: &Payment| payment.method == row.method && payment.account == row.account;
    match entry.kind {
        EntryKind::Payment => {
            let Ok(no) = entry.reference.parse::<PaymentNo>() else { return Ok(Known::Nothing) };
            let payment = app.store.payment(no).await.map_err(store_problem)?;
            Ok(match payment.filter(mine) {
                None => Known::Nothing,
                Some(payment) => match payment.status {
                    PaymentStatus::Succeeded | PaymentStatus::Disputed => Known::Moved(of_payment(&payment)),
                    PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Closed => Known::Unmoved(no, None),
                },
            })
        }
        EntryKind::Refund => {
            let Ok(no) = entry.reference.parse::<RefundNo>() else { return Ok(Known::Nothing) };
            let refund = app.store.refund(no).await.map_err(store_problem)?;
            let Some(refund) = refund else { return Ok(Known::Nothing) };
            Ok(match with_payment(app, refund).await?.filter(|(payment, _)| mine(payment)) {
                None => Known::Nothing,
                Some((payment, refund)) if refund.status == RefundStatus::Succeeded => {
                    Known::Moved(of_refund(&payment, &refund))
                }
                Some((payment, _)) => Known::Unmoved(payment.no, Some(no)),
            })
        }
    }
}

async fn with_payment(app: &App, refund: Refund) -> Result<Option<(Payment, Refund)>, Problem> {
    let Some(no) = refund.payment_no else { return Ok(None) };
    let payment = app.store.payment(no).await.map_err(store_problem)?;
    Ok(payment.map(|payment| (payment, refund)))
}

/// When a payment's money arrived: one of another amount was set aside then, and perhaps taken later.
fn arrived_at(payment: &Payment) -> Millis {
    let at = if payment.arrived.is_some() { payment.ended_at } else { payment.paid_at };
    at.unwrap_or(payment.created_at)
}

fn of_payment(payment: &Payment) -> Ours {
    let arrived = payment.arrived.clone();
    let (amount, currency) = arrived
        .map_or_else(|| (payment.amount, payment.currency.to_string()), |arrived| (arrived.amount, arrived.currency));
    Ours { payment_no: payment.no, refund_no: None, trade_no: payment.trade_no.clone(), amount, currency }
}

fn of_refund(payment: &Payment, refund: &Refund) -> Ours {
    Ours {
        payment_no: payment.no,
        refund_no: Some(refund.no),
        trade_no: None,
        amount: refund.amount,
        currency: payment.currency.to_string(),
    }
}
