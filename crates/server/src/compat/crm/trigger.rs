//! When a workflow starts, in the CRM's words, as a trigger of ours. Pure.

use super::wire::{Filter, Rules};
use super::words;
use crate::extract::read_value;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use zhupi_engine::Problem;
use zhupi_engine::condition::{Compare, Condition, Group, Subject, Test, TextOp};
use zhupi_engine::entity::{EntityType, Trigger, check_trigger, plain};
use zhupi_engine::form::{Field, FieldKind};

/// A filter with a list can be met in so many ways at most.
const WAYS: usize = 50;

/// The trigger that a workflow is, or everything wrong with what somebody wants it to do. `sort`: the sort of objects it
/// names; absent: there is none.
pub fn to_trigger(rules: &Rules, sort: Option<&EntityType>) -> Result<Trigger, Vec<Problem>> {
    let mut problems = check_rules(rules, sort);
    if !problems.is_empty() {
        return Err(problems);
    }
    let editable = &rules.editable;
    let policy = if editable.enable == 0 { "free" } else { editable.policy.as_str() };
    let (filter, fields) = match filter_of(&rules.trigger_filters) {
        Ok(filter) => filter,
        Err((index, message)) => {
            let path = format!("workflow.trigger_filters[{index}]");
            return Err(vec![Problem::error(path, "filter_unknown", message)]);
        }
    };
    let mut members = json!({
        "name": rules.name.trim(), "on": rules.trigger_timing, "odds": rules.trigger_odds,
        "filter": filter, "fields": fields, "editable": {"policy": policy, "fields": editable.fields},
    });
    if let Some(members) = members.as_object_mut() {
        members.extend(rules.zhupi.clone());
    }
    let trigger: Trigger = read_value(&members)
        .map_err(|cause| vec![Problem::error("workflow.zhupi", "member_unfit", cause.to_string())])?;
    if let Some(sort) = sort {
        let found = check_trigger(&trigger, sort).into_iter();
        problems.extend(found.map(|it| Problem { path: format!("workflow.{}", it.path), ..it }));
    }
    let is_sound = problems.iter().all(|problem| problem.severity != zhupi_engine::Severity::Error);
    if is_sound { Ok(trigger) } else { Err(problems) }
}

/// Filters of which all must hold, as groups of which one must; with the kinds their fields are looked at as.
fn filter_of(filters: &[Json]) -> Result<(Vec<Group>, Vec<Field>), (usize, String)> {
    let mut groups = vec![Group::default()];
    let mut kinds: BTreeMap<String, FieldKind> = BTreeMap::new();
    for (index, raw) in filters.iter().enumerate() {
        let unfit = |message: &str| (index, format!("`{raw}` {message}"));
        let filter = read_filter(raw).ok_or_else(|| unfit("is no filter"))?;
        let ways = ways_of(&filter).ok_or_else(|| unfit("cannot be compared so"))?;
        for way in &ways {
            let Some(kind) = kind_of(&way.test) else { continue };
            if *kinds.entry(filter.field.clone()).or_insert(kind) != kind {
                return Err(unfit("compares as a text what another filter compares as a number"));
            }
        }
        let with = |group: &Group, more: &[Condition]| Group {
            conditions: group.conditions.iter().chain(more).cloned().collect(),
        };
        // Of the values of `not_in` each must be missed; of every other list one must be met.
        let together = if filter.operator == "not_in" { ways.len() } else { 1 };
        let next: Vec<Group> =
            groups.iter().flat_map(|group| ways.chunks(together).map(|more| with(group, more))).collect();
        if next.len() > WAYS {
            return Err(unfit("has too many values"));
        }
        groups = next;
        kinds.entry(filter.field).or_insert(FieldKind::Text);
    }
    groups.retain(|group| !group.conditions.is_empty());
    let fields = kinds.into_iter().map(|(id, kind)| Field::new(id.clone(), id, kind)).collect();
    Ok((groups, fields))
}

