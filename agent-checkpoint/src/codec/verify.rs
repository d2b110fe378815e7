//! The proof that a value's bytes become the value again.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoding::{decode, encode_to};
use super::fault::Fault;
use super::shapes::Shapes;
use crate::Codec;

/// Reads the bytes as the type, and writes them again: a field that was left out, shifted or changed on
/// the way shows as other bytes. Maps and sets may come back in another order, so bytes that are the
/// same but for their order pass.
pub(crate) fn verify<T: Serialize + DeserializeOwned>(
    codec: Codec,
    bytes: &[u8],
) -> Result<(), Fault> {
    let value: T = decode(codec, bytes).map_err(|fault| Fault {
        reason: format!("does not read back: {}", fault.reason),
        ..fault
    })?;
    let mut again = Vec::with_capacity(bytes.len());
    let mut shapes = Shapes::default();
    encode_to(codec, &value, &mut again, &mut shapes, None)?;
    if again == bytes || tally(&again) == tally(bytes) {
        return Ok(());
    }
    let same = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    again.clear();
    let differs = encode_to(codec, &value, &mut again, &mut shapes, Some(same));
    let path = differs.err().map_or_else(String::new, |fault| fault.path);
    Err(Fault {
        path,
        reason: "reads back as another value than was written".to_owned(),
    })
}

/// How often each byte occurs.
fn tally(bytes: &[u8]) -> [usize; 256] {
    let mut tally = [0; 256];
    for byte in bytes {
        if let Some(count) = tally.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    tally
}
