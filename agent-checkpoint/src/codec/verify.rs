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
    let mut again = Tally::default();
    let mut shapes = Shapes::default();
    encode_to(codec, &value, &mut again, &mut shapes, false)?;
    let mut once = Tally::default();
    once.add(bytes);
    if again == once {
        return Ok(());
    }
    let compare = Compare { expected: bytes };
    let differs = encode_to(codec, &value, compare, &mut shapes, true);
    let path = differs.err().map_or_else(String::new, |fault| fault.path);
    Err(Fault {
        path,
        reason: "reads back as another value than was written".to_owned(),
    })
}

/// How often each byte occurs.
#[derive(PartialEq, Eq)]
struct Tally([usize; 256]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Tally {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(count) = self.0.get_mut(usize::from(*byte)) {
                *count += 1;
            }
        }
    }
}

impl std::io::Write for Tally {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fails at the first byte that is not as expected.
struct Compare<'a> {
    expected: &'a [u8],
}

impl std::io::Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let rest = self.expected.strip_prefix(bytes);
        self.expected = rest.ok_or_else(|| std::io::Error::other("another byte"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
