//! The one write path for instances. People, timers and every surface's calls come through here, and nothing else saves
//! an instance: load, decide, apply, commit; where somebody was faster, all of it again.

mod migrate;

pub use migrate::Destination;

use crate::app::App;
use crate::app::access::may_see;
use crate::app::effects::{Accepted, SIGNING_KEY};
use crate::app::entities::{ENTITY_KEY, Ending, Outcome};
use crate::app::outside::turns_taken;
use crate::error::Error;
use crate::extract::request_hash;
use crate::work::children::{PARENT_KEY, ParentKey};
use jiff::Timestamp;
use metrics::{counter, histogram};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, SYSTEM, TemplateId, TenantId, UserId};
use zhupi_engine::{
    Command, Directory, Envelope, Event, Instance, Problem, Rejection, Submit, Template, check_batch, decide,
};
use zhupi_store::{Act, Change, Committed, EntityWrite, IdempotencyRow, Stored, TemplateState};

/// How often a command is decided because somebody else was faster.
const TRIES: u64 = 5;

/// Beginnings of business keys by which surfaces of ours know their own.
const RESERVED_KEYS: [&str; 4] = [SIGNING_KEY, ENTITY_KEY, PARENT_KEY, "crm:"];

/// Whether a business key that comes from outside can be kept, or why not.
pub fn check_business_key(key: &str) -> Result<(), &'static str> {
    let taken = RESERVED_KEYS.iter().any(|reserved| key.starts_with(reserved));
    if taken || key.chars().count() > 200 {
        return Err("at most 200 characters, not beginning with `esign:`, `entity:`, `parent:` or `crm:`");
    }
    Ok(())
}

/// A request to begin an instance.
#[derive(Clone, Debug)]
pub struct Submission {
    pub template: TemplateId,
    pub submit: Submit,
    /// The name of the thing in the system that asks.
    pub business_key: Option<String>,
    /// Sending the same key again gives the same answer and begins nothing.
    pub idempotency_key: Option<String>,
    /// The id the instance gets; absent: a new one.
    pub instance: Option<InstanceId>,
    /// The actor's draft that this finishes: it goes in the same write.
    pub draft: Option<Uuid>,
}

/// What a command may carry beside itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The version the actor saw; another one refuses the command.
    pub seen_version: Option<u64>,
    /// Sending the same key again gives the same answer and does nothing.
    pub idempotency_key: Option<String>,
    pub manner: Manner,
}

/// How a command is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Manner {
    /// By itself.
    #[default]
    Alone,
    /// Together with others, which not every node allows.
    InBatch,
}

/// An instance after an accepted command.
#[derive(Clone, Debug)]
pub struct Acted {
    pub instance: Arc<Instance>,
    pub template: Arc<Template>,
    pub business_key: Option<String>,
    /// The command had been accepted before, under the same `Idempotency-Key`.
    pub replayed: bool,
}

impl App {
    /// Begins an instance of the template's current version.
    pub async fn submit(
        self: &Arc<Self>,
        tenant: TenantId,
        actor: UserId,
        submission: Submission,
    ) -> Result<Acted, Error> {
        let app = Arc::clone(self);
        to_the_end("submit", async move { app.begin(tenant, actor, submission, None).await }).await
    }

    /// The same for an instance that is about an object, which changes in the same write.
    pub(super) async fn submit_about(
        self: &Arc<Self>,
        tenant: TenantId,
        actor: UserId,
        submission: Submission,
        entity: EntityWrite,
    ) -> Result<Acted, Error> {
        let app = Arc::clone(self);
        to_the_end(
            "submit",
            async move { app.begin(tenant, actor, submission, Some(Box::new(entity))).await },
        )
        .await
    }

    /// Does what a person asks of an instance he may see, or says why not.
    pub async fn act(
        self: &Arc<Self>,
        tenant: TenantId,
        actor: UserId,
        instance: InstanceId,
        command: Command,
        options: Options,
    ) -> Result<Acted, Error> {
        let app = Arc::clone(self);
        let name = command.name();
        let Options { seen_version, idempotency_key, manner } = options;
        let asked = asked_of(idempotency_key, instance, &command);
        to_the_end(name, async move {
            let envelope =
                Envelope { actor, at: app.now(), seen_version, command, outside: Default::default() };
            app.go_on(tenant, instance, (envelope, manner), Beside { asked, entity: None }).await
        })
        .await
    }

