//! Instances that sub-processes begin: begun, ended with the one they belong to, and what came of them told to it. Each
//! step may be done twice and is then done once.

use super::outbox::Trouble;
use crate::app::Shared;
use crate::app::act::{Acted, Options, Submission};
use crate::error::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zhupi_engine::form::FormData;
use zhupi_engine::ids::{DepartmentId, InstanceId, SYSTEM, TemplateId, UserId, VisitId};
use zhupi_engine::instance::{Outcome, VisitState};
use zhupi_engine::{Command, Problem, Rejection, Submit};
use zhupi_store::Delivery;

/// The kind of delivery that begins a child; its target is the child's id.
pub const BEGIN_CHILD: &str = "begin_child";
/// The kind that ends a child nobody waits for any more; its target is the child's id.
pub const END_CHILD: &str = "end_child";
/// The kind that tells what came of a child; its target is the instance that waits.
pub const ANSWER: &str = "answer";

/// Business keys of children begin so; a [`ParentKey`] follows.
pub const PARENT_KEY: &str = "parent:";

/// How deep sub-processes may lie in one another, so that one that begins itself comes to an end.
const DEPTH_LIMIT: u32 = 10;
/// How many sub-processes, of whatever depth, one request may begin, so that a few that begin themselves do not fill the
/// database.
pub const CHILDREN_LIMIT: u32 = 1_000;

/// So many of the problems of a form are named.
const NAMED: usize = 5;

/// To whom a child belongs, as its business key says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParentKey {
    pub parent: InstanceId,
    /// What waits for it there; absent: nothing.
    pub visit: Option<VisitId>,
    /// 1 for a child of an instance that is nobody's child.
    pub depth: u32,
    /// That instance, where it is not the parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<InstanceId>,
}

impl ParentKey {
    /// Reads a business key; `None` where it is none of a child.
    pub fn read(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(PARENT_KEY)?.split(':');
        let (parent, visit, depth) = (parts.next()?, parts.next()?, parts.next()?);
        let visit = match visit {
            "" => None,
            number => Some(VisitId(number.parse().ok()?)),
        };
        let parent = InstanceId(parent.parse().ok()?);
        let root = match parts.next() {
            None => None,
            Some(root) => Some(InstanceId(root.parse().ok()?)),
        };
        Some(Self { parent, visit, depth: depth.parse().ok()?, root })
    }

    /// The instance that is nobody's child.
    pub fn root(&self) -> InstanceId {
        self.root.unwrap_or(self.parent)
    }
}

impl std::fmt::Display for ParentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let visit = self.visit.map_or_else(String::new, |visit| visit.0.to_string());
        write!(f, "{PARENT_KEY}{}:{visit}:{}", self.parent, self.depth)?;
        self.root.map_or(Ok(()), |root| write!(f, ":{root}"))
    }
}

/// A child that is to begin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begin {
    pub key: ParentKey,
    pub template: TemplateId,
    pub initiator: UserId,
    pub department: Option<DepartmentId>,
    pub form: FormData,
}

/// What came of a child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CameOf {
    pub visit: VisitId,
    pub outcome: Outcome,
    pub values: FormData,
}

type Done = Result<(), Trouble>;

/// What waits for a child.
pub fn awaited_by(delivery: &Delivery) -> Option<(InstanceId, VisitId)> {
    let begin: Begin = serde_json::from_str(&delivery.payload).ok()?;
    Some((begin.key.parent, begin.key.visit?))
}

/// The instance that began a child, and the child.
pub fn begun_by(delivery: &Delivery) -> Option<(InstanceId, InstanceId)> {
    let begin: Begin = serde_json::from_str(&delivery.payload).ok()?;
    Some((begin.key.parent, delivery.target.parse().map(InstanceId).ok()?))
}

/// What waits for an answer.
pub fn answered_to(delivery: &Delivery) -> Option<(InstanceId, VisitId)> {
    let came: CameOf = serde_json::from_str(&delivery.payload).ok()?;
    Some((delivery.target.parse().map(InstanceId).ok()?, came.visit))
}

/// Begins a child, as if the initiator of its parent had submitted it.
pub async fn begin(app: &Shared, delivery: &Delivery) -> Done {
    let child = instance_of(delivery)?;
    let begin: Begin = read(delivery)?;
    if exists(app, delivery, child).await? || !is_awaited(app, delivery, &begin.key).await? {
        return Ok(());
    }
    let refused = match one_too_many(app, delivery, &begin.key).await? {
        Some(refused) => refused,
        None => match submit(app, delivery, child, &begin).await {
            Ok(_) | Err(Error::Rejected(Rejection::AlreadySubmitted)) => return Ok(()),
            Err(Error::NotFound) => Refused::openly("its template is not there any more".to_owned()),
            Err(error) => refusal(error)?,
        },
    };
    let why = format!("the sub-process could not begin: {}", refused.why);
    Err(Trouble::Refused { why, told: refused.told })
}

