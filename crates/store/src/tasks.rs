//! Tasks: one row for each slot somebody was asked in and for each person who was told. The rows follow from the
//! instance; they exist so that every box of every person is one flat range of an index.

use crate::error::{Error, Result};
use crate::instances::{COUNTED, status};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Row, Sql};
use crate::store::Store;
use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, NodeId, SlotId, TemplateId, TenantId, UserId};
use zhupi_engine::instance::{CcEntry, Slot, SlotState, Visit, VisitKind};
use zhupi_engine::{Instance, Status};

pub(crate) static ALL: &[&Sql] = &[&LIST, &LIST_OF_TEMPLATE, &LIST_MINE, &LIST_MINE_OF_TEMPLATE, &COUNT];

macro_rules! list {
    ($also:literal) => {
        concat!(
            "SELECT t.instance_id, t.kind, t.n, t.at, t.node_id, t.is_read, i.title, i.template_id,
                    i.template_version, i.initiator_id, i.status, i.business_key, i.created_at, i.updated_at, i.serial
             FROM tasks t JOIN instances i ON i.tenant_id = t.tenant_id AND i.id = t.instance_id
             WHERE t.tenant_id = $1 AND t.person_id = $2 AND t.box = $3
             AND (t.at, t.instance_id, t.kind, t.n) < ($4, $5, $6, $7)",
            $also,
            " ORDER BY t.at DESC, t.instance_id DESC, t.kind DESC, t.n DESC LIMIT $8"
        )
    };
}

/// As `list!`, of the instances a person asked for himself; a filter that no index serves hides in a `CASE`.
macro_rules! list_mine {
    ($also:literal) => {
        concat!(
            "SELECT id, CAST(2 AS BIGINT), CAST(0 AS BIGINT), created_at, '', CAST(1 AS BIGINT), title, template_id,
                    template_version, initiator_id, status, business_key, created_at, updated_at, serial
             FROM instances WHERE tenant_id = $1 AND initiator_id = $2 AND (created_at, id) < ($3, $4)",
            $also,
            " ORDER BY created_at DESC, id DESC LIMIT $5"
        )
    };
}

pub(crate) static LIST: Sql = Sql::new(list!(""));
pub(crate) static LIST_OF_TEMPLATE: Sql = Sql::new(list!(" AND t.template_id = $9"));
pub(crate) static LIST_MINE: Sql = Sql::new(list_mine!(""));
pub(crate) static LIST_MINE_OF_TEMPLATE: Sql =
    Sql::new(list_mine!(" AND CASE WHEN template_id = $6 THEN 1 ELSE 0 END = 1"));

macro_rules! count_box {
    ($number:literal) => {
        concat!(
            "(SELECT count(*) FROM (SELECT 1 FROM tasks WHERE tenant_id = $1 AND person_id = $2 AND box = ",
            $number,
            " LIMIT $3) AS found)"
        )
    };
}

static COUNT: Sql = Sql::new(concat!(
    "SELECT ",
    count_box!("0"),
    ", ",
    count_box!("1"),
    ", ",
    count_box!("2"),
    ", (SELECT count(*) FROM (SELECT 1 FROM instances WHERE tenant_id = $1 AND initiator_id = $2 LIMIT $3) AS found)"
));

/// The four lists each person has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TaskBox {
    /// He is asked.
    Todo,
    /// He decided.
    Done,
    /// He was told.
    Cc,
    /// He asked.
    Mine,
}

/// Which tasks; what is absent does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TaskFilter {
    /// After which template.
    pub template: Option<TemplateId>,
}

/// What a row of a box stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskKind {
    /// A place to decide.
    Slot(SlotId),
    /// A person told: his place in the instance's list.
    Cc(u32),
    /// An instance of one's own.
    Instance,
}

/// A row of a box; times in microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskRow {
    /// Of which instance.
    pub instance: InstanceId,
    /// What it stands for.
    pub kind: TaskKind,
    /// When it came into this box; the box is sorted by it, from new to old.
    pub at: i64,
    /// At which node; absent for people told at submit or at the end, and for instances of one's own.
    pub node: Option<NodeId>,
    /// Of people told: whether he opened it.
    pub is_read: bool,
    /// The instance's title.
    pub title: String,
    /// Its serial number, where its template numbers its instances.
    pub serial: Option<String>,
    /// After which template.
    pub template: TemplateId,
    /// In which version.
    pub template_version: u32,
    /// Who asked.
    pub initiator: UserId,
    /// Where the instance stands.
    pub status: Status,
    /// What another system calls the matter.
    pub business_key: Option<String>,
    /// When the instance was made.
    pub created_at: i64,
    /// When its last command was accepted.
    pub updated_at: i64,
}

