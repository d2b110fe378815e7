//! Which checkpoints stay in the listing: a pure plan with a reason for each.

use std::num::NonZeroUsize;

use agent_primitives::{CheckpointId, CheckpointKind};

use super::Checkpoint;

/// Which checkpoints of a session stay restorable. The newest always does.
///
/// Retention trims the listing, never the conversation: messages of dropped checkpoints stay in the
/// log as long as the session.
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
/// let messages: Vec<_> = session.list().iter().map(|checkpoint| checkpoint.messages).collect();
/// assert_eq!(messages, [3, 2]);
/// assert_eq!(session.history().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    last: Option<NonZeroUsize>,
}

impl Default for Retention {
    /// The last ten.
    fn default() -> Self {
        Self {
            last: NonZeroUsize::new(10),
        }
    }
}

/// What a plan says of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ruling {
    /// Which checkpoint.
    pub id: CheckpointId,
    /// Why it stays or goes.
    pub reason: Reason,
    pub(crate) seq: u64,
}

impl Ruling {
    /// Whether the checkpoint stays.
    pub fn keeps(&self) -> bool {
        !matches!(self.reason, Reason::Excess { .. })
    }
}

/// Why a checkpoint stays or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Stays: one of the newest; the newest has rank 1.
    Newest {
        /// Its rank.
        rank: usize,
    },
    /// Stays: it holds the state that a restore replaced.
    Pinned,
    /// Goes: newer ones fill the allowance.
    Excess {
        /// Its rank.
        rank: usize,
    },
}

impl Retention {
    /// The newest `count`, and every state that a restore replaced; 10 unless set.
    pub const fn last(count: NonZeroUsize) -> Self {
        Self { last: Some(count) }
    }

    /// All of them.
    pub const fn all() -> Self {
        Self { last: None }
    }

    /// A ruling for each of `checkpoints`, which are in order, oldest first.
    pub fn plan(&self, checkpoints: &[Checkpoint]) -> Vec<Ruling> {
        let allowance = self.last.map_or(usize::MAX, NonZeroUsize::get);
        let mut rank = 0;
        let mut rulings: Vec<Ruling> = checkpoints
            .iter()
            .rev()
            .map(|checkpoint| {
                let reason = if checkpoint.kind == CheckpointKind::PreRestore {
                    Reason::Pinned
                } else {
                    rank += 1;
                    if rank <= allowance {
                        Reason::Newest { rank }
                    } else {
                        Reason::Excess { rank }
                    }
                };
                Ruling {
                    id: checkpoint.id.clone(),
                    reason,
                    seq: checkpoint.seq,
                }
            })
            .collect();
        rulings.reverse();
        rulings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_primitives::Timestamp;

    fn checkpoint(seq: u64, kind: CheckpointKind) -> Checkpoint {
        Checkpoint {
            id: CheckpointId::new(format!("{seq}-00000000")).unwrap(),
            kind,
            at: Timestamp::UNIX_EPOCH,
            agent: None,
            messages: 0,
            restored: None,
            seq,
        }
    }

    #[test]
    fn pins_stay_and_do_not_use_up_the_allowance() {
        use CheckpointKind::{Auto, PreRestore};
        let all: Vec<_> = [Auto, PreRestore, Auto, PreRestore, Auto]
            .into_iter()
            .zip(1..)
            .map(|(kind, seq)| checkpoint(seq, kind))
            .collect();
        let reasons = |retention: Retention| -> Vec<Reason> {
            retention
                .plan(&all)
                .into_iter()
                .map(|ruling| ruling.reason)
                .collect()
        };
        assert_eq!(
            reasons(Retention::last(2.try_into().unwrap())),
            [
                Reason::Excess { rank: 3 },
                Reason::Pinned,
                Reason::Newest { rank: 2 },
                Reason::Pinned,
                Reason::Newest { rank: 1 }
            ]
        );
        assert!(Retention::all().plan(&all).iter().all(Ruling::keeps));
    }

    #[test]
    fn ten_stay_unless_set() {
        let all: Vec<_> = (0..25)
            .map(|seq| checkpoint(seq, CheckpointKind::Auto))
            .collect();
        let plan = Retention::default().plan(&all);
        let kept: Vec<u64> = plan.iter().filter(|r| r.keeps()).map(|r| r.seq).collect();
        assert_eq!(kept, (15..25).collect::<Vec<_>>());
    }
}
