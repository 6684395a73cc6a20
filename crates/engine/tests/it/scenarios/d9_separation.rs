//! D9: duties that have to be in different hands, on every way somebody gets to decide.

use crate::flows::parallel;
use crate::world::*;
use serde_json::json;
use zhupi_engine::approvers::WhyNote;
use zhupi_engine::command::{AddSign, Handing, Intervention, Opinion, Outside};
use zhupi_engine::decide::values_brought;
use zhupi_engine::event::{AddKind, Decision, WhyRemoved};
use zhupi_engine::form::{Access, FieldAccess, FieldKind, Linked, Value};
use zhupi_engine::ids::TokenId;
use zhupi_engine::instance::SlotState;
use zhupi_engine::template::{
    AllReject, Approval, Block, Dedup, EmptyRule, Lane, LaneReject, Mode, Parallel, SelfRule, Separation,
    Take, Template, When,
};
use zhupi_engine::{Command, Envelope, Instance, Rejection, Status, Submit, decide};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn world() -> World {
    World::new().people(&["ann", "bob", "cid", "dan", "eve"])
}

fn separated(flow: Vec<Block>) -> Template {
    let mut template = template(flow);
    template.settings.separation = vec![Separation::Nodes(vec!["one".into(), "two".into()])];
    template
}

fn second(names: &[&str], change: impl FnOnce(Approval) -> Approval) -> Run {
    let two = change(Approval { mode: ALL, ..node("two", members(names)) });
    Run::start(world(), separated(vec![ask("one", &["bob"]), Block::Approval(two)]), "ann").approve("bob")
}

fn kept_apart(name: &str) -> Result<(), Rejection> {
    Err(Rejection::NotEligible { user: user(name), why: "the duties have to be in different hands" })
}

#[test]
fn whoever_decided_at_one_node_is_left_out_at_the_other() {
    let run = second(&["bob", "cid"], |node| node);
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.why("cid").notes, [WhyNote::Barred { name: "bob".to_owned() }]);
    let words = "named in the template; bob is left out because the duties have to be in different hands";
    assert_eq!(run.why("cid").to_string(), words);
}

#[test]
fn where_nobody_is_left_the_empty_rule_applies_and_keeps_to_it() {
    assert_eq!(second(&["bob"], |node| node).pending(), "root");
    let members = EmptyRule::Members(vec![user("bob"), user("eve")]);
    assert_eq!(second(&["bob"], |node| Approval { empty: members, ..node }).pending(), "eve");
    let mut template = separated(vec![ask("one", &["bob"]), ask("two", &["bob"])]);
    template.settings.managers = vec![user("bob")];
    assert_eq!(Run::start(world(), template, "ann").approve("bob").pending(), "root");
}

/// Not to be asked again would be to decide.
#[test]
fn de_dup_does_not_approve_for_him() {
    let mut template = separated(vec![ask("one", &["bob"]), ask("two", &["bob", "cid"])]);
    template.settings.dedup = Dedup::FirstOnly;
    assert_eq!(Run::start(world(), template, "ann").approve("bob").pending(), "cid");
}

#[test]
fn a_rejection_that_did_not_end_it_is_a_decision_too() {
    let or = Mode::OrSign { reject: zhupi_engine::template::OrReject::AllMustReject };
    let flow = vec![ask_in("one", &["bob", "cid"], or), ask("two", &["bob", "cid", "dan"])];
    let run = Run::start(world(), separated(flow), "ann").reject("bob").approve("cid");
    assert_eq!(run.pending(), "dan");
}

#[test]
fn at_the_same_node_and_elsewhere_he_may_decide_again() {
    let flow = vec![ask("one", &["bob"]), ask("three", &["bob"])];
    assert_eq!(Run::start(world(), separated(flow), "ann").approve("bob").pending(), "bob");
}