    /// The same for a command that changes the object the instance is about: both are written, or neither.
    pub(super) async fn act_about(
        self: &Arc<Self>,
        tenant: TenantId,
        actor: UserId,
        instance: InstanceId,
        command: Command,
        entity: EntityWrite,
    ) -> Result<Acted, Error> {
        let app = Arc::clone(self);
        to_the_end(command.name(), async move {
            let (at, outside) = (app.now(), Default::default());
            let envelope = Envelope { actor, at, seen_version: None, command, outside };
            let beside = Beside { asked: None, entity: Some(Box::new(entity)) };
            app.go_on(tenant, instance, (envelope, Manner::Alone), beside).await
        })
        .await
    }

    async fn begin(
        &self,
        tenant: TenantId,
        actor: UserId,
        submission: Submission,
        entity: Option<Box<EntityWrite>>,
    ) -> Result<Acted, Error> {
        let Submission { template: of, mut submit, business_key, idempotency_key, instance, draft: finishes } =
            submission;
        let asked = idempotency_key.map(|key| {
            let hash = request_hash(&("submit", of, &submit, &business_key));
            Asked { key, hash }
        });
        if let Some(acted) = self.replay(tenant, actor, asked.as_ref()).await? {
            return Ok(acted);
        }
        if self.lacks_draft(tenant, actor, finishes).await? {
            // Perhaps this very request has just taken it away.
            return self.replay(tenant, actor, asked.as_ref()).await?.ok_or_else(draft_unknown);
        }
        let version = self.version_to_submit(tenant, of).await?;
        let template = self.template(tenant, of, version).await?;
        let directory = self.directory(tenant).await?;
        let id = instance.unwrap_or_else(|| InstanceId(Uuid::now_v7()));
        let draft = Instance::draft(id, of, version, actor);
        if let Some(from) = submit.copied_from {
            self.check_copied(tenant, actor, of, from).await?;
        }
        self.complete_form(tenant, actor, &template.form, &mut submit.form).await?;
        let command = Command::Submit(submit);
        let outside = self.outside(tenant, of, (&template, &draft), &command).await?;
        let mut envelope = Envelope { actor, at: self.now(), seen_version: None, command, outside };
        if let Some(rule) = &template.settings.serial {
            // A refused submission is to use up no number.
            decide(&template, &directory, &draft, &envelope)?;
            let period = rule.period(directory.today(envelope.at));
            let number = self.store.take_serial(tenant, of, &period).await?;
            if let Command::Submit(submit) = &mut envelope.command {
                submit.serial = Some(number);
            }
        }
        let events = decide(&template, &directory, &draft, &envelope)?;
        let beside = Beside { asked, entity };
        let scene = Scene { tenant, template: &template, envelope: &envelope, beside: &beside };
        let before = Before::Nothing { draft, business_key, finishes };
        match self.write(&scene, &before, events).await? {
            (Committed::Done, acted) => Ok(acted),
            (Committed::Conflict, _) => match self.replay(tenant, actor, beside.asked.as_ref()).await? {
                Some(acted) => Ok(acted),
                None if self.lacks_draft(tenant, actor, finishes).await? => Err(draft_unknown()),
                None => Err(Rejection::AlreadySubmitted.into()),
            },
            (Committed::DuplicateKey, _) => {
                self.replay(tenant, actor, beside.asked.as_ref()).await?.ok_or(Error::Conflict)
            }
        }
    }

    /// A submission finishes a draft that is not there.
    async fn lacks_draft(
        &self,
        tenant: TenantId,
        actor: UserId,
        finishes: Option<Uuid>,
    ) -> Result<bool, Error> {
        let Some(draft) = finishes else { return Ok(false) };
        Ok(self.store.load_form_draft(tenant, actor, draft).await?.is_none())
    }

    pub(super) async fn version_to_submit(
        &self,
        tenant: TenantId,
        template: TemplateId,
    ) -> Result<u32, Error> {
        let row = self.store.load_template(tenant, template).await?.ok_or(Error::NotFound)?;
        match row.state {
            TemplateState::Enabled => row.current_version.ok_or(Error::TemplateNotPublished),
            TemplateState::Disabled => Err(Error::TemplateDisabled),
            TemplateState::Deleted => Err(Error::NotFound),
        }
    }

