//! What can be the case with one fact, cut into as few cells as the tests of a branch can tell apart: a test holds in the
//! whole of a cell or nowhere in it. Some cells may stand for what never happens, but nothing that happens lacks a cell.
//! So "it holds in no cell" is certain, and "it holds in some cell" is certain only where every test looks at the value.

use super::line::{Place, cut, cut_days};
use crate::condition::evaluate::holds_alone;
use crate::condition::{Condition, DurationUnit, Figure, Subject, Test, TextOp};
use crate::form::{DateRange, Field, FieldKind, Form, Money, Value};
use crate::ids::{FieldId, OptionId, UserId};
use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

/// Most cells of a fact: each has a bit.
const CELLS: usize = u128::BITS as usize;
/// Most tests of a fact that its value does not decide, and most members of a set that are told apart.
const OPEN: usize = 6;
/// Most cells of a column for which every set of rows is looked at.
const ROW_CELLS: usize = 7;

/// Some of the cells of one fact.
pub(super) type Mask = u128;

/// The cells of one fact.
pub(super) struct Cells<'a> {
    field: Option<&'a Field>,
    cells: Vec<Cell>,
    /// Tests that hold or not whatever the value: a cell says which of them do.
    open: Vec<&'a Condition>,
    /// The fact is ordered, and every test looks at nothing but its value.
    pub(super) on_a_line: bool,
}

#[derive(Clone)]
struct Cell {
    stands: Stands,
    place: Option<Place>,
    /// One bit for each open test.
    truths: u32,
}

/// What a cell has for a value.
#[derive(Clone)]
enum Stands {
    Nothing,
    /// Any value of the cell is as good as this one.
    Value(Value),
    /// Something that none of the tests names.
    Other,
    /// A list of this length.
    Count(Decimal),
    /// Rows whose cells are these.
    Rows(Vec<Stands>),
}

/// Both are about one fact: what is said of one row and of all rows is about the same rows.
pub(super) fn same_fact(one: &Subject, other: &Subject) -> bool {
    match (one, other) {
        (
            Subject::Rows { table, column, figure: Figure::AnyRow | Figure::AllRows },
            Subject::Rows { table: other_table, column: other_column, figure },
        ) => {
            table == other_table
                && column == other_column
                && matches!(figure, Figure::AnyRow | Figure::AllRows)
        }
        (one, other) => one == other,
    }
}

