//! The nodes an instance has reached, in the order of the path, with everybody who was asked there.

use super::{AttachmentView, Curtain, Person, attachment_view};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::form::{RowId, readable};
use zhupi_engine::ids::{InstanceId, NodeId, SlotId, UserId};
use zhupi_engine::instance::{AutoReason, Item, Slot, SlotState, Visit, VisitKind, VisitState};
use zhupi_engine::template::{Approval, Block, Branch, Cc, Lane, Mode};
use zhupi_engine::{Directory, Instance, Template};

/// A node or branch that was reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeView {
    Approval(ApprovalView),
    Branch(BranchView),
    Cc(CcNodeView),
}

/// A node at which people decide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    #[schema(value_type = String)]
    pub node: NodeId,
    pub title: String,
    /// Each time it was reached; of a chain, each of its levels.
    pub visits: Vec<VisitView>,
}

/// A branch of which a lane was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BranchView {
    #[schema(value_type = String)]
    pub node: NodeId,
    pub title: String,
    #[schema(value_type = String)]
    pub lane: NodeId,
    pub lane_title: String,
}

/// A node at which people were told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CcNodeView {
    #[schema(value_type = String)]
    pub node: NodeId,
    pub title: String,
    pub people: Vec<Person>,
}

/// One time a node was reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitView {
    pub visit: u32,
    /// The token that stands or stood here: what goes along one branch.
    pub token: u32,
    /// The element or rows the branch runs for in which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemView>,
    /// The first time round is 1.
    pub round: u32,
    /// Level of a chain, from 1; 0 where the node has no levels.
    pub level: u32,
    /// How its people decide together.
    #[schema(value_type = Object)]
    pub mode: Mode,
    /// What is waited for: `approve`, `handle`, `pool`, `revise`, `consent` of people; `delay`, `call`, `child` and others.
    #[schema(value_type = Object, example = "approve")]
    pub kind: VisitKind,
    #[schema(value_type = String, example = "open")]
    pub state: VisitState,
    /// Why nobody can be asked here; an administrator has to act.
    pub stuck: Option<String>,
    /// What was decided here does not count any more, since the way was gone again.
    pub superseded: bool,
    /// The time limit; where the node has but the usual reminders, when the first of them is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    pub people: Vec<SlotView>,
}

/// What a branch runs for: an element of a list, or rows of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// In words; empty where the reader may not see it.
    pub text: String,
    /// The numbers of its rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<u32>)]
    pub rows: Vec<RowId>,
}

/// One person's place in a visit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SlotView {
    /// The id of the task.
    pub task: String,
    pub slot: u32,
    /// Whom the rules chose.
    pub owner: Person,
    /// Who is asked.
    pub assignee: Person,
    pub state: SlotWord,
    /// Why it counts as approved without a question.
    pub auto_reason: Option<&'static str>,
    /// Why he is asked.
    pub why: String,
    /// How much his vote counts.
    pub weight: u32,
    /// His rejection rejects, whatever the others say.
    pub veto: bool,
    /// The group he votes in.
    pub group: Option<String>,
    /// Who brought him in.
    pub added_by: Option<Person>,
    /// The absent person for whom the assignee stands in.
    pub on_behalf_of: Option<Person>,
    /// To whom the task goes back once the assignee has given his opinion.
    pub back_to: Option<Person>,
    /// When he could first decide.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub pending_at: Option<Timestamp>,
    pub decided: Option<DecidedView>,
}

/// A decision somebody made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedView {
    /// The assignee, or somebody who stood in for him.
    pub by: Person,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub comment: String,
    /// A picture of his handwritten signature.
    pub signature: Option<AttachmentView>,
    /// Files that belong to it.
    pub attachments: Vec<AttachmentView>,
}

/// The state of a slot in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotWord {
    Queued,
    Pending,
    Offered,
    Taken,
    Waiting,
    Approved,
    Rejected,
    Abstained,
    Returned,
    Auto,
    AutoRejected,
    NotNeeded,
    Removed,
    Cancelled,
}

/// The public id of a task.
pub fn task_id(instance: InstanceId, slot: SlotId) -> String {
    format!("{instance}.{slot}")
}

