//! The bound on texts that hosts write into records.

use std::borrow::Cow;

/// Longest name of a metric, violation kind or task type, in bytes.
pub(super) const NAME_BYTES: usize = 128;
/// Longest description, message or file name, in bytes.
pub(super) const TEXT_BYTES: usize = 4_096;

const CUT: &str = "…";

/// `text`, or its beginning and `…` when it has more than `limit` bytes. Cut between words where there is
/// a gap in the second half: half an address or a key is not recognised as one, and so not masked.
pub(super) fn bounded(text: Cow<'static, str>, limit: usize) -> Cow<'static, str> {
    if text.len() <= limit {
        return text;
    }
    let kept = (0..=limit.saturating_sub(CUT.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default();
    let gap = kept.rfind(char::is_whitespace);
    let end = gap.filter(|gap| gap * 2 >= limit).unwrap_or(kept.len());
    let kept = kept.get(..end).unwrap_or(kept);
    Cow::Owned(kept.to_owned() + CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_words_where_it_has_any() {
        assert_eq!(bounded("mail ada@example.com".into(), 16), "mail ada@exam…");
        assert_eq!(
            bounded("please mail ada@example.com".into(), 20),
            "please mail…"
        );
        assert_eq!(bounded("a bcdefghijklmnop".into(), 12), "a bcdefgh…");
    }

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(bounded("äöü".into(), 6), "äöü");
        assert_eq!(bounded("äöüß".into(), 6), "ä…");
        assert_eq!(
            bounded("x".repeat(200).into(), NAME_BYTES).len(),
            NAME_BYTES
        );
    }
}
