//! B14: the likely path.

use crate::world::*;
use serde_json::json;
use zhupi_engine::condition::{Compare, Condition, Group, Scope, Subject, Test};
use zhupi_engine::form::{Field, FieldKind, FormData, Value};
use zhupi_engine::instance::{AutoReason, VisitState};
use zhupi_engine::preview::{PathChange, Step, Uncertain, path_differences};
use zhupi_engine::template::{Block, PersonRule, Template, When};
use zhupi_engine::{Rejection, Status, Submit, preview};

fn words(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map(|step| match step {
            Step::Approval { node, people, state, .. } => {
                let people: Vec<_> = people.iter().map(|it| it.name.as_str()).collect();
                format!("{node} {state:?} {}", people.join("+"))
            }
            Step::Cc { people, .. } => {
                format!("cc {}", people.iter().map(|it| name(it.user)).collect::<String>())
            }
            Step::Lane { branch, lane, .. } => format!("{branch}:{lane}"),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn by_amount() -> Template {
    let test = Test::Number { op: Compare::GreaterOrEqual, value: 1000.into(), currency: None };
    let condition = Condition { subject: Subject::Field("sum".into()), test };
    let high = When::AnyOf(vec![Group { conditions: vec![condition] }]);
    let lanes =
        vec![lane("high", 1, high, vec![ask("boss", &["cid"])]), lane("low", 2, When::Default, vec![])];
    let flow = vec![ask("first", &["bob"]), branch("b", lanes), cc("c", &["dan"]), ask("last", &["ann"])];
    with_form(vec![field("sum", FieldKind::Money)], flow)
}

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan"])
}

#[test]
fn the_path_with_people_lanes_copies_and_automatic_steps() {
    let preview = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "1000.00"}));
    let expected = ["first Open bob", "b:high", "boss Open cid", "cc dan", "last AutoApproved ann"];
    assert_eq!(
        (words(&preview.steps), preview.ends),
        (expected.map(String::from).to_vec(), Status::Approved)
    );
    let Some(Step::Approval { people, state, .. }) = preview.steps.last() else { panic!() };
    assert_eq!((people[0].auto, *state), (Some(AutoReason::SelfSkip), VisitState::AutoApproved));
}

#[test]
fn other_values_take_another_path_and_have_another_hash() {
    let high = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "1000"}));
    let low = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "999.99"}));
    assert_eq!(words(&low.steps)[1], "b:low");
    assert_ne!(high.hash, low.hash);
    assert_eq!(low.hash, look_ahead(&world(), &by_amount(), "ann", json!({"sum": "999.99"})).hash);
}

/// What differs from the path of `sum`, as change and node.
fn differs(seen: &str, world: &World, template: &Template, sum: &str) -> Vec<(PathChange, String)> {
    let real = look_ahead(world, template, "ann", json!({ "sum": sum }));
    let found = path_differences(seen, &real, template).unwrap();
    found.into_iter().map(|it| (it.change, it.node.map(|it| it.to_string()).unwrap_or_default())).collect()
}

#[test]
fn the_fingerprint_tells_which_steps_are_new_gone_or_changed() {
    let seen = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "1000"})).hash;
    assert_eq!(differs(&seen, &world(), &by_amount(), "2000"), []);
    let lower = differs(&seen, &world(), &by_amount(), "5");
    assert_eq!(lower, [(PathChange::Changed, "b".to_owned()), (PathChange::Gone, "boss".to_owned())]);
    let seen = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "5"})).hash;
    let higher = differs(&seen, &world(), &by_amount(), "1000");
    assert_eq!(higher, [(PathChange::Changed, "b".to_owned()), (PathChange::New, "boss".to_owned())]);
    let without_bob = differs(&seen, &world().disabled("bob"), &by_amount(), "5");
    assert_eq!(without_bob, [(PathChange::Changed, "first".to_owned())]);
}

