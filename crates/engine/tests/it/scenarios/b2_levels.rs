//! B2: supervisors and department heads.

use crate::world::*;
use zhupi_engine::approvers::{WhyNote, WhyRule};
use zhupi_engine::form::FieldKind;
use zhupi_engine::template::*;
use zhupi_engine::{Status, Submit};

/// D1 < D2 < D3, each with its head; `ann` is an ordinary member of D1.
fn three() -> World {
    World::new()
        .department("D1", "D2", &["h1"])
        .department("D2", "D3", &["h2"])
        .department("D3", "", &["h3"])
        .person("ann", &["D1"])
}

fn chain(chain: Chain) -> Template {
    template(vec![Block::Approval(node("n", Approvers::Chain(chain)))])
}

fn head(level: Level) -> Template {
    template(vec![Block::Approval(node("n", by(PersonRule::DepartmentHead(level))))])
}

fn supervisor(level: Level) -> Template {
    template(vec![Block::Approval(node("n", by(PersonRule::Supervisor(level))))])
}

/// Everybody asked, in order, one visit after another, when all approve.
fn asked(world: World, template: Template, initiator: &str) -> String {
    let mut run = Run::start(world, template, initiator);
    let mut asked = Vec::new();
    while run.status() == Status::Running {
        let pending = run.pending();
        let first = pending.split(' ').next().unwrap().to_owned();
        asked.push(pending);
        run = run.approve(&first);
    }
    asked.join(", ")
}

/// T: ordinary member of D1, chain 2 → head(D1), head(D2).
#[test]
fn a_chain_of_two_levels_asks_both_heads_one_after_another() {
    assert_eq!(asked(three(), chain(department_chain(2)), "ann"), "h1, h2");
}

/// T: same, D2 vacant, chain 3 → head(D1), head(D3).
#[test]
fn a_vacant_level_is_skipped_but_counts() {
    let world = World::new()
        .department("D1", "D2", &["h1"])
        .department("D2", "D3", &[])
        .department("D3", "D4", &["h3"])
        .department("D4", "", &["h4"])
        .person("ann", &["D1"]);
    assert_eq!(asked(world.clone(), chain(department_chain(3)), "ann"), "h1, h3");
    assert_eq!(asked(world, chain(department_chain(2)), "ann"), "h1");
}

/// T: head(D1)=head(D2) → once.
#[test]
fn the_head_of_two_nested_departments_is_asked_once() {
    let world = World::new()
        .department("D1", "D2", &["h"])
        .department("D2", "D3", &["h"])
        .department("D3", "", &["h3"])
        .person("ann", &["D1"]);
    assert_eq!(asked(world, chain(department_chain(3)), "ann"), "h, h3");
}

/// T: initiator = head(D1), chain 2 → head(D2), head(D3).
#[test]
fn a_chain_starts_above_an_initiator_who_heads_his_department() {
    assert_eq!(asked(three().person("h1", &["D1"]), chain(department_chain(2)), "h1"), "h2, h3");
}

/// T: initiator = head of the root, chain 2 → nobody → empty rule.
#[test]
fn above_the_head_of_the_root_there_is_nobody() {
    let run = Run::start(three().person("h3", &["D3"]), chain(department_chain(2)), "h3");
    assert_eq!(run.pending(), "root");
    assert_eq!(run.why("root").rule, WhyRule::WorkspaceAdmin);
}

/// T: single level 5 in this tree → `top` = head(D3).
#[test]
fn a_level_above_the_top_takes_the_highest_head() {
    let run = Run::start(three(), head(Level::nth(5)), "ann");
    assert_eq!(run.pending(), "h3");
    assert_eq!(run.why("h3").notes, [WhyNote::TopInstead { asked: 5 }]);
    let none = Level { above_top: AboveTop::Empty, ..Level::nth(5) };
    assert_eq!(Run::start(three(), head(none), "ann").pending(), "root");
}

#[test]
fn level_one_of_a_head_is_the_next_department_up() {
    assert_eq!(Run::start(three(), head(Level::nth(1)), "ann").pending(), "h1");
    assert_eq!(Run::start(three().person("h1", &["D1"]), head(Level::nth(1)), "h1").pending(), "h2");
}

