//! Who works on which slot groups: each group is leased to one host, and live hosts share the groups fairly.
//!
//! A lease runs by the database's clock. A host counts its own from before it asked, on a clock that nobody sets, and
//! stops a second early: so two hosts rarely work on a group together, and when they do it is harmless.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::clock::{Clock, Stopwatch};
use crate::domain::ids::SLOT_GROUPS;
use crate::store::{LEASE_MS, Lease, Store};

/// How often leases are renewed.
const RENEW: Duration = Duration::from_secs(3);
/// A host stops using a lease this long before it ends.
const MARGIN: Duration = Duration::from_secs(1);

/// The groups that this host holds now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<BTreeMap<u16, Stopwatch>>>);

impl Held {
    /// The groups whose lease still runs.
    pub fn groups(&self) -> Vec<u16> {
        let lasts = Duration::from_millis(LEASE_MS.unsigned_abs()).saturating_sub(MARGIN);
        self.inner().iter().filter(|(_, since)| since.elapsed() < lasts).map(|(group, _)| *group).collect()
    }

    fn replace(&self, groups: &[u16], since: &Stopwatch) {
        *self.inner() = groups.iter().map(|group| (*group, since.clone())).collect();
    }

    fn inner(&self) -> MutexGuard<'_, BTreeMap<u16, Stopwatch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes, renews and hands over leases.
#[derive(Debug)]
pub struct Leases {
    store: Store,
    holder: String,
    clock: Clock,
    held: Held,
}

impl Leases {
    /// For a host with a name of its own.
    pub fn new(store: Store, holder: String, clock: Clock) -> Self {
        Self { store, holder, clock, held: Held::default() }
    }

    /// The groups held, for the workers that go by them.
    pub fn held(&self) -> Held {
        self.held.clone()
    }
}

#[async_trait]
impl Worker for Leases {
    fn name(&self) -> &'static str {
        "leases"
    }

    fn rest(&self) -> Duration {
        RENEW
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let since = self.clock.stopwatch();
        let hosts = self.store.show_host(&self.holder).await?;
        let wish = wish(&self.holder, hosts, &self.store.leases().await?);
        if !wish.leave.is_empty() {
            // Not used from now on; whoever wants them takes them.
            self.held.inner().retain(|group, _| !wish.leave.contains(group));
            self.store.release(&self.holder, &wish.leave).await?;
        }
        let got = self.store.lease(&self.holder, &wish.take).await?;
        self.held.replace(&got, &since);
        Ok(Worked::Idle)
    }
}

/// Gives everything back; to be called when nothing works on the groups any more.
pub async fn give_back(store: &Store, holder: &str, held: &Held) -> Result<(), Trouble> {
    held.inner().clear();
    let all: Vec<u16> = (0..SLOT_GROUPS).collect();
    store.release(holder, &all).await?;
    Ok(store.hide_host(holder).await?)
}

/// What a host wants of the leases.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// To take or renew.
    take: Vec<u16>,
    /// To give back.
    leave: Vec<u16>,
}

/// With `hosts` live ones each may hold its share, rounded up: what is above it is given back, what is below is taken
/// from what nobody holds. Hosts look for free groups from different ends, so that they seldom want the same one.
fn wish(holder: &str, hosts: usize, leases: &[Lease]) -> Wish {
    let share = leases.len().div_ceil(hosts.max(1));
    let mut take: Vec<u16> =
        leases.iter().filter(|lease| lease.held && lease.holder == holder).map(|lease| lease.group).collect();
    let leave = take.split_off(share.min(take.len()));
    let free: Vec<u16> = leases.iter().filter(|lease| !lease.held).map(|lease| lease.group).collect();
    let start = holder.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let wanted = share.saturating_sub(take.len()).min(free.len());
    take.extend((0..wanted).filter_map(|at| free.get((start + at) % free.len())));
    Wish { take, leave }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases(holders: [&str; 4]) -> Vec<Lease> {
        let lease = |(group, holder): (u16, &str)| Lease {
            group,
            holder: holder.to_owned(),
            until: 0,
            held: !holder.is_empty(),
        };
        (0..).zip(holders).map(lease).collect()
    }

    #[test]
    fn a_host_alone_takes_all() {
        let mut wish = wish("a", 1, &leases(["", "a", "", ""]));
        wish.take.sort_unstable();
        assert_eq!(wish, Wish { take: vec![0, 1, 2, 3], leave: vec![] });
    }

    #[test]
    fn a_second_host_gets_its_half() {
        assert_eq!(wish("a", 2, &leases(["a", "a", "a", "a"])), Wish { take: vec![0, 1], leave: vec![2, 3] });
        assert_eq!(wish("b", 2, &leases(["a", "a", "a", "a"])), Wish { take: vec![], leave: vec![] });
        let second = wish("b", 2, &leases(["a", "a", "", ""]));
        assert_eq!(second.take.len(), 2);
    }

    #[test]
    fn nobody_hoards_what_does_not_divide() {
        // Two hosts of three: the third has what is left.
        assert_eq!(wish("a", 3, &leases(["a", "a", "b", "b"])).take.len(), 2);
        assert_eq!(wish("a", 2, &leases(["a", "b", "b", ""])).take, vec![0, 3]);
    }
}
