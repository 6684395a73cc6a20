//! Many changes as one statement over arrays, one array for each column. Every row names the change it belongs to by its
//! place `n`, and is written only if that change's version matched.

use crate::change::{Change, IdempotencyRow, NewDelivery, TimerChange};
use crate::error::{Error, Result};
use crate::postgres::Pg;
use crate::sql::Sql;
use crate::tasks::TaskChange;
use tokio_postgres::types::ToSql;

pub(crate) static ALL: &[&Sql] = &[&DECIDE, &DECIDE_TIMED, &WRITE];

/// What follows from every change that matched.
macro_rules! consequences {
    () => {
        "history_rows AS (
             INSERT INTO history (tenant_id, instance_id, seq, at, actor_id, command, body, hash)
             SELECT tenant_id, id, version, updated_at, actor_id, command, body, head FROM matched
         ), task_rows AS (
             INSERT INTO tasks (tenant_id, instance_id, kind, n, person_id, box, at, template_id, node_id, is_read)
             SELECT m.tenant_id, m.id, t.kind, t.n, t.person_id, t.box, t.at, m.template_id, t.node_id, t.is_read
             FROM unnest($15::bigint[], $16::bigint[], $17::bigint[], $18::bytea[], $19::bigint[], $20::bigint[],
                         $21::text[], $22::bigint[])
                  AS t (change, kind, n, person_id, box, at, node_id, is_read)
             JOIN matched m ON m.n = t.change
             ON CONFLICT (tenant_id, instance_id, kind, n)
             DO UPDATE SET person_id = excluded.person_id, box = excluded.box, at = excluded.at,
                           is_read = excluded.is_read, node_id = excluded.node_id
         ), deliveries AS (
             INSERT INTO outbox (tenant_id, id, instance_id, seq, kind, target, payload, state, attempts, next_at,
                                 lease_until, created_at)
             SELECT m.tenant_id, d.id, m.id, m.version, d.kind, d.target, d.payload, 0, 0, d.due_at, 0, m.updated_at
             FROM unnest($23::bigint[], $24::bytea[], $25::text[], $26::text[], $27::text[], $28::bigint[])
                  AS d (change, id, kind, target, payload, due_at)
             JOIN matched m ON m.n = d.change
         )"
    };
}

/// The timers of every change that matched.
macro_rules! timer_rows {
    () => {
        ", timers_set AS (
             INSERT INTO timers (tenant_id, instance_id, name, fire_at, payload, lease_until)
             SELECT m.tenant_id, m.id, s.name, s.fire_at, '', 0
             FROM unnest($29::bigint[], $30::text[], $31::bigint[]) AS s (change, name, fire_at)
             JOIN matched m ON m.n = s.change
             ON CONFLICT (tenant_id, instance_id, name)
             DO UPDATE SET fire_at = excluded.fire_at, lease_until = 0
         ), timers_cancelled AS (
             DELETE FROM timers USING unnest($32::bigint[], $33::text[]) AS gone (change, name), matched m
             WHERE m.n = gone.change AND timers.tenant_id = m.tenant_id AND timers.instance_id = m.id
             AND timers.name = gone.name
         )"
    };
}

/// Changes of instances that are there.
macro_rules! decisions {
    () => {
        "WITH change AS (
             SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
                                  $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::bytea[],
                                  $13::text[], $14::text[])
             WITH ORDINALITY AS change (tenant_id, id, before, version, head, template_id, status, title, updated_at,
                                        ended_at, state, actor_id, command, body, n)
         ), matched AS (
             UPDATE instances i SET version = c.version, head = c.head, status = c.status, title = c.title,
                                    updated_at = c.updated_at, ended_at = c.ended_at, state = c.state
             FROM change c WHERE i.tenant_id = c.tenant_id AND i.id = c.id AND i.version = c.before
             RETURNING c.n, c.tenant_id, c.id, c.version, c.head, c.template_id, c.updated_at, c.actor_id, c.command,
                       c.body
         ), "
    };
}

/// Changes of instances that are there, without keys: nearly all there are. PostgreSQL sets up every part of a statement
/// before it runs it, whether there are rows for it or not, so what is not needed is left out.
static DECIDE: Sql = Sql::both("", concat!(decisions!(), consequences!(), " SELECT n FROM matched"));

/// The same with timers.
static DECIDE_TIMED: Sql =
    Sql::both("", concat!(decisions!(), consequences!(), timer_rows!(), " SELECT n FROM matched"));

