//! Our template in this surface's words: for templates that were last changed elsewhere, and for the nodes of an approval.
//! What this surface has no word for gets a number it refuses to read (control type 0, user type −1, rule 0), so that
//! nothing is lost silently when such a template is sent back.

use super::super::numbers::{Numbering, People};
use super::super::wire::{KEPT, Object, Problems, UNKNOWN_CONTROL, control_number};
use super::Reading;
use super::conditions::{self, Rendering};
use super::flow::{CONDITION, IMPLICIT, LINES, chain_of_copies};
use serde_json::{Map, Value as Json, json};
use zhupi_engine::condition::{Group, Scope};
use zhupi_engine::form::{DEFAULT_CURRENCY, Field};
use zhupi_engine::ids::UserId;
use zhupi_engine::template::{
    Approval, Approvers, Block, Branch, Cc, ChainEnd, EmptyRule, Lane, Line, Mode, PersonRule, Template, When,
};

/// The company's number where a template names none: a workspace is one company.
const COMPANY: i64 = 1;

/// A template as this surface would have been sent it.
pub fn render_template(template: &Template, numbering: &Numbering, people: &People) -> Json {
    let settings = &template.settings;
    let mut body = kept(&settings.other);
    body.insert("name".into(), json!(template.name));
    body.insert("visible_scopes".into(), render_scopes(&settings.visible_to, people));
    let manager = |id: &UserId| json!({"corpid": COMPANY, "userid": people.user_number(*id)});
    body.insert("managers".into(), settings.managers.iter().map(manager).collect());
    let control = |field| render_control(field, numbering);
    body.insert("content".into(), template.form.fields.iter().map(control).collect());
    body.insert("flow_data".into(), Json::Array(render_flow(template, numbering, people)));
    Json::Object(body)
}

/// The nodes of a template.
pub fn render_flow(template: &Template, numbering: &Numbering, people: &People) -> Vec<Json> {
    render_blocks(None, &template.flow, &Rendering { people, form: &template.form, numbering })
}

fn kept(other: &Map<String, Json>) -> Map<String, Json> {
    other.get(KEPT).and_then(Json::as_object).cloned().unwrap_or_default()
}

fn render_scopes(scope: &Scope, people: &People) -> Json {
    let mut entries: Vec<Json> = Vec::new();
    entries.extend(
        scope
            .departments
            .iter()
            .map(|id| json!({"corpid": COMPANY, "partid": people.department_number(*id)})),
    );
    entries
        .extend(scope.users.iter().map(|id| json!({"corpid": COMPANY, "userid": people.user_number(*id)})));
    if entries.is_empty() {
        entries.push(json!({"corpid": COMPANY}));
    }
    Json::Array(entries)
}

/// A control with all its members.
pub fn render_control(field: &Field, numbering: &Numbering) -> Json {
    let mut control = kept(&field.other);
    let option = |option: &zhupi_engine::form::FieldOption| json!({"command": numbering.option(&field.id, &option.id), "txt": option.label});
    let options: Vec<Json> = field.options.iter().map(option).collect();
    control.insert("id".into(), json!(numbering.field(&field.id)));
    let number = if says_more(field) { UNKNOWN_CONTROL } else { control_number(field.kind) };
    control.insert("type".into(), json!(number));
    control.insert("title".into(), json!(field.title));
    control.insert("required".into(), json!(field.required));
    control.insert("not_print".into(), json!(field.not_print));
    control.insert("placeholder".into(), json!(field.placeholder));
    control.insert("options".into(), if options.is_empty() { Json::Null } else { Json::Array(options) });
    if let Some(extra) = &field.extra {
        control.insert("extra".into(), json!(extra));
    }
    if !field.columns.is_empty() {
        let columns = numbering.columns(field);
        let drawn = field.columns.iter().map(|column| render_control(column, &columns));
        control.insert("columns".into(), drawn.collect());
    }
    if let Some(best) = field.best {
        control.insert("best".into(), json!(best));
    }
    if let Some(unit) = field.duration_unit {
        control.insert("duration_unit".into(), json!(unit));
    }
    Json::Object(control)
}

/// It has rules for which this surface has no word: read back without them it would be another control.
fn says_more(field: &Field) -> bool {
    let rules = [&field.formula, &field.show_if, &field.required_if];
    rules.into_iter().any(Option::is_some)
        || field.default.is_some()
        || field.options_source.is_some()
        || field.own_currency() != DEFAULT_CURRENCY
        || field.material
}

