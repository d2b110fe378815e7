//! What a sealed segment gives back, as one digest: compared before the old segment goes.

use crate::format::compress::Unpacker;
use crate::format::frame::Found;
use crate::format::header::Header;
use crate::format::keys::Keys;
use crate::format::pack;
use crate::format::payload::Digest;
use crate::format::segment::{Place, Start};
use crate::format::tags::Kind;
use crate::log::scan::scan;

/// Frames one after the other, as one digest.
#[derive(Debug, Default)]
pub(super) struct Proof(blake3::Hasher);

impl Proof {
    pub(super) fn frame(&mut self, header: &Header, payload: &[u8]) {
        // Without a seed: the place is not what is compared.
        let (bytes, _) = header.encode(0);
        self.0.update(&bytes).update(payload);
    }

    pub(super) fn finish(&self) -> Digest {
        *self.0.finalize().as_bytes()
    }
}

/// The digest of the frames in a sealed segment; `None` unless all of it is as it should be.
pub(super) fn given_back(place: &Place<'_>, bytes: &[u8], keys: &Keys) -> Option<Digest> {
    let Ok(Start::Good(_, start)) = place.check(bytes) else {
        return None;
    };
    super::index_of(place, bytes, keys)?;
    let found = scan(bytes, start, place.seed());
    if !found.holes.is_empty() || found.tail.is_some() || found.end != bytes.len() {
        return None;
    }
    let mut proof = Proof::default();
    let mut unpacker = Unpacker::with(keys).ok()?;
    let mut room = Vec::new();
    for (_, frame) in &found.frames {
        match frame.header.kind {
            Kind::INDEX => {}
            Kind::PACK => {
                let (_, raw) = unpacker.read(frame).ok()?;
                for Found { header, stored, .. } in pack::frames(raw, frame.header.seq).ok()? {
                    proof.frame(&header, stored);
                }
            }
            _ => {
                room.clear();
                let opened = keys.open(frame, &mut room).ok()?;
                proof.frame(&opened.header, opened.stored);
            }
        }
    }
    Some(proof.finish())
}
