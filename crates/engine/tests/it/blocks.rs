//! What `check_template` finds about blocks beyond approval, cc and branch, and about how people decide, each with a near
//! miss that is not found. Templates are written as people send them.

use crate::world::{uuid, with_form};
use serde_json::{Value as Json, json};
use zhupi_engine::form::Field;
use zhupi_engine::template::{Approval, Block, Delay, Template, unknown_members};
use zhupi_engine::{check_template, lint_template};

const BOB: &str = "626f6200-0000-0000-0000-000000000000";

fn form() -> Vec<Field> {
    let fields = json!([
        { "id": "note", "kind": "text", "title": "Note" },
        { "id": "amount", "kind": "number", "title": "Amount" },
        { "id": "double", "kind": "number", "title": "Double", "formula": "amount * 2" },
        { "id": "day", "kind": "date", "title": "Day" },
        { "id": "who", "kind": "contact", "title": "Who" },
        { "id": "units", "kind": "department", "title": "Units" },
        { "id": "other", "kind": "linked_instance", "title": "Other" },
        { "id": "items", "kind": "table", "title": "Items", "columns": [
            { "id": "price", "kind": "number", "title": "Price" },
            { "id": "owner", "kind": "contact", "title": "Owner" },
        ]},
    ]);
    serde_json::from_value(fields).unwrap()
}

fn ask(id: &str) -> Json {
    json!({ "kind": "approval", "id": id, "title": id, "approvers": { "people": [{ "members": [BOB] }] } })
}

/// A node with more members.
fn ask_with(id: &str, more: Json) -> Json {
    let mut node = ask(id);
    node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    node
}

fn drawn(flow: Json) -> Template {
    let flow: Vec<Block> = serde_json::from_value(flow).unwrap_or_else(|why| panic!("{why}"));
    with_form(form(), flow)
}

#[track_caller]
fn check(flow: Json, expected: &[&str]) {
    let found: Vec<String> =
        check_template(&drawn(flow)).iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    assert_eq!(found, expected);
}

/// One node after another one named `first`.
#[track_caller]
fn check_node(more: Json, expected: &[&str]) {
    check(json!([ask("first"), ask_with("n", more)]), expected);
}

fn less(field: &str, value: i64) -> Json {
    json!([[{ "subject": { "field": field }, "test": { "number": { "op": "<", "value": value.to_string() } } }]])
}

fn lane(id: &str, when: Json, blocks: Json) -> Json {
    json!({ "id": id, "when": when, "blocks": blocks })
}

#[test]
fn the_id_of_bob_is_his() {
    assert_eq!(BOB, uuid("bob").to_string());
}

#[test]
fn forks_have_lanes_and_inclusive_ones_a_default() {
    let fork = |more: Json, lanes: Json| {
        let mut fork = json!({ "kind": "parallel", "id": "p", "lanes": lanes });
        fork.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([ask("n"), fork])
    };
    let two = |first: Json, second: Json| json!([lane("a", first, json!([])), lane("b", second, json!([]))]);
    let matching = json!({ "take": "matching" });
    let small = || json!({ "any_of": less("amount", 5) });
    check(fork(json!({}), two(json!("default"), json!("default"))), &[]);
    check(fork(json!({}), json!([lane("a", json!("default"), json!([]))])), &["flow[1].lanes lanes_missing"]);
    check(fork(json!({}), two(small(), json!("default"))), &["flow[1].lanes[0].when condition_idle"]);
    check(fork(matching.clone(), two(small(), json!("default"))), &[]);
    check(fork(matching.clone(), two(small(), small())), &["flow[1].lanes default_missing"]);
    let both = two(json!("default"), json!("default"));
    check(fork(matching, both.clone()), &["flow[1].lanes default_repeated"]);
    check(fork(json!({ "on_reject": "drop_rows" }), both), &["flow[1].on_reject drop_rows_unfit"]);
}

