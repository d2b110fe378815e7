//! Records into a report, one after another.

use std::borrow::Borrow;

use crate::Record;

/// What is known after some records, and the report that comes of it.
pub(super) trait Folded: Sized {
    type Report;

    fn add(&mut self, record: &Record);

    fn finish(self) -> Self::Report;

    /// The report on all of these, in the order of recording.
    fn of(mut self, records: impl IntoIterator<Item = impl Borrow<Record>>) -> Self::Report {
        for record in records {
            self.add(record.borrow());
        }
        self.finish()
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    fn try_of<E>(
        mut self,
        records: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self::Report, E> {
        for record in records {
            self.add(&record?);
        }
        Ok(self.finish())
    }
}
