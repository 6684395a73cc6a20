//! A flow drawn as boxes and arrows, translated into blocks where it is one simple chain; refused, with the offending
//! box named, where it is anything else. Pure.

use super::wire::{Element, Graph, Parameters};
use super::words;
use crate::app::entities::{BODY_FIELD, TITLE_FIELD};
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, HashSet};
use zhupi_engine::Problem;
use zhupi_engine::form::{Field, FieldKind, Form};
use zhupi_engine::ids::UserId;
use zhupi_engine::template::{
    Approval, Approvers, Block, Dedup, Demand, EmptyRule, PersonRule, SelfRule, Settings, Template,
    WithdrawRule,
};

/// Where the members of a node that only this surface knows are kept.
pub const EDITABLE_MEMBER: &str = "crm_editable_fields";

/// Everything about a workflow that is not in the drawing.
pub struct Around<'a> {
    pub name: &'a str,
    /// May decide in an approver's place, and decide where nobody is found.
    pub managers: Vec<UserId>,
    /// Told at the end.
    pub notify: Vec<UserId>,
    /// The people behind account numbers; whoever is missing is unknown.
    pub users: &'a HashMap<i64, UserId>,
}

/// All account numbers the drawing mentions.
pub fn uids(graph: &Graph) -> HashSet<i64> {
    let parameters = graph.elements.iter().filter_map(|element| element.parameters.as_ref());
    parameters.flat_map(|it| users_of(it).iter().filter_map(uid_of)).collect()
}

/// The template behind a drawing, or everything wrong with the drawing.
pub fn to_template(graph: &Graph, around: &Around<'_>) -> Result<Template, Vec<Problem>> {
    let mut problems = Vec::new();
    let chain = find_chain(graph, &mut problems);
    let mut flow = Vec::new();
    for element in chain {
        if let Some(node) = read_approval(element, graph, around, &mut problems) {
            flow.push(Block::Approval(node));
        }
    }
    if flow.is_empty() && problems.is_empty() {
        problems.push(problem("elements", "no_approval", "the flow has no APPROVEELEMENT"));
    }
    let settings = read_settings(graph, around);
    if problems.is_empty() {
        Ok(Template { name: around.name.to_owned(), form: form(), flow, settings })
    } else {
        Err(problems)
    }
}

/// The boxes between start and end, in order.
fn find_chain<'a>(graph: &'a Graph, problems: &mut Vec<Problem>) -> Vec<&'a Element> {
    check_elements(graph, problems);
    check_sequences(graph, problems);
    let start = graph.elements.iter().find(|it| it.kind == "STARTEVENT");
    let (Some(start), true) = (start, problems.is_empty()) else { return Vec::new() };
    let mut chain = Vec::new();
    let mut seen = HashSet::from([start.id.as_str()]);
    let mut here = start;
    while here.kind != "ENDEVENT" {
        let Some(next) = follow(graph, here, problems) else { return Vec::new() };
        if !seen.insert(&next.id) {
            problems.push(element_problem(next, "element_repeated", "lies on a circle"));
            return Vec::new();
        }
        if next.kind == "APPROVEELEMENT" {
            chain.push(next);
        }
        here = next;
    }
    for left in graph.elements.iter().filter(|it| !seen.contains(it.id.as_str())) {
        problems.push(element_problem(left, "element_unreachable", "is not on the way from start to end"));
    }
    chain
}

fn check_elements(graph: &Graph, problems: &mut Vec<Problem>) {
    let mut ids = HashSet::new();
    for element in &graph.elements {
        if !ids.insert(&element.id) {
            problems.push(element_problem(element, "element_twice", "is there twice"));
        }
        match element.kind.as_str() {
            "STARTEVENT" | "APPROVEELEMENT" | "ENDEVENT" => (),
            kind => problems.push(element_problem(
                element,
                "element_unknown",
                &format!("has the type `{kind}`, which cannot be translated"),
            )),
        }
    }
    for kind in ["STARTEVENT", "ENDEVENT"] {
        let count = graph.elements.iter().filter(|it| it.kind == kind).count();
        if count != 1 {
            let message = format!("exactly one {kind} is needed, there are {count}");
            problems.push(problem("elements", "edge_count", &message));
        }
    }
}

