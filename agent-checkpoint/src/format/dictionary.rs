//! The dictionary that small payloads are packed with: text that sessions of coding agents share.

use std::sync::OnceLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::Error;

/// Made by `train_dictionary` of the benchmarks. Its bytes never change: logs need them for ever.
const BYTES: &[u8] = include_bytes!("../../dictionary/1.zdict");
/// What a zstd frame packed with it names. The lowest number free for private use is 32 768.
pub(crate) const ID: u32 = 32_769;

/// How hard to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What is written for each message, and what is long.
    Message,
    /// What is written for several messages at once, mostly a turn: takes about 65 µs more for 5 kB, where a model
    /// has taken seconds, and saves a tenth.
    Turn,
}

impl Level {
    pub(crate) const fn of_zstd(self) -> i32 {
        match self {
            Self::Message => 3,
            Self::Turn => 6,
        }
    }
}

/// The dictionary prepared for packing, once for each level in the whole process.
pub(crate) fn encoder(level: Level) -> Result<&'static EncoderDictionary<'static>, Error> {
    static MESSAGES: OnceLock<Option<EncoderDictionary<'static>>> = OnceLock::new();
    static TURNS: OnceLock<Option<EncoderDictionary<'static>>> = OnceLock::new();
    let once = match level {
        Level::Message => &MESSAGES,
        Level::Turn => &TURNS,
    };
    let prepared = once.get_or_init(|| EncoderDictionary::try_copy(BYTES, level.of_zstd()).ok());
    prepared.as_ref().ok_or_else(no_memory)
}

/// The dictionary prepared for inflating, once for the whole process.
pub(crate) fn decoder() -> Result<&'static DecoderDictionary<'static>, Error> {
    static PREPARED: OnceLock<Option<DecoderDictionary<'static>>> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| DecoderDictionary::try_copy(BYTES).ok());
    prepared.as_ref().ok_or_else(no_memory)
}

fn no_memory() -> Error {
    let error = std::io::Error::from(std::io::ErrorKind::OutOfMemory);
    Error::unavailable("preparing the dictionary", error)
}

/// Which dictionary a zstd frame needs; `None` where it names none.
pub(crate) fn id_of(frame: &[u8]) -> Option<u32> {
    zstd::zstd_safe::get_dict_id_from_frame(frame).map(std::num::NonZeroU32::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_bytes_are_dictionary_one_for_ever() {
        let id = zstd::zstd_safe::get_dict_id_from_dict(BYTES).map(std::num::NonZeroU32::get);
        assert_eq!(id, Some(ID));
        let hash = blake3::hash(BYTES).to_hex();
        assert_eq!(
            &hash[..16],
            "d1716472bc59e05f",
            "logs out there need the old bytes"
        );
    }
}
