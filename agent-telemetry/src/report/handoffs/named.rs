//! The first sessions of some, whatever order sums of them are added in.

use super::told::Told;
use crate::Evidence;

/// As many as [`Evidence`] names.
const NAMED: usize = 5;

#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    count: u64,
    /// With what orders them.
    first: Vec<(u64, usize)>,
}

impl Named {
    pub(super) fn add(&mut self, order: u64, session: usize) {
        self.count += 1;
        self.take(&[(order, session)]);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.take(&other.first);
    }

    fn take(&mut self, more: &[(u64, usize)]) {
        self.first.extend(more);
        self.first.sort_unstable();
        self.first.truncate(NAMED);
    }

    /// What orders the first of all.
    pub(super) fn order(&self) -> u64 {
        self.first.first().map_or(u64::MAX, |(order, _)| *order)
    }

    pub(super) fn evidence(&self, told: &Told) -> Evidence {
        let names = self.first.iter();
        Evidence {
            count: self.count,
            sessions: names
                .filter_map(|(_, place)| told.name(*place).cloned())
                .collect(),
        }
    }
}
