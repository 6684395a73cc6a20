//! Zhupi over HTTP.

pub mod clock;
pub mod config;
pub mod error;
pub mod extract;
pub mod files;
pub mod limits;
pub mod outbound;
pub mod secrets;
pub mod telemetry;
pub mod work;