impl TaskRow {
    /// The slot, where it stands for one.
    pub fn slot(&self) -> Option<SlotId> {
        match self.kind {
            TaskKind::Slot(slot) => Some(slot),
            TaskKind::Cc(_) | TaskKind::Instance => None,
        }
    }

    fn cursor(&self) -> Cursor {
        let (kind, n) = match self.kind {
            TaskKind::Slot(slot) => (SLOT, slot.0),
            TaskKind::Cc(n) => (CC, n),
            TaskKind::Instance => (0, 0),
        };
        Cursor { at: self.at, id: self.instance.0, kind, n: n.into() }
    }
}

/// How many rows are in each box, by at most one more than [`COUNTED`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BoxCounts {
    /// He is asked.
    pub todo: u32,
    /// He decided.
    pub done: u32,
    /// He was told.
    pub cc: u32,
    /// He asked.
    pub mine: u32,
}

impl Store {
    /// One box of one person, from new to old.
    pub async fn list_tasks(
        &self,
        tenant: TenantId,
        person: UserId,
        which: TaskBox,
        filter: &TaskFilter,
        page: &Page,
    ) -> Result<PageOf<TaskRow>> {
        let from = page.before();
        let mut params = vec![tenant.into(), person.into()];
        let sql = match (which, filter.template) {
            (TaskBox::Mine, template) => {
                params.extend([from.at.into(), from.id.into(), page.fetch().into()]);
                if template.is_some() { &LIST_MINE_OF_TEMPLATE } else { &LIST_MINE }
            }
            (which, template) => {
                params.extend([box_number(which).into(), from.at.into(), from.id.into()]);
                params.extend([from.kind.into(), from.n.into(), page.fetch().into()]);
                if template.is_some() { &LIST_OF_TEMPLATE } else { &LIST }
            }
        };
        params.extend(filter.template.map(Into::into));
        let rows = self.query(sql, params).await?.iter().map(listed).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, TaskRow::cursor))
    }

    /// How full the boxes of a person are.
    pub async fn count_boxes(&self, tenant: TenantId, person: UserId) -> Result<BoxCounts> {
        let params = vec![tenant.into(), person.into(), (COUNTED + 1).into()];
        let Some(row) = self.query_one_opt(&COUNT, params).await? else { return Ok(BoxCounts::default()) };
        Ok(BoxCounts { todo: row.u32(0)?, done: row.u32(1)?, cc: row.u32(2)?, mine: row.u32(3)? })
    }
}

const SLOT: i64 = 0;
const CC: i64 = 1;
const OWN: i64 = 2;

pub(crate) const TODO: i64 = 0;
const DONE: i64 = 1;
const TOLD: i64 = 2;
const CLOSED: i64 = 3;

/// As it is kept; `Mine` is not, since those are instances.
fn box_number(which: TaskBox) -> i64 {
    match which {
        TaskBox::Todo => TODO,
        TaskBox::Done => DONE,
        TaskBox::Cc => TOLD,
        TaskBox::Mine => CLOSED,
    }
}

fn listed(row: &Row) -> Result<TaskRow> {
    let node = row.text(4)?;
    Ok(TaskRow {
        instance: row.uuid(0)?.into(),
        kind: match row.i64(1)? {
            SLOT => TaskKind::Slot(SlotId(row.u32(2)?)),
            CC => TaskKind::Cc(row.u32(2)?),
            OWN => TaskKind::Instance,
            other => return Err(Error::corrupt(format!("{other} is no kind of a task"))),
        },
        at: row.i64(3)?,
        node: if node.is_empty() { None } else { Some(NodeId(node)) },
        is_read: row.flag(5)?,
        title: row.text(6)?,
        template: row.uuid(7)?.into(),
        template_version: row.u32(8)?,
        initiator: row.uuid(9)?.into(),
        status: status(row.i64(10)?)?,
        business_key: row.opt_text(11)?,
        created_at: row.i64(12)?,
        updated_at: row.i64(13)?,
        serial: row.opt_text(14)?,
    })
}