    async fn go_on(
        &self,
        tenant: TenantId,
        id: InstanceId,
        (mut envelope, manner): (Envelope, Manner),
        beside: Beside,
    ) -> Result<Acted, Error> {
        if let Some(acted) = self.replay(tenant, envelope.actor, beside.asked.as_ref()).await? {
            return Ok(acted);
        }
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_micros(fastrand::u64(200..2_000) * attempt)).await;
                envelope.at = self.now();
            }
            let stored = self.store.load_instance(tenant, id).await?.ok_or(Error::NotFound)?;
            let instance = &stored.instance;
            let template = self.template(tenant, instance.template, instance.template_version).await?;
            let directory = self.directory(tenant).await?;
            if may_see(instance, &template, &directory, envelope.actor) {
                let actor = envelope.actor;
                self.complete_edits(tenant, actor, &template.form, &mut envelope.command).await?;
            }
            envelope.outside =
                self.outside(tenant, instance.template, (&template, instance), &envelope.command).await?;
            let (events, template) = if let Command::Migrate { version, nodes, reason } = &envelope.command {
                let (template, directory) = (template.as_ref(), directory.as_ref());
                let asking = Asking { tenant, instance, template, directory, envelope: &envelope };
                self.take_over(asking, (*version, nodes, reason)).await?
            } else {
                (decide_as_reader(&template, &directory, instance, (&envelope, manner))?, template)
            };
            if events.is_empty() && beside.entity.is_none() {
                // There was nothing to do, such as reading what was read before.
                return Ok(Acted::of(stored, template));
            }
            let scene = Scene { tenant, template: &template, envelope: &envelope, beside: &beside };
            match self.write(&scene, &Before::Stored(stored), events).await? {
                (Committed::Done, acted) => return Ok(acted),
                (Committed::Conflict, _) => counter!("zhupi_command_conflicts_total").increment(1),
                (Committed::DuplicateKey, _) => {
                    let replayed = self.replay(tenant, envelope.actor, beside.asked.as_ref()).await?;
                    return replayed.ok_or(Error::Conflict);
                }
            }
        }
        Err(Error::Conflict)
    }

    /// Writes what was decided with everything that follows from it, or nothing at all.
    async fn write(
        &self,
        scene: &Scene<'_>,
        before: &Before,
        events: Vec<Event>,
    ) -> Result<(Committed, Acted), Error> {
        let Scene { tenant, template, envelope, beside: Beside { asked, entity } } = *scene;
        let (current, business_key, finishes) = match before {
            Before::Nothing { draft, business_key, finishes } => (draft, business_key, *finishes),
            Before::Stored(stored) => (&stored.instance, &stored.meta.business_key, None),
        };
        let mut next = current.clone();
        advance(&mut next, &events)?;
        let accepted = Accepted {
            tenant,
            template,
            next: &next,
            events: &events,
            at: envelope.at,
            business_key: business_key.as_deref(),
        };
        let mut outbox = self.deliveries(&accepted).await?;
        let ending = Ending {
            tenant,
            instance: next.id,
            business_key: business_key.as_deref(),
            events: &events,
            actor: envelope.actor,
            at: envelope.at,
        };
        let entity =
            self.entity_outcome(ending, entity.as_deref()).await?.map(|Outcome { write, outbox: told }| {
                outbox.extend(told);
                write
            });
        let tells = !outbox.is_empty();
        let command = envelope.command.name();
        let turns = turns_taken(&events);
        let act = Act { actor: envelope.actor, at: envelope.at, command, events };
        let mut change = match before {
            Before::Nothing { .. } => Change::first(tenant, &next, act, business_key.clone())?,
            Before::Stored(stored) => Change::following(tenant, stored, &next, act)?,
        };
        change.outbox = outbox;
        change.entity = entity;
        change.draft = finishes;
        change.root = match before {
            Before::Nothing { .. } => business_key.as_deref().and_then(ParentKey::read).map(|key| key.root()),
            Before::Stored(_) => None,
        };
        change.idempotency = asked.as_ref().map(|asked| asked.row(envelope, next.id));
        let committed = self.store.commit(change).await?;
        if committed == Committed::Done {
            if tells {
                self.wake.outbox.notify_one();
                self.wake.seals.notify_one();
            }
            if has_timer_due(&next, envelope.at) {
                self.wake.timers.notify_one();
            }
            self.keep_turns(tenant, next.template, turns, envelope.at).await;
        }
        let (template, business_key) = (Arc::clone(template), business_key.clone());
        Ok((committed, Acted { instance: Arc::new(next), template, business_key, replayed: false }))
    }

    /// The answer to a request that was carried out before under this key.
    async fn replay(
        &self,
        tenant: TenantId,
        actor: UserId,
        asked: Option<&Asked>,
    ) -> Result<Option<Acted>, Error> {
        let Some(asked) = asked else { return Ok(None) };
        let Some(row) = self.store.find_idempotent(tenant, actor, &asked.key).await? else { return Ok(None) };
        if row.request_hash != asked.hash {
            return Err(Error::IdempotencyMismatch);
        }
        let stored = self.store.load_instance(tenant, row.instance).await?.ok_or(Error::NotFound)?;
        let instance = &stored.instance;
        let template = self.template(tenant, instance.template, instance.template_version).await?;
        // He may have lost sight of it since.
        if !may_see(instance, &template, &*self.directory(tenant).await?, actor) {
            return Err(Error::NotFound);
        }
        Ok(Some(Acted { replayed: true, ..Acted::of(stored, template) }))
    }
}

