//! Databases filled with copies of one instance.

use crate::recipe::Recipe;
use crate::rows::{Row, Table, Value};
use futures_util::SinkExt;
use rusqlite::{Connection, params_from_iter};
use std::path::Path;
use std::pin::pin;
use tokio_postgres::types::ToSql;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::{Client, NoTls};
use zhupi_store::Store;

/// A failure with its words; nobody but a person reads it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes an SQLite file with so many running instances.
pub async fn fill_sqlite(path: &Path, recipe: &Recipe, instances: u64) -> Result<(), Failure> {
    migrate(&format!("sqlite:{}", path.display())).await?;
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN")?;
    for (table, row) in &recipe.workspace {
        insert_sqlite(&db, recipe, *table, row)?;
    }
    for n in 0..instances {
        for (table, row) in recipe.copy(n) {
            insert_sqlite(&db, recipe, table, &row)?;
        }
        if n % 1000 == 0 {
            // Ctrl-C is seen between two polls.
            tokio::task::yield_now().await;
        }
    }
    db.execute_batch("COMMIT; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn insert_sqlite(db: &Connection, recipe: &Recipe, table: usize, row: &Row) -> Result<(), Failure> {
    let table = recipe.tables.get(table).ok_or("no such table")?;
    db.prepare_cached(&insert(table, '?'))?.execute(params_from_iter(row))?;
    Ok(())
}

/// Makes a PostgreSQL database with so many running instances, and tells its address.
pub async fn fill_postgres(
    server: &str,
    name: &str,
    recipe: &Recipe,
    instances: u64,
) -> Result<String, Failure> {
    let admin = connect(server).await?;
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} (FORCE)")).await?;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let url = address(server, name);
    migrate(&url).await?;
    let db = connect(&url).await?;
    for (table, row) in &recipe.workspace {
        let table = recipe.tables.get(*table).ok_or("no such table")?;
        let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(|value| value as _).collect();
        db.execute(&insert(table, '$'), &values).await?;
    }
    for (number, table) in recipe.tables.iter().enumerate() {
        copy_in(&db, recipe, number, table, instances).await?;
    }
    db.batch_execute("VACUUM ANALYZE").await?;
    db.batch_execute("CHECKPOINT").await?;
    Ok(url)
}

/// The same database once more, under another name.
pub async fn clone_postgres(server: &str, from: &str, name: &str) -> Result<String, Failure> {
    let admin = connect(server).await?;
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} (FORCE)")).await?;
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {from}")).await?;
    Ok(address(server, name))
}

async fn copy_in(
    db: &Client,
    recipe: &Recipe,
    number: usize,
    table: &Table,
    instances: u64,
) -> Result<(), Failure> {
    const AT_ONCE: usize = 4 << 20;
    if !recipe.original.iter().any(|(it, _)| *it == number) {
        return Ok(());
    }
    let copy = format!("COPY {} ({}) FROM STDIN", table.name, table.column_list());
    let mut n = 0;
    while n < instances {
        let mut text = String::with_capacity(AT_ONCE + AT_ONCE / 4);
        while n < instances && text.len() < AT_ONCE {
            for (_, row) in recipe.copy(n).filter(|(it, _)| *it == number) {
                write_line(&mut text, &row);
            }
            n += 1;
        }
        send(db, &copy, text).await?;
    }
    Ok(())
}

async fn send(db: &Client, copy: &str, text: String) -> Result<(), Failure> {
    let mut sink = pin!(db.copy_in(copy).await?);
    sink.send(BytesMut::from(text.as_str()).freeze()).await?;
    sink.finish().await?;
    Ok(())
}

fn write_line(text: &mut String, row: &Row) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            text.push('\t');
        }
        match value {
            Value::Null => text.push_str("\\N"),
            Value::Int(number) => text.push_str(&number.to_string()),
            Value::Text(it) => {
                let escaped =
                    it.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
                text.push_str(&escaped);
            }
            Value::Bytes(bytes) => {
                text.push_str("\\\\x");
                text.extend(bytes.iter().flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 15)]));
            }
        }
    }
    text.push('\n');
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

fn insert(table: &Table, mark: char) -> String {
    let places: Vec<String> = (1..=table.columns.len()).map(|n| format!("{mark}{n}")).collect();
    let (name, columns) = (&table.name, table.column_list());
    format!("INSERT INTO {name} ({columns}) VALUES ({}) ON CONFLICT DO NOTHING", places.join(", "))
}

async fn migrate(url: &str) -> Result<(), Failure> {
    let store = Store::open(url).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

/// A connection of our own, for preparing and for counting.
pub async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn address(server: &str, database: &str) -> String {
    server.rsplit_once('/').map_or_else(|| server.to_owned(), |(start, _)| format!("{start}/{database}"))
}
