//! How it goes on after a return (semantics B4.5): what the initiator sends on again, and whether a token goes straight back
//! to whoever returned it or visits every node in between once more.

use super::advance::{go_on, travel};
use super::arriving::{Again, Arrival, enter_again, open};
use super::returning::{overtake, rests_on_another, still_there, supersede, target_of};
use super::submit::{check_picks, go_ahead, insists_on_people};
use super::verdict::settle;
use super::{Draft, Purpose, check_active, checked_text, edits};
use crate::approvers::{changed_since, has_changed_since};
use crate::command::{Resubmit, ReturnTo};
use crate::event::{Event, ResumeWay, WhyReplay};
use crate::form::check_values;
use crate::ids::{NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{Instance, Returned, SlotState, Status, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Block, ResumePolicy};
use std::collections::BTreeSet;

/// The initiator sends on what he had to mend. It is checked as at submission.
pub(super) fn resubmit(draft: &mut Draft<'_>, actor: UserId, request: &Resubmit) -> Result<(), Rejection> {
    let Some((visit, slot, assignee)) = revising(&draft.instance) else {
        return Err(Rejection::NotOffered { action: "resubmit" });
    };
    if assignee != actor {
        return Err(Rejection::NotInitiator);
    }
    check_active(draft.directory, actor)?;
    check_picks(draft, &request.picks)?;
    if insists_on_people(draft.template) {
        let mut ahead =
            Draft::new(draft.template, draft.directory, &draft.instance, draft.at, Purpose::Check);
        send_on(&mut ahead, actor, (visit, slot), request)?;
        go_ahead(&mut ahead)?;
    }
    send_on(draft, actor, (visit, slot), request)
}

fn revising(instance: &Instance) -> Option<(VisitId, SlotId, UserId)> {
    let (visit, slot) = instance.pending().find(|(visit, _)| visit.kind == VisitKind::Revise)?;
    Some((visit.id, slot.id, slot.assignee))
}

fn send_on(
    draft: &mut Draft<'_>,
    by: UserId,
    (visit, slot): (VisitId, SlotId),
    request: &Resubmit,
) -> Result<(), Rejection> {
    let comment = checked_text("comment", &request.comment)?.to_owned();
    edits::by_person(draft, visit, by, &request.edits)?;
    let problems = check_values(&draft.template.form, &draft.instance.form, draft.today());
    if !problems.is_empty() {
        return Err(Rejection::FormInvalid { problems });
    }
    if !request.picks.is_empty() {
        draft.emit(Event::Picked { by, slot: None, picks: request.picks.clone() });
    }
    draft.emit(Event::approval(draft.at, slot, by, comment));
    settle(draft, visit)
}

/// A visit has passed that something was returned to: goes on as the return says. Whether it did.
pub(super) fn resumed(draft: &mut Draft<'_>, id: VisitId) -> Result<bool, Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(false) };
    let (token, revised) = (visit.token, visit.kind == VisitKind::Revise);
    if let Some((number, returned)) = under_way(&draft.instance, visit) {
        let way = way_on(draft, &returned, visit);
        draft.emit(Event::ReturnSettled { number, way: way.clone(), visit: Some(id) });
        match way {
            ResumeWay::StraightBack => {
                go_straight_back(draft, &returned)?;
                return Ok(true);
            }
            ResumeWay::Replay { .. } | ResumeWay::Overtaken => replay(draft, &returned, id),
        }
    }
    if !revised {
        return Ok(false);
    }
    let template = draft.template;
    travel(draft, token, template.start())?;
    Ok(true)
}

/// The last return to a visit that has not gone on yet.
fn under_way(instance: &Instance, visit: &Visit) -> Option<(u32, Returned)> {
    let here = |returned: &Returned| match &returned.to {
        ReturnTo::Initiator => visit.kind == VisitKind::Revise,
        to @ (ReturnTo::Node(_) | ReturnTo::Level { .. }) => to.is_at(&visit.node, visit.level),
    };
    let mut returns = instance.returns.iter().enumerate().rev();
    let found = returns.find(|(_, it)| !it.settled && it.token == visit.token && here(it));
    found.map(|(number, returned)| (number as u32, returned.clone()))
}

/// Straight back or not, and why.
fn way_on(draft: &Draft<'_>, returned: &Returned, here: &Visit) -> ResumeWay {
    let replay = |why| ResumeWay::Replay { why, changed: Vec::new() };
    let Some(from) = draft.instance.visit(returned.from) else { return replay(WhyReplay::OtherWay) };
    if from.token != returned.token {
        return replay(WhyReplay::BranchesCancelled);
    }
    if !matches!(draft.template.block(&from.node), Some(Block::Approval(_))) {
        return replay(WhyReplay::OtherWay);
    }
    match returned.resume {
        ResumePolicy::Replay => replay(WhyReplay::Rule),
        ResumePolicy::StraightBack => ResumeWay::StraightBack,
        ResumePolicy::Smart | ResumePolicy::ReturnerDecides => {
            let changed = changed_since(returned.content, draft.template, &draft.instance);
            if !changed.is_empty() {
                return ResumeWay::Replay { why: WhyReplay::MaterialChange, changed };
            }
            if draft.looks_ahead {
                return ResumeWay::StraightBack;
            }
            match is_same_way(draft, returned, here, from) {
                Ok(true) => ResumeWay::StraightBack,
                Ok(false) | Err(_) => replay(WhyReplay::OtherWay),
            }
        }
    }
}

/// Going forward from here, a token would come to whoever returned it through the same nodes as before, and whoever was spared
/// there because of a decision that is void by now would be spared again. Missing people or picks on the way make it another
/// way.
fn is_same_way(
    draft: &Draft<'_>,
    returned: &Returned,
    here: &Visit,
    from: &Visit,
) -> Result<bool, Rejection> {
    let mut ahead = Draft::new(draft.template, draft.directory, &draft.instance, draft.at, Purpose::Check);
    ahead.outside.clone_from(&draft.outside);
    ahead.looks_ahead = true;
    overtake(&mut ahead, |_, _| true);
    let known = draft.instance.visits.len();
    let arrives = |instance: &Instance| {
        let mut new = instance.visits.iter().skip(known);
        new.any(|it| it.token == returned.token && it.node == from.node && it.level == from.level)
    };
    go_on(&mut ahead, here.id)?;
    while !arrives(&ahead.instance) && is_under_way(&ahead) {
        if !step(&mut ahead, returned.token)? {
            break;
        }
    }
    let between = Between::new(draft, here, from);
    let on_the_way = |visit: &&Visit| draft.instance.line_of(visit.token).contains(&returned.token);
    let stands = |visit: &&Visit| match visit.state {
        VisitState::Passed
        | VisitState::AutoApproved
        | VisitState::Skipped
        | VisitState::Rejected
        | VisitState::AutoRejected => !visit.superseded,
        VisitState::Open | VisitState::Returned | VisitState::Cancelled => false,
    };
    let before: Vec<&Visit> = draft.instance.visits.iter().filter(on_the_way).filter(stands).collect();
    let after = ahead.instance.visits.iter().skip(known);
    let after: Vec<&Visit> =
        after.filter(|it| ahead.instance.line_of(it.token).contains(&returned.token)).collect();
    let same = between.of(&before) == between.of(&after);
    let spared_again = between
        .spared(&before, |slot| is_void(&draft.instance, slot))
        .is_subset(&between.spared(&after, |_| true));
    Ok(arrives(&ahead.instance) && same && spared_again)
}

/// What was decided in a slot does not count any more.
fn is_void(instance: &Instance, slot: SlotId) -> bool {
    instance.slot(slot).is_none_or(|(visit, _)| visit.superseded)
}

fn is_under_way(ahead: &Draft<'_>) -> bool {
    matches!(ahead.instance.status, Status::Running | Status::Suspended) && !ahead.is_exhausted()
}

/// One more decision or answer on the way of a token. Whether there was something to wait for.
fn step(ahead: &mut Draft<'_>, token: TokenId) -> Result<bool, Rejection> {
    let own = |visit: &Visit| ahead.instance.line_of(visit.token).contains(&token);
    let pending = ahead.instance.pending().find(|(visit, _)| own(visit));
    if let Some((visit, slot, by)) = pending.map(|(visit, slot)| (visit.id, slot.id, slot.assignee)) {
        ahead.emit(Event::approval(ahead.at, slot, by, String::new()));
        settle(ahead, visit)?;
        return Ok(true);
    }
    let open = ahead.instance.visits.iter().find(|it| it.state == VisitState::Open && own(it));
    let Some(visit) = open else { return Ok(false) };
    let offered = visit.slots.iter().find(|slot| slot.state == SlotState::Offered).map(|slot| slot.id);
    let (id, asks_people) = (visit.id, visit.kind.asks_people());
    match offered {
        Some(slot) => ahead.emit(Event::Claimed { at: ahead.at, slot }),
        None if asks_people => return Ok(false),
        None => {
            ahead.emit(Event::VisitClosed { at: ahead.at, visit: id, state: VisitState::Passed });
            go_on(ahead, id)?;
        }
    }
    Ok(true)
}

/// What is drawn between two places of a template.
struct Between<'t> {
    ids: Vec<&'t NodeId>,
    after: Option<(usize, u32)>,
    before: Option<(usize, u32)>,
}

