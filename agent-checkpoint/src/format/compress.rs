//! zstd with a content checksum, and only where it helps.

use std::borrow::Cow;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::DecoderDictionary;
use zstd::zstd_safe::CParameter;

use super::contexts::{MESSAGES, PLAIN, PREPARED, TURNS};
use super::dictionary::{self, Level};
use super::frame::Found;
use super::header::{Fault, Header, is_plausible_ratio};
use super::keys::Keys;
use super::tags::{Compression, Flags};
use crate::Error;

/// Below this size zstd's own frame costs more than it saves (measured on JSON messages), in bytes.
const WORTH_A_TRY: usize = 32;
/// Longer payloads have enough of their own to refer to: from here on the dictionary saves less than a
/// tenth and costs up to half as much time again (measured on recorded sessions), in bytes.
const DICTIONARY_MAX: usize = 64 << 10;
/// Packing a shorter turn harder saves little of a frame that is small anyhow; from here on it saves a tenth, in
/// bytes.
const TURN: usize = 2 << 10;
/// A working buffer longer than this is given back after use, in bytes.
const BUFFER_KEPT: usize = 1 << 20;

/// Packs payloads; keeps its working memory between them, and leaves it to the next one.
pub(crate) struct Packer {
    /// For payloads that are short enough for the dictionary.
    short: Option<Compressor<'static>>,
    /// For turns from [`TURN`] on that are short enough for it, made when it is needed.
    turn: Option<Compressor<'static>>,
    /// Seldom needed, and larger, so it is made when it is.
    long: Option<Compressor<'static>>,
    packed: Vec<u8>,
    buffer: Vec<u8>,
    /// What frames are flagged with that hold what was packed.
    flag: Flags,
}

impl Packer {
    pub(crate) fn new(keys: &Keys) -> Result<Self, Error> {
        let mut packer = Self::raw();
        packer.flag = keys.flag();
        packer.short = Some(MESSAGES.take(|| with_dictionary(Level::Message))?);
        Ok(packer)
    }

    /// Stores everything as it is, so that bytes do not depend on the version of zstd.
    pub(crate) const fn raw() -> Self {
        Self {
            short: None,
            turn: None,
            long: None,
            packed: Vec::new(),
            buffer: Vec::new(),
            flag: Flags::NONE,
        }
    }

    /// As [`raw`](Self::raw), for frames that are encrypted where there are keys.
    #[cfg(all(test, feature = "encryption"))]
    pub(crate) fn raw_with(keys: &Keys) -> Self {
        let mut packer = Self::raw();
        packer.flag = keys.flag();
        packer
    }

    /// Whether frames are to be encrypted when they are written.
    pub(crate) const fn flag(&self) -> Flags {
        self.flag
    }

    /// A buffer for a payload, from the last one that was [given back](Self::give_back).
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= BUFFER_KEPT {
            self.buffer = buffer;
        }
    }

    /// The smaller of `raw` itself and its packed form.
    pub(crate) fn pack<'a>(
        &mut self,
        raw: impl Into<Cow<'a, [u8]>>,
        level: Level,
    ) -> Result<(Compression, Vec<u8>), Error> {
        let raw = raw.into();
        Ok(match self.packed(&raw, level)? {
            Some((compression, packed)) => (compression, packed.to_vec()),
            None => (Compression::RAW, raw.into_owned()),
        })
    }

    /// The packed form, where it is smaller.
    fn packed(&mut self, raw: &[u8], level: Level) -> Result<Option<(Compression, &[u8])>, Error> {
        let Some(short) = self.short.as_mut().filter(|_| raw.len() >= WORTH_A_TRY) else {
            return Ok(None);
        };
        let is_turn = level == Level::Turn && raw.len() >= TURN;
        let (compression, compressor) = match (raw.len(), &mut self.turn, &mut self.long) {
            (..=DICTIONARY_MAX, ..) if !is_turn => (Compression::DICTIONARY, short),
            (..=DICTIONARY_MAX, Some(turn), _) => (Compression::DICTIONARY, turn),
            (..=DICTIONARY_MAX, turn, _) => {
                let taken = TURNS.take(|| with_dictionary(Level::Turn))?;
                (Compression::DICTIONARY, turn.insert(taken))
            }
            (_, _, Some(long)) => (Compression::ZSTD, long),
            (_, _, long) => (Compression::ZSTD, long.insert(without_dictionary()?)),
        };
        self.packed.clear();
        if self.packed.capacity() > BUFFER_KEPT {
            self.packed = Vec::new();
        }
        self.packed
            .reserve(zstd::zstd_safe::compress_bound(raw.len()));
        compressor
            .compress_to_buffer(raw, &mut self.packed)
            .map_err(|e| Error::unavailable("compressing", e))?;
        let packed = self.packed.as_slice();
        let is_of_use = packed.len() < raw.len() && is_plausible_ratio(raw.len(), packed.len());
        Ok(is_of_use.then_some((compression, packed)))
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        MESSAGES.keep(self.short.take());
        TURNS.keep(self.turn.take());
    }
}

