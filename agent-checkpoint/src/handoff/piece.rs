//! The parts that a package is made of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a package. A word of a later version is kept as it is.
///
/// ```
/// use agent_checkpoint::handoff::Piece;
///
/// assert_eq!(Piece::NextSteps.to_string(), "next_steps");
/// assert_eq!(serde_json::to_string(&Piece::Tried)?, "\"tried\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Piece {
    /// The task.
    Objective,
    /// The standing instructions.
    Instructions,
    /// What the user asked for later.
    Requests,
    /// The conversation in short.
    Summary,
    /// What is done.
    Progress,
    /// What was decided, and why.
    Decisions,
    /// What was made, with digests.
    Artifacts,
    /// What is to be done.
    NextSteps,
    /// What somebody has to answer.
    Questions,
    /// Tool calls without a result.
    OpenCalls,
    /// What was tried and failed.
    Tried,
    /// Files that the work is about.
    Files,
    /// What must not be forgotten.
    Facts,
    /// The tool servers.
    ToolServers,
    /// The workflow.
    Workflow,
    /// What agents keep for themselves.
    Agents,
    /// Other components of the state.
    Components,
    /// The newest messages.
    Recent,
    /// The checkpoint that the package was made at.
    Checkpoint,
    /// Who takes the work.
    Taker,
    /// The sessions before.
    Earlier,
    /// A word that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl Piece {
    fn word(&self) -> &str {
        match self {
            Self::Objective => "objective",
            Self::Instructions => "instructions",
            Self::Requests => "requests",
            Self::Summary => "summary",
            Self::Progress => "progress",
            Self::Decisions => "decisions",
            Self::Artifacts => "artifacts",
            Self::NextSteps => "next_steps",
            Self::Questions => "questions",
            Self::OpenCalls => "open_calls",
            Self::Tried => "tried",
            Self::Files => "files",
            Self::Facts => "facts",
            Self::ToolServers => "tool_servers",
            Self::Workflow => "workflow",
            Self::Agents => "agents",
            Self::Components => "components",
            Self::Recent => "recent",
            Self::Checkpoint => "checkpoint",
            Self::Taker => "taker",
            Self::Earlier => "earlier",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn words_are_names_of_counts_too_and_unknown_ones_are_kept() {
        let json = r#"{"next_steps":2,"moods":1}"#;
        let counts: BTreeMap<Piece, u64> = serde_json::from_str(json).unwrap();
        assert_eq!(counts[&Piece::NextSteps], 2);
        assert_eq!(counts[&Piece::Other("moods".into())], 1);
        assert_eq!(serde_json::to_string(&counts).unwrap(), json);
        for piece in [Piece::OpenCalls, Piece::ToolServers, Piece::Checkpoint] {
            let word = serde_json::to_value(&piece).unwrap();
            assert_eq!(word, piece.to_string());
        }
    }
}
