//! How an approval of an object begins: in one write with what it does to the object.

use super::{ENTITY_KEY, HiddenFields, Known, Teller, title_of};
use crate::app::App;
use crate::app::act::Submission;
use crate::error::Error;
use serde_json::Value as Json;
use std::sync::Arc;
use uuid::Uuid;
use zhupi_engine::entity::{
    Apply, Data, EntityType, FieldChange, Run, RunState, Timing, Trigger, facts_of, lay, plain,
};
use zhupi_engine::form::{Access, Field, FieldAccess, FormData, Value};
use zhupi_engine::ids::{FieldId, InstanceId};
use zhupi_engine::{Rejection, Submit, Template};
use zhupi_store::{EntityWrite, EntryKind, RunRow, TriggerRow};

/// A text control of this id gets what people know the object by.
pub const TITLE_FIELD: &str = "entity_title";
/// A text control of this id gets what the object says, line by line.
pub const BODY_FIELD: &str = "entity_body";

/// The longest title of an instance, and the longest body, in characters.
const TITLE_LIMIT: usize = 120;
const BODY_LIMIT: usize = 4000;

/// An approval that is about to begin.
pub(super) struct Begin<'a> {
    pub teller: Teller<'a>,
    pub known: &'a Known,
    pub rules: &'a TriggerRow,
    pub on: Timing,
    pub changes: Vec<FieldChange>,
}

impl App {
    /// Begins an approval, and makes its change where that is not staged. Both are written together, or neither.
    pub(super) async fn begin_run(self: &Arc<Self>, begin: Begin<'_>) -> Result<(), Error> {
        let tenant = begin.teller.tenant;
        let instance = InstanceId(Uuid::now_v7());
        let write = self.begin_write(&begin, instance);
        let row = self.store.load_template(tenant, begin.rules.template).await?.ok_or(Error::NotFound)?;
        let version = row.current_version.ok_or(Error::TemplateNotPublished)?;
        let template = self.template(tenant, row.id, version).await?;
        let submission = Submission {
            template: row.id,
            submit: self.submit_of(&begin, &write, &template).await?,
            business_key: Some(format!("{ENTITY_KEY}{}:{}", write.entity.entity_type, write.entity.id)),
            idempotency_key: None,
            instance: Some(instance),
            draft: None,
        };
        match self.submit_about(tenant, begin.teller.by, submission, write).await {
            Ok(_) => Ok(()),
            // Its id is new, so somebody else was faster with the object.
            Err(Error::Rejected(Rejection::AlreadySubmitted)) => Err(Error::Conflict),
            Err(error) => Err(error),
        }
    }

    fn begin_write(&self, begin: &Begin<'_>, instance: InstanceId) -> EntityWrite {
        let Begin { teller, known, rules, on, changes } = begin;
        let apply = rules.trigger.apply;
        let mut data = known.says();
        let kind = match (on, apply) {
            (Timing::Created, _) => {
                data.extend(teller.told.data.clone());
                if known.live().is_some() { EntryKind::Changed } else { EntryKind::Created }
            }
            (Timing::Updated | Timing::StageChanged, Apply::ThenRevert) => {
                lay(&mut data, changes);
                EntryKind::Ahead
            }
            (Timing::Updated | Timing::StageChanged, Apply::Staged) | (Timing::Deleted, _) => {
                EntryKind::Asked
            }
        };
        let mut write = self.next(*teller, known, data, kind, changes);
        write.entries.iter_mut().for_each(|entry| entry.instance = Some(instance));
        let run = Run { on: *on, apply, changes: changes.clone(), state: RunState::Running, conflict: None };
        write.run = Some(RunRow {
            instance,
            entity_type: write.entity.entity_type.clone(),
            entity_id: write.entity.id.clone(),
            trigger: rules.id,
            template: rules.template,
            run,
            submitter: teller.by,
            submitted_at: write.entity.updated_at,
            settled_at: None,
        });
        write
    }

