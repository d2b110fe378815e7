//! Finds checkpoints.

use agent_primitives::{AgentId, CheckpointId, CheckpointKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Checkpointer};
use crate::Error;

/// Which checkpoints to find: those that meet every condition that is set.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Query};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// for text in ["one", "two"] {
///     session.push(Message::user(text))?;
///     session.save(CheckpointKind::Auto)?;
/// }
/// let named = session.save_labelled("release 1")?;
/// let found = |query: &Query| session.find(query).map(|c| c.id.clone()).collect::<Vec<_>>();
///
/// assert_eq!(found(&Query::new().label("release *")), [named.clone()]);
/// assert_eq!(found(&Query::new().kind(CheckpointKind::Manual)), [named.clone()]);
/// let earlier = found(&Query::new().before(named).limit(1));
/// assert_eq!(session.checkpoint(earlier[0].as_str())?.messages, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Query {
    /// Of one of these kinds; of any where empty.
    pub kinds: Vec<CheckpointKind>,
    /// Made by this agent.
    pub agent: Option<AgentId>,
    /// With a label like this: `*` stands for any text, `?` for one character.
    pub label: Option<String>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    /// Made then or earlier.
    pub until: Option<Timestamp>,
    /// Older than this checkpoint, which need not be there any more: where the page before ended.
    pub before: Option<CheckpointId>,
    /// With a pin or a label.
    pub held: bool,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

impl Query {
    /// Every checkpoint.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to [`kinds`](Self::kinds).
    #[must_use]
    pub fn kind(mut self, kind: CheckpointKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Sets [`agent`](Self::agent).
    #[must_use]
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Sets [`label`](Self::label).
    #[must_use]
    pub fn label(mut self, pattern: impl Into<String>) -> Self {
        self.label = Some(pattern.into());
        self
    }

    /// Sets [`since`](Self::since).
    #[must_use]
    pub const fn since(mut self, at: Timestamp) -> Self {
        self.since = Some(at);
        self
    }

    /// Sets [`until`](Self::until).
    #[must_use]
    pub const fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// Sets [`before`](Self::before).
    #[must_use]
    pub fn before(mut self, id: CheckpointId) -> Self {
        self.before = Some(id);
        self
    }

    /// Sets [`held`](Self::held).
    #[must_use]
    pub const fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// Sets [`limit`](Self::limit).
    #[must_use]
    pub const fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// Whether the checkpoint meets the conditions; [`before`](Self::before) and [`limit`](Self::limit)
    /// are those of a list, and not looked at.
    pub fn meets(&self, checkpoint: &Checkpoint) -> bool {
        let is_like = |pattern: &str| checkpoint.labels.iter().any(|l| is_match(pattern, l));
        (self.kinds.is_empty() || self.kinds.contains(&checkpoint.kind))
            && (self.agent.is_none() || self.agent == checkpoint.agent)
            && self.label.as_deref().is_none_or(is_like)
            && self.since.is_none_or(|since| checkpoint.at >= since)
            && self.until.is_none_or(|until| checkpoint.at <= until)
            && (!self.held || checkpoint.pinned || !checkpoint.labels.is_empty())
    }
}

/// Whether `text` is like `pattern`. Goes back to the last `*` only, so that it takes at most the product of
/// the lengths.
fn is_match(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut star = None;
    loop {
        let mut ahead = pattern.clone();
        match (ahead.next(), text.clone().next()) {
            (Some('*'), _) => {
                star = Some((ahead.clone(), text.clone()));
                pattern = ahead;
            }
            (Some(wanted), Some(c)) if wanted == '?' || wanted == c => {
                pattern = ahead;
                text.next();
            }
            (None, None) => return true,
            _ => {
                // The star takes one character more.
                let Some((behind, from)) = &mut star else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                pattern = behind.clone();
                text = from.clone();
            }
        }
    }
}

impl Checkpointer {
    /// The checkpoints that the retention keeps, newest first. Each can be restored.
    pub fn list(&self) -> Vec<Checkpoint> {
        self.points.kept().rev().cloned().collect()
    }

    /// Those of them that meet `query`, newest first. Looks at no more than it gives and passes over.
    pub fn find<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a Checkpoint> {
        let number = |id: &CheckpointId| id.as_str().split('-').next()?.parse().ok();
        let before = query.before.as_ref().map_or(u64::MAX, |id| {
            // What is no number was made by nobody here: nothing is older.
            number(id).unwrap_or(0)
        });
        let found = self.points.kept_before(before).rev();
        found
            .filter(|checkpoint| query.meets(checkpoint))
            .take(query.limit.unwrap_or(usize::MAX))
    }

    /// The newest checkpoint.
    pub fn latest(&self) -> Option<Checkpoint> {
        self.points.newest().cloned()
    }

    /// The checkpoint with this id. Its number is enough, or so much of it that no other begins the same.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when none is listed; [`Error::is_ambiguous`] when several are.
    pub fn checkpoint(&self, id: &str) -> Result<&Checkpoint, Error> {
        self.points.with_prefix(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "any"),
            ("v?", "v1"),
            ("a*c", "abbc"),
            ("a*b*c", "axbxbxc"),
            ("\u{e9}?", "\u{e9}\u{1f980}"),
            ("*.rs", "a.rs.rs"),
        ] {
            assert!(is_match(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("v?", "v"),
            ("a*c", "abb"),
            ("a", "A"),
            ("*a*a*a*a*b", &"a".repeat(100)),
        ] {
            assert!(!is_match(pattern, text), "{pattern} {text}");
        }
    }
}
