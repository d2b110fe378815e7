//! Numbers that a sender gives its events, so that those that are missing are known.

use super::field::fields;

/// Processes that write under one session at the same time, or one after another.
const WRITERS: usize = 4;
/// Gaps of one writer that may still be filled. Of more, the oldest is given up: it stays missing.
const GAPS: usize = 32;

/// The numbers of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Writer {
    next: u64,
    /// First and behind the last of what did not come yet.
    gaps: Vec<(u64, u64)>,
}

/// The numbers of a session's events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sequences {
    writers: Vec<Writer>,
    /// In gaps that are not looked at any more.
    lost: u64,
    pub(super) repeated: u64,
}

fields!(Writer { next, gaps });
fields!(Sequences {
    writers,
    lost,
    repeated
});

impl Sequences {
    /// Whether a stored state is one that could come about.
    pub(super) fn is_sound(&self) -> bool {
        let within = |it: &Writer| {
            let bounds = it.gaps.iter().all(|(from, to)| from < to && *to <= it.next);
            bounds && it.gaps.len() <= GAPS
        };
        self.writers.len() <= WRITERS && self.writers.iter().all(within)
    }

    /// Events that did not come.
    pub(super) fn missing(&self) -> u64 {
        let gaps = self.writers.iter().flat_map(|it| &it.gaps);
        gaps.fold(self.lost, |sum, (from, to)| sum.saturating_add(to - from))
    }

    pub(super) fn see(&mut self, number: u64) {
        let after = number.saturating_add(1);
        if let Some(writer) = self.writers.iter_mut().find(|it| it.next == number) {
            writer.next = after;
        } else if self.writers.iter_mut().any(|it| it.fill(number)) {
            // A late one.
        } else if number == 0 || self.writers.is_empty() {
            // A process starts at 0; of one that was at work before us, nothing is known of what came before.
            self.begin(after);
        } else {
            let behind = self.writers.iter_mut().filter(|it| it.next < number);
            if let Some(writer) = behind.max_by_key(|it| it.next) {
                writer.gaps.push((writer.next, number));
                writer.next = after;
            } else {
                self.repeated = self.repeated.saturating_add(1);
            }
        }
        for writer in &mut self.writers {
            // A number in the middle of a gap makes two of it.
            while writer.gaps.len() > GAPS {
                let (from, to) = writer.gaps.remove(0);
                self.lost = self.lost.saturating_add(to - from);
            }
        }
    }

    fn begin(&mut self, next: u64) {
        if self.writers.len() == WRITERS {
            let oldest = self.writers.remove(0);
            let lost = oldest.gaps.iter().map(|(from, to)| to - from);
            self.lost = lost.fold(self.lost, u64::saturating_add);
        }
        self.writers.push(Writer {
            next,
            gaps: Vec::new(),
        });
    }
}

impl Writer {
    fn fill(&mut self, number: u64) -> bool {
        let holds = |(from, to): &(u64, u64)| (*from..*to).contains(&number);
        let Some(place) = self.gaps.iter().position(holds) else {
            return false;
        };
        let (from, to) = self.gaps.remove(place);
        for part in [(number + 1, to), (from, number)] {
            if part.0 < part.1 {
                self.gaps.insert(place, part);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u64>) -> (u64, u64) {
        let mut sequences = Sequences::default();
        for number in numbers {
            sequences.see(number);
        }
        (sequences.missing(), sequences.repeated)
    }

    #[test]
    fn what_did_not_come_is_missing_until_it_comes() {
        assert_eq!(of(0..100), (0, 0));
        assert_eq!(of([0, 1, 5, 6]), (3, 0));
        assert_eq!(of([0, 1, 5, 6, 3]), (2, 0));
        assert_eq!(of([0, 1, 5, 3, 2, 4, 6]), (0, 0));
        // What came before us is not known to be missing.
        assert_eq!(of([70, 71]), (0, 0));
        assert_eq!(of([0, u64::MAX]), (u64::MAX - 1, 0));
    }

    #[test]
    fn a_number_that_came_before_is_repeated() {
        assert_eq!(of([0, 1, 2, 1, 1]), (0, 2));
    }

    #[test]
    fn state_that_cannot_come_about_is_not_sound() {
        let of = |gaps: &[(u64, u64)], writers| Sequences {
            writers: vec![
                Writer {
                    next: 9,
                    gaps: gaps.to_vec(),
                };
                writers
            ],
            ..Sequences::default()
        };
        assert!(of(&[(1, 3), (4, 9)], WRITERS).is_sound());
        assert!(!of(&[], WRITERS + 1).is_sound());
        assert!(!of(&[(3, 3)], 1).is_sound());
        assert!(!of(&[(3, 1)], 1).is_sound());
        assert!(!of(&[(3, 10)], 1).is_sound());
        assert!(!of(&[(1, 2); GAPS + 1], 1).is_sound());
    }

    #[test]
    fn a_new_process_begins_at_zero_and_a_batch_sent_twice_is_no_gap() {
        assert_eq!(of([0, 1, 2, 3, 0, 1, 2]), (0, 0));
        assert_eq!(of([0, 1, 2, 3, 0, 1, 4, 5]), (0, 0));
        assert_eq!(of([0, 1, 2, 3, 0, 1, 2, 6]), (2, 0));
    }

    #[test]
    fn two_processes_at_once_have_no_gaps() {
        assert_eq!(of((0..50).flat_map(|it| [it, it])), (0, 0));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut sequences = Sequences::default();
        for number in (0..10_000).step_by(2) {
            sequences.see(number);
        }
        for _ in 0..10 {
            sequences.see(0);
        }
        assert_eq!(sequences.missing(), 4_999);
        assert!(sequences.writers.len() <= WRITERS);
        assert!(sequences.writers.iter().all(|it| it.gaps.len() <= GAPS));
        // Numbers in the middle of one gap.
        let mut sequences = Sequences::default();
        for number in [0, 100_000].into_iter().chain((2..10_000).step_by(2)) {
            sequences.see(number);
        }
        assert_eq!(sequences.missing(), 99_999 - 4_999);
        assert!(sequences.writers.iter().all(|it| it.gaps.len() <= GAPS));
    }
}
