//! A supplier's own book: what it did, for whom, and how often it was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One thing a supplier did, unique by its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The supplier's id of it, such as `bk-1`.
    pub id: String,
    /// `book`, `ticket`, `topup`, `cancel` or `refund`.
    pub operation: &'static str,
    /// The shop order, as the platform named it.
    pub order: String,
    /// How it stands: `done`, `failed` (refused after it was accepted) or `taken back`.
    pub state: &'static str,
    /// How often the platform sent this key.
    pub asked: u32,
    /// How often it was looked up afterwards.
    pub polled: u32,
}

/// The book. Entries are never removed.
#[derive(Debug, Default)]
pub struct Book(Mutex<BTreeMap<String, Entry>>);

impl Book {
    /// All entries, by idempotency key.
    pub fn entries(&self) -> Vec<Entry> {
        self.with(|entries| entries.values().cloned().collect())
    }

    /// How many entries an order has for an operation; more than one is a double effect.
    pub fn effects(&self, operation: &str, order: &str) -> usize {
        self.with(|entries| entries.values().filter(|e| e.operation == operation && e.order == order).count())
    }

    /// Does something once per key; the second value says whether this was the first time.
    pub(super) fn once(&self, key: &str, prefix: &str, operation: &'static str, order: &str) -> (Entry, bool) {
        self.with(|entries| {
            let number = entries.len() + 1;
            let mut fresh = false;
            let entry = entries.entry(key.to_owned()).or_insert_with(|| {
                fresh = true;
                let id = format!("{prefix}-{number}");
                Entry { id, operation, order: order.to_owned(), state: "done", asked: 0, polled: 0 }
            });
            entry.asked += 1;
            (entry.clone(), fresh)
        })
    }

    /// Looks an entry up by the supplier's id.
    pub(super) fn poll(&self, id: &str) -> Option<Entry> {
        self.with(|entries| {
            let entry = entries.values_mut().find(|entry| entry.id == id)?;
            entry.polled += 1;
            Some(entry.clone())
        })
    }

    /// Notes how something stands.
    pub(super) fn mark(&self, id: &str, state: &'static str) {
        self.with(|entries| {
            if let Some(entry) = entries.values_mut().find(|entry| entry.id == id) {
                entry.state = state;
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