impl Acted {
    fn of(stored: Stored, template: Arc<Template>) -> Self {
        let Stored { instance, meta, .. } = stored;
        let business_key = meta.business_key;
        Self { instance: Arc::new(instance), template, business_key, replayed: false }
    }
}

/// A command under way.
#[derive(Clone, Copy)]
struct Scene<'a> {
    tenant: TenantId,
    template: &'a Arc<Template>,
    envelope: &'a Envelope,
    beside: &'a Beside,
}

/// What is written together with the instance.
struct Beside {
    asked: Option<Asked>,
    /// What the command does to the object the instance is about.
    entity: Option<Box<EntityWrite>>,
}

/// Who asks what of which instance.
#[derive(Clone, Copy)]
struct Asking<'a> {
    tenant: TenantId,
    instance: &'a Instance,
    template: &'a Template,
    directory: &'a Directory,
    envelope: &'a Envelope,
}

/// What a command is decided on.
enum Before {
    Nothing {
        draft: Instance,
        business_key: Option<String>,
        /// A draft of the actor.
        finishes: Option<Uuid>,
    },
    Stored(Stored),
}

/// A key and what was asked under it.
struct Asked {
    key: String,
    hash: [u8; 32],
}

impl Asked {
    fn row(&self, envelope: &Envelope, instance: InstanceId) -> IdempotencyRow {
        IdempotencyRow {
            user: envelope.actor,
            key: self.key.clone(),
            request_hash: self.hash,
            instance,
            created_at: envelope.at.as_microsecond(),
        }
    }
}

fn draft_unknown() -> Error {
    let message = "you have no such draft: it may have been submitted or deleted";
    Error::Invalid(vec![Problem::error("draft", "draft_unknown", message)])
}

fn asked_of(key: Option<String>, instance: InstanceId, command: &Command) -> Option<Asked> {
    key.map(|key| Asked { key, hash: request_hash(&(instance, command)) })
}

/// To somebody who may not see it, an instance does not exist, whatever he asks of it.
fn decide_as_reader(
    template: &Template,
    directory: &Directory,
    instance: &Instance,
    (envelope, manner): (&Envelope, Manner),
) -> Result<Vec<Event>, Error> {
    if envelope.actor != SYSTEM && !may_see(instance, template, directory, envelope.actor) {
        return Err(Error::NotFound);
    }
    match manner {
        Manner::Alone => {}
        Manner::InBatch => check_batch(template, instance, &envelope.command)?,
    }
    Ok(decide(template, directory, instance, envelope)?)
}

/// Something waits for the clock and need not wait longer.
fn has_timer_due(instance: &Instance, now: Timestamp) -> bool {
    let timers = instance.visits.iter().flat_map(|visit| &visit.timers);
    timers.into_iter().any(|timer| timer.runs() && timer.at <= now)
}

/// Applies what was decided. A state that breaks an invariant is never written.
fn advance(instance: &mut Instance, events: &[Event]) -> Result<(), Error> {
    for event in events {
        instance.apply(event);
    }
    instance.version += 1;
    let broken = instance.broken();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!("instance {} would break: {}", instance.id, broken.join("; "))))
}

/// Runs a command to its end, though its caller may go away meanwhile, and measures it.
async fn to_the_end(
    command: &'static str,
    work: impl Future<Output = Result<Acted, Error>> + Send + 'static,
) -> Result<Acted, Error> {
    let started = Instant::now();
    let done = match tokio::spawn(work).await {
        Ok(done) => done,
        Err(cause) => Err(Error::internal(format!("command {command}: {cause}"))),
    };
    let outcome = match &done {
        Ok(_) => "accepted",
        Err(error) if error.cause().is_some() => "failed",
        Err(_) => "refused",
    };
    counter!("zhupi_commands_total", "command" => command, "outcome" => outcome).increment(1);
    histogram!("zhupi_command_duration_seconds", "command" => command)
        .record(started.elapsed().as_secs_f64());
    done
}
