//! Time limits: when they are, what happens then, delays and urging. Times are those of the clock in Shanghai; an instance
//! begins on Thursday, 2026-01-01 at 08:01.

use crate::world::*;
use jiff::Timestamp;
use serde_json::json;
use zhupi_engine::absence::Absence;
use zhupi_engine::calendar::Calendar;
use zhupi_engine::command::{AddSign, Opinion, Resubmit, Return, ReturnTo};
use zhupi_engine::event::{AddKind, Move};
use zhupi_engine::form::FieldKind;
use zhupi_engine::ids::{SYSTEM, TimerId, UserId, VisitId};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::*;
use zhupi_engine::{Command, Event, Rejection, Status};

/// A moment of the clock in Shanghai.
fn clock(text: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = format!("2026-01-{text}").parse().unwrap();
    civil.in_tz("Asia/Shanghai").unwrap().timestamp()
}

fn limited(id: &str, names: &[&str], due: Due, actions: Vec<TimeoutAction>) -> Approval {
    Approval { deadline: Deadline::Own(Limit { due, actions }), ..node(id, members(names)) }
}

/// After so many hours on the clock.
fn within(id: &str, names: &[&str], hours: u32, what: TimeoutWhat) -> Approval {
    limited(id, names, Due::Elapsed(hours * 60), vec![then(what)])
}

fn then(what: TimeoutWhat) -> TimeoutAction {
    TimeoutAction { after: 0, working: false, what }
}

fn remind(times: u32, every: u32) -> TimeoutWhat {
    TimeoutWhat::Remind { times, every, working: false, tell_supervisor: false }
}

fn one(node: Approval) -> Template {
    template(vec![Block::Approval(node)])
}

fn start(node: Approval) -> Run {
    let world = World::new().people(&["ann", "bob", "cat", "dan"]).reports_to("bob", "eve");
    Run::start(world, one(node), "ann")
}

/// What the clock did, and when.
fn fired(run: &Run) -> Vec<Timestamp> {
    let fired = run.events.iter().filter_map(|event| match event {
        Event::TimerFired { at, .. } => Some(*at),
        _ => None,
    });
    fired.collect()
}

fn reminded(run: &Run) -> Vec<(Timestamp, String)> {
    let reminded = run.events.iter().filter_map(|event| match event {
        Event::Reminded { at, people, .. } => Some((*at, names(people))),
        _ => None,
    });
    reminded.collect()
}

fn names(people: &[UserId]) -> String {
    people.iter().map(|it| name(*it)).collect::<Vec<_>>().join(" ")
}

// ---- the default ----

#[test]
fn without_a_limit_of_its_own_a_node_reminds_after_24_working_hours_and_then_each_working_day_five_times() {
    let mut run = start(node("a", members(&["bob"])));
    run.pass(clock("31T00:00"));
    // Thursday, Friday and Monday have eight hours each.
    let expected = ["05T18:00", "06T09:00", "07T09:00", "08T09:00", "09T09:00"];
    assert_eq!(reminded(&run), expected.map(|at| (clock(at), "bob".to_owned())));
    assert_eq!(
        (run.status(), run.pending().as_str()),
        (Status::Running, "bob"),
        "it never decides by itself"
    );
    assert_eq!(run.visit("a").due_at, None);
}

#[test]
fn a_node_may_be_without_a_limit() {
    let mut run = start(Approval { deadline: Deadline::None, ..node("a", members(&["bob"])) });
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), []);
}

