//! B7, as far as it belongs to the pipeline of B1: people who approved before.

use crate::flows::*;
use crate::world::*;
use serde_json::json;
use zhupi_engine::Status;
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test};
use zhupi_engine::form::{Access, Field, FieldAccess, FieldKind};
use zhupi_engine::instance::{AutoReason, SlotState, VisitState};
use zhupi_engine::template::{AllReject, Approval, Block, Dedup, Demand, Mode, Template, When};

const ALL: Mode = Mode::Countersign { reject: AllReject::AtOnce };

fn flow(dedup: Dedup, nodes: &[&[&str]]) -> Template {
    let ids = ["one", "two", "three"];
    let mut template = template(nodes.iter().zip(ids).map(|(names, id)| ask(id, names)).collect());
    template.settings.dedup = dedup;
    template
}

fn world() -> World {
    World::new().people(&["ann", "bob", "cid"])
}

#[test]
fn consecutive_does_not_ask_the_same_person_at_the_next_node() {
    let run =
        Run::start(world(), flow(Dedup::Consecutive, &[&["bob"], &["bob"], &["cid"]]), "ann").approve("bob");
    assert_eq!(run.visit("two").state, VisitState::AutoApproved);
    assert!(matches!(run.state("bob"), SlotState::Auto(AutoReason::Duplicate { .. })));
    assert_eq!(run.pending(), "cid");
}

#[test]
fn consecutive_asks_again_when_somebody_else_decided_between() {
    let template = flow(Dedup::Consecutive, &[&["bob"], &["cid"], &["bob"]]);
    let run = Run::start(world(), template, "ann").approve("bob").approve("cid");
    assert_eq!(run.pending(), "bob");
}

#[test]
fn first_only_asks_once_in_the_whole_instance() {
    let template = flow(Dedup::FirstOnly, &[&["bob"], &["cid"], &["bob"]]);
    assert_eq!(Run::start(world(), template, "ann").approve("bob").approve("cid").status(), Status::Approved);
}

#[test]
fn none_always_asks() {
    let run = Run::start(world(), flow(Dedup::None, &[&["bob"], &["bob"]]), "ann").approve("bob");
    assert_eq!(run.pending(), "bob");
}

#[test]
fn an_automatic_approval_is_no_approval_of_his_own() {
    let mut template = flow(Dedup::FirstOnly, &[&["ann"], &["ann"]]);
    if let Block::Approval(second) = &mut template.flow[1] {
        second.self_rule = Some(zhupi_engine::template::SelfRule::Approve);
    }
    assert_eq!(Run::start(world(), template, "ann").pending(), "ann");
}

#[test]
fn a_node_that_asks_always_or_needs_words_asks() {
    for change in
        [|node: &mut Approval| node.always_ask = true, |node: &mut Approval| node.opinion = Demand::Required]
    {
        let mut template = flow(Dedup::Consecutive, &[&["bob"], &["bob"]]);
        if let Block::Approval(second) = &mut template.flow[1] {
            change(second);
        }
        assert_eq!(Run::start(world(), template, "ann").approve("bob").pending(), "bob");
    }
}

#[test]
fn a_node_at_which_something_is_to_be_filled_in_asks() {
    for (access, required, asks) in [
        (Access::Require, false, true),
        (Access::Edit, true, true),
        (Access::Edit, false, false),
        (Access::Read, true, false),
    ] {
        let mut template = flow(Dedup::Consecutive, &[&["bob"], &["bob"], &["cid"]]);
        template.form.fields.push(Field { required, ..field("code", FieldKind::Text) });
        if let Block::Approval(second) = &mut template.flow[1] {
            second.fields = FieldAccess([("code".into(), access)].into());
        }
        let run = Run::start_with(world(), template, "ann", json!({ "code": "x" })).approve("bob");
        assert_eq!(run.pending(), if asks { "bob" } else { "cid" }, "{access:?}, required: {required}");
    }
}

#[test]
fn a_node_that_wants_his_own_hand_asks() {
    let mut template = flow(Dedup::Consecutive, &[&["bob"], &["bob"]]);
    if let Block::Approval(second) = &mut template.flow[1] {
        second.own_hand = true;
    }
    assert_eq!(Run::start(world(), template, "ann").approve("bob").pending(), "bob");
}

#[test]
fn last_only_asks_at_the_last_of_the_nodes_that_want_him() {
    let template = flow(Dedup::LastOnly, &[&["bob"], &["cid"], &["bob"]]);
    let run = Run::start(world(), template, "ann");
    assert_eq!(run.visit("one").state, VisitState::AutoApproved);
    assert!(matches!(run.state("bob"), SlotState::Auto(AutoReason::AskedLater)));
    assert_eq!(run.pending(), "cid");
    let run = run.approve("cid");
    assert_eq!(run.pending(), "bob");
    assert_eq!(run.approve("bob").status(), Status::Approved);
}

#[test]
fn last_only_asks_at_once_where_the_way_is_not_certain() {
    let mut template = flow(Dedup::LastOnly, &[&["bob"], &["cid"]]);
    let test = Test::Number { op: Compare::GreaterOrEqual, value: 1000.into(), currency: None };
    let conditions = vec![Condition { subject: Subject::Field("amount".into()), test }];
    let when = When::AnyOf(vec![Group { conditions }]);
    let lanes =
        vec![lane("high", 1, when, vec![ask("again", &["bob"])]), lane("low", 2, When::Default, vec![])];
    template.flow.push(branch("size", lanes));
    template.form.fields.push(field("amount", FieldKind::Number));
    if let Block::Approval(second) = &mut template.flow[1] {
        second.fields = FieldAccess([("amount".into(), Access::Edit)].into());
    }
    let run = Run::start_with(world(), template, "ann", json!({ "amount": 2000 }));
    assert_eq!(run.pending(), "bob", "cid may change the amount that leads to him");
}