fn with_dictionary(level: Level) -> Result<Compressor<'static>, Error> {
    let made = Compressor::with_prepared_dictionary(dictionary::encoder(level)?);
    with_checksum(made)
}

fn without_dictionary() -> Result<Compressor<'static>, Error> {
    with_checksum(Compressor::new(Level::Message.of_zstd()))
}

fn with_checksum(made: std::io::Result<Compressor<'static>>) -> Result<Compressor<'static>, Error> {
    let failed = |e| Error::unavailable("setting up zstd", e);
    let mut compressor = made.map_err(failed)?;
    // Without it, three of four flipped bits inflate to wrong bytes without a word.
    compressor
        .set_parameter(CParameter::ChecksumFlag(true))
        .map_err(failed)?;
    Ok(compressor)
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

/// Inflates payloads; keeps its working memory between them, and leaves it to the next one. It is taken when
/// there is something to inflate, since taking it anew costs more than reading a short log.
pub(crate) struct Unpacker {
    inflater: Inflater,
    keys: Keys,
    opened: Vec<u8>,
    /// Most bytes of memory that what a frame says may take.
    room: u64,
}

impl Unpacker {
    /// For what is opened already, or never was encrypted.
    pub(crate) fn new() -> Result<Self, Error> {
        Self::with(&Keys::default())
    }

    /// For frames as they lie in a segment.
    pub(crate) fn with(keys: &Keys) -> Result<Self, Error> {
        Ok(Self {
            inflater: Inflater {
                plain: None,
                with_dictionary: None,
                dictionary: dictionary::decoder()?,
                buffer: Vec::new(),
            },
            keys: keys.clone(),
            opened: Vec::new(),
            room: u64::MAX,
        })
    }

    /// One that opens what this one opens.
    pub(crate) fn another(&self) -> Result<Self, Error> {
        Ok(Self::with(&self.keys)?.within(self.room))
    }

    /// The same, for frames that take no more than `room` bytes of memory each.
    pub(crate) fn within(mut self, room: u64) -> Self {
        self.room = room;
        self
    }

    pub(crate) fn room(&self) -> u64 {
        self.room
    }

    pub(crate) fn limit(&mut self, room: u64) {
        self.room = room;
    }

    /// The frame as it would stand without encryption, and its payload inflated.
    pub(crate) fn read<'a>(
        &'a mut self,
        found: &Found<'a>,
    ) -> Result<(Found<'a>, &'a [u8]), Fault> {
        if u64::from(found.header.raw_len) > self.room {
            return Err(Fault::Limit);
        }
        self.opened.clear();
        if self.opened.capacity() > BUFFER_KEPT {
            self.opened = Vec::new();
        }
        let found = self.keys.open(found, &mut self.opened)?;
        let raw = self.inflater.inflate(&found.header, found.stored)?;
        Ok((found, raw))
    }

    /// Whether the frame is the writer's own, as far as the keys tell; its payload is not looked at.
    pub(crate) fn prove(&mut self, found: &Found<'_>) -> Result<(), Fault> {
        let mut opened = Vec::new();
        self.keys.open(found, &mut opened).map(|_| ())
    }

    /// Exactly `header.raw_len` bytes, or a fault; never more than that is allocated. What is stored raw is
    /// not copied. The payload is not encrypted.
    pub(crate) fn inflate<'a>(
        &'a mut self,
        header: &Header,
        stored: &'a [u8],
    ) -> Result<&'a [u8], Fault> {
        self.inflater.inflate(header, stored)
    }

    /// As [`inflate`](Self::inflate), for who keeps the bytes.
    pub(crate) fn unpack(&mut self, header: &Header, stored: &[u8]) -> Result<Vec<u8>, Fault> {
        self.inflate(header, stored).map(<[u8]>::to_vec)
    }
}

/// The part of an [`Unpacker`] that inflates.
struct Inflater {
    plain: Option<Decompressor<'static>>,
    with_dictionary: Option<Decompressor<'static>>,
    dictionary: &'static DecoderDictionary<'static>,
    buffer: Vec<u8>,
}

