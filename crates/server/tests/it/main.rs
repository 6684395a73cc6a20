//! The server as its callers see it.

mod harness;
mod outbound;
mod sessions;
