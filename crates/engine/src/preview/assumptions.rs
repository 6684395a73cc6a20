//! What a look ahead takes for granted (semantics B14): who decides what at which node, and other people than those of
//! today. Where nothing is assumed, everybody approves and everything that is waited for answers yes. How it is played:
//! `decide/script.rs`.

use crate::command::ReturnTo;
use crate::directory::{Directory, PeopleChanges};
use crate::event::Decision;
use crate::form::FormData;
use crate::ids::{NodeId, UserId};
use crate::instance::Outcome;
use crate::problem::Problem;
use crate::template::{
    Abstain, Approval, Approvers, Block, ChildWait, Deadline, Mode, SubProcess, Template, Trigger,
    TriggerAction, Vote,
};
use std::collections::HashSet;

/// Most decisions that one look ahead assumes.
pub const ASSUMED_LIMIT: usize = 200;

/// What is taken for granted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Assumptions {
    /// What happens at nodes. Of several for the same visit, those of a person come before those of everybody.
    pub decisions: Vec<Assumed>,
    /// The people of today, but for these.
    pub people: PeopleChanges,
}

/// What happens at one node.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumed {
    /// Where.
    pub node: NodeId,
    /// Only at this level of a chain, from 1.
    pub level: Option<u32>,
    /// Which visit of the node, or of the level, from 1, counted over all branches.
    pub round: u32,
    /// Who alone; absent: everybody who is asked there.
    pub person: Option<UserId>,
    /// What.
    pub act: AssumedAct,
}

/// What happens at a node.
#[derive(Clone, PartialEq, Debug)]
pub enum AssumedAct {
    /// A decision.
    Decide(Decision),
    /// It is sent back.
    Return(ReturnTo),
    /// Nobody does anything until the time is up.
    TimeOut,
    /// What is waited for answers.
    Answer {
        /// What comes of it.
        outcome: Outcome,
        /// Values it brings, by our own controls.
        values: FormData,
    },
}

/// Everything that keeps assumptions from being played, with the path of each: `decisions[2].level`, `people.gone[0]`.
pub fn check_assumptions(
    template: &Template,
    directory: &Directory,
    assumptions: &Assumptions,
) -> Vec<Problem> {
    let mut problems = assumptions.people.check(directory, "people");
    let decisions = &assumptions.decisions;
    if decisions.len() > ASSUMED_LIMIT {
        let message = format!("at most {ASSUMED_LIMIT} decisions are assumed");
        problems.push(Problem::error("decisions", "too_many", message));
        return problems;
    }
    let mut seen = HashSet::new();
    for (number, assumed) in decisions.iter().enumerate() {
        let path = format!("decisions[{number}]");
        if !seen.insert((&assumed.node, assumed.level, assumed.round, assumed.person)) {
            let message = "the same visit and person are assumed twice";
            problems.push(Problem::error(&path, "assumed_twice", message));
        }
        check_one(template, directory, assumed, &path, &mut problems);
    }
    problems
}

fn check_one(
    template: &Template,
    directory: &Directory,
    assumed: &Assumed,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let mut wrong = |member: &str, code: &str, message: &str| {
        problems.push(Problem::error(format!("{path}.{member}"), code, message));
    };
    let Some(block) = template.block(&assumed.node) else {
        return wrong("node", "node_unknown", "the template has no such node");
    };
    if assumed.round == 0 {
        wrong("round", "round_unfit", "the first visit is 1");
    }
    if assumed.level.is_some_and(|level| level == 0 || !is_chain(block)) {
        wrong("level", "level_unfit", "only chains have levels, from 1 on");
    }
    if let Some(person) = assumed.person {
        if directory.user(person).is_none() {
            wrong("person", "user_unknown", "there is no such person");
        }
        if matches!(assumed.act, AssumedAct::TimeOut | AssumedAct::Answer { .. }) {
            wrong("person", "person_unfit", "nobody in particular does this");
        }
    }
    match &assumed.act {
        AssumedAct::Return(to) => {
            if let Some(message) = unfit_target(template, assumed, to) {
                wrong("to", "target_unfit", message);
            }
        }
        AssumedAct::Answer { values, .. } => {
            let taken = fields_taken(block);
            for field in values.0.keys().filter(|field| !taken.contains(field)) {
                wrong(&format!("values.{field}"), "field_unfit", "an answer does not set this field here");
            }
        }
        AssumedAct::Decide(_) | AssumedAct::TimeOut => {}
    }
    if let Some(message) = unfit_act(block, &assumed.act) {
        wrong("action", "action_unfit", message);
    }
}