impl Inflater {
    fn inflate<'a>(&'a mut self, header: &Header, stored: &'a [u8]) -> Result<&'a [u8], Fault> {
        let raw_len = usize::try_from(header.raw_len).map_err(|_| Fault::Limit)?;
        let decompressor = match header.compression {
            Compression::RAW if stored.len() == raw_len => return Ok(stored),
            Compression::ZSTD => match &mut self.plain {
                Some(plain) => plain,
                plain => {
                    let taken = PLAIN.take(Decompressor::new);
                    plain.insert(taken.map_err(|_| Fault::Inflate)?)
                }
            },
            Compression::DICTIONARY => match dictionary::id_of(stored) {
                Some(dictionary::ID) => match &mut self.with_dictionary {
                    Some(prepared) => prepared,
                    prepared => {
                        let dictionary = self.dictionary;
                        let made = || Decompressor::with_prepared_dictionary(dictionary);
                        let taken = PREPARED.take(made);
                        prepared.insert(taken.map_err(|_| Fault::Inflate)?)
                    }
                },
                Some(other) => return Err(Fault::Dictionary(other)),
                None => return Err(Fault::Inflate),
            },
            _ => return Err(Fault::Inflate),
        };
        self.buffer.clear();
        if self.buffer.capacity() > BUFFER_KEPT {
            self.buffer = Vec::new();
        }
        self.buffer.reserve_exact(raw_len);
        decompressor
            .decompress_to_buffer(stored, &mut self.buffer)
            .map_err(|_| Fault::Inflate)?;
        if self.buffer.len() == raw_len {
            Ok(&self.buffer)
        } else {
            Err(Fault::Inflate)
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        PLAIN.keep(self.plain.take());
        PREPARED.keep(self.with_dictionary.take());
    }
}

/// Whether it takes a dictionary to inflate the frame that this build does not have. An encrypted one does not
/// show it.
pub(crate) fn needs_other(found: &Found<'_>) -> bool {
    if found.header.flags.has(Flags::ENCRYPTED) {
        return false;
    }
    let id = dictionary::id_of(found.stored);
    found.header.compression == Compression::DICTIONARY && id.is_some_and(|id| id != dictionary::ID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tags::{Codec, Kind};

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

    fn packed(raw: &[u8]) -> (Compression, Vec<u8>) {
        Packer::new(&Keys::default())
            .unwrap()
            .pack(raw, Level::Message)
            .unwrap()
    }

    #[test]
    fn what_does_not_shrink_is_stored_as_it_is() {
        let tiny = b"{\"a\":1}";
        assert_eq!(packed(tiny), (Compression::RAW, tiny.to_vec()));
        let mut seed = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        })
        .take(500)
        .collect();
        assert_eq!(packed(&noise), (Compression::RAW, noise));
    }

    #[test]
    fn every_flipped_bit_of_a_packed_payload_is_noticed() {
        let raw = "the same words again and again, ".repeat(20).into_bytes();
        let (compression, stored) = packed(&raw);
        assert_eq!(compression, Compression::DICTIONARY);
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
        let (compression, stored) = packed(&zeros);
        assert_eq!((compression, stored.len()), (Compression::RAW, 16 << 20));
    }

    #[test]
    fn short_payloads_refer_to_the_dictionary_and_long_ones_to_themselves() {
        let message = br#"[12,{"role":"assistant","content":"Now let me run the tests again."}]"#;
        let (compression, stored) = packed(message);
        assert_eq!(compression, Compression::DICTIONARY);
        assert!(stored.len() < 48, "{} bytes", stored.len());
        assert_eq!(dictionary::id_of(&stored), Some(dictionary::ID));
        let long = "0123456789".repeat(DICTIONARY_MAX / 10 + 1).into_bytes();
        let (compression, stored) = packed(&long);
        assert_eq!(
            (compression, dictionary::id_of(&stored)),
            (Compression::ZSTD, None)
        );
        let header = header(compression, stored.len(), long.len());
        assert_eq!(
            Unpacker::new().unwrap().unpack(&header, &stored).unwrap(),
            long
        );
    }

    #[test]
    fn another_dictionary_is_named_and_a_missing_one_is_damage() {
        let raw = b"a file in the folder, a file in the folder, a file in the folder".repeat(3);
        let (compression, stored) = packed(&raw);
        let header = header(compression, stored.len(), raw.len());
        let mut unpacker = Unpacker::new().unwrap();
        // Magic and frame header descriptor come first, then the number.
        let mut other = stored.clone();
        other[5..7].copy_from_slice(&40_000_u16.to_le_bytes());
        assert_eq!(
            unpacker.unpack(&header, &other),
            Err(Fault::Dictionary(40_000))
        );
        let plain = zstd::bulk::compress(&raw, 3).unwrap();
        assert_eq!(unpacker.unpack(&header, &plain), Err(Fault::Inflate));
    }
}