#[test]
fn it_binds_transfer_opinion_and_people_brought_in() {
    let mut run = second(&["cid"], |node| node);
    let slot = run.slot_of("cid");
    let handing = Handing { slot, to: user("bob"), comment: String::new() };
    assert_eq!(run.act("cid", Command::Transfer(handing.clone())), kept_apart("bob"));
    assert_eq!(run.act("cid", Command::Delegate(handing)), kept_apart("bob"));
    for kind in [AddKind::Before, AddKind::After, AddKind::Together, AddKind::Peers] {
        let people = vec![user("bob")];
        let request = AddSign { slot, people, kind, mode: ALL, advisory: false, comment: String::new() };
        assert_eq!(run.act("cid", Command::AddSign(request)), kept_apart("bob"));
    }
}

#[test]
fn it_binds_substitutes() {
    let run = Run::start(
        world().away("cid", "bob"),
        separated(vec![ask("one", &["bob"]), ask("two", &["cid"])]),
        "ann",
    );
    assert_eq!(run.approve("bob").pending(), "cid");
    let run = second(&["cid"], |node| node).with(|world| world.away("cid", "bob")).sweep();
    assert_eq!(run.pending(), "cid");
}

#[test]
fn it_binds_whoever_stands_in_for_the_initiator() {
    let world = world().reports_to("ann", "bob");
    let two = Approval { self_rule: Some(SelfRule::Supervisor), ..node("two", members(&["ann", "cid"])) };
    let template = separated(vec![ask("one", &["bob"]), Block::Approval(two)]);
    assert_eq!(Run::start(world, template, "ann").approve("bob").pending(), "cid");
}

#[test]
fn it_binds_whoever_decides_in_anothers_place() {
    let mut template = separated(vec![ask("one", &["root"]), ask("two", &["cid"])]);
    template.settings.allow_agent = true;
    let mut run = Run::start(world(), template, "ann").approve("root");
    let slot = run.slot_of("cid");
    assert_eq!(run.act("root", Command::decide(Decision::Approve, slot, "")), kept_apart("root"));
}

#[test]
fn whoever_decided_in_anothers_place_is_the_one_who_is_bound() {
    let flow = vec![ask("one", &["cid"]), ask_in("two", &["bob", "cid"], ALL)];
    let run = Run::start(world().away("cid", "bob"), separated(flow), "ann").approve("bob");
    assert_eq!(run.pending(), "cid");
}

fn side_by_side(two: &[&str]) -> Run {
    let lane = |id: &str, blocks| Lane {
        id: id.into(),
        title: String::new(),
        priority: 1,
        when: When::Default,
        blocks,
        other: Default::default(),
    };
    let fork = Parallel {
        id: "fork".into(),
        title: String::new(),
        take: Take::All,
        lanes: vec![lane("left", vec![ask("one", &["bob"])]), lane("right", vec![ask_in("two", two, ALL)])],
        on_reject: LaneReject::EndInstance,
        other: Default::default(),
    };
    Run::start(world(), separated(vec![Block::Parallel(fork)]), "ann")
}

#[test]
fn deciding_in_one_branch_takes_him_out_of_the_other() {
    let run = side_by_side(&["bob", "cid"]);
    assert_eq!(run.pending(), "bob bob cid");
    let mut run = run;
    let slot = run.visit("one").slots[0].id;
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!((run.pending().as_str(), run.visit("two").slots[0].state), ("cid", SlotState::Removed));
    assert_eq!(run.why_removed(), [WhyRemoved::Separated]);
    let mut run = side_by_side(&["bob"]);
    let slot = run.visit("one").slots[0].id;
    run.act("bob", Command::decide(Decision::Approve, slot, "")).unwrap();
    assert_eq!(run.pending(), "root");
    assert_eq!(run.approve("root").status(), Status::Approved);
}

#[test]
fn people_of_linked_instances_are_kept_out() {
    let at_two = |nodes: Vec<&str>| {
        let mut template = template(vec![ask("one", &["bob"]), ask("two", &["bob", "cid"])]);
        let nodes = nodes.into_iter().map(Into::into).collect();
        template.settings.separation = vec![Separation::Linked { field: "vendor".into(), nodes }];
        template
    };
    assert_eq!(linked(at_two(vec!["two"])).approve("bob").pending(), "cid");
    assert_eq!(linked(at_two(vec![])).pending(), "root");
}

