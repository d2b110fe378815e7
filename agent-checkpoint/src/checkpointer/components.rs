//! State beside the messages: which of it changed, and where each part lies in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::hosts::Host;
use super::stored::{HOST, WORK};
use crate::format::compress::Packer;
use crate::format::delta::delta;
use crate::format::payload::Reference;
use crate::format::tags::{Codec, Kind};
use crate::format::{PAYLOAD_MAX, component, patch};
use crate::log::batch::{Batch, PartFrame};
use crate::log::numbering::wide;
use crate::log::values::Chain;
use crate::redact::Redaction;
use crate::state::fields::{FIELDS, check_names};
use crate::state::savable::check_depth;
use crate::{Error, Work};

/// From this length on a component has frames of its own, and is patched. In bytes.
pub(super) const LARGE: usize = 16 << 10;

/// Longest value of a component, in bytes: what a frame takes beside the longest name.
pub(super) const COMPONENT_MAX: usize = PAYLOAD_MAX - 2 - (1 << 16);

fn too_large(name: &str, len: usize) -> Error {
    let name = name.strip_prefix(HOST).unwrap_or(name);
    Error::too_large(format!("component {name}"), len, COMPONENT_MAX)
}

/// Where a component was saved last, and what it was.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) reference: Reference,
    pub(super) codec: Codec,
    pub(super) bytes: Arc<Vec<u8>>,
    /// How patches go on from it, where it has a frame of its own.
    pub(super) chain: Option<Chain>,
}

/// A component that differs from what is saved.
#[derive(Debug)]
struct Fresh {
    name: String,
    schema: u16,
    codec: Codec,
    /// As they are written.
    bytes: Arc<Vec<u8>>,
    is_masked: bool,
}

/// Components that differ from what is saved.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    fresh: Vec<Fresh>,
    gone: Vec<String>,
    work: Option<Work>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.gone.is_empty()
    }

    /// Whether the bytes that they would be written as are those that are saved.
    pub(super) fn are_saved(&self, components: &Components) -> bool {
        let is_saved = |fresh: &Fresh| {
            let saved = components.saved.get(&fresh.name);
            saved.is_some_and(|saved| saved.bytes == fresh.bytes)
        };
        self.gone.is_empty() && self.fresh.iter().all(is_saved)
    }
}

/// Where changed components stand in a batch, in their order.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(u64, Option<Chain>)>);