#[test]
fn lanes_of_inclusive_forks_do_not_stand_in_each_others_way() {
    let fork = |lanes: Json| json!([ask("n"), { "kind": "parallel", "id": "p", "take": "matching", "lanes": lanes }]);
    let d = || lane("d", json!("default"), json!([]));
    let small = |id: &str, value: i64| lane(id, json!({ "any_of": less("amount", value) }), json!([]));
    check(fork(json!([small("a", 10), small("b", 5), d()])), &[]);
    let never = json!({ "any_of": [[
        { "subject": { "field": "amount" }, "test": { "number": { "op": "<", "value": "5" } } },
        { "subject": { "field": "amount" }, "test": { "number": { "op": ">", "value": "5" } } },
    ]] });
    let expected = ["flow[1].lanes[0].when[0] group_contradictory", "flow[1].lanes[0].when lane_unreachable"];
    check(fork(json!([lane("a", never, json!([])), d()])), &expected);
}

#[test]
fn lists_are_lists_and_their_columns_are_there() {
    let each = |more: Json| {
        let mut each = json!({ "kind": "each", "id": "e", "list": "items", "blocks": [ask("x")] });
        each.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([each])
    };
    check(each(json!({ "group_by": "owner", "on_reject": "drop_rows" })), &[]);
    check(each(json!({ "list": "note" })), &["flow[0].list field_unfit"]);
    check(each(json!({ "list": "gone" })), &["flow[0].list field_unknown"]);
    check(each(json!({ "group_by": "gone" })), &["flow[0].group_by field_unknown"]);
    check(each(json!({ "list": "who", "group_by": "owner" })), &["flow[0].group_by field_unknown"]);
    check(each(json!({ "list": "who", "on_reject": "drop_rows" })), &["flow[0].on_reject drop_rows_unfit"]);
    let empty = json!([ask("n"), { "kind": "each", "id": "e", "list": "who", "blocks": [] }]);
    check(empty, &["flow[1].blocks blocks_missing"]);
}

#[test]
fn people_of_an_element_stand_where_blocks_are_repeated() {
    let within = |list: &str, rule: Json| {
        let node = ask_with("x", json!({ "approvers": { "people": [rule] } }));
        json!([{ "kind": "each", "id": "e", "list": list, "blocks": [node] }])
    };
    let unfit = ["flow[0].blocks[0].approvers[0] item_unfit"];
    check(within("who", json!({ "item": {} })), &[]);
    check(within("items", json!({ "item": { "column": "owner" } })), &[]);
    check(within("items", json!({ "item": {} })), &unfit);
    check(within("items", json!({ "item": { "column": "price" } })), &unfit);
    check(
        json!([ask_with("n", json!({ "approvers": { "people": [{ "item": {} }] } }))]),
        &["flow[0].approvers[0] item_unfit"],
    );
    let head = json!({ "department_head": { "level": 1, "start": "item" } });
    let supervisor = json!({ "supervisor": { "level": 1, "start": "item" } });
    check(within("units", head.clone()), &[]);
    check(within("items", head), &["flow[0].blocks[0].approvers[0].start item_unfit"]);
    check(within("who", supervisor.clone()), &[]);
    check(within("units", supervisor), &["flow[0].blocks[0].approvers[0].start start_unfit"]);
}

#[test]
fn delays_end_some_time() {
    let until = |until: Json| json!([ask("n"), { "kind": "delay", "id": "d", "title": "D", "until": until }]);
    check(until(json!({ "elapsed": 60 })), &[]);
    check(until(json!({ "working": 0 })), &["flow[1].until minutes_unfit"]);
    check(until(json!({ "field": { "field": "day", "offset": -30 } })), &[]);
    check(until(json!({ "field": { "field": "note" } })), &["flow[1].until field_unfit"]);
    check(until(json!({ "formula": "day" })), &[]);
    check(until(json!({ "formula": "amount" })), &["flow[1].until type_mismatch"]);
    let untitled = json!([ask("n"), { "kind": "delay", "id": "d", "title": "", "until": { "elapsed": 1 } }]);
    check(untitled, &["flow[1].title title_missing"]);
}

