//! What a reader must not learn of the values that are hidden from him, wherever they were written down: in events, in
//! what conditions saw, in the elements branches run for.

use super::form::hides;
use zhupi_engine::condition::{Group, GroupsOutcome, Subject};
use zhupi_engine::event::LaneTried;
use zhupi_engine::form::{Access, Changes, FieldAccess, FormData, visible_values};
use zhupi_engine::ids::{FieldId, NodeId};
use zhupi_engine::instance::Item;
use zhupi_engine::preview::Step;
use zhupi_engine::template::{Block, When};
use zhupi_engine::{Event, Template};

/// Stands between what was recorded and somebody who reads it.
#[derive(Clone, Copy, Debug)]
pub struct Curtain<'a> {
    template: &'a Template,
    access: &'a FieldAccess,
}

impl<'a> Curtain<'a> {
    /// Before somebody who may do this with the values of the form, over what was recorded under this version.
    pub fn new(template: &'a Template, access: &'a FieldAccess) -> Self {
        Self { template, access }
    }

    /// The event without what is hidden. Who was asked and which way was taken stays: those see it who see the instance.
    pub fn event(&self, event: Event) -> Event {
        if !hides(self.access) {
            return event;
        }
        match event {
            Event::Submitted {
                at,
                title,
                department,
                form,
                picks,
                serial,
                mut linked,
                digest,
                copied_from,
            } => {
                linked.retain(|field, _| !self.hides_field(field));
                let form = self.values(&form);
                Event::Submitted { at, title, department, form, picks, serial, linked, digest, copied_from }
            }
            Event::FormEdited { at, by, visit, edits, mut linked, digest, for_good, undo } => {
                linked.retain(|field, _| !self.hides_field(field));
                let edits = self.changes(edits);
                Event::FormEdited { at, by, visit, edits, linked, digest, for_good, undo }
            }
            Event::TokenStarted { token, parent, fork, lane, item } => {
                let item = item.map(|item| self.item(fork.as_ref(), item));
                Event::TokenStarted { token, parent, fork, lane, item }
            }
            Event::LanesChosen { token, fork, lanes, tried } => {
                let tried = self.tried(&fork, tried);
                Event::LanesChosen { token, fork, lanes, tried }
            }
            Event::LaneChosen { token, branch, lane, tried } => {
                let tried = self.tried(&branch, tried);
                Event::LaneChosen { token, branch, lane, tried }
            }
            Event::Looped { token, route, to, count, outcome } => {
                let outcome = self.route(&route, outcome);
                Event::Looped { token, route, to, count, outcome }
            }
            // Its values come out of this form by rules of the template; its own readers see them there.
            Event::ChildStarted { at, node, token, visit, child, template, form: _ } => {
                Event::ChildStarted { at, node, token, visit, child, template, form: FormData::default() }
            }
            plain @ (Event::Picked { .. }
            | Event::ApproversFrozen { .. }
            | Event::TokenForked { .. }
            | Event::TokenArrived { .. }
            | Event::Joined { .. }
            | Event::TokenCancelled { .. }
            | Event::TokenRecalled { .. }
            | Event::VisitOpened { .. }
            | Event::SlotTurned { .. }
            | Event::AskedAgain { .. }
            | Event::SlotRemoved { .. }
            | Event::SlotDecided { .. }
            | Event::SlotHeld { .. }
            | Event::SlotSettled { .. }
            | Event::SlotsAdded { .. }
            | Event::SlotMoved { .. }
            | Event::Claimed { .. }
            | Event::Released { .. }
            | Event::TakenBack { .. }
            | Event::Returned { .. }
            | Event::ReturnSettled { .. }
            | Event::Superseded { .. }
            | Event::TimersSet { .. }
            | Event::TimerFired { .. }
            | Event::Reminded { .. }
            | Event::Urged { .. }
            | Event::TriggerCalled { .. }
            | Event::Answered { .. }
            | Event::Intervened { .. }
            | Event::RevokeAsked { .. }
            | Event::RevokeRefused { .. }
            | Event::Migrated { .. }
            | Event::Resumed
            | Event::VisitClosed { .. }
            | Event::CcSent { .. }
            | Event::CcRead { .. }
            | Event::Commented { .. }
            | Event::DataWarned { .. }
            | Event::TokenFinished { .. }
            | Event::Suspended { .. }
            | Event::Ended { .. }) => plain,
        }
    }

