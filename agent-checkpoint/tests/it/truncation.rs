//! Any conversation, any limit: what is kept is valid, fits, and is the most that does.

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

/// For each result the position of the call that it answers: the nearest before it of the same id that
/// nothing answers yet. Told from the messages alone, in the plainest way.
fn pairs(messages: &[Message]) -> Vec<(usize, Option<usize>)> {
    let mut answered: Vec<(usize, usize)> = Vec::new();
    let mut pairs = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.role != Role::Tool {
            continue;
        }
        let mut call = None;
        for (position, before) in messages[..at].iter().enumerate().rev() {
            let same = before.tool_calls.iter().enumerate().find(|(number, made)| {
                Some(&made.id) == message.tool_call_id.as_ref()
                    && !answered.contains(&(position, *number))
            });
            if let Some((number, _)) = same {
                answered.push((position, number));
                call = Some(position);
                break;
            }
        }
        pairs.push((at, call));
    }
    pairs
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
        let pairs_before = pairs(&messages);
        for (result, call) in &pairs_before {
            match call {
                Some(call) => prop_assert_eq!(is_kept(*result), is_kept(*call)),
                None => prop_assert!(!is_kept(*result)),
            }
        }
        // What is kept pairs as it did: each result has its call before it.
        prop_assert!(pairs(&kept).iter().all(|(_, call)| call.is_some()));
        // A call of the newest round whose result is still to come stays.
        let newest_call = messages.iter().rposition(|message| !message.tool_calls.is_empty());
        if let Some(newest) = newest_call {
            let answers = pairs_before.iter().filter(|(_, call)| *call == Some(newest));
            let is_answered = answers.count() == messages[newest].tool_calls.len();
            prop_assert!(is_answered || is_kept(newest));
        }
        // From the tail on only strays are missing.
        let is_stray = |at: usize| pairs_before.contains(&(at, None));
        for at in once.tail..messages.len() {
            prop_assert!(is_kept(at) || is_stray(at));
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

fn calls(id: &str) -> Message {
    Message::assistant("").with_tool_call(ToolCall::new(id, "t", "{}"))
}

#[test]
fn parallel_calls_in_messages_of_their_own_keep_their_results() {
    let messages = [
        Message::system("s"),
        Message::user("task"),
        Message::assistant("x"),
        calls("a"),
        calls("b"),
        Message::tool("a", "ra"),
        Message::tool("b", "rb"),
        Message::assistant("done"),
    ];
    let one = |_: &Message| 1;
    assert_eq!(truncate(&messages, 6, &one).unwrap().kept, [0..2, 7..8]);
    assert_eq!(truncate(&messages, 7, &one).unwrap().kept, [0..2, 3..8]);
}

#[test]
fn a_result_behind_what_the_model_said_meanwhile_stays() {
    let messages = [
        Message::user("task"),
        calls("a"),
        Message::assistant("still running"),
        Message::tool("a", "ra"),
    ];
    assert_eq!(
        truncate(&messages, 1_000, &|_: &Message| 1).unwrap().kept,
        vec![0..4]
    );
}

#[test]
fn a_call_without_its_result_stays_until_the_model_calls_again_after_the_user() {
    let mut messages = vec![
        Message::user("task"),
        Message::assistant("old"),
        calls("a"),
        Message::user("hello?"),
    ];
    let one = |_: &Message| 1;
    assert_eq!(truncate(&messages, 2, &one).unwrap_err().needed, 3);
    assert_eq!(truncate(&messages, 3, &one).unwrap().kept, [0..1, 2..4]);
    messages.extend([calls("b"), Message::tool("b", "rb")]);
    assert_eq!(truncate(&messages, 3, &one).unwrap().kept, [0..1, 4..6]);
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
