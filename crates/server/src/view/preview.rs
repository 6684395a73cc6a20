//! The likely path of a submission, and what of it still lies before a running instance.

use super::path::{SlotWord, reason_word, slot_word};
use super::{Curtain, Person};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::approvers::Found;
use zhupi_engine::command::ReturnTo;
use zhupi_engine::condition::GroupsOutcome;
use zhupi_engine::event::ResumeWay;
use zhupi_engine::form::{RowId, Value};
use zhupi_engine::ids::{NodeId, TemplateId};
use zhupi_engine::instance::{Item, Token, TokenState, VisitKind, VisitState};
use zhupi_engine::preview::{
    Occasion, PathChange, PathDifference, PlannedAction, PlannedLimit, Preview, PreviewPerson, Step,
    Uncertain, likely_path,
};
use zhupi_engine::template::{Mode, TimeoutKind};
use zhupi_engine::{Directory, Instance, Problem, Status, Submit, Template};

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
    /// Names this very path: a submission that carries it as `preview` is told where its path differs. When something
    /// happens is no part of it.
    pub hash: String,
    /// What was assumed and did not happen; each with `path`, `code`, `message` and `severity`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub unmet: Vec<Problem>,
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
        /// What they are asked to do: `approve`, `handle`, or `pool`, where one of them claims it first.
        #[schema(value_type = String, example = "approve")]
        asks: VisitKind,
        #[schema(value_type = Object)]
        mode: Mode,
        people: Vec<PlannedPerson>,
        /// `open` where people will be asked, else what happens without them.
        #[schema(value_type = String)]
        state: VisitState,
        /// What it comes to as things are assumed: `passed` where everybody approves.
        #[schema(value_type = String, example = "passed")]
        comes_to: VisitState,
        /// Its time limit if it were reached now; absent where it has none, and in what lies ahead of a running instance.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<PlannedLimitView>,
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
        /// `at_start`, `at_node`, `passed` and `rejected` of the node, `late` when it is not decided in time, `at_end`.
        #[schema(value_type = String, example = "at_node")]
        told: Occasion,
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
        /// What is not known yet.
        #[schema(value_type = Vec<String>)]
        uncertain: Vec<Uncertain>,
    },
    /// Several branches begin at the same time; each follows as a `branch` with its steps, and a `join` ends them.
    Fork {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        branches: u32,
    },
    /// One of the branches of a fork.
    Branch {
        /// The fork.
        #[schema(value_type = String)]
        node: NodeId,
        /// Absent where it runs for an element of a list.
        #[schema(value_type = Option<String>)]
        lane: Option<NodeId>,
        /// The title of the lane, or the element the branch runs for.
        title: String,
        /// The rows of the table it runs for.
        #[schema(value_type = Vec<u32>)]
        rows: Vec<RowId>,
        /// What the conditions of an inclusive lane saw.
        #[schema(value_type = Option<Object>)]
        outcome: Option<GroupsOutcome>,
        /// What is not known yet.
        #[schema(value_type = Vec<String>)]
        uncertain: Vec<Uncertain>,
    },
    /// All branches of a fork are waited for.
    Join {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
    },
    /// Time passes.
    Delay {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        /// Until when, if it were reached now.
        #[schema(value_type = Option<String>)]
        until: Option<Timestamp>,
    },
    /// A webhook is called.
    Trigger {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        /// Its answer is waited for.
        waits: bool,
        /// What is not known yet.
        #[schema(value_type = Vec<String>)]
        uncertain: Vec<Uncertain>,
    },
    /// An instance of another template begins.
    SubProcess {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        #[schema(value_type = uuid::Uuid)]
        template: TemplateId,
        /// Its end is waited for.
        waits: bool,
        /// What is not known yet.
        #[schema(value_type = Vec<String>)]
        uncertain: Vec<Uncertain>,
    },
    /// It is sent back from here, as is assumed or as a rejection is mapped to.
    Returned {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        /// `initiator`, or the node, and of a chain the level.
        #[schema(value_type = Object)]
        to: ReturnTo,
        /// How it goes on from there, and why.
        #[schema(value_type = Option<Object>)]
        goes_on: Option<ResumeWay>,
    },
    /// As things stand it would go back from here.
    Route {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        #[schema(value_type = String)]
        to: NodeId,
        #[schema(value_type = Object)]
        outcome: GroupsOutcome,
    },
    /// A node decides by itself.
    Auto {
        #[schema(value_type = String)]
        node: NodeId,
        title: String,
        #[schema(value_type = String)]
        state: VisitState,
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
    /// What becomes of his task as things are assumed; absent for who is only told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes_to: Option<SlotWord>,
    /// Who has his task by then, where it was handed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_to: Option<Person>,
}

/// The time limit of a node, if it were reached now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlannedLimitView {
    /// When the time is up; `null` where nothing has to be done by then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// What happens by the clock, in order.
    pub actions: Vec<PlannedActionView>,
}

/// Something that happens by the clock.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlannedActionView {
    /// When; of reminders the first.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `remind`, `hand_to_supervisor`, `hand_to_substitute`, `hand_to`, `auto_approve`, `auto_reject`,
    /// `return_to_initiator` or `jump`.
    #[schema(value_type = String, example = "remind")]
    pub what: TimeoutKind,
    /// Where it goes on; only of `jump`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<NodeId>,
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
        unmet: preview.unmet,
    }
}

