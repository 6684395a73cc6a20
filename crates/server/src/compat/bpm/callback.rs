//! The business system of a workspace: where it is, how we show who we are, and the call that tells it of a completion.

use super::translate;
use crate::app::App;
use crate::error::Error;
use crate::outbound::Call;
use crate::work::outbox::Trouble;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zhupi_engine::ids::TenantId;
use zhupi_store::Delivery;

/// The setting under which it is kept.
const SETTING: &str = "completion_callback";
const TOKEN_CONTEXT: &str = "completion callback token";

/// Where completions are told, and with which token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallbackSettings {
    /// What comes before `/flow/…`.
    pub base_uri: String,
    /// In which header the token goes.
    pub token_header: String,
    /// Encrypted; absent: no token is sent.
    sealed_token: Option<String>,
}

/// What becomes of the token that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenChange {
    Keep,
    Remove,
    Replace(String),
}

impl CallbackSettings {
    pub fn has_token(&self) -> bool {
        self.sealed_token.is_some()
    }
}

impl App {
    /// The business system of a workspace, if one is configured.
    pub async fn callback_settings(&self, tenant: TenantId) -> Result<Option<CallbackSettings>, Error> {
        let text = self.store.load_setting(tenant, SETTING).await?;
        text.map(|text| serde_json::from_str(&text).map_err(Error::internal)).transpose()
    }

    /// Configures it.
    pub async fn put_callback_settings(
        &self,
        tenant: TenantId,
        base_uri: String,
        token_header: String,
        token: TokenChange,
    ) -> Result<CallbackSettings, Error> {
        self.outbound.check(&base_uri).map_err(|refusal| Error::field("base_uri", refusal.to_string()))?;
        check_token_header(&token_header)?;
        let sealed_token = match token {
            TokenChange::Keep => self.callback_settings(tenant).await?.and_then(|it| it.sealed_token),
            TokenChange::Remove => None,
            TokenChange::Replace(token) => {
                HeaderValue::from_str(&token)
                    .map_err(|_| Error::field("token", "expected visible characters"))?;
                Some(self.vault.seal(TOKEN_CONTEXT, token.as_bytes())?)
            }
        };
        let settings = CallbackSettings { base_uri, token_header, sealed_token };
        let text = serde_json::to_string(&settings).map_err(Error::internal)?;
        self.store.put_setting(tenant, SETTING, &text, self.now_us()).await?;
        Ok(settings)
    }
}

/// A header of the connection itself would break the call.
fn check_token_header(name: &str) -> Result<(), Error> {
    const TAKEN: [&str; 6] =
        ["host", "content-length", "content-type", "connection", "transfer-encoding", "te"];
    let is_free = !TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken));
    if is_free && HeaderName::from_bytes(name.as_bytes()).is_ok() {
        return Ok(());
    }
    Err(Error::field("token_header", format!("`{name}` cannot carry a token")))
}

/// The call that tells the business system of a completion.
pub async fn call(app: &App, delivery: &Delivery) -> Result<Result<Call, Trouble>, Error> {
    let Some(settings) = app.callback_settings(delivery.tenant).await? else {
        return Ok(Err(Trouble::Again("no completion callback is configured".to_owned())));
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let ids = [
        (DELIVERY_ID, delivery.id.to_string()),
        (EVENT_ID, format!("{}.{}", delivery.instance, delivery.seq)),
    ];
    for (name, id) in ids {
        headers.insert(name, HeaderValue::from_str(&id).map_err(Error::internal)?);
    }
    if let Some(sealed) = &settings.sealed_token {
        let token = app.vault.open_sealed(TOKEN_CONTEXT, sealed)?;
        let name = HeaderName::from_bytes(settings.token_header.as_bytes()).map_err(Error::internal)?;
        let mut value = HeaderValue::from_bytes(&token).map_err(Error::internal)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let url = translate::target(&settings.base_uri, &delivery.instance.to_string());
    let body = Bytes::from(delivery.payload.clone());
    Ok(Ok(Call { method: Method::POST, url, headers, body }))
}

/// The same through all attempts.
const DELIVERY_ID: HeaderName = HeaderName::from_static("x-zhupi-delivery-id");
/// The same for everything that is told of one history entry.
const EVENT_ID: HeaderName = HeaderName::from_static("x-zhupi-event-id");
