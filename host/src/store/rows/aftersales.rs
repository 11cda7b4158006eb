//! After-sales, tracks, the operate log, snapshots, numbers for others' ids.

use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus};
use crate::domain::fulfilment::Track;
use crate::domain::ids::{AftersaleNo, OrderNo};
use crate::domain::operation::{ExternalNumber, Operation, Snapshot};
use crate::store::error::StoreError;
use crate::store::sql::{OnConflict, Reader, Rows, insert, sql, table, touch, update};

table! {
    /// Refunds, returns and exchanges.
    pub(crate) AFTERSALES = "aftersales" {
        no: Int, shop_no: Int, buyer: Text, shop: Text, business: Text, kind: Int, status: Int, reason: Text,
        items: Text, detail: Text, deadline: Int, created_at: Int, updated_at: Int, ended_at: Int,
    }
    AFTERSALE_MOVES = "aftersales" {
        no: Int, kind: Int, status: Int, reason: Text, items: Text, detail: Text, deadline: Int, updated_at: Int,
        ended_at: Int,
    }
    /// Where parcels were seen.
    pub(crate) TRACKS = "tracks" { waybill: Text, node_time: Int, node_code: Text, content: Text, at: Int }
    /// Who changed what; `n` tells apart what was done in one moment.
    pub(crate) OPERATE_LOGS = "operate_logs" {
        order_no: Int, at: Int, n: Int, level: Int, operator: Text, operation: Text, remark: Text, before: Text,
        after: Text,
    }
    /// What pay orders were priced at.
    pub(crate) SNAPSHOTS = "snapshots" { order_no: Int, version: Int, detail: Bytes, digest: Bytes, at: Int }
    EXTERNAL_NUMBERS = "external_numbers" { no: Int, kind: Text, buyer: Text, id: Text }
    EXTERNAL_KEYS = "external_numbers" { ord: Int, slot: Int, kind: Text, buyer: Text, id: Text }
}

sql! {
    pub(crate) INSERT_AFTERSALE = insert("insert aftersales", &AFTERSALES, Some("no"), OnConflict::Fail);
    pub(crate) MOVE_AFTERSALE = update("update aftersales", &AFTERSALE_MOVES, Some("no"), 1);
    pub(crate) INSERT_TRACK = insert("insert tracks", &TRACKS, None, OnConflict::Nothing);
    pub(crate) INSERT_OPERATION = insert("insert operate_logs", &OPERATE_LOGS, Some("order_no"), OnConflict::Fail);
    pub(crate) INSERT_SNAPSHOT = insert("insert snapshots", &SNAPSHOTS, Some("order_no"), OnConflict::Fail);
    pub(crate) CLAIM_EXTERNAL =
        insert("claim external_numbers", &EXTERNAL_NUMBERS, Some("no"), OnConflict::Nothing);
    /// (slot, kind, buyer, id) → number
    pub(crate) SEE_EXTERNAL = touch("see external_numbers", &EXTERNAL_KEYS, None, "t.no", false);
}

pub(crate) fn put_aftersale(rows: &mut Rows, aftersale: &Aftersale) {
    rows.int(aftersale.no.0);
    rows.int(aftersale.shop_no.0);
    rows.text(aftersale.buyer.as_str());
    rows.text(aftersale.shop.as_str());
    rows.text(aftersale.business.as_str());
    rows.int(aftersale.kind.code().into());
    rows.int(aftersale.status.code().into());
    rows.text(&aftersale.reason);
    rows.json(&aftersale.items);
    rows.json(&aftersale.detail);
    rows.opt_int(aftersale.deadline);
    rows.int(aftersale.created_at);
    rows.int(aftersale.updated_at);
    rows.opt_int(aftersale.ended_at);
}

pub(crate) fn move_aftersale(rows: &mut Rows, aftersale: &Aftersale) {
    rows.int(aftersale.no.0);
    rows.int(aftersale.kind.code().into());
    rows.int(aftersale.status.code().into());
    rows.text(&aftersale.reason);
    rows.json(&aftersale.items);
    rows.json(&aftersale.detail);
    rows.opt_int(aftersale.deadline);
    rows.int(aftersale.updated_at);
    rows.opt_int(aftersale.ended_at);
}

pub(crate) fn take_aftersale(row: &mut Reader<'_>) -> Result<Aftersale, StoreError> {
    Ok(Aftersale {
        no: AftersaleNo(row.int()?),
        shop_no: OrderNo(row.int()?),
        buyer: row.id()?,
        shop: row.id()?,
        business: row.id()?,
        kind: row.code(AftersaleKind::from_code)?,
        status: row.code(AftersaleStatus::from_code)?,
        reason: row.text()?,
        items: row.json()?,
        detail: row.json()?,
        deadline: row.opt_int()?,
        created_at: row.int()?,
        updated_at: row.int()?,
        ended_at: row.opt_int()?,
    })
}

pub(crate) fn put_track(rows: &mut Rows, track: &Track) {
    rows.text(&track.waybill);
    rows.int(track.node_time);
    rows.text(&track.node_code);
    rows.text(&track.content);
    rows.int(track.at);
}

pub(crate) fn take_track(row: &mut Reader<'_>) -> Result<Track, StoreError> {
    Ok(Track {
        waybill: row.text()?,
        node_time: row.int()?,
        node_code: row.text()?,
        content: row.text()?,
        at: row.int()?,
    })
}

pub(crate) fn put_operation(rows: &mut Rows, operation: &Operation, n: i64) {
    rows.int(operation.order_no.0);
    rows.int(operation.at);
    rows.int(n);
    rows.int(operation.level.into());
    rows.text(&operation.operator);
    rows.text(&operation.operation);
    rows.text(&operation.remark);
    rows.json(&operation.before);
    rows.json(&operation.after);
}

pub(crate) fn take_operation(row: &mut Reader<'_>) -> Result<(Operation, i64), StoreError> {
    let (order_no, at, n) = (OrderNo(row.int()?), row.int()?, row.int()?);
    let operation = Operation {
        order_no,
        level: row.small()?,
        operator: row.text()?,
        operation: row.text()?,
        remark: row.text()?,
        before: row.json()?,
        after: row.json()?,
        at,
    };
    Ok((operation, n))
}

pub(crate) fn put_snapshot(rows: &mut Rows, snapshot: &Snapshot) {
    rows.int(snapshot.order_no.0);
    rows.int(snapshot.version);
    rows.bytes(&snapshot.detail);
    rows.bytes(&snapshot.digest.0);
    rows.int(snapshot.at);
}

pub(crate) fn take_snapshot(row: &mut Reader<'_>) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        order_no: OrderNo(row.int()?),
        version: row.int()?,
        detail: row.bytes()?,
        digest: row.digest()?,
        at: row.int()?,
    })
}

pub(crate) fn put_external(rows: &mut Rows, number: &ExternalNumber) {
    rows.int(number.no.0);
    rows.text(number.kind);
    rows.text(number.buyer.as_str());
    rows.text(&number.id);
}
