//! Bringing people in and taking them out, handing tasks on (semantics B5, B6).

use super::Draft;
use crate::ids::VisitId;

/// Settles one slot whose holder waits for people he added. Whether there was one to settle.
pub(super) fn settle_added(_draft: &mut Draft<'_>, _visit: VisitId) -> bool {
    false
}
