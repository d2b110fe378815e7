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
    /// Of all items, those before the first position included.
    spans: Vec<Span>,
    len: usize,
    /// How many items stand before the first position: in the log, and not in memory.
    skipped: usize,
    /// The number of the item at the first position, where items stand before it.
    boundary: u64,
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

    /// Forgets all but the first `len` items, and those before them.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        let kept = self.skipped + len;
        let last = match len.checked_sub(1) {
            Some(position) => self.number(position),
            None => self.boundary.checked_sub(1),
        };
        let mut start = 0;
        let mut spans = Vec::new();
        for span in &self.spans {
            let end = start + narrow(span.count);
            match last {
                _ if start >= kept => break,
                Some(last) if end > kept => spans.push(Span {
                    last,
                    count: wide(kept - start),
                    ..*span
                }),
                _ => spans.push(*span),
            }
            start = end;
        }
        self.spans = spans;
        self.runs.retain(|run| run.position < len);
        self.len = len;
    }

    /// Says that the items here are the last of those in `spans`; `skipped` stand before them. `None` where
    /// there are not so many.
    pub(crate) fn precede(&mut self, spans: Vec<Span>, skipped: usize) -> Option<()> {
        let count = spans
            .iter()
            .fold(0_u64, |sum, span| sum.saturating_add(span.count));
        if count != wide(skipped).saturating_add(wide(self.len)) {
            return None;
        }
        self.spans = spans;
        self.skipped = skipped;
        self.boundary = self.runs.first().map_or(0, |run| run.first);
        Some(())
    }

    /// Leaves the first `count` items out of memory.
    pub(crate) fn skip(&mut self, count: usize) {
        let count = count.min(self.len);
        self.boundary = self.number(count).unwrap_or(0);
        let mut runs = Vec::new();
        for (at, run) in self.runs.iter().enumerate() {
            let end = self.runs.get(at + 1).map_or(self.len, |next| next.position);
            if end > count {
                let gone = count.saturating_sub(run.position);
                runs.push(Run {
                    position: run.position + gone - count,
                    first: run.first.saturating_add(wide(gone)),
                });
            }
        }
        self.runs = runs;
        self.len -= count;
        self.skipped += count;
    }

    /// How many items stand before the first position.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }

    /// The number of the first item that is here or would be, where items stand before it.
    pub(crate) fn boundary(&self) -> u64 {
        self.boundary
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
            // Positions of the span, those before the first one left out.
            let here = start.saturating_sub(self.skipped)..end.saturating_sub(self.skipped);
            let (from, to) = (positions.start.max(here.start), positions.end.min(here.end));
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
    fn items_that_are_not_in_memory_stay_in_the_ranges() {
        let whole = [span(0, 9, 8), span(20, 29, 10)];
        let mut numbering = Numbering::default();
        numbering.extend(26, 4, false);
        assert_eq!(numbering.precede(whole.to_vec(), 13), None, "one too few");
        numbering.precede(whole.to_vec(), 14).unwrap();
        assert_eq!((numbering.len(), numbering.skipped()), (4, 14));
        assert_eq!(numbering.spans_of(0..2), [span(26, 27, 2)]);
        numbering.extend(31, 2, true);
        assert_eq!(numbering.spans(), [span(0, 9, 8), span(20, 32, 12)]);
        assert_eq!(numbering.spans_of(3..6), [span(29, 32, 3)]);
        numbering.truncate(5);
        assert_eq!(numbering.spans(), [span(0, 9, 8), span(20, 31, 11)]);
        numbering.truncate(0);
        assert_eq!(numbering.spans(), [span(0, 9, 8), span(20, 25, 6)]);
        assert_eq!((numbering.len(), numbering.skipped()), (0, 14));
    }

    #[test]
    fn items_can_be_left_out_of_memory_later() {
        let mut numbering = Numbering::default();
        numbering.extend(0, 3, false);
        numbering.extend(5, 3, true);
        numbering.extend(9, 2, false);
        numbering.skip(4);
        assert_eq!((numbering.len(), numbering.skipped()), (4, 4));
        assert_eq!(numbering.spans(), [span(0, 7, 6), span(9, 10, 2)]);
        assert_eq!(numbering.spans_of(0..3), [span(6, 7, 2), span(9, 9, 1)]);
        numbering.truncate(0);
        assert_eq!(numbering.spans(), [span(0, 5, 4)]);
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
