//! The three clocks, each at its second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, Scope, SystemClock};
use agent_resilience::{GuardedStream, Sleep, StreamError, StreamLimits};
use futures_util::{StreamExt, stream as streams};

use super::scripted::{Item, PausedClock, Step, limits, read, read_on, stream};

fn give(item: Item) -> Step {
    Step::Give(item)
}

#[tokio::test(start_paused = true)]
async fn the_first_token_is_waited_for_and_no_longer() {
    let read = read(stream([Step::Stall]), limits()).await;
    assert!(matches!(read.error, Some(StreamError::Failed(_))));
    assert_eq!(
        (read.kind(), read.seconds),
        (Some(FailureKind::Timeout), 20)
    );
    let source = std::error::Error::source(read.error.as_ref().unwrap()).unwrap();
    assert_eq!(
        source.to_string(),
        "the stream was not on time: first_token is limited to 20s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_and_pings_are_no_first_token() {
    let pings = (0..50).flat_map(|_| [Step::Wait(3), give(Item::Ping)]);
    let read = read(stream(pings), limits()).await;
    assert_eq!(
        (read.kind(), read.seconds),
        (Some(FailureKind::Timeout), 20)
    );
    assert_eq!(read.items.len(), 6, "passed on all the same");
}

#[tokio::test(start_paused = true)]
async fn each_piece_starts_the_idle_clock_anew() {
    let pieces = (0..9).flat_map(|_| [Step::Wait(9), give(Item::Text("a"))]);
    let read = read(stream(pieces.chain([Step::Stall])), limits()).await;
    assert_eq!(
        (read.kind(), read.seconds),
        (Some(FailureKind::Timeout), 91)
    );
    assert_eq!(read.items.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn every_part_of_an_answer_is_life() {
    for item in [
        Item::Reasoning(""),
        Item::Json("{"),
        Item::Call,
        Item::Arguments("{"),
        Item::CallEnd,
    ] {
        let steps = [
            Step::Wait(15),
            give(Item::Call),
            Step::Wait(9),
            give(item.clone()),
            Step::Stall,
        ];
        let read = read(stream(steps), limits()).await;
        assert_eq!(read.seconds, 34, "{item:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_life_only_where_that_is_configured() {
    for (meta_is_life, seconds) in [(false, 10), (true, 28)] {
        let steps = [
            give(Item::Text("a")),
            Step::Wait(6),
            give(Item::Ping),
            Step::Wait(6),
            give(Item::Ping),
            Step::Wait(6),
            give(Item::Usage(3)),
            Step::Stall,
        ];
        let limits = StreamLimits {
            meta_is_life,
            ..limits()
        };
        assert_eq!(read(stream(steps), limits).await.seconds, seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_ends_a_stream_that_lives() {
    let pieces = (0..50).flat_map(|_| [Step::Wait(3), give(Item::Text("a"))]);
    let read = read(stream(pieces), limits()).await;
    assert_eq!(
        (read.kind(), read.seconds),
        (Some(FailureKind::Timeout), 100)
    );
    let error = read.error.unwrap();
    assert!(error.to_string().contains("33 bytes of text"));
    assert_eq!(error.verdict().scope, Scope::Request, "nobody is blamed");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_lets_its_reader_wait_is_blamed_for_the_wait() {
    let text = give(Item::Text("a"));
    let total = StreamLimits::NONE.total(Duration::from_secs(100));
    for (steps, limits, scope) in [
        (vec![Step::Stall], limits(), Scope::Provider),
        (vec![text.clone(), Step::Stall], limits(), Scope::Provider),
        (vec![Step::Stall], total, Scope::Provider),
        (vec![text, Step::Stall], total, Scope::Request),
    ] {
        let read = read(stream(steps), limits).await;
        assert_eq!(read.error.unwrap().verdict().scope, scope);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_all_of_the_time_is_not_held_against_the_provider() {
    let clock = PausedClock::new();
    let inner = stream([give(Item::Text("a")), Step::Wait(1), give(Item::End)]);
    let mut guarded = GuardedStream::new(inner, limits()).clock(clock);
    assert!(guarded.next().await.unwrap().is_ok());
    tokio::time::advance(Duration::from_secs(100)).await;
    let error = guarded.next().await.unwrap().unwrap_err();
    assert_eq!(error.verdict().kind, FailureKind::Timeout);
    assert_eq!(error.verdict().scope, Scope::Request);
}

#[tokio::test(start_paused = true)]
async fn the_total_ends_a_stream_that_never_lets_its_reader_wait() {
    let clock = PausedClock::new();
    let endless = streams::repeat_with(|| Ok::<_, agent_resilience::Failure>(Item::Text("a")));
    let mut guarded = GuardedStream::new(endless, limits()).clock(clock);
    for _ in 0..200 {
        assert!(guarded.next().await.unwrap().is_ok());
    }
    tokio::time::advance(Duration::from_secs(101)).await;
    let mut more = 0;
    let error = loop {
        match guarded.next().await.unwrap() {
            Ok(_) => more += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.verdict().kind, FailureKind::Timeout);
    assert!(more <= 64, "{more}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_held_against_the_provider() {
    let clock = PausedClock::new();
    let inner = stream([
        give(Item::Text("a")),
        give(Item::Text("b")),
        Step::Wait(8),
        give(Item::End),
    ]);
    let mut guarded = GuardedStream::new(inner, limits()).clock(clock);
    for _ in 0..2 {
        assert!(guarded.next().await.unwrap().is_ok());
        tokio::time::advance(Duration::from_secs(30)).await;
    }
    assert!(guarded.next().await.unwrap().is_ok());
    assert!(guarded.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_and_taken_up_again_goes_on() {
    let clock = PausedClock::new();
    let inner = stream([give(Item::Text("a")), Step::Stall]);
    let mut guarded = GuardedStream::new(inner, limits()).clock(clock);
    assert!(guarded.next().await.unwrap().is_ok());
    let four = Duration::from_secs(4);
    assert!(tokio::time::timeout(four, guarded.next()).await.is_err());
    assert!(tokio::time::timeout(four, guarded.next()).await.is_err());
    assert!(guarded.next().await.unwrap().is_err());
    assert_eq!(clock.seconds(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_time_counts_from_when_the_request_was_sent() {
    let clock = PausedClock::new();
    let sent = clock.monotonic();
    tokio::time::advance(Duration::from_secs(15)).await;
    let guarded = GuardedStream::new(stream([Step::Stall]), limits())
        .clock(clock)
        .since(sent);
    assert_eq!(read_on(guarded, clock).await.seconds, 20);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_the_first_token_is_told() {
    let clock = PausedClock::new();
    let inner = stream([
        give(Item::Ping),
        Step::Wait(7),
        give(Item::Text("a")),
        Step::Wait(2),
        give(Item::End),
    ]);
    let mut guarded = GuardedStream::new(inner, limits()).clock(clock);
    assert!(guarded.next().await.unwrap().is_ok());
    assert_eq!(guarded.first_token(), None);
    while guarded.next().await.is_some() {}
    assert_eq!(guarded.first_token(), Some(Duration::from_secs(7)));
}

/// Counts how often a timer is set.
struct Counted(Arc<AtomicU32>);

#[async_trait::async_trait]
impl Sleep for Counted {
    async fn sleep(&self, duration: Duration) {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(duration).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_is_set_once_an_idle_time_and_not_once_an_item() {
    let set = Arc::new(AtomicU32::new(0));
    let clock = PausedClock::new();
    let pieces = (0..95).flat_map(|_| [Step::Wait(1), give(Item::Text("a"))]);
    let inner = stream(pieces.chain([give(Item::End)]));
    let sleep = Counted(Arc::clone(&set));
    let guarded = GuardedStream::with_sleep(inner, limits(), sleep).clock(clock);
    assert!(read_on(guarded, clock).await.error.is_none());
    // The first token, and ten times 10 s.
    assert!(set.load(Ordering::Relaxed) <= 11, "{set:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_makes_no_wait_endless() {
    let start = PausedClock::new();
    let inner = stream([
        give(Item::Text("a")),
        Step::Wait(9),
        give(Item::Text("b")),
        Step::Stall,
    ]);
    // Real time hardly passes while tokio's jumps.
    let guarded = GuardedStream::new(inner, limits()).clock(SystemClock);
    let read = read_on(guarded, start).await;
    assert_eq!(read.kind(), Some(FailureKind::Timeout));
    assert!(read.seconds <= 29, "{}", read.seconds);
}
