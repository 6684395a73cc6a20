//! Taking a running instance over to another version of its template (semantics B19): where it stands it stays, with the
//! same people unless the new version asks other people there or asks them otherwise.

use super::advance::travel;
use super::arriving::come_to;
use super::intervene::{go_on_if_unstuck, retry};
use super::resuming::resubmit;
use super::submit::go_ahead;
use super::sweep::settle_left_over;
use super::{Draft, Purpose};
use crate::command::{Outside, Resubmit};
use crate::directory::Directory;
use crate::event::Event;
use crate::ids::{NodeId, TokenId, UserId, VisitId};
use crate::instance::{Instance, Status, TokenState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Block, Next, Template};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// From which version to which.
#[derive(Clone, Copy)]
pub struct Migration<'a> {
    /// The version the instance follows now.
    pub old: &'a Template,
    /// The version it shall follow.
    pub new: &'a Template,
    /// The number of that version.
    pub version: u32,
    /// People as they are now.
    pub directory: &'a Directory,
    /// New ids of nodes and lanes whose id changed; every other one is the one with its id.
    pub nodes: &'a BTreeMap<NodeId, NodeId>,
    /// When.
    pub at: Timestamp,
    /// Which administrator does it.
    pub by: UserId,
    /// Why.
    pub reason: &'a str,
    /// What is known outside the instance, for whoever is asked anew.
    pub outside: &'a Outside,
}

/// What a migration would do, without doing it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Nodes and lanes at which the instance stands and which the new version lacks, has of another kind or in another
    /// branch: as long as there are any, it cannot be taken over.
    pub lost: Vec<NodeId>,
    /// Nodes at which people are asked and will be asked anew; by their new ids.
    pub reopened: Vec<NodeId>,
    /// Nodes that were still to come on the likely way and will not any more; by their old ids.
    pub gone: Vec<NodeId>,
    /// Nodes on the likely way that would not have come.
    pub added: Vec<NodeId>,
    /// Nodes on both likely ways where other people will be asked; by their new ids.
    pub approvers: Vec<ApproversChanged>,
}

/// Other people are asked at a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApproversChanged {
    /// Which.
    pub node: NodeId,
    /// Who would have been asked.
    pub before: BTreeSet<UserId>,
    /// Who is asked instead.
    pub after: BTreeSet<UserId>,
}

/// Takes an instance over: what happens, to be applied like the events of a decision.
///
/// Refused where it does not run, and where it stands at a node that the new version does not have in this place.
pub fn migrate(migration: &Migration<'_>, instance: &Instance) -> Result<Vec<Event>, Rejection> {
    check_status(instance)?;
    migration.check_nodes()?;
    match migration.lost(instance).into_iter().next() {
        Some(node) => Err(Rejection::NodeNotReachable { node }),
        None => {
            let mut draft = migration.carry_out(instance, Purpose::Act)?;
            settle_left_over(&mut draft)?;
            go_on_if_unstuck(&mut draft);
            Ok(draft.events)
        }
    }
}

fn check_status(instance: &Instance) -> Result<(), Rejection> {
    match instance.status {
        Status::Running | Status::Suspended | Status::Returned => Ok(()),
        status @ (Status::Draft
        | Status::Approved
        | Status::Rejected
        | Status::Withdrawn
        | Status::Revoking
        | Status::Revoked
        | Status::Terminated) => Err(Rejection::NotRunning { status }),
    }
}

impl<'a> Migration<'a> {
    /// What would happen to an instance. Refused where it does not run.
    pub fn report(&self, instance: &Instance) -> Result<Report, Rejection> {
        check_status(instance)?;
        self.check_nodes()?;
        let lost = self.lost(instance);
        if !lost.is_empty() {
            return Ok(Report { lost, ..Report::default() });
        }
        let reopened = self.reopened(instance);
        let reopened = reopened.iter().filter_map(|id| instance.visit(*id));
        let reopened = reopened.map(|visit| self.renamed(&visit.node).clone()).collect();
        let mut old = Draft::new(self.old, self.directory, instance, self.at, Purpose::Check);
        old.outside.clone_from(self.outside);
        // A way that cannot be gone to its end is compared as far as it goes.
        let _ = go_to_the_end(&mut old);
        let mut new = self.carry_out(instance, Purpose::Check)?;
        let _ = go_to_the_end(&mut new);
        let (before, after) = (people_ahead(&old, instance), people_ahead(&new, instance));
        let after_of = |node: &NodeId| after.get(self.renamed(node));
        let gone = before.keys().filter(|node| after_of(node).is_none()).cloned().collect();
        let known: BTreeSet<&NodeId> = before.keys().map(|node| self.renamed(node)).collect();
        let added = after.keys().filter(|node| !known.contains(node)).cloned().collect();
        let approvers = before.iter().filter_map(|(node, before)| {
            let after = after_of(node).filter(|after| *after != before)?.clone();
            Some(ApproversChanged { node: self.renamed(node).clone(), before: before.clone(), after })
        });
        Ok(Report { lost, reopened, gone, added, approvers: approvers.collect() })
    }

