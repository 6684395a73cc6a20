//! Whether conditions hold, and what they saw. Total: an unknown or empty value makes every test false but `IsEmpty`.

use super::{Compare, Condition, DurationUnit, Ends, Figure, Group, Scope, SetOp, Subject, Test, TextOp};
use crate::directory::Directory;
use crate::form::{DEFAULT_CURRENCY, DateRange, Field, Form, FormData, Value};
use crate::ids::{DepartmentId, FieldId, OptionId, UserId};
use crate::instance::{Instance, Outcome};
use jiff::civil::{Date, DateTime, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The controls, for what they say about their values.
    pub fields: &'a Form,
    /// The values now.
    pub form: &'a FormData,
    /// Who submitted.
    pub initiator: UserId,
    /// The department he chose.
    pub department: Option<DepartmentId>,
    /// The day of evaluation in the workspace's time zone.
    pub today: Date,
    /// The people.
    pub directory: &'a Directory,
    /// The instance, for what came of its branches; absent where there is none yet.
    pub instance: Option<&'a Instance>,
}

/// What became of OR-ed groups: kept as the reason of a lane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GroupsOutcome {
    /// At least one group held.
    pub holds: bool,
    /// Each group up to the first that held; in each, the conditions up to the first that failed.
    pub groups: Vec<Vec<ConditionOutcome>>,
}

/// What became of one condition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConditionOutcome {
    /// Whether it held.
    pub holds: bool,
    /// The value it saw, for people; absent where there was none.
    pub saw: Option<String>,
}

/// Whether one of the groups holds. No groups: none holds.
pub fn evaluate_groups(groups: &[Group], facts: &Facts<'_>) -> GroupsOutcome {
    let mut outcome = GroupsOutcome { holds: false, groups: Vec::new() };
    for group in groups {
        let (holds, conditions) = evaluate_group(group, facts);
        outcome.groups.push(conditions);
        if holds {
            outcome.holds = true;
            break;
        }
    }
    outcome
}

/// Whether a test that looks at nothing but a value of this control holds for it.
pub(super) fn holds_alone(test: &Test, value: &Value, field: Option<&Field>) -> bool {
    let nothing = Facts {
        fields: &Form::default(),
        form: &FormData::default(),
        initiator: uuid::Uuid::nil().into(),
        department: None,
        today: Date::default(),
        directory: &Directory::default(),
        instance: None,
    };
    holds(test, &fact_of(value, || field), &nothing)
}

fn evaluate_group(group: &Group, facts: &Facts<'_>) -> (bool, Vec<ConditionOutcome>) {
    let mut seen = Vec::new();
    for condition in &group.conditions {
        let outcome = evaluate(condition, facts);
        let holds = outcome.holds;
        seen.push(outcome);
        if !holds {
            return (false, seen);
        }
    }
    (!group.conditions.is_empty(), seen)
}

fn evaluate(condition: &Condition, facts: &Facts<'_>) -> ConditionOutcome {
    let fact = look_up(&condition.subject, facts);
    let holds = match (&condition.subject, &fact) {
        (Subject::Rows { table, column, figure: Figure::AnyRow }, _) => {
            cells(facts, table, column).iter().any(|cell| holds(&condition.test, cell, facts))
        }
        (Subject::Rows { table, column, figure: Figure::AllRows }, _) => {
            let cells = cells(facts, table, column);
            !cells.is_empty() && cells.iter().all(|cell| holds(&condition.test, cell, facts))
        }
        (_, fact) => holds(&condition.test, fact, facts),
    };
    ConditionOutcome { holds, saw: fact.words(facts.directory) }
}

/// A fact, brought to what tests understand.
#[derive(Clone, PartialEq, Debug)]
enum Fact<'a> {
    None,
    /// Anything but money.
    Value(&'a Value),
    Number(Decimal),
    Money {
        amount: Decimal,
        currency: &'a str,
        /// The currency of the control, in which constants are stated that name none.
        own: &'a str,
    },
    Initiator,
    Outcome(Outcome),
}

fn look_up<'a>(subject: &Subject, facts: &Facts<'a>) -> Fact<'a> {
    match subject {
        Subject::Field(id) => {
            facts.form.get(id).map_or(Fact::None, |value| fact_of(value, || facts.fields.field(id)))
        }
        Subject::Initiator => Fact::Initiator,
        Subject::Lane(id) => {
            facts.instance.and_then(|it| it.outcome_of(id)).map_or(Fact::None, Fact::Outcome)
        }
        Subject::Rows { table, column, figure } => figure_of(&cells(facts, table, column), *figure),
        Subject::Duration { field, unit } => match facts.form.get(field) {
            Some(Value::DateRange(range)) => Fact::Number(duration(range, *unit)),
            _ => Fact::None,
        },
    }
}

