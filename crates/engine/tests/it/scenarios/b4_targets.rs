//! B4.2 and B4.5: what may be sent back to, and what an approval hangs on.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use zhupi_engine::command::{Opinion, Return, ReturnTo};
use zhupi_engine::decide::return_targets;
use zhupi_engine::event::Decision;
use zhupi_engine::form::{Access, FieldAccess, FieldKind, Form};
use zhupi_engine::instance::Outcome;
use zhupi_engine::template::*;
use zhupi_engine::{Command, Rejection, Status};

fn targets(run: &Run, name: &str) -> Vec<String> {
    let targets = return_targets(&run.template, &run.instance, run.slot_of(name));
    targets.iter().map(ToString::to_string).collect()
}

/// Nodes at which nobody decides are no targets.
#[test]
fn only_nodes_at_which_people_decided_are_targets() {
    let flow = vec![
        cc("told", &["dan"]),
        ask("a", &["bob"]),
        trigger("call", TriggerAction::Call { url: "http://localhost/".to_owned() }),
        auto("yes", Decision::Approve),
        branch(
            "b",
            vec![lane("l", 1, any(), vec![ask("inside", &["cid"])]), lane("d", 2, When::Default, vec![])],
        ),
        ask("last", &["dan"]),
    ];
    let run = Run::start(World::new().people(&["ann", "bob", "cid", "dan"]), template(flow), "ann");
    let run = run.approve("bob").approve("cid");
    assert_eq!(targets(&run, "dan"), ["the initiator", "a", "inside"]);
}

#[test]
fn out_of_a_branch_its_own_nodes_and_those_before_its_forks_are_targets() {
    let inner = parallel("g", vec![vec![ask("c", &["cid"]), ask("d", &["dan"])], vec![ask("e", &["eve"])]]);
    let left = vec![ask("b", &["bob"]), Block::Parallel(inner)];
    let flow = vec![ask("a", &["bob"]), Block::Parallel(parallel("f", vec![left, vec![ask("x", &["fay"])]]))];
    let world = World::new().people(&["ann", "bob", "cid", "dan", "eve", "fay"]);
    let run = Run::start(world, template(flow), "ann");
    let run = run.approve("bob").approve("fay").approve("bob").approve("eve").approve("cid");
    assert_eq!(targets(&run, "dan"), ["the initiator", "a", "b", "c"]);
    assert_eq!(run.send_back("dan", "b").pending(), "bob");
}

/// A sub-process is not looked into, and its own people are none of the parent's.
#[test]
fn what_a_sub_process_decided_is_no_target() {
    let child = Block::SubProcess(sub_process("s", ChildWait::default()));
    let flow = vec![ask("a", &["bob"]), child, ask("b", &["cid"])];
    let mut run =
        Run::start(World::new().people(&["ann", "bob", "cid"]), template(flow), "ann").approve("bob");
    run.answer("s", Outcome::Approved).unwrap();
    assert_eq!(
        (run.pending().as_str(), targets(&run, "cid")),
        ("cid", vec!["the initiator".to_owned(), "a".to_owned()])
    );
}

