//! What can go wrong between us and the database. A row that is not there is no error: those functions answer `None`.

/// Of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed the row since it was read; nothing was written. Load and decide again.
    #[error("changed by somebody else in the meantime")]
    Conflict,
    /// A row with this key is there already; nothing was written.
    #[error("`{what}` holds such a row already")]
    Duplicate {
        /// The table.
        what: String,
    },
    /// The database does not answer, or not in time. Nothing is known to be lost; trying again may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while a write was under way, and it could not be found out whether it was committed.
    #[error("whether it was written is unknown: {0}")]
    OutcomeUnknown(String),
    /// A row cannot be what we wrote.
    #[error("damaged data: {what}")]
    Corrupt {
        /// Which row or file, and why.
        what: String,
    },
    /// The disk refuses.
    #[error("disk: {0}")]
    Io(String),
    /// The database refuses a statement: a mistake of ours.
    #[error("statement refused: {0}")]
    Statement(String),
    /// A newer Zhupi has been at this database.
    #[error(
        "the database has migration {found}, which this version of zhupi does not know (it knows up to {known}); start a newer zhupi"
    )]
    Newer {
        /// What it has.
        found: i64,
        /// What we have.
        known: i64,
    },
    /// There is nothing at the address, and nothing was asked to be made there.
    #[error("there is no database at {0}")]
    Missing(String),
    /// The database is somebody else's, or nobody has run our migrations yet.
    #[error("the database has no table `migrations`, so it is not one that zhupi made")]
    Foreign,
    /// The address cannot be read.
    #[error("database address: {0}")]
    Address(String),
}

impl Error {
    /// A damaged row, told by what is wrong with it.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Error::Corrupt { what: what.into() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::ConstraintViolation) => constraint(text),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::Unavailable(text),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Error::Corrupt { what: text },
            Some(Code::DiskFull | Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly) => {
                Error::Io(text)
            }
            _ => Error::Statement(text),
        }
    }
}

/// `UNIQUE constraint failed: idempotency.tenant_id, …` names the table; other constraints are mistakes of ours.
fn constraint(text: String) -> Error {
    match text.strip_prefix("UNIQUE constraint failed: ").and_then(|columns| columns.split_once('.')) {
        Some((table, _)) => Error::Duplicate { what: table.to_owned() },
        None => Error::Statement(text),
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        let Some(db) = error.as_db_error() else {
            return Error::Unavailable(with_causes(&error));
        };
        let code = db.code();
        let text = format!("{} ({})", db.message(), code.code());
        if *code == SqlState::UNIQUE_VIOLATION {
            return Error::Duplicate { what: db.table().unwrap_or("?").to_owned() };
        }
        // A guarded statement divides by zero when it meets another number of rows than expected (`Sql::guarded`).
        if [SqlState::DIVISION_BY_ZERO, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED]
            .contains(code)
        {
            return Error::Conflict;
        }
        match code.code().get(..2) {
            // Connections, resources, operators, the system itself; and a standby that does not take writes (yet).
            Some("08" | "53" | "57" | "58") => Error::Unavailable(text),
            Some("25") if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Error::Unavailable(text),
            Some("XX") if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => {
                Error::Corrupt { what: text }
            }
            _ => Error::Statement(text),
        }
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Error::Unavailable(with_causes(&error))
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
