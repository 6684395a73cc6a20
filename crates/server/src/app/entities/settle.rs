//! What the end of an approval does to its object. It is written together with the command that ends the instance, so that
//! it happens exactly once, whatever is cut off where.

use crate::app::App;
use crate::app::access::may_manage;
use crate::app::effects::due;
use crate::error::Error;
use crate::work::outbox::WEBHOOK;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use zhupi_engine::entity::{Choice, Conflict, End, Entity, Hook, RunState, Settled, resolve, settle};
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::{Event, Status};
use zhupi_store::{
    Delivery, EntityEntry, EntityRow, EntityWrite, EntryKind, NewDelivery, RunRow, Told, TriggerRow,
};

/// Business keys of instances that are about an object begin so; its sort and its id follow.
pub const ENTITY_KEY: &str = "entity:";

/// What an accepted command does beside the instance.
pub(in crate::app) struct Outcome {
    pub write: EntityWrite,
    pub outbox: Vec<NewDelivery>,
}

/// A command that may end an approval.
#[derive(Clone, Copy)]
pub(in crate::app) struct Ending<'a> {
    pub tenant: TenantId,
    pub instance: InstanceId,
    pub business_key: Option<&'a str>,
    pub events: &'a [Event],
    pub actor: UserId,
    pub at: Timestamp,
}

impl App {
    /// What follows for the object an instance is about. `begun`: what the command does to it anyway.
    pub(in crate::app) async fn entity_outcome(
        &self,
        ending: Ending<'_>,
        begun: Option<&EntityWrite>,
    ) -> Result<Option<Outcome>, Error> {
        let unchanged = || begun.map(|write| Outcome { write: write.clone(), outbox: Vec::new() });
        let is_about_one = ending.business_key.is_some_and(|key| key.starts_with(ENTITY_KEY));
        let Some(end) = ending.events.iter().find_map(end_of).filter(|_| is_about_one) else {
            return Ok(unchanged());
        };
        let run = match begun {
            Some(write) => write.run.clone(),
            None => self.store.load_entity_run(ending.tenant, ending.instance).await?,
        };
        let Some(run) = run else { return Ok(unchanged()) };
        let rules =
            self.store.load_entity_trigger(ending.tenant, run.trigger).await?.ok_or(Error::NotFound)?;
        let row = match begun {
            Some(write) => Some(write.entity.clone()),
            None => self.store.load_entity(ending.tenant, &run.entity_type, &run.entity_id).await?,
        };
        let row = row.ok_or_else(|| Error::internal(format!("run {} has no object", run.instance)))?;
        let Some(settled) = settle(&entity_of(&row), &run.run, end, &rules.trigger) else {
            return Ok(unchanged());
        };
        let kind = kind_of(settled.run.state);
        let title = self.title_after(ending.tenant, &row, &settled).await?;
        let step = Step { actor: ending.actor, at: ending.at, kind, title };
        let mut write = step.write(&row, &run, &settled);
        if let Some(begun) = begun {
            write.before = begun.before;
            write.entries.splice(0..0, begun.entries.iter().cloned());
        }
        let told = hook_of(&rules, &settled, end).map(|webhook| {
            let mut delivery = due(ending.at, WEBHOOK, &webhook.to_string(), String::new());
            delivery.payload = news(ending.tenant, delivery.id, &write, &rules, step.at);
            delivery
        });
        Ok(Some(Outcome { write, outbox: told.into_iter().collect() }))
    }

    /// Settles a conflict between an approval and its object, for somebody who administers the template or the workspace
    /// and has seen the object at this revision.
    pub async fn resolve_conflict(
        &self,
        tenant: TenantId,
        by: UserId,
        instance: InstanceId,
        choice: &Choice,
        seen: i64,
    ) -> Result<RunRow, Error> {
        let seen_instance = self.see_instance(tenant, by, instance).await?;
        let run = self.store.load_entity_run(tenant, instance).await?.ok_or(Error::NotFound)?;
        if !may_manage(&seen_instance.template.settings, &seen_instance.directory, by) {
            return Err(Error::Forbidden);
        }
        let row = self.store.load_entity(tenant, &run.entity_type, &run.entity_id).await?;
        let row = row.ok_or(Error::NotFound)?;
        if row.revision != seen {
            return Err(Error::PreconditionFailed);
        }
        let rules = self.store.load_entity_trigger(tenant, run.trigger).await?.ok_or(Error::NotFound)?;
        let settled = resolve(&entity_of(&row), &run.run, choice, &rules.trigger)?;
        let title = self.title_after(tenant, &row, &settled).await?;
        let step = Step { actor: by, at: self.now(), kind: EntryKind::Resolved, title };
        let write = step.write(&row, &run, &settled);
        let end = run.run.conflict.as_ref().map_or(End::Approved, |conflict: &Conflict| conflict.end);
        let told = hook_of(&rules, &settled, end).map(|webhook| {
            let id = Uuid::now_v7();
            let payload = news(tenant, id, &write, &rules, step.at);
            let told = Told { kind: WEBHOOK.to_owned(), target: webhook.to_string(), payload };
            Delivery::alone(tenant, id, told, self.now_us())
        });
        let told: Vec<Delivery> = told.into_iter().collect();
        match self.store.write_entity(tenant, &write, &told).await {
            Ok(()) => {}
            Err(zhupi_store::Error::Conflict) => return Err(Error::PreconditionFailed),
            Err(error) => return Err(error.into()),
        }
        self.wake.outbox.notify_one();
        write.run.ok_or(Error::NotFound)
    }

