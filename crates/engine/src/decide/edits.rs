//! Changes of the form while an instance runs: by people where their node allows it, by triggers, by what was waited for.
//! Each makes a new version of the content (semantics D2).

use super::Draft;
use crate::event::Event;
use crate::form::{
    Access, Changes, Edits, FieldAccess, FormData, RowId, Value, apply_edits, assign, compute, missing_values,
};
use crate::ids::{FieldId, NodeId, TokenId, UserId, VisitId};
use crate::instance::{Instance, VisitKind};
use crate::ledger::hex;
use crate::rejection::Rejection;
use crate::template::{Block, SetField, Template};
use sha2::{Digest, Sha256};

/// SHA-256, in hex, over the template's version and the values, attachments' ids among them.
pub(crate) fn digest(template_version: u32, form: &FormData) -> String {
    hex(&Sha256::digest(serde_json::to_vec(&(template_version, form)).unwrap_or_default()))
}

/// What somebody changed on his way through a decision.
pub(super) fn by_person(
    draft: &mut Draft<'_>,
    visit: VisitId,
    actor: UserId,
    edits: &Edits,
) -> Result<(), Rejection> {
    if edits.is_empty() {
        return Ok(());
    }
    let access = access_at(draft.template, &draft.instance, visit);
    let form = apply_edits(&draft.template.form, &access, &draft.instance.form, edits, draft.today());
    let form = form.map_err(|problems| Rejection::FormInvalid { problems })?;
    record(draft, Source { by: Some(actor), visit: Some(visit), for_good: None }, form);
    Ok(())
}

/// People who were brought in read the form and change nothing (semantics B5.4).
pub(super) fn check_none(draft: &Draft<'_>, edits: &Edits) -> Result<(), Rejection> {
    let read = FieldAccess::default();
    let form = apply_edits(&draft.template.form, &read, &draft.instance.form, edits, draft.today());
    form.map(|_| ()).map_err(|problems| Rejection::FormInvalid { problems })
}

/// Whether everything is filled in that people have to fill in at this visit.
pub(super) fn check_filled_in(draft: &Draft<'_>, visit: VisitId) -> Result<(), Rejection> {
    let access = access_at(draft.template, &draft.instance, visit);
    let problems = missing_values(&draft.template.form, &access, &draft.instance.form, draft.today());
    if problems.is_empty() { Ok(()) } else { Err(Rejection::FormInvalid { problems }) }
}

/// What people at a visit may do with the form. The initiator mends whatever there is.
pub fn access_at(template: &Template, instance: &Instance, visit: VisitId) -> FieldAccess {
    let Some(visit) = instance.visit(visit) else { return FieldAccess::default() };
    if visit.kind == VisitKind::Revise {
        let fields = template.form.fields.iter().map(|field| ((&field.id).into(), Access::Edit));
        return FieldAccess(fields.collect());
    }
    match template.block(&visit.node) {
        Some(Block::Approval(node)) => node.fields.clone(),
        Some(_) | None => FieldAccess::default(),
    }
}

/// What a trigger sets; `for_good` names it where that cannot be undone.
pub(super) fn set_by_rule(draft: &mut Draft<'_>, fields: &[SetField], for_good: Option<(NodeId, TokenId)>) {
    let sets = fields.iter().map(|set| (&set.field, set.formula.as_str()));
    let form = assign(&draft.template.form, &draft.instance.form, sets, draft.today());
    record(draft, Source { for_good, ..Source::default() }, form);
}

/// Values that came from what was waited for.
pub(super) fn take_over(draft: &mut Draft<'_>, visit: VisitId, values: FormData) {
    let mut form = (*draft.instance.form).clone();
    let known = values.0.into_iter().filter(|(field, _)| draft.template.form.field(field).is_some());
    form.0.extend(known);
    record(draft, Source { visit: Some(visit), ..Source::default() }, form);
}

/// Takes rows out of a table. Whether none is left.
pub(super) fn drop_rows(draft: &mut Draft<'_>, table: &FieldId, rows: &[RowId]) -> bool {
    let mut form = (*draft.instance.form).clone();
    let Some(Value::Rows(all)) = form.0.get_mut(table) else { return false };
    if rows.is_empty() {
        return false;
    }
    all.retain(|row| !rows.contains(&row.id));
    let none_left = all.is_empty();
    if none_left {
        form.0.remove(table);
    }
    record(draft, Source::default(), form);
    none_left
}

/// Where new values come from.
#[derive(Default)]
struct Source {
    by: Option<UserId>,
    visit: Option<VisitId>,
    for_good: Option<(NodeId, TokenId)>,
}

/// Records what really changes, with what the form reckons from it.
fn record(draft: &mut Draft<'_>, source: Source, form: FormData) {
    let form = compute(&draft.template.form, form, draft.today());
    let before = &draft.instance.form;
    let gone = before.0.keys().filter(|field| form.get(field).is_none()).map(|field| (field.clone(), None));
    let new = form.0.iter().filter(|(field, value)| before.get(field) != Some(*value));
    let new = new.map(|(field, value)| (field.clone(), Some(value.clone())));
    let edits: Changes = gone.chain(new).collect();
    if edits.is_empty() {
        return;
    }
    let digest = digest(draft.instance.template_version, &form);
    let Source { by, visit, for_good } = source;
    draft.emit(Event::FormEdited { at: draft.at, by, visit, edits, digest, for_good });
}
