//! What is made of the people the rules found: the steps of semantics B1 in their order, one function each.

use super::eligible::{Barred, Place, barred};
use super::levels::{department_of, nearest_head, supervisor_of};
use super::substitutes::stand_in;
use super::{Found, Scene, Why, WhyNote, WhyRule};
use crate::form::{Access, Field};
use crate::ids::{FieldId, TokenId, UserId};
use crate::instance::{AutoReason, Instance, SlotState, TokenState, Visit, VisitKind, VisitState};
use crate::template::{Approval, Block, Dedup, EmptyRule, Mode, SelfRule, Template, Weights};
use std::collections::HashMap;

/// A place to decide, before it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) user: UserId,
    /// Who is asked in his place, he himself as a rule.
    pub(crate) assignee: UserId,
    pub(crate) weight: u32,
    pub(crate) veto: bool,
    pub(crate) group: Option<String>,
    pub(crate) why: Why,
    /// Counts as approved without being asked.
    pub(crate) auto: Option<AutoReason>,
}

impl Candidate {
    /// Somebody with one plain vote.
    pub(crate) fn of(user: UserId, why: Why) -> Self {
        Self { user, assignee: user, weight: 1, veto: false, group: None, why, auto: None }
    }
}

/// What the pipeline comes to.
#[derive(Debug)]
pub(crate) enum Resolution {
    /// These people, in this mode. Some or all of them may count as approved already.
    Ask(Vec<Candidate>, Mode),
    /// Nobody was found, and the node passes then.
    AutoApprove,
    /// Nobody was found, and the node rejects then.
    AutoReject,
    /// Nobody was found, and the initiator has to say who.
    PickMissing,
    /// Nobody was found, and the submission is refused then.
    Refuse,
    /// Nobody was found, and there is no administrator either.
    Nobody,
}

/// Steps 2 to 7 for one visit of a node by a token: how the people found decide together, and what to do without any.
pub(crate) fn resolve(
    found: Vec<Found>,
    node: &Approval,
    (mode, empty): (Mode, &EmptyRule),
    scene: Scene<'_>,
) -> Resolution {
    with_substitutes(find_candidates(found, node, (mode, empty), scene), node, scene)
}

/// An administrator decides in place of the node, be it the initiator himself: he is asked, and not passed over. Absent
/// where there is none.
pub(crate) fn resolve_to_admins(node: &Approval, scene: Scene<'_>) -> Option<Resolution> {
    let (users, rule) = administrators(node, scene)?;
    Some(with_substitutes(ask_them(users, &rule, Mode::default(), Vec::new()), node, scene))
}

/// Step 7: whoever stands in for people who are away.
fn with_substitutes(resolution: Resolution, node: &Approval, scene: Scene<'_>) -> Resolution {
    match resolution {
        Resolution::Ask(candidates, mode) => Resolution::Ask(stand_in(candidates, (node, mode), scene), mode),
        other @ (Resolution::AutoApprove
        | Resolution::AutoReject
        | Resolution::PickMissing
        | Resolution::Refuse
        | Resolution::Nobody) => other,
    }
}

fn find_candidates(
    found: Vec<Found>,
    node: &Approval,
    (mode, empty): (Mode, &EmptyRule),
    scene: Scene<'_>,
) -> Resolution {
    let (able, left_out) = drop_barred(found, node, scene);
    let merged = merge(able);
    let mut candidates = merge_candidates(apply_self_rule(merged, node, scene));
    give_ballots(&mut candidates, node, scene);
    if candidates.is_empty() || lacks_a_group(&candidates, node) {
        return resolve_empty(node, (mode, empty), left_out, scene);
    }
    note_left_out(&mut candidates, left_out);
    mark_duplicates(&mut candidates, node, scene);
    Resolution::Ask(candidates, mode)
}

/// Step 2: people who have left, or whose duties have to be in other hands, are dropped and remembered by name. What the
/// initiator may do is for the self rule to say.
fn drop_barred(found: Vec<Found>, node: &Approval, scene: Scene<'_>) -> (Vec<Found>, Vec<WhyNote>) {
    let mut left_out = Vec::new();
    let able = found.into_iter().filter(|it| match barred(it.user, Place::at(node), scene) {
        None | Some(Barred::Initiator) => true,
        Some(why) => {
            left_out.push(note_of(why, it.user, scene));
            false
        }
    });
    (able.collect(), left_out)
}

