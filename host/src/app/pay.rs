//! Opening a payment, and paying from the wallet.

use std::sync::Arc;

use super::App;
use super::api::{Idempotency, Pay, PaymentAnswer};
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{
    Decided, Denied, Freshness, Keyed, change, change_once, must_be_pay_order, owned, role, stock_pending,
    tree as read_tree, wrong_state,
};
use super::problem::Problem;
use crate::domain::change::{Refusal, Write};
use crate::domain::decide::{cancel, pay as decide, unpaid};
use crate::domain::draft::Draft;
use crate::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, ShipmentNo};
use crate::domain::order::{Mode, Reason, ShopOrder, Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::payment::{METHODS, NotOpened, Provider, Settles};

/// Opens a payment, or pays at once from the wallet. A repeat of the same method and wallet part answers the open
/// payment; one that was never announced for want of an answer is announced again under its number.
pub async fn pay(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: Pay,
    key: Option<Idempotency>,
) -> Result<PaymentAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "pay", key.as_ref());
    let tree = read_tree(app, no, Freshness::Cached).await?;
    owned(who, &tree, no)?;
    let (account, provider) = account(app, &tree, &request.method)?;
    let numbers = fresh(app, 1 + tree.shops.len(), no.slot()).await?;
    if provider.settles() == Settles::InChange {
        return by_wallet(app, who, no, &request, &keyed, &numbers).await;
    }
    let attempt = Attempt { who, no, request: &request, account, provider, number: PaymentNo(numbers[0]) };
    if attempt.provider.settles() == Settles::AtProviderUnannounced {
        attempt.unannounced(app, &keyed, &tree).await
    } else {
        attempt.announced(app, &keyed).await
    }
}

/// An attempt to pay at a provider.
struct Attempt<'a> {
    who: &'a Principal,
    no: OrderNo,
    request: &'a Pay,
    account: MerchantAccount,
    provider: Arc<dyn Provider>,
    number: PaymentNo,
}

impl Attempt<'_> {
    /// The open payment that the request repeats, or the one to open.
    fn of(&self, app: &App, tree: &OrderTree) -> Result<Result<Payment, Payment>, Problem> {
        owned(self.who, tree, self.no)?;
        can_be_paid(tree, self.no, self.request.method.as_str())?;
        let balance = self.request.balance;
        let open = |p: &&Payment| p.is_open() && p.method == self.request.method;
        if let Some(open) = tree.payments.iter().find(open) {
            if open.balance == balance && open.account == self.account {
                return Ok(Ok(open.clone()));
            }
            let detail = "a payment of this method with another wallet part is open; close it first";
            return Err(Problem::conflict("payment-open", detail).with("payment_no", open.no));
        }
        if !(0..tree.pay.amounts.to_pay).contains(&balance) {
            let detail = format!("balance_minor: 0 to {}, less than what is to pay", tree.pay.amounts.to_pay - 1);
            return Err(Problem::invalid("bad-body", detail));
        }
        if balance > 0
            && let Some(holding) = tree.payments.iter().find(|p| p.is_open() && p.balance > 0)
        {
            let detail = "another open payment holds a part of the wallet; close it first";
            return Err(Problem::conflict("balance-held", detail).with("payment_no", holding.no));
        }
        let way = (self.request.method.clone(), self.account.clone());
        let payment = decide::attempt(tree, self.number, way, balance, app.clock.now());
        let takes = self.provider.takes(payment.currency, payment.amount);
        takes.map_err(|why| Problem::invalid("currency-not-supported", why))?;
        Ok(Err(payment))
    }

    /// Nothing is sent to the provider: the offer is made first, and one change opens the payment with it.
    async fn unannounced(&self, app: &App, keyed: &Keyed<'_>, tree: &OrderTree) -> Result<PaymentAnswer, Problem> {
        // What the cached tree refuses is decided again below, on a fresh one.
        let offered = match self.of(app, tree) {
            Ok(Err(payment)) => Some(self.offer(payment).await?),
            Ok(Ok(_)) | Err(_) => None,
        };
        let opened = change_once(app, self.no, keyed, |tree| {
            let payment = match self.of(app, tree)? {
                Ok(open) => return Ok(Decided::Nothing(answer(&open))),
                Err(payment) => payment,
            };
            let fits = |o: &&Payment| (o.amount, o.expires_at) == (payment.amount, payment.expires_at);
            let moved = || Problem::busy("the order has changed meanwhile; try again");
            let payment = offered.as_ref().filter(fits).ok_or_else(moved)?;
            let mut draft = Draft::new(tree, payment.created_at, &actor(self.who));
            decide::open(&mut draft, payment.clone(), app.settings.payment_query_ms);
            Ok(Decided::Commit(Box::new(draft), answer(payment)))
        });
        Ok(opened.await?.0)
    }

    async fn offer(&self, payment: Payment) -> Result<Payment, Problem> {
        let opened = self.provider.create(&payment).await.map_err(|e| Problem::busy(e.to_string()))?;
        Ok(Payment { offer: opened.offer, handle: opened.handle, ..payment })
    }

    /// The intent is stored first, so that whatever the provider was told is known here; then it is told, and what it
    /// offers is stored with the outcome of the request.
    async fn announced(&self, app: &App, keyed: &Keyed<'_>) -> Result<PaymentAnswer, Problem> {
        if let Some(stored) = keyed.stored(app).await? {
            return Ok(stored);
        }
        let intended = change(app, self.no, |tree| {
            let payment = match self.of(app, tree)? {
                Ok(open) => return Ok(Decided::Nothing(open)),
                Err(payment) => payment,
            };
            let mut draft = Draft::new(tree, payment.created_at, &actor(self.who));
            decide::open(&mut draft, payment.clone(), app.settings.payment_query_ms);
            Ok(Decided::Commit(Box::new(draft), payment))
        });
        let payment = intended.await?.0;
        if payment.is_offered() {
            return Ok(answer(&payment));
        }
        crate::faults::point("before-announce");
        let created = self.provider.create(&payment).await;
        crate::faults::point("after-announce-before-commit");
        if let Err(NotOpened::Unknown(why)) = created {
            let detail = format!("the provider does not answer ({why}); repeat the request to go on with this payment");
            return Err(Problem::busy(detail).with("payment_no", payment.no));
        }
        let told = change_once(app, self.no, keyed, |tree| {
            let stored = tree.payments.iter().find(|p| p.no == payment.no);
            let Some(stored) = stored.filter(|p| p.is_open()) else {
                return Err(Problem::conflict("payment-ended", "the payment ended meanwhile; start another"));
            };
            if stored.is_offered() {
                // The same payment was announced by another call meanwhile: its offer counts.
                return Ok(Decided::Nothing(answer(stored)));
            }
            let mut draft = Draft::new(tree, app.clock.now(), &actor(self.who));
            let mut row = stored.clone();
            match &created {
                Ok(opened) => {
                    (row.offer, row.handle) = (opened.offer.clone(), opened.handle.clone());
                    draft.payment(Write::Update(row.clone()), "offered", "");
                }
                Err(why) => {
                    unpaid::fail(&mut draft, row.clone(), &why.to_string());
                    row.status = PaymentStatus::Failed;
                }
            }
            Ok(Decided::Commit(Box::new(draft), answer(&row)))
        });
        let (told, _) = told.await?;
        crate::faults::point("after-announce-commit");
        match created {
            Err(why) if told.status == PaymentStatus::Failed.word() => {
                Err(Problem::conflict("payment-refused", why.to_string()).with("payment_no", payment.no))
            }
            _ => Ok(told),
        }
    }
}

