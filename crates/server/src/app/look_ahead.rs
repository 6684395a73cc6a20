//! Looking ahead with the facts that a submission would be decided on. Nothing is kept and nobody is told.

use crate::app::App;
use crate::error::Error;
use std::collections::BTreeMap;
use zhupi_engine::command::Outside;
use zhupi_engine::form::{FormData, Value};
use zhupi_engine::ids::{FieldId, TenantId, UserId};
use zhupi_engine::preview::{Assumptions, Given, simulate};
use zhupi_engine::template::Separation;
use zhupi_engine::{Preview, Submit, Template};

/// Somebody who wants to know what would become of a request.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub tenant: TenantId,
    /// Who looks.
    pub viewer: UserId,
    /// Who would ask.
    pub initiator: UserId,
    pub template: &'a Template,
    pub submit: &'a Submit,
}

impl App {
    /// The likely path of a submission, under assumptions that nothing is wrong with.
    pub async fn look_ahead(&self, look: Look<'_>, assumptions: Assumptions) -> Result<Preview, Error> {
        let Look { tenant, viewer, initiator, template, submit } = look;
        let directory = self.directory(tenant).await?;
        let linked = self.linked_for(tenant, template, &submit.form, viewer).await?;
        let given = Given { outside: Outside { linked, ..Outside::default() }, assumptions };
        Ok(simulate(template, &directory, initiator, submit, self.now(), &given)?)
    }

    /// Whoever took part in the instances that the template's separated duties are about, as far as the viewer may see
    /// those. A submission that links another one is refused.
    async fn linked_for(
        &self,
        tenant: TenantId,
        template: &Template,
        form: &FormData,
        viewer: UserId,
    ) -> Result<BTreeMap<FieldId, Vec<UserId>>, Error> {
        let mut linked = BTreeMap::new();
        for rule in &template.settings.separation {
            let Separation::Linked { field, .. } = rule else { continue };
            let Some(Value::Linked(other)) = form.get(field) else { continue };
            match self.see_instance(tenant, viewer, other.id).await {
                Ok(seen) => {
                    linked.insert(field.clone(), seen.stored.instance.took_part());
                }
                Err(Error::NotFound) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(linked)
    }
}
