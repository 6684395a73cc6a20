//! Conditions of lines. They come as a list of lists (one of the lists must hold whole) or as a map from a number to one
//! condition or a list of them, with members in either casing; both mean the same to us.

use super::super::numbers::{Numbering, People};
use super::super::wire::Object;
use super::super::wire::{INITIATOR, Numbered, Rule, control_number, number_of, whole_number};
use super::Reading;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use zhupi_engine::condition::{Compare, Condition, Ends, Group, Scope, SetOp, Subject, Test, TextOp};
use zhupi_engine::form::{Field, FieldKind, Form};
use zhupi_engine::ids::{FieldId, OptionId, UserId};

/// The groups of a condition node.
pub fn read(node: &Object<'_>, reading: &Reading<'_>) -> Vec<Group> {
    read_any(node, reading).into_iter().map(|(_, group)| group).collect()
}

/// The groups of a node that carries lines, each with the number of its line; empty where the node opens a line itself.
pub fn read_numbered(node: &Object<'_>, reading: &Reading<'_>) -> Vec<(i64, Group)> {
    if node.get("node_type").and_then(whole_number) == Some(super::flow::CONDITION) {
        return Vec::new();
    }
    let groups = read_any(node, reading);
    if !groups.is_empty() && !matches!(node.get("conditions"), Some(Json::Object(_))) {
        node.problem("conditions", "wrong_type", "conditions of a node with lines are a map by line");
    }
    groups
}

fn read_any(node: &Object<'_>, reading: &Reading<'_>) -> Vec<(i64, Group)> {
    let path = node.path_of("conditions");
    match node.get("conditions") {
        None => Vec::new(),
        Some(Json::Array(groups)) => (0..)
            .zip(groups)
            .filter_map(|(index, json)| {
                let path = format!("{path}[{index}]");
                let Json::Array(conditions) = json else {
                    reading.problems.add(path, "wrong_type", "a list of conditions is expected");
                    return None;
                };
                read_group(conditions, &path, reading).map(|group| (index, group))
            })
            .collect(),
        Some(Json::Object(map)) => map
            .iter()
            .filter_map(|(key, json)| read_entry(key, json, &format!("{path}.{key}"), reading))
            .collect(),
        Some(_) => {
            reading.problems.add(path, "wrong_type", "a map or a list of lists is expected");
            Vec::new()
        }
    }
}

fn read_entry(key: &str, json: &Json, path: &str, reading: &Reading<'_>) -> Option<(i64, Group)> {
    let Ok(number) = key.trim().parse() else {
        reading.problems.add(path, "wrong_type", format!("`{key}` is not the number of a line"));
        return None;
    };
    let group = match json {
        Json::Array(conditions) => read_group(conditions, path, reading)?,
        one => Group { conditions: read_condition(one, path, reading) },
    };
    Some((number, group))
}

/// An empty list states nothing and is left out.
fn read_group(list: &[Json], path: &str, reading: &Reading<'_>) -> Option<Group> {
    let read = |(index, json)| read_condition(json, &format!("{path}[{index}]"), reading);
    (!list.is_empty()).then(|| Group { conditions: list.iter().enumerate().flat_map(read).collect() })
}

/// A condition as it came; `member` does not mind the casing.
struct Raw<'a> {
    map: &'a Map<String, Json>,
    path: &'a str,
}

impl<'a> Raw<'a> {
    fn member(&self, name: &str) -> Option<&'a Json> {
        let found = self.map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }
}

fn read_condition(json: &Json, path: &str, reading: &Reading<'_>) -> Vec<Condition> {
    let Json::Object(map) = json else {
        reading.problems.add(path, "wrong_type", "a condition is expected");
        return Vec::new();
    };
    let raw = Raw { map, path };
    let found = read_subject(&raw, reading).and_then(|field| {
        let tests = read_tests(&raw, field, reading)?;
        let subject = field.map_or(Subject::Initiator, |field| Subject::Field(field.id.clone()));
        Some(tests.into_iter().map(move |test| Condition { subject: subject.clone(), test }).collect())
    });
    found.unwrap_or_default()
}

/// The control a condition looks at; `Some(None)` for the initiator, who has no control.
fn read_subject<'a>(raw: &Raw<'_>, reading: &Reading<'a>) -> Option<Option<&'a Field>> {
    let id = raw.member("id").and_then(whole_number);
    let kind = raw.member("type").and_then(whole_number);
    let problem = |code: &str, message: String| reading.problems.add(raw.path, code, message);
    match id {
        None => {
            problem("required", "`id` is required".to_owned());
            None
        }
        Some(id) if id < 0 && kind.is_none_or(|kind| kind == INITIATOR) => Some(None),
        Some(id) => {
            let field = reading.form.field(&FieldId(id.to_string()));
            let Some(field) = field else {
                problem("field_unknown", format!("no control `{id}`"));
                return None;
            };
            if kind.is_some_and(|kind| kind != control_number(field.kind)) {
                problem("type_differs", format!("control `{id}` is of another type"));
                return None;
            }
            Some(Some(field))
        }
    }
}

