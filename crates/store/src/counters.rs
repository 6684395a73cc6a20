//! What the store costs: figures that do not depend on how busy the machine is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Since the store was opened.
#[derive(Default)]
pub(crate) struct Counters {
    round_trips: AtomicU64,
    commits: AtomicU64,
    writes: AtomicU64,
}

/// What had been counted at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Times that something was sent to PostgreSQL and waited for; SQLite has none.
    pub round_trips: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Writes asked for; those that shared a commit count one by one.
    pub writes: u64,
}

impl Counters {
    pub(crate) fn round_trip(&self) {
        self.round_trips.fetch_add(1, Relaxed);
    }

    pub(crate) fn commit(&self) {
        self.commits.fetch_add(1, Relaxed);
    }

    pub(crate) fn writes(&self, number: usize) {
        self.writes.fetch_add(number as u64, Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        Counts {
            round_trips: self.round_trips.load(Relaxed),
            commits: self.commits.load(Relaxed),
            writes: self.writes.load(Relaxed),
        }
    }
}
