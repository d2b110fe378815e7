//! The checkpoints of a session: in order, with labels and pins, and which of them the retention keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use agent_primitives::CheckpointId;

use super::ruling::{Pruning, Reason};
use super::{Checkpoint, Retention};
use crate::Error;
use crate::format::KEEP_MAX;
use crate::format::payload::Tombstone;
use crate::format::point::Tag;

/// A tombstone is written once this many checkpoints are due to go, so that it costs next to nothing.
const TOMBSTONE_BATCH: usize = 32;
/// Labels and pins hold at most this many checkpoints, since each tombstone names them all; and there are at most as
/// many labels.
const HELD_MAX: usize = 16_384;

/// The checkpoints that no tombstone in the log names.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// Oldest first, by ascending number.
    all: Vec<Checkpoint>,
    /// Numbers by label.
    labels: BTreeMap<String, u64>,
    /// How many checkpoints a label or pin holds.
    held: usize,
    policy: Retention,
    /// Positions of those that the retention keeps; worked out when it is asked for.
    kept: OnceLock<Vec<usize>>,
    /// A tombstone is thought of when there are as many.
    plan_at: usize,
}

impl Points {
    pub(crate) fn new(all: Vec<Checkpoint>, tags: &[Tag]) -> Self {
        let mut points = Self {
            all,
            ..Self::default()
        };
        points.apply_all(tags);
        points
    }

    /// As [`apply`](Self::apply) with each, at the cost of one pass: a checkpoint may have any number of labels.
    fn apply_all(&mut self, tags: &[Tag]) {
        for tag in tags {
            let at = self.position(tag);
            if let Some(label) = &tag.label {
                match at.and_then(|at| self.all.get(at)) {
                    Some(checkpoint) => self.labels.insert(label.clone(), checkpoint.seq),
                    None => self.labels.remove(label),
                };
            }
            if let (Some(pinned), Some(checkpoint)) =
                (tag.pinned, at.and_then(|at| self.all.get_mut(at)))
            {
                checkpoint.pinned = pinned;
            }
        }
        // In the order of their texts.
        for (label, seq) in &self.labels {
            if let Ok(at) = self.all.binary_search_by_key(seq, |c| c.seq)
                && let Some(checkpoint) = self.all.get_mut(at)
            {
                checkpoint.labels.push(label.clone());
            }
        }
        self.held = self
            .all
            .iter()
            .filter(|checkpoint| is_held(checkpoint))
            .count();
    }

    /// Where the checkpoint stands that the tag is about.
    fn position(&self, tag: &Tag) -> Option<usize> {
        let id = tag.checkpoint.as_ref()?;
        let seq = number(id.as_str())?;
        let at = self.all.binary_search_by_key(&seq, |c| c.seq).ok()?;
        (self.all.get(at)?.id == *id).then_some(at)
    }

    /// All of them, oldest first.
    pub(crate) fn into_list(self) -> Vec<Checkpoint> {
        self.all
    }

    /// Those with this number or a greater one, oldest first.
    pub(super) fn numbered_from(&self, seq: u64) -> &[Checkpoint] {
        let from = self.all.partition_point(|checkpoint| checkpoint.seq < seq);
        self.all.get(from..).unwrap_or_default()
    }

    pub(super) fn with_policy(mut self, policy: Retention) -> Self {
        self.policy = policy;
        self
    }

    pub(super) const fn policy(&self) -> Retention {
        self.policy
    }

    /// The newest one.
    pub(super) fn newest(&self) -> Option<&Checkpoint> {
        self.all.last()
    }

    /// Those that the retention keeps, oldest first.
    pub(super) fn kept(&self) -> impl DoubleEndedIterator<Item = &Checkpoint> {
        self.positions().iter().filter_map(|at| self.all.get(*at))
    }

    /// Those with a smaller number than `before`, as [`kept`](Self::kept).
    pub(super) fn kept_before(&self, before: u64) -> impl DoubleEndedIterator<Item = &Checkpoint> {
        let positions = self.positions();
        let number = |at: &usize| self.all.get(*at).map(|checkpoint| checkpoint.seq);
        let end = positions.partition_point(|at| number(at).is_some_and(|seq| seq < before));
        let positions = positions.get(..end).unwrap_or_default();
        positions.iter().filter_map(|at| self.all.get(*at))
    }

    pub(super) fn count(&self) -> usize {
        self.positions().len()
    }

    fn positions(&self) -> &[usize] {
        self.kept.get_or_init(|| {
            if self.policy.keeps_all() {
                return (0..self.all.len()).collect();
            }
            let reasons = self.policy.reasons(&self.all);
            let kept = reasons.iter().enumerate();
            kept.filter(|(_, reason)| reason.keeps())
                .map(|(at, _)| at)
                .collect()
        })
    }

    fn forget_kept(&mut self) {
        self.kept = OnceLock::new();
    }

    /// The kept checkpoint with this number.
    fn with_number(&self, seq: u64) -> Option<&Checkpoint> {
        let at = self.all.binary_search_by_key(&seq, |c| c.seq).ok()?;
        self.positions().binary_search(&at).ok()?;
        self.all.get(at)
    }

