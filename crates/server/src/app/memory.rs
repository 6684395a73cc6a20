//! What is kept in memory, and when it is forgotten. Nothing here is the truth.

use crate::app::forms::Fetched;
use crate::caller::Known;
use moka::sync::Cache;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zhupi_engine::ids::{TemplateId, TenantId};
use zhupi_engine::{Directory, Template};
use zhupi_store::{TenantVersions, Webhook};

/// How long a session or token is believed without asking the database.
const CALLER_SECONDS: u64 = 5;

/// How long fetched options stay; how long they are believed, `app/forms.rs` says.
const OPTIONS_LIFE: Duration = Duration::from_secs(2 * 60 * 60);

/// What is kept in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    directories: Mutex<HashMap<TenantId, Held>>,
    pub templates: Cache<(TenantId, TemplateId, u32), Arc<Template>>,
    /// By the hash of the session's or token's secret.
    pub callers: Cache<[u8; 32], Known>,
    /// By the address of the system that offers them.
    pub options: Cache<(TenantId, String), Fetched>,
}

/// What is kept of one workspace.
#[derive(Debug, Default)]
struct Held {
    /// Counts how often it was forgotten, so that what was being read meanwhile is not kept.
    times_forgotten: u64,
    directory: Option<Arc<Directory>>,
    /// The active ones.
    webhooks: Option<Arc<Vec<Webhook>>>,
    /// As last seen in the database.
    seen: Option<TenantVersions>,
}

/// Allows to keep what is read from now on, unless it is to be forgotten in the meantime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

impl Default for Memory {
    fn default() -> Self {
        Self {
            directories: Mutex::default(),
            templates: Cache::new(2_000),
            callers: Cache::builder()
                .max_capacity(20_000)
                .time_to_live(Duration::from_secs(CALLER_SECONDS))
                .build(),
            options: Cache::builder().max_capacity(500).time_to_live(OPTIONS_LIFE).build(),
        }
    }
}

impl Memory {
    pub fn directory(&self, tenant: TenantId) -> Option<Arc<Directory>> {
        self.held(|all| all.get(&tenant).and_then(|held| held.directory.clone()))
    }

    pub fn ticket(&self, tenant: TenantId) -> Ticket {
        self.held(|all| Ticket(all.entry(tenant).or_default().times_forgotten))
    }

    pub fn keep_directory(&self, tenant: TenantId, directory: &Arc<Directory>, ticket: Ticket) {
        self.held(|all| {
            let held = all.entry(tenant).or_default();
            if held.times_forgotten == ticket.0 {
                held.directory = Some(Arc::clone(directory));
            }
        });
    }

    pub fn webhooks(&self, tenant: TenantId) -> Option<Arc<Vec<Webhook>>> {
        self.held(|all| all.get(&tenant).and_then(|held| held.webhooks.clone()))
    }

    pub fn keep_webhooks(&self, tenant: TenantId, webhooks: &Arc<Vec<Webhook>>, ticket: Ticket) {
        self.held(|all| {
            let held = all.entry(tenant).or_default();
            if held.times_forgotten == ticket.0 {
                held.webhooks = Some(Arc::clone(webhooks));
            }
        });
    }

    pub fn forget_webhooks(&self, tenant: TenantId) {
        self.held(|all| all.entry(tenant).or_default().forget_webhooks());
    }

    pub fn forget_directory(&self, tenant: TenantId) {
        self.held(|all| all.entry(tenant).or_default().forget());
    }

    /// Forgets what has another version now.
    pub fn compare(&self, versions: &[TenantVersions]) {
        let tokens_changed = self.held(|all| {
            let mut tokens_changed = false;
            for now in versions {
                let held = all.entry(now.tenant).or_default();
                let before = held.seen.replace(*now);
                if before.is_none_or(|before| before.directory != now.directory) {
                    held.forget();
                }
                if before.is_none_or(|before| before.config != now.config) {
                    held.forget_webhooks();
                }
                tokens_changed |= before.is_some_and(|before| before.config != now.config);
            }
            tokens_changed
        });
        if tokens_changed {
            self.callers.invalidate_all();
        }
    }

    fn held<T>(&self, work: impl FnOnce(&mut HashMap<TenantId, Held>) -> T) -> T {
        work(&mut self.directories.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn forget(&mut self) {
        self.times_forgotten += 1;
        self.directory = None;
    }

    fn forget_webhooks(&mut self) {
        self.times_forgotten += 1;
        self.webhooks = None;
    }
}
