//! Records to two sinks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Record, Sink, SinkError, UserKey};

/// How often the second sink is offered a batch, unless set.
const OFFERS: u32 = 3;

/// Stores records in a first sink, and in a second one as well as that can.
///
/// The first decides: what it refuses the second never sees, and what it has stored is not offered to it again. A batch that
/// the second refuses is offered to it again, up to three times unless set, and then skipped there and counted, so that one
/// that is away keeps nothing from the first for long. The key for people is the first one's.
///
/// Tees can be in tees, for more than two.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{MemorySink, Metric, Record, Sink, TeeSink};
///
/// let (store, copy) = (MemorySink::new(), MemorySink::new());
/// let mut tee = TeeSink::new(store.clone(), copy.clone());
/// tee.write(&[Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 3))])?;
/// assert_eq!((store.records().len(), copy.records()), (1, store.records()));
/// assert_eq!(tee.stats().skipped(), 0);
/// # Ok::<(), agent_telemetry::SinkError>(())
/// ```
#[derive(Debug)]
pub struct TeeSink<A, B> {
    first: A,
    second: B,
    offers: u32,
    refused: Option<Refused>,
    stats: TeeStats,
}

/// A batch that the first sink has, and the second not yet.
#[derive(Debug)]
struct Refused {
    batch: Vec<Record>,
    times: u32,
}

/// Reads what a [`TeeSink`] skipped that somebody else has. Clones read the same count.
///
/// ```
/// use agent_telemetry::{MemorySink, TeeSink};
///
/// let stats = TeeSink::new(MemorySink::new(), MemorySink::new()).stats();
/// assert_eq!(stats.skipped(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct TeeStats(Arc<AtomicU64>);

impl TeeStats {
    /// Records that the first sink has and the second never took.
    pub fn skipped(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<A, B> TeeSink<A, B> {
    /// Stores in `first`, and then in `second`.
    pub fn new(first: A, second: B) -> Self {
        Self {
            first,
            second,
            offers: OFFERS,
            refused: None,
            stats: TeeStats::default(),
        }
    }

    /// Sets how often the second sink is offered a batch before it is skipped there; 3 unless set, and once at the least.
    #[must_use]
    pub const fn offers(mut self, offers: u32) -> Self {
        self.offers = offers;
        self
    }

    /// What the second sink missed, to be read while a recorder has both.
    pub fn stats(&self) -> TeeStats {
        self.stats.clone()
    }

    fn skip(&mut self) {
        if let Some(refused) = self.refused.take() {
            let records = refused.batch.len() as u64;
            self.stats.0.fetch_add(records, Ordering::Relaxed);
        }
    }
}

impl<A: Sink, B: Sink> Sink for TeeSink<A, B> {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        let is_again = self.refused.as_ref().is_some_and(|it| it.batch == batch);
        if !is_again {
            // The one before is not offered any more.
            self.skip();
            self.first.write(batch)?;
        }
        let Err(error) = self.second.write(batch) else {
            self.refused = None;
            return Ok(());
        };
        let refused = self.refused.get_or_insert_with(|| Refused {
            batch: batch.to_vec(),
            times: 0,
        });
        refused.times = refused.times.saturating_add(1);
        if refused.times < self.offers {
            return Err(error);
        }
        tracing::warn!(
            target: "agent_telemetry",
            error = &error as &dyn std::error::Error,
            records = batch.len(),
            "the second sink of a tee missed a batch"
        );
        self.skip();
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.first.user_key()
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;
    use crate::{MemorySink, Metric};

    /// Refuses so many times.
    struct Moody(u32, MemorySink);

    impl Sink for Moody {
        fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
            match self.0.checked_sub(1) {
                Some(left) => {
                    self.0 = left;
                    Err(SinkError::new("not now"))
                }
                None => self.1.write(batch),
            }
        }
    }

    fn batch(number: u32) -> [Record; 2] {
        let record = |name| Record::new(Timestamp::UNIX_EPOCH, Metric::count(name, number));
        [record("a"), record("b")]
    }

    #[test]
    fn nothing_reaches_the_second_that_the_first_refuses() {
        let (first, second) = (MemorySink::new(), MemorySink::new());
        let mut tee = TeeSink::new(Moody(1, first.clone()), second.clone());
        assert!(tee.write(&batch(1)).is_err());
        assert!(second.records().is_empty());
        assert!(tee.write(&batch(1)).is_ok());
        assert_eq!(
            (first.records(), second.records()),
            (batch(1).into(), batch(1).into())
        );
    }

    #[test]
    fn batch_that_is_offered_again_is_not_stored_twice() {
        let (first, second) = (MemorySink::new(), MemorySink::new());
        let mut tee = TeeSink::new(first.clone(), Moody(2, second.clone()));
        assert!(tee.write(&batch(1)).is_err());
        assert!(tee.write(&batch(1)).is_err());
        assert!(tee.write(&batch(1)).is_ok());
        assert_eq!(
            (first.records(), second.records()),
            (batch(1).into(), batch(1).into())
        );
        assert_eq!(tee.stats().skipped(), 0);
    }

    #[test]
    fn second_that_stays_away_is_skipped_and_counted() {
        let (first, second) = (MemorySink::new(), MemorySink::new());
        let mut tee = TeeSink::new(first.clone(), Moody(4, second.clone())).offers(2);
        let stats = tee.stats();
        for number in [1, 2] {
            assert!(tee.write(&batch(number)).is_err());
            assert!(tee.write(&batch(number)).is_ok());
        }
        assert!(tee.write(&batch(3)).is_ok());
        assert_eq!(first.records(), [batch(1), batch(2), batch(3)].concat());
        assert_eq!(second.records(), batch(3));
        assert_eq!(stats.skipped(), 4);
    }

    #[test]
    fn batch_that_is_given_up_is_counted_with_the_next_one() {
        let (first, second) = (MemorySink::new(), MemorySink::new());
        let mut tee = TeeSink::new(first.clone(), Moody(1, second.clone()));
        assert!(tee.write(&batch(1)).is_err());
        assert!(tee.write(&batch(2)).is_ok());
        assert_eq!(first.records(), [batch(1), batch(2)].concat());
        assert_eq!(second.records(), batch(2));
        assert_eq!(tee.stats().skipped(), 2);
    }
}