fn fact_of<'a>(value: &'a Value, field: impl FnOnce() -> Option<&'a Field>) -> Fact<'a> {
    match value {
        Value::Money(money) => Fact::Money {
            amount: money.amount,
            currency: &money.currency,
            own: field().map_or(DEFAULT_CURRENCY, Field::own_currency),
        },
        other => Fact::Value(other),
    }
}

fn cells<'a>(facts: &Facts<'a>, table: &FieldId, column: &FieldId) -> Vec<Fact<'a>> {
    let Some(Value::Rows(rows)) = facts.form.get(table) else { return Vec::new() };
    let field = facts.fields.field(table).and_then(|it| it.columns.iter().find(|it| &it.id == column));
    rows.iter().map(|row| row.get(column).map_or(Fact::None, |value| fact_of(value, || field))).collect()
}

fn figure_of<'a>(cells: &[Fact<'a>], figure: Figure) -> Fact<'a> {
    let mut numbers = cells.iter().filter_map(Fact::amount);
    let number = match figure {
        Figure::Count => return Fact::Number(Decimal::from(cells.len())),
        Figure::Sum => numbers.try_fold(Decimal::ZERO, |sum, it| sum.checked_add(it)),
        Figure::Max => numbers.max(),
        Figure::Min => numbers.min(),
        Figure::AnyRow | Figure::AllRows => None,
    };
    let mut currencies = cells.iter().filter_map(Fact::currencies);
    match (number, currencies.next()) {
        (None, _) => Fact::None,
        (Some(number), None) => Fact::Number(number),
        // Amounts of several currencies have no figure.
        (Some(_), Some(first)) if currencies.any(|other| other != first) => Fact::None,
        (Some(amount), Some((currency, own))) => Fact::Money { amount, currency, own },
    }
}

/// Days and half days count both ends: Monday to Tuesday is 2 days; a period that ends before noon loses half a day, one
/// that starts at noon or later too. An end at midnight is an end without a time part: that whole day is counted.
pub(crate) fn duration(range: &DateRange, unit: DurationUnit) -> Decimal {
    let days = i64::from((range.end.date() - range.start.date()).get_days());
    match unit {
        DurationUnit::Days => Decimal::from(days + 1),
        DurationUnit::HalfDays => {
            let late_start = range.start.hour() >= 12;
            let early_end = range.end.hour() < 12 && range.end.time() != Time::midnight();
            Decimal::from((days + 1) * 2 - i64::from(late_start) - i64::from(early_end))
        }
        DurationUnit::Hours => {
            let seconds = range.end.duration_since(range.start).as_secs();
            Decimal::from(seconds) / Decimal::from(3600)
        }
    }
}

impl<'a> Fact<'a> {
    /// As a number; money only in the currency asked for, which is the control's own where none is named.
    fn number(&self, asked: Option<&str>) -> Option<Decimal> {
        match self.currencies() {
            Some((currency, own)) if currency != asked.unwrap_or(own) => None,
            Some(_) | None => self.amount(),
        }
    }

    fn amount(&self) -> Option<Decimal> {
        match self {
            Fact::Number(number) | Fact::Value(Value::Number(number)) => Some(*number),
            Fact::Money { amount, .. } => Some(*amount),
            Fact::None | Fact::Value(_) | Fact::Initiator | Fact::Outcome(_) => None,
        }
    }

    /// Of money: its currency, and that of its control.
    fn currencies(&self) -> Option<(&'a str, &'a str)> {
        match self {
            Fact::Money { currency, own, .. } => Some((currency, own)),
            Fact::None | Fact::Value(_) | Fact::Number(_) | Fact::Initiator | Fact::Outcome(_) => None,
        }
    }

    fn date(&self) -> Option<Date> {
        match self {
            Fact::Value(Value::Date(date)) => Some(DateTime::date(*date)),
            Fact::Value(Value::DateRange(range)) => Some(range.start.date()),
            _ => None,
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Fact::Value(Value::Text(text)) => Some(Cow::Borrowed(text.trim())),
            Fact::Value(Value::Address(address)) => Some(Cow::Owned(address.words())),
            _ => None,
        }
    }

    fn count(&self) -> Option<usize> {
        match self {
            Fact::Value(value) => Some(value.entries()),
            Fact::None | Fact::Number(_) | Fact::Money { .. } | Fact::Initiator | Fact::Outcome(_) => None,
        }
    }