#[test]
fn level_zero_of_a_single_rule_means_one_and_of_a_chain_up_to_the_top() {
    assert_eq!(Run::start(three(), head(Level::nth(0)), "ann").pending(), "h1");
    assert_eq!(asked(three(), chain(department_chain(0)), "ann"), "h1, h2, h3");
}

#[test]
fn a_vacant_single_level_climbs_or_stays_empty() {
    let world =
        || World::new().department("D1", "D2", &[]).department("D2", "", &["h2"]).person("ann", &["D1"]);
    let run = Run::start(world(), head(Level::nth(1)), "ann");
    assert_eq!(run.pending(), "h2");
    assert_eq!(run.why("h2").notes, [WhyNote::Climbed { from: 1 }]);
    let stay = Level { vacant: Vacant::Empty, ..Level::nth(1) };
    assert_eq!(Run::start(world(), head(stay), "ann").pending(), "root");
}

#[test]
fn a_level_whose_head_is_disabled_is_vacant() {
    assert_eq!(Run::start(three().disabled("h1"), head(Level::nth(1)), "ann").pending(), "h2");
    assert_eq!(asked(three().disabled("h1"), chain(department_chain(2)), "ann"), "h2");
}

#[test]
fn the_highest_head_being_the_initiator_runs_the_self_rule() {
    let run = Run::start(three().person("h3", &["D3"]), head(Level::nth(1)), "h3");
    assert_eq!(run.status(), Status::Approved);
}

#[test]
fn several_heads_of_a_level_any_or_all() {
    let world = || World::new().department("D1", "", &["h1", "h2"]).person("ann", &["D1"]);
    assert_eq!(asked(world(), chain(department_chain(1)), "ann"), "h1 h2");
    let all = Chain { heads: Heads::All, ..department_chain(1) };
    assert_eq!(asked(world(), chain(all), "ann"), "h1 h2, h2");
}

#[test]
fn a_chain_can_run_from_the_top_down() {
    let down = Chain { order: Order::TopDown, ..department_chain(3) };
    assert_eq!(asked(three(), chain(down), "ann"), "h3, h2, h1");
}

#[test]
fn a_chain_can_end_at_a_level_counted_from_the_top() {
    let end = |level| Chain { end: ChainEnd::FromTop(level), ..department_chain(0) };
    assert_eq!(asked(three(), chain(end(1)), "ann"), "h1, h2, h3");
    assert_eq!(asked(three(), chain(end(2)), "ann"), "h1, h2");
    assert_eq!(Run::start(three(), chain(end(9)), "ann").pending(), "root");
}

#[test]
fn a_chain_can_end_at_the_holder_of_a_role() {
    let end = |missing| Chain { end: ChainEnd::Role { role: role("R"), missing }, ..department_chain(0) };
    let world = three().role("R", &["h2"]);
    assert_eq!(asked(world, chain(end(AboveTop::Top)), "ann"), "h1, h2");
    let nobody = three().role("R", &["zoe"]);
    assert_eq!(asked(nobody.clone(), chain(end(AboveTop::Top)), "ann"), "h1, h2, h3");
    assert_eq!(Run::start(nobody, chain(end(AboveTop::Empty)), "ann").pending(), "root");
}

#[test]
fn a_chain_can_end_at_a_named_department() {
    let end = Chain { end: ChainEnd::Department(department("D2")), ..department_chain(0) };
    assert_eq!(asked(three(), chain(end), "ann"), "h1, h2");
}

#[test]
fn a_chain_can_end_at_the_first_sufficient_limit() {
    let world = three().limit("h1", 1_000).limit("h2", 50_000).limit("h3", 1_000_000);
    let end = Chain { end: ChainEnd::Limit("sum".into()), ..department_chain(0) };
    let flow = vec![Block::Approval(node("n", Approvers::Chain(end)))];
    let template = with_form(vec![field("sum", FieldKind::Money)], flow);
    let levels = |sum: &str| {
        let form = serde_json::json!({ "sum": sum });
        let run = Run::start_with(world.clone(), template.clone(), "ann", form);
        1 + run.visit("n").upcoming.len()
    };
    assert_eq!([levels("1000"), levels("1000.01"), levels("50000.01")], [1, 2, 3]);
}

