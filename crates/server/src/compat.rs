//! The four compatibility surfaces: each its own words, none knows another.

pub mod bpm;
pub mod crm;
mod esign;
pub mod wps;

use crate::app::Shared;
use axum::Router;

/// The routes of all surfaces, each in a shell that says errors in its words.
pub fn routes(app: &Shared) -> Router<Shared> {
    Router::new()
        .merge(wps::routes(app))
        .merge(crm::routes(app))
        .merge(bpm::routes(app))
        .merge(esign::routes(app))
}
