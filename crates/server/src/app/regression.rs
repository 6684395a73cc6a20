//! Trying a changed template on requests that are over, page by page, so that it can be broken off between two of them and
//! keeps nobody else waiting.

use crate::app::App;
use crate::error::Error;
use std::sync::Arc;
use zhupi_engine::ids::{TemplateId, TenantId};
use zhupi_engine::regression::{Case, Regression, Trial};
use zhupi_engine::{Directory, Template};
use zhupi_store::Page;

/// Most instances that are tried in one run.
pub const MOST_CASES: u32 = 1_000;

/// How many are read and tried at once.
const AT_ONCE: u32 = 50;

/// A template version and what is to become of it.
#[derive(Clone, Debug)]
pub struct Versions {
    pub old: Arc<Template>,
    pub new: Arc<Template>,
}

impl App {
    /// Tries the last so many finished instances of a template, at most [`MOST_CASES`]. Whoever does not wait for the
    /// answer any more ends it.
    pub async fn run_regression(
        &self,
        tenant: TenantId,
        template: TemplateId,
        versions: &Versions,
        last: u32,
    ) -> Result<Regression, Error> {
        let directory = self.directory(tenant).await?;
        let at = self.now();
        let mut report = Regression::default();
        let mut left = last.min(MOST_CASES);
        let mut after = None;
        while left > 0 {
            let page = Page { limit: left.min(AT_ONCE), after };
            let found = self.store.list_finished(tenant, template, &page).await?;
            let cases: Vec<Case> = found.rows.iter().map(|stored| Case::of(&stored.instance)).collect();
            left -= page.limit;
            report = try_cases(report, cases, (versions.clone(), Arc::clone(&directory), at)).await?;
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        Ok(report)
    }
}

async fn try_cases(
    mut report: Regression,
    cases: Vec<Case>,
    (versions, directory, at): (Versions, Arc<Directory>, jiff::Timestamp),
) -> Result<Regression, Error> {
    let work = move || {
        let Versions { old, new } = &versions;
        let trial = Trial { old, new, directory: &directory, at };
        cases.iter().for_each(|case| report.add(&trial, case));
        report
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
