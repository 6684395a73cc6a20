//! B7 c, B18, B5.4, B6.4: nodes that demand words, a signature or a file with a decision.

use crate::world::*;
use zhupi_engine::batch::BatchObstacle;
use zhupi_engine::command::{AddSign, Opinion, Return, ReturnTo};
use zhupi_engine::event::{AddKind, Decision};
use zhupi_engine::form::FileRef;
use zhupi_engine::instance::SlotState;
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status, check_batch};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "xia"])
}

fn at_node(change: impl FnOnce(&mut Approval)) -> Run {
    let mut approval = node("n", members(&["bob"]));
    change(&mut approval);
    Run::start(world(), template(vec![Block::Approval(approval)]), "ann")
}

fn file(name: &str) -> FileRef {
    FileRef { id: Some(uuid(name).into()), name: name.to_owned(), other: Default::default() }
}

/// An opinion with everything that may be demanded.
fn full(run: &Run, name: &str) -> Opinion {
    let (signature, attachments) = (Some(file("signature.png")), vec![file("proof.pdf")]);
    Opinion { signature, attachments, ..Opinion::new(run.slot_of(name), "words") }
}

fn decide(run: &mut Run, name: &str, decision: Decision, opinion: Opinion) -> Result<(), Rejection> {
    let command = match decision {
        Decision::Approve => Command::Approve(opinion),
        Decision::Reject => Command::Reject(opinion),
        Decision::Abstain => Command::Abstain(opinion),
    };
    run.act(name, command)
}

type Lack = fn(&mut Opinion);
type Demanded = fn(&mut Approval, Demand);
type Demands = [(fn(&mut Approval), BatchObstacle); 3];

#[test]
fn what_is_missing_is_refused_by_its_name() {
    let words = Rejection::TextRequired { field: "comment" };
    let missing = |field| Rejection::FileRequired { field };
    let demands: [(Demanded, Lack, Rejection); 3] = [
        (|node, demand| node.opinion = demand, |it| it.comment = " ".to_owned(), words),
        (|node, demand| node.signature = demand, |it| it.signature = None, missing("signature")),
        (|node, demand| node.attachment = demand, |it| it.attachments.clear(), missing("attachments")),
    ];
    for (demanded, lack, refusal) in demands {
        for (demand, approve, reject) in [
            (Demand::Optional, false, false),
            (Demand::OnApprove, true, false),
            (Demand::OnReject, false, true),
            (Demand::Required, true, true),
        ] {
            for (decision, refused) in [(Decision::Approve, approve), (Decision::Reject, reject)] {
                let mut run = at_node(|node| demanded(node, demand));
                let mut opinion = full(&run, "bob");
                lack(&mut opinion);
                let result = decide(&mut run, "bob", decision, opinion);
                let expected = if refused { Err(refusal.clone()) } else { Ok(()) };
                assert_eq!(result, expected, "{demand:?} {decision:?} {refusal}");
            }
        }
    }
}

#[test]
fn whoever_abstains_gives_what_every_decision_demands() {
    let vote = Mode::Vote(Vote { abstain: Abstain::KeepsBase, ..Vote::at(Threshold::Count(1)) });
    for (demand, refused) in [(Demand::Required, true), (Demand::OnApprove, false), (Demand::OnReject, false)]
    {
        let mut run = at_node(|node| {
            (node.mode, node.signature, node.approvers) = (vote, demand, members(&["bob", "cid"]));
        });
        let opinion = Opinion::new(run.slot_of("bob"), "");
        let abstained = decide(&mut run, "bob", Decision::Abstain, opinion);
        assert_eq!(abstained.is_err(), refused, "{demand:?}");
    }
}

#[test]
fn what_was_given_stands_in_history_and_state() {
    let mut run = at_node(|node| node.signature = Demand::Required);
    let opinion = full(&run, "bob");
    decide(&mut run, "bob", Decision::Approve, opinion).unwrap();
    let given = run.events.iter().find_map(|event| match event {
        Event::SlotDecided { signature, attachments, .. } => Some((signature.clone(), attachments.clone())),
        _ => None,
    });
    assert_eq!(given, Some((Some(file("signature.png")), vec![file("proof.pdf")])));
    let decided = run.visit("n").slots[0].decided.as_ref().unwrap();
    assert_eq!((&decided.signature, &decided.attachments), (&given.clone().unwrap().0, &given.unwrap().1));
}

#[test]
fn a_decision_has_not_more_files_than_a_comment() {
    let mut run = at_node(|_| ());
    let attachments = vec![file("a"); zhupi_engine::decide::ATTACHMENT_LIMIT + 1];
    let opinion = Opinion { attachments, ..full(&run, "bob") };
    let refused = decide(&mut run, "bob", Decision::Approve, opinion);
    assert_eq!(refused, Err(Rejection::TooMany { field: "attachments", limit: 20 }));
}

/// T (B5.4): signature and mandatory-opinion rules apply to children too.
#[test]
fn people_who_were_brought_in_sign_and_say_why_too() {
    for kind in [AddKind::Before, AddKind::After, AddKind::Together, AddKind::Peers] {
        let mut run = at_node(|node| {
            node.mode = ALL;
            node.signature = Demand::Required;
            node.attachment = Demand::OnApprove;
        });
        let (slot, people) = (run.slot_of("bob"), vec![user("xia")]);
        let request = AddSign { slot, people, kind, mode: ALL, advisory: false, comment: String::new() };
        run.act("bob", Command::AddSign(request)).unwrap();
        if kind == AddKind::After {
            let opinion = full(&run, "bob");
            decide(&mut run, "bob", Decision::Approve, opinion).unwrap();
        }
        assert_eq!(run.try_approve("xia"), Err(Rejection::FileRequired { field: "signature" }), "{kind:?}");
        let unfounded = Opinion { attachments: Vec::new(), ..full(&run, "xia") };
        let refused = decide(&mut run, "xia", Decision::Approve, unfounded);
        assert_eq!(refused, Err(Rejection::FileRequired { field: "attachments" }));
        let opinion = full(&run, "xia");
        decide(&mut run, "xia", Decision::Approve, opinion).unwrap();
        assert_eq!(run.state("xia"), SlotState::Approved);
    }
}

