//! What the two databases call differently in a migration.

/// A migration as SQLite reads it. Tables marked as clustered are kept in the order of their primary key, which saves
/// a second tree for tables that are only ever reached by it.
pub(crate) fn lite(migration: &str) -> String {
    migration.replace("BYTEA", "BLOB").replace("/* clustered */", "WITHOUT ROWID")
}

/// A migration as PostgreSQL reads it.
pub(crate) fn pg(migration: &str) -> &str {
    migration
}
