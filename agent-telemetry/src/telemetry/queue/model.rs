//! Who sleeps and who wakes whom under every order in which threads can meet, by the model checker. It also finds a
//! sleeper that nobody wakes.
//!
//! Not part of the usual tests:
//!
//! ```text
//! RUSTFLAGS="--cfg agent_model" cargo test --release -p agent-telemetry --no-default-features --lib queue::model
//! ```

use std::time::Duration;

use agent_primitives::Timestamp;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::super::shard::Lists;
use super::{Queue, Take};
use crate::{Metric, Record};

struct Story {
    queue: Queue,
    /// Nobody watches any more, or the writer is gone.
    is_over: AtomicBool,
}

impl Story {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(64, Duration::ZERO),
            is_over: AtomicBool::new(false),
        })
    }

    fn record(&self) {
        let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", 1));
        self.queue.push(None, record);
    }

    fn take(&self, purpose: Take) -> usize {
        let mut lists = std::array::from_fn(|_| Lists::default());
        self.queue.take(&mut lists, purpose).records
    }

    /// Takes records ahead of the writer until there were so many, or it is over. It never waits for time: the checker
    /// has none.
    fn watch(&self, until: usize) -> usize {
        let mut seen = 0;
        while seen < until && !self.is_over.load(Ordering::SeqCst) {
            match self.take(Take::Ahead) {
                0 => self.queue.rest_ahead(Duration::ZERO, false),
                more => seen += more,
            }
        }
        seen
    }
}

/// Checks `story` under every order of its threads with up to three preemptions.
fn check(story: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.max_branches = 10_000;
    model.check(story);
}

#[test]
fn whoever_watches_has_every_record_while_the_writer_is_busy_elsewhere() {
    check(|| {
        let story = Story::new();
        let watcher = {
            let story = story.clone();
            thread::spawn(move || story.watch(2))
        };
        story.record();
        story.record();
        assert_eq!(watcher.join().unwrap(), 2);
    });
}

#[test]
fn record_wakes_the_writer_and_whoever_watches_and_one_of_them_has_it() {
    check(|| {
        let story = Story::new();
        let watcher = {
            let story = story.clone();
            thread::spawn(move || story.watch(1))
        };
        let recorder = {
            let story = story.clone();
            thread::spawn(move || story.record())
        };
        assert!(story.queue.await_work());
        let stored = story.take(Take::ToStore);
        // As the writer ends.
        story.is_over.store(true, Ordering::SeqCst);
        story.queue.finish();
        recorder.join().unwrap();
        assert_eq!(watcher.join().unwrap() + stored, 1);
    });
}

#[test]
fn record_that_comes_when_the_writer_has_left_wakes_whoever_watches() {
    check(|| {
        let story = Story::new();
        let watcher = {
            let story = story.clone();
            thread::spawn(move || story.watch(1))
        };
        let writer = {
            let story = story.clone();
            thread::spawn(move || {
                assert!(story.queue.await_work());
                story.take(Take::ToStore);
            })
        };
        story.record();
        writer.join().unwrap();
        story.record();
        assert!(watcher.join().unwrap() >= 1);
    });
}

#[test]
fn thread_that_watches_ends_when_the_last_reader_leaves() {
    check(|| {
        let story = Story::new();
        let watcher = {
            let story = story.clone();
            thread::spawn(move || story.watch(1))
        };
        story.is_over.store(true, Ordering::SeqCst);
        story.queue.call_ahead();
        assert_eq!(watcher.join().unwrap(), 0);
    });
}