    pub(super) async fn submit_of(
        &self,
        begin: &Begin<'_>,
        write: &EntityWrite,
        template: &Template,
    ) -> Result<Submit, Error> {
        let directory = self.directory(begin.teller.tenant).await?;
        let sort = &begin.known.sort;
        let mut asked = write.entity.data.clone();
        lay(&mut asked, &begin.changes);
        let title = title_of(sort, begin.teller.told.title.as_deref(), &asked);
        let title = if title.is_empty() { write.entity.title.clone() } else { title };
        // The text about the object is one control: what any node hides cannot stand in it.
        let mut told = asked.clone();
        for field in hidden_fields(&begin.rules.trigger, template, &template.hidden_somewhere()) {
            told.remove(&field);
        }
        let body = body_of(sort, write, &told, &begin.changes);
        let by = directory.user(begin.teller.by);
        Ok(Submit {
            title: shortened(&format!("{}:{title}", begin.rules.trigger.name), TITLE_LIMIT),
            department: by.and_then(|user| user.departments.first().copied()),
            form: form_of(
                template,
                &begin.rules.trigger,
                &asked,
                &[(TITLE_FIELD, &title), (BODY_FIELD, &body)],
            ),
            ..Submit::default()
        })
    }
}

/// What the approvers see of the object: controls take the fields the trigger says, or those with their own id, where the
/// values fit.
fn form_of(template: &Template, rules: &Trigger, asked: &Data, texts: &[(&str, &str)]) -> FormData {
    let mut form = FormData::default();
    for control in &template.form.fields {
        let text = texts.iter().find(|(id, _)| *id == control.id.as_str()).map(|(_, text)| text.trim());
        let value = match text {
            Some(text) => Some(Value::Text(text.to_owned())).filter(|_| !text.is_empty()),
            None => {
                let field = field_of(rules, control);
                let raw = asked.get(field).cloned().unwrap_or(Json::Null);
                let raw = Data::from_iter([(control.id.0.clone(), raw)]);
                facts_of(&[control], &raw).0.remove(&control.id)
            }
        };
        if let Some(value) = value {
            let id: FieldId = control.id.clone();
            form.0.insert(id, value);
        }
    }
    form
}

/// The fields of the object that are hidden from whoever may do this with the form. A table of which a column is hidden is
/// one value of the object: it is hidden as a whole.
pub(super) fn hidden_fields(rules: &Trigger, template: &Template, access: &FieldAccess) -> HiddenFields {
    let hidden = template.form.fields.iter().filter(|control| hides_some(access, control));
    hidden.map(|control| field_of(rules, control).to_owned()).collect()
}

/// Whether a control is hidden, or a column of it.
pub(super) fn hides_some(access: &FieldAccess, control: &Field) -> bool {
    let mut columns = control.columns.iter().map(|column| access.of_column(&control.id, &column.id));
    access.of(&control.id) == Access::Hide || columns.any(|access| access == Access::Hide)
}

/// The field of the object that a control takes.
fn field_of<'a>(rules: &'a Trigger, control: &'a Field) -> &'a str {
    rules.form.get(&control.id).map_or(control.id.as_str(), String::as_str)
}

/// What the object says, line by line; of a changed field what it said before, too.
fn body_of(sort: &EntityType, write: &EntityWrite, asked: &Data, changes: &[FieldChange]) -> String {
    let labels = &write.entity.labels;
    let known = |field: &str| {
        labels.contains_key(field) || sort.fields.fields.iter().any(|it| it.id.as_str() == field)
    };
    let is_update = write.run.as_ref().is_some_and(|run| run.run.on != Timing::Created);
    let line = |(field, value): (&String, &Json)| {
        let label = labels.get(field).map_or_else(|| sort.label(field), String::as_str);
        match changes.iter().find(|change| is_update && change.field == *field) {
            Some(change) => format!("{label}:{} → {}", plain(&change.old), plain(value)),
            None => format!("{label}:{}", plain(value)),
        }
    };
    let lines: Vec<String> = asked.iter().filter(|(field, _)| known(field)).map(line).collect();
    shortened(&lines.join("\n"), BODY_LIMIT)
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}
