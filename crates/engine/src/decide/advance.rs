//! Moving a token: into nodes, through branches, to the end. Stops where people are asked.

use super::decision::settle;
use super::{Draft, Purpose};
use crate::approvers::{Found, Resolution, Scene, Why, WhyRule, chain_levels, find_people, resolve};
use crate::condition::{Facts, evaluate_groups};
use crate::event::{Event, LaneTried, NewSlot};
use crate::ids::{NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{SlotState, Status, Visit, VisitState};
use crate::rejection::Rejection;
use crate::template::{
    AllReject, Approval, Approvers, Block, Branch, Cc, Chain, EmptyRule, Heads, Lane, Mode, Next, PersonRule,
    Template, When,
};
use std::collections::HashSet;

impl<'a> Draft<'a> {
    fn scene(&self) -> Scene<'_> {
        Scene { template: self.template, directory: self.directory, instance: &self.instance }
    }
}

/// Starts the first token on its way.
pub(super) fn start(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let token = TokenId(draft.instance.tokens.len() as u32);
    draft.emit(Event::TokenStarted { token, parent: None });
    let template = draft.template;
    travel(draft, token, template.start())
}

/// Takes a token along until people are asked or the flow ends.
fn travel<'t>(draft: &mut Draft<'t>, token: TokenId, mut next: Next<'t>) -> Result<(), Rejection> {
    let template: &'t Template = draft.template;
    loop {
        next = match next {
            Next::End => {
                draft.emit(Event::TokenFinished { token });
                draft.end(Status::Approved, "");
                return Ok(());
            }
            Next::Block(Block::Approval(node)) => return enter(draft, token, node),
            Next::Block(Block::Cc(node)) => {
                tell(draft, node);
                template.after(&node.id)
            }
            Next::Block(Block::Branch(branch)) => match choose_lane(draft, token, branch) {
                Some(lane) => template.into_lane(&branch.id, lane),
                None => template.after(&branch.id),
            },
        };
    }
}

/// A token arrives at a node where people decide.
fn enter(draft: &mut Draft<'_>, token: TokenId, node: &Approval) -> Result<(), Rejection> {
    match &node.approvers {
        Approvers::People(rules) => {
            if pick_is_missing(draft, node, rules) {
                let shape = VisitShape { level: 0, mode: node.mode, slots: Vec::new(), upcoming: Vec::new() };
                return missing_pick(draft, token, node, shape);
            }
            let found = find_people(rules, Some(&node.id), draft.scene());
            open(draft, Arrival { token, node, level: 0, mode: node.mode, found, upcoming: Vec::new() })
        }
        Approvers::Chain(chain) => {
            let (levels, warnings) = chain_levels(chain, draft.scene());
            for warning in warnings {
                draft.emit(Event::DataWarned { warning });
            }
            climb(draft, Rungs { token, node, chain, level: 1, levels })
        }
    }
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
struct Rungs<'n> {
    token: TokenId,
    node: &'n Approval,
    chain: &'n Chain,
    /// Number of the first of them.
    level: u32,
    levels: Vec<Vec<Found>>,
}

/// Opens the next level of a chain. A level whose people have all left meanwhile is skipped like a vacant one.
fn climb(draft: &mut Draft<'_>, rungs: Rungs<'_>) -> Result<(), Rejection> {
    let Rungs { token, node, chain, level, levels } = rungs;
    let present = |level: &Vec<Found>| level.iter().any(|it| draft.directory.is_active(it.user));
    let mut levels = levels.into_iter().skip_while(|level| !present(level));
    let mode = match chain.heads {
        Heads::Any => Mode::default(),
        Heads::All => Mode::Countersign { reject: AllReject::default() },
    };
    let (found, upcoming) = (levels.next().unwrap_or_default(), levels.collect());
    open(draft, Arrival { token, node, level, mode, found, upcoming })
}

/// Everything about a visit before its people are known for good.
struct Arrival<'n> {
    token: TokenId,
    node: &'n Approval,
    level: u32,
    mode: Mode,
    found: Vec<Found>,
    upcoming: Vec<Vec<Found>>,
}

