//! Arriving at a node: at one of people, who of those found is asked and how it begins; at each, the visit that is opened.

use super::advance::go_on;
use super::verdict::settle;
use super::{Draft, Purpose, freeze, later, picks, time};
use crate::approvers::{
    Candidate, Found, Resolution, Why, WhyRule, chain_levels, draw, find_people, resolve,
};
use crate::event::{Event, NewSlot};
use crate::ids::{NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{AutoReason, SlotState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{
    AllReject, Approval, Approvers, Assign, Chain, EmptyRule, Heads, Mode, PersonRule, Quorum,
};

/// A token arrives at a node where people decide.
pub(super) fn enter(draft: &mut Draft<'_>, token: TokenId, node: &Approval) -> Result<(), Rejection> {
    come_to(draft, token, node, (1, None))
}

/// A token is sent to a node where people decide; of a chain, to one of its levels.
pub(super) fn enter_again(
    draft: &mut Draft<'_>,
    token: TokenId,
    node: &Approval,
    level: u32,
) -> Result<(), Rejection> {
    come_to(draft, token, node, (level.max(1), Some(Again::default())))
}

/// A token comes to a node; of a chain, to the level of this number.
pub(super) fn come_to(
    draft: &mut Draft<'_>,
    token: TokenId,
    node: &Approval,
    (level, again): (u32, Option<Again>),
) -> Result<(), Rejection> {
    if let Some(found) = people_set(draft, node) {
        return open(draft, Arrival { again, ..Arrival::simple(token, node, found) });
    }
    let frozen = draft.instance.frozen.get(&node.id).cloned();
    match (&node.approvers, frozen) {
        (Approvers::People(_), Some(found)) => {
            open(draft, Arrival { again, ..Arrival::simple(token, node, found) })
        }
        (Approvers::People(rules), None) => {
            let shape = VisitShape { mode: node.mode, ..VisitShape::default() };
            if pick_is_missing(draft, node, rules) {
                return missing_pick(draft, token, node, shape);
            }
            let found = find_people(rules, Some(&node.id), draft.scene(token));
            if found.is_empty() && picks::is_left_to_approver(draft, node) {
                draft.unpicked.push(node.id.clone());
                return close_empty(draft, token, node, shape, VisitState::AutoApproved);
            }
            open(draft, Arrival { again, ..Arrival::simple(token, node, found) })
        }
        (Approvers::Chain(chain), Some(found)) => {
            let levels = from_level(freeze::levels_of(found), level);
            climb(draft, Rungs { token, node, chain, level, levels, again })
        }
        (Approvers::Chain(chain), None) => {
            let (levels, warnings) = chain_levels(chain, draft.scene(token));
            for warning in warnings {
                draft.emit(Event::DataWarned { warning });
            }
            let levels = from_level(levels, level);
            climb(draft, Rungs { token, node, chain, level, levels, again })
        }
    }
}

/// The levels of a chain without those below one of them.
fn from_level(mut levels: Vec<Vec<Found>>, level: u32) -> Vec<Vec<Found>> {
    let below = (level.max(1) as usize - 1).min(levels.len());
    levels.split_off(below)
}

/// People whom an administrator set for the node in place of its rules.
fn people_set(draft: &Draft<'_>, node: &Approval) -> Option<Vec<Found>> {
    let set = draft.instance.overrides.get(&node.id)?;
    Some(set.iter().map(|user| Found { user: *user, why: Why::by(WhyRule::Set) }).collect())
}

/// The initiator has to pick for this node and did not. For real that counts as nobody found (B8), since the path may
/// have led here against all expectation.
fn pick_is_missing(draft: &Draft<'_>, node: &Approval, rules: &[PersonRule]) -> bool {
    let asks = rules.iter().any(|rule| matches!(rule, PersonRule::InitiatorPick { .. }));
    asks && draft.purpose != Purpose::Act && is_unpicked(draft, node)
}

/// A preview may name the node without anybody yet.
fn is_unpicked(draft: &Draft<'_>, node: &Approval) -> bool {
    draft.instance.picks.get(&node.id).is_none_or(Vec::is_empty)
}

fn missing_pick(
    draft: &mut Draft<'_>,
    token: TokenId,
    node: &Approval,
    shape: VisitShape,
) -> Result<(), Rejection> {
    match draft.purpose {
        Purpose::Act | Purpose::Check => Err(Rejection::PickMissing { node: node.id.clone() }),
        Purpose::Preview => {
            draft.unpicked.push(node.id.clone());
            close_empty(draft, token, node, shape, VisitState::AutoApproved)
        }
    }
}

/// The levels of a chain that are still to be asked.
pub(super) struct Rungs<'n> {
    pub(super) token: TokenId,
    pub(super) node: &'n Approval,
    pub(super) chain: &'n Chain,
    /// Number of the first of them.
    pub(super) level: u32,
    pub(super) levels: Vec<Vec<Found>>,
    pub(super) again: Option<Again>,
}

/// Opens the next level of a chain. A level whose people have all left meanwhile is skipped like a vacant one.
pub(super) fn climb(draft: &mut Draft<'_>, rungs: Rungs<'_>) -> Result<(), Rejection> {
    let Rungs { token, node, chain, level, levels, again } = rungs;
    let present = |level: &Vec<Found>| level.iter().any(|it| draft.directory.is_active(it.user));
    let mut levels = levels.into_iter().skip_while(|level| !present(level));
    let mode = match chain.heads {
        Heads::Any => Mode::default(),
        Heads::All => Mode::Countersign { reject: AllReject::default() },
    };
    let (found, upcoming) = (levels.next().unwrap_or_default(), levels.collect());
    open(draft, Arrival { token, node, level, mode, found, upcoming, again })
}

/// Everything about a visit before its people are known for good.
pub(super) struct Arrival<'n> {
    pub(super) token: TokenId,
    pub(super) node: &'n Approval,
    pub(super) level: u32,
    pub(super) mode: Mode,
    pub(super) found: Vec<Found>,
    pub(super) upcoming: Vec<Vec<Found>>,
    /// The token was sent here, it did not come by itself.
    pub(super) again: Option<Again>,
}

