//! Nodes that wait for something that is not a person: time, a webhook's answer, another instance; and triggers that do
//! not wait at all (semantics B11).

use super::advance::{go_on, travel};
use super::arriving::{VisitShape, open_visit};
use super::{COMMENT_LIMIT, Draft, Purpose, edits, intervene, time};
use crate::event::Event;
use crate::form::FormData;
use crate::ids::{FieldId, InstanceId, NodeId, TokenId, VisitId};
use crate::instance::{Outcome, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{
    Block, ChildReject, ChildWait, Delay, Next, SubProcess, Template, Trigger, TriggerAction,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Whether a token may go on.
pub(super) enum Then {
    GoOn,
    Wait,
}

/// Waits until a time.
pub(super) fn delay(draft: &mut Draft<'_>, token: TokenId, node: &Delay) -> Result<(), Rejection> {
    let visit = open_visit(draft, token, &node.id, shape(VisitKind::Delay));
    time::wake_at(draft, visit, &node.until);
    Ok(())
}

/// So much happened at once that the rest follows by a timer that is due now.
pub(super) fn pause(draft: &mut Draft<'_>, token: TokenId, node: &NodeId) -> Result<(), Rejection> {
    let visit = open_visit(draft, token, node, shape(VisitKind::Pause));
    time::wake_now(draft, visit);
    Ok(())
}

/// Does what a trigger says.
pub(super) fn trigger(draft: &mut Draft<'_>, token: TokenId, node: &Trigger) -> Result<Then, Rejection> {
    let (at, id) = (draft.at, node.id.clone());
    match &node.action {
        TriggerAction::Call { .. } => {
            draft.emit(Event::TriggerCalled { at, node: id, token, visit: None });
            Ok(Then::GoOn)
        }
        TriggerAction::CallAndWait { within, .. } => {
            let visit = open_visit(draft, token, &node.id, shape(VisitKind::Call));
            draft.emit(Event::TriggerCalled { at, node: id, token, visit: Some(visit) });
            if let Some(minutes) = within {
                time::wake_after(draft, visit, *minutes);
            }
            Ok(Then::Wait)
        }
        TriggerAction::SetFields(fields) => {
            edits::set_by_rule(draft, fields, node.irreversible.then_some((id, token)));
            Ok(Then::GoOn)
        }
    }
}

/// Begins an instance of another template. One that goes on by itself and was begun before a decision was taken back is not
/// begun twice: it is the same one, whatever the values are now.
pub(super) fn sub_process(draft: &mut Draft<'_>, token: TokenId, node: &SubProcess) -> Then {
    let waits = matches!(node.wait, ChildWait::Until { .. });
    let begun = draft.instance.begun.iter().find(|it| it.kept && it.node == node.id).filter(|_| !waits);
    let child = begun.map_or_else(|| child_id(draft, &node.id), |it| it.child);
    let kind = VisitKind::Child { instance: child };
    let visit = waits.then(|| open_visit(draft, token, &node.id, shape(kind)));
    let form = mapped(&draft.instance.form, &node.fill);
    draft.emit(Event::ChildStarted {
        at: draft.at,
        node: node.id.clone(),
        token,
        visit,
        child,
        template: node.template,
        form,
    });
    if waits { Then::Wait } else { Then::GoOn }
}

/// An id that follows from the instance, so that beginning the child twice is beginning it once.
fn child_id(draft: &Draft<'_>, node: &NodeId) -> InstanceId {
    let seed = (draft.instance.id, draft.instance.version, draft.events.len(), node);
    let hash = Sha256::digest(serde_json::to_vec(&seed).unwrap_or_default());
    let bytes: [u8; 16] = std::array::from_fn(|place| hash.get(place).copied().unwrap_or_default());
    uuid::Builder::from_custom_bytes(bytes).into_uuid().into()
}

/// Values under other names: `fill` says which of the old is which of the new.
fn mapped(values: &FormData, fill: &BTreeMap<FieldId, FieldId>) -> FormData {
    let pairs = fill.iter().filter_map(|(new, old)| Some((new.clone(), values.get(old)?.clone())));
    FormData(pairs.collect())
}

/// What was waited for has answered. Nobody waits any more: nothing happens.
pub(super) fn answer(
    draft: &mut Draft<'_>,
    id: VisitId,
    outcome: Outcome,
    values: &FormData,
) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let taken = taken_values(draft.template, &visit.node, values);
    answered(draft, id, outcome, taken)
}

/// The same with what the node takes over, by our own controls.
pub(super) fn answered(
    draft: &mut Draft<'_>,
    id: VisitId,
    outcome: Outcome,
    taken: FormData,
) -> Result<(), Rejection> {
    if !draft.instance.visit(id).is_some_and(is_awaited) {
        return Ok(());
    }
    draft.emit(Event::Answered { at: draft.at, visit: id, outcome });
    edits::take_over(draft, Some(id), taken);
    let state = match outcome {
        Outcome::Approved => VisitState::Passed,
        Outcome::Rejected => VisitState::Rejected,
    };
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state });
    intervene::go_on_if_unstuck(draft);
    go_on(draft, id)
}

