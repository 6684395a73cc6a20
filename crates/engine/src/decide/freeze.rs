//! People found once and for all at submit, where the template wants it (`freeze_at_submit`, semantics B1). What becomes
//! of them at their node, absences and departures among it, is settled when it is reached.

use super::Draft;
use crate::approvers::{Found, WhyRule, chain_levels, find_people};
use crate::event::Event;
use crate::ids::TokenId;
use crate::template::{Approval, Approvers, Block, Level, PersonRule, Start};

/// Finds the people of every node that can be known by now.
pub(super) fn freeze(draft: &mut Draft<'_>) {
    if !draft.template.settings.freeze_at_submit {
        return;
    }
    let blocks = draft.template.blocks();
    let nodes = blocks.into_iter().filter_map(|block| match block {
        Block::Approval(node) if is_known(node) => Some((node.id.clone(), found(draft, node))),
        Block::Approval(_)
        | Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => None,
    });
    let people = nodes.collect();
    draft.emit(Event::ApproversFrozen { people });
}

fn found(draft: &Draft<'_>, node: &Approval) -> Vec<Found> {
    let scene = draft.scene(TokenId(0));
    match &node.approvers {
        Approvers::People(rules) => find_people(rules, Some(&node.id), scene),
        Approvers::Chain(chain) => chain_levels(chain, scene).0.into_iter().flatten().collect(),
    }
}

/// Whom an approver picks, and whom a branch runs for, is known only on the way; a missing pick may still come.
fn is_known(node: &Approval) -> bool {
    match &node.approvers {
        Approvers::Chain(chain) => chain.start != Start::Item,
        Approvers::People(rules) => rules.iter().all(|rule| match rule {
            PersonRule::ApproverPick { .. } | PersonRule::InitiatorPick { .. } | PersonRule::Item { .. } => {
                false
            }
            PersonRule::Supervisor(Level { start, .. }) | PersonRule::DepartmentHead(Level { start, .. }) => {
                *start != Start::Item
            }
            PersonRule::Members(_)
            | PersonRule::Initiator
            | PersonRule::Role(_)
            | PersonRule::Group(_)
            | PersonRule::FormPerson(_) => true,
        }),
    }
}

/// The levels of a chain whose people were found in one list.
pub(super) fn levels_of(found: Vec<Found>) -> Vec<Vec<Found>> {
    let mut levels: Vec<Vec<Found>> = Vec::new();
    for next in found {
        let same = levels.last().and_then(|level| level.first()).map(level_of) == Some(level_of(&next));
        match levels.last_mut() {
            Some(level) if same => level.push(next),
            Some(_) | None => levels.push(vec![next]),
        }
    }
    levels
}

/// The number of a level, if the person was found on one.
fn level_of(found: &Found) -> Option<u32> {
    match &found.why.rule {
        WhyRule::Supervisor { level, .. } | WhyRule::DepartmentHead { level, .. } => Some(*level),
        WhyRule::Member
        | WhyRule::Picked
        | WhyRule::Initiator
        | WhyRule::Role { .. }
        | WhyRule::Group { .. }
        | WhyRule::FormPerson { .. }
        | WhyRule::TemplateAdmin
        | WhyRule::WorkspaceAdmin
        | WhyRule::Fallback
        | WhyRule::Named
        | WhyRule::ApproverPicked
        | WhyRule::Item { .. }
        | WhyRule::Set
        | WhyRule::Added { .. }
        | WhyRule::SentBack
        | WhyRule::Approved => None,
    }
}
