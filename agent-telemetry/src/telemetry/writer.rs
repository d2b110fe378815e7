//! The thread that hands records to the sink.

use std::time::Duration;

use super::context::Contexts;
use super::queue::Queue;
use super::resolve::{Merge, Resolver};
use super::shard::Lists;
use crate::{Record, Sink};

/// Most records in one write: a batch of this size takes SQLite some milliseconds, so that a flush
/// sees progress.
const BATCH: usize = 4_096;
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Tells the queue that the writer is gone, also when the sink panics.
struct Finish<'a>(&'a Queue);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Runs until the queue is closed and empty.
pub(super) fn run(queue: &Queue, contexts: &Contexts, mut resolver: Resolver, sink: impl Sink) {
    queue.enter_writer();
    let _finish = Finish(queue);
    // Behind the guard, so that the sink is dropped, and with it closed, before the end is told.
    let mut sink = sink;
    let mut lists: [Lists; Queue::SHARDS] = std::array::from_fn(|_| Lists::default());
    let mut retired = Vec::new();
    let mut chunk = Vec::new();
    while let Some(taken) = queue.take(&mut lists, || contexts.take_retired(&mut retired)) {
        let mut left = taken.records;
        let mut merge = Merge::new(&mut lists);
        while left > 0 {
            chunk.clear();
            let records = merge.fill(&mut chunk, BATCH, &mut resolver);
            if records == 0 || !store(queue, &mut sink, &chunk, records) {
                queue.abandon(left);
                break;
            }
            left -= records;
        }
        drop(merge);
        resolver.forget();
        contexts.remove(&mut retired);
        for list in &mut lists {
            list.clear();
        }
        queue.settle(&taken);
    }
}

/// Offers the chunk until the sink takes it; `false` when it refused and there is no later.
fn store(queue: &Queue, sink: &mut impl Sink, chunk: &[Record], records: usize) -> bool {
    let mut failures = 0;
    loop {
        queue.begin_write();
        let Err(error) = sink.write(chunk) else {
            queue.wrote(records);
            return true;
        };
        failures += 1;
        tracing::warn!(
            target: "agent_telemetry",
            error = &error as &dyn std::error::Error,
            failures,
            "telemetry sink refused a batch"
        );
        if !queue.failed(error, retry_delay(failures)) {
            return false;
        }
    }
}

/// Doubles from 20 ms to 2 s.
fn retry_delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_DELAY * 2_u32.pow(doublings)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delay_doubles_up_to_two_seconds() {
        let delays = [1, 2, 3, 7, 8, u32::MAX].map(|failures| retry_delay(failures).as_millis());
        assert_eq!(delays, [20, 40, 80, 1_280, 2_000, 2_000]);
    }
}
