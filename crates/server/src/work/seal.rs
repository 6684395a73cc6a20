//! Makes a sealing job of each approval of a signing flow. The approval was written down together with the decision; the job
//! and the note that it was made are written together too, so that a crash anywhere loses none and doubles none.

use super::{Rhythm, go_round};
use crate::app::effects::SIGNING_KEY;
use crate::app::sealing::DocumentDigest;
use crate::app::{App, Shared};
use crate::error::Error;
use serde::Serialize;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zhupi_engine::Status;
use zhupi_store::{Delivery, SealJob, SealJobState};

const POLL: Duration = Duration::from_secs(2);

/// Makes jobs as flows are approved, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let rhythm = Rhythm { pause: || POLL, woken: Some(&app.wake.seals), trouble: "cannot make sealing jobs" };
    go_round(&stop, rhythm, || prepare_one(&app)).await;
}

/// Makes the job of one approval. `false`: there was none without a job.
pub async fn prepare_one(app: &App) -> Result<bool, Error> {
    let Some(approval) = app.store.list_approved_flows(1).await?.into_iter().next() else {
        return Ok(false);
    };
    match job_of(app, &approval).await {
        Ok(Some(job)) => app.store.create_seal_job(&approval, &job).await?,
        Ok(None) => app.store.refuse_seal_job(&approval).await?,
        Err(Error::Internal(cause)) => {
            // It would stand in the way of all others.
            tracing::error!(%cause, delivery_id = %approval.id, "no sealing job can be made of an approval");
            app.store.refuse_seal_job(&approval).await?;
        }
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// Nothing, where the instance is not the one that decides about the flow: anybody may write a flow's name on his own.
async fn job_of(app: &App, approval: &Delivery) -> Result<Option<SealJob>, Error> {
    let Ok(flow) = approval.target.parse::<Uuid>() else { return Ok(None) };
    if approval.instance.0 != flow || app.store.load_sign_flow(approval.tenant, flow).await?.is_none() {
        return Ok(None);
    }
    let Some(stored) = app.store.load_instance(approval.tenant, approval.instance).await? else {
        return Ok(None);
    };
    let key = stored.meta.business_key.as_deref().and_then(|key| key.strip_prefix(SIGNING_KEY));
    // While a revocation is asked about it is still approved; once it is granted there is nothing to seal.
    let approved = matches!(stored.instance.status, Status::Approved | Status::Revoking);
    if !approved || key != Some(approval.target.as_str()) {
        return Ok(None);
    }
    let documents = app.store.list_sign_documents(approval.tenant, flow).await?;
    let documents: Vec<_> = documents.iter().map(DocumentDigest::of).collect();
    let (placed, warnings) = app.wishes(approval.tenant, flow).await?;
    Ok(Some(SealJob {
        id: Uuid::now_v7(),
        flow,
        instance: approval.instance,
        state: SealJobState::Waiting,
        documents: text(&documents)?,
        positions: text(&placed)?,
        warnings: text(&warnings)?,
        created_at: app.now_us(),
    }))
}

fn text<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::internal)
}
