//! Two to five tools in a row, and which of them are one sequence.

/// Most tools of a sequence.
pub(super) const LONGEST: usize = 5;

/// Tools by number; those behind the length are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Word {
    length: u8,
    tools: [u16; LONGEST],
}

impl Word {
    /// At most five.
    pub(super) fn of(tools: &[u16]) -> Self {
        let mut word = Self {
            length: 0,
            tools: [0; LONGEST],
        };
        for (slot, tool) in word.tools.iter_mut().zip(tools) {
            *slot = *tool;
            word.length += 1;
        }
        word
    }

    pub(super) fn tools(&self) -> &[u16] {
        let length = usize::from(self.length);
        self.tools.get(..length).unwrap_or(&self.tools)
    }

    /// The one that begins so many places later, and goes round.
    pub(super) fn rotated(&self, by: usize) -> Self {
        let mut tools = self.tools().to_vec();
        let by = by.checked_rem(tools.len()).unwrap_or(0);
        tools.rotate_left(by);
        Self::of(&tools)
    }

    /// The least of all that go round like this one, and how many places this one begins behind it.
    pub(super) fn class(&self) -> (Self, usize) {
        let length = self.tools().len();
        let all = (0..length).map(|by| (self.rotated(by), (length - by) % length));
        all.min().unwrap_or((*self, 0))
    }

    /// Whether one of both ends with more than half of what the other begins with, as of something longer that
    /// has both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.tools(), other.tools());
        let is_shared = |left: usize| {
            let follows = |a: &[u16], b: &[u16]| {
                let end = a.get(left..);
                end.is_some() && end == b.get(..b.len().saturating_sub(left))
            };
            follows(a, b) || follows(b, a)
        };
        a.len() == b.len() && (1..a.len().div_ceil(2)).any(is_shared)
    }

    /// Whether this or one that goes round like it lies within the other, or within what goes round as the
    /// other does.
    pub(super) fn is_within(&self, other: &Self, goes_round: bool) -> bool {
        let mut whole = other.tools().to_vec();
        if goes_round {
            whole.extend_from_slice(other.tools());
        }
        let length = self.tools().len();
        (0..length).any(|by| {
            let part = self.rotated(by);
            whole.windows(length).any(|it| it == part.tools())
        })
    }
}

/// Whether some beginning is an end as well, as of whatever is one tool over and over.
pub(super) fn is_bordered(tools: &[u16]) -> bool {
    (1..tools.len()).any(|length| tools.get(..length) == tools.get(tools.len() - length..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_go_round_alike_are_one_class() {
        let words = [[3, 1, 2], [1, 2, 3], [2, 3, 1]].map(|it| Word::of(&it).class());
        let least = Word::of(&[1, 2, 3]);
        assert_eq!(words, [(least, 2), (least, 0), (least, 1)]);
        assert_eq!(least.rotated(2), Word::of(&[3, 1, 2]));
    }

    #[test]
    fn words_that_begin_as_they_end_are_bordered() {
        for tools in [&[1, 1][..], &[1, 2, 1], &[1, 2, 1, 2], &[1, 2, 3, 1, 2]] {
            assert!(is_bordered(tools), "{tools:?}");
        }
        for tools in [&[1, 2][..], &[1, 1, 2], &[1, 2, 1, 2, 2]] {
            assert!(!is_bordered(tools), "{tools:?}");
        }
    }

    #[test]
    fn words_of_something_longer_overlap_by_more_than_half() {
        let [first, second, third, fourth] = [
            [1, 2, 3, 4, 5],
            [2, 3, 4, 5, 6],
            [3, 4, 5, 6, 7],
            [4, 5, 6, 7, 8],
        ]
        .map(|it| Word::of(&it));
        assert!(first.overlaps(&second) && third.overlaps(&first));
        assert!(!first.overlaps(&fourth), "two of five are not half");
        assert!(!Word::of(&[1, 2]).overlaps(&Word::of(&[2, 3])));
    }

    #[test]
    fn part_lies_within_a_round_where_the_whole_goes_round() {
        let [part, whole] = [&[3, 1][..], &[2, 3, 4, 1]].map(Word::of);
        assert!(!part.is_within(&whole, false) && !part.is_within(&whole, true));
        let [part, whole] = [&[3, 1][..], &[1, 2, 3]].map(Word::of);
        assert!(!part.is_within(&whole, false) && part.is_within(&whole, true));
        assert!(Word::of(&[2, 1]).is_within(&whole, false), "as 1, 2");
    }
}
