//! What a form reckons by itself: which controls are shown, which are required, and the values of formulas. Rules are
//! followed in the order in which they look at one another, so that each finds what it needs.

use super::check::{has_problem, required};
use super::{Field, FieldKind, Form, FormData, LIST_LIMIT, Money, Row, Value, read_partial, to_plain};
use crate::expression::{
    Checked, Currency, Fault, Place, Scalar, Scope, Site, Type, check, evaluate, holds, parse,
};
use crate::problem::Problem;
use jiff::civil::{Date, DateTime};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Most rules of a form.
pub const RULE_LIMIT: usize = 300;
/// Most steps that all rules of a form take together, with tables as long as they may be.
pub const COST_LIMIT: u64 = 2_000_000;

/// The values with everything the form reckons itself: formulas anew, and nothing where a control is not shown. `today`
/// is the day in the workspace's time zone.
pub fn compute(form: &Form, data: FormData, today: Date) -> FormData {
    Rules::of(form).0.compute(data, today).data
}

/// Whether values fit a form, with its rules: known controls, the right kinds, nothing required missing, no amounts of
/// different currencies reckoned together. `today` as in `compute`.
pub fn check_values(form: &Form, data: &FormData, today: Date) -> Vec<Problem> {
    let mut problems = read_partial(form, &to_plain(data)).err().unwrap_or_default();
    let (rules, _) = Rules::of(form);
    let computed = rules.compute(data.clone(), today);
    for problem in rules.missing(&computed.data, today, |_, by_form| by_form) {
        if !has_problem(&problems, &problem.path) {
            problems.push(problem);
        }
    }
    problems.extend(computed.problems);
    problems
}

/// What is wrong with the rules of a form, with paths such as `form[2].columns[0].formula`.
pub(crate) fn check_rules(form: &Form) -> Vec<Problem> {
    Rules::of(form).1
}

/// Whether a formula that stands outside of the form yields a date.
pub(crate) fn check_date_formula(form: &Form, text: &str) -> Result<(), Fault> {
    match check(&parse(text)?, Site { form, table: None })?.kind {
        Type::Date => Ok(()),
        other => {
            let message = format!("this must be a date, not {}", other.words());
            Err(Fault { at: 0, code: "type_mismatch", message })
        }
    }
}

/// The date that a formula outside of the form yields; nothing where it yields none.
pub(crate) fn date_by_formula(form: &Form, data: &FormData, text: &str, today: Date) -> Option<DateTime> {
    let checked = check(&parse(text).ok()?, Site { form, table: None }).ok()?;
    let scope = Scope { data, row: None, today, mixed: Cell::new(false) };
    match evaluate(&checked.code, &scope)? {
        Scalar::Date(date) => Some(date),
        Scalar::Number(_)
        | Scalar::Money(..)
        | Scalar::Text(_)
        | Scalar::Bool(_)
        | Scalar::Period(_)
        | Scalar::Choice(..)
        | Scalar::Other(_) => None,
    }
}

/// The rules of a form, ready to be followed. Those that make no sense are left out.
pub(super) struct Rules<'f> {
    form: &'f Form,
    rules: BTreeMap<Place, Rule<'f>>,
    /// Of those that show or reckon.
    order: Vec<Place>,
}

#[derive(Default)]
struct Rule<'f> {
    show_if: Option<Checked<'f>>,
    formula: Option<Checked<'f>>,
    required_if: Option<Checked<'f>>,
}

impl Rule<'_> {
    /// What has to be known before this control has its value.
    fn needs(&self) -> impl Iterator<Item = Place> {
        self.show_if.iter().chain(&self.formula).flat_map(|it| &it.uses).copied()
    }
}

/// Values with what was found amiss on the way.
pub(super) struct Computed {
    pub(super) data: FormData,
    pub(super) problems: Vec<Problem>,
}

impl<'f> Rules<'f> {
    /// The rules of a form with everything that is wrong with them.
    pub(super) fn of(form: &'f Form) -> (Self, Vec<Problem>) {
        let mut reading = Reading { form, problems: Vec::new(), rules: BTreeMap::new(), cost: 0, count: 0 };
        for (number, field) in form.fields.iter().enumerate() {
            reading.read(Place::Field(number), field);
            for (column, field) in field.columns.iter().enumerate() {
                reading.read(Place::Column(number, column), field);
            }
        }
        let order = reading.order();
        (Self { form, rules: reading.rules, order }, reading.problems)
    }

