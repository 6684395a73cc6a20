//! What an expression means in a form: names become controls and columns, every part gets a type, and the cost is summed
//! up. Currencies are part of the type, so that different ones do not meet unnoticed.

use super::{Fault, Function, Node, Operator, Term};
use crate::condition::DurationUnit;
use crate::form::{Field, FieldKind, Form, LIST_LIMIT, is_currency};
use crate::ids::{FieldId, OptionId};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt;

/// Where an expression stands: at a control of the form, or at a column of a table.
#[derive(Clone, Copy)]
pub(crate) struct Site<'f> {
    pub(crate) form: &'f Form,
    /// The number of the table whose row is at hand.
    pub(crate) table: Option<usize>,
}

/// Something that has a value, by its number in the form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    Field(usize),
    /// Table and column.
    Column(usize, usize),
}

/// An expression that can be evaluated.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Checked<'f> {
    pub(crate) code: Code,
    pub(crate) kind: Type<'f>,
    /// What it looks at.
    pub(crate) uses: Vec<Place>,
    /// Steps of one evaluation at most.
    pub(crate) cost: u64,
}

/// What an expression yields.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Type<'f> {
    Number,
    /// In this currency, as far as the controls say.
    Money(Currency),
    Text,
    Bool,
    Date,
    /// Its control counts the length in this unit.
    Period(DurationUnit),
    /// One option of this control.
    Choice(&'f Field),
    /// Several options of this control.
    Choices(&'f Field),
    /// People, departments or files.
    Items,
    /// The rows of a table.
    Rows,
}

/// The three letters of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Currency([u8; 3]);

impl Currency {
    /// A control's own. One that is none is a finding about the control, not about the expression.
    pub(crate) fn of(text: &str) -> Self {
        let mut letters = [b'?'; 3];
        letters.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Self(letters)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Type<'_> {
    pub(crate) fn words(self) -> String {
        match self {
            Type::Number => "a number".to_owned(),
            Type::Money(currency) => format!("an amount in {currency}"),
            Type::Text => "a text".to_owned(),
            Type::Bool => "a condition".to_owned(),
            Type::Date => "a date".to_owned(),
            Type::Period(_) => "a period".to_owned(),
            Type::Choice(_) => "a choice".to_owned(),
            Type::Choices(_) => "several choices".to_owned(),
            Type::Items => "a list".to_owned(),
            Type::Rows => "a table".to_owned(),
        }
    }
}

/// What is evaluated.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Code {
    Number(Decimal),
    Text(String),
    Bool(bool),
    /// The value of a control.
    Field(FieldId),
    /// The value in the row at hand.
    Cell(FieldId),
    /// The values of a column in all rows; only inside a function that takes many.
    Column(FieldId, FieldId),
    Negate(Box<Code>),
    Not(Box<Code>),
    Binary(Operator, Box<Code>, Box<Code>),
    Call(Function, Vec<Code>),
    /// A number that is an amount in this currency.
    InCurrency(Box<Code>, String),
    /// An amount as a number, if it is in this currency.
    AmountIn(Box<Code>, String),
    /// What people read for a chosen option.
    Label(Box<Code>, BTreeMap<OptionId, String>),
}

/// Whether an expression makes sense where it stands. The first fault, from the inside out.
pub(crate) fn check<'f>(term: &Term, site: Site<'f>) -> Result<Checked<'f>, Fault> {
    let mut check = Check { site, uses: Vec::new(), cost: 0 };
    let part = check.one(term)?;
    Ok(Checked { code: part.code, kind: part.kind, uses: check.uses, cost: check.cost })
}

struct Check<'f> {
    site: Site<'f>,
    uses: Vec<Place>,
    cost: u64,
}

/// A part of an expression with its type.
struct Part<'f> {
    at: usize,
    code: Code,
    kind: Type<'f>,
    /// It is a whole column: many values of that type.
    many: bool,
}

/// Making a text costs as much as so many other steps.
const TEXT_COST: u64 = 50;

