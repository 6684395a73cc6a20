//! What is waited for and cannot come: the visit that waits is stopped with the reason, for an administrator to look at.

use super::children::{self, BEGIN_CHILD};
use super::trigger::{self, TRIGGER};
use crate::app::Shared;
use crate::app::act::Options;
use crate::error::Error;
use zhupi_engine::Command;
use zhupi_engine::ids::SYSTEM;
use zhupi_store::Delivery;

/// Stops what waits for a delivery that is dead, if anything does. An error says that it was not stopped, so that the
/// delivery may not count as dead yet.
pub async fn stop(app: &Shared, delivery: &Delivery, why: &str) -> Result<(), Error> {
    let (waits, reason) = match delivery.kind.as_str() {
        BEGIN_CHILD => (children::awaited_by(delivery), why.to_owned()),
        TRIGGER => (trigger::awaited_by(delivery), format!("the call could not be delivered: {why}")),
        _ => return Ok(()),
    };
    let Some((instance, visit)) = waits else { return Ok(()) };
    let command = Command::Fail { visit, reason };
    match app.act(delivery.tenant, SYSTEM, instance, command, Options::default()).await {
        Ok(_) | Err(Error::NotFound) => Ok(()),
        Err(Error::Rejected(rejection)) => {
            tracing::warn!(%instance, %rejection, "what waits for a dead delivery could not be stopped");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
