//! B8.4, B11: what is waited for and cannot come stops the way until an administrator has looked at it.

use crate::flows::*;
use crate::world::*;
use zhupi_engine::command::Intervention;
use zhupi_engine::decide::COMMENT_LIMIT;
use zhupi_engine::form::{FieldKind, FormData, Value};
use zhupi_engine::ids::{InstanceId, VisitId};
use zhupi_engine::instance::{Outcome, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

const WHY: &str = "there is no such template";

fn start(flow: Vec<Block>) -> Run {
    Run::start(World::new().people(&["ann", "bob", "cid"]), template(flow), "ann")
}

fn child() -> Block {
    Block::SubProcess(sub_process("s", ChildWait::default()))
}

fn call(within: Option<u32>) -> Block {
    let url = "https://x.example".to_owned();
    trigger("call", TriggerAction::CallAndWait { url, sets: vec![], within })
}

fn fail(visit: VisitId) -> Command {
    Command::Fail { visit, reason: WHY.to_owned() }
}

fn failed(flow: Vec<Block>, node: &str) -> Run {
    let mut run = start(flow);
    let visit = run.open_visit(node);
    run.act("", fail(visit)).unwrap();
    run
}

fn children(run: &Run) -> Vec<InstanceId> {
    let begun = |event: &Event| match event {
        Event::ChildStarted { child, .. } => Some(*child),
        _ => None,
    };
    run.events.iter().filter_map(begun).collect()
}

#[test]
fn a_sub_process_that_cannot_begin_waits_for_an_administrator_with_the_reason() {
    let run = failed(vec![child(), ask("n", &["bob"])], "s");
    assert_eq!((run.status(), run.visit("s").stuck.as_deref()), (Status::Suspended, Some(WHY)));
    assert_eq!((run.visit("s").state, run.pending().as_str()), (VisitState::Open, ""));
}

#[test]
fn trying_again_begins_another_child() {
    let mut run = failed(vec![child(), ask("n", &["bob"])], "s").intervene(Intervention::Retry);
    assert_eq!((run.status(), run.visit("s").stuck.as_deref()), (Status::Running, None));
    let children = children(&run);
    assert!(children.len() == 2 && children[0] != children[1], "{children:?}");
    run.answer("s", Outcome::Approved).unwrap();
    assert_eq!(run.pending(), "bob");
}

#[test]
fn what_cannot_come_is_passed_over_or_ends_the_request() {
    let stuck = || failed(vec![call(None), ask("n", &["bob"])], "call");
    let run = stuck();
    let visit = run.open_visit("call");
    let run = run.intervene(Intervention::Skip { visit });
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
    assert_eq!(stuck().intervene(Intervention::Terminate).status(), Status::Terminated);
    let run = stuck().intervene(Intervention::Retry);
    let calls = run.events.iter().filter(|event| matches!(event, Event::TriggerCalled { .. }));
    assert_eq!((calls.count(), run.status()), (2, Status::Running));
}

/// An administrator may have it delivered once more from the list of what is dead.
#[test]
fn an_answer_that_comes_all_the_same_is_taken() {
    let mut run = failed(vec![call(None), ask("n", &["bob"])], "call");
    run.answer("call", Outcome::Approved).unwrap();
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
    let mut run = failed(vec![call(Some(1)), ask("n", &["bob"])], "call");
    run.fire("call").unwrap();
    assert_eq!(run.status(), Status::Rejected, "the time limit of the node holds all the same");
}

/// B8.4: another system says who decides, and its silence is not the same as nobody.
#[test]
fn people_whom_another_system_names_are_asked_and_its_silence_passes_nothing() {
    let action = TriggerAction::CallAndWait {
        url: "https://x.example".to_owned(),
        sets: vec!["who".into()],
        within: None,
    };
    let named =
        Approval { empty: EmptyRule::AutoApprove, ..node("n", by(PersonRule::FormPerson("who".into()))) };
    let flow = vec![trigger("call", action), Block::Approval(named)];
    let mut run = Run::start(
        World::new().people(&["ann", "bob", "cid"]),
        with_form(vec![field("who", FieldKind::Contact)], flow),
        "ann",
    );
    let visit = run.open_visit("call");
    run.act("", fail(visit)).unwrap();
    assert_eq!((run.status(), run.visit("call").stuck.as_deref()), (Status::Suspended, Some(WHY)));
    let mut run = run.intervene(Intervention::Retry);
    let (visit, outcome) = (run.open_visit("call"), Outcome::Approved);
    let values = FormData([("who".into(), Value::People(vec![user("bob"), user("cid")]))].into());
    run.act("", Command::Answer { visit, outcome, values }).unwrap();
    assert_eq!(run.pending(), "bob cid");
}

#[test]
fn the_branch_beside_what_cannot_come_goes_on() {
    let fork = parallel("f", vec![vec![child()], vec![ask("n", &["bob"]), ask("m", &["cid"])]]);
    let run = failed(vec![Block::Parallel(fork)], "s").approve("bob");
    assert_eq!((run.status(), run.pending().as_str()), (Status::Suspended, "cid"));
    let visit = run.open_visit("s");
    let run = run.approve("cid").intervene(Intervention::Skip { visit });
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn only_the_system_says_so_once_and_of_what_waits() {
    let mut run = start(vec![child(), delay("d", 10), ask("n", &["bob"])]);
    let visit = run.open_visit("s");
    assert_eq!(run.act("ann", fail(visit)), Err(Rejection::UserNotActive { user: user("ann") }));
    run.answer("s", Outcome::Approved).unwrap();
    let events = run.events.len();
    for visit in [visit, run.open_visit("d"), VisitId(999)] {
        run.act("", fail(visit)).unwrap();
    }
    assert_eq!((run.events.len(), run.status()), (events, Status::Running));

    let mut run = failed(vec![child()], "s");
    let (visit, events) = (run.open_visit("s"), run.events.len());
    run.act("", Command::Fail { visit, reason: "another one".to_owned() }).unwrap();
    assert_eq!((run.events.len(), run.visit("s").stuck.as_deref()), (events, Some(WHY)));
}

#[test]
fn a_reason_that_is_too_long_is_cut_off() {
    let mut run = start(vec![child()]);
    let visit = run.open_visit("s");
    run.act("", Command::Fail { visit, reason: "é".repeat(COMMENT_LIMIT + 1) }).unwrap();
    assert_eq!(run.visit("s").stuck.as_ref().map(|it| it.chars().count()), Some(COMMENT_LIMIT));
}

/// Nobody waits for a detached child: its way goes on, and whoever reads the request learns of it.
#[test]
fn a_detached_child_that_cannot_begin_is_told_of_once() {
    let detached = Block::SubProcess(sub_process("s", ChildWait::Detached));
    let mut run = start(vec![detached, ask("n", &["bob"])]);
    let warn = |child| Command::Warn { child, reason: WHY.to_owned() };
    let child = children(&run)[0];
    assert_eq!(run.act("ann", warn(child)), Err(Rejection::UserNotActive { user: user("ann") }));
    run.act("", warn(run.instance.id)).unwrap();
    assert_eq!(run.instance.warnings, [""; 0], "it began no such child");
    run.act("", warn(child)).unwrap();
    run.act("", warn(child)).unwrap();
    assert_eq!(run.instance.warnings, [format!("`s`: {WHY}")]);
    assert_eq!((run.status(), run.pending().as_str()), (Status::Running, "bob"));
    let mut run = run.approve("bob");
    run.act("", Command::Warn { child, reason: "later".to_owned() }).unwrap();
    assert_eq!((run.instance.warnings.len(), run.status()), (2, Status::Approved));
}
