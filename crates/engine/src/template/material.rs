//! What is approved hangs on some fields: those that decide about the way, about who is asked and until when, and those
//! the author flags. When one of them changes, what was approved before does not count any more (semantics B4.5, B7).

use super::{
    Approval, Approvers, Block, Chain, ChainEnd, Deadline, Delay, Due, Each, PersonRule, Route, SetField,
    Start, Template, Trigger, TriggerAction, When,
};
use crate::condition::{Group, Subject, Test};
use crate::ids::FieldId;
use std::collections::BTreeSet;

impl Template {
    /// The material fields: used by a condition, a rule for approvers, a list that is forked over, a formula or a time
    /// limit, wherever in the flow, or flagged.
    pub fn material_fields(&self) -> BTreeSet<FieldId> {
        let mut found = Material { template: self, fields: BTreeSet::new() };
        let flagged = self.form.fields.iter().filter(|field| field.material);
        found.fields.extend(flagged.map(|field| field.id.clone()));
        self.blocks().into_iter().for_each(|block| found.block(block));
        found.fields
    }
}

/// Fields that conditions look at.
pub(crate) fn fields_of<'g>(groups: impl IntoIterator<Item = &'g Group>) -> Vec<FieldId> {
    let conditions = groups.into_iter().flat_map(|group| &group.conditions);
    let fields = conditions.flat_map(|condition| {
        let subject = match &condition.subject {
            Subject::Field(field) | Subject::Duration { field, .. } => Some(field),
            Subject::Rows { table, .. } => Some(table),
            Subject::Initiator | Subject::Lane(_) => None,
        };
        let other = match &condition.test {
            Test::Field { field, .. } => Some(field),
            _ => None,
        };
        subject.into_iter().chain(other).cloned()
    });
    fields.collect()
}

/// Fields on which hangs who is asked at a node.
pub(crate) fn fields_of_approvers(template: &Template, approvers: &Approvers) -> BTreeSet<FieldId> {
    let mut found = Material { template, fields: BTreeSet::new() };
    found.approvers(approvers);
    found.fields
}

/// Fields that a formula seems to name.
pub(crate) fn names_field(formula: &str, field: &FieldId) -> bool {
    formula.contains(field.as_str())
}

struct Material<'t> {
    template: &'t Template,
    fields: BTreeSet<FieldId>,
}

impl Material<'_> {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Approval(node) => self.approval(node),
            Block::Branch(_) | Block::Parallel(_) => {
                for lane in block.lanes() {
                    if let When::AnyOf(groups) = &lane.when {
                        self.fields.extend(fields_of(groups));
                    }
                }
            }
            Block::Each(Each { list, group_by, .. }) => {
                self.fields.insert(list.clone());
                self.fields.extend(group_by.clone());
            }
            Block::Delay(Delay { until, .. }) => self.due(until),
            Block::Route(Route { when, .. }) => self.fields.extend(fields_of(when)),
            Block::Trigger(Trigger { action: TriggerAction::SetFields(set), .. }) => {
                set.iter().for_each(|SetField { formula, .. }| self.formula(formula));
            }
            Block::SubProcess(node) => self.fields.extend(node.fill.values().cloned()),
            Block::Trigger(_) | Block::Cc(_) | Block::Auto(_) => {}
        }
    }

    fn approval(&mut self, node: &Approval) {
        self.approvers(&node.approvers);
        if let Deadline::Own(limit) = &node.deadline {
            self.due(&limit.due);
        }
    }

    fn approvers(&mut self, approvers: &Approvers) {
        match approvers {
            Approvers::People(rules) => rules.iter().for_each(|rule| self.rule(rule)),
            Approvers::Chain(Chain { start, end, .. }) => {
                self.start(start);
                match end {
                    ChainEnd::Limit(field) => self.fields.extend([field.clone()]),
                    ChainEnd::Levels(_)
                    | ChainEnd::FromTop(_)
                    | ChainEnd::Role { .. }
                    | ChainEnd::Department(_) => {}
                }
            }
        }
    }

    fn rule(&mut self, rule: &PersonRule) {
        match rule {
            PersonRule::FormPerson(field) => self.fields.extend([field.clone()]),
            PersonRule::Supervisor(level) | PersonRule::DepartmentHead(level) => self.start(&level.start),
            PersonRule::Members(_)
            | PersonRule::InitiatorPick { .. }
            | PersonRule::Initiator
            | PersonRule::Role(_)
            | PersonRule::Group(_)
            | PersonRule::ApproverPick { .. }
            | PersonRule::Item { .. } => {}
        }
    }

    fn start(&mut self, start: &Start) {
        match start {
            Start::FormPerson(field) | Start::FormDepartment(field) => self.fields.extend([field.clone()]),
            Start::Initiator | Start::Item => {}
        }
    }

    fn due(&mut self, due: &Due) {
        match due {
            Due::Field { field, .. } => self.fields.extend([field.clone()]),
            Due::Formula(formula) => self.formula(formula),
            Due::Working(_) | Due::Elapsed(_) => {}
        }
    }

    /// Every control whose id stands in it. One that only seems to be meant is asked about once too often.
    fn formula(&mut self, formula: &str) {
        let named = self.template.form.fields.iter().filter(|field| names_field(formula, &field.id));
        self.fields.extend(named.map(|field| field.id.clone()));
    }
}
