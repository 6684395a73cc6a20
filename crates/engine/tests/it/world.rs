//! A small company in words, and an instance on its way through it.

use jiff::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::absence::Absence;
use zhupi_engine::approvers::Why;
use zhupi_engine::command::{Intervention, Opinion, Outside, Resubmit, Return, ReturnTo};
use zhupi_engine::directory::{Calendars, Department, Role, User, UserGroup};
use zhupi_engine::event::{Decision, WhyRemoved};
use zhupi_engine::form::{Edits, Field, FieldKind, FieldOption, Form, read_edits, read_values};
use zhupi_engine::ids::{DepartmentId, GroupId, NodeId, RoleId, SYSTEM, SlotId, TimerId, UserId, VisitId};
use zhupi_engine::instance::{SlotState, Visit, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{
    Command, Directory, Envelope, Event, Instance, Preview, Rejection, Status, Submit, decide, preview,
};

/// An id that reads like its name.
pub fn uuid(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Uuid::from_bytes(bytes)
}

pub fn user(name: &str) -> UserId {
    uuid(name).into()
}

pub fn department(name: &str) -> DepartmentId {
    uuid(name).into()
}

pub fn role(name: &str) -> RoleId {
    uuid(name).into()
}

pub fn group(name: &str) -> GroupId {
    uuid(name).into()
}

pub fn at(second: i64) -> Timestamp {
    // 2026-01-01T00:00:00Z
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

#[derive(Clone, Default)]
pub struct World {
    users: BTreeMap<String, User>,
    departments: Vec<Department>,
    roles: Vec<Role>,
    groups: Vec<UserGroup>,
    pub calendars: Calendars,
    pub absences: Vec<Absence>,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self::default();
        world.admin("root");
        world
    }

    /// A person in these departments, the first being the primary one.
    pub fn person(mut self, name: &str, departments: &[&str]) -> Self {
        let departments = departments.iter().map(|it| department(it)).collect();
        self.entry(name).departments = departments;
        self
    }

    pub fn people(self, names: &[&str]) -> Self {
        names.iter().fold(self, |world, name| world.person(name, &[]))
    }

    pub fn reports_to(mut self, name: &str, supervisor: &str) -> Self {
        self.entry(supervisor);
        self.entry(name).supervisor = Some(user(supervisor));
        self
    }

    pub fn disabled(mut self, name: &str) -> Self {
        self.entry(name).active = false;
        self
    }

    /// Away at all times, until `back`.
    pub fn away(mut self, name: &str, substitute: &str) -> Self {
        self.entry(substitute);
        self.absences.push(Absence {
            id: uuid(&format!("{name}-{substitute}")).into(),
            owner: user(name),
            substitute: user(substitute),
            from: at(0),
            until: at(1_000_000),
            templates: Vec::new(),
            reason: String::new(),
            move_open: true,
        });
        self
    }

    /// What is open already when somebody goes away stays with him.
    pub fn keeping_what_is_open(mut self) -> Self {
        self.absences.iter_mut().for_each(|absence| absence.move_open = false);
        self
    }

    pub fn back(mut self, name: &str) -> Self {
        self.absences.retain(|absence| absence.owner != user(name));
        self
    }

    pub fn limit(mut self, name: &str, limit: i64) -> Self {
        self.entry(name).approval_limit = Some(limit.into());
        self
    }

    /// `parent` empty: a root.
    pub fn department(mut self, name: &str, parent: &str, heads: &[&str]) -> Self {
        heads.iter().for_each(|head| {
            self.entry(head);
        });
        self.departments.push(Department {
            id: department(name),
            name: name.to_owned(),
            parent: (!parent.is_empty()).then(|| department(parent)),
            heads: heads.iter().map(|it| user(it)).collect(),
        });
        self
    }

    pub fn role(mut self, name: &str, members: &[&str]) -> Self {
        members.iter().for_each(|it| {
            self.entry(it);
        });
        let members = members.iter().map(|it| user(it)).collect();
        self.roles.push(Role { id: role(name), name: name.to_owned(), members });
        self
    }

    pub fn group(mut self, name: &str, members: &[&str]) -> Self {
        members.iter().for_each(|it| {
            self.entry(it);
        });
        let members = members.iter().map(|it| user(it)).collect();
        self.groups.push(UserGroup { id: group(name), name: name.to_owned(), members });
        self
    }

    pub fn without_admin(mut self) -> Self {
        self.users.values_mut().for_each(|user| user.admin = false);
        self
    }

    fn admin(&mut self, name: &str) {
        self.entry(name).admin = true;
    }

    fn entry(&mut self, name: &str) -> &mut User {
        self.users.entry(name.to_owned()).or_insert_with(|| User {
            id: user(name),
            name: name.to_owned(),
            active: true,
            departments: Vec::new(),
            supervisor: None,
            approval_limit: None,
            admin: false,
        })
    }

    pub fn directory(&self) -> Directory {
        let mut directory = Directory::new(
            self.users.values().cloned().collect(),
            self.departments.clone(),
            self.roles.clone(),
            self.groups.clone(),
        );
        directory.calendars.clone_from(&self.calendars);
        directory.with_absences(self.absences.clone())
    }
}

// ---- templates ----

pub fn template(flow: Vec<Block>) -> Template {
    Template {
        name: "test".to_owned(),
        form: Form::default(),
        flow,
        settings: Settings { dedup: Dedup::None, ..Settings::default() },
    }
}

pub fn with_form(fields: Vec<Field>, flow: Vec<Block>) -> Template {
    Template { form: Form { fields }, ..template(flow) }
}

pub fn field(id: &str, kind: FieldKind) -> Field {
    Field::new(id, id, kind)
}

pub fn choice(id: &str, kind: FieldKind, options: &[&str]) -> Field {
    let option = |it: &&str| FieldOption { id: (*it).into(), label: (*it).to_owned() };
    Field { options: options.iter().map(option).collect(), ..field(id, kind) }
}

pub fn node(id: &str, approvers: Approvers) -> Approval {
    Approval::new(id, id, approvers)
}

pub fn members(names: &[&str]) -> Approvers {
    Approvers::People(vec![named(names)])
}

pub fn named(names: &[&str]) -> PersonRule {
    PersonRule::Members(names.iter().map(|it| user(it)).collect())
}

pub fn by(rule: PersonRule) -> Approvers {
    Approvers::People(vec![rule])
}

/// A node with named people and the default mode.
pub fn ask(id: &str, names: &[&str]) -> Block {
    Block::Approval(node(id, members(names)))
}

pub fn ask_in(id: &str, names: &[&str], mode: Mode) -> Block {
    Block::Approval(Approval { mode, ..node(id, members(names)) })
}

pub fn cc(id: &str, names: &[&str]) -> Block {
    let people = vec![named(names)];
    Block::Cc(Cc {
        id: id.into(),
        title: id.to_owned(),
        people,
        allow_more: false,
        fields: Default::default(),
        other: Default::default(),
    })
}

pub fn branch(id: &str, lanes: Vec<Lane>) -> Block {
    Block::Branch(Branch { id: id.into(), title: String::new(), lanes, other: Default::default() })
}

pub fn lane(id: &str, priority: i64, when: When, blocks: Vec<Block>) -> Lane {
    Lane { id: id.into(), title: String::new(), priority, when, blocks, other: Default::default() }
}

pub fn department_chain(levels: u8) -> Chain {
    Chain {
        line: Line::DepartmentHeads,
        end: ChainEnd::Levels(levels),
        start: Start::Initiator,
        order: Order::BottomUp,
        heads: Heads::Any,
    }
}

// ---- an instance on its way ----

pub struct Run {
    pub template: Template,
    pub world: World,
    pub instance: Instance,
    pub events: Vec<Event>,
    clock: i64,
}

impl Run {
    /// Submits without form values; panics where that is refused.
    pub fn start(world: World, template: Template, initiator: &str) -> Self {
        Self::submit(world, template, initiator, Submit::default()).unwrap()
    }

    pub fn start_with(world: World, template: Template, initiator: &str, form: serde_json::Value) -> Self {
        let form = read_values(&template.form, form.as_object().unwrap()).unwrap();
        Self::submit(world, template, initiator, Submit { form, ..Submit::default() }).unwrap()
    }

    pub fn submit(
        world: World,
        template: Template,
        initiator: &str,
        submit: Submit,
    ) -> Result<Self, Rejection> {
        Self::submit_with(world, template, initiator, submit, Outside::default())
    }

    pub fn submit_with(
        world: World,
        template: Template,
        initiator: &str,
        submit: Submit,
        outside: Outside,
    ) -> Result<Self, Rejection> {
        let instance = Instance::draft(uuid("instance").into(), uuid("template").into(), 1, user(initiator));
        let mut run = Self { template, world, instance, events: Vec::new(), clock: 0 };
        run.act_with(initiator, Command::Submit(submit), outside)?;
        Ok(run)
    }

    /// An instance that something has happened to elsewhere.
    pub fn begun(world: World, template: Template, instance: Instance) -> Self {
        Self { template, world, instance, events: Vec::new(), clock: 0 }
    }

    pub fn act(&mut self, actor: &str, command: Command) -> Result<(), Rejection> {
        self.act_as(user(actor), command)
    }

    pub fn act_as(&mut self, actor: UserId, command: Command) -> Result<(), Rejection> {
        self.clock += 60;
        self.act_at(actor, at(self.clock), command)
    }

    /// What the clock does at a moment.
    pub fn system(&mut self, now: Timestamp, command: Command) -> Result<(), Rejection> {
        self.clock = self.clock.max(now.as_second() - at(0).as_second());
        self.act_at(SYSTEM, now, command)
    }

    /// Time passes, and timers go off when they are due.
    pub fn pass(&mut self, until: Timestamp) {
        while let Some((due, visit, timer)) = self.next_timer().filter(|(due, ..)| *due <= until) {
            let now = due.max(at(self.clock));
            self.system(now, Command::Fire { visit, timer }).unwrap();
        }
        self.clock = self.clock.max(until.as_second() - at(0).as_second());
    }

    fn next_timer(&self) -> Option<(Timestamp, VisitId, TimerId)> {
        let open = self.instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
        let timers = open.flat_map(|visit| visit.timers.iter().map(move |timer| (visit.id, timer)));
        let waiting = timers.filter(|(_, timer)| !timer.fired);
        waiting.map(|(visit, timer)| (timer.at, visit, timer.id)).min()
    }

    fn act_at(&mut self, actor: UserId, now: Timestamp, command: Command) -> Result<(), Rejection> {
        self.act_knowing(actor, now, command, Outside::default())
    }

    pub fn act_with(&mut self, actor: &str, command: Command, outside: Outside) -> Result<(), Rejection> {
        self.clock += 60;
        self.act_knowing(user(actor), at(self.clock), command, outside)
    }

    fn act_knowing(
        &mut self,
        actor: UserId,
        now: Timestamp,
        command: Command,
        outside: Outside,
    ) -> Result<(), Rejection> {
        let envelope = Envelope { actor, at: now, seen_version: None, command, outside };
        let events = decide(&self.template, &self.world.directory(), &self.instance, &envelope)?;
        events.iter().for_each(|event| self.instance.apply(event));
        self.instance.version += 1;
        self.events.extend(events);
        assert_eq!(self.instance.broken(), Vec::<String>::new());
        Ok(())
    }

    pub fn try_approve(&mut self, name: &str) -> Result<(), Rejection> {
        let slot = self.slot_of(name);
        self.act(name, Command::decide(Decision::Approve, slot, ""))
    }

    pub fn try_reject(&mut self, name: &str) -> Result<(), Rejection> {
        let slot = self.slot_of(name);
        self.act(name, Command::decide(Decision::Reject, slot, "no"))
    }

    pub fn approve(mut self, name: &str) -> Self {
        self.try_approve(name).unwrap();
        self
    }

    pub fn reject(mut self, name: &str) -> Self {
        self.try_reject(name).unwrap();
        self
    }

    /// The person sends his newest task back, to a node or, where none is named, to the initiator.
    pub fn try_return(&mut self, name: &str, node: &str) -> Result<(), Rejection> {
        let to = if node.is_empty() { ReturnTo::Initiator } else { ReturnTo::Node(node.into()) };
        let opinion = Opinion::new(self.slot_of(name), "incomplete");
        self.act(name, Command::Return(Return::new(opinion, to)))
    }

    pub fn send_back(mut self, name: &str, node: &str) -> Self {
        self.try_return(name, node).unwrap();
        self
    }

    pub fn try_resubmit(&mut self, name: &str, edits: serde_json::Value) -> Result<(), Rejection> {
        let edits = self.edits(edits);
        self.act(name, Command::Resubmit(Resubmit { edits, ..Resubmit::default() }))
    }

    pub fn resubmit(mut self, name: &str, edits: serde_json::Value) -> Self {
        self.try_resubmit(name, edits).unwrap();
        self
    }

    /// Approves with changes of the form.
    pub fn approve_with(mut self, name: &str, edits: serde_json::Value) -> Self {
        let opinion = Opinion { edits: self.edits(edits), ..Opinion::new(self.slot_of(name), "") };
        self.act(name, Command::Approve(opinion)).unwrap();
        self
    }

    pub fn edits(&self, edits: serde_json::Value) -> Edits {
        read_edits(&self.template.form, edits.as_object().unwrap()).unwrap()
    }

    pub fn try_take_back(&mut self, name: &str) -> Result<(), Rejection> {
        let slot = self.slot_of(name);
        self.act(name, Command::TakeBack { slot })
    }

    /// The workspace's administrator steps in.
    pub fn try_intervene(&mut self, what: Intervention) -> Result<(), Rejection> {
        self.act("root", Command::Intervene { what, reason: "it has to go on".to_owned() })
    }

    pub fn intervene(mut self, what: Intervention) -> Self {
        self.try_intervene(what).unwrap();
        self
    }

    /// Time passes.
    pub fn wait_hours(mut self, hours: i64) -> Self {
        self.clock += hours * 3600;
        self
    }

    /// Looks again at who is away or gone; so that looking twice changes nothing, it is done twice.
    pub fn sweep(mut self) -> Self {
        self.act_as(SYSTEM, Command::Sweep).unwrap();
        let before = self.events.len();
        self.act_as(SYSTEM, Command::Sweep).unwrap();
        assert_eq!(self.events[before..], []);
        self
    }

    /// People, calendar and absences change while it runs.
    pub fn with(mut self, change: impl FnOnce(World) -> World) -> Self {
        self.world = change(self.world);
        self
    }

    /// The person's newest slot; one that was taken out only if he has no other.
    pub fn slot_of(&self, name: &str) -> SlotId {
        let slots = self.instance.visits.iter().rev().flat_map(|visit| &visit.slots);
        let his: Vec<_> = slots.filter(|slot| slot.assignee == user(name)).collect();
        let stays = his.iter().find(|slot| slot.state != SlotState::Removed);
        stays.or(his.first()).map_or(SlotId(999), |slot| slot.id)
    }

    /// Names of the people who can decide now, in order.
    pub fn pending(&self) -> String {
        let names = self.instance.pending().map(|(_, slot)| name(slot.assignee));
        names.collect::<Vec<_>>().join(" ")
    }

    /// Why slots were taken out, in order.
    pub fn why_removed(&self) -> Vec<WhyRemoved> {
        let why = |event: &Event| match event {
            Event::SlotRemoved { why, .. } => Some(*why),
            _ => None,
        };
        self.events.iter().filter_map(why).collect()
    }

    pub fn status(&self) -> Status {
        self.instance.status
    }

    pub fn visit(&self, node: &str) -> &Visit {
        self.visits(node).pop().unwrap()
    }

    pub fn visits(&self, node: &str) -> Vec<&Visit> {
        self.instance.visits.iter().filter(|visit| visit.node == NodeId::from(node)).collect()
    }

    /// State of the person's newest slot.
    pub fn state(&self, name: &str) -> SlotState {
        self.instance.slot(self.slot_of(name)).unwrap().1.state
    }

    pub fn why(&self, name: &str) -> Why {
        self.instance.slot(self.slot_of(name)).unwrap().1.why.clone()
    }

    /// Names of the people told, in order.
    pub fn told(&self) -> String {
        self.instance.cc.iter().map(|entry| name(entry.user)).collect::<Vec<_>>().join(" ")
    }
}

pub fn name(user: UserId) -> String {
    user.0.as_bytes().iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

pub fn look_ahead(world: &World, template: &Template, initiator: &str, form: serde_json::Value) -> Preview {
    let form = zhupi_engine::form::read_partial(&template.form, form.as_object().unwrap()).unwrap();
    let submit = Submit { form, ..Submit::default() };
    preview(template, &world.directory(), user(initiator), &submit, at(0)).unwrap()
}
