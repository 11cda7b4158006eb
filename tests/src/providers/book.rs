//! A provider's own book: which payments it knows, what was paid and what went back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A payment as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The platform's reference.
    pub payment_no: String,
    /// The provider's: 21 digits.
    pub trade_no: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// How it stands.
    pub state: TradeState,
    /// By the platform's refund number.
    pub refunds: BTreeMap<String, Refund>,
}

/// How a [`Trade`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeState {
    /// The buyer can pay it.
    Open,
    /// The buyer did.
    Paid,
    /// It was ended unpaid.
    Closed,
    /// The buyer's money was refused.
    Failed,
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The platform's reference.
    pub refund_no: String,
    /// The provider's: 21 digits.
    pub trade_no: String,
    /// Minor units.
    pub amount: i64,
    /// How it stands.
    pub state: RefundState,
}

/// How a [`Refund`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// Accepted.
    Pending,
    /// The buyer has it.
    Done,
    /// It never will be done.
    Failed,
}

/// Why the provider will not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has never heard of the payment.
    #[error("unknown")]
    Unknown,
    /// The same number with another amount or currency.
    #[error("known with other terms")]
    Differs,
    /// Not while it stands so.
    #[error("it is {0:?}")]
    Stands(TradeState),
    /// More than was paid and not sent back yet.
    #[error("more than there is")]
    TooMuch,
}

/// The book. Nothing is ever removed; whatever is asked twice happens once.
#[derive(Debug)]
pub struct Book {
    trades: Mutex<BTreeMap<String, Trade>>,
    /// Begins the references, so that no later run on the same database uses one again.
    epoch: u128,
}

impl Default for Book {
    fn default() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Self { trades: Mutex::default(), epoch }
    }
}

impl Book {
    /// Everything, by payment number.
    pub fn entries(&self) -> Vec<Trade> {
        self.trades().values().cloned().collect()
    }

    /// What is known of a payment.
    pub fn trade(&self, payment_no: &str) -> Option<Trade> {
        self.trades().get(payment_no).cloned()
    }

    /// What is known of a refund of any payment.
    pub fn refund_entry(&self, refund_no: &str) -> Option<Refund> {
        self.trades().values().find_map(|trade| trade.refunds.get(refund_no).cloned())
    }

    /// The platform announces a payment.
    ///
    /// # Errors
    /// [`Refused::Differs`].
    pub fn open(&self, payment_no: &str, amount: i64, currency: &str) -> Result<Trade, Refused> {
        let mut trades = self.trades();
        let trade_no = self.reference(&trades);
        let trade = trades.entry(payment_no.to_owned()).or_insert_with(|| Trade {
            payment_no: payment_no.to_owned(),
            trade_no,
            amount,
            currency: currency.to_owned(),
            state: TradeState::Open,
            refunds: BTreeMap::new(),
        });
        if trade.amount == amount && trade.currency == currency { Ok(trade.clone()) } else { Err(Refused::Differs) }
    }

    /// The buyer pays.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Stands`].
    pub fn pay(&self, payment_no: &str) -> Result<Trade, Refused> {
        self.moved(payment_no, TradeState::Paid)
    }

    /// The platform or the provider ends an unpaid payment.
    ///
    /// # Errors
    /// As [`pay`](Self::pay); a paid one is [`Refused::Stands`].
    pub fn close(&self, payment_no: &str) -> Result<Trade, Refused> {
        self.moved(payment_no, TradeState::Closed)
    }

