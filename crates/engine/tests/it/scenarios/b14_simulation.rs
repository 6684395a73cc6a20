//! B14: the path as somebody assumes it, time limits, and what of it is uncertain.

use crate::flows::*;
use crate::world::*;
use serde_json::{Value as Json, json};
use zhupi_engine::command::{Outside, ReturnTo};
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
use zhupi_engine::directory::PeopleChanges;
use zhupi_engine::event::{Decision, ResumeWay};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind, FormData, Value};
use zhupi_engine::ids::FieldId;
use zhupi_engine::instance::{Outcome, SlotState, VisitKind, VisitState};
use zhupi_engine::preview::{
    Assumed, AssumedAct, Assumptions, Given, PlannedLimit, Step, Uncertain, check_assumptions, simulate,
};
use zhupi_engine::template::*;
use zhupi_engine::{Preview, Rejection, Status, Submit};

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve"])
}

fn at_node(node: &str, act: AssumedAct) -> Assumed {
    Assumed { node: node.into(), level: None, round: 1, person: None, act }
}

fn by_person(node: &str, person: &str, decision: Decision) -> Assumed {
    Assumed { person: Some(user(person)), ..at_node(node, AssumedAct::Decide(decision)) }
}

fn reject(node: &str) -> Assumed {
    at_node(node, AssumedAct::Decide(Decision::Reject))
}

fn back(node: &str, to: &str) -> Assumed {
    let to = if to.is_empty() { ReturnTo::Initiator } else { ReturnTo::Node(to.into()) };
    at_node(node, AssumedAct::Return(to))
}

fn decisions(decisions: Vec<Assumed>) -> Assumptions {
    Assumptions { decisions, ..Assumptions::default() }
}

fn people(people: PeopleChanges) -> Assumptions {
    Assumptions { people, ..Assumptions::default() }
}

#[track_caller]
fn assume_with(world: &World, template: &Template, form: Json, given: &Given) -> Preview {
    let directory = world.directory();
    assert_eq!(check_assumptions(template, &directory, &given.assumptions), []);
    let form = zhupi_engine::form::read_partial(&template.form, form.as_object().unwrap()).unwrap();
    let submit = Submit { form, ..Submit::default() };
    simulate(template, &directory, user("ann"), &submit, at(0), given).unwrap()
}

#[track_caller]
fn assume(template: &Template, assumptions: Assumptions) -> Preview {
    let given = Given { assumptions, ..Given::default() };
    assume_with(&world(), template, json!({}), &given)
}

fn three() -> Template {
    template(vec![ask("a", &["bob"]), ask("b", &["cid"]), ask("c", &["dan"])])
}

#[test]
fn an_assumed_rejection_shows_how_it_ends() {
    let preview = assume(&three(), decisions(vec![reject("b")]));
    assert_eq!(outline(&preview.steps), "a Open bob\nb Open cid");
    assert_eq!((preview.ends, preview.unmet), (Status::Rejected, vec![]));
    let Step::Approval { comes_to, people, .. } = &preview.steps[1] else { panic!() };
    assert_eq!((*comes_to, people[0].comes_to), (VisitState::Rejected, SlotState::Rejected));
    let Step::Approval { comes_to, people, .. } = &preview.steps[0] else { panic!() };
    assert_eq!((*comes_to, people[0].comes_to), (VisitState::Passed, SlotState::Approved));
}

#[test]
fn an_assumed_return_goes_on_as_the_real_one_would() {
    let preview = assume(&three(), decisions(vec![back("c", "a")]));
    let straight = "a Open bob\nb Open cid\nc Open dan\nc back to a\na Open bob\nc Open dan";
    assert_eq!((outline(&preview.steps).as_str(), preview.ends), (straight, Status::Approved));
    let Step::Returned { goes_on, .. } = &preview.steps[3] else { panic!() };
    assert_eq!(goes_on, &Some(ResumeWay::StraightBack));

    let mut replayed = node("c", members(&["dan"]));
    replayed.returns.resume = ResumePolicy::Replay;
    let template = template(vec![ask("a", &["bob"]), ask("b", &["cid"]), Block::Approval(replayed)]);
    let preview = assume(&template, decisions(vec![back("c", "")]));
    let again =
        "a Open bob\nb Open cid\nc Open dan\nc back to the initiator\na Open bob\nb Open cid\nc Open dan";
    assert_eq!((outline(&preview.steps).as_str(), preview.ends), (again, Status::Approved));
}

