//! What is wrong with how the people of a node decide together, with who of them is asked, and with its time limit.

use super::Check;
use crate::form::FieldKind;
use crate::ids::UserId;
use crate::problem::Problem;
use crate::template::{
    Approval, Approvers, Assign, Ballot, Deadline, Due, Limit, Mode, PersonRule, Quorum, Threshold,
    TimeoutAction, TimeoutWhat, Vote,
};
use std::collections::HashSet;

/// A hundred percent in basis points.
const WHOLE: u32 = 10_000;
/// So few basis points were most likely meant as percent.
const LIKELY_PERCENT: u32 = 100;
/// Most things that happen by the clock at a node, and most reminders of one of them.
const ACTION_LIMIT: usize = 20;
const REMIND_LIMIT: u32 = 100;
/// Longest time, in minutes: ten years.
const MINUTES_LIMIT: u32 = 10 * 366 * 24 * 60;

impl Check<'_> {
    pub(super) fn decides(&mut self, node: &Approval, path: &str) {
        match node.mode {
            Mode::Vote(vote) => self.vote(vote, node, path),
            Mode::OrSign { .. } | Mode::Countersign { .. } | Mode::InTurn => {
                if !node.quorums.is_empty() {
                    self.error(format!("{path}.quorums"), "quorum_unfit", "only a vote has quorums");
                }
                if !node.ballots.is_empty() {
                    let message = "weights and vetoes count in a vote only";
                    self.warn(format!("{path}.ballots"), "ballots_idle", message);
                }
            }
        }
        self.groups(node, path);
        if node.assign != Assign::Everybody && matches!(node.approvers, Approvers::Chain(_)) {
            let message = "the levels of a chain are asked one after another, and nobody is drawn";
            self.error(format!("{path}.assign"), "assign_unfit", message);
        }
    }

    fn vote(&mut self, vote: Vote, node: &Approval, path: &str) {
        let mode = format!("{path}.mode");
        match node.assign {
            Assign::Pool => {
                let message = "whoever claims a task decides alone: there is nothing to vote on";
                self.error(format!("{path}.assign"), "pool_vote", message);
            }
            Assign::Random | Assign::RoundRobin | Assign::LeastLoaded => {
                self.warn(format!("{path}.assign"), "draw_vote", "only one person is asked, and votes alone");
            }
            Assign::Everybody => {}
        }
        if matches!(node.approvers, Approvers::Chain(_)) {
            self.warn(&mode, "vote_idle", "the levels of a chain decide one after another, each by itself");
        }
        if node.handle {
            self.warn(&mode, "vote_idle", "where people carry something out there is nothing to vote on");
        }
        self.threshold(vote.threshold, &format!("{mode}.threshold"));
        if vote.strict && needs_more_than_all(vote.threshold, voters(node)) {
            let message = "even if everybody approves, this is not reached";
            self.warn(format!("{mode}.threshold"), "threshold_unreachable", message);
        }
    }

    fn threshold(&mut self, threshold: Threshold, path: &str) {
        let message = match threshold {
            Threshold::Count(0) | Threshold::Weight(0) | Threshold::Percent(0) => {
                "at least something is needed to pass"
            }
            Threshold::Percent(points) if points <= LIKELY_PERCENT => {
                let message = format!("{points} is {}.{:02} %: 10000 is 100 %", points / 100, points % 100);
                return self.warn(path, "threshold_tiny", message);
            }
            Threshold::Percent(points) if points > WHOLE => "there is no more than 10000, which is 100 %",
            Threshold::Count(_) | Threshold::Weight(_) | Threshold::Percent(_) => return,
        };
        self.error(path, "threshold_unfit", message);
    }

    /// Groups of voters: each quorum has one, and it is large enough as far as its people are named.
    fn groups(&mut self, node: &Approval, path: &str) {
        let mut seen = HashSet::new();
        for (number, quorum) in node.quorums.iter().enumerate() {
            let path = format!("{path}.quorums[{number}]");
            self.threshold(quorum.threshold, &format!("{path}.threshold"));
            if !seen.insert(&quorum.group) {
                let message = format!("the group `{}` has two quorums", quorum.group);
                self.error(&path, "quorum_repeated", message);
            }
            let ballots: Vec<&Ballot> =
                node.ballots.iter().filter(|it| it.group.as_ref() == Some(&quorum.group)).collect();
            if ballots.is_empty() {
                let message = format!("nobody votes in the group `{}`", quorum.group);
                self.error(&path, "quorum_group_unknown", message);
            } else if is_too_large(quorum, &ballots) {
                let message =
                    format!("the group `{}` has fewer people than its quorum asks for", quorum.group);
                self.warn(&path, "quorum_too_large", message);
            }
        }
        for (number, ballot) in node.ballots.iter().enumerate() {
            if ballot.weight == 0 {
                let message = "these votes weigh nothing";
                self.warn(format!("{path}.ballots[{number}].weight"), "ballot_weightless", message);
            }
        }
    }

    pub(super) fn deadline(&mut self, node: &Approval, path: &str) {
        let Deadline::Own(Limit { due, actions }) = &node.deadline else { return };
        let path = format!("{path}.deadline.own");
        self.due(due, &format!("{path}.due"));
        if actions.len() > ACTION_LIMIT {
            let message = format!("at most {ACTION_LIMIT} things may happen by the clock");
            self.error(format!("{path}.actions"), "too_many", message);
        }
        if actions.is_empty() {
            self.warn(format!("{path}.actions"), "deadline_idle", "nothing happens when the time is up");
        }
        for (number, action) in actions.iter().enumerate() {
            self.timeout(action, node, &format!("{path}.actions[{number}].what"));
        }
    }

    pub(super) fn due(&mut self, due: &Due, path: &str) {
        match due {
            Due::Working(minutes) | Due::Elapsed(minutes) => {
                if !(1..=MINUTES_LIMIT).contains(minutes) {
                    let message = format!("a time has 1 to {MINUTES_LIMIT} minutes");
                    self.error(path, "minutes_unfit", message);
                }
            }
            Due::Field { field, .. } => {
                self.field_of_kind(field, &[FieldKind::Date, FieldKind::DateRange], path);
            }
            Due::Formula(text) => self.date_formula(text, path),
        }
    }

    fn timeout(&mut self, action: &TimeoutAction, node: &Approval, path: &str) {
        match &action.what {
            TimeoutWhat::Remind { times, every, .. } => {
                if !(1..=REMIND_LIMIT).contains(times) {
                    let message = format!("people are reminded 1 to {REMIND_LIMIT} times");
                    self.error(path, "remind_unfit", message);
                }
                if *times > 1 && !(1..=MINUTES_LIMIT).contains(every) {
                    self.error(path, "minutes_unfit", "there is some time between two reminders");
                }
            }
            TimeoutWhat::HandTo(users) if users.is_empty() => {
                self.error(path, "people_missing", "nobody is named to hand it to");
            }
            TimeoutWhat::AutoApprove if node.control => {
                let message = "a control that passes because nobody looked in time controls nothing";
                self.warn(path, "control_times_out", message);
            }
            TimeoutWhat::AutoApprove => {
                self.warn(path, "timeout_approves", "it may pass here without anybody having looked");
            }
            TimeoutWhat::Jump(to) if !self.is_around(to) || *to == node.id => {
                let message = "one jumps to a node in the same list of blocks, or in one around it";
                self.error(path, "jump_unfit", message);
            }
            TimeoutWhat::HandTo(_)
            | TimeoutWhat::Jump(_)
            | TimeoutWhat::HandToSupervisor
            | TimeoutWhat::HandToSubstitute
            | TimeoutWhat::AutoReject
            | TimeoutWhat::ReturnToInitiator => {}
        }
    }

    pub(super) fn warn(&mut self, path: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::warning(path, code, message));
    }
}

