//! What a batch sees and holds: the locked rows, kept up to date in memory while its changes are decided.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Attempting;
use crate::domain::change::{Change, JournalWrite, StoredClaim};
use crate::domain::ids::{BuyerId, Slot};
use crate::domain::resource::{Account, CouponState, Unit};
use crate::store::error::StoreError;
use crate::store::rows::money::Entry;
use crate::store::rows::{money, orders, work};
use crate::store::sql::{Conn, Rows};

/// Rows by key. Keys are sorted, so every host locks them in the same order.
#[derive(Debug)]
pub(super) struct Keyed<K, R> {
    pub keys: Vec<K>,
    pub rows: Vec<Option<R>>,
    pub dirty: Vec<bool>,
}

impl<K: Ord, R> Keyed<K, R> {
    fn new(mut keys: Vec<K>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let rows = keys.iter().map(|_| None).collect();
        let dirty = vec![false; keys.len()];
        Self { keys, rows, dirty }
    }

    /// Where a key's row is. Every key of the batch's changes is there.
    pub(super) fn find(&self, key: &K) -> Option<usize> {
        self.keys.binary_search(key).ok()
    }
}

/// A pay order as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub version: i64,
    pub status: i64,
}

/// A shop order as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShopStage {
    pub stage: Stage,
    pub mark: i64,
}

/// A stock row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stock {
    pub available: i64,
    pub reserved: i64,
    pub sold: i64,
}

/// A buyer's balance of one unit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wallet {
    pub available: i64,
    pub held: i64,
    pub entries: i64,
}

/// A coupon as stored.
#[derive(Debug, Clone)]
pub(super) struct Coupon {
    pub buyer: String,
    pub state: i64,
    pub order_no: Option<i64>,
}

/// An idempotency key that is used: by a committed change, or by an earlier change of this batch.
#[derive(Debug)]
pub(super) enum Used {
    Stored(StoredClaim),
    Here(usize),
}

/// A journal: which entries there are, and whether each is answered.
pub(super) type Journal = BTreeMap<u32, bool>;
/// A wallet row's key: slot, buyer, unit.
pub(super) type WalletKey<'c> = (i64, &'c str, Unit);