/// A branch is drawn on the node before it; one that has none before it gets a condition node without conditions.
fn render_blocks(opening: Option<Json>, blocks: &[Block], rendering: &Rendering<'_>) -> Vec<Json> {
    let mut can_carry = opening.is_some();
    let mut nodes: Vec<Json> = opening.into_iter().collect();
    for block in blocks {
        match block {
            Block::Approval(node) => nodes.push(render_approval(node, rendering)),
            Block::Cc(node) => nodes.push(render_cc(node, rendering)),
            // The family has no word for these: their place is drawn, and what lies in their lanes.
            Block::Parallel(_) | Block::Each(_) => {
                nodes.push(bare_node(rendering.numbering.node(block.id()), block.title()));
                nodes.extend(block.lists().flat_map(|list| render_blocks(None, list, rendering)));
            }
            Block::Delay(_) | Block::Trigger(_) | Block::SubProcess(_) | Block::Route(_) | Block::Auto(_) => {
                nodes.push(bare_node(rendering.numbering.node(block.id()), block.title()));
            }
            Block::Branch(branch) => {
                if !can_carry {
                    nodes.push(bare_node(carrier_number(branch, rendering), &branch.title));
                }
                if let Some(Json::Object(carrier)) = nodes.last_mut() {
                    carrier.insert("lines".into(), render_lines(branch, rendering));
                }
            }
        }
        can_carry = !matches!(block, Block::Branch(_));
    }
    nodes
}

/// The number of the node that a branch was read from, if it was read from one of ours.
fn carrier_number(branch: &Branch, rendering: &Rendering<'_>) -> i64 {
    let read = branch.id.as_str().strip_suffix(LINES).and_then(|number| number.parse().ok());
    read.unwrap_or_else(|| rendering.numbering.node(&branch.id))
}

fn bare_node(id: i64, title: &str) -> Json {
    json!({
        "id": id, "node_type": CONDITION, "title": title, "select_type": 0, "select_range": 0, "user_type": 0,
        "all_user_dismiss": 1, "rule": 0, "add_more_copyers": 0, "source": 0, "lines": null,
    })
}

fn render_approval(node: &Approval, rendering: &Rendering<'_>) -> Json {
    let asked = match &node.approvers {
        Approvers::People(rules) => Asked::of(rules, rendering.people),
        Approvers::Chain(chain) => match (chain.line, &chain.end) {
            (Line::Supervisors, ChainEnd::Levels(level)) => Asked::level(4, *level),
            (Line::DepartmentHeads, ChainEnd::Levels(level)) => Asked::level(6, *level),
            (
                Line::Supervisors | Line::DepartmentHeads,
                ChainEnd::FromTop(_) | ChainEnd::Role { .. } | ChainEnd::Department(_) | ChainEnd::Limit(_),
            ) => Asked::UNKNOWN,
        },
    };
    let mut members = kept(&node.other);
    members.insert("id".into(), json!(rendering.numbering.node(&node.id)));
    members.insert("node_type".into(), json!(1));
    members.insert("title".into(), json!(node.title));
    members.insert("rule".into(), json!(mode_number(node.mode)));
    members.insert("all_user_dismiss".into(), json!(empty_number(&node.empty)));
    members.insert("add_more_copyers".into(), json!(0));
    asked.write(members)
}

fn render_cc(node: &Cc, rendering: &Rendering<'_>) -> Json {
    let asked = (0..=9)
        .find_map(|level| {
            let is = |rule: fn(_) -> PersonRule| chain_of_copies(level, rule) == node.people;
            if is(PersonRule::Supervisor) {
                return Some(Asked::level(4, level));
            }
            is(PersonRule::DepartmentHead).then(|| Asked::level(6, level))
        })
        .unwrap_or_else(|| Asked::of(&node.people, rendering.people));
    let mut members = kept(&node.other);
    members.insert("id".into(), json!(rendering.numbering.node(&node.id)));
    members.insert("node_type".into(), json!(2));
    members.insert("title".into(), json!(node.title));
    members.insert("rule".into(), json!(0));
    members.insert("all_user_dismiss".into(), json!(1));
    members.insert("add_more_copyers".into(), json!(i64::from(node.allow_more)));
    asked.write(members)
}

fn mode_number(mode: Mode) -> i64 {
    match mode {
        Mode::InTurn => 0,
        Mode::Countersign { .. } => 1,
        Mode::OrSign { .. } => 2,
        // The family has no votes; everybody is asked at once, as under countersign.
        Mode::Vote(_) => 1,
    }
}

fn empty_number(rule: &EmptyRule) -> i64 {
    match rule {
        EmptyRule::TemplateAdmin => 1,
        EmptyRule::AutoApprove => 2,
        EmptyRule::AutoReject
        | EmptyRule::Members(_)
        | EmptyRule::NextLevel
        | EmptyRule::InitiatorPicks
        | EmptyRule::BlockSubmit => -1,
    }
}

/// Who is asked, in this surface's words.
struct Asked {
    user_type: i64,
    select_type: i64,
    level: u8,
    members: Vec<i64>,
}

impl Asked {
    const UNKNOWN: Asked = Asked { user_type: -1, select_type: 1, level: 0, members: Vec::new() };

