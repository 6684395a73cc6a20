//! Who calls: by the cookie of `/login`, or by the token that every body and query of this family carries. A person and a
//! workspace are known outside by 32 capital hex digits.

use super::wire::{Identity, LoggedIn, Login};
use crate::app::{App, Shared};
use crate::caller::{Caller, Scope, is_own_origin};
use crate::error::Error;
use crate::extract::{Json, Query, read_value};
use crate::http::{client_address, trace_of};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};

const COOKIE: &str = "SESSION";
const ACCOUNT: &str = "esign_account";
const ORGANIZATION: &str = "esign_org";
const SOURCES: [&str; 5] = ["dingding", "esign", "esign_h5", "alipay", "wechat"];
/// What the family's own pages call a browser.
const WEB_EQUIPMENT: &str = "esignWeb201703062034";

/// Who calls.
#[derive(Clone, Debug)]
pub struct Account {
    pub tenant: TenantId,
    pub user: UserId,
    /// The person's name outside.
    pub uid: String,
    pub source: String,
}

/// What is asked, in the body or, of a `GET`, in the query; and by whom.
#[derive(Clone, Debug)]
pub struct Asked<T>(pub Account, pub T);

impl<T: DeserializeOwned + Send> FromRequest<Shared> for Asked<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::GET {
            let Query(identity) = Query::<Identity>::from_request_parts(&mut parts, app).await?;
            let Query(asked) = Query::<T>::from_request_parts(&mut parts, app).await?;
            return Ok(Self(app.esign_account(&parts, identity).await?, asked));
        }
        let request = Request::from_parts(parts.clone(), body);
        let Json(value) = Json::<Value>::from_request(request, app).await?;
        if !value.is_object() {
            return Err(Error::BadRequest { field: None, message: "expected a JSON object".to_owned() });
        }
        let account = app.esign_account(&parts, read_value(&value)?).await?;
        Ok(Self(account, read_value(&value)?))
    }
}

/// A source that is one of the known ones.
pub fn check_source(source: Option<&str>) -> Result<String, Error> {
    let source = source.unwrap_or_default().trim();
    if SOURCES.contains(&source) {
        return Ok(source.to_owned());
    }
    Err(Error::field("source", format!("it is required: one of {}", SOURCES.join(", "))))
}

/// Logs in: gives the cookie, and the token for programs that have no cookies.
pub async fn log_in(
    app: &Shared,
    jar: CookieJar,
    headers: &HeaderMap,
    extensions: &Extensions,
    login: Login,
) -> Result<(CookieJar, LoggedIn), Error> {
    if !is_own_origin(app, headers) {
        return Err(Error::CsrfFailed);
    }
    let source = check_source(login.source.as_deref())?;
    if login.kind != 0 {
        return Err(Error::field("type", "only 0, a login by password, is known here"));
    }
    let address = client_address(&app.config, headers, extensions).to_string();
    let (tenant, user) = app.log_in(login.account.trim(), login.pwd, &address).await?;
    trace_of(extensions).note_tenant(tenant.id);
    let token = app.begin_session(tenant.id, user).await?;
    let equip_id = match source.as_str() {
        "dingding" => format!("ding{}", Uuid::new_v4()),
        _ => WEB_EQUIPMENT.to_owned(),
    };
    let cookie = Cookie::build((COOKIE, token.clone()))
        .path("/service/rest/v1")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.is_https())
        .build();
    Ok((jar.add(cookie), LoggedIn { equip_id, token, new_version: false }))
}

impl App {
    /// Who calls. What the identity says beside its proof has to be true of him.
    pub(super) async fn esign_account(&self, parts: &Parts, identity: Identity) -> Result<Account, Error> {
        let source = check_source(identity.source.as_deref())?;
        let caller = self.esign_caller(parts, &identity).await?;
        self.limits.count_caller(caller.user.0)?;
        trace_of(&parts.extensions).note_tenant(caller.tenant);
        caller.require(if parts.method == Method::GET { Scope::Read } else { Scope::Write })?;
        let uid = self.account_uid(caller.tenant, caller.user).await?;
        if given(identity.account_uid.as_deref()).is_some_and(|given| given != uid) {
            return Err(Error::field("accountUid", "it is not the account of this session or token"));
        }
        if let Some(given) = given(identity.org_account_uid.as_deref())
            && given != self.organization_uid(caller.tenant).await?
        {
            return Err(Error::field("orgAccountUid", "it is not the organization of this account"));
        }
        Ok(Account { tenant: caller.tenant, user: caller.user, uid, source })
    }

