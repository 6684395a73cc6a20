//! The bare statements of a floor: one per changed row on SQLite, all of them joined into one on PostgreSQL.

use crate::rows::{Change, Kind, Row, Table, Value};
use tokio_postgres::types::Type;
use uuid::Uuid;

/// A text with `$1`-style parameters and what to put there.
pub struct Statement {
    pub text: String,
    pub values: Vec<Value>,
    pub kinds: Vec<Kind>,
}

impl Statement {
    fn empty() -> Self {
        Self { text: String::new(), values: Vec::new(), kinds: Vec::new() }
    }

    /// The values with the ids of another instance.
    pub fn values_about(&self, from: Uuid, to: Uuid) -> Vec<Value> {
        self.values.iter().map(|value| value.keyed(from, to)).collect()
    }

    /// The parameters' types for PostgreSQL.
    pub fn types(&self) -> Vec<Type> {
        let kind = |kind: &Kind| match kind {
            Kind::Int => Type::INT8,
            Kind::Text => Type::TEXT,
            Kind::Bytes => Type::BYTEA,
        };
        self.kinds.iter().map(kind).collect()
    }

    fn bind(&mut self, table: &Table, row: &Row, at: usize) -> String {
        self.values.push(row.get(at).cloned().unwrap_or(Value::Null));
        self.kinds.push(table.columns.get(at).map_or(Kind::Text, |column| column.kind));
        format!("${}", self.values.len())
    }

    fn write(&mut self, tables: &[Table], change: &Change) {
        match change {
            Change::Insert { table, row } => {
                let Some(table) = tables.get(*table) else { return };
                let places: Vec<String> =
                    (0..table.columns.len()).map(|at| self.bind(table, row, at)).collect();
                let (name, columns) = (&table.name, table.column_list());
                self.text += &format!("INSERT INTO {name} ({columns}) VALUES ({})", places.join(", "));
            }
            Change::Update { table, before, row } => {
                let Some(table) = tables.get(*table) else { return };
                let changed = (0..table.columns.len()).filter(|&at| before.get(at) != row.get(at));
                let set: Vec<String> = changed
                    .map(|at| format!("{} = {}", table.column(at), self.bind(table, row, at)))
                    .collect();
                let place = self.place(table, before);
                let seen = table.columns.iter().position(|column| column.name == "version");
                let seen = seen
                    .map_or(String::new(), |at| format!(" AND version = {}", self.bind(table, before, at)));
                self.text += &format!("UPDATE {} SET {} WHERE {place}{seen}", table.name, set.join(", "));
            }
            Change::Delete { table, row } => {
                let Some(table) = tables.get(*table) else { return };
                let place = self.place(table, row);
                self.text += &format!("DELETE FROM {} WHERE {place}", table.name);
            }
        }
    }

    fn place(&mut self, table: &Table, row: &Row) -> String {
        let parts: Vec<String> = table
            .key
            .iter()
            .map(|&at| format!("{} = {}", table.column(at), self.bind(table, row, at)))
            .collect();
        parts.join(" AND ")
    }
}

/// One statement per changed row. SQLite reads `$1` as a name, so its numbers are written `?1`.
pub fn for_sqlite(tables: &[Table], changes: &[Change]) -> Vec<Statement> {
    let one = |change: &Change| {
        let mut statement = Statement::empty();
        statement.write(tables, change);
        statement.text = statement.text.replace('$', "?");
        statement
    };
    changes.iter().map(one).collect()
}

/// One data-modifying statement for all changed rows; its answer counts the updated ones.
pub fn for_postgres(tables: &[Table], changes: &[Change]) -> Statement {
    let mut statement = Statement::empty();
    let mut updates = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        statement.text += if number == 0 { "WITH " } else { ", " };
        statement.text += &format!("c{number} AS (");
        statement.write(tables, change);
        statement.text += " RETURNING 1)";
        if matches!(change, Change::Update { .. }) {
            updates.push(format!("(SELECT count(*) FROM c{number})"));
        }
    }
    statement.text +=
        &format!(" SELECT {}", if updates.is_empty() { "1".to_owned() } else { updates.join(" + ") });
    statement
}