#[test]
fn the_reporting_line_counts_persons() {
    let world = World::new().reports_to("ann", "bob").reports_to("bob", "cid").reports_to("cid", "dan");
    assert_eq!(Run::start(world.clone(), supervisor(Level::nth(2)), "ann").pending(), "cid");
    let line = Chain { line: Line::Supervisors, ..department_chain(3) };
    assert_eq!(asked(world.clone(), chain(line), "ann"), "bob, cid, dan");
    let run = Run::start(world, supervisor(Level::nth(7)), "ann");
    assert_eq!(
        (run.pending().as_str(), run.why("dan").notes.as_slice()),
        ("dan", &[WhyNote::TopInstead { asked: 7 }][..])
    );
}

#[test]
fn without_an_active_supervisor_the_nearest_department_head_stands_above() {
    let world = three().reports_to("ann", "bob").disabled("bob");
    assert_eq!(Run::start(world.clone(), supervisor(Level::nth(1)), "ann").pending(), "h1");
    let mut strict = supervisor(Level::nth(1));
    strict.settings.supervisor_gap = SupervisorGap::Empty;
    assert_eq!(Run::start(world, strict, "ann").pending(), "root");
}

#[test]
fn a_circle_in_the_reporting_line_stops_and_warns() {
    let world = World::new().reports_to("ann", "bob").reports_to("bob", "cid").reports_to("cid", "bob");
    let line = Chain { line: Line::Supervisors, ..department_chain(9) };
    let run = Run::start(world, chain(line), "ann");
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.instance.warnings, ["the reporting line runs in a circle"]);
}

#[test]
fn a_circle_in_the_department_tree_stops_and_warns() {
    let world =
        World::new().department("D1", "D2", &["h1"]).department("D2", "D1", &["h2"]).person("ann", &["D1"]);
    let run = Run::start(world.clone(), chain(department_chain(9)), "ann");
    assert_eq!(run.instance.warnings, ["the department tree runs in a circle"]);
    assert_eq!(asked(world, chain(department_chain(9)), "ann"), "h1, h2");
}

#[test]
fn counting_begins_in_the_department_chosen_at_submit() {
    let world = three().department("E1", "D3", &["e1"]).person("ann", &["D1", "E1"]);
    let submit = Submit { department: Some(department("E1")), ..Submit::default() };
    let run = Run::submit(world, head(Level::nth(1)), "ann", submit).unwrap();
    assert_eq!(run.pending(), "e1");
}

#[test]
fn counting_can_begin_at_a_person_or_department_of_the_form() {
    let world = three().department("E1", "D3", &["e1"]).person("eve", &["E1"]);
    let fields = vec![field("who", FieldKind::Contact), field("where", FieldKind::Department)];
    let ask = |start| {
        let level = Level { start, ..Level::nth(1) };
        let flow = vec![Block::Approval(node("n", by(PersonRule::DepartmentHead(level))))];
        let form =
            serde_json::json!({"who": [user("eve").to_string()], "where": [department("D2").to_string()]});
        Run::start_with(world.clone(), with_form(fields.clone(), flow), "ann", form).pending()
    };
    assert_eq!(ask(Start::FormPerson("who".into())), "e1");
    assert_eq!(ask(Start::FormDepartment("where".into())), "h2");
}

#[test]
fn each_level_is_a_visit_of_its_own_with_its_reason() {
    let run = Run::start(three(), chain(department_chain(2)), "ann").approve("h1");
    let levels: Vec<_> = run.visits("n").iter().map(|visit| (visit.level, visit.round)).collect();
    assert_eq!(levels, [(1, 1), (2, 1)]);
    assert_eq!(run.why("h2").to_string(), "head of D2, level 2");
}

#[test]
fn a_level_whose_people_left_meanwhile_is_skipped_like_a_vacant_one() {
    let mut run = Run::start(three(), chain(department_chain(3)), "ann");
    run.world = run.world.disabled("h2");
    assert_eq!(run.approve("h1").pending(), "h3");
}

