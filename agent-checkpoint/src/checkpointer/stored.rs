//! The components of a commit, read from the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::components::{Components, LARGE, Saved};
use super::hosts::Host;
use crate::codec::Fault;
use crate::format::payload::Reference;
use crate::format::tags::Codec;
use crate::log::numbering::wide;
use crate::log::replay::{Entry, Replay};
use crate::log::values::Chain;
use crate::log::weight;
use crate::state::fields::FIELDS;
use crate::{Error, Work};

/// Component names begin with what they are part of, so that none can be taken for another.
pub(crate) const WORK: &str = "work.";
pub(super) const HOST: &str = "host.";

/// The components of a commit, with their values.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) components: Components,
    pub(crate) work: Work,
    pub(crate) host: BTreeMap<String, Host>,
}

/// A value as it lies in the log.
struct Value {
    codec: Codec,
    bytes: Vec<u8>,
    chain: Option<Chain>,
}

impl Stored {
    /// Reads what `entry` names, and nothing else.
    pub(crate) fn load(replay: &Replay, entry: &Entry) -> Result<Self, Error> {
        let mut stored = Self::default();
        stored.read(replay, entry, &mut |_, error| Err(error))?;
        stored.components.work = stored.work.clone();
        Ok(stored)
    }

    /// As [`load`](Self::load), with the value in `older` for what cannot be read, or none where it has none. The
    /// names of those.
    pub(super) fn salvage(
        replay: &Replay,
        entry: &Entry,
        older: &Components,
    ) -> Result<(Self, Vec<String>), Error> {
        let mut stored = Self::default();
        let mut lost = Vec::new();
        stored.read(replay, entry, &mut |name, _| {
            lost.push(name.to_owned());
            Ok(())
        })?;
        // Of a frame that cannot be read the first name is told twice.
        lost.dedup();
        for name in &lost {
            if let Some(saved) = older.saved.get(name) {
                let value = Value {
                    codec: saved.codec,
                    bytes: saved.bytes.to_vec(),
                    chain: saved.chain,
                };
                stored.place(name, saved.reference, value)?;
            }
        }
        Ok((stored, lost))
    }

    fn read(
        &mut self,
        replay: &Replay,
        entry: &Entry,
        unread: &mut dyn FnMut(&str, Error) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let room = replay.room();
        let mut frames: BTreeMap<u64, Vec<(&String, Reference)>> = BTreeMap::new();
        for (name, reference) in &entry.body.components {
            let names = frames.entry(reference.seq).or_default();
            names.push((name, *reference));
        }
        // One frame at a time is in memory.
        for (seq, names) in frames {
            if replay.values.is_snapshot(seq) {
                let mut values = match replay.values.snapshot(seq) {
                    Ok(values) => values,
                    Err(error) => {
                        unread(names.first().map_or("", |(name, _)| name), error)?;
                        BTreeMap::new()
                    }
                };
                for (name, reference) in names {
                    let value = values
                        .remove(name)
                        .ok_or_else(|| Error::damaged(entry.id()));
                    let placed = value.and_then(|value| {
                        let value = Value {
                            codec: Codec::JSON,
                            bytes: value.get().as_bytes().to_vec(),
                            chain: None,
                        };
                        check_room(name, &value.bytes, room)?;
                        self.place(name, reference, value)
                    });
                    placed.or_else(|error| unread(name, error))?;
                }
            } else {
                for (name, reference) in names {
                    let placed = replay.values.value(seq).and_then(|(codec, bytes, chain)| {
                        let value = Value {
                            codec,
                            bytes,
                            chain: Some(chain),
                        };
                        check_room(name, &value.bytes, room)?;
                        self.place(name, reference, value)
                    });
                    placed.or_else(|error| unread(name, error))?;
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &str, reference: Reference, value: Value) -> Result<(), Error> {
        let Value {
            codec,
            bytes,
            chain,
        } = value;
        let bytes = Arc::new(bytes);
        if let Some(field) = name.strip_prefix(WORK) {
            if !self.read_field(field, reference.schema, codec, &bytes)? {
                self.components.carried.insert(name.to_owned(), reference);
                return Ok(());
            }
        } else if let Some(kind) = name.strip_prefix(HOST) {
            if chain.is_some() {
                check_snapshot_takes(codec, &bytes).map_err(|fault| Error::unread(name, fault))?;
            }
            let host = Host {
                masked: None,
                is_clean: false,
                schema: reference.schema,
                codec,
                bytes: Arc::clone(&bytes),
            };
            self.host.insert(kind.to_owned(), host);
        } else {
            self.components.carried.insert(name.to_owned(), reference);
            return Ok(());
        }
        let saved = Saved {
            reference,
            codec,
            bytes,
            chain,
        };
        self.components.saved.insert(name.to_owned(), saved);
        Ok(())
    }

    /// Whether this version knows how to read it; what it does not, it keeps as it lies.
    fn read_field(
        &mut self,
        name: &str,
        schema: u16,
        codec: Codec,
        bytes: &[u8],
    ) -> Result<bool, Error> {
        let unread = |e: serde_json::Error| {
            let fault = Fault {
                path: name.to_owned(),
                reason: e.to_string(),
            };
            Error::unread("the session's state", fault)
        };
        if codec != Codec::JSON {
            return Ok(false);
        }
        match FIELDS.iter().find(|field| field.name == name) {
            Some(field) if schema > field.newest => return Ok(false),
            Some(field) => (field.read)(&mut self.work, schema, bytes).map_err(unread)?,
            None => {
                let value = serde_json::from_slice(bytes).map_err(unread)?;
                self.work.extra.insert(name.to_owned(), value);
            }
        }
        Ok(true)
    }
}

/// A short JSON value is written into a snapshot as it stands: were it none, all that stands there could not be read.
fn check_snapshot_takes(codec: Codec, bytes: &[u8]) -> Result<(), Fault> {
    if codec != Codec::JSON || bytes.len() >= LARGE {
        return Ok(());
    }
    let value: Result<&RawValue, _> = serde_json::from_slice(bytes);
    value.map(|_| ()).map_err(|e| Fault::whole(e.to_string()))
}

/// A part of the state takes many times its length where it is JSON of any shape. A host's values stay as they lie.
fn check_room(name: &str, bytes: &[u8], room: u64) -> Result<(), Error> {
    if !name.starts_with(WORK) || wide(bytes.len()).saturating_mul(weight::MOST) <= room {
        return Ok(());
    }
    match weight::of_json(bytes, 0) {
        len if len > room => Err(Error::beyond_limit(
            format!("component {name}, in memory,"),
            len,
            room,
        )),
        _ => Ok(()),
    }
}
