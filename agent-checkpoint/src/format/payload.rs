//! The payloads of Commit and Tombstone frames.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use agent_primitives::{AgentId, CheckpointId};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::point::Cause;
use super::{KEEP_MAX, SPANS_MAX, bytes_at};
use crate::log::numbering::narrow;

/// A blake3 digest.
pub(crate) type Digest = [u8; 32];

/// `count` items whose numbers lie in `first..=last`; the other numbers in between are no items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) count: u64,
}

impl From<Span> for (u64, u64, u64) {
    fn from(span: Span) -> Self {
        (span.first, span.last, span.count)
    }
}

impl TryFrom<(u64, u64, u64)> for Span {
    type Error = &'static str;

    fn try_from((first, last, count): (u64, u64, u64)) -> Result<Self, &'static str> {
        // `last - first` is at least `count - 1`, so neither difference can overflow.
        match last.checked_sub(first) {
            Some(room) if count >= 1 && count - 1 <= room => Ok(Self { first, last, count }),
            _ => Err("a range of items that is impossible"),
        }
    }
}

/// Where a component's value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u16)", into = "(u64, u16)")]
pub(crate) struct Reference {
    /// Number of the Snapshot frame that holds it.
    pub(crate) seq: u64,
    /// Version of the value's own schema.
    pub(crate) schema: u16,
}

impl From<Reference> for (u64, u16) {
    fn from(reference: Reference) -> Self {
        (reference.seq, reference.schema)
    }
}

impl From<(u64, u16)> for Reference {
    fn from((seq, schema): (u64, u16)) -> Self {
        Self { seq, schema }
    }
}

/// What a commit says, its hashes aside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    /// Unix milliseconds.
    pub(crate) at: i64,
    /// A word of `CheckpointKind`, or of a later version's.
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<AgentId>,
    /// The checkpoint that this one goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restored: Option<CheckpointId>,
    /// Why it was made, where a trigger made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<Cause>,
    /// Number of the first frame that the hash covers.
    pub(crate) covers: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Span>,
    /// What the model is sent; the whole history where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<Vec<Span>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) components: BTreeMap<String, Reference>,
    /// What a later version wrote, kept for it.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl Body {
    /// Messages in the history.
    pub(crate) fn messages(&self) -> usize {
        let counts = self.history.iter().map(|span| span.count);
        narrow(counts.fold(0, u64::saturating_add))
    }
}

/// A Commit frame's payload: two digests and then the body.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) hash: Digest,
    pub(crate) parent: Digest,
    pub(crate) body: Body,
}

impl Commit {
    pub(crate) fn encode(hash: &Digest, parent: &Digest, body: &[u8]) -> Vec<u8> {
        [hash, parent, body].concat()
    }

    /// The commit, and the body's bytes for hashing.
    pub(crate) fn decode(raw: &[u8]) -> Option<(Self, &[u8])> {
        let (hash, parent) = (bytes_at(raw, 0)?, bytes_at(raw, 32)?);
        let bytes = raw.get(64..)?;
        let body: Body = serde_json::from_slice(bytes).ok()?;
        let spans = body
            .history
            .len()
            .max(body.context.as_ref().map_or(0, Vec::len));
        (spans <= SPANS_MAX).then_some((Self { hash, parent, body }, bytes))
    }
}

/// Which components a Snapshot frame holds, as marks of their names, ascending. Their values are passed
/// over.
#[derive(Debug)]
pub(crate) struct ComponentNames(pub(crate) Vec<u64>);

/// Stands for a component's name. Two names with one mark cost no more than a look into the frame.
pub(crate) fn name_mark(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    bytes_at(hash.as_bytes(), 0).map_or(0, u64::from_le_bytes)
}

impl<'de> Deserialize<'de> for ComponentNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Vec<u64>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("components by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<u64>, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<Cow<'de, str>, IgnoredAny>()? {
                    names.push(name_mark(&name));
                }
                Ok(names)
            }
        }
        let mut names = deserializer.deserialize_map(Names)?;
        names.sort_unstable();
        names.dedup();
        Ok(Self(names))
    }
}

/// A Tombstone frame's payload: checkpoints up to `through` are dropped from the listing, but for
/// those in `keep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) through: u64,
    /// Ascending.
    #[serde(default)]
    pub(crate) keep: Vec<u64>,
}

impl Tombstone {
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let mut stone: Self = serde_json::from_slice(raw).ok()?;
        stone.keep.sort_unstable();
        stone.keep.dedup();
        // A forged list of many thousands would cost as much at each listing.
        (stone.keep.len() <= KEEP_MAX).then_some(stone)
    }

    /// As record `seq` of a log: it takes out what lies before it, and nothing that is saved later.
    pub(crate) fn before(mut self, seq: u64) -> Self {
        self.through = self.through.min(seq);
        self
    }

    /// Whether it takes the checkpoint `seq` out of the listing.
    pub(crate) fn drops(&self, seq: u64) -> bool {
        seq <= self.through && self.keep.binary_search(&seq).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_ranges_are_refused() {
        for good in [
            "[1,1,1]",
            "[1,9,3]",
            "[0,18446744073709551615,18446744073709551615]",
        ] {
            assert!(serde_json::from_str::<Span>(good).is_ok(), "{good}");
        }
        for wrong in ["[2,1,1]", "[1,1,0]", "[1,3,4]", "[1,2]"] {
            assert!(serde_json::from_str::<Span>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tombstone_keeps_what_it_names_and_no_more_than_it_may() {
        let stone = Tombstone::decode(br#"{"through":9,"keep":[7,3,7]}"#).unwrap();
        let dropped: Vec<u64> = (0..11).filter(|seq| stone.drops(*seq)).collect();
        assert_eq!(dropped, [0, 1, 2, 4, 5, 6, 8, 9]);
        let long: Vec<u64> = (0..=65_536).collect();
        let forged = serde_json::json!({"through": 9, "keep": long});
        assert!(Tombstone::decode(forged.to_string().as_bytes()).is_none());
    }

    #[test]
    fn names_are_marked_without_their_values() {
        let json = format!("{{\"b\":{}1{},\"a\":2}}", "[".repeat(500), "]".repeat(500));
        let ComponentNames(names) = serde_json::from_str(&json).unwrap();
        let mut marks = vec![name_mark("a"), name_mark("b")];
        marks.sort_unstable();
        assert_eq!(names, marks);
    }

    #[test]
    fn what_a_later_version_adds_to_a_commit_is_kept() {
        let json = r#"{"at":1,"kind":"dream","covers":0,"mood":"fine"}"#;
        let raw = Commit::encode(&[1; 32], &[2; 32], json.as_bytes());
        let (commit, body) = Commit::decode(&raw).unwrap();
        assert_eq!(
            (commit.hash, commit.parent, body),
            ([1; 32], [2; 32], json.as_bytes())
        );
        assert_eq!(serde_json::to_string(&commit.body).unwrap(), json);
        assert!(Commit::decode(&raw[..63]).is_none());
    }
}
