//! B13 and B5.4: the time of whoever brings people in, and jumps by the clock.

use crate::world::*;
use zhupi_engine::command::AddSign;
use zhupi_engine::event::{AddKind, Event};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Status};

fn minutes(count: i64) -> jiff::Timestamp {
    at(count * 60)
}

fn start(actions: Vec<TimeoutAction>) -> Run {
    let limit = Limit { due: Due::Elapsed(60), actions };
    let timed = Approval { deadline: Deadline::Own(limit), ..node("n", members(&["bob"])) };
    Run::start(
        World::new().people(&["ann", "bob", "cid", "dan"]),
        template(vec![Block::Approval(timed)]),
        "ann",
    )
}

fn action(after: i32, what: TimeoutWhat) -> TimeoutAction {
    TimeoutAction { after, working: false, what }
}

fn reminded(run: &Run) -> Vec<String> {
    let people = run.events.iter().filter_map(|event| match event {
        Event::Reminded { people, .. } => {
            Some(people.iter().map(|it| name(*it)).collect::<Vec<_>>().join("+"))
        }
        _ => None,
    });
    people.collect()
}

/// He is asked at minute 1, so that his time is up at 61 and he is reminded at 31.
#[test]
fn what_happened_before_somebody_brought_people_in_does_not_happen_again_when_it_is_his_turn() {
    let once = TimeoutWhat::Remind { times: 1, every: 5, working: false, tell_supervisor: false };
    let mut run = start(vec![action(-30, once), action(0, TimeoutWhat::AutoReject)]);
    run.pass(minutes(40));
    assert_eq!(reminded(&run), ["bob"]);
    let (slot, people, kind) = (run.slot_of("bob"), vec![user("cid")], AddKind::Before);
    let add = AddSign { slot, people, kind, mode: AddSign::all(), advisory: false, comment: String::new() };
    run.act("bob", Command::AddSign(add)).unwrap();
    let mut run = run.wait_hours(0);
    run.pass(minutes(50));
    let mut run = run.approve("cid");
    // Brought in at 41, done at 51: of his time 20 minutes are left.
    run.pass(minutes(70));
    assert_eq!((run.status(), reminded(&run)), (Status::Running, vec!["bob".to_owned()]));
    run.pass(minutes(71));
    assert_eq!(run.status(), Status::Rejected);
}

/// As often as a route may: a node that jumps to itself would go on for ever.
#[test]
fn a_jump_to_the_node_itself_is_stopped_some_time() {
    let mut run = start(vec![action(0, TimeoutWhat::Jump("n".into()))]);
    run.pass(minutes(60 * 200));
    assert_eq!((run.status(), run.visits("n").len()), (Status::Suspended, 102));
}

/// Asked at minute 1, his time is up at 61. Ten minutes of it went by before each of the two whom he asks.
#[test]
fn bringing_people_in_again_and_again_gives_nobody_more_time() {
    let mut run = start(vec![action(0, TimeoutWhat::AutoReject)]);
    run.pass(minutes(11));
    let before = |run: &mut Run, whom: &str| {
        let (slot, people, kind) = (run.slot_of("bob"), vec![user(whom)], AddKind::Before);
        let add =
            AddSign { slot, people, kind, mode: AddSign::all(), advisory: false, comment: String::new() };
        run.act("bob", Command::AddSign(add)).unwrap();
    };
    before(&mut run, "cid");
    run.pass(minutes(21));
    let mut run = run.approve("cid");
    run.pass(minutes(31));
    before(&mut run, "dan");
    run.pass(minutes(50));
    let mut run = run.approve("dan");
    let left: Vec<_> = run.visit("n").timers.iter().filter(|it| it.runs() && it.slot.is_some()).collect();
    let due = left.iter().map(|it| it.at).min().unwrap();
    run.pass(due - jiff::SignedDuration::from_secs(60));
    assert_eq!(run.status(), Status::Running);
    run.pass(due);
    assert_eq!(run.status(), Status::Rejected);
    // Twice ten minutes of sixty have gone, and each command takes place a little after the one before it.
    assert!(due > minutes(85) && due < minutes(95), "{due}");
}
