//! A template definition as people send it: read into the engine's type, or every place named at which it cannot be.

use crate::wording::complaint;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use zhupi_engine::form::Field;
use zhupi_engine::template::{
    Approval, Approvers, Auto, Branch, Cc, Delay, Each, Lane, Parallel, Route, Settings, SubProcess, Trigger,
    When,
};
use zhupi_engine::{Problem, Template};

const KINDS: &str =
    "`approval`, `cc`, `branch`, `parallel`, `each`, `delay`, `trigger`, `sub_process`, `route`, `auto`";

/// Reads a definition. Whether it makes sense is another question: `check_template`.
pub fn read_definition(raw: &Json) -> Result<Template, Vec<Problem>> {
    let why = match serde_path_to_error::deserialize::<_, Template>(raw) {
        Ok(template) => return Ok(template),
        Err(why) => why,
    };
    // The reader names no path inside tagged values, so a definition it refuses is looked through piece by piece.
    let mut problems = Vec::new();
    find_in_template(raw, &mut problems);
    if problems.is_empty() {
        problems.push(malformed("", &why));
    }
    Err(problems)
}

fn find_in_template(raw: &Json, problems: &mut Vec<Problem>) {
    let Some(members) = object(raw, "", problems) else { return };
    if let Some(name) = required(members, "", "name", problems) {
        try_read::<String>(name, "name", problems);
    }
    if let Some(form) = required(members, "", "form", problems) {
        for (field, path) in elements(form, "form", problems) {
            try_read::<Field>(field, &path, problems);
        }
    }
    if let Some(flow) = required(members, "", "flow", problems) {
        find_in_blocks(flow, "flow", problems);
    }
    if let Some(settings) = members.get("settings") {
        try_read::<Settings>(settings, "settings", problems);
    }
}

fn find_in_blocks(raw: &Json, path: &str, problems: &mut Vec<Problem>) {
    for (block, path) in elements(raw, path, problems) {
        find_in_block(block, &path, problems);
    }
}

fn find_in_block(raw: &Json, path: &str, problems: &mut Vec<Problem>) {
    let Some(members) = object(raw, path, problems) else { return };
    let Some(kind) = required(members, path, "kind", problems) else { return };
    match kind.as_str() {
        Some("approval") => {
            let Some(approvers) = required(members, path, "approvers", problems) else { return };
            if try_read::<Approvers>(approvers, &format!("{path}.approvers"), problems) {
                try_read::<Approval>(&without(members, "kind"), path, problems);
            }
        }
        Some("cc") => {
            try_read::<Cc>(&without(members, "kind"), path, problems);
        }
        Some("branch") => find_in_lanes::<Branch>(members, path, problems),
        Some("parallel") => find_in_lanes::<Parallel>(members, path, problems),
        Some("each") => {
            let mut bare = without(members, "kind");
            if let Some(blocks) = required(members, path, "blocks", problems) {
                find_in_blocks(blocks, &format!("{path}.blocks"), problems);
                bare["blocks"] = Json::Array(Vec::new());
            }
            try_read::<Each>(&bare, path, problems);
        }
        Some("delay") => {
            try_read::<Delay>(&without(members, "kind"), path, problems);
        }
        Some("trigger") => {
            try_read::<Trigger>(&without(members, "kind"), path, problems);
        }
        Some("sub_process") => {
            try_read::<SubProcess>(&without(members, "kind"), path, problems);
        }
        Some("route") => {
            try_read::<Route>(&without(members, "kind"), path, problems);
        }
        Some("auto") => {
            try_read::<Auto>(&without(members, "kind"), path, problems);
        }
        Some(_) | None => problems.push(Problem::error(
            format!("{path}.kind"),
            "node_kind_unknown",
            format!("no node kind `{}`: it is one of {KINDS}", plain(kind)),
        )),
    }
}

/// Something with lanes, the rest of which reads as `T`.
fn find_in_lanes<T: DeserializeOwned>(members: &Map<String, Json>, path: &str, problems: &mut Vec<Problem>) {
    let mut bare = without(members, "kind");
    if let Some(lanes) = required(members, path, "lanes", problems) {
        for (lane, path) in elements(lanes, &format!("{path}.lanes"), problems) {
            find_in_lane(lane, &path, problems);
        }
        bare["lanes"] = Json::Array(Vec::new());
    }
    try_read::<T>(&bare, path, problems);
}

