//! Nodes and lines, read into blocks. A node that has `lines` is followed by a branch; each line opens with a condition
//! node, unless it is the default; where no line is, one that simply goes on is added (semantics, open question 5).

use super::super::wire::{KEPT, Object, whole_number};
use super::{Reading, conditions};
use serde_json::{Map, Value as Json};
use zhupi_engine::condition::{Group, Scope};
use zhupi_engine::ids::{GroupId, NodeId, UserId};
use zhupi_engine::template::{
    AboveTop, AllReject, Approval, Approvers, Block, Branch, Cc, Chain, ChainEnd, EmptyRule, Heads, Lane,
    Level, Line, Mode, OrReject, Order, PersonRule, SelfRule, Start, When,
};

const APPROVE: i64 = 1;
const COPY: i64 = 2;
pub const CONDITION: i64 = 5;

/// What the id of a branch adds to the number of the node that carries its lines.
pub const LINES: &str = "-lines";

/// Members of a node that the engine's template holds.
const HELD: [&str; 13] = [
    "id",
    "node_type",
    "title",
    "select_type",
    "user_type",
    "all_user_dismiss",
    "rule",
    "add_more_copyers",
    "level",
    "members",
    "approvers",
    "lines",
    "conditions",
];

/// The member of a lane's kept part that marks it as added by us.
pub const IMPLICIT: &str = "implicit";

pub fn read_blocks(nodes: &[Object<'_>], reading: &Reading<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for node in nodes {
        match node.required_int("node_type") {
            APPROVE => blocks.push(Block::Approval(read_approval(node, reading))),
            COPY => blocks.push(Block::Cc(read_cc(node, reading))),
            CONDITION => check_bare_carrier(node),
            other => node.problem("node_type", "node_type_unknown", format!("no node of type `{other}`")),
        }
        blocks.extend(read_branch(node, reading));
    }
    blocks
}

/// A condition node that does not open a line may only carry lines of its own.
fn check_bare_carrier(node: &Object<'_>) {
    if node.list("lines").is_empty() {
        node.problem("node_type", "condition_misplaced", "a condition node may only open a line");
    }
}

fn read_approval(node: &Object<'_>, reading: &Reading<'_>) -> Approval {
    let user_type = node.int("user_type").unwrap_or_default();
    let approvers = read_approvers(node, user_type, reading);
    Approval {
        mode: read_mode(node),
        self_rule: (user_type == 2).then_some(SelfRule::Approve),
        empty: read_empty_rule(node),
        other: node.kept(&HELD),
        ..Approval::new(node_id(node), node.text("title"), approvers)
    }
}

fn node_id(node: &Object<'_>) -> NodeId {
    NodeId(node.required_int("id").to_string())
}

fn read_approvers(node: &Object<'_>, user_type: i64, reading: &Reading<'_>) -> Approvers {
    match user_type {
        4 => Approvers::Chain(read_chain(node, Line::Supervisors)),
        6 => Approvers::Chain(read_chain(node, Line::DepartmentHeads)),
        other => Approvers::People(read_people(node, other, reading)),
    }
}

fn read_people(node: &Object<'_>, user_type: i64, reading: &Reading<'_>) -> Vec<PersonRule> {
    match user_type {
        0 => {
            let users = read_members(node, reading);
            if users.is_empty() { Vec::new() } else { vec![PersonRule::Members(users)] }
        }
        1 => vec![PersonRule::InitiatorPick {
            many: node.int("select_type") == Some(2),
            among: Scope { users: read_members(node, reading), ..Scope::default() },
        }],
        2 => vec![PersonRule::Initiator],
        3 => vec![PersonRule::Supervisor(Level::nth(read_level(node)))],
        5 => vec![PersonRule::DepartmentHead(Level::nth(read_level(node)))],
        7 => read_groups(node, reading).into_iter().map(PersonRule::Group).collect(),
        other => {
            node.problem("user_type", "user_type_unknown", format!("no user type `{other}`"));
            Vec::new()
        }
    }
}