#[test]
fn triggers_call_addresses_and_set_fields() {
    let does =
        |action: Json| json!([ask("n"), { "kind": "trigger", "id": "t", "title": "T", "action": action }]);
    let call = |url: &str| does(json!({ "call": { "url": url } }));
    check(call("https://example.org/hook?a=1"), &[]);
    for unfit in
        ["", "ftp://example.org", "https://", "https:///hook", "https://me@example.org", "https://a b"]
    {
        check(call(unfit), &["flow[1].action.call.url url_unfit"]);
    }
    check(call("http://example.org"), &["flow[1].action.call.url url_not_encrypted"]);
    let wait = |more: Json| {
        let mut call = json!({ "url": "https://example.org" });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        does(json!({ "call_and_wait": call }))
    };
    check(wait(json!({ "sets": ["note"], "within": 60 })), &[]);
    check(wait(json!({ "sets": ["gone"] })), &["flow[1].action field_unknown"]);
    check(wait(json!({ "sets": ["double"] })), &["flow[1].action field_unfit"]);
    check(wait(json!({ "within": 0 })), &["flow[1].action.call_and_wait.within minutes_unfit"]);
    let set =
        |field: &str, formula: &str| does(json!({ "set_fields": [{ "field": field, "formula": formula }] }));
    check(set("amount", "double + 1"), &[]);
    check(set("amount", "double +"), &["flow[1].action[0] expression_invalid"]);
    check(set("amount", "note"), &["flow[1].action[0] type_mismatch"]);
    check(set("gone", "1"), &["flow[1].action[0] field_unknown"]);
    check(does(json!({ "set_fields": [] })), &["flow[1].action.set_fields fields_missing"]);
}

#[test]
fn sub_processes_map_fields_that_are_there() {
    let child = |more: Json| {
        let mut child = json!({ "kind": "sub_process", "id": "s", "title": "S", "template": BOB });
        child.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([ask("n"), child])
    };
    check(
        child(json!({ "fill": { "theirs": "note" }, "wait": { "until": { "take": { "amount": "x" } } } })),
        &[],
    );
    check(child(json!({ "fill": { "theirs": "gone" } })), &["flow[1].fill field_unknown"]);
    let taken = json!({ "wait": { "until": { "take": { "double": "x" } } } });
    check(child(taken), &["flow[1].wait.until.take field_unfit"]);
}

fn route(to: &str, when: Json) -> Json {
    json!({ "kind": "route", "id": "r", "title": "R", "to": to, "when": when })
}

#[test]
fn routes_go_back_within_their_own_list_or_one_around_it() {
    let edit = || ask_with("n", json!({ "fields": { "amount": "edit" } }));
    check(json!([edit(), route("n", less("amount", 5))]), &[]);
    check(json!([route("n", less("amount", 5)), edit()]), &["flow[0].to route_target_unfit"]);
    check(json!([edit(), route("gone", less("amount", 5))]), &["flow[1].to route_target_unfit"]);
    let inside = |blocks: Json, take: &str| {
        let lanes = json!([lane("a", json!("default"), blocks), lane("b", json!("default"), json!([]))]);
        json!([edit(), { "kind": take, "id": "p", "lanes": lanes }])
    };
    let unfit = ["flow[1].lanes[0].blocks[0].to route_target_unfit"];
    check(inside(json!([route("n", less("amount", 5))]), "parallel"), &unfit);
    let fork = json!([{ "kind": "parallel", "id": "p", "lanes": [
        lane("a", json!("default"), json!([edit()])), lane("b", json!("default"), json!([])),
    ]}, route("n", less("amount", 5))]);
    check(fork, &["flow[1].to route_target_unfit"]);
    let in_lane = json!([edit(), { "kind": "branch", "id": "b", "lanes": [
        lane("l", json!({ "any_of": less("amount", 9) }), json!([route("n", less("amount", 5))])),
        lane("d", json!("default"), json!([])),
    ]}]);
    check(in_lane, &[]);
}

