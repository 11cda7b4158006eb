//! Reads: each a statement of its own on a connection that cannot write.

mod catalogue;
mod lists;
mod resources;
mod tree;
mod work;

pub use self::lists::{Attention, Cursor, Filter};
pub use self::resources::StockLevel;
pub use self::work::{Backlog, DeadLetter, Lease, Outgoing};

use super::sql::Sql;

/// Every statement that reads.
pub(crate) fn all() -> Vec<&'static Sql> {
    [tree::all(), lists::all(), resources::all(), work::all(), catalogue::all()].into_iter().flatten().collect()
}
