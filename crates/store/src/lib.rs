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

mod counters;
mod dialect;
mod error;
mod migrate;
mod page;
mod postgres;
mod sql;
mod sqlite;
mod store;

pub use counters::Counts;
pub use error::{Error, Result};
pub use page::{BadCursor, Cursor, Page, PageOf};
pub use store::Store;
