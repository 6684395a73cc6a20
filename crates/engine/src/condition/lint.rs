//! What is suspicious about the conditions of a branch (semantics B10): groups that can never hold, lanes that an earlier
//! one always forestalls, numbers between two lanes that neither takes. What cannot be judged for sure is left alone.

use super::{Compare, Condition, Ends, Figure, Group, Subject, Test};
use crate::problem::Problem;
use rust_decimal::Decimal;

/// A lane with a condition.
pub(crate) struct LaneGroups<'a> {
    pub(crate) path: String,
    pub(crate) groups: &'a [Group],
}

/// `lanes` in the order they are tried, `path` of their branch.
pub(crate) fn lint_lanes(lanes: &[LaneGroups<'_>], path: &str, problems: &mut Vec<Problem>) {
    for (number, lane) in lanes.iter().enumerate() {
        for (number, _) in lane.groups.iter().enumerate().filter(|(_, group)| !can_hold(group)) {
            let message = "two of these conditions exclude each other, so the group never holds";
            problems.push(Problem::warning(
                format!("{}[{number}]", lane.path),
                "group_contradictory",
                message,
            ));
        }
        let earlier = || lanes.iter().take(number).flat_map(|lane| lane.groups);
        let mut possible = lane.groups.iter().filter(|group| can_hold(group)).peekable();
        if possible.peek().is_some() && possible.all(|group| earlier().any(|it| implies(group, it))) {
            let message = "whenever this lane could be taken, an earlier one is";
            problems.push(Problem::warning(&lane.path, "lane_shadowed", message));
        }
    }
    lint_gaps(lanes, path, problems);
}

/// Only where all lanes look at one and the same number and nothing else.
fn lint_gaps(lanes: &[LaneGroups<'_>], path: &str, problems: &mut Vec<Problem>) {
    let groups = || lanes.iter().flat_map(|lane| lane.groups);
    let Some(first) = groups().next().and_then(|group| group.conditions.first()) else { return };
    let alike = |group: &Group| match group.conditions.as_slice() {
        [] => None,
        all if all.iter().any(|it| it.subject != first.subject || !is_dense(&it.subject)) => None,
        all => all.iter().map(|it| Range::of(&it.test, currency(&first.test))).try_fold(Range::ALL, meet),
    };
    let Some(mut ranges) = groups().map(alike).collect::<Option<Vec<Range>>>() else { return };
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.low);
    let mut reached = ranges.first().and_then(|range| range.high);
    for range in ranges.iter().skip(1) {
        let Some(high) = reached else { return };
        if let Some(low) = range.low
            && high < low
        {
            let message = format!("numbers between {} and {} take the default lane", high.at, low.at);
            problems.push(Problem::warning(path, "range_gap", message));
        }
        reached = range.high.map(|it| it.max(high));
    }
}

fn meet(range: Range, other: Option<Range>) -> Option<Range> {
    other.map(|other| range.meet(other))
}

/// Between any two of its values lies another one; counts and days leave gaps that nobody can fall into.
fn is_dense(subject: &Subject) -> bool {
    match subject {
        Subject::Field(_) => true,
        Subject::Rows { figure, .. } => matches!(figure, Figure::Sum | Figure::Max | Figure::Min),
        Subject::Initiator | Subject::Duration { .. } => false,
    }
}

/// Ranges of one number that meet in pairs meet as a whole, so that looking at pairs is enough.
fn can_hold(group: &Group) -> bool {
    let mut rest = group.conditions.as_slice();
    while let Some((one, others)) = rest.split_first() {
        if others.iter().any(|other| exclude_each_other(one, other)) {
            return false;
        }
        rest = others;
    }
    true
}

fn exclude_each_other(one: &Condition, other: &Condition) -> bool {
    // Different rows may fulfil different conditions.
    if one.subject != other.subject || matches!(one.subject, Subject::Rows { figure: Figure::AnyRow, .. }) {
        return false;
    }
    match (&one.test, &other.test) {
        (Test::IsEmpty, test) | (test, Test::IsEmpty) => needs_value(test),
        (Test::In { options }, Test::In { options: others }) => !options.iter().any(|it| others.contains(it)),
        (Test::In { options }, Test::NotIn { options: others })
        | (Test::NotIn { options: others }, Test::In { options }) => {
            options.iter().all(|it| others.contains(it))
        }
        (one, other) => {
            let range = Range::of(one, currency(one)).zip(Range::of(other, currency(one)));
            range.is_some_and(|(one, other)| one.meet(other).is_empty())
        }
    }
}

/// Whenever `group` holds, `other` does.
fn implies(group: &Group, other: &Group) -> bool {
    let follows = |it: &Condition| group.conditions.iter().any(|given| condition_implies(given, it));
    !other.conditions.is_empty() && other.conditions.iter().all(follows)
}

fn condition_implies(given: &Condition, other: &Condition) -> bool {
    if given.subject != other.subject {
        return false;
    }
    match (&given.test, &other.test) {
        (given, other) if given == other => true,
        (given, Test::NotEmpty) => needs_value(given),
        (Test::In { options }, Test::In { options: others }) => options.iter().all(|it| others.contains(it)),
        (Test::In { options }, Test::NotIn { options: others }) => {
            !options.iter().any(|it| others.contains(it))
        }
        (given, other) => {
            let ranges = Range::of(given, currency(given)).zip(Range::of(other, currency(given)));
            ranges.is_some_and(|(given, other)| given.meet(other) == given)
        }
    }
}

/// The test is false where nothing was filled in.
fn needs_value(test: &Test) -> bool {
    !matches!(test, Test::IsEmpty | Test::CountIs { .. } | Test::Belongs { .. } | Test::NotBelongs { .. })
}

fn currency(test: &Test) -> Option<&str> {
    match test {
        Test::Number { currency, .. } | Test::Between { currency, .. } => currency.as_deref(),
        _ => None,
    }
}

/// A place on the number line beside a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Cut {
    at: Decimal,
    /// Behind the number rather than before it.
    behind: bool,
}

/// The numbers between two cuts; without a cut it has no end on that side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Range {
    low: Option<Cut>,
    high: Option<Cut>,
}

impl Range {
    const ALL: Range = Range { low: None, high: None };

    /// `None` for tests that are no range, or one in another currency.
    fn of(test: &Test, asked: Option<&str>) -> Option<Self> {
        if currency(test) != asked {
            return None;
        }
        let cut = |at: Decimal, behind| Some(Cut { at, behind });
        match test {
            Test::Number { op, value, .. } => match op {
                Compare::Less => Some(Range { low: None, high: cut(*value, false) }),
                Compare::LessOrEqual => Some(Range { low: None, high: cut(*value, true) }),
                Compare::Equal => Some(Range { low: cut(*value, false), high: cut(*value, true) }),
                Compare::NotEqual => None,
                Compare::GreaterOrEqual => Some(Range { low: cut(*value, false), high: None }),
                Compare::Greater => Some(Range { low: cut(*value, true), high: None }),
            },
            Test::Between { low, high, ends, .. } => {
                let (low_out, high_in) = match ends {
                    Ends::LowOnly => (false, false),
                    Ends::Both => (false, true),
                    Ends::HighOnly => (true, true),
                    Ends::Neither => (true, false),
                };
                Some(Range { low: cut(*low, low_out), high: cut(*high, high_in) })
            }
            _ => None,
        }
    }

    fn meet(self, other: Self) -> Self {
        let high = match (self.high, other.high) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Range { low: self.low.max(other.low), high }
    }

    fn is_empty(self) -> bool {
        self.low.zip(self.high).is_some_and(|(low, high)| low >= high)
    }
}