    /// The kept checkpoint with this id.
    pub(super) fn with_id(&self, id: &CheckpointId) -> Result<&Checkpoint, Error> {
        let found = number(id.as_str()).and_then(|seq| self.with_number(seq));
        found
            .filter(|checkpoint| checkpoint.id == *id)
            .ok_or_else(|| Error::not_found(id.clone()))
    }

    /// The kept checkpoint whose id begins with `text` and is the only one; a whole number is enough.
    pub(super) fn with_prefix(&self, text: &str) -> Result<&Checkpoint, Error> {
        // What is no id is the beginning of none.
        let id = CheckpointId::new(text)
            .map_err(|_| Error::invalid("a checkpoint's id", "write it as a listing shows it"))?;
        let exact = number(text).and_then(|seq| self.with_number(seq));
        if let Some(found) = exact.filter(|found| found.id.as_str().starts_with(text)) {
            return Ok(found);
        }
        let mut found = self.kept().filter(|c| c.id.as_str().starts_with(text));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(Error::ambiguous(text)),
            (None, _) => Err(Error::not_found(id)),
        }
    }

    /// The kept checkpoint with this label.
    pub(super) fn with_label(&self, label: &str) -> Option<&Checkpoint> {
        self.with_number(*self.labels.get(label)?)
    }

    pub(super) fn push(&mut self, checkpoint: Checkpoint) {
        self.all.push(checkpoint);
        self.forget_kept();
    }

    /// Why no other may be held: too many are.
    pub(super) fn check_room(&self) -> Result<(), Error> {
        let most = self.held.max(self.labels.len());
        if most >= HELD_MAX {
            return Err(Error::too_many_held(most, HELD_MAX));
        }
        Ok(())
    }

    /// Does what a Label frame says.
    pub(super) fn apply(&mut self, tag: &Tag) {
        self.forget_kept();
        let at = self.position(tag);
        if let Some(label) = &tag.label {
            if let Some(from) = self.labels.remove(label)
                && let Ok(from) = self.all.binary_search_by_key(&from, |c| c.seq)
            {
                self.change(from, |c| c.labels.retain(|l| l != label));
            }
            if let Some(seq) = at.and_then(|at| self.all.get(at)).map(|c| c.seq) {
                self.labels.insert(label.clone(), seq);
            }
        }
        if let Some(at) = at {
            self.change(at, |checkpoint| {
                if let Some(label) = &tag.label {
                    checkpoint.labels.push(label.clone());
                    checkpoint.labels.sort_unstable();
                }
                checkpoint.pinned = tag.pinned.unwrap_or(checkpoint.pinned);
            });
        }
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Checkpoint)) {
        if let Some(checkpoint) = self.all.get_mut(at) {
            self.held -= usize::from(is_held(checkpoint));
            change(checkpoint);
            self.held += usize::from(is_held(checkpoint));
        }
    }

    pub(super) fn plan(&self) -> Pruning {
        Pruning {
            rulings: self.policy.plan(&self.all),
        }
    }

    /// The tombstone for what is due to go, once it is worth one.
    pub(super) fn due_tombstone(&mut self) -> Option<Tombstone> {
        if self.policy.keeps_all() || self.all.len() < self.plan_at {
            return None;
        }
        let kept = self.count();
        self.plan_at = kept + TOMBSTONE_BATCH;
        (self.all.len() >= self.plan_at)
            .then(|| self.tombstone())
            .flatten()
    }

    /// What the retention drops now, for the log; `None` where that is nothing.
    pub(super) fn tombstone(&self) -> Option<Tombstone> {
        let reasons = self.policy.reasons(&self.all);
        let goes = |reason: &Reason| !reason.keeps();
        let last = reasons.iter().rposition(goes)?;
        let through = self.all.get(last)?.seq;
        let keep: Vec<u64> = self
            .all
            .iter()
            .zip(&reasons)
            .take(last)
            .filter(|(_, reason)| reason.keeps())
            .map(|(checkpoint, _)| checkpoint.seq)
            .collect();
        // A longer list is not read; nothing is dropped then.
        (keep.len() <= KEEP_MAX).then_some(Tombstone { through, keep })
    }

    /// Does what a tombstone says.
    pub(super) fn drop_by(&mut self, tombstone: &Tombstone) {
        self.all.retain(|c| !tombstone.drops(c.seq));
        self.forget_kept();
    }

    /// Numbers of the commits that must stay restorable.
    pub(super) fn retained(&self) -> BTreeSet<u64> {
        self.kept().map(|checkpoint| checkpoint.seq).collect()
    }
}

fn is_held(checkpoint: &Checkpoint) -> bool {
    checkpoint.pinned || !checkpoint.labels.is_empty()
}

/// The number that an id, or its beginning, holds.
fn number(id: &str) -> Option<u64> {
    id.split('-').next()?.parse().ok()
}

impl super::Checkpointer {
    /// Numbers of the commits that must stay restorable, whatever space is reclaimed.
    pub(crate) fn retained(&self) -> BTreeSet<u64> {
        self.points.retained()
    }
}
