//! How much one caller, and one network address, may ask in a minute.

use crate::config::Limits;
use crate::error::Error;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use uuid::Uuid;

/// How much may be asked.
#[derive(Debug)]
pub struct RateLimits {
    callers: Meter<Uuid>,
    addresses: Meter<IpAddr>,
}

impl RateLimits {
    pub fn new(limits: &Limits) -> Self {
        Self {
            callers: Meter::new(limits.requests_per_minute),
            addresses: Meter::new(limits.address_requests_per_minute),
        }
    }

    /// One more request of this person or app.
    pub fn count_caller(&self, caller: Uuid) -> Result<(), Error> {
        self.callers.count(&caller)
    }

    /// One more request from this address.
    pub fn count_address(&self, address: IpAddr) -> Result<(), Error> {
        self.addresses.count(&network_of(address))
    }

    /// Forgets who has not asked lately.
    pub fn forget_idle(&self) {
        self.callers.forget_idle();
        self.addresses.forget_idle();
    }
}

/// One household of IPv6 has a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::from((address.to_bits() >> 64 << 64).to_be_bytes()),
    }
}

#[derive(Debug)]
struct Meter<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> Meter<K> {
    fn new(per_minute: u32) -> Self {
        Self(NonZeroU32::new(per_minute).map(|most| RateLimiter::keyed(Quota::per_minute(most))))
    }

    fn count(&self, key: &K) -> Result<(), Error> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            Error::TooMany { retry_after_s: wait.as_secs() + 1 }
        })
    }

    fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
        }
    }
}
