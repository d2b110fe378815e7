//! How much waits for the recorder.

use crate::{Mark, Record};

/// Records that may wait. Senders are put off beyond.
const RECORDS: usize = 65_536;
/// Bytes that they may take with their marks, unless set.
pub(super) const BYTES: usize = 64 << 20;
/// About what a record takes beside itself, in names and ids.
const BESIDE: usize = 256;

/// Records, and about how many bytes they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    records: usize,
    bytes: usize,
}

impl Load {
    pub(super) fn of(record: &Record) -> Self {
        let marks = record.marks().iter();
        let marks: usize = marks.map(|it| it.state().len() + size_of::<Mark>()).sum();
        Self {
            records: 1,
            bytes: size_of::<Record>() + BESIDE + marks,
        }
    }

    pub(super) const fn and(self, more: Self) -> Self {
        Self {
            records: self.records + more.records,
            bytes: self.bytes + more.bytes,
        }
    }

    pub(super) fn sum<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let loads = records.into_iter().map(Self::of);
        loads.fold(Self::default(), Self::and)
    }

    /// Whether it is as much as there may be, of at most so many bytes.
    pub(super) const fn is_full(self, bytes: usize) -> bool {
        self.records >= RECORDS || self.bytes >= bytes
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use agent_primitives::Timestamp;

    use super::*;
    use crate::Metric;

    #[test]
    fn few_records_with_large_marks_fill_it() {
        let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", 1));
        let mark = Mark::new(1, vec![0; 60 << 10]).unwrap();
        let large = record.clone().with_marks(vec![mark; 16]).unwrap();
        assert!(!Load::sum(repeat_n(&record, 60_000)).is_full(BYTES));
        assert!(Load::sum(repeat_n(&record, 65_536)).is_full(BYTES));
        assert!(!Load::sum(repeat_n(&large, 60)).is_full(BYTES));
        assert!(Load::sum(repeat_n(&large, 70)).is_full(BYTES));
    }
}
