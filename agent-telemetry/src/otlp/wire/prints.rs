//! Fingerprints of what stands in a request.

use twox_hash::XxHash3_128;

/// Makes fingerprints that nobody can foresee who does not know the seed.
#[derive(Debug, Clone)]
pub(crate) struct Prints {
    seed: u64,
    /// What the seed makes of the hash's own secret. Made anew for each text it would cost as much as a short text.
    secret: [u8; 192],
}

impl Prints {
    pub(crate) fn new(seed: u64) -> Self {
        let mut secret = [0; 192];
        let (parts, _) = secret.as_chunks_mut();
        for (place, part) in (0_u8..).zip(parts) {
            *part = XxHash3_128::oneshot_with_seed(seed, &[place]).to_le_bytes();
        }
        Self { seed, secret }
    }

    #[inline]
    pub(crate) fn of(&self, bytes: &[u8]) -> u128 {
        // It fails where the secret is too short.
        XxHash3_128::oneshot_with_seed_and_secret(self.seed, &self.secret, bytes)
            .unwrap_or_else(|_| XxHash3_128::oneshot_with_seed(self.seed, bytes))
    }
}
