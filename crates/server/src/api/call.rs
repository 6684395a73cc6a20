//! What all requests that act on a task or an instance have in common: who asks, of which one, having seen which version,
//! under which key. A handler says what is to be done, and nothing else.

use super::instances::{InstanceBody, act};
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IdempotencyKey, IfMatch, Path, Tagged};
use crate::view::access_of;
use crate::view::read_task_id;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use zhupi_engine::form::{Edits, read_edits, visible_form};
use zhupi_engine::ids::{InstanceId, SlotId};
use zhupi_engine::{Command, Rejection};

/// What every request that acts may carry.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes headers; they are read by their own extractors")]
pub(super) struct ActHeaders {
    /// Sending the same key again gives the same answer and does nothing.
    #[param(rename = "Idempotency-Key", value_type = Option<String>)]
    idempotency_key: (),
    /// The version of the instance that the caller saw.
    #[param(rename = "If-Match", value_type = Option<String>)]
    if_match: (),
}

/// The answer of every request that acts.
pub(super) type Acted = Result<Tagged<InstanceBody>, Error>;

/// A request that acts on an instance: `/instances/{id}/…`.
pub(super) struct OnInstance {
    pub app: Shared,
    pub caller: Caller,
    pub instance: InstanceId,
    headers: (IfMatch, IdempotencyKey),
}

impl FromRequestParts<Shared> for OnInstance {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Path(instance) = Path::<InstanceId>::from_request_parts(parts, app).await?;
        let headers = headers_of(parts, app).await?;
        Ok(Self { app: app.clone(), caller, instance, headers })
    }
}

impl OnInstance {
    /// Values to change, read by the form of the version the instance follows. What is hidden from the caller is not there for
    /// him, whatever he sends.
    pub async fn read_edits(&self, raw: &Map<String, Value>) -> Result<Edits, Error> {
        if raw.is_empty() {
            return Ok(Edits::default());
        }
        let seen = self.app.see_instance(self.caller.tenant, self.caller.user, self.instance).await?;
        let access = access_of(&seen.stored.instance, &seen.template, &seen.directory, self.caller.user);
        let read = read_edits(&visible_form(&seen.template.form, &access), raw);
        read.map_err(|problems| Rejection::FormInvalid { problems }.into())
    }

    /// Does it and shows what became of the instance.
    pub async fn act(self, command: Command) -> Acted {
        act(&self.app, &self.caller, self.instance, command, self.headers).await
    }
}

/// A request that acts at a task: `/tasks/{id}/…`.
pub(super) struct OnTask {
    pub on: OnInstance,
    pub slot: SlotId,
}

impl FromRequestParts<Shared> for OnTask {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Path(task) = Path::<String>::from_request_parts(parts, app).await?;
        let (instance, slot) = read_task_id(&task).ok_or(Error::NotFound)?;
        let headers = headers_of(parts, app).await?;
        Ok(Self { on: OnInstance { app: app.clone(), caller, instance, headers }, slot })
    }
}

impl OnTask {
    /// Does it and shows what became of the instance.
    pub async fn act(self, command: Command) -> Acted {
        self.on.act(command).await
    }
}

async fn headers_of(parts: &mut Parts, app: &Shared) -> Result<(IfMatch, IdempotencyKey), Error> {
    let if_match = IfMatch::from_request_parts(parts, app).await?;
    Ok((if_match, IdempotencyKey::from_request_parts(parts, app).await?))
}
