//! What the people of today make of a template. By itself: `template/check.rs`.

mod groups;
mod initiators;
mod lanes;
mod loops;
mod today;

pub(super) use lanes::lint_branches;
pub(super) use loops::lint_loops;

use super::{Approvers, Block, Chain, ChainEnd, EmptyRule, Line, PersonRule, Template};
use crate::condition::Scope;
use crate::directory::Directory;
use crate::ids::{RoleId, UserId};
use crate::problem::Problem;

/// What the people of today make of a template: roles without holders, departments without heads, people who are
/// disabled or unknown, chains that end at nobody, nodes at which nobody is ever asked, initiators who could get through
/// alone. Warnings only, since people change.
pub fn lint_template(template: &Template, directory: &Directory) -> Vec<Problem> {
    let mut problems = Vec::new();
    lint_blocks(&template.flow, "flow", directory, &mut problems);
    lint_users(&template.settings.managers, "settings.managers", directory, &mut problems);
    lint_rules(&template.settings.cc_at_start, "settings.cc_at_start", directory, &mut problems);
    lint_rules(&template.settings.cc_at_end, "settings.cc_at_end", directory, &mut problems);
    if !template.settings.managers.iter().any(|user| directory.is_active(*user))
        && directory.admins().is_empty()
    {
        let message = "there is no administrator to ask where nobody is found";
        problems.push(Problem::warning("settings.managers", "administrator_missing", message));
    }
    lint_circles(template, directory, &mut problems);
    today::lint_ways(template, directory, &mut problems);
    problems
}

fn lint_blocks(blocks: &[Block], path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    for (number, block) in blocks.iter().enumerate() {
        let path = format!("{path}[{number}]");
        match block {
            Block::Approval(node) => {
                let at = format!("{path}.approvers");
                match &node.approvers {
                    Approvers::People(rules) => lint_rules(rules, &at, directory, problems),
                    Approvers::Chain(chain) => lint_chain(chain, &at, directory, problems),
                }
                if let EmptyRule::Members(users) = &node.empty {
                    lint_users(users, &format!("{path}.empty"), directory, problems);
                }
                lint_rules(&node.tells.passed, &format!("{path}.tells.passed"), directory, problems);
                lint_rules(&node.tells.rejected, &format!("{path}.tells.rejected"), directory, problems);
                if node.empty == EmptyRule::AutoApprove {
                    let message = "passes without anybody where nobody is found";
                    problems.push(Problem::warning(format!("{path}.empty"), "auto_approve", message));
                }
            }
            Block::Cc(node) => lint_rules(&node.people, &format!("{path}.people"), directory, problems),
            Block::Branch(_) | Block::Parallel(_) => {
                for (number, lane) in block.lanes().iter().enumerate() {
                    lint_blocks(&lane.blocks, &format!("{path}.lanes[{number}].blocks"), directory, problems);
                }
            }
            Block::Each(each) => lint_blocks(&each.blocks, &format!("{path}.blocks"), directory, problems),
            Block::Delay(_) | Block::Trigger(_) | Block::SubProcess(_) | Block::Route(_) | Block::Auto(_) => {
            }
        }
    }
}

/// People who stand above themselves, where the template looks above people.
fn lint_circles(template: &Template, directory: &Directory, problems: &mut Vec<Problem>) {
    let looks_up = |block: &&Block| match block {
        Block::Approval(node) => match &node.approvers {
            Approvers::Chain(_) => true,
            Approvers::People(rules) => rules
                .iter()
                .any(|rule| matches!(rule, PersonRule::Supervisor(_) | PersonRule::DepartmentHead(_))),
        },
        Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => false,
    };
    if !template.blocks().iter().any(looks_up) {
        return;
    }
    let circles = directory.check().into_iter();
    let found = circles.filter(|it| matches!(it.code.as_str(), "supervisor_circle" | "department_circle"));
    problems.extend(found.map(|it| Problem::warning("flow", &it.code, it.message)));
}

fn lint_chain(chain: &Chain, path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    if chain.line == Line::DepartmentHeads {
        lint_headless(path, directory, problems);
    }
    let path = format!("{path}.end");
    match &chain.end {
        ChainEnd::Role { role, .. } => lint_role(*role, &path, directory, problems),
        ChainEnd::Department(id) if directory.department(*id).is_none() => {
            problems.push(Problem::warning(path, "department_unknown", "there is no such department"));
        }
        ChainEnd::Department(_) | ChainEnd::Levels(_) | ChainEnd::FromTop(_) | ChainEnd::Limit(_) => {}
    }
}

fn lint_role(id: RoleId, path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    let role = directory.role(id).map(|role| (&role.name, &role.members));
    lint_holders(role, "role", path, directory, problems);
}

fn lint_rules(rules: &[PersonRule], path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    for (number, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{number}]");
        match rule {
            PersonRule::Members(users) => lint_users(users, &path, directory, problems),
            PersonRule::Role(id) => lint_role(*id, &path, directory, problems),
            PersonRule::Group(id) => {
                let group = directory.group(*id).map(|group| (&group.name, &group.members));
                lint_holders(group, "group", &path, directory, problems);
            }
            PersonRule::DepartmentHead(_) => lint_headless(&path, directory, problems),
            PersonRule::InitiatorPick { among, .. } | PersonRule::ApproverPick { among, .. } => {
                lint_offer(among, &path, directory, problems)
            }
            PersonRule::Initiator
            | PersonRule::Supervisor(_)
            | PersonRule::FormPerson(_)
            | PersonRule::Item { .. } => {}
        }
    }
}

fn lint_offer(among: &Scope, path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    if !directory.users().iter().any(|user| user.active && directory.in_scope(user.id, among)) {
        problems.push(Problem::warning(path, "offer_empty", "there is nobody the initiator could pick"));
    }
}

fn lint_users(users: &[UserId], path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    for user in users.iter().filter(|user| !directory.is_active(**user)) {
        let message = format!("`{}` is unknown or disabled", directory.name(*user));
        problems.push(Problem::warning(path, "user_not_active", message));
    }
}

fn lint_holders(
    named: Option<(&String, &Vec<UserId>)>,
    what: &str,
    path: &str,
    directory: &Directory,
    problems: &mut Vec<Problem>,
) {
    let message = match named {
        None => format!("there is no such {what}"),
        Some((_, members)) if members.iter().any(|user| directory.is_active(*user)) => return,
        Some((name, _)) => format!("nobody active is in the {what} `{name}`"),
    };
    problems.push(Problem::warning(path, &format!("{what}_empty"), message));
}

fn lint_headless(path: &str, directory: &Directory, problems: &mut Vec<Problem>) {
    let headless = |heads: &[UserId]| !heads.iter().any(|head| directory.is_active(*head));
    let names: Vec<&str> = directory
        .departments()
        .into_iter()
        .filter(|it| headless(&it.heads))
        .map(|it| it.name.as_str())
        .collect();
    if !names.is_empty() {
        let message = format!("departments without an active head: {}", names.join(", "));
        problems.push(Problem::warning(path, "department_headless", message));
    }
}
