//! Sets of cases over several facts at once: unions of boxes. A box has some cells of each fact, and holds every
//! combination of them.

use super::cells::Mask;

/// More boxes than this are too many to go on with.
const MOST: usize = 1_000;

/// Some cells of each fact, in the order of the facts.
pub(super) type Case = Vec<Mask>;

/// The cases that both have; `None` where there are none.
pub(super) fn meet(one: &[Mask], other: &[Mask]) -> Option<Case> {
    let both: Case = one.iter().zip(other).map(|(one, other)| one & other).collect();
    (!is_empty(&both)).then_some(both)
}

pub(super) fn is_empty(case: &[Mask]) -> bool {
    case.contains(&0)
}

/// The cases of a union that lie in another one too.
pub(super) fn meet_all(these: &[Case], others: &[Case]) -> Vec<Case> {
    let mut both = Vec::new();
    for one in these {
        both.extend(others.iter().filter_map(|other| meet(one, other)));
    }
    both
}

/// What is left of `cases` without those of `taken`; `None` where there are too many pieces to tell.
pub(super) fn without(cases: Vec<Case>, taken: &[Case]) -> Option<Vec<Case>> {
    taken.iter().try_fold(cases, |left, hole| {
        let left: Vec<Case> = left.into_iter().flat_map(|case| around(&case, hole)).collect();
        (left.len() <= MOST).then_some(left)
    })
}

/// The pieces of a case around a hole: for each fact, what lies beside the hole there and inside it in the facts before.
fn around(case: &Case, hole: &[Mask]) -> Vec<Case> {
    if meet(case, hole).is_none() {
        return vec![case.clone()];
    }
    let mut pieces = Vec::new();
    let mut rest = case.clone();
    for (fact, inside) in hole.iter().enumerate() {
        let mut piece = rest.clone();
        if let Some(own) = piece.get_mut(fact) {
            *own &= !inside;
        }
        if !is_empty(&piece) {
            pieces.push(piece);
        }
        if let Some(own) = rest.get_mut(fact) {
            *own &= inside;
        }
    }
    pieces
}
