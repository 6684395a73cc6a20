//! The value of a checked expression. Total: whatever has no answer is empty, and every number is an exact decimal.
//!
//! An empty operand makes the result empty, but for `and`, `or` (which may know the answer from one side), `is_empty`,
//! `coalesce`, `concat`, `count`, and the rows that `sum`, `min`, `max` and `avg` pass over. Dates are compared by day.

use super::check::Code;
use super::{Function, Operator};
use crate::condition::{DurationUnit, duration};
use crate::form::{DateRange, FormData, TEXT_LIMIT, Value, plain_date};
use crate::ids::{FieldId, OptionId};
use jiff::civil::{Date, DateTime};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What an expression looks at.
pub(crate) struct Scope<'a> {
    pub(crate) data: &'a FormData,
    /// The row at hand, for a column.
    pub(crate) row: Option<&'a FormData>,
    pub(crate) today: Date,
    /// Becomes true where amounts of different currencies met: the result is empty then, and somebody has to know.
    pub(crate) mixed: Cell<bool>,
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Scalar<'a> {
    Number(Decimal),
    Money(Decimal, Cow<'a, str>),
    Text(Cow<'a, str>),
    Bool(bool),
    Date(DateTime),
    Period(&'a DateRange),
    /// With the label it came with, if it came from another system.
    Choice(&'a OptionId, Option<&'a str>),
    /// What is only counted and searched.
    Other(&'a Value),
}

/// The value of an expression; `None` is empty.
pub(crate) fn evaluate<'a>(code: &'a Code, scope: &Scope<'a>) -> Option<Scalar<'a>> {
    match code {
        Code::Number(number) => Some(Scalar::Number(*number)),
        Code::Text(text) => text_of(Cow::Borrowed(text)),
        Code::Bool(bool) => Some(Scalar::Bool(*bool)),
        Code::Field(id) => scope.data.get(id).map(scalar),
        Code::Cell(id) => scope.row.and_then(|row| row.get(id)).map(scalar),
        Code::Column(..) => None,
        Code::Negate(operand) => match evaluate(operand, scope)? {
            Scalar::Number(number) => Some(Scalar::Number(-number)),
            Scalar::Money(amount, currency) => Some(Scalar::Money(-amount, currency)),
            _ => None,
        },
        Code::Not(operand) => Some(Scalar::Bool(!truth(operand, scope)?)),
        Code::Binary(operator, left, right) => binary(*operator, left, right, scope),
        Code::Call(function, operands) => call(*function, operands, scope),
        Code::InCurrency(operand, currency) => {
            Some(Scalar::Money(number(operand, scope)?, Cow::Borrowed(currency)))
        }
        Code::AmountIn(operand, currency) => match evaluate(operand, scope)? {
            Scalar::Money(amount, own) if own == currency.as_str() => Some(Scalar::Number(amount)),
            _ => None,
        },
        Code::Label(operand, labels) => label(evaluate(operand, scope)?, labels),
    }
}

/// Whether a condition holds; empty counts as no.
pub(crate) fn holds<'a>(code: &'a Code, scope: &Scope<'a>) -> bool {
    truth(code, scope) == Some(true)
}

fn scalar(value: &Value) -> Scalar<'_> {
    match value {
        Value::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        Value::Number(number) => Scalar::Number(*number),
        Value::Money(money) => Scalar::Money(money.amount, Cow::Borrowed(&money.currency)),
        Value::Date(date) => Scalar::Date(*date),
        Value::DateRange(range) => Scalar::Period(range),
        Value::Choice(option) => Scalar::Choice(option, None),
        Value::Sourced(options) => match options.as_slice() {
            [only] => Scalar::Choice(&only.id, Some(&only.label)),
            _ => Scalar::Other(value),
        },
        Value::Address(address) => Scalar::Text(Cow::Owned(address.words())),
        Value::Linked(linked) => Scalar::Text(Cow::Borrowed(&linked.title)),
        Value::Choices(_) | Value::People(_) | Value::Departments(_) | Value::Files(_) | Value::Rows(_) => {
            Scalar::Other(value)
        }
    }
}

/// A text that is empty is no value, and one that is too long is none either.
fn text_of(text: Cow<'_, str>) -> Option<Scalar<'_>> {
    let fits = text.len() <= TEXT_LIMIT || text.chars().count() <= TEXT_LIMIT;
    (fits && !text.is_empty()).then_some(Scalar::Text(text))
}

fn truth<'a>(code: &'a Code, scope: &Scope<'a>) -> Option<bool> {
    match evaluate(code, scope)? {
        Scalar::Bool(bool) => Some(bool),
        _ => None,
    }
}

fn number<'a>(code: &'a Code, scope: &Scope<'a>) -> Option<Decimal> {
    match evaluate(code, scope)? {
        Scalar::Number(number) => Some(number),
        _ => None,
    }
}

