//! What a submission needs.

use crate::world::*;
use zhupi_engine::condition::Scope;
use zhupi_engine::form::{Field, FieldKind, FormData, Value};
use zhupi_engine::template::{Block, EmptyRule, PersonRule, Template};
use zhupi_engine::{Command, Rejection, Status, Submit};

fn world() -> World {
    World::new()
        .department("D1", "", &[])
        .department("D2", "", &[])
        .person("ann", &["D1"])
        .person("two", &["D1", "D2"])
        .people(&["bob", "cid", "dan"])
        .group("G", &["bob", "cid"])
}

fn picking(many: bool) -> Template {
    let among = Scope { groups: vec![group("G")], ..Scope::default() };
    let approval = node("n", by(PersonRule::InitiatorPick { many, among }));
    template(vec![ask("first", &["dan"]), Block::Approval(approval)])
}

fn picks(names: &[&str]) -> Submit {
    Submit { picks: [("n".into(), names.iter().map(|it| user(it)).collect())].into(), ..Submit::default() }
}

fn submit(template: Template, initiator: &str, submit: Submit) -> Result<Run, Rejection> {
    Run::submit(world(), template, initiator, submit)
}

#[test]
fn a_pick_is_needed_even_for_a_later_node() {
    let refused = submit(picking(false), "ann", Submit::default()).err();
    assert_eq!(refused, Some(Rejection::PickMissing { node: "n".into() }));
}

#[test]
fn picked_people_decide() {
    let run = submit(picking(true), "ann", picks(&["cid", "bob"])).unwrap().approve("dan");
    assert_eq!(run.pending(), "cid bob");
    assert_eq!(run.why("cid").to_string(), "picked by the initiator");
}

#[test]
fn a_pick_outside_the_offer_or_too_many() {
    let refused = submit(picking(false), "ann", picks(&["dan"])).err();
    assert_eq!(refused, Some(Rejection::PickNotAllowed { node: "n".into(), user: user("dan") }));
    let refused = submit(picking(false), "ann", picks(&["bob", "cid"])).err();
    assert_eq!(refused, Some(Rejection::PickTooMany { node: "n".into() }));
    let elsewhere = Submit { picks: [("first".into(), vec![user("bob")])].into(), ..picks(&["bob"]) };
    assert!(matches!(submit(picking(false), "ann", elsewhere), Err(Rejection::PickNotAllowed { .. })));
}

#[test]
fn whoever_has_several_departments_chooses_one() {
    let flow = || template(vec![ask("n", &["bob"])]);
    assert_eq!(submit(flow(), "two", Submit::default()).err(), Some(Rejection::DepartmentRequired));
    let chosen = |name| Submit { department: Some(department(name)), ..Submit::default() };
    let run = submit(flow(), "two", chosen("D2")).unwrap();
    assert_eq!(run.instance.department, Some(department("D2")));
    let refused = submit(flow(), "ann", chosen("D2")).err();
    assert_eq!(refused, Some(Rejection::NotInDepartment { department: department("D2") }));
    let only = submit(flow(), "ann", Submit::default()).unwrap();
    assert_eq!(only.instance.department, Some(department("D1")));
}

#[test]
fn the_template_may_not_be_for_everybody() {
    let mut flow = template(vec![ask("n", &["bob"])]);
    flow.settings.visible_to.departments = vec![department("D2")];
    assert_eq!(submit(flow.clone(), "ann", Submit::default()).err(), Some(Rejection::TemplateNotVisible));
    let department = Some(department("D2"));
    assert!(submit(flow, "two", Submit { department, ..Submit::default() }).is_ok());
}

#[test]
fn required_values_and_unknown_fields() {
    let fields = vec![Field { required: true, ..field("what", FieldKind::Text) }];
    let flow = || with_form(fields.clone(), vec![ask("n", &["bob"])]);
    let Err(Rejection::FormInvalid { problems }) = submit(flow(), "ann", Submit::default()) else { panic!() };
    assert_eq!((problems[0].path.as_str(), problems[0].code.as_str()), ("form.what", "required"));
    let form = FormData([("else".into(), Value::Text("x".to_owned()))].into());
    let Err(Rejection::FormInvalid { problems }) =
        submit(flow(), "ann", Submit { form, ..Submit::default() })
    else {
        panic!()
    };
    assert_eq!(problems.len(), 2);
}

#[test]
fn only_once_and_only_by_the_initiator_himself() {
    let mut run = submit(template(vec![ask("n", &["bob"])]), "ann", Submit::default()).unwrap();
    let again = run.act("ann", Command::Submit(Submit::default()));
    assert_eq!(again, Err(Rejection::AlreadySubmitted));
}

#[test]
fn a_title_is_made_where_none_is_given() {
    let run = submit(template(vec![ask("n", &["bob"])]), "ann", Submit::default()).unwrap();
    assert_eq!(run.instance.title, "test · ann");
}

#[test]
fn a_title_that_is_made_is_no_longer_than_one_that_may_be_given() {
    let mut flow = template(vec![ask("n", &["bob"])]);
    flow.name = "审".repeat(200);
    let run = submit(flow, "ann", Submit::default()).unwrap();
    assert_eq!(run.instance.title, "审".repeat(200));
}

#[test]
fn an_empty_flow_is_approved_at_once() {
    assert_eq!(submit(template(vec![]), "ann", Submit::default()).unwrap().status(), Status::Approved);
}

#[test]
fn a_pick_for_the_case_that_nobody_is_found_keeps_to_the_offer() {
    let mut template = picking(false);
    if let Block::Approval(node) = &mut template.flow[1] {
        node.empty = EmptyRule::InitiatorPicks;
    }
    let refused = submit(template.clone(), "ann", picks(&["dan"])).err();
    assert_eq!(refused, Some(Rejection::PickNotAllowed { node: "n".into(), user: user("dan") }));
    assert!(submit(template, "ann", picks(&["bob"])).is_ok());
}
