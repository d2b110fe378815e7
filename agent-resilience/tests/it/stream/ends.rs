//! How a stream ends, and what is told of what was delivered.

use agent_primitives::{FailureKind, TokenUsage};
use agent_resilience::classify::{Evidence, Verdict};
use agent_resilience::{GuardedStream, StreamError, StreamLimits};
use futures_util::{StreamExt, stream as streams};

use super::scripted::{Item, PausedClock, Step, items, limits, read, read_on, stream};

const LONG: &str = "more than what is kept";

#[tokio::test(start_paused = true)]
async fn an_answer_with_its_end_is_complete_and_passed_on_as_it_came() {
    let all = [
        Item::Ping,
        Item::Text("all "),
        Item::Text("is well"),
        Item::End,
        Item::Usage(7),
    ];
    let read = read(items(all.clone()), limits()).await;
    assert_eq!(read.items, all);
    assert!(read.error.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_item_may_say_the_last_words_and_the_end() {
    let read = read(items([Item::Text("a"), Item::TextAndEnd("b")]), limits()).await;
    assert!(read.error.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_end_without_the_word_is_a_cut() {
    let read = read(items([Item::Text("all "), Item::Text("is")]), limits()).await;
    let Some(StreamError::Partial(partial)) = &read.error else {
        panic!("a partial answer")
    };
    assert_eq!(partial.verdict().kind, FailureKind::StreamCut);
    assert_eq!(partial.delivered.text_bytes, 6);
    assert_eq!(
        partial.to_string(),
        "the answer broke off after 6 bytes of text: stream_cut (provider)"
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_shown_nothing_is_partial() {
    for head in [
        vec![],
        vec![
            Item::Ping,
            Item::Usage(0),
            Item::Text(""),
            Item::Arguments(""),
        ],
    ] {
        let read = read(items(head), limits()).await;
        assert!(matches!(read.error, Some(StreamError::Failed(_))));
        assert_eq!(read.kind(), Some(FailureKind::StreamCut));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_middle_keeps_its_verdict_and_what_follows_it_is_not_read() {
    let steps = [
        Step::Give(Item::Text("all ")),
        Step::Fail(FailureKind::Overloaded),
        Step::Give(Item::Text("is well")),
        Step::Give(Item::End),
    ];
    let read = read(stream(steps), limits()).await;
    assert_eq!(read.items, [Item::Text("all ")]);
    assert_eq!(read.kind(), Some(FailureKind::Overloaded));
    assert!(read.may_continue());
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_end_is_not_told() {
    for after in [Step::Fail(FailureKind::Network), Step::Stall] {
        let steps = [Step::Give(Item::Text("all")), Step::Give(Item::End), after];
        let read = read(stream(steps), limits()).await;
        assert!(read.error.is_none());
        assert!(read.seconds <= 5, "what trails is waited for briefly");
    }
}

#[tokio::test(start_paused = true)]
async fn more_of_the_answer_after_its_end_takes_the_end_back() {
    let read = read(items([Item::End, Item::Text("and")]), limits()).await;
    assert_eq!(read.kind(), Some(FailureKind::StreamCut));
}

#[tokio::test(start_paused = true)]
async fn an_answer_stopped_by_its_limit_is_partial_with_the_usage_that_follows() {
    let clock = PausedClock::new();
    let inner = items([
        Item::Text("all is"),
        Item::Stopped(FailureKind::OutputLimit),
        Item::Usage(9),
    ]);
    let mut guarded = GuardedStream::new(inner, limits()).clock(clock);
    for _ in 0..3 {
        assert!(guarded.next().await.unwrap().is_ok());
        assert!(guarded.usage().is_none() || guarded.delivered().items == 3);
    }
    assert!(!guarded.is_complete());
    let error = guarded.next().await.unwrap().unwrap_err();
    assert_eq!(error.verdict().kind, FailureKind::OutputLimit);
    assert!(error.partial().unwrap().may_continue());
    assert_eq!(guarded.usage(), Some(TokenUsage::new(0, 9)));
    assert!(!guarded.is_complete());
}

#[tokio::test(start_paused = true)]
async fn the_vendors_word_that_an_answer_was_stopped_takes_its_end_back() {
    let stopped = || Verdict::new(FailureKind::OutputLimit);
    for (verdict, is_told) in [
        (stopped().evidence(Evidence::Stream), true),
        (stopped(), false),
    ] {
        let words = [Ok(Item::Text("all")), Ok(Item::End), Err(verdict)];
        let guarded = GuardedStream::new(streams::iter(words), limits());
        let items: Vec<_> = guarded.collect().await;
        assert_eq!(items.len(), 2 + usize::from(is_told));
        assert_eq!(items.last().unwrap().is_err(), is_told);
    }
}

#[tokio::test(start_paused = true)]
async fn only_plain_text_may_be_continued_and_never_past_a_filter() {
    let text = Item::Text("all");
    for (shown, kind, may) in [
        (vec![text.clone()], FailureKind::StreamCut, true),
        (vec![text.clone()], FailureKind::OutputLimit, true),
        (vec![text.clone()], FailureKind::ContentPolicy, false),
        (vec![text.clone()], FailureKind::Cancelled, false),
        (
            vec![text.clone(), Item::Call],
            FailureKind::StreamCut,
            false,
        ),
        (
            vec![
                Item::Call,
                Item::Arguments("{}"),
                Item::CallEnd,
                text.clone(),
            ],
            FailureKind::StreamCut,
            false,
        ),
        (vec![Item::Arguments("{")], FailureKind::StreamCut, false),
        (
            vec![Item::Reasoning("so"), text.clone()],
            FailureKind::StreamCut,
            false,
        ),
        (
            vec![Item::Reasoning(""), text.clone()],
            FailureKind::StreamCut,
            false,
        ),
        (vec![Item::Json("{\"a\":")], FailureKind::StreamCut, false),
    ] {
        let mut steps: Vec<_> = shown.iter().cloned().map(Step::Give).collect();
        steps.push(Step::Fail(kind));
        let read = read(stream(steps), limits()).await;
        assert!(matches!(read.error, Some(StreamError::Partial(_))));
        assert_eq!(read.may_continue(), may, "{shown:?} {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_whole_are_told_from_those_that_were_only_begun() {
    let read = read(
        items([
            Item::Call,
            Item::Arguments("{}"),
            Item::CallEnd,
            Item::CallEnd,
            Item::Call,
            Item::Arguments("{\"a\""),
        ]),
        limits(),
    )
    .await;
    let delivered = read.error.unwrap().partial().unwrap().delivered;
    assert_eq!((delivered.tool_calls, delivered.tool_calls_whole), (2, 1));
    assert_eq!(delivered.argument_bytes, 6);
}

#[tokio::test(start_paused = true)]
async fn text_is_kept_whole_or_not_at_all() {
    for (max, kept) in [
        (0, None),
        (6, Some("all is")),
        (5, None),
        (100, Some("all is")),
    ] {
        let clock = PausedClock::new();
        let inner = items([Item::Text("all "), Item::Text("is")]);
        let guarded = GuardedStream::new(inner, limits())
            .clock(clock)
            .keep_text(max);
        let error = read_on(guarded, clock).await.error.unwrap();
        let StreamError::Partial(partial) = error else {
            panic!("a partial answer")
        };
        assert_eq!(partial.text.as_deref(), kept, "{max}");
        let shown = format!("{:?}", StreamError::Partial(partial));
        assert!(!shown.contains("all is"), "{shown}");
        let length = kept.map(str::len);
        assert!(shown.contains(&format!("text_kept: {length:?}")), "{shown}");
    }
    // A short one after a long one does not bring it back.
    let clock = PausedClock::new();
    let inner = items([Item::Text(LONG), Item::Text("a")]);
    let guarded = GuardedStream::new(inner, limits())
        .clock(clock)
        .keep_text(4);
    let error = read_on(guarded, clock).await.error.unwrap();
    assert_eq!(error.partial().unwrap().text, None);
}

#[tokio::test(start_paused = true)]
async fn without_limits_a_stream_is_watched_for_its_end_alone() {
    let steps = [
        Step::Wait(100_000),
        Step::Give(Item::Text("all")),
        Step::Wait(100_000),
        Step::Give(Item::End),
        Step::Wait(100_000),
    ];
    let read = read(stream(steps), StreamLimits::NONE).await;
    assert!(read.error.is_none());
    assert_eq!(read.seconds, 300_000);
}
