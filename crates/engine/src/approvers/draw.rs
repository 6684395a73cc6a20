//! Which one of the people found is asked, where the template wants one only (semantics B3.6). What the choice was made
//! on stands in its reason, so that replay needs none of it.

use super::{Candidate, Scene, WhyNote};
use crate::template::{Approval, Assign};

/// One of those who would really be asked, or all of them for a pool; somebody who counts as having approved already is drawn only where all do.
pub(crate) fn draw(candidates: Vec<Candidate>, node: &Approval, scene: Scene<'_>) -> Vec<Candidate> {
    let open: Vec<usize> =
        (0..).zip(&candidates).filter(|(_, it)| it.auto.is_none()).map(|it| it.0).collect();
    let drawn = match node.assign {
        Assign::Everybody => None,
        Assign::Pool => return to_offer(candidates),
        Assign::Random => by_lot(&open, scene),
        Assign::RoundRobin => in_turn(&candidates, &open, node, scene),
        Assign::LeastLoaded => least_loaded(&candidates, &open, scene),
    };
    let Some((place, note)) = drawn else { return candidates };
    let mut one: Vec<Candidate> = candidates.into_iter().skip(place).take(1).collect();
    for it in &mut one {
        // Whoever is asked once more has been drawn before, by something else.
        it.why.notes.retain(|note| !is_of_a_draw(note));
        it.why.notes.push(note.clone());
    }
    one
}

fn is_of_a_draw(note: &WhyNote) -> bool {
    match note {
        WhyNote::Drawn { .. } | WhyNote::HisTurn { .. } | WhyNote::LeastLoaded { .. } => true,
        WhyNote::TopInstead { .. }
        | WhyNote::Climbed { .. }
        | WhyNote::LeftOut { .. }
        | WhyNote::InsteadOfInitiator
        | WhyNote::AlsoBy { .. }
        | WhyNote::Barred { .. }
        | WhyNote::StandsInFor { .. } => false,
    }
}

/// Those to whom a pool is offered: nobody who counts as having approved already, or it would pass before anybody claims it;
/// except where all do.
fn to_offer(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    if candidates.iter().any(|it| it.auto.is_none()) {
        candidates.retain(|it| it.auto.is_none());
    }
    candidates
}

/// The lot differs from visit to visit, since one command may open several.
fn by_lot(open: &[usize], scene: Scene<'_>) -> Option<(usize, WhyNote)> {
    let of = open.len() as u64;
    let seed = mixed(scene.outside.seed, scene.instance.visits.len() as u64);
    let place = *open.get(seed.checked_rem(of)? as usize)?;
    Some((place, WhyNote::Drawn { seed, of: of as u32 }))
}

/// A number that looks like no other, made of two (the finaliser of SplitMix64).
fn mixed(seed: u64, counter: u64) -> u64 {
    let mut bits = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The next one after whoever was asked the last time; the first, where that one is not among them any more.
fn in_turn(
    candidates: &[Candidate],
    open: &[usize],
    node: &Approval,
    scene: Scene<'_>,
) -> Option<(usize, WhyNote)> {
    let after = scene.outside.last.get(&node.id).copied();
    let last = candidates.iter().position(|it| Some(it.user) == after);
    let next = last.and_then(|last| open.iter().find(|place| **place > last));
    Some((*next.or(open.first())?, WhyNote::HisTurn { after }))
}

/// The first of those with the fewest open tasks.
fn least_loaded(candidates: &[Candidate], open: &[usize], scene: Scene<'_>) -> Option<(usize, WhyNote)> {
    let load = |place: &usize| {
        let asked = candidates.get(*place).map(|it| it.assignee);
        asked.and_then(|user| scene.outside.loads.get(&user)).copied().unwrap_or_default()
    };
    let place = *open.iter().min_by_key(|place| load(place))?;
    Some((place, WhyNote::LeastLoaded { open: load(&place) }))
}
