//! What a restore would change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::current::{Current, is_written_as};
use crate::Error;
use crate::format::payload::Span;
use crate::format::tags::Codec;
use crate::log::numbering::narrow;
use crate::redact::Redaction;

/// Most components that [`Diff`] prints, so that it stays on one screen.
const SHOWN_MAX: usize = 14;

/// What would change if the state became that of a checkpoint: messages from the point on where the two
/// part, and components by name. Fields of [`Work`](crate::Work) are components named `work.…`, a host's own
/// ones `host.…`.
///
/// Prints in at most 20 lines. Values are not shown, since they may be secret.
///
/// See [`Checkpointer::plan_restore`](crate::Checkpointer::plan_restore).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diff {
    /// Messages that both begin with.
    pub common: usize,
    /// Messages behind them that the state has now and would not have.
    pub removed: usize,
    /// Messages behind them that it would have.
    pub added: usize,
    /// Of those removed, how many no checkpoint holds yet; the backup will.
    pub unsaved: usize,
    /// Messages that the model is sent now, and would be.
    pub context: (usize, usize),
    /// Components that differ, by name.
    pub components: Vec<Change>,
}

/// What would become of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its name in the log.
    pub name: String,
    /// In which way it differs.
    pub kind: ChangeKind,
    /// Bytes now, as its codec writes it; 0 where it is not there.
    pub before: usize,
    /// Bytes it would have.
    pub after: usize,
}

/// In which way a component differs.
///
/// ```
/// assert_eq!(agent_checkpoint::ChangeKind::Removed.to_string(), "removed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is not there now.
    Added,
    /// It has another value, or another version.
    Changed,
    /// It would not be there.
    Removed,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        })
    }
}

impl Diff {
    pub(super) fn between(
        now: &Current,
        then: &Current,
        redaction: &Redaction,
    ) -> Result<Self, Error> {
        let (mine, theirs) = (&now.state.conversation, &then.state.conversation);
        let skipped = now.numbering.skipped();
        let common = if skipped == 0 {
            let pairs = mine.iter().zip(theirs);
            pairs
                .take_while(|(mine, saved)| is_written_as(mine, saved, redaction))
                .count()
        } else {
            common_by_number(now.numbering.spans(), then.numbering.spans())
        };
        let removed = (skipped + mine.len()).saturating_sub(common);
        let (before, after) = (components(now, redaction)?, components(then, redaction)?);
        let mut changes = Vec::new();
        for (name, old) in &before {
            let new = after.get(name);
            if new != Some(old) {
                changes.push(Change {
                    name: name.clone(),
                    kind: new.map_or(ChangeKind::Removed, |_| ChangeKind::Changed),
                    before: len(old),
                    after: new.map_or(0, len),
                });
            }
        }
        for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            changes.push(Change {
                name: name.clone(),
                kind: ChangeKind::Added,
                before: 0,
                after: len(new),
            });
        }
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        let sent = |current: &Current| current.messages(&current.pieces()).len();
        Ok(Self {
            common,
            removed,
            added: theirs.len().saturating_sub(common),
            unsaved: now.pending().len().min(removed),
            context: (sent(now), sent(then)),
            components: changes,
        })
    }

    /// Whether the state is that of the checkpoint already, as far as a diff tells.
    pub fn is_empty(&self) -> bool {
        self.removed == 0
            && self.added == 0
            && self.components.is_empty()
            && self.context.0 == self.context.1
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changes");
        }
        write!(
            f,
            "messages: {} stay, {} go ({} of them not saved yet), {} come",
            self.common, self.removed, self.unsaved, self.added
        )?;
        if self.context.0 != self.context.1 {
            let (now, then) = self.context;
            write!(f, "\ncontext: {now} messages now, {then} then")?;
        }
        for change in self.components.iter().take(SHOWN_MAX) {
            let Change {
                name,
                kind,
                before,
                after,
            } = change;
            write!(f, "\n{kind:<8} {name}: {before} bytes now, {after} then")?;
        }
        let more = self.components.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            write!(f, "\nand {more} components more")?;
        }
        Ok(())
    }
}

/// How many items both begin with, told by their place in the log: not all of them are in memory.
fn common_by_number(now: &[Span], then: &[Span]) -> usize {
    let mut common = 0_usize;
    for (a, b) in now.iter().zip(then) {
        if a.first != b.first {
            break;
        }
        common = common.saturating_add(narrow(a.count.min(b.count)));
        if a != b {
            break;
        }
    }
    common
}

/// A component's version, codec and bytes.
type Component = (u16, Codec, Arc<Vec<u8>>);

/// Components by name, as they are written.
fn components(
    current: &Current,
    redaction: &Redaction,
) -> Result<BTreeMap<String, Component>, Error> {
    let work = serde_json::to_value(&current.state.work)
        .map_err(|e| Error::encode("the session's state beside its messages", e))?;
    let mut components = BTreeMap::new();
    if let Value::Object(work) = work {
        let named = work.into_iter().map(|(field, value)| {
            let bytes = value.to_string().into_bytes();
            let bytes = Arc::new(
                redaction
                    .component(Codec::JSON, None, &bytes)
                    .unwrap_or(bytes),
            );
            (format!("work.{field}"), (0, Codec::JSON, bytes))
        });
        components.extend(named);
    }
    let host = current.hosts.values.iter();
    components.extend(host.map(|(kind, h)| {
        (
            format!("host.{kind}"),
            (h.schema, h.codec, Arc::clone(h.written())),
        )
    }));
    Ok(components)
}

fn len((_, _, bytes): &Component) -> usize {
    bytes.len()
}
