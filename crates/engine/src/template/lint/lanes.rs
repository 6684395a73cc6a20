//! Each branch of a template looked at together with the lanes it lies in.

use crate::condition::{
    Around, BranchLanes, Condition, Group, LaneGroups, Subject, lint_lanes, lint_matching,
};
use crate::ids::FieldId;
use crate::problem::{Problem, Severity};
use crate::template::{Block, Branch, Lane, Parallel, Take, Template, When, written_by};
use std::collections::BTreeSet;

/// What is suspicious about the conditions of every branch.
pub(in crate::template) fn lint_branches(template: &Template, problems: &mut Vec<Problem>) {
    let written = template.blocks().into_iter().flat_map(written_by).collect();
    Walk { template, problems, written, around: Vec::new() }.blocks(&template.flow, "flow");
}

struct Walk<'a> {
    template: &'a Template,
    problems: &'a mut Vec<Problem>,
    /// Fields whose values may change on the way.
    written: BTreeSet<FieldId>,
    around: Vec<Around>,
}

impl Walk<'_> {
    fn blocks(&mut self, blocks: &[Block], path: &str) {
        for (number, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{number}]");
            match block {
                Block::Branch(branch) => self.branch(branch, &path),
                Block::Parallel(fork) => self.fork(fork, &path),
                Block::Each(each) => self.blocks(&each.blocks, &format!("{path}.blocks")),
                Block::Approval(_)
                | Block::Cc(_)
                | Block::Delay(_)
                | Block::Trigger(_)
                | Block::SubProcess(_)
                | Block::Route(_)
                | Block::Auto(_) => {}
            }
        }
    }

    /// A fork of which any number of lanes is taken.
    fn fork(&mut self, fork: &Parallel, path: &str) {
        let matching = fork.take == Take::Matching;
        if matching && self.has_unsound_conditions(path) {
            return;
        }
        if matching {
            let lanes = fork.lanes.iter().enumerate();
            let lanes = lanes.filter_map(|(number, lane)| conditional(lane, number, path)).collect();
            let looked_at =
                BranchLanes { lanes, around: &self.around, default: None, path: format!("{path}.lanes") };
            lint_matching(&looked_at, &self.template.form, self.problems);
        }
        for (number, lane) in fork.lanes.iter().enumerate() {
            let groups = groups_of(lane).filter(|_| matching);
            let taken = self.around(&[], groups);
            self.around.push(taken);
            self.blocks(&lane.blocks, &format!("{path}.lanes[{number}].blocks"));
            self.around.pop();
        }
    }

    fn branch(&mut self, branch: &Branch, path: &str) {
        if self.has_unsound_conditions(path) {
            return;
        }
        let mut lanes: Vec<(usize, &Lane)> = branch.lanes.iter().enumerate().collect();
        lanes.sort_by_key(|(_, lane)| (lane.when == When::Default, lane.priority));
        let drawn = |lane: &Lane| lane.when == When::Default && !lane.blocks.is_empty();
        let default = lanes.iter().find(|(_, lane)| drawn(lane));
        let looked_at = BranchLanes {
            lanes: lanes.iter().filter_map(|(number, lane)| conditional(lane, *number, path)).collect(),
            around: &self.around,
            default: default.map(|(number, _)| format!("{path}.lanes[{number}]")),
            path: format!("{path}.lanes"),
        };
        lint_lanes(&looked_at, &self.template.form, self.problems);
        let mut earlier: Vec<Group> = Vec::new();
        for (number, lane) in lanes {
            let taken = self.around(&earlier, groups_of(lane));
            self.around.push(taken);
            self.blocks(&lane.blocks, &format!("{path}.lanes[{number}].blocks"));
            self.around.pop();
            earlier.extend(groups_of(lane).unwrap_or_default().iter().cloned());
        }
    }

    /// What is known inside a lane: only what cannot have changed since it was taken.
    fn around(&self, earlier: &[Group], groups: Option<&[Group]>) -> Around {
        let lasting = |group: &Group| group.conditions.iter().all(|it| self.lasts(it));
        let of_lasting = |group: &Group| {
            let conditions = group.conditions.iter().filter(|it| self.lasts(it));
            Group { conditions: conditions.cloned().collect() }
        };
        Around {
            earlier: earlier.iter().filter(|group| lasting(group)).cloned().collect(),
            groups: groups.map(|groups| groups.iter().map(of_lasting).collect()),
        }
    }

    fn lasts(&self, condition: &Condition) -> bool {
        let field = |id: &FieldId| {
            let by_rule = |id: &FieldId| {
                self.template.form.field(id).is_some_and(|it| it.formula.is_some() || it.show_if.is_some())
            };
            !self.written.contains(id) && (self.written.is_empty() || !by_rule(id))
        };
        match &condition.subject {
            Subject::Initiator => true,
            Subject::Field(id) | Subject::Duration { field: id, .. } => field(id),
            Subject::Rows { table, .. } => field(table),
            Subject::Lane(_) => false,
        }
    }

    /// What has to be mended first cannot be judged for its sense.
    fn has_unsound_conditions(&self, path: &str) -> bool {
        let lanes = format!("{path}.lanes[");
        self.problems.iter().any(|problem| in_conditions(problem, &lanes))
    }
}

fn in_conditions(problem: &Problem, lanes: &str) -> bool {
    problem.severity == Severity::Error && problem.path.starts_with(lanes) && problem.path.contains(".when")
}

fn groups_of(lane: &Lane) -> Option<&[Group]> {
    match &lane.when {
        When::AnyOf(groups) => Some(groups),
        When::Default => None,
    }
}

fn conditional<'a>(lane: &'a Lane, number: usize, path: &str) -> Option<LaneGroups<'a>> {
    let groups = groups_of(lane)?;
    Some(LaneGroups { path: format!("{path}.lanes[{number}].when"), groups })
}
