//! When a workflow starts, and what may be changed while its record runs. Pure.

use super::wire::{Editable, Filter, Rules};
use super::words;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};
use zhupi_engine::Problem;

/// What becomes of a change that arrives while a record runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Nothing differs.
    None,
    /// It is taken over; the record goes on.
    Allowed,
    /// It is taken over, and has to be approved from the start.
    AskAgain,
    /// These fields may not be changed now.
    Locked(Vec<String>),
}

/// What becomes of turning `old` into `old` with `new` laid over it.
pub fn judge_change(editable: &Editable, old: &Map<String, Json>, new: &Map<String, Json>) -> Change {
    let changed: Vec<String> = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    if changed.is_empty() {
        return Change::None;
    }
    match (editable.enable, editable.policy.as_str()) {
        (0, _) | (_, "free") => Change::AskAgain,
        (_, "only") => {
            let locked: Vec<String> =
                changed.into_iter().filter(|name| !editable.fields.contains(name)).collect();
            if locked.is_empty() { Change::Allowed } else { Change::Locked(locked) }
        }
        _ => Change::Locked(changed),
    }
}

/// Whether all filters hold for the data of an object. A comparison with nothing is false.
pub fn filters_hold(filters: &[Json], data: &Map<String, Json>) -> bool {
    filters.iter().all(|raw| read_filter(raw).is_some_and(|filter| holds(&filter, data)))
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

/// Everything wrong with what somebody wants a workflow to do.
pub fn check_rules(rules: &Rules) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |path: &str, code: &str, message: String| {
        problems.push(Problem::error(format!("workflow.{path}"), code, message));
    };
    if rules.name.trim().is_empty() {
        refuse("name", "name_missing", "`name` is required".to_owned());
    }
    if words::entity_type(&rules.entity_klass).is_none() {
        let message = format!("there is no entity type `{}`", rules.entity_klass);
        refuse("entity_klass", "entity_type_unknown", message);
    }
    if words::trigger_label(&rules.trigger_timing).is_none() {
        let message = format!("`{}` is neither `created` nor `updated`", rules.trigger_timing);
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

fn holds(filter: &Filter, data: &Map<String, Json>) -> bool {
    let value = data.get(&filter.field).filter(|value| !is_empty(value));
    let Some(value) = value else { return filter.operator == "is_null" };
    let numbers = || Some((number(value)?, number(&filter.value)?));
    match filter.operator.as_str() {
        "is_null" => false,
        "not_null" => true,
        "equal" => same(value, &filter.value),
        "not_equal" => !same(value, &filter.value),
        "in" => among(value, &filter.value),
        "not_in" => !among(value, &filter.value),
        "contains" => plain(value).contains(plain(&filter.value).trim()),
        "gt" => numbers().is_some_and(|(left, right)| left > right),
        "gte" => numbers().is_some_and(|(left, right)| left >= right),
        "lt" => numbers().is_some_and(|(left, right)| left < right),
        "lte" => numbers().is_some_and(|(left, right)| left <= right),
        _ => false,
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn same(left: &Json, right: &Json) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left == right,
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => plain(left).trim() == plain(right).trim(),
    }
}

fn among(value: &Json, list: &Json) -> bool {
    match list {
        Json::Array(items) => items.iter().any(|item| same(value, item)),
        single => same(value, single),
    }
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

/// A value as a text, without quotation marks. An object of the CRM goes by its name.
pub fn plain(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Object(members) => match members.get("name").or_else(|| members.get("title")) {
            Some(name) => plain(name),
            None => value.to_string(),
        },
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    fn check(field: &str, operator: &str, value: Json, expected: bool) {
        let data =
            map(json!({"amount": 0.3, "big": "10000.10", "kind": "A", "none": "", "who": {"name": "Li"}}));
        let filter = json!({"field": field, "operator": operator, "value": value});
        assert_eq!(filters_hold(std::slice::from_ref(&filter), &data), expected, "{filter}");
    }

    #[test]
    fn filters_compare_exactly_and_never_hold_on_nothing() {
        check("amount", "equal", json!("0.30"), true);
        check("big", "gte", json!(10000.1), true);
        check("big", "gt", json!(10000.1), false);
        check("kind", "in", json!(["A", "B"]), true);
        check("kind", "not_in", json!(["A"]), false);
        check("kind", "gt", json!(1), false);
        check("who", "contains", json!("L"), true);
        for operator in ["equal", "not_equal", "not_in", "gt", "contains", "not_null"] {
            check("none", operator, json!("x"), false);
            check("absent", operator, json!("x"), false);
        }
        check("absent", "is_null", Json::Null, true);
        check("kind", "no_such", json!("A"), false);
    }

    #[test]
    fn the_editable_policy_decides_about_changes() {
        let old = map(json!({"title": "a", "sn": 1}));
        let policy =
            |policy: &str| Editable { enable: 1, policy: policy.to_owned(), fields: vec!["sn".to_owned()] };
        let judge = |word: &str, new: Json| judge_change(&policy(word), &old, &map(new));
        assert_eq!(judge("cannot", json!({"title": "a"})), Change::None);
        assert_eq!(judge("cannot", json!({"sn": 2})), Change::Locked(vec!["sn".to_owned()]));
        assert_eq!(judge("only", json!({"sn": 2})), Change::Allowed);
        assert_eq!(judge("only", json!({"sn": 2, "title": "b"})), Change::Locked(vec!["title".to_owned()]));
        assert_eq!(judge("free", json!({"title": "b"})), Change::AskAgain);
    }

    #[test]
    fn rules_that_cannot_work_are_all_named() {
        let rules = json!({"name": " ", "entity_klass": "Rocket", "trigger_timing": "deleted",
            "trigger_odds": "often", "editable": {"policy": "maybe"}, "status": "on", "trigger_filters": [7]});
        let rules: Rules = serde_json::from_value(rules).unwrap();
        assert_eq!(check_rules(&rules).len(), 7);
    }
}