impl<'f> Check<'f> {
    /// A part that is one value.
    fn one(&mut self, term: &Term) -> Result<Part<'f>, Fault> {
        let part = self.part(term)?;
        if part.many {
            let message = "a whole column stands only in a function such as `sum`";
            return Err(Fault::new(term.at, "column_alone", message));
        }
        Ok(part)
    }

    fn part(&mut self, term: &Term) -> Result<Part<'f>, Fault> {
        self.cost += 1;
        let (code, kind) = match &term.node {
            Node::Number(number) => (Code::Number(*number), Type::Number),
            Node::Text(text) => (Code::Text(text.clone()), Type::Text),
            Node::Bool(bool) => (Code::Bool(*bool), Type::Bool),
            Node::Name { field, column: Some(column) } => return self.column(term.at, field, column),
            Node::Name { field, column: None } => self.name(term.at, field)?,
            Node::Negate(operand) => {
                let operand = self.one(operand)?;
                match operand.kind {
                    Type::Number | Type::Money(_) => (Code::Negate(Box::new(operand.code)), operand.kind),
                    other => return Err(unfit(term.at, "`-` takes a number or an amount", &[other])),
                }
            }
            Node::Not(operand) => {
                let operand = self.one(operand)?;
                if operand.kind != Type::Bool {
                    return Err(unfit(term.at, "`not` takes a condition", &[operand.kind]));
                }
                (Code::Not(Box::new(operand.code)), Type::Bool)
            }
            Node::Binary(operator, left, right) => {
                let (left, right) = (self.one(left)?, self.one(right)?);
                binary(term.at, *operator, left, right)?
            }
            Node::Call(name, operands) => self.call(term.at, name, operands)?,
        };
        Ok(Part { at: term.at, code, kind, many: false })
    }

    /// A column of the row at hand, else a control of the form.
    fn name(&mut self, at: usize, id: &str) -> Result<(Code, Type<'f>), Fault> {
        let fields = &self.site.form.fields;
        let row = self.site.table.and_then(|number| Some((number, fields.get(number)?)));
        if let Some((table, field)) = row
            && let Some((number, column)) = find(&field.columns, id)
        {
            self.uses.push(Place::Column(table, number));
            return Ok((Code::Cell(column.id.clone()), kind_of(at, column)?));
        }
        let (number, field) = find(fields, id).ok_or_else(|| unknown(at, "the form", id))?;
        self.uses.push(Place::Field(number));
        Ok((Code::Field(field.id.clone()), kind_of(at, field)?))
    }

    fn column(&mut self, at: usize, table: &str, column: &str) -> Result<Part<'f>, Fault> {
        let fields = &self.site.form.fields;
        let (table_number, table) = find(fields, table).ok_or_else(|| unknown(at, "the form", table))?;
        if table.kind != FieldKind::Table {
            let message = format!("`{}` is no table and has no columns", table.title);
            return Err(Fault::new(at, "type_mismatch", message));
        }
        let (number, column) = find(&table.columns, column)
            .ok_or_else(|| unknown(at, &format!("the table `{}`", table.title), column))?;
        self.uses.extend([Place::Field(table_number), Place::Column(table_number, number)]);
        self.cost += LIST_LIMIT as u64;
        let code = Code::Column(table.id.clone(), column.id.clone());
        Ok(Part { at, code, kind: kind_of(at, column)?, many: true })
    }

    fn call(&mut self, at: usize, name: &str, operands: &[Term]) -> Result<(Code, Type<'f>), Fault> {
        let function = Function::named(name)
            .ok_or_else(|| Fault::new(at, "function_unknown", format!("there is no function `{name}`")))?;
        let takes_many = matches!(
            function,
            Function::Sum | Function::Min | Function::Max | Function::Average | Function::Count
        );
        let mut parts = Vec::with_capacity(operands.len());
        for operand in operands {
            parts.push(if takes_many { self.part(operand)? } else { self.one(operand)? });
        }
        if matches!(function, Function::Concat | Function::Text | Function::Contains | Function::Length) {
            self.cost += TEXT_COST;
        }
        call(at, function, parts)
    }
}

fn find<'f>(fields: &'f [Field], id: &str) -> Option<(usize, &'f Field)> {
    fields.iter().enumerate().find(|(_, field)| field.id.as_str() == id)
}

fn unknown(at: usize, owner: &str, id: &str) -> Fault {
    Fault::new(at, "field_unknown", format!("{owner} has no field `{id}`"))
}

