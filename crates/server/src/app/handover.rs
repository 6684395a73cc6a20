//! Giving everything of a person who leaves to others (semantics B6.5): what there is, and then handing it over. Nothing is
//! lost by stopping half-way: what was handed over is not found again, and the rest still is.

mod drafts;

use crate::app::App;
use crate::app::act::Options;
use crate::app::directory::Change;
use crate::app::templates::{Drawing, NATIVE};
use crate::caller::Caller;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;
use zhupi_engine::absence::Absence;
use zhupi_engine::command::Intervention;
use zhupi_engine::directory::{Department, Role, UserGroup};
use zhupi_engine::ids::{DepartmentId, GroupId, InstanceId, RoleId, TemplateId, TenantId, UserId};
use zhupi_engine::instance::VisitState;
use zhupi_engine::{Command, Directory, Instance, Problem, Status};
use zhupi_store::{InstanceFilter, Page, TemplateFilter};

const TEMPLATES_AT_ONCE: u32 = 100;
/// How often an entry of the directory is taken again because somebody else was faster.
const TRIES: u32 = 10;

/// What a person can leave behind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HandoverKind)]
pub enum Kind {
    /// Open tasks, and places he was named for, of a running instance.
    Instance,
    /// A role he holds.
    Role,
    /// A group he is in.
    Group,
    /// A department he heads.
    Department,
    /// Somebody who reports to him.
    Report,
    /// A template that names him.
    Template,
    /// Somebody for whom he stands in.
    Absence,
    /// Forms he has not finished.
    Draft,
    /// Running instances he asked for himself; they stay his.
    Request,
}

/// One thing he leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Belonging {
    pub kind: Kind,
    /// Of the instance, role, …; absent for drafts and requests, which are only counted.
    pub id: Option<Uuid>,
    pub name: String,
    /// How often he is named in it, or how many there are.
    pub count: u32,
    pub outcome: Outcome,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was only looked at.
    Seen,
    Given,
    /// It stays with him, for this reason.
    Kept(String),
}

/// Who gets what, and which part of the running instances is looked through.
#[derive(Clone, Debug)]
pub struct Wish {
    pub from: UserId,
    pub to: UserId,
    /// Where it is somebody else than `to`.
    pub receivers: BTreeMap<Kind, UserId>,
    pub reason: String,
    /// Instances behind this one; absent: everything that is no instance, and the first instances.
    pub after: Option<InstanceId>,
    /// How many running instances are looked through.
    pub instances: u32,
}

impl Wish {
    fn receiver(&self, kind: Kind) -> UserId {
        self.receivers.get(&kind).copied().unwrap_or(self.to)
    }
}

/// What was found, and where to go on.
#[derive(Clone, Debug)]
pub struct Handover {
    pub items: Vec<Belonging>,
    /// More instances are behind this one.
    pub next: Option<InstanceId>,
}

/// An entry of the directory that names him.
#[derive(Clone, Copy)]
enum Entry {
    Role(RoleId),
    Group(GroupId),
    Department(DepartmentId),
    /// He is this one's supervisor.
    Report(UserId),
}

impl App {
    /// What a person would leave behind. Only for administrators.
    pub async fn look_at_handover(&self, caller: &Caller, wish: &Wish) -> Result<Handover, Error> {
        self.require_admin(caller).await?;
        let directory = self.directory(caller.tenant).await?;
        check(wish, &directory)?;
        let mut items = Vec::new();
        if wish.after.is_none() {
            items.extend(in_directory(&directory, wish.from));
            items.extend(self.in_templates(caller.tenant, wish.from).await?);
            items.extend(self.in_lists(caller.tenant, wish.from).await?);
        }
        let after = wish.after.unwrap_or(InstanceId(Uuid::nil()));
        let running = self.store.list_running(caller.tenant, after, wish.instances).await?;
        let is_last = running.len() < wish.instances as usize;
        let next = running.last().map(|it| it.id).filter(|_| !is_last);
        items.extend(running.iter().filter_map(|instance| in_instance(instance, wish.from)));
        Ok(Handover { items, next })
    }

    /// Hands over what there is, one write for each thing; each instance gets an entry in its history.
    pub async fn hand_over(self: &Arc<Self>, caller: &Caller, wish: &Wish) -> Result<Handover, Error> {
        let mut handover = self.look_at_handover(caller, wish).await?;
        for item in &mut handover.items {
            item.outcome = match self.give(caller, wish, item).await {
                Ok(outcome) => outcome,
                Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => return Err(error),
                Err(error) => Outcome::Kept(error.to_string()),
            };
        }
        let (person, receiver) = (wish.from, wish.to);
        tracing::info!(%person, %receiver, things = handover.items.len(), "handed over");
        Ok(handover)
    }

