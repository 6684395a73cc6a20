//! A changed template tried on requests that are over (semantics D5): which of them would take another path, which would
//! ask other people, and where nobody would be found. Both versions meet the people of today.

use crate::approvers::WhyRule;
use crate::directory::Directory;
use crate::ids::{FieldId, InstanceId, NodeId, UserId};
use crate::preview::{PathChange, Preview, Step, Uncertain, differences, likely_path, marks};
use crate::rejection::Rejection;
use crate::template::{Block, Template};
use crate::{Instance, Submit};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many examples are kept for each node.
pub const EXAMPLES: usize = 5;

/// A request that is over.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Whose.
    pub instance: InstanceId,
    /// Who asked.
    pub initiator: UserId,
    /// What.
    pub submit: Submit,
    /// People who decided on the instances that it links.
    pub linked: BTreeMap<FieldId, Vec<UserId>>,
}

impl Case {
    /// What an instance asked, as it was recorded.
    pub fn of(instance: &Instance) -> Self {
        Self {
            instance: instance.id,
            initiator: instance.initiator,
            submit: Submit::of(instance),
            linked: instance.linked.clone(),
        }
    }
}

/// What two versions of a template meet.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The version that is compared with.
    pub old: &'a Template,
    /// The changed one.
    pub new: &'a Template,
    /// The people of today.
    pub directory: &'a Directory,
    /// Now.
    pub at: Timestamp,
}

/// What became of all the cases. Each counts once under `same`, `other_path`, `other_people` or `refused`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Regression {
    /// How many were tried.
    pub run: u32,
    /// As before.
    pub same: u32,
    /// Through other nodes or lanes.
    pub other_path: u32,
    /// Through the same nodes, with other people asked or told.
    pub other_people: u32,
    /// The changed version would not go on with it.
    pub refused: u32,
    /// Of all of them: with a node at which the changed version finds nobody.
    pub nobody: u32,
    /// The nodes at which something differs, by id.
    pub nodes: BTreeMap<NodeId, NodeRegression>,
}

/// What differs at one node, in how many cases.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct NodeRegression {
    /// Its title, in the changed version if it is there.
    pub title: String,
    /// It is reached only now.
    pub new: u32,
    /// It was reached only before.
    pub gone: u32,
    /// Other people, another way to decide, or another lane.
    pub changed: u32,
    /// Nobody is found there now.
    pub nobody: u32,
    /// Some of them.
    pub examples: Vec<InstanceId>,
}

impl Regression {
    /// Tries one more case.
    pub fn add(&mut self, trial: &Trial<'_>, case: &Case) {
        let Trial { old, new, directory, at } = *trial;
        let follow =
            |template| likely_path(template, directory, case.initiator, &case.submit, at, &case.linked);
        self.run += 1;
        match (follow(old), follow(new)) {
            (Ok(before), Ok(after)) => self.compare(trial, case.instance, &before, &after),
            (Err(before), Err(after)) if before.code() == after.code() => self.same += 1,
            (Ok(_) | Err(_), Err(refusal)) => self.add_refused(trial, case.instance, &refusal),
            (Err(_), Ok(_)) => self.other_path += 1,
        }
    }

    fn compare(&mut self, trial: &Trial<'_>, instance: InstanceId, before: &Preview, after: &Preview) {
        let found = differences(&marks(&before.steps), &marks(&after.steps));
        let mut other_path = before.ends != after.ends;
        for difference in &found {
            let step = match difference.change {
                PathChange::Gone => before.steps.get(difference.at),
                PathChange::New | PathChange::Changed => after.steps.get(difference.at),
            };
            let Some(step) = step else { continue };
            other_path |= is_other_way(step, difference.change);
            if let Some(node) = node_of(step) {
                let at = self.node(trial, node, instance);
                match difference.change {
                    PathChange::New => at.new += 1,
                    PathChange::Gone => at.gone += 1,
                    PathChange::Changed => at.changed += 1,
                }
            }
        }
        match (other_path, found.is_empty()) {
            (true, _) => self.other_path += 1,
            (false, false) => self.other_people += 1,
            (false, true) => self.same += 1,
        }
        self.add_nobody(trial, instance, after.steps.iter().filter_map(finds_nobody).chain(&after.stops_at));
    }

    fn add_refused(&mut self, trial: &Trial<'_>, instance: InstanceId, refusal: &Rejection) {
        self.refused += 1;
        if let Rejection::NobodyFound { node } = refusal {
            self.add_nobody(trial, instance, std::iter::once(node));
        }
    }

    fn add_nobody<'n>(
        &mut self,
        trial: &Trial<'_>,
        instance: InstanceId,
        nodes: impl Iterator<Item = &'n NodeId>,
    ) {
        let nodes: BTreeSet<&NodeId> = nodes.collect();
        self.nobody += u32::from(!nodes.is_empty());
        for node in nodes {
            self.node(trial, node, instance).nobody += 1;
        }
    }

    fn node(&mut self, trial: &Trial<'_>, node: &NodeId, example: InstanceId) -> &mut NodeRegression {
        let make = || NodeRegression { title: title_of(trial, node), ..NodeRegression::default() };
        let entry = self.nodes.entry(node.clone()).or_insert_with(make);
        if entry.examples.len() < EXAMPLES && entry.examples.last() != Some(&example) {
            entry.examples.push(example);
        }
        entry
    }
}

/// Whether a difference leads through other nodes, rather than to other people at the same ones.
fn is_other_way(step: &Step, change: PathChange) -> bool {
    match step {
        Step::Approval { .. } => change != PathChange::Changed,
        Step::Lane { .. }
        | Step::Fork { .. }
        | Step::Branch { .. }
        | Step::Join { .. }
        | Step::Delay { .. }
        | Step::Trigger { .. }
        | Step::SubProcess { .. }
        | Step::Returned { .. }
        | Step::Route { .. }
        | Step::Auto { .. } => true,
        Step::Cc { .. } => false,
    }
}

fn node_of(step: &Step) -> Option<&NodeId> {
    match step {
        Step::Approval { node, .. }
        | Step::Lane { branch: node, .. }
        | Step::Fork { node, .. }
        | Step::Branch { fork: node, .. }
        | Step::Join { node, .. }
        | Step::Delay { node, .. }
        | Step::Trigger { node, .. }
        | Step::SubProcess { node, .. }
        | Step::Returned { node, .. }
        | Step::Route { node, .. }
        | Step::Auto { node, .. } => Some(node),
        Step::Cc { node, .. } => node.as_ref(),
    }
}

/// The node, where its own rules find nobody: it goes on without anybody, or somebody steps in for that case.
fn finds_nobody(step: &Step) -> Option<&NodeId> {
    let Step::Approval { node, people, uncertain, .. } = step else { return None };
    let steps_in =
        |rule: &WhyRule| matches!(rule, WhyRule::TemplateAdmin | WhyRule::WorkspaceAdmin | WhyRule::Fallback);
    let picked_later = |it: &Uncertain| matches!(it, Uncertain::PickMissing | Uncertain::ApproverPicks);
    let nobody = people.is_empty() && !uncertain.iter().any(picked_later);
    (nobody || people.iter().any(|person| steps_in(&person.why.rule))).then_some(node)
}

fn title_of(trial: &Trial<'_>, node: &NodeId) -> String {
    let found = trial.new.block(node).or_else(|| trial.old.block(node));
    found.map(Block::title).unwrap_or_default().to_owned()
}