#[test]
fn what_is_assumed_of_a_later_round_happens_then() {
    let second = Assumed { round: 2, ..reject("c") };
    let preview = assume(&three(), decisions(vec![back("c", "a"), second]));
    assert_eq!((preview.ends, preview.unmet), (Status::Rejected, vec![]));
    let Some(Step::Approval { node, comes_to, .. }) = preview.steps.last() else { panic!() };
    assert_eq!((node.as_str(), *comes_to), ("c", VisitState::Rejected));
}

#[test]
fn an_assumed_return_out_of_a_branch_opens_all_branches_again() {
    let fork = parallel("f", vec![vec![ask("b", &["cid"])], vec![ask("c", &["dan"])]]);
    let template = template(vec![ask("a", &["bob"]), Block::Parallel(fork)]);
    let preview = assume(&template, decisions(vec![back("c", "a")]));
    assert_eq!((preview.ends, preview.unmet), (Status::Approved, vec![]));
    let asked = |id: &str| {
        let here = |step: &&Step| matches!(step, Step::Approval { node, .. } if node.as_str() == id);
        preview.steps.iter().filter(here).count()
    };
    assert_eq!((asked("a"), asked("b"), asked("c")), (2, 2, 2));
}

#[test]
fn votes_of_particular_persons_are_counted_before_those_of_others() {
    let mode = Mode::Vote(Vote::at(Threshold::Count(2)));
    let template = template(vec![ask_in("v", &["bob", "cid", "dan"], mode)]);
    let no = |name| by_person("v", name, Decision::Reject);
    assert_eq!(assume(&template, decisions(vec![no("dan")])).ends, Status::Approved);
    assert_eq!(assume(&template, decisions(vec![no("dan"), no("cid")])).ends, Status::Rejected);
    let nobody_else = decisions(vec![no("dan"), reject("v"), by_person("v", "bob", Decision::Approve)]);
    assert_eq!(assume(&template, nobody_else).ends, Status::Rejected);
}

#[test]
fn whoever_is_assumed_to_decide_claims_it() {
    let pool = Approval { assign: Assign::Pool, ..node("n", members(&["bob", "cid"])) };
    let template = template(vec![Block::Approval(pool)]);
    let preview = assume(&template, decisions(vec![by_person("n", "cid", Decision::Reject)]));
    assert_eq!((preview.ends, preview.unmet), (Status::Rejected, vec![]));
    let Step::Approval { asks, people, .. } = &preview.steps[0] else { panic!() };
    assert_eq!((*asks, people[1].comes_to), (VisitKind::Pool, SlotState::Rejected));
}

fn within_two_hours(what: TimeoutWhat) -> Template {
    let actions = vec![TimeoutAction { after: 0, working: false, what }];
    let deadline = Deadline::Own(Limit { due: Due::Elapsed(120), actions });
    template(vec![Block::Approval(Approval { deadline, ..node("n", members(&["bob"])) }), ask("m", &["cid"])])
}

#[test]
fn a_time_that_is_assumed_to_run_out_does_what_the_limit_says() {
    let late = || decisions(vec![at_node("n", AssumedAct::TimeOut)]);
    let preview = assume(&within_two_hours(TimeoutWhat::AutoReject), late());
    assert_eq!((outline(&preview.steps).as_str(), preview.ends), ("n Open bob", Status::Rejected));
    let preview = assume(&within_two_hours(TimeoutWhat::AutoApprove), late());
    assert_eq!(
        (outline(&preview.steps).as_str(), preview.ends),
        ("n Open bob\nm Open cid", Status::Approved)
    );
    let preview = assume(&within_two_hours(TimeoutWhat::HandTo(vec![user("eve")])), late());
    let Step::Approval { people, .. } = &preview.steps[0] else { panic!() };
    assert_eq!((people[0].handed_to, people[0].comes_to), (Some(user("eve")), SlotState::Approved));
    let preview = assume(&within_two_hours(TimeoutWhat::ReturnToInitiator), late());
    let returned = "n Open bob\nn back to the initiator\nn Open bob\nm Open cid";
    assert_eq!((outline(&preview.steps).as_str(), preview.unmet), (returned, vec![]));
}

