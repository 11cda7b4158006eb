//! A provider's callback: verify on the raw bytes, load, handled before?, check amount and currency, one change, answer.

use std::sync::Arc;

use bytes::Bytes;

use super::App;
use super::orders::{Freshness, store_problem, tree};
use super::problem::{Kind, Problem};
use super::receipt::{Effect, Said, Source, apply};
use super::{query, refund};
use crate::domain::ids::{OrderNo, PaymentNo, RefundNo};
use crate::domain::payment::{Payment, PaymentStatus};
pub use crate::payment::Verdict;
use crate::payment::{Callback, Notice, Provider, QueryAnswer, Says, Unverified};
use crate::telemetry::Seldom;
use crate::telemetry::metrics::CALLBACKS_REFUSED;

/// Whoever floods us with forgeries shall not flood the log: one line a second; the metric counts them all.
static UNBELIEVED: Seldom = Seldom::every(1_000);

/// What the provider is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackReply {
    /// What became of it.
    pub verdict: Verdict,
    /// The words it expects.
    pub body: String,
}

/// A callback's sender, as its address names it.
struct Sender {
    method: String,
    account: String,
    provider: Arc<dyn Provider>,
}

/// Handles a callback. Hooks are not waited for: the payment is committed, the answer given, forward goes on by itself.
pub async fn payment(
    app: &App,
    method: &str,
    account: &str,
    headers: Vec<(String, String)>,
    body: Bytes,
) -> Result<CallbackReply, Problem> {
    let missing = || Problem::not_found(format!("merchant account {method}/{account}"));
    let provider = app.providers.get(method, account).ok_or_else(missing)?;
    let sender = Sender { method: method.to_owned(), account: account.to_owned(), provider };
    let callback = Callback { headers: &headers, body: &body, now: app.clock.now() };
    let verdict = match sender.provider.verify(callback).await {
        Ok(notice) => match take(app, &sender, notice).await {
            Ok(verdict) => verdict,
            Err(problem) => {
                tracing::warn!(method, account, %problem, "a payment callback could not be taken");
                if problem.kind == Kind::NotFound { Verdict::Refused } else { Verdict::Later }
            }
        },
        Err(Unverified::Probe) => Verdict::Unbelieved,
        Err(unverified) => {
            metrics::counter!(CALLBACKS_REFUSED, "method" => sender.method.clone()).increment(1);
            if let Some(held_back) = UNBELIEVED.due(app.clock.now()) {
                tracing::warn!(method, account, %unverified, held_back, "a payment callback was not believed");
            }
            Verdict::Unbelieved
        }
    };
    Ok(CallbackReply { verdict, body: sender.provider.words(verdict) })
}

impl Sender {
    /// Under which the ids of its notices are claimed.
    fn name(&self) -> String {
        format!("callback:{}:{}", self.method, self.account)
    }
}

async fn take(app: &App, sender: &Sender, notice: Notice) -> Result<Verdict, Problem> {
    let (no, said) = match notice.says {
        Says::Nothing => return Ok(Verdict::Taken),
        Says::Paid(receipt) => (receipt.payment_no, Said::Paid(receipt)),
        Says::Ended(no, why) => (no, Said::Ended(why)),
        Says::Ask(no) => {
            let (pay_no, known) = ours(app, sender, no).await?;
            if known.status == PaymentStatus::Succeeded || seen(app, sender, notice.id.as_deref()).await? {
                return Ok(Verdict::Taken);
            }
            let read = tree(app, pay_no, Freshness::Fresh).await?;
            let payment = read.payments.iter().find(|p| p.no == no).unwrap_or(&known);
            return match query::ask_or_take(app, &sender.provider, &read, payment).await {
                QueryAnswer::Paid(receipt) => tell(app, sender, no, Said::Paid(receipt), notice.id).await,
                QueryAnswer::Ended(why) => tell(app, sender, no, Said::Ended(why), notice.id).await,
                QueryAnswer::Unpaid => Ok(Verdict::Taken),
                QueryAnswer::Unknown(_) => Ok(Verdict::Later),
            };
        }
        Says::AskRefund(no, refund_no) => return refund_notice(app, sender, no, refund_no).await,
    };
    tell(app, sender, no, said, notice.id).await
}

async fn tell(app: &App, sender: &Sender, no: PaymentNo, said: Said, id: Option<String>) -> Result<Verdict, Problem> {
    let (pay_no, _) = ours(app, sender, no).await?;
    let actor = format!("callback:{}", sender.method);
    let from = sender.name();
    let source = Source { actor: &actor, notice: id.as_deref().map(|id| (from.as_str(), id)) };
    Ok(match apply(app, (pay_no, no), &said, source).await? {
        Effect::Paid | Effect::TooLate | Effect::Ended | Effect::Repeat => Verdict::Taken,
        Effect::Disputed => Verdict::Refused,
    })
}

/// Whether a notice of this id had its effect.
async fn seen(app: &App, sender: &Sender, id: Option<&str>) -> Result<bool, Problem> {
    let Some(id) = id else { return Ok(false) };
    Ok(app.store.claim(&sender.name(), id).await.map_err(store_problem)?.is_some())
}

/// The payment a notice is about, if it is one of this very account.
async fn ours(app: &App, sender: &Sender, no: PaymentNo) -> Result<(OrderNo, Payment), Problem> {
    let tree = app.store.cached_tree_of_payment(no).await.map_err(store_problem)?;
    let mine = |p: &&Payment| p.no == no && p.method.as_str() == sender.method && p.account.as_str() == sender.account;
    let found = tree.and_then(|tree| Some((tree.pay.no, tree.payments.iter().find(mine)?.clone())));
    found.ok_or_else(|| Problem::not_found(format!("payment {no} of account {}/{}", sender.method, sender.account)))
}

/// A refund notice only makes us ask, and only as long as we do not know.
async fn refund_notice(app: &App, sender: &Sender, no: PaymentNo, refund_no: RefundNo) -> Result<Verdict, Problem> {
    let (pay_no, _) = ours(app, sender, no).await?;
    tracing::info!(%refund_no, payment = %no, "a refund notice arrived");
    refund::drive_one(app, pay_no, refund_no).await?;
    Ok(Verdict::Taken)
}