/// At a node that a token was sent to nobody is spared because he approved before.
#[derive(Default)]
pub(super) struct Again {
    /// Except for those who approved in the visit that was returned from here, where the node keeps that.
    pub(super) kept: Vec<(UserId, SlotId)>,
}

impl Again {
    fn ask(&self, candidates: &mut [Candidate]) {
        for candidate in candidates {
            let kept = self.kept.iter().find(|(user, _)| *user == candidate.user);
            match (kept, candidate.auto) {
                (Some((_, slot)), _) => candidate.auto = Some(AutoReason::Kept { slot: *slot }),
                (None, Some(AutoReason::Duplicate { .. })) => candidate.auto = None,
                (None, _) => {}
            }
        }
    }
}

impl<'n> Arrival<'n> {
    /// At a node without levels.
    pub(super) fn simple(token: TokenId, node: &'n Approval, found: Vec<Found>) -> Self {
        Self { token, node, level: 0, mode: node.mode, found, upcoming: Vec::new(), again: None }
    }

    /// In place of a visit that nobody is left in.
    pub(super) fn again(visit: &Visit, node: &'n Approval, found: Vec<Found>) -> Self {
        let (token, level, mode, upcoming) = (visit.token, visit.level, visit.mode, visit.upcoming.clone());
        Self { token, node, level, mode, found, upcoming, again: None }
    }
}

/// Steps 2 to 8 of semantics B1: who of the people found is asked, and how it begins.
pub(super) fn open(draft: &mut Draft<'_>, mut arrival: Arrival<'_>) -> Result<(), Rejection> {
    let (found, node) = (std::mem::take(&mut arrival.found), arrival.node);
    let empty = empty_rule(draft, node);
    let resolution = resolve(found, node, (arrival.mode, empty), draft.scene(arrival.token));
    open_with(draft, arrival, resolution)
}

/// Step 8 of semantics B1, for people who are known by now.
pub(super) fn open_with(
    draft: &mut Draft<'_>,
    arrival: Arrival<'_>,
    resolution: Resolution,
) -> Result<(), Rejection> {
    let Arrival { token, node, level, mode, found: _, upcoming, again } = arrival;
    let shape = VisitShape { level, kind: kind_of(node), mode, upcoming, ..VisitShape::default() };
    match resolution {
        Resolution::Ask(mut candidates, mode) => {
            match again {
                Some(again) => again.ask(&mut candidates),
                None => later::spare(draft, (token, node), &shape.upcoming, &mut candidates),
            }
            let (candidates, mode) = chosen(draft, node, candidates, mode);
            let quorums = quorums_of(node, &candidates);
            let slots = new_slots(draft, candidates, mode, shape.kind);
            let visit = open_visit(draft, token, &node.id, VisitShape { mode, slots, quorums, ..shape });
            time::set_timers(draft, visit, node);
            settle(draft, visit)
        }
        Resolution::AutoApprove => close_empty(draft, token, node, shape, VisitState::AutoApproved),
        Resolution::AutoReject => close_empty(draft, token, node, shape, VisitState::AutoRejected),
        Resolution::PickMissing => missing_pick(draft, token, node, shape),
        Resolution::Refuse => Err(Rejection::NobodyFound { node: node.id.clone() }),
        Resolution::Nobody => {
            let reason = "nobody is found to decide, and there is no administrator".to_owned();
            open_visit(draft, token, &node.id, shape);
            draft.emit(Event::Suspended { token, node: node.id.clone(), reason });
            Ok(())
        }
    }
}