fn note_of(why: Barred, user: UserId, scene: Scene<'_>) -> WhyNote {
    let name = scene.directory.name(user);
    match why {
        Barred::Inactive => WhyNote::LeftOut { name },
        Barred::Initiator | Barred::Separated | Barred::HoldsSlot | Barred::NotOffered => {
            WhyNote::Barred { name }
        }
    }
}

/// Step 3: one slot a person, at his first place; the other rules are noted.
fn merge(found: Vec<Found>) -> Vec<Found> {
    let mut places = HashMap::with_capacity(found.len());
    let mut merged: Vec<Found> = Vec::with_capacity(found.len());
    for next in found {
        let place = *places.entry(next.user).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) if first.why.rule != next.why.rule => {
                first.why.notes.push(WhyNote::AlsoBy { rule: Box::new(next.why.rule) });
            }
            Some(_) => {}
            None => merged.push(next),
        }
    }
    merged
}

/// Step 4: the initiator's own slot (B6.1).
fn apply_self_rule(found: Vec<Found>, node: &Approval, scene: Scene<'_>) -> Vec<Candidate> {
    let initiator = scene.instance.initiator;
    let asked = |found: Found| Candidate::of(found.user, found.why);
    let may = |it: &(UserId, WhyRule)| barred(it.0, Place::at(node), scene).is_none();
    found
        .into_iter()
        .filter_map(|found| {
            if found.user != initiator {
                return Some(asked(found));
            }
            match node.self_rule() {
                SelfRule::Approve => Some(asked(found)),
                SelfRule::Skip => Some(Candidate { auto: Some(AutoReason::SelfSkip), ..asked(found) }),
                SelfRule::Supervisor => supervisor_of(initiator, scene)
                    .map(|user| (user, WhyRule::Supervisor { level: 1, of: scene.directory.name(initiator) }))
                    .filter(may)
                    .map(instead_of_initiator),
                SelfRule::DepartmentHead => head_above_initiator(scene).filter(may).map(instead_of_initiator),
                SelfRule::Exclude => None,
            }
        })
        .collect()
}

fn instead_of_initiator((user, rule): (UserId, WhyRule)) -> Candidate {
    Candidate::of(user, Why { rule, notes: vec![WhyNote::InsteadOfInitiator] })
}

fn head_above_initiator(scene: Scene<'_>) -> Option<(UserId, WhyRule)> {
    let initiator = scene.directory.user(scene.instance.initiator)?;
    let start = department_of(initiator.id, scene)?;
    let (head, department) = nearest_head(initiator.id, start, scene)?;
    let path = scene.directory.path_up(start).0;
    let level = path.iter().position(|id| *id == department).map_or(1, |index| index as u32 + 1);
    let name = scene.directory.department(department).map_or_else(String::new, |it| it.name.clone());
    Some((head, WhyRule::DepartmentHead { level, department, name }))
}

/// Whoever stands in for the initiator may hold a slot already.
fn merge_candidates(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut places = HashMap::with_capacity(candidates.len());
    let mut merged: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for next in candidates {
        let place = *places.entry(next.user).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) => first.why.notes.push(WhyNote::AlsoBy { rule: Box::new(next.why.rule) }),
            None => merged.push(next),
        }
    }
    merged
}

/// What each vote weighs, and who has a veto or votes in a group: by whom the rules chose, whoever stands in for him.
pub(crate) fn give_ballots(candidates: &mut [Candidate], node: &Approval, scene: Scene<'_>) {
    for candidate in candidates {
        let own = node.ballots.iter().filter(|it| scene.directory.in_scope(candidate.user, &it.who));
        let weights = own.clone().map(|it| it.weight);
        let weight = match node.weights {
            Weights::Highest => weights.max(),
            Weights::Sum => weights.reduce(u32::saturating_add),
        };
        candidate.weight = weight.unwrap_or(1);
        if let Some(first) = own.clone().next() {
            candidate.veto = first.veto;
            candidate.group.clone_from(&first.group);
        }
    }
}