fn date<'a>(code: &'a Code, scope: &Scope<'a>) -> Option<DateTime> {
    match evaluate(code, scope)? {
        Scalar::Date(date) => Some(date),
        _ => None,
    }
}

fn binary<'a>(operator: Operator, left: &'a Code, right: &'a Code, scope: &Scope<'a>) -> Option<Scalar<'a>> {
    match operator {
        Operator::And | Operator::Or => {
            let decisive = operator == Operator::Or;
            let left = truth(left, scope);
            if left == Some(decisive) {
                return Some(Scalar::Bool(decisive));
            }
            match (left, truth(right, scope)) {
                (_, Some(right)) if right == decisive => Some(Scalar::Bool(decisive)),
                (Some(_), Some(_)) => Some(Scalar::Bool(!decisive)),
                (None, _) | (_, None) => None,
            }
        }
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual => {
            let order = order(&evaluate(left, scope)?, &evaluate(right, scope)?, scope)?;
            Some(Scalar::Bool(holds_for(operator, order)))
        }
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
            calculate(operator, evaluate(left, scope)?, evaluate(right, scope)?, scope)
        }
    }
}

fn holds_for(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Or
        | Operator::And
        | Operator::Add
        | Operator::Subtract
        | Operator::Multiply
        | Operator::Divide => false,
    }
}

/// Amounts in different currencies have no order.
fn order(left: &Scalar<'_>, right: &Scalar<'_>, scope: &Scope<'_>) -> Option<Ordering> {
    match (left, right) {
        (Scalar::Number(left), Scalar::Number(right)) => Some(left.cmp(right)),
        (Scalar::Money(left, one), Scalar::Money(right, other)) => {
            same(one, other, scope).map(|_| left.cmp(right))
        }
        (Scalar::Date(left), Scalar::Date(right)) => Some(left.date().cmp(&right.date())),
        (Scalar::Bool(left), Scalar::Bool(right)) => Some(left.cmp(right)),
        (left, right) => Some(words(left)?.trim().cmp(words(right)?.trim())),
    }
}

/// The text of a text, the id of a choice.
fn words<'s>(scalar: &'s Scalar<'_>) -> Option<&'s str> {
    match scalar {
        Scalar::Text(text) => Some(text),
        Scalar::Choice(option, _) => Some(option.as_str()),
        Scalar::Number(_)
        | Scalar::Money(..)
        | Scalar::Bool(_)
        | Scalar::Date(_)
        | Scalar::Period(_)
        | Scalar::Other(_) => None,
    }
}

fn same<'a>(one: &Cow<'a, str>, other: &Cow<'a, str>, scope: &Scope<'_>) -> Option<Cow<'a, str>> {
    if one == other {
        return Some(one.clone());
    }
    scope.mixed.set(true);
    None
}

fn calculate<'a>(
    operator: Operator,
    left: Scalar<'a>,
    right: Scalar<'a>,
    scope: &Scope<'a>,
) -> Option<Scalar<'a>> {
    match (left, right) {
        (Scalar::Number(left), Scalar::Number(right)) => {
            arithmetic(operator, left, right).map(Scalar::Number)
        }
        (Scalar::Money(left, one), Scalar::Money(right, other)) => {
            let currency = same(&one, &other, scope)?;
            let result = arithmetic(operator, left, right)?;
            Some(if operator == Operator::Divide {
                Scalar::Number(result)
            } else {
                Scalar::Money(result, currency)
            })
        }
        (Scalar::Money(left, currency), Scalar::Number(right))
        | (Scalar::Number(left), Scalar::Money(right, currency)) => {
            Some(Scalar::Money(arithmetic(operator, left, right)?, currency))
        }
        (Scalar::Date(date), Scalar::Number(days)) => {
            let days = if operator == Operator::Subtract { -days } else { days };
            let days = jiff::Span::new().try_days(whole(days)?).ok()?;
            date.checked_add(days).ok().map(Scalar::Date)
        }
        (Scalar::Date(left), Scalar::Date(right)) => Some(Scalar::Number(days_between(right, left))),
        _ => None,
    }
}

/// Exact as far as 28 digits go; more are rounded, and what is too large is nothing.
fn arithmetic(operator: Operator, left: Decimal, right: Decimal) -> Option<Decimal> {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Or
        | Operator::And
        | Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual => None,
    };
    result.map(|number| number.normalize())
}

/// A number without a fraction.
fn whole(number: Decimal) -> Option<i64> {
    number.is_integer().then(|| number.to_i64()).flatten()
}

