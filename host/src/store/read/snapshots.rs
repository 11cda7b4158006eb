//! What pay orders were priced at.

use crate::domain::ids::OrderNo;
use crate::domain::operation::Snapshot;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::aftersales;
use crate::store::sql::{Reader, Sql, Value, sql};

sql! {
    SNAPSHOT_OF = Sql::both("snapshot of an order", format!(
        "SELECT {} FROM snapshots AS t WHERE slot = $1 AND order_no = $2 \
         AND (CAST($3 AS BIGINT) IS NULL OR version = $3) ORDER BY version DESC LIMIT 1",
        aftersales::SNAPSHOTS.list("t.")));
}

impl Store {
    /// The snapshot of a pay order's version; none is the newest.
    pub async fn snapshot(&self, no: OrderNo, version: Option<i64>) -> Result<Option<Snapshot>, StoreError> {
        let values = [i64::from(no.slot().index()).into(), no.0.into(), Value::OptInt(version)];
        let rows = self.readers().fetch(&SNAPSHOT_OF, &values).await?;
        rows.first().map(|row| aftersales::take_snapshot(&mut Reader::new(row, &aftersales::SNAPSHOTS))).transpose()
    }
}
