//! The tags in a frame header. A tag keeps values that this version does not know.

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u8);

impl Kind {
    /// Preallocated space: never a frame.
    pub(crate) const UNWRITTEN: Self = Self(0);
    pub(crate) const ITEMS: Self = Self(1);
    pub(crate) const SNAPSHOT: Self = Self(2);
    pub(crate) const PATCH: Self = Self(3);
    pub(crate) const COMMIT: Self = Self(4);
    pub(crate) const LABEL: Self = Self(5);
    pub(crate) const TOMBSTONE: Self = Self(6);
    /// A run of frames packed together, in a sealed segment.
    pub(crate) const PACK: Self = Self(7);
    /// Records that were left out on purpose.
    pub(crate) const SKIP: Self = Self(8);
    /// Whose the segments before are, in the first segment of a fork.
    pub(crate) const FORK: Self = Self(11);
    /// What a sealed segment holds, at its end.
    pub(crate) const INDEX: Self = Self(12);
    /// A long text that items refer to.
    pub(crate) const BLOB: Self = Self(9);
    pub(crate) const COMPONENT: Self = Self(10);
}

/// How a payload's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codec(pub(crate) u8);

impl Codec {
    pub(crate) const JSON: Self = Self(1);
    #[cfg_attr(
        not(feature = "msgpack"),
        expect(dead_code, reason = "not in this build")
    )]
    pub(crate) const MESSAGE_PACK: Self = Self(2);
    #[cfg_attr(
        not(feature = "bincode"),
        expect(dead_code, reason = "not in this build")
    )]
    pub(crate) const BINCODE: Self = Self(3);
}

/// How a payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compression(pub(crate) u8);

impl Compression {
    pub(crate) const RAW: Self = Self(0);
    pub(crate) const ZSTD: Self = Self(1);
    pub(crate) const DICTIONARY: Self = Self(2);
    /// Those that this version reads.
    pub(crate) const READ: [Self; 3] = [Self::RAW, Self::ZSTD, Self::DICTIONARY];
}

/// Properties of a frame, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u16);

impl Flags {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ENCRYPTED: Self = Self(1);
    pub(crate) const REDACTED: Self = Self(1 << 1);
    pub(crate) const BLOB_REF: Self = Self(1 << 2);
    pub(crate) const MUST_UNDERSTAND: Self = Self(1 << 3);
    pub(crate) const COMMIT: Self = Self(1 << 4);
    /// Bits that a reader may not ignore when it does not know them.
    const CRITICAL: u16 = 0xff00;

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn has_unknown_critical(self) -> bool {
        self.0 & Self::CRITICAL != 0
    }
}
