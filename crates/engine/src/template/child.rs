//! What is wrong with a sub-process in view of the template it begins. A template by itself does not know it: `check.rs`.

use super::{ChildWait, SubProcess, Template};
use crate::form::{Field, FieldKind};
use crate::problem::Problem;

/// What keeps a node from beginning an instance of `child`, the published version of its template, or from taking over what
/// comes of it. `path` is where the node stands. What a rule of the form may hide is not looked for.
pub fn check_child(node: &SubProcess, path: &str, child: &Template) -> Vec<Problem> {
    let mut problems = Vec::new();
    let fields = &child.form.fields;
    for theirs in node.fill.keys().filter(|theirs| child.form.field(theirs).is_none()) {
        let message = format!("`{}` has no field `{theirs}`", child.name);
        problems.push(Problem::error(format!("{path}.fill.{theirs}"), "child_field_unknown", message));
    }
    if let ChildWait::Until { take, .. } = &node.wait {
        for (ours, theirs) in take.iter().filter(|(_, theirs)| child.form.field(theirs).is_none()) {
            let message = format!("`{}` has no field `{theirs}`", child.name);
            let path = format!("{path}.wait.until.take.{ours}");
            problems.push(Problem::error(path, "child_field_unknown", message));
        }
    }
    for field in fields.iter().filter(|field| is_wanted(field) && !node.fill.contains_key(&field.id)) {
        let message = format!(
            "`{}` requires `{}`, and nothing fills it here: it could not begin",
            child.name, field.id
        );
        problems.push(Problem::error(format!("{path}.fill"), "child_field_unfilled", message));
    }
    problems
}

/// A submission without it is refused, whatever else it holds.
fn is_wanted(field: &Field) -> bool {
    let fills_itself = field.formula.is_some() || field.default.is_some();
    field.required && field.kind != FieldKind::Info && field.show_if.is_none() && !fills_itself
}
