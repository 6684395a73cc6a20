//! Asking once more what was asked before (semantics B4.8): what of an ended instance fits the version of the template that
//! is submitted now, and what does not.

use super::submit::{check_picks, may_name_cc};
use super::{Draft, Purpose, check_active};
use crate::directory::Directory;
use crate::form::{Field, FieldAccess, FieldKind, Form, RowId, read_partial, to_plain, visible_values};
use crate::ids::{DepartmentId, FieldId, NodeId, UserId};
use crate::instance::Instance;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::template::Template;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// What can be asked once more.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Copied {
    /// The title its initiator gave it; empty where it was made of names or by a rule.
    pub title: String,
    /// In which of his departments.
    pub department: Option<DepartmentId>,
    /// Values as a submission takes them, files among them. What the form reckons is reckoned anew.
    pub form: Map<String, Json>,
    /// Whom he picked, by node.
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
    /// Whom he wanted told.
    pub cc: Vec<UserId>,
    /// What does not fit any more and is left out, each with its path: `form.days`, `picks.lead`.
    pub left_out: Vec<Problem>,
}

/// Whether somebody may ask once more: whoever asked, once it has ended.
pub fn may_copy(instance: &Instance, directory: &Directory, actor: UserId) -> Result<(), Rejection> {
    if instance.initiator != actor {
        return Err(Rejection::NotInitiator);
    }
    check_active(directory, actor)?;
    if instance.status.is_ended() { Ok(()) } else { Err(Rejection::NotOffered { action: "copy" }) }
}

/// What an instance of one version asked, for a submission of another. Values that `access` hides are left out without a
/// word.
pub fn copy(
    instance: &Instance,
    (from, to): (&Template, &Template),
    directory: &Directory,
    access: &FieldAccess,
    at: Timestamp,
) -> Copied {
    let nobody = Instance::draft(instance.id, instance.template, 0, instance.initiator);
    let draft = Draft::new(to, directory, &nobody, at, Purpose::Preview);
    let mut copied = Copied { title: own_title(instance, from, directory), ..Copied::default() };
    let values = to_plain(&visible_values(&from.form, access, &instance.form));
    for (id, value) in values {
        copied.value((&from.form, &to.form), &FieldId::from(id.as_str()), value);
    }
    let own = directory.user(instance.initiator).map_or(&[][..], |user| &user.departments);
    match instance.department {
        Some(department) if !own.contains(&department) => {
            copied.leave_out("department", "not_in_department", "the initiator left this department");
        }
        department => copied.department = department,
    }
    for (node, people) in &instance.picks {
        let one = [(node.clone(), people.clone())].into();
        match check_picks(&draft, &one) {
            Ok(()) => copied.picks.extend(one),
            Err(refusal) => copied.leave_out(&format!("picks.{node}"), refusal.code(), refusal.to_string()),
        }
    }
    copied.people_told(instance, &draft);
    copied
}

/// Words that are neither made of names nor by a rule.
fn own_title(instance: &Instance, from: &Template, directory: &Directory) -> String {
    let made = from.settings.title_rule.is_some()
        || instance.title == format!("{} · {}", from.name, directory.name(instance.initiator));
    if made { String::new() } else { instance.title.clone() }
}

impl Copied {
    fn leave_out(&mut self, path: &str, code: &str, message: impl Into<String>) {
        self.left_out.push(Problem::warning(path, code, message));
    }

    fn value(&mut self, (from, to): (&Form, &Form), id: &FieldId, value: Json) {
        let is_reckoned = |field: &Field| field.formula.is_some() || field.kind == FieldKind::Info;
        let path = format!("form.{id}");
        match to.field(id) {
            None => {
                let title = from.field(id).map_or(id.as_str(), |field| field.title.as_str());
                self.leave_out(&path, "field_unknown", format!("the form has no field `{title}` any more"));
            }
            Some(field) if is_reckoned(field) => {}
            Some(table) if table.kind == FieldKind::Table => {
                if let Some(rows) = self.rows(to, table, value) {
                    self.form.insert(id.to_string(), rows);
                }
            }
            Some(_) => match read_partial(to, &one(id, value.clone())) {
                Ok(_) => {
                    self.form.insert(id.to_string(), value);
                }
                Err(problems) => self.left_out.extend(problems.into_iter().map(as_warning)),
            },
        }
    }

    /// The rows with those of their cells that fit, under new numbers.
    fn rows(&mut self, to: &Form, table: &Field, value: Json) -> Option<Json> {
        let Json::Array(rows) = value else {
            let message = format!("`{}` is a table now", table.title);
            self.leave_out(&format!("form.{}", table.id), "value_invalid", message);
            return None;
        };
        let mut kept = Vec::with_capacity(rows.len());
        for (number, row) in rows.into_iter().enumerate() {
            let Json::Object(cells) = row else { continue };
            let mut fitting = Map::new();
            for (column, cell) in cells.into_iter().filter(|(column, _)| column != RowId::MEMBER) {
                let own = table.columns.iter().find(|it| it.id.as_str() == column);
                if own.is_some_and(|it| it.formula.is_some()) {
                    continue;
                }
                let alone = Json::Array(vec![Json::Object(Map::from_iter([(column.clone(), cell.clone())]))]);
                match read_partial(to, &one(&table.id, alone)) {
                    Ok(_) => {
                        fitting.insert(column, cell);
                    }
                    Err(problems) => {
                        let path = format!("form.{}[{number}].{column}", table.id);
                        let moved = |it| Problem { path: path.clone(), ..as_warning(it) };
                        self.left_out.extend(problems.into_iter().map(moved));
                    }
                }
            }
            kept.push(Json::Object(fitting));
        }
        Some(Json::Array(kept))
    }

    /// Whom the initiator named himself when he asked.
    fn people_told(&mut self, instance: &Instance, draft: &Draft<'_>) {
        let himself = |it: &&crate::instance::CcEntry| {
            it.by == Some(instance.initiator) && it.node.is_none() && Some(it.at) == instance.submitted_at
        };
        for entry in instance.cc.iter().filter(himself) {
            let path = format!("cc.{}", entry.user);
            if !may_name_cc(draft.template) {
                let refusal = Rejection::CcNotAllowed { field: "cc" };
                self.leave_out(&path, refusal.code(), refusal.to_string());
            } else if let Err(refusal) = check_active(draft.directory, entry.user) {
                self.leave_out(&path, refusal.code(), refusal.to_string());
            } else {
                self.cc.push(entry.user);
            }
        }
    }
}

fn one(id: &FieldId, value: Json) -> Map<String, Json> {
    Map::from_iter([(id.to_string(), value)])
}

/// It is left out, and nothing has to be mended for that.
fn as_warning(problem: Problem) -> Problem {
    Problem::warning(problem.path, &problem.code, problem.message)
}