#[test]
fn whoever_decides_is_not_reminded_any_more() {
    let mut run = start(node("a", members(&["bob"]))).approve("bob");
    run.pass(clock("31T00:00"));
    assert_eq!(reminded(&run), []);
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn only_those_who_are_still_asked_are_reminded() {
    let both = Approval { mode: countersign(), ..within("a", &["bob", "cat"], 2, remind(1, 1)) };
    let mut run = start(both).approve("bob");
    run.pass(clock("31T00:00"));
    assert_eq!(reminded(&run), [(clock("01T10:01"), "cat".to_owned())]);
}

// ---- when ----

#[test]
fn a_limit_in_working_time_counts_by_the_calendar() {
    let mut run = start(limited("a", &["bob"], Due::Working(10 * 60), vec![then(remind(1, 1))]));
    assert_eq!(run.visit("a").due_at, Some(clock("02T11:00")));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), [clock("02T11:00")]);
}

#[test]
fn a_limit_on_the_clock_counts_nights_and_weekends() {
    let mut run = start(within("a", &["bob"], 72, remind(1, 1)));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), [clock("04T08:01")]);
}

/// A template with a date and a range, and a node that is due by one of them.
fn by_date(field_id: &str, offset: i32) -> Template {
    let due = Due::Field { field: field_id.into(), offset };
    let node = Block::Approval(limited("a", &["bob"], due, vec![then(TimeoutWhat::AutoReject)]));
    with_form(vec![field("day", FieldKind::Date), field("stay", FieldKind::DateRange)], vec![node])
}

fn due_by(field: &str, offset: i32, form: serde_json::Value) -> Option<Timestamp> {
    let run = Run::start_with(World::new().people(&["ann", "bob"]), by_date(field, offset), "ann", form);
    run.visit("a").due_at
}

#[test]
fn a_limit_may_be_a_date_of_the_form_and_some_time_before_or_after_it() {
    let form = json!({ "day": "2026-01-10", "stay": { "start": "2026-01-20T15:00", "end": "2026-01-21" } });
    assert_eq!(due_by("day", 0, form.clone()), Some(clock("10T00:00")));
    assert_eq!(due_by("day", -24 * 60, form.clone()), Some(clock("09T00:00")));
    assert_eq!(due_by("stay", 90, form), Some(clock("20T16:30")));
}

#[test]
fn a_limit_may_be_reckoned_from_the_form() {
    let due = |form: serde_json::Value| {
        let due = Due::Formula("if(month(day) = 1, date(2026, 1, 13), day)".to_owned());
        let node = Block::Approval(limited("a", &["bob"], due, vec![]));
        let template = with_form(vec![field("day", FieldKind::Date)], vec![node]);
        Run::start_with(World::new().people(&["ann", "bob"]), template, "ann", form).visit("a").due_at
    };
    assert_eq!(due(json!({ "day": "2026-01-10" })), Some(clock("13T00:00")));
    assert_eq!(due(json!({})), None);
}

