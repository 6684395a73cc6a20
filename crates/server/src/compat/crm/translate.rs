//! From instances to the CRM's words: people, workflows, records. Pure; numbers come in ready-made.

use super::graph::EDITABLE_MEMBER;
use super::trigger::describe;
use super::wire::{
    ApprovalDetail, ApprovalNode, Assignee, BodyField, EdgeNode, FlowInfo, Node, Owner, Person, Rules,
    Submission, TimeLineEntry, Workflow, WorkflowVersion,
};
use super::words;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;
use zhupi_engine::entity::EntityType;
use zhupi_engine::ids::{NodeId, TemplateId, TenantId, UserId};
use zhupi_engine::instance::{AutoReason, Slot, SlotState, Visit, VisitState};
use zhupi_engine::template::{Approval, Approvers, Block, Demand, Lane, PersonRule, Template};
use zhupi_engine::{Directory, Instance};

/// People by both their numbers, and the workspace's clock face.
pub struct People {
    pub directory: Arc<Directory>,
    /// CRM user number and account number.
    pub numbers: HashMap<UserId, (i64, i64)>,
    pub zone: TimeZone,
}

impl People {
    pub fn owner(&self, user: UserId) -> Owner {
        let (id, uid) = self.numbers.get(&user).copied().unwrap_or_default();
        Owner { id, uid, name: self.directory.name(user), third_userid: None }
    }

    pub fn person(&self, user: UserId) -> Person {
        Person { who: self.owner(user), avatar: None }
    }

    pub fn uid(&self, user: UserId) -> i64 {
        self.numbers.get(&user).map_or(0, |(_, uid)| *uid)
    }

    pub fn by_uid(&self, uid: i64) -> Option<UserId> {
        self.numbers.iter().find(|(_, numbers)| numbers.1 == uid).map(|(user, _)| *user)
    }

    pub fn minute(&self, at: Timestamp) -> String {
        words::minute(at, &self.zone)
    }
}

/// Everybody an answer about this instance names.
pub fn people_of(instance: &Instance, template: &Template) -> Vec<UserId> {
    let mut people = vec![instance.initiator];
    for slot in instance.visits.iter().flat_map(|visit| &visit.slots) {
        people.extend([slot.owner, slot.assignee]);
        people.extend(slot.decided.iter().map(|decided| decided.by));
    }
    for node in path(&template.flow, instance) {
        people.extend(named_people(node));
    }
    people.sort_unstable();
    people.dedup();
    people
}

/// The number of a workspace: its id folded into what fits a number of this family.
pub fn oid(tenant: TenantId) -> i64 {
    let folded = tenant.0.as_u128() ^ (tenant.0.as_u128() >> 64);
    (folded % 0x7fff_ffff) as i64
}

/// Begin, approval nodes and end, in order.
pub fn nodes(instance: &Instance, template: &Template, people: &People) -> Vec<Node> {
    let mut nodes = vec![Node::Begin(EdgeNode {
        name: "开始",
        node_name: None,
        approval_node: "begin_node",
        approval_details: vec![Submission {
            operate_time: instance.submitted_at.map(|at| people.minute(at)),
            user: people.person(instance.initiator),
            approve_action: "提交审批",
            action_name: "submit_to",
        }],
    })];
    for node in path(&template.flow, instance) {
        nodes.push(Node::Approval(Box::new(approval_node(node, instance, people))));
    }
    nodes.push(Node::End(EdgeNode {
        name: "结束",
        node_name: None,
        approval_node: "end_node",
        approval_details: Vec::new(),
    }));
    nodes
}

/// Whether words are needed where the record stands, or stood last.
pub fn approval_opinions(instance: &Instance, template: &Template) -> &'static str {
    let last = instance.visits.last().map(|visit| &visit.node);
    let node = path(&template.flow, instance).into_iter().find(|node| Some(&node.id) == last);
    match node.map(|node| node.opinion) {
        Some(Demand::Required) => "required",
        Some(Demand::Optional | Demand::OnApprove | Demand::OnReject) | None => "optional",
    }
}

