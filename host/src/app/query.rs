//! Asking providers what became of payments: for lost callbacks, for attempts that must be closed, and for a day after
//! an attempt ended, since money may come late.

use std::sync::Arc;

use super::App;
use super::orders::{Decided, Freshness, change, owned, role, store_problem, tree};
use super::pay::{actor, answer};
use super::problem::Problem;
use super::receipt::{Effect, Said, Source, apply};
use crate::domain::decide::pay::{follow, to_be_asked};
use crate::domain::decide::unpaid;
use crate::domain::draft::Draft;
use crate::domain::ids::{Millis, OrderNo, PaymentNo};
use crate::domain::order::{Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::payment::{CloseAnswer, Provider, QueryAnswer, Receipt};

use super::api::PaymentAnswer;

/// The pause between two queries of an open payment doubles up to this.
const LONGEST_OPEN_PAUSE_MS: Millis = 600_000;
/// The same of payments that ended.
const LONGEST_ENDED_PAUSE_MS: Millis = 3_600_000;
/// An attempt that its provider never said to be closed is given up so long after its expiry.
const GIVE_UP_MS: Millis = 300_000;

/// Drives the queries of a pay order in the background.
pub fn spawn(app: &App, pay_no: OrderNo) {
    let (tasks, app) = (app.tasks.clone(), app.clone());
    tasks.spawn("query", async move {
        if let Err(problem) = drive(&app, pay_no, 0).await {
            tracing::warn!(%pay_no, %problem, "payments will be queried again");
        }
    });
}

/// Asks about every payment of a pay order of which a provider may know more than we do, applies what it says, and arms
/// the timer for the next time. `attempt` counts the times before.
pub async fn drive(app: &App, pay_no: OrderNo, attempt: i64) -> Result<(), Problem> {
    let first = tree(app, pay_no, Freshness::Fresh).await?;
    for asked in first.payments.iter().filter(|p| to_be_asked(p, app.clock.now())) {
        // What was learnt of one payment decides what is done with the next.
        let read = tree(app, pay_no, Freshness::Fresh).await?;
        let Some(payment) = read.payments.iter().find(|p| p.no == asked.no && to_be_asked(p, app.clock.now())) else {
            continue;
        };
        let Some(provider) = app.providers.get(payment.method.as_str(), payment.account.as_str()) else {
            tracing::error!(payment = %payment.no, account = %payment.account, "its merchant account is not set up");
            continue;
        };
        if payment.is_open() && read.pay.status != Status::Created {
            close(app, payment, "timer:query").await?;
            continue;
        }
        let answered = ask_or_take(app, &provider, &read, payment).await;
        learn(app, payment, answered, "timer:query").await?;
    }
    let rearmed = change(app, pay_no, |tree| {
        let mut draft = Draft::new(tree, app.clock.now(), "timer:query");
        // Under the order's version: a payment opened meanwhile arms a timer of its own.
        draft.pay();
        follow(&mut draft, pause(app, tree, attempt), attempt + 1);
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    rearmed.await?;
    Ok(())
}

fn pause(app: &App, tree: &OrderTree, attempt: i64) -> Millis {
    let longest =
        if tree.payments.iter().any(Payment::is_open) { LONGEST_OPEN_PAUSE_MS } else { LONGEST_ENDED_PAUSE_MS };
    (app.settings.payment_query_ms << attempt.clamp(0, 16)).min(longest)
}

/// One query, logged when it has no answer.
pub async fn ask(app: &App, provider: &Arc<dyn Provider>, payment: &Payment) -> QueryAnswer {
    let answered = provider.query(payment).await;
    if let QueryAnswer::Unknown(why) = &answered {
        tracing::warn!(payment = %payment.no, method = %payment.method, why, at = app.clock.now(), "a payment is not known");
    }
    answered
}

/// Asks about a payment; money that its buyer has approved is taken, as long as the order can be paid.
pub async fn ask_or_take(app: &App, provider: &Arc<dyn Provider>, read: &OrderTree, payment: &Payment) -> QueryAnswer {
    if payment.is_open() && takes_money(read) {
        provider.capture(payment).await
    } else {
        ask(app, provider, payment).await
    }
}

/// Applies the answer of a query.
async fn learn(app: &App, payment: &Payment, answered: QueryAnswer, who: &str) -> Result<Option<Effect>, Problem> {
    let said = match answered {
        QueryAnswer::Paid(receipt) => Said::Paid(receipt),
        QueryAnswer::Ended(why) if payment.is_open() => Said::Ended(why),
        QueryAnswer::Ended(_) | QueryAnswer::Unpaid | QueryAnswer::Unknown(_) => return Ok(None),
    };
    apply(app, (payment.pay_no, payment.no), &said, Source { actor: who, notice: None }).await.map(Some)
}

/// How an attempt to close an open payment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// It is closed.
    Closed,
    /// The money is there.
    Paid,
    /// Not known; try later.
    Unknown(String),
}

/// Closes an open payment at its provider and then here. A provider that cannot close is asked: unpaid is closed.
pub async fn close(app: &App, payment: &Payment, who: &str) -> Result<Closing, Problem> {
    crate::faults::point("before-close");
    let there = match app.providers.get(payment.method.as_str(), payment.account.as_str()) {
        Some(provider) => close_there(app, &provider, payment).await,
        None => There::Unknown(format!("merchant account {}/{} is not set up", payment.method, payment.account)),
    };
    crate::faults::point("after-close-before-commit");
    let given_up = payment.expires_at.is_some_and(|expiry| app.clock.now() >= expiry + GIVE_UP_MS);
    let why = match there {
        There::Paid(receipt) => {
            return Ok(paid_now(learn(app, payment, QueryAnswer::Paid(receipt), who).await?));
        }
        There::Closed => "closed at the provider",
        There::Unknown(_) if given_up => "given up after its expiry",
        There::Unknown(why) => return Ok(Closing::Unknown(why)),
    };
    let written = change(app, payment.pay_no, |tree| {
        let open = tree.payments.iter().find(|p| p.no == payment.no);
        let Some(open) = open.filter(|p| p.is_open()) else {
            let paid = open.is_some_and(|p| p.status == PaymentStatus::Succeeded);
            return Ok(Decided::Nothing(if paid { Closing::Paid } else { Closing::Closed }));
        };
        let mut draft = Draft::new(tree, app.clock.now(), who);
        unpaid::close(&mut draft, open.clone(), why);
        follow(&mut draft, app.settings.payment_query_ms, 0);
        Ok(Decided::Commit(Box::new(draft), Closing::Closed))
    });
    let closing = written.await?.0;
    crate::faults::point("after-close-commit");
    Ok(closing)
}

/// How it stands at the provider after it was asked to close.
enum There {
    Closed,
    Paid(Receipt),
    Unknown(String),
}

async fn close_there(app: &App, provider: &Arc<dyn Provider>, payment: &Payment) -> There {
    match provider.close(payment).await {
        CloseAnswer::Closed => There::Closed,
        CloseAnswer::Unknown(why) => There::Unknown(why),
        CloseAnswer::AlreadyPaid => match ask(app, provider, payment).await {
            QueryAnswer::Paid(receipt) => There::Paid(receipt),
            other => There::Unknown(format!("said to be paid, but asked about it: {other:?}")),
        },
        CloseAnswer::CannotClose => match ask(app, provider, payment).await {
            QueryAnswer::Paid(receipt) => There::Paid(receipt),
            QueryAnswer::Unpaid | QueryAnswer::Ended(_) => There::Closed,
            QueryAnswer::Unknown(why) => There::Unknown(why),
        },
    }
}

fn paid_now(effect: Option<Effect>) -> Closing {
    match effect {
        Some(Effect::Paid | Effect::TooLate | Effect::Repeat) => Closing::Paid,
        // It is open no longer.
        Some(Effect::Disputed | Effect::Ended) | None => Closing::Closed,
    }
}

/// Closes an open payment on the buyer's word, so that it can pay otherwise.
pub async fn close_one(app: &App, who: &Principal, no: PaymentNo) -> Result<PaymentAnswer, Problem> {
    let (read, payment) = own_payment(app, who, no).await?;
    if payment.is_open()
        && let Closing::Unknown(why) = close(app, &payment, &actor(who)).await?
    {
        tracing::warn!(payment = %no, why, "a provider has not closed a payment yet");
        return Err(Problem::busy("the provider has not closed the payment yet; try again").of(read.pay.no));
    }
    own_payment(app, who, no).await.map(|(_, payment)| answer(&payment))
}

async fn own_payment(app: &App, who: &Principal, no: PaymentNo) -> Result<(Arc<OrderTree>, Payment), Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let missing = || Problem::not_found(format!("payment {no}"));
    let read = app.store.tree_of_payment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    owned(who, &read, read.pay.no).map_err(|_| missing())?;
    let payment = read.payments.iter().find(|p| p.no == no).cloned().ok_or_else(missing)?;
    Ok((read, payment))
}

/// The buyer is back from the provider's page (or impatient): asks now and answers the payment as it then is.
pub async fn refresh(app: &App, who: &Principal, no: PaymentNo) -> Result<PaymentAnswer, Problem> {
    let (read, payment) = own_payment(app, who, no).await?;
    if to_be_asked(&payment, app.clock.now())
        && let Some(provider) = app.providers.get(payment.method.as_str(), payment.account.as_str())
    {
        let answered = ask_or_take(app, &provider, &read, &payment).await;
        learn(app, &payment, answered, &actor(who)).await?;
    }
    own_payment(app, who, no).await.map(|(_, payment)| answer(&payment))
}

/// Whether the order can still be paid, so that money which the buyer has approved may be taken.
fn takes_money(tree: &OrderTree) -> bool {
    tree.pay.status == Status::Created && tree.pay.sub_status != SubStatus::Cancelling
}
