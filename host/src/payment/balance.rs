//! The wallet as a way of paying. Its money moves in the change that pays the order or refunds it, so there is nobody
//! to ask: what our book says is what happened.

use async_trait::async_trait;

use super::{
    Callback, CloseAnswer, NotOpened, Notice, Opened, Provider, QueryAnswer, Receipt, RefundAnswer, Settles,
    Unverified, Verdict,
};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{Payment, PaymentStatus, Refund, RefundStatus};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Balance;

#[async_trait]
impl Provider for Balance {
    fn settles(&self) -> Settles {
        Settles::InChange
    }

    fn takes(&self, _currency: Currency, _amount: Minor) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, _payment: &Payment) -> Result<Opened, NotOpened> {
        Ok(Opened::default())
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match payment.status {
            PaymentStatus::Succeeded => QueryAnswer::Paid(Receipt {
                payment_no: payment.no,
                trade_no: payment.no.to_string(),
                amount: payment.amount,
                currency: payment.currency.to_string(),
                at: payment.paid_at.unwrap_or(payment.created_at),
            }),
            PaymentStatus::Pending => QueryAnswer::Unpaid,
            PaymentStatus::Failed | PaymentStatus::Closed | PaymentStatus::Disputed => {
                QueryAnswer::Ended(payment.status.to_string())
            }
        }
    }

    async fn close(&self, payment: &Payment) -> CloseAnswer {
        if payment.status == PaymentStatus::Succeeded { CloseAnswer::AlreadyPaid } else { CloseAnswer::Closed }
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        self.query_refund(payment, refund).await
    }

    async fn query_refund(&self, _payment: &Payment, refund: &Refund) -> RefundAnswer {
        match refund.status {
            RefundStatus::Succeeded => RefundAnswer::Succeeded,
            RefundStatus::Pending => RefundAnswer::Absent,
            RefundStatus::Failed => RefundAnswer::Failed(refund.reason.clone()),
        }
    }

    async fn verify(&self, _callback: Callback<'_>) -> Result<Notice, Unverified> {
        Err(Unverified::UnknownKey("sender: the wallet sends no callbacks"))
    }

    fn words(&self, _verdict: Verdict) -> String {
        String::new()
    }
}
