//! Why a checkpoint stays or goes, and what a pruning does.

use std::fmt;

use agent_primitives::{CheckpointId, CheckpointKind, Timestamp};

use super::Checkpoint;

/// What a plan says of one checkpoint.
///
/// See [`Retention::plan`](crate::Retention::plan).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ruling {
    /// Which checkpoint.
    pub id: CheckpointId,
    /// When it was made.
    pub at: Timestamp,
    /// What it was made for.
    pub kind: CheckpointKind,
    /// Why it stays or goes.
    pub reason: Reason,
    pub(crate) seq: u64,
}

impl Ruling {
    pub(super) fn of(checkpoint: &Checkpoint, reason: Reason) -> Self {
        Self {
            id: checkpoint.id.clone(),
            at: checkpoint.at,
            kind: checkpoint.kind,
            reason,
            seq: checkpoint.seq,
        }
    }

    /// Whether the checkpoint stays.
    pub const fn keeps(&self) -> bool {
        self.reason.keeps()
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.keeps() { "keep" } else { "drop" };
        let Self {
            id,
            at,
            kind,
            reason,
            ..
        } = self;
        write!(f, "{word}  {id}  {at}  {kind:<11}  {reason}")
    }
}

/// Why a checkpoint stays or goes. Where several rules keep it, the first of this list is told.
///
/// It prints as restic's `forget` names its rules.
///
/// ```
/// use agent_checkpoint::Reason;
///
/// assert_eq!(Reason::Hourly { slot: 2 }.to_string(), "keep-hourly (hour 2)");
/// assert!(Reason::Pinned.keeps() && !Reason::Excess { rank: 11 }.keeps());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Stays: it has a label.
    Labelled,
    /// Stays: a pin holds it.
    Pinned,
    /// Stays: it holds the state that one of the newest restores replaced.
    Backup {
        /// 1 for the newest.
        rank: usize,
    },
    /// Stays: one of the newest of its agent.
    Newest {
        /// 1 for the newest.
        rank: usize,
    },
    /// Stays: young enough.
    Within,
    /// Stays: the newest of its hour.
    Hourly {
        /// 1 for the newest hour that has a checkpoint.
        slot: usize,
    },
    /// Stays: the newest of its day.
    Daily {
        /// 1 for the newest day that has a checkpoint.
        slot: usize,
    },
    /// Stays: the newest of its week.
    Weekly {
        /// 1 for the newest week that has a checkpoint.
        slot: usize,
    },
    /// Goes: a rule would keep it, but too much was written since.
    OverSizeCap {
        /// Bytes written since, its own included.
        bytes: u64,
    },
    /// Goes: no rule keeps it.
    Excess {
        /// Its rank among those of its agent, or among the states that restores replaced.
        rank: usize,
    },
}

impl Reason {
    /// Whether the checkpoint stays.
    pub const fn keeps(&self) -> bool {
        !matches!(self, Self::Excess { .. } | Self::OverSizeCap { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labelled => f.write_str("keep-tag (it has a label)"),
            Self::Pinned => f.write_str("keep-pinned"),
            Self::Backup { rank } => write!(f, "keep-backup (restore {rank})"),
            Self::Newest { rank } => write!(f, "keep-last (rank {rank})"),
            Self::Within => f.write_str("keep-within"),
            Self::Hourly { slot } => write!(f, "keep-hourly (hour {slot})"),
            Self::Daily { slot } => write!(f, "keep-daily (day {slot})"),
            Self::Weekly { slot } => write!(f, "keep-weekly (week {slot})"),
            Self::OverSizeCap { bytes } => write!(f, "over the size cap ({bytes} bytes since)"),
            Self::Excess { rank } => write!(f, "no rule keeps it (rank {rank})"),
        }
    }
}

/// What pruning does to a listing: a ruling for each checkpoint, oldest first.
///
/// Prints one line for each checkpoint, and one for the sum.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Retention};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .retention(Retention::last(2.try_into()?))
///     .open()?;
/// for text in ["one", "two", "three"] {
///     session.push(Message::user(text))?;
///     session.save(CheckpointKind::Auto)?;
/// }
/// let plan = session.plan_prune();
/// assert_eq!((plan.kept().count(), plan.dropped().count()), (2, 1));
/// assert!(plan.to_string().ends_with("keeps 2 checkpoints, drops 1"));
/// assert_eq!(session.prune()?, plan);
/// assert_eq!(session.plan_prune().dropped().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruning {
    pub(super) rulings: Vec<Ruling>,
}

impl Pruning {
    /// All rulings, oldest checkpoint first.
    pub fn rulings(&self) -> &[Ruling] {
        &self.rulings
    }

    /// Of the checkpoints that stay.
    pub fn kept(&self) -> impl Iterator<Item = &Ruling> {
        self.rulings.iter().filter(|ruling| ruling.keeps())
    }

    /// Of the checkpoints that go.
    pub fn dropped(&self) -> impl Iterator<Item = &Ruling> {
        self.rulings.iter().filter(|ruling| !ruling.keeps())
    }
}

impl fmt::Display for Pruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ruling in &self.rulings {
            writeln!(f, "{ruling}")?;
        }
        let kept = self.kept().count();
        let dropped = self.dropped().count();
        write!(f, "keeps {kept} checkpoints, drops {dropped}")
    }
}
