//! Zhupi over HTTP: its own API under `/v1`, four compatibility surfaces, and the workers.
//!
//! A handler parses, makes one call, renders. Where something is decided that call is one of [`app::App`]; reads go
//! straight to the store. [`error::Error`] is the one list of what can go wrong; each API says it in its own words.

pub mod api;
pub mod app;
pub mod caller;
pub mod clock;
pub mod compat;
pub mod config;
pub mod demo;
pub mod error;
pub mod extract;
pub mod files;
mod health;
pub mod http;
mod limits;
pub mod outbound;
pub mod page;
pub mod secrets;
mod serve;
pub mod telemetry;
pub mod view;
mod wording;
pub mod work;

pub use app::{App, Shared};
pub use config::Config;
pub use error::Error;
pub use serve::serve;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

/// Every route of every API, with all they pass on the way. Whoever opens the bare address finds the page of the API.
pub fn router(app: Shared) -> Router {
    let routes = Router::new()
        .route("/", get(|| async { Redirect::to("/v1/docs/") }))
        .merge(http::shell(&app, api::routes(&app), error::problem))
        .merge(http::shell(&app, health::routes(), error::problem))
        .merge(compat::routes(&app));
    http::surround(&app, routes).with_state(app)
}