    /// Follows the rules.
    pub(super) fn compute(&self, mut data: FormData, today: Date) -> Computed {
        let mut problems = Vec::new();
        for place in &self.order {
            let (Some(rule), Some(field)) = (self.rules.get(place), field_at(self.form, *place)) else {
                continue;
            };
            match *place {
                Place::Field(_) => {
                    let scope = scope(&data, None, today);
                    let value = outcome(rule, &scope);
                    if scope.mixed.get() {
                        problems.push(mixed(format!("form.{}", field.id), field));
                    }
                    apply(&mut data, field, value);
                }
                Place::Column(table, _) => {
                    let Some(table) = self.form.fields.get(table) else { continue };
                    let outcomes: Vec<_> = rows(&data, table)
                        .iter()
                        .enumerate()
                        .map(|(number, row)| {
                            let scope = scope(&data, Some(&row.cells), today);
                            let value = outcome(rule, &scope);
                            if scope.mixed.get() {
                                problems
                                    .push(mixed(format!("form.{}[{number}].{}", table.id, field.id), field));
                            }
                            value
                        })
                        .collect();
                    let Some(Value::Rows(rows)) = data.0.get_mut(&table.id) else { continue };
                    for (row, value) in rows.iter_mut().zip(outcomes) {
                        apply(&mut row.cells, field, value);
                    }
                }
            }
        }
        Computed { data, problems }
    }

    /// The values that are missing among those that `must` asks for; it is told whether the form requires them. What is
    /// not shown is never asked for.
    pub(super) fn missing(
        &self,
        data: &FormData,
        today: Date,
        must: impl Fn(Place, bool) -> bool,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (number, field) in self.form.fields.iter().enumerate() {
            let place = Place::Field(number);
            let here = scope(data, None, today);
            if data.get(&field.id).is_none()
                && must(place, self.is_required(place, field, &here))
                && self.is_shown(place, &here)
            {
                problems.push(required(format!("form.{}", field.id), field));
            }
            for (at, row) in rows(data, field).iter().enumerate() {
                let here = scope(data, Some(&row.cells), today);
                for (column, cell) in field.columns.iter().enumerate() {
                    let place = Place::Column(number, column);
                    if row.get(&cell.id).is_none()
                        && must(place, self.is_required(place, cell, &here))
                        && self.is_shown(place, &here)
                    {
                        problems.push(required(format!("form.{}[{at}].{}", field.id, cell.id), cell));
                    }
                }
            }
        }
        problems
    }

    /// By the form: always, or as things are.
    pub(super) fn is_required(&self, place: Place, field: &Field, scope: &Scope<'_>) -> bool {
        let by_rule = || self.rules.get(&place).and_then(|rule| rule.required_if.as_ref());
        field.kind != FieldKind::Info
            && (field.required || by_rule().is_some_and(|rule| holds(&rule.code, scope)))
    }

    pub(super) fn is_shown(&self, place: Place, scope: &Scope<'_>) -> bool {
        let rule = self.rules.get(&place).and_then(|rule| rule.show_if.as_ref());
        rule.is_none_or(|rule| holds(&rule.code, scope))
    }
}

/// What a rule looks at.
pub(super) fn scope<'a>(data: &'a FormData, row: Option<&'a FormData>, today: Date) -> Scope<'a> {
    Scope { data, row, today, mixed: Cell::new(false) }
}

/// The rows of a table; none of anything else.
pub(super) fn rows<'a>(data: &'a FormData, table: &Field) -> &'a [Row] {
    match data.get(&table.id) {
        Some(Value::Rows(rows)) => rows,
        _ => &[],
    }
}

pub(super) fn field_at(form: &Form, place: Place) -> Option<&Field> {
    match place {
        Place::Field(number) => form.fields.get(number),
        Place::Column(table, column) => form.fields.get(table)?.columns.get(column),
    }
}

/// What becomes of a value.
enum Change {
    Keep,
    Clear,
    Set(Value),
}

