//! Values to bytes and back, by codec.

use std::cell::RefCell;
use std::marker::PhantomData;

#[cfg(feature = "msgpack")]
use serde::Deserialize;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::fault::{Fault, Trace};
use super::guard::{Guarded, Place, VALUES_MAX, Watch};
use super::shapes::Shapes;
use super::tracked::{Bounds, Seed};
use crate::Codec;

/// Appends the value's bytes, and notes its shapes.
pub(crate) fn encode<T: Serialize>(
    codec: Codec,
    value: &T,
    out: &mut Vec<u8>,
    shapes: &mut Shapes,
) -> Result<(), Fault> {
    let start = out.len();
    encode_to(codec, value, &mut *out, shapes, false).or_else(|_| {
        // Once more, for the names of keys on the way.
        out.truncate(start);
        encode_to(codec, value, &mut *out, shapes, true)
    })
}

/// Writes the value's bytes.
pub(super) fn encode_to<T: Serialize, W: std::io::Write>(
    codec: Codec,
    value: &T,
    mut out: W,
    shapes: &mut Shapes,
    is_exact: bool,
) -> Result<(), Fault> {
    let watch = Watch {
        trace: Trace::new(is_exact),
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
        Codec::Json => serde_json::to_writer(&mut out, &guarded)
            .err()
            .map(|e| e.to_string()),
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => {
            let mut serializer = rmp_serde::Serializer::new(&mut out).with_struct_map();
            let written = guarded.serialize(&mut serializer);
            written.err().map(|e| e.to_string())
        }
        #[cfg(feature = "bincode")]
        Codec::Bincode => bincode::serde::encode_into_std_write(&guarded, &mut out, BINCODE)
            .err()
            .map(|e| e.to_string()),
    };
    error.map_or(Ok(()), |error| Err(watch.trace.fault(&error)))
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
    let seed = Seed {
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