    /// The buyer's money is refused.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn fail(&self, payment_no: &str) -> Result<Trade, Refused> {
        self.moved(payment_no, TradeState::Failed)
    }

    /// The platform sends money back. A number that is known keeps what became of it.
    ///
    /// # Errors
    /// Any [`Refused`].
    pub fn refund(
        &self,
        payment_no: &str,
        refund_no: &str,
        amount: i64,
        state: RefundState,
    ) -> Result<Refund, Refused> {
        let mut trades = self.trades();
        let trade_no = self.reference(&trades);
        let trade = trades.get_mut(payment_no).ok_or(Refused::Unknown)?;
        if let Some(known) = trade.refunds.get(refund_no) {
            return if known.amount == amount { Ok(known.clone()) } else { Err(Refused::Differs) };
        }
        if trade.state != TradeState::Paid {
            return Err(Refused::Stands(trade.state));
        }
        if amount <= 0 || trade.amount - trade.gone() < amount {
            return Err(Refused::TooMuch);
        }
        let refund = Refund { refund_no: refund_no.to_owned(), trade_no, amount, state };
        trade.refunds.insert(refund_no.to_owned(), refund.clone());
        Ok(refund)
    }

    /// A pending refund gets its end; one that has its end keeps it.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn end_refund(&self, refund_no: &str, state: RefundState) -> Result<Refund, Refused> {
        let mut trades = self.trades();
        let refund = trades.values_mut().find_map(|trade| trade.refunds.get_mut(refund_no));
        let refund = refund.ok_or(Refused::Unknown)?;
        if refund.state == RefundState::Pending {
            refund.state = state;
        }
        Ok(refund.clone())
    }

    fn moved(&self, payment_no: &str, to: TradeState) -> Result<Trade, Refused> {
        let mut trades = self.trades();
        let trade = trades.get_mut(payment_no).ok_or(Refused::Unknown)?;
        if trade.state != TradeState::Open && trade.state != to {
            return Err(Refused::Stands(trade.state));
        }
        trade.state = to;
        Ok(trade.clone())
    }

    fn reference(&self, trades: &BTreeMap<String, Trade>) -> String {
        let so_far = trades.len() + trades.values().map(|trade| trade.refunds.len()).sum::<usize>();
        format!("{:016}{:05}", self.epoch % 10_u128.pow(16), so_far)
    }

    fn trades(&self) -> MutexGuard<'_, BTreeMap<String, Trade>> {
        self.trades.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trade {
    /// What went back or is on its way, minor units.
    pub fn gone(&self) -> i64 {
        self.refunds.values().filter(|refund| refund.state != RefundState::Failed).map(|refund| refund.amount).sum()
    }

    /// What the buyer has back, minor units.
    pub fn refunded(&self) -> i64 {
        self.refunds.values().filter(|refund| refund.state == RefundState::Done).map(|refund| refund.amount).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_asked_twice_happens_once() {
        let book = Book::default();
        assert_eq!(book.pay("P1"), Err(Refused::Unknown));
        assert_eq!(book.open("P1", 100, "CNY"), book.open("P1", 100, "CNY"));
        assert_eq!(book.open("P1", 101, "CNY"), Err(Refused::Differs));
        assert_eq!(book.pay("P1").unwrap(), book.pay("P1").unwrap());
        assert_eq!(book.close("P1"), Err(Refused::Stands(TradeState::Paid)));
        let refund = || book.refund("P1", "R1", 60, RefundState::Done);
        assert_eq!(refund(), refund());
        assert_eq!(book.refund("P1", "R1", 61, RefundState::Done), Err(Refused::Differs));
        assert_eq!(book.trade("P1").unwrap().refunded(), 60);
    }

    #[test]
    fn no_more_goes_back_than_was_paid() {
        let book = Book::default();
        book.open("P1", 100, "CNY").unwrap();
        assert_eq!(book.refund("P1", "R1", 1, RefundState::Done), Err(Refused::Stands(TradeState::Open)));
        book.pay("P1").unwrap();
        book.refund("P1", "R1", 60, RefundState::Pending).unwrap();
        assert_eq!(book.refund("P1", "R2", 41, RefundState::Done), Err(Refused::TooMuch));
        book.end_refund("R1", RefundState::Failed).unwrap();
        book.refund("P1", "R2", 100, RefundState::Done).unwrap();
        assert_eq!(book.refund("P1", "R3", 1, RefundState::Done), Err(Refused::TooMuch));
    }
}
