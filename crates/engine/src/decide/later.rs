//! Asking somebody only at the last of the nodes that want him (semantics B7, `LastOnly`): found by going along the rest of
//! the way as if everybody approved. Where that way is not certain, he is asked at once.

use super::advance::travel;
use super::submit::go_ahead;
use super::{Draft, Purpose};
use crate::approvers::{Candidate, Found, may_be_spared};
use crate::event::Event;
use crate::form::Field;
use crate::ids::{FieldId, NodeId, TokenId, UserId};
use crate::instance::{AutoReason, Slot, SlotState, Status, Visit, VisitKind};
use crate::template::{
    Approval, Approvers, Assign, Block, Chain, Dedup, Heads, Mode, Template, When, fields_of,
    fields_of_approvers, written_by,
};
use std::collections::HashSet;

/// Marks those who are certain to be asked later on the way, at further levels of the node or behind it.
pub(super) fn spare(
    draft: &Draft<'_>,
    (token, node): (TokenId, &Approval),
    upcoming: &[Vec<Found>],
    candidates: &mut [Candidate],
) {
    let is_rule = draft.template.settings.dedup == Dedup::LastOnly;
    if !is_rule || draft.looks_ahead || !may_be_spared(node, draft.scene(token)) {
        return;
    }
    let Some(later) = asked_later(draft, token, node) else { return };
    let all = matches!(&node.approvers, Approvers::Chain(Chain { heads: Heads::All, .. }));
    let certain = upcoming.iter().filter(|level| all || level.len() == 1);
    let above: HashSet<UserId> = certain.flatten().map(|found| found.user).collect();
    for candidate in candidates.iter_mut().filter(|it| it.auto.is_none()) {
        if later.contains(&candidate.user) || above.contains(&candidate.user) {
            candidate.auto = Some(AutoReason::AskedLater);
        }
    }
}

/// Everybody whose decision is needed behind a node; absent where the way is not certain.
fn asked_later(draft: &Draft<'_>, token: TokenId, node: &Approval) -> Option<HashSet<UserId>> {
    let mut ahead = Draft::new(draft.template, draft.directory, &draft.instance, draft.at, Purpose::Check);
    ahead.outside.clone_from(&draft.outside);
    ahead.looks_ahead = true;
    travel(&mut ahead, token, draft.template.after(&node.id)).ok()?;
    go_ahead(&mut ahead).ok()?;
    let sent_back = ahead.instance.returns.len() > draft.instance.returns.len();
    if ahead.instance.status != Status::Approved || sent_back || may_turn(&ahead) {
        return None;
    }
    let line = draft.instance.line_of(token);
    let (visits, tokens) = (draft.instance.visits.len(), draft.instance.tokens.len());
    let own = |token: TokenId| line.contains(&token) || token.0 as usize >= tokens;
    let new = ahead.instance.visits.iter().skip(visits).filter(|visit| own(visit.token));
    let certain = new.filter(|visit| are_people_certain(&ahead, visit));
    let asked = certain.flat_map(|visit| must_decide(draft.template, visit));
    Some(asked.map(|slot| slot.assignee).collect())
}

/// Nothing on the way changes whom the node asks, nor the elements of a list for each of which it is come to.
fn are_people_certain(ahead: &Draft<'_>, visit: &Visit) -> bool {
    let template = ahead.template;
    let Some(Block::Approval(node)) = template.block(&visit.node) else { return true };
    let line = ahead.instance.line_of(visit.token);
    let forks = line.iter().filter_map(|id| ahead.instance.token(*id)?.fork.as_ref());
    let lists = forks.filter_map(|fork| match template.block(fork) {
        Some(Block::Each(each)) => Some(&each.list),
        Some(_) | None => None,
    });
    let fields = fields_of_approvers(template, &node.approvers);
    !lists.chain(&fields).any(|field| may_change(template, field))
}

/// Slots of a visit that does not end before they are decided: not of people of whom any is enough, or who vote, claim, are
/// drawn, or carry something out.
fn must_decide<'v>(template: &Template, visit: &'v Visit) -> Vec<&'v Slot> {
    let drawn = match template.block(&visit.node) {
        Some(Block::Approval(node)) => node.assign != Assign::Everybody,
        Some(_) | None => true,
    };
    if drawn || visit.kind != VisitKind::Approve {
        return Vec::new();
    }
    let asked = |slot: &&Slot| {
        let auto = matches!(slot.state, SlotState::Auto(_) | SlotState::AutoRejected(_) | SlotState::Removed);
        slot.parent.is_none() && !auto
    };
    let slots: Vec<&Slot> = visit.slots.iter().filter(asked).collect();
    match visit.mode {
        Mode::Countersign { .. } | Mode::InTurn => slots,
        Mode::OrSign { .. } | Mode::Vote(_) if slots.len() == visit.slots.len() && slots.len() == 1 => slots,
        Mode::OrSign { .. } | Mode::Vote(_) => Vec::new(),
    }
}

/// The way hangs on something that may still change.
fn may_turn(ahead: &Draft<'_>) -> bool {
    let template = ahead.template;
    let turned_at =
        |node: &NodeId| template.block(node).is_some_and(|block| hangs_on_changes(template, block));
    ahead.events.iter().any(|event| match event {
        Event::LaneChosen { branch, .. } => turned_at(branch),
        Event::LanesChosen { fork, .. } => turned_at(fork),
        Event::Looped { .. } => true,
        _ => false,
    })
}

fn hangs_on_changes(template: &Template, block: &Block) -> bool {
    let groups = block.lanes().iter().filter_map(|lane| match &lane.when {
        When::AnyOf(groups) => Some(groups),
        When::Default => None,
    });
    groups.into_iter().any(|groups| {
        let outcomes = groups.iter().flat_map(|group| &group.conditions);
        let mut outcomes = outcomes.filter(|it| matches!(it.subject, crate::condition::Subject::Lane(_)));
        outcomes.next().is_some() || fields_of(groups).iter().any(|field| may_change(template, field))
    })
}

/// Somebody or something on the way may change a field, or what the form reckons it from.
fn may_change(template: &Template, field: &FieldId) -> bool {
    let follows = |it: &Field| it.formula.is_some() || it.show_if.is_some();
    let follows = template.form.field(field).is_some_and(follows);
    may_be_written(template, field)
        || (follows && template.form.fields.iter().any(|it| may_be_written(template, &it.id)))
}

/// Somebody or something on the way may write into a field.
fn may_be_written(template: &Template, field: &FieldId) -> bool {
    template.blocks().into_iter().any(|block| written_by(block).contains(field))
}
