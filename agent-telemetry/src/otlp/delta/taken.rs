//! What became of a point.

use crate::otlp::wire::Number;

/// What became of a point. The change in [`Added`](super::Added) is of those that are [`Added`](Self::Added) alone; the
/// window is there also where [`Nothing`](Self::Nothing) was added or there is a [`Baseline`](Self::Baseline).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Taken {
    /// There is a change.
    Added,
    /// It is news that nothing was added.
    Nothing,
    /// Since when its value was added up is not known, so it counts only as what later ones are compared with.
    Baseline,
    /// A later one of the same start was there first, and says all that it says.
    Late,
    /// It was there already.
    Duplicate,
    /// Whether it was there already is not remembered any more, so it is not counted.
    Forgotten,
    /// The writer said that it measured nothing.
    NoRecordedValue,
    /// What is measured, not added up.
    Gauge(Number),
    Rejected(Rejected),
}

/// Why a point is refused. Sent again, it would be refused again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("the value is not a number")]
    NotANumber,
    #[error("the value is infinite")]
    Infinite,
    #[error("a monotonic sum is negative")]
    NegativeMonotonic,
    #[error("the aggregation temporality is not specified")]
    UnspecifiedTemporality,
    #[error("the metric has no data, or of a kind not known")]
    UnknownShape,
    #[error("the point has no value")]
    EmptyPoint,
    #[error("the point is of another kind than its metric")]
    WrongKind,
    #[error("the buckets do not match the bounds or the count")]
    BucketMismatch,
    #[error("there are too many buckets")]
    TooManyBuckets,
    #[error("the point has no time")]
    NoTime,
    #[error("the point ends before it starts")]
    TimeBeforeStart,
    #[error("the point is of a time to come")]
    InFuture,
}

impl Rejected {
    /// Each once.
    pub(crate) const ALL: [Self; 12] = [
        Self::NotANumber,
        Self::Infinite,
        Self::NegativeMonotonic,
        Self::UnspecifiedTemporality,
        Self::UnknownShape,
        Self::EmptyPoint,
        Self::WrongKind,
        Self::BucketMismatch,
        Self::TooManyBuckets,
        Self::NoTime,
        Self::TimeBeforeStart,
        Self::InFuture,
    ];
}
