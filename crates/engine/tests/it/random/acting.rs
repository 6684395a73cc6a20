//! Random commands: mostly what the next person would do, sometimes anything.

use super::drawing::{one_or_more, random_department, random_user, some_users};
use fastrand::Rng;
use uuid::Uuid;
use zhupi_engine::command::{
    AddSign, Command, Handing, Intervention, Opinion, Outside, Resubmit, Return, ReturnTo, Submit,
};
use zhupi_engine::event::AddKind;
use zhupi_engine::form::{Edit, Edits, FileRef, FormData, Linked, Money, Row, RowId, Value};
use zhupi_engine::ids::{NodeId, SYSTEM, SlotId, TokenId, UserId, VisitId};
use zhupi_engine::instance::{Outcome, Slot, SlotState, Status, Visit, VisitKind, VisitState};
use zhupi_engine::template::{
    Approval, Approvers, Block, EmptyRule, Mode, PersonRule, ResumePolicy, Template,
};
use zhupi_engine::{Directory, Instance};

/// Everything outside that may matter: a lot, how much people have to do, whose turn it was, who took part in what is linked.
pub fn random_outside(rng: &mut Rng, template: &Template) -> Outside {
    let mut outside = Outside { seed: rng.u64(..), ..Outside::default() };
    outside.loads = (0..rng.usize(..6)).map(|_| (random_user(rng), rng.u32(..4))).collect();
    if rng.bool() {
        let asks = |block: &&Block| matches!(block, Block::Approval(_));
        let nodes = template.blocks().into_iter().filter(asks);
        outside.last = nodes.map(|block| (block.id().clone(), random_user(rng))).collect();
    }
    if rng.bool() {
        outside.linked = [("about".into(), some_users(rng, 3))].into();
    }
    outside
}

/// Somebody who may step in, if there is anybody.
pub fn random_administrator(rng: &mut Rng, template: &Template, directory: &Directory) -> UserId {
    let managers = template.settings.managers.iter().copied();
    let all: Vec<UserId> = managers.chain(directory.admins()).collect();
    let found = all.get(rng.usize(..all.len().max(1))).copied();
    found.unwrap_or_else(|| random_user(rng))
}

pub fn random_submit(rng: &mut Rng, template: &Template, directory: &Directory, initiator: UserId) -> Submit {
    let mut form = FormData::default();
    if rng.u8(..5) > 0 {
        form.0.insert("sum".into(), money(rng));
    }
    if rng.u8(..5) > 0 {
        form.0.insert("who".into(), Value::People(distinct(one_or_more(rng))));
    }
    if rng.u8(..5) > 0 {
        form.0.insert("where".into(), Value::Departments(vec![random_department(rng)]));
    }
    if rng.u8(..5) > 0 {
        let rows = (0..rng.u32(1..4)).map(|id| {
            let owner = Value::People(vec![random_user(rng)]);
            let cells = [("cost".into(), money(rng)), ("owner".into(), owner)];
            Row { id: RowId(id + 1), cells: FormData(cells.into_iter().collect()) }
        });
        form.0.insert("items".into(), Value::Rows(rows.collect()));
    }
    if rng.u8(..3) == 0 {
        form.0.insert("about".into(), linked(rng));
    }
    let mut submit = Submit { form, ..Submit::default() };
    submit.department = directory.user(initiator).and_then(|user| user.departments.first().copied());
    for block in template.blocks() {
        let picks = matches!(block, Block::Approval(node) if asks_initiator(node));
        if picks && rng.u8(..10) > 0 {
            submit.picks.insert(block.id().clone(), vec![random_user(rng)]);
        }
    }
    if rng.u8(..4) == 0 {
        submit.cc = some_users(rng, 2);
    }
    submit
}

fn distinct(mut users: Vec<UserId>) -> Vec<UserId> {
    users.sort_unstable();
    users.dedup();
    users
}

fn money(rng: &mut Rng) -> Value {
    Value::Money(Money { amount: rng.i64(0..2000).into(), currency: "CNY".to_owned() })
}

