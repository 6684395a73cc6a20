//! Sending back (semantics B4.1 to B4.4, B4.6, B4.7): where to, who gets it there, and what becomes of the branches and
//! decisions in between. How it goes on from there: `resuming.rs`.

use super::advance::suspend;
use super::arriving::{Again, Arrival, VisitShape, enter_again, new_slots, open, open_visit, open_with};
use super::decision::{check_attachments, check_seen, open_slot};
use super::edits::Values;
use super::{Draft, checked_text, edits, fork, sweep};
use crate::approvers::{Candidate, Found, Why, WhyRule, resolve_to_admins};
use crate::command::{Return, ReturnTo};
use crate::event::{Event, ResumeWay};
use crate::form::FileRef;
use crate::form::FormData;
use crate::ids::{NodeId, SYSTEM, SlotId, TokenId, UserId, VisitId};
use crate::instance::{
    AutoReason, Instance, REVISE_NODE, Returned, Slot, SlotState, Status, TokenState, Visit, VisitKind,
    VisitState,
};
use crate::rejection::Rejection;
use crate::template::{
    Approval, Block, Mode, OnReject, Receiver, ResumePolicy, ReturnTargets, Route, Template, TooManyRounds,
};

/// Nothing is sent back more often, whatever the template says (semantics B4.7).
const ROUND_LIMIT: u32 = 50;

/// Where a return goes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Target {
    to: ReturnTo,
    /// Whose way is taken up again: of the returning token, or of one it was forked from.
    token: TokenId,
    /// Who decided here is asked again; absent for the initiator.
    visit: Option<VisitId>,
}

impl Target {
    fn is_at(&self, node: &NodeId) -> bool {
        match &self.to {
            ReturnTo::Initiator => node.as_str() == REVISE_NODE,
            ReturnTo::Node(own) | ReturnTo::Level { node: own, .. } => own == node,
        }
    }
}

/// Where whoever holds a slot may send back to by the rule of its node: the initiator first, then the nodes on the way, in
/// order. Empty where the slot is none of an approval or handler node.
pub fn return_targets(template: &Template, instance: &Instance, slot: SlotId) -> Vec<ReturnTo> {
    let Some((visit, _)) = instance.slot(slot) else { return Vec::new() };
    match template.block(&visit.node) {
        Some(Block::Approval(node)) => allowed(node, instance, visit).into_iter().map(|it| it.to).collect(),
        Some(_) | None => Vec::new(),
    }
}

fn allowed(node: &Approval, instance: &Instance, from: &Visit) -> Vec<Target> {
    let mut targets = possible(instance, from);
    match node.returns.targets {
        ReturnTargets::None => targets.clear(),
        ReturnTargets::Initiator => targets.truncate(1),
        ReturnTargets::Previous => targets = targets.pop().into_iter().collect(),
        ReturnTargets::Any => {}
    }
    let only = &node.returns.only;
    targets.retain(|target| only.is_empty() || only.iter().any(|node| target.is_at(node)));
    targets
}

/// The initiator, and each place on the own path where people have decided; branches beside it are none of it (B4.2).
fn possible(instance: &Instance, from: &Visit) -> Vec<Target> {
    let initiator = Target { to: ReturnTo::Initiator, token: root(instance, from.token), visit: None };
    let mut targets = vec![initiator];
    for visit in path(instance, from) {
        let to = match visit.level {
            0 | 1 => ReturnTo::Node(visit.node.clone()),
            level => ReturnTo::Level { node: visit.node.clone(), level },
        };
        targets.retain(|target| target.to != to);
        targets.push(Target { to, token: visit.token, visit: Some(visit.id) });
    }
    targets
}

fn root(instance: &Instance, token: TokenId) -> TokenId {
    instance.line_of(token).last().copied().unwrap_or(token)
}

/// Visits before this one that passed on people's consent, in order. What a return under way has gone back behind is not
/// before it.
fn path<'i>(instance: &'i Instance, from: &Visit) -> Vec<&'i Visit> {
    let line = instance.line_of(from.token);
    let decided = |visit: &&Visit| {
        let human = matches!(visit.kind, VisitKind::Approve | VisitKind::Handle | VisitKind::Pool);
        human && !visit.superseded && has_consent(visit)
    };
    let under_way = instance.returns.iter().filter(|it| !it.settled && line.contains(&it.token));
    let behind: Vec<_> = under_way.map(|it| (it.from, target_of(instance, it))).collect();
    let gone_behind = |visit: &Visit| {
        behind.iter().any(|(from, target)| visit.id <= *from && target.is_none_or(|it| visit.id >= it))
    };
    let own = instance.visits.iter().filter(|it| it.id < from.id && line.contains(&it.token));
    own.filter(decided).filter(|visit| !gone_behind(visit)).collect()
}

