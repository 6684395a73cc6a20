//! What a reader sees of an instance: names beside ids, the path in order, and what he may do. Shared by our own API and
//! every surface. Who may see it at all: `app/access.rs`.

mod actions;
mod curtain;
mod entity;
mod form;
mod path;
mod preview;
mod timeline;

pub use actions::{Action, AllowedAction, ReturnTarget, allowed_actions};
pub use curtain::Curtain;
pub use entity::{
    ApprovalFacts, EntityApprovalView, EntityFlags, EntityHistoryEntry, EntityView, approval_view,
    entity_view, history_entry,
};
pub use form::{FieldView, access_of, access_to_past, form_fields};
pub use path::{
    ApprovalView, BranchView, CcNodeView, ItemView, NodeView, SlotView, SlotWord, VisitView, due_of,
    item_view, task_id,
};
pub use preview::{
    PathChangeView, PlannedLimitView, PlannedPerson, PreviewView, StepView, preview_view, upcoming,
};
pub use timeline::{TimelineEntry, TimelineLine, timeline_entry};

pub(crate) use path::read_task_id;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use zhupi_engine::form::{FieldAccess, FileRef};
use zhupi_engine::ids::{DepartmentId, FileId, InstanceId, NodeId, TemplateId, UserId};
use zhupi_engine::instance::Visit;
use zhupi_engine::template::Block;
use zhupi_engine::{Directory, Instance, Status, Template};

/// From so many returns on people are told to look for another way (semantics B4.7).
const MANY_ROUNDS: u32 = 3;

/// An instance as one person sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstanceView {
    #[schema(value_type = Uuid)]
    pub id: InstanceId,
    pub template: TemplateRef,
    /// Counts accepted commands; the entity tag of the instance.
    pub version: u64,
    pub title: String,
    /// Its serial number, where the template numbers its instances.
    pub serial: Option<String>,
    #[schema(value_type = String, example = "running")]
    pub status: Status,
    pub initiator: Person,
    pub department: Option<DepartmentRef>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The controls of the form in their order, with their values.
    pub form: Vec<FieldView>,
    /// The nodes and branches that were reached, in the order of the path.
    pub nodes: Vec<NodeView>,
    /// Everybody who was told.
    pub cc: Vec<CcView>,
    pub comments: Vec<CommentView>,
    /// Names the content as it is now; a decision may carry it as `seen`.
    pub digest: Option<String>,
    /// How often it was sent back.
    pub returns: u32,
    /// It was sent back so often that one should rather talk to each other: 3 times or more.
    pub rounds_hint: bool,
    /// Who can decide now, or may take the task of a pool.
    pub current_approvers: Vec<Person>,
    /// What the reader may do now.
    pub allowed_actions: Vec<AllowedAction>,
    /// Where it has stopped until an administrator has looked at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<StuckView>,
    /// Oddities of the data met on the way.
    pub warnings: Vec<String>,
}

impl InstanceView {
    /// The reached nodes at which people decide, in the order of the path.
    pub fn approvals(&self) -> impl Iterator<Item = &ApprovalView> {
        self.nodes.iter().filter_map(|node| match node {
            NodeView::Approval(approval) => Some(approval),
            NodeView::Branch(_) | NodeView::Cc(_) => None,
        })
    }

    /// Whether the reader may do this now, at whichever task.
    pub fn allows(&self, action: Action) -> bool {
        self.allowed_actions.iter().any(|allowed| allowed.action == action)
    }
}

/// The template version an instance follows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TemplateRef {
    #[schema(value_type = Uuid)]
    pub id: TemplateId,
    pub name: String,
    pub version: u32,
}

/// Where an instance has stopped: nobody can be asked there, or what is waited for cannot come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct StuckView {
    pub visit: u32,
    #[schema(value_type = String)]
    pub node: NodeId,
    pub title: String,
    /// Why.
    pub reason: String,
}

/// Everything at which an instance has stopped.
pub fn stuck_views(instance: &Instance, template: &Template) -> Vec<StuckView> {
    let view = |visit: &Visit| {
        let title = template.block(&visit.node).map_or(visit.node.as_str(), Block::title);
        Some(StuckView {
            visit: visit.id.0,
            node: visit.node.clone(),
            title: title.to_owned(),
            reason: visit.stuck.clone()?,
        })
    };
    instance.visits.iter().filter_map(view).collect()
}