fn linked(rng: &mut Rng) -> Value {
    Value::Linked(Linked { id: Uuid::from_u128(rng.u128(..)).into(), title: "before".to_owned() })
}

/// What somebody changes in the form.
fn random_edits(rng: &mut Rng) -> Edits {
    let mut edits = Edits([("sum".into(), Edit::Set(money(rng)))].into());
    if rng.u8(..3) == 0 {
        edits.0.insert("about".into(), if rng.bool() { Edit::Set(linked(rng)) } else { Edit::Clear });
    }
    edits
}

fn asks_initiator(node: &Approval) -> bool {
    let picked = |rule: &PersonRule| matches!(rule, PersonRule::InitiatorPick { .. });
    node.empty == EmptyRule::InitiatorPicks
        || matches!(&node.approvers, Approvers::People(rules) if rules.iter().any(picked))
}

pub fn random_command(
    rng: &mut Rng,
    template: &Template,
    directory: &Directory,
    instance: &Instance,
) -> (UserId, Command) {
    let draw = Draw { template, directory, instance };
    if instance.status == Status::Suspended && rng.u8(..3) == 0 {
        return draw.by_administrator(rng);
    }
    match rng.u8(..100) {
        0..52 => draw.decision(rng),
        52..62 => draw.with_people(rng),
        62..68 => draw.back(rng),
        68..80 => draw.by_system(rng),
        80..87 => draw.by_initiator(rng),
        87..94 => draw.by_administrator(rng),
        _ => draw.beside(rng),
    }
}

struct Draw<'a> {
    template: &'a Template,
    directory: &'a Directory,
    instance: &'a Instance,
}