/// Submits with `bob` having decided on the instance that the control `vendor` links.
fn linked(template: Template) -> Run {
    let world = world();
    let instance = Instance::draft(uuid("instance").into(), uuid("template").into(), 1, user("ann"));
    let envelope = Envelope {
        actor: user("ann"),
        at: at(1),
        seen_version: None,
        command: Command::Submit(Submit::default()),
        outside: Outside { linked: [("vendor".into(), vec![user("bob")])].into(), ..Outside::default() },
    };
    let events = decide(&template, &world.directory(), &instance, &envelope).unwrap();
    let mut run = Run::begun(world, template, instance);
    events.iter().for_each(|event| run.instance.apply(event));
    run
}

/// Another instance linked later binds as one that was linked at submit.
#[test]
fn who_decided_on_an_instance_that_is_linked_later_is_left_out() {
    use zhupi_engine::form::{Access, Edit, Edits, FieldAccess, FieldKind, Linked, Value};
    let one = Approval {
        fields: FieldAccess([("about".into(), Access::Edit)].into()),
        ..node("one", members(&["bob"]))
    };
    let flow = vec![Block::Approval(one), ask("two", &["cid", "dan"])];
    let mut template = with_form(vec![field("about", FieldKind::LinkedInstance)], flow);
    template.settings.separation =
        vec![Separation::Linked { field: "about".into(), nodes: vec!["two".into()] }];
    let run = Run::start(world(), template, "ann");
    let linked = Value::Linked(Linked { id: run.instance.id, title: "t".to_owned() });
    let opinion = zhupi_engine::command::Opinion {
        edits: Edits([("about".into(), Edit::Set(linked))].into()),
        ..zhupi_engine::command::Opinion::new(run.slot_of("bob"), "")
    };
    let outside = Outside { linked: [("about".into(), vec![user("cid")])].into(), ..Outside::default() };
    let (actor, command) = (user("bob"), Command::Approve(opinion));
    let envelope = Envelope { actor, at: at(60), seen_version: None, command, outside };
    let mut after = run.instance.clone();
    let events = decide(&run.template, &run.world.directory(), &after, &envelope).unwrap();
    events.iter().for_each(|event| after.apply(event));
    let asked: Vec<_> = after.pending().map(|(_, slot)| slot.assignee).collect();
    assert_eq!(asked, [user("dan")]);
}

// ---- administrators ----

/// A link that comes back with a decision taken back binds whoever decided on it again.
#[test]
fn what_is_taken_back_to_is_looked_up_too() {
    let link = |name: &str| Value::Linked(Linked { id: uuid(name).into(), title: String::new() });
    let edit = FieldAccess([("order".into(), Access::Edit)].into());
    let first = Block::Approval(Approval { fields: edit, ..node("one", members(&["cid"])) });
    let mut template =
        with_form(vec![field("order", FieldKind::LinkedInstance)], vec![first, ask("two", &["bob", "dan"])]);
    template.settings.separation = vec![Separation::Linked { field: "order".into(), nodes: vec![] }];
    let form = json!({ "order": uuid("first").to_string() });
    let mut run = Run::start_with(world(), template, "ann", form);
    let opinion = Opinion {
        edits: run.edits(json!({ "order": uuid("second").to_string() })),
        ..Opinion::new(run.slot_of("cid"), "")
    };
    run.act("cid", Command::Approve(opinion)).unwrap();
    let slot = run.visit("one").slots[0].id;
    let taken_back = Command::TakeBack { slot };
    let brought = values_brought(&run.template, &run.instance, &taken_back);
    assert_eq!(brought.get(&"order".into()), Some(&link("first")));
    let linked = [("order".into(), vec![user("bob")])].into();
    run.act_with("cid", taken_back, Outside { linked, ..Outside::default() }).unwrap();
    assert_eq!(run.approve("cid").pending(), "dan");
}

fn skip(node: &str) -> impl Fn(&Run) -> Command {
    let node = node.to_owned();
    move |run| {
        let what = Intervention::Skip { visit: run.visit(&node).id };
        Command::Intervene { what, reason: "it has to go on".to_owned() }
    }
}

