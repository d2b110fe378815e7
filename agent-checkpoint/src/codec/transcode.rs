//! Bytes of a codec that describes itself as a JSON value, for migrations.

use serde_json::Value;

use super::encoding::decode;
use super::fault::Fault;
use crate::Codec;

/// The JSON value that `bytes` are. Of MessagePack, bytes become arrays of numbers, and numbers that are
/// not finite null.
pub(crate) fn to_value(codec: Codec, bytes: &[u8]) -> Result<Value, Fault> {
    if !codec.describes_itself() {
        let reason = format!("{} does not say what its bytes are", codec.name());
        return Err(Fault::whole(reason));
    }
    decode(codec, bytes)
}
