//! How far each transcript was read.

use std::collections::BTreeMap;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::lines::Progress;

/// Calls of tools without a result, of one file.
const TOOLS: usize = 64;

/// How far transcripts were read, to be stored as JSON and given back after a restart.
///
/// What is read again, because the newest places were not stored, is known again as long as its marks are.
///
/// ```
/// use agent_telemetry::otlp::TranscriptPlaces;
///
/// let json = serde_json::to_string(&TranscriptPlaces::default())?;
/// assert_eq!(serde_json::from_str::<TranscriptPlaces>(&json)?, TranscriptPlaces::default());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptPlaces {
    pub(super) files: BTreeMap<String, Place>,
}

/// Of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) offset: u64,
    /// Within a line that is too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) skipping: bool,
    /// Length and hash of its first bytes: a file that begins otherwise is another one.
    pub(super) begins: (u64, u64),
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool>,
}

/// A call of a tool whose result is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tool {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) at: Timestamp,
}

impl Place {
    pub(super) const fn progress(&self) -> Progress {
        Progress {
            offset: self.offset,
            skipping: self.skipping,
            too_long: 0,
        }
    }

    /// `false` if another had to be given up for it.
    pub(super) fn called(&mut self, tool: Tool) -> bool {
        if self.tools.iter().any(|it| it.id == tool.id) {
            return true;
        }
        let room = self.tools.len() < TOOLS;
        if !room {
            self.tools.remove(0);
        }
        self.tools.push(tool);
        room
    }

    pub(super) fn answered(&mut self, id: &str) -> Option<Tool> {
        let place = self.tools.iter().position(|it| it.id == id)?;
        Some(self.tools.remove(place))
    }
}