fn read_tests(raw: &Raw<'_>, field: Option<&Field>, reading: &Reading<'_>) -> Option<Vec<Test>> {
    let Some(rule) = raw.member("rule").and_then(Rule::read) else {
        reading.problems.add(format!("{}.rule", raw.path), "rule_unknown", "no such rule");
        return None;
    };
    let value = raw.member("value").unwrap_or(&Json::Null);
    let tests = match field.map(|field| (field, field.kind)) {
        None => people_tests(rule, value, raw, reading),
        Some((_, FieldKind::Contact)) => people_tests(rule, value, raw, reading),
        Some((field, FieldKind::Select)) => choice_tests(rule, &options_in(value, field)),
        Some((field, FieldKind::MultiSelect)) => set_tests(rule, options_in(value, field)),
        Some((
            _,
            FieldKind::Text
            | FieldKind::TextArea
            | FieldKind::RichText
            | FieldKind::Phone
            | FieldKind::Address,
        )) => text_tests(rule, texts_in(value)),
        Some((_, FieldKind::Number | FieldKind::Money | FieldKind::Rating)) => number_tests(rule, value),
        Some((_, FieldKind::Date)) => date_tests(rule, value),
        Some((
            _,
            FieldKind::File
            | FieldKind::Info
            | FieldKind::Image
            | FieldKind::DateRange
            | FieldKind::Department
            | FieldKind::Table
            | FieldKind::LinkedInstance,
        )) => None,
    };
    if tests.is_none() {
        let message = "this rule and value cannot be applied to this control";
        reading.problems.add(raw.path, "condition_unsupported", message);
    }
    tests
}

fn people_tests(rule: Rule, value: &Json, raw: &Raw<'_>, reading: &Reading<'_>) -> Option<Vec<Test>> {
    let scope = read_scope(value, raw, reading);
    let set =
        |op| (scope.departments.is_empty()).then(|| vec![Test::People { op, users: scope.users.clone() }]);
    match rule {
        Rule::Belongs => Some(vec![Test::Belongs { scope }]),
        Rule::NotBelongs => Some(vec![Test::NotBelongs { scope }]),
        Rule::ContainsAny => set(SetOp::ContainsAny),
        Rule::ContainsAll => set(SetOp::ContainsAll),
        Rule::ContainsEq | Rule::Equal => set(SetOp::Equals),
        Rule::Lt | Rule::Lte | Rule::Gt | Rule::Gte => None,
    }
}

/// `{depts, users}`, or a bare list of users.
fn read_scope(value: &Json, raw: &Raw<'_>, reading: &Reading<'_>) -> Scope {
    let mut scope = Scope::default();
    let list = |name: &str| {
        let found = match value {
            Json::Object(map) => {
                map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, it)| it)
            }
            other => (name == "users").then_some(other),
        };
        found.map_or(&[][..], |found| found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice))
    };
    for (index, json) in list("users").iter().enumerate().filter(|(_, json)| !json.is_null()) {
        let path = format!("{}.value.users[{index}]", raw.path);
        scope.users.extend(number_at(json, path, reading).and_then(|it| reading.user(it)));
    }
    for (index, json) in list("depts").iter().enumerate() {
        let path = format!("{}.value.depts[{index}]", raw.path);
        scope.departments.extend(number_at(json, path, reading).and_then(|it| reading.department(it)));
    }
    scope
}

fn number_at(json: &Json, path: String, reading: &Reading<'_>) -> Option<Numbered> {
    let Some(number) = number_of(json) else {
        reading.problems.add(path, "wrong_type", "a whole number is expected");
        return None;
    };
    Some(Numbered { number, path })
}

fn choice_tests(rule: Rule, options: &[OptionId]) -> Option<Vec<Test>> {
    let options = (!options.is_empty()).then(|| options.to_vec())?;
    match rule {
        Rule::Belongs | Rule::ContainsAny => Some(vec![Test::In { options }]),
        Rule::NotBelongs => Some(vec![Test::NotIn { options }]),
        Rule::Equal | Rule::ContainsEq | Rule::ContainsAll if options.len() == 1 => {
            Some(vec![Test::In { options }])
        }
        Rule::Equal | Rule::ContainsEq | Rule::ContainsAll | Rule::Lt | Rule::Lte | Rule::Gt | Rule::Gte => {
            None
        }
    }
}