#[test]
fn what_ways_people_and_times_hang_on_is_material() {
    let limit = |due| Deadline::Own(Limit { due, actions: Vec::new() });
    let asks = |id: &str, rule| Block::Approval(node(id, by(rule)));
    let from = |start| Level { start, ..Level::nth(1) };
    let lanes = vec![lane("l", 1, at_least("condition", 1), vec![]), lane("d", 2, When::Default, vec![])];
    let chain = Chain { end: ChainEnd::Limit("limit".into()), ..department_chain(0) };
    let timed = Approval {
        deadline: limit(Due::Field { field: "date".into(), offset: 0 }),
        ..node("t", members(&["bob"]))
    };
    let flow = vec![
        branch("b", lanes),
        asks("p", PersonRule::FormPerson("person".into())),
        asks("s", PersonRule::Supervisor(from(Start::FormPerson("start".into())))),
        asks("h", PersonRule::DepartmentHead(from(Start::FormDepartment("where".into())))),
        Block::Approval(node("c", Approvers::Chain(chain))),
        Block::Approval(timed),
        Block::Each(each("e", "list", vec![ask_item("i", None)])),
    ];
    let kinds = [
        ("condition", FieldKind::Number),
        ("person", FieldKind::Contact),
        ("start", FieldKind::Contact),
        ("where", FieldKind::Department),
        ("limit", FieldKind::Money),
        ("date", FieldKind::Date),
        ("list", FieldKind::Contact),
        ("remark", FieldKind::Text),
        ("flagged", FieldKind::Text),
    ];
    let mut fields: Vec<_> = kinds.into_iter().map(|(id, kind)| field(id, kind)).collect();
    fields[8].material = true;
    let template = Template { form: Form { fields }, ..template(flow) };
    let material: Vec<String> = template.material_fields().iter().map(|id| id.as_str().to_owned()).collect();
    assert_eq!(material, ["condition", "date", "flagged", "limit", "list", "person", "start", "where"]);
}

/// What a condition looks at may be reckoned from what somebody changed.
#[test]
fn what_a_material_field_is_reckoned_from_counts_by_what_comes_out() {
    let mut total = field("total", FieldKind::Number);
    total.formula = Some("pieces * 10".to_owned());
    let edit = FieldAccess([("pieces".into(), Access::Edit)].into());
    let first = Approval { fields: edit, ..node("a", members(&["bob"])) };
    let lanes = vec![
        lane("l", 1, at_least("total", 1000), vec![ask("high", &["dan"])]),
        lane("d", 2, When::Default, vec![]),
    ];
    let flow = vec![Block::Approval(first), ask("b", &["cid"]), branch("size", lanes), ask("c", &["eve"])];
    let template = with_form(vec![field("pieces", FieldKind::Number), total], flow);
    let world = World::new().people(&["ann", "bob", "cid", "dan", "eve"]);
    let run = Run::start_with(world, template, "ann", json!({ "pieces": 1 })).approve("bob").approve("cid");
    let run = run.send_back("eve", "a").approve_with("bob", json!({ "pieces": 200 }));
    assert_eq!(run.pending(), "cid", "the total is another one");
    let run = run.approve("cid").approve("dan");
    assert_eq!(run.approve("eve").status(), Status::Approved);
}

/// The heads of three departments, one above the other, and then eve.
fn chain() -> Run {
    let world = World::new()
        .department("top", "", &["dan"])
        .department("mid", "top", &["cid"])
        .department("low", "mid", &["bob"])
        .person("ann", &["low"])
        .people(&["eve"]);
    let flow =
        vec![Block::Approval(node("heads", Approvers::Chain(department_chain(3)))), ask("end", &["eve"])];
    Run::start(world, template(flow), "ann").approve("bob").approve("cid").approve("dan")
}

fn send_to_level(run: &mut Run, name: &str, level: u32) -> Result<(), Rejection> {
    let opinion = Opinion::new(run.slot_of(name), "incomplete");
    let to = ReturnTo::Level { node: "heads".into(), level };
    run.act(name, Command::Return(Return::new(opinion, to)))
}

#[test]
fn each_level_of_a_chain_is_a_target_of_its_own() {
    let mut run = chain();
    assert_eq!(targets(&run, "eve").join(", "), "the initiator, heads, heads, level 2, heads, level 3");
    send_to_level(&mut run, "eve", 2).unwrap();
    assert_eq!((run.pending().as_str(), run.visit("heads").level), ("cid", 2));
    assert_eq!(run.approve("cid").pending(), "eve");
}

#[test]
fn a_level_of_a_chain_sends_back_to_one_below_it_and_gets_it_back() {
    let mut run = chain().send_back("eve", "heads");
    assert_eq!(run.pending(), "bob");
    run.try_approve("bob").unwrap();
    assert_eq!(run.pending(), "eve");
    let run = chain();
    let run = run.send_back("eve", "").resubmit("ann", json!({}));
    assert_eq!(run.pending(), "eve");
}