/// A row of `tasks` that is new or different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TaskChange {
    pub(crate) kind: i64,
    pub(crate) n: i64,
    pub(crate) person: Uuid,
    pub(crate) in_box: i64,
    pub(crate) at: i64,
    pub(crate) node: String,
    pub(crate) is_read: bool,
}

/// From the columns kind, n, person_id, box, at, node_id and is_read.
pub(crate) fn kept(row: &Row) -> Result<TaskChange> {
    Ok(TaskChange {
        kind: row.i64(0)?,
        n: row.i64(1)?,
        person: row.uuid(2)?,
        in_box: row.i64(3)?,
        at: row.i64(4)?,
        node: row.text(5)?,
        is_read: row.flag(6)?,
    })
}

/// A row in the words of an operator.
pub(crate) fn named(kind: i64, n: i64) -> String {
    match kind {
        SLOT => format!("task {n}"),
        CC => format!("copy {n}"),
        other => format!("task {n} of the unknown kind {other}"),
    }
}

/// What an accepted command changes among the tasks of its instance.
pub(crate) fn changes(before: Option<&Instance>, next: &Instance) -> Vec<TaskChange> {
    let old_slot = |visit: &Visit, slot: &Slot| {
        let visit = before?.visit(visit.id)?;
        of_slot(visit, visit.slots.iter().find(|it| it.id == slot.id)?)
    };
    let slots = next.visits.iter().flat_map(|visit| visit.slots.iter().map(move |slot| (visit, slot)));
    let slots = slots.filter_map(|(visit, slot)| different(old_slot(visit, slot), of_slot(visit, slot)?));
    let old_cc = |n: usize| Some(of_cc(n, before?.cc.get(n)?));
    let told = next.cc.iter().enumerate();
    let told = told.filter_map(|(n, entry)| different(old_cc(n), of_cc(n, entry)));
    slots.chain(told).collect()
}

fn different(before: Option<TaskChange>, next: TaskChange) -> Option<TaskChange> {
    if before.as_ref() == Some(&next) { None } else { Some(next) }
}

/// The row of a slot: in the box of the person asked, then of the one who decided. A slot that nobody was ever asked in
/// has none.
fn of_slot(visit: &Visit, slot: &Slot) -> Option<TaskChange> {
    let opened_at = visit.opened_at.as_microsecond();
    let asked_at = slot.pending_at.map(Timestamp::as_microsecond);
    let asked = |in_box| asked_at.map(|at| (in_box, slot.assignee, at));
    let decided = || slot.decided.as_ref().map(|it| (DONE, it.by, it.at.as_microsecond()));
    let (in_box, person, at) = match slot.state {
        SlotState::Pending => (TODO, slot.assignee, asked_at.unwrap_or(opened_at)),
        SlotState::Offered => (TODO, slot.assignee, opened_at),
        SlotState::Taken => (CLOSED, slot.assignee, opened_at),
        SlotState::Approved | SlotState::Rejected | SlotState::Abstained | SlotState::Returned => {
            decided().or_else(|| asked(CLOSED))?
        }
        SlotState::Waiting | SlotState::Auto(_) | SlotState::AutoRejected(_) => {
            decided().or_else(|| asked(CLOSED))?
        }
        SlotState::Queued | SlotState::Removed => asked(CLOSED)?,
        // The others of a pool were asked without it ever being their turn.
        SlotState::NotNeeded | SlotState::Cancelled if visit.kind == VisitKind::Pool => {
            (CLOSED, slot.assignee, asked_at.unwrap_or(opened_at))
        }
        SlotState::NotNeeded | SlotState::Cancelled => decided().or_else(|| asked(CLOSED))?,
    };
    let node = visit.node.0.clone();
    Some(TaskChange { kind: SLOT, n: slot.id.0.into(), person: person.0, in_box, at, node, is_read: true })
}

fn of_cc(n: usize, entry: &CcEntry) -> TaskChange {
    TaskChange {
        kind: CC,
        n: i64::try_from(n).unwrap_or(i64::MAX),
        person: entry.user.0,
        in_box: TOLD,
        at: entry.at.as_microsecond(),
        node: entry.node.as_ref().map(|it| it.0.clone()).unwrap_or_default(),
        is_read: entry.read_at.is_some(),
    }
}
