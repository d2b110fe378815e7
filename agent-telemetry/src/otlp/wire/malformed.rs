//! What is wrong with a request that cannot be read.

use std::fmt;

/// A request that is not what its encoding makes it: nothing of it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    flaw: Flaw,
    at: usize,
}

impl Malformed {
    /// The byte of the body, from 0, at which reading ended.
    #[cfg(test)]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Whether the request is well formed and too large: smaller ones would be read.
    pub(crate) const fn is_too_large(&self) -> bool {
        matches!(self.flaw, Flaw::TooManyItems | Flaw::TooManyBuckets)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, next) = self.flaw.words();
        write!(out, "{what} at byte {} of the body; {next}", self.at)
    }
}

impl std::error::Error for Malformed {}

/// What was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A message, number or text goes on beyond the end of what holds it.
    Truncated,
    /// A variable-length integer of more than 64 bits.
    Varint,
    /// A field number of zero, or a wire type that there is not.
    Tag,
    /// A group, which this protocol never had.
    Group,
    /// Packed numbers whose length is not a multiple of theirs.
    Packed,
    Utf8,
    TooManyItems,
    TooManyBuckets,
    /// Arrays and objects within one another beyond what is followed.
    TooDeep,
    /// Something else than JSON would have here.
    Json,
    /// A control character or an unknown escape within a text.
    Text,
    /// A value of another type than its key has.
    Type,
    /// A number that its key cannot hold.
    Number,
    /// Bytes that are not base64.
    Base64,
    /// More after the end of the request.
    Trailing,
}

impl Flaw {
    const fn words(self) -> (&'static str, &'static str) {
        const ENCODING: &str =
            "check that the body is what its Content-Type and Content-Encoding say, and complete";
        const SENDER: &str = "the sender, or what changes bodies on their way, needs a repair";
        const SMALLER: &str = "send smaller batches";
        match self {
            Self::Truncated => ("a body that ends too early", ENCODING),
            Self::Varint => ("an integer of more than 64 bits", ENCODING),
            Self::Tag => ("a field that protobuf does not have", ENCODING),
            Self::Group => ("a protobuf group", ENCODING),
            Self::Packed => ("packed numbers of an odd length", SENDER),
            Self::Utf8 => ("a text that is not UTF-8", SENDER),
            Self::TooManyItems => ("more items than one request may have", SMALLER),
            Self::TooManyBuckets => ("more buckets than a point may have", SMALLER),
            Self::TooDeep => ("arrays and objects nested too deep", SENDER),
            Self::Json => ("something that is not JSON", ENCODING),
            Self::Text => ("a text that is not one of JSON", SENDER),
            Self::Type => ("a value of a type that its key does not have", SENDER),
            Self::Number => ("a number that its key cannot hold", SENDER),
            Self::Base64 => ("bytes that are not in base64", SENDER),
            Self::Trailing => ("more than one request", ENCODING),
        }
    }
}

/// A flaw, and the address in memory of where it was met: readers of a part do not know where the body begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    flaw: Flaw,
    address: usize,
}

impl Fault {
    /// Met at the start of `rest`, which is a part of the body.
    #[cold]
    pub(super) fn new(flaw: Flaw, rest: &[u8]) -> Self {
        let address = rest.as_ptr().addr();
        Self { flaw, address }
    }

    #[cold]
    pub(super) fn within(self, body: &[u8]) -> Malformed {
        let at = self.address.saturating_sub(body.as_ptr().addr());
        Malformed {
            flaw: self.flaw,
            at: at.min(body.len()),
        }
    }
}
