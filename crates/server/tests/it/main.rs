//! The server as its callers see it.

mod apps;
mod directory;
mod files;
mod harness;
mod http;
mod openapi;
mod outbound;
mod sessions;