#[test]
fn a_chain_does_not_end_at_somebody_who_has_left() {
    let world = three().role("R", &["h2", "h3"]).limit("h1", 1).limit("h2", 50_000).limit("h3", 50_000);
    let world = world.disabled("h2");
    let holder = ChainEnd::Role { role: role("R"), missing: AboveTop::Empty };
    let to_holder = chain(Chain { end: holder, ..department_chain(0) });
    assert_eq!(asked(world.clone(), to_holder, "ann"), "h1, h3");
    let limit = Chain { end: ChainEnd::Limit("sum".into()), ..department_chain(0) };
    let flow = vec![Block::Approval(node("n", Approvers::Chain(limit)))];
    let template = with_form(vec![field("sum", FieldKind::Money)], flow);
    let run = Run::start_with(world, template, "ann", serde_json::json!({"sum": "900"}));
    assert_eq!(run.approve("h1").pending(), "h3");
}

/// Limits are stated in the currency of the control: another currency is not compared, and the chain goes to the top.
#[test]
fn a_limit_does_not_reach_an_amount_in_another_currency() {
    let limit = Chain { end: ChainEnd::Limit("sum".into()), ..department_chain(0) };
    let flow = vec![Block::Approval(node("n", Approvers::Chain(limit)))];
    let template = with_form(vec![field("sum", FieldKind::Money)], flow);
    let world = three().limit("h1", 1_000);
    let levels = |currency: &str| {
        let form = serde_json::json!({"sum": {"amount": "900", "currency": currency}});
        let run = Run::start_with(world.clone(), template.clone(), "ann", form);
        1 + run.visit("n").upcoming.len()
    };
    assert_eq!([levels("CNY"), levels("USD")], [1, 3]);
}

#[test]
fn a_level_that_is_emptied_on_the_way_does_not_end_the_chain() {
    let chain = Chain { start: Start::FormPerson("who".into()), ..department_chain(3) };
    let approval = Approval {
        self_rule: Some(SelfRule::Exclude),
        empty: EmptyRule::AutoApprove,
        ..node("n", Approvers::Chain(chain))
    };
    let template = with_form(vec![field("who", FieldKind::Contact)], vec![Block::Approval(approval)]);
    let form = serde_json::json!({"who": [user("ann").to_string()]});
    let run = Run::start_with(three().person("h2", &["D2"]), template, "h2", form).approve("h1");
    assert_eq!(run.pending(), "h3");
    assert_eq!(run.visits("n").iter().map(|visit| visit.level).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn without_a_supervisor_the_head_of_the_chosen_department_stands_above_the_initiator() {
    let world = three().department("E1", "D3", &["e1"]).person("ann", &["D1", "E1"]);
    let submit = Submit { department: Some(department("E1")), ..Submit::default() };
    let run = Run::submit(world, supervisor(Level::nth(1)), "ann", submit).unwrap();
    assert_eq!(run.pending(), "e1");
}

/// Else a head without the limit could decide in the place of the one for whose sake the chain went so far.
#[test]
fn at_the_end_of_a_chain_only_those_are_asked_who_end_it() {
    let world = World::new().department("D1", "", &["h1", "h2"]).person("ann", &["D1"]).role("R", &["h2"]);
    let end = ChainEnd::Role { role: role("R"), missing: AboveTop::Top };
    let any = Chain { end, ..department_chain(0) };
    assert_eq!(asked(world.clone(), chain(any.clone()), "ann"), "h2");
    let all = Chain { heads: Heads::All, ..any };
    assert_eq!(asked(world, chain(all), "ann"), "h1 h2, h2");
}

/// Levels are counted from the first one above him, in the reason too.
#[test]
fn the_highest_level_is_numbered_from_where_counting_began() {
    let world = three().person("h1", &["D1"]);
    let run = Run::start(world, head(Level::nth(5)), "h1");
    let rule = WhyRule::DepartmentHead { level: 2, department: department("D3"), name: "D3".to_owned() };
    assert_eq!((run.pending().as_str(), run.why("h3").rule), ("h3", rule));
}

#[test]
fn in_a_circle_nobody_stands_above_himself() {
    let world = World::new().reports_to("ann", "bob").reports_to("bob", "ann");
    let line = Chain { line: Line::Supervisors, ..department_chain(0) };
    let run = Run::start(world, chain(line), "ann");
    assert_eq!((run.pending().as_str(), run.visit("n").upcoming.len()), ("bob", 0));
}