fn kind_of(at: usize, field: &Field) -> Result<Type<'_>, Fault> {
    Ok(match field.kind {
        FieldKind::Text
        | FieldKind::TextArea
        | FieldKind::RichText
        | FieldKind::Phone
        | FieldKind::Address
        | FieldKind::LinkedInstance => Type::Text,
        FieldKind::Number | FieldKind::Rating => Type::Number,
        FieldKind::Money => Type::Money(Currency::of(field.own_currency())),
        FieldKind::Date => Type::Date,
        FieldKind::DateRange => Type::Period(field.duration_unit.unwrap_or_default()),
        FieldKind::Select => Type::Choice(field),
        FieldKind::MultiSelect => Type::Choices(field),
        FieldKind::Contact | FieldKind::Department | FieldKind::File | FieldKind::Image => Type::Items,
        FieldKind::Table => Type::Rows,
        FieldKind::Info => {
            let message = format!("`{}` takes no value", field.title);
            return Err(Fault::new(at, "type_mismatch", message));
        }
    })
}

fn unfit(at: usize, rule: &str, found: &[Type<'_>]) -> Fault {
    let found: Vec<String> = found.iter().map(|kind| kind.words()).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" and ") };
    Fault::new(at, "type_mismatch", format!("{rule}, not {found}"))
}

fn mixed(at: usize, one: Currency, other: Currency) -> Fault {
    Fault::new(at, "currency_mixed", format!("amounts in {one} and {other} do not mix"))
}

fn binary<'f>(
    at: usize,
    operator: Operator,
    left: Part<'f>,
    right: Part<'f>,
) -> Result<(Code, Type<'f>), Fault> {
    let (mut left, mut right) = (left, right);
    let kind = match operator {
        Operator::Or | Operator::And => both_conditions(at, operator, left.kind, right.kind)?,
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual => {
            (left, right) = same_currency(left, right);
            compared(at, operator, &left, &right)?
        }
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
            calculated(at, operator, left.kind, right.kind)?
        }
    };
    Ok((Code::Binary(operator, Box::new(left.code), Box::new(right.code)), kind))
}

fn both_conditions<'f>(
    at: usize,
    operator: Operator,
    left: Type<'f>,
    right: Type<'f>,
) -> Result<Type<'f>, Fault> {
    match (left, right) {
        (Type::Bool, Type::Bool) => Ok(Type::Bool),
        (left, right) => {
            Err(unfit(at, &format!("`{}` stands between conditions", operator.sign()), &[left, right]))
        }
    }
}

/// A number compared with an amount is one in the control's own currency, as in conditions (semantics B10).
fn same_currency<'f>(left: Part<'f>, right: Part<'f>) -> (Part<'f>, Part<'f>) {
    let amount = |part: Part<'f>, currency: Currency| Part {
        code: Code::InCurrency(Box::new(part.code), currency.to_string()),
        kind: Type::Money(currency),
        ..part
    };
    match (left.kind, right.kind) {
        (Type::Money(currency), Type::Number) => (left, amount(right, currency)),
        (Type::Number, Type::Money(currency)) => (amount(left, currency), right),
        _ => (left, right),
    }
}

fn compared<'f>(at: usize, operator: Operator, left: &Part<'f>, right: &Part<'f>) -> Result<Type<'f>, Fault> {
    let only_equality = !matches!(operator, Operator::Equal | Operator::NotEqual);
    match (left.kind, right.kind) {
        (Type::Number, Type::Number) | (Type::Date, Type::Date) => Ok(Type::Bool),
        (Type::Money(one), Type::Money(other)) if one != other => Err(mixed(at, one, other)),
        (Type::Money(_), Type::Money(_)) => Ok(Type::Bool),
        (one, other) if only_equality => {
            let rule = format!("`{}` compares numbers, amounts or dates", operator.sign());
            Err(unfit(at, &rule, &[one, other]))
        }
        (Type::Choice(field), Type::Text) => known_option(right, field).map(|()| Type::Bool),
        (Type::Text, Type::Choice(field)) => known_option(left, field).map(|()| Type::Bool),
        (Type::Text, Type::Text) | (Type::Bool, Type::Bool) | (Type::Choice(_), Type::Choice(_)) => {
            Ok(Type::Bool)
        }
        (one, other) => Err(unfit(at, "both sides are of one type", &[one, other])),
    }
}