#[test]
fn whoever_passed_people_over_has_decided_in_their_place() {
    let flow = || separated(vec![ask("one", &["bob"]), ask("two", &["root", "cid"])]);
    let mut run = Run::start(world(), flow(), "ann");
    run.act("root", skip("one")(&run)).unwrap();
    assert_eq!(run.pending(), "cid");
    let jump = Intervention::Jump { token: TokenId(0), to: "two".into() };
    assert_eq!(Run::start(world(), flow(), "ann").intervene(jump).pending(), "cid");
}

#[test]
fn whoever_decided_at_one_node_passes_nobody_over_at_the_other() {
    let flow = separated(vec![ask("one", &["root"]), ask("two", &["cid"])]);
    let mut run = Run::start(world(), flow, "ann").approve("root");
    assert_eq!(run.act("root", skip("two")(&run)), kept_apart("root"));
}

/// one (root); a fork of two (cid) and side (dan); end (eve).
fn forked() -> Run {
    let fork = parallel("f", vec![vec![ask("two", &["cid"])], vec![ask("side", &["dan"])]]);
    let flow = vec![ask("one", &["root", "bob"]), Block::Parallel(fork), ask("end", &["eve"])];
    Run::start(world(), separated(flow), "ann")
}

fn jump(to: &str) -> Intervention {
    Intervention::Jump { token: TokenId(0), to: to.into() }
}

#[test]
fn a_jump_over_branches_passes_over_the_people_in_all_of_them() {
    assert_eq!(forked().approve("root").try_intervene(jump("end")), kept_apart("root"));
    let run = forked().approve("bob").intervene(jump("end"));
    let over: Vec<_> =
        run.instance.passed_over.iter().map(|it| run.instance.visit(it.visit).unwrap()).collect();
    assert_eq!(over.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["two", "side"]);
}

#[test]
fn whom_he_passed_over_before_a_way_back_does_not_bind_him_any_more() {
    let flow = || separated(vec![ask("one", &["bob"]), ask("mid", &["dan"]), ask("two", &["root", "cid"])]);
    let mut run = Run::start(world(), flow(), "ann");
    run.act("root", skip("one")(&run)).unwrap();
    let run = run.intervene(jump("one")).approve("bob").approve("dan");
    assert_eq!(run.pending(), "root cid");
}

/// Whoever the rule about linked requests looks for: decisions in whosever place, and as an administrator.
#[test]
fn administrators_took_part_in_a_linked_request_too() {
    let mut template = template(vec![ask("one", &["bob"]), ask("two", &["cid"]), ask("three", &["dan"])]);
    template.settings.allow_agent = true;
    template.settings.managers = vec![user("eve")];
    let mut run = Run::start(world(), template, "ann");
    run.act("eve", Command::decide(Decision::Approve, run.slot_of("bob"), "")).unwrap();
    run.act("root", skip("two")(&run)).unwrap();
    let mut people: Vec<String> = run.instance.took_part().into_iter().map(name).collect();
    people.sort();
    assert_eq!(people, ["ann", "eve", "root"]);
}

#[test]
fn whom_an_administrator_names_is_kept_apart_as_well() {
    let mut run = Run::start(
        world(),
        separated(vec![ask("one", &["bob"]), ask("two", &["cid"]), ask("three", &["dan"])]),
        "ann",
    )
    .approve("bob");
    let slot = run.slot_of("cid");
    assert_eq!(run.try_intervene(Intervention::Reassign { slot, to: user("bob") }), kept_apart("bob"));
    let mut run = Run::start(
        world(),
        separated(vec![ask("one", &["bob"]), ask("mid", &["dan"]), ask("two", &["cid"])]),
        "ann",
    )
    .approve("bob");
    let (node, people) = ("two".into(), vec![user("bob")]);
    assert_eq!(run.try_intervene(Intervention::SetApprovers { node, people }), kept_apart("bob"));
}

