//! The thread that hands records to the sink.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::Sink;

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
pub(super) fn run(queue: &Arc<Queue>, sink: impl Sink) {
    queue.enter_writer();
    let _finish = Finish(queue);
    // Behind the guard, so that the sink is dropped, and with it closed, before the end is told.
    let mut sink = sink;
    let mut batch = Vec::new();
    while queue.take(&mut batch) {
        let mut rest = batch.as_slice();
        let mut failures = 0;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(rest.len().min(BATCH));
            queue.begin_write();
            match sink.write(chunk) {
                Ok(()) => {
                    queue.wrote(chunk.len());
                    rest = later;
                    failures = 0;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        target: "agent_telemetry",
                        error = &error as &dyn std::error::Error,
                        failures,
                        "telemetry sink refused a batch"
                    );
                    if !queue.failed(error, retry_delay(failures)) {
                        queue.abandon();
                        break;
                    }
                }
            }
        }
        batch.clear();
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
