//! Values of a host's own types, as bytes, and the proof that they read back.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::components::COMPONENT_MAX;
use crate::codec::{Fault, Shapes, decode, encode, verify};
use crate::format::tags;
use crate::redact::Redaction;
use crate::state::Migrations;
use crate::{Codec, Error, Snapshot};

/// Values up to this length are proven each time, longer ones where they hold something new: reading
/// back costs about three times what writing costs. In bytes.
const ALWAYS_PROVEN: usize = 16 << 10;

/// A value that the host saves with the session.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) schema: u16,
    pub(crate) codec: tags::Codec,
    pub(crate) bytes: Arc<Vec<u8>>,
    /// As they are written, where something in them is masked.
    pub(crate) masked: Option<Arc<Vec<u8>>>,
    /// Whether this session looked through it and masked nothing.
    pub(crate) is_clean: bool,
}

impl Host {
    /// What goes to the log.
    pub(crate) fn written(&self) -> &Arc<Vec<u8>> {
        self.masked.as_ref().unwrap_or(&self.bytes)
    }
}

/// What of a kind's values was proven to read back.
#[derive(Debug)]
struct Proof {
    of: (&'static str, u16, Codec),
    shapes: Shapes,
    /// Bytes of the value that was proven last.
    len: usize,
}

/// All values of host types.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    pub(crate) values: BTreeMap<String, Host>,
    proofs: BTreeMap<&'static str, Proof>,
    /// Takes the bytes of the next value, so that a large one needs no new memory.
    spare: Vec<u8>,
}

impl Hosts {
    /// The values as the log has them.
    pub(crate) fn of(values: BTreeMap<String, Host>) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    /// Whether the value differs from the one before.
    ///
    /// # Errors
    /// The value stays as it was.
    pub(crate) fn put<T: Snapshot>(
        &mut self,
        value: &T,
        may_replace: bool,
        redaction: &Redaction,
    ) -> Result<bool, Error> {
        let old = self.values.get(T::KIND);
        if !may_replace && old.is_some_and(|old| old.schema > T::VERSION) {
            return Err(Error::newer_component(T::KIND));
        }
        let of = (type_name::<T>(), T::VERSION, T::CODEC);
        let proof = match self.proofs.get_mut(T::KIND) {
            Some(proof) if proof.of == of => proof,
            _ => {
                Migrations::check::<T>()?;
                self.proofs.insert(
                    T::KIND,
                    Proof {
                        of,
                        shapes: Shapes::default(),
                        len: 0,
                    },
                );
                let Some(proof) = self.proofs.get_mut(T::KIND) else {
                    return Ok(false);
                };
                proof
            }
        };
        let what = || format!("component {}", T::KIND);
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        let unsavable = |mut fault: Fault| {
            fault.path = redaction.text(&fault.path).into_owned();
            fault.reason = redaction.text(&fault.reason).into_owned();
            Error::unsavable(what(), T::CODEC.name(), fault)
        };
        if let Err(fault) = encode(T::CODEC, value, &mut bytes, &mut proof.shapes) {
            proof.shapes.forget();
            self.spare = bytes;
            return Err(unsavable(fault));
        }
        if bytes.len() > COMPONENT_MAX {
            let len = bytes.len();
            self.spare = bytes;
            return Err(Error::too_large(what(), len, COMPONENT_MAX));
        }
        let is_same = |old: &Host| {
            old.schema == T::VERSION && old.codec == T::CODEC.tag() && *old.bytes == bytes
        };
        if old.is_some_and(is_same) {
            self.spare = bytes;
            return Ok(false);
        }
        let is_doubled = bytes.len() / 2 >= proof.len;
        if bytes.len() <= ALWAYS_PROVEN || is_doubled || proof.shapes.has_fresh() {
            if let Err(fault) = verify::<T>(T::CODEC, &bytes) {
                proof.shapes.forget();
                self.spare = bytes;
                return Err(unsavable(fault));
            }
            proof.shapes.prove();
            proof.len = bytes.len();
        }
        let base = old.filter(|old| old.is_clean && old.codec == T::CODEC.tag());
        let base = base.map(|old| old.bytes.as_slice());
        let masked = redaction.component(T::CODEC.tag(), base, &bytes);
        if let Some(masked) = &masked
            && decode::<T>(T::CODEC, masked).is_err()
        {
            self.spare = bytes;
            return Err(Error::secret(what()));
        }
        if let Some(masked) = &masked
            && masked.len() > COMPONENT_MAX
        {
            self.spare = bytes;
            return Err(Error::too_large(what(), masked.len(), COMPONENT_MAX));
        }
        let host = Host {
            schema: T::VERSION,
            codec: T::CODEC.tag(),
            bytes: Arc::new(bytes),
            is_clean: redaction.is_on() && masked.is_none(),
            masked: masked.map(Arc::new),
        };
        if let Some(old) = self.values.insert(T::KIND.to_owned(), host) {
            self.recycle(old.bytes);
        }
        Ok(true)
    }

    /// The value, brought up to the type's version.
    pub(crate) fn read<T: Snapshot>(&self) -> Result<Option<T>, Error> {
        let migrations = Migrations::of::<T>()?;
        let Some(host) = self.values.get(T::KIND) else {
            return Ok(None);
        };
        let what = || format!("component {} of version {}", T::KIND, host.schema);
        if host.schema > T::VERSION {
            return Err(Error::newer(what()));
        }
        let codec = Codec::of(host.codec)
            .ok_or_else(|| Error::unsupported(format!("{} (its codec)", what())))?;
        if host.schema < T::VERSION {
            return migrations
                .migrate(host.schema, codec, &host.bytes)
                .map(Some);
        }
        decode(codec, &host.bytes)
            .map(Some)
            .map_err(|fault| Error::unread(what(), fault))
    }

    /// Uses memory again that nobody else needs.
    pub(crate) fn recycle(&mut self, bytes: Arc<Vec<u8>>) {
        if let Some(bytes) = Arc::into_inner(bytes).filter(|b| b.capacity() > self.spare.capacity())
        {
            self.spare = bytes;
        }
    }
}