impl<'a> Cells<'a> {
    /// The cells that these tests of one fact can tell apart.
    pub(super) fn of(conditions: &[&'a Condition], form: &'a Form) -> Self {
        let field = conditions.first().and_then(|it| field_of(&it.subject, form));
        let nature = conditions.first().map_or(Nature::Unknown, |it| nature(&it.subject, field, conditions));
        let mut base = nature.cells(conditions, field);
        if base.len() > CELLS {
            base = unknown();
        }
        let undecided = |it: &&&Condition| base.iter().any(|cell| verdict(it, &cell.stands, field).is_none());
        let mut open: Vec<&Condition> = Vec::new();
        for condition in conditions.iter().filter(undecided) {
            if !open.contains(condition) && open.len() < OPEN {
                open.push(condition);
            }
        }
        let mut cells = expand(&base, &open, field);
        while cells.len() > CELLS {
            open.pop();
            cells = expand(&base, &open, field);
        }
        let on_a_line = open.is_empty()
            && cells.iter().any(|cell| cell.place.is_some())
            && !conditions.iter().any(|it| matches!(it.test, Test::Weekday { .. }) || undecided(&it));
        Self { field, cells, open, on_a_line }
    }

    pub(super) fn all(&self) -> Mask {
        Mask::MAX.checked_shr((CELLS - self.cells.len()) as u32).unwrap_or(0)
    }

    /// Where a test holds; `None` where it was too much to tell.
    pub(super) fn of_test(&self, condition: &Condition) -> Option<Mask> {
        let mut mask = 0;
        for (number, cell) in self.cells.iter().enumerate() {
            let holds = match verdict(condition, &cell.stands, self.field) {
                Some(holds) => holds,
                None => {
                    let bit = self.open.iter().position(|it| *it == condition)?;
                    cell.truths & (1 << bit) != 0
                }
            };
            mask |= Mask::from(holds) << number;
        }
        Some(mask)
    }

    /// Stretches between covered values that nothing of `covered` holds, in words.
    pub(super) fn gaps(&self, covered: Mask) -> Vec<String> {
        let line: Vec<(bool, &Place)> = self
            .cells
            .iter()
            .enumerate()
            .filter_map(|(number, cell)| Some((covered & (1 << number) != 0, cell.place.as_ref()?)))
            .collect();
        let mut gaps = Vec::new();
        let mut bare: Vec<&Place> = Vec::new();
        let mut begun = false;
        for (is_covered, place) in line {
            if !is_covered {
                bare.push(place);
                continue;
            }
            if begun && let (Some(first), Some(last)) = (bare.first(), bare.last()) {
                gaps.push(first.up_to(last));
            }
            begun = true;
            bare.clear();
        }
        gaps
    }

    /// The first value of `mask`, in words.
    pub(super) fn example(&self, mask: Mask) -> Option<String> {
        let inside = self.cells.iter().enumerate().filter(|(number, _)| mask & (1 << number) != 0);
        inside.filter_map(|(_, cell)| cell.place.as_ref()).next().map(|place| place.up_to(place))
    }
}

/// Every way in which the open tests may turn out, for each cell.
fn expand(base: &[Cell], open: &[&Condition], field: Option<&Field>) -> Vec<Cell> {
    base.iter()
        .flat_map(|cell| {
            let decided =
                |bit: usize| open.get(bit).is_none_or(|it| verdict(it, &cell.stands, field).is_some());
            let fixed: u32 = (0..open.len()).filter(|bit| decided(*bit)).map(|bit| 1 << bit).sum();
            (0..1_u32 << open.len())
                .filter(|truths| truths & fixed == 0 && is_possible(open, *truths))
                .map(|truths| Cell { truths, ..cell.clone() })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Tests that exclude each other do not both hold: inside a scope and outside of it, less than another value and greater.
fn is_possible(open: &[&Condition], truths: u32) -> bool {
    let asked = |bit: usize| truths & (1 << bit) != 0;
    let tests = || open.iter().enumerate().map(|(bit, it)| (&it.test, asked(bit)));
    let inside_and_out = tests().any(|(test, holds)| match test {
        Test::Belongs { scope } => {
            holds && tests().any(|(it, holds)| holds && *it == Test::NotBelongs { scope: scope.clone() })
        }
        _ => false,
    });
    let comparisons = |to: &FieldId| {
        let to = to.clone();
        tests().filter_map(move |(test, holds)| match test {
            Test::Field { op, field } if *field == to => Some((*op, holds)),
            _ => None,
        })
    };
    let ordered = tests().all(|(test, _)| match test {
        Test::Field { field, .. } => {
            let orders = [None, Some(Ordering::Less), Some(Ordering::Equal), Some(Ordering::Greater)];
            orders.into_iter().any(|order| {
                comparisons(field).all(|(op, holds)| holds == order.is_some_and(|it| op.holds(it)))
            })
        }
        _ => true,
    });
    !inside_and_out && ordered
}

/// Whether a test holds for what a cell stands for; `None` where that does not decide it.
fn verdict(condition: &Condition, stands: &Stands, field: Option<&Field>) -> Option<bool> {
    let test = &condition.test;
    match stands {
        Stands::Nothing => Some(match test {
            Test::IsEmpty => true,
            Test::CountIs { op, value } => op.holds(0.cmp(value)),
            _ => false,
        }),
        Stands::Count(count) => match test {
            Test::IsEmpty => Some(false),
            Test::NotEmpty => Some(true),
            Test::CountIs { op, value } => Some(op.holds(count.cmp(&Decimal::from(*value)))),
            _ => None,
        },
        Stands::Other => match test {
            Test::IsEmpty => Some(false),
            Test::NotEmpty => Some(true),
            Test::Text { op: TextOp::Equal, ignore_case: false, .. } => Some(false),
            Test::Text { op: TextOp::NotEqual, ignore_case: false, .. } => Some(true),
            _ => None,
        },
        Stands::Value(value) => match test {
            Test::Belongs { .. }
            | Test::NotBelongs { .. }
            | Test::WithinDays { .. }
            | Test::HasExtension { .. }
            | Test::CountIs { .. }
            | Test::Outcome(_)
            | Test::Field { .. } => None,
            Test::IsEmpty
            | Test::NotEmpty
            | Test::Number { .. }
            | Test::Between { .. }
            | Test::Text { .. }
            | Test::In { .. }
            | Test::NotIn { .. }
            | Test::Choices { .. }
            | Test::People { .. }
            | Test::Date { .. }
            | Test::DateBetween { .. }
            | Test::Weekday { .. } => Some(holds_alone(test, value, field)),
        },
        Stands::Rows(rows) => {
            let each: Option<Vec<bool>> = rows.iter().map(|row| verdict(condition, row, field)).collect();
            let each = each?;
            let any = matches!(&condition.subject, Subject::Rows { figure: Figure::AnyRow, .. });
            Some(if any { each.iter().any(|it| *it) } else { !each.is_empty() && each.iter().all(|it| *it) })
        }
    }
}

/// The control, or the column, whose values the fact is made of.
fn field_of<'a>(subject: &Subject, form: &'a Form) -> Option<&'a Field> {
    match subject {
        Subject::Initiator | Subject::Lane(_) => None,
        Subject::Field(id) | Subject::Duration { field: id, .. } => form.field(id),
        Subject::Rows { table, column, .. } => {
            form.field(table)?.columns.iter().find(|field| &field.id == column)
        }
    }
}

/// What sort of values a fact has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Whole ones only, none below 0.
    Counts,
    Numbers {
        negative: bool,
    },
    Moneys,
    Dates,
    Periods,
    OneOption,
    Options,
    People,
    /// One, always there.
    Person,
    Texts,
    Lengths,
    Rows,
    Unknown,
}

fn nature(subject: &Subject, field: Option<&Field>, conditions: &[&Condition]) -> Nature {
    use FieldKind as F;
    let sets = || conditions.iter().any(|it| matches!(it.test, Test::Choices { .. } | Test::People { .. }));
    match (subject, field.map(|it| it.kind)) {
        (Subject::Initiator, _) => Nature::Person,
        (Subject::Lane(_), _) => Nature::Unknown,
        (Subject::Duration { unit: DurationUnit::Hours, .. }, _) => Nature::Numbers { negative: false },
        (Subject::Duration { .. }, _) | (Subject::Rows { figure: Figure::Count, .. }, _) => Nature::Counts,
        (Subject::Rows { figure: Figure::AnyRow | Figure::AllRows, .. }, Some(_)) => Nature::Rows,
        (Subject::Field(_) | Subject::Rows { .. }, kind) => match kind {
            Some(F::Number) => Nature::Numbers { negative: true },
            Some(F::Rating) => Nature::Numbers { negative: false },
            Some(F::Money) => Nature::Moneys,
            Some(F::Date) => Nature::Dates,
            Some(F::DateRange) => Nature::Periods,
            Some(F::Select) => Nature::OneOption,
            Some(F::MultiSelect) if sets() => Nature::Options,
            Some(F::Contact) if sets() => Nature::People,
            Some(F::Text | F::TextArea | F::RichText | F::Phone | F::Address) => Nature::Texts,
            Some(F::File | F::Image | F::Contact | F::MultiSelect | F::Department | F::Table) => {
                Nature::Lengths
            }
            Some(F::Info | F::LinkedInstance) | None => Nature::Unknown,
        },
    }
}

fn bare(stands: Stands) -> Cell {
    Cell { stands, place: None, truths: 0 }
}

fn unknown() -> Vec<Cell> {
    vec![bare(Stands::Nothing), bare(Stands::Other)]
}

impl Nature {
    fn cells(self, conditions: &[&Condition], field: Option<&Field>) -> Vec<Cell> {
        let numbers = || conditions.iter().flat_map(|it| constants(&it.test)).collect::<Vec<_>>();
        let placed = |(at, place): (Decimal, Place)| Cell {
            place: Some(place),
            ..bare(Stands::Value(Value::Number(at)))
        };
        match self {
            Nature::Counts => {
                let counted = conditions.iter().any(|it| matches!(it.subject, Subject::Rows { .. }));
                let nothing = (!counted).then(|| bare(Stands::Nothing));
                let line = cut(numbers(), Some(Decimal::ZERO), true).into_iter().map(placed);
                nothing.into_iter().chain(line).collect()
            }
            Nature::Numbers { negative } => {
                let lowest = (!negative).then_some(Decimal::ZERO);
                let line = cut(numbers(), lowest, false).into_iter().map(placed);
                std::iter::once(bare(Stands::Nothing)).chain(line).collect()
            }
            Nature::Moneys => moneys(&numbers(), conditions, field),
            Nature::Dates | Nature::Periods => days(conditions, self == Nature::Periods),
            Nature::OneOption => options(conditions),
            Nature::Options => sets(&option_constants(conditions), |chosen| {
                Value::Choices(
                    chosen.into_iter().map(|it| it.cloned().unwrap_or(OptionId(String::new()))).collect(),
                )
            }),
            Nature::People => sets(&user_constants(conditions), |chosen| {
                Value::People(chosen.into_iter().map(|it| it.copied().unwrap_or(SOMEBODY_ELSE)).collect())
            }),
            Nature::Person => {
                let named = user_constants(conditions).into_iter().chain([SOMEBODY_ELSE]);
                named.map(|user| bare(Stands::Value(Value::People(vec![user])))).collect()
            }
            Nature::Texts => texts(conditions),
            Nature::Lengths => {
                let line = cut(numbers(), Some(Decimal::ONE), true).into_iter();
                let line = line.map(|(at, place)| Cell { place: Some(place), ..bare(Stands::Count(at)) });
                std::iter::once(bare(Stands::Nothing)).chain(line).collect()
            }
            Nature::Rows => rows(conditions, field),
            Nature::Unknown => unknown(),
        }
    }
}

fn constants(test: &Test) -> Vec<Decimal> {
    match test {
        Test::Number { value, .. } => vec![*value],
        Test::Between { low, high, .. } => vec![*low, *high],
        Test::CountIs { value, .. } => vec![Decimal::from(*value)],
        _ => Vec::new(),
    }
}

/// A currency that nobody names, and no currency at all, which is what rows without amounts add up to.
fn moneys(constants: &[Decimal], conditions: &[&Condition], field: Option<&Field>) -> Vec<Cell> {
    let own = field.map_or(crate::form::DEFAULT_CURRENCY, Field::own_currency);
    let named = conditions.iter().filter_map(|it| match &it.test {
        Test::Number { currency, .. } | Test::Between { currency, .. } => currency.as_deref(),
        _ => None,
    });
    let currencies: BTreeSet<&str> = named.filter(|it| *it != own).collect();
    let money = |amount, currency: &str| Value::Money(Money { amount, currency: currency.to_owned() });
    let mut cells = vec![bare(Stands::Nothing)];
    if conditions.iter().any(|it| matches!(it.subject, Subject::Rows { .. })) {
        cells.push(bare(Stands::Value(Value::Number(Decimal::ZERO))));
    }
    for (at, place) in cut(constants.to_vec(), None, false) {
        cells.push(Cell { place: Some(place), ..bare(Stands::Value(money(at, own))) });
    }
    cells.push(bare(Stands::Value(money(Decimal::ZERO, ""))));
    for currency in currencies {
        let line = cut(constants.to_vec(), None, false).into_iter();
        cells.extend(line.map(|(at, _)| bare(Stands::Value(money(at, currency)))));
    }
    cells
}

fn days(conditions: &[&Condition], periods: bool) -> Vec<Cell> {
    let constants = conditions.iter().flat_map(|it| match &it.test {
        Test::Date { value, .. } => vec![*value],
        Test::DateBetween { first, last } => vec![*first, *last],
        _ => Vec::new(),
    });
    let weekdays = conditions.iter().any(|it| matches!(it.test, Test::Weekday { .. }));
    let line = cut_days(constants.collect(), weekdays).into_iter().map(|(date, place)| {
        let at = date.at(0, 0, 0, 0);
        let value =
            if periods { Value::DateRange(DateRange { start: at, end: at }) } else { Value::Date(at) };
        Cell { place: Some(place), ..bare(Stands::Value(value)) }
    });
    std::iter::once(bare(Stands::Nothing)).chain(line).collect()
}

fn options(conditions: &[&Condition]) -> Vec<Cell> {
    let named = option_constants(conditions).into_iter().chain([OptionId(String::new())]);
    let chosen = named.map(|option| bare(Stands::Value(Value::Choice(option))));
    std::iter::once(bare(Stands::Nothing)).chain(chosen).collect()
}

fn texts(conditions: &[&Condition]) -> Vec<Cell> {
    let named: HashSet<&str> = conditions
        .iter()
        .flat_map(|it| match &it.test {
            Test::Text { values, .. } => values.as_slice(),
            _ => &[],
        })
        .map(|text| text.trim())
        .collect();
    let mut named: Vec<&str> = named.into_iter().collect();
    named.sort_unstable();
    let written = named.into_iter().map(|text| bare(Stands::Value(Value::Text(text.to_owned()))));
    unknown().into_iter().chain(written).collect()
}

/// Every set of the named members, alone and together with one that nobody names.
fn sets<T>(members: &[T], value: impl Fn(Vec<Option<&T>>) -> Value) -> Vec<Cell> {
    if members.len() > OPEN {
        return unknown();
    }
    let mut cells = vec![bare(Stands::Nothing)];
    for bits in 1..1_u32 << (members.len() + 1) {
        let named = members.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
        let other = (bits & (1 << members.len()) != 0).then_some(None);
        let chosen = named.map(|(_, member)| Some(member)).chain(other).collect();
        cells.push(bare(Stands::Value(value(chosen))));
    }
    cells
}

/// Every set of the cells that a single row may stand in.
fn rows(conditions: &[&Condition], field: Option<&Field>) -> Vec<Cell> {
    let Some(column) = field else { return unknown() };
    let of_column = nature(&Subject::Field(column.id.clone()), field, conditions);
    let row: Vec<Stands> = of_column.cells(conditions, field).into_iter().map(|it| it.stands).collect();
    let decided =
        row.iter().all(|it| conditions.iter().all(|condition| verdict(condition, it, field).is_some()));
    if row.len() > ROW_CELLS || !decided {
        return unknown();
    }
    let subset = |bits: u32| row.iter().enumerate().filter(move |(bit, _)| bits & (1 << bit) != 0);
    let rows = |bits| Stands::Rows(subset(bits).map(|(_, stands)| stands.clone()).collect());
    (0..1_u32 << row.len()).map(|bits| bare(rows(bits))).collect()
}

const SOMEBODY_ELSE: UserId = UserId(uuid::Uuid::nil());

fn option_constants(conditions: &[&Condition]) -> Vec<OptionId> {
    let named = conditions.iter().flat_map(|it| match &it.test {
        Test::In { options } | Test::NotIn { options } | Test::Choices { options, .. } => options.as_slice(),
        _ => &[],
    });
    named.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn user_constants(conditions: &[&Condition]) -> Vec<UserId> {
    let named = conditions.iter().flat_map(|it| match &it.test {
        Test::People { users, .. } => users.as_slice(),
        _ => &[],
    });
    named.copied().collect::<BTreeSet<_>>().into_iter().collect()
}