    /// Whatever is named has to be a node or lane of its version.
    fn check_nodes(&self) -> Result<(), Rejection> {
        let unknown = |template: &Template, id: &NodeId| {
            let mut blocks = template.blocks().into_iter();
            template.block(id).is_none() && !blocks.any(|it| it.lanes().iter().any(|lane| lane.id == *id))
        };
        let old = self.nodes.keys().find(|id| unknown(self.old, id));
        let new = self.nodes.values().find(|id| unknown(self.new, id));
        match old.or(new) {
            Some(node) => Err(Rejection::NodeNotReachable { node: node.clone() }),
            None => Ok(()),
        }
    }

    fn renamed<'n>(&'n self, id: &'n NodeId) -> &'n NodeId {
        self.nodes.get(id).unwrap_or(id)
    }

    /// Where it stands and cannot stand any more.
    fn lost(&self, instance: &Instance) -> Vec<NodeId> {
        let open = instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
        let visits =
            open.filter(|visit| !self.has_place_for(instance, visit)).map(|visit| visit.node.clone());
        let moving = |state| matches!(state, TokenState::Live | TokenState::Forked | TokenState::Arrived);
        let branches = instance.tokens.iter().filter(|token| moving(token.state));
        let branches = branches.filter_map(|token| {
            let fork = token.fork.as_ref()?;
            let kept = self.new.block(self.renamed(fork)).is_some_and(|block| match &token.lane {
                Some(lane) => block.is_fork() && block.lanes().iter().any(|it| it.id == *self.renamed(lane)),
                None => matches!(block, Block::Each(_)),
            });
            (!kept).then(|| token.lane.clone().unwrap_or_else(|| fork.clone()))
        });
        let lost: BTreeSet<NodeId> = visits.chain(branches).collect();
        lost.into_iter().collect()
    }

    fn has_place_for(&self, instance: &Instance, visit: &Visit) -> bool {
        if matches!(visit.kind, VisitKind::Revise | VisitKind::Consent) {
            return true;
        }
        let id = self.renamed(&visit.node);
        let Some(block) = self.new.block(id) else { return false };
        let fits = match visit.kind {
            VisitKind::Approve | VisitKind::Handle | VisitKind::Pool => {
                matches!(block, Block::Approval(_)) || visit.stuck.is_some()
            }
            VisitKind::Delay => matches!(block, Block::Delay(_)),
            VisitKind::Call => matches!(block, Block::Trigger(_)),
            VisitKind::Child { .. } => matches!(block, Block::SubProcess(_)),
            VisitKind::Revise | VisitKind::Consent | VisitKind::Pause | VisitKind::Auto => true,
        };
        fits && self.is_in_branch(instance, visit.token, id)
    }

    /// The node lies in the same branches as the token that stands there.
    fn is_in_branch(&self, instance: &Instance, token: TokenId, node: &NodeId) -> bool {
        let mut line = instance.line_of(token);
        line.reverse();
        let branches: Vec<_> = line.iter().skip(1).filter_map(|id| instance.token(*id)).collect();
        let around = self.new.forks_around(node).unwrap_or_default();
        around.len() == branches.len()
            && around.iter().zip(branches).all(|(fork, branch)| {
                let lanes = self.new.block(fork).map_or(&[][..], Block::lanes);
                let lane = branch.lane.as_ref().map(|lane| self.renamed(lane));
                let own = lanes.iter().find(|it| Some(&it.id) == lane);
                branch.fork.as_ref().map(|it| self.renamed(it)) == Some(*fork)
                    && own.is_none_or(|lane| lane.holds(node))
            })
    }

    /// Visits whose people are found anew: where the new version asks others, or otherwise, and where nobody could be asked.
    fn reopened(&self, instance: &Instance) -> Vec<VisitId> {
        let open = instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
        let changed = open.filter(|visit| {
            let old = self.old.block(&visit.node);
            match (old, self.new.block(self.renamed(&visit.node))) {
                (Some(Block::Approval(old)), Some(Block::Approval(new))) => {
                    visit.stuck.is_some() || asks_otherwise(old, new)
                }
                _ => visit.stuck.is_some(),
            }
        });
        changed.map(|visit| visit.id).collect()
    }

