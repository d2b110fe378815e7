//! How many calls cost more than they reserved, and by how much.

use std::sync::atomic::{AtomicU64, Ordering};

use super::amount::{Spend, Units};

#[derive(Debug, Default)]
pub(super) struct Overrun {
    calls: AtomicU64,
    picos: AtomicU64,
    tokens: AtomicU64,
}

impl Overrun {
    pub(super) fn count(&self, held: Units, actual: Units) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        add(&self.picos, actual.picos.saturating_sub(held.picos));
        add(&self.tokens, actual.tokens.saturating_sub(held.tokens));
    }

    /// Calls, and what they cost beyond their reservations.
    pub(super) fn total(&self) -> (u64, Spend) {
        let beyond = Units {
            picos: self.picos.load(Ordering::Relaxed),
            tokens: self.tokens.load(Ordering::Relaxed),
        };
        (self.calls.load(Ordering::Relaxed), beyond.spend())
    }
}

fn add(total: &AtomicU64, amount: u64) {
    let _ = total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| {
        Some(sum.saturating_add(amount))
    });
}
