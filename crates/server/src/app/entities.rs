//! Business objects whose changes are approved (semantics B15). Whatever tells of an object — our own API or the CRM
//! surface — comes through `tell_entity`: the change is made, or an approval of it begins, or it is refused. What an
//! approval's end does: `settle.rs`. The rules themselves: `zhupi_engine::entity`.

pub mod registry;
mod settle;
mod start;

pub use settle::ENTITY_KEY;
pub(in crate::app) use settle::{Ending, Outcome};
pub use start::{BODY_FIELD, TITLE_FIELD};

use crate::app::act::Options;
use crate::app::{App, access};
use crate::error::Error;
use crate::view::access_of;
use settle::entity_of;
use start::{Begin, hidden_fields, hides_some};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;
use zhupi_engine::entity::{
    Data, Deletion, EntityType, FieldChange, Judged, Odds, OnMaterial, Refusal, RunState, Scene, Timing,
    amend, check_data, diff, fires, judge, lay,
};
use zhupi_engine::form::{FieldAccess, Value};
use zhupi_engine::ids::{FieldId, InstanceId, SYSTEM, TenantId, UserId};
use zhupi_engine::{Command, Directory, Status, Template};
use zhupi_store::{EntityEntry, EntityRow, EntityWrite, EntryKind, Page, RunRow, TriggerRow};

/// How often a change is taken again because somebody else was faster.
const TRIES: u32 = 10;
/// The longest name of an object.
const ID_LIMIT: usize = 128;
/// How many approvals of an object, the newest, tell who may see it.
const LOOKED_AT: u32 = 20;

/// Something another system tells of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldOfEntity {
    pub entity_type: String,
    pub id: String,
    pub what: What,
    /// The fields it names; others stay as they are.
    pub data: Data,
    /// What people call its fields.
    pub labels: BTreeMap<String, String>,
    /// The text people know it by, or the field that holds it.
    pub title: Option<String>,
    /// The revision the teller saw; another one refuses the change.
    pub seen: Option<i64>,
}

/// What is told of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It was made.
    Made,
    /// Fields of it are to change.
    Changed,
    /// It is to say this: it is made where it is not there.
    Saved,
    /// It is to be deleted.
    Deleted,
}

/// An object as it stands, with what is open about it.
struct Known {
    sort: EntityType,
    /// A deleted one too.
    row: Option<EntityRow>,
    open: Vec<Open>,
}

/// An open approval, and the rules it goes by now.
struct Open {
    run: RunRow,
    rules: TriggerRow,
    /// Where its instance stands.
    status: Status,
}

impl Open {
    /// It was sent back to this person, who has to mend what he asked for.
    fn was_returned_to(&self, person: UserId) -> bool {
        self.status == Status::Returned && self.run.submitter == person
    }
}

impl Known {
    fn live(&self) -> Option<&EntityRow> {
        self.row.as_ref().filter(|row| !row.deleted)
    }

    fn says(&self) -> Data {
        self.live().map(|row| row.data.clone()).unwrap_or_default()
    }

    /// What the object will say if everything that is asked for is approved.
    fn asked(&self) -> Data {
        let mut data = self.says();
        self.open.iter().for_each(|open| lay(&mut data, staged(&open.run)));
        data
    }
}

/// Fields of an object that somebody does not see.
pub type HiddenFields = BTreeSet<String>;

/// What an approval asks for that is not in the object yet.
pub fn staged(run: &RunRow) -> &[FieldChange] {
    match run.run.on {
        Timing::Updated | Timing::StageChanged => &run.run.changes,
        Timing::Created | Timing::Deleted => &[],
    }
}

/// Whoever tells of an object.
#[derive(Clone, Copy)]
struct Teller<'a> {
    tenant: TenantId,
    by: UserId,
    told: &'a ToldOfEntity,
}

