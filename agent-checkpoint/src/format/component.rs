//! The payload of a Component frame: a name, and a value in the frame's codec.

use super::bytes_at;
use crate::log::numbering::narrow;

/// The payload. `None` for a name that is too long to be said.
pub(crate) fn encode(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(name.len()).ok()?;
    Some([&len.to_le_bytes(), name.as_bytes(), value].concat())
}

/// The name and the value.
pub(crate) fn decode(raw: &[u8]) -> Option<(&str, &[u8])> {
    let len = narrow(u64::from(u16::from_le_bytes(bytes_at(raw, 0)?)));
    let (name, value) = raw.get(2..)?.split_at_checked(len)?;
    Some((std::str::from_utf8(name).ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_value_read_back() {
        let raw = encode("host.board", b"value").unwrap();
        assert_eq!(decode(&raw), Some(("host.board", b"value".as_slice())));
        assert_eq!(decode(&raw[..11]), None);
        assert_eq!(decode(&[2, 0, 0xff, 0xff]), None, "no text");
        assert_eq!(encode(&"n".repeat(1 << 16), b""), None);
    }
}