/// What probably still lies before a running instance, as the directory is today and as far as its reader may see it.
pub fn upcoming(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    curtain: Curtain<'_>,
    at: Timestamp,
) -> Vec<StepView> {
    if instance.status != Status::Running {
        return Vec::new();
    }
    let submit = Submit::of(instance);
    let preview = likely_path(template, directory, instance.initiator, &submit, at, &instance.linked);
    let Ok(preview) = preview else { return Vec::new() };
    let ahead = preview.steps.into_iter().filter(|step| !has_happened(instance, step));
    ahead.map(|step| step_view(curtain.step(step), directory)).collect()
}

fn has_happened(instance: &Instance, step: &Step) -> bool {
    let visited = |node: &NodeId| instance.visits.iter().any(|visit| &visit.node == node);
    match step {
        Step::Approval { node, level, .. } => {
            instance.visits.iter().any(|visit| &visit.node == node && visit.level == *level)
        }
        Step::Cc { node, .. } => node.is_some() && instance.cc.iter().any(|entry| &entry.node == node),
        Step::Lane { branch, .. } => instance.lanes.iter().any(|taken| &taken.branch == branch),
        Step::Fork { node, .. } | Step::Branch { fork: node, .. } | Step::Join { node, .. } => {
            has_joined(instance, node)
        }
        Step::Delay { node, .. }
        | Step::Trigger { node, .. }
        | Step::SubProcess { node, .. }
        | Step::Returned { node, .. }
        | Step::Route { node, .. }
        | Step::Auto { node, .. } => visited(node),
    }
}

/// Tokens came out of the fork, and none of them is on its way any more.
fn has_joined(instance: &Instance, fork: &NodeId) -> bool {
    let mut tokens = instance.tokens.iter().filter(|token| token.fork.as_ref() == Some(fork)).peekable();
    let done = |token: &Token| matches!(token.state, TokenState::Finished | TokenState::Cancelled);
    tokens.peek().is_some() && tokens.all(done)
}

fn step_view(step: Step, directory: &Directory) -> StepView {
    match step {
        Step::Approval { node, title, level, asks, mode, people, state, comes_to, limit, uncertain } => {
            let people = people.into_iter().map(|person| planned(person, directory)).collect();
            let limit = limit.map(limit_view);
            StepView::Approval { node, title, level, asks, mode, people, state, comes_to, limit, uncertain }
        }
        Step::Cc { node, title, told, people } => {
            let people = people.iter().map(|found| planned_copy(found, directory)).collect();
            StepView::Cc { node, title, told, people }
        }
        Step::Lane { branch, lane, title, outcome, uncertain } => {
            StepView::Lane { node: branch, lane, title, outcome, uncertain }
        }
        Step::Fork { node, title, branches } => StepView::Fork { node, title, branches },
        Step::Branch { fork, lane, title, item, outcome, uncertain } => {
            let title = if lane.is_some() { title } else { element(item.as_ref(), directory) };
            let rows = item.map_or_else(Vec::new, |item| item.rows);
            StepView::Branch { node: fork, lane, title, rows, outcome, uncertain }
        }
        Step::Join { node, title } => StepView::Join { node, title },
        Step::Delay { node, title, until } => StepView::Delay { node, title, until },
        Step::Trigger { node, title, waits, uncertain } => {
            StepView::Trigger { node, title, waits, uncertain }
        }
        Step::SubProcess { node, title, template, waits, uncertain } => {
            StepView::SubProcess { node, title, template, waits, uncertain }
        }
        Step::Returned { node, title, to, goes_on } => StepView::Returned { node, title, to, goes_on },
        Step::Route { node, title, to, outcome } => StepView::Route { node, title, to, outcome },
        Step::Auto { node, title, state } => StepView::Auto { node, title, state },
    }
}

/// The element a branch runs for, in words.
fn element(item: Option<&Item>, directory: &Directory) -> String {
    match item.and_then(|item| item.value.as_ref()) {
        Some(Value::People(users)) => joined(users.iter().map(|user| directory.name(*user))),
        Some(Value::Departments(ids)) => {
            joined(ids.iter().filter_map(|id| Some(directory.department(*id)?.name.clone())))
        }
        Some(Value::Choice(option)) => option.to_string(),
        Some(Value::Choices(options)) => joined(options.iter().map(ToString::to_string)),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) | None => String::new(),
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn limit_view(limit: PlannedLimit) -> PlannedLimitView {
    let due_at = limit.due_at.or_else(|| limit.actions.iter().map(|action| action.at).min());
    let action = |PlannedAction { at, what, to }| PlannedActionView { at, what, to };
    PlannedLimitView { due_at, actions: limit.actions.into_iter().map(action).collect() }
}

fn planned(person: PreviewPerson, directory: &Directory) -> PlannedPerson {
    PlannedPerson {
        person: Person { id: person.user, name: person.name },
        why: person.why.to_string(),
        auto_reason: person.auto.map(reason_word),
        comes_to: Some(slot_word(person.comes_to)),
        handed_to: person.handed_to.map(|user| Person::of(user, directory)),
    }
}

fn planned_copy(found: &Found, directory: &Directory) -> PlannedPerson {
    PlannedPerson {
        person: Person::of(found.user, directory),
        why: found.why.to_string(),
        auto_reason: None,
        comes_to: None,
        handed_to: None,
    }
}