    /// The one option that was chosen.
    fn choice(&self) -> Option<&OptionId> {
        match self {
            Fact::Value(Value::Choice(option)) => Some(option),
            Fact::Value(Value::Sourced(options)) => options.first().map(|option| &option.id),
            _ => None,
        }
    }

    /// The options that were chosen.
    fn choices(&self) -> Option<BTreeSet<OptionId>> {
        match self {
            Fact::Value(Value::Choices(options)) => Some(options.clone()),
            Fact::Value(Value::Sourced(options)) => Some(options.iter().map(|it| it.id.clone()).collect()),
            _ => None,
        }
    }

    /// For people to read.
    fn words(&self, directory: &Directory) -> Option<String> {
        match self {
            Fact::None => None,
            Fact::Number(number) | Fact::Value(Value::Number(number)) => Some(number.to_string()),
            Fact::Initiator => Some("initiator".to_owned()),
            Fact::Outcome(Outcome::Approved) => Some("approved".to_owned()),
            Fact::Outcome(Outcome::Rejected) => Some("rejected".to_owned()),
            Fact::Value(Value::Text(text)) => Some(text.chars().take(200).collect()),
            Fact::Money { amount, currency, .. } => Some(format!("{amount} {currency}")),
            Fact::Value(Value::Money(money)) => Some(format!("{} {}", money.amount, money.currency)),
            Fact::Value(Value::Date(date)) => Some(date.to_string()),
            Fact::Value(Value::DateRange(range)) => Some(format!("{} to {}", range.start, range.end)),
            Fact::Value(Value::Choice(option)) => Some(option.0.clone()),
            Fact::Value(Value::Choices(options)) => Some(join(options.iter().map(|it| it.0.clone()))),
            Fact::Value(Value::People(users)) => Some(join(users.iter().map(|id| directory.name(*id)))),
            Fact::Value(Value::Departments(all)) => Some(join(
                all.iter().map(|id| directory.department(*id).map_or(id.to_string(), |it| it.name.clone())),
            )),
            Fact::Value(Value::Files(files)) => Some(join(files.iter().map(|it| it.name.clone()))),
            Fact::Value(Value::Rows(rows)) => Some(format!("{} rows", rows.len())),
            Fact::Value(Value::Sourced(options)) => Some(join(options.iter().map(|it| it.label.clone()))),
            Fact::Value(Value::Address(address)) => Some(address.words()),
            Fact::Value(Value::Linked(linked)) => Some(linked.title.clone()),
        }
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn holds(test: &Test, fact: &Fact<'_>, facts: &Facts<'_>) -> bool {
    match test {
        Test::IsEmpty => *fact == Fact::None,
        Test::NotEmpty => *fact != Fact::None,
        Test::Number { op, value, currency } => {
            fact.number(currency.as_deref()).is_some_and(|number| op.holds(number.cmp(value)))
        }
        Test::Between { low, high, ends, currency } => {
            fact.number(currency.as_deref()).is_some_and(|number| ends.hold(number, *low, *high))
        }
        Test::Text { op, values, ignore_case } => {
            fact.text().is_some_and(|text| text_holds(*op, &text, values, *ignore_case))
        }
        Test::In { options } => fact.choice().is_some_and(|option| options.contains(option)),
        Test::NotIn { options } => fact.choice().is_some_and(|option| !options.contains(option)),
        Test::Choices { op, options } => {
            fact.choices().is_some_and(|chosen| op.holds(&chosen, &options.iter().cloned().collect()))
        }
        Test::People { op, users } => {
            people(fact, facts).is_some_and(|people| op.holds(&people, &users.iter().copied().collect()))
        }
        Test::Belongs { scope } => belongs(fact, scope, facts) == Some(Belonging::All),
        Test::NotBelongs { scope } => belongs(fact, scope, facts) == Some(Belonging::None),
        Test::Date { op, value } => fact.date().is_some_and(|date| op.holds(date.cmp(value))),
        Test::DateBetween { first, last } => fact.date().is_some_and(|date| *first <= date && date <= *last),
        Test::WithinDays { days } => {
            fact.date().is_some_and(|date| (date - facts.today).get_days().unsigned_abs() <= u32::from(*days))
        }
        Test::Weekday { days } => fact.date().is_some_and(|date| {
            days.iter().any(|day| i16::from(*day) == i16::from(date.weekday().to_monday_one_offset()))
        }),
        Test::CountIs { op, value } => {
            // An empty list is absent, and its count is nothing rather than unknown.
            let count = if *fact == Fact::None { Some(0) } else { fact.count() };
            count.is_some_and(|count| op.holds(count.cmp(&(*value as usize))))
        }
        Test::HasExtension { extensions } => match fact {
            Fact::Value(Value::Files(files)) => {
                files.iter().any(|file| has_extension(&file.name, extensions))
            }
            _ => false,
        },
        Test::Outcome(outcome) => *fact == Fact::Outcome(*outcome),
        Test::Field { op, field } => match (fact, facts.form.get(field)) {
            (Fact::Money { amount, currency, .. }, Some(Value::Money(other))) => {
                *currency == other.currency && op.holds(amount.cmp(&other.amount))
            }
            (Fact::Value(own), Some(other)) => {
                compare_values(own, other).is_some_and(|order| op.holds(order))
            }
            _ => false,
        },
    }
}

impl Compare {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Compare::Less => order.is_lt(),
            Compare::LessOrEqual => order.is_le(),
            Compare::Equal => order.is_eq(),
            Compare::NotEqual => order.is_ne(),
            Compare::GreaterOrEqual => order.is_ge(),
            Compare::Greater => order.is_gt(),
        }
    }
}

