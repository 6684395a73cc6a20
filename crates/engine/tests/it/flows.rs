//! Forks, lists, delays, triggers and the rest of a flow in words.

use crate::world::*;
use std::collections::BTreeMap;
use zhupi_engine::condition::{Compare, Condition, Group, Scope, Subject, Test};
use zhupi_engine::event::{Decision, Event};
use zhupi_engine::ids::{NodeId, SlotId, TimerId, UserId, VisitId};
use zhupi_engine::instance::{Outcome, VisitState};
use zhupi_engine::preview::Step;
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection};

/// A fork that takes all lanes; they are called `{id}1`, `{id}2` and so on.
pub fn parallel(id: &str, lanes: Vec<Vec<Block>>) -> Parallel {
    let lanes =
        (1..).zip(lanes).map(|(number, blocks)| lane(&format!("{id}{number}"), number, any(), blocks));
    fork(id, Take::All, lanes.collect())
}

pub fn fork(id: &str, take: Take, lanes: Vec<Lane>) -> Parallel {
    Parallel {
        id: id.into(),
        title: id.to_owned(),
        take,
        on_reject: LaneReject::EndInstance,
        lanes,
        other: Default::default(),
    }
}

/// A condition that always holds.
pub fn any() -> When {
    let condition =
        Condition { subject: Subject::Initiator, test: Test::Belongs { scope: Scope::default() } };
    When::AnyOf(vec![Group { conditions: vec![condition] }])
}

pub fn at_least(field: &str, value: i64) -> When {
    When::AnyOf(vec![group_at_least(Subject::Field(field.into()), value)])
}

pub fn group_at_least(subject: Subject, value: i64) -> Group {
    let test = Test::Number { op: Compare::GreaterOrEqual, value: value.into(), currency: None };
    Group { conditions: vec![Condition { subject, test }] }
}

/// What came of a lane, a list or a sub-process.
pub fn came_of(id: &str, outcome: Outcome) -> When {
    let condition = Condition { subject: Subject::Lane(id.into()), test: Test::Outcome(outcome) };
    When::AnyOf(vec![Group { conditions: vec![condition] }])
}

pub fn each(id: &str, list: &str, blocks: Vec<Block>) -> Each {
    Each {
        id: id.into(),
        title: id.to_owned(),
        list: list.into(),
        group_by: None,
        on_reject: LaneReject::EndInstance,
        blocks,
        other: Default::default(),
    }
}

/// The element a branch runs for decides.
pub fn ask_item(id: &str, column: Option<&str>) -> Block {
    Block::Approval(node(id, by(PersonRule::Item { column: column.map(Into::into) })))
}

pub fn delay(id: &str, minutes: u32) -> Block {
    Block::Delay(Delay { id: id.into(), title: id.to_owned(), until: Due::Elapsed(minutes) })
}

pub fn trigger(id: &str, action: TriggerAction) -> Block {
    let (id, title, irreversible, other) = (id.into(), id.to_owned(), false, Default::default());
    Block::Trigger(Trigger { id, title, action, irreversible, other })
}

pub fn sub_process(id: &str, wait: ChildWait) -> SubProcess {
    SubProcess {
        id: id.into(),
        title: id.to_owned(),
        template: uuid("child").into(),
        fill: BTreeMap::new(),
        wait,
        other: Default::default(),
    }
}

pub fn route(id: &str, to: &str, when: Vec<Group>) -> Block {
    Block::Route(Route {
        id: id.into(),
        title: id.to_owned(),
        to: to.into(),
        when,
        other: Default::default(),
    })
}

pub fn auto(id: &str, outcome: Decision) -> Block {
    Block::Auto(Auto { id: id.into(), title: id.to_owned(), outcome, other: Default::default() })
}

impl Run {
    /// The open visit of a node.
    pub fn open_visit(&self, node: &str) -> VisitId {
        let open = |visit: &&&zhupi_engine::instance::Visit| visit.state == VisitState::Open;
        self.visits(node).iter().find(open).map_or(VisitId(999), |visit| visit.id)
    }

