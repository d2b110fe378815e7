//! What a session lists, with names and pins: after a crash it is what it was after one of the steps.

use agent_primitives::CheckpointId;

use crate::Checkpointer;

/// The checkpoints that a session lists, newest first, each with its labels and whether it is pinned.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points {
    listed: Vec<(CheckpointId, Vec<String>, bool)>,
    /// There may be others before them.
    is_end: bool,
}

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
        Self {
            listed: points,
            is_end: false,
        }
    }

    /// What a session shows of which only the end was read.
    pub(super) fn at_end_of(session: &Checkpointer) -> Self {
        Self {
            is_end: true,
            ..Self::of(session)
        }
    }

    /// Whether a session that shows this may list `found` when all of it is read.
    pub(super) fn is_shown_of(&self, found: &Self) -> bool {
        if self.is_end {
            self.listed.iter().all(|point| found.listed.contains(point))
        } else {
            self.listed == found.listed
        }
    }

    /// Whether all is here that stayed as it was from `durable` on. Where something is lost, what was not durable
    /// may be missing while what came later is there: a label behind a hole counts, and the retention keeps
    /// older checkpoints in the place of those that are gone. A session that shows only its end tells nothing of
    /// what the retention dropped meanwhile, which is none with a name or a pin.
    pub(super) fn keeps<'a>(&self, durable: &Self, later: impl Iterator<Item = &'a Self>) -> bool {
        let (ends, later): (Vec<_>, Vec<_>) = later.partition(|points| points.is_end);
        let mut stayed = durable.listed.iter();
        stayed.all(|point| {
            let (_, labels, is_pinned) = point;
            let may_be_dropped = labels.is_empty() && !is_pinned;
            self.listed.contains(point)
                || (may_be_dropped && !ends.is_empty())
                || later.iter().any(|points| !points.listed.contains(point))
        })
    }
}
