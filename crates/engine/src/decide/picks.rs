//! People whom an approver picks for nodes that come, when he approves.

use super::{Draft, Purpose, check_count};
use crate::command::Opinion;
use crate::condition::Scope;
use crate::event::{Decision, Event};
use crate::ids::{NodeId, SlotId, UserId, VisitId};
use crate::rejection::Rejection;
use crate::template::{Approval, Approvers, Block, PersonRule, SelfRule, Template};

/// Whether an approver may pick whom he picks.
pub(super) fn check(
    draft: &Draft<'_>,
    visit: VisitId,
    decision: Decision,
    opinion: &Opinion,
) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(visit) else { return Ok(()) };
    if opinion.picks.is_empty() {
        return Ok(());
    }
    if decision != Decision::Approve {
        return Err(Rejection::NotOffered { action: "pick" });
    }
    opinion.picks.iter().try_for_each(|(node, users)| check_pick(draft, &visit.node, node, users))
}

/// Takes what an approver picked. Whom he names stays, until another approver of the node names somebody else.
pub(super) fn record(draft: &mut Draft<'_>, slot: SlotId, by: UserId, opinion: &Opinion) {
    if !opinion.picks.is_empty() {
        draft.emit(Event::Picked { by, slot: Some(slot), picks: opinion.picks.clone() });
    }
}

fn check_pick(draft: &Draft<'_>, at: &NodeId, node: &NodeId, users: &[UserId]) -> Result<(), Rejection> {
    let Some(first) = users.first() else { return Err(Rejection::PickMissing { node: node.clone() }) };
    check_count("picks", users)?;
    let Some((many, among)) = offer(draft.template, at, node) else {
        return Err(Rejection::PickNotAllowed { node: node.clone(), user: *first });
    };
    if users.len() > 1 && !many {
        return Err(Rejection::PickTooMany { node: node.clone() });
    }
    let may = |user: &UserId| {
        let present = draft.directory.is_active(*user) && draft.directory.in_scope(*user, among);
        present && !is_initiator_barred(draft, node, *user)
    };
    match users.iter().find(|user| !may(user)) {
        Some(user) => Err(Rejection::PickNotAllowed { node: node.clone(), user: *user }),
        None => Ok(()),
    }
}

/// The initiator is picked only where he may decide on his own request: elsewhere his place would be passed over unseen
/// (B6.1).
pub(super) fn is_initiator_barred(draft: &Draft<'_>, node: &NodeId, user: UserId) -> bool {
    let is_kept_out = |node: &Approval| node.self_rule() != SelfRule::Approve;
    let own = user == draft.instance.initiator;
    own && matches!(draft.template.block(node), Some(Block::Approval(node)) if is_kept_out(node))
}

/// Whom the people at one node may pick for another: whether several, and among whom.
fn offer<'t>(template: &'t Template, at: &NodeId, node: &NodeId) -> Option<(bool, &'t Scope)> {
    let Some(Block::Approval(node)) = template.block(node) else { return None };
    rules(node).iter().find_map(|rule| match rule {
        PersonRule::ApproverPick { at: own, many, among } if own == at => Some((*many, among)),
        PersonRule::ApproverPick { .. }
        | PersonRule::Members(_)
        | PersonRule::InitiatorPick { .. }
        | PersonRule::Initiator
        | PersonRule::Supervisor(_)
        | PersonRule::DepartmentHead(_)
        | PersonRule::Role(_)
        | PersonRule::Group(_)
        | PersonRule::FormPerson(_)
        | PersonRule::Item { .. } => None,
    })
}

/// Looking ahead, an approver before the node has still to pick for it.
pub(super) fn is_left_to_approver(draft: &Draft<'_>, node: &Approval) -> bool {
    let left = rules(node).iter().any(|it| matches!(it, PersonRule::ApproverPick { .. }));
    left && draft.purpose != Purpose::Act && !draft.instance.picks.contains_key(&node.id)
}

fn rules(node: &Approval) -> &[PersonRule] {
    match &node.approvers {
        Approvers::People(rules) => rules,
        Approvers::Chain(_) => &[],
    }
}
