//! B9, first part: the initiator takes it back while it runs.

use crate::world::*;
use zhupi_engine::instance::SlotState;
use zhupi_engine::template::{Template, WithdrawRule};
use zhupi_engine::{Command, Rejection, Status};

fn flow(rule: WithdrawRule) -> Template {
    let mut template = template(vec![ask("one", &["bob"]), ask("two", &["cid"])]);
    template.settings.withdraw = rule;
    template
}

fn start(rule: WithdrawRule) -> Run {
    Run::start(World::new().people(&["ann", "bob", "cid"]), flow(rule), "ann")
}

fn withdraw(run: &mut Run, actor: &str, reason: &str) -> Result<(), Rejection> {
    run.act(actor, Command::Withdraw { reason: reason.to_owned() })
}

#[test]
fn while_running_is_the_default_and_cancels_everything() {
    let mut run = start(WithdrawRule::default());
    withdraw(&mut run, "ann", "").unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Withdrawn, ""));
    assert_eq!(run.state("bob"), SlotState::Cancelled);
}

#[test]
fn after_the_first_decision_a_reason_is_needed() {
    let mut run = start(WithdrawRule::WhileRunning).approve("bob");
    assert_eq!(withdraw(&mut run, "ann", "  "), Err(Rejection::TextRequired { field: "reason" }));
    withdraw(&mut run, "ann", "a mistake").unwrap();
    assert_eq!(run.status(), Status::Withdrawn);
}

#[test]
fn before_first_decision_and_never() {
    let rule = WithdrawRule::BeforeFirstDecision;
    assert_eq!(withdraw(&mut start(rule), "ann", ""), Ok(()));
    let late = withdraw(&mut start(rule).approve("bob"), "ann", "late");
    assert_eq!(late, Err(Rejection::WithdrawNotAllowed { rule }));
    let rule = WithdrawRule::Never;
    assert_eq!(withdraw(&mut start(rule), "ann", ""), Err(Rejection::WithdrawNotAllowed { rule }));
}

#[test]
fn only_the_initiator_and_only_while_it_runs() {
    let mut run = start(WithdrawRule::WhileRunning);
    assert_eq!(withdraw(&mut run, "bob", ""), Err(Rejection::NotInitiator));
    let mut run = run.reject("bob");
    let refused = withdraw(&mut run, "ann", "");
    assert_eq!(refused, Err(Rejection::NotRunning { status: Status::Rejected }));
}

#[test]
fn a_decision_after_the_withdrawal_is_refused() {
    let mut run = start(WithdrawRule::WhileRunning);
    withdraw(&mut run, "ann", "").unwrap();
    assert_eq!(run.try_approve("bob"), Err(Rejection::NotRunning { status: Status::Withdrawn }));
}