/// Somebody approved here, or was spared because he had.
fn has_consent(visit: &Visit) -> bool {
    match visit.state {
        VisitState::Passed => true,
        VisitState::AutoApproved => visit.slots.iter().any(|slot| rests_on_another(slot.state).is_some()),
        VisitState::Open
        | VisitState::Rejected
        | VisitState::AutoRejected
        | VisitState::Returned
        | VisitState::Skipped
        | VisitState::Cancelled => false,
    }
}

/// The slot whose approval another one was spared for.
pub(super) fn rests_on_another(state: SlotState) -> Option<SlotId> {
    if let SlotState::Auto(AutoReason::Duplicate { slot } | AutoReason::Kept { slot }) = state {
        return Some(slot);
    }
    None
}

/// The visit whose people were asked again by a return; absent for the initiator.
pub(super) fn target_of(instance: &Instance, returned: &Returned) -> Option<VisitId> {
    let before = instance.visits.iter().rev().filter(|it| it.id < returned.from);
    let mut own = before.filter(|it| it.token == returned.token);
    own.find(|it| returned.to.is_at(&it.node, it.level)).map(|it| it.id)
}

/// A return that is about to happen.
struct Sending {
    from: VisitId,
    slot: Option<SlotId>,
    by: UserId,
    comment: String,
    attachments: Vec<FileRef>,
    target: Target,
    resume: ResumePolicy,
    /// What had been decided on; absent: what it is now.
    content: Option<u32>,
}

/// Somebody sends back. It is his own act: it takes effect at once in every mode and is no vote (B4.1).
pub(super) fn send_back(draft: &mut Draft<'_>, actor: UserId, request: &Return) -> Result<(), Rejection> {
    let (visit, slot) = open_slot(draft, actor, request.opinion.slot)?;
    let (from, slot) = (visit.id, slot.id);
    let template = draft.template;
    let Some(Block::Approval(node)) = template.block(&visit.node) else {
        return Err(Rejection::NotOffered { action: "return" });
    };
    let target = wanted(draft, visit, node, &request.to)?;
    if target.visit.is_none() && !draft.directory.is_active(draft.instance.initiator) {
        return Err(Rejection::UserNotActive { user: draft.instance.initiator });
    }
    check_seen(draft, &request.opinion)?;
    check_attachments(&request.opinion.attachments)?;
    let comment = checked_text("comment", &request.opinion.comment)?;
    if comment.is_empty() && !node.returns.without_reason {
        return Err(Rejection::TextRequired { field: "comment" });
    }
    if draft.instance.rounds() >= ROUND_LIMIT {
        return Err(Rejection::LimitReached { what: "returns", limit: ROUND_LIMIT });
    }
    let before = Values::now(draft);
    edits::in_slot(draft, slot, actor, &request.opinion.edits)?;
    let resume = match (node.returns.resume, request.resume) {
        (ResumePolicy::ReturnerDecides, Some(resume)) => resume,
        (_, Some(_)) => return Err(Rejection::NotOffered { action: "resume" }),
        (resume, None) => resume,
    };
    let (slot, by, comment) = (Some(slot), actor, comment.to_owned());
    let attachments = request.opinion.attachments.clone();
    let content = (before.content() != draft.instance.content()).then(|| before.content());
    carry_out(draft, node, Sending { from, slot, by, comment, attachments, target, resume, content })?;
    let branches = branches_ended(&draft.instance, request.opinion.slot, &draft.events);
    if branches > 0 && !request.confirmed {
        return Err(Rejection::NotConfirmed { branches });
    }
    sweep::void_approvals(draft, &before, Some(actor));
    Ok(())
}

/// How many branches beside a slot's own line these events end (semantics B4.6), those that have come to their join among
/// them. What they were forked into themselves is not counted.
pub fn branches_ended(instance: &Instance, slot: SlotId, events: &[Event]) -> usize {
    let Some((visit, _)) = instance.slot(slot) else { return 0 };
    let own = instance.line_of(visit.token);
    let beside = |event: &&Event| {
        let Event::TokenCancelled { token } = event else { return false };
        let parent = instance.token(*token).and_then(|it| it.parent);
        !own.contains(token) && parent.is_some_and(|it| own.contains(&it))
    };
    events.iter().filter(beside).count()
}

