//! Comparing a provider's book of a day with ours.

use std::collections::HashMap;

use super::ids::{PaymentNo, RefundNo};
use super::money::Minor;

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// Money that arrived.
    Payment,
    /// Money that went back.
    Refund,
}

/// An entry of the provider's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theirs {
    /// What it records.
    pub kind: EntryKind,
    /// Our number, as the provider has it.
    pub reference: String,
    /// The provider's.
    pub trade_no: String,
    /// Minor units.
    pub amount: Minor,
    /// ISO 4217.
    pub currency: String,
}

/// An entry of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The payment.
    pub payment_no: PaymentNo,
    /// The refund, if it is one.
    pub refund_no: Option<RefundNo>,
    /// The provider's reference, if we know it.
    pub trade_no: Option<String>,
    /// Minor units.
    pub amount: Minor,
    /// ISO 4217.
    pub currency: String,
}

impl Ours {
    /// What it records.
    pub fn kind(&self) -> EntryKind {
        if self.refund_no.is_some() { EntryKind::Refund } else { EntryKind::Payment }
    }

    /// Our number, as the provider has it.
    pub fn reference(&self) -> String {
        self.refund_no.map_or_else(|| self.payment_no.to_string(), |no| no.to_string())
    }

    /// Whether the provider's entry is about the same money.
    pub fn agrees(&self, theirs: &Theirs) -> bool {
        self.amount == theirs.amount && self.currency == theirs.currency
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Ours that the provider's book has not.
    pub missing: Vec<Ours>,
    /// Both have it, with other amounts.
    pub differing: Vec<(Ours, Theirs)>,
    /// The provider's that were not among ours.
    pub unknown: Vec<Theirs>,
    /// The provider's under a reference that another entry has taken: money moved twice.
    pub again: Vec<Theirs>,
}

/// Finds for each entry its counterpart by kind and reference. Where the provider has several of one reference, the one
/// with our trade number (or else the first) counts, and the others are told as `again`.
pub fn compare(ours: Vec<Ours>, theirs: Vec<Theirs>) -> Compared {
    let mut by_key: HashMap<(EntryKind, String), Vec<Theirs>> = HashMap::new();
    let mut order = vec![];
    for entry in theirs {
        let key = (entry.kind, entry.reference.clone());
        let entries = by_key.entry(key.clone()).or_default();
        if entries.is_empty() {
            order.push(key);
        }
        entries.push(entry);
    }
    let mut found = Compared::default();
    for own in ours {
        let Some(mut entries) = by_key.remove(&(own.kind(), own.reference())) else {
            found.missing.push(own);
            continue;
        };
        let same = entries.iter().position(|entry| own.trade_no.as_ref() == Some(&entry.trade_no));
        let entry = entries.remove(same.unwrap_or(0));
        found.again.extend(entries);
        if !own.agrees(&entry) {
            found.differing.push((own, entry));
        }
    }
    for key in order {
        let mut entries = by_key.remove(&key).unwrap_or_default().into_iter();
        found.unknown.extend(entries.next());
        found.again.extend(entries);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(no: i64, refund: Option<i64>, amount: Minor) -> Ours {
        Ours {
            payment_no: PaymentNo(no),
            refund_no: refund.map(RefundNo),
            trade_no: Some(format!("T{no}")),
            amount,
            currency: "CNY".to_owned(),
        }
    }

    fn theirs(kind: EntryKind, reference: &str, trade_no: &str, amount: Minor) -> Theirs {
        let (reference, trade_no) = (reference.to_owned(), trade_no.to_owned());
        Theirs { kind, reference, trade_no, amount, currency: "CNY".to_owned() }
    }

    #[test]
    fn equal_books_differ_in_nothing() {
        let book = vec![theirs(EntryKind::Refund, "R7", "T1", 5), theirs(EntryKind::Payment, "P1", "T1", 100)];
        assert_eq!(compare(vec![ours(1, None, 100), ours(1, Some(7), 5)], book), Compared::default());
        assert_eq!(compare(vec![], vec![]), Compared::default());
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        let other = Theirs { currency: "USD".to_owned(), ..theirs(EntryKind::Payment, "P4", "T4", 100) };
        let book = vec![
            theirs(EntryKind::Payment, "P1", "T1", 99),
            theirs(EntryKind::Payment, "P3", "T3", 1),
            theirs(EntryKind::Refund, "P2", "T2", 100),
            other.clone(),
        ];
        let found = compare(vec![ours(1, None, 100), ours(2, None, 100), ours(4, None, 100)], book.clone());
        assert_eq!(found.missing, [ours(2, None, 100)], "a refund is no payment");
        let differing = [(ours(1, None, 100), book[0].clone()), (ours(4, None, 100), other)];
        assert_eq!(found.differing, differing);
        assert_eq!((found.unknown, found.again), (vec![book[1].clone(), book[2].clone()], vec![]));
    }

    #[test]
    fn money_that_came_twice_is_told_whichever_is_ours() {
        let (first, second) =
            (theirs(EntryKind::Payment, "P1", "T0", 100), theirs(EntryKind::Payment, "P1", "T1", 100));
        let found = compare(vec![ours(1, None, 100)], vec![first.clone(), second.clone()]);
        assert_eq!((found.again, found.differing, found.missing), (vec![first.clone()], vec![], vec![]));
        let found = compare(vec![], vec![first.clone(), second.clone()]);
        assert_eq!((found.unknown, found.again), (vec![first], vec![second]));
    }
}
