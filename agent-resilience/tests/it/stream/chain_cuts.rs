//! Recorded streams cut at every byte, read from a chain with somebody else to ask: the other one is
//! asked where nothing was shown, and never where something was, so that no byte comes twice and no tool
//! call is made twice.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_primitives::ProviderId;
use agent_resilience::{
    EventStream, Failure, FallbackChain, FallbackConfig, Provider, RetryPolicy, StreamOptions,
};
use futures_util::{StreamExt, stream::BoxStream};

use super::cuts::{FAULTS, Fault, whole, wire};
use super::scripted::{PausedClock, limits};
use super::vendors::{Answer, Event, RECORDED, Recorded};

/// Sends the recording, to its end or as far as the cut.
struct Cut {
    id: ProviderId,
    recorded: Recorded,
    at: usize,
    fault: Fault,
    calls: Arc<AtomicU32>,
}

#[async_trait::async_trait]
impl Provider<str> for Cut {
    type Reply = BoxStream<'static, Result<Event, Failure>>;

    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn call(&self, _: &str) -> Result<Self::Reply, Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Self { recorded, .. } = self;
        let wire = wire(recorded, self.at, self.fault, 1 + self.at % 97);
        let events = EventStream::new(wire, recorded.reader(), recorded.vendor, recorded.read());
        Ok(events.boxed())
    }
}

/// Whether somebody else answered.
async fn read(
    recorded: Recorded,
    cut: usize,
    fault: Fault,
    whole: &Answer,
    clock: PausedClock,
) -> bool {
    let at = format!("{} cut at {cut}, {fault:?}", recorded.name);
    let calls = [(); 2].map(|()| Arc::new(AtomicU32::new(0)));
    let first = Cut {
        id: "claude".parse().unwrap(),
        recorded,
        at: cut,
        fault,
        calls: Arc::clone(&calls[0]),
    };
    let second = Cut {
        id: "groq".parse().unwrap(),
        recorded,
        at: recorded.body.len(),
        fault: Fault::CleanEnd,
        calls: Arc::clone(&calls[1]),
    };
    let chain = FallbackChain::builder()
        .provider(first)
        .provider(second)
        .clock(clock)
        .config(FallbackConfig {
            retry: RetryPolicy {
                max_attempts: NonZeroU32::MIN,
                ..RetryPolicy::default()
            },
            ..FallbackConfig::default()
        })
        .build()
        .unwrap();
    let options = StreamOptions::default().limits(limits()).unwrap();
    let mut events = chain.stream_with("hello", &options).await.unwrap();
    let (mut answer, mut failed) = (Answer::default(), false);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => answer.add(&event),
            Err(error) => failed = error.partial().is_some(),
        }
    }
    assert!(answer.is_the_beginning_of(whole), "{at}: {answer:?}");
    assert_eq!(failed, !events.is_complete(), "{at}");
    let (asked, others) = (
        calls[0].load(Ordering::Relaxed),
        calls[1].load(Ordering::Relaxed),
    );
    assert_eq!(asked, 1, "{at}: nobody is asked twice");
    if failed {
        assert!(!answer.is_nothing(), "{at}");
        assert_eq!(others, 0, "{at}: something was shown");
    } else {
        let all = Answer {
            items: answer.items,
            ..whole.clone()
        };
        assert_eq!(answer, all, "{at}: complete");
    }
    assert_eq!(others == 1, events.provider().as_str() == "groq", "{at}");
    others == 1
}

async fn everywhere(recorded: Recorded) -> usize {
    let clock = PausedClock::new();
    let (whole, end) = whole(&recorded, clock).await;
    let mut others = 0;
    for cut in 0..=recorded.body.len() {
        // Each byte in one way, each way at every fourth byte.
        let answered = read(recorded, cut, FAULTS[cut % 4], &whole, clock).await;
        assert!(cut < end || !answered, "the answer was there");
        others += usize::from(answered);
    }
    others
}

#[tokio::test(start_paused = true)]
async fn text_is_taken_over_only_before_its_first_word() {
    for recorded in RECORDED
        .iter()
        .filter(|recorded| recorded.name.contains("text"))
    {
        let first = recorded.body.find("The caf").unwrap();
        let others = everywhere(*recorded).await;
        // The event or the line of the first word may end some bytes later.
        assert!((first..first + 120).contains(&others), "{others} {first}");
    }
}

#[tokio::test(start_paused = true)]
async fn tool_calls_are_never_made_twice() {
    for recorded in RECORDED
        .iter()
        .filter(|recorded| recorded.name.contains("tool"))
    {
        assert!(everywhere(*recorded).await > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn json_is_never_put_together_from_two_answers() {
    for recorded in RECORDED
        .iter()
        .filter(|recorded| recorded.name.contains("json"))
    {
        assert!(everywhere(*recorded).await > 0);
    }
}
