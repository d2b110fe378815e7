//! The thread that ends windows, and hands records to the recorder in their order.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use agent_primitives::Clock;

use super::load::Load;
use super::shared::{Shared, Wanted};
use crate::{ContextUse, Record};

/// Longest time between two looks, while anything waits for time to pass.
const TICK: Duration = Duration::from_millis(250);
/// Shortest one.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longest window.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Records that are handed over after a wait before it is asked again how many there is room for.
const CHUNK: usize = 1_024;
/// How long the recorder may take for what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the thread has on its way to the store.
#[derive(Default)]
struct Hands {
    records: VecDeque<Record>,
    /// Handed over since the store was last known to have all.
    given: Load,
}

/// Works until the processor is closed and what it had is handed over.
pub(super) fn run(shared: &Shared) {
    let _ends = Ends(shared);
    let mut hands = Hands::default();
    let mut window_ends = None;
    loop {
        let (asked, wanted, closed, filled) = gather(shared, &mut window_ends, &mut hands.records);
        let mut stored = hands.give(shared);
        tell(shared, &filled);
        if stored && (wanted > Wanted::Nothing || closed) {
            stored = hands.store(shared);
        }
        let finished = closed && (hands.records.is_empty() || !stored);
        if finished {
            // What a recorder does not take that is to be closed is lost with it, and counted by it.
            for record in hands.records.drain(..) {
                shared.telemetry.record_priced(record);
            }
        }
        shared.served(asked, stored, Load::sum(&hands.records));
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
) -> (u64, Wanted, bool, Vec<ContextUse>) {
    let mut work = shared.work();
    while !work.is_urgent() {
        if records.is_empty() && !work.state.waits() {
            *window_ends = None;
            work = shared.sleep(work, None);
        } else {
            let tick = shared.window.clamp(SHORTEST, TICK);
            work = shared.sleep(work, Some(tick));
            break;
        }
    }
    let now = shared.telemetry.clock().timestamp();
    let (asked, wanted) = work.begin();
    // As others may close it in between, which is then for the next round.
    let closed = work.closed;
    let began = Instant::now();
    let window = shared.window.min(LONGEST);
    let end = *window_ends.get_or_insert_with(|| began + window);
    let all = closed || wanted == Wanted::All;
    let stored = wanted == Wanted::Stored;
    let ends = began >= end;
    if all || stored || ends {
        work.state.end_window(now);
        while work.state.tell(now) {
            work = shared.pass(work);
        }
    }
    if all {
        work.state.finish(now);
    } else if stored {
        work.state.record_held();
    } else {
        work.state.settle(now);
    }
    if ends {
        *window_ends = None;
    }
    work.in_hand = work.in_hand.and(work.state.load());
    let (more, filled) = work.state.take();
    records.extend(more);
    drop(work);
    (asked, wanted, closed, filled)
}

/// A panic in an observer is its own, and stops neither those after it nor the thread.
fn tell(shared: &Shared, filled: &[ContextUse]) {
    for context in filled {
        let Some((stamp, event)) = context.event() else {
            continue;
        };
        let told = catch_unwind(AssertUnwindSafe(|| shared.observer.observe(stamp, &event)));
        if told.is_err() {
            shared.work().state.figures.observer_panics += 1;
        }
    }
}

/// Whoever waits for the thread is told when it ends, however it does.
struct Ends<'s>(&'s Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Hands {
    /// Hands over as many records as the recorder has room for, and keeps the others. Whether it took all.
    fn give(&mut self, shared: &Shared) -> bool {
        let mut room = shared.telemetry.room();
        while let Some(record) = self.records.pop_front() {
            let load = Load::of(&record);
            let refused = if room > 0 && !self.given.is_full(shared.waiting_bytes) {
                room -= 1;
                shared.telemetry.offer_priced(record)
            } else {
                Some(record)
            };
            let Some(record) = refused else {
                self.given = self.given.and(load);
                continue;
            };
            self.records.push_front(record);
            if !self.store(shared) {
                return false;
            }
            // Others may be faster again; one place is its own then, if it has any.
            room = shared.telemetry.room().clamp(1, CHUNK);
        }
        true
    }

    /// Waits until the store has what was handed over; whether it has.
    fn store(&mut self, shared: &Shared) -> bool {
        let stored = shared.telemetry.flush(PATIENCE).is_ok();
        if stored {
            self.given = Load::default();
        }
        stored
    }
}
