//! What stands in the place of a secret.

use super::scan::Found;

/// How every mask begins. What stands behind such a beginning is not looked at as the value of a name.
pub(super) const OPENING: &str = "[redacted:";

/// Whether a mask begins there.
pub(super) fn is_at(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.starts_with(OPENING.as_bytes())
}

/// The text with masks for what was found.
pub(super) fn masked(text: &str, found: &[Found<'_>]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for it in found {
        result.push_str(text.get(done..it.start).unwrap_or_default());
        push(&mut result, it.family);
        done = it.end;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// The mask of a family.
pub(super) fn push(to: &mut String, family: &str) {
    to.push_str(OPENING);
    to.push_str(family);
    to.push(']');
}

/// Overwrites what was found, so that nothing moves: the mask where there is room for it, and stars.
pub(super) fn overwrite(bytes: &mut [u8], found: &[Found<'_>]) {
    for it in found {
        let mut mask = String::new();
        push(&mut mask, it.family);
        let mut mask = mask.bytes();
        let room = it.end - it.start;
        let is_whole = mask.len() <= room;
        for byte in bytes.get_mut(it.start..it.end).unwrap_or_default() {
            *byte = mask.next().filter(|_| is_whole).unwrap_or(b'*');
        }
    }
}
