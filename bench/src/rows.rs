//! Rows without a meaning: what the product wrote, seen as tables, columns and values. The floors write exactly these, so
//! they stay the product's equals when its schema changes, and share none of its code.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use uuid::Uuid;

/// A value of one of the three types of column there are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

pub type Row = Vec<Value>;

/// A table as the migrations made it.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Positions of the primary key's columns.
    pub key: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Int,
    Text,
    Bytes,
}

/// All rows of a database, by table and primary key.
pub type Snapshot = Vec<BTreeMap<Row, Row>>;

/// What an action did to one row. Tables are numbered as in the schema.
#[derive(Clone, Debug)]
pub enum Change {
    Insert { table: usize, row: Row },
    Update { table: usize, before: Row, row: Row },
    Delete { table: usize, row: Row },
}

impl Table {
    pub fn key_of(&self, row: &Row) -> Row {
        self.key.iter().filter_map(|&at| row.get(at).cloned()).collect()
    }

    pub fn column(&self, at: usize) -> &str {
        self.columns.get(at).map_or("", |column| &column.name)
    }

    /// `a, b, c`.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The tables of an SQLite database.
pub fn read_schema(db: &Connection) -> Result<Vec<Table>> {
    let mut names = db.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    names.into_iter().map(|name| read_table(db, name)).collect()
}

fn read_table(db: &Connection, name: String) -> Result<Table> {
    let mut info = db.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let found: Vec<(String, String, usize)> = info
        .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)? as usize)))?
        .collect::<Result<_>>()?;
    let mut key: Vec<(usize, usize)> =
        found.iter().enumerate().filter(|(_, it)| it.2 > 0).map(|(at, it)| (it.2, at)).collect();
    key.sort_unstable();
    let kind = |text: &str| match text {
        "BIGINT" | "INTEGER" => Kind::Int,
        "BYTEA" | "BLOB" => Kind::Bytes,
        _ => Kind::Text,
    };
    let columns = found.into_iter().map(|(name, text, _)| Column { name, kind: kind(&text) }).collect();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, at)| at).collect() })
}

/// Everything in an SQLite database.
pub fn read_all(db: &Connection, tables: &[Table]) -> Result<Snapshot> {
    tables.iter().map(|table| read_rows(db, table)).collect()
}

fn read_rows(db: &Connection, table: &Table) -> Result<BTreeMap<Row, Row>> {
    let mut statement = db.prepare(&format!("SELECT {} FROM {}", table.column_list(), table.name))?;
    let width = table.columns.len();
    let rows =
        statement.query_map([], |row| (0..width).map(|at| Ok(value_of(row.get_ref(at)?))).collect())?;
    rows.map(|row: Result<Row>| row.map(|row| (table.key_of(&row), row))).collect()
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// What happened between two snapshots to rows that speak of `id`.
pub fn changes(before: &Snapshot, after: &Snapshot, id: Uuid) -> Vec<Change> {
    let mut found = Vec::new();
    for (table, (old, new)) in before.iter().zip(after).enumerate() {
        for (key, row) in old {
            match new.get(key) {
                None => found.push(Change::Delete { table, row: row.clone() }),
                Some(now) if now != row => {
                    found.push(Change::Update { table, before: row.clone(), row: now.clone() })
                }
                Some(_) => {}
            }
        }
        let inserted = new.iter().filter(|(key, _)| !old.contains_key(*key));
        found.extend(inserted.map(|(_, row)| Change::Insert { table, row: row.clone() }));
    }
    found.retain(|change| match change {
        Change::Insert { row, .. } | Change::Delete { row, .. } | Change::Update { row, .. } => {
            speaks_of(row, id)
        }
    });
    found
}

/// Some value of the row is the id, or a text with the id in it.
pub fn speaks_of(row: &Row, id: Uuid) -> bool {
    let text = id.to_string();
    row.iter().any(|value| match value {
        Value::Bytes(bytes) => bytes == id.as_bytes(),
        Value::Text(it) => it.contains(&text),
        Value::Null | Value::Int(_) => false,
    })
}

impl Value {
    /// The same value about another instance, texts of any length included.
    pub fn about(&self, from: Uuid, to: Uuid) -> Value {
        match self {
            Value::Text(text) => Value::Text(text.replace(&from.to_string(), &to.to_string())),
            other => other.keyed(from, to),
        }
    }

    /// The same value about another instance where only ids matter: long texts keep their length and their content.
    pub fn keyed(&self, from: Uuid, to: Uuid) -> Value {
        match self {
            Value::Bytes(bytes) if bytes == from.as_bytes() => Value::Bytes(to.as_bytes().to_vec()),
            other => other.clone(),
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
