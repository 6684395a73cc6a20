//! What may be decided together with other things, in one go (semantics B18).

use crate::command::Command;
use crate::event::Decision;
use crate::ids::SlotId;
use crate::instance::Instance;
use crate::rejection::Rejection;
use crate::template::{Approval, Block, Template};

/// What keeps something from being decided together with others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchObstacle {
    /// Template or node do not allow it.
    Switch,
    /// The node demands an opinion, which is about one request alone.
    Opinion,
    /// The node demands the approver's own hand, or his signature.
    OwnHand,
    /// The node demands a file, which is about one request alone.
    Attachment,
}

/// Whether a command may be one of several that are given at once. Whether it is granted at all: `decide`.
///
/// Refused with `NotInBatch`, which says what is in the way.
pub fn check_batch(template: &Template, instance: &Instance, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::Approve(said) => check_decision(template, instance, said.slot, Decision::Approve),
        Command::Reject(said) => check_decision(template, instance, said.slot, Decision::Reject),
        Command::Abstain(said) => check_decision(template, instance, said.slot, Decision::Abstain),
        Command::Submit(_)
        | Command::Return(_)
        | Command::Resubmit(_)
        | Command::Claim { .. }
        | Command::Release { .. }
        | Command::Transfer(_)
        | Command::Delegate(_)
        | Command::GiveOpinion { .. }
        | Command::AddSign(_)
        | Command::RemoveSign { .. }
        | Command::RemoveAdded { .. }
        | Command::TakeBack { .. }
        | Command::Urge { .. }
        | Command::Withdraw { .. }
        | Command::Revoke { .. }
        | Command::Comment { .. }
        | Command::Tell { .. }
        | Command::MarkRead
        | Command::Intervene { .. }
        | Command::Fire { .. }
        | Command::Migrate { .. }
        | Command::Sweep
        | Command::Answer { .. }
        | Command::Fail { .. }
        | Command::Warn { .. }
        | Command::Amend { .. } => Ok(()),
    }
}

fn check_decision(
    template: &Template,
    instance: &Instance,
    slot: SlotId,
    decision: Decision,
) -> Result<(), Rejection> {
    let Some((visit, _)) = instance.slot(slot) else { return Err(Rejection::TaskNotFound { slot }) };
    let Some(Block::Approval(node)) = template.block(&visit.node) else { return Ok(()) };
    let refuse = |obstacle| Err(Rejection::NotInBatch { node: node.id.clone(), obstacle });
    if !allows_batch(template, node) {
        return refuse(BatchObstacle::Switch);
    }
    if node.own_hand || node.signature.applies_to(decision) {
        return refuse(BatchObstacle::OwnHand);
    }
    if node.attachment.applies_to(decision) {
        return refuse(BatchObstacle::Attachment);
    }
    if node.opinion.applies_to(decision) {
        return refuse(BatchObstacle::Opinion);
    }
    Ok(())
}

/// The node's own switch, else the template's; off at controls, which want a look at each request.
fn allows_batch(template: &Template, node: &Approval) -> bool {
    node.allow_batch.unwrap_or(!node.control && template.settings.allow_batch.unwrap_or(true))
}
