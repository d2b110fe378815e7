//! What a session lists, with names and pins: after a crash it is what it was after one of the steps.

use agent_primitives::CheckpointId;

use crate::Checkpointer;

/// The checkpoints that a session lists, newest first, each with its labels and whether it is pinned.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points(Vec<(CheckpointId, Vec<String>, bool)>);

impl Points {
    pub(super) fn of(session: &Checkpointer) -> Self {
        let listed = session.list().into_iter();
        let points: Vec<_> = listed.map(|one| (one.id, one.labels, one.pinned)).collect();
        for (id, labels, _) in &points {
            for label in labels {
                let named = session.by_label(label).map(|found| &found.id);
                assert_eq!(named, Some(id), "label {label}");
            }
        }
        Self(points)
    }

    /// Whether all of what both `durable` and `listed` have in the same way is here as well. Where something is
    /// lost, what was not durable may be missing, and the retention keeps older ones for it.
    pub(super) fn keeps(&self, durable: &Self, listed: &Self) -> bool {
        let both = durable.0.iter().filter(|point| listed.0.contains(point));
        both.into_iter().all(|point| self.0.contains(point))
    }
}
