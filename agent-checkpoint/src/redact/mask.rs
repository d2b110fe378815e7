//! What stands in the place of a secret.

use memchr::memmem;

use super::bytes::window;
use super::scan::Found;

/// Longest mask and its number, behind its beginning.
const MASK_MAX: usize = 128;

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

/// Keeps the names of fields apart that look the same once they are masked.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    next: Option<u64>,
}

impl Numbers {
    /// The name with a number that no name in `all` has.
    pub(super) fn apart(&mut self, name: String, all: &[u8]) -> String {
        let number = self.next.unwrap_or_else(|| greatest(all) + 1);
        self.next = Some(number + 1);
        if number == 1 {
            name
        } else {
            format!("{name}#{number}")
        }
    }
}

/// The greatest number of a mask, one for a mask without a number, zero where there is none.
fn greatest(all: &[u8]) -> u64 {
    let masks = memmem::find_iter(all, OPENING);
    let numbers = masks.map(|at| {
        let rest = window(all, at + OPENING.len(), MASK_MAX);
        let behind = rest
            .iter()
            .position(|it| *it == b']')
            .map_or(0, |it| it + 1);
        match rest.get(behind..) {
            Some([b'#', digits @ ..]) => digits
                .iter()
                .take_while(|it| it.is_ascii_digit())
                .fold(0_u64, |sum, it| {
                    sum.saturating_mul(10).saturating_add(u64::from(*it - b'0'))
                }),
            _ => 1,
        }
    });
    // One that ends the numbers is no number of this library.
    numbers.filter(|it| *it < u64::MAX / 2).max().unwrap_or(0)
}

/// Bytes of the mask of a family.
pub(super) const fn len(family: &str) -> usize {
    OPENING.len() + family.len() + 1
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
