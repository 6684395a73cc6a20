//! Looks at published templates again, since people change though templates do not: each version once, then daily, and
//! some minutes after people have changed. What is found is kept for the template's managers to read.

use super::{Rhythm, go_round};
use crate::app::{App, Shared};
use crate::error::Error;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zhupi_engine::{Problem, Template, check_template, lint_template};
use zhupi_store::{Findings, Unchecked};

const POLL: Duration = Duration::from_secs(60);
/// What was found holds no longer than a day.
const OLD: Duration = Duration::from_secs(24 * 3600);
/// Many changes of people in a row are looked at together.
const SETTLED: Duration = Duration::from_secs(10 * 60);
/// More problems than this are not kept.
const MOST: usize = 500;

/// Looks at templates as they are due, until told to stop.
pub async fn run(app: Shared, stop: CancellationToken) {
    let rhythm = Rhythm { pause: || POLL, woken: None, trouble: "cannot look at the published templates" };
    go_round(&stop, rhythm, || check_one(&app)).await;
}

/// Looks at one template. `false`: there was none to look at.
pub async fn check_one(app: &App) -> Result<bool, Error> {
    let now = app.now_us();
    let before = |age: Duration| now - i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    let unchecked = app.store.list_unchecked(before(OLD), before(SETTLED), 1).await?;
    let Some(one) = unchecked.into_iter().next() else { return Ok(false) };
    let problems = look(app, &one).await?;
    let found = Findings {
        template: one.template,
        version: one.version,
        directory_version: one.directory_version,
        problems: serde_json::to_string(&problems).map_err(Error::internal)?,
        checked_at: now,
    };
    app.store.put_findings(one.tenant, &found).await?;
    Ok(true)
}

/// The directory is read anew: what is in memory may be older than the version that will be noted.
async fn look(app: &App, one: &Unchecked) -> Result<Vec<Problem>, Error> {
    let template = match app.template(one.tenant, one.template, one.version).await {
        Ok(template) => template,
        Err(Error::Internal(cause)) => {
            // It would stand in the way of all others.
            tracing::error!(%cause, template_id = %one.template, "a published template cannot be read");
            return Ok(vec![Problem::error("", "malformed", "the published version cannot be read")]);
        }
        Err(error) => return Err(error),
    };
    let directory = app.store.load_directory(one.tenant).await?;
    let of_children = app.check_children(one.tenant, &template).await?;
    let mut problems = tokio::task::spawn_blocking(move || problems_of(&template, &directory))
        .await
        .map_err(Error::internal)?;
    problems.extend(of_children);
    problems.truncate(MOST);
    Ok(problems)
}

fn problems_of(template: &Template, directory: &zhupi_engine::Directory) -> Vec<Problem> {
    let mut problems = check_template(template);
    problems.extend(lint_template(template, directory));
    problems
}
