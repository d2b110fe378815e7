//! Of many marks the newest of each key.

use std::collections::{BTreeMap, HashMap};

use super::Mark;
#[cfg(any(feature = "sqlite", feature = "postgres", test))]
use super::Record;

/// Most marks that a store keeps.
pub(crate) const MARKS: usize = 262_144;

/// Those of a batch, in the order of their keys.
#[cfg(any(feature = "sqlite", feature = "postgres", test))]
pub(crate) fn newest_marks(batch: &[Record]) -> Vec<&Mark> {
    // Without marks, which is as a rule, nothing is allocated.
    let marks = batch.iter().flat_map(Record::marks);
    let newest: BTreeMap<u128, &Mark> = marks.map(|mark| (mark.key(), mark)).collect();
    newest.into_values().collect()
}

/// Those of a history, up to a bound: those that were not told of for longest are forgotten first.
#[derive(Debug)]
pub(crate) struct NewestMarks {
    by_key: HashMap<u128, (u64, Mark)>,
    by_age: BTreeMap<u64, u128>,
    next: u64,
    most: usize,
}

impl Default for NewestMarks {
    fn default() -> Self {
        Self::up_to(MARKS)
    }
}

impl NewestMarks {
    fn up_to(most: usize) -> Self {
        Self {
            by_key: HashMap::new(),
            by_age: BTreeMap::new(),
            next: 0,
            most,
        }
    }

    pub(crate) fn add(&mut self, mark: Mark) {
        let (key, age) = (mark.key(), self.next);
        self.next = self.next.saturating_add(1);
        if let Some((earlier, _)) = self.by_key.insert(key, (age, mark)) {
            self.by_age.remove(&earlier);
        }
        self.by_age.insert(age, key);
        if self.by_age.len() > self.most
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_key.remove(&oldest);
        }
    }

    /// The oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mark> {
        let by_age = self.by_age.values();
        by_age.filter_map(|key| self.by_key.get(key).map(|(_, mark)| mark))
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;
    use crate::Metric;

    fn mark(key: u128, state: u8) -> Mark {
        Mark::new(key, [state]).unwrap()
    }

    #[test]
    fn newest_of_a_key_stays_and_the_oldest_key_goes_first() {
        let mut newest = NewestMarks::up_to(3);
        for (key, state) in [(1, 1), (2, 1), (3, 1), (1, 2), (4, 1)] {
            newest.add(mark(key, state));
        }
        let found: Vec<Mark> = newest.iter().cloned().collect();
        assert_eq!(found, [mark(3, 1), mark(1, 2), mark(4, 1)]);
        assert_eq!((newest.by_key.len(), newest.by_age.len()), (3, 3));
    }

    #[test]
    fn of_a_batch_the_last_of_each_key_counts() {
        let record = |marks: Vec<Mark>| {
            let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", 1));
            record.with_marks(marks).unwrap()
        };
        let batch = [
            record(vec![mark(9, 1), mark(1, 1)]),
            record(vec![]),
            record(vec![mark(1, 2), mark(1, 3)]),
        ];
        assert_eq!(newest_marks(&batch), [&mark(1, 3), &mark(9, 1)]);
        assert!(newest_marks(&batch[1..2]).is_empty());
    }
}
