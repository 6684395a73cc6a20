//! B9: revoking after approval.

use crate::world::*;
use zhupi_engine::command::{Handing, Intervention};
use zhupi_engine::event::Event;
use zhupi_engine::instance::VisitKind;
use zhupi_engine::template::{
    AllReject, Block, Mode, Receiver, ResumePolicy, RevokeRule, SelfRule, Template,
};
use zhupi_engine::{Command, Rejection, Status};

fn flow(rule: RevokeRule) -> Template {
    let mut template = template(vec![ask("one", &["bob"]), ask("two", &["cid"])]);
    template.settings.revoke = rule;
    template
}

fn approved(rule: RevokeRule) -> Run {
    Run::start(World::new().people(&["ann", "bob", "cid"]), flow(rule), "ann").approve("bob").approve("cid")
}

fn revoke(run: &mut Run, actor: &str, reason: &str) -> Result<(), Rejection> {
    run.act(actor, Command::Revoke { reason: reason.to_owned() })
}

#[test]
fn never_is_the_default() {
    assert_eq!(revoke(&mut approved(RevokeRule::default()), "ann", "why"), Err(Rejection::RevokeNotAllowed));
}

#[test]
fn directly_where_the_template_says_so() {
    let mut run = approved(RevokeRule::Direct { days: 31 });
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Revoked, ""));
}

#[test]
fn with_the_consent_of_everybody_who_approved() {
    let mut run = approved(RevokeRule::Consent { days: 31 });
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Revoking, "bob cid"));
    let run = run.approve("bob");
    assert_eq!(run.status(), Status::Revoking);
    assert_eq!(run.approve("cid").status(), Status::Revoked);
}

#[test]
fn one_no_and_it_stays_approved() {
    let mut run = approved(RevokeRule::Consent { days: 31 });
    revoke(&mut run, "ann", "a mistake").unwrap();
    let mut run = run.reject("bob");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Approved, ""));
    assert!(run.events.iter().any(|event| matches!(event, Event::RevokeRefused { .. })));
    assert_eq!(revoke(&mut run, "ann", "please"), Ok(()), "he may ask again");
}

#[test]
fn who_left_is_not_asked_and_where_nobody_can_be_asked_it_is_revoked() {
    let mut run = approved(RevokeRule::Consent { days: 31 });
    run.world = run.world.disabled("bob");
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert_eq!(run.pending(), "cid");
    let mut run = approved(RevokeRule::Consent { days: 31 });
    run.world = run.world.disabled("bob").disabled("cid");
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert_eq!(run.status(), Status::Revoked);
}

#[test]
fn within_the_days_with_a_reason_and_by_the_initiator_alone() {
    let rule = RevokeRule::Direct { days: 2 };
    assert_eq!(revoke(&mut approved(rule).wait_hours(49), "ann", "late"), Err(Rejection::RevokeNotAllowed));
    assert_eq!(revoke(&mut approved(rule).wait_hours(47), "ann", "in time"), Ok(()));
    let mut run = approved(rule);
    assert_eq!(revoke(&mut run, "ann", " "), Err(Rejection::TextRequired { field: "reason" }));
    assert_eq!(revoke(&mut run, "bob", "why"), Err(Rejection::NotInitiator));
    run.world = run.world.disabled("ann");
    assert_eq!(revoke(&mut run, "ann", "why"), Err(Rejection::UserNotActive { user: user("ann") }));
}

#[test]
fn what_still_runs_is_withdrawn_and_not_revoked() {
    let mut run =
        Run::start(World::new().people(&["ann", "bob", "cid"]), flow(RevokeRule::Direct { days: 9 }), "ann");
    assert_eq!(revoke(&mut run, "ann", "why"), Err(Rejection::StillRunning));
    assert_eq!(revoke(&mut run, "bob", "why"), Err(Rejection::NotInitiator));
}

#[test]
fn whoever_is_asked_for_consent_cannot_send_back_or_change_anything() {
    let mut run = approved(RevokeRule::Consent { days: 31 });
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert!(run.try_return("bob", "one").is_err());
    assert_eq!(run.instance.visits.last().unwrap().kind, VisitKind::Consent);
}

#[test]
fn the_initiator_or_an_administrator_calls_off_what_nobody_answers() {
    let asked = || {
        let mut run = approved(RevokeRule::Consent { days: 30 });
        revoke(&mut run, "ann", "wrong sum").unwrap();
        run
    };
    let mut run = asked();
    let withdraw = || Command::Withdraw { reason: String::new() };
    assert_eq!(run.act("bob", withdraw()), Err(Rejection::NotInitiator));
    run.act("ann", withdraw()).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Approved, ""));
    let run = asked().intervene(Intervention::Terminate);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Approved, ""));
}

#[test]
fn nobody_agrees_to_his_own_revocation() {
    let world = || World::new().people(&["ann", "bob", "cid"]);
    let asked = || {
        let mut run = Run::start(world(), flow(RevokeRule::Consent { days: 9 }), "ann");
        run = run.approve("bob").approve("cid");
        revoke(&mut run, "ann", "a mistake").unwrap();
        run
    };
    let mut run = asked();
    let slot = run.slot_of("bob");
    let refused = run.try_intervene(Intervention::Reassign { slot, to: user("ann") });
    assert!(matches!(refused, Err(Rejection::NotEligible { .. })), "{refused:?}");
    // The one administrator who is left asks himself: it stays with those who have gone until there is another one.
    let mut run = asked();
    run.template.settings.managers = vec![user("ann")];
    let run = run.with(|it| it.without_admin().disabled("bob").disabled("cid")).sweep();
    assert_eq!((run.status(), run.pending().contains("ann")), (Status::Revoking, false));
}

/// Neither the initiator himself nor anybody whose approval a return made void.
#[test]
fn those_are_asked_whose_approval_counted() {
    let mut own = node("one", members(&["ann", "bob"]));
    own.self_rule = Some(SelfRule::Approve);
    own.mode = Mode::Countersign { reject: AllReject::AtOnce };
    let mut last = node("two", members(&["cid"]));
    last.returns.receiver = Receiver::Resolve;
    last.returns.resume = ResumePolicy::Replay;
    let mut template = template(vec![Block::Approval(own), Block::Approval(last)]);
    template.settings.revoke = RevokeRule::Consent { days: 9 };
    let run = Run::start(World::new().people(&["ann", "bob", "cid", "dan"]), template, "ann");
    let mut run = run.approve("ann").approve("bob").send_back("cid", "one");
    let handing = Handing { slot: run.slot_of("bob"), to: user("dan"), comment: String::new() };
    run.act("bob", Command::Transfer(handing)).unwrap();
    let mut run = run.approve("ann").approve("dan").approve("cid");
    assert_eq!(run.status(), Status::Approved);
    revoke(&mut run, "ann", "a mistake").unwrap();
    assert_eq!(run.pending(), "dan cid");
}
