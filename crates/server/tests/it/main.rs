//! The server as its callers see it.

mod apps;
mod deliveries;
mod directory;
mod files;
mod harness;
mod http;
mod openapi;
mod outbound;
mod receiver;
mod sessions;
mod webhooks;
