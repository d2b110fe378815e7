//! The slowest of a number of operations.

use std::cmp::Reverse;
use std::time::Duration;

use super::SlowOperation;
use crate::Record;

/// Operations that are kept.
const KEPT: usize = 5;

/// The slowest first; of equally slow ones, the one that was recorded first.
#[derive(Debug, Default)]
pub(super) struct Slowest(Vec<SlowOperation>);

impl Slowest {
    pub(super) fn add(&mut self, record: &Record, elapsed: Duration, failed: bool) {
        let is_slower = |it: &SlowOperation| elapsed <= it.elapsed;
        if self.0.len() >= KEPT && self.0.last().is_some_and(is_slower) {
            return;
        }
        self.0.push(SlowOperation {
            elapsed,
            at: record.at,
            project: record.project.clone(),
            session: record.session.clone(),
            failed,
        });
        // Stable.
        self.0.sort_by_key(|it| Reverse(it.elapsed));
        self.0.truncate(KEPT);
    }

    pub(super) fn finish(self) -> Vec<SlowOperation> {
        self.0
    }
}