/// Step 8: which of them are asked, and how they decide. Whoever claims a task of a pool decides alone. Looking ahead draws
/// nobody, since another one may be drawn then.
fn chosen(
    draft: &Draft<'_>,
    node: &Approval,
    candidates: Vec<Candidate>,
    mode: Mode,
) -> (Vec<Candidate>, Mode) {
    match node.assign {
        Assign::Everybody => (candidates, mode),
        Assign::Pool => (draw(candidates, node, draft.scene(TokenId(0))), Mode::default()),
        Assign::Random | Assign::RoundRobin | Assign::LeastLoaded => match draft.purpose {
            Purpose::Act | Purpose::Check => (draw(candidates, node, draft.scene(TokenId(0))), mode),
            Purpose::Preview => (candidates, Mode::default()),
        },
    }
}

/// What the groups that are there have to reach. Those whom the empty rule names vote in none.
fn quorums_of(node: &Approval, candidates: &[Candidate]) -> Vec<Quorum> {
    let there = |quorum: &&Quorum| candidates.iter().any(|it| it.group.as_ref() == Some(&quorum.group));
    node.quorums.iter().filter(there).cloned().collect()
}

fn kind_of(node: &Approval) -> VisitKind {
    match (node.handle, node.assign) {
        (_, Assign::Pool) => VisitKind::Pool,
        (true, _) => VisitKind::Handle,
        (false, _) => VisitKind::Approve,
    }
}

/// The slots of people who are asked from the beginning of a visit.
pub(super) fn new_slots(
    draft: &Draft<'_>,
    candidates: Vec<Candidate>,
    mode: Mode,
    kind: VisitKind,
) -> Vec<NewSlot> {
    let first = next_slot(draft);
    let begin = |auto: Option<_>| match auto {
        Some(reason) => SlotState::Auto(reason),
        None if mode == Mode::InTurn => SlotState::Queued,
        None if kind == VisitKind::Pool => SlotState::Offered,
        None => SlotState::Pending,
    };
    let slots = candidates.into_iter().zip(first..).map(|(it, id)| NewSlot {
        id: SlotId(id),
        owner: it.user,
        assignee: it.assignee,
        why: it.why,
        state: begin(it.auto),
        weight: it.weight,
        veto: it.veto,
        group: it.group,
    });
    slots.collect()
}

/// The empty rule (B8). Once submitted, nothing can be refused or picked any more: then an administrator is asked.
fn empty_rule<'n>(draft: &Draft<'_>, node: &'n Approval) -> &'n EmptyRule {
    const ADMIN: &EmptyRule = &EmptyRule::TemplateAdmin;
    match &node.empty {
        EmptyRule::BlockSubmit if draft.purpose == Purpose::Act => ADMIN,
        EmptyRule::InitiatorPicks if draft.purpose == Purpose::Act && is_unpicked(draft, node) => ADMIN,
        rule => rule,
    }
}

/// A visit that is about to be opened.
#[derive(Default)]
pub(super) struct VisitShape {
    pub(super) level: u32,
    pub(super) kind: VisitKind,
    pub(super) mode: Mode,
    pub(super) quorums: Vec<Quorum>,
    pub(super) slots: Vec<NewSlot>,
    pub(super) upcoming: Vec<Vec<Found>>,
}

pub(super) fn open_visit(draft: &mut Draft<'_>, token: TokenId, node: &NodeId, shape: VisitShape) -> VisitId {
    let visit = VisitId(draft.instance.visits.len() as u32);
    let VisitShape { level, kind, mode, quorums, slots, upcoming } = shape;
    // A branch that begins anew is another token, and the next round all the same; other elements of a list have their own.
    let instance = &draft.instance;
    let same_way = |it: TokenId| it == token || instance.elements_of(it).eq(instance.elements_of(token));
    let same = |it: &&Visit| {
        it.node == *node && it.level == level && it.kind != VisitKind::Pause && same_way(it.token)
    };
    let round = 1 + draft.instance.visits.iter().filter(same).count() as u32;
    let (at, node) = (draft.at, node.clone());
    draft.emit(Event::VisitOpened {
        at,
        visit,
        token,
        node,
        round,
        level,
        kind,
        mode,
        quorums,
        slots,
        upcoming,
    });
    visit
}

/// A visit that nobody is asked in. Levels of a chain that come after it are asked all the same.
fn close_empty(
    draft: &mut Draft<'_>,
    token: TokenId,
    node: &Approval,
    shape: VisitShape,
    state: VisitState,
) -> Result<(), Rejection> {
    let visit = open_visit(draft, token, &node.id, shape);
    draft.emit(Event::VisitClosed { at: draft.at, visit, state });
    go_on(draft, visit)
}

pub(super) fn next_slot(draft: &Draft<'_>) -> u32 {
    draft.instance.visits.iter().map(|visit| visit.slots.len() as u32).sum()
}
