//! Attributes that are not decoded yet: their bytes in the request.

use super::super::value::Attributes;
use super::limits::{AttributesDropped, Budget, ReadLimits};
use super::prints::Prints;
use super::{json, protobuf};

/// Attributes as they stand in the request, cheap to copy. They were checked with the request: reading them cannot fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawAttributes<'a>(Raw<'a>);

/// The attributes of a point, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) raw: RawAttributes<'a>,
    pub(crate) fingerprint: u128,
    /// What the visitor calls them.
    pub(crate) known: Option<u32>,
}

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
    pub(crate) fn fingerprint(&self, prints: &Prints) -> u128 {
        match self.0 {
            Raw::Protobuf(run) => run.fingerprint(prints),
            Raw::Json(array) => prints.of(array.as_bytes()),
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