    fn of(rules: &[PersonRule], people: &People) -> Asked {
        let numbers = |users: &[UserId]| users.iter().map(|id| people.user_number(*id)).collect();
        match rules {
            [] => Asked { user_type: 0, ..Asked::UNKNOWN },
            [PersonRule::Members(users)] => {
                let select_type = if users.len() > 1 { 2 } else { 1 };
                Asked { user_type: 0, select_type, members: numbers(users), ..Asked::UNKNOWN }
            }
            [PersonRule::InitiatorPick { many, among }] => {
                let select_type = if *many { 2 } else { 1 };
                Asked { user_type: 1, select_type, members: numbers(&among.users), ..Asked::UNKNOWN }
            }
            [PersonRule::Initiator] => Asked { user_type: 2, ..Asked::UNKNOWN },
            [PersonRule::Supervisor(level)] => Asked::level(3, level.level),
            [PersonRule::DepartmentHead(level)] => Asked::level(5, level.level),
            rules => Asked::groups(rules, people).unwrap_or(Asked::UNKNOWN),
        }
    }

    fn level(user_type: i64, level: u8) -> Asked {
        Asked { user_type, level, ..Asked::UNKNOWN }
    }

    fn groups(rules: &[PersonRule], people: &People) -> Option<Asked> {
        let group = |rule: &PersonRule| match rule {
            PersonRule::Group(group) => Some(people.group_number(*group)),
            PersonRule::Members(_)
            | PersonRule::InitiatorPick { .. }
            | PersonRule::Initiator
            | PersonRule::Supervisor(_)
            | PersonRule::DepartmentHead(_)
            | PersonRule::Role(_)
            | PersonRule::FormPerson(_)
            | PersonRule::ApproverPick { .. }
            | PersonRule::Item { .. } => None,
        };
        let members = rules.iter().map(group).collect::<Option<Vec<i64>>>()?;
        Some(Asked { user_type: 7, members, ..Asked::UNKNOWN })
    }

    fn write(self, mut node: Map<String, Json>) -> Json {
        node.insert("user_type".into(), json!(self.user_type));
        node.insert("select_type".into(), json!(self.select_type));
        node.insert("level".into(), json!(self.level));
        node.insert("members".into(), json!(self.members));
        node.insert("approvers".into(), json!(self.members));
        node.entry("source").or_insert(json!(0));
        node.insert("lines".into(), Json::Null);
        Json::Object(node)
    }
}

fn render_lines(branch: &Branch, rendering: &Rendering<'_>) -> Json {
    let drawn = branch.lanes.iter().filter(|lane| !is_implicit(lane));
    drawn.map(|lane| render_lane(lane, rendering)).collect()
}

/// Added when the template was read, and still without meaning.
fn is_implicit(lane: &Lane) -> bool {
    kept(&lane.other).contains_key(IMPLICIT) && lane.when == When::Default && lane.blocks.is_empty()
}

fn render_lane(lane: &Lane, rendering: &Rendering<'_>) -> Json {
    let kept = kept(&lane.other);
    let number = rendering.numbering.node(&lane.id);
    let mut line = kept.get("line").and_then(Json::as_object).cloned().unwrap_or_default();
    line.insert("line_id".into(), kept.get("line_id").cloned().unwrap_or(json!(number)));
    line.insert("priority".into(), json!(lane.priority));
    let condition = kept.get("condition").and_then(Json::as_object);
    let opening = match (&lane.when, condition) {
        (When::Default, None) => None,
        (When::Default, Some(kept)) => Some(condition_node(lane, number, Some(kept), &[], rendering)),
        (When::AnyOf(groups), kept) => Some(condition_node(lane, number, kept, groups, rendering)),
    };
    let flows = render_blocks(opening, &lane.blocks, rendering);
    line.insert("flows".into(), Json::Array(flows));
    Json::Object(line)
}

/// The node that opens a line. Conditions that still mean what was sent are given back as they were sent.
fn condition_node(
    lane: &Lane,
    number: i64,
    kept: Option<&Map<String, Json>>,
    groups: &[Group],
    rendering: &Rendering<'_>,
) -> Json {
    let mut node = match bare_node(number, &lane.title) {
        Json::Object(node) => node,
        _ => Map::new(),
    };
    node.insert("conditions".into(), conditions::render(groups, rendering));
    for (name, value) in kept.into_iter().flatten() {
        if name != "conditions" || is_same(value, groups, rendering) {
            node.insert(name.clone(), value.clone());
        }
    }
    Json::Object(node)
}

fn is_same(sent: &Json, groups: &[Group], rendering: &Rendering<'_>) -> bool {
    let problems = Problems::default();
    let node = json!({"conditions": sent});
    let read = Object::root(&node, &problems).map(|node| {
        let reading = Reading { people: rendering.people, form: rendering.form, problems: &problems };
        conditions::read(&node, &reading)
    });
    problems.or(read).is_ok_and(|read| read == groups)
}
