//! What is suspicious about the conditions of a branch (semantics B10, D7): groups that can never hold, lanes that are
//! never taken, ranges that overlap, values between two lanes that neither takes, and empty values nobody thought of.
//! Judged by the cells of each fact and the boxes over all of them; what cannot be judged for sure is left alone.

mod boxes;
mod cells;
mod line;

use super::{Compare, Condition, Group, SetOp, Subject, Test, TextOp};
use crate::form::Form;
use crate::problem::Problem;
use boxes::{Case, is_empty, meet_all, without};
use cells::{Cells, Mask, same_fact};

/// A lane with a condition.
pub(crate) struct LaneGroups<'a> {
    pub(crate) path: String,
    pub(crate) groups: &'a [Group],
}

/// A lane that a branch lies in, as far as what it says still holds there.
#[derive(Clone)]
pub(crate) struct Around {
    /// Groups of the lanes that are tried before it.
    pub(crate) earlier: Vec<Group>,
    /// Its own; `None` for the default lane.
    pub(crate) groups: Option<Vec<Group>>,
}

/// A branch of which one lane is taken.
pub(crate) struct BranchLanes<'a> {
    /// Those with conditions, in the order they are tried.
    pub(crate) lanes: Vec<LaneGroups<'a>>,
    /// The lanes it lies in.
    pub(crate) around: &'a [Around],
    /// Path of the default lane, where something is drawn in it.
    pub(crate) default: Option<String>,
    /// Path of all lanes.
    pub(crate) path: String,
}

/// What is suspicious about a branch of which one lane is taken.
pub(crate) fn lint_lanes(branch: &BranchLanes<'_>, form: &Form, problems: &mut Vec<Problem>) {
    let space = Space::of(branch, form);
    let drawn: Vec<Lane<'_>> = branch.lanes.iter().map(|lane| Lane::of(lane, &space)).collect();
    let around = around(branch.around, &space);
    for (number, lane) in drawn.iter().enumerate() {
        let (earlier, _) = drawn.split_at(number);
        lint_groups(lane, problems);
        if lint_reach(lane, earlier, &around, problems) {
            lint_overlap(lane, earlier, &space, problems);
        }
        lint_empty_values(lane, form, problems);
    }
    lint_default(branch, &drawn, around, problems);
    lint_gaps(branch, &drawn, &space, problems);
}

/// What is suspicious about a fork of which each lane is taken whose condition holds: there no lane is in another's way.
pub(crate) fn lint_matching(branch: &BranchLanes<'_>, form: &Form, problems: &mut Vec<Problem>) {
    let space = Space::of(branch, form);
    let around = around(branch.around, &space);
    for lane in &branch.lanes {
        let lane = Lane::of(lane, &space);
        lint_groups(&lane, problems);
        lint_reach(&lane, &[], &around, problems);
        lint_empty_values(&lane, form, problems);
    }
}

/// Whether one of the groups holds whatever is the case.
pub(crate) fn always_holds(groups: &[Group], form: &Form) -> bool {
    let lanes = vec![LaneGroups { path: String::new(), groups }];
    let branch = BranchLanes { lanes, around: &[], default: None, path: String::new() };
    let space = Space::of(&branch, form);
    let lanes = branch.lanes.iter().map(|lane| Lane::of(lane, &space));
    let certain: Vec<Case> = lanes.flat_map(|lane| lane.certain().cloned().collect::<Vec<_>>()).collect();
    without(vec![space.everything()], &certain).is_some_and(|left| left.is_empty())
}

/// The facts that conditions look at, each with its cells.
struct Space<'a> {
    facts: Vec<(&'a Subject, Cells<'a>)>,
}

