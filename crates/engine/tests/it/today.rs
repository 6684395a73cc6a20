//! What is found about a template with the people of today, each with a near miss that is not.

use crate::world::*;
use zhupi_engine::condition::{Condition, Group, Scope, Subject, Test};
use zhupi_engine::form::FieldKind;
use zhupi_engine::template::*;
use zhupi_engine::{Problem, lint_template};

/// A company with heads, supervisors and an administrator whom nobody here has to do with.
fn company() -> World {
    World::new()
        .department("Top", "", &["boss"])
        .department("Sales", "Top", &["sam"])
        .department("Lab", "Top", &["lea"])
        .person("boss", &["Top"])
        .person("sam", &["Sales"])
        .person("sue", &["Sales"])
        .person("lea", &["Lab"])
        .person("lou", &["Lab"])
        .reports_to("sue", "sam")
        .reports_to("lou", "lea")
}

fn lint(world: &World, template: &Template) -> Vec<Problem> {
    lint_template(template, &world.directory())
}

/// What is found with one of these codes.
fn only(world: &World, template: &Template, codes: &[&str]) -> Vec<String> {
    let found = lint(world, template).into_iter().filter(|it| codes.contains(&it.code.as_str()));
    found.map(|it| format!("{} {}", it.path, it.code)).collect()
}

fn message(world: &World, template: &Template, code: &str) -> String {
    lint(world, template).into_iter().find(|it| it.code == code).map_or_else(String::new, |it| it.message)
}

fn approval(approvers: Approvers) -> Approval {
    node("n", approvers)
}

fn flow(node: Approval) -> Template {
    template(vec![Block::Approval(node)])
}

fn role_chain(role_name: &str, missing: AboveTop) -> Approvers {
    Approvers::Chain(Chain { end: ChainEnd::Role { role: role(role_name), missing }, ..department_chain(0) })
}

#[test]
fn a_chain_that_ends_at_nobody_names_the_departments() {
    let world = company().role("Finance", &["lea"]);
    let template = flow(approval(role_chain("Finance", AboveTop::Empty)));
    assert_eq!(
        only(&world, &template, &["chain_ends_at_nobody"]),
        ["flow[0].approvers chain_ends_at_nobody"]
    );
    // `lea` heads the laboratory herself, and the administrator has no department.
    let expected = "nobody is found for people of: Lab (1), Sales (2), Top (1), no department (1); \
                    an administrator is asked then";
    assert_eq!(message(&world, &template, "chain_ends_at_nobody"), expected);
    let mut template = template;
    template.settings.visible_to.users = vec![user("lou")];
    assert_eq!(only(&world, &template, &["chain_ends_at_nobody"]), [""; 0]);
}

#[test]
fn supervisors_and_heads_that_are_not_there() {
    let level = Level { above_top: AboveTop::Empty, ..Level::nth(1) };
    let mut supervisor = flow(approval(by(PersonRule::Supervisor(level.clone()))));
    supervisor.settings.supervisor_gap = SupervisorGap::Empty;
    let nobody = ["flow[0].approvers nobody_found"];
    assert_eq!(only(&company(), &supervisor, &["nobody_found"]), nobody);
    supervisor.settings.visible_to.users = vec![user("sue"), user("lou")];
    assert_eq!(only(&company(), &supervisor, &["nobody_found"]), [""; 0]);

    let mut head = flow(approval(by(PersonRule::DepartmentHead(level))));
    head.settings.visible_to.departments = vec![department("Sales")];
    assert_eq!(only(&company(), &head, &["nobody_found"]), [""; 0]);
    let gone = company().disabled("boss");
    assert_eq!(only(&gone, &head, &["nobody_found"]), nobody);
    let expected = "nobody is found for people of: Sales (1); they cannot submit";
    let Block::Approval(node) = &mut head.flow[0] else { panic!() };
    node.empty = EmptyRule::BlockSubmit;
    assert_eq!(message(&gone, &head, "nobody_found"), expected);
}

#[test]
fn a_role_without_a_holder() {
    let template = flow(approval(by(PersonRule::Role(role("Finance")))));
    let empty = ["flow[0].approvers[0] role_empty"];
    let world = |holders: &[&str]| company().role("Finance", holders);
    assert_eq!(only(&world(&[]), &template, &["role_empty"]), empty);
    assert_eq!(only(&world(&["lea"]).disabled("lea"), &template, &["role_empty"]), empty);
    assert_eq!(only(&world(&["lea", "lou"]).disabled("lea"), &template, &["role_empty"]), [""; 0]);
}