fn approval_node(node: &Approval, instance: &Instance, people: &People) -> ApprovalNode {
    let visits: Vec<&Visit> = instance.visits.iter().filter(|visit| visit.node == node.id).collect();
    let state = visits.last().map(|visit| visit.state);
    let (status, status_i18n) = words::node_status(state);
    let (signing, signing_i18n) = words::signing(node.mode);
    let asked = match visits.as_slice() {
        [] => named_people(node),
        visits => visits.iter().flat_map(|visit| &visit.slots).map(|slot| slot.owner).collect(),
    };
    let editable = node.other.get(EDITABLE_MEMBER).and_then(Json::as_array);
    ApprovalNode {
        name: node.title.clone(),
        node_name: node_name(instance.template, &node.id),
        approval_node: "approval_node",
        setting_all_origin_approvers: asked.into_iter().map(|user| people.person(user)).collect(),
        setting_approvers: Vec::new(),
        setting_approval_type: signing,
        setting_approver_role: None,
        setting_approval_type_i18n: signing_i18n,
        setting_approver_role_i18n: "",
        approval_details: visits
            .iter()
            .flat_map(|visit| visit.slots.iter().map(|slot| approval_detail(visit, slot, people)))
            .collect(),
        node_finished: state.is_some_and(|state| state != VisitState::Open),
        status,
        status_i18n,
        is_allow_editable_fields: editable.is_some_and(|fields| !fields.is_empty()),
    }
}

/// What became of one place to decide. Whoever was not needed any more stays `active`, without a person or a time.
fn approval_detail(visit: &Visit, slot: &Slot, people: &People) -> ApprovalDetail {
    let (approve_action, action_name, engine_action) = match slot.state {
        SlotState::Approved => ("审批通过", "pass", Some("PASS")),
        SlotState::Auto(_) => ("自动通过", "pass", Some("PASS")),
        SlotState::AutoRejected(_) => ("自动驳回", "reject", Some("REJECT")),
        SlotState::Returned => ("审批退回", "reject", Some("REJECT")),
        SlotState::Rejected => ("审批驳回", "reject", Some("REJECT")),
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Abstained
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => ("审批", "active", None),
    };
    let decided = slot.decided.as_ref();
    let auto_at = matches!(slot.state, SlotState::Auto(_)).then_some(visit.opened_at);
    ApprovalDetail {
        operate_time: decided.map(|it| it.at).or(auto_at).map(|at| people.minute(at)),
        uid: decided.map(|it| people.uid(it.by)),
        user: decided.map(|it| people.person(it.by)),
        origin_uid: people.uid(slot.owner),
        origin_user: people.person(slot.owner),
        time_line: time_line(slot, engine_action, people),
        approve_action,
        action_name,
        engine_action,
        operate_comment: match slot.state {
            SlotState::Auto(reason) => auto_comment(reason).to_owned(),
            _ => decided.map_or_else(String::new, |it| it.comment.clone()),
        },
    }
}

fn time_line(slot: &Slot, action: Option<&'static str>, people: &People) -> Vec<TimeLineEntry> {
    let actor = slot.decided.as_ref().map(|decided| decided.by);
    let mut entries = Vec::new();
    if let Some(at) = slot.pending_at {
        let assignee = actor.map(|user| Assignee::Text(people.uid(user).to_string()));
        entries.push(entry(slot.owner, at, "CREATE", (assignee, actor), people));
    }
    if let (Some(decided), Some(action)) = (&slot.decided, action) {
        let assignee = Some(Assignee::Number(people.uid(decided.by)));
        entries.push(entry(decided.by, decided.at, action, (assignee, Some(decided.by)), people));
    }
    entries
}

fn entry(
    who: UserId,
    at: Timestamp,
    action: &'static str,
    (assignee, assignee_user): (Option<Assignee>, Option<UserId>),
    people: &People,
) -> TimeLineEntry {
    TimeLineEntry {
        uid: people.uid(who).to_string(),
        user: people.person(who),
        operating_time: Some(people.minute(at)),
        new_uid: None,
        new_user: None,
        old_uid: None,
        old_user: None,
        action,
        assignee,
        assignee_user: assignee_user.map(|user| people.person(user)),
    }
}

