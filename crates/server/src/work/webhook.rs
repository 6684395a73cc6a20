//! Deliveries to our own webhooks: their secrets, their signature, and what counts as taken.

use super::outbox::Trouble;
use super::signature::{self, Secret};
use crate::app::App;
use crate::error::Error;
use crate::outbound::{Call, Reply};
use crate::secrets::Vault;
use axum::http::{HeaderValue, Method, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zhupi_store::{Delivery, Webhook};

/// How long the secret before the last one signs beside it, in microseconds: a day.
pub const OVERLAP_US: i64 = 24 * 3_600_000_000;

/// The secrets of a webhook, as they are kept: encrypted, bound to the webhook's id.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

#[derive(Serialize, Deserialize)]
struct Previous {
    secret: String,
    until: i64,
}

impl Kept {
    pub fn new(secret: &Secret) -> Self {
        Self { current: secret.to_text(), previous: None }
    }

    /// Another secret takes over; the one before stays valid for a while.
    pub fn rotated(self, secret: &Secret, now: i64) -> Self {
        Self {
            current: secret.to_text(),
            previous: Some(Previous { secret: self.current, until: now + OVERLAP_US }),
        }
    }

    pub fn seal(&self, vault: &Vault, webhook: Uuid) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(vault.seal(&context(webhook), &text)?.into_bytes())
    }

    pub fn open(vault: &Vault, webhook: &Webhook) -> Result<Self, Error> {
        let sealed = std::str::from_utf8(&webhook.secret).map_err(Error::internal)?;
        let text = vault.open_sealed(&context(webhook.id), sealed)?;
        serde_json::from_slice(&text).map_err(Error::internal)
    }

    /// Those that sign now.
    fn signing(&self, now: i64) -> Vec<Secret> {
        let previous = self.previous.as_ref().filter(|it| it.until > now).map(|it| it.secret.as_str());
        [Some(self.current.as_str()), previous].into_iter().flatten().filter_map(Secret::parse).collect()
    }
}

fn context(webhook: Uuid) -> String {
    format!("webhook {webhook}")
}

/// The call of a delivery to a webhook.
pub async fn call(app: &App, delivery: &Delivery) -> Result<Result<Call, Trouble>, Error> {
    let webhook = match delivery.target.parse() {
        Ok(id) => app.store.load_webhook(delivery.tenant, id).await?,
        Err(_) => None,
    };
    let Some(webhook) = webhook else {
        return Ok(Err(Trouble::Never("the webhook was deleted".to_owned())));
    };
    if !webhook.active {
        return Ok(Err(Trouble::Never("the webhook is switched off".to_owned())));
    }
    let now = app.now_us();
    let secrets = Kept::open(&app.vault, &webhook)?.signing(now);
    let body = Bytes::from(delivery.payload.clone());
    let id = message_id(delivery);
    let mut headers = signature::headers(&secrets, &id, now.div_euclid(1_000_000), &body);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Ok(Call { method: Method::POST, url: webhook.url, headers, body }))
}

/// What `webhook-id` says: the same through all attempts, so that the receiver can tell what it has seen.
pub fn message_id(delivery: &Delivery) -> String {
    format!("msg_{}", delivery.id.simple())
}

/// Any 2xx is taken.
pub fn verdict(reply: &Reply) -> Result<(), String> {
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    Err(format!("the receiver answered with status {}", reply.status))
}