/// What is saved of the components.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// Components that this version does not understand: they stay as they lie.
    pub(super) carried: BTreeMap<String, Reference>,
    pub(super) saved: BTreeMap<String, Saved>,
    /// The state beside the messages as it was saved.
    pub(super) work: Work,
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
        redaction: &Redaction,
    ) -> Result<Changes, Error> {
        let mut changes = Changes::default();
        self.work_changes(work, &mut changes, redaction)?;
        for (kind, host) in host {
            let bytes = host.written();
            let is_saved = |saved: &Saved| {
                saved.reference.schema == host.schema
                    && saved.codec == host.codec
                    && (Arc::ptr_eq(&saved.bytes, bytes) || saved.bytes == *bytes)
            };
            let name = format!("{HOST}{kind}");
            if !self.saved.get(&name).is_some_and(is_saved) {
                // One out of another session was looked through when that one wrote it, if at all.
                let is_new = host.masked.is_none() && !host.is_clean;
                let masked = is_new.then(|| redaction.component(host.codec, None, bytes));
                let masked = masked.flatten().map(Arc::new);
                let is_masked = masked.is_some() || host.masked.is_some();
                let bytes = masked.unwrap_or_else(|| Arc::clone(bytes));
                changes.add(name, host.schema, host.codec, bytes)?;
                changes.note_masked(is_masked);
            }
        }
        let is_gone = |name: &&String| match (name.strip_prefix(WORK), name.strip_prefix(HOST)) {
            (Some(field), _) => match FIELDS.iter().find(|f| f.name == field) {
                Some(field) => (field.is_empty)(work),
                None => !work.extra.contains_key(field),
            },
            (_, Some(kind)) => !host.contains_key(kind),
            _ => false,
        };
        changes.gone = self.saved.keys().filter(is_gone).cloned().collect();
        changes.fresh.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(changes)
    }

    /// Costs a comparison of all, and the bytes of what changed.
    fn work_changes(
        &self,
        work: &Work,
        changes: &mut Changes,
        redaction: &Redaction,
    ) -> Result<(), Error> {
        if *work == self.work && self.is_work_saved(work) {
            return Ok(());
        }
        check_names(work)?;
        for field in FIELDS {
            let name = format!("{WORK}{}", field.name);
            let is_saved = self.saved.contains_key(&name);
            if (field.is_empty)(work) || (is_saved && (field.is_same)(work, &self.work)) {
                continue;
            }
            if self.carried.contains_key(&name) {
                return Err(Error::newer_component(name));
            }
            (field.check)(work)?;
            let mut bytes = Vec::new();
            (field.write)(work, &mut bytes).map_err(|e| Error::encode(name.as_str(), e))?;
            let schema = (field.schema)(work);
            let masked = redaction.component(Codec::JSON, None, &bytes);
            if let Some(masked) = &masked {
                // A mask is no id: what does not read back is refused now.
                (field.read)(&mut Work::default(), schema, masked)
                    .map_err(|_| Error::secret(name.as_str()))?;
            }
            let is_masked = masked.is_some();
            changes.add_json(name, schema, masked.unwrap_or(bytes))?;
            changes.note_masked(is_masked);
        }
        for (field, value) in &work.extra {
            let name = format!("{WORK}{field}");
            let saved = self.saved.get(&name);
            if saved.is_some() && self.work.extra.get(field) == Some(value) {
                continue;
            }
            if self.carried.contains_key(&name) {
                return Err(Error::newer_component(name));
            }
            check_depth(format!("component {name}"), value)?;
            let bytes = serde_json::to_vec(value).map_err(|e| Error::encode(name.as_str(), e))?;
            let schema = saved.map_or(1, |saved| saved.reference.schema);
            let masked = redaction.component(Codec::JSON, None, &bytes);
            let is_masked = masked.is_some();
            changes.add_json(name, schema, masked.unwrap_or(bytes))?;
            changes.note_masked(is_masked);
        }
        changes.work = Some(work.clone());
        Ok(())
    }

    /// Whether each field has a place in the log.
    fn is_work_saved(&self, work: &Work) -> bool {
        let has = |field: &str| self.saved.contains_key(&format!("{WORK}{field}"));
        let fields = FIELDS.iter().filter(|field| !(field.is_empty)(work));
        fields.map(|field| field.name).all(has) && work.extra.keys().all(|field| has(field))
    }

    /// Adds frames with what changed.
    pub(crate) fn write(
        &self,
        changes: &Changes,
        batch: &mut Batch,
        packer: &mut Packer,
    ) -> Result<Written, Error> {
        let small = || changes.fresh.iter().filter(|fresh| fresh.is_small());
        let mut snapshot = 0;
        if small().next().is_some() {
            let values = small().map(|fresh| (fresh.name.as_str(), fresh.bytes.as_slice()));
            snapshot = batch.snapshot(packer, values)?;
            if small().any(|fresh| fresh.is_masked) {
                batch.redacted();
            }
        }
        let mut written = Written::default();
        for fresh in &changes.fresh {
            let place = if fresh.is_small() {
                (snapshot, None)
            } else {
                let (frame, chain) = self.write_large(fresh, batch, packer)?;
                if fresh.is_masked {
                    batch.redacted();
                }
                (frame.seq, Some(chain))
            };
            written.0.push(place);
        }
        Ok(written)
    }

    fn write_large(
        &self,
        fresh: &Fresh,
        batch: &mut Batch,
        packer: &mut Packer,
    ) -> Result<(PartFrame, Chain), Error> {
        if let Some((raw, chain, ops)) = self.patch(fresh) {
            let frame = batch.part(packer, Kind::PATCH, fresh.codec, raw)?;
            return Ok((frame, chain.patched(frame.mark, frame.stored, ops)));
        }
        let too_large = || too_large(&fresh.name, fresh.bytes.len());
        let raw = component::encode(&fresh.name, &fresh.bytes).ok_or_else(too_large)?;
        let frame = batch.part(packer, Kind::COMPONENT, fresh.codec, raw)?;
        Ok((frame, Chain::whole(frame.mark, frame.stored)))
    }

    /// The value as a patch of what is saved, where that is worth it: once the patches are half as long
    /// as the whole value, writing that anew costs no more than they did.
    fn patch(&self, fresh: &Fresh) -> Option<(Vec<u8>, Chain, u32)> {
        let saved = self
            .saved
            .get(&fresh.name)
            .filter(|s| s.codec == fresh.codec)?;
        let chain = saved
            .chain
            .filter(|chain| chain.patched < chain.whole / 2)?;
        let ops = delta(&saved.bytes, &fresh.bytes)?;
        let count = u32::try_from(ops.len()).ok()?;
        let raw = patch::encode(saved.reference.seq, chain.mark, &ops, &fresh.bytes)?;
        // How long it will be stored is not known yet; as long as it is raw at most.
        let next = chain.patched(chain.mark, 0, count);
        (next.is_in_range() && wide(raw.len()) <= chain.whole.max(wide(LARGE)))
            .then_some((raw, chain, count))
    }

    /// References to every component when `changes` are written.
    pub(crate) fn references(
        &self,
        changes: &Changes,
        written: &Written,
    ) -> BTreeMap<String, Reference> {
        let mut references = self.carried.clone();
        references.extend(
            self.saved
                .iter()
                .map(|(name, saved)| (name.clone(), saved.reference)),
        );
        for name in &changes.gone {
            references.remove(name);
        }
        for (fresh, (seq, _)) in changes.fresh.iter().zip(&written.0) {
            references.insert(fresh.name.clone(), fresh.reference(*seq));
        }
        references
    }

    /// Remembers that `changes` are saved; gives back bytes that are of no use any more.
    pub(crate) fn saved(&mut self, changes: Changes, written: Written) -> Vec<Arc<Vec<u8>>> {
        let mut old = Vec::new();
        for name in changes.gone {
            old.extend(self.saved.remove(&name));
        }
        for (fresh, (seq, chain)) in changes.fresh.into_iter().zip(written.0) {
            let saved = Saved {
                reference: fresh.reference(seq),
                codec: fresh.codec,
                bytes: fresh.bytes,
                chain,
            };
            // A replaced one of a later version is no longer carried.
            self.carried.remove(&fresh.name);
            old.extend(self.saved.insert(fresh.name, saved));
        }
        if let Some(work) = changes.work {
            self.work = work;
        }
        old.into_iter().map(|saved| saved.bytes).collect()
    }
}