fn outcome(rule: &Rule<'_>, scope: &Scope<'_>) -> Change {
    if rule.show_if.as_ref().is_some_and(|rule| !holds(&rule.code, scope)) {
        return Change::Clear;
    }
    let Some(formula) = &rule.formula else { return Change::Keep };
    evaluate(&formula.code, scope).and_then(value_of).map_or(Change::Clear, Change::Set)
}

pub(super) fn value_of(scalar: Scalar<'_>) -> Option<Value> {
    match scalar {
        Scalar::Number(number) => Some(Value::Number(number)),
        Scalar::Money(amount, currency) => {
            Some(Value::Money(Money { amount, currency: currency.into_owned() }))
        }
        Scalar::Text(text) => Some(Value::Text(text.into_owned())),
        Scalar::Date(date) => Some(Value::Date(date)),
        Scalar::Bool(_) | Scalar::Period(_) | Scalar::Choice(..) | Scalar::Other(_) => None,
    }
}

fn apply(data: &mut FormData, field: &Field, change: Change) {
    match change {
        Change::Keep => {}
        Change::Clear => {
            data.0.remove(&field.id);
        }
        Change::Set(value) => {
            data.0.insert(field.id.clone(), value);
        }
    }
}

fn mixed(path: String, field: &Field) -> Problem {
    let message = format!("`{}` cannot be reckoned from amounts in different currencies", field.title);
    Problem::error(path, "currency_mixed", message)
}

/// The rules of a form while they are being read.
struct Reading<'f> {
    form: &'f Form,
    problems: Vec<Problem>,
    rules: BTreeMap<Place, Rule<'f>>,
    cost: u64,
    count: usize,
}

/// What a rule is for.
#[derive(Clone, Copy)]
enum Purpose {
    Show,
    Formula,
    Require,
}

impl Purpose {
    fn member(self) -> &'static str {
        match self {
            Purpose::Show => "show_if",
            Purpose::Formula => "formula",
            Purpose::Require => "required_if",
        }
    }
}

impl<'f> Reading<'f> {
    fn read(&mut self, place: Place, field: &'f Field) {
        if field.show_if.is_none() && field.formula.is_none() && field.required_if.is_none() {
            return;
        }
        let rule = Rule {
            show_if: self.rule(place, field, Purpose::Show, field.show_if.as_deref()),
            formula: self.rule(place, field, Purpose::Formula, field.formula.as_deref()),
            required_if: self.rule(place, field, Purpose::Require, field.required_if.as_deref()),
        };
        self.rules.insert(place, rule);
    }

    /// A rule that makes sense; else what is wrong with it is noted.
    fn rule(
        &mut self,
        place: Place,
        field: &'f Field,
        purpose: Purpose,
        text: Option<&str>,
    ) -> Option<Checked<'f>> {
        let text = text?;
        let (table, times) = match place {
            Place::Field(_) => (None, 1),
            Place::Column(table, _) => (Some(table), LIST_LIMIT as u64),
        };
        let site = Site { form: self.form, table };
        let checked = checked(site, field, purpose, text).and_then(|checked| self.afford(checked, times));
        checked
            .map_err(|fault| {
                let path = format!("{}.{}", path_of(place), purpose.member());
                self.problems.push(fault.at_path(&path));
            })
            .ok()
    }

    fn afford(&mut self, checked: Checked<'f>, times: u64) -> Result<Checked<'f>, Fault> {
        self.count += 1;
        if self.count > RULE_LIMIT {
            let message = format!("a form may have at most {RULE_LIMIT} rules");
            return Err(Fault { at: 0, code: "too_many", message });
        }
        let cost = self.cost + checked.cost * times;
        if cost > COST_LIMIT {
            let message =
                "the rules of the form take too long for the greatest tables; look at columns less often";
            return Err(Fault { at: 0, code: "rules_too_costly", message: message.to_owned() });
        }
        self.cost = cost;
        Ok(checked)
    }

    /// Rules that show or reckon, each after those it looks at. What goes round in a circle has no order and is left out.
    fn order(&mut self) -> Vec<Place> {
        let acts = |rule: &Rule<'_>| rule.show_if.is_some() || rule.formula.is_some();
        let mut left: BTreeMap<Place, BTreeSet<Place>> = BTreeMap::new();
        for (place, rule) in self.rules.iter().filter(|(_, rule)| acts(rule)) {
            let mut needs: BTreeSet<Place> = rule.needs().collect();
            if let Place::Column(table, _) = place {
                needs.insert(Place::Field(*table));
            }
            needs.retain(|need| self.rules.get(need).is_some_and(acts));
            left.insert(*place, needs);
        }
        let mut order = Vec::new();
        while let Some(next) = left.iter().find(|(_, needs)| needs.is_empty()).map(|(place, _)| *place) {
            left.remove(&next);
            left.values_mut().for_each(|needs| {
                needs.remove(&next);
            });
            order.push(next);
        }
        self.report_circle(left);
        order
    }

    /// Of what has no order, only what stands in a circle itself, not what merely looks at one.
    fn report_circle(&mut self, mut left: BTreeMap<Place, BTreeSet<Place>>) {
        loop {
            let needed: BTreeSet<Place> = left.values().flatten().copied().collect();
            let before = left.len();
            left.retain(|place, _| needed.contains(place));
            if left.len() == before {
                break;
            }
        }
        for place in left.keys() {
            let Some(field) = field_at(self.form, *place) else { continue };
            let member = if field.formula.is_some() { Purpose::Formula } else { Purpose::Show };
            let message = format!("`{}` hangs on itself by way of these rules", field.title);
            let path = format!("{}.{}", path_of(*place), member.member());
            self.problems.push(Problem::error(path, "formula_circle", message));
        }
    }
}

