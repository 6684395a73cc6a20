//! What this surface does with flows and records. The decision itself is an instance's, which has the flow's id; it begins
//! through `App::submit` and goes on through `App::act`, like every other.

use super::account::{Account, given, required_id};
use super::positions;
use super::wire::{self, Decide, DocumentPlaces, Initiate, SaveRecord, SavedRecord};
use crate::app::access::Seen;
use crate::app::act::{Options, Submission};
use crate::app::effects::SIGNING_KEY;
use crate::app::sealing::{Position, SIGNING_TEMPLATE};
use crate::app::{App, Shared};
use crate::error::Error;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::event::Decision;
use zhupi_engine::form::{FieldKind, read_values};
use zhupi_engine::ids::{DepartmentId, InstanceId, NodeId, SlotId, TenantId, UserId};
use zhupi_engine::{Command, Instance, Rejection, Status, Submit, Template};
use zhupi_store::{ApproveRecord, SignDocument, SignFlow, SignParticipant, TemplateRow};

/// A flow that the caller may see.
pub struct Known {
    pub flow: SignFlow,
    /// Its instance; absent until it is sent out.
    pub seen: Option<Seen>,
    /// The caller's part in it.
    pub participant: Uuid,
}

impl Known {
    pub fn instance(&self) -> Option<&Instance> {
        self.seen.as_ref().map(|seen| &seen.stored.instance)
    }

    pub fn status(&self) -> Status {
        self.instance().map_or(Status::Draft, |instance| instance.status)
    }
}

/// Finds a flow for somebody who may see it; for everybody else there is none. `field` is what named it.
pub async fn find(app: &Shared, account: &Account, field: &str, id: Uuid) -> Result<Known, Error> {
    let unknown = || Error::field(field, "there is no such flow");
    let flow = app.store.load_sign_flow(account.tenant, id).await?.ok_or_else(unknown)?;
    let seen = match app.see_instance(account.tenant, account.user, InstanceId(id)).await {
        Ok(seen) => Some(seen),
        Err(Error::NotFound) if flow.owner == account.user => None,
        Err(Error::NotFound) => return Err(unknown()),
        Err(error) => return Err(error),
    };
    let part = SignParticipant { id: Uuid::now_v7(), flow: id, user: account.user };
    let participant = app.store.ensure_sign_participant(account.tenant, part, app.now_us()).await?;
    Ok(Known { flow, seen, participant })
}

/// Finds a flow by its id, or by a person's part in it.
pub async fn find_either(app: &Shared, account: &Account, query: &wire::FlowQuery) -> Result<Known, Error> {
    if given(query.flow_id.as_deref()).is_some() {
        return find(app, account, "flowId", required_id("flowId", query.flow_id.as_deref())?).await;
    }
    let id = required_id("participantId", query.participant_id.as_deref())?;
    let part = app.store.load_sign_participant(account.tenant, id).await?;
    let part = part.ok_or_else(|| Error::field("participantId", "there is no such participant"))?;
    find(app, account, "participantId", part.flow).await
}

/// Saves where the caller wants which seals, in place of what he wanted before.
pub async fn save(app: &Shared, account: &Account, asked: &SaveRecord) -> Result<SavedRecord, Error> {
    let id = required_id("flowId", asked.flow_id.as_deref())?;
    let participant = required_id("participantId", asked.participant_id.as_deref())?;
    let known = find(app, account, "flowId", id).await?;
    check_participant(app, account, id, participant).await?;
    if !takes_part(&known, account.user) {
        return Err(Error::Forbidden);
    }
    let positions = positions::read(&asked.approve_seal_positions)?;
    check_seals(app, account, &positions).await?;
    let record = ApproveRecord {
        id: Uuid::now_v7(),
        flow: id,
        participant,
        user: account.user,
        positions: serde_json::to_string(&positions).map_err(Error::internal)?,
        source: account.source.clone(),
        saved_at: app.now_us(),
    };
    let saved = match app.store.save_approve_record(account.tenant, &record).await {
        Ok(saved) => saved,
        Err(zhupi_store::Error::Conflict) => {
            let status = find(app, account, "flowId", id).await?.status();
            return Err(Rejection::NotRunning { status }.into());
        }
        Err(error) => return Err(error.into()),
    };
    Ok(SavedRecord {
        account_uid: account.uid.clone(),
        flow_id: id,
        id: saved,
        seal_id: "",
        sign_flow_detail_id: participant,
    })
}

