//! Logs as FORMAT.md says, written here anew and not by the crate: with right sums, whatever they say.

pub mod mend;
pub mod script;

/// Which store all forged logs are of.
pub const STORE: [u8; 16] = [7; 16];
/// Which session.
pub const SESSION: &str = "s";

/// First bytes of a segment.
pub const SEGMENT_MAGIC: [u8; 8] = *b"\x89CKL\r\n\x1a\n";
/// First bytes of a frame.
pub const FRAME_MAGIC: [u8; 4] = *b"\x9eckf";
/// Bytes of a frame's header.
pub const HEADER_LEN: usize = 32;
/// Bytes of a segment's header before the session's id.
pub const SEGMENT_HEADER_LEN: usize = 64;

/// Where a segment belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The store's id.
    pub store: [u8; 16],
    /// The session that wrote the segment.
    pub session: &'a str,
    /// Its number; the first is 1.
    pub segment: u32,
}

/// What a segment's header says beside its place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opening {
    /// Epoch of the writer.
    pub epoch: u64,
    /// From where on the segment before does not count.
    pub void_from: u64,
    /// 1 for a sealed segment.
    pub form: u32,
}

impl Place<'_> {
    /// What the sums of all frame headers in the segment go on from.
    #[must_use]
    pub fn seed(&self) -> u32 {
        let sum = crc32c::crc32c(&self.store);
        let sum = crc32c::crc32c_append(sum, &self.segment.to_le_bytes());
        crc32c::crc32c_append(sum, self.session.as_bytes())
    }

    /// The segment's header.
    #[must_use]
    pub fn header(&self, opening: Opening) -> Vec<u8> {
        let session = self.session.as_bytes();
        let len = (SEGMENT_HEADER_LEN + session.len()).next_multiple_of(8);
        let mut out = SEGMENT_MAGIC.to_vec();
        out.extend(1_u16.to_le_bytes());
        out.extend(2_u16.to_le_bytes());
        out.extend(narrow(len).to_le_bytes());
        out.extend(self.store);
        out.extend(self.segment.to_le_bytes());
        out.extend(narrow(session.len()).to_le_bytes());
        out.extend(opening.epoch.to_le_bytes());
        out.extend(opening.void_from.to_le_bytes());
        out.extend(opening.form.to_le_bytes());
        out.extend([0; 4]);
        out.extend(session);
        out.resize(len, 0);
        mend::segment_header(&mut out);
        out
    }
}

/// A frame, whatever it says.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Kind, codec and compression.
    pub tags: [u8; 3],
    /// Its flags.
    pub flags: u16,
    /// Version of the payload's layout.
    pub schema: u16,
    /// Number of its first record.
    pub number: u64,
    /// Length of the payload inflated.
    pub raw_len: u32,
    /// The payload as stored.
    pub stored: &'a [u8],
}

impl Frame<'_> {
    /// Appends the frame with right sums.
    pub fn write(&self, seed: u32, out: &mut Vec<u8>) {
        let mut header = FRAME_MAGIC.to_vec();
        header.push(1);
        header.extend(self.tags);
        header.extend(self.flags.to_le_bytes());
        header.extend(self.schema.to_le_bytes());
        header.extend(self.number.to_le_bytes());
        header.extend(narrow(self.stored.len()).to_le_bytes());
        header.extend(self.raw_len.to_le_bytes());
        let sum = crc32c::crc32c_append(seed, &header);
        header.extend(sum.to_le_bytes());
        out.extend(header);
        out.extend(self.stored);
        out.extend(crc32c::crc32c_append(sum, self.stored).to_le_bytes());
        out.extend(narrow(self.stored.len() + HEADER_LEN + 8).to_le_bytes());
    }
}

/// Appends a number in seven bits a byte.
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The hash of a commit.
#[must_use]
pub fn commit_hash(parent: &[u8; 32], number: u64, covered: &[[u8; 32]], body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("agent-checkpoint 1 commit");
    hasher.update(parent).update(&number.to_le_bytes());
    for digest in covered {
        hasher.update(digest);
    }
    let count = u64::try_from(covered.len()).unwrap_or(u64::MAX);
    hasher.update(&count.to_le_bytes()).update(body);
    *hasher.finalize().as_bytes()
}

/// The id of a checkpoint.
#[must_use]
pub fn checkpoint_id(number: u64, hash: &[u8; 32]) -> String {
    format!(
        "{number}-{}",
        &blake3::Hash::from_bytes(*hash).to_hex()[..8]
    )
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
