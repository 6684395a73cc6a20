//! What is wrong with what a node says of other nodes: where it sends back to, who picked its people; and with the
//! settings of the whole.

use super::Check;
use crate::form::{Field, FieldKind};
use crate::ids::{FieldId, NodeId};
use crate::template::{Approval, Block, MaxRounds, OnReject, PersonRule, RevokeRule, Separation, Start};

/// Most returns of an instance (semantics B4.7).
const ROUND_LIMIT: u32 = 50;
/// Longest time in which an approval may be revoked, in days.
const REVOKE_LIMIT: u32 = 3_660;

impl<'a> Check<'a> {
    pub(super) fn places(&mut self, node: &Approval, path: &str) {
        let unfit = "it goes back to a node that was passed on the own path";
        if let OnReject::ReturnTo(to) = &node.on_reject
            && !self.passed.contains(&to)
        {
            self.error(format!("{path}.on_reject"), "return_target_unfit", unfit);
        }
        for (number, to) in node.returns.only.iter().enumerate() {
            if !self.passed.contains(&to) {
                self.error(format!("{path}.returns.only[{number}]"), "return_target_unfit", unfit);
            }
        }
    }

    /// A rule for people whom somebody picks on the way.
    pub(super) fn approver_pick(&mut self, at: &NodeId, path: &str) {
        if !self.passed.contains(&at) {
            let message = "the people are picked at a node that was passed on the own path";
            self.error(format!("{path}.at"), "pick_node_unfit", message);
        }
    }

    /// A rule for the people of the element a branch runs for.
    pub(super) fn item_rule(&mut self, column: Option<&FieldId>, path: &str) {
        let Some(list) = self.item else {
            return self.error(path, "item_unfit", "there is no list here that blocks are repeated for");
        };
        let people = match column {
            None => list.kind == FieldKind::Contact,
            Some(column) => list.columns.iter().any(|it| it.id == *column && it.kind == FieldKind::Contact),
        };
        if !people {
            let message = format!("the elements of `{}` name no people there", list.title);
            self.error(path, "item_unfit", message);
        }
    }

    pub(super) fn item_start(&mut self, start: &Start, path: &str) {
        if *start != Start::Item {
            return;
        }
        let fits = |list: &Field| matches!(list.kind, FieldKind::Contact | FieldKind::Department);
        if !self.item.is_some_and(fits) {
            let message = "there is no list of people or departments here that blocks are repeated for";
            self.error(path, "item_unfit", message);
        }
    }

    pub(super) fn item_is_department(&self) -> bool {
        self.item.is_some_and(|list| list.kind == FieldKind::Department)
    }

    pub(super) fn settings(&mut self) {
        let settings = &self.template.settings;
        for (number, rule) in settings.separation.iter().enumerate() {
            self.separation(rule, &format!("settings.separation[{number}]"));
        }
        if let Some(MaxRounds { returns, .. }) = settings.max_rounds
            && !(1..=ROUND_LIMIT).contains(&returns)
        {
            let message = format!("an instance is sent back 1 to {ROUND_LIMIT} times");
            self.error("settings.max_rounds", "rounds_unfit", message);
        }
        match settings.revoke {
            RevokeRule::Consent { days } | RevokeRule::Direct { days } => {
                if !(1..=REVOKE_LIMIT).contains(&days) {
                    let message = format!("an approval may be revoked for 1 to {REVOKE_LIMIT} days");
                    self.error("settings.revoke", "days_unfit", message);
                }
            }
            RevokeRule::Never => {}
        }
    }

    fn separation(&mut self, rule: &Separation, path: &str) {
        let nodes = match rule {
            Separation::Nodes(nodes) => {
                if nodes.len() < 2 {
                    self.error(path, "separation_unfit", "two nodes at least are kept apart");
                }
                nodes
            }
            Separation::Linked { field, nodes } => {
                self.field_of_kind(field, &[FieldKind::LinkedInstance], &format!("{path}.linked.field"));
                nodes
            }
        };
        let decides = |id: &NodeId| matches!(self.template.block(id), Some(Block::Approval(_)));
        let unknown: Vec<&NodeId> = nodes.iter().filter(|id| !decides(id)).collect();
        for id in unknown {
            self.error(path, "separation_unfit", format!("nobody decides at a node `{id}`"));
        }
    }
}

/// Whether somebody has to pick the people.
pub(super) fn is_picked(rule: &PersonRule) -> bool {
    matches!(rule, PersonRule::InitiatorPick { .. } | PersonRule::ApproverPick { .. })
}
