//! Beginning: what a submission needs, and a look along the likely path for people and picks it would lack.

use super::advance::start;
use super::verdict::settle;
use super::{Draft, Purpose, TITLE_LIMIT, check_active, check_count, edits, freeze, picks, telling, waiting};
use crate::approvers::Scene;
use crate::command::Submit;
use crate::condition::Scope;
use crate::event::Event;
use crate::form::{FormData, check_values, compute};
use crate::ids::{DepartmentId, NodeId, SlotId, TokenId, UserId};
use crate::instance::{Instance, SlotState, Status, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approvers, Block, EmptyRule, PersonRule, Template, TitleScene};
use std::collections::BTreeMap;

/// Submits for real: guards, the event, the first steps; and refuses where the likely path lacks somebody whom the
/// initiator has to name, or whom the template insists on.
pub(super) fn submit(draft: &mut Draft<'_>, actor: UserId, request: &Submit) -> Result<(), Rejection> {
    if draft.instance.status != Status::Draft {
        return Err(Rejection::AlreadySubmitted);
    }
    if draft.instance.initiator != actor {
        return Err(Rejection::NotInitiator);
    }
    check_request(draft, request)?;
    if insists_on_people(draft.template) {
        let mut ahead =
            Draft::new(draft.template, draft.directory, &draft.instance, draft.at, Purpose::Check);
        ahead.outside.clone_from(&draft.outside);
        begin(&mut ahead, request)?;
        go_ahead(&mut ahead)?;
    }
    begin(draft, request)
}

/// Everything about a submission that can be judged without going along its path. A preview lacks nothing yet.
pub(crate) fn check_request(draft: &Draft<'_>, request: &Submit) -> Result<(), Rejection> {
    let initiator = draft.instance.initiator;
    check_active(draft.directory, initiator)?;
    if !draft.directory.in_scope(initiator, &draft.template.settings.visible_to) {
        return Err(Rejection::TemplateNotVisible);
    }
    let mut problems = check_values(&draft.template.form, &request.form, draft.today());
    if draft.purpose == Purpose::Preview {
        problems.retain(|problem| problem.code != "required");
    }
    if !problems.is_empty() {
        return Err(Rejection::FormInvalid { problems });
    }
    check_picks(draft, &request.picks)?;
    check_cc(draft, request)
}

/// The submission itself and the first steps; also used to look ahead and to preview.
pub(crate) fn begin(draft: &mut Draft<'_>, request: &Submit) -> Result<(), Rejection> {
    let department = choose_department(draft, request)?;
    let form = compute(&draft.template.form, request.form.clone(), draft.today());
    let serial = request.serial.zip(draft.template.settings.serial.as_ref());
    let serial = serial.map(|(count, rule)| rule.serial(count, draft.today()));
    let title = checked_title(draft, request, department, &form, serial.as_deref())?;
    let picks = request.picks.clone();
    let linked = draft.outside.linked.clone();
    let digest = edits::digest(draft.instance.template_version, &form);
    let (at, copied_from) = (draft.at, request.copied_from);
    draft.emit(Event::Submitted { at, title, department, form, picks, serial, linked, copied_from, digest });
    telling::at_start(draft);
    telling::named(draft, &request.cc);
    freeze::freeze(draft);
    start(draft)
}

