//! What there is to do, written down once: the rows of a small workspace, the rows of one running instance, and for each of
//! its approvals the rows it changes. The product itself wrote them; copies of them fill every database that is measured.

use crate::rows::{self, Change, Row, Snapshot, Table, Value};
use std::path::PathBuf;
use uuid::Uuid;
use zhupi_engine::ids::{SlotId, TenantId, UserId};

/// Approvals of one instance, one after another.
pub const LEVELS: u64 = 12;

/// Rows, each with the number of its table.
pub type Rows = Vec<(usize, Row)>;

pub struct Recipe {
    pub tables: Vec<Table>,
    /// Rows that are there once, with their tables.
    pub workspace: Rows,
    /// Rows of the instance that all others are copies of.
    pub original: Rows,
    pub original_id: Uuid,
    pub tenant: TenantId,
    /// Where the master key is that the rows were sealed with.
    pub key_file: PathBuf,
    pub approvals: Vec<Approval>,
}

/// One step of the instance.
pub struct Approval {
    pub actor: UserId,
    pub slot: SlotId,
    /// Header lines that show a session of the actor's.
    pub session: String,
    pub changes: Vec<Change>,
}

/// One approval of one instance; each is done once.
#[derive(Clone, Copy)]
pub struct Ticket {
    pub instance: Uuid,
    pub level: usize,
}

impl Recipe {
    /// Splits what a database holds after the instance began.
    pub fn split(tables: &[Table], begun: &Snapshot, id: Uuid) -> (Rows, Rows) {
        let all = begun
            .iter()
            .enumerate()
            .flat_map(|(table, rows)| rows.values().map(move |row| (table, row.clone())));
        let named = |table: usize| tables.get(table).map_or("", |table| table.name.as_str());
        all.partition(|(table, row)| !rows::speaks_of(row, id) || named(*table) == "idempotency")
    }

    /// The rows of the instance with number `n`.
    pub fn copy(&self, n: u64) -> impl Iterator<Item = (usize, Row)> + '_ {
        let (from, to) = (self.original_id, instance_id(n));
        self.original
            .iter()
            .map(move |(table, row)| (*table, row.iter().map(|value| value.about(from, to)).collect()))
    }

    /// The work with number `t` where there are `instances`: each instance gets its first approval before one gets its
    /// second, in an order that jumps about.
    pub fn ticket(&self, t: u64, instances: u64) -> Option<Ticket> {
        const STRIDE: u64 = 7_919;
        let level = t / instances;
        let n = (t % instances).wrapping_mul(STRIDE) % instances;
        (level < LEVELS).then(|| Ticket { instance: instance_id(n), level: level as usize })
    }

    /// `2 inserts, 1 update of tables …` of one approval in the middle, for the report.
    pub fn describe(&self) -> String {
        let Some(approval) = self.approvals.get(self.approvals.len() / 2) else { return String::new() };
        let name = |table: &usize| self.tables.get(*table).map_or("", |table| table.name.as_str()).to_owned();
        let bytes = |row: &Row| row.iter().map(size).sum::<usize>();
        let parts: Vec<String> = approval
            .changes
            .iter()
            .map(|change| match change {
                Change::Insert { table, row } => format!("insert {} ({} B)", name(table), bytes(row)),
                Change::Update { table, row, .. } => format!("update {} ({} B)", name(table), bytes(row)),
                Change::Delete { table, .. } => format!("delete {}", name(table)),
            })
            .collect();
        parts.join(", ")
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Int(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

/// Ids of copies grow, as those of the product do.
fn instance_id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0x0193_5000_0000_7000, 0x8000_0000_0000_0000 | n)
}