fn days_between(from: DateTime, to: DateTime) -> Decimal {
    Decimal::from((to.date() - from.date()).get_days())
}

fn hours_between(from: DateTime, to: DateTime) -> Option<Decimal> {
    Decimal::from(to.duration_since(from).as_secs()).checked_div(Decimal::from(3600)).map(|it| it.normalize())
}

fn call<'a>(function: Function, operands: &'a [Code], scope: &Scope<'a>) -> Option<Scalar<'a>> {
    let operand = |number: usize| operands.get(number).and_then(|code| evaluate(code, scope));
    match function {
        Function::Sum => match operands.split_last()? {
            (zero, []) => evaluate(zero, scope),
            (zero, operands) => figure(function, operands, scope, Some(zero)),
        },
        Function::Average | Function::Min | Function::Max => figure(function, operands, scope, None),
        Function::Count => count(operands, scope),
        Function::Round | Function::Floor | Function::Ceil => {
            let digits = match operands.get(1) {
                Some(code) => number(code, scope).and_then(whole).and_then(|it| u32::try_from(it).ok())?,
                None => 0,
            };
            on_number(operand(0)?, |number| rounded(function, number, digits))
        }
        Function::Abs => on_number(operand(0)?, |number| number.abs()),
        Function::Concat => {
            let parts = operands.iter().filter_map(|code| evaluate(code, scope)).filter_map(readable);
            text_of(Cow::Owned(parts.fold(String::new(), |text, part| text + &part)))
        }
        Function::Text => text_of(readable(operand(0)?)?),
        Function::Contains => contains(operand(0)?, operand(1)?).map(Scalar::Bool),
        Function::Length => match operand(0)? {
            Scalar::Text(text) => Some(Scalar::Number(Decimal::from(text.chars().count()))),
            _ => None,
        },
        Function::Days | Function::HalfDays | Function::Hours => {
            length(function, operand(0)?, operands.get(1), scope).map(Scalar::Number)
        }
        Function::Start | Function::End => match operand(0)? {
            Scalar::Period(range) if function == Function::Start => Some(Scalar::Date(range.start)),
            Scalar::Period(range) => Some(Scalar::Date(range.end)),
            _ => None,
        },
        Function::Year | Function::Month | Function::Day | Function::Weekday => {
            let date = date(operands.first()?, scope)?;
            Some(Scalar::Number(part_of(function, date)))
        }
        Function::Date => {
            let part =
                |index: usize| operands.get(index).and_then(|code| number(code, scope)).and_then(whole);
            made_date(part(0)?, part(1)?, part(2)?).map(Scalar::Date)
        }
        Function::Today => Some(Scalar::Date(scope.today.into())),
        Function::IsEmpty => Some(Scalar::Bool(operand(0).is_none())),
        Function::Coalesce => operands.iter().find_map(|code| evaluate(code, scope)),
        Function::If => {
            let taken = if truth(operands.first()?, scope)? { 1 } else { 2 };
            operand(taken)
        }
        // These have become other codes.
        Function::Money | Function::Amount | Function::Duration => None,
    }
}

fn on_number(scalar: Scalar<'_>, change: impl FnOnce(Decimal) -> Decimal) -> Option<Scalar<'_>> {
    match scalar {
        Scalar::Number(number) => Some(Scalar::Number(change(number).normalize())),
        Scalar::Money(amount, currency) => Some(Scalar::Money(change(amount).normalize(), currency)),
        _ => None,
    }
}

/// Half is rounded away from zero, as on a bill.
fn rounded(function: Function, number: Decimal, digits: u32) -> Decimal {
    let strategy = match function {
        Function::Floor => RoundingStrategy::ToNegativeInfinity,
        Function::Ceil => RoundingStrategy::ToPositiveInfinity,
        _ => RoundingStrategy::MidpointAwayFromZero,
    };
    number.round_dp_with_strategy(digits.min(28), strategy)
}

/// Every value of the operands, those of whole columns one by one.
fn each<'a>(operands: &'a [Code], scope: &Scope<'a>, mut take: impl FnMut(Option<Scalar<'a>>)) {
    for code in operands {
        match code {
            Code::Column(table, column) => {
                cells(table, column, scope).for_each(|cell| take(cell.map(scalar)))
            }
            code => take(evaluate(code, scope)),
        }
    }
}

fn cells<'a>(
    table: &FieldId,
    column: &'a FieldId,
    scope: &Scope<'a>,
) -> impl Iterator<Item = Option<&'a Value>> {
    let rows = match scope.data.get(table) {
        Some(Value::Rows(rows)) => rows.as_slice(),
        _ => &[],
    };
    rows.iter().map(move |row| row.get(column))
}