    /// The first timer of the node's open visit comes.
    pub fn fire(&mut self, node: &str) -> Result<(), Rejection> {
        let visit = self.open_visit(node);
        self.act("", Command::Fire { visit, timer: TimerId(0) })
    }

    pub fn answer(&mut self, node: &str, outcome: Outcome) -> Result<(), Rejection> {
        self.answer_with(node, outcome, Default::default())
    }

    pub fn answer_with(
        &mut self,
        node: &str,
        outcome: Outcome,
        values: zhupi_engine::form::FormData,
    ) -> Result<(), Rejection> {
        let visit = self.open_visit(node);
        self.act("", Command::Answer { visit, outcome, values })
    }

    /// The person's slot at this node that is open, or the last one there.
    pub fn slot_at(&self, node: &str, person: &str) -> SlotId {
        let own = |slot: &&zhupi_engine::instance::Slot| slot.assignee == user(person);
        let slots = self.visits(node).into_iter().flat_map(|visit| visit.slots.iter().filter(own));
        let slots: Vec<_> = slots.collect();
        let open = slots.iter().find(|slot| slot.state.is_open()).or(slots.last());
        open.map_or(SlotId(999), |slot| slot.id)
    }

    pub fn decide_at(&mut self, node: &str, person: &str, decision: Decision) -> Result<(), Rejection> {
        let slot = self.slot_at(node, person);
        self.act(person, Command::decide(decision, slot, "words"))
    }

    /// Joins that fired, in order.
    pub fn joins(&self) -> Vec<NodeId> {
        let joined = self.events.iter().filter_map(|event| match event {
            Event::Joined { fork, .. } => Some(fork.clone()),
            _ => None,
        });
        joined.collect()
    }
}

pub fn scope_of(names: &[&str]) -> Scope {
    Scope { users: names.iter().map(|it| user(it)).collect::<Vec<UserId>>(), ..Scope::default() }
}

/// Steps as short words; what happens in a branch is indented.
pub fn outline(steps: &[Step]) -> String {
    let mut depth = 0_usize;
    let mut lines = Vec::new();
    for step in steps {
        let (before, after, line) = match step {
            Step::Approval { node, people, state, uncertain, .. } => {
                let people: Vec<&str> = people.iter().map(|it| it.name.as_str()).collect();
                let unsure: String = uncertain.iter().map(|it| format!(" {it:?}")).collect();
                (0, 0, format!("{node} {state:?} {}{unsure}", people.join("+")))
            }
            Step::Cc { people, .. } => {
                let people: Vec<String> = people.iter().map(|it| name(it.user)).collect();
                (0, 0, format!("cc {}", people.join("+")))
            }
            Step::Lane { branch, lane, uncertain, .. } => {
                let unsure: String = uncertain.iter().map(|it| format!(" {it:?}")).collect();
                (0, 0, format!("{branch}:{lane}{unsure}"))
            }
            Step::Fork { node, branches, .. } => (0, 2, format!("fork {node} {branches}")),
            Step::Branch { lane, item, .. } => {
                let of = lane.as_ref().map(ToString::to_string);
                let item = item.as_ref().map(|it| serde_json::to_string(&it.rows).unwrap_or_default());
                (-1, 1, format!("branch {}", of.or(item).unwrap_or_default()))
            }
            Step::Join { node, .. } => (-2, 0, format!("join {node}")),
            Step::Delay { node, .. } => (0, 0, format!("delay {node}")),
            Step::Trigger { node, waits, .. } => (0, 0, format!("trigger {node} {waits}")),
            Step::SubProcess { node, waits, .. } => (0, 0, format!("child {node} {waits}")),
            Step::Route { node, to, .. } => (0, 0, format!("route {node} {to}")),
            Step::Returned { node, to, .. } => (0, 0, format!("{node} back to {to}")),
            Step::Auto { node, state, .. } => (0, 0, format!("{node} {state:?}")),
        };
        depth = depth.saturating_add_signed(before);
        lines.push(format!("{}{line}", "  ".repeat(depth)));
        depth = depth.saturating_add_signed(after);
    }
    lines.join("\n")
}