impl<'a> Space<'a> {
    fn of(branch: &BranchLanes<'a>, form: &'a Form) -> Self {
        let own = branch.lanes.iter().flat_map(|lane| lane.groups);
        let outer = branch
            .around
            .iter()
            .flat_map(|lane| lane.earlier.iter().chain(lane.groups.as_deref().unwrap_or_default()));
        let conditions: Vec<&Condition> = own.chain(outer).flat_map(|group| &group.conditions).collect();
        let mut facts: Vec<(&Subject, Cells<'_>)> = Vec::new();
        for condition in &conditions {
            if facts.iter().any(|(subject, _)| same_fact(subject, &condition.subject)) {
                continue;
            }
            let alike = conditions.iter().filter(|it| same_fact(&condition.subject, &it.subject));
            facts.push((&condition.subject, Cells::of(&alike.copied().collect::<Vec<_>>(), form)));
        }
        Self { facts }
    }

    fn everything(&self) -> Case {
        self.facts.iter().map(|(_, cells)| cells.all()).collect()
    }

    /// Where a group may hold, and whether it surely holds there.
    fn of_group(&self, group: &Group) -> (Case, bool) {
        let mut case = self.everything();
        let mut exact = true;
        for condition in &group.conditions {
            let fact = self.facts.iter().position(|(subject, _)| same_fact(subject, &condition.subject));
            let mask = fact.and_then(|fact| self.facts.get(fact)?.1.of_test(condition));
            match (mask, fact.and_then(|fact| case.get_mut(fact))) {
                (Some(mask), Some(own)) => *own &= mask,
                (_, _) => exact = false,
            }
        }
        (case, exact)
    }

    /// The only fact that all lanes look at.
    fn only_fact(&self, lanes: &[&Lane<'_>]) -> Option<(usize, &Cells<'a>)> {
        let subject = &lanes.first()?.groups.first()?.conditions.first()?.subject;
        let mut conditions = lanes.iter().flat_map(|lane| lane.groups).flat_map(|group| &group.conditions);
        let fact = self.facts.iter().position(|(it, _)| same_fact(it, subject))?;
        let (_, cells) = self.facts.get(fact)?;
        conditions.all(|it| same_fact(&it.subject, subject)).then_some((fact, cells))
    }
}

/// A lane with the cases in which each of its groups holds.
struct Lane<'a> {
    path: &'a str,
    groups: &'a [Group],
    cases: Vec<Case>,
    exact: Vec<bool>,
}

impl<'a> Lane<'a> {
    fn of(lane: &'a LaneGroups<'a>, space: &Space<'_>) -> Self {
        let (cases, exact) = lane.groups.iter().map(|group| space.of_group(group)).unzip();
        Self { path: &lane.path, groups: lane.groups, cases, exact }
    }

    /// Cases in which the lane may be taken.
    fn possible(&self) -> Vec<Case> {
        self.cases.iter().filter(|case| !is_empty(case)).cloned().collect()
    }

    /// Cases in which it surely is, unless an earlier one is.
    fn certain(&self) -> impl Iterator<Item = &Case> {
        let filled = self.groups.iter().map(|group| !group.conditions.is_empty());
        let sure = self.cases.iter().zip(&self.exact).zip(filled);
        sure.filter(|((_, exact), filled)| **exact && *filled).map(|((case, _), _)| case)
    }

    /// What it takes of one fact.
    fn of_fact(&self, fact: usize) -> Mask {
        self.cases.iter().filter_map(|case| case.get(fact)).fold(0, |all, mask| all | mask)
    }
}

/// The cases in which a branch is reached at all.
fn around(lanes: &[Around], space: &Space<'_>) -> Vec<Case> {
    let mut reached = vec![space.everything()];
    for lane in lanes {
        if let Some(groups) = &lane.groups {
            let own: Vec<Case> = groups.iter().map(|group| space.of_group(group).0).collect();
            reached = meet_all(&reached, &own);
        }
        let before = lane.earlier.iter().map(|group| space.of_group(group));
        let before: Vec<Case> = before.filter(|(_, exact)| *exact).map(|(case, _)| case).collect();
        reached = without(reached.clone(), &before).unwrap_or(reached);
    }
    reached
}

fn lint_groups(lane: &Lane<'_>, problems: &mut Vec<Problem>) {
    for (number, _) in lane.cases.iter().enumerate().filter(|(_, case)| is_empty(case)) {
        let message = "two of these conditions exclude each other, so the group never holds";
        problems.push(Problem::warning(format!("{}[{number}]", lane.path), "group_contradictory", message));
    }
}

/// Whether the lane is ever taken, as far as one can tell.
fn lint_reach(lane: &Lane<'_>, earlier: &[Lane<'_>], around: &[Case], problems: &mut Vec<Problem>) -> bool {
    if lane.groups.is_empty() {
        return true;
    }
    let reached = meet_all(&lane.possible(), around);
    if reached.is_empty() {
        let message = "this lane is never taken: its conditions cannot be met where it stands";
        problems.push(Problem::warning(lane.path, "lane_unreachable", message));
        return false;
    }
    let taken: Vec<Case> = earlier.iter().flat_map(Lane::certain).cloned().collect();
    let shadowed = without(reached, &taken).is_some_and(|left| left.is_empty());
    if shadowed {
        let message = "whenever this lane could be taken, an earlier one is";
        problems.push(Problem::warning(lane.path, "lane_shadowed", message));
    }
    !shadowed
}