#[test]
fn a_loop_without_an_exit() {
    let looping = |body: Json, when: Json| {
        let mut flow = vec![ask("n")];
        flow.extend(body.as_array().unwrap().clone());
        flow.push(route("n", when));
        json!(flow)
    };
    let endless = ["flow[1].when loop_without_exit"];
    check(looping(json!([]), less("amount", 5)), &endless);
    let edit = ask_with("m", json!({ "fields": { "amount": "require" } }));
    check(looping(json!([edit.clone()]), less("amount", 5)), &[]);
    check(looping(json!([edit.clone()]), less("double", 5)), &[]);
    check(
        looping(json!([edit]), json!([[{ "subject": { "field": "note" }, "test": "is_empty" }]])),
        &["flow[2].when loop_without_exit"],
    );
    let set = json!([{ "kind": "trigger", "id": "t", "title": "T", "action": {
        "set_fields": [{ "field": "amount", "formula": "amount + 1" }] } }]);
    check(looping(set.clone(), less("amount", 5)), &[]);
    let always = json!([
        [{ "subject": { "field": "amount" }, "test": "is_empty" }],
        [{ "subject": { "field": "amount" }, "test": "not_empty" }],
    ]);
    check(looping(set, always), &["flow[2].when loop_without_exit"]);
    let soon = json!([[{ "subject": { "field": "day" }, "test": { "within_days": { "days": 3 } } }]]);
    check(looping(json!([]), soon), &[]);
}

#[test]
fn results_are_asked_of_what_collects_them() {
    let rejected = |id: &str| json!([[{ "subject": { "lane": id }, "test": { "outcome": "rejected" } }]]);
    let flow = |on_reject: &str, of: &str| {
        json!([
            { "kind": "parallel", "id": "p", "on_reject": on_reject, "lanes": [
                lane("a", json!("default"), json!([ask("n")])), lane("b", json!("default"), json!([])),
            ]},
            { "kind": "branch", "id": "x", "lanes": [
                lane("l", json!({ "any_of": rejected(of) }), json!([])), lane("d", json!("default"), json!([])),
            ]},
        ])
    };
    check(flow("collect", "a"), &[]);
    check(flow("collect", "p"), &[]);
    check(flow("collect", "gone"), &["flow[1].lanes[0].when[0][0].subject lane_unknown"]);
    check(flow("end_instance", "a"), &["flow[1].lanes[0].when[0][0].subject result_never_rejected"]);
}

#[test]
fn nothing_comes_after_an_end() {
    let auto = |outcome: &str| json!({ "kind": "auto", "id": "a", "title": "A", "outcome": outcome });
    check(json!([ask("n"), auto("reject"), ask("m")]), &["flow[2] block_unreachable"]);
    check(json!([ask("n"), auto("approve"), ask("m")]), &[]);
    check(json!([ask("n"), auto("reject")]), &[]);
}

#[test]
fn a_pool_does_not_vote() {
    let vote = json!({ "kind": "vote", "threshold": { "percent": 6000 } });
    check_node(json!({ "mode": vote, "assign": "pool" }), &["flow[1].assign pool_vote"]);
    check_node(json!({ "mode": vote, "assign": "random" }), &["flow[1].assign draw_vote"]);
    check_node(json!({ "mode": vote }), &[]);
    check_node(json!({ "assign": "pool" }), &[]);
}

#[test]
fn a_threshold_can_be_reached() {
    let vote = |threshold: Json, strict: bool| json!({ "mode": { "kind": "vote", "threshold": threshold, "strict": strict } });
    check_node(vote(json!({ "percent": 10000 }), false), &[]);
    check_node(vote(json!({ "percent": 10000 }), true), &["flow[1].mode.threshold threshold_unreachable"]);
    check_node(vote(json!({ "percent": 9999 }), true), &[]);
    check_node(vote(json!({ "percent": 10001 }), false), &["flow[1].mode.threshold threshold_unfit"]);
    for nothing in [json!({ "percent": 0 }), json!({ "count": 0 }), json!({ "weight": 0 })] {
        check_node(vote(nothing, false), &["flow[1].mode.threshold threshold_unfit"]);
    }
    // Bob is alone: more than one of one is never reached.
    check_node(vote(json!({ "count": 1 }), true), &["flow[1].mode.threshold threshold_unreachable"]);
    check_node(vote(json!({ "count": 1 }), false), &[]);
    let mut by_role = vote(json!({ "count": 1 }), true);
    by_role["approvers"] = json!({ "people": [{ "role": BOB }] });
    check_node(by_role, &[]);
}

