//! Flows, records and seals in this family's words. Times are milliseconds, most flags are 0 or 1.

use super::account::Account;
use super::flows::Known;
use super::positions;
use super::wire::{
    Detail, Document, DocumentPlaces, Job, ListedFlow, ListedSeal, Operation, Place, PlacedSeal, Record,
};
use crate::app::App;
use crate::app::sealing::Placed;
use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::{Directory, Status};
use zhupi_store::{ApproveRecord, Seal, SealJob, SealJobState, SignDocument, SignFlowRow, SignPlace};

/// People as they are called outside, each looked up once.
pub struct Names<'a> {
    app: &'a App,
    tenant: TenantId,
    directory: Arc<Directory>,
    known: BTreeMap<UserId, String>,
}

impl<'a> Names<'a> {
    pub async fn new(app: &'a App, account: &Account) -> Result<Self, Error> {
        let directory = app.directory(account.tenant).await?;
        let known = BTreeMap::from([(account.user, account.uid.clone())]);
        Ok(Self { app, tenant: account.tenant, directory, known })
    }

    async fn uid(&mut self, user: UserId) -> Result<String, Error> {
        if let Some(uid) = self.known.get(&user) {
            return Ok(uid.clone());
        }
        let uid = self.app.account_uid(self.tenant, user).await?;
        self.known.insert(user, uid.clone());
        Ok(uid)
    }

    fn name(&self, user: UserId) -> String {
        self.directory.name(user)
    }
}

/// Where an approval stands, in a word.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Running => "running",
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        Status::Withdrawn => "withdrawn",
        Status::Suspended => "suspended",
        Status::Returned => "returned",
        Status::Revoking => "revoking",
        Status::Revoked => "revoked",
        Status::Terminated => "terminated",
    }
}

/// The number by which lists say whom a flow waits for.
pub fn place_number(place: SignPlace) -> u8 {
    match place {
        SignPlace::Draft => 1,
        SignPlace::Mine => 2,
        SignPlace::Others => 3,
        SignPlace::Ended => 9,
    }
}

/// Whom flows wait for that a number of this family means.
pub fn place_of(number: &str) -> Option<SignPlace> {
    [SignPlace::Draft, SignPlace::Mine, SignPlace::Others, SignPlace::Ended]
        .into_iter()
        .find(|place| place_number(*place).to_string() == number)
}

fn place_for(known: &Known, user: UserId) -> SignPlace {
    match known.instance() {
        None => SignPlace::Draft,
        Some(instance) if instance.status.is_ended() => SignPlace::Ended,
        Some(instance) if instance.pending().any(|(_, slot)| slot.assignee == user) => SignPlace::Mine,
        Some(_) => SignPlace::Others,
    }
}

pub fn document(app: &App, flow: Uuid, document: &SignDocument, places: &[DocumentPlaces]) -> Document {
    let places = places.iter().filter(|place| place.flow_doc_id == document.id);
    let pos_list: Vec<Place> =
        places.flat_map(|it| &it.participant_pos).flat_map(|it| &it.pos_list).cloned().collect();
    Document {
        flow_doc_id: document.id,
        user_file_id: document.file.0,
        flow_doc_name: document.name.clone(),
        oss_key: document.file.to_string(),
        page: 0,
        filetype: "pdf",
        review_url: format!("{}v1/files/{}/content?instance={flow}", app.config.public_url, document.file),
        pos_list,
    }
}

pub async fn detail(app: &App, account: &Account, known: &Known) -> Result<Detail, Error> {
    let (tenant, flow) = (account.tenant, &known.flow);
    let mut names = Names::new(app, account).await?;
    let places: Vec<DocumentPlaces> = serde_json::from_str(&flow.places)
        .map_err(|cause| Error::internal(format!("sign flow {}: {cause}", flow.id)))?;
    let documents = app.store.list_sign_documents(tenant, flow.id).await?;
    let records = app.store.list_approve_records(tenant, flow.id).await?;
    let job = app.store.load_seal_job(tenant, flow.id).await?;
    let place = place_for(known, account.user);
    Ok(Detail {
        participant_id: known.participant,
        flow_id: flow.id,
        owner_id: names.uid(flow.owner).await?,
        owner: names.name(flow.owner),
        flow_type: flow.flow_type,
        doc_name: flow.name.clone(),
        status: place_number(place),
        is_owner: u8::from(flow.owner == account.user),
        is_read_only: u8::from(place == SignPlace::Ended),
        create_time: flow.created_at / 1000,
        flow_doc_data_list: documents.iter().map(|it| document(app, flow.id, it, &places)).collect(),
        operation_log_list: operations(app, known, &records, &mut names).await?,
        approve_status: status_word(known.status()),
        approve_record_list: many(&records, known.status(), job.is_some(), &mut names).await?,
        seal_job: match job {
            Some(job) => Some(show_job(&job, &mut names).await?),
            None => None,
        },
    })
}

