//! The first and the last time of something.

use agent_primitives::Timestamp;

#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Seen {
    /// By the clock, not by the order of recording.
    pub(super) fn add(seen: &mut Option<Self>, at: Timestamp) {
        let (first, last) = seen.map_or((at, at), |it| (it.first.min(at), it.last.max(at)));
        *seen = Some(Self { first, last });
    }
}
