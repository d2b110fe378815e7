//! How much of a session goes into a package.

use serde::{Deserialize, Serialize};

/// How much of a session goes into a package. What does not is counted in
/// [`Package::left_out`](super::Package::left_out).
///
/// ```
/// use agent_checkpoint::handoff::Bounds;
///
/// let bounds: Bounds = serde_json::from_str(r#"{"recent_tokens": 2000}"#)?;
/// assert_eq!((bounds.recent_tokens, bounds.entries), (2_000, 200));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Most entries of each list; 200 unless set. Of what grows with time the newest stay, of what is to be
    /// done the first.
    pub entries: usize,
    /// Most bytes of an entry as JSON; 256 KiB unless set. A larger one is left out.
    pub entry_bytes: usize,
    /// Most bytes of the objective; 64 KiB unless set. A longer one keeps its beginning and its end.
    pub objective_bytes: usize,
    /// Most bytes of each text that is taken from the conversation (a request, a failed attempt and its
    /// error), of a summary and of a fact; 8 KiB unless set. A longer one keeps its beginning and its end.
    pub text_bytes: usize,
    /// Most tokens of the newest messages; 8 000 unless set.
    pub recent_tokens: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: 200,
            entry_bytes: 256 * 1024,
            objective_bytes: 64 * 1024,
            text_bytes: 8 * 1024,
            recent_tokens: 8_000,
        }
    }
}
