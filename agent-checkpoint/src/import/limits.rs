//! How much of a file an import takes.

use serde::{Deserialize, Serialize};

/// How much an import reads and keeps. A file that goes beyond `bytes`, `kept_bytes` or `messages` is refused;
/// a line that goes beyond `line_bytes` is left out and counted.
///
/// In memory a message takes about as much as its JSON, and up to sixteen times as much where its JSON is
/// of next to empty values.
///
/// ```
/// use agent_checkpoint::import::Limits;
///
/// let limits: Limits = serde_json::from_str(r#"{"messages": 1000}"#)?;
/// assert_eq!(limits.messages, 1_000);
/// assert_eq!(limits.line_bytes, 64 << 20);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes that are read, once inflated; 16 GiB unless set, since vendors' files embed the same history
    /// again and again. Reading takes time, not memory.
    pub bytes: u64,
    /// Most bytes of lines that become messages, or of a file that is one document; 1 GiB unless set.
    pub kept_bytes: u64,
    /// Most bytes of one line; 64 MiB unless set.
    pub line_bytes: usize,
    /// Most messages, those of branches included; a million unless set.
    pub messages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 30,
            kept_bytes: 1 << 30,
            line_bytes: 64 << 20,
            messages: 1_000_000,
        }
    }
}
