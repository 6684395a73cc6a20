//! What trigger nodes and sub-processes send out: calls, instances to begin, what came of them, and those to end with the
//! instance they belong to. `work/trigger.rs` and `work/children.rs` carry it out.

use super::{Accepted, due};
use crate::error::Error;
use crate::work::children::{ANSWER, BEGIN_CHILD, Begin, CameOf, END_CHILD, ParentKey};
use crate::work::trigger::TRIGGER;
use serde::Serialize;
use serde_json::json;
use zhupi_engine::form::to_plain;
use zhupi_engine::ids::{InstanceId, NodeId, VisitId};
use zhupi_engine::instance::{Outcome, VisitKind};
use zhupi_engine::template::{Block, Trigger, TriggerAction};
use zhupi_engine::{Event, Status};
use zhupi_store::NewDelivery;

/// Everything that follows from triggers and sub-processes.
pub(super) fn calls(accepted: &Accepted<'_>) -> Result<Vec<NewDelivery>, Error> {
    let mut deliveries = Vec::new();
    for (n, event) in accepted.events.iter().enumerate() {
        deliveries.extend(match event {
            Event::TriggerCalled { node, visit, .. } => trigger(accepted, n, node, *visit),
            Event::ChildStarted { .. } => Some(begin_child(accepted, event)?),
            Event::VisitClosed { visit, .. } => end_child(accepted, *visit)?,
            Event::Ended { status, .. } => answer(accepted, *status)?,
            _ => None,
        });
    }
    Ok(deliveries)
}

/// A call of a trigger node. The address to answer at is made when it is sent, so that it is kept nowhere.
fn trigger(accepted: &Accepted<'_>, n: usize, id: &NodeId, visit: Option<VisitId>) -> Option<NewDelivery> {
    let Some(Block::Trigger(node)) = accepted.template.block(id) else { return None };
    let url = url_of(node)?;
    let next = accepted.next;
    let payload = json!({
        "id": format!("{}.{}.{n}", next.id, next.version),
        "type": "trigger.called",
        "timestamp": accepted.at,
        "tenant": accepted.tenant,
        "instance": next.id,
        "sequence": next.version,
        "business_key": accepted.business_key,
        "template": { "id": next.template, "version": next.template_version, "name": accepted.template.name },
        "title": next.title,
        "initiator": next.initiator,
        "node": id,
        "visit": visit,
        "values": to_plain(&next.form),
    });
    Some(due(accepted.at, TRIGGER, url, payload.to_string()))
}

fn url_of(node: &Trigger) -> Option<&str> {
    match &node.action {
        TriggerAction::Call { url } | TriggerAction::CallAndWait { url, .. } => Some(url),
        TriggerAction::SetFields(_) => None,
    }
}

fn begin_child(accepted: &Accepted<'_>, event: &Event) -> Result<NewDelivery, Error> {
    let Event::ChildStarted { visit, child, template, form, .. } = event else {
        return Err(Error::internal("only an instance that was begun is begun"));
    };
    let next = accepted.next;
    let above = accepted.business_key.and_then(ParentKey::read);
    let depth = above.map_or(0, |key| key.depth) + 1;
    let begin = Begin {
        key: ParentKey { parent: next.id, visit: *visit, depth, root: above.map(|key| key.root()) },
        template: *template,
        initiator: next.initiator,
        department: next.department,
        form: form.clone(),
    };
    job(accepted, BEGIN_CHILD, *child, &begin)
}

/// Nobody waits for the child any more, and it has not said what came of it. It is told after it was begun, since both go
/// to the same target.
fn end_child(accepted: &Accepted<'_>, id: VisitId) -> Result<Option<NewDelivery>, Error> {
    let Some(visit) = accepted.next.visit(id) else { return Ok(None) };
    let VisitKind::Child { instance } = visit.kind else { return Ok(None) };
    let answered = |event: &Event| matches!(event, Event::Answered { visit, .. } if *visit == id);
    if accepted.events.iter().any(answered) {
        return Ok(None);
    }
    job(accepted, END_CHILD, instance, &json!({})).map(Some)
}

/// A child tells the instance that waits for it what came of it.
fn answer(accepted: &Accepted<'_>, status: Status) -> Result<Option<NewDelivery>, Error> {
    let Some(ParentKey { parent, visit: Some(visit), .. }) = accepted.business_key.and_then(ParentKey::read)
    else {
        return Ok(None);
    };
    let outcome = match status {
        Status::Approved => Outcome::Approved,
        Status::Rejected | Status::Withdrawn | Status::Terminated => Outcome::Rejected,
        // What was approved once has told so.
        Status::Revoked
        | Status::Draft
        | Status::Running
        | Status::Suspended
        | Status::Returned
        | Status::Revoking => return Ok(None),
    };
    let result = CameOf { visit, outcome, values: accepted.next.form.as_ref().clone() };
    job(accepted, ANSWER, parent, &result).map(Some)
}

fn job(
    accepted: &Accepted<'_>,
    kind: &str,
    target: InstanceId,
    job: &impl Serialize,
) -> Result<NewDelivery, Error> {
    let payload = serde_json::to_string(job).map_err(Error::internal)?;
    Ok(due(accepted.at, kind, &target.to_string(), payload))
}
