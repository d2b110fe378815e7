//! The fingerprint of a log record: of all that it says, and of who says it.

use twox_hash::XxHash3_128;

use super::prints::Prints;
use super::raw::RawAttributes;

/// Hashes records without the time at which they were observed, which differs where one is sent again.
pub(super) struct Said {
    prints: Prints,
    /// Of the resource.
    seed: u64,
    /// What was said before that time.
    room: Vec<u8>,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            prints: Prints::new(0),
            seed: 0,
            room: Vec::new(),
        }
    }
}

impl Said {
    /// The records that follow are of this resource.
    #[expect(clippy::cast_possible_truncation, reason = "half of it is a seed")]
    pub(super) fn resource(&mut self, attributes: &RawAttributes<'_>) {
        self.seed = attributes.fingerprint(&self.prints) as u64;
    }

    pub(super) fn begin(&mut self) {
        self.room.clear();
    }

    pub(super) fn before(&mut self, part: &[u8]) {
        self.room.extend_from_slice(part);
    }

    /// The hash of what was said before, and of the rest.
    pub(super) fn finish(&mut self, rest: &[u8]) -> u128 {
        if self.room.is_empty() {
            return XxHash3_128::oneshot_with_seed(self.seed, rest);
        }
        self.room.extend_from_slice(rest);
        XxHash3_128::oneshot_with_seed(self.seed, &self.room)
    }
}