#[test]
fn without_the_date_there_is_no_limit_and_a_date_in_the_past_is_up_at_once() {
    assert_eq!(due_by("day", 0, json!({})), None);
    let form = json!({ "day": "2025-12-24" });
    let mut run = Run::start_with(World::new().people(&["ann", "bob"]), by_date("day", 0), "ann", form);
    run.pass(clock("01T08:02"));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn the_limit_is_fixed_when_the_visit_opens() {
    let world = World::new().people(&["ann", "bob"]);
    let mut run = Run::start(world, one(limited("a", &["bob"], Due::Working(60), vec![])), "ann");
    assert_eq!(run.visit("a").due_at, Some(clock("01T10:00")));
    let mut closed = Calendar::standard(uuid("closed").into(), "closed");
    closed.holidays.insert("2026-01-01".parse().unwrap());
    run.world.calendars.all.push(closed);
    run.world.calendars.default = Some(uuid("closed").into());
    run.act("ann", Command::Comment { text: "when?".to_owned(), mentions: vec![], attachments: vec![] })
        .unwrap();
    assert_eq!(run.visit("a").due_at, Some(clock("01T10:00")));
}

/// A company in which the north does not work on the first day of the year.
fn north_and_south() -> World {
    let mut world = World::new()
        .department("north", "", &[])
        .department("south", "", &[])
        .person("ann", &["south"])
        .person("nora", &["north"])
        .person("neil", &["north"])
        .person("sam", &["south"]);
    let mut calendar = Calendar::standard(uuid("north").into(), "north");
    calendar.holidays.insert("2026-01-01".parse().unwrap());
    world.calendars.all.push(calendar);
    world.calendars.of_departments.insert(department("north"), uuid("north").into());
    world
}

#[test]
fn the_calendar_of_those_who_are_asked_counts_and_where_they_differ_that_of_the_initiators_department() {
    let due = |people: &[&str]| {
        let node = Approval { mode: countersign(), ..limited("a", people, Due::Working(60), vec![]) };
        Run::start(north_and_south(), one(node), "ann").visit("a").due_at
    };
    assert_eq!(due(&["nora"]), Some(clock("02T10:00")));
    assert_eq!(due(&["nora", "neil"]), Some(clock("02T10:00")));
    assert_eq!(due(&["nora", "sam"]), Some(clock("01T10:00")));
}

#[test]
fn actions_come_before_at_and_after_the_limit_in_working_time_or_on_the_clock() {
    let at = |after: i32, working: bool| TimeoutAction { after, working, what: remind(1, 1) };
    let actions = vec![at(-120, true), at(-30, false), at(0, false), at(60, false), at(120, true)];
    let mut run = start(limited("a", &["bob"], Due::Working(10 * 60), actions));
    run.pass(clock("31T00:00"));
    let expected = ["02T09:00", "02T10:30", "02T11:00", "02T12:00", "02T14:00"];
    assert_eq!(fired(&run), expected.map(clock));
}

#[test]
fn what_falls_on_one_moment_happens_in_the_order_of_the_template() {
    let both = |first: TimeoutWhat, second: TimeoutWhat| {
        let mut run = start(limited("a", &["bob"], Due::Elapsed(60), vec![then(first), then(second)]));
        run.pass(clock("31T00:00"));
        (run.status(), reminded(&run).len())
    };
    assert_eq!(both(remind(1, 1), TimeoutWhat::AutoApprove), (Status::Approved, 1));
    assert_eq!(both(TimeoutWhat::AutoApprove, remind(1, 1)), (Status::Approved, 0));
}

#[test]
fn reminders_that_would_come_before_the_beginning_are_left_out_and_the_rest_is_done_at_once() {
    let early = TimeoutAction { after: -24 * 60, working: false, what: remind(1, 1) };
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), vec![early]));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), []);
    let at_once = TimeoutAction { after: -60, working: false, what: remind(1, 1) };
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), vec![at_once]));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), [], "whoever is asked just now need not be reminded of it");
    let several = TimeoutAction { after: -90, working: false, what: remind(3, 60) };
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), vec![several]));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), [clock("01T08:31"), clock("01T09:31"), clock("01T10:31")]);
    let early = TimeoutAction { after: -24 * 60, working: false, what: TimeoutWhat::AutoApprove };
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), vec![early]));
    run.pass(clock("01T08:02"));
    assert_eq!(run.status(), Status::Approved);
}

// ---- what ----

#[test]
fn a_reminder_comes_again_as_often_as_the_template_says() {
    let mut run = start(within("a", &["bob"], 1, remind(3, 30)));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), ["01T09:01", "01T09:31", "01T10:01"].map(clock));
    let working = TimeoutWhat::Remind { times: 2, every: 120, working: true, tell_supervisor: false };
    let mut run = start(within("a", &["bob"], 9, working));
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), ["01T17:01", "02T10:01"].map(clock));
}

