//! What is wrong with conditions: empty groups, unknown controls and options, tests that do not fit what they look at.

use super::{Compare, Condition, Ends, Figure, Group, Scope, Subject, Test};
use crate::form::{Field, FieldKind, Form, is_currency};
use crate::ids::{FieldId, OptionId};
use crate::problem::Problem;
use std::ops::RangeInclusive;

/// Most groups of a lane, and most conditions of a group.
const LIMIT: usize = 50;
const WEEKDAYS: RangeInclusive<u8> = 1..=7;

pub(crate) fn check_groups(groups: &[Group], form: &Form, path: &str, problems: &mut Vec<Problem>) {
    if groups.is_empty() {
        problems.push(Problem::error(
            path,
            "condition_missing",
            "the lane has no condition and is not the default",
        ));
    }
    if groups.len() > LIMIT {
        problems.push(Problem::error(path, "too_many", format!("a lane may have at most {LIMIT} groups")));
    }
    for (number, group) in groups.iter().enumerate() {
        let path = format!("{path}[{number}]");
        if group.conditions.is_empty() {
            problems.push(Problem::error(&path, "condition_missing", "the group has no condition"));
        }
        if group.conditions.len() > LIMIT {
            problems.push(Problem::error(
                &path,
                "too_many",
                format!("a group may have at most {LIMIT} conditions"),
            ));
        }
        for (number, condition) in group.conditions.iter().enumerate() {
            Check { form, path: format!("{path}[{number}]"), problems }.condition(condition);
        }
    }
}

/// What a test looks at, as far as its type goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Field(FieldKind),
    Initiator,
    Number,
    Lane,
}

struct Check<'a> {
    form: &'a Form,
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn condition(&mut self, condition: &Condition) {
        let Some((kind, field)) = self.subject(&condition.subject) else { return };
        if !fits(&condition.test, kind) {
            let what =
                field.as_ref().map_or("the initiator".to_owned(), |field| format!("`{}`", field.title));
            self.report("test", "test_unfit", format!("this test cannot be applied to {what}"));
        }
        self.constants(&condition.test, kind, field.as_ref());
    }

    /// The type of the fact, and the control whose options count.
    fn subject(&mut self, subject: &Subject) -> Option<(Kind, Option<Field>)> {
        match subject {
            Subject::Initiator => Some((Kind::Initiator, None)),
            Subject::Lane(_) => Some((Kind::Lane, None)),
            Subject::Field(id) => self.field(id).map(|field| (Kind::Field(field.kind), Some(field))),
            Subject::Duration { field, .. } => {
                let field = self.field(field)?;
                if field.kind != FieldKind::DateRange {
                    self.report("subject", "subject_unfit", format!("`{}` is no period", field.title));
                }
                Some((Kind::Number, Some(field)))
            }
            Subject::Rows { table, column, figure } => self.rows(table, column, *figure),
        }
    }

    fn rows(&mut self, table: &FieldId, column: &FieldId, figure: Figure) -> Option<(Kind, Option<Field>)> {
        let table = self.field(table)?;
        if table.kind != FieldKind::Table {
            self.report("subject", "subject_unfit", format!("`{}` is no table", table.title));
            return None;
        }
        if figure == Figure::Count {
            return Some((Kind::Number, Some(table)));
        }
        let Some(column) = table.columns.iter().find(|it| &it.id == column).cloned() else {
            let message = format!("the table `{}` has no column `{column}`", table.title);
            self.report("subject", "field_unknown", message);
            return None;
        };
        match figure {
            Figure::AnyRow | Figure::AllRows => Some((Kind::Field(column.kind), Some(column))),
            Figure::Sum | Figure::Max | Figure::Min | Figure::Count => {
                if !matches!(column.kind, FieldKind::Number | FieldKind::Money | FieldKind::Rating) {
                    self.report(
                        "subject",
                        "subject_unfit",
                        format!("the column `{}` has no numbers", column.title),
                    );
                }
                Some((Kind::Number, Some(column)))
            }
        }
    }

    fn field(&mut self, id: &FieldId) -> Option<Field> {
        let field = self.form.field(id).cloned();
        if field.is_none() {
            self.report("subject", "field_unknown", format!("the form has no field `{id}`"));
        }
        field
    }

    fn constants(&mut self, test: &Test, kind: Kind, field: Option<&Field>) {
        match test {
            Test::Number { currency, .. } => self.currency(currency.as_deref()),
            Test::Between { low, high, ends, currency } => {
                self.currency(currency.as_deref());
                if low > high || (low == high && *ends != Ends::Both) {
                    self.report("test", "range_empty", format!("no number lies between {low} and {high}"));
                }
            }
            Test::DateBetween { first, last } if first > last => {
                self.report("test", "range_empty", format!("no day lies between {first} and {last}"));
            }
            Test::In { options } | Test::NotIn { options } | Test::Choices { options, .. } => {
                self.options(options, field);
            }
            Test::Text { values, .. } if !all_filled_in(values) => self.no_constant(),
            Test::People { users, .. } if users.is_empty() => self.no_constant(),
            Test::HasExtension { extensions } if !all_filled_in(extensions) => self.no_constant(),
            Test::HasExtension { extensions } if extensions.iter().any(|it| it.contains('.')) => {
                self.report("test", "extension_unfit", "extensions are written without a dot".to_owned());
            }
            Test::Weekday { days } if days.is_empty() || !days.iter().all(|day| WEEKDAYS.contains(day)) => {
                self.report("test", "weekday_unknown", "weekdays are 1 (Monday) to 7 (Sunday)".to_owned());
            }
            Test::Belongs { scope } | Test::NotBelongs { scope } => self.scope(scope),
            Test::Field { op, field: other } => {
                if !matches!(op, Compare::Equal | Compare::NotEqual) && !is_ordered(kind) {
                    self.report(
                        "test",
                        "test_unfit",
                        "only numbers, amounts and dates have an order".to_owned(),
                    );
                }
                self.other_field(other, kind);
            }
            Test::IsEmpty
            | Test::NotEmpty
            | Test::Text { .. }
            | Test::People { .. }
            | Test::Date { .. }
            | Test::DateBetween { .. }
            | Test::WithinDays { .. }
            | Test::Weekday { .. }
            | Test::CountIs { .. }
            | Test::HasExtension { .. }
            | Test::Outcome(_) => {}
        }
    }

    fn options(&mut self, options: &[OptionId], field: Option<&Field>) {
        if options.is_empty() {
            self.no_constant();
        }
        // What another system offers is known only later.
        let Some(field) = field.filter(|field| field.options_source.is_none()) else { return };
        for option in options.iter().filter(|id| !field.options.iter().any(|it| &it.id == *id)) {
            self.report("test", "option_unknown", format!("`{}` has no option `{option}`", field.title));
        }
    }

    fn other_field(&mut self, other: &FieldId, kind: Kind) {
        match self.form.field(other) {
            None => self.report("test", "field_unknown", format!("the form has no field `{other}`")),
            Some(field) if Kind::Field(field.kind) != kind => {
                let message = format!("`{}` has another type", field.title);
                self.report("test", "test_unfit", message);
            }
            Some(_) => {}
        }
    }

    fn scope(&mut self, scope: &Scope) {
        if scope.is_everybody() {
            let problem =
                Problem::warning(&self.path, "scope_empty", "nobody is named, so this is true for everybody");
            self.problems.push(problem);
        }
    }

    fn currency(&mut self, currency: Option<&str>) {
        if let Some(currency) = currency.filter(|it| !is_currency(it)) {
            self.report("test", "currency_unknown", format!("`{currency}` is no currency such as CNY"));
        }
    }

    fn no_constant(&mut self) {
        self.report("test", "constant_missing", "there is nothing to compare with".to_owned());
    }

    fn report(&mut self, member: &str, code: &str, message: String) {
        self.problems.push(Problem::error(format!("{}.{member}", self.path), code, message));
    }
}