/// Reads a public id of a task.
pub(crate) fn read_task_id(text: &str) -> Option<(InstanceId, SlotId)> {
    let (instance, slot) = text.split_once('.')?;
    Some((instance.parse().ok()?, SlotId(slot.parse().ok()?)))
}

/// Until when people should have decided: the time limit of the visit; where it has none, the first reminder.
pub fn due_of(visit: &Visit) -> Option<Timestamp> {
    let reminders = visit.timers.iter().filter(|timer| timer.slot.is_none() && timer.action.is_some());
    visit.due_at.or_else(|| reminders.map(|timer| timer.at).min())
}

pub(super) fn reached(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    curtain: Curtain<'_>,
) -> Vec<NodeView> {
    let mut nodes = Vec::new();
    Walk { instance, template, directory, curtain }.collect(&template.flow, &mut nodes);
    nodes
}

/// What the innermost branch runs for in which a visit stands, as far as its reader may see it; absent where it stands in
/// no such branch.
pub fn item_view(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    curtain: Curtain<'_>,
    visit: &Visit,
) -> Option<ItemView> {
    let line = instance.line_of(visit.token);
    let token = line.iter().filter_map(|id| instance.token(*id)).find(|token| token.item.is_some())?;
    let fork = token.fork.as_ref()?;
    let Item { value, rows } = curtain.item(Some(fork), token.item.clone()?);
    let field = match template.block(fork) {
        Some(Block::Each(each)) => template.form.field(&each.list).map(|list| match &each.group_by {
            Some(column) => list.columns.iter().find(|it| &it.id == column).unwrap_or(list),
            None => list,
        }),
        Some(_) | None => None,
    };
    let named = field.zip(value.as_ref()).map(|(field, value)| readable(field, value, directory));
    Some(ItemView { text: named.unwrap_or_else(|| row_numbers(&rows)), rows })
}

fn row_numbers(rows: &[RowId]) -> String {
    let numbers = rows.iter().map(RowId::to_string).collect::<Vec<_>>().join(", ");
    match rows.len() {
        0 => numbers,
        1 => format!("row {numbers}"),
        _ => format!("rows {numbers}"),
    }
}

struct Walk<'a> {
    instance: &'a Instance,
    template: &'a Template,
    directory: &'a Directory,
    curtain: Curtain<'a>,
}

