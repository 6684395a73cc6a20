//! The JSON of this surface, in its own words: a tolerant reader that knows the path of everything it reads, the numbers
//! that stand for kinds and rules, and the answers.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use zhupi_engine::Problem;
use zhupi_engine::form::FieldKind;

/// Findings of one reading, in the order they were met.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub fn add(&self, path: impl Into<String>, code: &str, message: impl Into<String>) {
        self.0.borrow_mut().push(Problem::error(path, code, message));
    }

    /// `value`, if there is one and nothing was found.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let problems = self.0.into_inner();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(problems),
        }
    }
}

/// A JSON object and where it stands. Absent and `null` members are the same; a member of the wrong type is a finding and
/// then read as if it were absent. Whole numbers may come as text.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    pub map: &'a Map<String, Json>,
    pub path: String,
    problems: &'a Problems,
}

impl<'a> Object<'a> {
    /// The outermost object; `None`, with a finding, where the JSON is something else.
    pub fn root(json: &'a Json, problems: &'a Problems) -> Option<Self> {
        Self::at(json, String::new(), problems)
    }

    fn at(json: &'a Json, path: String, problems: &'a Problems) -> Option<Self> {
        let Json::Object(map) = json else {
            problems.add(path, "wrong_type", "an object is expected");
            return None;
        };
        Some(Self { map, path, problems })
    }

    /// The path of a member.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub fn problem(&self, name: &str, code: &str, message: impl Into<String>) {
        self.problems.add(self.path_of(name), code, message);
    }

    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        let number = whole_number(value);
        if number.is_none() {
            self.problem(name, "wrong_type", "a whole number is expected");
        }
        number
    }

    /// Like `int`; an absent number is a finding.
    pub fn required_int(&self, name: &str) -> i64 {
        if self.get(name).is_none() {
            self.problem(name, "required", format!("`{name}` is required"));
        }
        self.int(name).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> &'a str {
        match self.get(name) {
            None => "",
            Some(Json::String(text)) => text,
            Some(_) => {
                self.problem(name, "wrong_type", "a text is expected");
                ""
            }
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(Json::Bool(flag)) => *flag,
            Some(Json::Number(number)) if number.as_i64() == Some(0) => false,
            Some(Json::Number(number)) if number.as_i64() == Some(1) => true,
            Some(_) => {
                self.problem(name, "wrong_type", "true or false is expected");
                false
            }
        }
    }

    pub fn list(&self, name: &str) -> &'a [Json] {
        match self.get(name) {
            None => &[],
            Some(Json::Array(list)) => list,
            Some(_) => {
                self.problem(name, "wrong_type", "a list is expected");
                &[]
            }
        }
    }

    pub fn objects(&self, name: &str) -> Vec<Object<'a>> {
        let at = |(index, json)| Self::at(json, format!("{}[{index}]", self.path_of(name)), self.problems);
        self.list(name).iter().enumerate().filter_map(at).collect()
    }

    /// People (or groups) of a list: numbers, or objects that hold one as `userid`, `user_id` or `id`.
    pub fn numbers(&self, name: &str) -> Vec<Numbered> {
        let mut found = Vec::new();
        for (index, json) in self.list(name).iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(name));
            match number_of(json) {
                Some(number) => found.push(Numbered { number, path }),
                None => self.problems.add(path, "wrong_type", "a whole number is expected"),
            }
        }
        found
    }

    /// Every member but these, under the one key at which the engine's template keeps them.
    pub fn kept(&self, but: &[&str]) -> Map<String, Json> {
        let rest = self.map.iter().filter(|(name, _)| !but.contains(&name.as_str()));
        let rest: Map<String, Json> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        Map::from_iter([(KEPT.to_owned(), Json::Object(rest))])
    }
}

/// The member of the engine's template under which it keeps what only this surface knows.
pub const KEPT: &str = "wps";

/// A number of somebody, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbered {
    pub number: i64,
    pub path: String,
}

