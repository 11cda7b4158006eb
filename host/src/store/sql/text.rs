//! Statement texts, and their making from declared column lists.

/// What a column keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ty {
    /// Numbers, codes, times: BIGINT.
    Int,
    /// TEXT.
    Text,
    /// BYTEA or BLOB.
    Bytes,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its name, the same on both.
    pub name: &'static str,
    /// What it keeps.
    pub ty: Ty,
}

/// A table, or the part of it that a statement writes or reads; the order is that of the cells.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
}

impl Table {
    /// The columns, separated by commas, each with a prefix such as `t.`.
    pub(crate) fn list(&self, prefix: &str) -> String {
        self.columns.iter().map(|c| format!("{prefix}{}", c.name)).collect::<Vec<_>>().join(", ")
    }
}

/// Declares a table's columns: `table!(FLOWS = "flows" { shop_no: Int, event: Text })`.
macro_rules! table {
    ($($(#[$doc:meta])* $vis:vis $constant:ident = $name:literal { $($column:ident: $ty:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        $vis static $constant: $crate::store::sql::Table = $crate::store::sql::Table {
            name: $name,
            columns: &[$($crate::store::sql::Column {
                name: stringify!($column), ty: $crate::store::sql::Ty::$ty,
            }),+],
        };
    )+};
}
pub(crate) use table;

/// A statement for both databases.
#[derive(Debug)]
pub(crate) struct Sql {
    /// For errors, logs and the test that prepares them all.
    pub name: &'static str,
    /// PostgreSQL's text.
    pub postgres: String,
    /// SQLite's text.
    pub sqlite: String,
    /// For bulk statements the types of the cells of a row.
    pub bulk: Vec<Ty>,
}

impl Sql {
    /// The text for a database.
    pub(crate) fn text(&self, dialect: super::Dialect) -> &str {
        match dialect {
            super::Dialect::Sqlite => &self.sqlite,
            super::Dialect::Postgres => &self.postgres,
        }
    }

    /// One text for both.
    pub(crate) fn both(name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { name, postgres: text.clone(), sqlite: text, bulk: vec![] }
    }

    /// Two texts, for where the databases differ.
    pub(crate) fn each(name: &'static str, postgres: impl Into<String>, sqlite: impl Into<String>) -> Self {
        Self { name, postgres: postgres.into(), sqlite: sqlite.into(), bulk: vec![] }
    }
}

