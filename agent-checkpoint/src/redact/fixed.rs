//! Secrets in bincode, which does not say what its bytes are: texts are known by the length before them, and
//! overwritten where they stand, so that nothing moves.

use std::ops::Range;

use super::rules::Rules;
use super::scan::Found;
use super::{mask, scan};

/// Bytes of a length, little-endian.
const LENGTH: usize = 8;

/// The bytes with secrets in their texts overwritten; nothing where there are none.
pub(super) fn masked(bytes: &[u8], rules: &Rules) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    // Where texts without zeros begin, and what else may be texts.
    let (mut texts, mut parted) = (Vec::new(), Vec::new());
    while let Some(length) = bytes.get(from..).and_then(<[u8]>::first_chunk::<LENGTH>) {
        let start = from + LENGTH;
        let looked = parted.last().map_or(0, |range: &Range<usize>| range.end);
        let text = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .filter(|len| *len >= 6)
            .and_then(|len| bytes.get(start..start.checked_add(len)?))
            .filter(|text| start + text.len() > looked || !text.contains(&0))
            .filter(|text| std::str::from_utf8(text).is_ok());
        from += 1;
        let Some(text) = text else {
            continue;
        };
        let end = start + text.len();
        if text.contains(&0) {
            parted.push(start.max(looked)..end);
            continue;
        }
        texts.push(start);
        overwrite(&mut out, bytes, start, text, &scan::find(text, rules));
        from = end;
    }
    // What the system has of an environment is one; a number before other values is no length.
    parted.retain(|range| {
        let next = texts.get(texts.partition_point(|text| *text < range.start));
        next.is_none_or(|next| *next >= range.end)
    });
    for range in parted {
        let mut begin = range.start;
        for part in bytes.get(range).unwrap_or_default().split(|it| *it == 0) {
            overwrite(&mut out, bytes, begin, part, &scan::find(part, rules));
            begin += part.len() + 1;
        }
    }
    let mut known = Vec::new();
    rules.literals(bytes, &mut known);
    overwrite(&mut out, bytes, 0, bytes, &known);
    out
}

fn overwrite(
    out: &mut Option<Vec<u8>>,
    bytes: &[u8],
    start: usize,
    text: &[u8],
    found: &[Found<'_>],
) {
    if found.is_empty() {
        return;
    }
    let out = out.get_or_insert_with(|| bytes.to_vec());
    let text = out.get_mut(start..start + text.len());
    mask::overwrite(text.unwrap_or_default(), found);
}
