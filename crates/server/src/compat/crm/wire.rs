//! The JSON of the CRM surface, in its own words, types and oddities. What the words mean: `translate.rs`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// A success.
#[derive(Serialize)]
pub struct Answer<T> {
    pub code: i64,
    pub message: &'static str,
    pub data: T,
}

impl<T> Answer<T> {
    pub fn new(data: T) -> Self {
        Self { code: 0, message: "请求成功", data }
    }
}

/// A failure, in both shapes that readers of this family know.
#[derive(Serialize)]
pub struct Failed {
    pub code: i64,
    pub message: String,
    pub errcode: i64,
    pub errmsg: String,
}

/// A page of anything.
#[derive(Serialize)]
pub struct Listed<T> {
    pub list: Vec<T>,
    pub total_count: i64,
    pub page: i64,
    pub per_page: i64,
}

/// A person, with a picture.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Person {
    #[serde(flatten)]
    pub who: Owner,
    pub avatar: Option<String>,
}

/// A person, as workflows and lists name him: without a picture.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Owner {
    /// His number as a CRM user.
    pub id: i64,
    /// His number as an account of the platform.
    pub uid: i64,
    pub name: String,
    pub third_userid: Option<String>,
}

/// The current flow of a business object, for one reader.
#[derive(Serialize)]
pub struct Detail {
    #[serde(flatten)]
    pub flags: Flags,
    pub is_super_user: bool,
    pub approval_opinions: &'static str,
    pub execute_record_id: Option<i64>,
    pub entity_applying_users: Vec<Person>,
    pub execution_details: Vec<Node>,
    pub workflow: Option<Workflow>,
    pub workflow_version: Option<WorkflowVersion>,
    pub execute_record: Option<ExecuteRecord>,
    pub approval_entity: Map<String, Json>,
}

/// What the reader may do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Flags {
    pub has_approval_permission: bool,
    pub has_cancel_permission: bool,
    pub has_agent_permission: bool,
    pub has_reject_permission: bool,
    pub can_resubmission: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Node {
    Begin(EdgeNode<Submission>),
    Approval(Box<ApprovalNode>),
    End(EdgeNode<()>),
}

/// Where a flow begins or ends.
#[derive(Serialize)]
pub struct EdgeNode<T> {
    pub name: &'static str,
    pub node_name: Option<String>,
    pub approval_node: &'static str,
    pub approval_details: Vec<T>,
}

#[derive(Serialize)]
pub struct Submission {
    pub operate_time: Option<String>,
    pub user: Person,
    pub approve_action: &'static str,
    pub action_name: &'static str,
}

#[derive(Serialize)]
pub struct ApprovalNode {
    pub name: String,
    pub node_name: String,
    pub approval_node: &'static str,
    pub setting_all_origin_approvers: Vec<Person>,
    pub setting_approvers: Vec<Person>,
    pub setting_approval_type: &'static str,
    pub setting_approver_role: Option<String>,
    pub setting_approval_type_i18n: &'static str,
    pub setting_approver_role_i18n: &'static str,
    pub approval_details: Vec<ApprovalDetail>,
    pub node_finished: bool,
    pub status: &'static str,
    pub status_i18n: &'static str,
    pub is_allow_editable_fields: bool,
}

/// One person's place at a node: `uid` acted, `origin_uid` was asked.
#[derive(Serialize)]
pub struct ApprovalDetail {
    pub operate_time: Option<String>,
    pub uid: Option<i64>,
    pub user: Option<Person>,
    pub origin_uid: i64,
    pub origin_user: Person,
    pub time_line: Vec<TimeLineEntry>,
    pub approve_action: &'static str,
    pub action_name: &'static str,
    pub engine_action: Option<&'static str>,
    pub operate_comment: String,
}