/// Or he would bring in the duty that keeps him away together with his decision.
#[test]
fn whoever_links_an_instance_he_decided_on_does_not_decide_with_it() {
    use zhupi_engine::form::{Access, Edit, Edits, FieldAccess, FieldKind, Linked, Value};
    let one = Approval {
        fields: FieldAccess([("about".into(), Access::Edit)].into()),
        ..node("one", members(&["bob"]))
    };
    let mut template = with_form(vec![field("about", FieldKind::LinkedInstance)], vec![Block::Approval(one)]);
    template.settings.separation = vec![Separation::Linked { field: "about".into(), nodes: vec![] }];
    let mut run = Run::start(world(), template, "ann");
    let linked = Value::Linked(Linked { id: run.instance.id, title: "t".to_owned() });
    let opinion = zhupi_engine::command::Opinion {
        edits: Edits([("about".into(), Edit::Set(linked))].into()),
        ..zhupi_engine::command::Opinion::new(run.slot_of("bob"), "")
    };
    let outside =
        |name: &str| Outside { linked: [("about".into(), vec![user(name)])].into(), ..Outside::default() };
    let approve = Command::Approve(opinion);
    assert_eq!(run.act_with("bob", approve.clone(), outside("bob")), kept_apart("bob"));
    assert_eq!(run.act_with("bob", approve, outside("cid")), Ok(()));
}

#[test]
fn an_instance_that_an_answer_links_takes_people_out_who_are_asked_meanwhile() {
    use zhupi_engine::form::{FieldKind, FormData, Linked, Value};
    use zhupi_engine::ids::SYSTEM;
    use zhupi_engine::instance::Outcome;
    use zhupi_engine::template::{Trigger, TriggerAction};
    let call = Block::Trigger(Trigger {
        id: "call".into(),
        title: "call".to_owned(),
        action: TriggerAction::CallAndWait {
            url: "https://example.com/".to_owned(),
            sets: vec!["about".into()],
            within: None,
        },
        irreversible: false,
        other: Default::default(),
    });
    let asked = ask_in("two", &["bob", "cid"], ALL);
    let fork = Block::Parallel(crate::flows::parallel("f", vec![vec![call], vec![asked]]));
    let mut template = with_form(vec![field("about", FieldKind::LinkedInstance)], vec![fork]);
    template.settings.separation = vec![Separation::Linked { field: "about".into(), nodes: vec![] }];
    let run = Run::start(world(), template, "ann");
    assert_eq!(run.pending(), "bob cid");
    let linked = Value::Linked(Linked { id: run.instance.id, title: "t".to_owned() });
    let (visit, values) = (run.visit("call").id, FormData([("about".into(), linked)].into()));
    let envelope = Envelope {
        actor: SYSTEM,
        at: at(60),
        seen_version: None,
        command: Command::Answer { visit, outcome: Outcome::Approved, values },
        outside: Outside { linked: [("about".into(), vec![user("bob")])].into(), ..Outside::default() },
    };
    let mut after = run.instance.clone();
    let events = decide(&run.template, &run.world.directory(), &after, &envelope).unwrap();
    events.iter().for_each(|event| after.apply(event));
    let asked: Vec<_> = after.pending().map(|(_, slot)| slot.assignee).collect();
    assert_eq!(asked, [user("cid")]);
}

#[test]
fn passing_people_over_in_one_branch_takes_him_out_of_the_other() {
    let mut run = side_by_side(&["root", "cid"]);
    assert_eq!(run.pending(), "bob root cid");
    run.act("root", skip("one")(&run)).unwrap();
    assert_eq!((run.pending().as_str(), run.why_removed()), ("cid", vec![WhyRemoved::Separated]));
}

#[test]
fn a_submission_is_refused_where_the_linked_instance_leaves_nobody_and_the_node_insists() {
    let insisting = Approval { empty: EmptyRule::BlockSubmit, ..node("n", members(&["bob"])) };
    let mut template = template(vec![Block::Approval(insisting)]);
    template.settings.separation = vec![Separation::Linked { field: "vendor".into(), nodes: vec![] }];
    let submit = |name: &str| {
        let outside = Outside { linked: [("vendor".into(), vec![user(name)])].into(), ..Outside::default() };
        Run::submit_with(world(), template.clone(), "ann", Submit::default(), outside).map(|_| ())
    };
    assert_eq!(submit("bob"), Err(Rejection::NobodyFound { node: "n".into() }));
    assert_eq!(submit("cid"), Ok(()));
}