/// The target he means.
fn wanted(draft: &Draft<'_>, from: &Visit, node: &Approval, to: &ReturnTo) -> Result<Target, Rejection> {
    let target = named(allowed(node, &draft.instance, from), to);
    target.ok_or_else(|| Rejection::ReturnNotAllowed { target: to.to_string() })
}

/// The target that is meant. A chain named as a whole is its last level that may be returned to, where the first may not.
fn named(targets: Vec<Target>, to: &ReturnTo) -> Option<Target> {
    let exact = targets.iter().find(|target| target.to == *to);
    let as_a_whole = || match to {
        ReturnTo::Node(node) => targets.iter().rev().find(|target| target.is_at(node)),
        ReturnTo::Initiator | ReturnTo::Level { .. } => None,
    };
    exact.or_else(as_a_whole).cloned()
}

/// A node whose rejection is mapped to a return sends it back. Whether it did: where nobody has decided at the node it is
/// mapped to, or it was sent back too often, a rejection is a rejection.
pub(super) fn reject_returns(draft: &mut Draft<'_>, id: VisitId) -> Result<bool, Rejection> {
    let template = draft.template;
    let Some(visit) = draft.instance.visit(id) else { return Ok(false) };
    let Some(Block::Approval(node)) = template.block(&visit.node) else { return Ok(false) };
    let to = match &node.on_reject {
        OnReject::End => return Ok(false),
        OnReject::ReturnToInitiator => ReturnTo::Initiator,
        OnReject::ReturnTo(node) => ReturnTo::Node(node.clone()),
    };
    let said_no = visit.slots.iter().filter(|slot| slot.state == SlotState::Rejected);
    let said_no = said_no.filter_map(|slot| slot.decided.as_ref()).max_by_key(|it| it.at);
    let by = said_no.map_or(SYSTEM, |it| it.by);
    if draft.instance.rounds() >= ROUND_LIMIT || too_many(draft) == Some(TooManyRounds::Reject) {
        return Ok(false);
    }
    by_rule(draft, id, &to, (by, None))
}

/// The time is up, and it goes back to the initiator; where he has left, time alone changes nothing. Where it was sent back
/// too often, what the template says of that holds, and behind the last limit an administrator has to look at it.
pub(super) fn by_time(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    if draft.instance.rounds() < ROUND_LIMIT {
        return by_rule(draft, id, &ReturnTo::Initiator, (SYSTEM, None)).map(|_| ());
    }
    let (token, node) = (visit.token, visit.node.clone());
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Cancelled });
    suspend(draft, token, &node, &format!("it was sent back {ROUND_LIMIT} times"));
    Ok(())
}

/// Sends a visit back because a rule says so. Whether it did. Of what had been decided on before: its version.
fn by_rule(
    draft: &mut Draft<'_>,
    from: VisitId,
    to: &ReturnTo,
    (by, content): (UserId, Option<u32>),
) -> Result<bool, Rejection> {
    let template = draft.template;
    let Some(visit) = draft.instance.visit(from) else { return Ok(false) };
    let Some(Block::Approval(node)) = template.block(&visit.node) else { return Ok(false) };
    let Some(target) = named(possible(&draft.instance, visit), to) else {
        return Ok(false);
    };
    let nobody = target.visit.is_none() && !draft.directory.is_active(draft.instance.initiator);
    if nobody {
        return Ok(false);
    }
    // What everybody has to be asked about anew goes over every node again, whatever the node says (semantics B15).
    let resume = if content.is_some() { ResumePolicy::Replay } else { node.returns.resume };
    let (comment, attachments) = (String::new(), Vec::new());
    carry_out(draft, node, Sending { from, slot: None, by, comment, attachments, target, resume, content })?;
    Ok(true)
}

/// What the instance is about was changed: it takes the values and, where that has to be asked for anew, goes back to the
/// initiator, unless he has it already.
pub(super) fn amend(draft: &mut Draft<'_>, values: &FormData, anew: bool) -> Result<(), Rejection> {
    match (draft.instance.status, anew) {
        (Status::Running, true) => {}
        (Status::Returned, _) | (Status::Running | Status::Suspended, false) => {
            edits::take_over(draft, None, values.clone());
            return Ok(());
        }
        (
            status @ (Status::Suspended
            | Status::Draft
            | Status::Approved
            | Status::Rejected
            | Status::Withdrawn
            | Status::Revoking
            | Status::Revoked
            | Status::Terminated),
            _,
        ) => return Err(Rejection::NotRunning { status }),
    }
    if draft.instance.rounds() >= ROUND_LIMIT {
        return Err(Rejection::LimitReached { what: "returns", limit: ROUND_LIMIT });
    }
    let before = Some(draft.instance.content());
    edits::take_over(draft, None, values.clone());
    let open: Vec<VisitId> = draft.instance.pending().map(|(visit, _)| visit.id).collect();
    for visit in open {
        if by_rule(draft, visit, &ReturnTo::Initiator, (SYSTEM, before))? {
            return Ok(());
        }
    }
    Err(Rejection::NotOffered { action: "amend" })
}

