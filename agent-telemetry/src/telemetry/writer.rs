//! The thread that hands records to the sink.

use std::time::Duration;

use super::context::Contexts;
use super::queue::{Queue, Taken};
use super::resolve::{Merge, Resolver};
use super::shard::Lists;
use super::tap::{self, Batch, Tap};
use crate::{Record, Sink};

/// Most records in one write: a batch of this size takes SQLite some milliseconds, so that a flush
/// sees progress.
const BATCH: usize = 4_096;
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Tells the queue and those who watch that the writer is gone, also when the sink panics.
struct Finish<'a>(&'a Queue, &'a Tap);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.1.end();
        self.0.finish();
    }
}

/// Runs until the queue is closed and empty.
pub(super) fn run(
    queue: &Queue,
    contexts: &Contexts,
    tap: &Tap,
    mut resolver: Resolver,
    sink: impl Sink,
) {
    queue.enter_writer();
    let _finish = Finish(queue, tap);
    // Behind the guard, so that the sink is dropped, and with it closed, before the end is told.
    let mut sink = sink;
    let mut lists: [Lists; Queue::SHARDS] = std::array::from_fn(|_| Lists::default());
    let mut retired = Vec::new();
    let mut chunk = Vec::new();
    while queue.await_work() {
        contexts.take_retired(&mut retired);
        let taken = match tap.take(&mut lists, &mut chunk) {
            Some(Batch::Lists(taken)) => {
                let merge = Merge::new(&mut lists);
                store_merged(queue, &mut sink, merge, &mut resolver, &mut chunk, taken);
                taken
            }
            Some(Batch::Whole(taken)) => {
                store_whole(queue, &mut sink, &chunk, taken);
                taken
            }
            None => return,
        };
        tap::clear(&mut chunk);
        resolver.forget();
        contexts.remove(&mut retired);
        for list in &mut lists {
            list.clear();
        }
        queue.settle(&taken);
    }
}

/// Makes whole records, a chunk at a time.
fn store_merged(
    queue: &Queue,
    sink: &mut impl Sink,
    mut merge: Merge<'_>,
    resolver: &mut Resolver,
    chunk: &mut Vec<Record>,
    taken: Taken,
) {
    let mut left = taken.records;
    while left > 0 {
        chunk.clear();
        let records = merge.fill(chunk, BATCH, resolver);
        if records == 0 || !store(queue, sink, chunk, records) {
            queue.abandon(left);
            break;
        }
        left -= records;
    }
}

/// Stores what was made ahead of the writer.
fn store_whole(queue: &Queue, sink: &mut impl Sink, records: &[Record], taken: Taken) {
    let mut left = taken.records;
    // Those without a context, of which there cannot be any, count with the first chunk.
    let mut missing = left.saturating_sub(records.len());
    for chunk in records.chunks(BATCH) {
        let count = chunk.len() + std::mem::take(&mut missing);
        if !store(queue, sink, chunk, count) {
            queue.abandon(left);
            return;
        }
        left = left.saturating_sub(count);
    }
    queue.wrote(left);
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
