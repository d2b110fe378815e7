//! Recorded streams, cut at every byte and after every item, in every way that a stream can end: what
//! was delivered is the beginning of the answer and nothing twice, and the end is complete, a declared
//! partial, or a failure before anything was shown.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use agent_primitives::FailureKind;
use agent_resilience::classify::{self, Vendor, Verdict};
use agent_resilience::{EventStream, Failure, GuardedStream, StreamError};
use futures_util::{Stream, StreamExt, stream};

use super::scripted::{PausedClock, limits};
use super::vendors::{Answer, Event, RECORDED, Recorded};

/// How what was cut goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection closes as if all were said.
    CleanEnd,
    /// The vendor says that it failed.
    ErrorEvent,
    Reset,
    Stall,
}

pub(crate) const FAULTS: [Fault; 4] = [
    Fault::CleanEnd,
    Fault::ErrorEvent,
    Fault::Reset,
    Fault::Stall,
];

/// Chunks that end as the fault has it.
pub(crate) struct Wire {
    chunks: std::vec::IntoIter<Vec<u8>>,
    fault: Fault,
}

impl Stream for Wire {
    type Item = Result<Vec<u8>, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match (self.chunks.next(), self.fault) {
            (Some(chunk), _) => Poll::Ready(Some(Ok(chunk))),
            (None, Fault::CleanEnd | Fault::ErrorEvent) => Poll::Ready(None),
            (None, Fault::Reset) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            (None, Fault::Stall) => Poll::Pending,
        }
    }
}

pub(crate) fn wire(recorded: &Recorded, cut: usize, fault: Fault, piece: usize) -> Wire {
    let mut bytes = recorded.body.as_bytes()[..cut].to_vec();
    if fault == Fault::ErrorEvent {
        bytes.extend_from_slice(recorded.error_event().as_bytes());
    }
    let chunks: Vec<_> = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
    Wire {
        chunks: chunks.into_iter(),
        fault,
    }
}

fn events(recorded: &Recorded, wire: Wire) -> impl Stream<Item = Result<Event, Failure>> + Unpin {
    EventStream::new(wire, recorded.reader(), recorded.vendor, recorded.read())
}

/// Reads to the end; the error, if any, is the last.
async fn consume<S>(inner: S, clock: PausedClock) -> (Answer, bool, Option<StreamError>)
where
    S: Stream<Item = Result<Event, Failure>> + Unpin,
{
    let mut guarded = GuardedStream::new(inner, limits())
        .clock(clock)
        .keep_text(1 << 20);
    let (mut answer, mut error) = (Answer::default(), None);
    while let Some(item) = guarded.next().await {
        assert!(error.is_none(), "an error is the last item");
        match item {
            Ok(event) => answer.add(&event),
            Err(failed) => error = Some(failed),
        }
    }
    (answer, guarded.is_complete(), error)
}

/// What must hold of any end.
fn judge(
    whole: &Answer,
    answer: &Answer,
    is_complete: bool,
    error: Option<&StreamError>,
    at: &str,
) {
    assert!(answer.is_the_beginning_of(whole), "{at}: {answer:?}");
    assert_eq!(is_complete, error.is_none(), "{at}");
    let Some(error) = error else {
        let all = Answer {
            items: answer.items,
            ..whole.clone()
        };
        assert_eq!(*answer, all, "{at}: complete, and not all was delivered");
        return;
    };
    let Some(partial) = error.partial() else {
        assert!(answer.is_nothing(), "{at}: delivered, and not told");
        return;
    };
    let delivered = partial.delivered;
    assert!(!answer.is_nothing(), "{at}");
    assert_eq!(delivered.items, answer.items, "{at}");
    assert_eq!(delivered.text_bytes, answer.text.len() as u64, "{at}");
    assert_eq!(
        delivered.reasoning_bytes,
        answer.reasoning.len() as u64,
        "{at}"
    );
    assert_eq!(
        delivered.structured_bytes,
        answer.structured.len() as u64,
        "{at}"
    );
    assert_eq!(delivered.tool_calls as usize, answer.calls.len(), "{at}");
    assert_eq!(
        delivered.argument_bytes,
        answer.arguments.len() as u64,
        "{at}"
    );
    assert_eq!(
        partial.text.as_deref().unwrap_or_default(),
        answer.text,
        "{at}"
    );
    let text_alone =
        answer.reasoning.is_empty() && answer.structured.is_empty() && answer.calls.is_empty();
    assert_eq!(partial.may_continue(), text_alone, "{at}");
}

/// The kinds that an end of this sort may have. What is cut amid an event can only be said to be cut.
fn kinds(recorded: &Recorded, fault: Fault, cut: usize) -> Vec<FailureKind> {
    let before = &recorded.body.as_bytes()[..cut];
    let amid = if recorded.vendor == Vendor::Ollama {
        !before.ends_with(b"\n")
    } else {
        !before.ends_with(b"\n\n")
    } && cut > 0;
    match fault {
        Fault::CleanEnd | Fault::Reset => vec![FailureKind::StreamCut],
        Fault::Stall => vec![FailureKind::Timeout],
        Fault::ErrorEvent => {
            let data = recorded.error_event();
            let data = data.split("data: ").last().unwrap().trim();
            let said = classify::stream_event(recorded.vendor, data.as_bytes()).unwrap();
            if amid {
                vec![said.kind, FailureKind::StreamCut]
            } else {
                vec![said.kind]
            }
        }
    }
}