/// A participant has to be of the flow, and the caller's own.
async fn check_participant(app: &App, account: &Account, flow: Uuid, id: Uuid) -> Result<(), Error> {
    let wrong = |message: &str| Err(Error::field("participantId", message));
    match app.store.load_sign_participant(account.tenant, id).await? {
        None => wrong("there is no such participant"),
        Some(part) if part.flow != flow => wrong("it is no participant of this flow"),
        Some(part) if part.user != account.user => wrong("it is the part of another account"),
        Some(_) => Ok(()),
    }
}

/// Whoever sends the flow out and whoever decides may say where seals go; who merely sees it may not.
fn takes_part(known: &Known, user: UserId) -> bool {
    let slots = known.instance().into_iter().flat_map(|it| &it.visits).flat_map(|visit| &visit.slots);
    known.flow.owner == user || slots.into_iter().any(|slot| slot.owner == user || slot.assignee == user)
}

/// Anybody may ask for a seal of the organization, since the approval decides about it; for a personal one only those who may
/// use it.
async fn check_seals(app: &App, account: &Account, positions: &[Position]) -> Result<(), Error> {
    let seals = app.store.list_seals(account.tenant).await?;
    for (n, id) in positions.iter().enumerate().filter_map(|(n, it)| it.seal.map(|seal| (n, seal))) {
        let field = format!("approveSealPositions[{n}].sealId");
        let Some(seal) = seals.iter().find(|seal| seal.id == id && seal.active) else {
            return Err(Error::field(&field, "there is no such seal"));
        };
        let may = match seal.holder {
            None => true,
            Some(holder) => holder == account.user || seal.granted.contains(&account.user),
        };
        if !may {
            return Err(Error::field(&field, "it is a personal seal that you may not use"));
        }
    }
    Ok(())
}

/// What is said about a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Say {
    /// By somebody who is asked.
    Agree,
    Refuse,
    /// By whoever sent it out.
    Hurry,
    TakeBack,
}

/// Decides the caller's task in the instance of the flow, or does what whoever sent it out wants.
pub async fn decide(
    app: &Shared,
    account: &Account,
    asked: Decide,
    say: Say,
) -> Result<(Known, Status), Error> {
    let query = wire::FlowQuery { flow_id: asked.flow_id, participant_id: asked.participant_id };
    let known = find_either(app, account, &query).await?;
    let Some(instance) = known.instance() else {
        return Err(Rejection::NotRunning { status: Status::Draft }.into());
    };
    let comment = asked.comment.unwrap_or_default();
    let command = match say {
        Say::Agree => Command::decide(Decision::Approve, own_slot(instance, account.user)?, comment),
        Say::Refuse => Command::decide(Decision::Reject, own_slot(instance, account.user)?, comment),
        Say::Hurry => Command::Urge { comment },
        // After the approval it is another matter than before.
        Say::TakeBack if instance.status == Status::Approved => Command::Revoke { reason: comment },
        Say::TakeBack => Command::Withdraw { reason: comment },
    };
    let acted = app.act(account.tenant, account.user, instance.id, command, Options::default()).await?;
    let status = acted.instance.status;
    Ok((known, status))
}

/// The place where somebody is asked. Where nothing waits for him, his last one: the engine says why.
fn own_slot(instance: &Instance, person: UserId) -> Result<SlotId, Rejection> {
    let pending = instance.pending().map(|(_, slot)| slot).find(|slot| slot.assignee == person);
    let slots = || instance.visits.iter().flat_map(|visit| &visit.slots);
    let slot = pending.or_else(|| slots().rfind(|slot| slot.assignee == person));
    Ok(slot.ok_or(Rejection::NotYourTask)?.id)
}

/// Sends a flow out: begins the instance that decides about it.
pub async fn initiate(app: &Shared, account: &Account, asked: Initiate) -> Result<(Known, Status), Error> {
    let id = required_id("flowId", asked.flow_id.as_deref())?;
    let known = find(app, account, "flowId", id).await?;
    if known.flow.owner != account.user {
        return Err(Rejection::NotInitiator.into());
    }
    if known.seen.is_some() {
        return Err(Rejection::AlreadySubmitted.into());
    }
    let documents = app.store.list_sign_documents(account.tenant, id).await?;
    let places = asked.doc_pos_list.clone().unwrap_or_default();
    check_places(app, account.tenant, id, &documents, &places).await?;
    let row = template_of(app, account.tenant, asked.template_code.as_deref()).await?;
    let version = row.current_version.ok_or(Error::TemplateNotPublished)?;
    let template = app.template(account.tenant, row.id, version).await?;
    let submission = Submission {
        template: row.id,
        submit: submit_of(app, account.tenant, asked, &template, (&known.flow, &documents)).await?,
        business_key: Some(format!("{SIGNING_KEY}{id}")),
        idempotency_key: None,
        instance: Some(InstanceId(id)),
        draft: None,
    };
    let places = serde_json::to_string(&places).map_err(Error::internal)?;
    app.store.begin_sign_flow(account.tenant, id, &places, app.now_us()).await?;
    match app.submit(account.tenant, account.user, submission).await {
        Ok(acted) => Ok((known, acted.instance.status)),
        Err(error) => {
            app.store.reopen_sign_flow(account.tenant, id).await?;
            Err(error)
        }
    }
}

