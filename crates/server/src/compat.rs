//! The four compatibility surfaces: each its own words, none knows another.

use crate::app::Shared;
use axum::Router;

/// The routes of all surfaces, each in a shell that says errors in its words.
pub fn routes(_app: &Shared) -> Router<Shared> {
    Router::new()
}