/// The table calls the list `members`, the sample `approvers`: both count, each person once.
fn read_members(node: &Object<'_>, reading: &Reading<'_>) -> Vec<UserId> {
    let mut users = Vec::new();
    for entry in [node.numbers("members"), node.numbers("approvers")].concat() {
        users.extend(reading.user(entry).filter(|user| !users.contains(user)));
    }
    users
}

fn read_groups(node: &Object<'_>, reading: &Reading<'_>) -> Vec<GroupId> {
    let mut groups = Vec::new();
    for entry in [node.numbers("members"), node.numbers("approvers")].concat() {
        match reading.people.group(entry.number) {
            Some(group) if groups.contains(&group) => {}
            Some(group) => groups.push(group),
            None => {
                reading.problems.add(
                    entry.path,
                    "group_unknown",
                    format!("no user group `{}`", entry.number),
                );
            }
        }
    }
    groups
}

fn read_level(node: &Object<'_>) -> u8 {
    let level = node.int("level").unwrap_or_default();
    match u8::try_from(level) {
        Ok(level @ 0..=9) => level,
        _ => {
            node.problem("level", "level_out_of_range", format!("level `{level}` is not between 0 and 9"));
            0
        }
    }
}

fn read_chain(node: &Object<'_>, line: Line) -> Chain {
    Chain {
        line,
        end: ChainEnd::Levels(read_level(node)),
        start: Start::default(),
        order: Order::default(),
        heads: if node.int("rule") == Some(1) { Heads::All } else { Heads::Any },
    }
}

fn read_mode(node: &Object<'_>) -> Mode {
    match node.int("rule").unwrap_or_default() {
        0 => Mode::InTurn,
        1 => Mode::Countersign { reject: AllReject::AtOnce },
        2 => Mode::OrSign { reject: OrReject::FirstDecides },
        other => {
            node.problem("rule", "rule_unknown", format!("no approval rule `{other}`"));
            Mode::InTurn
        }
    }
}

fn read_empty_rule(node: &Object<'_>) -> EmptyRule {
    match node.int("all_user_dismiss").unwrap_or_default() {
        0 | 1 => EmptyRule::TemplateAdmin,
        2 => EmptyRule::AutoApprove,
        other => {
            node.problem(
                "all_user_dismiss",
                "all_user_dismiss_unknown",
                format!("no rule `{other}` for a node without approvers"),
            );
            EmptyRule::TemplateAdmin
        }
    }
}

fn read_cc(node: &Object<'_>, reading: &Reading<'_>) -> Cc {
    let people = match node.int("user_type").unwrap_or_default() {
        4 => chain_of_copies(read_level(node), PersonRule::Supervisor),
        6 => chain_of_copies(read_level(node), PersonRule::DepartmentHead),
        other => read_people(node, other, reading),
    };
    Cc {
        id: node_id(node),
        title: node.text("title").to_owned(),
        people,
        allow_more: node.int("add_more_copyers") == Some(1),
        fields: Default::default(),
        other: node.kept(&HELD),
    }
}

/// Everybody on the line up to a level is told, each by a rule of its own; level 0 means all there are.
pub fn chain_of_copies(level: u8, rule: fn(Level) -> PersonRule) -> Vec<PersonRule> {
    let last = if level == 0 { 9 } else { level };
    (1..=last).map(|level| rule(Level { above_top: AboveTop::Empty, ..Level::nth(level) })).collect()
}

