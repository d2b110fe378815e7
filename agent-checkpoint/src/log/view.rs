//! The part of a conversation that a model is sent.

use std::ops::Range;

/// A part of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Messages of the history, by position.
    History(Range<usize>),
    /// A message that stands only in the context, such as a summary.
    Note(usize),
}

/// Appends history to a context; joins what is contiguous.
pub(crate) fn push_history(pieces: &mut Vec<Piece>, range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::History(last)) if last.end == range.start => last.end = range.end,
        _ => pieces.push(Piece::History(range)),
    }
}

/// The pieces at the positions `kept`, ascending and apart, of the context that `pieces` is.
pub(crate) fn pick(pieces: &[Piece], kept: &[Range<usize>]) -> Vec<Piece> {
    let mut picked = Vec::new();
    let mut start = 0;
    let mut next = 0;
    for piece in pieces {
        let len = match piece {
            Piece::History(range) => range.len(),
            Piece::Note(_) => 1,
        };
        while let Some(keep) = kept.get(next) {
            let (from, to) = (keep.start.max(start), keep.end.min(start + len));
            if from < to {
                match piece {
                    Piece::History(range) => push_history(
                        &mut picked,
                        range.start + (from - start)..range.start + (to - start),
                    ),
                    Piece::Note(note) => picked.push(Piece::Note(*note)),
                }
            }
            // The rest of it may be in the next piece.
            if keep.end > start + len {
                break;
            }
            next += 1;
        }
        start += len;
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picking_from_a_picked_context_refers_to_the_history() {
        let whole = [Piece::History(0..10)];
        let once = pick(&whole, &[0..2, 6..10]);
        assert_eq!(once, [Piece::History(0..2), Piece::History(6..10)]);
        let with_note = [Piece::History(0..2), Piece::Note(0), Piece::History(6..10)];
        assert_eq!(
            pick(&with_note, &[0..1, 2..4]),
            [Piece::History(0..1), Piece::Note(0), Piece::History(6..7)]
        );
    }

    #[test]
    fn contiguous_history_is_one_piece() {
        let mut pieces = vec![Piece::History(0..2)];
        push_history(&mut pieces, 2..5);
        push_history(&mut pieces, 5..5);
        push_history(&mut pieces, 7..8);
        assert_eq!(pieces, [Piece::History(0..5), Piece::History(7..8)]);
    }
}