/// Goes on as if everybody approved and everything that is waited for answered yes, until nothing is waited for any more.
pub(crate) fn go_ahead(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    while draft.instance.status == Status::Running && !draft.is_exhausted() {
        let next = draft.instance.pending().next().map(|(visit, slot)| (visit.id, slot.id, slot.assignee));
        if let Some((visit, slot, by)) = next {
            draft.emit(Event::approval(draft.at, slot, by, String::new()));
            settle(draft, visit)?;
        } else if let Some(slot) = offered(&draft.instance) {
            draft.emit(Event::Claimed { at: draft.at, slot });
        } else if !waiting::answer_all(draft)? {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn offered(instance: &Instance) -> Option<SlotId> {
    let open = instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
    let slot = open.flat_map(|visit| &visit.slots).find(|slot| slot.state == SlotState::Offered);
    slot.map(|slot| slot.id)
}

/// Looking ahead costs as much as the whole path: only for templates that may refuse a submission over it.
pub(super) fn insists_on_people(template: &Template) -> bool {
    template.blocks().into_iter().any(|block| match block {
        Block::Approval(node) => {
            matches!(node.empty, EmptyRule::BlockSubmit | EmptyRule::InitiatorPicks)
                || matches!(&node.approvers, Approvers::People(rules) if rules.iter().any(is_pick))
        }
        Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => false,
    })
}

fn is_pick(rule: &PersonRule) -> bool {
    matches!(rule, PersonRule::InitiatorPick { .. })
}

/// The one he chose, or the only one he has (semantics B2.2).
fn choose_department(draft: &Draft<'_>, request: &Submit) -> Result<Option<DepartmentId>, Rejection> {
    let own = draft.directory.user(draft.instance.initiator).map_or(&[][..], |user| &user.departments);
    match (request.department, own) {
        (Some(department), own) if own.contains(&department) => Ok(Some(department)),
        (Some(department), _) => Err(Rejection::NotInDepartment { department }),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(*only)),
        (None, [first, ..]) if draft.purpose == Purpose::Preview => Ok(Some(*first)),
        (None, _) => Err(Rejection::DepartmentRequired),
    }
}

/// The initiator's own words, else those of the template's rule, else the names of both.
fn checked_title(
    draft: &Draft<'_>,
    request: &Submit,
    department: Option<DepartmentId>,
    form: &FormData,
    serial: Option<&str>,
) -> Result<String, Rejection> {
    let title = request.title.trim();
    if title.chars().count() > TITLE_LIMIT {
        return Err(Rejection::TextTooLong { field: "title", limit: TITLE_LIMIT });
    }
    if !title.is_empty() {
        return Ok(title.to_owned());
    }
    let (instance, directory) = (&draft.instance, draft.directory);
    let scene = TitleScene { instance, directory, department, form, serial, today: draft.today() };
    let made = crate::template::title(draft.template, &scene).filter(|title| !title.is_empty());
    let made =
        made.unwrap_or_else(|| format!("{} · {}", draft.template.name, directory.name(instance.initiator)));
    Ok(made.chars().take(TITLE_LIMIT).collect())
}

pub(super) fn check_picks(draft: &Draft<'_>, picks: &BTreeMap<NodeId, Vec<UserId>>) -> Result<(), Rejection> {
    for (node, users) in picks {
        let offer = offer_of(draft.template, node);
        let scene = draft.scene(TokenId(0));
        check_count("picks", users)?;
        for user in users {
            let offered = offer.is_some_and(|offer| offer.holds(*user, scene));
            let himself = picks::is_initiator_barred(draft, node, *user);
            if !offered || himself || !draft.directory.is_active(*user) {
                return Err(Rejection::PickNotAllowed { node: node.clone(), user: *user });
            }
        }
        match users.as_slice() {
            [] if draft.purpose == Purpose::Preview => {}
            [] => return Err(Rejection::PickMissing { node: node.clone() }),
            [_] => {}
            _ if offer.is_some_and(|offer| offer.many) => {}
            _ => return Err(Rejection::PickTooMany { node: node.clone() }),
        }
    }
    Ok(())
}

/// Whom the initiator may pick for a node.
#[derive(Clone, Copy)]
struct Offer<'t> {
    many: bool,
    among: Option<&'t Scope>,
}

impl Offer<'_> {
    fn holds(self, user: UserId, scene: Scene<'_>) -> bool {
        self.among.is_none_or(|among| scene.directory.in_scope(user, among))
    }
}

fn offer_of<'t>(template: &'t Template, node: &NodeId) -> Option<Offer<'t>> {
    let (rules, when_empty) = match template.block(node)? {
        Block::Approval(node) => {
            let when_empty = node.empty == EmptyRule::InitiatorPicks;
            match &node.approvers {
                Approvers::People(rules) => (&rules[..], when_empty),
                Approvers::Chain(_) => (&[][..], when_empty),
            }
        }
        Block::Cc(node) => (&node.people[..], false),
        Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Delay(_)
        | Block::Trigger(_)
        | Block::SubProcess(_)
        | Block::Route(_)
        | Block::Auto(_) => return None,
    };
    let offered = rules.iter().find_map(|rule| match rule {
        PersonRule::InitiatorPick { many, among } => Some(Offer { many: *many, among: Some(among) }),
        PersonRule::Members(_)
        | PersonRule::Initiator
        | PersonRule::Supervisor(_)
        | PersonRule::DepartmentHead(_)
        | PersonRule::Role(_)
        | PersonRule::Group(_)
        | PersonRule::FormPerson(_)
        | PersonRule::ApproverPick { .. }
        | PersonRule::Item { .. } => None,
    });
    offered.or_else(|| when_empty.then_some(Offer { many: true, among: None }))
}

fn check_cc(draft: &Draft<'_>, request: &Submit) -> Result<(), Rejection> {
    if !request.cc.is_empty() && !may_name_cc(draft.template) {
        return Err(Rejection::CcNotAllowed { field: "cc" });
    }
    check_count("cc", &request.cc)?;
    request.cc.iter().try_for_each(|user| check_active(draft.directory, *user))
}

/// The initiator may name people to be told: by the template's switch, or by a node of it.
pub(super) fn may_name_cc(template: &Template) -> bool {
    let by_node = |block: &Block| matches!(block, Block::Cc(node) if node.allow_more);
    template.settings.allow_add_cc || template.blocks().into_iter().any(by_node)
}
