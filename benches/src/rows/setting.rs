//! Where a run writes and how much.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Broken, Effort};

/// What the rows that write files have to know.
#[derive(Debug, Clone)]
pub struct Setting {
    scratch: PathBuf,
    effort: Effort,
}

impl Setting {
    /// Sessions are written below `scratch`, which should be on a disk and not in memory, and are
    /// small if `effort` is only a test.
    pub fn new(scratch: impl Into<PathBuf>, effort: Effort) -> Self {
        Self {
            scratch: scratch.into(),
            effort,
        }
    }

    /// A new folder that goes away with the value.
    pub(super) fn folder(&self) -> Result<TempDir, Broken> {
        let doing = "make a folder to write to";
        fs::create_dir_all(&self.scratch).map_err(Broken::when(doing))?;
        tempfile::Builder::new()
            .prefix("agent-benches-")
            .tempdir_in(&self.scratch)
            .map_err(Broken::when(doing))
    }

    /// `bytes` in a full run; enough to show that it works in a test.
    pub(super) fn bytes(&self, bytes: u64) -> u64 {
        match self.effort {
            Effort::Full => bytes,
            Effort::Test => bytes.min(30_000),
        }
    }
    /// `count` in a full run; a few in a test.
    pub(super) fn count(&self, count: u64) -> u64 {
        match self.effort {
            Effort::Full => count,
            Effort::Test => count.min(30),
        }
    }
}
