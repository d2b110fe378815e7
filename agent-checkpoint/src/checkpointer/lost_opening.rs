//! How many of a session's first messages were made for it, where some of them are lost.

use serde_json::Value;

use crate::Work;
use crate::handoff::{self, Inherited};
use crate::log::numbering::{narrow, wide};
use crate::log::salvage::Part;

/// Counts the opening of a session anew while its history is put together: a mark stands for one message or more.
///
/// Where several marks stand in one span it is not known how many messages each stands for. Then it counts too few:
/// a message that was made for the session is taken for one that was said, and none the other way.
#[derive(Debug)]
pub(super) struct LostOpening {
    was: usize,
    /// Of messages as they were, at most so many stood before.
    passed: usize,
    /// What is left of the opening, a mark counting as one.
    left: usize,
}

impl LostOpening {
    pub(super) fn of(work: &Work) -> Self {
        Self {
            was: Inherited::of(work).map_or(0, |given| narrow(given.opening)),
            passed: 0,
            left: 0,
        }
    }

    /// Goes on with the parts of the next span, of which so many messages are lost.
    pub(super) fn pass(&mut self, parts: &[Part], lost: usize) {
        let gaps = parts.iter().filter(|part| matches!(part, Part::Gap(_)));
        let most = lost.saturating_sub(gaps.count().saturating_sub(1)).max(1);
        for part in parts {
            let opening = self.was.saturating_sub(self.passed);
            let (were, are) = match part {
                Part::Items(items) => (items.len(), items.len()),
                Part::Gap(_) => (most, 1),
            };
            self.left = self.left.saturating_add(are.min(opening));
            self.passed = self.passed.saturating_add(were);
        }
    }

    /// Says so in the state.
    pub(super) fn tell(&self, work: &mut Work) {
        if self.left < self.was
            && let Some(Value::Object(given)) = work.extra.get_mut(handoff::NAME)
        {
            given.insert("opening".to_owned(), wide(self.left).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(was: usize, spans: &[(&[Part], usize)]) -> usize {
        let mut opening = LostOpening {
            was,
            passed: 0,
            left: 0,
        };
        for (parts, lost) in spans {
            opening.pass(parts, *lost);
        }
        opening.left
    }

    #[test]
    fn a_mark_counts_as_one_of_the_messages_that_it_stands_for() {
        let whole = Part::Items(0..9);
        let gap = Part::Gap(3..8);
        assert_eq!(left(5, &[(std::slice::from_ref(&whole), 0)]), 5);
        assert_eq!(left(0, &[(&[gap.clone(), whole.clone()], 5)]), 0);
        assert_eq!(left(5, &[(&[gap.clone(), whole.clone()], 5)]), 1);
        assert_eq!(left(5, &[(&[gap.clone(), whole.clone()], 9)]), 1);
        assert_eq!(left(5, &[(&[gap.clone(), whole.clone()], 2)]), 4);
        let behind = [Part::Items(0..5), gap.clone(), whole.clone()];
        assert_eq!(left(5, &[(&behind, 3)]), 5);
        let within = [Part::Items(0..2), gap.clone(), Part::Items(2..9)];
        assert_eq!(left(5, &[(&within, 2)]), 4);
        let spans: [(&[Part], usize); 2] = [
            (std::slice::from_ref(&gap), 2),
            (std::slice::from_ref(&whole), 0),
        ];
        assert_eq!(left(5, &spans), 4);
        let unknown = [gap.clone(), Part::Items(0..1), gap, whole];
        assert_eq!(left(5, &[(&unknown, 4)]), 3, "never too many");
    }
}
