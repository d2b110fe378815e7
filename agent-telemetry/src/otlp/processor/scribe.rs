//! The thread that ends windows, and hands records to the recorder in their order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use agent_primitives::Clock;

use super::shared::{Shared, Wanted};
use crate::Record;

/// Longest time between two looks, while anything waits for time to pass.
const TICK: Duration = Duration::from_millis(250);
/// Records that are handed over before it is asked again how many there is room for.
const CHUNK: usize = 1_024;
/// How long the recorder may take for what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Works until the processor is closed and what it had is handed over.
pub(super) fn run(shared: &Shared) {
    let mut records = VecDeque::new();
    let mut window_ends = None;
    loop {
        let (asked, wanted, closed) = gather(shared, &mut window_ends, &mut records);
        let mut stored = hand_over(shared, &mut records);
        if stored && wanted > Wanted::Nothing {
            stored = shared.telemetry.flush(PATIENCE).is_ok();
        }
        // What a recorder does not take that is to be closed is lost with it, and counted by it.
        let finished = closed && (records.is_empty() || !stored);
        shared.work().in_hand = records.len();
        shared.served(asked, stored, finished);
        if finished {
            return;
        }
    }
}

/// Waits for something to do, and takes what there is to hand over.
fn gather(
    shared: &Shared,
    window_ends: &mut Option<Instant>,
    records: &mut VecDeque<Record>,
) -> (u64, Wanted, bool) {
    let mut work = shared.work();
    while !work.is_urgent() {
        if records.is_empty() && !work.state.waits() {
            *window_ends = None;
            work = shared.sleep(work, None);
        } else {
            work = shared.sleep(work, Some(TICK.min(shared.window)));
            break;
        }
    }
    let now = shared.telemetry.clock().timestamp();
    let (asked, wanted) = work.begin();
    let end = *window_ends.get_or_insert_with(|| Instant::now() + shared.window);
    if work.closed || wanted == Wanted::All {
        work.state.finish(now);
    } else if wanted == Wanted::Stored {
        work.state.tell(now);
        work.state.record_held();
    } else if Instant::now() >= end {
        *window_ends = None;
        work.state.tell(now);
        work.state.settle(now);
    } else {
        work.state.settle(now);
    }
    let (more, filled) = work.state.take();
    records.extend(more);
    work.in_hand = records.len();
    let closed = work.closed;
    drop(work);
    for context in filled {
        if let Some((stamp, event)) = context.event() {
            shared.observer.observe(stamp, &event);
        }
    }
    (asked, wanted, closed)
}

/// Hands over as many records as the recorder has room for. Whether it took all.
fn hand_over(shared: &Shared, records: &mut VecDeque<Record>) -> bool {
    while !records.is_empty() {
        let mut room = shared.telemetry.room();
        if room == 0 {
            if shared.telemetry.flush(PATIENCE).is_err() {
                return false;
            }
            room = shared.telemetry.room().max(1);
        }
        for record in records.drain(..records.len().min(room).min(CHUNK)) {
            shared.telemetry.record_priced(record);
        }
    }
    true
}