async fn many(
    records: &[ApproveRecord],
    status: Status,
    has_job: bool,
    names: &mut Names<'_>,
) -> Result<Vec<Record>, Error> {
    let mut shown = Vec::with_capacity(records.len());
    for one in records {
        shown.push(record(one, status, has_job, names).await?);
    }
    Ok(shown)
}

pub async fn record(
    record: &ApproveRecord,
    status: Status,
    has_job: bool,
    names: &mut Names<'_>,
) -> Result<Record, Error> {
    Ok(Record {
        id: record.id,
        flow_id: record.flow,
        sign_flow_detail_id: record.participant,
        participant_id: record.participant,
        account_uid: names.uid(record.user).await?,
        account_name: names.name(record.user),
        source: record.source.clone(),
        modify_date: record.saved_at / 1000,
        status: record_word(status, has_job),
        approve_seal_positions: App::positions_of(record)?.iter().map(positions::to_wire).collect(),
    })
}

fn record_word(status: Status, has_job: bool) -> &'static str {
    match status {
        Status::Draft | Status::Running | Status::Suspended | Status::Returned => "pending",
        Status::Approved if has_job => "sealing",
        Status::Approved | Status::Revoking => "agreed",
        Status::Rejected | Status::Withdrawn | Status::Revoked | Status::Terminated => "refused",
    }
}

async fn show_job(job: &SealJob, names: &mut Names<'_>) -> Result<Job, Error> {
    let damaged = |cause: serde_json::Error| Error::internal(format!("seal job {}: {cause}", job.id));
    let placed: Vec<Placed> = serde_json::from_str(&job.positions).map_err(damaged)?;
    let mut shown = Vec::with_capacity(placed.len());
    for one in &placed {
        let account_uid = names.uid(one.by).await?;
        shown.push(PlacedSeal { account_uid, position: positions::to_wire(&one.position) });
    }
    Ok(Job {
        id: job.id,
        state: match job.state {
            SealJobState::Waiting => "waiting",
            SealJobState::Void => "void",
        },
        create_time: job.created_at / 1000,
        positions: shown,
        warnings: serde_json::from_str(&job.warnings).map_err(damaged)?,
    })
}

/// What happened to a flow, the first thing first.
pub async fn operations(
    app: &App,
    known: &Known,
    records: &[ApproveRecord],
    names: &mut Names<'_>,
) -> Result<Vec<Operation>, Error> {
    let flow = &known.flow;
    let mut happened = vec![(flow.created_at, flow.owner, "upload".to_owned())];
    let saved = records.iter().map(|it| (it.saved_at, it.user, "save_approve_record".to_owned()));
    happened.extend(saved);
    if known.seen.is_some() {
        let history = app.store.load_history(names.tenant, InstanceId(flow.id)).await?;
        happened.extend(history.into_iter().map(|entry| (entry.at, entry.actor, entry.command)));
    }
    happened.sort_by_key(|(at, ..)| *at);
    let mut shown = Vec::with_capacity(happened.len());
    for (at, user, operation) in happened {
        shown.push(Operation {
            account_uid: names.uid(user).await?,
            account_name: names.name(user),
            account_logo: "",
            operation,
            operate_time: at / 1000,
        });
    }
    Ok(shown)
}

pub async fn listed_flow(
    row: SignFlowRow,
    account: &Account,
    participant: Uuid,
    names: &mut Names<'_>,
) -> Result<ListedFlow, Error> {
    let flow = row.flow;
    Ok(ListedFlow {
        status: place_number(row.place),
        modify_date: flow.updated_at / 1000,
        sender_name: names.name(flow.owner),
        sender_id: names.uid(flow.owner).await?,
        is_owner: u8::from(flow.owner == account.user),
        flow_detail_id: participant,
        flow_type: flow.flow_type,
        flow_id: flow.id,
        participant_id: participant,
        create_time: flow.created_at / 1000,
        approve_status: status_word(row.status.unwrap_or(Status::Draft)),
        doc_name: flow.name,
    })
}

pub async fn listed_seal(
    app: &App,
    seal: &Seal,
    account: &Account,
    names: &mut Names<'_>,
) -> Result<ListedSeal, Error> {
    let picture = seal.picture.map(|picture| picture.to_string()).unwrap_or_default();
    let url = match picture.as_str() {
        "" => String::new(),
        picture => format!("{}v1/files/{picture}/content", app.config.public_url),
    };
    Ok(ListedSeal {
        name: seal.name.clone(),
        seal_id: seal.id,
        seal_osskey: picture,
        seal_url: url,
        seal_type: seal.made.number(),
        template_type: seal.kind.clone(),
        status: 1,
        rej_reason: "",
        width: seal.width_mm,
        height: seal.height_mm,
        creator_uid: names.uid(seal.created_by).await?,
        creator_name: names.name(seal.created_by),
        create_time: seal.created_at / 1000,
        is_default: 0,
        is_granted: u8::from(seal.granted.contains(&account.user)),
        has_cert: 0,
    })
}
