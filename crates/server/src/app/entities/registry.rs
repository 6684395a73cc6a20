//! The register of sorts of objects, and the triggers: what there is, and who may change it. The usual sorts are data that
//! comes along; a workspace adds others, or its own word about one of them.

use crate::app::App;
use crate::error::Error;
use std::sync::OnceLock;
use uuid::Uuid;
use zhupi_engine::entity::{EntityType, Trigger, check_trigger, check_type};
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_engine::{Problem, Severity};
use zhupi_store::{EntityTypeRow, TemplateState, TriggerRow};

/// The sorts there are from the beginning.
pub fn standard() -> &'static [EntityType] {
    static STANDARD: OnceLock<Vec<EntityType>> = OnceLock::new();
    STANDARD.get_or_init(|| serde_json::from_str(include_str!("standard.json")).unwrap_or_default())
}

/// A sort, and how often the workspace has changed it: 0 for one that came along.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownType {
    pub sort: EntityType,
    pub revision: i64,
}

/// What somebody wants a trigger to be.
#[derive(Clone, PartialEq, Debug)]
pub struct TriggerDraft {
    pub entity_type: String,
    pub template: TemplateId,
    pub enabled: bool,
    pub trigger: Trigger,
}

impl App {
    /// Every sort of objects of the workspace: the usual ones, then those it added.
    pub async fn entity_types(&self, tenant: TenantId) -> Result<Vec<KnownType>, Error> {
        let mut own = self.store.list_entity_types(tenant).await?;
        let mut known = Vec::new();
        for usual in standard() {
            let changed = own.iter().position(|row| row.sort.key == usual.key).map(|place| own.remove(place));
            known.push(match changed {
                Some(row) => KnownType { sort: row.sort, revision: row.revision },
                None => KnownType { sort: usual.clone(), revision: 0 },
            });
        }
        known.extend(own.into_iter().map(|row| KnownType { sort: row.sort, revision: row.revision }));
        Ok(known)
    }

    /// The sort with this key.
    pub async fn entity_type(&self, tenant: TenantId, key: &str) -> Result<Option<EntityType>, Error> {
        let all = self.entity_types(tenant).await?;
        Ok(all.into_iter().map(|known| known.sort).find(|sort| sort.key == key))
    }

    /// Adds or changes a sort that is still at this revision; gives its new one.
    pub async fn put_entity_type(
        &self,
        tenant: TenantId,
        by: UserId,
        sort: EntityType,
        seen: i64,
    ) -> Result<i64, Error> {
        refuse_errors(check_type(&sort))?;
        let all = self.entity_types(tenant).await?;
        let now = all.iter().find(|known| known.sort.key == sort.key).map_or(0, |known| known.revision);
        if now != seen {
            return Err(Error::PreconditionFailed);
        }
        let row = EntityTypeRow { sort, revision: now + 1, updated_by: by, updated_at: self.now_us() };
        self.store.put_entity_type(tenant, &row).await.map_err(changed_meanwhile)?;
        Ok(row.revision)
    }

    /// Adds a trigger; its author administers the template it starts.
    pub async fn create_trigger(
        &self,
        tenant: TenantId,
        by: UserId,
        draft: TriggerDraft,
    ) -> Result<TriggerRow, Error> {
        self.check_draft(tenant, by, &draft).await?;
        let at = self.now_us();
        let row = TriggerRow {
            id: Uuid::now_v7(),
            entity_type: draft.entity_type,
            template: draft.template,
            enabled: draft.enabled,
            trigger: draft.trigger,
            revision: 1,
            created_by: by,
            created_at: at,
            updated_by: by,
            updated_at: at,
        };
        self.store.put_entity_trigger(tenant, &row).await?;
        Ok(row)
    }

    /// Changes a trigger that is still at this revision. What runs goes by the new rules.
    pub async fn update_trigger(
        &self,
        tenant: TenantId,
        by: UserId,
        id: Uuid,
        seen: i64,
        draft: TriggerDraft,
    ) -> Result<TriggerRow, Error> {
        let before = self.store.load_entity_trigger(tenant, id).await?.ok_or(Error::NotFound)?;
        self.template_to_change(tenant, by, before.template).await?;
        if before.revision != seen {
            return Err(Error::PreconditionFailed);
        }
        self.check_draft(tenant, by, &draft).await?;
        let row = TriggerRow {
            entity_type: draft.entity_type,
            template: draft.template,
            enabled: draft.enabled,
            trigger: draft.trigger,
            revision: before.revision + 1,
            updated_by: by,
            updated_at: self.now_us(),
            ..before
        };
        self.store.put_entity_trigger(tenant, &row).await.map_err(changed_meanwhile)?;
        Ok(row)
    }

    async fn check_draft(&self, tenant: TenantId, by: UserId, draft: &TriggerDraft) -> Result<(), Error> {
        self.template_to_change(tenant, by, draft.template).await?;
        let sort = self.entity_type(tenant, &draft.entity_type).await?;
        let Some(sort) = sort else {
            let message = format!("there is no entity type `{}`", draft.entity_type);
            return Err(Error::field("entity_type", message));
        };
        let mut problems = check_trigger(&draft.trigger, &sort);
        let hooks = [&draft.trigger.after.approved, &draft.trigger.after.rejected];
        for webhook in hooks.into_iter().filter_map(|hook| hook.webhook) {
            if self.store.load_webhook(tenant, webhook).await?.is_none() {
                let message = format!("there is no webhook `{webhook}`");
                problems.push(Problem::error("after", "webhook_unknown", message));
            }
        }
        refuse_errors(problems)
    }

    /// The enabled triggers of a sort whose templates can be submitted, the oldest first.
    pub(super) async fn ready_triggers(
        &self,
        tenant: TenantId,
        entity_type: &str,
    ) -> Result<Vec<TriggerRow>, Error> {
        let mut ready = Vec::new();
        for row in self.store.list_enabled_triggers(tenant, entity_type).await? {
            let template = self.store.load_template(tenant, row.template).await?;
            if template.is_some_and(|it| it.current_version.is_some() && it.state == TemplateState::Enabled) {
                ready.push(row);
            }
        }
        Ok(ready)
    }
}

fn refuse_errors(problems: Vec<Problem>) -> Result<(), Error> {
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Error::Invalid(problems));
    }
    Ok(())
}

fn changed_meanwhile(error: zhupi_store::Error) -> Error {
    match error {
        zhupi_store::Error::Conflict => Error::PreconditionFailed,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_sorts_are_there_and_sound() {
        let keys: Vec<&str> = standard().iter().map(|sort| sort.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "Lead",
                "Customer",
                "Contact",
                "Opportunity",
                "Contract",
                "ReceivedPaymentPlan",
                "ReceivedPayment",
                "Quotation"
            ]
        );
        for sort in standard() {
            assert_eq!(check_type(sort), [], "{}", sort.key);
        }
    }
}