/// A whole number, as a number or as text.
pub fn whole_number(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A whole number, or the number of an object that names somebody.
pub fn number_of(json: &Json) -> Option<i64> {
    match json {
        Json::Object(map) => {
            ["userid", "user_id", "partid", "id"].into_iter().find_map(|name| whole_number(map.get(name)?))
        }
        other => whole_number(other),
    }
}

/// The control kinds, by their numbers. 14 continues the documented list; from 101 on they are our own, far from any that
/// the vendor may give next.
const CONTROLS: [(i64, FieldKind); 19] = [
    (1, FieldKind::Text),
    (2, FieldKind::TextArea),
    (3, FieldKind::File),
    (4, FieldKind::RichText),
    (5, FieldKind::Date),
    (6, FieldKind::Select),
    (7, FieldKind::Info),
    (8, FieldKind::Contact),
    (9, FieldKind::MultiSelect),
    (10, FieldKind::Number),
    (11, FieldKind::Money),
    (12, FieldKind::Image),
    (14, FieldKind::DateRange),
    (101, FieldKind::Department),
    (102, FieldKind::Table),
    (103, FieldKind::Address),
    (104, FieldKind::Phone),
    (105, FieldKind::Rating),
    (106, FieldKind::LinkedInstance),
];

/// The number of a control for which this surface has no word; it is not read again.
pub const UNKNOWN_CONTROL: i64 = 0;

/// The control kind with this number.
pub fn control_kind(number: i64) -> Option<FieldKind> {
    CONTROLS.into_iter().find(|(known, _)| *known == number).map(|(_, kind)| kind)
}

/// The number of a control kind.
pub fn control_number(kind: FieldKind) -> i64 {
    CONTROLS.into_iter().find(|(_, known)| *known == kind).map_or(UNKNOWN_CONTROL, |(number, _)| number)
}

/// The number a condition gives the initiator as its type.
pub const INITIATOR: i64 = 13;

/// The rules of conditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    Belongs,
    NotBelongs,
    ContainsAny,
    ContainsAll,
    ContainsEq,
    Lt,
    Lte,
    Equal,
    Gt,
    Gte,
}

const RULES: [(i64, &str, Rule); 10] = [
    (1, "belongs", Rule::Belongs),
    (2, "not_belongs", Rule::NotBelongs),
    (3, "contains_any", Rule::ContainsAny),
    (4, "contains_all", Rule::ContainsAll),
    (5, "contains_eq", Rule::ContainsEq),
    (6, "lt", Rule::Lt),
    (7, "lte", Rule::Lte),
    (8, "equal", Rule::Equal),
    (9, "gt", Rule::Gt),
    (10, "gte", Rule::Gte),
];

impl Rule {
    /// The rule with this number or word.
    pub fn read(json: &Json) -> Option<Self> {
        let number = whole_number(json);
        let word = json.as_str();
        RULES
            .into_iter()
            .find(|(known, name, _)| Some(*known) == number || Some(*name) == word)
            .map(|(_, _, rule)| rule)
    }

    pub fn number(self) -> i64 {
        RULES.into_iter().find(|(_, _, rule)| *rule == self).map_or(0, |(number, _, _)| number)
    }
}

/// The answer to a call that returns nothing but success.
#[derive(Debug, Serialize)]
pub struct Done {
    pub result: &'static str,
    pub msg: &'static str,
}

impl Done {
    pub const OK: Done = Done { result: "ok", msg: "success" };
}

/// Success, with members of its own beside `result` and `msg`.
#[derive(Debug, Serialize)]
pub struct With<T> {
    #[serde(flatten)]
    done: Done,
    #[serde(flatten)]
    more: T,
}

impl<T> With<T> {
    pub fn new(more: T) -> Self {
        Self { done: Done::OK, more }
    }
}

/// A template was created.
#[derive(Debug, Serialize)]
pub struct CreatedTemplate {
    pub template_code: String,
}

/// A template as it was sent, to the byte. Not flattened: raw JSON does not survive that.
#[derive(Debug, Serialize)]
pub struct TemplateAnswer {
    pub result: &'static str,
    pub msg: &'static str,
    pub template_code: String,
    pub version: u32,
    pub data: Box<RawValue>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Listed<T> {
    pub data: Items<T>,
}

#[derive(Debug, Serialize)]
pub struct Items<T> {
    pub items: Vec<T>,
    pub total: usize,
}

/// A template in a list.
#[derive(Debug, Serialize)]
pub struct TemplateItem {
    pub template_code: String,
    pub name: String,
    pub group_id: i64,
    pub icon: &'static str,
    pub status: &'static str,
    pub version: u32,
}

/// An approval was started. Both names stand for the same opaque text.
#[derive(Debug, Serialize)]
pub struct Started {
    pub approval_code: String,
    pub approval_id: String,
}

/// An approval in a list.
#[derive(Debug, Serialize)]
pub struct ApprovalItem {
    pub approval_id: String,
    pub template_code: String,
    pub name: String,
    pub status: &'static str,
    pub initiator: i64,
    pub create_time: i64,
    pub end_time: i64,
}

/// An approval whole. Times are seconds; an unfinished `end_time` is 0.
#[derive(Debug, PartialEq, Serialize)]
pub struct Detail {
    pub approval_id: String,
    pub approval_code: String,
    pub template_code: String,
    pub name: String,
    pub status: &'static str,
    pub initiator: i64,
    pub current_approver: Vec<i64>,
    pub content: Vec<Json>,
    pub attachments: Vec<Json>,
    pub flow_data: Vec<Json>,
    pub records: Vec<Record>,
    pub create_time: i64,
    pub end_time: i64,
}

/// One thing that happened to an approval.
#[derive(Debug, PartialEq, Serialize)]
pub struct Record {
    pub id: usize,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Who; 0 where a rule did it.
    pub operator: i64,
    /// At which node; 0 where at none.
    pub node_id: i64,
    pub node_name: String,
    pub comment: String,
    pub ctime: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_list: Vec<i64>,
}