#[test]
fn what_is_waited_for_answers_as_is_assumed() {
    let action = TriggerAction::CallAndWait {
        url: "https://x.example".to_owned(),
        sets: vec!["sum".into()],
        within: Some(5),
    };
    let lanes = vec![
        lane("high", 1, at_least("sum", 1000), vec![ask("boss", &["cid"])]),
        lane("low", 2, When::Default, vec![]),
    ];
    let template =
        with_form(vec![field("sum", FieldKind::Number)], vec![trigger("call", action), branch("b", lanes)]);
    let answer = |outcome, sum: i64| {
        let values = FormData([(FieldId::from("sum"), Value::Number(sum.into()))].into());
        decisions(vec![at_node("call", AssumedAct::Answer { outcome, values })])
    };
    let high = assume(&template, answer(Outcome::Approved, 1000));
    assert_eq!(outline(&high.steps), "trigger call true\nb:high MayChange\nboss Open cid");
    let low = assume(&template, answer(Outcome::Approved, 999));
    assert_eq!(outline(&low.steps), "trigger call true\nb:low MayChange");
    assert_eq!(assume(&template, answer(Outcome::Rejected, 1)).ends, Status::Rejected);
    let late = decisions(vec![at_node("call", AssumedAct::TimeOut)]);
    assert_eq!(assume(&template, late).ends, Status::Rejected);
    let Step::Trigger { uncertain, .. } = &low.steps[0] else { panic!() };
    assert_eq!(uncertain, &[Uncertain::Answer]);
}

#[test]
fn what_was_assumed_and_did_not_happen_is_told() {
    let mut stays = node("b", members(&["cid"]));
    stays.returns.targets = ReturnTargets::Initiator;
    let template = template(vec![ask("a", &["bob"]), Block::Approval(stays), ask("c", &["dan"])]);
    let assumed =
        vec![back("b", "a"), Assumed { round: 2, ..reject("c") }, by_person("a", "eve", Decision::Reject)];
    let preview = assume(&template, decisions(assumed));
    let unmet: Vec<_> = preview.unmet.iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    let expected =
        ["decisions[0] return_not_allowed", "decisions[1] not_reached", "decisions[2] not_reached"];
    assert_eq!((unmet, preview.ends), (expected.map(str::to_owned).to_vec(), Status::Approved));
}

