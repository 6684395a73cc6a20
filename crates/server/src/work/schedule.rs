//! When a delivery that failed is tried again: twelve attempts in all, each pause three times the one before, from one
//! second to about sixteen hours; a day from the first to the last.

use std::time::Duration;

/// How often a delivery is tried before it counts as dead.
pub const ATTEMPTS: u32 = 12;

/// The pause after the attempt of this number, counted from 1; `None` after the last. `chance` out of 256 spreads pauses
/// by up to a tenth, so that what failed together is not tried again together. No pause is shorter than its due.
pub fn pause_after(attempt: u32, chance: u8) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    let due = Duration::from_secs(3_u64.pow(attempt.saturating_sub(1)));
    Some(due + due / 10 * u32::from(chance) / 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_a_day_long() {
        let pauses: Vec<u64> =
            (1..).map_while(|attempt| pause_after(attempt, 0)).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [1, 3, 9, 27, 81, 243, 729, 2187, 6561, 19683, 59049]);
        assert_eq!(pauses.len() + 1, ATTEMPTS as usize);
        assert_eq!(pauses.iter().sum::<u64>(), 88_573);
    }

    #[test]
    fn chance_only_lengthens_and_by_a_tenth_at_most() {
        for attempt in 1..ATTEMPTS {
            let due = pause_after(attempt, 0).unwrap_or_default();
            let longest = pause_after(attempt, u8::MAX).unwrap_or_default();
            assert!(due < longest && longest < due + due / 10, "{attempt}");
        }
    }

    #[test]
    fn nothing_follows_the_last_attempt() {
        assert_eq!(pause_after(ATTEMPTS, 0), None);
        assert_eq!(pause_after(u32::MAX, 0), None);
    }
}
