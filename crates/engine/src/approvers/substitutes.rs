//! Who is asked in place of somebody who is away when a visit is opened (semantics B1 step 7, B6.4). Open slots: `sweep.rs`.

use super::eligible::{Place, barred};
use super::resolve::Candidate;
use super::{Scene, WhyNote};
use crate::ids::UserId;
use crate::template::{Approval, Assign, Mode};

/// Puts substitutes in the places of people who are away. Whoever is asked anyway, or stands in for two, has one slot,
/// except in a vote, where each vote counts for itself. One after another, it is looked at when somebody's turn comes.
pub(super) fn stand_in(
    candidates: Vec<Candidate>,
    (node, mode): (&Approval, Mode),
    scene: Scene<'_>,
) -> Vec<Candidate> {
    let looked_at_later = mode == Mode::InTurn;
    if node.wants_own_hand() || node.assign == Assign::Pool || looked_at_later {
        return candidates;
    }
    let (there, away): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .map(|it| (substitute_for(&it, node, scene), it))
        .enumerate()
        .partition(|(_, (substitute, _))| substitute.is_none());
    let mut seats: Vec<(usize, Candidate)> = there.into_iter().map(|(place, (_, it))| (place, it)).collect();
    for (place, (substitute, candidate)) in away {
        let Some((user, note)) = substitute else { continue };
        let asked = |it: &&mut (usize, Candidate)| it.1.assignee == user && it.1.auto.is_none();
        match seats.iter_mut().find(asked).filter(|_| !matches!(mode, Mode::Vote(_))) {
            Some((_, his)) => his.why.notes.push(note),
            None => {
                let mut seat = Candidate { assignee: user, ..candidate };
                seat.why.notes.push(note);
                seats.push((place, seat));
            }
        }
    }
    seats.sort_by_key(|(place, _)| *place);
    seats.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Nobody where he is there, has approved already, or the other one may not decide here: then he keeps it.
fn substitute_for(candidate: &Candidate, node: &Approval, scene: Scene<'_>) -> Option<(UserId, WhyNote)> {
    if candidate.auto.is_some() {
        return None;
    }
    let found = scene.directory.substitute_of(candidate.user, scene.instance.template, scene.at)?;
    if barred(found.user, Place::at(node), scene).is_some() {
        return None;
    }
    let absent = std::iter::once(&candidate.user).chain(&found.through);
    let names = absent.map(|user| scene.directory.name(*user)).collect();
    Some((found.user, WhyNote::StandsInFor { names }))
}
