//! Words beside the decisions: to everybody, or to people who should read them.

use super::decision::check_attachments;
use super::{Draft, check_active, checked_text};
use crate::event::Event;
use crate::form::FileRef;
use crate::ids::UserId;
use crate::instance::Status;
use crate::rejection::Rejection;

/// Most people that one comment may mention.
pub const MENTION_LIMIT: usize = 50;
/// Most files of one comment or decision.
pub const ATTACHMENT_LIMIT: usize = 20;

/// Says something. Words may be missing where there are files.
pub(super) fn comment(
    draft: &mut Draft<'_>,
    actor: UserId,
    (text, mentions, attachments): (&str, &[UserId], &[FileRef]),
) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    if draft.instance.status == Status::Draft {
        return Err(Rejection::NotRunning { status: Status::Draft });
    }
    let text = checked_text("text", text)?;
    if text.is_empty() && attachments.is_empty() {
        return Err(Rejection::TextRequired { field: "text" });
    }
    check_attachments(attachments)?;
    let mentions = checked_mentions(draft, actor, mentions)?;
    let (at, by, text, attachments) = (draft.at, actor, text.to_owned(), attachments.to_vec());
    draft.emit(Event::Commented { at, by, text, mentions, attachments });
    Ok(())
}

/// Each person once; nobody mentions himself.
fn checked_mentions(draft: &Draft<'_>, actor: UserId, mentions: &[UserId]) -> Result<Vec<UserId>, Rejection> {
    let mut people: Vec<UserId> = Vec::new();
    for user in mentions {
        check_active(draft.directory, *user)?;
        if *user != actor && !people.contains(user) {
            people.push(*user);
        }
    }
    if people.len() > MENTION_LIMIT {
        return Err(Rejection::TooMany { field: "mentions", limit: MENTION_LIMIT });
    }
    Ok(people)
}
