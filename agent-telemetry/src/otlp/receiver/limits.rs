//! How much, and how long.

use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) max_body: usize,
    pub(super) max_inflated: usize,
    pub(super) max_connections: usize,
    pub(super) max_requests: usize,
    pub(super) max_bytes_under_way: usize,
    pub(super) header_timeout: Duration,
    pub(super) body_timeout: Duration,
    /// Bytes a second.
    pub(super) min_rate: NonZeroU32,
    pub(super) idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 64 << 20,
            max_inflated: 64 << 20,
            max_connections: 256,
            max_requests: 256,
            max_bytes_under_way: 256 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            min_rate: const { NonZeroU32::new(128 << 10).unwrap() },
            idle_timeout: Duration::from_secs(120),
        }
    }
}

impl Limits {
    /// How long after its head a body of which `received` bytes are here may still be coming.
    pub(super) fn body_patience(&self, received: usize) -> Duration {
        let rate = u64::from(self.min_rate.get());
        let paid = Duration::from_secs((received as u64) / rate);
        self.body_timeout.saturating_add(paid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_pays_for_more_time() {
        let limits = Limits {
            min_rate: NonZeroU32::new(1_000).unwrap(),
            ..Limits::default()
        };
        let seconds = |received| limits.body_patience(received).as_secs();
        assert_eq!((seconds(0), seconds(999), seconds(1_000)), (30, 30, 31));
        assert_eq!(seconds(60_000), 90);
    }
}