fn is_chain(block: &Block) -> bool {
    matches!(block, Block::Approval(Approval { approvers: Approvers::Chain(_), .. }))
}

fn unfit_target(template: &Template, assumed: &Assumed, to: &ReturnTo) -> Option<&'static str> {
    let (ReturnTo::Node(node) | ReturnTo::Level { node, .. }) = to else { return None };
    match template.block(node) {
        Some(Block::Approval(_)) if *node != assumed.node || is_level(to) => None,
        Some(Block::Approval(_)) => Some("a node does not send back to itself"),
        Some(_) | None => Some("it can be sent back to the initiator or to a node with people"),
    }
}

fn is_level(to: &ReturnTo) -> bool {
    matches!(to, ReturnTo::Level { .. })
}

/// Why something cannot happen at a block, whoever is asked there.
fn unfit_act(block: &Block, act: &AssumedAct) -> Option<&'static str> {
    match (block, act) {
        (Block::Approval(node), AssumedAct::Decide(decision)) => unfit_decision(node, *decision),
        (Block::Approval(_), AssumedAct::Return(_)) => None,
        (Block::Approval(node), AssumedAct::TimeOut) => {
            (node.deadline == Deadline::None).then_some("the node has no time limit")
        }
        (Block::Approval(_), AssumedAct::Answer { .. }) => Some("people decide here"),
        (
            Block::Trigger(Trigger { action: TriggerAction::CallAndWait { .. }, .. })
            | Block::SubProcess(SubProcess { wait: ChildWait::Until { .. }, .. }),
            AssumedAct::Answer { .. },
        ) => None,
        (
            Block::Trigger(Trigger { action: TriggerAction::CallAndWait { within: Some(_), .. }, .. }),
            AssumedAct::TimeOut,
        ) => None,
        (Block::Trigger(_), AssumedAct::TimeOut) => Some("the node has no time limit"),
        (Block::Trigger(_) | Block::SubProcess(_), AssumedAct::Answer { .. }) => {
            Some("nothing is waited for here")
        }
        (
            Block::Trigger(_)
            | Block::SubProcess(_)
            | Block::Cc(_)
            | Block::Branch(_)
            | Block::Parallel(_)
            | Block::Each(_)
            | Block::Delay(_)
            | Block::Route(_)
            | Block::Auto(_),
            _,
        ) => Some("nobody does this here"),
    }
}

fn unfit_decision(node: &Approval, decision: Decision) -> Option<&'static str> {
    let chain = matches!(node.approvers, Approvers::Chain(_));
    match (decision, node.mode) {
        (Decision::Approve, _) => None,
        (Decision::Reject, _) => node.handle.then_some("what is carried out is not rejected"),
        (Decision::Abstain, Mode::Vote(Vote { abstain: Abstain::KeepsBase | Abstain::ShrinksBase, .. }))
            if !chain =>
        {
            None
        }
        (Decision::Abstain, _) => Some("nobody abstains here"),
    }
}

/// Our fields that an answer sets at a block.
fn fields_taken(block: &Block) -> Vec<&crate::ids::FieldId> {
    match block {
        Block::Trigger(Trigger { action: TriggerAction::CallAndWait { sets, .. }, .. }) => {
            sets.iter().collect()
        }
        Block::SubProcess(SubProcess { wait: ChildWait::Until { take, .. }, .. }) => take.keys().collect(),
        Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Approval(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Route(_)
        | Block::Auto(_) => Vec::new(),
    }
}
