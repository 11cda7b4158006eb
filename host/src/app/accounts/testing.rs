//! A method for tests of what is around accounts: it speaks a small protocol of its own with a server of the test's.
//!
//! `GET /book/{day}` is a list of `[kind, reference, trade_no, amount]`, `GET /payments/{no}` is `[trade_no, amount]`,
//! `GET /refunds/{no}` is anything; 404 says that there is none. The currency is CNY. Callbacks are the sandbox's.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AccountTerms, BadAccount, Gateway, Provider};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{Payment, Refund};
use crate::egress::Method;
use crate::payment::{
    BookEntry, BookKind, Callback, CloseAnswer, NoBook, NotOpened, Notice, Opened, QueryAnswer, Receipt, RefundAnswer,
    Sandbox, Settles, Unverified, Verdict,
};

struct TestPay {
    sandbox: Sandbox,
    gateway: Gateway,
    keeps_book: bool,
}

/// Like [`crate::payment::build`], with one more method.
pub(super) fn build(method: &str, terms: &AccountTerms, gateway: Gateway) -> Result<Arc<dyn Provider>, BadAccount> {
    if method != "testpay" {
        return crate::payment::build(method, terms, gateway);
    }
    let secret = terms.secrets.get("secret").ok_or_else(|| BadAccount::new("secrets.secret", "is required"))?;
    if terms.settings.get("app_id").is_none() {
        return Err(BadAccount::new("settings.app_id", "is required"));
    }
    let sandbox = Sandbox::new(secret.clone(), terms.notify_url.clone());
    let keeps_book = terms.settings["keeps_book"] == true;
    Ok(Arc::new(TestPay { sandbox, gateway, keeps_book }))
}

impl TestPay {
    /// The body of a path, none for 404.
    async fn get<T: serde::de::DeserializeOwned>(&self, path: String) -> Result<Option<T>, String> {
        let request = || self.gateway.request(Method::Get, &path, vec![], vec![]);
        let reply = self.gateway.call("test", request).await.map_err(|error| error.to_string())?;
        match reply.status {
            200 => serde_json::from_slice(&reply.body).map(Some).map_err(|error| error.to_string()),
            404 => Ok(None),
            status => Err(format!("status {status}")),
        }
    }
}

#[async_trait]
impl Provider for TestPay {
    fn settles(&self) -> Settles {
        Settles::AtProvider
    }

    fn takes(&self, _currency: Currency, _amount: Minor) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        self.sandbox.create(payment).await
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match self.get::<(String, Minor)>(format!("/payments/{}", payment.no)).await {
            Ok(Some((trade_no, amount))) => {
                let (payment_no, currency, at) = (payment.no, "CNY".to_owned(), self.gateway.now());
                QueryAnswer::Paid(Receipt { payment_no, trade_no, amount, currency, at })
            }
            Ok(None) => QueryAnswer::Unpaid,
            Err(why) => QueryAnswer::Unknown(why),
        }
    }

    async fn close(&self, _payment: &Payment) -> CloseAnswer {
        CloseAnswer::CannotClose
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        self.query_refund(payment, refund).await
    }

    async fn query_refund(&self, _payment: &Payment, refund: &Refund) -> RefundAnswer {
        match self.get::<serde_json::Value>(format!("/refunds/{}", refund.no)).await {
            Ok(Some(_)) => RefundAnswer::Succeeded,
            Ok(None) => RefundAnswer::Absent,
            Err(why) => RefundAnswer::Pending(why),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        self.sandbox.verify(callback).await
    }

    fn words(&self, verdict: Verdict) -> String {
        self.sandbox.words(verdict)
    }

    async fn book(&self, day: &str) -> Result<Vec<BookEntry>, NoBook> {
        if !self.keeps_book {
            return Err(NoBook::NotOffered);
        }
        let lines = self.get::<Vec<(String, String, String, Minor)>>(format!("/book/{day}")).await;
        let lines = lines.map_err(NoBook::Later)?.ok_or_else(|| NoBook::Later("not ready".to_owned()))?;
        let entry = |(kind, reference, trade_no, amount): (String, String, String, Minor)| {
            let kind = if kind == "refund" { BookKind::Refund } else { BookKind::Payment };
            BookEntry { kind, reference, trade_no, amount, currency: "CNY".to_owned() }
        };
        Ok(lines.into_iter().map(entry).collect())
    }
}