fn checked<'f>(site: Site<'f>, field: &Field, purpose: Purpose, text: &str) -> Result<Checked<'f>, Fault> {
    let checked = check(&parse(text)?, site)?;
    fits(field, purpose, checked.kind)?;
    Ok(checked)
}

/// A formula whose result this control takes.
pub(super) fn checked_formula<'f>(form: &'f Form, field: &Field, text: &str) -> Result<Checked<'f>, Fault> {
    checked(Site { form, table: None }, field, Purpose::Formula, text)
}

fn path_of(place: Place) -> String {
    match place {
        Place::Field(number) => format!("form[{number}]"),
        Place::Column(table, number) => format!("form[{table}].columns[{number}]"),
    }
}

/// Whether a control takes what an expression yields.
fn fits(field: &Field, purpose: Purpose, kind: Type<'_>) -> Result<(), Fault> {
    let fault = |code, message| Err(Fault { at: 0, code, message });
    match purpose {
        Purpose::Require if field.kind == FieldKind::Info => {
            fault("required_unfit", "an info field takes no value".to_owned())
        }
        Purpose::Show | Purpose::Require if kind == Type::Bool => Ok(()),
        Purpose::Show | Purpose::Require => {
            fault("type_mismatch", format!("this must be a condition, not {}", kind.words()))
        }
        Purpose::Formula => match (field.kind, kind) {
            (FieldKind::Number, Type::Number)
            | (FieldKind::Text | FieldKind::TextArea, Type::Text)
            | (FieldKind::Date, Type::Date) => Ok(()),
            (FieldKind::Money, Type::Money(currency)) => {
                let own = Currency::of(field.own_currency());
                if currency == own {
                    return Ok(());
                }
                fault("currency_mixed", format!("the field is in {own}, the formula yields {currency}"))
            }
            (
                FieldKind::Number
                | FieldKind::Text
                | FieldKind::TextArea
                | FieldKind::Date
                | FieldKind::Money,
                other,
            ) => fault(
                "type_mismatch",
                format!("the formula yields {}, which `{}` does not take", other.words(), field.title),
            ),
            (
                FieldKind::File
                | FieldKind::RichText
                | FieldKind::Select
                | FieldKind::Info
                | FieldKind::Contact
                | FieldKind::MultiSelect
                | FieldKind::Image
                | FieldKind::DateRange
                | FieldKind::Department
                | FieldKind::Table
                | FieldKind::Address
                | FieldKind::Phone
                | FieldKind::Rating
                | FieldKind::LinkedInstance,
                _,
            ) => fault("formula_unfit", format!("`{}` cannot be reckoned by a formula", field.title)),
        },
    }
}