    pub(super) async fn esign_caller(&self, parts: &Parts, identity: &Identity) -> Result<Caller, Error> {
        if let Some(token) = given(identity.token.as_deref()) {
            if given(identity.equip_id.as_deref()).is_none() {
                return Err(Error::field("equipId", "it is required beside `token`"));
            }
            return match self.caller_of_session(token).await {
                Err(Error::Unauthenticated) => self.caller_of_token(token).await,
                found => found,
            };
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let cookie = jar.get(COOKIE).ok_or(Error::Unauthenticated)?;
        let caller = self.caller_of_session(cookie.value()).await?;
        // A page of another site cannot send this cookie along with JSON unasked, nor hide where it comes from.
        if parts.method != Method::GET && !is_own_origin(self, &parts.headers) {
            return Err(Error::CsrfFailed);
        }
        Ok(caller)
    }

    /// What a person is called outside.
    pub(super) async fn account_uid(&self, tenant: TenantId, user: UserId) -> Result<String, Error> {
        self.uid(tenant, ACCOUNT, user.0).await
    }

    /// What the workspace is called outside.
    pub(super) async fn organization_uid(&self, tenant: TenantId) -> Result<String, Error> {
        self.uid(tenant, ORGANIZATION, tenant.0).await
    }

    /// Has a person and his workspace called so outside from now on; refused where they have been called otherwise.
    pub(crate) async fn name_esign_account(
        &self,
        tenant: TenantId,
        user: UserId,
        account_uid: &str,
        organization_uid: &str,
    ) -> Result<(), Error> {
        self.store.put_alias(tenant, ACCOUNT, account_uid, user.0).await?;
        Ok(self.store.put_alias(tenant, ORGANIZATION, organization_uid, tenant.0).await?)
    }

    /// Which person is called so outside.
    pub(super) async fn account_by_uid(&self, tenant: TenantId, uid: &str) -> Result<Option<UserId>, Error> {
        if let Some(user) = self.store.resolve_alias(tenant, ACCOUNT, uid).await? {
            return Ok(Some(UserId(user)));
        }
        // Nobody asked for his name yet, so that it was not written down.
        let Ok(id) = Uuid::parse_str(uid) else { return Ok(None) };
        let known = self.directory(tenant).await?.user(UserId(id)).is_some();
        if known && self.account_uid(tenant, UserId(id)).await? == uid {
            Ok(Some(UserId(id)))
        } else {
            Ok(None)
        }
    }

    async fn uid(&self, tenant: TenantId, kind: &str, id: Uuid) -> Result<String, Error> {
        if let Some(uid) = self.store.alias(tenant, kind, id).await? {
            return Ok(uid);
        }
        let uid = format!("{:X}", id.simple());
        match self.store.put_alias(tenant, kind, &uid, id).await {
            Ok(()) | Err(zhupi_store::Error::Duplicate { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.store.alias(tenant, kind, id).await?.ok_or(Error::Conflict)
    }
}

/// A text that is there and not empty.
pub fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Reads an id that has to be there.
pub fn required_id(field: &str, text: Option<&str>) -> Result<Uuid, Error> {
    let text = given(text).ok_or_else(|| Error::field(field, "it is required"))?;
    Uuid::parse_str(text).map_err(|_| Error::field(field, "it is no id"))
}

/// An account's part of an identity that stands in a form.
pub fn identity_of(pairs: &[(String, String)]) -> Result<Identity, Error> {
    let map = pairs.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    Identity::deserialize(Value::Object(map)).map_err(|cause| Error::field("source", cause.to_string()))
}