/// Declares statements and the list `ALL` of them, which the test that prepares every statement walks.
macro_rules! sql {
    ($($(#[$doc:meta])* $vis:vis $constant:ident = $make:expr;)+) => {
        $($(#[$doc])* $vis static $constant: std::sync::LazyLock<$crate::store::sql::Sql> =
            std::sync::LazyLock::new(|| $make);)+
        /// Every statement of this file.
        pub(crate) fn all() -> Vec<&'static $crate::store::sql::Sql> {
            vec![$(&$constant),+]
        }
    };
}
pub(crate) use sql;

/// What an insert does about a key that exists.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnConflict {
    /// It is an error.
    Fail,
    /// The row is left out; the count of rows written tells.
    Nothing,
    /// `DO UPDATE` with this text.
    Update(&'static str),
}

/// The rows of a bulk argument as a table `u`.
fn source(columns: &[Column]) -> (String, String) {
    let array = |ty| match ty {
        Ty::Int => "bigint[]",
        Ty::Text => "text[]",
        Ty::Bytes => "bytea[]",
    };
    let arrays: Vec<_> = columns.iter().enumerate().map(|(i, c)| format!("${}::{}", i + 1, array(c.ty))).collect();
    let names: Vec<_> = columns.iter().map(|c| c.name).collect();
    let cells: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| match c.ty {
            Ty::Bytes => format!("unhex(value ->> {i}) AS {}", c.name),
            Ty::Int | Ty::Text => format!("value ->> {i} AS {}", c.name),
        })
        .collect();
    (
        format!("UNNEST({}) AS u({})", arrays.join(", "), names.join(", ")),
        format!("(SELECT {} FROM json_each($1)) AS u", cells.join(", ")),
    )
}

fn bulk(name: &'static str, columns: &[Column], text: impl Fn(&str) -> String) -> Sql {
    let (postgres, sqlite) = source(columns);
    let types = columns.iter().map(|c| c.ty).collect();
    Sql { name, postgres: text(&postgres), sqlite: text(&sqlite), bulk: types }
}

/// Inserts many rows. `slot` names the number column that carries the slot; none when the table has no slot or the
/// columns name it.
pub(crate) fn insert(name: &'static str, table: &Table, slot: Option<&str>, conflict: OnConflict) -> Sql {
    insert_with(name, table, slot, &[], "", conflict)
}

/// Inserts rows made of the argument's cells and of columns of another table: `join` finds its row, `more` names the
/// columns and what goes into them.
pub(crate) fn insert_with(
    name: &'static str,
    table: &Table,
    slot: Option<&str>,
    more: &[(&str, &str)],
    join: &str,
    conflict: OnConflict,
) -> Sql {
    bulk(name, table.columns, |source| {
        let mut columns: Vec<&str> = slot.map(|_| "slot").into_iter().collect();
        let mut values: Vec<String> = slot.map(|no| format!("u.{no} & 1023")).into_iter().collect();
        columns.extend(table.columns.iter().map(|column| column.name));
        values.extend(table.columns.iter().map(|column| format!("u.{}", column.name)));
        columns.extend(more.iter().map(|(column, _)| *column));
        values.extend(more.iter().map(|(_, value)| (*value).to_owned()));
        let conflict = match conflict {
            OnConflict::Fail => String::new(),
            OnConflict::Nothing => " ON CONFLICT DO NOTHING".to_owned(),
            OnConflict::Update(how) => format!(" ON CONFLICT {how}"),
        };
        let (columns, values) = (columns.join(", "), values.join(", "));
        format!("INSERT INTO {} AS t ({columns}) SELECT {values} FROM {source}{join} WHERE true{conflict}", table.name)
    })
}

fn matches(table: &Table, slot: Option<&str>, keys: usize) -> String {
    let mut on: Vec<_> = slot.iter().map(|no| format!("t.slot = (u.{no} & 1023)")).collect();
    on.extend(table.columns[..keys].iter().map(|c| format!("t.{0} = u.{0}", c.name)));
    on.join(" AND ")
}

/// Updates many rows: the first `keys` columns find the row, the rest is written.
pub(crate) fn update(name: &'static str, table: &Table, slot: Option<&str>, keys: usize) -> Sql {
    let values: Vec<_> = table.columns[keys..].iter().map(|c| format!("u.{}", c.name)).collect();
    let set: Vec<_> = table.columns[keys..].iter().zip(&values).map(|(c, value)| (c.name, value.as_str())).collect();
    update_with(name, table, slot, keys, &set)
}

/// Updates many rows: the first `keys` columns find the row, `set` names the columns written and what goes into them.
pub(crate) fn update_with(
    name: &'static str,
    table: &Table,
    slot: Option<&str>,
    keys: usize,
    set: &[(&str, &str)],
) -> Sql {
    bulk(name, table.columns, |source| {
        let set: Vec<_> = set.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let on = matches(table, slot, keys);
        format!("UPDATE {} AS t SET {} FROM {source} WHERE {on}", table.name, set.join(", "))
    })
}

/// Deletes many rows by the table's columns.
pub(crate) fn delete(name: &'static str, table: &Table, slot: Option<&str>) -> Sql {
    bulk(name, table.columns, |source| {
        let (key, value) =
            slot.map_or((String::new(), String::new()), |no| ("slot, ".to_owned(), format!("u.{no} & 1023, ")));
        format!(
            "DELETE FROM {} WHERE ({key}{}) IN (SELECT {value}{} FROM {source})",
            table.name,
            table.list(""),
            table.list("u.")
        )
    })
}

/// Reads `columns` of many rows, each preceded by `ord`, the number that its key was given. The first column of
/// `table` is that number, the rest are the key. With `lock` the rows are locked in the order of `ord`: the caller
/// sorts its keys, so that two hosts never wait for each other.
pub(crate) fn touch(name: &'static str, table: &Table, slot: Option<&str>, columns: &str, lock: bool) -> Sql {
    let keys = Table { name: table.name, columns: &table.columns[1..] };
    let text = |source: &str, tail: &str| {
        let on = matches(&keys, slot, keys.columns.len());
        format!("SELECT u.ord, {columns} FROM {source} JOIN {} AS t ON {on} ORDER BY u.ord{tail}", table.name)
    };
    let (postgres, sqlite) = source(table.columns);
    let postgres = text(&postgres, if lock { " FOR UPDATE OF t" } else { "" });
    Sql { name, postgres, sqlite: text(&sqlite, ""), bulk: table.columns.iter().map(|c| c.ty).collect() }
}
