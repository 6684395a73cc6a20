//! What the two databases call differently in a migration.

/// A migration as SQLite reads it. Tables marked as clustered are kept in the order of their primary key, which saves
/// a second tree for tables that are only ever reached by it.
pub(crate) fn lite(migration: &str) -> String {
    migration.replace("BYTEA", "BLOB").replace("/* clustered */", "WITHOUT ROWID")
}

/// A migration as PostgreSQL reads it. Tables marked as updated often keep room in their pages, so that a new version of
/// a row stays in its page and no index has to learn of it.
pub(crate) fn pg(migration: &str) -> String {
    migration.replace("/* updated often */", "WITH (fillfactor = 70)")
}
