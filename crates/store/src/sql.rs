//! A statement, its parameters and its rows, the same for both databases. How they travel: `sqlite.rs`, `postgres.rs`.

use crate::error::{Error, Result};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use std::sync::OnceLock;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;
use zhupi_engine::ids;

/// Every statement there is, so that a test can prepare each on both databases.
pub(crate) fn all() -> impl Iterator<Item = &'static Sql> {
    let files = [
        crate::store::ALL,
        crate::migrate::ALL,
        crate::instances::ALL,
        crate::search::ALL,
        crate::load::ALL,
        crate::check::ALL,
        crate::children::ALL,
        crate::copies::ALL,
        crate::commit::ALL,
        crate::commit::ALL_OF_BATCH,
        crate::commit::ALL_OF_LIST,
        crate::tasks::ALL,
        crate::history::ALL,
        crate::timers::ALL,
        crate::aliases::ALL,
        crate::tenants::ALL,
        crate::directory::ALL,
        crate::calendars::ALL,
        crate::absences::ALL,
        crate::sweeps::ALL,
        crate::sessions::ALL,
        crate::apps::ALL,
        crate::templates::ALL,
        crate::serials::ALL,
        crate::form_drafts::ALL,
        crate::files::ALL,
        crate::findings::ALL,
        crate::turns::ALL,
        crate::webhooks::ALL,
        crate::settings::ALL,
        crate::outbox::ALL,
        crate::retention::ALL,
        crate::esign::ALL,
        crate::seals::ALL,
        crate::bpm::ALL,
        crate::entities::ALL,
        crate::crm::ALL,
    ];
    files.into_iter().flatten().copied()
}

/// One statement: parameters are written `$1`, `$2`, … and are `TEXT`, `BIGINT` or `BYTEA`.
pub(crate) struct Sql {
    lite: &'static str,
    pg: &'static str,
    numbered: OnceLock<String>,
    guarded: OnceLock<String>,
}

impl Sql {
    /// One text for both.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self::both(text, text)
    }

    /// For the few places where the databases differ. An empty text: not used on that one.
    pub(crate) const fn both(lite: &'static str, pg: &'static str) -> Self {
        Self { lite, pg, numbered: OnceLock::new(), guarded: OnceLock::new() }
    }

    /// The text for SQLite, where `$1` would be a name and numbered by its first appearance.
    pub(crate) fn lite(&self) -> &str {
        self.numbered.get_or_init(|| self.lite.replace('$', "?"))
    }

    /// The text for PostgreSQL.
    pub(crate) fn pg(&self) -> &'static str {
        self.pg
    }

    /// The text for PostgreSQL as part of a list: it fails (by dividing by zero) unless exactly one row is written, and
    /// so takes the rest of the list with it, without a round trip to look at the count.
    pub(crate) fn guarded(&self) -> &str {
        self.guarded.get_or_init(|| {
            format!("WITH written AS ({} RETURNING 1) SELECT 1 / (count(*) = 1)::int FROM written", self.pg)
        })
    }
}

/// A statement of a write, with how many rows it must touch.
pub(crate) struct Stmt {
    pub(crate) sql: &'static Sql,
    pub(crate) params: Vec<P>,
    pub(crate) expect: Expect,
}

/// Short for a [`Stmt`].
pub(crate) fn stmt(sql: &'static Sql, params: Vec<P>, expect: Expect) -> Stmt {
    Stmt { sql, params, expect }
}

/// How many rows a statement must touch for the list to be committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expect {
    /// Exactly one. The statement has no `RETURNING` of its own.
    One,
    /// Any number, none too.
    Any,
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Written {
    /// It is on the disk.
    Done,
    /// A statement touched another number of rows than it had to; nothing was written.
    Conflict,
}

impl Written {
    /// For writes whose callers have nothing to do on a conflict but to say so.
    pub(crate) fn or_conflict(self) -> Result<()> {
        match self {
            Written::Done => Ok(()),
            Written::Conflict => Err(Error::Conflict),
        }
    }
}

/// A parameter.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum P {
    Null,
    I64(i64),
    Text(String),
    Bytes(Vec<u8>),
    Id([u8; 16]),
    Hash([u8; 32]),
}

macro_rules! from {
    ($($type:ty: $value:ident => $p:expr;)+) => {$(
        impl From<$type> for P {
            fn from($value: $type) -> Self {
                $p
            }
        }
    )+};
}

from! {
    i64: it => P::I64(it);
    u32: it => P::I64(it.into());
    bool: it => P::I64(it.into());
    String: it => P::Text(it);
    &str: it => P::Text(it.to_owned());
    Vec<u8>: it => P::Bytes(it);
    &[u8]: it => P::Bytes(it.to_vec());
    [u8; 32]: it => P::Hash(it);
    Uuid: it => P::Id(it.into_bytes());
    ids::TenantId: it => it.0.into();
    ids::UserId: it => it.0.into();
    ids::DepartmentId: it => it.0.into();
    ids::RoleId: it => it.0.into();
    ids::GroupId: it => it.0.into();
    ids::TemplateId: it => it.0.into();
    ids::InstanceId: it => it.0.into();
    ids::FileId: it => it.0.into();
    ids::CalendarId: it => it.0.into();
    ids::AbsenceId: it => it.0.into();
}