#[test]
fn groups_are_large_enough_for_their_quorum() {
    let node = |quorum: Json, users: Json| {
        json!({
            "mode": { "kind": "vote", "threshold": { "count": 1 } },
            "ballots": [{ "who": { "users": users }, "group": "board" }],
            "quorums": [quorum],
        })
    };
    let count = |group: &str, count: u32| json!({ "group": group, "threshold": { "count": count } });
    check_node(node(count("board", 1), json!([BOB])), &[]);
    check_node(node(count("board", 2), json!([BOB])), &["flow[1].quorums[0] quorum_too_large"]);
    check_node(node(count("staff", 1), json!([BOB])), &["flow[1].quorums[0] quorum_group_unknown"]);
    let weight = json!({ "group": "board", "threshold": { "weight": 2 } });
    check_node(node(weight, json!([BOB])), &["flow[1].quorums[0] quorum_too_large"]);
    let mut twice = node(count("board", 1), json!([BOB]));
    twice["quorums"] = json!([count("board", 1), count("board", 1)]);
    check_node(twice, &["flow[1].quorums[1] quorum_repeated"]);
    let mut no_vote = node(count("board", 1), json!([BOB]));
    no_vote["mode"] = json!({ "kind": "in_turn" });
    check_node(no_vote, &["flow[1].quorums quorum_unfit", "flow[1].ballots ballots_idle"]);
    let mut weightless = node(count("board", 1), json!([BOB]));
    weightless["ballots"][0]["weight"] = json!(0);
    check_node(weightless, &["flow[1].ballots[0].weight ballot_weightless"]);
}

#[test]
fn chains_neither_vote_nor_draw() {
    let chain = json!({ "chain": { "line": "supervisors", "end": { "levels": 2 } } });
    let vote = json!({ "kind": "vote", "threshold": { "count": 1 } });
    check_node(json!({ "approvers": chain, "mode": vote }), &["flow[1].mode vote_idle"]);
    check_node(json!({ "approvers": chain, "assign": "round_robin" }), &["flow[1].assign assign_unfit"]);
    check_node(json!({ "approvers": chain }), &[]);
    check_node(json!({ "handle": true, "mode": vote }), &["flow[1].mode vote_idle"]);
}

#[test]
fn what_happens_by_the_clock_can_happen() {
    let own = |due: Json, actions: Json| json!({ "deadline": { "own": { "due": due, "actions": actions } } });
    let hour = || json!({ "working": 60 });
    let does = |what: Json| own(hour(), json!([{ "what": what }]));
    check_node(does(json!({ "remind": { "times": 5, "every": 480, "working": true } })), &[]);
    check_node(does(json!("hand_to_supervisor")), &[]);
    check_node(own(hour(), json!([])), &["flow[1].deadline.own.actions deadline_idle"]);
    check_node(
        own(json!({ "elapsed": 0 }), json!([{ "what": "auto_reject" }])),
        &["flow[1].deadline.own.due minutes_unfit"],
    );
    let at = |code: &str| format!("flow[1].deadline.own.actions[0].what {code}");
    check_node(does(json!({ "remind": { "times": 0, "every": 1 } })), &[&at("remind_unfit")]);
    check_node(does(json!({ "remind": { "times": 2, "every": 0 } })), &[&at("minutes_unfit")]);
    check_node(does(json!({ "remind": { "times": 1, "every": 0 } })), &[]);
    check_node(does(json!({ "hand_to": [] })), &[&at("people_missing")]);
    check_node(does(json!({ "jump": "first" })), &[]);
    check_node(does(json!({ "jump": "n" })), &[&at("jump_unfit")]);
    check_node(does(json!({ "jump": "gone" })), &[&at("jump_unfit")]);
    check_node(does(json!("auto_approve")), &[&at("timeout_approves")]);
    let mut control = does(json!("auto_approve"));
    control["control"] = json!(true);
    check_node(control, &[&at("control_times_out")]);
}

