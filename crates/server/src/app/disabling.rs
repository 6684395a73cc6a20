//! Disabling a template together with what runs after it (semantics B19): each instance is ended in a write of its own. What
//! has ended is left alone, so that stopping half-way and beginning again does no harm.

use super::migration::{check_reason, of_one};
use crate::app::App;
use crate::app::act::Options;
use crate::caller::Caller;
use crate::error::Error;
use std::sync::Arc;
use zhupi_engine::Command;
use zhupi_engine::command::Intervention;
use zhupi_engine::ids::{InstanceId, TemplateId};
use zhupi_store::{Page, PageOf, TemplateState};

/// What became of an instance that was to end.
#[derive(Clone, Debug)]
pub struct Ended {
    pub instance: InstanceId,
    /// Why it goes on; absent where it has ended.
    pub refused: Option<Error>,
}

impl App {
    /// Disables a template and ends what runs among the instances of this page of all its instances, from new to old. Only for
    /// those who administer the template; without a reason nothing happens.
    pub async fn disable_and_end(
        self: &Arc<Self>,
        caller: &Caller,
        template: TemplateId,
        reason: &str,
        page: &Page,
    ) -> Result<PageOf<Ended>, Error> {
        let (tenant, actor) = (caller.tenant, caller.user);
        self.template_to_change(tenant, actor, template).await?;
        check_reason(reason)?;
        self.set_template_state(tenant, actor, template, TemplateState::Disabled).await?;
        let running = self.list_running(tenant, template, page).await?;
        let mut rows = Vec::with_capacity(running.rows.len());
        for row in running.rows {
            let command = Command::Intervene { what: Intervention::Terminate, reason: reason.to_owned() };
            let refused = match self.act(tenant, actor, row.id, command, Options::default()).await {
                Ok(_) => None,
                Err(error) => Some(of_one(error)?),
            };
            rows.push(Ended { instance: row.id, refused });
        }
        Ok(PageOf { rows, next: running.next })
    }
}
