//! What every part of the server shares: the store, the clock, the keys, and what is kept in memory of each workspace.

pub mod absences;
pub mod access;
pub mod act;
pub mod calendars;
pub mod copies;
pub mod credentials;
pub mod directory;
pub mod disabling;
pub mod effects;
pub mod entities;
pub mod forms;
pub mod handover;
pub mod look_ahead;
mod memory;
pub mod migration;
mod outside;
pub mod past;
pub mod regression;
pub mod roles;
pub mod sealing;
pub mod templates;
pub mod uploads;

use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::files::Files;
use crate::limits::RateLimits;
use crate::outbound::{Guard, Outbound};
use crate::secrets::{Passwords, Vault};
use jiff::Timestamp;
use memory::Memory;
use std::sync::Arc;
use tokio::sync::Notify;
use uuid::Uuid;
use zhupi_engine::ids::{TemplateId, TenantId};
use zhupi_engine::{Directory, Template};
use zhupi_store::{Store, Tenant, Webhook};

/// The server's state, shared by every handler and worker.
pub type Shared = Arc<App>;

/// What every part of the server shares.
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub vault: Vault,
    pub passwords: Passwords,
    pub files: Files,
    pub limits: RateLimits,
    pub outbound: Outbound,
    pub wake: Wake,
    pub(crate) memory: Memory,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Tells the workers of this process that there is something to do.
#[derive(Debug, Default)]
pub struct Wake {
    pub outbox: Notify,
    pub timers: Notify,
    pub sweeps: Notify,
    pub seals: Notify,
}

/// The code of the workspace that there always is.
pub const DEFAULT_WORKSPACE: &str = "default";

impl App {
    /// Opens the database and brings it up to date.
    pub async fn open(config: Config) -> Result<Shared, Error> {
        Self::open_with(config, Clock::system()).await
    }

    /// The same, by another clock.
    pub async fn open_with(config: Config, clock: Clock) -> Result<Shared, Error> {
        use_ring();
        make_private_folder(&config.data).map_err(|cause| {
            Error::field("data", format!("setting `data`: cannot make `{}`: {cause}", config.data.display()))
        })?;
        let vault = Vault::open(&config).map_err(|cause| Error::field(&cause.setting, cause.to_string()))?;
        let store = Store::open(&config.database).await?;
        store.migrate().await?;
        let app = Arc::new(Self {
            vault,
            passwords: Passwords::new()?,
            files: Files::open(&config)?,
            limits: RateLimits::new(&config.limits),
            outbound: Outbound::new(Guard::of(&config)).map_err(Error::internal)?,
            wake: Wake::default(),
            memory: Memory::default(),
            store,
            clock,
            config,
        });
        app.ensure_default_workspace().await?;
        Ok(app)
    }

    async fn ensure_default_workspace(&self) -> Result<(), Error> {
        if self.store.load_tenant_by_code(DEFAULT_WORKSPACE).await?.is_some() {
            return Ok(());
        }
        let tenant = Tenant {
            id: TenantId(Uuid::now_v7()),
            code: DEFAULT_WORKSPACE.to_owned(),
            name: "Zhupi".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            created_at: self.now().as_microsecond(),
        };
        match self.store.create_tenant(&tenant).await {
            // Another process was faster.
            Ok(()) | Err(zhupi_store::Error::Duplicate { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Now, as the database keeps it.
    pub fn now_us(&self) -> i64 {
        self.now().as_microsecond()
    }

    /// The workspace with this code; an empty code is the default one.
    pub async fn workspace(&self, code: &str) -> Result<Option<Tenant>, Error> {
        let code = if code.is_empty() { DEFAULT_WORKSPACE } else { code };
        Ok(self.store.load_tenant_by_code(code).await?)
    }

    /// The people of a workspace as of now: from memory, unless they changed.
    pub async fn directory(&self, tenant: TenantId) -> Result<Arc<Directory>, Error> {
        if let Some(known) = self.memory.directory(tenant) {
            return Ok(known);
        }
        let ticket = self.memory.ticket(tenant);
        let directory = Arc::new(self.store.load_directory(tenant).await?);
        self.memory.keep_directory(tenant, &directory, ticket);
        Ok(directory)
    }

    /// A published version of a template: such a version never changes.
    pub async fn template(
        &self,
        tenant: TenantId,
        id: TemplateId,
        version: u32,
    ) -> Result<Arc<Template>, Error> {
        let key = (tenant, id, version);
        if let Some(known) = self.memory.templates.get(&key) {
            return Ok(known);
        }
        let row = self.store.load_version(tenant, id, version).await?.ok_or(Error::NotFound)?;
        let template: Arc<Template> =
            serde_json::from_str(&row.definition).map(Arc::new).map_err(|cause| {
                Error::internal(format!("version {version} of template {id} cannot be read: {cause}"))
            })?;
        self.memory.templates.insert(key, Arc::clone(&template));
        Ok(template)
    }

    /// The active webhooks of a workspace: from memory, unless they changed.
    pub async fn webhooks(&self, tenant: TenantId) -> Result<Arc<Vec<Webhook>>, Error> {
        if let Some(known) = self.memory.webhooks(tenant) {
            return Ok(known);
        }
        let ticket = self.memory.ticket(tenant);
        let webhooks = Arc::new(self.store.load_active_webhooks(tenant).await?);
        self.memory.keep_webhooks(tenant, &webhooks, ticket);
        Ok(webhooks)
    }

    /// To be called after every write to webhooks.
    pub fn webhooks_changed(&self, tenant: TenantId) {
        self.memory.forget_webhooks(tenant);
    }

    /// To be called after every write to people, departments, roles or groups.
    pub fn directory_changed(&self, tenant: TenantId) {
        self.memory.forget_directory(tenant);
    }

    /// Compares what is in memory with what other processes may have changed. Called every second.
    pub async fn refresh(&self) -> Result<(), Error> {
        let versions = self.store.tenant_versions().await?;
        self.memory.compare(&versions);
        Ok(())
    }
}

/// A folder that others on the machine cannot look into, if it is not there yet.
fn make_private_folder(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// One cryptography provider for the process; it is no error that there is one already.
fn use_ring() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a cryptography provider is installed already");
    }
}

impl From<zhupi_store::Error> for Error {
    fn from(error: zhupi_store::Error) -> Self {
        use zhupi_store::Error as Store;
        match error {
            Store::Conflict => Error::Conflict,
            Store::Duplicate { what } => Error::Duplicate { what },
            Store::Unavailable(_) | Store::OutcomeUnknown(_) => Error::Unavailable(error.to_string().into()),
            Store::Corrupt { .. }
            | Store::Io(_)
            | Store::Statement(_)
            | Store::Newer { .. }
            | Store::Missing(_)
            | Store::Foreign
            | Store::Address(_) => Error::internal(error),
        }
    }
}
