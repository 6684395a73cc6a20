//! B15: what starts an approval of an object, what may be changed meanwhile, and what its end does.

use crate::world::{at, user};
use jiff::civil::date;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use zhupi_engine::Directory;
use zhupi_engine::entity::*;

fn data(value: Json) -> Data {
    value.as_object().unwrap().clone()
}

fn sort() -> EntityType {
    let sort = json!({"key": "Opportunity", "name": "商机", "stage_field": "stage", "fields": [
        {"id": "title", "title": "标题", "kind": "text"},
        {"id": "amount", "title": "金额", "kind": "money"},
        {"id": "stage", "title": "阶段", "kind": "text"}]});
    serde_json::from_value(sort).unwrap()
}

fn trigger(more: Json) -> Trigger {
    let mut trigger = data(json!({"name": "t", "on": "updated"}));
    trigger.extend(data(more));
    serde_json::from_value(Json::Object(trigger)).unwrap()
}

fn starts(more: Json, told: Timing, before: Json, new: Json) -> bool {
    let (sort, trigger, before, new) = (sort(), trigger(more), data(before), data(new));
    assert_eq!(check_trigger(&trigger, &sort), []);
    let changed = diff(&before, &new);
    let mut after = before;
    after.extend(new);
    let (by, directory) = (user("ann"), Directory::default());
    let today = at(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(today, date(2026, 1, 1));
    let scene = Scene {
        sort: &sort,
        told,
        changed: &changed,
        after: &after,
        by,
        department: None,
        today,
        directory: &directory,
    };
    fires(&trigger, &scene)
}

fn run(on: Timing, apply: Apply, changes: &[FieldChange]) -> Run {
    Run { on, apply, changes: changes.to_vec(), state: RunState::Running, conflict: None }
}

fn change(field: &str, old: Json, new: Json) -> FieldChange {
    FieldChange { field: field.to_owned(), old, new }
}

fn entity(value: Json) -> Entity {
    Entity { data: data(value), deleted: false }
}

#[test]
fn each_moment_starts_its_own_triggers() {
    use Timing::{Created, Deleted, Updated};
    let (old, new) = (json!({"stage": "lead", "title": "a"}), json!({"title": "b"}));
    for (on, told, expected) in [
        ("created", Created, true),
        ("created", Updated, false),
        ("updated", Updated, true),
        ("updated", Created, false),
        ("deleted", Deleted, true),
        ("deleted", Updated, false),
        ("stage_changed", Updated, false),
    ] {
        assert_eq!(starts(json!({ "on": on }), told, old.clone(), new.clone()), expected, "{on} {told:?}");
    }
}

#[test]
fn a_change_of_stage_starts_only_for_the_named_stages() {
    let come_to = |stages: Json, stage: &str| {
        let rules = json!({"on": "stage_changed", "stages": stages});
        starts(rules, Timing::Updated, json!({"stage": "lead"}), json!({ "stage": stage }))
    };
    assert!(come_to(json!([]), "won"));
    assert!(come_to(json!(["won", "lost"]), "won"));
    assert!(!come_to(json!(["won"]), "offer"));
    assert!(!come_to(json!([]), "lead"), "it is there already");
}

#[test]
fn watched_fields_and_filters_narrow_a_trigger() {
    let watched = |new: Json| starts(json!({"watch": ["amount"]}), Timing::Updated, json!({}), new);
    assert!(watched(json!({"amount": 1, "title": "x"})));
    assert!(!watched(json!({"title": "x"})));
    let test = json!({"number": {"op": ">=", "value": "10000.10"}});
    let filter = json!({"filter": [[{"subject": {"field": "amount"}, "test": test}]]});
    let big = |amount: Json| starts(filter.clone(), Timing::Updated, json!({}), json!({ "amount": amount }));
    assert!(big(json!("10000.10")));
    assert!(big(json!({"amount": "20000", "currency": "CNY"})));
    assert!(!big(json!(10000.09)));
    assert!(!big(json!("much")), "what does not fit its kind counts as empty");
}

#[test]
fn a_staged_change_reaches_the_object_on_approval_only() {
    let wanted = [change("title", json!("a"), json!("b"))];
    let before = entity(json!({"title": "a", "amount": 1}));
    let staged = run(Timing::Updated, Apply::Staged, &wanted);
    let rules = trigger(
        json!({"after": {"approved": {"set": {"checked": true}}, "rejected": {"set": {"checked": false}}}}),
    );
    let passed = settle(&before, &staged, End::Approved, &rules).unwrap();
    assert_eq!(passed.entity, entity(json!({"title": "b", "amount": 1, "checked": true})));
    assert_eq!((passed.run.state, passed.changes.len()), (RunState::Applied, 2));
    let refused = settle(&before, &staged, End::Rejected, &rules).unwrap();
    assert_eq!(refused.entity, entity(json!({"title": "a", "amount": 1, "checked": false})));
    let withdrawn = settle(&before, &staged, End::Withdrawn, &rules).unwrap();
    assert_eq!((withdrawn.entity, withdrawn.run.state), (before.clone(), RunState::Dropped));
    // Nothing is settled twice.
    for end in [End::Approved, End::Rejected, End::Withdrawn] {
        assert_eq!(settle(&passed.entity, &passed.run, end, &rules), None);
        assert_eq!(settle(&refused.entity, &refused.run, end, &rules), None);
    }
}

#[test]
fn a_change_applied_at_once_is_taken_back_on_refusal_and_withdrawal() {
    let wanted = [change("title", json!("a"), json!("b"))];
    let ahead = run(Timing::Updated, Apply::ThenRevert, &wanted);
    let rules = trigger(json!({"apply": "then_revert"}));
    let now = entity(json!({"title": "b", "amount": 2}));
    assert_eq!(settle(&now, &ahead, End::Approved, &rules).unwrap().entity, now);
    for end in [End::Rejected, End::Withdrawn] {
        let back = settle(&now, &ahead, end, &rules).unwrap();
        assert_eq!(back.entity, entity(json!({"title": "a", "amount": 2})), "other fields stay");
        assert_eq!(back.run.state, RunState::Reverted);
    }
}

#[test]
fn a_conflict_is_shown_from_three_sides_and_settled_as_chosen() {
    let wanted = [change("title", json!("a"), json!("b")), change("amount", json!(1), json!(2))];
    let staged = run(Timing::Updated, Apply::Staged, &wanted);
    let rules = trigger(json!({"after": {"approved": {"set": {"checked": true}}}}));
    let now = entity(json!({"title": "z", "amount": 1}));
    let stuck = settle(&now, &staged, End::Approved, &rules).unwrap();
    assert_eq!((stuck.run.state, &stuck.entity), (RunState::Conflict, &now));
    assert_eq!(merge(&now.data, &stuck.run.conflict.as_ref().unwrap().changes).conflicts, wanted[..1]);
    let end = |choice: Choice| resolve(&now, &stuck.run, &choice, &rules).unwrap();
    let ours = end(Choice::Ours);
    assert_eq!(ours.entity, entity(json!({"title": "b", "amount": 2, "checked": true})));
    let theirs = end(Choice::Theirs);
    assert_eq!((theirs.entity, theirs.run.state), (now.clone(), RunState::Dropped));
    let mixed = end(Choice::Merge(BTreeMap::from([("title".to_owned(), Side::Theirs)])));
    assert_eq!(mixed.entity, entity(json!({"title": "z", "amount": 2, "checked": true})));
    assert_eq!(mixed.run.state, RunState::Applied);
    let open = resolve(&now, &stuck.run, &Choice::Merge(BTreeMap::new()), &rules);
    assert_eq!(open, Err(Refusal::Undecided { fields: vec!["title".to_owned()] }));
    assert_eq!(resolve(&now, &staged, &Choice::Ours, &rules), Err(Refusal::NoConflict));
    let revoked = settle(&now, &stuck.run, End::Revoked, &rules).unwrap();
    assert_eq!(revoked.run.state, RunState::Dropped);
}

#[test]
fn what_is_there_already_is_no_conflict() {
    let wanted = [change("title", json!("a"), json!("b"))];
    let staged = run(Timing::Updated, Apply::Staged, &wanted);
    let now = entity(json!({"title": "b"}));
    let passed = settle(&now, &staged, End::Approved, &trigger(json!({}))).unwrap();
    assert_eq!((passed.run.state, passed.changes), (RunState::Applied, vec![]));
}

#[test]
fn a_deletion_happens_on_approval() {
    let before = entity(json!({"title": "a"}));
    let asked = run(Timing::Deleted, Apply::Staged, &[]);
    let rules = trigger(json!({"on": "deleted"}));
    assert!(settle(&before, &asked, End::Approved, &rules).unwrap().entity.deleted);
    assert!(!settle(&before, &asked, End::Rejected, &rules).unwrap().entity.deleted);
    // A change of an object that is gone comes to nothing.
    let gone = Entity { deleted: true, ..before };
    let staged = run(Timing::Updated, Apply::Staged, &[change("title", json!("a"), json!("b"))]);
    let late = settle(&gone, &staged, End::Approved, &trigger(json!({}))).unwrap();
    assert_eq!((late.entity, late.run.state), (gone, RunState::Dropped));
}

#[test]
fn revoking_rolls_back_only_where_the_trigger_says_so() {
    let wanted = [change("title", json!("a"), json!("b"))];
    let before = entity(json!({"title": "a"}));
    let staged = run(Timing::Updated, Apply::Staged, &wanted);
    let (keep, back) = (trigger(json!({})), trigger(json!({"on_revoke": "roll_back"})));
    let passed = settle(&before, &staged, End::Approved, &back).unwrap();
    assert_eq!(settle(&passed.entity, &passed.run, End::Revoked, &keep), None);
    let revoked = settle(&passed.entity, &passed.run, End::Revoked, &back).unwrap();
    assert_eq!((revoked.entity, revoked.run.state), (before, RunState::RolledBack));
    for (on, deleted) in [(Timing::Created, true), (Timing::Deleted, false)] {
        let passed = settle(&entity(json!({})), &run(on, Apply::Staged, &[]), End::Approved, &back).unwrap();
        let revoked = settle(&passed.entity, &passed.run, End::Revoked, &back).unwrap();
        assert_eq!(revoked.entity.deleted, deleted);
    }
}

#[test]
fn the_editable_policy_says_what_may_be_changed_meanwhile() {
    let changed = [change("title", json!("a"), json!("b")), change("amount", json!(1), json!(2))];
    let verdict = |editable: Json| judge(&trigger(json!({ "editable": editable })).editable, &changed);
    let locked = |fields: &[&str]| Judged::Locked(fields.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(verdict(json!({"policy": "cannot"})), locked(&["title", "amount"]));
    assert_eq!(verdict(json!({"policy": "only", "fields": ["title"]})), locked(&["amount"]));
    assert_eq!(verdict(json!({"policy": "only", "fields": ["title", "amount"]})), Judged::GoesOn);
    assert_eq!(verdict(json!({"policy": "free"})), Judged::AskAgain(OnMaterial::Restart));
    assert_eq!(verdict(json!({"policy": "free", "material": ["sn"]})), Judged::GoesOn);
    let material = json!({"policy": "free", "material": ["amount"]});
    assert_eq!(verdict(material), Judged::AskAgain(OnMaterial::Restart));
}

#[test]
fn further_changes_join_what_is_asked_for() {
    let before = entity(json!({"title": "a", "amount": 1}));
    let staged = run(Timing::Updated, Apply::Staged, &[change("title", json!("a"), json!("b"))]);
    let more = [change("title", json!("b"), json!("c")), change("amount", json!(1), json!(2))];
    let (after, joined) = amend(&before, &staged, &more);
    assert_eq!(after, before);
    let both = [change("title", json!("a"), json!("c")), change("amount", json!(1), json!(2))];
    assert_eq!(joined.changes, both);
    let (_, back) = amend(&before, &joined, &[change("title", json!("c"), json!("a"))]);
    assert_eq!(back.changes, both[1..], "what leads back asks for nothing");
    let ahead = Run { apply: Apply::ThenRevert, ..staged };
    let (after, joined) = amend(&entity(json!({"title": "b", "amount": 1})), &ahead, &more);
    assert_eq!(after, entity(json!({"title": "c", "amount": 2})));
    let reverted = settle(&after, &joined, End::Rejected, &trigger(json!({}))).unwrap();
    assert_eq!(reverted.entity, before);
}

#[test]
fn sorts_and_triggers_that_cannot_work_are_named() {
    let unsound = json!({"key": "no good", "name": "", "stage_field": "where",
        "fields": [{"id": "a", "title": "A", "kind": "select"}, {"id": "a", "title": "A", "kind": "text"}]});
    let unsound: EntityType = serde_json::from_value(unsound).unwrap();
    let codes: Vec<String> = check_type(&unsound).into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["key_unfit", "name_length", "options_missing", "field_twice", "field_unknown"]);
    let strict = EntityType { strict: true, stage_field: None, ..sort() };
    let more = json!({"name": " ", "on": "stage_changed", "watch": ["x"], "after": {"approved": {"set": {"y": 1}}},
        "filter": [[{"subject": {"field": "amount"}, "test": {"text": {"op": "equal", "values": ["a"]}}}]]});
    let problems = check_trigger(&trigger(more), &strict);
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["name_length", "stage_missing", "test_unfit", "field_unknown", "field_unknown"]);
    assert_eq!(check_data(&strict, &data(json!({"amount": "x", "colour": 1}))).len(), 2);
    assert_eq!(check_data(&sort(), &data(json!({"amount": "x", "colour": 1}))), []);
}