    /// A step of the likely path without what is hidden.
    pub fn step(&self, step: Step) -> Step {
        if !hides(self.access) {
            return step;
        }
        match step {
            Step::Lane { branch, lane, title, outcome, uncertain } => {
                let outcome = outcome.map(|outcome| self.lane(&branch, &lane, outcome));
                Step::Lane { branch, lane, title, outcome, uncertain }
            }
            Step::Branch { fork, lane, title, item, outcome, uncertain } => {
                let item = item.map(|item| self.item(Some(&fork), item));
                let outcome = match &lane {
                    Some(lane) => outcome.map(|outcome| self.lane(&fork, lane, outcome)),
                    None => outcome,
                };
                Step::Branch { fork, lane, title, item, outcome, uncertain }
            }
            Step::Route { node, title, to, outcome } => {
                let outcome = self.route(&node, outcome);
                Step::Route { node, title, to, outcome }
            }
            plain @ (Step::Approval { .. }
            | Step::Cc { .. }
            | Step::Fork { .. }
            | Step::Join { .. }
            | Step::Delay { .. }
            | Step::Trigger { .. }
            | Step::SubProcess { .. }
            | Step::Returned { .. }
            | Step::Auto { .. }) => plain,
        }
    }

    fn values(&self, data: &FormData) -> FormData {
        visible_values(&self.template.form, self.access, data)
    }

    fn changes(&self, mut changes: Changes) -> Changes {
        changes.retain(|field, _| !self.hides_field(field));
        let set = changes.iter().filter_map(|(field, value)| Some((field.clone(), value.clone()?)));
        let set = self.values(&FormData(set.collect()));
        changes.extend(set.0.into_iter().map(|(field, value)| (field, Some(value))));
        changes
    }

    /// The element a branch of this fork runs for, without its value where that is hidden.
    pub fn item(&self, fork: Option<&NodeId>, item: Item) -> Item {
        if !hides(self.access) {
            return item;
        }
        let hidden = match fork.and_then(|fork| self.template.block(fork)) {
            Some(Block::Each(each)) => {
                self.hides_field(&each.list)
                    || each.group_by.as_ref().is_some_and(|column| self.hides_column(&each.list, column))
            }
            Some(_) | None => true,
        };
        if hidden { Item { value: None, ..item } } else { item }
    }

    fn tried(&self, branch: &NodeId, tried: Vec<LaneTried>) -> Vec<LaneTried> {
        let one = |LaneTried { lane, outcome }| {
            let outcome = outcome.map(|outcome| self.lane(branch, &lane, outcome));
            LaneTried { lane, outcome }
        };
        tried.into_iter().map(one).collect()
    }

    fn lane(&self, branch: &NodeId, lane: &NodeId, outcome: GroupsOutcome) -> GroupsOutcome {
        let lanes = self.template.block(branch).map(Block::lanes).unwrap_or_default();
        let groups = lanes.iter().find(|it| &it.id == lane).map(|lane| match &lane.when {
            When::AnyOf(groups) => groups.as_slice(),
            When::Default => &[],
        });
        self.outcome(groups.unwrap_or_default(), outcome)
    }

    fn route(&self, node: &NodeId, outcome: GroupsOutcome) -> GroupsOutcome {
        match self.template.block(node) {
            Some(Block::Route(route)) => self.outcome(&route.when, outcome),
            Some(_) | None => self.outcome(&[], outcome),
        }
    }

    /// Conditions are told from each other by their places; one that is not found may have looked at anything.
    fn outcome(&self, groups: &[Group], mut outcome: GroupsOutcome) -> GroupsOutcome {
        for (place, conditions) in outcome.groups.iter_mut().enumerate() {
            let group = groups.get(place);
            for (place, condition) in conditions.iter_mut().enumerate() {
                let subject = group.and_then(|group| group.conditions.get(place)).map(|it| &it.subject);
                if subject.is_none_or(|subject| self.hides_subject(subject)) {
                    condition.saw = None;
                }
            }
        }
        outcome
    }

    fn hides_subject(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Field(field) | Subject::Duration { field, .. } => self.hides_field(field),
            Subject::Rows { table, column, .. } => self.hides_column(table, column),
            Subject::Initiator | Subject::Lane(_) => false,
        }
    }

    fn hides_field(&self, field: &FieldId) -> bool {
        self.template.form.field(field).is_none() || self.access.of(field) == Access::Hide
    }

    fn hides_column(&self, table: &FieldId, column: &FieldId) -> bool {
        self.hides_field(table) || self.access.of_column(table, column) == Access::Hide
    }
}
