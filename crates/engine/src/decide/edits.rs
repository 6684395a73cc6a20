//! Changes of the form while an instance runs: by people where their node allows it, by triggers, by what was waited for.
//! Each makes a new version of the content (semantics D2).

use super::{Draft, sweep, take_back, waiting};
use crate::approvers::changed_since;
use crate::command::Command;
use crate::event::Event;
use crate::form::{
    Access, Changes, Edit, Edits, Field, FieldAccess, FieldKey, Form, FormData, Row, RowId, Value,
    apply_edits, assign, compute, missing_values, read_partial, to_plain,
};
use crate::ids::{FieldId, NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{Instance, Visit, VisitKind};
use crate::ledger::hex;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::template::{Block, Separation, SetField, Template};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    let problems = rows_of_others(draft, visit, &form);
    if !problems.is_empty() {
        return Err(Rejection::FormInvalid { problems });
    }
    record(draft, Source { by: Some(actor), visit: Some(visit), ..Source::default() }, form);
    Ok(())
}

/// What the holder of a slot changed. People who were brought in read the form and change nothing (semantics B5.4).
pub(super) fn in_slot(
    draft: &mut Draft<'_>,
    slot: SlotId,
    actor: UserId,
    edits: &Edits,
) -> Result<(), Rejection> {
    let (visit, slot) = draft.instance.slot(slot).ok_or(Rejection::TaskNotFound { slot })?;
    let visit = visit.id;
    if slot.added_by.is_some() { check_none(draft, edits) } else { by_person(draft, visit, actor, edits) }
}

fn check_none(draft: &Draft<'_>, edits: &Edits) -> Result<(), Rejection> {
    let read = FieldAccess::default();
    let form = apply_edits(&draft.template.form, &read, &draft.instance.form, edits, draft.today());
    form.map(|_| ()).map_err(|problems| Rejection::FormInvalid { problems })
}

/// Whether everything is filled in that people have to fill in at this visit.
pub(super) fn check_filled_in(draft: &Draft<'_>, visit: VisitId) -> Result<(), Rejection> {
    let access = access_at(draft.template, &draft.instance, visit);
    let mut problems = missing_values(&draft.template.form, &access, &draft.instance.form, draft.today());
    for (table, own) in own_rows(draft.template, &draft.instance, visit) {
        let rows = rows_in(&draft.instance.form, table).iter().enumerate();
        let others: Vec<String> = rows
            .filter(|(_, row)| !own.contains(&row.id))
            .map(|(at, _)| format!("form.{table}[{at}]."))
            .collect();
        problems.retain(|problem| !others.iter().any(|path| problem.path.starts_with(path)));
    }
    if problems.is_empty() { Ok(()) } else { Err(Rejection::FormInvalid { problems }) }
}

/// What people at a visit may do with the form. The initiator mends whatever there is. In a branch that runs for rows of a
/// table, rows are neither added nor removed. Where the template knows no such node, it is the least that is allowed.
pub fn access_at(template: &Template, instance: &Instance, visit: VisitId) -> FieldAccess {
    let Some(visit) = instance.visit(visit) else { return FieldAccess::default() };
    if visit.kind == VisitKind::Revise {
        let fields = template.form.fields.iter().map(|field| ((&field.id).into(), Access::Edit));
        return FieldAccess(fields.collect());
    }
    let mut access = match template.block(&visit.node) {
        Some(Block::Approval(node)) => node.fields.clone(),
        Some(_) | None => template.hidden_somewhere(),
    };
    for (table, _) in own_rows(template, instance, visit.id) {
        fix_rows(&template.form, &mut access, table);
    }
    access
}

/// The rows for which the branch of a visit runs, by their table; nothing for a visit in no such branch (semantics D8).
fn own_rows<'i>(
    template: &'i Template,
    instance: &'i Instance,
    visit: VisitId,
) -> Vec<(&'i FieldId, &'i [RowId])> {
    let line = instance.visit(visit).map(|visit| instance.line_of(visit.token)).unwrap_or_default();
    let of = |token| {
        let token = instance.token(token)?;
        let rows = token.item.as_ref().map(|item| item.rows.as_slice()).filter(|rows| !rows.is_empty())?;
        match template.block(token.fork.as_ref()?) {
            Some(Block::Each(each)) => Some((&each.list, rows)),
            Some(_) | None => None,
        }
    };
    line.into_iter().filter_map(of).collect()
}