/// What the template wants when the next return is one too many.
fn too_many(draft: &Draft<'_>) -> Option<TooManyRounds> {
    let most = draft.template.settings.max_rounds?;
    (draft.instance.rounds() + 1 >= most.returns).then_some(most.then)
}

fn carry_out(draft: &mut Draft<'_>, node: &Approval, sending: Sending) -> Result<(), Rejection> {
    let too_many = too_many(draft);
    let number = draft.instance.rounds();
    let Sending { from, slot, by, comment, attachments, target, resume, content } = sending;
    let (at, token, to) = (draft.at, target.token, target.to.clone());
    let visit = from;
    draft.emit(Event::Returned { at, slot, visit, by, token, to, resume, content, comment, attachments });
    if draft.instance.visit(from).is_some_and(|visit| visit.state == VisitState::Open) {
        draft.emit(Event::VisitClosed { at, visit: from, state: VisitState::Returned });
    }
    match too_many {
        Some(TooManyRounds::Reject) => {
            draft.end(Status::Rejected, "");
            return Ok(());
        }
        Some(TooManyRounds::TemplateAdmin) if ask_administrators(draft, node, from, number)? => return Ok(()),
        Some(TooManyRounds::TemplateAdmin) | None => {}
    }
    take_up(draft, from, &target)?;
    match target.visit.and_then(|id| draft.instance.visit(id)).cloned() {
        None => {
            revise(draft, token);
            Ok(())
        }
        Some(visit) => ask_again(draft, &visit, node.returns.receiver),
    }
}

/// It was sent back too often: an administrator decides in place of the node. Whether there is one.
fn ask_administrators(
    draft: &mut Draft<'_>,
    node: &Approval,
    from: VisitId,
    number: u32,
) -> Result<bool, Rejection> {
    let Some(visit) = draft.instance.visit(from) else { return Ok(false) };
    let (token, level, upcoming) = (visit.token, visit.level, visit.upcoming.clone());
    let Some(resolution) = resolve_to_admins(node, draft.scene(token)) else { return Ok(false) };
    draft.emit(Event::ReturnSettled { number, way: ResumeWay::Overtaken, visit: None });
    let (mode, found, again) = (Mode::default(), Vec::new(), Some(Again::default()));
    open_with(draft, Arrival { token, node, level, mode, found, upcoming, again }, resolution)?;
    Ok(true)
}

/// The token goes back. Where it was forked since, all branches end with what was decided in them; elsewhere only what the
/// target decides anew is void at once, and the rest when it is settled how it goes on (B4.3, B4.6).
fn take_up(draft: &mut Draft<'_>, from: VisitId, target: &Target) -> Result<(), Rejection> {
    let token = target.token;
    let crossed = draft.instance.visit(from).is_some_and(|visit| visit.token != token);
    fork::cancel_branches(draft, token);
    fork::close_open_visits(draft, token);
    recall(draft, token);
    overtake(draft, |instance, it| it != token && instance.line_of(it).contains(&token));
    let first = target.visit.unwrap_or(VisitId(0));
    supersede(draft, token, |visit| if crossed { visit.id >= first } else { Some(visit.id) == target.visit });
    Ok(())
}

/// A token that waits for its branches or at a join moves again.
pub(super) fn recall(draft: &mut Draft<'_>, token: TokenId) {
    if draft.instance.token(token).is_some_and(|it| it.state != TokenState::Live) {
        draft.emit(Event::TokenRecalled { token });
    }
}

/// Returns under way of certain tokens will not go on as they were meant to.
pub(super) fn overtake(draft: &mut Draft<'_>, of: impl Fn(&Instance, TokenId) -> bool) {
    let instance = &draft.instance;
    let overtaken = (0..).zip(&instance.returns).filter(|(_, it)| !it.settled && of(instance, it.token));
    for number in overtaken.map(|(number, _)| number).collect::<Vec<u32>>() {
        draft.emit(Event::ReturnSettled { number, way: ResumeWay::Overtaken, visit: None });
    }
}

