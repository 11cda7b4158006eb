//! Adds up the wallets' book once an hour: every balance must be what its postings say, every unit must sum to zero.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::leases::Held;
use super::runner::{Trouble, Worked, Worker};
use crate::app::wallet::Book;
use crate::clock::Clock;
use crate::domain::ids::Millis;
use crate::store::Store;
use crate::telemetry::metrics::WALLET_IMBALANCE;

/// Between two checks of a slot group, milliseconds.
const EVERY_MS: Millis = 3_600_000;
/// Between two looks whether a group is due.
const LOOK: Duration = Duration::from_secs(30);

/// Checks the slot groups that this host holds, one at a time. It changes nothing: balances are the truth for spending.
#[derive(Debug)]
pub struct WalletCheck {
    store: Store,
    held: Held,
    clock: Clock,
    /// By group: when it was checked, and how much was wrong.
    checked: BTreeMap<u16, (Millis, usize)>,
}

impl WalletCheck {
    /// For a host.
    pub fn new(store: Store, held: Held, clock: Clock) -> Self {
        Self { store, held, clock, checked: BTreeMap::new() }
    }

    fn gauge(&self) {
        let wrong: usize = self.checked.values().map(|(_, wrong)| wrong).sum();
        metrics::gauge!(WALLET_IMBALANCE).set(u32::try_from(wrong).unwrap_or(u32::MAX));
    }

    fn tell(group: u16, book: &Book) {
        for wrong in book.wrong() {
            let (account, unit) = (&wrong.account, String::from(wrong.unit));
            let (posted, stored) = (wrong.posted, wrong.stored);
            tracing::error!(account, unit, posted, stored, "a wallet account is not what its postings say");
        }
        for (unit, house, wallets) in book.units().filter(|(_, house, wallets)| house + wallets != 0) {
            let unit = String::from(unit);
            tracing::error!(group, unit, %house, %wallets, "the wallets of a slot group do not sum to zero");
        }
    }
}

#[async_trait]
impl Worker for WalletCheck {
    fn name(&self) -> &'static str {
        "wallet_check"
    }

    fn rest(&self) -> Duration {
        LOOK
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let (held, now) = (self.held.groups(), self.clock.now());
        self.checked.retain(|group, _| held.contains(group));
        self.gauge();
        let due = |group: &&u16| self.checked.get(group).is_none_or(|(at, _)| now - at >= EVERY_MS);
        let Some(group) = held.iter().find(due).copied() else { return Ok(Worked::Idle) };
        let mut book = Book::default();
        book.add(self.store.wallet_book(group).await?);
        Self::tell(group, &book);
        self.checked.insert(group, (now, book.imbalances()));
        self.gauge();
        Ok(Worked::More)
    }
}
