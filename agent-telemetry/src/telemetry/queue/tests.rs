//! What the queue says of records that it has no room for.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::Queue;
use crate::{Body, Metric, Record};

fn record(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", number))
}

#[test]
fn record_that_there_is_no_room_for_is_given_back_and_not_counted() {
    let queue = Queue::new(64, Duration::ZERO);
    let mut taken = 0;
    let back = loop {
        match queue.offer(record(taken)) {
            None => taken += 1,
            Some(back) => break back,
        }
    };
    let Body::Metric(metric) = &back.body else {
        panic!("{back:?}")
    };
    assert_eq!((metric.value(), taken), (64.0, 64));
    assert_eq!(queue.health().dropped.queue_full, 0);
    queue.push(None, back);
    assert_eq!(queue.health().dropped.queue_full, 1);
}

#[test]
fn record_that_comes_too_late_is_counted_once_and_not_given_back() {
    let queue = Queue::new(64, Duration::ZERO);
    queue.finish();
    assert!(queue.offer(record(1)).is_none());
    queue.push(None, record(2));
    let dropped = queue.health().dropped;
    assert_eq!((dropped.after_shutdown, dropped.queue_full), (2, 0));
}