/// T (B7 c): the node demands signature, mandatory opinion, attachment.
#[test]
fn nobody_is_spared_who_is_to_give_more_than_his_consent() {
    let demands: [Demanded; 3] = [
        |node, demand| node.opinion = demand,
        |node, demand| node.signature = demand,
        |node, demand| node.attachment = demand,
    ];
    for demanded in demands {
        for (demand, asks) in [(Demand::Optional, false), (Demand::OnApprove, true), (Demand::Required, true)]
        {
            let mut second = node("second", members(&["bob"]));
            demanded(&mut second, demand);
            let flow = vec![ask("first", &["bob"]), Block::Approval(second), ask("third", &["cid"])];
            let mut template = template(flow);
            template.settings.dedup = Dedup::Consecutive;
            let run = Run::start(world(), template.clone(), "ann").approve("bob");
            assert_eq!(run.pending(), if asks { "bob" } else { "cid" }, "{demand:?}");
            template.settings.dedup = Dedup::LastOnly;
            template.flow.reverse();
            template.flow.insert(0, ask("zero", &["cid"]));
            if let Some(Block::Approval(last)) = template.flow.last_mut() {
                last.always_ask = true;
            }
            let run = Run::start(world(), template, "ann");
            assert_eq!(
                run.pending(),
                "cid",
                "whoever is asked later is spared at a node that demands nothing"
            );
        }
    }
}

#[test]
fn whoever_is_to_sign_is_asked_even_if_he_is_asked_later_as_well() {
    let first = Approval { signature: Demand::OnApprove, ..node("first", members(&["bob"])) };
    let mut template = template(vec![Block::Approval(first), ask("last", &["bob"])]);
    template.settings.dedup = Dedup::LastOnly;
    let mut run = Run::start(world(), template, "ann");
    assert_eq!(run.state("bob"), SlotState::Pending);
    assert_eq!(run.try_approve("bob"), Err(Rejection::FileRequired { field: "signature" }));
}

/// T (B6.4): not applied to nodes requiring the owner's handwritten signature.
#[test]
fn nobody_stands_in_for_a_signature() {
    for demand in [Demand::OnApprove, Demand::OnReject, Demand::Required] {
        let signed = || Approval { signature: demand, ..node("n", members(&["bob"])) };
        let away = world().away("bob", "cid");
        let run = Run::start(away, template(vec![Block::Approval(signed())]), "ann");
        assert_eq!(run.sweep().pending(), "bob");
        let mut template = template(vec![Block::Approval(signed())]);
        template.settings.allow_agent = true;
        let mut run = Run::start(world(), template, "ann");
        let opinion = full(&run, "bob");
        assert_eq!(decide(&mut run, "root", Decision::Approve, opinion), Err(Rejection::NotYourTask));
    }
}

/// T (B18): items demanding signature, mandatory opinion or a file are left out with the reason.
#[test]
fn in_a_batch_it_is_left_out_with_the_reason() {
    let demands: Demands = [
        (|node| node.opinion = Demand::OnApprove, BatchObstacle::Opinion),
        (|node| node.signature = Demand::OnApprove, BatchObstacle::OwnHand),
        (|node| node.attachment = Demand::OnApprove, BatchObstacle::Attachment),
    ];
    for (demanded, obstacle) in demands {
        let run = at_node(demanded);
        let slot = run.slot_of("bob");
        let check = |decision| {
            check_batch(&run.template, &run.instance, &Command::decide(decision, slot, "all of them"))
        };
        assert_eq!(check(Decision::Approve), Err(Rejection::NotInBatch { node: "n".into(), obstacle }));
        assert_eq!(check(Decision::Reject), Ok(()));
    }
}

#[test]
fn a_return_is_no_decision_and_demands_its_reason_alone() {
    let mut signed = node("second", members(&["cid"]));
    (signed.signature, signed.attachment) = (Demand::Required, Demand::Required);
    let flow = template(vec![ask("first", &["bob"]), Block::Approval(signed)]);
    let mut run = Run::start(world(), flow, "ann").approve("bob");
    let opinion = Opinion { signature: None, ..full(&run, "cid") };
    run.act("cid", Command::Return(Return::new(opinion, ReturnTo::Initiator))).unwrap();
    assert_eq!(run.status(), Status::Returned);
    let returned = run.visit("second").slots[0].decided.as_ref().unwrap();
    assert_eq!(returned.attachments, [file("proof.pdf")]);
}

#[test]
fn a_handler_reports_it_done_with_what_is_demanded() {
    let mut run = at_node(|node| (node.handle, node.attachment) = (true, Demand::OnApprove));
    assert_eq!(run.try_approve("bob"), Err(Rejection::FileRequired { field: "attachments" }));
    let opinion = full(&run, "bob");
    decide(&mut run, "bob", Decision::Approve, opinion).unwrap();
    assert_eq!(run.status(), Status::Approved);
}
