//! B3.4 and B3.5: votes by count, percent and weight, abstention, veto, and quorums of groups.

use crate::flows::*;
use crate::world::*;
use fastrand::Rng;
use zhupi_engine::command::Handing;
use zhupi_engine::event::Decision;
use zhupi_engine::instance::{SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection, Status};

const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

fn company() -> World {
    World::new().people(&NAMES).people(&["ann", "mona", "fay"])
}

fn vote_of(names: &[&str], vote: Vote) -> Approval {
    Approval { mode: Mode::Vote(vote), ..node("n", members(names)) }
}

fn begin(node: Approval) -> Run {
    let mut template = template(vec![Block::Approval(node)]);
    template.settings.managers = vec![user("mona")];
    Run::start(company(), template, "ann")
}

fn vote(count: usize, vote: Vote) -> Run {
    begin(vote_of(&NAMES[..count], vote))
}

fn percent(points: u32) -> Vote {
    Vote::at(Threshold::Percent(points))
}

fn ballot(names: &[&str], weight: u32) -> Ballot {
    Ballot { who: scope_of(names), weight, veto: false, group: None }
}

fn in_group(names: &[&str], group: &str) -> Ballot {
    Ballot { group: Some(group.to_owned()), ..ballot(names, 1) }
}

fn quorum(group: &str, threshold: Threshold) -> Quorum {
    Quorum { group: group.to_owned(), threshold }
}

impl Run {
    fn abstain(mut self, name: &str) -> Self {
        self.decide_at("n", name, Decision::Abstain).unwrap();
        self
    }
}

/// T: vote 50 % of 4: 2 approves → pass even with 2 rejects later.
#[test]
fn half_of_four_passes_with_two_approvals_even_if_the_others_reject() {
    let run = vote(4, percent(5000)).reject("a").reject("b").approve("c");
    assert_eq!(run.pending(), "d");
    assert_eq!(run.approve("d").status(), Status::Approved);
    let run = vote(4, percent(5000)).approve("a").approve("b");
    assert_eq!((run.status(), run.state("c")), (Status::Approved, SlotState::NotNeeded));
}

/// A vote already passed never re-opens.
#[test]
fn a_passed_vote_never_reopens() {
    let mut run = vote(4, percent(5000)).approve("a").approve("b");
    let late = run.try_reject("c");
    assert!(
        matches!(late, Err(Rejection::AlreadyDecided { by: Some(by), .. }) if by == user("b")),
        "{late:?}"
    );
}

/// T: strict: 2 of 4 → not passed, 2 rejects → impossible → rejected.
#[test]
fn a_strict_vote_needs_more_than_its_threshold() {
    let strict = Vote { strict: true, ..percent(5000) };
    let run = vote(4, strict).approve("a").approve("b");
    assert_eq!(run.status(), Status::Running);
    assert_eq!(run.reject("c").pending(), "d");
    assert_eq!(vote(4, strict).approve("a").approve("b").approve("c").status(), Status::Approved);
    assert_eq!(vote(4, strict).reject("a").reject("b").status(), Status::Rejected);
}

#[test]
fn no_threshold_is_out_of_reach_from_the_beginning() {
    for threshold in [Threshold::Count(9), Threshold::Weight(99), Threshold::Percent(10_000)] {
        let strict = Vote { strict: true, ..Vote::at(threshold) };
        let run = vote(3, strict).approve("a").approve("b");
        assert_eq!(run.status(), Status::Running, "{threshold:?}");
        assert_eq!(run.approve("c").status(), Status::Approved, "{threshold:?}");
        assert_eq!(vote(3, strict).reject("a").status(), Status::Rejected, "{threshold:?}");
    }
}

/// T: weights 3,1,1 with p=60 → one vote of weight 3 passes.
#[test]
fn one_vote_of_enough_weight_passes() {
    let weighed = |names| Approval { ballots: vec![ballot(&["a"], 3)], ..vote_of(names, percent(6000)) };
    assert_eq!(begin(weighed(&["a", "b", "c"])).approve("a").status(), Status::Approved);
    let run = begin(weighed(&["a", "b", "c"])).approve("b").approve("c");
    assert_eq!(run.pending(), "a");
    assert_eq!(run.reject("a").status(), Status::Rejected);
}

