//! What rules that yield people find, before anything is made of it (semantics B1 step 1). Inactive people included:
//! the next step drops them and remembers who they were.

use super::levels::{department_head_at, supervisor_at};
use super::{Found, Scene, Why, WhyRule};
use crate::form::Value;
use crate::ids::{FieldId, NodeId, UserId};
use crate::template::{Block, PersonRule};

/// The people of all rules, in the order of the rules.
pub(crate) fn find_people(rules: &[PersonRule], node: Option<&NodeId>, scene: Scene<'_>) -> Vec<Found> {
    rules.iter().flat_map(|rule| find(rule, node, scene)).collect()
}

fn find(rule: &PersonRule, node: Option<&NodeId>, scene: Scene<'_>) -> Vec<Found> {
    let directory = scene.directory;
    match rule {
        PersonRule::Members(users) => by_rule(users, &WhyRule::Member),
        PersonRule::InitiatorPick { .. } => {
            let picked = node.and_then(|node| scene.instance.picks.get(node));
            picked.map_or_else(Vec::new, |users| by_rule(users, &WhyRule::Picked))
        }
        PersonRule::Initiator => by_rule(&[scene.instance.initiator], &WhyRule::Initiator),
        PersonRule::Supervisor(level) => supervisor_at(level, scene),
        PersonRule::DepartmentHead(level) => department_head_at(level, scene),
        PersonRule::Role(id) => directory.role(*id).map_or_else(Vec::new, |role| {
            by_rule(&role.members, &WhyRule::Role { role: *id, name: role.name.clone() })
        }),
        PersonRule::Group(id) => directory.group(*id).map_or_else(Vec::new, |group| {
            by_rule(&group.members, &WhyRule::Group { group: *id, name: group.name.clone() })
        }),
        PersonRule::FormPerson(field) => match scene.instance.form.get(field) {
            Some(Value::People(users)) => {
                let title = scene.template.form.field(field).map_or_else(String::new, |it| it.title.clone());
                by_rule(users, &WhyRule::FormPerson { field: field.clone(), title })
            }
            _ => Vec::new(),
        },
        PersonRule::ApproverPick { .. } => {
            let picked = node.and_then(|node| scene.instance.picks.get(node));
            picked.map_or_else(Vec::new, |users| by_rule(users, &WhyRule::ApproverPicked))
        }
        PersonRule::Item { column } => people_of_item(column.as_ref(), scene),
    }
}

/// The person a branch runs for, or the people in a column of its rows.
fn people_of_item(column: Option<&FieldId>, scene: Scene<'_>) -> Vec<Found> {
    let line = scene.instance.line_of(scene.token);
    let Some(token) = line.iter().filter_map(|id| scene.instance.token(*id)).find(|it| it.item.is_some())
    else {
        return Vec::new();
    };
    let (Some(item), Some(Block::Each(each))) =
        (&token.item, token.fork.as_ref().and_then(|fork| scene.template.block(fork)))
    else {
        return Vec::new();
    };
    let title = |id: &FieldId| scene.template.form.field(id).map_or_else(String::new, |it| it.title.clone());
    let rule = WhyRule::Item { title: title(&each.list) };
    match (column, &item.value) {
        (None, Some(Value::People(users))) => by_rule(users, &rule),
        (None, _) => Vec::new(),
        (Some(column), _) => {
            let Some(Value::Rows(rows)) = scene.instance.form.get(&each.list) else { return Vec::new() };
            let own = rows.iter().filter(|row| item.rows.contains(&row.id));
            let people = own.filter_map(|row| match row.get(column) {
                Some(Value::People(users)) => Some(users),
                _ => None,
            });
            people.flat_map(|users| by_rule(users, &rule)).collect()
        }
    }
}

fn by_rule(users: &[UserId], rule: &WhyRule) -> Vec<Found> {
    users.iter().map(|user| Found { user: *user, why: Why::by(rule.clone()) }).collect()
}
