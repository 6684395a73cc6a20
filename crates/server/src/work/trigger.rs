//! Calls of trigger nodes: signed with the secret of their workspace, and, where an answer is waited for, with an address
//! that takes one answer while it is waited for.

use super::outbox::Trouble;
use super::signature::{self, Secret};
use super::webhook::message_id;
use crate::app::App;
use crate::error::Error;
use crate::outbound::Call;
use axum::http::{HeaderValue, Method, header};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::Value as Json;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId, VisitId};
use zhupi_store::Delivery;

/// The kind of delivery that calls for a trigger node; its target is the address, its payload the body without the address
/// for the answer.
pub const TRIGGER: &str = "trigger";

/// A visit that waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Awaited {
    pub tenant: TenantId,
    pub instance: InstanceId,
    pub visit: VisitId,
}

impl Awaited {
    const BYTES: usize = 36;
    /// So many letters of a token name the visit; the others prove that we made it.
    const LETTERS: usize = 48;

    fn words(&self) -> String {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend(self.tenant.0.as_bytes());
        bytes.extend(self.instance.0.as_bytes());
        bytes.extend(self.visit.0.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn token(&self, app: &App) -> String {
        let words = self.words();
        let tag = app.vault.tag("answer", &words);
        words + &tag
    }

    /// The visit that a token of ours names.
    pub fn of_token(app: &App, token: &str) -> Option<Self> {
        let (words, tag) = token.split_at_checked(Self::LETTERS)?;
        let made = app.vault.tag("answer", words);
        if !bool::from(made.as_bytes().ct_eq(tag.as_bytes())) {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(words).ok()?;
        let (tenant, rest) = bytes.split_at_checked(16)?;
        let (instance, visit) = rest.split_at_checked(16)?;
        Some(Self {
            tenant: TenantId(Uuid::from_slice(tenant).ok()?),
            instance: InstanceId(Uuid::from_slice(instance).ok()?),
            visit: VisitId(u32::from_be_bytes(visit.try_into().ok()?)),
        })
    }
}

/// The secret with which calls of trigger nodes of a workspace are signed. It follows from the master key.
pub fn secret(app: &App, tenant: TenantId) -> Result<Secret, Error> {
    let tag = app.vault.tag("trigger", &tenant.to_string());
    let text = format!("whsec_{}", BASE64_STANDARD.encode(tag));
    Secret::parse(&text).ok_or_else(|| Error::internal("a secret could not be made"))
}

/// What waits for the answer to a call.
pub fn awaited_by(delivery: &Delivery) -> Option<(InstanceId, VisitId)> {
    let body: Json = serde_json::from_str(&delivery.payload).ok()?;
    Some((delivery.instance, awaited_in(&body)?))
}

fn awaited_in(body: &Json) -> Option<VisitId> {
    let number = body.get("visit")?.as_u64()?;
    u32::try_from(number).ok().map(VisitId)
}

/// The call of a trigger node.
pub fn call(app: &App, delivery: &Delivery) -> Result<Result<Call, Trouble>, Error> {
    let Ok(mut body) = serde_json::from_str::<Json>(&delivery.payload) else {
        return Ok(Err(Trouble::Never("it cannot be read".to_owned())));
    };
    if let (Some(visit), Some(members)) = (awaited_in(&body), body.as_object_mut()) {
        let (tenant, instance) = (delivery.tenant, delivery.instance);
        let token = Awaited { tenant, instance, visit }.token(app);
        let answer = app.config.public_url.join(&format!("/v1/hooks/{token}")).map_err(Error::internal)?;
        members.insert("answer_to".to_owned(), answer.to_string().into());
    }
    let body = Bytes::from(serde_json::to_vec(&body).map_err(Error::internal)?);
    let secrets = [secret(app, delivery.tenant)?];
    let now_s = app.now_us().div_euclid(1_000_000);
    let mut headers = signature::headers(&secrets, &message_id(delivery), now_s, &body);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Ok(Call { method: Method::POST, url: delivery.target.clone(), headers, body }))
}
