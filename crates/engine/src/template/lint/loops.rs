//! Routes that go back for ever: whose condition always holds, or looks at nothing that changes on the way from where it
//! goes back to.

use crate::condition::{Condition, Group, Subject, Test, always_holds};
use crate::form::Form;
use crate::ids::{FieldId, NodeId};
use crate::problem::{Problem, Severity};
use crate::template::{Block, ChildWait, Route, Template, TriggerAction, written_by};
use std::collections::BTreeSet;

/// Loops without an exit.
pub(in crate::template) fn lint_loops(template: &Template, problems: &mut Vec<Problem>) {
    Walk { template, problems, around: Vec::new() }.blocks(&template.flow, "flow");
}

struct Walk<'a> {
    template: &'a Template,
    problems: &'a mut Vec<Problem>,
    /// Lists around with the place in each.
    around: Vec<(&'a [Block], usize)>,
}

impl<'a> Walk<'a> {
    fn blocks(&mut self, blocks: &'a [Block], path: &str) {
        for (number, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{number}]");
            self.around.push((blocks, number));
            if let Block::Route(route) = block {
                self.route(route, &path);
            }
            for (lane, blocks) in block.lists().enumerate() {
                let inside = match block {
                    Block::Each(_) => format!("{path}.blocks"),
                    _ => format!("{path}.lanes[{lane}].blocks"),
                };
                self.blocks(blocks, &inside);
            }
            self.around.pop();
        }
    }

    fn route(&mut self, route: &Route, path: &str) {
        let unsound =
            |it: &Problem| it.severity == Severity::Error && it.path.starts_with(&format!("{path}."));
        if self.problems.iter().any(unsound) {
            return;
        }
        let Some(body) = self.body(&route.to) else { return };
        let changes = Changes::of(body);
        let form = &self.template.form;
        let stays = |group: &Group| group.conditions.iter().all(|it| !changes.may_change(it, form));
        let message = if always_holds(&route.when, form) {
            "it goes back always: its conditions hold whatever is filled in"
        } else if route.when.iter().any(|group| !group.conditions.is_empty() && stays(group)) {
            "once it goes back it does so for ever: nothing on the way changes what its conditions look at"
        } else {
            return;
        };
        self.problems.push(Problem::warning(format!("{path}.when"), "loop_without_exit", message));
    }

    /// What lies on the way from where a route goes back to up to the route.
    fn body(&self, to: &NodeId) -> Option<&'a [Block]> {
        self.around.iter().rev().find_map(|(list, here)| {
            let start = list.iter().position(|block| block.id() == to)?;
            list.get(start..=*here)
        })
    }
}

/// What blocks may change by going forward.
#[derive(Default)]
struct Changes {
    fields: BTreeSet<FieldId>,
    results: BTreeSet<NodeId>,
    takes_time: bool,
}

impl Changes {
    fn of(blocks: &[Block]) -> Self {
        let mut changes = Self::default();
        changes.add(blocks);
        changes
    }

    fn add(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.results.insert(block.id().clone());
            self.results.extend(block.lanes().iter().map(|lane| lane.id.clone()));
            self.fields.extend(written_by(block));
            self.takes_time |= match block {
                Block::Approval(_) | Block::Delay(_) => true,
                Block::SubProcess(node) => node.wait != ChildWait::Detached,
                Block::Trigger(node) => matches!(node.action, TriggerAction::CallAndWait { .. }),
                Block::Cc(_)
                | Block::Branch(_)
                | Block::Parallel(_)
                | Block::Each(_)
                | Block::Route(_)
                | Block::Auto(_) => false,
            };
            block.lists().for_each(|list| self.add(list));
        }
    }

    fn may_change(&self, condition: &Condition, form: &Form) -> bool {
        let field = |id: &FieldId| {
            let formula = form.field(id).is_some_and(|it| it.formula.is_some() || it.show_if.is_some());
            self.fields.contains(id) || (formula && !self.fields.is_empty())
        };
        let subject = match &condition.subject {
            Subject::Field(id) | Subject::Duration { field: id, .. } => field(id),
            Subject::Rows { table, .. } => field(table),
            Subject::Lane(id) => self.results.contains(id),
            Subject::Initiator => false,
        };
        let other = match &condition.test {
            Test::Field { field: id, .. } => field(id),
            Test::WithinDays { .. } => self.takes_time,
            _ => false,
        };
        subject || other
    }
}
