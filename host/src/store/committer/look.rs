//! Which of the keys that must be new exist after all. Asked only when a batch lost a claim, or when a refused change
//! carries an idempotency key: its twin may have won.

use super::Attempting;
use super::lock::{State, Used, look, ord, put_keys};
use super::write::waybills;
use crate::domain::change::{Change, StoredClaim, Write};
use crate::domain::ids::{Digest, Slot};
use crate::store::error::StoreError;
use crate::store::rows::{aftersales, money, orders, work};
use crate::store::sql::{Conn, Row, Rows};

impl<'c> State<'c> {
    /// Learns every key of the changes that is taken.
    pub(super) async fn look(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        self.look_claims(conn, changes).await?;
        self.look_numbers(conn, changes).await?;
        self.look_resources(conn, changes).await?;
        self.look_deliveries(conn, changes).await?;
        self.look_work(conn, changes).await
    }

    /// Learns which idempotency keys are used, and what they answered.
    pub(super) async fn look_claims(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let claims: Vec<_> = changes.iter().filter_map(|c| c.claim.as_ref()).collect();
        let mut rows = Rows::new(conn.dialect(), &work::SEE_CLAIM);
        put_keys(&mut rows, &claims, |rows, claim| {
            rows.int(Slot::of(&claim.principal).index().into());
            rows.text(&claim.principal);
            rows.text(&claim.key);
        });
        for row in look(conn, rows).await? {
            let claim = claims[ord(&row)?];
            let stored = Used::Stored(stored_claim(&row, 1)?);
            self.taken.claims.insert((&claim.principal, &claim.key), stored);
        }
        Ok(())
    }

    async fn look_numbers(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let pays: Vec<i64> = changes.iter().flat_map(|c| &c.new_pay_orders).map(|o| o.no.0).collect();
        let shops: Vec<i64> = changes.iter().flat_map(|c| &c.new_shop_orders).map(|o| o.no.0).collect();
        for (sql, numbers) in [(&orders::LOCK_PAY, pays), (&orders::LOCK_SHOP, shops)] {
            let mut rows = Rows::new(conn.dialect(), sql);
            put_keys(&mut rows, &numbers, |rows, no| rows.int(*no));
            for row in look(conn, rows).await? {
                self.taken.numbers.insert(numbers[ord(&row)?]);
            }
        }
        Ok(())
    }

    async fn look_resources(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let moves: Vec<_> = changes.iter().flat_map(|c| &c.stock).collect();
        let mut rows = Rows::new(conn.dialect(), &money::SEE_STOCK_MOVE);
        put_keys(&mut rows, &moves, |rows, step| {
            rows.int(step.shop_no.0);
            rows.text(step.key.as_str());
            rows.text(&step.reason);
        });
        for row in look(conn, rows).await? {
            let step = moves[ord(&row)?];
            self.taken.moves.insert((step.shop_no.0, step.key.as_str(), &step.reason));
        }
        let transfers: Vec<_> = changes.iter().flat_map(|c| &c.transfers).collect();
        let mut rows = Rows::new(conn.dialect(), &money::SEE_POSTING);
        put_keys(&mut rows, &transfers, |rows, transfer| {
            rows.int(transfer.order_no.0);
            rows.text(&transfer.operation);
        });
        for row in look(conn, rows).await? {
            let transfer = transfers[ord(&row)?];
            self.taken.postings.insert((transfer.order_no.0, &transfer.operation));
        }
        Ok(())
    }

    async fn look_deliveries(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let waybills: Vec<&str> = changes.iter().flat_map(|c| waybills(c)).map(|(waybill, ..)| waybill).collect();
        let mut rows = Rows::new(conn.dialect(), &money::SEE_WAYBILL);
        put_keys(&mut rows, &waybills, |rows, waybill| rows.text(waybill));
        for row in look(conn, rows).await? {
            self.taken.waybills.insert(waybills[ord(&row)?], row.int(1)?);
        }
        let trades: Vec<(&str, &str)> = changes
            .iter()
            .flat_map(|c| &c.payments)
            .map(Write::row)
            .filter_map(|p| p.trade_no.as_deref().map(|trade| (p.method.as_str(), trade)))
            .collect();
        let mut rows = Rows::new(conn.dialect(), &money::SEE_TRADE);
        put_keys(&mut rows, &trades, |rows, (method, trade)| {
            rows.text(method);
            rows.text(trade);
        });
        for row in look(conn, rows).await? {
            self.taken.trades.insert(trades[ord(&row)?], row.int(1)?);
        }
        Ok(())
    }

    async fn look_work(&mut self, conn: &mut Conn, changes: &[&'c Change]) -> Attempting<()> {
        let signals: Vec<_> = changes.iter().flat_map(|c| &c.signals).map(|s| &s.key).collect();
        let mut rows = Rows::new(conn.dialect(), &work::SEE_SIGNAL);
        put_keys(&mut rows, &signals, |rows, key| {
            rows.int(key.shop_no.0);
            rows.text(key.name.as_str());
            rows.text(&key.id);
        });
        for row in look(conn, rows).await? {
            let key = signals[ord(&row)?];
            self.taken.signals.insert((key.shop_no.0, key.name.as_str(), &key.id));
        }
        let parked: Vec<_> = changes.iter().flat_map(|c| &c.park).collect();
        let mut rows = Rows::new(conn.dialect(), &work::SEE_PARKED);
        put_keys(&mut rows, &parked, |rows, parked| {
            rows.int(parked.shop_no.0);
            rows.text(&parked.event);
            rows.text(&parked.id);
        });
        for row in look(conn, rows).await? {
            let parked = parked[ord(&row)?];
            self.taken.parked.insert((parked.shop_no.0, &parked.event, &parked.id));
        }
        let external: Vec<_> = changes.iter().flat_map(|c| &c.external_numbers).collect();
        let mut rows = Rows::new(conn.dialect(), &aftersales::SEE_EXTERNAL);
        put_keys(&mut rows, &external, |rows, number| {
            rows.int(number.no.slot().index().into());
            rows.text(number.kind);
            rows.text(number.buyer.as_str());
            rows.text(&number.id);
        });
        for row in look(conn, rows).await? {
            let number = external[ord(&row)?];
            self.taken.external.insert((number.kind, number.buyer.as_str(), &number.id), row.int(1)?);
        }
        let settled: Vec<i64> = changes.iter().flat_map(|c| &c.settlements).map(|s| s.shop_no.0).collect();
        let mut rows = Rows::new(conn.dialect(), &work::SEE_SETTLEMENT);
        put_keys(&mut rows, &settled, |rows, no| rows.int(*no));
        for row in look(conn, rows).await? {
            self.taken.settlements.insert(settled[ord(&row)?]);
        }
        Ok(())
    }
}

/// A stored claim from three cells beginning at `at`.
pub(crate) fn stored_claim(row: &Row, at: usize) -> Result<StoredClaim, StoreError> {
    let digest: [u8; 32] = row.bytes(at)?.try_into().map_err(|_| StoreError::BadRow {
        table: "idempotency",
        column: "digest",
        row: String::new(),
        what: "is not 32 bytes".to_owned(),
    })?;
    Ok(StoredClaim { digest: Digest(digest), operation: row.text(at + 1)?, outcome: row.text(at + 2)? })
}
