//! What was found broken, what was done about it, and what came of it.

use std::fmt;
use std::ops::Range;

use agent_primitives::CheckpointId;
use serde::{Deserialize, Serialize};

/// What is broken: the rows of the [table](crate::guide::recovery).
///
/// ```
/// assert_eq!(agent_checkpoint::recover::Failure::TornTail.to_string(), "torn tail");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// A write was interrupted at the end of the log.
    TornTail,
    /// Bytes in the middle of the log are not as they were written.
    DamagedFrame,
    /// A long text, to which messages refer, is lost.
    MissingContent,
    /// A provider would refuse the messages.
    BrokenHistory,
    /// A component was saved by an earlier version of its type.
    OldSchema,
    /// The log, or a component in it, was written by a later version.
    NewSchema,
    /// Somebody else has the session, or had it meanwhile.
    LostLease,
    /// The store did not take what was to be written.
    FailedWrite,
    /// A tool server is not as it was.
    ToolDrift,
    /// The host's own check refuses the state, as after a restore that went wrong.
    RefusedState,
    /// The context has more tokens than the model takes.
    ContextTooLong,
    /// The session is encrypted with a key that was not given, or not encrypted where one was.
    WrongKey,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TornTail => "torn tail",
            Self::DamagedFrame => "damaged frame",
            Self::MissingContent => "missing content",
            Self::BrokenHistory => "broken history",
            Self::OldSchema => "old schema",
            Self::NewSchema => "new schema",
            Self::LostLease => "lost lease",
            Self::FailedWrite => "failed write",
            Self::ToolDrift => "tool drift",
            Self::RefusedState => "refused state",
            Self::ContextTooLong => "context too long",
            Self::WrongKey => "wrong key",
        })
    }
}

/// What was done.
///
/// ```
/// assert_eq!(agent_checkpoint::recover::Strategy::OlderCheckpoint.to_string(), "older checkpoint");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// Bytes were copied to quarantine, and do not count.
    SetAside,
    /// The session goes on from the newest checkpoint that is whole.
    OlderCheckpoint,
    /// Another store gave back what this one lost.
    Sibling,
    /// The newest state was put together from what is left, with a mark in the place of what is lost.
    Salvage,
    /// A word with the digest of the text stands where a long text is lost.
    Stub,
    /// The context was made one that a provider takes.
    RepairContext,
    /// The value was brought up to the version of its type; the checkpoint before is pinned.
    Migrate,
    /// It is carried along as it lies.
    Carry,
    /// The session may be read, and not be written.
    ReadOnly,
    /// Nothing was written.
    Refuse,
    /// The session goes on as one of its own beside the other, from the same checkpoint.
    Branch,
    /// The session was taken from its writer.
    TakeOver,
    /// The session was opened anew in place, with all that is in memory.
    Reopen,
    /// The tool servers are known as they are now.
    UpdateTools,
    /// Tool servers are to be reached and their tools listed before the session goes on.
    Reconnect,
    /// A call waits for a tool that is gone or is another.
    BlockResume,
    /// Calls that wait for a tool that is gone or is another were answered as interrupted.
    AnswerCalls,
    /// The restore was taken back.
    RollBack,
    /// An earlier checkpoint that the host's check accepts was restored.
    StepBack,
    /// The context was cut.
    Cut,
    /// Room is to be made in the store.
    FreeSpace,
    /// There is nothing that could be done without the host.
    AskHost,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SetAside => "set aside",
            Self::OlderCheckpoint => "older checkpoint",
            Self::Sibling => "sibling",
            Self::Salvage => "salvage",
            Self::Stub => "stub",
            Self::RepairContext => "repair context",
            Self::Migrate => "migrate",
            Self::Carry => "carry",
            Self::ReadOnly => "read only",
            Self::Refuse => "refuse",
            Self::Branch => "branch",
            Self::TakeOver => "take over",
            Self::Reopen => "reopen",
            Self::UpdateTools => "update tools",
            Self::Reconnect => "reconnect",
            Self::BlockResume => "block resume",
            Self::AnswerCalls => "answer calls",
            Self::RollBack => "roll back",
            Self::StepBack => "step back",
            Self::Cut => "cut",
            Self::FreeSpace => "free space",
            Self::AskHost => "ask host",
        })
    }
}