#[test]
fn whoever_is_only_one_of_several_later_is_asked_at_once() {
    let mut flow = template(vec![ask_in("a", &["bob", "cid"], ALL), ask("b", &["dan", "cid"])]);
    flow.settings.dedup = Dedup::LastOnly;
    let run = Run::start(world().people(&["dan"]), flow.clone(), "ann");
    assert_eq!(run.pending(), "bob cid");
    let run = run.approve("bob");
    assert_eq!(run.pending(), "cid");
    assert_eq!(run.approve("cid").approve("dan").status(), Status::Approved);
}

#[test]
fn whoever_must_decide_later_is_asked_only_then() {
    for later in [ask("b", &["cid"]), ask_in("b", &["dan", "cid"], ALL)] {
        let mut flow = template(vec![ask_in("a", &["bob", "cid"], ALL), later]);
        flow.settings.dedup = Dedup::LastOnly;
        assert_eq!(Run::start(world().people(&["dan"]), flow, "ann").pending(), "bob");
    }
}

#[test]
fn carrying_something_out_is_no_approval() {
    let handler = Approval { handle: true, ..node("h", members(&["bob"])) };
    let mut flow = template(vec![Block::Approval(handler), ask("b", &["bob"])]);
    flow.settings.dedup = Dedup::default();
    assert_eq!(Run::start(world(), flow, "ann").approve("bob").pending(), "bob");
}

#[test]
fn people_in_joined_branches_decided_between() {
    let fork = parallel("f", vec![vec![ask("x", &["cid"])], vec![ask("y", &["dan"])]]);
    let mut flow = template(vec![ask("a", &["bob"]), Block::Parallel(fork), ask("z", &["bob"])]);
    flow.settings.dedup = Dedup::default();
    let run = Run::start(world().people(&["dan"]), flow, "ann");
    assert_eq!(run.approve("bob").approve("cid").approve("dan").pending(), "bob");
}

/// T: last_only needs a certain future path; where it is uncertain who is asked there, he is asked at once.
#[test]
fn last_only_asks_at_once_where_other_people_may_be_asked_later() {
    use zhupi_engine::template::PersonRule;
    for (access, asked) in [(Access::Edit, "bob"), (Access::Read, "cid")] {
        let fields = FieldAccess([("who".into(), access)].into());
        let second = Approval { fields, ..node("two", members(&["cid"])) };
        let third = node("three", by(PersonRule::FormPerson("who".into())));
        let flow = vec![ask("one", &["bob"]), Block::Approval(second), Block::Approval(third)];
        let mut template = with_form(vec![field("who", FieldKind::Contact)], flow);
        template.settings.dedup = Dedup::LastOnly;
        let run = Run::start_with(world(), template, "ann", json!({ "who": [uuid("bob")] }));
        assert_eq!(run.pending(), asked, "{access:?}");
    }
}

#[test]
fn last_only_asks_at_once_where_a_list_may_change() {
    for (access, asked) in [(Access::Edit, "bob"), (Access::Read, "cid")] {
        let fields = FieldAccess([("who".into(), access)].into());
        let second = Approval { fields, ..node("two", members(&["cid"])) };
        let each = Block::Each(each("e", "who", vec![ask_item("three", None)]));
        let flow = vec![ask("one", &["bob"]), Block::Approval(second), each];
        let mut template = with_form(vec![field("who", FieldKind::Contact)], flow);
        template.settings.dedup = Dedup::LastOnly;
        let run = Run::start_with(world(), template, "ann", json!({ "who": [uuid("bob")] }));
        assert_eq!(run.pending(), asked, "{access:?}");
    }
}

/// What a lane looks at is reckoned from what an approver on the way may change.
#[test]
fn last_only_asks_at_once_where_the_way_hangs_on_what_is_reckoned_from_something_uncertain() {
    let asked = |pieces: Access| {
        let fields = FieldAccess([("pieces".into(), pieces)].into());
        let second = Approval { fields, ..node("b", members(&["cid"])) };
        let test = Test::Number { op: Compare::GreaterOrEqual, value: 1000.into(), currency: None };
        let conditions = vec![Condition { subject: Subject::Field("total".into()), test }];
        let high = When::AnyOf(vec![Group { conditions }]);
        let lanes =
            vec![lane("high", 1, high, vec![ask("c", &["bob"])]), lane("low", 2, When::Default, vec![])];
        let mut total = field("total", FieldKind::Number);
        total.formula = Some("pieces * 10".to_owned());
        let fields = vec![field("pieces", FieldKind::Number), total];
        let flow = vec![ask("a", &["bob"]), Block::Approval(second), branch("size", lanes)];
        let mut template = with_form(fields, flow);
        template.settings.dedup = Dedup::LastOnly;
        Run::start_with(world(), template, "ann", json!({ "pieces": 200 })).pending()
    };
    assert_eq!((asked(Access::Edit).as_str(), asked(Access::Read).as_str()), ("bob", "cid"));
}
