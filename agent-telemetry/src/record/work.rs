//! What the work left behind, and how long it waited and ran.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Files and lines that a piece of work changed.
///
/// ```
/// use agent_telemetry::FilesChanged;
///
/// let changed = FilesChanged::new(3).lines(120, 45);
/// assert_eq!((changed.files, changed.lines_added, changed.lines_removed), (3, 120, 45));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FilesChanged {
    /// Files created, changed, moved or removed.
    pub files: u64,
    /// Lines that are new.
    pub lines_added: u64,
    /// Lines that are gone.
    pub lines_removed: u64,
}

impl FilesChanged {
    /// So many files, without a word about their lines.
    pub const fn new(files: u64) -> Self {
        Self {
            files,
            lines_added: 0,
            lines_removed: 0,
        }
    }

    /// Sets the lines added and removed.
    #[must_use]
    pub const fn lines(mut self, added: u64, removed: u64) -> Self {
        self.lines_added = added;
        self.lines_removed = removed;
        self
    }
}

/// How long a task waited for somebody to begin it, and how long it took then.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::TaskTiming;
///
/// let timing = TaskTiming::new(Duration::from_secs(4), Duration::from_secs(90));
/// assert_eq!(timing.total(), Duration::from_secs(94));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskTiming {
    /// From being asked for to its beginning.
    pub queued: Duration,
    /// From its beginning to its end.
    pub ran: Duration,
}

impl TaskTiming {
    /// Waited for `queued`, then took `ran`.
    pub const fn new(queued: Duration, ran: Duration) -> Self {
        Self { queued, ran }
    }

    /// From being asked for to the end.
    pub const fn total(&self) -> Duration {
        self.queued.saturating_add(self.ran)
    }
}