/// What came of it.
///
/// ```
/// assert_eq!(agent_checkpoint::recover::Outcome::NeedsHost.to_string(), "needs the host");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Work may go on.
    Recovered,
    /// The host is to do or to decide what the detail says before work goes on.
    NeedsHost,
    /// It was tried and did not help; the detail says why.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recovered => "recovered",
            Self::NeedsHost => "needs the host",
            Self::Failed => "failed",
        })
    }
}

/// One thing that was found broken.
///
/// ```
/// use agent_checkpoint::recover::{Failure, Finding, Outcome, Strategy};
///
/// let finding = Finding::new(Failure::TornTail, Strategy::SetAside, "36 bytes").lost([7..8]);
/// assert_eq!(finding.outcome, Outcome::Recovered);
/// assert_eq!(finding.to_string(), "torn tail: set aside: recovered; record 7 lost; 36 bytes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is broken.
    pub failure: Failure,
    /// What was done.
    pub strategy: Strategy,
    /// What came of it.
    pub outcome: Outcome,
    /// Numbers of records of the log that are lost, each one message, component or mark; empty where
    /// nothing is.
    pub lost: Vec<Range<u64>>,
    /// What a person should know, and what to do next where the host is needed.
    pub detail: String,
}

impl Finding {
    /// A failure that was recovered from, with nothing lost.
    pub fn new(failure: Failure, strategy: Strategy, detail: impl Into<String>) -> Self {
        Self {
            failure,
            strategy,
            outcome: Outcome::Recovered,
            lost: Vec::new(),
            detail: detail.into(),
        }
    }

    /// Sets what came of it.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Sets the numbers of the records that are lost.
    #[must_use]
    pub fn lost(mut self, lost: impl IntoIterator<Item = Range<u64>>) -> Self {
        self.lost = lost.into_iter().collect();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.failure, self.strategy, self.outcome)?;
        let mut lost = self.lost.iter();
        if let Some(first) = lost.next() {
            let is_one = self.lost.len() == 1 && first.end.saturating_sub(first.start) == 1;
            f.write_str(if is_one { "; record " } else { "; records " })?;
            write_range(f, first)?;
            for range in lost {
                f.write_str(", ")?;
                write_range(f, range)?;
            }
            f.write_str(" lost")?;
        }
        write!(f, "; {}", self.detail)
    }
}

/// First and last, as a person counts them.
fn write_range(f: &mut fmt::Formatter<'_>, range: &Range<u64>) -> fmt::Result {
    let last = range.end.saturating_sub(1);
    if last <= range.start {
        write!(f, "{}", range.start)
    } else {
        write!(f, "{} to {last}", range.start)
    }
}

/// What a recovery found and did. A line for each finding when displayed.
///
/// ```
/// use agent_checkpoint::recover::Recovery;
/// use agent_checkpoint::{Checkpointer, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let builder = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?);
/// let report = builder.recover(&Recovery::default())?.report;
/// assert!(report.is_clean() && report.may_go_on());
/// assert_eq!(report.to_string(), "nothing to recover from");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "it says what was lost, and whether the host is needed"]
#[non_exhaustive]
pub struct RecoveryReport {
    /// In the order in which they were met.
    pub findings: Vec<Finding>,
    /// The checkpoint that the recovered state was saved as and read back from; none where nothing was to
    /// be saved, and where it could not be.
    pub checkpoint: Option<CheckpointId>,
}

impl RecoveryReport {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether work may go on without the host: nothing failed, and nothing waits for a decision.
    pub fn may_go_on(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.outcome == Outcome::Recovered)
    }

    /// The findings of a failure.
    pub fn of(&self, failure: Failure) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.failure == failure)
    }

    pub(super) fn push(&mut self, finding: Finding) {
        tracing::warn!(%finding, "recovery");
        self.findings.push(finding);
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("nothing to recover from");
        }
        for (at, finding) in self.findings.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}