/// Whoever may edit a table as a whole edits its cells alone.
fn fix_rows(form: &Form, access: &mut FieldAccess, table: &FieldId) {
    let whole = access.of(table);
    if !matches!(whole, Access::Edit | Access::Require) {
        return;
    }
    for column in form.field(table).into_iter().flat_map(|table| &table.columns) {
        access.0.entry(FieldKey::column(table, &column.id)).or_insert(whole);
    }
    access.0.insert(table.into(), Access::Read);
}

/// What is wrong with values in which rows differ that belong to other branches. What the form reckons in them may differ.
fn rows_of_others(draft: &Draft<'_>, visit: VisitId, after: &FormData) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (table, own) in own_rows(draft.template, &draft.instance, visit) {
        let Some(field) = draft.template.form.field(table) else { continue };
        let filled_in = field.columns.iter().filter(|column| column.formula.is_none());
        let before = rows_in(&draft.instance.form, table);
        for (at, row) in rows_in(after, table).iter().enumerate().filter(|(_, row)| !own.contains(&row.id)) {
            let old = before.iter().find(|it| it.id == row.id);
            let same = |column: &Field| old.is_some_and(|old| old.get(&column.id) == row.get(&column.id));
            if !filled_in.clone().all(same) {
                let message = format!("this row of `{}` is decided by others", field.title);
                problems.push(Problem::error(format!("form.{table}[{at}]"), "field_not_editable", message));
            }
        }
    }
    problems
}

fn rows_in<'f>(form: &'f FormData, table: &FieldId) -> &'f [Row] {
    match form.get(table) {
        Some(Value::Rows(rows)) => rows,
        Some(_) | None => &[],
    }
}

/// The values as they stood before they changed.
pub(super) struct Values {
    content: u32,
    form: Arc<FormData>,
}

impl Values {
    pub(super) fn now(draft: &Draft<'_>) -> Self {
        Self { content: draft.instance.content(), form: draft.instance.form.clone() }
    }

    pub(super) fn content(&self) -> u32 {
        self.content
    }

    /// Whether something has changed since on which hangs what people at a visit decide: a material field. Where the branch
    /// runs for rows of a table, of that table only its own rows, and nothing that the form reckons from all of them.
    pub(super) fn bear_on(&self, draft: &Draft<'_>, visit: &Visit) -> bool {
        let changed = changed_since(self.content, draft.template, &draft.instance);
        if changed.is_empty() {
            return false;
        }
        let tables = own_rows(draft.template, &draft.instance, visit.id);
        let bears = |field: &FieldId| match tables.iter().find(|(table, _)| *table == field) {
            Some((table, own)) => {
                let rows = |form| rows_in(form, table).iter().filter(|row| own.contains(&row.id));
                !rows(&self.form).eq(rows(&draft.instance.form))
            }
            None if tables.is_empty() => true,
            None => draft.template.form.field(field).is_none_or(|field| field.formula.is_none()),
        };
        changed.iter().any(bears)
    }
}

/// Fields hold again what they held before somebody changed them with a decision that he takes back.
pub(super) fn undo(draft: &mut Draft<'_>, visit: VisitId, by: UserId, was: Changes) {
    let mut form = (*draft.instance.form).clone();
    for (field, value) in was {
        match value {
            Some(value) => form.0.insert(field, value),
            None => form.0.remove(&field),
        };
    }
    record(draft, Source { by: Some(by), visit: Some(visit), undo: true, ..Source::default() }, form);
}

/// What a trigger sets; `for_good` names it where that cannot be undone.
pub(super) fn set_by_rule(draft: &mut Draft<'_>, fields: &[SetField], for_good: Option<(NodeId, TokenId)>) {
    let sets = fields.iter().map(|set| (&set.field, set.formula.as_str()));
    let form = assign(&draft.template.form, &draft.instance.form, sets, draft.today());
    let before = Values::now(draft);
    record(draft, Source { for_good, ..Source::default() }, form);
    sweep::void_approvals(draft, &before, None);
}