/// A constant must be an option there is. What comes from another system is known only later.
fn known_option(part: &Part<'_>, field: &Field) -> Result<(), Fault> {
    match &part.code {
        Code::Text(id)
            if field.options_source.is_none() && field.options.iter().all(|it| it.id.as_str() != id) =>
        {
            let message = format!("`{}` has no option `{id}`", field.title);
            Err(Fault::new(part.at, "option_unknown", message))
        }
        _ => Ok(()),
    }
}

fn calculated<'f>(at: usize, operator: Operator, left: Type<'f>, right: Type<'f>) -> Result<Type<'f>, Fault> {
    use Operator::{Add, Divide, Multiply, Subtract};
    match (operator, left, right) {
        (_, Type::Number, Type::Number) => Ok(Type::Number),
        (Add | Subtract | Divide, Type::Money(one), Type::Money(other)) if one != other => {
            Err(mixed(at, one, other))
        }
        (Add | Subtract, Type::Money(one), Type::Money(_)) => Ok(Type::Money(one)),
        (Divide, Type::Money(_), Type::Money(_)) => Ok(Type::Number),
        (Multiply | Divide, Type::Money(one), Type::Number) => Ok(Type::Money(one)),
        (Multiply, Type::Number, Type::Money(one)) => Ok(Type::Money(one)),
        (Add | Subtract, Type::Date, Type::Number) => Ok(Type::Date),
        (Subtract, Type::Date, Type::Date) => Ok(Type::Number),
        (Add | Subtract, Type::Money(_), Type::Number) | (Add | Subtract, Type::Number, Type::Money(_)) => {
            let message = "a number has no currency; say it with `money(1, \"CNY\")`";
            Err(Fault::new(at, "currency_missing", message))
        }
        (Add, Type::Text, _) | (Add, _, Type::Text) => {
            Err(unfit(at, "`+` adds numbers; texts are joined by `concat`", &[left, right]))
        }
        _ => Err(unfit(at, &format!("`{}` cannot be applied", operator.sign()), &[left, right])),
    }
}

fn call<'f>(at: usize, function: Function, mut parts: Vec<Part<'f>>) -> Result<(Code, Type<'f>), Fault> {
    let kinds: Vec<Type<'f>> = parts.iter().map(|part| part.kind).collect();
    let wrong = || unfit(at, function.usage(), &kinds);
    let kind = match (function, kinds.as_slice()) {
        (Function::Sum | Function::Average, [Type::Number | Type::Money(_), ..])
        | (Function::Min | Function::Max, [Type::Number | Type::Money(_) | Type::Date, ..])
        | (Function::Coalesce, [_, _, ..]) => one_type(at, function, &kinds)?,
        (Function::Count, [Type::Rows | Type::Choices(_) | Type::Items]) => Type::Number,
        (Function::Count, [_]) if parts.iter().all(|part| part.many) => Type::Number,
        (
            Function::Round | Function::Floor | Function::Ceil,
            [kind @ (Type::Number | Type::Money(_)), rest @ ..],
        ) => match rest {
            [] | [Type::Number] => *kind,
            _ => return Err(wrong()),
        },
        (Function::Abs, [kind @ (Type::Number | Type::Money(_))]) => *kind,
        (Function::Concat, [_, ..]) if kinds.iter().all(|kind| has_text(*kind)) => {
            parts = parts.into_iter().map(labelled).collect();
            Type::Text
        }
        (Function::Text, [kind]) if has_text(*kind) => {
            parts = parts.into_iter().map(labelled).collect();
            Type::Text
        }
        (Function::Contains, [Type::Text, Type::Text]) => Type::Bool,
        (Function::Contains, [Type::Choices(field), Type::Text]) => {
            parts.last().map_or(Ok(()), |option| known_option(option, field))?;
            Type::Bool
        }
        (Function::Length, [Type::Text]) => Type::Number,
        (Function::Days | Function::Hours, [Type::Period(_)] | [Type::Date, Type::Date]) => Type::Number,
        (Function::HalfDays, [Type::Period(_)]) => Type::Number,
        (Function::Duration, [Type::Period(unit)]) => {
            let function = counting(*unit);
            return Ok((Code::Call(function, codes(parts)), Type::Number));
        }
        (Function::Start | Function::End, [Type::Period(_)]) => Type::Date,
        (Function::Year | Function::Month | Function::Day | Function::Weekday, [Type::Date]) => Type::Number,
        (Function::Date, [Type::Number, Type::Number, Type::Number]) | (Function::Today, []) => Type::Date,
        (Function::IsEmpty, [_]) => Type::Bool,
        (Function::If, [Type::Bool, values @ ..]) if matches!(values.len(), 1 | 2) => {
            one_type(at, function, values)?
        }
        (Function::Money, [Type::Number, Type::Text]) | (Function::Amount, [Type::Money(_), Type::Text]) => {
            return in_currency(at, function, parts);
        }
        _ => return Err(wrong()),
    };
    let mut codes = codes(parts);
    if function == Function::Sum {
        codes.push(nothing_in(kind));
    }
    Ok((Code::Call(function, codes), kind))
}