/// A figure over all values that are not empty; over none of them it is `of_none`.
fn figure<'a>(
    function: Function,
    operands: &'a [Code],
    scope: &Scope<'a>,
    of_none: Option<&'a Code>,
) -> Option<Scalar<'a>> {
    let mut so_far: Option<Scalar<'a>> = None;
    let mut count = 0_u32;
    let mut failed = false;
    each(operands, scope, |value| {
        let Some(value) = value else { return };
        count += 1;
        let next = match so_far.take() {
            None => Some(value),
            Some(before) => together(function, before, value, scope),
        };
        failed |= next.is_none();
        so_far = next;
    });
    if count == 0 {
        return evaluate(of_none?, scope);
    }
    let result = so_far.filter(|_| !failed)?;
    match function {
        Function::Average => calculate(Operator::Divide, result, Scalar::Number(count.into()), scope),
        _ => Some(result),
    }
}

fn together<'a>(
    function: Function,
    before: Scalar<'a>,
    value: Scalar<'a>,
    scope: &Scope<'a>,
) -> Option<Scalar<'a>> {
    match function {
        Function::Min | Function::Max => {
            let order = order(&value, &before, scope)?;
            let wins = if function == Function::Min { order.is_lt() } else { order.is_gt() };
            Some(if wins { value } else { before })
        }
        _ => calculate(Operator::Add, before, value, scope),
    }
}

/// Rows of a table, filled-in cells of a column, entries of a list. Nothing counts 0.
fn count<'a>(operands: &'a [Code], scope: &Scope<'a>) -> Option<Scalar<'a>> {
    let number = match operands.first()? {
        Code::Column(table, column) => cells(table, column, scope).flatten().count(),
        code => match evaluate(code, scope) {
            Some(Scalar::Other(value)) => value.entries(),
            Some(_) => 1,
            None => 0,
        },
    };
    Some(Scalar::Number(Decimal::from(number)))
}

fn readable(scalar: Scalar<'_>) -> Option<Cow<'_, str>> {
    match scalar {
        Scalar::Text(text) => Some(text),
        Scalar::Number(number) => Some(Cow::Owned(number.to_string())),
        Scalar::Money(amount, currency) => Some(Cow::Owned(format!("{amount} {currency}"))),
        Scalar::Date(date) => Some(Cow::Owned(plain_date(date))),
        Scalar::Choice(option, label) => Some(Cow::Borrowed(label.unwrap_or(option.as_str()))),
        Scalar::Bool(_) | Scalar::Period(_) | Scalar::Other(_) => None,
    }
}

fn label<'a>(scalar: Scalar<'a>, labels: &'a BTreeMap<OptionId, String>) -> Option<Scalar<'a>> {
    match scalar {
        Scalar::Choice(option, None) => {
            Some(Scalar::Text(Cow::Borrowed(labels.get(option).map_or(option.as_str(), String::as_str))))
        }
        Scalar::Choice(_, Some(label)) => Some(Scalar::Text(Cow::Borrowed(label))),
        _ => None,
    }
}

fn contains(whole: Scalar<'_>, part: Scalar<'_>) -> Option<bool> {
    let Scalar::Text(part) = part else { return None };
    match whole {
        Scalar::Text(text) => Some(text.contains(part.trim())),
        Scalar::Choice(option, _) => Some(option.as_str() == part),
        Scalar::Other(Value::Choices(options)) => Some(options.iter().any(|it| it.as_str() == part)),
        Scalar::Other(Value::Sourced(options)) => Some(options.iter().any(|it| it.id.as_str() == part)),
        _ => None,
    }
}

fn length<'a>(
    function: Function,
    from: Scalar<'a>,
    to: Option<&'a Code>,
    scope: &Scope<'a>,
) -> Option<Decimal> {
    match (from, to) {
        (Scalar::Period(range), None) => Some(duration(
            range,
            match function {
                Function::HalfDays => DurationUnit::HalfDays,
                Function::Hours => DurationUnit::Hours,
                _ => DurationUnit::Days,
            },
        )),
        (Scalar::Date(from), Some(to)) => {
            let to = date(to, scope)?;
            match function {
                Function::Hours => hours_between(from, to),
                _ => Some(days_between(from, to)),
            }
        }
        _ => None,
    }
}

fn part_of(function: Function, date: DateTime) -> Decimal {
    match function {
        Function::Year => date.year().into(),
        Function::Month => date.month().into(),
        Function::Day => date.day().into(),
        _ => date.weekday().to_monday_one_offset().into(),
    }
}

fn made_date(year: i64, month: i64, day: i64) -> Option<DateTime> {
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
    date.ok().map(DateTime::from)
}
