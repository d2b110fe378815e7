//! Values to bytes and back, by codec.

use std::cell::RefCell;
use std::marker::PhantomData;

#[cfg(feature = "msgpack")]
use serde::Deserialize;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::fault::{Fault, Trace};
use super::guard::{Guarded, Place, VALUES_MAX, Watch};
use super::json::Json;
use super::shapes::Shapes;
use super::tracked::{Bounds, Inside};
use crate::Codec;

/// Appends the value's bytes, and notes its shapes.
pub(crate) fn encode<T: Serialize>(
    codec: Codec,
    value: &T,
    out: &mut Vec<u8>,
    shapes: &mut Shapes,
) -> Result<(), Fault> {
    let start = out.len();
    encode_to(codec, value, out, shapes, None).or_else(|_| {
        // Once more, for the names of keys on the way.
        out.truncate(start);
        encode_to(codec, value, out, shapes, Some(usize::MAX))
    })
}

/// Writes the value's bytes. With `stop` the names of keys are kept, and it fails behind so many bytes, so
/// that the fault says where that is.
pub(super) fn encode_to<T: Serialize>(
    codec: Codec,
    value: &T,
    out: &mut Vec<u8>,
    shapes: &mut Shapes,
    stop: Option<usize>,
) -> Result<(), Fault> {
    let watch = Watch {
        trace: Trace::new(stop.is_some()),
        shapes: RefCell::new(shapes),
        codec,
        key: RefCell::new(None),
    };
    let guarded = Guarded {
        value,
        watch: &watch,
        place: Place::ROOT,
    };
    let error: Option<String> = match codec {
        Codec::Json => {
            let written = guarded.serialize(&mut Json::new(out, stop.unwrap_or(usize::MAX)));
            written.err().map(|e| e.to_string())
        }
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => match stop {
            None => to_msgpack(&guarded, out),
            Some(left) => to_msgpack(&guarded, Stopping { out, left }),
        },
        #[cfg(feature = "bincode")]
        Codec::Bincode => match stop {
            None => to_bincode(&guarded, out),
            Some(left) => to_bincode(&guarded, &mut Stopping { out, left }),
        },
    };
    error.map_or(Ok(()), |error| Err(watch.trace.fault(&error)))
}

#[cfg(feature = "msgpack")]
fn to_msgpack(value: &impl Serialize, out: impl std::io::Write) -> Option<String> {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    let written = value.serialize(&mut serializer);
    written.err().map(|e| e.to_string())
}

#[cfg(feature = "bincode")]
fn to_bincode(value: &impl Serialize, out: &mut impl std::io::Write) -> Option<String> {
    let written = bincode::serde::encode_into_std_write(value, out, BINCODE);
    written.err().map(|e| e.to_string())
}

/// Fails behind so many bytes.
#[cfg(any(feature = "msgpack", feature = "bincode"))]
struct Stopping<'o> {
    out: &'o mut Vec<u8>,
    left: usize,
}

#[cfg(any(feature = "msgpack", feature = "bincode"))]
impl std::io::Write for Stopping<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.left.checked_sub(bytes.len());
        self.left = left.ok_or_else(|| std::io::Error::other("that is where it stops"))?;
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Numbers of fixed length, so that another crate can take over; reads no more than a payload may have.
#[cfg(feature = "bincode")]
const BINCODE: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<{ crate::format::PAYLOAD_MAX }>,
> = bincode::config::legacy().with_limit::<{ crate::format::PAYLOAD_MAX }>();

/// The value that `bytes` are, all of them.
pub(crate) fn decode<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<T, Fault> {
    decode_with(codec, bytes, false).or_else(|_| decode_with(codec, bytes, true))
}

fn decode_with<T: DeserializeOwned>(
    codec: Codec,
    bytes: &[u8],
    is_exact: bool,
) -> Result<T, Fault> {
    let bounds = Bounds {
        trace: Trace::new(is_exact),
        values: bytes.len().saturating_add(VALUES_MAX),
        describes_itself: codec.describes_itself(),
    };
    let seed = Inside {
        seed: PhantomData::<T>,
        bounds: &bounds,
        depth: 0,
    };
    let read = match codec {
        Codec::Json => from_json(seed, bytes),
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => from_msgpack(seed, bytes),
        #[cfg(feature = "bincode")]
        Codec::Bincode => bincode::serde::seed_decode_from_slice(seed, bytes, BINCODE)
            .map_err(|e| e.to_string())
            .and_then(|(value, read)| whole(value, read == bytes.len())),
    };
    read.map_err(|error| bounds.trace.fault(&error))
}

fn from_json<'de, S: DeserializeSeed<'de>>(seed: S, bytes: &'de [u8]) -> Result<S::Value, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = seed
        .deserialize(&mut deserializer)
        .map_err(|e| e.to_string())?;
    deserializer.end().map_err(|e| e.to_string())?;
    Ok(value)
}

#[cfg(feature = "msgpack")]
pub(super) fn from_msgpack<'de, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
) -> Result<S::Value, String> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(super::tracked::DEPTH_MAX);
    let value = seed
        .deserialize(&mut deserializer)
        .map_err(|e| e.to_string())?;
    // The deserializer does not say where it stands; what follows would read as something.
    let rest = serde::de::IgnoredAny::deserialize(&mut deserializer);
    whole(value, rest.is_err())
}

#[cfg(any(feature = "msgpack", feature = "bincode"))]
fn whole<T>(value: T, is_all: bool) -> Result<T, String> {
    if is_all {
        Ok(value)
    } else {
        Err("bytes follow behind the value".to_owned())
    }
}