#[test]
fn what_cannot_be_assumed_is_named_with_its_place() {
    let handled =
        Block::Approval(Approval { handle: true, deadline: Deadline::None, ..node("h", members(&["bob"])) });
    let template = template(vec![ask("a", &["bob"]), handled, cc("c", &["dan"])]);
    let assumed = vec![
        reject("nowhere"),
        reject("h"),
        at_node("h", AssumedAct::TimeOut),
        reject("c"),
        Assumed { level: Some(1), round: 0, ..reject("a") },
        by_person("a", "nobody", Decision::Approve),
        back("a", "a"),
        back("h", "c"),
        at_node("a", AssumedAct::Answer { outcome: Outcome::Approved, values: FormData::default() }),
        Assumed { round: 3, ..at_node("a", AssumedAct::Decide(Decision::Abstain)) },
    ];
    let changes = PeopleChanges {
        gone: vec![user("bob"), user("nobody")],
        heads: [(department("D"), vec![user("bob")])].into(),
        ..PeopleChanges::default()
    };
    let assumptions = Assumptions { decisions: assumed, people: changes };
    let found = check_assumptions(&template, &world().directory(), &assumptions);
    let found: Vec<_> = found.iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    let expected = [
        "people.gone[1] user_unknown".to_owned(),
        format!("people.heads.{} department_unknown", department("D")),
        "decisions[0].node node_unknown".to_owned(),
        "decisions[1].action action_unfit".to_owned(),
        "decisions[2] assumed_twice".to_owned(),
        "decisions[2].action action_unfit".to_owned(),
        "decisions[3].action action_unfit".to_owned(),
        "decisions[4].round round_unfit".to_owned(),
        "decisions[4].level level_unfit".to_owned(),
        "decisions[5].person user_unknown".to_owned(),
        "decisions[6].to target_unfit".to_owned(),
        "decisions[7] assumed_twice".to_owned(),
        "decisions[7].to target_unfit".to_owned(),
        "decisions[8] assumed_twice".to_owned(),
        "decisions[8].action action_unfit".to_owned(),
        "decisions[9].action action_unfit".to_owned(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn other_people_are_laid_over_those_of_today() {
    let company = World::new().department("D", "", &["bob"]).person("ann", &["D"]).people(&["eve", "fay"]);
    let company = company.reports_to("ann", "cid").role("R", &["dan"]).group("G", &["dan"]);
    let level = |line: fn(Level) -> PersonRule| by(line(Level::nth(1)));
    let template = template(vec![
        Block::Approval(node("head", level(PersonRule::DepartmentHead))),
        Block::Approval(node("above", level(PersonRule::Supervisor))),
        Block::Approval(node("role", by(PersonRule::Role(role("R"))))),
        Block::Approval(node("group", by(PersonRule::Group(group("G"))))),
    ]);
    let path = |changes| {
        let given = Given { assumptions: people(changes), ..Given::default() };
        outline(&assume_with(&company, &template, json!({}), &given).steps)
    };
    let today = "head Open bob\nabove Open cid\nrole Open dan\ngroup Open dan";
    assert_eq!(path(PeopleChanges::default()), today);
    let others = PeopleChanges {
        heads: [(department("D"), vec![user("eve")])].into(),
        supervisors: [(user("ann"), Some(user("fay")))].into(),
        roles: [(role("R"), vec![user("eve")])].into(),
        groups: [(group("G"), vec![user("fay")])].into(),
        ..PeopleChanges::default()
    };
    assert_eq!(path(others), "head Open eve\nabove Open fay\nrole Open eve\ngroup Open fay");
    let gone = PeopleChanges { gone: vec![user("dan")], ..PeopleChanges::default() };
    assert_eq!(path(gone), "head Open bob\nabove Open cid\nrole Open root\ngroup Open root");
    assert_eq!(path(PeopleChanges::default()), today, "nothing is kept");
}

#[test]
fn people_of_linked_instances_are_left_out_of_the_preview_too() {
    let mut template =
        with_form(vec![field("order", FieldKind::LinkedInstance)], vec![ask("n", &["bob", "cid"])]);
    template.settings.separation = vec![Separation::Linked { field: "order".into(), nodes: vec![] }];
    let linked = [(FieldId::from("order"), vec![user("bob")])].into();
    let given = Given { outside: Outside { linked, ..Outside::default() }, ..Given::default() };
    assert_eq!(outline(&assume_with(&world(), &template, json!({}), &given).steps), "n Open cid");
}

fn limits(preview: &Preview) -> Vec<Option<PlannedLimit>> {
    let limit = |step: &Step| match step {
        Step::Approval { limit, .. } => Some(limit.clone()),
        _ => None,
    };
    preview.steps.iter().filter_map(limit).collect()
}

#[test]
fn time_limits_are_those_of_a_node_that_is_reached_now() {
    let actions = vec![
        TimeoutAction { after: 0, working: false, what: TimeoutWhat::Jump("m".into()) },
        TimeoutAction { after: -60, working: false, what: TimeoutWhat::HandToSupervisor },
    ];
    let deadline = Deadline::Own(Limit { due: Due::Elapsed(120), actions });
    let handled = Approval { handle: true, deadline: Deadline::None, ..node("h", members(&["dan"])) };
    let flow = vec![
        Block::Approval(Approval { deadline, ..node("n", members(&["bob"])) }),
        ask("m", &["cid"]),
        Block::Approval(handled),
    ];
    let preview = assume(&template(flow), Assumptions::default());
    let [Some(own), Some(usual), None] = &limits(&preview)[..] else { panic!("{preview:?}") };
    assert_eq!(own.due_at, Some(at(7200)));
    let words: Vec<_> = own.actions.iter().map(|it| (it.at, it.what, it.to.clone())).collect();
    let expected =
        [(at(3600), TimeoutKind::HandToSupervisor, None), (at(7200), TimeoutKind::Jump, Some("m".into()))];
    assert_eq!(words, expected);
    assert_eq!((usual.due_at, usual.actions[0].what), (None, TimeoutKind::Remind));
    let Some(Step::Approval { asks, .. }) = preview.steps.last() else { panic!() };
    assert_eq!(*asks, VisitKind::Handle);
}

#[test]
fn the_hash_does_not_follow_the_clock() {
    let template = within_two_hours(TimeoutWhat::AutoReject);
    let directory = world().directory();
    let simulated = |now| {
        simulate(&template, &directory, user("ann"), &Submit::default(), now, &Given::default()).unwrap()
    };
    let (now, later) = (simulated(at(0)), simulated(at(100_000)));
    assert_ne!(limits(&now), limits(&later));
    assert_eq!(now.hash, later.hash);
    assert_eq!(now.hash, look_ahead(&world(), &template, "ann", json!({})).hash);
}

#[test]
fn whom_a_field_names_that_may_be_edited_before_is_uncertain() {
    let edit = FieldAccess([("sum".into(), Access::Edit)].into());
    let total = Field { formula: Some("sum * 2".to_owned()), ..field("total", FieldKind::Number) };
    let fields = vec![field("who", FieldKind::Contact), field("sum", FieldKind::Number), total];
    let lanes = vec![lane("high", 1, at_least("total", 10), vec![]), lane("low", 2, When::Default, vec![])];
    let first = Approval { fields: edit.clone(), ..node("first", members(&["bob"])) };
    let named = || Block::Approval(node("named", by(PersonRule::FormPerson("who".into()))));
    let flow = vec![Block::Approval(first.clone()), branch("b", lanes), named()];
    let form = json!({"who": [user("cid").to_string()], "sum": 1});
    let preview = look_ahead(&world(), &with_form(fields.clone(), flow), "ann", form.clone());
    assert_eq!(outline(&preview.steps), "first Open bob\nb:low MayChange\nnamed Open cid");
    let both = FieldAccess([("who".into(), Access::Edit)].into());
    let flow = vec![Block::Approval(Approval { fields: both, ..first }), named()];
    let preview = look_ahead(&world(), &with_form(fields, flow), "ann", form);
    assert_eq!(outline(&preview.steps), "first Open bob\nnamed Open cid MayChange");
}

#[test]
fn a_simulation_is_refused_for_what_a_submission_is_refused_for() {
    let given = Given {
        assumptions: people(PeopleChanges { gone: vec![user("ann")], ..PeopleChanges::default() }),
        ..Given::default()
    };
    let refused = simulate(&three(), &world().directory(), user("ann"), &Submit::default(), at(0), &given);
    assert_eq!(refused, Err(Rejection::UserNotActive { user: user("ann") }));
}

/// A loop in which nobody is asked goes round in the preview as it does in truth.
#[test]
fn a_loop_of_machines_alone_is_gone_round_as_often_as_it_will_be() {
    let number = |op, value: i64| {
        let test = Test::Number { op, value: value.into(), currency: None };
        vec![Group { conditions: vec![Condition { subject: Subject::Field("n".into()), test }] }]
    };
    let counts = SetField { field: "n".into(), formula: "n + 1".to_owned() };
    let flow = vec![
        trigger("count", TriggerAction::SetFields(vec![counts])),
        Block::Route(Route {
            id: "again".into(),
            title: String::new(),
            when: number(Compare::Less, 3),
            to: "count".into(),
            other: Default::default(),
        }),
        branch(
            "size",
            vec![
                lane("big", 1, When::AnyOf(number(Compare::GreaterOrEqual, 3)), vec![ask("b", &["bob"])]),
                lane("small", 2, When::Default, vec![]),
            ],
        ),
    ];
    let template = with_form(vec![field("n", FieldKind::Number)], flow);
    let world = || World::new().people(&["ann", "bob"]);
    let seen = look_ahead(&world(), &template, "ann", json!({ "n": 1 }));
    let routes = seen.steps.iter().filter(|step| matches!(step, Step::Route { .. })).count();
    let asks = |step: &Step| matches!(step, Step::Approval { node, .. } if node.as_str() == "b");
    assert_eq!((routes, seen.steps.iter().any(asks)), (1, true), "{:?}", seen.steps);
    assert_eq!(Run::start_with(world(), template, "ann", json!({ "n": 1 })).pending(), "bob");
}