static WRITE: Sql = Sql::both(
    "",
    concat!(
        "WITH change AS MATERIALIZED (
             SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
                                  $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::bytea[],
                                  $13::text[], $14::text[], $34::bigint[], $35::bytea[], $36::text[], $37::bigint[],
                                  $44::text[])
             WITH ORDINALITY AS change (tenant_id, id, before, version, head, template_id, status, title, updated_at,
                                        ended_at, state, actor_id, command, body, template_version, initiator_id,
                                        business_key, created_at, serial, n)
         ), changed AS (
             UPDATE instances i SET version = c.version, head = c.head, status = c.status, title = c.title,
                                    updated_at = c.updated_at, ended_at = c.ended_at, state = c.state,
                                    template_version = c.template_version
             FROM change c WHERE i.tenant_id = c.tenant_id AND i.id = c.id AND i.version = c.before AND c.before > 0
             RETURNING c.n
         ), added AS (
             INSERT INTO instances (tenant_id, id, version, head, template_id, template_version, initiator_id, status,
                                    title, business_key, created_at, updated_at, ended_at, state, serial)
             SELECT tenant_id, id, version, head, template_id, template_version, initiator_id, status, title,
                    business_key, created_at, updated_at, ended_at, state, serial
             FROM change WHERE before = 0 ON CONFLICT DO NOTHING RETURNING tenant_id, id
         ), matched AS MATERIALIZED (
             SELECT c.* FROM changed JOIN change c ON c.n = changed.n
             UNION ALL
             SELECT c.* FROM added JOIN change c ON c.tenant_id = added.tenant_id AND c.id = added.id
         ), ",
        consequences!(),
        ", keys AS (
             INSERT INTO idempotency (tenant_id, user_id, key, request_hash, instance_id, created_at)
             SELECT m.tenant_id, k.user_id, k.key, k.request_hash, k.instance_id, k.created_at
             FROM unnest($38::bigint[], $39::bytea[], $40::text[], $41::bytea[], $42::bytea[], $43::bigint[])
                  AS k (change, user_id, key, request_hash, instance_id, created_at)
             JOIN matched m ON m.n = k.change
         )",
        timer_rows!(),
        " SELECT n FROM matched"
    ),
);

/// Which of the changes were written; the others met another version.
pub(super) async fn write(pg: &Pg, changes: &[&Change]) -> Result<Vec<bool>> {
    let states = States { changes };
    let tasks = rows(changes, |it| &it.tasks);
    let outbox = rows(changes, |it| &it.outbox);
    let mut columns = states.columns();
    columns.extend(task_columns(&tasks));
    columns.extend(delivery_columns(&outbox));
    let only_decides = |it: &&Change| it.before > 0 && it.idempotency.is_none() && !it.migrates;
    let decides = changes.iter().all(only_decides);
    let (set, cancelled) = timers(changes);
    if decides && set.is_empty() && cancelled.is_empty() {
        return run(pg, &DECIDE, &columns, changes.len()).await;
    }
    columns.extend(set_columns(&set));
    columns.extend(cancelled_columns(&cancelled));
    if decides {
        return run(pg, &DECIDE_TIMED, &columns, changes.len()).await;
    }
    let keys = rows(changes, |it| it.idempotency.as_slice());
    columns.extend(states.first_columns());
    columns.extend(key_columns(&keys));
    columns.push(states.column(|it| it.instance.serial.as_deref()));
    run(pg, &WRITE, &columns, changes.len()).await
}

async fn run(pg: &Pg, sql: &'static Sql, columns: &[Box<Array<'_>>], changes: usize) -> Result<Vec<bool>> {
    let params: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|it| &**it as _).collect();
    let found = pg.write_arrays(sql, &params).await?;
    let mut matched = vec![false; changes];
    for row in found {
        let n = usize::try_from(row.i64(0)?.saturating_sub(1)).unwrap_or(usize::MAX);
        let place = matched.get_mut(n);
        *place.ok_or_else(|| Error::corrupt("an answer for a change nobody made"))? = true;
    }
    Ok(matched)
}

type Array<'a> = dyn ToSql + Sync + Send + 'a;

fn array<'a, T>(values: impl Iterator<Item = T>) -> Box<Array<'a>>
where
    Vec<T>: ToSql + Sync + Send + 'a,
{
    Box::new(values.collect::<Vec<T>>())
}

/// The rows of all changes, each with the place of its change, counted from 1 as PostgreSQL counts.
fn rows<'a, T>(changes: &[&'a Change], of: impl Fn(&'a Change) -> &'a [T]) -> Vec<(i64, &'a T)> {
    (1..).zip(changes).flat_map(|(n, change)| of(change).iter().map(move |row| (n, row))).collect()
}

struct States<'a> {
    changes: &'a [&'a Change],
}