impl Walk<'_> {
    fn collect(&self, blocks: &[Block], nodes: &mut Vec<NodeView>) {
        for block in blocks {
            match block {
                Block::Approval(node) => nodes.extend(self.approval(node).map(NodeView::Approval)),
                Block::Cc(node) => nodes.extend(self.cc(node).map(NodeView::Cc)),
                Block::Parallel(fork) => {
                    for lane in fork.lanes.iter().filter(|lane| self.was_entered(lane)) {
                        nodes.push(NodeView::Branch(lane_view(&fork.id, &fork.title, lane)));
                        self.collect(&lane.blocks, nodes);
                    }
                }
                Block::Each(each) => self.collect(&each.blocks, nodes),
                Block::Delay(_) | Block::Trigger(_) | Block::SubProcess(_) | Block::Auto(_) => {
                    nodes.extend(self.stop(block).map(NodeView::Approval));
                }
                Block::Route(_) => {}
                Block::Branch(branch) => {
                    for lane in branch.lanes.iter().filter(|lane| self.was_taken(branch, lane)) {
                        nodes.push(NodeView::Branch(lane_view(&branch.id, &branch.title, lane)));
                        self.collect(&lane.blocks, nodes);
                    }
                }
            }
        }
    }

    fn was_taken(&self, branch: &Branch, lane: &Lane) -> bool {
        self.instance.lanes.iter().any(|taken| taken.branch == branch.id && taken.lane == lane.id)
    }

    fn was_entered(&self, lane: &Lane) -> bool {
        self.instance.tokens.iter().any(|token| token.lane.as_ref() == Some(&lane.id))
    }

    fn approval(&self, node: &Approval) -> Option<ApprovalView> {
        self.visits_at(&node.id, &node.title)
    }

    /// A node that waits for something that is no person, or did something by itself.
    fn stop(&self, block: &Block) -> Option<ApprovalView> {
        self.visits_at(block.id(), block.title())
    }

    fn visits_at(&self, node: &NodeId, title: &str) -> Option<ApprovalView> {
        let here = self.instance.visits.iter().filter(|visit| &visit.node == node);
        let visits: Vec<VisitView> = here.map(|visit| self.visit(visit)).collect();
        let view = ApprovalView { node: node.clone(), title: title.to_owned(), visits };
        (!view.visits.is_empty()).then_some(view)
    }

    fn cc(&self, node: &Cc) -> Option<CcNodeView> {
        let here = self.instance.cc.iter().filter(|entry| entry.node.as_ref() == Some(&node.id));
        let people: Vec<Person> = here.map(|entry| Person::of(entry.user, self.directory)).collect();
        let view = CcNodeView { node: node.id.clone(), title: node.title.clone(), people };
        (!view.people.is_empty()).then_some(view)
    }

    fn visit(&self, visit: &Visit) -> VisitView {
        VisitView {
            visit: visit.id.0,
            item: item_view(self.instance, self.template, self.directory, self.curtain, visit),
            round: visit.round,
            token: visit.token.0,
            level: visit.level,
            mode: visit.mode,
            kind: visit.kind,
            state: visit.state,
            stuck: visit.stuck.clone(),
            superseded: visit.superseded,
            due_at: due_of(visit),
            opened_at: visit.opened_at,
            closed_at: visit.closed_at,
            people: visit.slots.iter().map(|slot| self.slot(slot)).collect(),
        }
    }

    fn slot(&self, slot: &Slot) -> SlotView {
        let person = |user: Option<UserId>| user.map(|user| Person::of(user, self.directory));
        SlotView {
            task: task_id(self.instance.id, slot.id),
            slot: slot.id.0,
            owner: Person::of(slot.owner, self.directory),
            assignee: Person::of(slot.assignee, self.directory),
            state: slot_word(slot.state),
            auto_reason: auto_reason(slot.state),
            why: slot.why.to_string(),
            weight: slot.weight,
            veto: slot.veto,
            group: slot.group.clone(),
            added_by: person(slot.added_by),
            on_behalf_of: person(slot.absent),
            back_to: person(slot.back_to),
            pending_at: slot.pending_at,
            decided: slot.decided.as_ref().map(|decided| DecidedView {
                by: Person::of(decided.by, self.directory),
                at: decided.at,
                comment: decided.comment.clone(),
                signature: decided.signature.as_ref().map(attachment_view),
                attachments: decided.attachments.iter().map(attachment_view).collect(),
            }),
        }
    }
}

fn lane_view(branch: &NodeId, title: &str, lane: &Lane) -> BranchView {
    BranchView {
        node: branch.clone(),
        title: title.to_owned(),
        lane: lane.id.clone(),
        lane_title: lane.title.clone(),
    }
}

pub(super) fn slot_word(state: SlotState) -> SlotWord {
    match state {
        SlotState::Queued => SlotWord::Queued,
        SlotState::Pending => SlotWord::Pending,
        SlotState::Offered => SlotWord::Offered,
        SlotState::Taken => SlotWord::Taken,
        SlotState::Waiting => SlotWord::Waiting,
        SlotState::Approved => SlotWord::Approved,
        SlotState::Rejected => SlotWord::Rejected,
        SlotState::Abstained => SlotWord::Abstained,
        SlotState::Returned => SlotWord::Returned,
        SlotState::Auto(_) => SlotWord::Auto,
        SlotState::AutoRejected(_) => SlotWord::AutoRejected,
        SlotState::NotNeeded => SlotWord::NotNeeded,
        SlotState::Removed => SlotWord::Removed,
        SlotState::Cancelled => SlotWord::Cancelled,
    }
}

fn auto_reason(state: SlotState) -> Option<&'static str> {
    match state {
        SlotState::Auto(reason) | SlotState::AutoRejected(reason) => Some(reason_word(reason)),
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Approved
        | SlotState::Rejected
        | SlotState::Abstained
        | SlotState::Returned
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => None,
    }
}

pub(super) fn reason_word(reason: AutoReason) -> &'static str {
    match reason {
        AutoReason::SelfSkip => "self_skip",
        AutoReason::Duplicate { .. } => "duplicate",
        AutoReason::Kept { .. } => "kept",
        AutoReason::AskedLater => "asked_later",
        AutoReason::Timeout => "timeout",
        AutoReason::ByAdded => "by_added",
    }
}
