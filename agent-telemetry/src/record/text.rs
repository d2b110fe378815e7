//! The bound on texts that hosts write into records.

use std::borrow::Cow;

/// Longest name of a metric, violation kind or task type, in bytes.
pub(super) const NAME_BYTES: usize = 128;
/// Longest description, message or file name, in bytes.
pub(super) const TEXT_BYTES: usize = 4_096;

const CUT: &str = "…";

/// `text`, or its beginning and `…` when it has more than `limit` bytes.
pub(super) fn bounded(text: Cow<'static, str>, limit: usize) -> Cow<'static, str> {
    if text.len() <= limit {
        return text;
    }
    let kept = (0..=limit.saturating_sub(CUT.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default();
    Cow::Owned(kept.to_owned() + CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

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