fn set_tests(rule: Rule, options: Vec<OptionId>) -> Option<Vec<Test>> {
    let op = match rule {
        Rule::Belongs | Rule::ContainsAny => SetOp::ContainsAny,
        Rule::NotBelongs => SetOp::ContainsNone,
        Rule::ContainsAll => SetOp::ContainsAll,
        Rule::ContainsEq | Rule::Equal => SetOp::Equals,
        Rule::Lt | Rule::Lte | Rule::Gt | Rule::Gte => return None,
    };
    (!options.is_empty()).then(|| vec![Test::Choices { op, options }])
}

fn text_tests(rule: Rule, values: Vec<String>) -> Option<Vec<Test>> {
    let test = |op, values| Test::Text { op, values, ignore_case: false };
    if values.is_empty() {
        return None;
    }
    match rule {
        Rule::Belongs | Rule::Equal | Rule::ContainsEq => Some(vec![test(TextOp::Equal, values)]),
        Rule::NotBelongs => Some(vec![test(TextOp::NotEqual, values)]),
        Rule::ContainsAny => Some(vec![test(TextOp::Contains, values)]),
        Rule::ContainsAll => Some(values.into_iter().map(|it| test(TextOp::Contains, vec![it])).collect()),
        Rule::Lt | Rule::Lte | Rule::Gt | Rule::Gte => None,
    }
}

fn number_tests(rule: Rule, value: &Json) -> Option<Vec<Test>> {
    let op = compare(rule)?;
    let currency = value.get("currency").and_then(Json::as_str).map(str::to_owned);
    Some(vec![Test::Number { op, value: decimal(value)?, currency }])
}

fn date_tests(rule: Rule, value: &Json) -> Option<Vec<Test>> {
    let text = value.as_str().or_else(|| value.get("value")?.as_str())?;
    let value: Date = text.trim().get(..10)?.parse().ok()?;
    Some(vec![Test::Date { op: compare(rule)?, value }])
}

fn compare(rule: Rule) -> Option<Compare> {
    match rule {
        Rule::Lt => Some(Compare::Less),
        Rule::Lte => Some(Compare::LessOrEqual),
        Rule::Equal | Rule::ContainsEq => Some(Compare::Equal),
        Rule::Gt => Some(Compare::Greater),
        Rule::Gte => Some(Compare::GreaterOrEqual),
        Rule::Belongs | Rule::NotBelongs | Rule::ContainsAny | Rule::ContainsAll => None,
    }
}

fn decimal(value: &Json) -> Option<Decimal> {
    let text = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        Json::Object(map) => return ["value", "amount"].into_iter().find_map(|name| decimal(map.get(name)?)),
        Json::Null | Json::Bool(_) | Json::Array(_) => return None,
    };
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// Texts of a value that is one, a list of them, or an object with one.
fn texts_in(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => vec![text.clone()],
        Json::Number(number) => vec![number.to_string()],
        Json::Array(list) => list.iter().flat_map(texts_in).collect(),
        Json::Object(map) => {
            let found =
                ["command", "value", "values", "options", "txt"].into_iter().find_map(|name| map.get(name));
            found.map_or_else(Vec::new, texts_in)
        }
        Json::Null | Json::Bool(_) => Vec::new(),
    }
}

/// The options a value names, by number, else by label. One that does not exist is kept, for the checker to name.
fn options_in(value: &Json, field: &Field) -> Vec<OptionId> {
    let find = |text: String| {
        let by_id = field.options.iter().find(|option| option.id.as_str() == text);
        let found = by_id.or_else(|| field.options.iter().find(|option| option.label == text));
        found.map_or_else(|| OptionId(text.clone()), |option| option.id.clone())
    };
    texts_in(value).into_iter().map(find).collect()
}

/// What rendering needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Rendering<'a> {
    pub people: &'a People,
    pub form: &'a Form,
    pub numbering: &'a Numbering,
}

/// Groups as a list of lists. What this surface has no rule for is shown with rule 0, which it refuses to read.
pub fn render(groups: &[Group], rendering: &Rendering<'_>) -> Json {
    let group = |group: &Group| {
        let conditions = group.conditions.iter().flat_map(|condition| render_condition(condition, rendering));
        Json::Array(conditions.collect())
    };
    Json::Array(groups.iter().map(group).collect())
}

fn render_condition(condition: &Condition, rendering: &Rendering<'_>) -> Vec<Json> {
    let (id, kind, field) = match &condition.subject {
        Subject::Initiator => (-1, INITIATOR, None),
        Subject::Lane(_) => (0, 0, None),
        Subject::Field(id) => {
            let kind = rendering.form.field(id).map_or(0, |field| control_number(field.kind));
            (rendering.numbering.field(id), kind, Some(id))
        }
        Subject::Rows { table: id, .. } | Subject::Duration { field: id, .. } => {
            (rendering.numbering.field(id), 0, None)
        }
    };
    let said = match &condition.subject {
        Subject::Initiator | Subject::Field(_) => render_test(&condition.test, field, rendering),
        Subject::Rows { .. } | Subject::Duration { .. } | Subject::Lane(_) => None,
    };
    let Some(said) = said else {
        let value = serde_json::to_value(condition).unwrap_or_default();
        return vec![json!({"id": id, "type": kind, "rule": 0, "value": value})];
    };
    let one =
        |(rule, value): (Rule, Json)| json!({"id": id, "type": kind, "rule": rule.number(), "value": value});
    said.into_iter().map(one).collect()
}