#[test]
fn supervisors_are_told_of_a_delay_and_may_look_at_it() {
    let tell = TimeoutWhat::Remind { times: 2, every: 60, working: false, tell_supervisor: true };
    let both = Approval { mode: countersign(), ..within("a", &["bob", "cat"], 1, tell) };
    let mut run = start(both);
    run.pass(clock("31T00:00"));
    let told = run.events.iter().filter_map(|event| match event {
        Event::Reminded { supervisors, .. } => Some(names(supervisors)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["eve", "eve"]);
    assert_eq!(run.told(), "eve", "one copy a person");
}

#[test]
fn a_task_goes_to_the_supervisor_when_the_time_is_up() {
    let mut run = start(within("a", &["bob"], 1, TimeoutWhat::HandToSupervisor));
    run.pass(clock("01T09:00"));
    assert_eq!(run.pending(), "bob");
    run.pass(clock("01T09:02"));
    assert_eq!(run.pending(), "eve");
    let slot = &run.visit("a").slots[0];
    assert_eq!((name(slot.owner).as_str(), name(slot.assignee).as_str()), ("bob", "eve"));
    let moved =
        |event: &Event| matches!(event, Event::SlotMoved { by, how: Move::Timeout, .. } if *by == SYSTEM);
    assert!(run.events.iter().any(moved));
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

#[test]
fn a_task_stays_where_nobody_may_take_it() {
    // cat has no supervisor; ann asks herself; dan decides here already.
    let mut run = start(within("a", &["cat"], 1, TimeoutWhat::HandToSupervisor));
    run.pass(clock("01T10:00"));
    assert_eq!(run.pending(), "cat");
    let to = TimeoutWhat::HandTo(vec![user("ann"), user("dan"), user("nobody")]);
    let mut run = start(Approval { mode: countersign(), ..within("a", &["bob", "dan"], 1, to) });
    run.pass(clock("01T10:00"));
    assert_eq!(run.pending(), "bob dan");
}

#[test]
fn tasks_go_to_named_people_one_each() {
    let to = TimeoutWhat::HandTo(vec![user("dan"), user("eve")]);
    let mut run = start(Approval { mode: countersign(), ..within("a", &["bob", "cat"], 1, to) });
    run.pass(clock("01T10:00"));
    assert_eq!(run.pending(), "dan eve");
}

#[test]
fn a_task_goes_to_the_substitute_when_the_time_is_up() {
    let world = World::new().people(&["ann", "bob", "cat"]);
    let node = within("a", &["bob"], 3, TimeoutWhat::HandToSubstitute);
    let mut run = Run::start(world, one(node), "ann");
    run.world.absences.push(Absence {
        id: uuid("absence").into(),
        owner: user("bob"),
        substitute: user("cat"),
        from: clock("01T09:00"),
        until: clock("09T00:00"),
        templates: vec![],
        reason: String::new(),
        move_open: false,
    });
    run.pass(clock("01T12:00"));
    assert_eq!(run.pending(), "cat");
}

#[test]
fn everybody_who_has_not_decided_counts_as_having_approved_in_nobodys_name() {
    for mode in [Mode::default(), countersign(), Mode::InTurn] {
        let node = within("a", &["bob", "cat"], 1, TimeoutWhat::AutoApprove);
        let mut run = start(Approval { mode, ..node });
        run.pass(clock("01T10:00"));
        assert_eq!(run.status(), Status::Approved, "{mode:?}");
        assert_eq!(run.visit("a").state, VisitState::AutoApproved);
        let slots = &run.visit("a").slots;
        assert!(slots.iter().all(|slot| slot.state == SlotState::Auto(AutoReason::Timeout)), "{slots:?}");
        assert!(slots.iter().all(|slot| slot.decided.is_none()));
    }
}

#[test]
fn what_was_decided_before_the_time_was_up_stays() {
    let node = within("a", &["bob", "cat"], 1, TimeoutWhat::AutoApprove);
    let mut run = start(Approval { mode: countersign(), ..node }).approve("bob");
    run.pass(clock("01T10:00"));
    assert_eq!(run.visit("a").state, VisitState::Passed);
    assert_eq!(run.state("bob"), SlotState::Approved);
    assert_eq!(run.state("cat"), SlotState::Auto(AutoReason::Timeout));
}

#[test]
fn everybody_who_has_not_decided_counts_as_having_rejected() {
    let mut run = start(within("a", &["bob"], 1, TimeoutWhat::AutoReject));
    run.pass(clock("01T10:00"));
    assert_eq!(
        (run.status(), run.state("bob")),
        (Status::Rejected, SlotState::AutoRejected(AutoReason::Timeout))
    );
}

#[test]
fn the_way_goes_on_elsewhere_when_the_time_is_up() {
    let late = within("a", &["bob"], 1, TimeoutWhat::Jump("c".into()));
    let flow = vec![Block::Approval(late), ask("b", &["cat"]), ask("c", &["dan"])];
    let mut run = Run::start(World::new().people(&["ann", "bob", "cat", "dan"]), template(flow), "ann");
    run.pass(clock("01T10:00"));
    assert_eq!((run.pending().as_str(), run.visit("a").state), ("dan", VisitState::Skipped));
    assert_eq!(run.visits("b").len(), 0);
}

#[test]
fn actions_go_on_with_whoever_was_given_the_task() {
    let after = |after, what| TimeoutAction { after, working: false, what };
    let actions = vec![after(0, TimeoutWhat::HandToSupervisor), after(60, remind(1, 1))];
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), actions));
    run.pass(clock("31T00:00"));
    assert_eq!(reminded(&run), [(clock("01T10:01"), "eve".to_owned())]);
}