#[test]
fn a_node_that_always_passes_by_itself() {
    let codes = ["node_always_auto"];
    let always = ["flow[0] node_always_auto"];
    let own = approval(by(PersonRule::Initiator));
    assert_eq!(only(&company(), &flow(own.clone()), &codes), always);
    let control = Approval { control: true, ..own };
    assert_eq!(only(&company(), &flow(control), &codes), [""; 0]);

    let world = company().role("Finance", &[]);
    let finance = approval(by(PersonRule::Role(role("Finance"))));
    let passes = Approval { empty: EmptyRule::AutoApprove, ..finance.clone() };
    assert_eq!(only(&world, &flow(passes.clone()), &codes), always);
    assert_eq!(only(&world, &flow(finance), &codes), [""; 0]);
    assert_eq!(only(&company().role("Finance", &["lea"]), &flow(passes), &codes), [""; 0]);
}

#[test]
fn a_node_whose_people_have_just_approved() {
    let codes = ["node_always_auto"];
    let always = ["flow[1] node_always_auto"];
    let two = |first: &[&str], mode, second: &[&str]| {
        let last = Approval { mode, ..node("b", members(second)) };
        let mut template = template(vec![ask("a", first), Block::Approval(last)]);
        template.settings.dedup = Dedup::Consecutive;
        template.settings.visible_to.users = vec![user("sue")];
        template
    };
    let countersign = Mode::Countersign { reject: AllReject::AtOnce };
    let any = Mode::default();
    let world = company();
    assert_eq!(only(&world, &two(&["sam"], any, &["sam"]), &codes), always);
    assert_eq!(only(&world, &two(&["sam"], any, &["sam", "lea"]), &codes), always);
    assert_eq!(only(&world, &two(&["sam"], countersign, &["sam", "lea"]), &codes), [""; 0]);
    assert_eq!(only(&world, &two(&["sam", "lea"], any, &["sam", "lea"]), &codes), always);
    assert_eq!(only(&world, &two(&["sam", "lea"], any, &["sam"]), &codes), [""; 0]);
    assert_eq!(only(&world, &two(&["sam"], any, &["lea"]), &codes), [""; 0]);

    let mut asked = two(&["sam"], any, &["sam"]);
    let Block::Approval(last) = &mut asked.flow[1] else { panic!() };
    last.always_ask = true;
    assert_eq!(only(&world, &asked, &codes), [""; 0]);
    let mut never = two(&["sam"], any, &["sam"]);
    never.settings.dedup = Dedup::None;
    assert_eq!(only(&world, &never, &codes), [""; 0]);
}

#[test]
fn an_initiator_who_can_get_through_alone() {
    let codes = ["self_approval_path"];
    let alone = ["flow self_approval_path"];
    let template = flow(approval(members(&["sam"])));
    assert_eq!(only(&company(), &template, &codes), alone);
    let expected = "nobody else has to agree to what these people ask for: sam";
    assert_eq!(message(&company(), &template, "self_approval_path"), expected);
    let excluded = Approval { self_rule: Some(SelfRule::Supervisor), ..approval(members(&["sam"])) };
    assert_eq!(only(&company(), &flow(excluded), &codes), [""; 0]);

    let both = |mode| flow(Approval { mode, ..approval(members(&["sam", "lea"])) });
    assert_eq!(only(&company(), &both(Mode::default()), &codes), alone);
    assert_eq!(only(&company(), &both(Mode::InTurn), &codes), [""; 0]);

    let second = |names: &[&str]| {
        crate::world::template(vec![ask("a", &["sam"]), Block::Approval(node("b", members(names)))])
    };
    assert_eq!(only(&company(), &second(&["lea"]), &codes), [""; 0]);
    assert_eq!(only(&company(), &second(&["sam"]), &codes), alone);
}

#[test]
fn an_initiator_who_names_himself() {
    let codes = ["self_approval_path"];
    let alone = ["flow self_approval_path"];
    let named = |self_rule| {
        let approval = Approval { self_rule, ..approval(by(PersonRule::FormPerson("who".into()))) };
        with_form(vec![field("who", FieldKind::Contact)], vec![Block::Approval(approval)])
    };
    assert_eq!(only(&company(), &named(None), &codes), alone);
    assert_eq!(only(&company(), &named(Some(SelfRule::Exclude)), &codes), [""; 0]);
    let picked = |names: &[&str]| {
        let among = Scope { users: names.iter().map(|it| user(it)).collect(), ..Scope::default() };
        let mut template = flow(approval(by(PersonRule::InitiatorPick { many: false, among })));
        template.settings.visible_to.users = vec![user("sue")];
        template
    };
    assert_eq!(only(&company(), &picked(&["sue", "sam"]), &codes), alone);
    assert_eq!(only(&company(), &picked(&["lea", "sam"]), &codes), [""; 0]);
}