/// The ways to meet one filter; of `not_in`: all that must hold.
fn ways_of(filter: &Filter) -> Option<Vec<Condition>> {
    let condition = |test: Test| Condition { subject: Subject::Field(filter.field.as_str().into()), test };
    let numeric = |op: Compare, value: &Json| {
        let value = number(value)?;
        Some(condition(Test::Number { op, value, currency: None }))
    };
    let text = |op: TextOp, values: Vec<String>| condition(Test::Text { op, values, ignore_case: false });
    let words = |value: &Json| Some(plain(value).trim().to_owned()).filter(|text| !text.is_empty());
    let single = |op: Compare, other: TextOp| match numeric(op, &filter.value) {
        Some(condition) => Some(condition),
        None => Some(text(other, vec![words(&filter.value)?])),
    };
    let listed = |op: Compare, other: TextOp| {
        let items = match &filter.value {
            Json::Array(items) => items.clone(),
            single => vec![single.clone()],
        };
        let numbers: Option<Vec<Condition>> = items.iter().map(|item| numeric(op, item)).collect();
        match numbers {
            Some(numbers) => Some(numbers).filter(|it| !it.is_empty()),
            None => Some(vec![text(other, items.iter().map(words).collect::<Option<_>>()?)]),
        }
    };
    match filter.operator.as_str() {
        "is_null" => Some(vec![condition(Test::IsEmpty)]),
        "not_null" => Some(vec![condition(Test::NotEmpty)]),
        "equal" => Some(vec![single(Compare::Equal, TextOp::Equal)?]),
        "not_equal" => Some(vec![single(Compare::NotEqual, TextOp::NotEqual)?]),
        "contains" => Some(vec![text(TextOp::Contains, vec![words(&filter.value)?])]),
        "in" => listed(Compare::Equal, TextOp::Equal),
        "not_in" => listed(Compare::NotEqual, TextOp::NotEqual),
        "gt" => Some(vec![numeric(Compare::Greater, &filter.value)?]),
        "gte" => Some(vec![numeric(Compare::GreaterOrEqual, &filter.value)?]),
        "lt" => Some(vec![numeric(Compare::Less, &filter.value)?]),
        "lte" => Some(vec![numeric(Compare::LessOrEqual, &filter.value)?]),
        _ => None,
    }
}

/// What a test looks at a field as; `None`: as whatever it is.
fn kind_of(test: &Test) -> Option<FieldKind> {
    match test {
        Test::Number { .. } => Some(FieldKind::Number),
        Test::Text { .. } => Some(FieldKind::Text),
        _ => None,
    }
}

/// What a filter says, for people.
pub fn describe(raw: &Json, label: impl Fn(&str) -> String) -> String {
    let Some(filter) = read_filter(raw) else { return raw.to_string() };
    let operator = OPERATORS.iter().find(|(word, _)| *word == filter.operator).map_or("", |(_, label)| label);
    let value = match &filter.value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("、"),
        other => other.to_string(),
    };
    format!("{} {operator} {value}", label(&filter.field)).trim_end().to_owned()
}

fn check_rules(rules: &Rules, sort: Option<&EntityType>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |path: &str, code: &str, message: String| {
        problems.push(Problem::error(format!("workflow.{path}"), code, message));
    };
    if rules.name.trim().is_empty() {
        refuse("name", "name_missing", "`name` is required".to_owned());
    }
    if sort.is_none() {
        let message = format!("there is no entity type `{}`", rules.entity_klass);
        refuse("entity_klass", "entity_type_unknown", message);
    }
    if words::trigger_label(&rules.trigger_timing).is_none() {
        let message = format!("`{}` is no moment at which workflows start", rules.trigger_timing);
        refuse("trigger_timing", "trigger_unknown", message);
    }
    if !["always", "once"].contains(&rules.trigger_odds.as_str()) {
        let message = format!("`{}` is neither `always` nor `once`", rules.trigger_odds);
        refuse("trigger_odds", "odds_unknown", message);
    }
    if !["enable", "disable"].contains(&rules.status.as_str()) {
        let message = format!("`{}` is neither `enable` nor `disable`", rules.status);
        refuse("status", "status_unknown", message);
    }
    if !["cannot", "only", "free"].contains(&rules.editable.policy.as_str()) {
        let message = format!("`{}` is none of `cannot`, `only` and `free`", rules.editable.policy);
        refuse("editable.policy", "policy_unknown", message);
    }
    for (index, raw) in rules.trigger_filters.iter().enumerate() {
        let known = read_filter(raw).is_some_and(|it| OPERATORS.iter().any(|(word, _)| *word == it.operator));
        if !known {
            let message = format!("`{raw}` is not a `field`, a known `operator` and a `value`");
            refuse(&format!("trigger_filters[{index}]"), "filter_unknown", message);
        }
    }
    problems
}

const OPERATORS: &[(&str, &str)] = &[
    ("equal", "等于"),
    ("not_equal", "不等于"),
    ("gt", "大于"),
    ("gte", "大于等于"),
    ("lt", "小于"),
    ("lte", "小于等于"),
    ("in", "属于"),
    ("not_in", "不属于"),
    ("contains", "包含"),
    ("is_null", "为空"),
    ("not_null", "不为空"),
];

fn read_filter(raw: &Json) -> Option<Filter> {
    serde_json::from_value(raw.clone()).ok()
}

