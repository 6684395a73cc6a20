//! The number line and the calendar, cut at the constants of conditions: each constant, and each stretch between two.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

/// Where a cell lies: at a constant, or between two.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Place {
    low: Option<String>,
    high: Option<String>,
    /// It is the single value `low`.
    point: bool,
}

impl Place {
    fn at(value: &impl ToString) -> Self {
        Self { low: Some(value.to_string()), high: Some(value.to_string()), point: true }
    }

    fn between(low: Option<&impl ToString>, high: Option<&impl ToString>) -> Self {
        Self { low: low.map(ToString::to_string), high: high.map(ToString::to_string), point: false }
    }

    /// From here up to there, in words.
    pub(super) fn up_to(&self, last: &Place) -> String {
        match (&self.low, &last.high) {
            (Some(low), _) if self == last && self.point => low.clone(),
            (Some(low), Some(high)) => {
                let (with_low, with_high) = (word(self.point), word(last.point));
                format!("{low} ({with_low}) to {high} ({with_high})")
            }
            (Some(low), None) => format!("{} {low}", if self.point { "from" } else { "above" }),
            (None, Some(high)) => format!("{} {high}", if last.point { "up to" } else { "below" }),
            (None, None) => "any".to_owned(),
        }
    }
}

fn word(included: bool) -> &'static str {
    if included { "included" } else { "excluded" }
}

/// One value of each piece of the line, from the lowest up. `lowest`: there is nothing below. `whole`: nothing but whole
/// numbers.
pub(super) fn cut(
    mut constants: Vec<Decimal>,
    lowest: Option<Decimal>,
    whole: bool,
) -> Vec<(Decimal, Place)> {
    constants.sort();
    constants.dedup();
    constants.retain(|it| lowest.is_none_or(|lowest| *it >= lowest));
    let mut pieces = Vec::new();
    let mut below: Option<Decimal> = None;
    for at in &constants {
        let inside = match below {
            Some(below) => between(below, *at, whole),
            None => before(*at, lowest, whole),
        };
        pieces.extend(inside.map(|value| (value, Place::between(below.as_ref(), Some(at)))));
        if !whole || at.is_integer() {
            pieces.push((*at, Place::at(at)));
        }
        below = Some(*at);
    }
    let beyond = match below {
        Some(last) if whole => last.floor().checked_add(Decimal::ONE),
        Some(last) => last.checked_add(Decimal::ONE),
        None => Some(lowest.unwrap_or(Decimal::ZERO)),
    };
    pieces.extend(beyond.map(|value| (value, Place::between(below.as_ref(), None::<&Decimal>))));
    pieces
}

fn between(low: Decimal, high: Decimal, whole: bool) -> Option<Decimal> {
    if whole {
        return low.floor().checked_add(Decimal::ONE).filter(|it| *it < high);
    }
    let half = high.checked_sub(low)?.checked_div(Decimal::TWO)?;
    low.checked_add(half).filter(|it| low < *it && *it < high)
}

fn before(high: Decimal, lowest: Option<Decimal>, whole: bool) -> Option<Decimal> {
    match lowest {
        Some(lowest) if lowest >= high => None,
        Some(lowest) => Some(lowest),
        None if whole => high.ceil().checked_sub(Decimal::ONE),
        None => high.checked_sub(Decimal::ONE),
    }
}

/// One day of each piece of the calendar, in order; every day of the week that there is in it where `weekdays`.
pub(super) fn cut_days(mut constants: Vec<Date>, weekdays: bool) -> Vec<(Date, Place)> {
    constants.sort();
    constants.dedup();
    let week = |first: Date, end: Option<Date>, place: &Place| {
        let days = (0..if weekdays { 7 } else { 1 }).filter_map(|day| first.checked_add(day.days()).ok());
        let inside = days.filter(|day| end.is_none_or(|end| *day < end));
        inside.map(|day| (day, place.clone())).collect::<Vec<_>>()
    };
    let mut pieces = Vec::new();
    let mut below: Option<Date> = None;
    for at in &constants {
        let first = match below {
            Some(below) => below.tomorrow().ok(),
            None => at.checked_sub(7.days()).ok(),
        };
        let place = Place::between(below.as_ref(), Some(at));
        pieces.extend(first.into_iter().flat_map(|first| week(first, Some(*at), &place)));
        pieces.push((*at, Place::at(at)));
        below = Some(*at);
    }
    let beyond = below.map_or(Some(date(2000, 1, 1)), |last| last.tomorrow().ok());
    let place = Place::between(below.as_ref(), None::<&Date>);
    pieces.extend(beyond.into_iter().flat_map(|first| week(first, None, &place)));
    pieces
}
