//! Whether a command is granted.
use crate::{Directory, Envelope, Event, Instance, Rejection, Template};
/// Decides on a command: refuses it for a named reason, or yields what happens.
pub fn decide(
    _template: &Template,
    _directory: &Directory,
    _instance: &Instance,
    _envelope: &Envelope,
) -> Result<Vec<Event>, Rejection> {
    unimplemented!()
}