pub(crate) async fn whole(recorded: &Recorded, clock: PausedClock) -> (Answer, usize) {
    let all = wire(recorded, recorded.body.len(), Fault::CleanEnd, usize::MAX);
    let (answer, is_complete, error) = consume(events(recorded, all), clock).await;
    assert!(is_complete && error.is_none(), "{}", recorded.name);
    assert!(!answer.is_nothing());
    // The byte with which the answer is whole.
    for cut in 0..=recorded.body.len() {
        let cut_here = wire(recorded, cut, Fault::Reset, usize::MAX);
        if consume(events(recorded, cut_here), clock).await.1 {
            return (answer, cut);
        }
    }
    unreachable!("the whole of it is complete");
}

/// Returns how many ends were looked at.
async fn every_byte(recorded: &Recorded) -> usize {
    let clock = PausedClock::new();
    let (whole, end) = whole(recorded, clock).await;
    let mut points = 0;
    for cut in 0..=recorded.body.len() {
        for fault in FAULTS {
            // Any size of pieces will do; this one changes from cut to cut.
            let piece = 1 + cut % 97;
            let at = format!("{} cut at {cut}, {fault:?}", recorded.name);
            let inner = events(recorded, wire(recorded, cut, fault, piece));
            let (answer, is_complete, error) = consume(inner, clock).await;
            judge(&whole, &answer, is_complete, error.as_ref(), &at);
            if cut >= end {
                assert!(is_complete, "{at}: the answer was there");
            } else if let Some(error) = &error {
                let kind = error.verdict().kind;
                assert!(kinds(recorded, fault, cut).contains(&kind), "{at}: {kind}");
            } else {
                // An NDJSON line that lacks nothing but its end.
                assert!(recorded.body[cut..end].trim().is_empty(), "{at}: whole?");
            }
            points += 1;
        }
    }
    points
}

async fn every_item(recorded: &Recorded) -> usize {
    let clock = PausedClock::new();
    let (whole, _) = whole(recorded, clock).await;
    let all = wire(recorded, recorded.body.len(), Fault::CleanEnd, usize::MAX);
    let items: Vec<Event> = events(recorded, all).map(Result::unwrap).collect().await;
    let mut points = 0;
    for cut in 0..=items.len() {
        for fault in FAULTS {
            let at = format!("{} after item {cut}, {fault:?}", recorded.name);
            let given = stream::iter(items[..cut].to_vec()).map(Ok);
            let failed = |kind| stream::iter([Err(Failure::new(Verdict::new(kind)))]);
            let inner = match fault {
                Fault::CleanEnd => given.boxed(),
                Fault::ErrorEvent => given.chain(failed(FailureKind::Overloaded)).boxed(),
                Fault::Reset => given.chain(failed(FailureKind::Network)).boxed(),
                Fault::Stall => given.chain(stream::pending()).boxed(),
            };
            let (answer, is_complete, error) = consume(inner, clock).await;
            judge(&whole, &answer, is_complete, error.as_ref(), &at);
            assert_eq!(answer.items, cut as u64, "{at}");
            points += 1;
        }
    }
    points
}

async fn everywhere(name: &str) {
    let recorded = RECORDED.iter().find(|recorded| recorded.name == name);
    let recorded = recorded.unwrap();
    let (bytes, items) = (every_byte(recorded).await, every_item(recorded).await);
    assert_eq!(bytes, points_at_bytes(recorded) * FAULTS.len());
    assert!(items >= 4 * FAULTS.len());
    println!(
        "{name}: {} cut points at bytes, {} after items, each in {} ways",
        bytes / FAULTS.len(),
        items / FAULTS.len(),
        FAULTS.len(),
    );
}

/// Before the first and after the last, too.
fn points_at_bytes(recorded: &Recorded) -> usize {
    recorded.body.len() + 1
}

#[tokio::test(start_paused = true)]
async fn an_anthropic_text_is_whole_or_said_not_to_be() {
    everywhere("anthropic_text.sse").await;
}

#[tokio::test(start_paused = true)]
async fn an_anthropic_tool_call_after_thinking_is_whole_or_said_not_to_be() {
    everywhere("anthropic_thinking_and_tool.sse").await;
}

#[tokio::test(start_paused = true)]
async fn an_openai_text_is_whole_or_said_not_to_be() {
    everywhere("openai_text.sse").await;
}

#[tokio::test(start_paused = true)]
async fn two_openai_tool_calls_are_whole_or_said_not_to_be() {
    everywhere("openai_two_tools.sse").await;
}

#[tokio::test(start_paused = true)]
async fn openai_json_is_whole_or_said_not_to_be() {
    everywhere("openai_json.sse").await;
}

#[tokio::test(start_paused = true)]
async fn an_ollama_text_is_whole_or_said_not_to_be() {
    everywhere("ollama_text.ndjson").await;
}

#[tokio::test(start_paused = true)]
async fn an_ollama_tool_call_after_thinking_is_whole_or_said_not_to_be() {
    everywhere("ollama_thinking_and_tool.ndjson").await;
}

#[tokio::test(start_paused = true)]
async fn ollama_json_is_whole_or_said_not_to_be() {
    everywhere("ollama_json.ndjson").await;
}

/// The README names it.
#[test]
fn the_cut_points_are_so_many() {
    let points: usize = RECORDED.iter().map(points_at_bytes).sum();
    println!(
        "{} recorded streams, {points} cut points at bytes, {} ends of each",
        RECORDED.len(),
        FAULTS.len(),
    );
    assert_eq!(points, 6_460);
}
