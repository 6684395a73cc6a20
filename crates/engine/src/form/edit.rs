//! Changing the values of a running instance: what people at a node may change, what they must fill in, and what they do
//! not see.

use super::check::{invalid, list, read_partial, read_row_id, read_value, to_plain, unknown};
use super::rows::{Row, RowId, next_id};
use super::rules::{Rules, rows};
use super::{Access, Field, FieldAccess, FieldKind, Form, FormData, Value};
use crate::expression::Place;
use crate::ids::FieldId;
use crate::problem::Problem;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody wants changed, by control. What is not named stays as it is.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Edits(pub BTreeMap<FieldId, Edit>);

impl Edits {
    /// Nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One change.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// Another value.
    Set(Value),
    /// No value.
    Clear,
    /// The rows of a table as they shall be. Where rows may not be added or removed, those that are not named stay.
    Rows(Vec<RowEdit>),
}

/// A row as it shall be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RowEdit {
    /// Which; absent: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RowId>,
    /// Its changed values by column; `None` clears one. What is not named stays as it is.
    pub cells: BTreeMap<FieldId, Option<Value>>,
}

/// Reads changes from plain JSON, as `read_values` takes values: `null` clears, rows carry their number as `_row`. What
/// the form reckons itself is passed over. All problems, not the first.
pub fn read_edits(form: &Form, raw: &Map<String, Json>) -> Result<Edits, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut edits = BTreeMap::new();
    for (id, raw) in raw {
        let path = format!("form.{id}");
        match form.field(&FieldId::from(id.as_str())) {
            None => problems.push(unknown("form", id)),
            Some(field) if field.formula.is_some() => {}
            Some(field) => {
                if let Some(edit) = read_edit(field, raw, &path, &mut problems) {
                    edits.insert(field.id.clone(), edit);
                }
            }
        }
    }
    if problems.is_empty() { Ok(Edits(edits)) } else { Err(problems) }
}