/// What was decided at certain closed visits of a token, and of those forked from it, is void.
pub(super) fn supersede(draft: &mut Draft<'_>, token: TokenId, which: impl Fn(&Visit) -> bool) {
    let instance = &draft.instance;
    let closed = instance.visits.iter().filter(|it| it.state != VisitState::Open && !it.superseded);
    let below = closed.filter(|it| instance.line_of(it.token).contains(&token));
    let visits: Vec<VisitId> = below.filter(|it| which(it)).map(|it| it.id).collect();
    if !visits.is_empty() {
        draft.emit(Event::Superseded { visits });
    }
}

/// A route goes back: what was decided on the way from where it leads to is void, so that everybody is asked again.
pub(super) fn give_up_lap(draft: &mut Draft<'_>, token: TokenId, route: &Route) {
    let ids: Vec<&NodeId> = draft.template.blocks().into_iter().map(Block::id).collect();
    let place = |node: &NodeId| ids.iter().position(|id| *id == node);
    let (from, to) = (place(&route.to), place(&route.id));
    supersede(draft, token, |visit| {
        let place = place(&visit.node);
        place.is_some() && from <= place && place <= to
    });
}

/// The initiator is asked to mend his request.
fn revise(draft: &mut Draft<'_>, token: TokenId) {
    let initiator = Candidate::of(draft.instance.initiator, Why::by(WhyRule::SentBack));
    let (kind, mode) = (VisitKind::Revise, Mode::default());
    let slots = new_slots(draft, vec![initiator], mode, kind);
    open_visit(
        draft,
        token,
        &NodeId::from(REVISE_NODE),
        VisitShape { kind, mode, slots, ..VisitShape::default() },
    );
}

/// Those who decided at a visit are asked again, or whom the rules find now (B4.4). Picks are kept in both cases.
fn ask_again(draft: &mut Draft<'_>, visit: &Visit, receiver: Receiver) -> Result<(), Rejection> {
    let template = draft.template;
    let Some(Block::Approval(node)) = template.block(&visit.node) else {
        return Err(Rejection::NodeNotReachable { node: visit.node.clone() });
    };
    let found = match receiver {
        Receiver::Acted if !draft.instance.overrides.contains_key(&node.id) => acted(draft, visit),
        Receiver::Acted | Receiver::Resolve => Vec::new(),
    };
    if found.is_empty() {
        return enter_again(draft, visit.token, node, visit.level);
    }
    let (token, level, mode, upcoming) = (visit.token, visit.level, visit.mode, visit.upcoming.clone());
    // The initiator who decided as the only administrator is not passed over as initiator, or it would pass by itself.
    let admin = |found: &Found| {
        found.user == draft.instance.initiator
            && matches!(found.why.rule, WhyRule::TemplateAdmin | WhyRule::WorkspaceAdmin)
    };
    let by_empty_rule =
        found.iter().all(admin).then(|| resolve_to_admins(node, draft.scene(token))).flatten();
    let again = Some(Again::default());
    match by_empty_rule {
        Some(resolution) => {
            let found = Vec::new();
            open_with(draft, Arrival { token, node, level, mode, found, upcoming, again }, resolution)
        }
        None => open(draft, Arrival { token, node, level, mode, found, upcoming, again }),
    }
}

/// Those on whose consent a visit passed, as far as they are still there. Of a vote everybody: what it has to reach is counted
/// over all of them.
fn acted(draft: &Draft<'_>, visit: &Visit) -> Vec<Found> {
    if let Mode::Vote(_) = visit.mode {
        let voters = |slot: &&Slot| slot.parent.is_none() && slot.state != SlotState::Removed;
        return still_there(draft, visit.slots.iter().filter(voters));
    }
    let counted = visit.slots.iter().filter(|slot| slot.parent.is_none()).filter(|slot| match slot.state {
        SlotState::Approved | SlotState::Rejected | SlotState::Abstained => slot.decided.is_some(),
        state @ SlotState::Auto(_) => rests_on_another(state).is_some(),
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Returned
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => false,
    });
    still_there(draft, counted)
}

/// The holders of slots who have not left.
pub(super) fn still_there<'s>(draft: &Draft<'_>, slots: impl Iterator<Item = &'s Slot>) -> Vec<Found> {
    let holders = slots.map(|slot| Found { user: slot.holder(), why: slot.why.clone() });
    holders.filter(|found| draft.directory.is_active(found.user)).collect()
}