/// Steps 2 to 8 of semantics B1: who of the people found is asked, and how it begins.
fn open(draft: &mut Draft<'_>, arrival: Arrival<'_>) -> Result<(), Rejection> {
    let Arrival { token, node, level, mode, found, upcoming } = arrival;
    let empty = empty_rule(draft, node);
    match resolve(found, node, (mode, empty), token, draft.scene()) {
        Resolution::Ask(candidates, mode) => {
            let first_slot = next_slot(draft);
            let in_turn = mode == Mode::InTurn;
            let begin = |auto: Option<_>| match auto {
                Some(reason) => SlotState::Auto(reason),
                None if in_turn => SlotState::Queued,
                None => SlotState::Pending,
            };
            let slots = candidates.into_iter().zip(first_slot..).map(|(it, id)| NewSlot {
                id: SlotId(id),
                owner: it.user,
                assignee: it.user,
                why: it.why,
                state: begin(it.auto),
            });
            let visit =
                open_visit(draft, token, node, VisitShape { level, mode, slots: slots.collect(), upcoming });
            settle(draft, visit)
        }
        Resolution::AutoApprove => {
            let shape = VisitShape { level, mode, slots: Vec::new(), upcoming };
            close_empty(draft, token, node, shape, VisitState::AutoApproved)
        }
        Resolution::AutoReject => {
            let shape = VisitShape { level, mode, slots: Vec::new(), upcoming };
            close_empty(draft, token, node, shape, VisitState::AutoRejected)
        }
        Resolution::PickMissing => {
            missing_pick(draft, token, node, VisitShape { level, mode, slots: Vec::new(), upcoming })
        }
        Resolution::Refuse => Err(Rejection::NobodyFound { node: node.id.clone() }),
        Resolution::Nobody => {
            let reason = "nobody is found to decide, and there is no administrator".to_owned();
            draft.emit(Event::Suspended { token, node: node.id.clone(), reason });
            Ok(())
        }
    }
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

struct VisitShape {
    level: u32,
    mode: Mode,
    slots: Vec<NewSlot>,
    upcoming: Vec<Vec<Found>>,
}

fn open_visit(draft: &mut Draft<'_>, token: TokenId, node: &Approval, shape: VisitShape) -> VisitId {
    let visit = VisitId(draft.instance.visits.len() as u32);
    let VisitShape { level, mode, slots, upcoming } = shape;
    let same = |it: &&Visit| it.token == token && it.node == node.id && it.level == level;
    let round = 1 + draft.instance.visits.iter().filter(same).count() as u32;
    let (at, node) = (draft.at, node.id.clone());
    draft.emit(Event::VisitOpened { at, visit, token, node, round, level, mode, slots, upcoming });
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
    let visit = open_visit(draft, token, node, shape);
    draft.emit(Event::VisitClosed { at: draft.at, visit, state });
    go_on(draft, visit)
}

fn next_slot(draft: &Draft<'_>) -> u32 {
    draft.instance.visits.iter().map(|visit| visit.slots.len() as u32).sum()
}

/// What a closed visit leads to.
pub(super) fn go_on(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    match visit.state {
        VisitState::Open | VisitState::Cancelled => Ok(()),
        VisitState::Rejected | VisitState::AutoRejected => {
            draft.end(Status::Rejected, "");
            Ok(())
        }
        VisitState::Passed | VisitState::AutoApproved => {
            let (token, level) = (visit.token, visit.level);
            let (node, upcoming) = (visit.node.clone(), visit.upcoming.clone());
            let template = draft.template;
            match template.block(&node) {
                Some(Block::Approval(approval @ Approval { approvers: Approvers::Chain(chain), .. }))
                    if has_somebody(draft, &upcoming) =>
                {
                    climb(draft, Rungs { token, node: approval, chain, level: level + 1, levels: upcoming })
                }
                Some(_) | None => travel(draft, token, template.after(&node)),
            }
        }
    }
}

fn has_somebody(draft: &Draft<'_>, levels: &[Vec<Found>]) -> bool {
    levels.iter().flatten().any(|found| draft.directory.is_active(found.user))
}

/// The first lane, by ascending priority, whose condition holds; else the default lane (B10).
fn choose_lane<'b>(draft: &mut Draft<'_>, token: TokenId, branch: &'b Branch) -> Option<&'b Lane> {
    let mut lanes: Vec<&Lane> = branch.lanes.iter().collect();
    lanes.sort_by_key(|lane| (lane.when == When::Default, lane.priority));
    let facts = Facts {
        fields: &draft.template.form,
        form: &draft.instance.form,
        initiator: draft.instance.initiator,
        department: draft.instance.department,
        today: draft.today(),
        directory: draft.directory,
    };
    let mut tried = Vec::new();
    let chosen = lanes.into_iter().find(|lane| {
        let outcome = match &lane.when {
            When::Default => None,
            When::AnyOf(groups) => Some(evaluate_groups(groups, &facts)),
        };
        let holds = outcome.as_ref().is_none_or(|it| it.holds);
        tried.push(LaneTried { lane: lane.id.clone(), outcome });
        holds
    })?;
    draft.emit(Event::LaneChosen { token, branch: branch.id.clone(), lane: chosen.id.clone(), tried });
    Some(chosen)
}

/// Tells people at a node and does not wait (B12).
fn tell(draft: &mut Draft<'_>, node: &Cc) {
    let people = find_people(&node.people, Some(&node.id), draft.scene());
    send(draft, Some(&node.id), people);
}

/// Tells the people whom the initiator named.
pub(super) fn tell_named(draft: &mut Draft<'_>, users: &[UserId]) {
    let named = |user: &UserId| Found { user: *user, why: Why::by(WhyRule::Named) };
    send(draft, None, users.iter().map(named).collect());
}

/// Tells the result to the people of the template's setting. They are told even if they were told before (B12).
pub(super) fn tell_at_end(draft: &mut Draft<'_>) {
    let template = draft.template;
    let people = find_people(&template.settings.cc_at_end, None, draft.scene());
    let people = each_once(draft, people);
    if !people.is_empty() {
        draft.emit(Event::CcSent { at: draft.at, node: None, people });
    }
}

/// One copy a person and instance (B12).
fn send(draft: &mut Draft<'_>, node: Option<&NodeId>, people: Vec<Found>) {
    let told: HashSet<UserId> = draft.instance.cc.iter().map(|entry| entry.user).collect();
    let mut people = each_once(draft, people);
    people.retain(|found| !told.contains(&found.user));
    if !people.is_empty() {
        draft.emit(Event::CcSent { at: draft.at, node: node.cloned(), people });
    }
}

fn each_once(draft: &Draft<'_>, people: Vec<Found>) -> Vec<Found> {
    let mut seen = HashSet::new();
    people.into_iter().filter(|it| draft.directory.is_active(it.user) && seen.insert(it.user)).collect()
}