fn find_in_lane(raw: &Json, path: &str, problems: &mut Vec<Problem>) {
    let Some(members) = object(raw, path, problems) else { return };
    if let Some(blocks) = members.get("blocks") {
        find_in_blocks(blocks, &format!("{path}.blocks"), problems);
    }
    let Some(when) = required(members, path, "when", problems) else { return };
    if try_read::<When>(when, &format!("{path}.when"), problems) {
        try_read::<Lane>(&without(members, "blocks"), path, problems);
    }
}

fn object<'a>(raw: &'a Json, path: &str, problems: &mut Vec<Problem>) -> Option<&'a Map<String, Json>> {
    let members = raw.as_object();
    if members.is_none() {
        problems.push(Problem::error(path, "malformed", "this has to be an object"));
    }
    members
}

fn elements<'a>(raw: &'a Json, path: &str, problems: &mut Vec<Problem>) -> Vec<(&'a Json, String)> {
    let Some(elements) = raw.as_array() else {
        problems.push(Problem::error(path, "malformed", "this has to be a list"));
        return Vec::new();
    };
    elements.iter().enumerate().map(|(at, element)| (element, format!("{path}[{at}]"))).collect()
}

fn required<'a>(
    members: &'a Map<String, Json>,
    path: &str,
    member: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'a Json> {
    let found = members.get(member);
    if found.is_none() {
        let path = if path.is_empty() { member.to_owned() } else { format!("{path}.{member}") };
        problems.push(Problem::error(path, "required", format!("`{member}` is required")));
    }
    found
}

fn without(members: &Map<String, Json>, member: &str) -> Json {
    let mut members = members.clone();
    members.remove(member);
    Json::Object(members)
}

fn try_read<T: DeserializeOwned>(raw: &Json, path: &str, problems: &mut Vec<Problem>) -> bool {
    let found = serde_path_to_error::deserialize::<_, T>(raw).err();
    problems.extend(found.iter().map(|why| malformed(path, why)));
    found.is_none()
}

fn malformed(path: &str, why: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let (inside, message) = complaint(&why.path().to_string(), &why.inner().to_string());
    let path = match (path, inside.as_str()) {
        ("", _) => inside,
        (_, "") => path.to_owned(),
        _ if inside.starts_with('[') => format!("{path}{inside}"),
        _ => format!("{path}.{inside}"),
    };
    Problem::error(path, "malformed", message)
}

fn plain(raw: &Json) -> String {
    raw.as_str().map_or_else(|| raw.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::read_definition;
    use serde_json::json;

    fn check(definition: &serde_json::Value, expected: &[(&str, &str)]) {
        let problems = read_definition(definition).err().unwrap_or_default();
        let found: Vec<(&str, &str)> =
            problems.iter().map(|problem| (problem.path.as_str(), problem.code.as_str())).collect();
        assert_eq!(found, expected, "{problems:?}");
    }

    #[test]
    fn an_unknown_node_kind_is_named_with_its_path() {
        let flow = json!([{ "kind": "branch", "id": "b", "lanes": [
            { "id": "l", "when": "default", "blocks": [{ "kind": "teleport", "id": "t", "title": "" }] }
        ] }]);
        check(
            &json!({ "name": "n", "form": [], "flow": flow }),
            &[("flow[0].lanes[0].blocks[0].kind", "node_kind_unknown")],
        );
    }

    #[test]
    fn every_malformed_place_is_named_at_once() {
        let flow = json!([
            { "kind": "approval", "id": "a", "title": "A" },
            { "kind": "approval", "id": "b", "title": "B", "approvers": { "people": [{ "wizard": 1 }] } },
            7
        ]);
        check(
            &json!({ "form": [{ "id": "f", "kind": "hologram", "title": "" }], "flow": flow }),
            &[
                ("name", "required"),
                ("form[0].kind", "malformed"),
                ("flow[0].approvers", "required"),
                ("flow[1].approvers.people[0]", "malformed"),
                ("flow[2]", "malformed"),
            ],
        );
    }

    #[test]
    fn a_flow_that_is_no_list_is_refused() {
        check(&json!({ "name": "n", "form": [], "flow": {} }), &[("flow", "malformed")]);
        check(&json!([]), &[("", "malformed")]);
    }
}
