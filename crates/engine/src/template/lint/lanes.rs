//! Each branch of a template looked at together with the lanes it lies in.

use crate::condition::{Around, BranchLanes, Group, LaneGroups, lint_lanes};
use crate::problem::{Problem, Severity};
use crate::template::{Block, Branch, Lane, Template, When};

/// What is suspicious about the conditions of every branch.
pub(in crate::template) fn lint_branches(template: &Template, problems: &mut Vec<Problem>) {
    Walk { template, problems, around: Vec::new() }.blocks(&template.flow, "flow");
}

struct Walk<'a> {
    template: &'a Template,
    problems: &'a mut Vec<Problem>,
    around: Vec<Around>,
}

impl Walk<'_> {
    fn blocks(&mut self, blocks: &[Block], path: &str) {
        for (number, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{number}]");
            match block {
                Block::Branch(branch) => self.branch(branch, &path),
                Block::Parallel(fork) => self.lanes(&fork.lanes, &path),
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

    /// Lanes of which several are taken.
    fn lanes(&mut self, lanes: &[Lane], path: &str) {
        for (number, lane) in lanes.iter().enumerate() {
            self.blocks(&lane.blocks, &format!("{path}.lanes[{number}].blocks"));
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
            let groups = match &lane.when {
                When::AnyOf(groups) => Some(groups.clone()),
                When::Default => None,
            };
            self.around.push(Around { earlier: earlier.clone(), groups: groups.clone() });
            self.blocks(&lane.blocks, &format!("{path}.lanes[{number}].blocks"));
            self.around.pop();
            earlier.extend(groups.unwrap_or_default());
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

fn conditional<'a>(lane: &'a Lane, number: usize, path: &str) -> Option<LaneGroups<'a>> {
    match &lane.when {
        When::AnyOf(groups) => Some(LaneGroups { path: format!("{path}.lanes[{number}].when"), groups }),
        When::Default => None,
    }
}
