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
        // Merge and split leave owners behind that no longer are.
        self.trees.get(&pay_no).filter(|tree| holds(tree, key))
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
            match self.trees.peek(&no) {
                Some(tree) if is_before(&tree, change) => self.put(Arc::new(OrderTree::clone(&tree).after(change))),
                Some(_) => drop(self.trees.remove(&no)),
                None => {}
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

/// Whether a tree has what a number stands for.
fn holds(tree: &OrderTree, key: Key) -> bool {
    match key {
        Key::Order(no) => tree.shops.iter().any(|shop| shop.no.0 == no || shop.items.iter().any(|i| i.no.0 == no)),
        Key::Payment(no) => tree.payments.iter().any(|payment| payment.no.0 == no),
        Key::Shipment(no) => tree.shipments.iter().any(|shipment| shipment.no.0 == no),
    }
}

/// Whether a tree is the one that a committed change was decided on: one that missed another host's write would be
/// shown with the change's version, and the write would be missing for ever.
fn is_before(tree: &OrderTree, change: &Change) -> bool {
    let no = tree.pay.no;
    let pays = change.pay_orders.iter().filter(|g| g.row.no == no).all(|g| g.version == tree.pay.version);
    let shop_is = |no, version| tree.shop(no).is_some_and(|shop| shop.version == version);
    pays && change.shop_orders.iter().filter(|g| g.row.pay_no == no).all(|g| shop_is(g.row.no, g.version))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decide::tests::made;
    use crate::domain::draft::Draft;

    fn later(tree: &OrderTree) -> (Change, OrderTree) {
        let mut draft = Draft::new(tree, tree.pay.created_at + 1, "test");
        draft.stay(tree.shops[0].no, "note", "");
        draft.finish()
    }

    #[test]
    fn a_number_that_moved_away_is_not_found_in_the_tree_it_left() {
        let cache = Cache::new(10);
        let (_, mut tree) = made(&[100]);
        let shop = Key::Order(tree.shops[0].no.0);
        cache.put(Arc::new(tree.clone()));
        assert!(cache.get(shop).is_some());
        tree.shops.clear();
        cache.put(Arc::new(tree));
        assert!(cache.get(shop).is_none());
    }

    #[test]
    fn a_change_decided_on_another_tree_than_the_kept_one_evicts_it() {
        let cache = Cache::new(10);
        let (_, tree) = made(&[100]);
        let (first, after) = later(&tree);
        let (second, newest) = later(&after);
        let no = Key::Order(tree.pay.no.0);
        cache.put(Arc::new(tree));
        cache.committed(&second);
        assert!(cache.get(no).is_none(), "the first change is missing");
        cache.put(Arc::new(after));
        cache.committed(&second);
        assert_eq!(*cache.get(no).unwrap(), newest);
        drop(first);
    }
}