    /// The text people know an object by after a change, where the change touched it.
    async fn title_after(
        &self,
        tenant: TenantId,
        row: &EntityRow,
        settled: &Settled,
    ) -> Result<Option<String>, Error> {
        let Some(sort) = self.entity_type(tenant, &row.entity_type).await? else { return Ok(None) };
        let title = sort.title_of(&settled.entity.data);
        Ok(Some(title).filter(|title| !title.is_empty() && *title != sort.title_of(&row.data)))
    }
}

/// The object as the rules see it.
pub(super) fn entity_of(row: &EntityRow) -> Entity {
    Entity { data: row.data.clone(), deleted: row.deleted }
}

/// One step in the life of an object.
struct Step {
    actor: UserId,
    at: Timestamp,
    kind: EntryKind,
    title: Option<String>,
}

impl Step {
    fn write(&self, row: &EntityRow, run: &RunRow, settled: &Settled) -> EntityWrite {
        let at = self.at.as_microsecond();
        let changes = match &settled.run.conflict {
            Some(conflict) => conflict.changes.clone(),
            None => settled.changes.clone(),
        };
        let entity = EntityRow {
            data: settled.entity.data.clone(),
            deleted: settled.entity.deleted,
            title: self.title.clone().unwrap_or_else(|| row.title.clone()),
            revision: row.revision + 1,
            updated_at: at,
            ..row.clone()
        };
        let entry = EntityEntry {
            revision: entity.revision,
            at,
            actor: self.actor,
            kind: self.kind,
            instance: Some(run.instance),
            changes,
        };
        let settled_at = (!settled.run.state.is_open()).then_some(at);
        let run = RunRow { run: settled.run.clone(), settled_at, ..run.clone() };
        EntityWrite { before: Some(row.revision), entity, run: Some(run), entries: vec![entry] }
    }
}

fn end_of(event: &Event) -> Option<End> {
    let Event::Ended { status, .. } = event else { return None };
    match status {
        Status::Approved => Some(End::Approved),
        Status::Rejected => Some(End::Rejected),
        Status::Withdrawn | Status::Terminated => Some(End::Withdrawn),
        Status::Revoked => Some(End::Revoked),
        Status::Draft | Status::Running | Status::Suspended | Status::Returned | Status::Revoking => None,
    }
}

fn kind_of(state: RunState) -> EntryKind {
    match state {
        RunState::Applied => EntryKind::Applied,
        RunState::Reverted | RunState::RolledBack => EntryKind::Reverted,
        RunState::Conflict => EntryKind::Conflict,
        RunState::Dropped | RunState::Running => EntryKind::Dropped,
    }
}

/// The webhook that is told of an end, once nothing is left open.
fn hook_of(rules: &TriggerRow, settled: &Settled, end: End) -> Option<Uuid> {
    if settled.run.state.is_open() {
        return None;
    }
    let after = &rules.trigger.after;
    let hook: Option<&Hook> = match end {
        End::Approved => Some(&after.approved),
        End::Rejected => Some(&after.rejected),
        End::Withdrawn | End::Revoked => None,
    };
    hook.and_then(|hook| hook.webhook)
}

fn news(tenant: TenantId, delivery: Uuid, write: &EntityWrite, rules: &TriggerRow, at: Timestamp) -> String {
    let EntityWrite { entity, run, entries, .. } = write;
    let instance = run.as_ref().map(|run| run.instance);
    let data = json!({
        "entity_type": entity.entity_type,
        "entity_id": entity.id,
        "title": entity.title,
        "revision": entity.revision,
        "deleted": entity.deleted,
        "trigger": { "id": rules.id, "name": rules.trigger.name, "on": rules.trigger.on },
        "state": run.as_ref().map(|run| run.run.state),
        "changes": entries.last().map(|entry| &entry.changes),
    });
    json!({
        // The same however often it is delivered: nothing is settled twice.
        "id": format!("{}.{}", instance.unwrap_or(InstanceId(delivery)), entity.revision),
        "delivery": delivery,
        "type": "entity.settled",
        "timestamp": at,
        "tenant": tenant,
        "instance": instance,
        "sequence": entity.revision,
        "data": data,
    })
    .to_string()
}
