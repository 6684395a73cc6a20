//! What is waited for and cannot come: the visit that waits is stopped with the reason, for an administrator to look at.

use super::children::{self, BEGIN_CHILD};
use super::outbox::Trouble;
use super::trigger::{self, TRIGGER};
use crate::app::Shared;
use crate::app::act::Options;
use crate::error::Error;
use zhupi_engine::Command;
use zhupi_engine::ids::SYSTEM;
use zhupi_store::Delivery;

/// Stops what waits for a delivery that is dead, if anything does. An error says that it was not stopped, so that the
/// delivery may not count as dead yet.
pub async fn stop(app: &Shared, delivery: &Delivery, trouble: &Trouble) -> Result<(), Error> {
    let (waits, what) = match delivery.kind.as_str() {
        BEGIN_CHILD => (children::awaited_by(delivery), "the sub-process could not begin"),
        TRIGGER => (trigger::awaited_by(delivery), "the call could not be delivered"),
        _ => return Ok(()),
    };
    let Some((instance, visit)) = waits else { return Ok(()) };
    // Everybody reads it who sees the instance: addresses and values stay with the delivery.
    let why = trouble.told().map_or_else(String::new, |told| format!(": {told}"));
    let reason = format!("{what}{why} (delivery {})", delivery.id);
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