/// The default lane is drawn in vain where the others take everything.
fn lint_default(
    branch: &BranchLanes<'_>,
    lanes: &[Lane<'_>],
    around: Vec<Case>,
    problems: &mut Vec<Problem>,
) {
    let Some(path) = &branch.default else { return };
    let taken: Vec<Case> = lanes.iter().flat_map(Lane::certain).cloned().collect();
    if without(around, &taken).is_some_and(|left| left.is_empty()) {
        let message = "the default lane is never taken: the other lanes take everything";
        problems.push(Problem::warning(path, "lane_unreachable", message));
    }
}

/// Two ranges of which each has something of its own and something in common. A range that holds another one comes
/// after it on purpose, as in "above 1000, else above 100".
fn lint_overlap(lane: &Lane<'_>, earlier: &[Lane<'_>], space: &Space<'_>, problems: &mut Vec<Problem>) {
    for other in earlier {
        let Some((fact, cells)) = space.only_fact(&[other, lane]).filter(|(_, cells)| cells.on_a_line) else {
            continue;
        };
        let (one, two) = (other.of_fact(fact), lane.of_fact(fact));
        let both = one & two;
        if both == 0 || both == one || both == two {
            continue;
        }
        if let Some(example) = cells.example(both) {
            let message = format!("this lane and an earlier one both take {example}; the earlier one wins");
            problems.push(Problem::warning(lane.path, "range_overlap", message));
            return;
        }
    }
}

/// Only where all lanes look at one and the same ordered fact and nothing else.
fn lint_gaps(branch: &BranchLanes<'_>, lanes: &[Lane<'_>], space: &Space<'_>, problems: &mut Vec<Problem>) {
    let all: Vec<&Lane<'_>> = lanes.iter().collect();
    let Some((fact, cells)) = space.only_fact(&all).filter(|(_, cells)| cells.on_a_line) else { return };
    let covered = lanes.iter().fold(0, |all, lane| all | lane.of_fact(fact));
    for gap in cells.gaps(covered) {
        let message = format!("{gap} falls between two lanes and takes the default one");
        problems.push(Problem::warning(&branch.path, "range_gap", message));
    }
}

/// What is denied of a value is false where nothing was filled in, unless the lane says otherwise.
fn lint_empty_values(lane: &Lane<'_>, form: &Form, problems: &mut Vec<Problem>) {
    let says_so = |subject: &Subject| {
        let conditions = lane.groups.iter().flat_map(|group| &group.conditions);
        conditions.filter(|it| &it.subject == subject).any(|it| it.test == Test::IsEmpty)
    };
    for (number, group) in lane.groups.iter().enumerate() {
        for (place, condition) in group.conditions.iter().enumerate() {
            let Subject::Field(id) = &condition.subject else { continue };
            let Some(field) = form.field(id).filter(|field| !field.required) else { continue };
            let demands = group
                .conditions
                .iter()
                .any(|it| it.subject == condition.subject && it.test == Test::NotEmpty);
            if is_denial(&condition.test) && !demands && !says_so(&condition.subject) {
                let path = format!("{}[{number}][{place}].test", lane.path);
                let message = format!(
                    "an empty `{}` does not take this lane; add a group \"is empty\" if it should",
                    field.title
                );
                problems.push(Problem::warning(path, "empty_not_covered", message));
            }
        }
    }
}

fn is_denial(test: &Test) -> bool {
    match test {
        Test::NotIn { .. } | Test::NotBelongs { .. } => true,
        Test::Number { op, .. } | Test::Date { op, .. } | Test::Field { op, .. } => *op == Compare::NotEqual,
        Test::Text { op, .. } => *op == TextOp::NotEqual,
        Test::Choices { op, .. } | Test::People { op, .. } => *op == SetOp::ContainsNone,
        Test::IsEmpty
        | Test::NotEmpty
        | Test::Between { .. }
        | Test::In { .. }
        | Test::Belongs { .. }
        | Test::DateBetween { .. }
        | Test::WithinDays { .. }
        | Test::Weekday { .. }
        | Test::CountIs { .. }
        | Test::HasExtension { .. }
        | Test::Outcome(_) => false,
    }
}
