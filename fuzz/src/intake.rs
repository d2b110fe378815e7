//! A processor that is kept from input to input, and what must hold of its figures.

use std::cell::RefCell;
use std::time::Duration;

use agent_primitives::ManualClock;
use agent_telemetry::otlp::{Encoding, Figures, Processor, Signal};
use agent_telemetry::{MemorySink, Telemetry};

use crate::Input;

const SERIES: usize = 16;
const SESSIONS: usize = 16;
const ITEMS: usize = 256;
/// Records that are kept.
const RECORDS: usize = 256;
/// Inputs after which another processor goes on with what this one stored.
const LIFE: u32 = 256;
/// Lives after which nothing is stored.
const LIVES: u32 = 8;
/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a request carries, and whether all is recorded after it.
const CHOICES: [(Signal, bool); 6] = [
    (Signal::Metrics, false),
    (Signal::Logs, false),
    (Signal::Traces, false),
    (Signal::Metrics, true),
    (Signal::Logs, true),
    (Signal::Traces, true),
];

thread_local! {
    static HOST: RefCell<Host> = RefCell::new(Host::new());
}

/// Feeds one input to the processor of this thread, twice.
///
/// # Panics
/// When figures do not agree with what was fed.
pub fn feed(encoding: Encoding, data: &[u8]) {
    let mut input = Input::new(data);
    let (signal, is_flushed) = input.pick(&CHOICES);
    HOST.with_borrow_mut(|host| {
        host.next_life();
        host.feed(signal, encoding, input.rest());
        if is_flushed {
            assert!(host.processor.flush(PATIENCE), "records wait for ever");
        }
    });
}

struct Host {
    sink: MemorySink,
    processor: Processor,
    inputs: u32,
    lives: u32,
}

impl Host {
    fn new() -> Self {
        let sink = MemorySink::with_capacity(RECORDS);
        Self {
            processor: start(&sink),
            sink,
            inputs: 0,
            lives: 0,
        }
    }

    fn next_life(&mut self) {
        self.inputs += 1;
        if self.inputs < LIFE {
            return;
        }
        assert!(self.processor.flush(PATIENCE), "records wait for ever");
        self.inputs = 0;
        self.lives += 1;
        if self.lives == LIVES {
            *self = Self::new();
        } else {
            self.processor = start(&self.sink);
        }
    }

    fn feed(&self, signal: Signal, encoding: Encoding, body: &[u8]) {
        let before = self.processor.figures();
        let first = self.processor.ingest(signal, encoding, body);
        let after = self.processor.figures();
        match &first {
            Ok(accepted) => {
                check_taken(signal, &before, &after);
                assert!(accepted.rejected <= refused(&after) - refused(&before));
                assert_eq!(accepted.rejected > 0, accepted.message.is_some());
            }
            Err(_) => check_malformed(&before, &after),
        }
        let second = self.processor.ingest(signal, encoding, body);
        assert_eq!(first.is_ok(), second.is_ok(), "one body, two verdicts");
        let again = self.processor.figures();
        if second.is_err() {
            check_malformed(&after, &again);
            return;
        }
        assert_eq!(
            total(&after) - total(&before),
            total(&again) - total(&after)
        );
        assert_eq!(again.points.added, after.points.added, "added twice");
        for (after, again) in [(after.logs, again.logs), (after.spans, again.spans)] {
            let new = again.total() - after.total();
            assert_eq!(new, again.duplicates - after.duplicates, "counted twice");
        }
    }
}

fn start(sink: &MemorySink) -> Processor {
    let telemetry = Telemetry::builder(sink.clone())
        .clock(ManualClock::default())
        .start()
        .expect("a thread");
    let builder = Processor::builder(&telemetry)
        .series(SERIES)
        .sessions(SESSIONS)
        .items_per_request(ITEMS);
    builder.start().expect("a thread")
}

const fn total(figures: &Figures) -> u64 {
    figures.points.total() + figures.logs.total() + figures.spans.total()
}

const fn refused(figures: &Figures) -> u64 {
    figures.points.invalid + figures.points.too_many_series
}

/// What is within bounds, and that no other signal is counted.
fn check_taken(signal: Signal, before: &Figures, after: &Figures) {
    assert_eq!(after.requests, before.requests + 1);
    assert_eq!(
        (after.malformed, after.put_off),
        (before.malformed, before.put_off)
    );
    assert!(after.series <= SERIES as u64, "{after:?}");
    assert!(total(after) - total(before) <= ITEMS as u64, "{after:?}");
    let points = &after.points;
    let known = points.total() - points.too_many_series;
    assert!(points.unknown_names <= known, "{after:?}");
    assert!(points.resets_without_start <= known && points.second_writers <= known);
    for items in [&after.logs, &after.spans] {
        assert!(items.incomplete <= items.known && items.without_session <= items.known);
    }
    for (own, before, after) in [
        (Signal::Metrics, before.points.total(), after.points.total()),
        (Signal::Logs, before.logs.total(), after.logs.total()),
        (Signal::Traces, before.spans.total(), after.spans.total()),
    ] {
        assert!(
            own == signal || before == after,
            "{signal:?} changes {own:?}"
        );
    }
}

/// It is counted, and changes nothing else. Windows end whenever they do.
fn check_malformed(before: &Figures, after: &Figures) {
    let mut expected = before.clone();
    expected.requests += 1;
    expected.malformed += 1;
    expected.records = after.records;
    expected.marks_refused = after.marks_refused;
    assert_eq!(&expected, after);
}
