//! Forks and joins (semantics B11): one token a branch, and a join that counts the live tokens of its own fork.

use super::Draft;
use super::advance::{in_order, travel};
use crate::condition::evaluate_groups;
use crate::event::{Event, LaneTried};
use crate::form::{RowId, Value};
use crate::ids::{NodeId, TokenId};
use crate::instance::{Item, Outcome, Status, Token, TokenState, VisitState};
use crate::rejection::Rejection;
use crate::template::{Block, Each, Lane, LaneReject, Next, Parallel, Take, When};

/// A token comes to a fork with lanes.
pub(super) fn parallel<'t>(
    draft: &mut Draft<'t>,
    token: TokenId,
    node: &'t Parallel,
) -> Result<(), Rejection> {
    let lanes: Vec<&Lane> = match node.take {
        Take::All => node.lanes.iter().collect(),
        Take::Matching => matching(draft, token, node),
    };
    draft.emit(Event::TokenForked { token, fork: node.id.clone() });
    let branches = lanes.into_iter().map(|lane| {
        let way = lane.blocks.first().map_or(Next::Join(&node.id), Next::Block);
        (Some(lane.id.clone()), None, way)
    });
    send_off(draft, token, &node.id, branches.collect())
}

/// Each lane whose condition holds, or the default lane.
fn matching<'t>(draft: &mut Draft<'t>, token: TokenId, node: &'t Parallel) -> Vec<&'t Lane> {
    let mut tried = Vec::new();
    let mut chosen = Vec::new();
    for lane in in_order(&node.lanes) {
        let outcome = match &lane.when {
            When::Default if !chosen.is_empty() => continue,
            When::Default => None,
            When::AnyOf(groups) => Some(evaluate_groups(groups, &draft.facts())),
        };
        if outcome.as_ref().is_none_or(|it| it.holds) {
            chosen.push(lane);
        }
        tried.push(LaneTried { lane: lane.id.clone(), outcome });
    }
    let lanes = chosen.iter().map(|lane| lane.id.clone()).collect();
    draft.emit(Event::LanesChosen { token, fork: node.id.clone(), lanes, tried });
    chosen
}

/// A token comes to a fork over the elements of a list. An empty list has nothing to wait for.
pub(super) fn each<'t>(draft: &mut Draft<'t>, token: TokenId, node: &'t Each) -> Result<(), Rejection> {
    let items = items(draft, node);
    let template = draft.template;
    if items.is_empty() {
        return travel(draft, token, template.after(&node.id));
    }
    draft.emit(Event::TokenForked { token, fork: node.id.clone() });
    let way = node.blocks.first().map_or(Next::Join(&node.id), Next::Block);
    let branches = items.into_iter().map(|item| (None, Some(item), way)).collect();
    send_off(draft, token, &node.id, branches)
}

type NewBranch<'t> = (Option<NodeId>, Option<Item>, Next<'t>);

/// All tokens of a fork begin before the first of them moves, so that the join cannot fire early.
fn send_off<'t>(
    draft: &mut Draft<'t>,
    parent: TokenId,
    fork: &NodeId,
    branches: Vec<NewBranch<'t>>,
) -> Result<(), Rejection> {
    let mut ways = Vec::with_capacity(branches.len());
    for (lane, item, way) in branches {
        let token = TokenId(draft.instance.tokens.len() as u32);
        let (parent, fork) = (Some(parent), Some(fork.clone()));
        draft.emit(Event::TokenStarted { token, parent, fork, lane, item });
        ways.push((token, way));
    }
    for (token, way) in ways {
        // A branch before may have ended the instance, or sent everything back.
        if draft.instance.token(token).is_some_and(|it| it.state == TokenState::Live) {
            travel(draft, token, way)?;
        }
    }
    Ok(())
}

