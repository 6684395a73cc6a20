//! stub
use super::Instance;
use crate::event::Event;
impl Instance {
    /// Applies a fact.
    pub fn apply(&mut self, _event: &Event) {}
}
