//! What a look ahead takes for granted, as it is sent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use zhupi_engine::command::ReturnTo;
use zhupi_engine::directory::PeopleChanges;
use zhupi_engine::event::Decision;
use zhupi_engine::form::{FormData, read_partial};
use zhupi_engine::ids::{DepartmentId, GroupId, NodeId, RoleId, UserId};
use zhupi_engine::instance::Outcome;
use zhupi_engine::preview::{Assumed, AssumedAct, Assumptions, check_assumptions};
use zhupi_engine::{Directory, Problem, Template};

/// What is taken for granted.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Assumptions)]
pub(super) struct AssumptionsInput {
    /// What happens at nodes.
    decisions: Vec<AssumedInput>,
    people: OtherPeople,
}

/// What happens at a node.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Assumed)]
struct AssumedInput {
    #[schema(value_type = String)]
    node: NodeId,
    /// Only at this level of a chain.
    level: Option<u32>,
    /// Which visit of the node, or of the level; absent: the first.
    round: Option<u32>,
    /// Who alone; absent: everybody who is asked there.
    #[schema(value_type = Option<Uuid>)]
    person: Option<UserId>,
    action: AssumedAction,
    /// Of `return`: to which node; absent: to the initiator.
    #[schema(value_type = Option<String>)]
    to: Option<NodeId>,
    /// Of `return`: to a further level of a chain.
    to_level: Option<u32>,
    /// Of `answer`: `approved`, which is usual, or `rejected`.
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Of `answer`: what it sets, by the template's own controls.
    #[serde(default)]
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AssumedAction {
    Approve,
    Reject,
    Abstain,
    Return,
    /// Nobody does anything until the time is up.
    TimeOut,
    /// A webhook or a sub-process that is waited for answers.
    Answer,
}

/// Other people than those of today. What is not named stays as it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct OtherPeople {
    /// Disabled or gone.
    #[schema(value_type = Vec<Uuid>)]
    gone: Vec<UserId>,
    /// Whom people report to, by person; `null`: nobody.
    #[schema(value_type = Object)]
    supervisors: BTreeMap<UserId, Option<UserId>>,
    /// All heads, by department.
    #[schema(value_type = Object)]
    heads: BTreeMap<DepartmentId, Vec<UserId>>,
    /// All holders, by role.
    #[schema(value_type = Object)]
    roles: BTreeMap<RoleId, Vec<UserId>>,
    /// All members, by group.
    #[schema(value_type = Object)]
    groups: BTreeMap<GroupId, Vec<UserId>>,
}

impl AssumptionsInput {
    /// All of them, or everything that is wrong with them, each with its path: `assumptions.decisions[0].to`.
    pub(super) fn read(
        self,
        template: &Template,
        directory: &Directory,
    ) -> Result<Assumptions, Vec<Problem>> {
        let mut problems = Vec::new();
        let decisions = self.decisions.into_iter().enumerate();
        let decisions =
            decisions.map(|(number, it)| it.read(template, &format!("decisions[{number}]"), &mut problems));
        let decisions = decisions.collect();
        let OtherPeople { gone, supervisors, heads, roles, groups } = self.people;
        let people = PeopleChanges { gone, supervisors, heads, roles, groups };
        let assumptions = Assumptions { decisions, people };
        problems.extend(check_assumptions(template, directory, &assumptions));
        for problem in &mut problems {
            problem.path = format!("assumptions.{}", problem.path);
        }
        if problems.is_empty() { Ok(assumptions) } else { Err(problems) }
    }
}

impl AssumedInput {
    fn read(self, template: &Template, path: &str, problems: &mut Vec<Problem>) -> Assumed {
        self.check_members(path, problems);
        let act = match self.action {
            AssumedAction::Approve => AssumedAct::Decide(Decision::Approve),
            AssumedAction::Reject => AssumedAct::Decide(Decision::Reject),
            AssumedAction::Abstain => AssumedAct::Decide(Decision::Abstain),
            AssumedAction::Return => AssumedAct::Return(match (self.to, self.to_level) {
                (None, _) => ReturnTo::Initiator,
                (Some(node), None | Some(0 | 1)) => ReturnTo::Node(node),
                (Some(node), Some(level)) => ReturnTo::Level { node, level },
            }),
            AssumedAction::TimeOut => AssumedAct::TimeOut,
            AssumedAction::Answer => {
                let values = read_values(template, &self.values, path, problems);
                AssumedAct::Answer { outcome: self.outcome.unwrap_or(Outcome::Approved), values }
            }
        };
        let round = self.round.unwrap_or(1);
        Assumed { node: self.node, level: self.level, round, person: self.person, act }
    }

    /// Members of other actions are mistakes.
    fn check_members(&self, path: &str, problems: &mut Vec<Problem>) {
        let returns = self.action == AssumedAction::Return;
        let answers = self.action == AssumedAction::Answer;
        let members = [
            ("to", self.to.is_some() && !returns),
            ("to_level", self.to_level.is_some() && !(returns && self.to.is_some())),
            ("outcome", self.outcome.is_some() && !answers),
            ("values", !self.values.is_empty() && !answers),
        ];
        for (member, _) in members.into_iter().filter(|(_, unfit)| *unfit) {
            let message = "this belongs to another action";
            problems.push(Problem::error(format!("{path}.{member}"), "member_unfit", message));
        }
    }
}

fn read_values(
    template: &Template,
    values: &Map<String, Value>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> FormData {
    read_partial(&template.form, values).unwrap_or_else(|wrong| {
        problems.extend(wrong.into_iter().map(|problem| {
            let of = problem.path.strip_prefix("form.").unwrap_or(&problem.path);
            Problem { path: format!("{path}.values.{of}"), ..problem }
        }));
        FormData::default()
    })
}
