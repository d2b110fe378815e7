//! Any conversation, any limit: what is kept is valid, fits, and is the most that does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use agent_checkpoint::{Message, Role, ToolCall, truncate};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn message() -> impl Strategy<Value = Message> {
    let text = "[a-z]{0,12}";
    prop_oneof![
        1 => text.prop_map(Message::system),
        3 => text.prop_map(Message::user),
        3 => text.prop_map(Message::assistant),
        // Ids are used again on purpose.
        3 => (text, 1..3_u8).prop_map(|(text, calls)| (0..calls).fold(
            Message::assistant(text),
            |message, call| message.with_tool_call(ToolCall::new(format!("c{call}"), "t", "{}")),
        )),
        4 => (0..3_u8, text).prop_map(|(call, text)| Message::tool(format!("c{call}"), text)),
    ]
}

fn length(message: &Message) -> u64 {
    u64::try_from(message.content.len()).unwrap()
}

/// Positions of results that no call precedes since the assistant spoke last.
fn orphans<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<usize> {
    let mut has_call = false;
    let mut orphans = Vec::new();
    for (at, message) in messages.into_iter().enumerate() {
        match message.role {
            Role::Assistant => has_call = !message.tool_calls.is_empty(),
            Role::Tool if !has_call => orphans.push(at),
            _ => {}
        }
    }
    orphans
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_whole_turns_within_the_limit(
        messages in prop::collection::vec(message(), 0..30),
        limit in 0..150_u64,
    ) {
        let once = match truncate(&messages, limit, &length) {
            Ok(once) => once,
            Err(error) => {
                prop_assert!(error.needed > limit);
                prop_assert!(truncate(&messages, error.needed, &length).is_ok());
                prop_assert!(truncate(&messages, error.needed - 1, &length).is_err());
                return Ok(());
            }
        };
        let kept: Vec<Message> = once.apply(&messages).into_iter().cloned().collect();
        prop_assert_eq!(kept.iter().map(length).sum::<u64>(), once.tokens);
        prop_assert!(once.tokens <= limit);
        prop_assert_eq!(kept.len() + once.dropped, messages.len());

        // Every instruction and the task stay.
        let is_kept = |at: usize| once.kept.iter().any(|range| range.contains(&at));
        let task = messages.iter().position(|message| message.role == Role::User);
        for (at, message) in messages.iter().enumerate() {
            if message.role == Role::System || Some(at) == task {
                prop_assert!(is_kept(at));
            }
        }
        // Results stay with their call, and without one they go.
        prop_assert_eq!(orphans(&kept), Vec::<usize>::new());
        let strays = orphans(&messages);
        let mut call = None;
        for (at, message) in messages.iter().enumerate() {
            match message.role {
                Role::Assistant => call = (!message.tool_calls.is_empty()).then_some(at),
                Role::Tool => match call {
                    Some(call) => prop_assert_eq!(is_kept(at), is_kept(call)),
                    None => prop_assert!(strays.contains(&at) && !is_kept(at)),
                },
                _ => {}
            }
        }
        // From the tail on only strays are missing.
        for at in once.tail..messages.len() {
            prop_assert!(is_kept(at) || strays.contains(&at));
        }
        // Again changes nothing.
        let twice = truncate(&kept, limit, &length).unwrap();
        prop_assert_eq!(twice.dropped, 0);
    }
}

#[test]
fn a_result_behind_an_interjection_stays_with_its_call() {
    let messages = [
        Message::user("task"),
        Message::assistant("").with_tool_call(ToolCall::new("c", "t", "{}")),
        Message::user("wait"),
        Message::tool("c", "result"),
        Message::assistant("end"),
    ];
    let one = |_: &Message| 1;
    assert_eq!(truncate(&messages, 4, &one).unwrap().kept, [0..1, 4..5]);
    assert_eq!(truncate(&messages, 5, &one).unwrap().dropped, 0);
}

#[test]
fn an_open_call_at_the_end_stays() {
    let messages = [
        Message::user("task"),
        Message::assistant("old"),
        Message::assistant("").with_tool_call(ToolCall::new("c", "t", "{}")),
    ];
    assert_eq!(
        truncate(&messages, 2, &|_: &Message| 1).unwrap().kept,
        [0..1, 2..3]
    );
}

#[test]
fn nothing_is_kept_of_nothing() {
    let none: [Message; 0] = [];
    let truncation = truncate(&none, 0, &length).unwrap();
    assert_eq!(
        (truncation.kept.len(), truncation.tokens, truncation.tail),
        (0, 0, 0)
    );
}
