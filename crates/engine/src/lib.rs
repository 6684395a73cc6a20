//! The rules of approvals, pure: no I/O, no clock, no randomness. Time and ids come in as values.
//!
//! An [`Instance`] is data. [`decide()`] takes a [`Command`] and either refuses it with a [`Rejection`] or yields
//! [`Event`]s; [`Instance::apply`] is the only thing that changes an instance, and cannot fail, since an event is a fact.
//!
//! What an administrator draws is a [`Template`]: a [`Form`](form::Form) and a flow, which is a tree of blocks.
//! [`check_template`] lists everything wrong with one. Who is asked at a node is found by `approvers` in the order of
//! semantics B1, and the reason of every choice stands in the event. [`preview()`] decides on a draft and shows the
//! likely path. [`ledger`] chains the history of an instance by hashes.

#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod absence;
pub mod approvers;
pub mod batch;
pub mod calendar;
pub mod command;
pub mod condition;
pub mod decide;
pub mod directory;
pub mod entity;
pub mod event;
pub mod expression;
pub mod form;
pub mod ids;
pub mod instance;
pub mod ledger;
pub mod preview;
pub mod problem;
pub mod regression;
pub mod rejection;
pub mod template;

pub use batch::check_batch;
pub use command::{Command, Envelope, Submit};
pub use decide::decide;
pub use directory::Directory;
pub use event::Event;
pub use instance::{Instance, Status};
pub use preview::{Preview, preview};
pub use problem::{Problem, Severity};
pub use rejection::Rejection;
pub use template::{Template, check_template, lint_template};