impl<'t> Between<'t> {
    fn new(draft: &Draft<'t>, first: &Visit, last: &Visit) -> Self {
        let ids = draft.template.blocks().into_iter().map(|block| block.id()).collect();
        let mut between = Between { ids, after: None, before: None };
        (between.after, between.before) = (between.place(first), between.place(last));
        between
    }

    fn place(&self, visit: &Visit) -> Option<(usize, u32)> {
        let place = self.ids.iter().position(|id| **id == visit.node)?;
        Some((place, visit.level))
    }

    /// The places of visits, as far as they lie between.
    fn of(&self, visits: &[&Visit]) -> BTreeSet<(usize, u32)> {
        let places = visits.iter().filter(|it| it.kind != VisitKind::Pause).filter_map(|it| self.place(it));
        places.filter(|it| self.holds(*it)).collect()
    }

    fn holds(&self, place: (usize, u32)) -> bool {
        self.after.is_none_or(|after| place > after) && Some(place) < self.before
    }

    /// Who was spared between, and where, because of certain decisions elsewhere.
    fn spared(&self, visits: &[&Visit], of: impl Fn(SlotId) -> bool) -> BTreeSet<((usize, u32), UserId)> {
        let places = visits.iter().filter_map(|it| Some((self.place(it)?, *it)));
        let slots = places
            .filter(|(place, _)| self.holds(*place))
            .flat_map(|(place, visit)| visit.slots.iter().map(move |slot| (place, slot)));
        let spared = slots.filter(|(_, slot)| rests_on_another(slot.state).is_some_and(&of));
        spared.map(|(place, slot)| (place, slot.owner)).collect()
    }
}