/// Our account that takes a method for every line of the order, and its provider.
fn account(
    app: &App,
    tree: &OrderTree,
    method: &PaymentMethod,
) -> Result<(MerchantAccount, Arc<dyn Provider>), Problem> {
    let known = app.providers.is_fixed(method.as_str()) || METHODS.contains(&method.as_str());
    if !known {
        return Err(Problem::invalid("unknown-payment-method", format!("there is no payment method {method}")));
    }
    let account =
        shared_account(app, &tree.shops, method.as_str()).ok_or_else(|| not_enabled(tree, method.as_str()))?;
    let provider = app.providers.get(method.as_str(), account.as_str());
    let provider = provider.ok_or_else(|| not_enabled(tree, method.as_str()))?;
    Ok((account, provider))
}

/// The one account of a method that takes every one of these shop orders.
fn shared_account<'s>(
    app: &App,
    shops: impl IntoIterator<Item = &'s ShopOrder>,
    method: &str,
) -> Option<MerchantAccount> {
    let catalogue = app.catalogue.now();
    let mut accounts = shops.into_iter().map(|shop| catalogue.account(method, &shop.business));
    let first = accounts.next()??;
    accounts.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

/// The methods that every one of these orders accepts, each through one account.
pub fn common_methods(app: &App, trees: &[Arc<OrderTree>]) -> Vec<String> {
    let Some((first, rest)) = trees.split_first() else { return vec![] };
    let shops: Vec<&ShopOrder> = trees.iter().flat_map(|t| &t.shops).collect();
    let mut methods = methods_of(app, &first.pay.facts.methods, &shops);
    methods.retain(|method| rest.iter().all(|t| t.pay.facts.methods.contains(method)));
    methods
}

/// Those of the methods by which all of these shop orders can be paid through one account.
pub fn methods_of(app: &App, methods: &[String], shops: &[&ShopOrder]) -> Vec<String> {
    let together = |method: &&String| shared_account(app, shops.iter().copied(), method).is_some();
    methods.iter().filter(together).cloned().collect()
}

fn not_enabled(tree: &OrderTree, method: &str) -> Problem {
    let detail = format!("this order can be paid by {}, not by {method}", tree.pay.facts.methods.join(", "));
    Problem::invalid("payment-method-not-enabled", detail)
}

async fn by_wallet(
    app: &App,
    who: &Principal,
    no: OrderNo,
    request: &Pay,
    keyed: &Keyed<'_>,
    numbers: &[i64],
) -> Result<PaymentAnswer, Problem> {
    if request.balance > 0 {
        let detail = "balance_minor is the wallet's part of a payment at a provider; `balance` pays everything";
        return Err(Problem::invalid("bad-body", detail));
    }
    let paid = change_once(app, no, keyed, |tree| {
        owned(who, tree, no)?;
        can_be_paid(tree, no, decide::BALANCE)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide::from_wallet(&mut draft, PaymentNo(numbers[0]), &shipments(numbers), compensate_ms(app, tree));
        let payment = draft.tree().paid_by().map(answer);
        let payment = payment.ok_or_else(|| Problem::internal("a wallet payment is in its tree"))?;
        Ok(Decided::Commit(Box::new(draft), payment))
    });
    let (payment, tree) = paid.await?;
    if let Some(tree) = tree {
        forward::spawn_all(app, &tree, Cause::Paid);
        if tree.payments.iter().any(Payment::is_open) {
            super::query::spawn(app, no);
        }
    }
    Ok(payment)
}

/// Pays a prepaid order from the wallet (or an order with nothing to pay), or cancels it for want of balance.
pub async fn from_wallet(app: &App, pay_no: OrderNo, actor: &str) -> Result<Arc<OrderTree>, Problem> {
    let shops = read_tree(app, pay_no, Freshness::Cached).await?.shops.len();
    let numbers = fresh(app, 1 + shops, pay_no.slot()).await?;
    let paid = change(app, pay_no, |tree| {
        if tree.pay.status != Status::Created || tree.stock_pending() {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), actor);
        let (no, compensate) = (PaymentNo(numbers[0]), compensate_ms(app, tree));
        if tree.pay.amounts.to_pay == 0 {
            decide::nothing(&mut draft, no, &shipments(&numbers), compensate);
        } else {
            decide::from_wallet(&mut draft, no, &shipments(&numbers), compensate);
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    match paid.await {
        Ok(((), tree)) => Ok(tree),
        Err(Denied::Refusal(refusal @ Refusal::BalanceShort { .. })) => {
            let reason = Reason::new("insufficient_balance", refusal.to_string());
            let cancelled = change(app, pay_no, |tree| {
                if tree.pay.status != Status::Created {
                    return Ok(Decided::Nothing(()));
                }
                let mut draft = Draft::new(tree, app.clock.now(), actor);
                cancel::cancel(&mut draft, &reason);
                Ok(Decided::Commit(Box::new(draft), ()))
            });
            Ok(cancelled.await?.1)
        }
        Err(denied) => Err(denied.into()),
    }
}

fn can_be_paid(tree: &OrderTree, no: OrderNo, method: &str) -> Result<(), Problem> {
    must_be_pay_order(tree, no)?;
    if tree.pay.status != Status::Created || tree.pay.sub_status == SubStatus::Cancelling {
        return Err(wrong_state(tree, no, "paid"));
    }
    if tree.pay.mode == Mode::Prepaid {
        return Err(Problem::conflict("prepaid", "a prepaid order is paid from the wallet by itself"));
    }
    if tree.stock_pending() {
        return Err(stock_pending(no));
    }
    if !tree.pay.facts.methods.iter().any(|m| m == method) {
        return Err(not_enabled(tree, method));
    }
    Ok(())
}

/// The shipment numbers after the payment's own.
pub fn shipments(numbers: &[i64]) -> Vec<ShipmentNo> {
    numbers[1..].iter().map(|n| ShipmentNo(*n)).collect()
}

/// When a paid order is forwarded again: the shortest time of its lines.
pub fn compensate_ms(app: &App, tree: &OrderTree) -> Millis {
    let catalogue = app.catalogue.now();
    let of = |s: &crate::domain::order::ShopOrder| catalogue.businesses.get(&s.business).map(|b| b.rules.compensate_ms);
    tree.shops.iter().filter_map(of).min().unwrap_or(20_000)
}

/// Who acts, for the flow.
pub fn actor(who: &Principal) -> String {
    format!("{}:{}", who.role, who.subject)
}

/// A payment in the words of the API.
pub fn answer(payment: &Payment) -> PaymentAnswer {
    PaymentAnswer {
        payment_no: payment.no,
        order_no: payment.pay_no,
        payment_method: payment.method.to_string(),
        amount: payment.total(),
        balance_minor: payment.balance,
        currency: payment.currency.to_string(),
        status: payment.status.word().to_owned(),
        trade_no: payment.trade_no.clone(),
        paid_at: payment.paid_at.map(rfc3339),
        pay_url: payment.offer.pay_url.clone(),
        qr_code: payment.offer.qr_code.clone(),
        pay_params: payment.offer.pay_params.clone(),
    }
}