impl Ends {
    fn hold(self, number: Decimal, low: Decimal, high: Decimal) -> bool {
        match self {
            Ends::LowOnly => low <= number && number < high,
            Ends::Both => low <= number && number <= high,
            Ends::HighOnly => low < number && number <= high,
            Ends::Neither => low < number && number < high,
        }
    }
}

impl SetOp {
    fn holds<T: Ord>(self, chosen: &BTreeSet<T>, asked: &BTreeSet<T>) -> bool {
        match self {
            SetOp::Equals => chosen == asked,
            SetOp::ContainsAll => asked.is_subset(chosen),
            SetOp::ContainsAny => !asked.is_disjoint(chosen),
            SetOp::ContainsNone => asked.is_disjoint(chosen),
        }
    }
}

fn text_holds(op: TextOp, text: &str, values: &[String], ignore_case: bool) -> bool {
    let fold = |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let text = fold(text);
    let mut values = values.iter().map(|value| fold(value.trim()));
    match op {
        TextOp::Equal => values.any(|value| text == value),
        TextOp::NotEqual => values.all(|value| text != value),
        TextOp::Contains => values.any(|value| text.contains(&value)),
        TextOp::StartsWith => values.any(|value| text.starts_with(&value)),
    }
}

fn has_extension(name: &str, extensions: &[String]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, own)| extensions.iter().any(|it| it.eq_ignore_ascii_case(own)))
}

fn people(fact: &Fact<'_>, facts: &Facts<'_>) -> Option<BTreeSet<UserId>> {
    match fact {
        Fact::Initiator => Some(BTreeSet::from([facts.initiator])),
        Fact::Value(Value::People(users)) => Some(users.iter().copied().collect()),
        _ => None,
    }
}

/// How much of a fact lies in a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Belonging {
    All,
    Some,
    None,
}

fn belongs(fact: &Fact<'_>, scope: &Scope, facts: &Facts<'_>) -> Option<Belonging> {
    let each: Vec<bool> = match fact {
        Fact::Initiator => {
            vec![facts.directory.in_scope_as(facts.initiator, facts.department.as_slice(), scope)]
        }
        Fact::Value(Value::People(users)) => {
            users.iter().map(|user| facts.directory.in_scope(*user, scope)).collect()
        }
        Fact::Value(Value::Departments(departments)) => departments
            .iter()
            .map(|it| scope.is_everybody() || facts.directory.department_in_scope(*it, scope))
            .collect(),
        _ => return None,
    };
    Some(match (each.iter().all(|it| *it), each.iter().any(|it| *it)) {
        (true, _) => Belonging::All,
        (false, true) => Belonging::Some,
        (false, false) => Belonging::None,
    })
}

/// `None` for values of different kinds, which cannot be compared.
fn compare_values(own: &Value, other: &Value) -> Option<Ordering> {
    match (own, other) {
        (Value::Number(a), Value::Number(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.date().cmp(&b.date())),
        (Value::Text(a), Value::Text(b)) => Some(a.trim().cmp(b.trim())),
        (Value::Choice(a), Value::Choice(b)) => Some(a.cmp(b)),
        (Value::Choices(a), Value::Choices(b)) => Some(a.cmp(b)),
        (Value::People(a), Value::People(b)) => Some(set(a).cmp(&set(b))),
        (Value::Departments(a), Value::Departments(b)) => Some(set(a).cmp(&set(b))),
        _ => None,
    }
}

fn set<T: Ord + Copy>(all: &[T]) -> BTreeSet<T> {
    all.iter().copied().collect()
}
