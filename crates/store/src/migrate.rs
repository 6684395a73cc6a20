//! Migrations: numbered, forwards only, safe when several nodes start at once.

use crate::error::{Error, Result};
use crate::sql::Sql;
use crate::sqlite;
use crate::store::{Db, Store};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

/// In the order they run. A number is never used twice, and a migration that was released never changes.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "core", text: include_str!("../migrations/0001_core.sql") },
    Migration { number: 2, name: "people", text: include_str!("../migrations/0002_people.sql") },
    Migration {
        number: 3,
        name: "templates_files",
        text: include_str!("../migrations/0003_templates_files.sql"),
    },
    Migration { number: 4, name: "delivery", text: include_str!("../migrations/0004_delivery.sql") },
    Migration { number: 11, name: "crm", text: include_str!("../migrations/0011_crm.sql") },
    Migration { number: 12, name: "esign", text: include_str!("../migrations/0012_esign.sql") },
    Migration { number: 13, name: "bpm", text: include_str!("../migrations/0013_bpm.sql") },
    Migration { number: 18, name: "entities", text: include_str!("../migrations/0018_entities.sql") },
    Migration { number: 20, name: "calendars", text: include_str!("../migrations/0020_calendars.sql") },
    Migration { number: 30, name: "forms", text: include_str!("../migrations/0030_forms.sql") },
    Migration { number: 31, name: "findings", text: include_str!("../migrations/0031_findings.sql") },
    Migration { number: 32, name: "turns", text: include_str!("../migrations/0032_turns.sql") },
    Migration { number: 34, name: "copies", text: include_str!("../migrations/0034_copies.sql") },
    Migration { number: 35, name: "retention", text: include_str!("../migrations/0035_retention.sql") },
    Migration { number: 36, name: "children", text: include_str!("../migrations/0036_children.sql") },
    Migration { number: 37, name: "search", text: include_str!("../migrations/0037_search.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";

pub(crate) static ALL: &[&Sql] = &[&APPLIED];
static APPLIED: Sql = Sql::new("SELECT number FROM migrations ORDER BY number");

struct Migration {
    number: i64,
    name: &'static str,
    text: &'static str,
}

impl Store {
    /// Brings the schema up to date; does nothing when it is. A database that a newer Zhupi has been at is refused.
    pub async fn migrate(&self) -> Result<()> {
        match self.db() {
            Db::Lite(lite) => lite.run(|db| Ok(db.execute_batch(TABLE)?)).await?,
            Db::Pg { pg, .. } => pg.make_migrations(TABLE).await?,
        }
        let applied = self.applied().await?;
        let known = MIGRATIONS.iter().map(|it| it.number).max().unwrap_or(0);
        if let Some(&found) = applied.iter().find(|it| !MIGRATIONS.iter().any(|ours| ours.number == **it)) {
            return Err(Error::Newer { found, known });
        }
        for migration in MIGRATIONS.iter().filter(|it| !applied.contains(&it.number)) {
            self.apply(migration).await?;
            tracing::info!(number = migration.number, name = migration.name, "migrated");
        }
        Ok(())
    }

    async fn applied(&self) -> Result<BTreeSet<i64>> {
        self.query(&APPLIED, vec![]).await?.iter().map(|row| row.i64(0)).collect()
    }

    async fn apply(&self, &Migration { number, name, text }: &Migration) -> Result<()> {
        let at = now();
        match self.db() {
            Db::Lite(lite) => lite.run(move |db| sqlite::migrate(db, number, name, text, at)).await,
            Db::Pg { pg, .. } => pg.migrate(number, name, text, at).await,
        }
    }
}

/// The only clock of this crate; it dates migrations.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