    fn carry_out(&self, instance: &Instance, purpose: Purpose) -> Result<Draft<'a>, Rejection> {
        let reopened = self.reopened(instance);
        let mut draft = Draft::new(self.new, self.directory, instance, self.at, purpose);
        draft.outside.clone_from(self.outside);
        draft.emit(Event::Migrated {
            at: self.at,
            from: instance.template_version,
            version: self.version,
            by: Some(self.by),
            reason: self.reason.to_owned(),
            digest: super::edits::digest(self.version, &instance.form),
            nodes: self.nodes.clone(),
        });
        self.thaw(&mut draft, instance);
        self.plan_time_anew(&mut draft, instance, &reopened);
        for visit in &reopened {
            draft.emit(Event::VisitClosed { at: self.at, visit: *visit, state: VisitState::Cancelled });
        }
        go_on_if_unstuck(&mut draft);
        for id in reopened {
            let Some(visit) = draft.instance.visit(id) else { continue };
            let (token, level, node) = (visit.token, visit.level, visit.node.clone());
            // A visit before may have ended the instance, or sent everything back.
            if draft.instance.token(token).is_none_or(|it| it.state != TokenState::Live) {
                continue;
            }
            match self.new.block(&node) {
                Some(Block::Approval(node)) => come_to(&mut draft, token, node, (level.max(1), None))?,
                Some(block) => travel(&mut draft, token, Next::Block(block))?,
                None => {}
            }
        }
        super::bring_to_rest(&mut draft)?;
        Ok(draft)
    }
}

impl Migration<'_> {
    /// People found at submit stay for the nodes whose rules still say the same.
    fn thaw(&self, draft: &mut Draft<'_>, before: &Instance) {
        let stays = |id: &&NodeId| match (self.old.block(id), self.new.block(self.renamed(id))) {
            (Some(Block::Approval(old)), Some(Block::Approval(new))) => old.approvers == new.approvers,
            _ => false,
        };
        let stay: BTreeSet<&NodeId> = before.frozen.keys().filter(stays).map(|id| self.renamed(id)).collect();
        let people = draft.instance.frozen.iter().filter(|(id, _)| stay.contains(id));
        let people: BTreeMap<_, _> = people.map(|(id, found)| (id.clone(), found.clone())).collect();
        if people.len() < draft.instance.frozen.len() {
            draft.emit(Event::ApproversFrozen { people });
        }
    }

    /// A time limit that the new version sets otherwise counts for those who are asked already, from when they were.
    fn plan_time_anew(&self, draft: &mut Draft<'_>, before: &Instance, reopened: &[VisitId]) {
        let open = before.visits.iter().filter(|visit| visit.state == VisitState::Open);
        for visit in open.filter(|visit| !reopened.contains(&visit.id)) {
            let blocks = (self.old.block(&visit.node), self.new.block(self.renamed(&visit.node)));
            if let (Some(Block::Approval(old)), Some(Block::Approval(new))) = blocks
                && old.deadline != new.deadline
            {
                super::time::plan_anew(draft, visit.id, (&old.deadline, new));
            }
        }
    }
}

/// Other people are asked at a node, or they decide together in another way.
fn asks_otherwise(old: &Approval, new: &Approval) -> bool {
    old.approvers != new.approvers
        || old.mode != new.mode
        || old.handle != new.handle
        || old.assign != new.assign
        || old.self_rule() != new.self_rule()
        || (&old.ballots, old.weights, &old.quorums) != (&new.ballots, new.weights, &new.quorums)
}

/// Goes on as if what stands still were helped along, and everybody approved.
fn go_to_the_end(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let initiator = draft.instance.initiator;
    match draft.instance.status {
        Status::Returned => resubmit(draft, initiator, &Resubmit::default())?,
        Status::Suspended => retry(draft)?,
        Status::Running
        | Status::Draft
        | Status::Approved
        | Status::Rejected
        | Status::Withdrawn
        | Status::Revoking
        | Status::Revoked
        | Status::Terminated => {}
    }
    go_ahead(draft)
}

/// Who is asked, by node, from now on.
fn people_ahead(draft: &Draft<'_>, from: &Instance) -> BTreeMap<NodeId, BTreeSet<UserId>> {
    let was_open = |visit: &Visit| from.visit(visit.id).is_none_or(|it| it.state == VisitState::Open);
    let mut ahead = BTreeMap::new();
    for visit in draft.instance.visits.iter().filter(|it| it.kind.asks_people() && was_open(it)) {
        if visit.state == VisitState::Cancelled {
            continue;
        }
        let people: &mut BTreeSet<UserId> = ahead.entry(visit.node.clone()).or_default();
        people.extend(visit.slots.iter().map(|slot| slot.assignee));
    }
    ahead
}
