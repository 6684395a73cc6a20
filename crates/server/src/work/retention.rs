//! Forgets what has served its time, as the settings say. History is never among it.

use super::{Rhythm, go_round};
use crate::app::{App, Shared};
use crate::error::Error;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zhupi_store::Outdated;

const POLL: Duration = Duration::from_secs(3600);
/// Rows of each sort in one write.
const AT_ONCE: u32 = 500;
const DAY_US: i64 = 86_400_000_000;
/// Others write while it pauses between two parts.
const BREATH: Duration = Duration::from_millis(200);
/// An expired login is kept so long for those who ask why it does not work any more.
const LOGINS_KEPT_DAYS: u32 = 30;

/// Forgets once an hour, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let rhythm =
        Rhythm { pause: || POLL, woken: None, trouble: "cannot forget what is outdated, and will try again" };
    let step = || async {
        let more = forget_some(&app).await?;
        if more {
            tokio::time::sleep(BREATH).await;
        }
        Ok(more)
    };
    go_round(&stop, rhythm, step).await;
}

/// Forgets a part of what is outdated. `false`: there was nothing.
pub async fn forget_some(app: &App) -> Result<bool, Error> {
    let limits = &app.config.limits;
    let ago = |days: u32| app.now_us().saturating_sub(i64::from(days).saturating_mul(DAY_US));
    let before = |days: u32| (days > 0).then(|| ago(days));
    let outdated = Outdated {
        delivered_before: before(limits.keep_deliveries_days),
        keys_before: before(limits.keep_request_keys_days),
        logins_before: before(LOGINS_KEPT_DAYS),
    };
    Ok(app.store.forget_outdated(outdated, AT_ONCE).await?)
}
