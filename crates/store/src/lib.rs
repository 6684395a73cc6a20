//! Every row and every SQL statement of Zhupi, on SQLite and PostgreSQL, with one SQL text for both.
//!
//! There is no interactive transaction: reads first, then one write, which is a list of statements that are committed
//! together or not at all. A version check in SQL takes the place of locks; whoever comes second gets
//! [`Error::Conflict`] and loads again. Concurrent writes share commits.

#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod absences;
mod aliases;
mod apps;
mod backup;
mod bpm;
mod calendars;
mod change;
mod check;
mod children;
mod commit;
mod copies;
mod counters;
mod crm;
mod dialect;
mod directory;
mod entities;
mod error;
mod esign;
mod files;
mod findings;
mod form_drafts;
mod history;
mod instances;
mod json;
mod load;
mod migrate;
mod outbox;
mod page;
#[cfg(test)]
mod plans;
mod postgres;
mod retention;
mod seals;
mod search;
mod serials;
mod sessions;
mod settings;
mod sql;
mod sqlite;
mod store;
mod sweeps;
mod tasks;
mod templates;
mod tenants;
mod timers;
mod turns;
mod webhooks;

pub use apps::{App, Token, TokenFilter};
pub use bpm::{CallbackHandler, Completion};
pub use change::{Act, Change, Committed, IdempotencyRow, NewDelivery};
pub use check::{HistoryOf, Scanned};
pub use counters::Counts;
pub use crm::{CrmCentre, CrmListed, CrmScope, CrmWorkflow};
pub use directory::{Account, People, UserFilter, UserRow};
pub use entities::{EntityEntry, EntityRow, EntityTypeRow, EntityWrite, EntryKind, RunRow, TriggerRow};
pub use error::{Error, Result};
pub use esign::{ApproveRecord, SignDocument, SignFlow, SignFlowRow, SignList, SignParticipant, SignPlace};
pub use files::{FileFilter, FileRow};
pub use findings::{Findings, Unchecked};
pub use form_drafts::{FORM_DRAFT_LIMIT, FormDraft};
pub use history::HistoryRow;
pub use instances::{COUNTED, InstanceFilter, InstanceMeta, InstanceRow, Stored};
pub use outbox::{Attempt, BACKLOG_COUNTED, Backlog, Delivery, DeliveryFilter, DeliveryState, Outcome, Told};
pub use page::{BadCursor, Cursor, Page, PageOf};
pub use retention::Outdated;
pub use seals::{Seal, SealJob, SealJobState, SealMade};
pub use search::InstanceSearch;
pub use sessions::{LoginFailures, Session};
pub use settings::Setting;
pub use store::Store;
pub use sweeps::Sweep;
pub use tasks::{BoxCounts, TaskBox, TaskFilter, TaskKind, TaskRow};
pub use templates::{
    Draft, NewTemplate, NewVersion, Stamp, TemplateFilter, TemplateHead, TemplateRow, TemplateState,
    VersionHead, VersionRow,
};
pub use tenants::{Tenant, TenantVersions};
pub use timers::TimerRow;
pub use webhooks::Webhook;