/// What is waited for cannot come: an administrator has it tried again, passes it over or ends the instance. Nobody waits any
/// more, or it is known already: nothing happens. An answer that comes all the same is taken.
pub(super) fn fail(draft: &mut Draft<'_>, id: VisitId, reason: &str) {
    let visit = draft.instance.visit(id).filter(|visit| is_awaited(visit) && visit.stuck.is_none());
    let Some((token, node)) = visit.map(|visit| (visit.token, visit.node.clone())) else { return };
    let reason = reason.trim().chars().take(COMMENT_LIMIT).collect();
    draft.emit(Event::Suspended { token, node, reason });
}

/// A sub-process that goes on by itself could not begin. Nobody waits for it, so that the way is not stopped, but everybody
/// reads of it; saying so again says nothing new.
pub(super) fn warn(draft: &mut Draft<'_>, child: InstanceId, reason: &str) {
    let Some(begun) = draft.instance.begun.iter().find(|it| it.child == child) else { return };
    let title = draft.template.block(&begun.node).map_or(begun.node.as_str(), Block::title);
    let reason: String = reason.trim().chars().take(COMMENT_LIMIT).collect();
    let warning = format!("`{title}`: {reason}");
    if !draft.instance.warnings.contains(&warning) {
        draft.emit(Event::DataWarned { warning });
    }
}

/// Another system, or another instance, is to answer.
fn is_awaited(visit: &Visit) -> bool {
    visit.state == VisitState::Open && matches!(visit.kind, VisitKind::Call | VisitKind::Child { .. })
}

/// What a node takes over of the values that its sub-process or its call answered, by our own controls.
pub fn taken_values(template: &Template, node: &NodeId, values: &FormData) -> FormData {
    match template.block(node) {
        Some(Block::SubProcess(SubProcess { wait: ChildWait::Until { take, .. }, .. })) => {
            mapped(values, take)
        }
        Some(Block::Trigger(Trigger { action: TriggerAction::CallAndWait { sets, .. }, .. })) => {
            mapped(values, &sets.iter().map(|field| (field.clone(), field.clone())).collect())
        }
        Some(_) | None => FormData::default(),
    }
}

/// The time of a visit without people has come: a delay or a pause is over, a call was not answered in time.
pub(super) fn time_is_up(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let (kind, token, node) = (visit.kind, visit.token, visit.node.clone());
    let at = draft.at;
    match kind {
        VisitKind::Delay => draft.emit(Event::VisitClosed { at, visit: id, state: VisitState::Passed }),
        VisitKind::Call => draft.emit(Event::VisitClosed { at, visit: id, state: VisitState::AutoRejected }),
        VisitKind::Pause => {
            draft.emit(Event::VisitClosed { at, visit: id, state: VisitState::Cancelled });
            let template = draft.template;
            return travel(draft, token, template.block(&node).map_or(Next::End, Next::Block));
        }
        VisitKind::Approve
        | VisitKind::Handle
        | VisitKind::Pool
        | VisitKind::Revise
        | VisitKind::Consent
        | VisitKind::Child { .. }
        | VisitKind::Auto => return Ok(()),
    }
    go_on(draft, id)
}

/// The rejection of a sub-process is only its result, and the way goes on.
pub(super) fn collects(draft: &Draft<'_>, visit: &Visit) -> bool {
    match draft.template.block(&visit.node) {
        Some(Block::SubProcess(SubProcess { wait: ChildWait::Until { on_reject, .. }, .. })) => {
            *on_reject == ChildReject::Collect
        }
        Some(_) | None => false,
    }
}

/// Looking ahead, everything that is waited for answers yes at once.
pub(super) fn answer_all(draft: &mut Draft<'_>) -> Result<bool, Rejection> {
    debug_assert!(draft.purpose != Purpose::Act);
    let waits = |it: &&Visit| it.state == VisitState::Open && !it.kind.asks_people();
    let Some(visit) = draft.instance.visits.iter().find(waits) else { return Ok(false) };
    let (id, kind) = (visit.id, visit.kind);
    if kind == VisitKind::Pause {
        time_is_up(draft, id)?;
        return Ok(true);
    }
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Passed });
    go_on(draft, id)?;
    Ok(true)
}

fn shape(kind: VisitKind) -> VisitShape {
    VisitShape { kind, ..VisitShape::default() }
}
