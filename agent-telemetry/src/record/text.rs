//! The bound on texts that hosts write into records.

use std::borrow::Cow;

/// Longest name of a metric, violation kind or task type, in bytes.
pub(super) const NAME_BYTES: usize = 128;
/// Longest description, message or file name, in bytes.
pub(super) const TEXT_BYTES: usize = 4_096;

const CUT: &str = "…";

/// Longest word that goes as a whole where the cut falls into it, in bytes; of a longer one that is no address, the
/// beginning stays.
const WORD_BYTES: usize = 256;

/// `text`, or its beginning and `…` when it has more than `limit` bytes. A word that the cut falls into goes: half an
/// address or a key is not recognised as one, and so not masked. The only word of a text stays in part, unless it may
/// be an address.
pub(super) fn bounded(text: Cow<'static, str>, limit: usize) -> Cow<'static, str> {
    if text.len() <= limit {
        return text;
    }
    let kept = (0..=limit.saturating_sub(CUT.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default();
    let (before, word) = match kept.rfind(is_between_words) {
        Some(gap) => kept.split_at(gap),
        None => ("", kept),
    };
    let may_be_address = word.contains('@') || word.contains("://");
    let is_short = word.len() <= WORD_BYTES && !before.is_empty();
    let kept = if may_be_address || is_short {
        before.trim_end()
    } else {
        kept
    };
    Cow::Owned(kept.to_owned() + CUT)
}

/// What stands around addresses and keys in texts and in JSON.
fn is_between_words(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_words_where_it_has_any() {
        assert_eq!(bounded("mail ada@example.com".into(), 16), "mail…");
        assert_eq!(
            bounded("please mail ada@example.com".into(), 20),
            "please mail…"
        );
        assert_eq!(bounded("a bcdefghijklmnop".into(), 12), "a…");
        assert_eq!(
            bounded(r#"{"key":"sk-0123456789abcdef"}"#.into(), 20),
            r#"{"key":…"#
        );
        assert_eq!(bounded("postgres://ada:hunter2@db".into(), 24), "…");
        let long = format!("a {}", "x".repeat(400));
        assert_eq!(bounded(long.into(), 302).len(), 302);
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