#[test]
fn one_sends_back_to_what_was_passed() {
    check_node(json!({ "on_reject": { "return_to": "first" } }), &[]);
    check_node(json!({ "on_reject": { "return_to": "n" } }), &["flow[1].on_reject return_target_unfit"]);
    check_node(json!({ "returns": { "only": ["first"] } }), &[]);
    check_node(json!({ "returns": { "only": ["later"] } }), &["flow[1].returns.only[0] return_target_unfit"]);
    let back = || ask_with("n", json!({ "on_reject": { "return_to": "m" } }));
    let lanes = |first: Json, second: Json| {
        json!(
            [lane("l", json!({ "any_of": less("amount", 5) }), first), lane("d", json!("default"), second),]
        )
    };
    let after =
        json!([{ "kind": "branch", "id": "b", "lanes": lanes(json!([ask("m")]), json!([])) }, back()]);
    check(after, &[]);
    let beside = json!([{ "kind": "branch", "id": "b", "lanes": lanes(json!([ask("m")]), json!([back()])) }]);
    check(beside, &["flow[0].lanes[1].blocks[0].on_reject return_target_unfit"]);
    let fork = json!([{ "kind": "parallel", "id": "p", "lanes": [
        lane("l", json!("default"), json!([ask("m")])), lane("k", json!("default"), json!([])),
    ]}, back()]);
    check(fork, &["flow[1].on_reject return_target_unfit"]);
}

#[test]
fn people_are_picked_where_the_path_has_been() {
    let picked = |at: &str| json!({ "approvers": { "people": [{ "approver_pick": { "at": at } }] } });
    check_node(picked("first"), &[]);
    check_node(picked("n"), &["flow[1].approvers[0].at pick_node_unfit"]);
    let twice = json!({ "approvers": { "people": [
        { "approver_pick": { "at": "first" } }, { "initiator_pick": {} },
    ] } });
    check_node(twice, &["flow[1].approvers pick_repeated"]);
}

#[test]
fn rights_are_about_fields_that_are_there() {
    check_node(json!({ "fields": { "amount": "edit", "items": "read", "items.price": "require" } }), &[]);
    check_node(json!({ "fields": { "gone": "hide" } }), &["flow[1].fields.gone field_unknown"]);
    check_node(json!({ "fields": { "items.gone": "edit" } }), &["flow[1].fields.items.gone field_unknown"]);
    check_node(json!({ "fields": { "double": "edit" } }), &["flow[1].fields.double access_unfit"]);
    check_node(json!({ "fields": { "double": "hide" } }), &[]);
    let cc = |access: &str| {
        json!([ask("n"), { "kind": "cc", "id": "c", "title": "C", "people": [{ "members": [BOB] }],
            "fields": { "amount": access } }])
    };
    check(cc("hide"), &[]);
    check(cc("edit"), &["flow[1].fields.amount access_unfit"]);
}

#[track_caller]
fn check_settings(settings: Json, expected: &[&str]) {
    let mut template = drawn(json!([ask("a"), ask("b")]));
    template.settings = serde_json::from_value(settings).unwrap();
    let found: Vec<String> =
        check_template(&template).iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    assert_eq!(found, expected);
}

#[test]
fn settings_have_limits() {
    let apart = |nodes: Json| json!({ "separation": [{ "nodes": nodes }] });
    check_settings(apart(json!(["a", "b"])), &[]);
    check_settings(apart(json!(["a"])), &["settings.separation[0] separation_unfit"]);
    check_settings(apart(json!(["a", "gone"])), &["settings.separation[0] separation_unfit"]);
    let linked = |field: &str| json!({ "separation": [{ "linked": { "field": field } }] });
    check_settings(linked("other"), &[]);
    check_settings(linked("note"), &["settings.separation[0].linked.field field_unfit"]);
    let rounds = |returns: u32| json!({ "max_rounds": { "returns": returns, "then": "reject" } });
    check_settings(rounds(3), &[]);
    check_settings(rounds(51), &["settings.max_rounds rounds_unfit"]);
    check_settings(json!({ "revoke": { "consent": { "days": 31 } } }), &[]);
    check_settings(json!({ "revoke": { "direct": { "days": 0 } } }), &["settings.revoke days_unfit"]);
}

