//! stub
use super::Instance;
impl Instance {
    /// Every invariant that does not hold.
    pub fn broken(&self) -> Vec<String> {
        Vec::new()
    }
}