fn auto_comment(reason: AutoReason) -> &'static str {
    match reason {
        AutoReason::SelfSkip => "提交人本人,自动通过",
        AutoReason::Duplicate { .. } | AutoReason::Kept { .. } => "同一审批人已审批,自动通过",
        AutoReason::AskedLater => "同一审批人后续审批,自动通过",
        AutoReason::Timeout => "审批超时,自动处理",
        AutoReason::ByAdded => "由加签人决定",
    }
}

/// The approval nodes of the way taken; of the way ahead as far as no branch hides it.
fn path<'a>(blocks: &'a [Block], instance: &Instance) -> Vec<&'a Approval> {
    let mut nodes = Vec::new();
    for block in blocks {
        match block {
            Block::Approval(node) => nodes.push(node),
            Block::Cc(_)
            | Block::Delay(_)
            | Block::Trigger(_)
            | Block::SubProcess(_)
            | Block::Route(_)
            | Block::Auto(_) => (),
            Block::Parallel(fork) => {
                let taken =
                    |lane: &&Lane| instance.tokens.iter().any(|it| it.lane.as_ref() == Some(&lane.id));
                let lanes = fork.lanes.iter().filter(taken);
                nodes.extend(lanes.flat_map(|lane| path(&lane.blocks, instance)));
            }
            Block::Each(each) => nodes.extend(path(&each.blocks, instance)),
            Block::Branch(branch) => {
                let taken = instance.lanes.iter().rev().find(|taken| taken.branch == branch.id);
                let lane = taken.and_then(|taken| branch.lanes.iter().find(|lane| lane.id == taken.lane));
                nodes.extend(lane.map(|lane| path(&lane.blocks, instance)).unwrap_or_default());
            }
        }
    }
    nodes
}

fn named_people(node: &Approval) -> Vec<UserId> {
    match &node.approvers {
        Approvers::People(rules) => rules
            .iter()
            .filter_map(|rule| match rule {
                PersonRule::Members(users) => Some(users.clone()),
                PersonRule::InitiatorPick { .. }
                | PersonRule::Initiator
                | PersonRule::Supervisor(_)
                | PersonRule::DepartmentHead(_)
                | PersonRule::Role(_)
                | PersonRule::Group(_)
                | PersonRule::FormPerson(_)
                | PersonRule::ApproverPick { .. }
                | PersonRule::Item { .. } => None,
            })
            .flatten()
            .collect(),
        Approvers::Chain(_) => Vec::new(),
    }
}

/// `lxcrmjava` and 32 hexadecimal digits: the element's own id where it is such a name already.
fn node_name(template: TemplateId, node: &NodeId) -> String {
    let own = node.as_str().strip_prefix("lxcrmjava");
    if own.is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|it| it.is_ascii_hexdigit())) {
        return node.0.clone();
    }
    format!("lxcrmjava{}", derived(template, node.as_str()).simple())
}

/// The id a published version's number is kept under.
pub fn version_id(template: TemplateId, version: u32) -> Uuid {
    derived(template, &format!("version {version}"))
}

/// A stable id made of a template and a word.
fn derived(template: TemplateId, word: &str) -> Uuid {
    let digest = Sha256::new().chain_update(template.0.as_bytes()).chain_update(word).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}

/// Everything about a workflow that is not in its rules.
pub struct WorkflowFacts<'a> {
    pub sort: &'a EntityType,
    pub id: i64,
    pub oid: i64,
    pub rules: &'a Rules,
    pub created: (UserId, Timestamp),
    pub updated: (UserId, Timestamp),
    /// Labels the CRM sent with the object, which come before the usual ones.
    pub labels: &'a BTreeMap<String, String>,
}

