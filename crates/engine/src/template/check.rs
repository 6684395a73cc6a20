//! What is wrong with a template.
use super::Template;
use crate::{Directory, Problem};
/// All problems of a template by itself, with paths. Nothing with an error may be published.
pub fn check_template(_template: &Template) -> Vec<Problem> {
    unimplemented!()
}
/// What the people of today make of it: roles without holders, departments without heads, disabled people. Warnings only.
pub fn lint_template(_template: &Template, _directory: &Directory) -> Vec<Problem> {
    unimplemented!()
}
