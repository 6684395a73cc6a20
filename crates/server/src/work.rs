//! What happens without anybody asking at that moment: deliveries.

pub mod schedule;
pub mod signature;