/// Why no child may begin so deep, or under an instance that has so many. Those that begin at the same moment may be a few
/// more.
async fn one_too_many(
    app: &Shared,
    delivery: &Delivery,
    key: &ParentKey,
) -> Result<Option<Refused>, Trouble> {
    if key.depth > DEPTH_LIMIT {
        let why = format!("sub-processes lie more than {DEPTH_LIMIT} deep in one another");
        return Ok(Some(Refused::openly(why)));
    }
    let counted = app.store.count_children(delivery.tenant, key.root(), CHILDREN_LIMIT).await;
    let is_full = counted.map_err(|error| again(error.into()))? >= CHILDREN_LIMIT;
    let why = || format!("the request has begun {CHILDREN_LIMIT} sub-processes, and may begin no more");
    Ok(is_full.then(|| Refused::openly(why())))
}

async fn submit(app: &Shared, delivery: &Delivery, child: InstanceId, begin: &Begin) -> Result<Acted, Error> {
    let form = app.filled_child(delivery.tenant, begin.template, &begin.form).await?;
    app.submit(delivery.tenant, begin.initiator, submission(child, begin, form)).await
}

fn submission(child: InstanceId, begin: &Begin, form: FormData) -> Submission {
    let department = begin.department;
    Submission {
        template: begin.template,
        submit: Submit { department, form, ..Submit::default() },
        business_key: Some(begin.key.to_string()),
        idempotency_key: None,
        instance: Some(child),
        draft: None,
    }
}

async fn exists(app: &Shared, delivery: &Delivery, id: InstanceId) -> Result<bool, Trouble> {
    let found = app.store.load_instance(delivery.tenant, id).await.map_err(|error| again(error.into()))?;
    Ok(found.is_some())
}

/// What waited for a child may have been closed before it could begin. Of one that nobody waits for, the instance it
/// belongs to does not have to run any more.
async fn is_awaited(app: &Shared, delivery: &Delivery, key: &ParentKey) -> Result<bool, Trouble> {
    let Some(visit) = key.visit else { return Ok(true) };
    let loaded = app.store.load_instance(delivery.tenant, key.parent).await;
    let parent = loaded.map_err(|error| again(error.into()))?;
    Ok(parent.is_some_and(|it| it.instance.visit(visit).is_some_and(|it| it.state == VisitState::Open)))
}

/// Ends a child. One that never began, or has ended, needs no end.
pub async fn end(app: &Shared, delivery: &Delivery) -> Done {
    let child = instance_of(delivery)?;
    let reason = "the request it belongs to does not wait for it any more".to_owned();
    let ended =
        app.act(delivery.tenant, SYSTEM, child, Command::Withdraw { reason }, Options::default()).await;
    match ended {
        Ok(_) | Err(Error::NotFound | Error::Rejected(Rejection::NotRunning { .. })) => Ok(()),
        Err(error) => Err(Trouble::Never(refusal(error)?.why)),
    }
}

/// Tells an instance what came of its child.
pub async fn answer(app: &Shared, delivery: &Delivery) -> Done {
    let parent = instance_of(delivery)?;
    let CameOf { visit, outcome, values } = read(delivery)?;
    let command = Command::Answer { visit, outcome, values };
    match app.act(delivery.tenant, SYSTEM, parent, command, Options::default()).await {
        Ok(_) | Err(Error::NotFound) => Ok(()),
        Err(error) => {
            let Refused { why, told } = refusal(error)?;
            Err(Trouble::Refused { why, told })
        }
    }
}

fn instance_of(delivery: &Delivery) -> Result<InstanceId, Trouble> {
    let id = delivery.target.parse().map(InstanceId);
    id.map_err(|_| Trouble::Never("its target is no instance".to_owned()))
}

fn read<T: DeserializeOwned>(delivery: &Delivery) -> Result<T, Trouble> {
    serde_json::from_str(&delivery.payload)
        .map_err(|cause| Trouble::Never(format!("it cannot be read: {cause}")))
}

/// Why something was refused for good: all of it, and what everybody may know who sees the instance that waits. He may
/// not see the values it was filled with.
struct Refused {
    why: String,
    told: String,
}

impl Refused {
    /// Everybody may know all of it.
    fn openly(why: String) -> Self {
        Self { told: why.clone(), why }
    }

    fn of(problems: &[Problem]) -> Self {
        let why = listed(problems, |it| format!("{}: {}", it.path, it.message));
        let told = listed(problems, |it| format!("{} ({})", it.path, it.code));
        Self { why, told }
    }
}

/// What may go well another time is tried again.
fn refusal(error: Error) -> Result<Refused, Trouble> {
    match error {
        Error::Invalid(problems) => Ok(Refused::of(&problems)),
        Error::Rejected(Rejection::FormInvalid { problems }) => Ok(Refused::of(&problems)),
        Error::Rejected(rejection) => {
            Ok(Refused { why: rejection.to_string(), told: rejection.code().to_owned() })
        }
        Error::NotFound | Error::Forbidden | Error::TemplateDisabled | Error::TemplateNotPublished => {
            Ok(Refused::openly(error.to_string()))
        }
        other => Err(again(other)),
    }
}

/// The first of what is wrong with a form.
fn listed(problems: &[Problem], word: impl Fn(&Problem) -> String) -> String {
    let words: Vec<String> = problems.iter().take(NAMED).map(word).collect();
    let rest = problems.len().saturating_sub(NAMED);
    if rest == 0 { words.join("; ") } else { format!("{}; and {rest} more", words.join("; ")) }
}

fn again(error: Error) -> Trouble {
    tracing::warn!(cause = error.cause(), %error, "a step of a sub-process is tried again");
    Trouble::Again("it could not be done now; the log says why".to_owned())
}
