//! The two databases behind one face: texts, arguments, rows and connections. The only place that names both drivers.

mod args;
mod bulk;
mod conn;
mod row;
mod text;

pub(crate) use self::{
    args::Value,
    bulk::Rows,
    conn::{Conn, Pool},
    row::{Reader, Row},
    text::{Column, OnConflict, Sql, Table, Ty, delete, insert, insert_with, sql, table, touch, update, update_with},
};

/// Which database a store runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one host.
    Sqlite,
    /// A server, any number of hosts.
    Postgres,
}
