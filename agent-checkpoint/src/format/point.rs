//! The payloads that speak of checkpoints: labels and pins, why one was made, and what a fork shares.

use agent_primitives::{CheckpointId, SessionId};
use serde::{Deserialize, Serialize};

/// Longest label, in bytes.
pub(crate) const LABEL_MAX: usize = 128;
/// Longest text that says what a checkpoint was made before or at, in bytes.
pub(crate) const WHAT_MAX: usize = 256;
/// Most sessions that a fork descends from.
const LINEAGE_MAX: usize = 4_096;

/// A Label frame's payload. With a label and a checkpoint: the label stands there from now on, and nowhere
/// else. With a label alone: it is gone. With a checkpoint and `pinned`: the pin is set or taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint: Option<CheckpointId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pinned: Option<bool>,
}

impl Tag {
    /// The label is the checkpoint's.
    pub(crate) fn label(checkpoint: CheckpointId, label: &str) -> Self {
        Self {
            checkpoint: Some(checkpoint),
            label: Some(label.to_owned()),
            pinned: None,
        }
    }

    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let mark: Self = serde_json::from_slice(raw).ok()?;
        let label = mark.label.as_deref();
        label.is_none_or(is_label).then_some(mark)
    }
}

/// Whether a text is read as a label; [`is_printable`] is asked besides before one is written: 1 to 128 bytes, no control characters, no blank at either end.
pub(crate) fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LABEL_MAX
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// Whether a text shows as what it is: no control characters, and none that turn the direction of what stands around
/// them or end a line, so that one name cannot be made to look like another.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

fn is_hidden(c: char) -> bool {
    // Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX 9, section 2), and the
    // two separators of lines.
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Why a commit was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// What the commit covers from: a program that does not know this field writes it again with the commits
    /// that follow, where it is not true.
    pub(crate) covers: u64,
    pub(crate) word: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) what: Option<String>,
}

/// `text` as it may stand in a cause: one line of bounded length.
pub(crate) fn bounded(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        let c = if is_hidden(c) { ' ' } else { c };
        if kept.len() + c.len_utf8() > WHAT_MAX {
            break;
        }
        kept.push(c);
    }
    kept
}

/// A Fork frame's payload: whose the segments before it are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// The checkpoint that the session begins with.
    pub(crate) from: CheckpointId,
    /// Ascending.
    pub(crate) lineage: Vec<Share>,
    /// Means nothing, and keeps the frames on either side apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) pad: String,
}

/// Segments that are another session's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) session: SessionId,
    /// The last of them.
    pub(crate) through: u32,
    /// Number of the last record in them that is this session's as well.
    pub(crate) last: u64,
}

impl Fork {
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let fork: Self = serde_json::from_slice(raw).ok()?;
        let ascends = fork
            .lineage
            .is_sorted_by(|a, b| a.through < b.through && a.last <= b.last);
        let is_bounded = (1..=LINEAGE_MAX).contains(&fork.lineage.len());
        (ascends && is_bounded).then_some(fork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_short_line() {
        for good in ["v1", "before the merge", "\u{1f980}", &"x".repeat(128)] {
            assert!(is_label(good), "{good}");
        }
        for wrong in ["", " v1", "v1 ", "a\nb", "a\0", &"x".repeat(129)] {
            assert!(!is_label(wrong), "{wrong:?}");
        }
        assert!(Tag::decode(br#"{"label":"v1","later":1}"#).is_some());
        assert!(Tag::decode(br#"{"label":""}"#).is_none());
    }

    #[test]
    fn what_a_checkpoint_was_made_for_is_one_line_of_256_bytes_at_most() {
        assert_eq!(bounded("rm -rf\nbuild"), "rm -rf build");
        assert_eq!(bounded("rm \u{202e}x\u{2028}y"), "rm  x y");
        let long = bounded(&"\u{1f980}".repeat(100));
        assert_eq!(long.len(), 256);
    }

    #[test]
    fn a_lineage_that_does_not_ascend_is_refused() {
        let fork = |lineage: &str| {
            Fork::decode(format!("{{\"from\":\"1-00000000\",\"lineage\":{lineage}}}").as_bytes())
        };
        assert!(
            fork(r#"[{"session":"a","through":2,"last":7},{"session":"b","through":4,"last":9}]"#)
                .is_some()
        );
        for wrong in [
            "[]",
            r#"[{"session":"a","through":2,"last":7},{"session":"b","through":2,"last":9}]"#,
            r#"[{"session":"a","through":2,"last":7},{"session":"b","through":3,"last":6}]"#,
        ] {
            assert!(fork(wrong).is_none(), "{wrong}");
        }
    }
}
