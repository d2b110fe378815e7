//! zstd with a content checksum, and only where it helps.

use super::header::{Fault, Header, is_plausible_ratio};
use super::tags::Compression;
use crate::Error;

/// Below this size zstd's own frame costs more than it saves (measured on JSON messages), in bytes.
const WORTH_A_TRY: usize = 64;
const LEVEL: i32 = 3;

/// Packs payloads; keeps its working memory between them.
pub(crate) struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    pub(crate) fn new() -> Result<Self, Error> {
        let compressor = || -> std::io::Result<_> {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
            // Without it, three of four flipped bits inflate to wrong bytes without a word.
            compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
            Ok(compressor)
        };
        compressor()
            .map(|compressor| Self(Some(compressor)))
            .map_err(|e| Error::unavailable("setting up zstd", e))
    }

    /// Stores everything as it is, so that bytes do not depend on the version of zstd.
    #[cfg(test)]
    pub(crate) const fn raw() -> Self {
        Self(None)
    }

    /// The smaller of `raw` itself and its packed form.
    pub(crate) fn pack(&mut self, raw: Vec<u8>) -> Result<(Compression, Vec<u8>), Error> {
        let Some(compressor) = self.0.as_mut().filter(|_| raw.len() >= WORTH_A_TRY) else {
            return Ok((Compression::RAW, raw));
        };
        let packed = compressor
            .compress(&raw)
            .map_err(|e| Error::unavailable("compressing", e))?;
        if packed.len() < raw.len() && is_plausible_ratio(raw.len(), packed.len()) {
            Ok((Compression::ZSTD, packed))
        } else {
            Ok((Compression::RAW, raw))
        }
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

/// A working buffer longer than this is given back after use, in bytes.
const BUFFER_KEPT: usize = 4 << 20;

/// Inflates payloads; keeps its working memory between them.
pub(crate) struct Unpacker {
    decompressor: zstd::bulk::Decompressor<'static>,
    buffer: Vec<u8>,
}

impl Unpacker {
    pub(crate) fn new() -> Result<Self, Error> {
        zstd::bulk::Decompressor::new()
            .map(|decompressor| Self {
                decompressor,
                buffer: Vec::new(),
            })
            .map_err(|e| Error::unavailable("setting up zstd", e))
    }

    /// Exactly `header.raw_len` bytes, or a fault; never more than that is allocated. What is stored raw is
    /// not copied.
    pub(crate) fn inflate<'a>(
        &'a mut self,
        header: &Header,
        stored: &'a [u8],
    ) -> Result<&'a [u8], Fault> {
        let raw_len = usize::try_from(header.raw_len).map_err(|_| Fault::Limit)?;
        let raw = match header.compression {
            Compression::RAW => stored,
            Compression::ZSTD => {
                self.buffer.clear();
                if self.buffer.capacity() > BUFFER_KEPT {
                    self.buffer = Vec::new();
                }
                self.buffer.reserve_exact(raw_len);
                self.decompressor
                    .decompress_to_buffer(stored, &mut self.buffer)
                    .map_err(|_| Fault::Inflate)?;
                &self.buffer
            }
            _ => return Err(Fault::Inflate),
        };
        if raw.len() == raw_len {
            Ok(raw)
        } else {
            Err(Fault::Inflate)
        }
    }

    /// As [`inflate`](Self::inflate), for who keeps the bytes.
    pub(crate) fn unpack(&mut self, header: &Header, stored: &[u8]) -> Result<Vec<u8>, Fault> {
        self.inflate(header, stored).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tags::{Codec, Flags, Kind};

    fn header(compression: Compression, stored: usize, raw: usize) -> Header {
        Header {
            kind: Kind::ITEMS,
            codec: Codec::JSON,
            compression,
            flags: Flags::NONE,
            schema: 1,
            seq: 1,
            stored_len: u32::try_from(stored).unwrap(),
            raw_len: u32::try_from(raw).unwrap(),
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored_as_it_is() {
        let mut packer = Packer::new().unwrap();
        let tiny = b"{\"a\":1}".to_vec();
        assert_eq!(packer.pack(tiny.clone()).unwrap(), (Compression::RAW, tiny));
        let mut seed = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        })
        .take(500)
        .collect();
        assert_eq!(
            packer.pack(noise.clone()).unwrap(),
            (Compression::RAW, noise)
        );
    }

    #[test]
    fn every_flipped_bit_of_a_packed_payload_is_noticed() {
        let raw = "the same words again and again, ".repeat(20).into_bytes();
        let (compression, stored) = Packer::new().unwrap().pack(raw.clone()).unwrap();
        assert_eq!(compression, Compression::ZSTD);
        let header = header(compression, stored.len(), raw.len());
        let mut unpacker = Unpacker::new().unwrap();
        assert_eq!(unpacker.unpack(&header, &stored).unwrap(), raw);
        for bit in 0..stored.len() * 8 {
            let mut bent = stored.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            // A few bits of zstd's frame header carry no meaning; wrong bytes are what may not come.
            if let Ok(inflated) = unpacker.unpack(&header, &bent) {
                assert_eq!(inflated, raw, "bit {bit}");
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_length_that_the_header_gives() {
        let raw = vec![0_u8; 1 << 20];
        let stored = zstd::bulk::compress(&raw, 3).unwrap();
        let lying = header(Compression::ZSTD, stored.len(), 100);
        assert_eq!(
            Unpacker::new().unwrap().unpack(&lying, &stored),
            Err(Fault::Inflate)
        );
    }

    #[test]
    fn a_payload_that_would_look_like_a_bomb_is_stored_raw() {
        let zeros = vec![0_u8; 16 << 20];
        let (compression, stored) = Packer::new().unwrap().pack(zeros).unwrap();
        assert_eq!((compression, stored.len()), (Compression::RAW, 16 << 20));
    }
}