#[test]
fn sixty_percent_of_nine_is_six() {
    let five = NAMES[..5].iter().fold(vote(9, percent(6000)), |run, name| run.approve(name));
    assert_eq!(five.status(), Status::Running);
    assert_eq!(five.approve("f").status(), Status::Approved);
}

/// Seven of ten are needed: the fourth rejection ends it.
#[test]
fn a_rejection_is_only_a_vote_until_passing_is_impossible() {
    let run = vote(10, Vote::at(Threshold::Count(7))).reject("a").reject("b").reject("c");
    assert_eq!(run.status(), Status::Running);
    let run = run.reject("d");
    assert_eq!((run.status(), run.visit("n").state), (Status::Rejected, VisitState::Rejected));
    assert_eq!(run.state("j"), SlotState::NotNeeded);
}

#[test]
fn a_count_is_never_more_than_there_are() {
    let run = vote(2, Vote::at(Threshold::Count(5))).approve("a");
    assert_eq!(run.status(), Status::Running);
    assert_eq!(run.approve("b").status(), Status::Approved);
}

#[test]
fn one_reject_ends_where_the_template_says_so() {
    let vote = |count| vote(count, Vote { one_reject_ends: true, ..percent(5000) });
    assert_eq!(vote(10).reject("a").status(), Status::Rejected);
    assert_eq!(vote(2).approve("a").status(), Status::Approved);
}

#[test]
fn a_veto_rejects_whatever_the_others_say() {
    let vetoing = |vote| {
        let veto = Ballot { veto: true, ..ballot(&["a"], 1) };
        begin(Approval { ballots: vec![veto], ..vote_of(&NAMES[..5], vote) })
    };
    assert_eq!(vetoing(percent(6000)).approve("b").approve("c").reject("a").status(), Status::Rejected);
    let waiting = Vote { wait_for_all: true, ..percent(2000) };
    let run = vetoing(waiting).approve("b").approve("c").reject("a").approve("d");
    assert_eq!(run.pending(), "e");
    assert_eq!(run.approve("e").status(), Status::Rejected);
    assert_eq!(vetoing(percent(6000)).reject("b").approve("a").approve("c").status(), Status::Running);
}

#[test]
fn wait_for_all_counts_when_everybody_has_spoken() {
    let run = vote(3, Vote { wait_for_all: true, ..percent(3000) }).approve("a").reject("b");
    assert_eq!(run.pending(), "c");
    assert_eq!(run.reject("c").status(), Status::Approved);
}

#[test]
fn abstaining_is_offered_only_where_the_vote_allows_it() {
    let mut run = vote(3, percent(5000));
    let refused = run.decide_at("n", "a", Decision::Abstain);
    assert_eq!(refused, Err(Rejection::NotOffered { action: "abstain" }));
}