impl App {
    /// Takes what somebody tells of an object: changes it, begins an approval, or refuses.
    pub async fn tell_entity(
        self: &Arc<Self>,
        tenant: TenantId,
        by: UserId,
        told: &ToldOfEntity,
    ) -> Result<(), Error> {
        if told.id.is_empty() || told.id.chars().count() > ID_LIMIT {
            return Err(Error::field("id", format!("expected 1 to {ID_LIMIT} characters")));
        }
        let teller = Teller { tenant, by, told };
        for _ in 0..TRIES {
            match self.take(teller).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn take(self: &Arc<Self>, teller: Teller<'_>) -> Result<(), Error> {
        let told = teller.told;
        let known = self.know(teller.tenant, &told.entity_type, &told.id).await?;
        let directory = self.directory(teller.tenant).await?;
        if !directory.in_scope(teller.by, &known.sort.editors) {
            return Err(Error::Forbidden);
        }
        let now = known.live().map_or(0, |row| row.revision);
        if told.seen.is_some_and(|seen| seen != now) {
            return Err(Error::PreconditionFailed);
        }
        match (told.what, known.live()) {
            (What::Deleted, None) => Err(Error::NotFound),
            (What::Changed, None) if known.row.is_some() => Err(Error::NotFound),
            (What::Deleted, Some(row)) => self.delete(teller, &known, row).await,
            (What::Made, _) | (What::Saved, None) => self.make(teller, &known).await,
            (What::Changed, _) | (What::Saved, Some(_)) => self.change(teller, &known).await,
        }
    }

    async fn know(&self, tenant: TenantId, entity_type: &str, id: &str) -> Result<Known, Error> {
        let Some(sort) = self.entity_type(tenant, entity_type).await? else {
            return Err(Error::field("entity_type", format!("there is no entity type `{entity_type}`")));
        };
        let row = self.store.load_entity(tenant, entity_type, id).await?;
        let mut open = Vec::new();
        for run in self.store.list_open_runs(tenant, entity_type, id).await? {
            let rules = self.store.load_entity_trigger(tenant, run.trigger).await?.ok_or(Error::NotFound)?;
            let stored = self.store.load_instance(tenant, run.instance).await?.ok_or(Error::NotFound)?;
            open.push(Open { run, rules, status: stored.instance.status });
        }
        // Whoever changes the object meets its revision; whoever is refused must not be refused by mistake.
        if !open.is_empty() {
            let again = self.store.load_entity(tenant, entity_type, id).await?;
            let revision = |row: &Option<EntityRow>| row.as_ref().map(|row| row.revision);
            if revision(&again) != revision(&row) {
                return Err(Error::Conflict);
            }
        }
        Ok(Known { sort, row, open })
    }

    async fn make(self: &Arc<Self>, teller: Teller<'_>, known: &Known) -> Result<(), Error> {
        let changed = diff(&known.asked(), &teller.told.data);
        if let Some(open) = known.open.first() {
            // Told again it changes nothing; another one under its name is no edit of the first.
            let instance = open.run.instance;
            let refusal = Refusal::AlreadyRunning { instance };
            return if changed.is_empty() { Ok(()) } else { Err(refusal.into()) };
        }
        let mut after = known.says();
        after.extend(teller.told.data.clone());
        refuse_unfit(&known.sort, &after)?;
        match self.choose(teller, known, Timing::Created, &changed, &after).await? {
            Some(rules) => {
                let begin = Begin { teller, known, rules: &rules, on: Timing::Created, changes: changed };
                self.begin_run(begin).await
            }
            None => {
                let kind = if known.live().is_some() { EntryKind::Changed } else { EntryKind::Created };
                self.write_directly(teller, known, kind, &changed).await
            }
        }
    }

    async fn change(self: &Arc<Self>, teller: Teller<'_>, known: &Known) -> Result<(), Error> {
        let asked = known.asked();
        let changed = diff(&asked, &teller.told.data);
        if changed.is_empty() {
            return Ok(());
        }
        let mut after = asked;
        lay(&mut after, &changed);
        refuse_unfit(&known.sort, &after)?;
        let (returned, others): (Vec<&Open>, Vec<&Open>) =
            known.open.iter().partition(|open| open.was_returned_to(teller.by));
        let anew = judge_all(&others, &changed)?;
        if let Some(open) = returned.first() {
            return self.join(teller, known, open, (&changed, true)).await;
        }
        match anew {
            Some((open, OnMaterial::Restart)) => return self.restart(teller, open).await,
            Some((open, OnMaterial::Return)) => {
                return self.join(teller, known, open, (&changed, true)).await;
            }
            None => {}
        }
        let chosen = self.choose(teller, known, Timing::Updated, &changed, &after).await?;
        let touches = |open: &&Open| {
            let asks = |change: &FieldChange| staged(&open.run).iter().any(|it| it.field == change.field);
            chosen.as_ref().is_some_and(|rules| rules.id == open.rules.id) || changed.iter().any(asks)
        };
        if let Some(open) = known.open.iter().find(touches) {
            if open.run.run.state == RunState::Conflict {
                return Err(Refusal::AlreadyRunning { instance: open.run.instance }.into());
            }
            return self.join(teller, known, open, (&changed, false)).await;
        }
        match chosen {
            Some(rules) => {
                let on = rules.trigger.on;
                self.begin_run(Begin { teller, known, rules: &rules, on, changes: changed }).await
            }
            None => match known.open.iter().find(|open| open.run.run.on == Timing::Created) {
                Some(open) => self.join(teller, known, open, (&changed, false)).await,
                None => self.write_directly(teller, known, EntryKind::Changed, &changed).await,
            },
        }
    }

    /// The first trigger that starts at this change; those that look at the stage come first.
    async fn choose(
        &self,
        teller: Teller<'_>,
        known: &Known,
        told: Timing,
        changed: &[FieldChange],
        after: &Data,
    ) -> Result<Option<TriggerRow>, Error> {
        let Teller { tenant, by, told: of } = teller;
        let directory = self.directory(tenant).await?;
        let scene = Scene {
            sort: &known.sort,
            told,
            changed,
            after,
            by,
            department: directory.user(by).and_then(|user| user.departments.first().copied()),
            today: self.now().to_zoned(zone_of(&directory)).date(),
            directory: &directory,
        };
        let mut triggers = self.ready_triggers(tenant, &of.entity_type).await?;
        triggers.sort_by_key(|row| row.trigger.on != Timing::StageChanged);
        for row in triggers.into_iter().filter(|row| fires(&row.trigger, &scene)) {
            let again = row.trigger.odds == Odds::Always
                || self.store.count_entity_runs(tenant, &of.entity_type, &of.id, row.id).await? == 0;
            if again {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn joined(
        &self,
        teller: Teller<'_>,
        known: &Known,
        open: &Open,
        changed: &[FieldChange],
    ) -> Result<EntityWrite, Error> {
        let row = known.live().ok_or(Error::NotFound)?;
        let (entity, run) = amend(&entity_of(row), &open.run.run, changed);
        let made = diff(&row.data, &entity.data);
        let entry = if made.is_empty() { changed } else { &made };
        let mut write = self.next(teller, known, entity.data, EntryKind::Amended, entry);
        write.run = Some(RunRow { run, ..open.run.clone() });
        write.entries.iter_mut().for_each(|entry| entry.instance = Some(open.run.instance));
        Ok(write)
    }

    /// The change becomes part of what a running approval asks for, and stands in its form: nobody approves something else
    /// than what will be applied, since both are one write. Where it is to be asked anew it goes back to whoever asked, else it
    /// goes on.
    async fn join(
        self: &Arc<Self>,
        teller: Teller<'_>,
        known: &Known,
        open: &Open,
        (changed, anew): (&[FieldChange], bool),
    ) -> Result<(), Error> {
        let (tenant, id) = (teller.tenant, open.run.instance);
        let write = self.joined(teller, known, open, changed)?;
        let stored = self.store.load_instance(tenant, id).await?.ok_or(Error::NotFound)?;
        let instance = &stored.instance;
        let template = self.template(tenant, instance.template, instance.template_version).await?;
        let asked = write.run.as_ref().map(|it| it.run.changes.clone()).unwrap_or_default();
        let begin = Begin { teller, known, rules: &open.rules, on: open.run.run.on, changes: asked };
        let values = self.submit_of(&begin, &write, &template).await?.form;
        let says = |(field, value): (&FieldId, &Value)| instance.form.get(field) == Some(value);
        if !anew && values.0.iter().all(says) {
            return Ok(self.store.write_entity(tenant, &write, &[]).await?);
        }
        match self.act_about(tenant, SYSTEM, id, Command::Amend { values, anew }, write).await {
            Ok(_) => Ok(()),
            // It cannot go back from where it stands, or not as often.
            Err(Error::Rejected(_)) if anew => self.restart(teller, open).await,
            // It has come to its end in this moment, and what it ends with is not written down yet.
            Err(Error::Rejected(_)) => Err(Error::Conflict),
            Err(error) => Err(error),
        }
    }

    /// The approval is withdrawn in the name of whoever changes the object, and asked for anew.
    async fn restart(self: &Arc<Self>, teller: Teller<'_>, open: &Open) -> Result<(), Error> {
        let Teller { tenant, by, told } = teller;
        self.take_back(teller, open, "the object was changed while the approval was running").await?;
        let mut wanted = Data::new();
        lay(&mut wanted, staged(&open.run));
        wanted.extend(told.data.clone());
        let told = ToldOfEntity { data: wanted, seen: None, ..told.clone() };
        let teller = Teller { tenant, by, told: &told };
        for _ in 0..TRIES {
            let known = self.know(tenant, &told.entity_type, &told.id).await?;
            let changes = diff(&known.says(), &told.data);
            let begin = Begin { teller, known: &known, rules: &open.rules, on: open.run.run.on, changes };
            match self.begin_run(begin).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        // To begin with the first change would lose what was asked for before.
        Err(Error::Timeout)
    }

    async fn take_back(self: &Arc<Self>, teller: Teller<'_>, open: &Open, why: &str) -> Result<(), Error> {
        let command = Command::Withdraw { reason: why.to_owned() };
        self.act(teller.tenant, teller.by, open.run.instance, command, Options::default()).await?;
        Ok(())
    }

    async fn delete(
        self: &Arc<Self>,
        teller: Teller<'_>,
        known: &Known,
        row: &EntityRow,
    ) -> Result<(), Error> {
        for Open { run, rules, .. } in &known.open {
            let instance = run.instance;
            if run.run.on == Timing::Deleted {
                return Err(Refusal::AlreadyRunning { instance }.into());
            }
            if rules.trigger.deletion == Deletion::Forbidden || run.run.state == RunState::Conflict {
                return Err(Refusal::DeletionForbidden { instance }.into());
            }
        }
        if !known.open.is_empty() {
            for open in &known.open {
                self.take_back(teller, open, "the object is to be deleted").await?;
            }
            let told = ToldOfEntity { seen: None, ..teller.told.clone() };
            return Box::pin(self.take(Teller { told: &told, ..teller })).await;
        }
        match self.choose(teller, known, Timing::Deleted, &[], &row.data).await? {
            Some(rules) => {
                let begin = Begin { teller, known, rules: &rules, on: Timing::Deleted, changes: Vec::new() };
                self.begin_run(begin).await
            }
            None => {
                let mut write = self.next(teller, known, row.data.clone(), EntryKind::Deleted, &[]);
                write.entity.deleted = true;
                Ok(self.store.write_entity(teller.tenant, &write, &[]).await?)
            }
        }
    }

    /// A change that nobody has to approve.
    async fn write_directly(
        &self,
        teller: Teller<'_>,
        known: &Known,
        kind: EntryKind,
        changed: &[FieldChange],
    ) -> Result<(), Error> {
        let mut data = known.says();
        data.extend(teller.told.data.clone());
        let write = self.next(teller, known, data, kind, changed);
        Ok(self.store.write_entity(teller.tenant, &write, &[]).await?)
    }

    /// The object's next revision with this data.
    fn next(
        &self,
        teller: Teller<'_>,
        known: &Known,
        data: Data,
        kind: EntryKind,
        changes: &[FieldChange],
    ) -> EntityWrite {
        let (told, at, before) = (teller.told, self.now_us(), known.row.as_ref());
        let mut labels = before.map(|row| row.labels.clone()).unwrap_or_default();
        labels.extend(told.labels.clone());
        let title = title_of(&known.sort, told.title.as_deref(), &data);
        let entity = EntityRow {
            entity_type: told.entity_type.clone(),
            id: told.id.clone(),
            row_id: before.map_or_else(Uuid::now_v7, |row| row.row_id),
            title: Some(title)
                .filter(|text| !text.is_empty())
                .or_else(|| before.map(|row| row.title.clone()))
                .unwrap_or_default(),
            data,
            labels,
            deleted: false,
            revision: before.map_or(0, |row| row.revision) + 1,
            created_by: before.map_or(teller.by, |row| row.created_by),
            created_at: before.map_or(at, |row| row.created_at),
            updated_at: at,
        };
        let entry = EntityEntry {
            revision: entity.revision,
            at,
            actor: teller.by,
            kind,
            instance: None,
            changes: changes.to_vec(),
        };
        let before = before.map(|row| row.revision);
        EntityWrite { before, entity, run: None, entries: vec![entry] }
    }

    /// Which fields of an object are hidden from somebody: none from whoever told of it first and from administrators,
    /// from others those that each of its latest approvals which they may see hides from them. `None`: he may not see
    /// what it says at all.
    pub async fn hidden_of_entity(
        &self,
        tenant: TenantId,
        viewer: UserId,
        row: &EntityRow,
    ) -> Result<Option<HiddenFields>, Error> {
        let directory = self.directory(tenant).await?;
        if directory.is_admin(viewer) || row.created_by == viewer {
            return Ok(Some(HiddenFields::default()));
        }
        let mut hidden: Option<HiddenFields> = None;
        for (run, stored) in self.store.list_latest_runs(tenant, &row.entity_type, &row.id, LOOKED_AT).await?
        {
            // Nothing is hidden any more.
            if hidden.as_ref().is_some_and(HiddenFields::is_empty) {
                break;
            }
            let instance = &stored.instance;
            let template = self.template(tenant, instance.template, instance.template_version).await?;
            if !access::may_see(instance, &template, &directory, viewer) {
                continue;
            }
            let access = access_of(instance, &template, &directory, viewer);
            let here = self.hidden_of_run(tenant, &run, &template, &access).await?;
            let both = |before: HiddenFields| before.into_iter().filter(|it| here.contains(it)).collect();
            hidden = Some(hidden.map_or_else(|| here.clone(), both));
        }
        Ok(hidden)
    }

    /// Which fields of the object an approval hides from somebody who may do this with its form.
    pub async fn hidden_of_run(
        &self,
        tenant: TenantId,
        run: &RunRow,
        template: &Template,
        access: &FieldAccess,
    ) -> Result<HiddenFields, Error> {
        if !template.form.fields.iter().any(|control| hides_some(access, control)) {
            return Ok(HiddenFields::default());
        }
        let rules = self.store.load_entity_trigger(tenant, run.trigger).await?.ok_or(Error::NotFound)?;
        Ok(hidden_fields(&rules.trigger, template, access))
    }

    /// Whether somebody may ask again for what an approval asked for; the command asks the same.
    pub async fn may_resubmit(&self, tenant: TenantId, viewer: UserId, run: &RunRow) -> Result<bool, Error> {
        Ok(self.to_resubmit(tenant, viewer, run).await?.is_ok())
    }

    async fn to_resubmit(
        &self,
        tenant: TenantId,
        viewer: UserId,
        run: &RunRow,
    ) -> Result<Result<TriggerRow, Refusal>, Error> {
        let came_to_nothing = match run.run.state {
            RunState::Dropped | RunState::Reverted => true,
            RunState::Running | RunState::Applied | RunState::RolledBack | RunState::Conflict => false,
        };
        if run.submitter != viewer || !came_to_nothing {
            return Ok(Err(Refusal::NotResubmittable));
        }
        let rules = self.store.load_entity_trigger(tenant, run.trigger).await?;
        let Some(rules) = rules.filter(|rules| rules.enabled) else {
            return Ok(Err(Refusal::NotResubmittable));
        };
        let latest = Page::first(1);
        let latest =
            self.store.list_entity_runs(tenant, &run.entity_type, &run.entity_id, &latest).await?.rows;
        let row = self.store.load_entity(tenant, &run.entity_type, &run.entity_id).await?;
        let is_latest = latest.first().is_some_and(|latest| latest.instance == run.instance);
        let fits = is_latest && row.is_some_and(|row| !row.deleted);
        Ok(if fits { Ok(rules) } else { Err(Refusal::NotResubmittable) })
    }

    /// Asks again for what an approval asked for, after a refusal or a withdrawal. Gives the new instance.
    pub async fn resubmit_entity(
        self: &Arc<Self>,
        tenant: TenantId,
        by: UserId,
        instance: InstanceId,
    ) -> Result<InstanceId, Error> {
        let run = self.store.load_entity_run(tenant, instance).await?.ok_or(Error::NotFound)?;
        let rules = self.to_resubmit(tenant, by, &run).await??;
        let known = self.know(tenant, &run.entity_type, &run.entity_id).await?;
        let mut data = Data::new();
        lay(&mut data, staged(&run));
        let told = ToldOfEntity {
            entity_type: run.entity_type.clone(),
            id: run.entity_id.clone(),
            what: What::Changed,
            data,
            labels: BTreeMap::new(),
            title: None,
            seen: None,
        };
        let changes = diff(&known.says(), &told.data);
        let teller = Teller { tenant, by, told: &told };
        let on = run.run.on;
        self.begin_run(Begin { teller, known: &known, rules: &rules, on, changes }).await?;
        let latest = Page::first(1);
        let latest =
            self.store.list_entity_runs(tenant, &run.entity_type, &run.entity_id, &latest).await?.rows;
        latest.first().map(|run| run.instance).ok_or(Error::NotFound)
    }
}

/// What open approvals say to a change: refused, or which of them has to be asked for anew.
fn judge_all<'a>(
    open: &[&'a Open],
    changed: &[FieldChange],
) -> Result<Option<(&'a Open, OnMaterial)>, Refusal> {
    let mut anew = None;
    for open in open {
        let instance = open.run.instance;
        match judge_one(open, changed) {
            Judged::GoesOn => {}
            Judged::AskAgain(how) => anew = anew.or(Some((*open, how))),
            Judged::Locked(fields) => return Err(Refusal::Locked { instance, fields }),
        }
    }
    Ok(anew)
}

/// While a conflict waits to be settled, the fields it is about stay as they are.
fn judge_one(open: &Open, changed: &[FieldChange]) -> Judged {
    let Some(conflict) = &open.run.run.conflict else { return judge(&open.rules.trigger.editable, changed) };
    let in_it = |change: &&FieldChange| conflict.changes.iter().any(|it| it.field == change.field);
    let fields: Vec<String> = changed.iter().filter(in_it).map(|change| change.field.clone()).collect();
    if fields.is_empty() { Judged::GoesOn } else { Judged::Locked(fields) }
}

fn refuse_unfit(sort: &EntityType, data: &Data) -> Result<(), Error> {
    let problems = check_data(sort, data);
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// The text people know an object by: as it was given, be it the text or the field that holds it; else as its sort says.
fn title_of(sort: &EntityType, given: Option<&str>, data: &Data) -> String {
    let given = given.filter(|text| !text.trim().is_empty());
    let text = |given: &str| data.get(given).map_or_else(|| given.to_owned(), zhupi_engine::entity::plain);
    given.map(text).filter(|text| !text.is_empty()).unwrap_or_else(|| sort.title_of(data))
}

fn zone_of(directory: &Directory) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(&directory.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Entity(refusal)
    }
}
