//! Waiting for a record: on a thread, and in a future.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use agent_primitives::ManualClock;
use agent_telemetry::{Live, LiveConfig, LiveItem, MemorySink, Telemetry};

use super::{at_most, next_record, numbered};
use crate::story::{LONG, recorder};

/// Counts, and says so.
struct Woken(AtomicUsize, mpsc::Sender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        // Nobody may listen any more.
        let _ = self.1.send(());
    }
}

#[test]
fn a_future_is_woken_by_a_record_and_by_the_end() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    let (sender, woken) = mpsc::channel();
    let count = Arc::new(Woken(AtomicUsize::new(0), sender));
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    {
        let mut next = pin!(live.recv_async());
        assert!(next.as_mut().poll(&mut context).is_pending());
        telemetry.record(numbered(1));
        woken.recv().unwrap();
        let Poll::Ready(Ok(LiveItem::Record(record))) = next.poll(&mut context) else {
            panic!("no record");
        };
        assert_eq!(*record, numbered(1));
    }
    // Nobody waits, so nobody is woken.
    telemetry.record(numbered(2));
    telemetry.flush(LONG).unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(*next_record(&mut live), numbered(2));

    assert!(live.poll_recv(&mut context).is_pending());
    telemetry.shutdown(LONG).unwrap();
    woken.recv().unwrap();
    let Poll::Ready(Err(error)) = live.poll_recv(&mut context) else {
        panic!("no end");
    };
    assert!(error.is_ended());
}

#[test]
fn a_future_that_is_dropped_has_taken_nothing() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(live.recv_async()).poll(&mut context).is_pending());
    telemetry.record(numbered(1));
    assert_eq!(*next_record(&mut live), numbered(1));
}

#[test]
fn a_waker_that_panics_or_records_is_no_harm_to_the_recorder() {
    struct Unruly(agent_telemetry::Telemetry);
    impl Wake for Unruly {
        fn wake(self: Arc<Self>) {
            // Not held: the locks of the recorder. It may even watch.
            self.0.record(numbered(2));
            drop(self.0.subscribe(LiveConfig::new()));
            panic!("the reader's own");
        }
    }
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    let waker = Waker::from(Arc::new(Unruly(telemetry.clone())));
    assert!(
        live.poll_recv(&mut Context::from_waker(&waker))
            .is_pending()
    );
    telemetry.record(numbered(1));
    assert_eq!(*next_record(&mut live), numbered(1));
    assert_eq!(*next_record(&mut live), numbered(2));
    telemetry.flush(LONG).unwrap();
    assert_eq!(sink.records(), [numbered(1), numbered(2)]);
    assert!(telemetry.health().running);
}

#[test]
fn a_thread_that_waits_has_the_record_without_asking_again() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut live = telemetry
        .subscribe(LiveConfig::new().without_totals())
        .unwrap();
    assert!(live.recv(Duration::ZERO).unwrap_err().is_empty());
    let reader = std::thread::spawn(move || next_record(&mut live));
    telemetry.record(numbered(1));
    assert_eq!(*reader.join().unwrap(), numbered(1));
}

/// How often a thread of the recorder wakes while `live` waits for `time` in vain.
fn wakeups(telemetry: &Telemetry, live: &mut Live, time: Duration) -> u64 {
    let before = telemetry.health().wakeups;
    assert!(live.recv(time).unwrap_err().is_empty());
    telemetry.health().wakeups - before
}

#[test]
fn nothing_wakes_while_nothing_is_recorded() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    telemetry.record(numbered(1));
    next_record(&mut live);
    telemetry.flush(LONG).unwrap();
    // The thread beside the writer looks once more.
    let _ = wakeups(&telemetry, &mut live, Duration::from_millis(50));
    let more = wakeups(&telemetry, &mut live, Duration::from_millis(100));
    assert!(more <= 1, "{more}");
}

#[test]
fn nothing_wakes_while_a_window_is_open_and_nothing_more_is_recorded() {
    // The window is a minute, and the writer is in it until then.
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    for number in 0..3 {
        telemetry.record(numbered(number));
        assert_eq!(*next_record(&mut live), numbered(number));
        let _ = wakeups(&telemetry, &mut live, Duration::from_millis(50));
        let more = wakeups(&telemetry, &mut live, Duration::from_millis(100));
        assert!(more <= 1, "{more}");
    }
    assert_eq!(telemetry.health().stored, 0);
}

#[test]
fn a_record_after_a_rest_of_any_length_wakes_who_watches() {
    for window in [Duration::from_millis(1), LONG] {
        let telemetry = Telemetry::builder(MemorySink::new())
            .window(window)
            .start()
            .unwrap();
        let mut live = telemetry.subscribe(at_most(10)).unwrap();
        for number in 0..400 {
            telemetry.record(numbered(number));
            assert_eq!(*next_record(&mut live), numbered(number));
            // Of less than a pulse, of about one, and of more.
            let rest = Duration::from_micros(u64::from(number % 40) * 100);
            assert!(live.recv(rest).unwrap_err().is_empty());
        }
    }
}