async fn template_of(app: &App, tenant: TenantId, code: Option<&str>) -> Result<TemplateRow, Error> {
    let setting = app.store.load_setting(tenant, SIGNING_TEMPLATE).await?;
    let Some(code) = given(code).or(given(setting.as_deref())) else {
        let message = format!("it is required, since the workspace has no setting `{SIGNING_TEMPLATE}`");
        return Err(Error::field("templateCode", message));
    };
    let row = app.store.find_template_by_code(tenant, code).await?;
    row.ok_or_else(|| Error::field("templateCode", format!("there is no template `{code}`")))
}

async fn check_places(
    app: &App,
    tenant: TenantId,
    flow: Uuid,
    documents: &[SignDocument],
    places: &[DocumentPlaces],
) -> Result<(), Error> {
    let count: usize = places.iter().flat_map(|it| &it.participant_pos).map(|it| it.pos_list.len()).sum();
    if places.len() > 100 || count > 1000 {
        return Err(Error::field("docPosList", "expected at most 100 documents and 1000 positions"));
    }
    for (n, place) in places.iter().enumerate() {
        if !documents.iter().any(|document| document.id == place.flow_doc_id) {
            let field = format!("docPosList[{n}].flowDocId");
            return Err(Error::field(&field, "it is no document of this flow"));
        }
        for (m, part) in place.participant_pos.iter().enumerate() {
            let known = app.store.load_sign_participant(tenant, part.participant_id).await?;
            if known.is_none_or(|known| known.flow != flow) {
                let field = format!("docPosList[{n}].participantPos[{m}].participantId");
                return Err(Error::field(&field, "it is no participant of this flow"));
            }
        }
    }
    Ok(())
}

async fn submit_of(
    app: &App,
    tenant: TenantId,
    asked: Initiate,
    template: &Template,
    (flow, documents): (&SignFlow, &[SignDocument]),
) -> Result<Submit, Error> {
    let mut form = asked.form.unwrap_or_default();
    attach(template, documents, &mut form);
    name(template, &flow.name, &mut form);
    let mut picks = BTreeMap::new();
    for (node, uids) in asked.picks.unwrap_or_default() {
        let mut people = Vec::with_capacity(uids.len());
        for uid in uids {
            let person = app.account_by_uid(tenant, &uid).await?;
            people.push(person.ok_or_else(|| {
                Error::field(&format!("picks.{node}"), format!("`{uid}` is the account of nobody"))
            })?);
        }
        picks.insert(NodeId(node), people);
    }
    Ok(Submit {
        title: given(asked.title.as_deref()).unwrap_or(&flow.name).to_owned(),
        department: asked.department_id.map(DepartmentId),
        form: read_values(&template.form, &app.filled(tenant, &template.form, &form).await?)
            .map_err(Error::Invalid)?,
        picks,
        cc: Vec::new(),
        serial: None,
        copied_from: None,
    })
}

/// Whoever decides sees the documents: in the first file control that is left empty.
fn attach(template: &Template, documents: &[SignDocument], form: &mut Map<String, Json>) {
    let mut controls = template.form.fields.iter().filter(|field| field.kind == FieldKind::File);
    if let Some(control) = controls.find(|field| form.get(field.id.as_str()).is_none_or(Json::is_null)) {
        let files = documents.iter().map(|it| json!({ "id": it.file, "name": it.name })).collect();
        form.insert(control.id.0.clone(), Json::Array(files));
    }
}

/// Programs of this family send no form: the text that the template cannot do without is the flow's name.
fn name(template: &Template, name: &str, form: &mut Map<String, Json>) {
    let is_text = |kind| matches!(kind, FieldKind::Text | FieldKind::TextArea);
    let mut controls = template.form.fields.iter().filter(|field| field.required && is_text(field.kind));
    let is_empty =
        |value: &Json| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    if let Some(control) = controls.find(|field| form.get(field.id.as_str()).is_none_or(is_empty)) {
        form.insert(control.id.0.clone(), Json::from(name));
    }
}