// ---- with the people of today ----

fn today(template: &Template, world: &crate::world::World, code: &str) -> Vec<String> {
    let found = lint_template(template, &world.directory()).into_iter().filter(|it| it.code == code);
    found.map(|it| it.path).collect()
}

fn world() -> crate::world::World {
    crate::world::World::new().people(&["ann", "bob", "cid"]).role("Board", &["bob", "cid"])
}

/// Only Ann submits.
fn of_ann(flow: Json, settings: Json) -> Template {
    let mut template = drawn(flow);
    template.settings = serde_json::from_value(settings).unwrap();
    template.settings.visible_to.users = vec![crate::world::user("ann")];
    template
}

#[test]
fn a_separation_that_leaves_nobody() {
    let code = "separation_leaves_nobody";
    let node = |id: &str, names: &[&str], mode: &str| {
        let ids: Vec<_> = names.iter().map(|it| uuid(it)).collect();
        ask_with(id, json!({ "approvers": { "people": [{ "members": ids }] }, "mode": { "kind": mode } }))
    };
    let apart = |first: Json, second: Json| {
        of_ann(json!([first, second]), json!({ "separation": [{ "nodes": ["a", "b"] }] }))
    };
    let bob = |id: &str| node(id, &["bob"], "or_sign");
    assert_eq!(today(&apart(bob("a"), bob("b")), &world(), code), ["settings.separation[0]"]);
    let both = |id: &str, mode: &str| node(id, &["bob", "cid"], mode);
    assert_eq!(today(&apart(both("a", "or_sign"), bob("b")), &world(), code), ["settings.separation[0]"]);
    assert_eq!(today(&apart(bob("a"), both("b", "or_sign")), &world(), code), [""; 0]);
    assert_eq!(today(&apart(both("a", "or_sign"), both("b", "or_sign")), &world(), code), [""; 0]);
    let everybody = apart(both("a", "countersign"), both("b", "or_sign"));
    assert_eq!(today(&everybody, &world(), code), ["settings.separation[0]"]);
}

#[test]
fn a_quorum_larger_than_the_group_of_today() {
    let code = "quorum_too_large";
    let board = uuid("Board");
    let quorum = |count: u32| {
        let node = ask_with(
            "n",
            json!({
                "approvers": { "people": [{ "role": board }] },
                "mode": { "kind": "vote", "threshold": { "percent": 5000 } },
                "ballots": [{ "who": { "roles": [board] }, "group": "board" }],
                "quorums": [{ "group": "board", "threshold": { "count": count } }],
            }),
        );
        of_ann(json!([node]), json!({}))
    };
    assert_eq!(today(&quorum(2), &world(), code), [""; 0]);
    assert_eq!(today(&quorum(3), &world(), code), ["flow[0].quorums[0]"]);
    assert_eq!(today(&quorum(2), &world().disabled("cid"), code), ["flow[0].quorums[0]"]);
}

#[test]
fn a_list_that_may_be_empty_asks_nobody() {
    let code = "path_without_approval";
    let each = || json!([{ "kind": "each", "id": "e", "list": "who", "blocks": [ask("x")] }]);
    let mut template = of_ann(each(), json!({}));
    assert_eq!(today(&template, &world(), code), ["flow"]);
    template.form.fields[4].required = true;
    assert_eq!(today(&template, &world(), code), [""; 0]);
}

#[test]
fn handling_something_agrees_to_nothing() {
    let code = "path_without_approval";
    let lanes = |blocks: Json| {
        let lanes = json!([
            lane("l", json!({ "any_of": less("amount", 5) }), blocks),
            lane("d", json!("default"), json!([ask("x")])),
        ]);
        of_ann(json!([{ "kind": "branch", "id": "b", "lanes": lanes }]), json!({}))
    };
    let handled = json!([ask_with("h", json!({ "handle": true }))]);
    assert_eq!(today(&lanes(handled), &world(), code), ["flow"]);
    assert_eq!(today(&lanes(json!([ask("h")])), &world(), code), [""; 0]);
    let rejected = json!([{ "kind": "auto", "id": "a", "title": "A", "outcome": "reject" }]);
    assert_eq!(today(&lanes(rejected), &world(), code), [""; 0]);
}