fn all_filled_in(constants: &[String]) -> bool {
    !constants.is_empty() && constants.iter().all(|it| !it.trim().is_empty())
}

fn is_ordered(kind: Kind) -> bool {
    use FieldKind as F;
    matches!(kind, Kind::Number | Kind::Field(F::Number | F::Money | F::Date | F::Rating))
}

fn fits(test: &Test, kind: Kind) -> bool {
    use FieldKind as F;
    match test {
        Test::IsEmpty | Test::NotEmpty => {
            !matches!(kind, Kind::Initiator | Kind::Lane | Kind::Field(F::Info))
        }
        Test::Number { .. } | Test::Between { .. } => {
            matches!(kind, Kind::Number | Kind::Field(F::Number | F::Money | F::Rating))
        }
        Test::Text { .. } => {
            matches!(kind, Kind::Field(F::Text | F::TextArea | F::RichText | F::Phone | F::Address))
        }
        Test::In { .. } | Test::NotIn { .. } => kind == Kind::Field(F::Select),
        Test::Choices { .. } => kind == Kind::Field(F::MultiSelect),
        Test::People { .. } => matches!(kind, Kind::Initiator | Kind::Field(F::Contact)),
        Test::Belongs { .. } | Test::NotBelongs { .. } => {
            matches!(kind, Kind::Initiator | Kind::Field(F::Contact | F::Department))
        }
        Test::Date { .. } | Test::DateBetween { .. } | Test::WithinDays { .. } | Test::Weekday { .. } => {
            matches!(kind, Kind::Field(F::Date | F::DateRange))
        }
        Test::CountIs { .. } => matches!(
            kind,
            Kind::Field(F::File | F::Image | F::Contact | F::Department | F::MultiSelect | F::Table)
        ),
        Test::HasExtension { .. } => matches!(kind, Kind::Field(F::File | F::Image)),
        Test::Outcome(_) => kind == Kind::Lane,
        Test::Field { .. } => matches!(
            kind,
            Kind::Field(
                F::Number
                    | F::Money
                    | F::Date
                    | F::Text
                    | F::TextArea
                    | F::RichText
                    | F::Phone
                    | F::Rating
                    | F::Select
                    | F::MultiSelect
                    | F::Contact
                    | F::Department
            )
        ),
    }
}
