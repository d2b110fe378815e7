//! Secrets in bincode, which does not say what its bytes are: texts are known by the length before them, and
//! overwritten where they stand, so that nothing moves.

use super::rules::Rules;
use super::{mask, scan};

/// Bytes of a length, little-endian.
const LENGTH: usize = 8;

/// The bytes with secrets in their texts overwritten; nothing where there are none.
pub(super) fn masked(bytes: &[u8], rules: &Rules) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    while let Some(length) = bytes.get(from..).and_then(<[u8]>::first_chunk::<LENGTH>) {
        let start = from + LENGTH;
        let text = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .filter(|len| *len >= 6)
            .and_then(|len| bytes.get(start..start.checked_add(len)?))
            .filter(|text| !text.contains(&0) && std::str::from_utf8(text).is_ok());
        let Some(text) = text else {
            from += 1;
            continue;
        };
        from = start + text.len();
        let found = scan::find(text, rules);
        if !found.is_empty() {
            let out = out.get_or_insert_with(|| bytes.to_vec());
            mask::overwrite(out.get_mut(start..from).unwrap_or_default(), &found);
        }
    }
    out
}