fn read_edit(field: &Field, raw: &Json, path: &str, problems: &mut Vec<Problem>) -> Option<Edit> {
    if field.kind == FieldKind::Table && !raw.is_null() {
        return read_row_edits(field, raw, path, problems).map(Edit::Rows);
    }
    match read_value(field, raw, path) {
        Ok(value) => Some(value.map_or(Edit::Clear, Edit::Set)),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn read_row_edits(
    table: &Field,
    raw: &Json,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Vec<RowEdit>> {
    let rows = list(raw).map_err(|why| problems.push(invalid(path, table, &why))).ok()?;
    let mut edits = Vec::with_capacity(rows.len());
    for (number, row) in rows.iter().enumerate() {
        let path = format!("{path}[{number}]");
        let (Some(members), Ok(id)) = (row.as_object(), read_row_id(row)) else {
            problems.push(Problem::error(
                path,
                "value_invalid",
                "a row must be an object with a proper number",
            ));
            continue;
        };
        let mut cells = BTreeMap::new();
        for (column, raw) in members.iter().filter(|(column, _)| *column != RowId::MEMBER) {
            let Some(field) = table.columns.iter().find(|it| it.id.as_str() == column) else {
                problems.push(unknown(&path, column));
                continue;
            };
            match read_value(field, raw, &format!("{path}.{column}")) {
                Ok(_) if field.formula.is_some() => {}
                Ok(value) => {
                    cells.insert(field.id.clone(), value);
                }
                Err(problem) => problems.push(problem),
            }
        }
        edits.push(RowEdit { id, cells });
    }
    Some(edits)
}

/// The values after the changes of somebody who may do no more than `access` says, with everything that the form reckons
/// reckoned anew. Naming an unchanged value that he may only read is no fault. Refused with all problems: codes
/// `field_unknown`, `field_not_editable`, `rows_not_editable`, `row_unknown`, `value_invalid`, `currency_mixed`.
/// `today` is the day in the workspace's time zone.
pub fn apply_edits(
    form: &Form,
    access: &FieldAccess,
    before: &FormData,
    edits: &Edits,
    today: Date,
) -> Result<FormData, Vec<Problem>> {
    let mut edit = Editing { access, problems: Vec::new() };
    let mut after = before.clone();
    for (id, change) in &edits.0 {
        match form.field(id) {
            // What is hidden from somebody is not there for him, and its title is not told.
            Some(field) if access.of(&field.id) == Access::Hide => {
                edit.problems.push(unknown("form", id.as_str()));
            }
            None => edit.problems.push(unknown("form", id.as_str())),
            Some(field) if field.formula.is_some() => {}
            Some(field) => edit.field(field, before, change, &mut after),
        }
    }
    let mut problems = edit.problems;
    problems.extend(read_partial(form, &to_plain(&after)).err().unwrap_or_default());
    let computed = Rules::of(form).0.compute(after, today);
    problems.extend(computed.problems);
    if problems.is_empty() { Ok(computed.data) } else { Err(problems) }
}

/// What somebody at a node has to fill in before he may approve: what the form requires or the node insists on, as far as
/// he may edit it. The values are those `apply_edits` gave.
pub fn missing_values(form: &Form, access: &FieldAccess, data: &FormData, today: Date) -> Vec<Problem> {
    if access.is_empty() {
        return Vec::new();
    }
    let of = |place: Place| match place {
        Place::Field(number) => form.fields.get(number).map(|field| access.of(&field.id)),
        Place::Column(table, column) => form.fields.get(table).and_then(|table| {
            table.columns.get(column).map(|column| access.of_column(&table.id, &column.id))
        }),
    };
    let must = |place: Place, by_form: bool| match of(place) {
        Some(Access::Require) => true,
        Some(Access::Edit) => by_form,
        Some(Access::Read | Access::Hide) | None => false,
    };
    Rules::of(form).0.missing(data, today, must)
}

/// The form without the controls and columns that somebody does not see.
pub fn visible_form(form: &Form, access: &FieldAccess) -> Form {
    let mut visible = form.clone();
    visible.fields.retain(|field| access.of(&field.id) != Access::Hide);
    for table in &mut visible.fields {
        let id = table.id.clone();
        table.columns.retain(|column| access.of_column(&id, &column.id) != Access::Hide);
    }
    visible
}

/// The values without those that somebody at a node does not see. Those of controls and columns that the form does not have,
/// such as those of another version, nobody sees: no node says who may.
pub fn visible_values(form: &Form, access: &FieldAccess, data: &FormData) -> FormData {
    let mut visible = FormData::default();
    for field in form.fields.iter().filter(|it| access.of(&it.id) != Access::Hide) {
        let Some(mut value) = data.get(&field.id).cloned() else { continue };
        if let Value::Rows(rows) = &mut value {
            let shown = |column: &FieldId| {
                let known = field.columns.iter().any(|it| &it.id == column);
                known && access.of_column(&field.id, column) != Access::Hide
            };
            rows.iter_mut().for_each(|row| row.cells.0.retain(|column, _| shown(column)));
        }
        visible.0.insert(field.id.clone(), value);
    }
    visible
}

struct Editing<'a> {
    access: &'a FieldAccess,
    problems: Vec<Problem>,
}

impl Editing<'_> {
    fn field(&mut self, field: &Field, before: &FormData, change: &Edit, after: &mut FormData) {
        let path = format!("form.{}", field.id);
        let access = self.access.of(&field.id);
        let value = match change {
            Edit::Rows(edits) if field.kind == FieldKind::Table => {
                let rows = self.rows(field, rows(before, field), edits, &path);
                (!rows.is_empty()).then_some(Value::Rows(rows))
            }
            Edit::Set(_) | Edit::Clear | Edit::Rows(_) => {
                let value = match change {
                    Edit::Set(value) => Some(value.clone()),
                    Edit::Clear | Edit::Rows(_) => None,
                };
                if !may_become(access, before.get(&field.id), value.as_ref()) {
                    self.not_editable(path, field);
                }
                value
            }
        };
        match value {
            Some(value) => after.0.insert(field.id.clone(), value),
            None => after.0.remove(&field.id),
        };
    }

    /// The rows as they shall be: with rows added and removed by whoever may edit the table, else with changed cells.
    fn rows(&mut self, table: &Field, before: &[Row], edits: &[RowEdit], path: &str) -> Vec<Row> {
        let whole = can_edit(self.access.of(&table.id));
        let mut named = BTreeSet::new();
        let mut after = Vec::with_capacity(edits.len());
        for (number, edit) in edits.iter().enumerate() {
            let path = format!("{path}[{number}]");
            let old = edit.id.and_then(|id| before.iter().find(|row| row.id == id));
            match (edit.id, old) {
                (Some(id), None) => {
                    let message = format!("`{}` has no row {id}", table.title);
                    self.problems.push(Problem::error(path, "row_unknown", message));
                }
                (Some(id), Some(_)) if !named.insert(id) => {
                    let message = format!("row {id} is named twice");
                    self.problems.push(Problem::error(path, "row_unknown", message));
                }
                (None, _) if !whole => self.rows_fixed(path, table),
                (id, old) => {
                    let highest = before.iter().chain(&after).map(|row: &Row| &row.id);
                    let id = id.unwrap_or_else(|| next_id(highest));
                    let cells = self.cells(table, old, &edit.cells, &path);
                    after.push(Row { id, cells });
                }
            }
        }
        if whole {
            return after;
        }
        let changed = |row: &Row| after.iter().find(|it| it.id == row.id).unwrap_or(row).clone();
        before.iter().map(changed).collect()
    }

    fn cells(
        &mut self,
        table: &Field,
        old: Option<&Row>,
        changes: &BTreeMap<FieldId, Option<Value>>,
        path: &str,
    ) -> FormData {
        let mut cells = old.map(|row| row.cells.clone()).unwrap_or_default();
        for (id, value) in changes {
            let Some(column) = table.columns.iter().find(|it| &it.id == id) else {
                self.problems.push(unknown(path, id.as_str()));
                continue;
            };
            let access = self.access.of_column(&table.id, id);
            if access == Access::Hide {
                self.problems.push(unknown(path, id.as_str()));
                continue;
            }
            if column.formula.is_some() {
                continue;
            }
            if !may_become(access, cells.get(id), value.as_ref()) {
                self.not_editable(format!("{path}.{id}"), column);
            }
            match value {
                Some(value) => cells.0.insert(id.clone(), value.clone()),
                None => cells.0.remove(id),
            };
        }
        cells
    }

    fn not_editable(&mut self, path: String, field: &Field) {
        let message = format!("`{}` cannot be changed here", field.title);
        self.problems.push(Problem::error(path, "field_not_editable", message));
    }

    fn rows_fixed(&mut self, path: String, table: &Field) {
        let message = format!("rows of `{}` cannot be added or removed here", table.title);
        self.problems.push(Problem::error(path, "rows_not_editable", message));
    }
}

fn can_edit(access: Access) -> bool {
    match access {
        Access::Edit | Access::Require => true,
        Access::Read | Access::Hide => false,
    }
}

/// Whoever does not see a value must not find it out by naming it.
fn may_become(access: Access, before: Option<&Value>, after: Option<&Value>) -> bool {
    match access {
        Access::Edit | Access::Require => true,
        Access::Read => before == after,
        Access::Hide => false,
    }
}
