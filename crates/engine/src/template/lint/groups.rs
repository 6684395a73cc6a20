//! Votes and separations that the people of today cannot fulfil: groups smaller than their quorum, and nodes kept apart
//! for which there is nobody else.

use super::initiators::{Initiator, by_department};
use super::today::{Visited, Visits, Walk};
use crate::ids::{NodeId, UserId};
use crate::problem::Problem;
use crate::template::{Approval, Quorum, Separation, Threshold, Weights};

impl Walk<'_> {
    pub(super) fn lint_quorums(&mut self, node: &Approval, path: &str, visits: &Visits) {
        for (number, quorum) in node.quorums.iter().enumerate() {
            let small = |all: &Vec<Visited>| all.iter().any(|visit| self.is_too_small(node, quorum, visit));
            let people = self.initiators(visits, small);
            if !people.is_empty() {
                let names = by_department(&people, self.directory);
                let message = format!(
                    "the group `{}` has fewer people than its quorum asks for, for people of: {names}",
                    quorum.group
                );
                let path = format!("{path}.quorums[{number}]");
                self.problems.push(Problem::warning(path, "quorum_too_large", message));
            }
        }
    }

    fn is_too_small(&self, node: &Approval, quorum: &Quorum, visit: &Visited) -> bool {
        let voters: Vec<UserId> =
            visit.people.iter().copied().filter(|user| self.votes_in(node, *user, &quorum.group)).collect();
        let enough = match quorum.threshold {
            Threshold::Count(count) => voters.len() >= count as usize,
            Threshold::Weight(sum) => {
                voters.iter().map(|user| self.weight_of(node, *user)).sum::<u64>() >= u64::from(sum)
            }
            Threshold::Percent(_) => !voters.is_empty(),
        };
        !visit.people.is_empty() && !enough
    }

    fn votes_in(&self, node: &Approval, user: UserId, group: &str) -> bool {
        let own = node.ballots.iter().find(|ballot| self.directory.in_scope(user, &ballot.who));
        own.is_some_and(|ballot| ballot.group.as_deref() == Some(group))
    }

    fn weight_of(&self, node: &Approval, user: UserId) -> u64 {
        let own = node.ballots.iter().filter(|ballot| self.directory.in_scope(user, &ballot.who));
        let weights = own.map(|ballot| u64::from(ballot.weight));
        let together: Option<u64> = match node.weights {
            Weights::Highest => weights.max(),
            Weights::Sum => weights.reduce(|sum, weight| sum + weight),
        };
        together.unwrap_or(1)
    }

    pub(super) fn is_kept_apart(&self, node: &NodeId) -> bool {
        self.template.settings.separation.iter().any(|rule| match rule {
            Separation::Nodes(nodes) => nodes.contains(node),
            Separation::Linked { .. } => false,
        })
    }

    /// Nodes of which the one leaves nobody for the other (semantics D9).
    pub(super) fn lint_separation(&mut self) {
        for (number, rule) in self.template.settings.separation.iter().enumerate() {
            let Separation::Nodes(nodes) = rule else { continue };
            for (place, later) in nodes.iter().enumerate() {
                let earlier = nodes.iter().take(place);
                for earlier in earlier {
                    self.lint_pair(earlier, later, &format!("settings.separation[{number}]"));
                }
            }
        }
    }

    fn lint_pair(&mut self, one: &NodeId, other: &NodeId, path: &str) {
        let (Some(visits), Some(others)) = (self.apart.get(one), self.apart.get(other)) else { return };
        let stuck: Vec<&Initiator> = visits
            .iter()
            .filter(|(who, visits)| others.get(who).is_some_and(|others| leave_nobody(visits, others)))
            .filter_map(|(who, _)| self.all.get(*who))
            .collect();
        if !stuck.is_empty() {
            let title = |id: &NodeId| {
                self.template.block(id).map_or_else(String::new, |block| block.title().to_owned())
            };
            let names = by_department(&stuck, self.directory);
            let message = format!(
                "whoever decides at `{}` may leave nobody for `{}`, for people of: {names}",
                title(one),
                title(other)
            );
            self.problems.push(Problem::warning(path, "separation_leaves_nobody", message));
        }
    }

    /// The initiators for whose visits something is so, in their order.
    fn initiators(&self, visits: &Visits, holds: impl Fn(&Vec<Visited>) -> bool) -> Vec<&Initiator> {
        let mut found: Vec<usize> =
            visits.iter().filter(|(_, all)| holds(all)).map(|(who, _)| *who).collect();
        found.sort_unstable();
        found.into_iter().filter_map(|who| self.all.get(who)).collect()
    }
}

/// Some of those who may decide at the one are all there are at the other.
fn leave_nobody(visits: &[Visited], others: &[Visited]) -> bool {
    visits.iter().any(|one| {
        others.iter().any(|other| match (one.any, other.asked.as_slice()) {
            (_, []) => false,
            (true, [only]) => one.asked.contains(only),
            (true, _) => false,
            (false, all) => all.iter().all(|user| one.asked.contains(user)),
        })
    })
}