#[derive(Serialize)]
pub struct TimeLineEntry {
    /// A text here, a number everywhere else.
    pub uid: String,
    pub user: Person,
    #[serde(rename = "operatingTime")]
    pub operating_time: Option<String>,
    pub new_uid: Option<String>,
    pub new_user: Option<Person>,
    pub old_uid: Option<String>,
    pub old_user: Option<Person>,
    pub action: &'static str,
    pub assignee: Option<Assignee>,
    pub assignee_user: Option<Person>,
}

/// A text where the task was made, a number where it was decided.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Assignee {
    Text(String),
    Number(i64),
}

#[derive(Serialize)]
pub struct ExecuteRecord {
    pub id: i64,
    pub execution_id: String,
    pub duplicate_fail_columns: Option<Vec<String>>,
    pub duplicate_fail: bool,
    pub status: &'static str,
    pub status_i18n: &'static str,
}

#[derive(Serialize)]
pub struct Workflow {
    pub id: i64,
    pub oid: i64,
    pub uid: i64,
    pub update_uid: i64,
    pub name: String,
    pub entity_klass: String,
    pub created_at: String,
    pub trigger_timing: String,
    pub trigger_timing_i18n: &'static str,
    pub trigger_odds: String,
    pub trigger_filters: Vec<Json>,
    pub editable: Editable,
    pub status: &'static str,
    pub user: Owner,
    pub updated_at: String,
    pub entity_klass_i18n: String,
    pub status_i18n: &'static str,
    pub update_user: Owner,
    pub notify_others: Vec<i64>,
    pub app: &'static str,
    pub trigger_filters_desc: Vec<String>,
    pub editable_fields_desc: Vec<String>,
    pub notify_others_desc: Vec<Person>,
}

#[derive(Serialize)]
pub struct WorkflowVersion {
    pub id: i64,
    pub oid: i64,
    pub workflow_id: i64,
    pub flow_info: FlowInfo,
    /// A text, unlike `processVersion`.
    pub version: String,
    pub uid: Option<i64>,
    pub created_at: String,
    pub updated_at: String,
    pub snapshot_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowInfo {
    pub tenant_id: String,
    pub deployment_id: String,
    pub process_version: i64,
    pub process_definition_id: String,
    pub process_definition_key: String,
}

/// A line of the approval centre.
#[derive(Serialize)]
pub struct CentreItem {
    pub id: i64,
    pub submitter: Owner,
    pub submission_time: String,
    pub distance_submission_time: String,
    pub status: &'static str,
    pub status_i18n: &'static str,
    pub entity_type: String,
    pub app: &'static str,
    pub workflow: WorkflowName,
    pub entity_data: EntityData,
}

#[derive(Serialize)]
pub struct WorkflowName {
    pub id: i64,
    pub name: String,
}

#[derive(Serialize)]
pub struct EntityData {
    pub id: i64,
    pub main_field_value: String,
    pub module_label: String,
    pub body_data: Vec<BodyField>,
}

#[derive(Serialize)]
pub struct BodyField {
    pub label: String,
    pub name: String,
    pub value: Json,
    pub field_type: &'static str,
    pub is_invisible: bool,
}

/// What we know of a CRM object.
#[derive(Serialize)]
pub struct EntityState {
    pub entity_type: String,
    pub entity_id: i64,
    pub approve_status: &'static str,
    pub approve_status_i18n: &'static str,
    pub execute_record_id: Option<i64>,
    /// Only where it is.
    #[serde(rename = "is_deleted", skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Absent for readers who may not see the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
}

/// `POST execute_records/{id}/perform`.
#[derive(Deserialize)]
pub struct Perform {
    pub execute_action: Option<String>,
    #[serde(default)]
    pub execute_opinion: Option<String>,
    #[serde(default, deserialize_with = "number_or_text")]
    pub agent_uid: Option<i64>,
    /// Of `transfer`: who decides from now on.
    #[serde(default, deserialize_with = "number_or_text")]
    pub transfer_uid: Option<i64>,
}

/// `POST entities`: a CRM object was created or changed.
#[derive(Deserialize)]
pub struct EntityEvent {
    #[serde(default = "created", alias = "trigger_timing")]
    pub trigger: String,
    pub entity_type: String,
    #[serde(deserialize_with = "number_or_text")]
    pub entity_id: Option<i64>,
    #[serde(default)]
    pub data: Map<String, Json>,
    #[serde(default)]
    pub fields_label: BTreeMap<String, String>,
    /// The text people know the object by, or the field that holds it; `name` or `title` of the data where absent.
    #[serde(default)]
    pub main_field: Option<String>,
}

/// `POST workflows` and `PUT workflows/{id}`; the workflow's members are read by `Rules`, and kept whole.
#[derive(Deserialize)]
pub struct SaveWorkflow {
    pub workflow: Map<String, Json>,
    #[serde(default)]
    pub app: Option<String>,
}

/// What makes a workflow start, and what it keeps from being changed meanwhile.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Rules {
    pub name: String,
    pub entity_klass: String,
    #[serde(default = "created")]
    pub trigger_timing: String,
    #[serde(default = "always")]
    pub trigger_odds: String,
    #[serde(default)]
    pub trigger_filters: Vec<Json>,
    #[serde(default)]
    pub editable: Editable,
    #[serde(default)]
    pub notify_others: Vec<i64>,
    #[serde(default = "enabled")]
    pub status: String,
    /// What this family has no words for: members of our own triggers.
    #[serde(default)]
    pub zhupi: Map<String, Json>,
}