/// Values that came from what was waited for. What does not fit its control is left out, with a warning.
pub(super) fn take_over(draft: &mut Draft<'_>, visit: Option<VisitId>, values: FormData) {
    let mut form = (*draft.instance.form).clone();
    for (id, value) in values.0 {
        let Some(field) = draft.template.form.field(&id) else { continue };
        match read_partial(&draft.template.form, &to_plain(&FormData([(id, value)].into()))) {
            Ok(fitting) => form.0.extend(fitting.0),
            Err(_) => {
                let warning =
                    format!("an answer holds a value that does not fit `{}`; it was left out", field.title);
                draft.emit(Event::DataWarned { warning });
            }
        }
    }
    let before = Values::now(draft);
    record(draft, Source { visit, ..Source::default() }, form);
    sweep::void_approvals(draft, &before, None);
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
    let before = Values::now(draft);
    record(draft, Source::default(), form);
    sweep::void_approvals(draft, &before, None);
    none_left
}

/// The values that fields will hold because of a command, as far as it brings them along: those that formulas reckon from them
/// are not among them. What has to be looked up outside hangs on them, such as who decided on an instance that they link.
pub fn values_brought(template: &Template, instance: &Instance, command: &Command) -> FormData {
    let edits = match command {
        Command::Submit(submit) => return submit.form.clone(),
        Command::Approve(opinion) | Command::Reject(opinion) | Command::Abstain(opinion) => &opinion.edits,
        Command::Return(request) => &request.opinion.edits,
        Command::Resubmit(request) => &request.edits,
        Command::TakeBack { slot } => return take_back::values_taken_back(instance, *slot),
        Command::Amend { values, .. } => return values.clone(),
        Command::Answer { visit, values, .. } => {
            let node = instance.visit(*visit).map(|visit| &visit.node);
            return node.map(|node| waiting::taken_values(template, node, values)).unwrap_or_default();
        }
        Command::Claim { .. }
        | Command::Release { .. }
        | Command::Transfer(_)
        | Command::Delegate(_)
        | Command::GiveOpinion { .. }
        | Command::AddSign(_)
        | Command::RemoveSign { .. }
        | Command::RemoveAdded { .. }
        | Command::Urge { .. }
        | Command::Withdraw { .. }
        | Command::Revoke { .. }
        | Command::Comment { .. }
        | Command::Tell { .. }
        | Command::MarkRead
        | Command::Intervene { .. }
        | Command::Migrate { .. }
        | Command::Fire { .. }
        | Command::Sweep
        | Command::Fail { .. }
        | Command::Warn { .. } => return FormData::default(),
    };
    let set = edits.0.iter().filter_map(|(field, edit)| match edit {
        Edit::Set(value) => Some((field.clone(), value.clone())),
        Edit::Clear | Edit::Rows(_) => None,
    });
    FormData(set.collect())
}

/// Where new values come from.
#[derive(Default)]
struct Source {
    by: Option<UserId>,
    visit: Option<VisitId>,
    for_good: Option<(NodeId, TokenId)>,
    undo: bool,
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
    let Source { by, visit, for_good, undo } = source;
    let linked = linked_anew(draft, &edits);
    draft.emit(Event::FormEdited { at: draft.at, by, visit, edits, linked, digest, for_good, undo });
}

/// Whoever may not decide here since other instances are linked now (semantics D9).
fn linked_anew(draft: &Draft<'_>, edits: &Changes) -> BTreeMap<FieldId, Vec<UserId>> {
    let rules = draft.template.settings.separation.iter().filter_map(|rule| match rule {
        Separation::Linked { field, .. } => Some(field),
        Separation::Nodes(_) => None,
    });
    let people = |field: &FieldId| {
        let found = draft.outside.linked.get(field).cloned();
        found.filter(|_| edits.get(field).is_some_and(Option::is_some)).unwrap_or_default()
    };
    rules.filter(|field| edits.contains_key(*field)).map(|field| (field.clone(), people(field))).collect()
}