#[test]
fn an_abstention_keeps_the_base_or_shrinks_it() {
    let keeping = Vote { abstain: Abstain::KeepsBase, ..percent(5000) };
    let run = vote(4, keeping).abstain("a").approve("b");
    assert_eq!((run.status(), run.state("a")), (Status::Running, SlotState::Abstained));
    assert_eq!(run.abstain("c").pending(), "d");
    let shrinking = Vote { abstain: Abstain::ShrinksBase, ..percent(5000) };
    let run = vote(4, shrinking).abstain("a").abstain("b").approve("c");
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn a_vote_that_nobody_approved_does_not_pass() {
    for abstain in [Abstain::KeepsBase, Abstain::ShrinksBase] {
        let run = vote(2, Vote { abstain, ..percent(5000) }).abstain("a").abstain("b");
        assert_eq!(run.status(), Status::Rejected);
    }
}

#[test]
fn the_highest_ballot_counts_unless_weights_add_up() {
    let weighed = |weights| {
        let ballots = vec![ballot(&["a"], 2), ballot(&["a", "b"], 3)];
        begin(Approval { ballots, weights, ..vote_of(&["a", "b", "c"], percent(5000)) })
    };
    let weights = |run: &Run| run.visit("n").slots.iter().map(|slot| slot.weight).collect::<Vec<u32>>();
    assert_eq!(weights(&weighed(Weights::Highest)), [3, 3, 1]);
    assert_eq!(weights(&weighed(Weights::Sum)), [5, 3, 1]);
    assert_eq!(weighed(Weights::Highest).approve("a").status(), Status::Running);
    assert_eq!(weighed(Weights::Sum).approve("a").status(), Status::Approved);
}

#[test]
fn somebody_who_approved_before_has_voted_already() {
    let first = ask("first", &["a"]);
    let mut template = template(vec![first, Block::Approval(vote_of(&["a", "b", "c"], percent(6000)))]);
    template.settings.dedup = Dedup::Consecutive;
    let run = Run::start(company(), template, "ann").approve("a");
    assert_eq!(run.pending(), "b c");
    assert_eq!(run.approve("c").status(), Status::Approved);
}

fn groups() -> Approval {
    let ballots = vec![in_group(&["a", "b", "c"], "board"), in_group(&["d", "e"], "works")];
    let quorums = vec![quorum("board", Threshold::Count(2)), quorum("works", Threshold::Percent(5000))];
    Approval { ballots, quorums, ..vote_of(&["a", "b", "c", "d", "e"], percent(10_000)) }
}

#[test]
fn a_vote_by_groups_passes_when_all_groups_pass() {
    let run = begin(groups()).approve("a").approve("b");
    assert_eq!(run.status(), Status::Running);
    assert_eq!(run.reject("d").approve("e").status(), Status::Approved);
}

#[test]
fn a_vote_by_groups_fails_when_one_group_cannot_pass_any_more() {
    assert_eq!(begin(groups()).approve("d").approve("e").reject("a").status(), Status::Running);
    assert_eq!(begin(groups()).approve("a").reject("d").reject("e").status(), Status::Rejected);
    assert_eq!(begin(groups()).reject("a").reject("c").status(), Status::Rejected);
    let one = Mode::Vote(Vote { one_reject_ends: true, ..percent(10_000) });
    assert_eq!(begin(Approval { mode: one, ..groups() }).reject("d").status(), Status::Rejected);
}

#[test]
fn a_group_without_anybody_is_as_bad_as_nobody() {
    let mut node = groups();
    node.approvers = members(&["a", "b", "c"]);
    let run = begin(node);
    assert_eq!((run.pending().as_str(), run.approve("mona").status()), ("mona", Status::Approved));
}

#[test]
fn whom_the_empty_rule_names_vote_without_groups() {
    let empty = EmptyRule::Members(vec![user("f"), user("g")]);
    let run = begin(Approval { approvers: members(&["a", "b"]), empty, ..groups() }).approve("f");
    assert_eq!(run.status(), Status::Running, "the node's own threshold counts");
    let nobody = Approval {
        approvers: Approvers::People(vec![]),
        empty: EmptyRule::Members(vec![user("f")]),
        ..groups()
    };
    assert_eq!(begin(nobody).approve("f").status(), Status::Approved);
}

#[test]
fn in_turn_with_everybody_gone_the_empty_rule_asks_instead() {
    let in_turn = Approval { mode: Mode::InTurn, ..node("n", members(&["a", "b", "c"])) };
    let mut run = begin(in_turn);
    run.world = run.world.disabled("b").disabled("c");
    assert_eq!(run.approve("a").status(), Status::Approved, "whoever is there has decided");
}

/// The result of a vote, by the book: is it certain whatever the open votes will be?
fn by_the_book(vote: Vote, votes: &[(u32, bool, Option<Decision>)]) -> Option<bool> {
    let all_in = votes.iter().all(|it| it.2.is_some());
    if vote.wait_for_all && !all_in {
        return None;
    }
    let rejects = |it: &&(u32, bool, Option<Decision>)| it.2 == Some(Decision::Reject);
    if votes.iter().filter(rejects).any(|it| it.1 || vote.one_reject_ends) {
        return Some(false);
    }
    let Some(open) = votes.iter().position(|it| it.2.is_none()) else {
        return Some(passes(vote, votes));
    };
    let possible: &[Decision] = match vote.abstain {
        Abstain::Never => &[Decision::Approve, Decision::Reject],
        Abstain::KeepsBase | Abstain::ShrinksBase => {
            &[Decision::Approve, Decision::Reject, Decision::Abstain]
        }
    };
    let unarmed = Vote { one_reject_ends: false, ..vote };
    let results = possible.iter().map(|decision| {
        let mut later: Vec<_> = votes.iter().map(|it| (it.0, false, it.2)).collect();
        later[open].2 = Some(*decision);
        by_the_book(unarmed, &later)
    });
    let results: Vec<_> = results.collect();
    if results.iter().all(|it| *it == results[0]) { results[0] } else { None }
}

fn passes(vote: Vote, votes: &[(u32, bool, Option<Decision>)]) -> bool {
    let base: Vec<_> = match vote.abstain {
        Abstain::ShrinksBase => votes.iter().filter(|it| it.2 != Some(Decision::Abstain)).collect(),
        Abstain::Never | Abstain::KeepsBase => votes.iter().collect(),
    };
    let yes: Vec<_> = votes.iter().filter(|it| it.2 == Some(Decision::Approve)).collect();
    if yes.is_empty() || yes.len() == base.len() {
        return !yes.is_empty();
    }
    let approved: u64 = yes.iter().map(|it| u64::from(it.0)).sum();
    let whole: u64 = base.iter().map(|it| u64::from(it.0)).sum();
    let (got, needed) = match vote.threshold {
        Threshold::Count(count) => (yes.len() as u64, u64::from(count)),
        Threshold::Weight(weight) => (approved, u64::from(weight).min(whole)),
        Threshold::Percent(points) => (approved * 10_000, u64::from(points) * whole),
    };
    if vote.strict { got > needed } else { got >= needed && got > 0 }
}

#[test]
fn random_votes_come_out_as_by_the_book() {
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..7);
        let threshold = match rng.u8(..3) {
            0 => Threshold::Count(rng.u32(1..8)),
            1 => Threshold::Percent(rng.u32(1..=10_000)),
            _ => Threshold::Weight(rng.u32(1..15)),
        };
        let vote = Vote {
            threshold,
            strict: rng.bool(),
            abstain: [Abstain::Never, Abstain::KeepsBase, Abstain::ShrinksBase][rng.usize(..3)],
            wait_for_all: rng.u8(..4) == 0,
            one_reject_ends: rng.u8(..6) == 0,
        };
        let people = &NAMES[..count];
        let mut votes: Vec<_> = people.iter().map(|_| (rng.u32(..5), rng.u8(..8) == 0, None)).collect();
        let ballots = people.iter().zip(&votes);
        let ballots = ballots.map(|(name, it)| Ballot { veto: it.1, ..ballot(&[name], it.0) }).collect();
        let mut run = begin(Approval { ballots, ..vote_of(people, vote) });
        let mut order: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut order);
        for voter in order {
            assert_eq!(run.status(), Status::Running, "seed {seed}");
            let choices = [Decision::Approve, Decision::Reject, Decision::Abstain];
            let decision = choices[rng.usize(..if vote.abstain == Abstain::Never { 2 } else { 3 })];
            run.decide_at("n", people[voter], decision).unwrap();
            votes[voter].2 = Some(decision);
            let expected = match by_the_book(vote, &votes) {
                Some(true) => Status::Approved,
                Some(false) => Status::Rejected,
                None => Status::Running,
            };
            assert_eq!(run.status(), expected, "seed {seed}: {vote:?} {votes:?}");
            if expected != Status::Running {
                break;
            }
        }
    }
}

