//! Shortens a long text to its beginning and its end.

/// The text in at most `max` bytes, a mark of how many are left out included; `None` where it fits as it is.
pub(super) fn clip(text: &str, max: usize) -> Option<String> {
    if text.len() <= max {
        return None;
    }
    let room = max.saturating_sub(MARK_MAX);
    if room == 0 {
        return text.get(..floor(text, max)).map(str::to_owned);
    }
    let head = floor(text, room / 2);
    let tail = ceil(text, text.len() - (room - room / 2));
    let begin = text.get(..head).unwrap_or_default();
    let end = text.get(tail..).unwrap_or_default();
    let gone = tail.saturating_sub(head);
    Some(format!("{begin} [… {gone} bytes left out …] {end}"))
}

/// The longest mark, with the largest number of a `u64`.
const MARK_MAX: usize = " [… 18446744073709551615 bytes left out …] ".len();

/// Shortens the text where it is too long; whether it was.
pub(super) fn clip_in_place(text: &mut String, max: usize) -> bool {
    let clipped = clip(text, max);
    let is_clipped = clipped.is_some();
    if let Some(clipped) = clipped {
        *text = clipped;
    }
    is_clipped
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_stay_and_no_character_is_parted() {
        assert_eq!(clip("abcdef", 6), None);
        let text = "ä".repeat(100);
        for max in 0..=200 {
            let Some(clipped) = clip(&text, max) else {
                assert_eq!(max, 200);
                continue;
            };
            assert!(clipped.len() <= max, "{max}: {clipped}");
            assert_eq!(clip(&clipped, max), None);
        }
        let clipped = clip(&text, 60).unwrap();
        assert!(
            clipped.starts_with("ä") && clipped.ends_with("ä"),
            "{clipped}"
        );
        assert!(clipped.contains("bytes left out"), "{clipped}");
    }
}
