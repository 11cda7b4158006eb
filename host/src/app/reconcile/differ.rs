//! The differences of a comparison, in the words of the list.

use super::super::App;
use super::super::problem::Problem;
use super::days::Day;
use super::ours::{Known, look_up};
use crate::domain::books::{EntryKind, Ours, Theirs};
use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::{PaymentNo, RefundNo};
use crate::domain::reconcile::{Discrepancy, DiscrepancyKind};

/// Collects what differs on a day.
pub(super) struct Differences<'a> {
    app: &'a App,
    row: &'a PaymentAccount,
    day: Day,
    found: Vec<Discrepancy>,
}

impl<'a> Differences<'a> {
    /// None yet.
    pub(super) fn new(app: &'a App, row: &'a PaymentAccount, day: Day) -> Self {
        Self { app, row, day, found: vec![] }
    }

    /// All of them.
    pub(super) fn found(self) -> Vec<Discrepancy> {
        self.found
    }

    /// We have it, the provider has not.
    pub(super) fn missing_there(&mut self, own: &Ours, why: &str) {
        let found = Discrepancy {
            payment_no: Some(own.payment_no),
            refund_no: own.refund_no,
            trade_no: own.trade_no.clone(),
            ours: Some(own.amount),
            ..self.make(DiscrepancyKind::MissingThere, own.reference(), &own.currency, why)
        };
        self.found.push(found);
    }

    /// Both have it, with other amounts or currencies. One of another amount than was asked for is on the list already.
    pub(super) fn differs(&mut self, own: &Ours, entry: &Theirs) {
        let note = format!("{} {} here, {} {} there", own.amount, own.currency, entry.amount, entry.currency);
        let found = Discrepancy {
            payment_no: Some(own.payment_no),
            refund_no: own.refund_no,
            trade_no: Some(entry.trade_no.clone()),
            ours: Some(own.amount),
            theirs: Some(entry.amount),
            ..self.make(DiscrepancyKind::AmountDiffers, own.reference(), &entry.currency, &note)
        };
        self.found.push(found);
    }

    /// The provider moved money twice under one number of ours: the list knows the second time by its trade number, as
    /// it does when a callback told of it.
    pub(super) fn again(&mut self, entry: &Theirs) {
        let note = format!("{} {} moved once more for {}", entry.amount, entry.currency, entry.reference);
        let found = Discrepancy {
            payment_no: entry.reference.parse().ok(),
            refund_no: entry.reference.parse().ok(),
            trade_no: Some(entry.trade_no.clone()),
            theirs: Some(entry.amount),
            ..self.make(DiscrepancyKind::MissingHere, entry.trade_no.clone(), &entry.currency, &note)
        };
        self.found.push(found);
    }

    /// Looks for what the provider has and our day has not: it may have moved here on another day.
    pub(super) async fn look_up(&mut self, entry: &Theirs) -> Result<(), Problem> {
        match look_up(self.app, self.row, entry).await? {
            Known::Moved(own) if own.agrees(entry) => {}
            Known::Moved(own) => self.differs(&own, entry),
            Known::Unmoved(payment_no, refund_no) => self.missing_here(entry, Some(payment_no), refund_no),
            Known::Nothing => self.missing_here(entry, None, None),
        }
        Ok(())
    }

    fn missing_here(&mut self, entry: &Theirs, payment_no: Option<PaymentNo>, refund_no: Option<RefundNo>) {
        let what = match entry.kind {
            EntryKind::Payment => "paid",
            EntryKind::Refund => "refunded",
        };
        let note = format!("{} {} {what} there and not here", entry.amount, entry.currency);
        // A reference that is none of ours can be anything: the provider's own number names it.
        let reference = if payment_no.is_some() { &entry.reference } else { &entry.trade_no };
        let found = Discrepancy {
            payment_no,
            refund_no,
            trade_no: Some(entry.trade_no.clone()),
            theirs: Some(entry.amount),
            ..self.make(DiscrepancyKind::MissingHere, reference.clone(), &entry.currency, &note)
        };
        self.found.push(found);
    }

    fn make(&self, kind: DiscrepancyKind, reference: String, currency: &str, note: &str) -> Discrepancy {
        Discrepancy {
            method: self.row.method.clone(),
            account: self.row.account.clone(),
            kind,
            reference,
            payment_no: None,
            refund_no: None,
            trade_no: None,
            ours: None,
            theirs: None,
            currency: currency.to_owned(),
            day: Some(self.day.to_string()),
            note: note.to_owned(),
            found_at: self.app.clock.now(),
        }
    }
}
