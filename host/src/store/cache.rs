//! Order trees in memory, by the number of anything in them.
//!
//! What is here may be stale: another host may have written since. The expected version guards every write, and a
//! refusal for it evicts the tree.

use std::sync::Arc;

use crate::domain::change::{Change, Write};
use crate::domain::tree::OrderTree;

/// What a number belongs to; payments and shipments have numbers of their own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A shop order or an item order.
    Order(i64),
    /// A payment.
    Payment(i64),
    /// A shipment.
    Shipment(i64),
}

/// The bounded cache: trees by pay order number, and which pay order a number belongs to.
#[derive(Debug)]
pub(crate) struct Cache {
    trees: quick_cache::sync::Cache<i64, Arc<OrderTree>>,
    owners: quick_cache::sync::Cache<Key, i64>,
}

/// About how many numbers a tree has.
const NUMBERS_PER_TREE: usize = 6;

impl Cache {
    pub(crate) fn new(trees: usize) -> Self {
        Self {
            trees: quick_cache::sync::Cache::new(trees),
            owners: quick_cache::sync::Cache::new(trees * NUMBERS_PER_TREE),
        }
    }

    /// The tree of a number, possibly stale.
    pub(crate) fn get(&self, key: Key) -> Option<Arc<OrderTree>> {
        if let Key::Order(no) = key
            && let Some(tree) = self.trees.get(&no)
        {
            return Some(tree);
        }
        let pay_no = self.owners.get(&key)?;
        self.trees.get(&pay_no)
    }

    /// Keeps a tree as read, unless a newer one is there.
    pub(crate) fn read(&self, tree: &Arc<OrderTree>) {
        let older = self.trees.peek(&tree.pay.no.0).is_some_and(|kept| newer(&kept, tree));
        if !older {
            self.put(Arc::clone(tree));
        }
    }

    /// Brings the trees of a committed change up to date.
    pub(crate) fn committed(&self, change: &Change) {
        // Merge and split move shop orders between pay orders.
        if !change.new_pay_orders.is_empty() && !change.shop_orders.is_empty() {
            return self.evict(change);
        }
        if change.new_pay_orders.len() == 1 {
            if let Some(tree) = OrderTree::created(change) {
                self.put(Arc::new(tree));
            }
            return;
        }
        for no in owners(self, change) {
            if let Some(tree) = self.trees.peek(&no) {
                self.put(Arc::new(OrderTree::clone(&tree).after(change)));
            }
        }
    }

    /// Forgets the trees that a change concerns.
    pub(crate) fn evict(&self, change: &Change) {
        for no in owners(self, change) {
            self.trees.remove(&no);
        }
    }

    fn put(&self, tree: Arc<OrderTree>) {
        let no = tree.pay.no.0;
        let shops = tree.shops.iter().map(|shop| Key::Order(shop.no.0));
        let items = tree.shops.iter().flat_map(|shop| &shop.items).map(|item| Key::Order(item.no.0));
        let payments = tree.payments.iter().map(|payment| Key::Payment(payment.no.0));
        let shipments = tree.shipments.iter().map(|shipment| Key::Shipment(shipment.no.0));
        for key in shops.chain(items).chain(payments).chain(shipments) {
            if self.owners.peek(&key) != Some(no) {
                self.owners.insert(key, no);
            }
        }
        self.trees.insert(no, tree);
    }
}

/// Whether `kept` has seen a write that `read` has not.
fn newer(kept: &OrderTree, read: &OrderTree) -> bool {
    kept.pay.version > read.pay.version
        || kept.shops.iter().any(|shop| read.shop(shop.no).is_some_and(|other| shop.version > other.version))
}

/// The pay orders that a change concerns.
fn owners(cache: &Cache, change: &Change) -> Vec<i64> {
    let pays = change.new_pay_orders.iter().map(|o| o.no.0).chain(change.pay_orders.iter().map(|g| g.row.no.0));
    let shops = change.new_shop_orders.iter().chain(change.shop_orders.iter().map(|g| &g.row));
    let moved = change.shop_orders.iter().filter_map(|g| cache.owners.peek(&Key::Order(g.row.no.0)));
    let payments = change.payments.iter().map(Write::row).map(|p| p.pay_no.0);
    let refunds = change.refunds.iter().map(Write::row).map(|r| r.pay_no.0);
    let shipments = change.shipments.iter().filter_map(|w| cache.owners.peek(&Key::Order(w.row().shop_no.0)));
    let asked = change.aftersales.iter().filter_map(|w| cache.owners.peek(&Key::Order(w.row().shop_no.0)));
    let mut all: Vec<i64> = pays
        .chain(shops.map(|s| s.pay_no.0))
        .chain(moved)
        .chain(payments)
        .chain(refunds)
        .chain(shipments)
        .chain(asked)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
