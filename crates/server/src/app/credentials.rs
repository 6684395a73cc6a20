//! API apps with their secrets, and bearer tokens.

use crate::app::App;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::secrets::{TokenKind, new_app_id, new_secret, new_token, token_hash};
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_store::{Page, Token, TokenFilter};

/// A token that expires at all does so within ten years.
const LONGEST_LIFE_DAYS: u32 = 3650;

/// An app to be.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Whom it acts as where a call names nobody.
    pub user: Option<UserId>,
}

/// A token to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Whom it acts as; absent where each call names somebody, which only surfaces with signed calls take.
    pub user: Option<UserId>,
    pub app: Option<String>,
    /// After how many days it is refused, at most ten years; absent: never.
    pub expires_in_days: Option<u32>,
}

impl App {
    /// Makes an app; gives its id and its secret, which is kept encrypted.
    pub async fn create_app(
        &self,
        tenant: TenantId,
        by: UserId,
        new: NewApp,
    ) -> Result<(String, String), Error> {
        self.check_name_and_user(tenant, &new.name, new.user).await?;
        let id = new_app_id(tenant)?;
        let secret = new_secret()?;
        let now = self.now_us();
        let row = zhupi_store::App {
            secret: self.seal_app_secret(tenant, &id, &secret)?,
            id: id.clone(),
            name: new.name,
            scopes: words(&new.scopes),
            user: new.user,
            active: true,
            created_by: by,
            created_at: now,
            updated_at: now,
        };
        self.store.create_app(tenant, &row).await?;
        Ok((id, secret))
    }

    /// Gives an app another secret.
    pub async fn rotate_app(&self, tenant: TenantId, id: &str) -> Result<String, Error> {
        let secret = new_secret()?;
        let sealed = self.seal_app_secret(tenant, id, &secret)?;
        let found = self.store.rotate_app_secret(tenant, id, sealed, self.now_us()).await?;
        if found { Ok(secret) } else { Err(Error::NotFound) }
    }

    /// The secret of an app as it was given to its owner.
    pub fn app_secret(&self, tenant: TenantId, app: &zhupi_store::App) -> Result<String, Error> {
        let sealed = String::from_utf8(app.secret.clone()).map_err(Error::internal)?;
        let secret = self.vault.open_sealed(&secret_context(tenant, &app.id), &sealed)?;
        String::from_utf8(secret).map_err(Error::internal)
    }

    fn seal_app_secret(&self, tenant: TenantId, id: &str, secret: &str) -> Result<Vec<u8>, Error> {
        self.vault.seal(&secret_context(tenant, id), secret.as_bytes()).map(String::into_bytes)
    }

    /// Makes a token; gives its id and its secret, of which only the hash is kept.
    pub async fn create_token(&self, tenant: TenantId, new: NewToken) -> Result<(Uuid, String), Error> {
        self.check_name_and_user(tenant, &new.name, new.user).await?;
        if new.expires_in_days.is_some_and(|days| !(1..=LONGEST_LIFE_DAYS).contains(&days)) {
            return Err(Error::field("expires_in_days", format!("expected 1 to {LONGEST_LIFE_DAYS}")));
        }
        if let Some(id) = &new.app {
            let app = self.store.load_app(tenant, id).await?;
            let app = app.ok_or_else(|| Error::field("app", format!("there is no app `{id}`")))?;
            check_scopes(&app, &new.scopes)?;
        }
        let secret = new_token(TokenKind::Api, tenant)?;
        let now = self.now_us();
        let life = |days: u32| now + i64::from(days) * 86_400_000_000;
        let token = Token {
            id: Uuid::now_v7(),
            token_hash: token_hash(&secret),
            name: new.name,
            user: new.user,
            app: new.app,
            scopes: words(&new.scopes),
            created_at: now,
            expires_at: new.expires_in_days.map(life),
            revoked_at: None,
        };
        self.store.create_token(tenant, &token).await?;
        Ok((token.id, secret))
    }

    async fn check_name_and_user(
        &self,
        tenant: TenantId,
        name: &str,
        user: Option<UserId>,
    ) -> Result<(), Error> {
        if !(1..=100).contains(&name.chars().count()) {
            return Err(Error::field("name", "expected 1 to 100 characters"));
        }
        match user {
            Some(user) if !self.directory(tenant).await?.is_active(user) => {
                Err(Error::field("user", format!("there is no active person `{user}`")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a token from now on: one's own, or anybody's as administrator.
    pub async fn revoke_token(&self, caller: &Caller, id: Uuid) -> Result<(), Error> {
        if !self.owns_token(caller, id).await? && self.require_admin(caller).await.is_err() {
            return Err(Error::NotFound);
        }
        let revoked = self.store.revoke_token(caller.tenant, id, self.now_us()).await?;
        self.forget_callers();
        if revoked { Ok(()) } else { Err(Error::NotFound) }
    }

    async fn owns_token(&self, caller: &Caller, id: Uuid) -> Result<bool, Error> {
        let filter = TokenFilter { user: Some(caller.user), app: None };
        let mut page = Page::first(200);
        loop {
            let tokens = self.store.list_tokens(caller.tenant, &filter, &page).await?;
            if tokens.rows.iter().any(|token| token.id == id) {
                return Ok(true);
            }
            if tokens.next.is_none() {
                return Ok(false);
            }
            page.after = tokens.next;
        }
    }
}

/// An app's tokens are for nothing that the app is not for.
fn check_scopes(app: &zhupi_store::App, scopes: &[Scope]) -> Result<(), Error> {
    let given = Scope::of_words(&app.scopes);
    match scopes.iter().find(|scope| !given.contains(scope)) {
        Some(scope) => Err(Error::field("scopes", format!("the app lacks the scope `{}`", scope.as_str()))),
        None => Ok(()),
    }
}

fn secret_context(tenant: TenantId, app: &str) -> String {
    format!("app:{tenant}:{app}")
}

fn words(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}