#[test]
fn a_vote_that_is_asked_again_asks_all_its_voters() {
    let voters = members(&["bob", "cid", "dan", "eve"]);
    let vote = Approval { mode: Mode::Vote(Vote::at(Threshold::Percent(5000))), ..node("n", voters) };
    let run = Run::start(
        World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"]),
        template(vec![Block::Approval(vote), ask("m", &["fay"])]),
        "ann",
    );
    let run = run.approve("bob").approve("cid").send_back("fay", "n");
    assert_eq!(run.pending(), "bob cid dan eve");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid dan eve");
    assert_eq!(run.approve("cid").pending(), "fay");
}

#[test]
fn whoever_is_taken_out_of_a_vote_counts_no_more_and_whoever_takes_over_counts_as_much() {
    let weighed =
        || Approval { ballots: vec![ballot(&["a"], 3)], ..vote_of(&["a", "b", "c"], percent(6000)) };
    let mut run = begin(weighed()).approve("b");
    let slot = run.slot_of("a");
    run.act("mona", Command::RemoveSign { slot }).unwrap();
    assert_eq!(run.pending(), "c", "one of two is not enough");
    assert_eq!(run.approve("c").status(), Status::Approved);
    let mut run = begin(weighed());
    let handing = Handing { slot: run.slot_of("a"), to: user("d"), comment: String::new() };
    run.act("a", Command::Transfer(handing)).unwrap();
    assert_eq!(
        run.approve("d").status(),
        Status::Approved,
        "his vote weighs what that of the one before did"
    );
}