    async fn give(
        self: &Arc<Self>,
        caller: &Caller,
        wish: &Wish,
        item: &Belonging,
    ) -> Result<Outcome, Error> {
        let (from, to, id) = (wish.from, wish.receiver(item.kind), item.id.unwrap_or_default());
        match item.kind {
            Kind::Instance => return self.give_instance(caller, wish, InstanceId(id)).await,
            Kind::Template => return self.give_template(caller, TemplateId(id), (from, to)).await,
            Kind::Request => return Ok(Outcome::Kept("an instance stays with whoever asked".to_owned())),
            Kind::Draft => return self.give_drafts(caller.tenant, from, to).await,
            Kind::Role => self.give_entry(caller, Entry::Role(RoleId(id)), (from, to)).await?,
            Kind::Group => self.give_entry(caller, Entry::Group(GroupId(id)), (from, to)).await?,
            Kind::Department => {
                self.give_entry(caller, Entry::Department(DepartmentId(id)), (from, to)).await?;
            }
            Kind::Report => self.give_entry(caller, Entry::Report(UserId(id)), (from, to)).await?,
            Kind::Absence => {
                let absence =
                    self.store.load_absence(caller.tenant, id.into()).await?.ok_or(Error::NotFound)?;
                self.put_absence(caller, &Absence { substitute: to, ..absence }).await?;
            }
        }
        Ok(Outcome::Given)
    }