/// The elements of the list: people, departments, choices, rows, or groups of rows.
fn items(draft: &Draft<'_>, node: &Each) -> Vec<Item> {
    let single = |value| Item { value: Some(value), rows: Vec::new() };
    match draft.instance.form.get(&node.list) {
        Some(Value::People(users)) => users.iter().map(|it| single(Value::People(vec![*it]))).collect(),
        Some(Value::Departments(ids)) => ids.iter().map(|it| single(Value::Departments(vec![*it]))).collect(),
        Some(Value::Choices(ids)) => ids.iter().map(|it| single(Value::Choice(it.clone()))).collect(),
        Some(Value::Rows(rows)) => {
            let mut items: Vec<Item> = Vec::new();
            for row in rows {
                let value = node.group_by.as_ref().and_then(|column| row.get(column)).cloned();
                match items.iter_mut().find(|it| node.group_by.is_some() && it.value == value) {
                    Some(item) => item.rows.push(row.id),
                    None => items.push(Item { value, rows: vec![row.id] }),
                }
            }
            items
        }
        Some(_) | None => Vec::new(),
    }
}

/// A token comes to the join of its fork, which fires once no other token of the fork is under way.
pub(super) fn arrive(draft: &mut Draft<'_>, token: TokenId, outcome: Outcome) -> Result<(), Rejection> {
    let Some(parent) = draft.instance.token(token).and_then(|it| it.parent) else { return Ok(()) };
    let Some(fork) = draft.instance.token(token).and_then(|it| it.fork.clone()) else { return Ok(()) };
    draft.emit(Event::TokenArrived { token, outcome });
    join_if_done(draft, parent, &fork)
}

/// Fires the join of a fork if no token of it is under way any more.
pub(super) fn join_if_done(draft: &mut Draft<'_>, parent: TokenId, fork: &NodeId) -> Result<(), Rejection> {
    let under_way =
        |it: &Token| it.parent == Some(parent) && matches!(it.state, TokenState::Live | TokenState::Forked);
    if draft.instance.tokens.iter().any(under_way) {
        return Ok(());
    }
    let rejected = rejected_items(draft, parent);
    draft.emit(Event::Joined { token: parent, fork: fork.clone() });
    let template = draft.template;
    if let Some(Block::Each(Each { on_reject: LaneReject::DropRows, list, .. })) = template.block(fork)
        && super::edits::drop_rows(draft, list, &rejected)
    {
        draft.end(Status::Rejected, "");
        return Ok(());
    }
    travel(draft, parent, template.after(fork))
}

/// Rows of the branches that were rejected.
fn rejected_items(draft: &Draft<'_>, parent: TokenId) -> Vec<RowId> {
    let arrived = draft.instance.tokens.iter().filter(|it| it.parent == Some(parent));
    let arrived =
        arrived.filter(|it| it.state == TokenState::Arrived && it.outcome == Some(Outcome::Rejected));
    arrived.filter_map(|it| it.item.as_ref()).flat_map(|item| item.rows.iter().copied()).collect()
}

/// A branch said no: the instance ends, or it is the branch's result.
pub(super) fn reject_branch(draft: &mut Draft<'_>, token: TokenId) -> Result<(), Rejection> {
    let fork = draft.instance.token(token).and_then(|it| it.fork.clone());
    let rule = match fork.and_then(|fork| draft.template.block(&fork)) {
        Some(Block::Parallel(node)) => node.on_reject,
        Some(Block::Each(node)) => node.on_reject,
        Some(_) | None => LaneReject::EndInstance,
    };
    match rule {
        LaneReject::EndInstance => {
            draft.end(Status::Rejected, "");
            Ok(())
        }
        LaneReject::Collect | LaneReject::DropRows => arrive(draft, token, Outcome::Rejected),
    }
}

/// Takes away every token that was forked from this one, with what they stand at.
pub(super) fn cancel_branches(draft: &mut Draft<'_>, token: TokenId) {
    let below = |it: &&Token| it.id != token && draft.instance.line_of(it.id).contains(&token);
    let moving =
        |it: &&Token| matches!(it.state, TokenState::Live | TokenState::Forked | TokenState::Arrived);
    let doomed: Vec<TokenId> =
        draft.instance.tokens.iter().filter(below).filter(moving).map(|it| it.id).collect();
    for token in doomed {
        close_open_visits(draft, token);
        draft.emit(Event::TokenCancelled { token });
    }
}

/// Takes away what a token stands at.
pub(super) fn close_open_visits(draft: &mut Draft<'_>, token: TokenId) {
    while let Some(visit) = draft.instance.open_visit_of(token).map(|visit| visit.id) {
        draft.emit(Event::VisitClosed { at: draft.at, visit, state: VisitState::Cancelled });
    }
}
