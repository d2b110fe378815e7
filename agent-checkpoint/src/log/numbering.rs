//! Which item of the log stands at which position of a history.

use std::ops::Range;

use crate::format::payload::Span;

/// Items with consecutive numbers at consecutive positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    position: usize,
    first: u64,
}

/// The numbers of a history's items, ascending. Grows at its end only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbering {
    runs: Vec<Run>,
    spans: Vec<Span>,
    len: usize,
}

/// A numbering as it was; see [`Numbering::mark`].
#[derive(Debug)]
pub(crate) struct Mark {
    runs: usize,
    len: usize,
    spans: Vec<Span>,
}

impl Numbering {
    /// Remembers the numbering, so that a save that fails can take its numbers back.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            runs: self.runs.len(),
            len: self.len,
            spans: self.spans.clone(),
        }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn reset(&mut self, mark: Mark) {
        self.runs.truncate(mark.runs);
        self.len = mark.len;
        self.spans = mark.spans;
    }

    /// Forgets all but the first `len` items.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.spans = self.spans_of(0..len);
            self.runs.retain(|run| run.position < len);
            self.len = len;
        }
    }

    /// How many items have a number.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The history as ranges of numbers.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Adds `count` items numbered from `first` on. `joins` says that no item lies in the log between
    /// them and the last one here, so that both fit in one span.
    pub(crate) fn extend(&mut self, first: u64, count: usize, joins: bool) {
        let Some(last) = last_number(first, count) else {
            return;
        };
        if self.runs.last().and_then(|run| self.number_after(*run)) != Some(first) {
            self.runs.push(Run {
                position: self.len,
                first,
            });
        }
        self.len += count;
        let count = wide(count);
        match self.spans.last_mut().filter(|_| joins) {
            Some(span) => {
                span.last = last;
                span.count += count;
            }
            None => self.spans.push(Span { first, last, count }),
        }
    }

    /// The number that the item after the last would have if it continued `run`, the last one.
    fn number_after(&self, run: Run) -> Option<u64> {
        run.first
            .checked_add(wide(self.len.checked_sub(run.position)?))
    }

    /// The number of the item at `position`.
    fn number(&self, position: usize) -> Option<u64> {
        if position >= self.len {
            return None;
        }
        let run = self
            .runs
            .partition_point(|run| run.position <= position)
            .checked_sub(1)?;
        let run = self.runs.get(run)?;
        run.first.checked_add(wide(position - run.position))
    }

    /// The items at `positions` as ranges of numbers: one per span of the history that they touch.
    pub(crate) fn spans_of(&self, positions: Range<usize>) -> Vec<Span> {
        let mut found = Vec::new();
        let mut start = 0;
        for span in &self.spans {
            let end = start + narrow(span.count);
            let (from, to) = (positions.start.max(start), positions.end.min(end));
            if let (true, Some(first), Some(last)) = (
                from < to,
                self.number(from),
                self.number(to.saturating_sub(1)),
            ) {
                found.push(Span {
                    first,
                    last,
                    count: wide(to - from),
                });
            }
            start = end;
        }
        found
    }
}

/// The number of the last of `count` items from `first` on; none for no items.
pub(crate) fn last_number(first: u64, count: usize) -> Option<u64> {
    first.checked_add(wide(count).checked_sub(1)?)
}

pub(crate) fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

pub(crate) fn narrow(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u64, last: u64, count: u64) -> Span {
        Span { first, last, count }
    }

    #[test]
    fn numbers_of_other_frames_do_not_part_a_span() {
        let mut numbering = Numbering::default();
        numbering.extend(0, 3, false);
        numbering.extend(4, 2, true);
        assert_eq!(numbering.spans(), [span(0, 5, 5)]);
        assert_eq!(numbering.spans_of(2..4), [span(2, 4, 2)]);
        assert_eq!(numbering.spans_of(0..5), [span(0, 5, 5)]);
        assert_eq!(numbering.spans_of(5..5), []);
    }

    #[test]
    fn a_failed_save_takes_its_numbers_back() {
        let mut numbering = Numbering::default();
        numbering.extend(0, 3, false);
        let before = numbering.clone();
        let mark = numbering.mark();
        numbering.extend(3, 2, true);
        numbering.extend(9, 1, false);
        assert_ne!(numbering, before);
        numbering.reset(mark);
        assert_eq!(numbering, before);
    }

    #[test]
    fn items_of_another_branch_part_it() {
        let mut numbering = Numbering::default();
        numbering.extend(0, 3, false);
        numbering.extend(7, 2, false);
        assert_eq!(numbering.spans(), [span(0, 2, 3), span(7, 8, 2)]);
        assert_eq!(numbering.spans_of(1..4), [span(1, 2, 2), span(7, 7, 1)]);
        assert_eq!(numbering.len(), 5);
        numbering.truncate(4);
        assert_eq!(numbering.spans(), [span(0, 2, 3), span(7, 7, 1)]);
        numbering.extend(8, 1, true);
        assert_eq!(numbering.spans_of(2..5), [span(2, 2, 1), span(7, 8, 2)]);
    }
}