fn check_sequences(graph: &Graph, problems: &mut Vec<Problem>) {
    for (index, arrow) in graph.sequences.iter().enumerate() {
        for end in [&arrow.source_ref, &arrow.target_ref] {
            if !graph.elements.iter().any(|it| &it.id == end) {
                let message = format!("sequence `{}` names element `{end}`, which does not exist", arrow.id);
                problems.push(problem(&format!("sequences[{index}]"), "element_missing", &message));
            }
        }
    }
}

fn follow<'a>(graph: &'a Graph, from: &Element, problems: &mut Vec<Problem>) -> Option<&'a Element> {
    let arrows: Vec<_> = graph.sequences.iter().filter(|it| it.source_ref == from.id).collect();
    let [arrow] = arrows.as_slice() else {
        let message = format!("has {} ways out, exactly one can be translated", arrows.len());
        problems.push(element_problem(from, "not_a_chain", &message));
        return None;
    };
    graph.elements.iter().find(|it| it.id == arrow.target_ref)
}

fn read_approval(
    element: &Element,
    graph: &Graph,
    around: &Around<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Approval> {
    let Some(parameters) = &element.parameters else {
        problems.push(element_problem(element, "approver_missing", "names no approver"));
        return None;
    };
    let before = problems.len();
    let members = read_members(element, parameters, around, problems);
    let word = parameters.approve_type.as_deref().unwrap_or("ORAPPROVE");
    let mode = words::signing_mode(word);
    if mode.is_none() {
        let message = format!("has the approveType `{word}`, which is unknown");
        problems.push(element_problem(element, "approve_type_unknown", &message));
    }
    let empty = empty_rule(graph.settings.empty_approver_status.as_deref());
    if empty.is_none() {
        problems.push(problem(
            "settings.emptyApproverStatus",
            "empty_status_unknown",
            "only AUTOMATIC_FORWARD_TO_ADMIN, AUTOMATIC_PASS and AUTOMATIC_REJECT are known",
        ));
    }
    if problems.len() > before {
        return None;
    }
    let title = parameters.name.as_ref().unwrap_or(&element.name);
    let approvers = Approvers::People(vec![PersonRule::Members(members)]);
    Some(Approval {
        mode: mode?,
        self_rule: Some(self_rule(graph)),
        empty: empty?,
        opinion: opinion(parameters),
        other: Map::from_iter([(EDITABLE_MEMBER.to_owned(), json!(parameters.allow_editable_fields))]),
        ..Approval::new(element.id.clone(), title, approvers)
    })
}

fn read_members(
    element: &Element,
    parameters: &Parameters,
    around: &Around<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<UserId> {
    for (kind, value) in &parameters.approvers {
        if kind != "users" && !is_nothing(value) {
            let message = format!("names approvers by `{kind}`, which cannot be translated");
            problems.push(element_problem(element, "approver_kind_unknown", &message));
        }
    }
    let mut members = Vec::new();
    for user in users_of(parameters) {
        match uid_of(user).and_then(|uid| around.users.get(&uid)) {
            Some(user) => members.push(*user),
            None => {
                let uid = user.get("uid").unwrap_or(&Json::Null);
                let message = format!("names the uid `{uid}`, which nobody has");
                problems.push(element_problem(element, "user_unknown", &message));
            }
        }
    }
    if users_of(parameters).is_empty() {
        problems.push(element_problem(element, "approver_missing", "names no approver"));
    }
    members
}

fn read_settings(graph: &Graph, around: &Around<'_>) -> Settings {
    let asked = &graph.settings;
    Settings {
        managers: around.managers.clone(),
        dedup: if asked.allow_repeat_approval { Dedup::None } else { Dedup::Consecutive },
        withdraw: match asked.allow_withdraw {
            Some(false) => WithdrawRule::Never,
            None | Some(true) => WithdrawRule::WhileRunning,
        },
        cc_at_end: match around.notify.as_slice() {
            [] => Vec::new(),
            people => vec![PersonRule::Members(people.to_vec())],
        },
        allow_add_cc: asked.allow_add_cc,
        allow_agent: asked.allow_admin_proxy,
        ..Settings::default()
    }
}

fn self_rule(graph: &Graph) -> SelfRule {
    if graph.settings.allow_approval_when_init_approver { SelfRule::Approve } else { SelfRule::Skip }
}

fn empty_rule(word: Option<&str>) -> Option<EmptyRule> {
    match word {
        None | Some("AUTOMATIC_FORWARD_TO_ADMIN") => Some(EmptyRule::TemplateAdmin),
        Some("AUTOMATIC_PASS") => Some(EmptyRule::AutoApprove),
        Some("AUTOMATIC_REJECT") => Some(EmptyRule::AutoReject),
        Some(_) => None,
    }
}

fn opinion(parameters: &Parameters) -> Demand {
    match parameters.approval_opinion.as_deref() {
        Some("required") => Demand::Required,
        _ => Demand::Optional,
    }
}

fn form() -> Form {
    Form {
        fields: vec![
            Field::new(TITLE_FIELD, "审批对象", FieldKind::Text),
            Field::new(BODY_FIELD, "对象内容", FieldKind::TextArea),
        ],
    }
}

fn users_of(parameters: &Parameters) -> &[Json] {
    parameters.approvers.get("users").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn uid_of(user: &Json) -> Option<i64> {
    let uid = user.get("uid")?;
    uid.as_i64().or_else(|| uid.as_str()?.trim().parse().ok())
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::String(text) => text.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn problem(path: &str, code: &str, message: &str) -> Problem {
    Problem::error(format!("workflow_version.{path}"), code, message)
}

fn element_problem(element: &Element, code: &str, message: &str) -> Problem {
    problem(&format!("elements.{}", element.id), code, &format!("element `{}` {message}", element.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn people() -> HashMap<i64, UserId> {
        (1..4).map(|uid| (uid, UserId(Uuid::from_u128(uid as u128)))).collect()
    }

    fn approve(id: &str, uids: &[i64]) -> Json {
        let users: Vec<Json> = uids.iter().map(|uid| json!({"uid": uid, "tabType": "users"})).collect();
        json!({"id": id, "name": id, "type": "APPROVEELEMENT",
            "parameters": {"name": "一级审批", "approvers": {"users": users}, "approveType": "ORAPPROVE"}})
    }

    fn graph(between: Vec<Json>, arrows: &[(&str, &str)], settings: Json) -> Graph {
        let mut elements =
            vec![json!({"id": "s", "type": "STARTEVENT"}), json!({"id": "e", "type": "ENDEVENT"})];
        elements.extend(between);
        let sequences: Vec<Json> = arrows
            .iter()
            .map(|(from, to)| json!({"id": format!("{from}-{to}"), "sourceRef": from, "targetRef": to}))
            .collect();
        serde_json::from_value(json!({"elements": elements, "sequences": sequences, "settings": settings}))
            .unwrap()
    }

    fn translate(graph: &Graph) -> Result<Template, Vec<Problem>> {
        let around = Around { name: "合同审批", managers: vec![], notify: vec![], users: &people() };
        to_template(graph, &around)
    }

    fn refused(graph: &Graph, code: &str, word: &str) {
        let problems = translate(graph).unwrap_err();
        let found = problems.iter().find(|it| it.code == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {problems:?}"));
        assert!(found.message.contains(word), "{found}");
    }

    #[test]
    fn a_chain_becomes_blocks_in_its_order() {
        let graph = graph(
            vec![approve("b", &[2]), approve("a", &[1, 3])],
            &[("s", "a"), ("b", "e"), ("a", "b")],
            json!({"allowRepeatApproval": true, "allowApprovalWhenInitApprover": true, "allowAdminProxy": true,
                "allowWithdraw": false, "emptyApproverStatus": "AUTOMATIC_PASS"}),
        );
        let template = translate(&graph).unwrap();
        let ids: Vec<&str> = template.flow.iter().map(|block| block.id().as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        let Block::Approval(first) = &template.flow[0] else { panic!("not an approval") };
        assert_eq!(first.self_rule, Some(SelfRule::Approve));
        assert_eq!(first.empty, EmptyRule::AutoApprove);
        assert_eq!(
            first.approvers,
            Approvers::People(vec![PersonRule::Members(vec![people()[&1], people()[&3]])])
        );
        assert_eq!(template.settings.dedup, Dedup::None);
        assert_eq!(template.settings.withdraw, WithdrawRule::Never);
        assert!(template.settings.allow_agent);
    }

    #[test]
    fn a_fork_is_refused_and_named() {
        let fork = graph(
            vec![approve("a", &[1]), approve("b", &[2])],
            &[("s", "a"), ("s", "b"), ("a", "e"), ("b", "e")],
            json!({}),
        );
        refused(&fork, "not_a_chain", "`s`");
    }

    #[test]
    fn a_circle_is_refused_and_named() {
        let circle = graph(
            vec![approve("a", &[1]), approve("b", &[2])],
            &[("s", "a"), ("a", "b"), ("b", "a")],
            json!({}),
        );
        refused(&circle, "element_repeated", "`a`");
    }

    #[test]
    fn a_box_beside_the_way_is_refused() {
        let beside =
            graph(vec![approve("a", &[1]), approve("b", &[2])], &[("s", "a"), ("a", "e")], json!({}));
        refused(&beside, "element_unreachable", "`b`");
    }

    #[test]
    fn a_dead_end_and_a_loose_arrow_are_refused() {
        refused(&graph(vec![approve("a", &[1])], &[("s", "a")], json!({})), "not_a_chain", "`a`");
        refused(&graph(vec![], &[("s", "ghost")], json!({})), "element_missing", "`ghost`");
    }

    #[test]
    fn boxes_that_cannot_be_translated_are_named() {
        let gateway = json!({"id": "g", "type": "EXCLUSIVEGATEWAY"});
        refused(&graph(vec![gateway], &[("s", "g"), ("g", "e")], json!({})), "element_unknown", "`g`");
        let mut roles = approve("a", &[1]);
        roles["parameters"]["approvers"]["roles"] = json!([{"id": 7}]);
        refused(&graph(vec![roles], &[("s", "a"), ("a", "e")], json!({})), "approver_kind_unknown", "roles");
        let mut vote = approve("a", &[1]);
        vote["parameters"]["approveType"] = json!("VOTE");
        refused(&graph(vec![vote], &[("s", "a"), ("a", "e")], json!({})), "approve_type_unknown", "VOTE");
    }

    #[test]
    fn an_approval_without_a_known_person_is_refused() {
        let way = [("s", "a"), ("a", "e")];
        refused(&graph(vec![approve("a", &[])], &way, json!({})), "approver_missing", "`a`");
        refused(&graph(vec![approve("a", &[99])], &way, json!({})), "user_unknown", "99");
        refused(&graph(vec![], &[("s", "e")], json!({})), "no_approval", "APPROVEELEMENT");
    }

    #[test]
    fn an_unknown_empty_rule_is_refused_once_it_matters() {
        let odd =
            graph(vec![approve("a", &[1])], &[("s", "a"), ("a", "e")], json!({"emptyApproverStatus": "X"}));
        refused(&odd, "empty_status_unknown", "AUTOMATIC_PASS");
    }
}