fn render_test(test: &Test, field: Option<&FieldId>, rendering: &Rendering<'_>) -> Option<Vec<(Rule, Json)>> {
    let options = |options: &[OptionId]| -> Option<Json> {
        let field = field?;
        Some(options.iter().map(|option| rendering.numbering.option(field, option)).collect())
    };
    let users =
        |users: &[UserId]| -> Json { users.iter().map(|id| rendering.people.user_number(*id)).collect() };
    match test {
        Test::Belongs { scope } => Some(vec![(Rule::Belongs, render_scope(scope, rendering)?)]),
        Test::NotBelongs { scope } => Some(vec![(Rule::NotBelongs, render_scope(scope, rendering)?)]),
        Test::People { op, users: who } => Some(vec![(set_rule(*op), users(who))]),
        Test::In { options: all } => Some(vec![(Rule::Belongs, options(all)?)]),
        Test::NotIn { options: all } => Some(vec![(Rule::NotBelongs, options(all)?)]),
        Test::Choices { op, options: all } => Some(vec![(set_rule(*op), options(all)?)]),
        Test::Text { op, values, ignore_case: false } => Some(vec![(text_rule(*op)?, json!(values))]),
        Test::Number { op, value, currency } => {
            Some(vec![(compare_rule(*op)?, render_number(value, currency.as_deref()))])
        }
        Test::Between { low, high, ends, currency } => {
            let (from, to) = ends_rules(*ends);
            let currency = currency.as_deref();
            Some(vec![(from, render_number(low, currency)), (to, render_number(high, currency))])
        }
        Test::Date { op, value } => Some(vec![(compare_rule(*op)?, json!(value.to_string()))]),
        Test::DateBetween { first, last } => {
            Some(vec![(Rule::Gte, json!(first.to_string())), (Rule::Lte, json!(last.to_string()))])
        }
        Test::IsEmpty
        | Test::NotEmpty
        | Test::Text { ignore_case: true, .. }
        | Test::WithinDays { .. }
        | Test::Weekday { .. }
        | Test::CountIs { .. }
        | Test::HasExtension { .. }
        | Test::Outcome(_)
        | Test::Field { .. } => None,
    }
}

fn render_scope(scope: &Scope, rendering: &Rendering<'_>) -> Option<Json> {
    if scope.exact || !scope.roles.is_empty() || !scope.groups.is_empty() {
        return None;
    }
    let users: Vec<i64> = scope.users.iter().map(|id| rendering.people.user_number(*id)).collect();
    let depts: Vec<i64> =
        scope.departments.iter().map(|id| rendering.people.department_number(*id)).collect();
    Some(json!({"depts": depts, "users": users}))
}

fn render_number(value: &Decimal, currency: Option<&str>) -> Json {
    match currency {
        None => json!(value.to_string()),
        Some(currency) => json!({"value": value.to_string(), "currency": currency}),
    }
}

fn set_rule(op: SetOp) -> Rule {
    match op {
        SetOp::Equals => Rule::ContainsEq,
        SetOp::ContainsAll => Rule::ContainsAll,
        SetOp::ContainsAny => Rule::ContainsAny,
        SetOp::ContainsNone => Rule::NotBelongs,
    }
}

fn text_rule(op: TextOp) -> Option<Rule> {
    match op {
        TextOp::Equal => Some(Rule::Equal),
        TextOp::NotEqual => Some(Rule::NotBelongs),
        TextOp::Contains => Some(Rule::ContainsAny),
        TextOp::StartsWith => None,
    }
}

fn compare_rule(op: Compare) -> Option<Rule> {
    match op {
        Compare::Less => Some(Rule::Lt),
        Compare::LessOrEqual => Some(Rule::Lte),
        Compare::Equal => Some(Rule::Equal),
        Compare::GreaterOrEqual => Some(Rule::Gte),
        Compare::Greater => Some(Rule::Gt),
        Compare::NotEqual => None,
    }
}

fn ends_rules(ends: Ends) -> (Rule, Rule) {
    match ends {
        Ends::LowOnly => (Rule::Gte, Rule::Lt),
        Ends::Both => (Rule::Gte, Rule::Lte),
        Ends::HighOnly => (Rule::Gt, Rule::Lte),
        Ends::Neither => (Rule::Gt, Rule::Lt),
    }
}
