//! A reader and the recorder under every order in which they can meet, by the model checker. It also finds a reader that
//! nobody wakes.
//!
//! Not part of the usual tests:
//!
//! ```text
//! RUSTFLAGS="--cfg agent_model" cargo test --release -p agent-telemetry --no-default-features --lib live::model
//! ```

use std::sync::Arc as StdArc;
use std::task::{Context, Poll, Waker};

use agent_primitives::{ManualClock, Monotonic, Timestamp};
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::channel::{Channel, Handed};
use super::{LiveConfig, LiveItem};
use crate::{Metric, Record};

fn channel(capacity: usize) -> Arc<Channel> {
    let capacity = capacity.try_into().unwrap();
    let config = LiveConfig::new().without_totals().capacity(capacity);
    Arc::new(Channel::new(config, StdArc::new(ManualClock::default())))
}

/// Offers one record; whether somebody is to be woken.
fn offer(channel: &Channel) -> bool {
    let records = [Record::new(
        Timestamp::UNIX_EPOCH,
        Metric::count("files", 1),
    )];
    let mut handed = Handed::default();
    handed.begin(&records);
    let now = Monotonic::from_nanos(0);
    channel.offer(&mut handed, &records, now).waker.is_some()
}

/// A thread with room for a channel: the checker's own have little.
fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let thread = thread::Builder::new().stack_size(1 << 18);
    thread.spawn(run).unwrap()
}

/// Checks `story` under every order of its threads.
fn check(story: impl Fn() + Sync + Send + 'static) {
    let story = StdArc::new(story);
    loom::model::Builder::new().check(move || {
        let story = story.clone();
        spawn(move || story()).join().unwrap();
    });
}

#[test]
fn reader_that_waits_has_each_record_or_is_told_of_it_and_then_the_end() {
    for capacity in [1, 2] {
        check(move || {
            let channel = channel(capacity);
            let recorder = {
                let channel = channel.clone();
                spawn(move || {
                    offer(&channel);
                    offer(&channel);
                    channel.end();
                })
            };
            let (mut seen, mut missed) = (0, 0);
            let error = loop {
                match channel.wait(None) {
                    Ok(LiveItem::Record(_)) => seen += 1,
                    Ok(LiveItem::Missed(records)) => missed += records,
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => break error,
                }
            };
            assert!(error.is_ended());
            assert_eq!(seen + missed, 2);
            assert!(capacity == 1 || missed == 0);
            recorder.join().unwrap();
        });
    }
}

#[test]
fn future_that_is_pending_is_woken_by_the_record_that_it_did_not_see() {
    check(|| {
        let channel = channel(1);
        let recorder = {
            let channel = channel.clone();
            spawn(move || offer(&channel))
        };
        let mut context = Context::from_waker(Waker::noop());
        let is_pending = matches!(channel.poll(&mut context), Poll::Pending);
        assert_eq!(recorder.join().unwrap(), is_pending);
        let again = if is_pending {
            channel.take().is_ok()
        } else {
            true
        };
        assert!(again);
    });
}