fn codes(parts: Vec<Part<'_>>) -> Vec<Code> {
    parts.into_iter().map(|part| part.code).collect()
}

/// The sum of nothing: the last operand of `sum`.
fn nothing_in(kind: Type<'_>) -> Code {
    let zero = Code::Number(Decimal::ZERO);
    match kind {
        Type::Money(currency) => Code::InCurrency(Box::new(zero), currency.to_string()),
        _ => zero,
    }
}

fn counting(unit: DurationUnit) -> Function {
    match unit {
        DurationUnit::Days => Function::Days,
        DurationUnit::HalfDays => Function::HalfDays,
        DurationUnit::Hours => Function::Hours,
    }
}

/// The one type of several values. Options of different controls are texts together.
fn one_type<'f>(at: usize, function: Function, kinds: &[Type<'f>]) -> Result<Type<'f>, Fault> {
    let mut kinds = kinds.iter().copied();
    let Some(first) = kinds.next() else { return Err(unfit(at, function.usage(), &[])) };
    kinds.try_fold(first, |one, other| match (one, other) {
        (one, other) if one == other => Ok(one),
        (Type::Money(one), Type::Money(other)) => Err(mixed(at, one, other)),
        (Type::Text | Type::Choice(_), Type::Text | Type::Choice(_)) => Ok(Type::Text),
        (one, other) => Err(unfit(at, "the values are of one type", &[one, other])),
    })
}

/// The currency is written out, so that it is known before anything is evaluated.
fn in_currency<'f>(at: usize, function: Function, parts: Vec<Part<'f>>) -> Result<(Code, Type<'f>), Fault> {
    let mut parts = parts.into_iter();
    let (Some(value), Some(Code::Text(currency))) = (parts.next(), parts.next().map(|part| part.code)) else {
        let message = format!("the currency is written out: {}", function.usage());
        return Err(Fault::new(at, "currency_unknown", message));
    };
    if !is_currency(&currency) {
        let message = format!("`{currency}` is no currency such as CNY");
        return Err(Fault::new(at, "currency_unknown", message));
    }
    let inner = Box::new(value.code);
    Ok(if function == Function::Money {
        let kind = Type::Money(Currency::of(&currency));
        (Code::InCurrency(inner, currency), kind)
    } else {
        (Code::AmountIn(inner, currency), Type::Number)
    })
}

fn has_text(kind: Type<'_>) -> bool {
    match kind {
        Type::Number | Type::Money(_) | Type::Text | Type::Date | Type::Choice(_) => true,
        Type::Bool | Type::Period(_) | Type::Choices(_) | Type::Items | Type::Rows => false,
    }
}

/// People read labels, not ids.
fn labelled(part: Part<'_>) -> Part<'_> {
    let Type::Choice(field) = part.kind else { return part };
    let labels = field.options.iter().map(|option| (option.id.clone(), option.label.clone())).collect();
    Part { code: Code::Label(Box::new(part.code), labels), kind: Type::Text, ..part }
}