// ---- how ----

fn fire(visit: u32, timer: u32) -> Command {
    Command::Fire { visit: VisitId(visit), timer: TimerId(timer) }
}

#[test]
fn a_timer_fires_once() {
    let mut run = start(within("a", &["bob"], 1, remind(1, 1)));
    run.pass(clock("01T09:02"));
    assert_eq!(reminded(&run).len(), 1);
    run.system(clock("01T09:03"), fire(0, 0)).unwrap();
    assert_eq!(reminded(&run).len(), 1);
}

#[test]
fn a_timer_does_nothing_before_its_time_and_nothing_once_its_visit_is_closed() {
    let mut run = start(within("a", &["bob"], 1, TimeoutWhat::AutoReject));
    run.system(clock("01T08:30"), fire(0, 0)).unwrap();
    run.system(clock("01T08:30"), fire(0, 7)).unwrap();
    run.system(clock("01T08:30"), fire(7, 0)).unwrap();
    assert_eq!(run.pending(), "bob");
    let mut run = run.approve("bob");
    run.system(clock("01T09:30"), fire(0, 0)).unwrap();
    assert_eq!((run.status(), fired(&run)), (Status::Approved, vec![]));
}

#[test]
fn only_the_clock_fires_timers_and_sweeps() {
    let mut run = start(within("a", &["bob"], 1, TimeoutWhat::AutoApprove));
    assert!(run.act("bob", fire(0, 0)).is_err());
    assert!(run.act("root", Command::Sweep).is_err());
}

#[test]
fn late_is_better_than_never_and_reminders_do_not_come_in_a_heap() {
    // Nobody looked at the clock until the 8th; then one timer is enough for everything that is due, in its order.
    let actions = vec![
        then(remind(5, 24 * 60)),
        TimeoutAction { after: 72 * 60, working: false, what: TimeoutWhat::HandToSupervisor },
    ];
    let mut run = start(limited("a", &["bob"], Due::Elapsed(60), actions));
    run.system(clock("08T12:00"), fire(0, 0)).unwrap();
    assert_eq!(fired(&run), [clock("08T12:00"), clock("08T12:00")]);
    assert_eq!(run.pending(), "eve");
    run.pass(clock("09T12:01"));
    assert_eq!(
        reminded(&run),
        [(clock("08T12:00"), "bob".to_owned()), (clock("09T12:00"), "eve".to_owned())]
    );
}