pub fn workflow(facts: &WorkflowFacts<'_>, people: &People) -> Workflow {
    let rules = facts.rules;
    let label = |field: &str| label(facts.sort, field, facts.labels);
    let enabled = rules.status == "enable";
    Workflow {
        id: facts.id,
        oid: facts.oid,
        uid: people.uid(facts.created.0),
        update_uid: people.uid(facts.updated.0),
        name: rules.name.clone(),
        entity_klass: rules.entity_klass.clone(),
        created_at: people.minute(facts.created.1),
        trigger_timing: rules.trigger_timing.clone(),
        trigger_timing_i18n: words::trigger_label(&rules.trigger_timing).unwrap_or_default(),
        trigger_odds: rules.trigger_odds.clone(),
        trigger_filters: rules.trigger_filters.clone(),
        editable: rules.editable.clone(),
        status: if enabled { "enable" } else { "disable" },
        user: people.owner(facts.created.0),
        updated_at: people.minute(facts.updated.1),
        entity_klass_i18n: facts.sort.name.clone(),
        status_i18n: if enabled { "启用" } else { "停用" },
        update_user: people.owner(facts.updated.0),
        notify_others: rules.notify_others.clone(),
        app: "crm",
        trigger_filters_desc: rules.trigger_filters.iter().map(|raw| describe(raw, label)).collect(),
        editable_fields_desc: rules.editable.fields.iter().map(|field| label(field)).collect(),
        notify_others_desc: rules
            .notify_others
            .iter()
            .filter_map(|uid| people.by_uid(*uid))
            .map(|user| people.person(user))
            .collect(),
    }
}

/// A published version of a workflow.
pub struct VersionFacts {
    pub id: i64,
    pub oid: i64,
    pub workflow_id: i64,
    pub template: TemplateId,
    pub version: u32,
    pub at: Timestamp,
    pub snapshot_url: Option<String>,
}

/// Each version is a process definition of its own, which is why `processVersion` is always 1.
pub fn workflow_version(facts: VersionFacts, people: &People) -> WorkflowVersion {
    let named = |word: &str| derived(facts.template, &format!("{word} {}", facts.version));
    WorkflowVersion {
        id: facts.id,
        oid: facts.oid,
        workflow_id: facts.workflow_id,
        flow_info: FlowInfo {
            tenant_id: facts.oid.to_string(),
            deployment_id: named("deployment").to_string(),
            process_version: 1,
            process_definition_id: named("definition").to_string(),
            process_definition_key: format!("BPMN_{:X}", named("key").simple()),
        },
        version: facts.version.to_string(),
        uid: None,
        created_at: people.minute(facts.at),
        updated_at: people.minute(facts.at),
        snapshot_url: facts.snapshot_url,
    }
}

/// The object as the record shows it: its data, the text people know it by, and the labels of the listed fields.
pub fn approval_entity(
    id: i64,
    data: &Map<String, Json>,
    main_field: &str,
    labels: Map<String, Json>,
) -> Map<String, Json> {
    let mut entity = data.clone();
    entity.insert("id".to_owned(), id.into());
    entity.insert("main_field".to_owned(), main_field.into());
    entity.insert("fields_label".to_owned(), Json::Object(labels));
    entity
}

/// What people call a field: as the CRM said, else as it usually is, else its name.
pub fn label(sort: &EntityType, field: &str, labels: &BTreeMap<String, String>) -> String {
    labels.get(field).cloned().unwrap_or_else(|| sort.label(field).to_owned())
}

/// The labelled data of an object, as lists show it.
pub fn body_data(
    sort: &EntityType,
    data: &Map<String, Json>,
    labels: &BTreeMap<String, String>,
) -> Vec<BodyField> {
    let known = |field: &str| {
        labels.contains_key(field) || sort.fields.fields.iter().any(|it| it.id.as_str() == field)
    };
    data.iter()
        .filter(|(field, _)| known(field))
        .map(|(field, value)| BodyField {
            label: label(sort, field, labels),
            name: field.clone(),
            value: value.clone(),
            field_type: field_type(field, value),
            is_invisible: false,
        })
        .collect()
}

fn field_type(field: &str, value: &Json) -> &'static str {
    match value {
        Json::Object(_) => "select2_field",
        Json::Array(_) => "field_map_field",
        Json::Number(_) if field.contains("amount") => "currency_field",
        Json::Number(_) => "number_field",
        Json::String(text) if text.parse::<jiff::civil::Date>().is_ok() => "date_field",
        Json::Null if field.ends_with("_date") => "date_field",
        Json::Null | Json::Bool(_) | Json::String(_) => "text_field",
    }
}
