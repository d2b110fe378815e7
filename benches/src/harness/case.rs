//! One contender, and the group of those that do the same work.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a case could not be set up or run.
///
/// ```
/// use agent_benches::harness::Broken;
///
/// let broken = Broken::new("open the database", "disk full");
/// assert_eq!(broken.to_string(), "cannot open the database: disk full");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {why}")]
pub struct Broken {
    doing: String,
    why: String,
}

impl Broken {
    /// `doing` went wrong because of `why`.
    pub fn new(doing: impl Into<String>, why: impl fmt::Display) -> Self {
        Self {
            doing: doing.into(),
            why: why.to_string(),
        }
    }

    /// For `map_err`: what was being done when the error came.
    pub fn when<E: fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |why| Self::new(doing, why)
    }
}

/// What a case is compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A crate of this workspace.
    Ours,
    /// Somebody else's crate; the fastest of the group is what ratios refer to.
    Peer,
    /// The bare operation or what the hardware asks for it. Not a product, so no ratio refers to it.
    Floor,
}

/// An operation that is worth timing one by one, with work between two timings that does not count.
pub trait Steps {
    /// Runs before each [`run`](Self::run), outside the time.
    fn prepare(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    /// Operations in one run, for those too short to be timed alone; 1 unless said.
    fn calls(&self) -> u32 {
        1
    }

    /// The operation, or so many of them.
    fn run(&mut self) -> Result<(), Broken>;

    /// Runs that are weighed together, where one writes less than a device does at a time; 1 unless said.
    fn weighed(&self) -> u32 {
        1
    }

    /// Asked right after a [`run`](Self::run), or so many as are [`weighed`](Self::weighed) together, in a pass of
    /// its own: finishes what they left to be written and says what it amounts to. `None` where bytes are not
    /// compared.
    fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
        Ok(None)
    }
}

/// What one run stored, or those that are weighed together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// JSON bytes of what those runs handed to the store for the first time.
    pub added: u64,
    /// JSON bytes of everything that the store holds.
    pub held: u64,
    /// Bytes of its files.
    pub disk: u64,
}

/// How a case runs.
pub(crate) enum Work {
    /// So many calls, as a loop that the compiler sees whole.
    Loop(Box<dyn Fn(u32) + Send + Sync>),
    /// One call at a time.
    Steps(Box<dyn Steps>),
}

/// One contender.
pub struct Case {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) kind: Kind,
    pub(crate) work: Work,
}

impl Case {
    /// A case of nanoseconds: `work(n)` performs the operation `n` times, from any thread.
    pub fn looped(
        kind: Kind,
        name: impl Into<String>,
        version: impl Into<String>,
        work: impl Fn(u32) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            kind,
            work: Work::Loop(Box::new(work)),
        }
    }

    /// A case of microseconds or more, timed one operation at a time.
    pub fn steps(
        kind: Kind,
        name: impl Into<String>,
        version: impl Into<String>,
        steps: impl Steps + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            kind,
            work: Work::Steps(Box::new(steps)),
        }
    }

    pub(crate) fn times_single_operations(&self) -> bool {
        match &self.work {
            Work::Loop(_) => false,
            Work::Steps(steps) => steps.calls() == 1,
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Cases that do the same work and are timed in turns.
#[derive(Debug)]
pub struct Group {
    pub(crate) name: &'static str,
    pub(crate) threads: usize,
    pub(crate) samples: usize,
    pub(crate) cases: Vec<Case>,
}

impl Group {
    /// A group on one thread with the usual number of timings.
    pub fn new(name: &'static str, cases: Vec<Case>) -> Self {
        Self {
            name,
            threads: 1,
            samples: 61,
            cases,
        }
    }

    /// Lets `threads` threads share each looped case; 1 unless set.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Takes `samples` timings of each case; 61 unless set.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples.max(1);
        self
    }
}
