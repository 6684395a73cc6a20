//! Sending back and how it goes on from there (semantics B4); revoking after approval (B9).

use super::Draft;
use crate::ids::VisitId;
use crate::rejection::Rejection;

/// A node whose rejection is mapped to a return sends it back. Whether it did.
pub(super) fn reject_returns(_draft: &mut Draft<'_>, _visit: VisitId) -> Result<bool, Rejection> {
    Ok(false)
}

/// A visit has passed that something was returned to: goes on as the return says. Whether it did.
pub(super) fn resumed(_draft: &mut Draft<'_>, _visit: VisitId) -> Result<bool, Rejection> {
    Ok(false)
}

/// Those who approved have answered whether it may be revoked.
pub(super) fn consent_given(_draft: &mut Draft<'_>, _visit: VisitId) -> Result<(), Rejection> {
    Ok(())
}
