//! What `check_template`, `lint_template` and `Directory::check` find.

use crate::world::*;
use zhupi_engine::condition::{Compare, Condition, Ends, Group, Subject, Test};
use zhupi_engine::form::{Field, FieldKind};
use zhupi_engine::template::*;
use zhupi_engine::{Problem, check_template, lint_template};

fn found(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|it| format!("{} {}", it.path, it.code)).collect()
}

#[track_caller]
fn check(template: Template, expected: &[&str]) {
    assert_eq!(found(&check_template(&template)), expected);
}

fn when(field: &str, test: Test) -> When {
    let condition = Condition { subject: Subject::Field(field.into()), test };
    When::AnyOf(vec![Group { conditions: vec![condition] }])
}

fn with_lanes(fields: Vec<Field>, lanes: Vec<Lane>) -> Template {
    with_form(fields, vec![ask("n", &["bob"]), branch("b", lanes)])
}

#[test]
fn a_sound_template_has_no_problems() {
    let number = Test::Number { op: Compare::Less, value: 5.into(), currency: None };
    let lanes = vec![lane("l", 1, when("f", number), vec![]), lane("d", 2, When::Default, vec![])];
    check(with_lanes(vec![field("f", FieldKind::Number)], lanes), &[]);
}

#[test]
fn nobody_decides() {
    check(template(vec![]), &["flow approval_missing"]);
    check(
        template(vec![Block::Approval(node("n", Approvers::People(vec![])))]),
        &["flow[0].approvers approver_missing"],
    );
    check(template(vec![ask("n", &[])]), &["flow[0].approvers[0] approver_missing"]);
}

#[test]
fn ids_are_used_once_through_nodes_branches_and_lanes() {
    let lanes = vec![lane("n", 1, When::Default, vec![ask("b", &["bob"])])];
    let template = template(vec![ask("n", &["bob"]), branch("b", lanes)]);
    check(template, &["flow[1].lanes[0].id id_repeated", "flow[1].lanes[0].blocks[0].id id_repeated"]);
}

#[test]
fn a_branch_has_exactly_one_default_lane() {
    check(with_lanes(vec![], vec![]), &["flow[1].lanes default_missing"]);
    let two = vec![lane("x", 1, When::Default, vec![]), lane("y", 2, When::Default, vec![])];
    check(with_lanes(vec![], two), &["flow[1].lanes default_repeated"]);
}

#[test]
fn lanes_and_groups_have_conditions() {
    let lanes = |groups| vec![lane("l", 1, When::AnyOf(groups), vec![]), lane("d", 2, When::Default, vec![])];
    check(with_lanes(vec![], lanes(vec![])), &["flow[1].lanes[0].when condition_missing"]);
    let empty = vec![Group { conditions: vec![] }];
    check(with_lanes(vec![], lanes(empty)), &["flow[1].lanes[0].when[0] condition_missing"]);
}

#[test]
fn conditions_fit_the_fields_they_look_at() {
    let lanes = |test| vec![lane("l", 1, when("f", test), vec![]), lane("d", 2, When::Default, vec![])];
    let fields = || vec![choice("f", FieldKind::Select, &["a"])];
    let number = || Test::Number { op: Compare::Less, value: 5.into(), currency: None };
    check(with_lanes(fields(), lanes(number())), &["flow[1].lanes[0].when[0][0].test test_unfit"]);
    check(with_lanes(vec![], lanes(number())), &["flow[1].lanes[0].when[0][0].subject field_unknown"]);
    let unknown = Test::In { options: vec!["b".into()] };
    check(with_lanes(fields(), lanes(unknown)), &["flow[1].lanes[0].when[0][0].test option_unknown"]);
    let empty = Test::Between { low: 5.into(), high: 4.into(), ends: Ends::Both, currency: None };
    let number = vec![field("f", FieldKind::Number)];
    check(with_lanes(number, lanes(empty)), &["flow[1].lanes[0].when[0][0].test range_empty"]);
}

#[test]
fn fields_have_titles_options_and_columns() {
    let fields = vec![
        Field { title: " ".to_owned(), ..field("a", FieldKind::Text) },
        field("a", FieldKind::Select),
        field("t", FieldKind::Table),
        Field { required: true, ..field("i", FieldKind::Info) },
    ];
    let expected = [
        "form[0].title title_missing",
        "form[1].id id_repeated",
        "form[1].options options_missing",
        "form[2].columns columns_missing",
        "form[3].required required_unfit",
    ];
    check(with_form(fields, vec![ask("n", &["bob"])]), &expected);
}

#[test]
fn rules_look_at_fields_of_the_right_type_and_levels_up_to_nine() {
    let rules = vec![
        PersonRule::FormPerson("f".into()),
        PersonRule::FormPerson("g".into()),
        PersonRule::DepartmentHead(Level::nth(10)),
        PersonRule::Supervisor(Level { start: Start::FormDepartment("d".into()), ..Level::nth(1) }),
    ];
    let fields = vec![field("f", FieldKind::Text), field("d", FieldKind::Department)];
    let expected = [
        "flow[0].approvers[0] field_unfit",
        "flow[0].approvers[1] field_unknown",
        "flow[0].approvers[2].level level_too_high",
        "flow[0].approvers[3].start start_unfit",
    ];
    check(with_form(fields, vec![Block::Approval(node("n", Approvers::People(rules)))]), &expected);
}

#[test]
fn the_people_of_today_are_looked_at() {
    let world = World::new().people(&["bob"]).disabled("bob").role("R", &["bob"]).department("D", "", &[]);
    let rules = vec![
        named(&["bob"]),
        PersonRule::Role(role("R")),
        PersonRule::Role(role("S")),
        PersonRule::DepartmentHead(Level::nth(1)),
    ];
    let approval = Approval { empty: EmptyRule::AutoApprove, ..node("n", Approvers::People(rules)) };
    let problems = lint_template(&template(vec![Block::Approval(approval)]), &world.directory());
    let expected = [
        "flow[0].approvers[0] user_not_active",
        "flow[0].approvers[1] role_empty",
        "flow[0].approvers[2] role_empty",
        "flow[0].approvers[3] department_headless",
        "flow[0].empty auto_approve",
    ];
    assert_eq!(found(&problems), expected);
}

#[test]
fn circles_and_unknown_names_in_a_directory() {
    let world = World::new()
        .department("A", "B", &[])
        .department("B", "A", &[])
        .department("C", "X", &[])
        .reports_to("ann", "bob")
        .reports_to("bob", "ann")
        .person("cid", &["Y"]);
    let mut codes: Vec<_> = world.directory().check().into_iter().map(|it| it.code).collect();
    codes.sort();
    let expected = [
        "department_circle",
        "department_circle",
        "department_unknown",
        "department_unknown",
        "supervisor_circle",
        "supervisor_circle",
    ];
    assert_eq!(codes, expected);
}
