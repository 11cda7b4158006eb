//! Reads: each a statement of its own on a connection that cannot write.

mod accounts;
mod aftersales;
mod catalogue;
mod lists;
mod operations;
mod orders;
mod reconcile;
mod resources;
mod snapshots;
mod tracks;
mod tree;
mod wallet;
mod work;

pub use self::aftersales::AftersaleFilter;
pub use self::lists::{Attention, Cursor, FLOWS_MAX};
pub use self::operations::{Entry, SettlementFilter, SettlementList};
pub use self::orders::{COUNT_MAX, Filter, OrderList, StatusCount};
pub use self::reconcile::{OfAccount, Resolution, Span, StoredDiscrepancy};
pub use self::resources::StockLevel;
pub use self::tracks::TrackMark;
pub use self::tree::Carried;
pub use self::wallet::{AccountSums, Posting, WalletEntry};
pub use self::work::{BACKLOG_MAX, Backlog, DeadLetter, Lease, LetterKey, Outgoing};

use super::sql::Sql;

/// Every statement that reads.
pub(crate) fn all() -> Vec<&'static Sql> {
    let all = [
        tree::all(),
        tracks::all(),
        lists::all(),
        operations::all(),
        orders::all(),
        resources::all(),
        work::all(),
        catalogue::all(),
        accounts::all(),
        aftersales::all(),
        wallet::all(),
        reconcile::all(),
        snapshots::all(),
    ];
    all.into_iter().flatten().collect()
}
