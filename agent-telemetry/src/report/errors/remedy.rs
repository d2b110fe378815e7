//! What can be done after a failure.

use agent_primitives::{FailureKind, RecoveryOutcome, RecoveryStrategy};

use crate::words::words;
use crate::{Metric, Unit};

words! {
    /// What was done after a failure, so that the work goes on.
    ///
    /// ```
    /// use agent_telemetry::Remedy;
    ///
    /// assert_eq!(Remedy::OtherProvider.as_str(), "other_provider");
    /// assert_eq!(Remedy::from_word("compact_history"), Some(Remedy::CompactHistory));
    /// ```
    Remedy {
        /// The same provider was called again.
        Retry = "retry",
        /// The same provider was called again, after it was left alone: a cooldown or an open breaker.
        Wait = "wait",
        /// Another provider was called.
        OtherProvider = "other_provider",
        /// Fewer output tokens were asked for.
        ShrinkOutput = "shrink_output",
        /// A shorter history was sent.
        CompactHistory = "compact_history",
        /// A model with a bigger context window was asked.
        BiggerWindow = "bigger_window",
        /// The request was sent in parts.
        Chunk = "chunk",
        /// A model that costs less was asked.
        CheaperModel = "cheaper_model",
        /// More output tokens were allowed.
        ExtendOutput = "extend_output",
        /// The rest of a cut answer was asked for.
        AskForRest = "ask_for_rest",
        /// The session went on from a checkpoint.
        Restore = "restore",
        /// The session went on in a new process or a new handle.
        Resume = "resume",
    }
}

/// How a remedy shows in the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// By the call that follows a failure.
    Call,
    /// By a recovery step.
    Step,
    /// By a mark of its own.
    Restart,
}

impl Remedy {
    /// Which bit it is in a set of them.
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }

    pub(super) const fn shown(self) -> Shown {
        match self {
            Self::Retry | Self::Wait | Self::OtherProvider => Shown::Call,
            Self::Restore | Self::Resume => Shown::Restart,
            _ => Shown::Step,
        }
    }

    /// Whether a change of the request can be the answer to such a failure.
    pub(super) const fn answers(self, kind: FailureKind) -> bool {
        match kind {
            FailureKind::ContextTooLong => matches!(
                self,
                Self::ShrinkOutput | Self::CompactHistory | Self::BiggerWindow | Self::Chunk
            ),
            FailureKind::PayloadTooLarge => matches!(self, Self::CompactHistory | Self::Chunk),
            FailureKind::OutputLimit => matches!(self, Self::ExtendOutput | Self::AskForRest),
            FailureKind::QuotaExhausted => matches!(self, Self::CheaperModel),
            _ => false,
        }
    }

    /// Whether any change of the request can be.
    pub(super) fn any_answers(kind: FailureKind) -> bool {
        Self::ALL.iter().any(|remedy| remedy.answers(kind))
    }
}

/// A step of a recovery, as its metric names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A change, and whether the changed request was answered.
    Tried(Remedy, bool),
    /// The recovery gave up.
    GaveUp,
}

impl Step {
    /// `None` for other metrics, and for a change that there was no way to make.
    pub(super) fn of(metric: &Metric) -> Option<Self> {
        if metric.unit() != Unit::Count {
            return None;
        }
        let name = metric.name().strip_prefix("recovery_")?;
        let (strategy, outcome) = name.rsplit_once('_')?;
        let strategy = RecoveryStrategy::from_word(strategy)?;
        let ok = match RecoveryOutcome::from_word(outcome)? {
            RecoveryOutcome::Recovered => true,
            RecoveryOutcome::Failed => false,
            _ => return None,
        };
        match Remedy::from_word(strategy.as_str()) {
            Some(remedy) => Some(Self::Tried(remedy, ok)),
            None => (strategy == RecoveryStrategy::Stop).then_some(Self::GaveUp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_that_changes_a_request_is_a_remedy() {
        for strategy in RecoveryStrategy::ALL.iter().copied() {
            let metric = |outcome: RecoveryOutcome| {
                Step::of(&Metric::count(format!("recovery_{strategy}_{outcome}"), 1))
            };
            let [recovered, failed, skipped] = [
                RecoveryOutcome::Recovered,
                RecoveryOutcome::Failed,
                RecoveryOutcome::Skipped,
            ]
            .map(metric);
            if strategy == RecoveryStrategy::Stop {
                assert_eq!(failed, Some(Step::GaveUp));
                continue;
            }
            let remedy = Remedy::from_word(strategy.as_str()).unwrap();
            assert_eq!(remedy.shown(), Shown::Step);
            assert_eq!(recovered, Some(Step::Tried(remedy, true)));
            assert_eq!(failed, Some(Step::Tried(remedy, false)));
            assert_eq!(skipped, None);
        }
    }

    #[test]
    fn metric_of_another_name_or_unit_is_no_step() {
        for name in [
            "recovery_time",
            "recovery_chunk",
            "recovery_chunk_maybe",
            "chunk_failed",
            "recovery_retry_failed",
        ] {
            assert_eq!(Step::of(&Metric::count(name, 1)), None, "{name}");
        }
        let share = Metric::new("recovery_chunk_failed", 1.0, Unit::Ratio).unwrap();
        assert_eq!(Step::of(&share), None);
    }

    #[test]
    fn remedies_are_bits_of_their_own() {
        let all = Remedy::ALL.iter().fold(0, |set, it| set | it.bit());
        assert_eq!(u32::count_ones(all.into()), 12);
    }
}
