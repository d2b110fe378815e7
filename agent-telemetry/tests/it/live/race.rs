//! Readers that come and go while threads record and the recorder shuts down.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use agent_telemetry::{Live, LiveItem, MemorySink, Record, Sink, SinkError, Telemetry};

use super::{at_most, number, numbered};
use crate::story::{LONG, session_id};

const THREADS: u32 = 3;

fn thread_of(record: &Record) -> String {
    record.session.as_ref().unwrap().to_string()
}

/// Each thread's numbers follow each other. What was read of each: the first number and the last.
#[derive(Default)]
struct Seen(HashMap<String, (u32, u32)>);

impl Seen {
    fn add(&mut self, record: &Record) {
        let number = number(record).unwrap();
        let (_, last) = self
            .0
            .entry(thread_of(record))
            .and_modify(|(_, last)| *last += 1)
            .or_insert((number, number));
        assert_eq!(*last, number, "{record:?}");
    }

    fn read(live: &mut Live, until: impl Fn(&Self) -> bool) -> Self {
        let mut seen = Self::default();
        while !until(&seen) {
            match live.recv(LONG) {
                Ok(LiveItem::Record(record)) => seen.add(&record),
                Err(error) => {
                    assert!(error.is_ended(), "{error}");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        seen
    }
}

fn record(telemetry: &Telemetry, name: u32, numbers: impl Iterator<Item = u32>) {
    let id = session_id(&format!("t{name}"));
    for number in numbers {
        telemetry.record(numbered(number).of_session(id.clone()));
        if number % 64 == 0 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn readers_that_come_and_go_see_each_thread_without_a_gap_and_the_sink_sees_everything() {
    const EACH: u32 = 30_000;
    let sink = MemorySink::new();
    let telemetry = Telemetry::builder(sink.clone())
        .queue(1_000_000.try_into().unwrap())
        .window(Duration::from_millis(1))
        .start()
        .unwrap();
    let stop = AtomicBool::new(false);
    // Before anything is recorded.
    let mut live = telemetry.subscribe(at_most(1_000_000)).unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|name| {
                let telemetry = telemetry.clone();
                scope.spawn(move || record(&telemetry, name, 0..EACH))
            })
            .collect();
        for length in [1, 50, 4_000] {
            let (telemetry, stop) = (&telemetry, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut live = telemetry.subscribe(at_most(1_000_000)).unwrap();
                    // Goes while others are handed records, without a gap up to then.
                    let mut seen = Seen::default();
                    for _ in 0..length {
                        match live.recv(Duration::from_millis(1)) {
                            Ok(LiveItem::Record(record)) => seen.add(&record),
                            _ => break,
                        }
                    }
                }
            });
        }
        let steady = scope.spawn(move || {
            let is_over = |seen: &Seen| {
                seen.0.len() == THREADS as usize
                    && seen.0.values().all(|(_, last)| *last == EACH - 1)
            };
            Seen::read(&mut live, is_over)
        });
        for writer in writers {
            writer.join().unwrap();
        }
        telemetry.flush(LONG).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(steady.join().unwrap().0.len(), THREADS as usize);
    });
    let mut stored = Seen::default();
    for record in sink.records() {
        stored.add(&record);
    }
    for (first, last) in stored.0.values() {
        assert_eq!((*first, *last), (0, EACH - 1));
    }
    assert_eq!(telemetry.dropped().total(), 0);
    assert_eq!(telemetry.health().live.subscribers, 0);
}

/// Ends those who record, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_reader_sees_all_that_begins_after_it_subscribed_and_nothing_that_ended_before() {
    const ROUNDS: u32 = 200;
    let telemetry = Telemetry::builder(Nowhere)
        .queue(1_000_000.try_into().unwrap())
        .window(Duration::from_millis(1))
        .start()
        .unwrap();
    let stop = AtomicBool::new(false);
    let counts = || -> [AtomicU32; THREADS as usize] { Default::default() };
    let (begun, ended) = (counts(), counts());
    let now = |counts: &[AtomicU32]| -> Vec<u32> {
        let counts = counts.iter();
        counts.map(|it| it.load(Ordering::SeqCst)).collect()
    };
    std::thread::scope(|scope| {
        for (name, (begun, ended)) in begun.iter().zip(&ended).enumerate() {
            let (telemetry, stop) = (&telemetry, &stop);
            scope.spawn(move || {
                let id = session_id(&format!("t{name}"));
                for number in 0.. {
                    begun.store(number + 1, Ordering::SeqCst);
                    telemetry.record(numbered(number).of_session(id.clone()));
                    ended.store(number + 1, Ordering::SeqCst);
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    std::thread::yield_now();
                }
            });
        }
        let _stop = Stop(&stop);
        for round in 0..ROUNDS {
            let before = now(&ended);
            let mut live = telemetry.subscribe(at_most(1_000_000)).unwrap();
            let after = now(&begun);
            let seen = Seen::read(&mut live, |seen| seen.0.len() == THREADS as usize);
            for name in 0..THREADS {
                let (first, _) = seen.0[&format!("t{name}")];
                let place = name as usize;
                assert!(
                    (before[place]..=after[place]).contains(&first),
                    "round {round}: {first}, {before:?}, {after:?}"
                );
            }
        }
    });
    assert_eq!(telemetry.dropped().total(), 0);
}

#[test]
fn shutdown_at_any_moment_gives_readers_all_that_is_stored_and_then_the_end() {
    for round in 0..100 {
        let sink = MemorySink::new();
        let telemetry = Telemetry::builder(sink.clone())
            .window(Duration::from_micros(round % 7 * 100))
            .start()
            .unwrap();
        let mut live = telemetry.subscribe(at_most(1_000_000)).unwrap();
        let start = Barrier::new(THREADS as usize + 2);
        std::thread::scope(|scope| {
            for name in 0..THREADS {
                let (telemetry, start) = (&telemetry, &start);
                scope.spawn(move || {
                    start.wait();
                    record(telemetry, name, 0..300);
                });
            }
            let (telemetry, start) = (&telemetry, &start);
            scope.spawn(move || {
                start.wait();
                // A reader that comes while the recorder goes.
                let late = telemetry.subscribe(at_most(1_000_000)).unwrap();
                let mut seen = Seen::default();
                for item in late {
                    if let LiveItem::Record(record) = item {
                        seen.add(&record);
                    }
                }
            });
            start.wait();
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            telemetry.shutdown(LONG).unwrap();
        });
        let seen = Seen::read(&mut live, |_| false);
        let mut stored = Seen::default();
        sink.records().iter().for_each(|record| stored.add(record));
        assert_eq!(seen.0, stored.0, "round {round}");
    }
}