/// The node that returned it is visited again; those in between keep what they decided.
fn go_straight_back(draft: &mut Draft<'_>, returned: &Returned) -> Result<(), Rejection> {
    let template = draft.template;
    let Some(from) = draft.instance.visit(returned.from).cloned() else { return Ok(()) };
    let Some(Block::Approval(node)) = template.block(&from.node) else { return Ok(()) };
    let own = from.slots.iter().filter(|slot| slot.parent.is_none() && slot.state != SlotState::Removed);
    let own = own.filter(|slot| from.kind != VisitKind::Pool || slot.state == SlotState::Returned);
    let found = still_there(draft, own);
    if found.is_empty() || draft.instance.overrides.contains_key(&node.id) {
        return enter_again(draft, from.token, node, from.level);
    }
    let kept = if node.returns.keep_peer_approvals { approvals_that_stand(draft, &from) } else { Vec::new() };
    let (token, level, mode, upcoming) = (from.token, from.level, from.mode, from.upcoming);
    open(draft, Arrival { token, node, level, mode, found, upcoming, again: Some(Again { kept }) })
}

/// Colleagues who had approved in the visit that was returned, with nothing material having changed since.
fn approvals_that_stand(draft: &Draft<'_>, from: &Visit) -> Vec<(UserId, SlotId)> {
    let scene = draft.scene(from.token);
    let approved = from.slots.iter().filter(|slot| slot.state == SlotState::Approved);
    let standing =
        approved.filter(|slot| slot.decided.as_ref().is_some_and(|it| !has_changed_since(it.content, scene)));
    standing.map(|slot| (slot.holder(), slot.id)).collect()
}

/// What was decided between the target and whoever returned it is void, and so are returns that were nested in it.
fn replay(draft: &mut Draft<'_>, returned: &Returned, here: VisitId) {
    let (token, first) = (returned.token, target_of(&draft.instance, returned).unwrap_or(VisitId(0)));
    supersede(draft, token, |visit| first <= visit.id && visit.id < here);
    overtake(draft, |instance, it| instance.line_of(it).contains(&token));
}
