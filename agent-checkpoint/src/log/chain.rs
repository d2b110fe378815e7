//! The hashes that tie a commit to its content and to the commit before.

use agent_primitives::CheckpointId;

use crate::format::payload::Digest;

/// The parent of a first commit.
pub(crate) const NO_PARENT: Digest = [0; 32];
const CONTEXT: &str = "agent-checkpoint 1 commit";

/// The hash of the commit with number `seq`: of its parent, of the frames it came with, and of what it
/// says. A commit that is only a flag on an Items frame says nothing: its `body` is empty.
pub(crate) fn commit_hash<'a>(
    parent: &Digest,
    seq: u64,
    frames: impl IntoIterator<Item = &'a Digest>,
    body: &[u8],
) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(parent).update(&seq.to_le_bytes());
    let mut count = 0_u64;
    for digest in frames {
        hasher.update(digest);
        count += 1;
    }
    // The count keeps a body from passing as one more digest.
    hasher.update(&count.to_le_bytes()).update(body);
    *hasher.finalize().as_bytes()
}

/// The digest of a frame's payload, inflated.
pub(crate) fn payload_digest(raw: &[u8]) -> Digest {
    *blake3::hash(raw).as_bytes()
}

/// The id under which a host knows the commit: its number and the start of its hash.
pub(crate) fn checkpoint_id(seq: u64, hash: &Digest) -> CheckpointId {
    let [a, b, c, d, ..] = *hash;
    marked_id(seq, [a, b, c, d])
}

/// The same, of the start of a hash.
pub(crate) fn marked_id(seq: u64, mark: [u8; 4]) -> CheckpointId {
    let text = format!("{seq}-{:08x}", u32::from_be_bytes(mark));
    match CheckpointId::new(text) {
        Ok(id) => id,
        Err(impossible) => unreachable!("digits, a dash and hex digits make an id: {impossible}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_hash() {
        let (a, b) = ([1; 32], [2; 32]);
        let base = commit_hash(&NO_PARENT, 5, [&a, &b], b"body");
        for other in [
            commit_hash(&a, 5, [&a, &b], b"body"),
            commit_hash(&NO_PARENT, 6, [&a, &b], b"body"),
            commit_hash(&NO_PARENT, 5, [&b, &a], b"body"),
            commit_hash(&NO_PARENT, 5, [&a], b"body"),
            commit_hash(&NO_PARENT, 5, [&a, &b], b"bodi"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn an_id_is_the_number_and_eight_digits_of_the_hash() {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&[0x0f, 0x3a, 0x90, 0xc2]);
        assert_eq!(checkpoint_id(17, &hash).as_str(), "17-0f3a90c2");
    }
}
