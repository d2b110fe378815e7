//! The lengths of a message's texts, which change with what is masked in them.

use serde_json::{Value, json};

use super::mask;
use super::scan::Found;

/// Puts right what [`Imported`](crate::import::Imported) keeps of the order of blocks: numbers are the lengths of texts in
/// `content`, which stand one below the other.
pub(super) fn follow(layout: &mut [Value], content: &str, found: &[Found<'_>]) {
    let mut from: usize = 0;
    for block in layout {
        let Some(len) = block.as_u64().and_then(|len| usize::try_from(len).ok()) else {
            continue;
        };
        let to = from.saturating_add(len);
        if to > content.len() {
            return;
        }
        *block = json!(moved(to, found).saturating_sub(moved(from, found)));
        from = to + 1;
    }
}

/// Where a place in the text is once it is masked; behind the mask, if it is in a secret.
fn moved(place: usize, found: &[Found<'_>]) -> usize {
    let mut gone = 0;
    let mut come = 0;
    for it in found.iter().take_while(|it| it.start < place) {
        if it.end > place {
            return it.start - gone + come + mask::len(it.family);
        }
        gone += it.end - it.start;
        come += mask::len(it.family);
    }
    place - gone + come
}