/// An exact decimal; money must never be compared as a float.
fn number(value: &Json) -> Option<Decimal> {
    let text = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::Map;
    use zhupi_engine::Directory;
    use zhupi_engine::entity::{Judged, Scene, Timing, diff, fires, judge};
    use zhupi_engine::ids::UserId;

    fn map(value: Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    fn sort() -> EntityType {
        serde_json::from_value(json!({"key": "Contract", "name": "合同"})).unwrap()
    }

    fn rules(more: Json) -> Rules {
        let mut rules = map(json!({"name": "r", "entity_klass": "Contract"}));
        rules.extend(map(more));
        serde_json::from_value(Json::Object(rules)).unwrap()
    }

    fn holds(filters: Json, data: Json) -> bool {
        let trigger = to_trigger(&rules(json!({ "trigger_filters": filters })), Some(&sort())).unwrap();
        let (sort, after) = (sort(), map(data));
        let scene = Scene {
            sort: &sort,
            told: Timing::Created,
            changed: &[],
            after: &after,
            by: UserId(uuid::Uuid::nil()),
            department: None,
            today: date(2026, 3, 2),
            directory: &Directory::default(),
        };
        fires(&trigger, &scene)
    }

    fn check(field: &str, operator: &str, value: Json, expected: bool) {
        let data = json!({"amount": 0.3, "big": "10000.10", "kind": "A", "none": "", "who": {"name": "Li"}});
        let filter = json!([{"field": field, "operator": operator, "value": value}]);
        assert_eq!(holds(filter.clone(), data), expected, "{filter}");
    }

    #[test]
    fn filters_compare_exactly_and_never_hold_on_nothing() {
        check("amount", "equal", json!("0.30"), true);
        check("big", "gte", json!(10000.1), true);
        check("big", "gt", json!(10000.1), false);
        check("big", "in", json!([1, "10000.1"]), true);
        check("big", "not_in", json!([1, 2]), true);
        check("big", "not_in", json!([1, "10000.10"]), false);
        check("kind", "in", json!(["A", "B"]), true);
        check("kind", "not_in", json!(["A"]), false);
        check("kind", "gt", json!(1), false);
        check("who", "contains", json!("L"), true);
        for operator in ["equal", "not_equal", "not_in", "contains", "not_null"] {
            check("none", operator, json!("x"), false);
            check("absent", operator, json!("x"), false);
        }
        check("absent", "gt", json!(1), false);
        check("absent", "is_null", Json::Null, true);
    }

    #[test]
    fn all_filters_have_to_hold() {
        let filters = json!([
            {"field": "a", "operator": "in", "value": [1, 2]},
            {"field": "b", "operator": "in", "value": ["x", "y"]},
        ]);
        assert!(holds(filters.clone(), json!({"a": 2, "b": "x"})));
        assert!(!holds(filters.clone(), json!({"a": 3, "b": "x"})));
        assert!(!holds(filters, json!({"a": 1, "b": "z"})));
    }

    #[test]
    fn the_editable_policy_decides_about_changes() {
        let old = map(json!({"title": "a", "sn": 1}));
        let judge = |enable: i64, policy: &str, new: Json| {
            let editable = json!({"enable": enable, "policy": policy, "fields": ["sn"]});
            let trigger = to_trigger(&rules(json!({ "editable": editable })), Some(&sort())).unwrap();
            judge(&trigger.editable, &diff(&old, &map(new)))
        };
        assert_eq!(judge(1, "cannot", json!({"title": "a"})), Judged::GoesOn);
        assert_eq!(judge(1, "cannot", json!({"sn": 2})), Judged::Locked(vec!["sn".to_owned()]));
        assert_eq!(judge(1, "only", json!({"sn": 2})), Judged::GoesOn);
        let both = json!({"sn": 2, "title": "b"});
        assert_eq!(judge(1, "only", both), Judged::Locked(vec!["title".to_owned()]));
        for (enable, policy) in [(1, "free"), (0, "cannot")] {
            assert!(matches!(judge(enable, policy, json!({"title": "b"})), Judged::AskAgain(_)));
        }
    }

    #[test]
    fn rules_that_cannot_work_are_all_named() {
        let rules = json!({"name": " ", "entity_klass": "Rocket", "trigger_timing": "melted",
            "trigger_odds": "often", "editable": {"policy": "maybe"}, "status": "on", "trigger_filters": [7]});
        let rules: Rules = serde_json::from_value(rules).unwrap();
        assert_eq!(to_trigger(&rules, None).unwrap_err().len(), 7);
    }

    #[test]
    fn filters_that_can_never_hold_are_refused() {
        for filter in [
            json!({"field": "a", "operator": "gt", "value": "much"}),
            json!({"field": "a", "operator": "equal"}),
            json!({"field": "a", "operator": "in", "value": []}),
        ] {
            let rules = rules(json!({ "trigger_filters": [filter] }));
            assert_eq!(to_trigger(&rules, Some(&sort())).unwrap_err()[0].code, "filter_unknown");
        }
    }
}