/// What may be changed while a record runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Editable {
    /// 1 or 0, not a truth value.
    pub enable: i64,
    pub policy: String,
    pub fields: Vec<String>,
}

impl Default for Editable {
    fn default() -> Self {
        Self { enable: 1, policy: "cannot".to_owned(), fields: Vec::new() }
    }
}

/// One statement about the data of an object.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Filter {
    pub field: String,
    pub operator: String,
    #[serde(default)]
    pub value: Json,
}

/// `POST workflows/flow_enable`: a drawn flow becomes the workflow's next version. Its `snapshot_url` is kept with the rest
/// of the drawing.
#[derive(Deserialize)]
pub struct FlowEnable {
    #[serde(deserialize_with = "number_or_text")]
    pub workflow_id: Option<i64>,
    pub workflow_version: Graph,
}

/// A flow as the CRM draws it: boxes and arrows.
#[derive(Clone, Deserialize)]
pub struct Graph {
    #[serde(default)]
    pub elements: Vec<Element>,
    #[serde(default)]
    pub sequences: Vec<Sequence>,
    #[serde(default)]
    pub settings: FlowSettings,
}

#[derive(Clone, Deserialize)]
pub struct Element {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: Option<Parameters>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub approvers: Map<String, Json>,
    #[serde(default)]
    pub approve_type: Option<String>,
    #[serde(default, rename = "approval_opinion")]
    pub approval_opinion: Option<String>,
    #[serde(default)]
    pub allow_editable_fields: Vec<Json>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sequence {
    #[serde(default)]
    pub id: String,
    pub source_ref: String,
    pub target_ref: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FlowSettings {
    pub allow_add_cc: bool,
    pub allow_withdraw: Option<bool>,
    pub allow_admin_proxy: bool,
    pub allow_repeat_approval: bool,
    pub empty_approver_status: Option<String>,
    pub allow_approval_when_init_approver: bool,
}

/// Numbers come as numbers or as texts in this family.
pub fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    match Json::deserialize(from)? {
        Json::Null => Ok(None),
        Json::Number(number) => number.as_i64().map(Some).ok_or_else(not_whole),
        Json::String(text) => text.trim().parse().map(Some).map_err(|_| not_whole()),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => Err(not_whole()),
    }
}

fn not_whole<E: serde::de::Error>() -> E {
    E::custom("a whole number is expected")
}

fn created() -> String {
    "created".to_owned()
}

fn always() -> String {
    "always".to_owned()
}

fn enabled() -> String {
    "enable".to_owned()
}
