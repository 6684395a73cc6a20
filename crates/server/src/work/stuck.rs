//! What is waited for and cannot come: the visit that waits is stopped with the reason, for an administrator to look at. What
//! nobody waits for is told.

use super::children::{self, ANSWER, BEGIN_CHILD};
use super::outbox::Trouble;
use super::trigger::{self, TRIGGER};
use crate::app::Shared;
use crate::app::act::Options;
use crate::error::Error;
use zhupi_engine::Command;
use zhupi_engine::ids::{InstanceId, SYSTEM};
use zhupi_store::Delivery;

/// Stops what waits for a delivery that is dead, or tells of it where nothing does. An error says that this could not be done,
/// so that the delivery may not count as dead yet.
pub async fn stop(app: &Shared, delivery: &Delivery, trouble: &Trouble) -> Result<(), Error> {
    let Some((instance, command)) = what_follows(delivery, trouble) else { return Ok(()) };
    match app.act(delivery.tenant, SYSTEM, instance, command, Options::default()).await {
        Ok(_) | Err(Error::NotFound) => Ok(()),
        Err(Error::Rejected(rejection)) => {
            tracing::warn!(%instance, %rejection, "what waits for a dead delivery could not be stopped");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What becomes of which instance.
fn what_follows(delivery: &Delivery, trouble: &Trouble) -> Option<(InstanceId, Command)> {
    let (waits, what) = match delivery.kind.as_str() {
        BEGIN_CHILD => (children::awaited_by(delivery), "the sub-process could not begin"),
        TRIGGER => (trigger::awaited_by(delivery), "the call could not be delivered"),
        ANSWER => (children::answered_to(delivery), "what came of the sub-process could not be taken over"),
        _ => return None,
    };
    // Everybody reads it who sees the instance: addresses and values stay with the delivery.
    let why = trouble.told().map_or_else(String::new, |told| format!(": {told}"));
    let reason = format!("{what}{why} (delivery {})", delivery.id);
    if let Some((instance, visit)) = waits {
        return Some((instance, Command::Fail { visit, reason }));
    }
    let (parent, child) = children::begun_by(delivery)?;
    Some((parent, Command::Warn { child, reason }))
}
