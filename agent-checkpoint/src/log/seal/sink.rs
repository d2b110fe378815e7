//! The bytes of a sealed segment as they grow: packs, pieces that stand alone, and the index.

use super::proof::Proof;
use super::writing::Refused;
use crate::Error;
use crate::format::RECORD_SCHEMA;
use crate::format::frame::Found;
use crate::format::header::{Header, is_plausible_ratio};
use crate::format::index::{Index, Listed, Mark, Piece};
use crate::format::keys::{Keys, Seed};
use crate::format::pack::PackDraft;
use crate::format::payload::Digest;
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::log::numbering::wide;

/// Measured on recorded sessions: 12 takes ten times as long for a hundredth less.
const LEVEL: i32 = 9;
/// A pack is closed at this length, in bytes inflated: a longer one shrinks by little more, and has to be
/// inflated whole for a single frame of it.
const PACK_TARGET: usize = 640 << 10;

const NO_PIECE: Piece = Piece {
    offset: 0,
    first: 0,
    frames: 0,
    items: 0,
};

/// A sealed segment, and the digest of the frames that it should give back.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) bytes: Vec<u8>,
    pub(super) expected: Digest,
}

pub(super) struct Sink {
    seed: Seed,
    keys: Keys,
    out: Vec<u8>,
    draft: PackDraft,
    /// The piece that `draft` will be.
    piece: Piece,
    index: Index,
    compressor: zstd::bulk::Compressor<'static>,
    proof: Proof,
}

impl Sink {
    /// A segment that begins with the bytes `out`.
    pub(super) fn new(seed: Seed, out: Vec<u8>, keys: &Keys) -> Result<Self, Error> {
        let compressor = || -> std::io::Result<_> {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
            // Without it, three of four flipped bits inflate to wrong bytes without a word.
            compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
            Ok(compressor)
        };
        Ok(Self {
            seed,
            keys: keys.clone(),
            out,
            draft: PackDraft::default(),
            piece: NO_PIECE,
            index: Index::default(),
            compressor: compressor().map_err(|e| Error::unavailable("setting up zstd", e))?,
            proof: Proof::default(),
        })
    }

    /// Adds a frame whose payload is inflated.
    pub(super) fn pack(
        &mut self,
        header: &Header,
        raw: &[u8],
        records: u64,
    ) -> Result<(), Refused> {
        if !self.draft.has_room(raw.len()) {
            self.flush()?;
        }
        if self.draft.is_empty() {
            self.draft = PackDraft::starting_at(header.seq);
            self.piece.first = header.seq;
        }
        let len = u32::try_from(raw.len()).map_err(|_| Refused::Damaged)?;
        let header = Header {
            compression: Compression::RAW,
            stored_len: len,
            raw_len: len,
            ..*header
        };
        self.draft.push(&header, raw);
        self.proof.frame(&header, raw);
        self.count(&header, records);
        match header.kind {
            Kind::COMMIT => self.index.commits.push(header.seq),
            Kind::LABEL | Kind::TOMBSTONE => self.index.marks.push(Mark {
                kind: header.kind,
                seq: header.seq,
                payload: raw.to_vec(),
            }),
            _ => {}
        }
        if self.draft.len() >= PACK_TARGET {
            self.flush()?;
        }
        Ok(())
    }

    /// Puts the frame into the segment as it was.
    pub(super) fn carry(
        &mut self,
        header: &Header,
        stored: &[u8],
        records: u64,
    ) -> Result<(), Refused> {
        self.flush()?;
        self.piece.first = header.seq;
        self.proof.frame(header, stored);
        self.count(header, records);
        self.end_piece(*header, stored)
    }

    fn count(&mut self, header: &Header, records: u64) {
        self.piece.frames += 1;
        if header.kind == Kind::ITEMS {
            self.piece.items = self.piece.items.saturating_add(records);
        }
    }

    fn flush(&mut self) -> Result<(), Refused> {
        if self.draft.is_empty() {
            return Ok(());
        }
        let raw = std::mem::take(&mut self.draft).finish();
        let first = self.piece.first;
        let (header, stored) = self.compress(Kind::PACK, first, raw)?;
        self.end_piece(header, &stored)
    }

    fn end_piece(&mut self, header: Header, stored: &[u8]) -> Result<(), Refused> {
        self.piece.offset = wide(self.out.len());
        let piece = std::mem::replace(&mut self.piece, NO_PIECE);
        self.index.pieces.push(piece);
        self.write(header, stored, &[])
    }

    fn write(&mut self, header: Header, stored: &[u8], clear: &[u8]) -> Result<(), Refused> {
        let seat = self.seed.seat;
        let (header, stored) = self.keys.seal(header, stored, seat, clear)?;
        let found = Found {
            header,
            stored: &stored,
            seat,
        };
        found
            .write(self.seed, &mut self.out)
            .ok_or(Refused::Damaged)
    }

    fn compress(
        &mut self,
        kind: Kind,
        seq: u64,
        raw: Vec<u8>,
    ) -> Result<(Header, Vec<u8>), Refused> {
        let header = header(kind, seq, &raw)?;
        let packed = self
            .compressor
            .compress(&raw)
            .map_err(|e| Error::unavailable("compressing", e))?;
        if packed.len() >= raw.len() || !is_plausible_ratio(raw.len(), packed.len()) {
            return Ok((header, raw));
        }
        let header = Header {
            compression: Compression::ZSTD,
            stored_len: u32::try_from(packed.len()).map_err(|_| Refused::Damaged)?,
            ..header
        };
        Ok((header, packed))
    }

    /// Ends the segment with its index, in which stand those of `listed` whose numbers lie in it.
    /// `next` is the number behind its last record.
    pub(super) fn finish(mut self, listed: &[Listed], next: u64) -> Result<Sealed, Refused> {
        self.flush()?;
        let first = self.index.pieces.first().map_or(next, |piece| piece.first);
        let from = listed.partition_point(|listed| listed.seq < first);
        let to = listed.partition_point(|listed| listed.seq < next);
        let mut index = std::mem::take(&mut self.index);
        index.listed = listed.get(from..to).unwrap_or_default().to_vec();
        index.digest = *blake3::hash(&self.out).as_bytes();
        let seq = index.pieces.last().map_or(0, |piece| piece.first);
        let (header, stored) = self.compress(Kind::INDEX, seq, index.encode())?;
        self.write(header, &stored, &index.digest)?;
        Ok(Sealed {
            expected: self.proof.finish(),
            bytes: self.out,
        })
    }
}

/// The header of a frame that stores `raw` as it is.
pub(super) fn header(kind: Kind, seq: u64, raw: &[u8]) -> Result<Header, Refused> {
    let len = u32::try_from(raw.len()).map_err(|_| Refused::Damaged)?;
    let header = Header {
        kind,
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::MUST_UNDERSTAND,
        schema: RECORD_SCHEMA,
        seq,
        stored_len: len,
        raw_len: len,
    };
    if header.is_in_range() {
        Ok(header)
    } else {
        Err(Refused::Damaged)
    }
}
