//! Attributes that are not decoded yet: their bytes in the request.

use twox_hash::XxHash3_128;

use super::super::value::Attributes;
use super::limits::{AttributesDropped, Budget, ReadLimits};
use super::{json, protobuf};

/// Attributes as they stand in the request, cheap to copy. They were checked with the request: reading them cannot fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawAttributes<'a>(Raw<'a>);

#[derive(Debug, Clone, Copy)]
enum Raw<'a> {
    Protobuf(protobuf::Run<'a>),
    /// The array with its brackets; empty where there is none.
    Json(&'a str),
}

impl<'a> RawAttributes<'a> {
    pub(super) const fn protobuf(run: protobuf::Run<'a>) -> Self {
        Self(Raw::Protobuf(run))
    }

    pub(super) const fn json(array: &'a str) -> Self {
        Self(Raw::Json(array))
    }

    /// The same for the same attributes in the same order, written by the same sender. Others that write the same
    /// attributes in another way have another fingerprint: it is a key of a cache, not an identity.
    pub(crate) fn fingerprint(&self, seed: u64) -> u128 {
        match self.0 {
            Raw::Protobuf(run) => run.fingerprint(seed),
            Raw::Json(array) => XxHash3_128::oneshot_with_seed(seed, array.as_bytes()),
        }
    }

    /// Replaces what is in `into`. Says what was left out.
    pub(crate) fn read(&self, limits: &ReadLimits, into: &mut Attributes<'a>) -> AttributesDropped {
        into.clear();
        let mut budget = Budget::new(limits);
        let read = match self.0 {
            Raw::Protobuf(run) => run.read(&mut budget, into),
            Raw::Json("") => Ok(()),
            Raw::Json(array) => json::read_attributes(array, &mut budget, into),
        };
        debug_assert!(read.is_ok(), "checked with the request");
        budget.dropped
    }
}