/// A group that has to reach something has nobody: that is as bad as nobody at all, since its control would be gone.
fn lacks_a_group(candidates: &[Candidate], node: &Approval) -> bool {
    node.quorums.iter().any(|quorum| !candidates.iter().any(|it| it.group.as_ref() == Some(&quorum.group)))
}

fn note_left_out(candidates: &mut [Candidate], left_out: Vec<WhyNote>) {
    if let Some(first) = candidates.first_mut() {
        first.why.notes.extend(left_out);
    }
}

/// Step 5: people who have approved this instance before (B7).
fn mark_duplicates(candidates: &mut [Candidate], node: &Approval, scene: Scene<'_>) {
    if !may_be_spared(node, scene) {
        return;
    }
    let path = scene.instance.line_of(scene.token);
    let mut earlier = human_visits(scene.instance, &path);
    let counted: Vec<&Visit> = match scene.template.settings.dedup {
        Dedup::None | Dedup::LastOnly => return,
        Dedup::FirstOnly => earlier.collect(),
        Dedup::Consecutive => {
            let last = earlier.next_back();
            last.filter(|it| !joined_since(scene.instance, &path, it)).into_iter().collect()
        }
    };
    for candidate in candidates.iter_mut().filter(|it| it.auto.is_none()) {
        candidate.auto = counted.iter().find_map(|visit| own_approval(visit, candidate.user, scene));
    }
}

/// A node that wants more of a person than his consent asks him in any case (B7 c, d).
pub(crate) fn may_be_spared(node: &Approval, scene: Scene<'_>) -> bool {
    let fields = &scene.template.form.fields;
    let has_to_fill_in = |field: &Field| match node.fields.of(&field.id) {
        Access::Require => true,
        Access::Edit => field.required,
        Access::Read | Access::Hide => false,
    };
    !node.wants_more_than_consent() && !fields.iter().any(has_to_fill_in)
}

/// Visits on a token's own path at which somebody decided himself, in order.
fn human_visits<'i>(instance: &'i Instance, path: &[TokenId]) -> impl DoubleEndedIterator<Item = &'i Visit> {
    let decided = |visit: &&Visit| visit.slots.iter().any(|slot| slot.decided.is_some());
    instance.visits.iter().filter(|visit| path.contains(&visit.token)).filter(decided)
}

/// Somebody decided after a visit in a branch that has joined the token's path since.
fn joined_since(instance: &Instance, path: &[TokenId], last: &Visit) -> bool {
    let done = |id: &TokenId| {
        let state = instance.token(*id).map(|it| it.state);
        matches!(state, Some(TokenState::Finished | TokenState::Cancelled))
    };
    let joined = |visit: &Visit| {
        let line = instance.line_of(visit.token);
        let beside = line.iter().take_while(|id| !path.contains(id));
        beside.clone().count() > 0 && beside.clone().all(done)
    };
    let later = instance.visits.iter().filter(|it| it.id > last.id);
    later.filter(|it| it.slots.iter().any(|slot| slot.decided.is_some())).any(joined)
}

/// What he approved himself, neither by a rule nor in somebody else's place; unless a return made it void, or something
/// changed since on which it hung (B7 a, b). Sending on what he had mended was no approval, nor is carrying something out.
fn own_approval(visit: &Visit, user: UserId, scene: Scene<'_>) -> Option<AutoReason> {
    if visit.superseded || matches!(visit.state, VisitState::Returned | VisitState::Cancelled) {
        return None;
    }
    let approves = match visit.kind {
        VisitKind::Approve => true,
        VisitKind::Pool => {
            !matches!(scene.template.block(&visit.node), Some(Block::Approval(node)) if node.handle)
        }
        VisitKind::Handle
        | VisitKind::Revise
        | VisitKind::Consent
        | VisitKind::Delay
        | VisitKind::Call
        | VisitKind::Child { .. }
        | VisitKind::Pause
        | VisitKind::Auto => false,
    };
    if !approves {
        return None;
    }
    visit.slots.iter().filter(|slot| slot.state == SlotState::Approved).find_map(|slot| {
        let decided = slot.decided.as_ref()?;
        let himself = decided.by == user && slot.absent.unwrap_or(slot.assignee) == user;
        let stands = himself && !has_changed_since(decided.content, scene);
        stands.then_some(AutoReason::Duplicate { slot: slot.id })
    })
}