    /// Names the receiver in an entry of the directory as it stands now, not as it is remembered here: others may be at it.
    async fn give_entry(
        &self,
        caller: &Caller,
        entry: Entry,
        (from, to): (UserId, UserId),
    ) -> Result<(), Error> {
        let tenant = caller.tenant;
        for _ in 0..TRIES {
            let version = self.store.load_directory_version(tenant).await?.ok_or(Error::NotFound)?;
            let directory = self.store.load_directory(tenant).await?;
            let change = match entry {
                Entry::Role(id) => {
                    let role = directory.role(id).ok_or(Error::NotFound)?;
                    Change::Role(Role { members: replaced(&role.members, from, to), ..role.clone() })
                }
                Entry::Group(id) => {
                    let group = directory.group(id).ok_or(Error::NotFound)?;
                    Change::Group(UserGroup { members: replaced(&group.members, from, to), ..group.clone() })
                }
                Entry::Department(id) => {
                    let department = directory.department(id).ok_or(Error::NotFound)?;
                    let heads = replaced(&department.heads, from, to);
                    Change::Department(Department { heads, ..department.clone() })
                }
                Entry::Report(id) => {
                    let mut row = self.store.load_user(tenant, id).await?.ok_or(Error::NotFound)?;
                    row.user.supervisor = Some(to).filter(|to| *to != id);
                    Change::User(row)
                }
            };
            match self.revise_directory(caller, (version, &directory), change).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn give_instance(
        self: &Arc<Self>,
        caller: &Caller,
        wish: &Wish,
        id: InstanceId,
    ) -> Result<Outcome, Error> {
        let (from, to, reason) = (wish.from, wish.receiver(Kind::Instance), wish.reason.clone());
        let command = Command::Intervene { what: Intervention::HandOver { from, to }, reason };
        let acted = self.act(caller.tenant, caller.user, id, command, Options::default()).await?;
        match in_instance(&acted.instance, from) {
            None => Ok(Outcome::Given),
            Some(left) => Ok(Outcome::Kept(format!("the receiver may not take over {} of it", left.count))),
        }
    }

    /// Replaces him in the draft, and publishes that where the draft held nothing else that is new.
    async fn give_template(
        &self,
        caller: &Caller,
        id: TemplateId,
        (from, to): (UserId, UserId),
    ) -> Result<Outcome, Error> {
        let row = self.template_to_change(caller.tenant, caller.user, id).await?.row;
        if row.source_kind != NATIVE {
            return Ok(Outcome::Kept(format!(
                "it was drawn in the words of `{}`: change it there",
                row.source_kind
            )));
        }
        let published = match row.current_version {
            Some(version) => self.store.load_version(caller.tenant, id, version).await?,
            None => None,
        };
        let only_he = published.as_ref().is_some_and(|it| it.definition == row.draft);
        let text = row.draft.replace(&from.to_string(), &to.to_string());
        let template = serde_json::from_str(&text).map_err(Error::internal)?;
        let drawing = Drawing { template, category: row.category, source_kind: NATIVE, source: None };
        let actor = caller.user;
        if only_he {
            self.publish_drawing(caller.tenant, actor, id, drawing).await?;
            return Ok(Outcome::Given);
        }
        self.save_draft(caller.tenant, actor, id, row.draft_revision, drawing).await?;
        match published.filter(|it| it.definition.contains(&from.to_string())) {
            None => Ok(Outcome::Given),
            Some(_) => Ok(Outcome::Kept("its draft holds other changes: publish it".to_owned())),
        }
    }

    /// Templates whose draft or published version names him.
    async fn in_templates(&self, tenant: TenantId, person: UserId) -> Result<Vec<Belonging>, Error> {
        let name = person.to_string();
        let mut found = Vec::new();
        let mut page = Page::first(TEMPLATES_AT_ONCE);
        loop {
            let heads = self.store.list_templates(tenant, &TemplateFilter::default(), &page).await?;
            for head in heads.rows {
                let Some(row) = self.store.load_template(tenant, head.id).await? else { continue };
                let mut count = row.draft.matches(&name).count();
                if let Some(version) = row.current_version
                    && let Some(published) = self.store.load_version(tenant, row.id, version).await?
                {
                    count = count.max(published.definition.matches(&name).count());
                }
                if count > 0 {
                    found.push(Belonging::seen(Kind::Template, Some(row.id.0), &row.name, count));
                }
            }
            match heads.next {
                Some(after) => page.after = Some(after),
                None => return Ok(found),
            }
        }
    }

    /// What is only counted: forms he has not finished, and what he asked for himself.
    async fn in_lists(&self, tenant: TenantId, person: UserId) -> Result<Vec<Belonging>, Error> {
        let drafts = self.store.list_form_drafts(tenant, person).await?.len();
        let mut requests = 0;
        for status in [Status::Running, Status::Returned, Status::Suspended] {
            let filter =
                InstanceFilter { initiator: Some(person), status: Some(status), ..InstanceFilter::default() };
            requests += self.store.count_instances(tenant, &filter).await? as usize;
        }
        let lists = [(Kind::Draft, "drafts", drafts), (Kind::Request, "requests", requests)];
        let some = lists.into_iter().filter(|(_, _, count)| *count > 0);
        Ok(some.map(|(kind, name, count)| Belonging::seen(kind, None, name, count)).collect())
    }
}

impl Belonging {
    fn seen(kind: Kind, id: Option<Uuid>, name: &str, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { kind, id, name: name.to_owned(), count, outcome: Outcome::Seen }
    }
}

fn check(wish: &Wish, directory: &Directory) -> Result<(), Error> {
    directory.user(wish.from).ok_or(Error::NotFound)?;
    let mut problems = Vec::new();
    let receivers = wish.receivers.values().map(|user| ("receivers", *user));
    for (path, user) in receivers.chain([("to", wish.to)]) {
        if user == wish.from {
            problems.push(Problem::error(path, "receiver_is_owner", "nobody hands over to himself"));
        } else if !directory.is_active(user) {
            problems.push(Problem::error(path, "user_not_active", "the person is unknown or disabled"));
        }
    }
    if wish.reason.trim().is_empty() {
        problems.push(Problem::error("reason", "required", "it is required"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Roles, groups, departments, people and absences that name him.
fn in_directory(directory: &Directory, person: UserId) -> Vec<Belonging> {
    let names = |people: &[UserId]| people.contains(&person);
    let roles = directory.roles().into_iter().filter(|it| names(&it.members));
    let roles = roles.map(|it| Belonging::seen(Kind::Role, Some(it.id.0), &it.name, 1));
    let groups = directory.groups().into_iter().filter(|it| names(&it.members));
    let groups = groups.map(|it| Belonging::seen(Kind::Group, Some(it.id.0), &it.name, 1));
    let departments = directory.departments().into_iter().filter(|it| names(&it.heads));
    let departments = departments.map(|it| Belonging::seen(Kind::Department, Some(it.id.0), &it.name, 1));
    let reports = directory.users().into_iter().filter(|it| it.supervisor == Some(person));
    let reports = reports.map(|it| Belonging::seen(Kind::Report, Some(it.id.0), &it.name, 1));
    let absences = directory.absences().into_iter().filter(|it| it.substitute == person);
    let absences =
        absences.map(|it| Belonging::seen(Kind::Absence, Some(it.id.0), &directory.name(it.owner), 1));
    roles.chain(groups).chain(departments).chain(reports).chain(absences).collect()
}

/// His open tasks in an instance, and the places he was named for beforehand.
fn in_instance(instance: &Instance, person: UserId) -> Option<Belonging> {
    let open = instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
    let slots = open.clone().flat_map(|visit| &visit.slots).filter(|slot| slot.state.is_open());
    let tasks = slots.filter(|slot| slot.assignee == person).count();
    let named = instance.picks.values().chain(instance.overrides.values()).flatten();
    let found = open.flat_map(|visit| &visit.upcoming).chain(instance.frozen.values()).flatten();
    let named = named.filter(|user| **user == person).count();
    let count = tasks + named + found.filter(|found| found.user == person).count();
    (count > 0).then(|| Belonging::seen(Kind::Instance, Some(instance.id.0), &instance.title, count))
}

fn replaced(people: &[UserId], from: UserId, to: UserId) -> Vec<UserId> {
    let mut people: Vec<UserId> = people.to_vec();
    if people.contains(&to) {
        people.retain(|user| *user != from);
    }
    people.iter_mut().filter(|user| **user == from).for_each(|user| *user = to);
    people
}
