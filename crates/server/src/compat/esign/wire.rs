//! What goes over the wire, in this family's spelling. Readers take what the family's programs are known to send, a number
//! where a text is meant too; writers keep its types, the odd ones included.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What every answer is wrapped in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<T> {
    pub success: bool,
    pub msg: String,
    /// Always null; there since the family has it.
    pub total: Option<i64>,
    pub err_code: u32,
    /// Whether `msg` is for the person at the screen.
    pub err_show: bool,
    pub data: Option<T>,
}

/// What `msg` says of everything that went well.
const SUCCESS: &str = "成功";

impl<T> Answer<T> {
    pub fn new(data: T) -> Self {
        Self {
            success: true,
            msg: SUCCESS.to_owned(),
            total: None,
            err_code: 0,
            err_show: false,
            data: Some(data),
        }
    }
}

impl Answer<()> {
    pub fn failed(code: u32, msg: String, show: bool) -> Self {
        Self { success: false, msg, total: None, err_code: code, err_show: show, data: None }
    }
}

/// The answer to a saved record, which has a shape of its own.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    pub data: SavedRecord,
    pub err_code: u32,
    pub exist: bool,
    pub msg: &'static str,
    pub success: bool,
}

impl Saved {
    pub fn new(data: SavedRecord) -> Self {
        Self { data, err_code: 0, exist: true, msg: SUCCESS, success: true }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedRecord {
    pub account_uid: String,
    pub flow_id: Uuid,
    pub id: Uuid,
    /// Always empty, though seals were given.
    pub seal_id: &'static str,
    /// The participant under another name.
    pub sign_flow_detail_id: Uuid,
}

/// Who asks, and from where: in every body and every query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Identity {
    pub source: Option<String>,
    pub token: Option<String>,
    pub equip_id: Option<String>,
    pub account_uid: Option<String>,
    pub org_account_uid: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    pub account: String,
    pub pwd: String,
    #[serde(rename = "type", default)]
    pub kind: i64,
    pub source: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    pub equip_id: String,
    pub token: String,
    pub new_version: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SaveRecord {
    pub flow_id: Option<String>,
    pub participant_id: Option<String>,
    /// A list, or the JSON text of one.
    pub approve_seal_positions: Json,
}

/// A flow, or a person's part in one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FlowQuery {
    pub flow_id: Option<String>,
    pub participant_id: Option<String>,
}

/// A decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Decide {
    pub flow_id: Option<String>,
    pub participant_id: Option<String>,
    #[serde(alias = "reason")]
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    pub account_uid: String,
    pub flow_id: Uuid,
    pub sign_flow_detail_id: Uuid,
    pub approve_status: &'static str,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Initiate {
    pub flow_id: Option<String>,
    pub doc_pos_list: Option<Vec<DocumentPlaces>>,
    /// Ours: the template to decide after, instead of the workspace's own.
    pub template_code: Option<String>,
    /// Ours: what people see; absent: the flow's name.
    pub title: Option<String>,
    /// Ours: values of the template's form, by control.
    pub form: Option<Map<String, Json>>,
    /// Ours: accounts the initiator picks, by node.
    pub picks: Option<BTreeMap<String, Vec<String>>>,
    /// Ours: in which of his departments the initiator asks.
    pub department_id: Option<Uuid>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Initiated {
    pub flow_id: Uuid,
    pub participant_id: Uuid,
    pub approve_status: &'static str,
}

/// Where signatures are wanted in one document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentPlaces {
    pub flow_doc_id: Uuid,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub participant_pos: Vec<ParticipantPlaces>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantPlaces {
    pub participant_id: Uuid,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub pos_list: Vec<Place>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    #[serde(deserialize_with = "number_or_text")]
    pub pos_page: String,
    #[serde(default)]
    pub pos_x: f64,
    #[serde(default)]
    pub pos_y: f64,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub sign_type: u8,
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    Ok(match Either::deserialize(from)? {
        Either::Number(number) => number.to_string(),
        Either::Text(text) => text,
    })
}

/// A page of a list; texts, since they come in a query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListQuery {
    pub page: Option<String>,
    pub page_size: Option<String>,
    pub status: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationsQuery {
    pub flow_id: Option<String>,
    pub order_by_desc: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    pub participant_id: Uuid,
    pub flow_id: Uuid,
    pub doc_name: String,
    pub doc_data_list: Vec<Document>,
    pub md5_list: Vec<String>,
    pub account_uid: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub flow_doc_id: Uuid,
    pub user_file_id: Uuid,
    pub flow_doc_name: String,
    pub oss_key: String,
    /// How many pages; 0: not counted.
    pub page: u32,
    pub filetype: &'static str,
    pub review_url: String,
    pub pos_list: Vec<Place>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    pub participant_id: Uuid,
    pub flow_id: Uuid,
    pub owner_id: String,
    pub owner: String,
    pub flow_type: i64,
    pub doc_name: String,
    pub status: u8,
    pub is_owner: u8,
    pub is_read_only: u8,
    pub create_time: i64,
    pub flow_doc_data_list: Vec<Document>,
    pub operation_log_list: Vec<Operation>,
    /// Ours: where the approval stands.
    pub approve_status: &'static str,
    /// Ours: the records saved so far.
    pub approve_record_list: Vec<Record>,
    /// Ours: the sealing; null until the flow is approved.
    pub seal_job: Option<Job>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: Uuid,
    pub state: &'static str,
    pub create_time: i64,
    pub positions: Vec<PlacedSeal>,
    pub warnings: Vec<String>,
}

/// A saved record as it is read again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub id: Uuid,
    pub flow_id: Uuid,
    pub sign_flow_detail_id: Uuid,
    pub participant_id: Uuid,
    pub account_uid: String,
    pub account_name: String,
    pub source: String,
    pub modify_date: i64,
    pub status: &'static str,
    pub approve_seal_positions: Vec<SealPosition>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealPosition {
    pub pos_x: f64,
    pub pos_y: f64,
    pub seal_base64: String,
    pub seal_id: String,
    pub seal_osskey: String,
    pub sign_type: u8,
    pub pos_page: String,
    pub key: String,
    pub pos_type: u8,
}

/// A position with who wants it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacedSeal {
    pub account_uid: String,
    #[serde(flatten)]
    pub position: SealPosition,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flows {
    pub sign_flows: Vec<ListedFlow>,
    pub page: u32,
    pub page_size: u32,
    pub total: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedFlow {
    pub doc_name: String,
    pub status: u8,
    pub modify_date: i64,
    pub sender_name: String,
    pub sender_id: String,
    pub is_owner: u8,
    pub flow_detail_id: Uuid,
    pub flow_type: i64,
    pub flow_id: Uuid,
    pub participant_id: Uuid,
    pub create_time: i64,
    pub approve_status: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct Operations {
    pub operations: Vec<Operation>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub account_uid: String,
    pub account_name: String,
    pub account_logo: &'static str,
    pub operation: String,
    pub operate_time: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seals {
    pub total: usize,
    pub page: u32,
    pub page_size: u32,
    pub seals: Vec<ListedSeal>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSeal {
    pub name: String,
    pub seal_id: Uuid,
    pub seal_osskey: String,
    pub seal_url: String,
    pub seal_type: i64,
    pub template_type: String,
    pub status: u8,
    pub rej_reason: &'static str,
    pub width: u32,
    pub height: u32,
    pub creator_uid: String,
    pub creator_name: String,
    pub create_time: i64,
    pub is_default: u8,
    pub is_granted: u8,
    pub has_cert: u8,
}
