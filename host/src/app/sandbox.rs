//! The sandbox provider's pay page: for development, in place of a real provider's. A press of a button does what a
//! buyer or an unreliable provider would, through the same signed callbacks.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::App;
use super::api::PaymentAnswer;
use super::callback;
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::ids::PaymentNo;
pub use crate::payment::Refunds;
use crate::payment::{Receipt, Sandbox, Trade, TradeStatus};

const METHOD: &str = "sandbox";
const ACCOUNT: &str = "default";

/// What is pressed on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Press {
    /// The money arrives, also when it is too late.
    Pay,
    /// It does not and will not.
    Fail,
    /// The money arrives, and is told of twice.
    PayTwice,
    /// The money arrives, and the callback is lost: a query finds it.
    PayLost,
    /// One minor unit more than asked for arrives.
    PayWrong,
    /// Refunds of this payment succeed from now on.
    RefundsSucceed,
    /// They are accepted and not done until this changes.
    RefundsWait,
    /// They are declared finally failed.
    RefundsFail,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// The payment.
    pub payment: PaymentAnswer,
    /// What the provider takes of it: without the wallet's part.
    pub amount: i64,
    /// What becomes of its refunds.
    pub refunds: Refunds,
}

fn sandbox(app: &App) -> Result<&Sandbox, Problem> {
    app.providers.sandbox().ok_or_else(|| Problem::not_found("the sandbox: it is enabled by ORDER_SANDBOX_ENABLED"))
}

/// The payment that a page is about. Whoever knows its number may see and pay it, as at a real provider's page.
pub async fn page(app: &App, no: PaymentNo) -> Result<Page, Problem> {
    let sandbox = sandbox(app)?;
    let missing = || Problem::not_found(format!("sandbox payment {no}"));
    let tree = app.store.tree_of_payment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let found = tree.payments.iter().find(|payment| payment.no == no && payment.method.as_str() == METHOD);
    let payment = found.ok_or_else(missing)?;
    Ok(Page { payment: super::pay::answer(payment), amount: payment.amount, refunds: sandbox.refunds(no) })
}

/// Does what follows from a press.
pub async fn press(app: &App, no: PaymentNo, press: Press) -> Result<(), Problem> {
    let (sandbox, page) = (sandbox(app)?, page(app, no).await?);
    let trade = |amount, status| Trade {
        payment_no: no,
        // One trade for each payment: a second press is a repeat of the first.
        trade_no: format!("sandbox-{no}"),
        amount,
        currency: page.payment.currency.clone(),
        status,
    };
    let paid = trade(page.amount, TradeStatus::Succeeded);
    match press {
        Press::Pay => tell(app, sandbox, &paid).await,
        Press::PayTwice => {
            tell(app, sandbox, &paid).await?;
            tell(app, sandbox, &paid).await
        }
        Press::PayWrong => tell(app, sandbox, &trade(page.amount + 1, TradeStatus::Succeeded)).await,
        Press::Fail => tell(app, sandbox, &trade(page.amount, TradeStatus::Failed)).await,
        Press::PayLost => {
            let Trade { payment_no, trade_no, amount, currency, status: _ } = paid;
            sandbox.pay_silently(Receipt { payment_no, trade_no, amount, currency, at: app.clock.now() });
            Ok(())
        }
        Press::RefundsSucceed => {
            sandbox.set_refunds(no, Refunds::Succeed);
            Ok(())
        }
        Press::RefundsWait => {
            sandbox.set_refunds(no, Refunds::Wait);
            Ok(())
        }
        Press::RefundsFail => {
            sandbox.set_refunds(no, Refunds::Fail);
            Ok(())
        }
    }
}

/// Sends the platform a callback. Like a provider's, its answer changes nothing for the buyer.
async fn tell(app: &App, sandbox: &Sandbox, trade: &Trade) -> Result<(), Problem> {
    let (headers, body) = sandbox.callback(trade, app.clock.now()).map_err(Problem::internal)?;
    let reply = callback::payment(app, METHOD, ACCOUNT, headers, Bytes::from(body)).await?;
    tracing::info!(payment = %trade.payment_no, verdict = ?reply.verdict, "a callback of the sandbox");
    Ok(())
}