impl<T: Into<P>> From<Option<T>> for P {
    fn from(value: Option<T>) -> Self {
        value.map_or(P::Null, Into::into)
    }
}

impl rusqlite::ToSql for P {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            P::Null => ValueRef::Null,
            P::I64(it) => ValueRef::Integer(*it),
            P::Text(it) => ValueRef::Text(it.as_bytes()),
            P::Bytes(it) => ValueRef::Blob(it),
            P::Id(it) => ValueRef::Blob(it),
            P::Hash(it) => ValueRef::Blob(it),
        }))
    }
}

impl ToSql for P {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, ty) {
            (P::Null, _) => Ok(IsNull::Yes),
            (P::I64(it), &Type::INT8) => it.to_sql(ty, out),
            (P::I64(it), &Type::INT4) => i32::try_from(*it)?.to_sql(ty, out),
            (P::Text(it), &Type::TEXT) => it.to_sql(ty, out),
            (P::Bytes(it), &Type::BYTEA) => it.as_slice().to_sql(ty, out),
            (P::Id(it), &Type::BYTEA) => it.as_slice().to_sql(ty, out),
            (P::Hash(it), &Type::BYTEA) => it.as_slice().to_sql(ty, out),
            _ => Err(format!("the statement wants {ty} for another kind of value").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row of an answer; columns are counted from 0.
pub(crate) enum Row {
    Lite(Vec<Value>),
    Pg(tokio_postgres::Row),
}

impl Row {
    pub(crate) fn i64(&self, column: usize) -> Result<i64> {
        self.opt_i64(column)?.ok_or_else(|| unfit(column))
    }

    pub(crate) fn u32(&self, column: usize) -> Result<u32> {
        u32::try_from(self.i64(column)?).map_err(|_| unfit(column))
    }

    pub(crate) fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.i64(column)? != 0)
    }

    pub(crate) fn text(&self, column: usize) -> Result<String> {
        self.opt_text(column)?.ok_or_else(|| unfit(column))
    }

    /// A text that is only looked at, without copying it.
    pub(crate) fn str(&self, column: usize) -> Result<&str> {
        match self {
            Row::Lite(values) => match values.get(column) {
                Some(Value::Text(it)) => Ok(it),
                _ => Err(unfit(column)),
            },
            Row::Pg(row) => row.try_get(column).map_err(|_| unfit(column)),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        self.opt_bytes(column)?.ok_or_else(|| unfit(column))
    }

    pub(crate) fn uuid(&self, column: usize) -> Result<Uuid> {
        self.opt_uuid(column)?.ok_or_else(|| unfit(column))
    }

    pub(crate) fn hash(&self, column: usize) -> Result<[u8; 32]> {
        self.bytes(column)?.try_into().map_err(|_| unfit(column))
    }

    pub(crate) fn opt_i64(&self, column: usize) -> Result<Option<i64>> {
        match self {
            Row::Lite(values) => match values.get(column) {
                Some(Value::Integer(it)) => Ok(Some(*it)),
                Some(Value::Null) => Ok(None),
                _ => Err(unfit(column)),
            },
            Row::Pg(row) => get(row, column),
        }
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<String>> {
        match self {
            Row::Lite(values) => match values.get(column) {
                Some(Value::Text(it)) => Ok(Some(it.clone())),
                Some(Value::Null) => Ok(None),
                _ => Err(unfit(column)),
            },
            Row::Pg(row) => get(row, column),
        }
    }

    pub(crate) fn opt_bytes(&self, column: usize) -> Result<Option<Vec<u8>>> {
        match self {
            Row::Lite(values) => match values.get(column) {
                Some(Value::Blob(it)) => Ok(Some(it.clone())),
                Some(Value::Null) => Ok(None),
                _ => Err(unfit(column)),
            },
            Row::Pg(row) => get(row, column),
        }
    }

    pub(crate) fn opt_uuid(&self, column: usize) -> Result<Option<Uuid>> {
        let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).map(Some).map_err(|_| unfit(column));
        match self {
            Row::Lite(values) => match values.get(column) {
                Some(Value::Blob(it)) => uuid(it),
                Some(Value::Null) => Ok(None),
                _ => Err(unfit(column)),
            },
            Row::Pg(row) => match row.try_get::<_, Option<&[u8]>>(column) {
                Ok(Some(it)) => uuid(it),
                Ok(None) => Ok(None),
                Err(_) => Err(unfit(column)),
            },
        }
    }
}

fn get<T: FromSqlOwned>(row: &tokio_postgres::Row, column: usize) -> Result<Option<T>> {
    row.try_get(column).map_err(|_| unfit(column))
}

fn unfit(column: usize) -> Error {
    Error::corrupt(format!("column {column} of the answer is not of the kind it must be"))
}
