//! The server as its callers see it.

mod apps;
mod bpm;
mod company;
mod config;
mod crm;
mod deliveries;
mod demo;
mod directory;
mod effects;
mod esign;
mod files;
mod harness;
mod http;
mod idempotency;
mod instances;
mod memory;
mod openapi;
mod outbound;
mod receiver;
mod secrets;
mod serve;
mod sessions;
mod tasks;
mod templates;
mod webhooks;
mod wps;