/// A material field changed after a version of the content.
pub(crate) fn has_changed_since(content: u32, scene: Scene<'_>) -> bool {
    !changed_since(content, scene.template, scene.instance).is_empty()
}

/// Material fields that changed after a version of the content.
pub(crate) fn changed_since(content: u32, template: &Template, instance: &Instance) -> Vec<FieldId> {
    let changed = instance.changed_since(content);
    if changed.is_empty() {
        return Vec::new();
    }
    let material = template.material_fields();
    changed.into_iter().filter(|field| material.contains(field)).cloned().collect()
}

/// Step 6: nobody was found (B8).
fn resolve_empty(
    node: &Approval,
    (mode, empty): (Mode, &EmptyRule),
    left_out: Vec<WhyNote>,
    scene: Scene<'_>,
) -> Resolution {
    match empty {
        EmptyRule::AutoApprove => Resolution::AutoApprove,
        EmptyRule::AutoReject => Resolution::AutoReject,
        EmptyRule::BlockSubmit => Resolution::Refuse,
        EmptyRule::TemplateAdmin => ask_admins(node, left_out, scene),
        EmptyRule::Members(users) => {
            let fallback = (WhyRule::Fallback, mode);
            ask_or_admins(able(users, node, scene), fallback, node, left_out, scene)
        }
        EmptyRule::InitiatorPicks => {
            match scene.instance.picks.get(&node.id).filter(|users| !users.is_empty()) {
                None => Resolution::PickMissing,
                Some(users) => {
                    let picked = (WhyRule::Picked, mode);
                    ask_or_admins(able(users, node, scene), picked, node, left_out, scene)
                }
            }
        }
        EmptyRule::NextLevel => match head_above_initiator(scene) {
            Some((user, rule)) => {
                ask_or_admins(able(&[user], node, scene), (rule, Mode::default()), node, left_out, scene)
            }
            None => ask_admins(node, left_out, scene),
        },
    }
}

/// Those who may decide here.
fn able(users: &[UserId], node: &Approval, scene: Scene<'_>) -> Vec<UserId> {
    users.iter().copied().filter(|user| barred(*user, Place::at(node), scene).is_none()).collect()
}

fn ask_or_admins(
    users: Vec<UserId>,
    (rule, mode): (WhyRule, Mode),
    node: &Approval,
    left_out: Vec<WhyNote>,
    scene: Scene<'_>,
) -> Resolution {
    if users.is_empty() {
        return ask_admins(node, left_out, scene);
    }
    ask_them(users, &rule, mode, left_out)
}

fn ask_them(users: Vec<UserId>, rule: &WhyRule, mode: Mode, left_out: Vec<WhyNote>) -> Resolution {
    let found = users.into_iter().map(|user| Found { user, why: Why::by(rule.clone()) }).collect();
    let asked = |it: Found| Candidate::of(it.user, it.why);
    let mut candidates: Vec<Candidate> = merge(found).into_iter().map(asked).collect();
    note_left_out(&mut candidates, left_out);
    Resolution::Ask(candidates, mode)
}

/// The template's administrators, else the workspace's, one of them; the initiator only where there is nobody else.
fn ask_admins(node: &Approval, left_out: Vec<WhyNote>, scene: Scene<'_>) -> Resolution {
    match administrators(node, scene) {
        Some((users, rule)) => ask_them(users, &rule, Mode::default(), left_out),
        None => Resolution::Nobody,
    }
}

/// Who is asked where nobody else can be.
fn administrators(node: &Approval, scene: Scene<'_>) -> Option<(Vec<UserId>, WhyRule)> {
    let may = |user: &UserId| matches!(barred(*user, Place::at(node), scene), None | Some(Barred::Initiator));
    let managers = scene.template.settings.managers.iter().copied().filter(may).collect();
    let admins = scene.directory.admins().into_iter().filter(may).collect();
    let all: [(Vec<UserId>, WhyRule); 2] =
        [(managers, WhyRule::TemplateAdmin), (admins, WhyRule::WorkspaceAdmin)];
    for (users, rule) in &all {
        let others = users.iter().copied().filter(|user| *user != scene.instance.initiator);
        let others: Vec<UserId> = others.collect();
        if !others.is_empty() {
            return Some((others, rule.clone()));
        }
    }
    all.into_iter().find(|(users, _)| !users.is_empty())
}