#[test]
fn a_way_on_which_nobody_is_asked() {
    let codes = ["path_without_approval"];
    let small = || {
        let test =
            Test::Number { op: zhupi_engine::condition::Compare::Less, value: 100.into(), currency: None };
        let condition = Condition { subject: Subject::Field("f".into()), test };
        When::AnyOf(vec![Group { conditions: vec![condition] }])
    };
    let lanes =
        |blocks| vec![lane("l", 1, small(), blocks), lane("d", 2, When::Default, vec![ask("x", &["lea"])])];
    let drawn = |blocks| with_form(vec![field("f", FieldKind::Number)], vec![branch("b", lanes(blocks))]);
    assert_eq!(only(&company(), &drawn(vec![]), &codes), ["flow path_without_approval"]);
    assert_eq!(only(&company(), &drawn(vec![ask("y", &["sam"])]), &codes), [""; 0]);
}

fn of_initiator(departments: &[&str]) -> When {
    let scope =
        Scope { departments: departments.iter().map(|it| department(it)).collect(), ..Scope::default() };
    let condition = Condition { subject: Subject::Initiator, test: Test::Belongs { scope } };
    When::AnyOf(vec![Group { conditions: vec![condition] }])
}

#[test]
fn a_lane_for_initiators_whom_there_are_none_of() {
    let codes = ["lane_for_nobody"];
    let world = company().department("Empty", "Top", &[]);
    let drawn = |first: &[&str], second: &[&str]| {
        let lanes = vec![
            lane("l", 1, of_initiator(first), vec![]),
            lane("m", 2, of_initiator(second), vec![]),
            lane("d", 3, When::Default, vec![]),
        ];
        template(vec![ask("n", &["sam"]), branch("b", lanes)])
    };
    assert_eq!(
        only(&world, &drawn(&["Sales"], &["Empty"]), &codes),
        ["flow[1].lanes[1].when lane_for_nobody"]
    );
    assert_eq!(only(&world, &drawn(&["Top"], &["Sales"]), &codes), ["flow[1].lanes[1].when lane_for_nobody"]);
    assert_eq!(only(&world, &drawn(&["Sales"], &["Top"]), &codes), [""; 0]);
}

#[test]
fn only_those_count_who_come_to_the_node() {
    // The chain finds nobody for the boss, but he never comes there.
    let chain = || vec![Block::Approval(node("n", Approvers::Chain(department_chain(1))))];
    let drawn = |departments: &[&str]| {
        let lanes = vec![
            lane("l", 1, of_initiator(departments), chain()),
            lane("d", 2, When::Default, vec![ask("x", &["lou"])]),
        ];
        template(vec![branch("b", lanes)])
    };
    let codes = ["chain_ends_at_nobody"];
    assert_eq!(only(&company(), &drawn(&["Sales", "Lab"]), &codes), [""; 0]);
    let nobody = ["flow[0].lanes[0].blocks[0].approvers chain_ends_at_nobody"];
    assert_eq!(only(&company(), &drawn(&["Top"]), &codes), nobody);
}

#[test]
fn people_who_stand_above_themselves() {
    let codes = ["supervisor_circle", "department_circle"];
    let circle = company().reports_to("sam", "lea").reports_to("lea", "sam");
    let supervisor = flow(approval(by(PersonRule::Supervisor(Level::nth(1)))));
    assert_eq!(only(&circle, &supervisor, &codes), ["flow supervisor_circle", "flow supervisor_circle"]);
    assert_eq!(only(&company(), &supervisor, &codes), [""; 0]);
    assert_eq!(only(&circle, &flow(approval(members(&["sam"]))), &codes), [""; 0]);
}

#[test]
fn a_company_of_thousands_is_looked_at_in_groups() {
    let mut world = company();
    for number in 0..3000 {
        let department = if number % 2 == 0 { "Sales" } else { "Lab" };
        world = world.person(&format!("p{number}"), &[department]);
    }
    let template = flow(approval(role_chain("Nobody", AboveTop::Empty)));
    let expected = "nobody is found for people of: Lab (1502), Sales (1502), Top (1), no department (1); \
                    an administrator is asked then";
    assert_eq!(message(&world, &template, "chain_ends_at_nobody"), expected);
}