impl Changes {
    /// A value of the library's own types: its names in order, as long as that costs little.
    fn add_json(&mut self, name: String, schema: u16, bytes: Vec<u8>) -> Result<(), Error> {
        let bytes = if bytes.len() < LARGE {
            let value: Value =
                serde_json::from_slice(&bytes).map_err(|e| Error::encode(name.as_str(), e))?;
            serde_json::to_vec(&value).map_err(|e| Error::encode(name.as_str(), e))?
        } else {
            bytes
        };
        self.add(name, schema, Codec::JSON, Arc::new(bytes))
    }

    fn add(
        &mut self,
        name: String,
        schema: u16,
        codec: Codec,
        bytes: Arc<Vec<u8>>,
    ) -> Result<(), Error> {
        if bytes.len() > COMPONENT_MAX {
            return Err(too_large(&name, bytes.len()));
        }
        self.fresh.push(Fresh {
            name,
            schema,
            codec,
            bytes,
            is_masked: false,
        });
        Ok(())
    }

    /// Says of what was added last whether something in it was masked.
    fn note_masked(&mut self, is_masked: bool) {
        if let Some(fresh) = self.fresh.last_mut() {
            fresh.is_masked = is_masked;
        }
    }
}

impl Fresh {
    /// Goes into one frame with others.
    fn is_small(&self) -> bool {
        self.codec == Codec::JSON && self.bytes.len() < LARGE
    }

    fn reference(&self, seq: u64) -> Reference {
        Reference {
            seq,
            schema: self.schema,
        }
    }
}