/// A person, by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Person {
    #[schema(value_type = Uuid)]
    pub id: UserId,
    pub name: String,
}

impl Person {
    pub fn of(id: UserId, directory: &Directory) -> Self {
        Self { id, name: directory.name(id) }
    }
}

/// A department, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DepartmentRef {
    #[schema(value_type = Uuid)]
    pub id: DepartmentId,
    pub name: String,
}

/// A person who was told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CcView {
    pub person: Person,
    /// Absent for people told at submit or at the end.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When he first opened it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
}

/// Words beside the decisions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommentView {
    pub by: Person,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub text: String,
    /// Who should read it.
    pub mentions: Vec<Person>,
    /// Files that belong to it.
    pub attachments: Vec<AttachmentView>,
}

/// A file that belongs to a comment or a decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AttachmentView {
    /// Absent where the file lies elsewhere.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<FileId>,
    pub name: String,
}

/// What `viewer` sees of an instance at this moment.
pub fn instance_view(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    viewer: UserId,
    at: Timestamp,
) -> InstanceView {
    let access = access_of(instance, template, directory, viewer);
    let allowed_actions = allowed_actions(instance, template, directory, viewer, at);
    InstanceView { allowed_actions, ..still_view(instance, template, directory, &access, at) }
}

/// What is seen of an instance with which nothing can be done, by somebody who may see these of its values.
pub fn still_view(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    access: &FieldAccess,
    at: Timestamp,
) -> InstanceView {
    InstanceView {
        id: instance.id,
        template: TemplateRef {
            id: instance.template,
            name: template.name.clone(),
            version: instance.template_version,
        },
        version: instance.version,
        title: instance.title.clone(),
        serial: instance.serial.clone(),
        status: instance.status,
        initiator: Person::of(instance.initiator, directory),
        department: instance.department.map(|id| department_ref(id, directory)),
        submitted_at: instance.submitted_at,
        ended_at: instance.ended_at,
        form: form_fields(&template.form, &instance.form, access, directory, directory.today(at)),
        nodes: path::reached(instance, template, directory, Curtain::new(template, access)),
        cc: instance.cc.iter().map(|entry| cc_view(entry, directory)).collect(),
        comments: comment_views(instance, directory),
        digest: instance.contents.last().map(|content| content.digest.clone()),
        returns: instance.rounds(),
        rounds_hint: instance.rounds() >= MANY_ROUNDS,
        current_approvers: current_approvers(instance, directory),
        allowed_actions: Vec::new(),
        stuck: stuck_views(instance, template),
        warnings: instance.warnings.clone(),
    }
}

/// A moment as the database keeps it.
pub fn moment(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Who can decide now or may take a task of a pool, each person once.
pub fn current_approvers(instance: &Instance, directory: &Directory) -> Vec<Person> {
    instance.asked().into_iter().map(|user| Person::of(user, directory)).collect()
}

/// What was said beside the decisions, in order.
pub fn comment_views(instance: &Instance, directory: &Directory) -> Vec<CommentView> {
    let view = |comment: &zhupi_engine::instance::Comment| CommentView {
        by: Person::of(comment.by, directory),
        at: comment.at,
        text: comment.text.clone(),
        mentions: comment.mentions.iter().map(|user| Person::of(*user, directory)).collect(),
        attachments: comment.attachments.iter().map(attachment_view).collect(),
    };
    instance.comments.iter().map(view).collect()
}

fn attachment_view(file: &FileRef) -> AttachmentView {
    AttachmentView { id: file.id, name: file.name.clone() }
}

fn cc_view(entry: &zhupi_engine::instance::CcEntry, directory: &Directory) -> CcView {
    CcView {
        person: Person::of(entry.user, directory),
        node: entry.node.clone(),
        at: entry.at,
        read_at: entry.read_at,
    }
}

fn department_ref(id: DepartmentId, directory: &Directory) -> DepartmentRef {
    let name = directory.department(id).map_or_else(|| id.to_string(), |it| it.name.clone());
    DepartmentRef { id, name }
}