impl Draw<'_> {
    /// A slot somebody may act in, and that person; now and then any slot and anybody.
    fn slot(&self, rng: &mut Rng) -> (SlotId, UserId) {
        let pending: Vec<_> = self.instance.pending().map(|(_, slot)| (slot.id, slot.assignee)).collect();
        match pending.get(rng.usize(..pending.len().max(1))) {
            Some(found) if rng.u8(..12) > 0 => *found,
            _ => (SlotId(rng.u32(..12)), random_user(rng)),
        }
    }

    /// A slot in one of these states, with its assignee.
    fn slot_in(&self, rng: &mut Rng, states: &[SlotState]) -> Option<(SlotId, UserId)> {
        let slots = self.instance.visits.iter().flat_map(|visit| &visit.slots);
        let found: Vec<_> = slots.filter(|slot| states.contains(&slot.state)).collect();
        let slot = found.get(rng.usize(..found.len().max(1)))?;
        Some((slot.id, slot.assignee))
    }

    fn visit(&self, rng: &mut Rng, wanted: impl Fn(&Visit) -> bool) -> Option<VisitId> {
        let open = self.instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
        let found: Vec<_> = open.filter(|visit| wanted(visit)).collect();
        found.get(rng.usize(..found.len().max(1))).map(|visit| visit.id)
    }

    fn node(&self, rng: &mut Rng) -> NodeId {
        let blocks = self.template.blocks();
        blocks[rng.usize(..blocks.len())].id().clone()
    }

    fn opinion(&self, rng: &mut Rng, slot: SlotId) -> Opinion {
        let mut opinion = Opinion::new(slot, words(rng));
        if rng.u8(..6) == 0 {
            opinion.edits = random_edits(rng);
        }
        let file = FileRef { id: None, name: "file".to_owned(), other: Default::default() };
        opinion.signature = rng.bool().then(|| file.clone());
        opinion.attachments = if rng.bool() { vec![file] } else { Vec::new() };
        opinion
    }

    fn decision(&self, rng: &mut Rng) -> (UserId, Command) {
        if rng.u8(..8) == 0
            && let Some((slot, actor)) = self.slot_in(rng, &[SlotState::Offered])
        {
            return (actor, Command::Claim { slot });
        }
        let claimed = self.instance.pending().find(|(visit, _)| visit.kind == VisitKind::Pool);
        if let Some((_, slot)) = claimed.filter(|_| rng.u8(..4) == 0) {
            return (slot.assignee, Command::Release { slot: slot.id });
        }
        let (slot, actor) = self.slot(rng);
        let delegated = self.instance.slot(slot).is_some_and(|(_, slot)| slot.back_to.is_some());
        if delegated {
            return (actor, Command::GiveOpinion { slot, comment: words(rng) });
        }
        let opinion = self.opinion(rng, slot);
        match rng.u8(..40) {
            0..34 => (actor, Command::Approve(opinion)),
            34..37 => (actor, Command::Reject(opinion)),
            _ => (actor, Command::Abstain(opinion)),
        }
    }

    fn with_people(&self, rng: &mut Rng) -> (UserId, Command) {
        if let Some(taken_out) = self.brought_in(rng).filter(|_| rng.bool()) {
            return taken_out;
        }
        let (slot, actor) = self.slot(rng);
        let handing = Handing { slot, to: random_user(rng), comment: words(rng) };
        match rng.u8(..10) {
            0..2 => (actor, Command::Transfer(handing)),
            2..4 => (actor, Command::Delegate(handing)),
            4..8 => {
                let kinds = [AddKind::Before, AddKind::After, AddKind::Together, AddKind::Peers];
                let modes = [AddSign::all(), Mode::default(), Mode::InTurn];
                let add = AddSign {
                    slot,
                    people: distinct(some_users(rng, 2)),
                    kind: kinds[rng.usize(..4)],
                    mode: modes[rng.usize(..3)],
                    advisory: rng.bool(),
                    comment: words(rng),
                };
                (actor, Command::AddSign(add))
            }
            8 => (actor, Command::RemoveSign { slot }),
            _ => (actor, Command::Release { slot }),
        }
    }

    /// Somebody who was brought in is taken out again, alone or with all the others.
    fn brought_in(&self, rng: &mut Rng) -> Option<(UserId, Command)> {
        let slots = || self.instance.visits.iter().flat_map(|visit| &visit.slots);
        let added: Vec<_> = slots().filter(|slot| slot.added_by.is_some() && slot.state.is_open()).collect();
        let it = added.get(rng.usize(..added.len().max(1)))?;
        let by = it.added_by?;
        if rng.bool() {
            return Some((by, Command::RemoveSign { slot: it.id }));
        }
        let his = |slot: &&Slot| slot.parent == it.parent && slot.is_or_was_with(by);
        let slot = it.parent.or(slots().find(his).map(|slot| slot.id))?;
        Some((by, Command::RemoveAdded { slot }))
    }

    fn back(&self, rng: &mut Rng) -> (UserId, Command) {
        if self.instance.status == Status::Returned {
            let edits = if rng.bool() { random_edits(rng) } else { Edits::default() };
            let resubmit = Resubmit { comment: words(rng), edits, picks: [].into() };
            return (self.instance.initiator, Command::Resubmit(resubmit));
        }
        let (slot, actor) = self.slot(rng);
        if rng.u8(..3) == 0
            && let Some((slot, actor)) = self.slot_in(rng, &[SlotState::Approved, SlotState::Rejected])
        {
            return (actor, Command::TakeBack { slot });
        }
        let policies = [ResumePolicy::Replay, ResumePolicy::StraightBack, ResumePolicy::Smart];
        let to = if rng.bool() { ReturnTo::Initiator } else { ReturnTo::Node(self.node(rng)) };
        let resume = rng.bool().then(|| policies[rng.usize(..3)]);
        let opinion = Opinion { comment: "incomplete".to_owned(), ..self.opinion(rng, slot) };
        (actor, Command::Return(Return { resume, confirmed: rng.u8(..8) > 0, ..Return::new(opinion, to) }))
    }

    fn by_system(&self, rng: &mut Rng) -> (UserId, Command) {
        let command = match rng.u8(..12) {
            0..4 => match self.visit(rng, |visit| visit.timers.iter().any(|timer| timer.runs())) {
                Some(id) => {
                    let visit = self.instance.visit(id).expect("it was just found");
                    let open: Vec<_> = visit.timers.iter().filter(|timer| timer.runs()).collect();
                    Command::Fire { visit: id, timer: open[rng.usize(..open.len())].id }
                }
                None => Command::Sweep,
            },
            4..8 => {
                let visit = self.awaited(rng);
                let outcome = if rng.u8(..4) > 0 { Outcome::Approved } else { Outcome::Rejected };
                let values = FormData([("sum".into(), money(rng))].into());
                Command::Answer { visit, outcome, values }
            }
            8 => Command::Amend { values: FormData([("sum".into(), money(rng))].into()), anew: rng.bool() },
            9 => self.warn(rng),
            10 => Command::Fail { visit: self.awaited(rng), reason: words(rng) },
            _ => Command::Sweep,
        };
        // What only the system may say is refused from everybody else.
        let actor = if rng.u8(..10) > 0 { SYSTEM } else { random_user(rng) };
        (actor, command)
    }

    /// A child that goes on by itself, if there is one, could not begin.
    fn warn(&self, rng: &mut Rng) -> Command {
        let begun = self.instance.begun.first().map(|it| it.child);
        Command::Warn { child: begun.unwrap_or(self.instance.id), reason: words(rng) }
    }

    /// A visit that waits for another system, if there is one.
    fn awaited(&self, rng: &mut Rng) -> VisitId {
        let waits = |visit: &Visit| matches!(visit.kind, VisitKind::Call | VisitKind::Child { .. });
        self.visit(rng, waits).unwrap_or(VisitId(rng.u32(..5)))
    }

    fn by_initiator(&self, rng: &mut Rng) -> (UserId, Command) {
        let command = match rng.u8(..9) {
            0 | 1 => Command::Withdraw { reason: words(rng) },
            2..5 => Command::Urge { comment: words(rng) },
            5 | 6 => Command::Revoke { reason: "wrong".to_owned() },
            _ => Command::Submit(Submit::default()),
        };
        (self.instance.initiator, command)
    }

    fn by_administrator(&self, rng: &mut Rng) -> (UserId, Command) {
        let (slot, _) = self.slot(rng);
        let visit = self.visit(rng, |_| true).unwrap_or(VisitId(rng.u32(..5)));
        let stuck = self.visit(rng, |visit| visit.stuck.is_some());
        let what = match rng.u8(..16) {
            0..3 if let Some(visit) = stuck => Intervention::Staff { visit, people: one_or_more(rng) },
            0..3 => {
                let token = TokenId(rng.u32(..self.instance.tokens.len().max(1) as u32));
                Intervention::Jump { token, to: self.node(rng) }
            }
            3..6 => Intervention::Reassign { slot, to: random_user(rng) },
            6 => Intervention::Staff { visit, people: some_users(rng, 2) },
            7..9 => Intervention::Skip { visit },
            9 => Intervention::Terminate,
            10..12 => Intervention::SetApprovers { node: self.node(rng), people: some_users(rng, 2) },
            12 | 13 => Intervention::Retry,
            _ => Intervention::HandOver { from: random_user(rng), to: random_user(rng) },
        };
        let actor = match rng.u8(..10) {
            0 => random_user(rng),
            _ => random_administrator(rng, self.template, self.directory),
        };
        let reason = if rng.u8(..8) > 0 { "it has to be".to_owned() } else { String::new() };
        (actor, Command::Intervene { what, reason })
    }

    fn beside(&self, rng: &mut Rng) -> (UserId, Command) {
        let actor = random_user(rng);
        match rng.u8(..6) {
            0..2 => (actor, Command::comment(words(rng))),
            2 | 3 => (actor, Command::MarkRead),
            _ => (self.instance.initiator, Command::Tell { people: some_users(rng, 2) }),
        }
    }
}

fn words(rng: &mut Rng) -> String {
    if rng.bool() { "words".to_owned() } else { String::new() }
}
