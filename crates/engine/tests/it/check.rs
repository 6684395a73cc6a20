//! What `check_template`, `lint_template` and `Directory::check` find.

use crate::flows::{parallel, sub_process};
use crate::world::*;
use serde_json::json;
use zhupi_engine::condition::{Compare, Condition, Ends, Group, Subject, Test};
use zhupi_engine::entity::plain;
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
fn ids_of_our_own_nodes_are_kept_for_them() {
    let lanes = vec![lane("@l", 1, When::Default, vec![])];
    let template = template(vec![ask("@initiator", &["bob"]), branch("b@", lanes)]);
    check(template, &["flow[0].id id_reserved", "flow[1].lanes[0].id id_reserved"]);
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
fn a_field_is_compared_with_one_of_its_own_type() {
    let with = |other: &str| {
        let test = Test::Field { op: Compare::Less, field: other.into() };
        let lanes = vec![lane("l", 1, when("f", test), vec![]), lane("d", 2, When::Default, vec![])];
        let kinds = [("f", FieldKind::Number), ("same", FieldKind::Number), ("text", FieldKind::Text)];
        with_lanes(kinds.map(|(id, kind)| field(id, kind)).into(), lanes)
    };
    check(with("same"), &[]);
    check(with("text"), &["flow[1].lanes[0].when[0][0].test test_unfit"]);
    check(with("gone"), &["flow[1].lanes[0].when[0][0].test field_unknown"]);
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
        "flow[0].approvers nobody_found",
        "flow[0] node_always_auto",
        "flow self_approval_path",
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

#[test]
fn ids_can_be_written_and_told_apart() {
    let titled = |id: &str| Field { title: "T".to_owned(), ..field(id, FieldKind::Text) };
    let asked = |id: &str| Approval { title: "T".to_owned(), ..node(id, members(&["bob"])) };
    let long = "审".repeat(201);
    for bad in ["", " a", "a\n", long.as_str()] {
        check(with_form(vec![titled(bad)], vec![ask("n", &["bob"])]), &["form[0].id id_invalid"]);
        check(template(vec![Block::Approval(asked(bad))]), &["flow[0].id id_invalid"]);
    }
    let options = vec![choice("f", FieldKind::Select, &[""])];
    check(with_form(options, vec![ask("n", &["bob"])]), &["form[0].options id_invalid"]);
    let longest = "审".repeat(200);
    check(with_form(vec![titled(&longest)], vec![Block::Approval(asked(&longest))]), &[]);
}

#[test]
fn currencies_are_codes() {
    let money = Field { currency: Some("yuan".to_owned()), ..field("f", FieldKind::Money) };
    let test = Test::Number { op: Compare::Less, value: 5.into(), currency: Some("rmb".to_owned()) };
    let lanes = vec![lane("l", 1, when("f", test), vec![]), lane("d", 2, When::Default, vec![])];
    let expected = ["form[0].currency currency_unknown", "flow[1].lanes[0].when[0][0].test currency_unknown"];
    check(with_lanes(vec![money], lanes), &expected);
}

#[test]
fn the_initiator_picks_once_for_a_node_and_for_nobody_who_is_only_told_of_it() {
    let pick = || PersonRule::InitiatorPick { many: false, among: Default::default() };
    let tells = Tells { passed: vec![pick()], rejected: vec![named(&["bob"]), pick()] };
    let asked = Approval { tells, ..node("n", Approvers::People(vec![pick(), pick()])) };
    let mut template = template(vec![Block::Approval(asked)]);
    template.settings.cc_at_start = vec![pick()];
    template.settings.cc_at_end = vec![pick()];
    let expected = [
        "flow[0].approvers pick_repeated",
        "flow[0].tells.passed[0] pick_unfit",
        "flow[0].tells.rejected[1] pick_unfit",
        "settings.cc_at_start[0] pick_unfit",
        "settings.cc_at_end[0] pick_unfit",
    ];
    check(template, &expected);
}

#[test]
fn a_reporting_line_does_not_end_at_a_department() {
    let end = ChainEnd::Department(department("D"));
    let chain = Chain { line: Line::Supervisors, end, ..department_chain(0) };
    let template = template(vec![Block::Approval(node("n", Approvers::Chain(chain)))]);
    check(template, &["flow[0].approvers.end end_unfit"]);
}

#[test]
fn a_callback_names_its_handler() {
    let mut template = template(vec![ask("n", &["bob"])]);
    template.settings.completion_callback = Some(" ".to_owned());
    check(template, &["settings.completion_callback callback_blank"]);
}

#[test]
fn approving_ones_own_money_is_worth_a_look() {
    let approval = Approval { self_rule: Some(SelfRule::Approve), ..node("n", members(&["bob"])) };
    let flow = || vec![Block::Approval(approval.clone())];
    let table = Field { columns: vec![field("m", FieldKind::Money)], ..field("t", FieldKind::Table) };
    check(with_form(vec![table], flow()), &["flow[0].self_rule self_approve_money"]);
    check(with_form(vec![], flow()), &[]);
}

#[test]
fn constants_can_be_met() {
    let lanes = |test| vec![lane("l", 1, when("f", test), vec![]), lane("d", 2, When::Default, vec![])];
    let checked = |kind, test| {
        let fields = vec![field("f", kind), field("g", kind)];
        let found = check_template(&with_lanes(fields, lanes(test)));
        found.into_iter().map(|it| it.code).collect::<Vec<_>>()
    };
    let text = |value: &str| Test::Text {
        op: zhupi_engine::condition::TextOp::Contains,
        values: vec!["a".to_owned(), value.to_owned()],
        ignore_case: false,
    };
    assert_eq!(checked(FieldKind::Text, text(" ")), ["constant_missing"]);
    let extension = |it: &str| Test::HasExtension { extensions: vec![it.to_owned()] };
    assert_eq!(checked(FieldKind::File, extension("")), ["constant_missing"]);
    assert_eq!(checked(FieldKind::File, extension(".pdf")), ["extension_unfit"]);
    let between = |ends| Test::Between { low: 5.into(), high: 5.into(), ends, currency: None };
    assert_eq!(checked(FieldKind::Number, between(Ends::LowOnly)), ["range_empty"]);
    assert_eq!(checked(FieldKind::Number, between(Ends::Both)), [] as [&str; 0]);
    let days = |first: &str, last: &str| Test::DateBetween {
        first: first.parse().unwrap(),
        last: last.parse().unwrap(),
    };
    assert_eq!(checked(FieldKind::Date, days("2026-01-02", "2026-01-01")), ["range_empty"]);
    assert_eq!(checked(FieldKind::Date, days("2026-01-01", "2026-01-01")), [] as [&str; 0]);
    let weekdays = |days: &[u8]| Test::Weekday { days: days.to_vec() };
    for unknown in [&[][..], &[0], &[8], &[1, 9]] {
        assert_eq!(checked(FieldKind::Date, weekdays(unknown)), ["weekday_unknown"]);
    }
    assert_eq!(checked(FieldKind::Date, weekdays(&[1, 7])), [] as [&str; 0]);
    let other = |op| Test::Field { op, field: "g".into() };
    assert_eq!(checked(FieldKind::Text, other(Compare::Less)), ["test_unfit"]);
    assert_eq!(checked(FieldKind::Text, other(Compare::Equal)), [] as [&str; 0]);
    assert_eq!(checked(FieldKind::Money, other(Compare::Less)), [] as [&str; 0]);
}

#[test]
fn the_people_of_today_along_a_chain_and_in_an_offer() {
    let world = World::new().people(&["bob"]).department("D", "", &[]);
    let chain = |end| Block::Approval(node("n", Approvers::Chain(Chain { end, ..department_chain(0) })));
    let nobody = zhupi_engine::condition::Scope { users: vec![user("zoe")], ..Default::default() };
    let pick = PersonRule::InitiatorPick { many: false, among: nobody };
    let flow = vec![
        chain(ChainEnd::Role { role: role("R"), missing: AboveTop::Top }),
        chain(ChainEnd::Department(department("X"))),
        Block::Approval(node("p", by(pick))),
    ];
    let expected = [
        "flow[0].approvers department_headless",
        "flow[0].approvers.end role_empty",
        "flow[1].approvers department_headless",
        "flow[1].approvers.end department_unknown",
        "flow[2].approvers[0] offer_empty",
        "flow[0].approvers chain_ends_at_nobody",
        "flow[1].approvers chain_ends_at_nobody",
    ];
    assert_eq!(found(&lint_template(&template(flow), &world.directory())), expected);
}

/// However they are nested, by one kind of block or by all of them in turn.
#[test]
fn branches_lie_in_one_another_only_so_deep() {
    let kinds: [fn(Vec<Block>, usize) -> Block; 2] = [
        |blocks, number| {
            branch(&format!("b{number}"), vec![lane(&format!("l{number}"), 1, When::Default, blocks)])
        },
        |blocks, number| Block::Parallel(parallel(&format!("p{number}"), vec![blocks, vec![]])),
    ];
    let too_deep = |wrap: &dyn Fn(Vec<Block>, usize) -> Block, levels: usize| {
        let inmost = vec![ask("n", &["bob"])];
        let flow = (0..levels).fold(inmost, |blocks, number| vec![wrap(blocks, number)]);
        check_template(&template(flow)).iter().any(|it| it.code == "too_deep")
    };
    let in_turn = |blocks: Vec<Block>, number: usize| kinds[number % 2](blocks, number);
    for wrap in [&kinds[0] as &dyn Fn(Vec<Block>, usize) -> Block, &kinds[1], &in_turn] {
        assert_eq!((too_deep(wrap, 20), too_deep(wrap, 21)), (false, true));
    }
}

#[test]
fn a_child_gets_whatever_its_form_cannot_do_without() {
    let required = |id: &str, kind| Field { required: true, ..field(id, kind) };
    let fields = vec![
        required("title", FieldKind::Text),
        field("note", FieldKind::Text),
        required("hint", FieldKind::Info),
        Field { formula: Some("1 + 1".to_owned()), ..required("sum", FieldKind::Number) },
        Field { show_if: Some("note = \"x\"".to_owned()), ..required("more", FieldKind::Text) },
    ];
    let child = with_form(fields, vec![ask("n", &["bob"])]);
    let begins = sub_process("s", ChildWait::default());
    let found: Vec<String> =
        check_child(&begins, "flow[0]", &child).into_iter().map(|it| it.message).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`title`"), "{found:?}");
}

#[test]
fn a_value_is_told_as_a_text_and_nothing_as_nothing() {
    let told = [json!(null), json!({}), json!([]), json!("word"), json!({"name": "Ann"}), json!({"a": 1})];
    assert_eq!(told.map(|value| plain(&value)), ["", "", "", "word", "Ann", "{\"a\":1}"]);
}