/// Keys that must be new and are not: found by a look after a lost claim, or taken by an earlier change of the batch.
#[derive(Debug, Default)]
pub(super) struct Taken<'c> {
    pub claims: HashMap<(&'c str, &'c str), Used>,
    pub numbers: HashSet<i64>,
    pub moves: HashSet<(i64, &'c str, &'c str)>,
    pub postings: HashSet<(i64, &'c str)>,
    pub waybills: HashMap<&'c str, i64>,
    /// By kind, buyer and id.
    pub external: HashMap<(&'c str, &'c str, &'c str), i64>,
    pub trades: HashMap<(&'c str, &'c str), i64>,
    pub signals: HashSet<(i64, &'c str, &'c str)>,
    pub parked: HashSet<(i64, &'c str, &'c str)>,
    pub settlements: HashSet<i64>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct State<'c> {
    pub pays: Keyed<i64, Stage>,
    pub shops: Keyed<i64, ShopStage>,
    pub stock: Keyed<(&'c str, &'c str), Stock>,
    pub wallets: Keyed<WalletKey<'c>, Wallet>,
    /// What the accepted postings are to their buyers, by order and operation.
    pub booked: HashMap<(i64, &'c str), Entry>,
    pub coupons: Keyed<&'c str, Coupon>,
    pub journals: Keyed<(i64, &'static str), Journal>,
    /// The journal entries that were there when the batch began.
    pub entries: HashSet<(i64, &'static str, u32)>,
    pub taken: Taken<'c>,
}

pub(super) fn wallet_key(account: &Account, unit: Unit) -> Option<WalletKey<'_>> {
    let (Account::Available(buyer) | Account::Held(buyer)) = account else { return None };
    Some((slot(buyer), buyer.as_str(), unit))
}

fn slot(buyer: &BuyerId) -> i64 {
    Slot::of(buyer.as_str()).index().into()
}

pub(super) fn journal_key(write: &JournalWrite) -> (i64, &'static str, u32) {
    match write {
        JournalWrite::Append(row) | JournalWrite::Intent(row) | JournalWrite::Answer(row) => {
            (row.shop_no.0, row.hook.as_str(), row.index)
        }
        JournalWrite::DropLast { shop_no, hook, index } => (shop_no.0, hook.as_str(), *index),
    }
}

impl<'c> State<'c> {
    /// Locks what the changes touch, one statement a table, in one fixed order of tables.
    pub(super) async fn lock(conn: &mut Conn, changes: &[&'c Change]) -> Attempting<Self> {
        let each = || changes.iter().copied();
        let mut state = Self {
            pays: Keyed::new(each().flat_map(|c| &c.pay_orders).map(|g| g.row.no.0).collect()),
            shops: Keyed::new(each().flat_map(|c| &c.shop_orders).map(|g| g.row.no.0).collect()),
            stock: Keyed::new(each().flat_map(|c| &c.stock).map(|m| (m.business.as_str(), m.key.as_str())).collect()),
            wallets: Keyed::new(
                each()
                    .flat_map(|c| &c.transfers)
                    .flat_map(|t| [wallet_key(&t.from, t.unit), wallet_key(&t.to, t.unit)])
                    .flatten()
                    .collect(),
            ),
            booked: HashMap::new(),
            coupons: Keyed::new(each().flat_map(|c| &c.coupons).map(|m| m.code.as_str()).collect()),
            journals: Keyed::new(
                each().flat_map(|c| &c.journal).map(journal_key).map(|(no, hook, _)| (no, hook)).collect(),
            ),
            entries: HashSet::new(),
            taken: Taken::default(),
        };
        state.lock_orders(conn).await?;
        state.lock_resources(conn, changes).await?;
        state.lock_journals(conn).await?;
        Ok(state)
    }

    async fn lock_orders(&mut self, conn: &mut Conn) -> Attempting<()> {
        let mut rows = Rows::new(conn.dialect(), &orders::LOCK_PAY);
        put_keys(&mut rows, &self.pays.keys, |rows, no| rows.int(*no));
        for row in look(conn, rows).await? {
            let stage = Stage { version: row.int(1)?, status: row.int(2)? };
            self.pays.rows[ord(&row)?] = Some(stage);
        }
        let mut rows = Rows::new(conn.dialect(), &orders::LOCK_SHOP);
        put_keys(&mut rows, &self.shops.keys, |rows, no| rows.int(*no));
        for row in look(conn, rows).await? {
            let stage = Stage { version: row.int(1)?, status: row.int(2)? };
            self.shops.rows[ord(&row)?] = Some(ShopStage { stage, mark: row.int(3)? });
        }
        Ok(())
    }

    async fn lock_resources(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let mut rows = Rows::new(conn.dialect(), &money::LOCK_STOCK);
        put_keys(&mut rows, &self.stock.keys, |rows, (business, key)| {
            rows.text(business);
            rows.text(key);
        });
        for row in look(conn, rows).await? {
            let stock = Stock { available: row.int(1)?, reserved: row.int(2)?, sold: row.int(3)? };
            self.stock.rows[ord(&row)?] = Some(stock);
        }
        self.lock_wallets(conn).await?;
        if self.open_wallets(conn, changes).await? {
            self.lock_wallets(conn).await?;
        }
        let mut rows = Rows::new(conn.dialect(), &money::LOCK_COUPON);
        put_keys(&mut rows, &self.coupons.keys, |rows, code| rows.text(code));
        for row in look(conn, rows).await? {
            let coupon = Coupon { buyer: row.text(1)?, state: row.int(2)?, order_no: row.opt_int(3)? };
            self.coupons.rows[ord(&row)?] = Some(coupon);
        }
        Ok(())
    }

    async fn lock_wallets(&mut self, conn: &mut Conn) -> Attempting<()> {
        let mut rows = Rows::new(conn.dialect(), &money::LOCK_WALLET);
        put_keys(&mut rows, &self.wallets.keys, |rows, (slot, buyer, unit)| {
            rows.int(*slot);
            rows.text(buyer);
            rows.text(&String::from(*unit));
        });
        for row in look(conn, rows).await? {
            self.wallets.rows[ord(&row)?] =
                Some(Wallet { available: row.int(1)?, held: row.int(2)?, entries: row.int(3)? });
        }
        Ok(())
    }

    /// A row that is not there cannot be locked, so an account that is credited for the first time is opened, empty.
    async fn open_wallets(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<bool> {
        let credited = changes.iter().flat_map(|c| &c.transfers).filter_map(|t| wallet_key(&t.to, t.unit));
        let mut missing: Vec<_> =
            credited.filter(|key| self.wallets.find(key).is_some_and(|i| self.wallets.rows[i].is_none())).collect();
        missing.sort_unstable();
        missing.dedup();
        let mut rows = Rows::new(conn.dialect(), &money::OPEN_WALLET);
        for (slot, buyer, unit) in &missing {
            rows.int(*slot);
            rows.text(buyer);
            rows.text(&String::from(*unit));
            rows.int(0);
            rows.int(0);
            rows.int(0);
        }
        if !missing.is_empty() {
            super::write::clean(&rows)?;
            conn.write(rows).await?;
        }
        Ok(!missing.is_empty())
    }

    async fn lock_journals(&mut self, conn: &mut Conn) -> Attempting<()> {
        self.journals.rows.fill(Some(Journal::new()));
        let mut rows = Rows::new(conn.dialect(), &work::LOCK_JOURNAL);
        put_keys(&mut rows, &self.journals.keys, |rows, (no, hook)| {
            rows.int(*no);
            rows.text(hook);
        });
        for row in look(conn, rows).await? {
            let (ord, index) = (ord(&row)?, u32::try_from(row.int(1)?).unwrap_or(u32::MAX));
            let (no, hook) = self.journals.keys[ord];
            self.entries.insert((no, hook, index));
            if let Some(journal) = &mut self.journals.rows[ord] {
                journal.insert(index, row.int(2)? == 1);
            }
        }
        Ok(())
    }
}

/// Writes the keys of a look-up with their numbers.
pub(super) fn put_keys<K>(rows: &mut Rows, keys: &[K], put: impl Fn(&mut Rows, &K)) {
    for (ord, key) in (0..).zip(keys) {
        rows.int(ord);
        put(rows, key);
    }
}

/// Looks keys up; no keys, no statement.
pub(super) async fn look(conn: &mut Conn, rows: Rows) -> Attempting<Vec<crate::store::sql::Row>> {
    if rows.is_empty() {
        return Ok(vec![]);
    }
    super::write::clean(&rows)?;
    Ok(conn.look(rows).await?)
}

/// The number that the row's key was given.
pub(super) fn ord(row: &crate::store::sql::Row) -> Result<usize, StoreError> {
    Ok(usize::try_from(row.int(0)?).unwrap_or(usize::MAX))
}

/// The code of a coupon state as rows keep it.
pub(super) fn coupon_code(state: CouponState) -> i64 {
    state.code().into()
}
