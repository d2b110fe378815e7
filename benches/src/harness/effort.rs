//! Whether a run measures or only shows that every case works.

use serde::{Deserialize, Serialize};

/// How much of the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Everything, with timings.
    Full,
    /// Each case once on a small session. Times of single calls would say nothing and are left out.
    Test,
}
