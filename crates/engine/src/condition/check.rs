use super::Group;
use crate::form::Form;
use crate::problem::Problem;
pub(crate) fn check_groups(_groups: &[Group], _form: &Form, _path: &str, _problems: &mut Vec<Problem>) {}