#[test]
fn a_fingerprint_is_short_and_another_text_is_none() {
    let names: Vec<String> = (0..400).map(|n| format!("n{n}")).collect();
    let mut long = with_form(
        vec![field("sum", FieldKind::Money)],
        names.iter().map(|name| ask(name, &["bob"])).collect(),
    );
    let seen = look_ahead(&world(), &long, "ann", json!({})).hash;
    assert!(seen.len() < 3_500, "{}", seen.len());
    assert_eq!(differs(&seen, &world(), &long, "5"), []);
    long.flow.pop();
    assert_eq!(differs(&seen, &world(), &long, "5"), [(PathChange::Changed, "n200".to_owned())]);
    let real = look_ahead(&world(), &by_amount(), "ann", json!({}));
    for no_fingerprint in ["", "x", "0123456789abcdeg", "0123456789abcdef.", "长长长长长长", "-."] {
        assert_eq!(path_differences(no_fingerprint, &real, &long), None, "{no_fingerprint}");
    }
    assert_eq!(look_ahead(&world(), &template(vec![]), "ann", json!({})).hash, "-");
    assert_eq!(path_differences("-", &real, &long).map(|found| found.len()), Some(real.steps.len()));
}

#[test]
fn what_the_lane_saw_is_shown() {
    let preview = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "1000"}));
    let Step::Lane { outcome: Some(outcome), .. } = &preview.steps[1] else { panic!() };
    assert_eq!(outcome.groups[0][0].saw.as_deref(), Some("1000 CNY"));
}

#[test]
fn a_missing_pick_is_uncertain() {
    let pick = PersonRule::InitiatorPick { many: false, among: Scope::default() };
    let flow = template(vec![Block::Approval(node("n", by(pick))), ask("m", &["bob"])]);
    let preview = look_ahead(&world(), &flow, "ann", json!({}));
    let Step::Approval { uncertain, state, .. } = &preview.steps[0] else { panic!() };
    assert_eq!((uncertain.as_slice(), *state), (&[Uncertain::PickMissing][..], VisitState::Open));
    assert_eq!(words(&preview.steps)[1], "m Open bob");
}

#[test]
fn the_real_path_is_the_preview_when_everybody_approves() {
    let preview = look_ahead(&world(), &by_amount(), "ann", json!({"sum": "5"}));
    let run = Run::start_with(world(), by_amount(), "ann", json!({"sum": "5"})).approve("bob");
    let visits: Vec<_> = run.instance.visits.iter().map(|visit| visit.node.to_string()).collect();
    let likely = preview.steps.iter().filter_map(|step| match step {
        Step::Approval { node, .. } => Some(node.to_string()),
        _ => None,
    });
    let likely: Vec<_> = likely.collect();
    assert_eq!((visits, run.status()), (likely, preview.ends));
}

#[test]
fn what_a_submission_is_refused_for_refuses_the_preview_but_for_what_is_still_missing() {
    let pick = PersonRule::InitiatorPick {
        many: false,
        among: Scope { users: vec![user("bob")], ..Scope::default() },
    };
    let mut flow = template(vec![Block::Approval(node("n", by(pick)))]);
    flow.form.fields = vec![Field { required: true, ..field("sum", FieldKind::Money) }];
    let refused = |world: World, flow: &Template, submit: &Submit| {
        preview(flow, &world.directory(), user("ann"), submit, at(0)).err()
    };
    let picked = |name: &str| Submit { picks: [("n".into(), vec![user(name)])].into(), ..Submit::default() };
    assert_eq!(refused(world(), &flow, &Submit::default()), None);
    assert_eq!(
        refused(world(), &flow, &Submit { picks: [("n".into(), vec![])].into(), ..picked("x") }),
        None
    );
    let node = "n".into();
    assert_eq!(
        refused(world(), &flow, &picked("cid")),
        Some(Rejection::PickNotAllowed { node, user: user("cid") })
    );
    let told = Submit { cc: vec![user("dan")], ..Submit::default() };
    assert_eq!(refused(world(), &flow, &told), Some(Rejection::CcNotAllowed { field: "cc" }));
    let gone = Rejection::UserNotActive { user: user("ann") };
    assert_eq!(refused(world().disabled("ann"), &flow, &Submit::default()), Some(gone));
    let wrong = Submit { form: FormData([("sum".into(), Value::Text("x".into()))].into()), ..picked("bob") };
    assert!(matches!(refused(world(), &flow, &wrong), Some(Rejection::FormInvalid { .. })));
    flow.settings.visible_to.users = vec![user("bob")];
    assert_eq!(refused(world(), &flow, &Submit::default()), Some(Rejection::TemplateNotVisible));
}