#[test]
fn each_level_of_a_chain_has_its_own_limit() {
    let world = World::new()
        .department("root", "", &["dan"])
        .department("north", "root", &["cat"])
        .person("ann", &["north"]);
    let chain = Approvers::Chain(department_chain(2));
    let deadline =
        Deadline::Own(Limit { due: Due::Elapsed(60), actions: vec![then(TimeoutWhat::AutoApprove)] });
    let mut run = Run::start(world, one(Approval { deadline, ..node("a", chain) }), "ann");
    run.pass(clock("01T09:30"));
    assert_eq!((run.pending().as_str(), run.visit("a").due_at), ("dan", Some(clock("01T10:01"))));
    run.pass(clock("01T10:30"));
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn nothing_has_a_limit_that_nobody_waits_for() {
    // The initiator is the only approver and skipped.
    let mut run = start(within("a", &["ann"], 1, TimeoutWhat::AutoReject));
    assert_eq!(run.status(), Status::Approved);
    run.pass(clock("31T00:00"));
    assert_eq!(fired(&run), []);
}

// ---- people who were brought in ----

fn add(run: &mut Run, adder: &str, name: &str, kind: AddKind) {
    let slot = run.slot_of(adder);
    let (people, comment) = (vec![user(name)], String::new());
    let request = AddSign { slot, people, kind, mode: AddSign::all(), advisory: false, comment };
    run.act(adder, Command::AddSign(request)).unwrap();
}

#[test]
fn people_asked_before_somebody_have_the_nodes_time_and_his_stands_still_meanwhile() {
    let mut run = start(within("a", &["bob"], 3, TimeoutWhat::AutoReject));
    run.pass(clock("01T09:00"));
    add(&mut run, "bob", "cat", AddKind::Before);
    run.pass(clock("01T11:30"));
    assert_eq!(run.pending(), "cat", "at 11:01 his time would have been up");
    let mut run = run.approve("cat");
    assert_eq!(run.pending(), "bob");
    // Of his three hours two were left.
    run.pass(clock("01T13:30"));
    assert_eq!(run.pending(), "bob");
    run.pass(clock("01T13:31"));
    assert_eq!(
        (run.status(), run.state("bob")),
        (Status::Rejected, SlotState::AutoRejected(AutoReason::Timeout))
    );
}

#[test]
fn the_time_of_people_who_were_brought_in_is_up_too() {
    let mut run = start(within("a", &["bob"], 3, TimeoutWhat::AutoApprove));
    run.pass(clock("01T09:00"));
    add(&mut run, "bob", "cat", AddKind::Before);
    run.pass(clock("01T12:00"));
    assert_eq!(run.pending(), "cat");
    run.pass(clock("01T12:01"));
    assert_eq!((run.pending().as_str(), run.state("cat")), ("bob", SlotState::Auto(AutoReason::Timeout)));
}

#[test]
fn people_asked_after_somebody_have_the_nodes_time_from_then_on() {
    let mut run = start(within("a", &["bob"], 3, TimeoutWhat::AutoReject));
    add(&mut run, "bob", "cat", AddKind::After);
    run.pass(clock("01T10:00"));
    let mut run = run.approve("bob");
    run.pass(clock("01T13:00"));
    assert_eq!(run.pending(), "cat");
    run.pass(clock("01T13:01"));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn the_time_of_the_others_runs_on_while_somebody_waits_for_those_he_brought_in() {
    let node = within("a", &["bob", "dan"], 3, TimeoutWhat::AutoApprove);
    let mut run = start(Approval { mode: countersign(), ..node });
    run.pass(clock("01T09:00"));
    add(&mut run, "bob", "cat", AddKind::Before);
    run.pass(clock("01T11:02"));
    assert_eq!(
        (run.state("dan"), run.state("bob")),
        (SlotState::Auto(AutoReason::Timeout), SlotState::Waiting)
    );
}

// ---- returns ----

fn send_back(run: &mut Run, by: &str, to: ReturnTo) {
    let slot = run.slot_of(by);
    let opinion = Opinion::new(slot, "incomplete");
    run.act(by, Command::Return(Return::new(opinion, to))).unwrap();
}

/// The first node rejects after three hours, the second is free of limits.
fn two_nodes() -> Run {
    let first = Block::Approval(within("a", &["bob"], 3, TimeoutWhat::AutoReject));
    let second = Block::Approval(Approval { deadline: Deadline::None, ..node("b", members(&["cat"])) });
    Run::start(World::new().people(&["ann", "bob", "cat"]), template(vec![first, second]), "ann")
}

#[test]
fn after_a_return_the_time_limit_of_the_new_visit_fires_and_that_of_the_old_one_does_not() {
    let mut run = two_nodes();
    run.pass(clock("01T09:00"));
    let mut run = run.approve("bob");
    run.pass(clock("01T10:30"));
    send_back(&mut run, "cat", ReturnTo::Node("a".into()));
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.visit("a").due_at, Some(clock("01T13:31")), "a new visit has the whole time");
    // The limit of the first visit would have been up at 11:01.
    run.system(clock("01T12:00"), fire(0, 0)).unwrap();
    run.pass(clock("01T13:30"));
    assert_eq!(run.pending(), "bob");
    run.pass(clock("01T13:31"));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn while_the_initiator_mends_nothing_happens_by_the_clock() {
    let mut run = two_nodes();
    send_back(&mut run, "bob", ReturnTo::Initiator);
    run.pass(clock("31T00:00"));
    assert_eq!((run.status(), fired(&run)), (Status::Returned, vec![]));
    run.act("ann", Command::Resubmit(Resubmit::default())).unwrap();
    run.pass(clock("31T02:00"));
    assert_eq!(run.pending(), "bob");
    run.pass(clock("31T04:00"));
    assert_eq!(run.status(), Status::Rejected);
}

#[test]
fn it_goes_back_to_the_initiator_when_the_time_is_up() {
    let mut run = start(within("a", &["bob"], 1, TimeoutWhat::ReturnToInitiator));
    run.pass(clock("01T10:00"));
    assert_eq!((run.status(), run.pending().as_str()), (Status::Returned, "ann"));
    run.act("ann", Command::Resubmit(Resubmit::default())).unwrap();
    assert_eq!(run.pending(), "bob");
}

// ---- delays ----

fn delay(until: Due) -> Block {
    Block::Delay(Delay { id: "wait".into(), title: "wait".to_owned(), until })
}

#[test]
fn a_delay_waits_for_its_time() {
    let world = || World::new().people(&["ann", "bob"]);
    let flow = |until| template(vec![delay(until), ask("a", &["bob"])]);
    for (until, before, after) in
        [(Due::Elapsed(60), "01T09:00", "01T09:01"), (Due::Working(10 * 60), "02T10:59", "02T11:00")]
    {
        let mut run = Run::start(world(), flow(until), "ann");
        run.pass(clock(before));
        assert_eq!(run.pending(), "");
        run.pass(clock(after));
        assert_eq!(run.pending(), "bob");
    }
}

#[test]
fn a_delay_until_a_date_waits_for_it_and_does_not_wait_without_it() {
    let until = Due::Field { field: "day".into(), offset: 9 * 60 };
    let template = with_form(vec![field("day", FieldKind::Date)], vec![delay(until), ask("a", &["bob"])]);
    let world = World::new().people(&["ann", "bob"]);
    let mut run = Run::start_with(world.clone(), template.clone(), "ann", json!({ "day": "2026-01-05" }));
    run.pass(clock("05T08:59"));
    assert_eq!(run.pending(), "");
    run.pass(clock("05T09:00"));
    assert_eq!(run.pending(), "bob");
    let mut run = Run::start_with(world, template, "ann", json!({}));
    run.pass(clock("01T08:02"));
    assert_eq!(run.pending(), "bob");
}

// ---- urging ----

fn urge() -> Command {
    Command::Urge { comment: " please ".to_owned() }
}

#[test]
fn the_initiator_urges_those_he_waits_for_but_not_all_the_time() {
    let mut run =
        start(Approval { mode: countersign(), ..node("a", members(&["bob", "cat"])) }).approve("bob");
    assert_eq!(run.act("cat", urge()), Err(Rejection::NotInitiator));
    run.act("ann", urge()).unwrap();
    let last = run.events.last().unwrap();
    let Event::Urged { at, people, comment, .. } = last else { panic!("{last:?}") };
    assert_eq!((names(people).as_str(), comment.as_str()), ("cat", "please"));
    let again_at = *at + jiff::SignedDuration::from_mins(30);
    assert_eq!(run.act("ann", urge()), Err(Rejection::TooSoon { again_at }));
    run.pass(again_at);
    run.act("ann", urge()).unwrap();
}

#[test]
fn nobody_is_urged_where_nobody_is_asked() {
    let mut run = start(node("a", members(&["bob"]))).approve("bob");
    assert_eq!(run.act("ann", urge()), Err(Rejection::NotRunning { status: Status::Approved }));
    let world = World::new().people(&["ann", "bob"]);
    let flow = template(vec![delay(Due::Elapsed(60)), ask("a", &["bob"])]);
    let mut run = Run::start(world, flow, "ann");
    assert_eq!(run.act("ann", urge()), Err(Rejection::NotOffered { action: "urge" }));
}

fn countersign() -> Mode {
    Mode::Countersign { reject: AllReject::default() }
}

#[test]
fn whoever_has_left_urges_nobody() {
    let mut run = start(node("a", members(&["bob"]))).with(|world| world.disabled("ann"));
    assert_eq!(run.act("ann", urge()), Err(Rejection::UserNotActive { user: user("ann") }));
}

#[test]
fn what_goes_to_somebody_away_is_with_whoever_stands_in_for_him() {
    let named = TimeoutWhat::HandTo(vec![user("cat")]);
    for what in [named, TimeoutWhat::HandToSupervisor] {
        let world = World::new().people(&["ann"]).reports_to("bob", "cat").away("cat", "dan");
        let mut run = Run::start(world, one(within("a", &["bob"], 1, what)), "ann");
        run.pass(clock("01T10:00"));
        assert_eq!(run.pending(), "dan");
    }
}

#[test]
fn what_wants_a_hand_of_its_own_goes_to_no_substitute() {
    let node = Approval { own_hand: true, ..within("a", &["bob"], 1, TimeoutWhat::HandToSubstitute) };
    let mut run = Run::start(World::new().people(&["ann", "bob"]).away("bob", "cat"), one(node), "ann");
    run.pass(clock("01T10:00"));
    assert_eq!(run.pending(), "bob");
}

#[test]
fn a_jump_that_leads_back_over_and_over_is_stopped() {
    let mut late = node("n", members(&["bob"]));
    let due = Due::Field { field: "day".into(), offset: 0 };
    let jump = TimeoutAction { after: 0, working: false, what: TimeoutWhat::Jump("c".into()) };
    late.deadline = Deadline::Own(Limit { due, actions: vec![jump] });
    let flow = vec![cc("c", &["cid"]), Block::Approval(late)];
    let flow = with_form(vec![field("day", FieldKind::Date)], flow);
    let mut run = Run::start_with(
        World::new().people(&["ann", "bob", "cid"]),
        flow,
        "ann",
        json!({"day": "2020-01-01"}),
    );
    run.pass(at(3600));
    assert_eq!((run.status(), run.visits("n").len()), (Status::Suspended, 102));
}
