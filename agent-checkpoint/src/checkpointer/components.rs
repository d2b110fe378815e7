//! State beside the messages: which of it changed, and where each part lies in the log.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::format::payload::{Digest, Reference};
use crate::log::replay::{Entry, Replay};
use crate::state::savable::{check_depth, check_work};
use crate::{Error, Work};

/// Component names begin with what they are part of, so that none can be taken for another.
const WORK: &str = "work.";
const HOST: &str = "host.";
const WORK_SCHEMA: u16 = 1;

/// A value that the host saves with the session.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) schema: u16,
    pub(crate) value: Value,
}

/// Where a component was saved last, and what it was.
#[derive(Debug, Clone, Copy)]
struct Saved {
    reference: Reference,
    digest: Digest,
}

/// Components that differ from what is saved.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New values, by full name.
    pub(crate) values: Map<String, Value>,
    fresh: Vec<(String, u16, Digest)>,
    gone: Vec<String>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.gone.is_empty()
    }
}

/// What is saved of the components.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// Components of a later version.
    carried: BTreeMap<String, Reference>,
    saved: BTreeMap<String, Saved>,
}

/// The components of a commit, with their values.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) components: Components,
    pub(crate) work: Work,
    pub(crate) host: BTreeMap<String, Host>,
}

impl Stored {
    /// Reads what `entry` names, and nothing else.
    pub(crate) fn load(replay: &Replay, entry: &Entry) -> Result<Self, Error> {
        let mut stored = Self::default();
        let mut work = Map::new();
        let mut frames: BTreeMap<u64, Vec<(&String, Reference)>> = BTreeMap::new();
        for (name, reference) in &entry.body.components {
            let names = frames.entry(reference.seq).or_default();
            names.push((name, *reference));
        }
        // One frame at a time is in memory.
        for (seq, names) in frames {
            let mut values = replay.snapshot(seq)?;
            for (name, reference) in names {
                let value = values
                    .remove(name)
                    .ok_or_else(|| Error::damaged(entry.id()))?;
                stored.place(&mut work, name, reference, value)?;
            }
        }
        stored.work = read_work(&Value::Object(work))?;
        Ok(stored)
    }

    fn place(
        &mut self,
        work: &mut Map<String, Value>,
        name: &str,
        reference: Reference,
        value: Value,
    ) -> Result<(), Error> {
        let digest = digest(name, &value)?;
        if let Some(field) = name.strip_prefix(WORK) {
            if reference.schema > WORK_SCHEMA {
                return Err(Error::newer(format!("component {name}")));
            }
            work.insert(field.to_owned(), value);
        } else if let Some(kind) = name.strip_prefix(HOST) {
            let schema = reference.schema;
            self.host.insert(kind.to_owned(), Host { schema, value });
        } else {
            self.components.carried.insert(name.to_owned(), reference);
            return Ok(());
        }
        let saved = Saved { reference, digest };
        self.components.saved.insert(name.to_owned(), saved);
        Ok(())
    }
}

impl Components {
    /// Components that differ from what is saved.
    ///
    /// # Errors
    /// Something would not read back.
    pub(crate) fn changes(
        &self,
        work: &Work,
        host: &BTreeMap<String, Host>,
    ) -> Result<Changes, Error> {
        check_work(work)?;
        let value = serde_json::to_value(work)
            .map_err(|e| Error::encode("the session's state beside its messages", e))?;
        read_work(&value)?;
        let mut changes = Changes::default();
        let Value::Object(work) = value else {
            return Ok(changes);
        };
        let work = work
            .into_iter()
            .map(|(field, value)| (format!("{WORK}{field}"), WORK_SCHEMA, value));
        let host = host
            .iter()
            .map(|(kind, host)| (format!("{HOST}{kind}"), host.schema, host.value.clone()));
        let mut names = Vec::new();
        for (name, schema, value) in work.chain(host) {
            let digest = digest(&name, &value)?;
            let is_saved =
                |saved: &Saved| saved.digest == digest && saved.reference.schema == schema;
            if !self.saved.get(&name).is_some_and(is_saved) {
                check_depth(format!("component {name}"), &value)?;
                changes.fresh.push((name.clone(), schema, digest));
                changes.values.insert(name.clone(), value);
            }
            names.push(name);
        }
        names.sort_unstable();
        changes.gone = self
            .saved
            .keys()
            .filter(|name| names.binary_search(name).is_err())
            .cloned()
            .collect();
        Ok(changes)
    }

    /// References to every component when `changes` are saved in the Snapshot frame `seq`.
    pub(crate) fn references(&self, changes: &Changes, seq: u64) -> BTreeMap<String, Reference> {
        let mut references = self.carried.clone();
        references.extend(
            self.saved
                .iter()
                .map(|(name, saved)| (name.clone(), saved.reference)),
        );
        for name in &changes.gone {
            references.remove(name);
        }
        for (name, schema, _) in &changes.fresh {
            let schema = *schema;
            references.insert(name.clone(), Reference { seq, schema });
        }
        references
    }

    /// Remembers that `changes` are saved in the Snapshot frame `seq`.
    pub(crate) fn saved(&mut self, changes: Changes, seq: u64) {
        for name in changes.gone {
            self.saved.remove(&name);
        }
        for (name, schema, digest) in changes.fresh {
            let reference = Reference { seq, schema };
            self.saved.insert(name, Saved { reference, digest });
        }
    }
}

fn read_work(value: &Value) -> Result<Work, Error> {
    Work::deserialize(value)
        .map_err(|e| Error::decode("the session's state beside its messages", e))
}

fn digest(name: &str, value: &Value) -> Result<Digest, Error> {
    let bytes =
        serde_json::to_vec(value).map_err(|e| Error::encode(format!("component {name}"), e))?;
    Ok(*blake3::hash(&bytes).as_bytes())
}