impl<'a> States<'a> {
    fn column<T>(&self, value: impl Fn(&'a Change) -> T) -> Box<Array<'a>>
    where
        Vec<T>: ToSql + Sync + Send + 'a,
    {
        array(self.changes.iter().map(|it| value(it)))
    }

    fn columns(&self) -> Vec<Box<Array<'a>>> {
        vec![
            self.column(|it| it.tenant.0.as_bytes().as_slice()),
            self.column(|it| it.instance.id.0.as_bytes().as_slice()),
            self.column(|it| it.before.cast_signed()),
            self.column(|it| it.instance.version),
            self.column(|it| it.sealed.hash.as_slice()),
            self.column(|it| it.instance.template.as_bytes().as_slice()),
            self.column(|it| it.instance.status),
            self.column(|it| it.instance.title.as_str()),
            self.column(|it| it.instance.updated_at),
            self.column(|it| it.instance.ended_at),
            self.column(|it| it.instance.state.as_str()),
            self.column(|it| it.actor.0.as_bytes().as_slice()),
            self.column(|it| it.command.as_str()),
            self.column(|it| it.sealed.text.as_str()),
        ]
    }

    /// Columns that are written once, with the first change of an instance.
    fn first_columns(&self) -> Vec<Box<Array<'a>>> {
        vec![
            self.column(|it| it.instance.template_version),
            self.column(|it| it.instance.initiator.as_bytes().as_slice()),
            self.column(|it| it.instance.business_key.as_deref()),
            self.column(|it| it.instance.created_at),
        ]
    }
}

fn task_columns<'a>(rows: &[(i64, &'a TaskChange)]) -> Vec<Box<Array<'a>>> {
    vec![
        array(rows.iter().map(|(n, _)| *n)),
        array(rows.iter().map(|(_, it)| it.kind)),
        array(rows.iter().map(|(_, it)| it.n)),
        array(rows.iter().map(|(_, it)| it.person.as_bytes().as_slice())),
        array(rows.iter().map(|(_, it)| it.in_box)),
        array(rows.iter().map(|(_, it)| it.at)),
        array(rows.iter().map(|(_, it)| it.node.as_str())),
        array(rows.iter().map(|(_, it)| i64::from(it.is_read))),
    ]
}

fn delivery_columns<'a>(rows: &[(i64, &'a NewDelivery)]) -> Vec<Box<Array<'a>>> {
    vec![
        array(rows.iter().map(|(n, _)| *n)),
        array(rows.iter().map(|(_, it)| it.id.as_bytes().as_slice())),
        array(rows.iter().map(|(_, it)| it.kind.as_str())),
        array(rows.iter().map(|(_, it)| it.target.as_str())),
        array(rows.iter().map(|(_, it)| it.payload.as_str())),
        array(rows.iter().map(|(_, it)| it.due_at)),
    ]
}

fn key_columns<'a>(rows: &[(i64, &'a IdempotencyRow)]) -> Vec<Box<Array<'a>>> {
    vec![
        array(rows.iter().map(|(n, _)| *n)),
        array(rows.iter().map(|(_, it)| it.user.0.as_bytes().as_slice())),
        array(rows.iter().map(|(_, it)| it.key.as_str())),
        array(rows.iter().map(|(_, it)| it.request_hash.as_slice())),
        array(rows.iter().map(|(_, it)| it.instance.0.as_bytes().as_slice())),
        array(rows.iter().map(|(_, it)| it.created_at)),
    ]
}

struct Set<'a> {
    change: i64,
    name: &'a str,
    fire_at: i64,
}

fn timers<'a>(changes: &[&'a Change]) -> (Vec<Set<'a>>, Vec<(i64, &'a str)>) {
    let (mut set, mut cancelled) = (Vec::new(), Vec::new());
    for (change, timer) in rows(changes, |it| &it.timers) {
        match timer {
            TimerChange::Set { name, fire_at } => set.push(Set { change, name, fire_at: *fire_at }),
            TimerChange::Cancel { name } => cancelled.push((change, name.as_str())),
        }
    }
    (set, cancelled)
}

fn set_columns<'a>(rows: &[Set<'a>]) -> Vec<Box<Array<'a>>> {
    vec![
        array(rows.iter().map(|it| it.change)),
        array(rows.iter().map(|it| it.name)),
        array(rows.iter().map(|it| it.fire_at)),
    ]
}

fn cancelled_columns<'a>(rows: &[(i64, &'a str)]) -> Vec<Box<Array<'a>>> {
    vec![array(rows.iter().map(|(n, _)| *n)), array(rows.iter().map(|(_, name)| *name))]
}