#[test]
fn branches_of_a_fork_are_passed_together_or_one_by_one() {
    let code = "self_approval_path";
    let ann = uuid("ann");
    let own = |id: &str| ask_with(id, json!({ "approvers": { "people": [{ "members": [ann] }] } }));
    let fork = |take: &str, when: Json| {
        let lanes =
            json!([lane("l", when, json!([own("a")])), lane("d", json!("default"), json!([ask("b")]))]);
        of_ann(json!([{ "kind": "parallel", "id": "p", "take": take, "lanes": lanes }]), json!({}))
    };
    assert_eq!(today(&fork("all", json!("default")), &world(), code), [""; 0]);
    assert_eq!(today(&fork("matching", json!({ "any_of": less("amount", 5) })), &world(), code), ["flow"]);
}

#[test]
fn a_share_that_was_meant_as_percent() {
    let vote = |points: u32| json!({ "mode": { "kind": "vote", "threshold": { "percent": points } } });
    check_node(vote(100), &["flow[1].mode.threshold threshold_tiny"]);
    check_node(vote(101), &[]);
    let found = check_template(&drawn(json!([ask_with("n", vote(60))])));
    assert_eq!(found[0].message, "60 is 0.60 %: 10000 is 100 %");
}

#[test]
fn members_that_nobody_knows() {
    let lanes = json!([
        { "id": "l", "when": "default", "colour": "red", "blocks": [ask_with("m", json!({ "not_self": true }))] },
    ]);
    let mut template = drawn(json!([ask("n"), { "kind": "branch", "id": "b", "lanes": lanes }]));
    template.settings.other.insert("withdrawal".to_owned(), json!("never"));
    template.form.fields[7].columns[0].other.insert("unit".to_owned(), json!("EUR"));
    let found: Vec<String> =
        unknown_members(&template).iter().map(|it| format!("{} {}", it.path, it.code)).collect();
    let at = [
        "form[7].columns[0].unit",
        "flow[1].lanes[0].colour",
        "flow[1].lanes[0].blocks[0].not_self",
        "settings.withdrawal",
    ];
    assert_eq!(found, at.map(|path| format!("{path} member_unknown")));
    assert_eq!(check_template(&template).iter().filter(|it| it.code == "member_unknown").count(), 0);
}

/// What keeps no members it does not know refuses them, so that no word is dropped in silence.
#[test]
fn small_parts_refuse_members_that_nobody_knows() {
    let refused = |more: Json| {
        let mut node = ask_with("n", more);
        node.as_object_mut().unwrap().remove("kind");
        serde_json::from_value::<Approval>(node).unwrap_err().to_string()
    };
    let people = |rule: Json| json!({ "approvers": { "people": [rule] } });
    for more in [
        json!({ "mode": { "kind": "countersign", "rejects": "at_once" } }),
        json!({ "mode": { "kind": "vote", "threshold": { "count": 1 }, "rejects": 1 } }),
        json!({ "deadline": { "own": { "due": { "elapsed": 5 }, "actions": [], "rejects": 1 } } }),
        json!({ "returns": { "rejects": 1 } }),
        json!({ "tells": { "rejects": [] } }),
        json!({ "quorums": [{ "group": "g", "threshold": { "count": 1 }, "rejects": 1 }] }),
        json!({ "ballots": [{ "who": { "rejects": [] } }] }),
        people(json!({ "initiator_pick": { "rejects": 1 } })),
        people(json!({ "supervisor": { "level": 1, "rejects": 1 } })),
    ] {
        let why = refused(more);
        assert!(why.contains("unknown field `rejects`"), "{why}");
    }
    let delay = json!({ "id": "d", "title": "D", "until": { "elapsed": 5 }, "rejects": 1 });
    assert!(serde_json::from_value::<Delay>(delay).is_err());
    let whole = json!({ "name": "n", "form": [], "flow": [], "rejects": 1 });
    assert!(serde_json::from_value::<Template>(whole).is_err());
}