/// How many people decide, where all of them are named.
fn voters(node: &Approval) -> Option<usize> {
    let Approvers::People(rules) = &node.approvers else { return None };
    let mut people: HashSet<UserId> = HashSet::new();
    for rule in rules {
        let PersonRule::Members(users) = rule else { return None };
        people.extend(users);
    }
    Some(people.len())
}

fn needs_more_than_all(threshold: Threshold, voters: Option<usize>) -> bool {
    match threshold {
        Threshold::Percent(points) => points == WHOLE,
        Threshold::Count(count) => voters.is_some_and(|voters| count as usize >= voters),
        Threshold::Weight(_) => false,
    }
}

fn is_too_large(quorum: &Quorum, ballots: &[&Ballot]) -> bool {
    let named = |it: &&Ballot| {
        let who = &it.who;
        !who.users.is_empty() && who.departments.is_empty() && who.roles.is_empty() && who.groups.is_empty()
    };
    if !ballots.iter().all(named) {
        return false;
    }
    let users: HashSet<_> = ballots.iter().flat_map(|it| &it.who.users).collect();
    let weight: u64 = ballots.iter().map(|it| u64::from(it.weight) * it.who.users.len() as u64).sum();
    match quorum.threshold {
        Threshold::Count(count) => count as usize > users.len(),
        Threshold::Weight(sum) => u64::from(sum) > weight,
        Threshold::Percent(_) => false,
    }
}
