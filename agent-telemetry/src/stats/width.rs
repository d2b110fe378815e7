//! How many columns a text takes in a terminal, and what of it may go there.

/// Ranges of characters that take two columns: East Asian Width `W` and `F` of Unicode 16, with the
/// blocks of ideographs and pictographs taken as a whole.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x2329, 0x232a),
    (0x23e9, 0x23ec),
    (0x23f0, 0x23f0),
    (0x23f3, 0x23f3),
    (0x25fd, 0x25fe),
    (0x2614, 0x2615),
    (0x2630, 0x2637),
    (0x2648, 0x2653),
    (0x267f, 0x267f),
    (0x268a, 0x268f),
    (0x2693, 0x2693),
    (0x26a1, 0x26a1),
    (0x26aa, 0x26ab),
    (0x26bd, 0x26be),
    (0x26c4, 0x26c5),
    (0x26ce, 0x26ce),
    (0x26d4, 0x26d4),
    (0x26ea, 0x26ea),
    (0x26f2, 0x26f3),
    (0x26f5, 0x26f5),
    (0x26fa, 0x26fa),
    (0x26fd, 0x26fd),
    (0x2705, 0x2705),
    (0x270a, 0x270b),
    (0x2728, 0x2728),
    (0x274c, 0x274c),
    (0x274e, 0x274e),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2795, 0x2797),
    (0x27b0, 0x27b0),
    (0x27bf, 0x27bf),
    (0x2b1b, 0x2b1c),
    (0x2b50, 0x2b50),
    (0x2b55, 0x2b55),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe10, 0xfe19),
    (0xfe30, 0xfe6f),
    (0xff01, 0xff60),
    (0xffe0, 0xffe6),
    (0x1_6fe0, 0x1_b2ff),
    (0x1_d300, 0x1_d376),
    (0x1_f004, 0x1_f004),
    (0x1_f0cf, 0x1_f0cf),
    (0x1_f18e, 0x1_f18e),
    (0x1_f191, 0x1_f19a),
    (0x1_f1e6, 0x1_f64f),
    (0x1_f680, 0x1_f6ff),
    (0x1_f7e0, 0x1_f7f0),
    (0x1_f90c, 0x1_f9ff),
    (0x1_fa70, 0x1_faff),
    (0x2_0000, 0x3_fffd),
];

/// Marks that are put onto the character before. U+FE0F is none of them: it widens that character.
const ZERO: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x0e34, 0x0e3a),
    (0x0e47, 0x0e4e),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0e),
    (0xfe20, 0xfe2f),
    (0xe_0100, 0xe_01ef),
];

/// Beside control characters: what turns the direction of text, breaks lines or is not seen.
const HIDDEN: &[(u32, u32)] = &[
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0xe_0000, 0xe_007f),
];

fn is_among(ranges: &[(u32, u32)], character: char) -> bool {
    let number = u32::from(character);
    let behind = ranges.partition_point(|(first, _)| *first <= number);
    behind
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(_, last)| number <= *last)
}

fn width(character: char) -> usize {
    if is_hidden(character) {
        1
    } else if is_among(ZERO, character) {
        0
    } else {
        1 + usize::from(is_among(WIDE, character))
    }
}

/// Columns of `text` once it is [`printable`].
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// `text`, or its beginning and `…` when it needs more than `limit` columns.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let Some(mut left) = limit.checked_sub(1) else {
        return String::new();
    };
    text.chars()
        .map_while(|character| {
            left = left.checked_sub(width(character))?;
            Some(character)
        })
        .chain(['…'])
        .collect()
}

/// Whether it is not seen itself, and changes what is.
pub(crate) fn is_hidden(character: char) -> bool {
    is_among(HIDDEN, character)
}

/// A name must not move the cursor, colour the terminal or turn the line around.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() || is_hidden(c) => '·',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a·[31m·b");
        let hidden = "a\u{202e}b\u{2066}c\u{2028}d\u{2029}e\u{200b}f\u{feff}g";
        assert_eq!(printable(hidden), "a·b·c·d·e·f·g");
        assert_eq!(columns(hidden), columns(&printable(hidden)));
    }

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        assert_eq!(
            [
                "abc",
                "ü",
                "u\u{308}",
                "数据",
                "한글",
                "🦀",
                "❤\u{fe0f}",
                "→·…"
            ]
            .map(columns),
            [3, 1, 1, 4, 4, 2, 2, 3]
        );
    }

    #[test]
    fn cut_text_keeps_within_its_columns() {
        assert_eq!(cut("数据库", 6), "数据库");
        assert_eq!(cut("数据库", 5), "数据…");
        assert_eq!(cut("数据库", 4), "数…");
        assert_eq!(cut("abc", 2), "a…");
        assert_eq!(
            (cut("abc", 1), cut("abc", 0)),
            ("…".to_owned(), String::new())
        );
    }

    #[test]
    fn tables_are_in_order() {
        for ranges in [WIDE, ZERO, HIDDEN] {
            let bounds: Vec<u32> = ranges.iter().flat_map(|(a, b)| [*a, *b]).collect();
            assert!(bounds.is_sorted(), "{bounds:x?}");
        }
    }
}