fn read_branch(node: &Object<'_>, reading: &Reading<'_>) -> Option<Block> {
    let lines = node.objects("lines");
    if lines.is_empty() {
        return None;
    }
    let carrier = node.int("id").unwrap_or_default();
    let carried = conditions::read_numbered(node, reading);
    check_carried(node, &lines, &carried);
    let mut lanes: Vec<Lane> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| read_lane(line, index, carrier, &carried, reading))
        .collect();
    check_defaults(node, &lanes);
    if lanes.iter().all(|lane| lane.when != When::Default) {
        lanes.push(implicit_lane(carrier, &lanes));
    }
    let id = NodeId(format!("{carrier}{LINES}"));
    Some(Block::Branch(Branch { id, title: String::new(), lanes, other: Map::new() }))
}

/// Conditions that stand on the carrier name a line each, by its `line_id`, else by its `priority`.
fn check_carried(node: &Object<'_>, lines: &[Object<'_>], carried: &[(i64, Group)]) {
    for (number, _) in carried {
        if !lines.iter().any(|line| is_line(line, *number)) {
            node.problem("conditions", "line_unknown", format!("no line `{number}`"));
        }
    }
}

fn is_line(line: &Object<'_>, number: i64) -> bool {
    line.int("line_id") == Some(number) || line.int("priority") == Some(number)
}

fn check_defaults(node: &Object<'_>, lanes: &[Lane]) {
    if lanes.iter().filter(|lane| lane.when == When::Default).count() > 1 {
        node.problem("lines", "several_defaults", "more than one line has no conditions");
    }
}

fn implicit_lane(carrier: i64, lanes: &[Lane]) -> Lane {
    let last = lanes.iter().map(|lane| lane.priority).max().unwrap_or_default();
    Lane {
        id: NodeId(format!("{carrier}-line-default")),
        title: String::new(),
        priority: last.saturating_add(1),
        when: When::Default,
        blocks: Vec::new(),
        other: keep([(IMPLICIT, Json::Bool(true))]),
    }
}

fn read_lane(
    line: &Object<'_>,
    index: usize,
    carrier: i64,
    carried: &[(i64, Group)],
    reading: &Reading<'_>,
) -> Lane {
    let line_id = line.required_int("line_id");
    let flows = line.objects("flows");
    let (opening, rest) = match flows.split_first() {
        Some((first, rest)) if first.get("node_type").and_then(whole_number) == Some(CONDITION) => {
            (Some(first), rest)
        }
        _ => (None, flows.as_slice()),
    };
    let mut groups = opening.map_or_else(Vec::new, |node| conditions::read(node, reading));
    let from_carrier =
        carried.iter().filter(|(number, _)| is_line(line, *number)).map(|(_, group)| group.clone());
    let from_carrier: Vec<Group> = from_carrier.collect();
    if !groups.is_empty() && !from_carrier.is_empty() {
        line.problem("flows", "conditions_twice", "the line has conditions of its own and of its node");
    }
    groups.extend(from_carrier);
    let mut blocks: Vec<Block> = opening.and_then(|node| read_branch(node, reading)).into_iter().collect();
    blocks.extend(read_blocks(rest, reading));
    Lane {
        id: NodeId(format!("{carrier}-line-{line_id}")),
        title: opening.map_or("", |node| node.text("title")).to_owned(),
        priority: line.int("priority").unwrap_or(i64::try_from(index).unwrap_or(i64::MAX)),
        when: if groups.is_empty() { When::Default } else { When::AnyOf(groups) },
        blocks,
        other: kept_of_lane(line_id, line, opening),
    }
}

fn kept_of_lane(line_id: i64, line: &Object<'_>, opening: Option<&Object<'_>>) -> Map<String, Json> {
    let rest = |object: &Object<'_>, but: &[&str]| object.kept(but).remove(KEPT).unwrap_or_default();
    let condition = opening.map_or(Json::Null, |node| rest(node, &["title", "node_type", "lines"]));
    keep([
        ("line_id", Json::from(line_id)),
        ("line", rest(line, &["line_id", "priority", "flows"])),
        ("condition", condition),
    ])
}

fn keep<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Map::from_iter([(KEPT.to_owned(), Json::Object(members))])
}
