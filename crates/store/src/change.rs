//! One accepted command as it is written: the instance's new state, its history entry, tasks, timers, deliveries and
//! the key that makes a repeated request harmless. All of it is committed together or not at all.

use crate::entities::EntityWrite;
use crate::error::{Error, Result};
use crate::instances::{InstanceMeta, Stored};
use crate::tasks::{self, TaskChange};
use crate::timers;
use jiff::Timestamp;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::ledger::{self, Entry, GENESIS, Hash, Sealed};
use zhupi_engine::{Event, Instance};

/// One accepted command, ready to be committed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whose.
    pub tenant: TenantId,
    /// What is to be delivered because of it.
    pub outbox: Vec<NewDelivery>,
    /// The key of the request, if it had one.
    pub idempotency: Option<IdempotencyRow>,
    /// What it does to the object it is about.
    pub entity: Option<EntityWrite>,
    /// The actor's draft that it finishes; where that is gone, nothing is written.
    pub draft: Option<Uuid>,
    /// Of a new instance that is a sub-process: the instance that it and those above it come from.
    pub root: Option<InstanceId>,
    pub(crate) before: u64,
    /// The instance goes on after another version of its template.
    pub(crate) migrates: bool,
    /// A new instance asks once more what this one asked.
    pub(crate) copied_from: Option<InstanceId>,
    pub(crate) instance: InstanceColumns,
    pub(crate) actor: UserId,
    pub(crate) command: String,
    pub(crate) sealed: Sealed,
    pub(crate) tasks: Vec<TaskChange>,
    pub(crate) timers: Vec<TimerChange>,
}

/// What somebody did, for the history.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// `Command::name`.
    pub command: &'static str,
    /// What happened.
    pub events: Vec<Event>,
}

/// The row of an instance.
#[derive(Clone, Debug)]
pub(crate) struct InstanceColumns {
    pub(crate) id: InstanceId,
    pub(crate) version: i64,
    pub(crate) template: Uuid,
    pub(crate) template_version: i64,
    pub(crate) initiator: Uuid,
    pub(crate) status: i64,
    pub(crate) title: String,
    pub(crate) business_key: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) state: String,
}

/// Something to be delivered once the change is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDelivery {
    /// Its id; a UUIDv7, so that ids follow the order of making.
    pub id: Uuid,
    /// What sort of work it is; the worker knows what to do with it.
    pub kind: String,
    /// To whom; deliveries of one instance to one target keep their order.
    pub target: String,
    /// What.
    pub payload: String,
    /// Not before, in microseconds since 1970.
    pub due_at: i64,
}

/// A timer to set or to take away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TimerChange {
    /// Sets it, or moves it if it is there.
    Set {
        /// Unique within the instance.
        name: String,
        /// When, in microseconds since 1970.
        fire_at: i64,
    },
    /// Takes it away if it is there.
    Cancel {
        /// Which.
        name: String,
    },
}

/// A request that was carried out under a key of its sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyRow {
    /// The sender.
    pub user: UserId,
    /// His key.
    pub key: String,
    /// Of the request, so that another request under the same key is noticed.
    pub request_hash: [u8; 32],
    /// What it led to.
    pub instance: InstanceId,
    /// When, in microseconds since 1970.
    pub created_at: i64,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// It is on the disk.
    Done,
    /// The instance is not at the version the change is based on; nothing was written. Load and decide again.
    Conflict,
    /// The key of the request was used before; nothing was written.
    DuplicateKey,
}

impl Change {
    /// The first change of a new instance. `next.version` is 1.
    pub fn first(tenant: TenantId, next: &Instance, act: Act, business_key: Option<String>) -> Result<Self> {
        let created_at = act.at.as_microsecond();
        let meta = InstanceMeta { business_key, created_at, updated_at: created_at };
        Self::new(tenant, Before { instance: None, head: GENESIS, meta: &meta }, next, act)
    }

    /// A change of an instance that was loaded before. `next.version` is one more than `before.instance.version`.
    pub fn following(tenant: TenantId, before: &Stored, next: &Instance, act: Act) -> Result<Self> {
        let from = Before { instance: Some(&before.instance), head: before.head, meta: &before.meta };
        Self::new(tenant, from, next, act)
    }

    /// It writes more than the statement for many changes at once does.
    pub(crate) fn stands_alone(&self) -> bool {
        let beside = [self.entity.is_some(), self.draft.is_some(), self.root.is_some()];
        beside.contains(&true) || self.copied_from.is_some()
    }

    /// The hash of its history entry, which becomes the instance's.
    pub fn head(&self) -> Hash {
        self.sealed.hash
    }

    fn new(tenant: TenantId, before: Before<'_>, next: &Instance, act: Act) -> Result<Self> {
        let sealed = ledger::seal(&Entry {
            instance: next.id,
            seq: next.version,
            at: act.at,
            actor: act.actor,
            command: act.command.to_owned(),
            events: act.events,
            previous: ledger::hex(&before.head),
        });
        Ok(Self {
            tenant,
            outbox: Vec::new(),
            timers: timers::changes(before.instance, next),
            idempotency: None,
            entity: None,
            draft: None,
            root: None,
            before: before.instance.map_or(0, |it| it.version),
            copied_from: next.copied_from.filter(|_| before.instance.is_none()),
            migrates: before.instance.is_some_and(|it| it.template_version != next.template_version),
            instance: columns(next, before.meta, act.at)?,
            actor: act.actor,
            command: act.command.to_owned(),
            sealed,
            tasks: tasks::changes(before.instance, next),
        })
    }
}

struct Before<'a> {
    instance: Option<&'a Instance>,
    head: Hash,
    meta: &'a InstanceMeta,
}

fn columns(next: &Instance, meta: &InstanceMeta, at: Timestamp) -> Result<InstanceColumns> {
    let state = serde_json::to_string(next).map_err(|error| Error::corrupt(error.to_string()))?;
    Ok(InstanceColumns {
        id: next.id,
        version: next.version.cast_signed(),
        template: next.template.0,
        template_version: next.template_version.into(),
        initiator: next.initiator.0,
        status: crate::instances::status_number(next.status),
        title: next.title.clone(),
        business_key: meta.business_key.clone(),
        serial: next.serial.clone(),
        created_at: meta.created_at,
        updated_at: at.as_microsecond(),
        ended_at: next.ended_at.map(Timestamp::as_microsecond),
        state,
    })
}
