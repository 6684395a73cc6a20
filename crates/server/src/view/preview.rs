//! The likely path of a submission, and what of it still lies before a running instance.

use super::Person;
use super::path::reason_word;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::approvers::Found;
use zhupi_engine::condition::GroupsOutcome;
use zhupi_engine::ids::NodeId;
use zhupi_engine::instance::VisitState;
use zhupi_engine::preview::{
    PathChange, PathDifference, Preview, PreviewPerson, Step, Uncertain, likely_path,
};
use zhupi_engine::template::Mode;
use zhupi_engine::{Directory, Instance, Status, Submit, Template};

/// The likely path of a submission.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewView {
    pub steps: Vec<StepView>,
    /// How it would end.
    #[schema(value_type = String, example = "approved")]
    pub ends: Status,
    /// The node at which nobody can be asked and the path stops.
    #[schema(value_type = Option<String>)]
    pub stops_at: Option<NodeId>,
    /// Names this very path: a submission that carries it as `preview` is told where its path differs.
    pub hash: String,
}

/// One thing on the likely path.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepView {
    /// People decide.
    Approval {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        /// Level of a chain, from 1; 0 where the node has no levels.
        level: u32,
        #[schema(value_type = Object)]
        mode: Mode,
        people: Vec<PlannedPerson>,
        /// `open` where people will be asked, else what happens without them.
        #[schema(value_type = String)]
        state: VisitState,
        /// What is not known yet.
        #[schema(value_type = Vec<String>)]
        uncertain: Vec<Uncertain>,
    },
    /// People are told.
    Cc {
        /// Absent at submit and at the end.
        #[schema(value_type = Option<String>)]
        node: Option<NodeId>,
        title: String,
        people: Vec<PlannedPerson>,
    },
    /// A branch is decided.
    Lane {
        #[schema(value_type = String)]
        node: NodeId,
        #[schema(value_type = String)]
        lane: NodeId,
        title: String,
        /// What its conditions saw; absent for the default lane.
        #[schema(value_type = Option<Object>)]
        outcome: Option<GroupsOutcome>,
    },
}

/// A person on the likely path.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlannedPerson {
    #[serde(flatten)]
    pub person: Person,
    /// Why he.
    pub why: String,
    /// Why he will not be asked, if so.
    pub auto_reason: Option<&'static str>,
}

/// A step in which the path differs from the preview that was seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PathChangeView {
    /// `new`: it was not there; `gone`: it is not there any more; `changed`: it asks or tells other people, lets them decide
    /// in another way, or takes another lane.
    #[schema(value_type = String, example = "changed")]
    pub change: PathChange,
    /// Absent for people told at submit or at the end.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    pub title: String,
}

impl From<PathDifference> for PathChangeView {
    fn from(difference: PathDifference) -> Self {
        let PathDifference { change, node, title } = difference;
        Self { change, node, title }
    }
}

/// The likely path, with names.
pub fn preview_view(preview: Preview, directory: &Directory) -> PreviewView {
    PreviewView {
        steps: preview.steps.into_iter().map(|step| step_view(step, directory)).collect(),
        ends: preview.ends,
        stops_at: preview.stops_at,
        hash: preview.hash,
    }
}

/// What probably still lies before a running instance, as the directory is today.
pub fn upcoming(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    at: Timestamp,
) -> Vec<StepView> {
    if instance.status != Status::Running {
        return Vec::new();
    }
    let Ok(preview) = likely_path(template, directory, instance.initiator, &Submit::of(instance), at) else {
        return Vec::new();
    };
    let ahead = preview.steps.into_iter().filter(|step| !has_happened(instance, step));
    ahead.map(|step| step_view(step, directory)).collect()
}

fn has_happened(instance: &Instance, step: &Step) -> bool {
    match step {
        Step::Approval { node, level, .. } => {
            instance.visits.iter().any(|visit| &visit.node == node && visit.level == *level)
        }
        Step::Cc { node, .. } => node.is_some() && instance.cc.iter().any(|entry| &entry.node == node),
        Step::Lane { branch, .. } => instance.lanes.iter().any(|taken| &taken.branch == branch),
    }
}

fn step_view(step: Step, directory: &Directory) -> StepView {
    match step {
        Step::Approval { node, title, level, mode, people, state, uncertain } => {
            let people = people.into_iter().map(planned).collect();
            StepView::Approval { node, title, level, mode, people, state, uncertain }
        }
        Step::Cc { node, title, people } => {
            StepView::Cc { node, title, people: people.iter().map(|found| told(found, directory)).collect() }
        }
        Step::Lane { branch, lane, title, outcome } => StepView::Lane { node: branch, lane, title, outcome },
    }
}

fn planned(person: PreviewPerson) -> PlannedPerson {
    PlannedPerson {
        person: Person { id: person.user, name: person.name },
        why: person.why.to_string(),
        auto_reason: person.auto.map(reason_word),
    }
}

fn told(found: &Found, directory: &Directory) -> PlannedPerson {
    PlannedPerson { person: Person::of(found.user, directory), why: found.why.to_string(), auto_reason: None }
}
