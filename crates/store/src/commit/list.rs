//! A change as a list of plain statements. The first one checks the version, so that a conflict leaves no trace.

use crate::Result;
use crate::change::{Change, IdempotencyRow, InstanceColumns, NewDelivery, TimerChange};
use crate::entities;
use crate::form_drafts;
use crate::sql::{Expect, P, Sql, Stmt, stmt};
use crate::tasks::TaskChange;

pub(crate) static ALL: &[&Sql] =
    &[&INSERT, &UPDATE, &COPY, &CHILD, &KEEP_KEY, &HISTORY, &TASK, &DELIVERY, &SET_TIMER, &CANCEL_TIMER];

static INSERT: Sql = Sql::new(
    "INSERT INTO instances (tenant_id, id, version, head, template_id, template_version, initiator_id, status, title,
                            business_key, created_at, updated_at, ended_at, state, serial)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
);
static UPDATE: Sql = Sql::new(
    "UPDATE instances SET version = $4, head = $5, status = $6, title = $7, updated_at = $8, ended_at = $9, state = $10,
                          template_version = $11
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
static COPY: Sql = Sql::new("INSERT INTO copies (tenant_id, copied_from, instance_id) VALUES ($1, $3, $2)");
static CHILD: Sql = Sql::new("INSERT INTO children (tenant_id, root_id, instance_id) VALUES ($1, $3, $2)");
static KEEP_KEY: Sql = Sql::new(
    "INSERT INTO idempotency (tenant_id, user_id, key, request_hash, instance_id, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
static HISTORY: Sql = Sql::new(
    "INSERT INTO history (tenant_id, instance_id, seq, at, actor_id, command, body, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static TASK: Sql = Sql::new(
    "INSERT INTO tasks (tenant_id, instance_id, kind, n, person_id, box, at, template_id, node_id, is_read)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (tenant_id, instance_id, kind, n)
     DO UPDATE SET person_id = excluded.person_id, box = excluded.box, at = excluded.at, is_read = excluded.is_read,
                   node_id = excluded.node_id",
);
pub(crate) static DELIVERY: Sql = Sql::new(
    "INSERT INTO outbox (tenant_id, id, instance_id, seq, kind, target, payload, state, attempts, next_at, lease_until,
                         created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, 0, $9)",
);
static SET_TIMER: Sql = Sql::new(
    "INSERT INTO timers (tenant_id, instance_id, name, fire_at, payload, lease_until)
     VALUES ($1, $2, $3, $4, '', 0)
     ON CONFLICT (tenant_id, instance_id, name)
     DO UPDATE SET fire_at = excluded.fire_at, lease_until = 0",
);
static CANCEL_TIMER: Sql =
    Sql::new("DELETE FROM timers WHERE tenant_id = $1 AND instance_id = $2 AND name = $3");

pub(super) fn statements(change: Change) -> Result<Vec<Stmt>> {
    let Change {
        tenant,
        outbox,
        timers,
        idempotency,
        entity,
        draft,
        root,
        before,
        migrates: _,
        copied_from,
        instance,
        actor,
        command,
        sealed,
        tasks,
    } = change;
    let of = Of {
        tenant: tenant.into(),
        id: instance.id.into(),
        template: instance.template.into(),
        version: instance.version,
        at: instance.updated_at,
    };
    let mut list = Vec::with_capacity(2 + tasks.len() + outbox.len() + timers.len() + 1);
    list.push(state(&of, before, sealed.hash, instance));
    if let Some(entity) = &entity {
        list.extend(entities::write(tenant, entity)?);
    }
    list.extend(copied_from.map(|old| stmt(&COPY, of.with([old.into()]), Expect::Any)));
    list.extend(root.map(|root| stmt(&CHILD, of.with([root.into()]), Expect::Any)));
    list.extend(draft.map(|draft| form_drafts::deletion(tenant, actor, draft)));
    list.extend(idempotency.map(|row| key(&of, row)));
    let history = [of.version.into(), of.at.into(), actor.into(), command.into()];
    let entry = [sealed.text.into(), sealed.hash.into()];
    list.push(stmt(&HISTORY, of.with(history.into_iter().chain(entry)), Expect::Any));
    list.extend(tasks.into_iter().map(|it| task(&of, it)));
    list.extend(outbox.into_iter().map(|it| delivery(&of, it)));
    list.extend(timers.into_iter().map(|it| timer(&of, it)));
    Ok(list)
}

/// What the rows of a change have in common.
struct Of {
    tenant: P,
    id: P,
    template: P,
    version: i64,
    at: i64,
}

impl Of {
    fn with(&self, rest: impl IntoIterator<Item = P>) -> Vec<P> {
        let mut params = Vec::with_capacity(15);
        params.extend([self.tenant.clone(), self.id.clone()]);
        params.extend(rest);
        params
    }
}

fn state(of: &Of, before: u64, head: [u8; 32], row: InstanceColumns) -> Stmt {
    if before == 0 {
        let params = [
            row.version.into(),
            head.into(),
            row.template.into(),
            row.template_version.into(),
            row.initiator.into(),
            row.status.into(),
            row.title.into(),
            row.business_key.into(),
            row.created_at.into(),
            row.updated_at.into(),
            row.ended_at.into(),
            row.state.into(),
            row.serial.into(),
        ];
        return stmt(&INSERT, of.with(params), Expect::One);
    }
    let params = [
        before.cast_signed().into(),
        row.version.into(),
        head.into(),
        row.status.into(),
        row.title.into(),
        row.updated_at.into(),
        row.ended_at.into(),
        row.state.into(),
        row.template_version.into(),
    ];
    stmt(&UPDATE, of.with(params), Expect::One)
}

fn key(of: &Of, row: IdempotencyRow) -> Stmt {
    let params = vec![
        of.tenant.clone(),
        row.user.into(),
        row.key.into(),
        row.request_hash.into(),
        row.instance.into(),
        row.created_at.into(),
    ];
    stmt(&KEEP_KEY, params, Expect::Any)
}

fn task(of: &Of, it: TaskChange) -> Stmt {
    let params = [
        it.kind.into(),
        it.n.into(),
        it.person.into(),
        it.in_box.into(),
        it.at.into(),
        of.template.clone(),
        it.node.into(),
        it.is_read.into(),
    ];
    stmt(&TASK, of.with(params), Expect::Any)
}

fn delivery(of: &Of, it: NewDelivery) -> Stmt {
    let params = vec![
        of.tenant.clone(),
        it.id.into(),
        of.id.clone(),
        of.version.into(),
        it.kind.into(),
        it.target.into(),
        it.payload.into(),
        it.due_at.into(),
        of.at.into(),
    ];
    stmt(&DELIVERY, params, Expect::Any)
}

fn timer(of: &Of, change: TimerChange) -> Stmt {
    match change {
        TimerChange::Set { name, fire_at } => {
            stmt(&SET_TIMER, of.with([name.into(), fire_at.into()]), Expect::Any)
        }
        TimerChange::Cancel { name } => stmt(&CANCEL_TIMER, of.with([P::Text(name)]), Expect::Any),
    }
}
