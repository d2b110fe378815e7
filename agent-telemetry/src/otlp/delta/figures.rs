//! What was counted, and how much of the time it covers.

use super::{Added, Rejected, Taken};

/// What became of the points of a group of series: of a session, a project or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) added: u64,
    pub(crate) nothing: u64,
    pub(crate) baselines: u64,
    pub(crate) late: u64,
    pub(crate) duplicates: u64,
    pub(crate) forgotten: u64,
    pub(crate) no_recorded_value: u64,
    pub(crate) gauges: u64,
    /// By cause, in the order of [`Rejected::ALL`].
    rejected: [u64; Rejected::ALL.len()],
    pub(crate) new_epochs: u64,
    pub(crate) resets_without_start: u64,
    /// Points of series that have two writers.
    pub(crate) second_writer: u64,
    /// Time told of by points, added up over the series.
    pub(crate) covered_ns: u64,
    /// Time between points of delta temporality that none told of.
    pub(crate) uncovered_ns: u64,
}

impl Coverage {
    /// Counts a point, by what [`Deltas::add`](super::Deltas::add) said of it.
    pub(crate) fn note(&mut self, taken: Taken, added: &Added) {
        let count = match taken {
            Taken::Added => &mut self.added,
            Taken::Nothing => &mut self.nothing,
            Taken::Baseline => &mut self.baselines,
            Taken::Late => &mut self.late,
            Taken::Duplicate => &mut self.duplicates,
            Taken::Forgotten => &mut self.forgotten,
            Taken::NoRecordedValue => &mut self.no_recorded_value,
            Taken::Gauge(_) => &mut self.gauges,
            Taken::Rejected(cause) => match self.rejected.get_mut(cause as usize) {
                Some(count) => count,
                None => return,
            },
        };
        *count += 1;
        self.new_epochs += u64::from(added.new_epoch);
        self.resets_without_start += u64::from(added.reset_without_start);
        self.second_writer += u64::from(added.second_writer);
        let width = added.to.saturating_sub(added.from);
        self.covered_ns = self.covered_ns.saturating_add(width);
        self.uncovered_ns = self
            .uncovered_ns
            .saturating_add(added.gap_ns)
            .saturating_sub(added.filled_ns);
    }

    #[cfg(test)]
    pub(crate) fn rejected(&self, cause: Rejected) -> u64 {
        self.rejected.get(cause as usize).copied().unwrap_or(0)
    }

    /// Refused for any cause.
    pub(crate) fn rejected_points(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// All that came.
    #[cfg(test)]
    pub(crate) fn points(&self) -> u64 {
        let counted = [self.added, self.nothing, self.baselines];
        let dropped = [self.late, self.duplicates, self.forgotten];
        let others = [self.no_recorded_value, self.gauges, self.rejected_points()];
        [counted, dropped, others].iter().flatten().sum()
    }

    /// How much of the time is told of, from 0 to 1; 1 where nothing is known to be missing.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    #[cfg(test)]
    pub(crate) fn share(&self) -> f64 {
        let covered = self.covered_ns as f64;
        let all = covered + self.uncovered_ns as f64;
        if all > 0.0 { covered / all } else { 1.0 }
    }
}

/// Figures over all series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeltaFigures {
    pub(crate) points: Coverage,
    /// Series that made room for others, or were idle for long.
    pub(crate) evicted: u64,
    /// Starts of a series that made room for others of the same.
    pub(crate) retired: u64,
}
