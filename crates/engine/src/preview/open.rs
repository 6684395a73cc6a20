//! What of a likely path is uncertain, since fields it hangs on may be changed on the way.

use crate::condition::{Group, Subject};
use crate::event::Event;
use crate::ids::FieldId;
use crate::template::{
    Block, Template, Trigger, TriggerAction, When, fields_of, fields_of_approvers, names_field, written_by,
};
use std::collections::HashSet;

/// Fields that somebody or something on the way may change before a choice is made.
#[derive(Default)]
pub(super) struct Open(HashSet<FieldId>);

impl Open {
    /// Whether an event is a choice that may come out differently. Remembers what may be changed from here on.
    pub(super) fn touches(&mut self, event: &Event, template: &Template) -> bool {
        match event {
            Event::LaneChosen { branch: node, .. } | Event::LanesChosen { fork: node, .. } => {
                let lanes = template.block(node).map_or(&[][..], Block::lanes);
                let groups = lanes.iter().filter_map(|lane| match &lane.when {
                    When::AnyOf(groups) => Some(groups),
                    When::Default => None,
                });
                groups.flatten().any(|group| self.is_open(group))
            }
            Event::VisitOpened { node, .. } => {
                let Some(block) = template.block(node) else { return false };
                let hangs_on_it = self.decides_who(block, template);
                self.add(written_by(block), template);
                hangs_on_it
            }
            // Rows may have been dropped by then.
            Event::Joined { fork, .. } => {
                let written = template.block(fork).map(written_by).unwrap_or_default();
                self.add(written, template);
                false
            }
            _ => false,
        }
    }

    /// Who is asked hangs on something that may be changed.
    fn decides_who(&self, block: &Block, template: &Template) -> bool {
        let Block::Approval(node) = block else { return false };
        let hangs_on = |field| self.0.contains(field);
        !self.0.is_empty() && fields_of_approvers(template, &node.approvers).iter().any(hangs_on)
    }

    /// Fields that may be changed from here on, and with them what the form and triggers reckon from them.
    fn add(&mut self, fields: Vec<FieldId>, template: &Template) {
        let mut next = fields;
        while let Some(field) = next.pop() {
            if !self.0.insert(field.clone()) {
                continue;
            }
            let reckoned = template.form.fields.iter().filter(|it| {
                let own = it.formula.iter();
                let mut formulas = own.chain(it.columns.iter().filter_map(|column| column.formula.as_ref()));
                formulas.any(|formula| names_field(formula, &field))
            });
            next.extend(reckoned.map(|it| it.id.clone()));
            next.extend(sets_from(&field, template));
        }
    }

    fn is_open(&self, group: &Group) -> bool {
        let of_lane = group.conditions.iter().any(|it| matches!(it.subject, Subject::Lane(_)));
        of_lane || (!self.0.is_empty() && fields_of([group]).iter().any(|field| self.0.contains(field)))
    }
}

/// What triggers set from a field.
fn sets_from(field: &FieldId, template: &Template) -> Vec<FieldId> {
    let sets = template.blocks().into_iter().filter_map(|block| match block {
        Block::Trigger(Trigger { action: TriggerAction::SetFields(sets), .. }) => Some(sets),
        _ => None,
    });
    let from = sets.flatten().filter(|set| names_field(&set.formula, field));
    from.map(|set| set.field.clone()).collect()
}
