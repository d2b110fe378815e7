//! Any conversation: what a provider would refuse is found, all of it, and repaired with no more changes than
//! are told.

use agent_checkpoint::history::{Flaw, INTERRUPTED, Remedy, check, open_calls, repair};
use agent_checkpoint::{Message, Role, ToolCall};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn calls(ids: &[String]) -> Message {
    let call = |message: Message, id: &String| message.with_tool_call(ToolCall::new(id, "t", "{}"));
    ids.iter().fold(Message::assistant("on it"), call)
}

/// As a provider looks at it, in the plainest way.
fn is_taken(messages: &[Message]) -> bool {
    let mut at = 0;
    while at < messages.len() {
        let message = &messages[at];
        at += 1;
        if message.role == Role::Tool {
            return false;
        }
        let is_blank = message.content.chars().all(char::is_whitespace);
        if is_blank && message.parts.is_empty() && message.tool_calls.is_empty() {
            return false;
        }
        let mut waiting: Vec<&str> = message.tool_calls.iter().map(|c| c.id.as_str()).collect();
        let mut distinct = waiting.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < waiting.len() {
            return false;
        }
        while let Some(result) = messages.get(at).filter(|m| m.role == Role::Tool) {
            let id = result.tool_call_id.as_deref();
            let Some(place) = waiting.iter().position(|w| Some(*w) == id) else {
                return false;
            };
            waiting.remove(place);
            at += 1;
        }
        if !waiting.is_empty() && at < messages.len() {
            return false;
        }
    }
    true
}

/// Any messages at all. Ids are used again on purpose.
fn message() -> impl Strategy<Value = Message> {
    let text = "[a-z]{0,3}";
    prop_oneof![
        1 => text.prop_map(Message::system),
        2 => text.prop_map(Message::user),
        2 => text.prop_map(Message::assistant),
        4 => prop::collection::vec("[ab]", 1..4).prop_map(|ids| calls(&ids)),
        6 => ("[abc]", text).prop_map(|(id, text)| Message::tool(id, text)),
        1 => text.prop_map(|text| Message::new(Role::Tool, text)),
    ]
}

/// Turns of a sound conversation: the task, and for each turn how many calls are made. Ids repeat from
/// turn to turn where `reuse` says so.
fn sound() -> impl Strategy<Value = Vec<Message>> {
    let turns = prop::collection::vec(0..4_usize, 1..12);
    (turns, any::<bool>(), any::<bool>()).prop_map(|(turns, reuse, open)| {
        let mut messages = vec![Message::system("be brief"), Message::user("go")];
        for (turn, count) in turns.iter().enumerate() {
            let scope = if reuse { 0 } else { turn };
            let ids: Vec<String> = (0..*count).map(|n| format!("{scope}.{n}")).collect();
            if ids.is_empty() {
                messages.push(Message::assistant("done"));
                messages.push(Message::user("more"));
                continue;
            }
            messages.push(calls(&ids));
            let results = ids.iter().rev().enumerate();
            messages.extend(results.map(|(n, id)| Message::tool(id, format!("{turn}/{n}"))));
        }
        if open {
            messages.push(calls(&["open".to_owned()]));
        }
        messages
    })
}

fn positions(messages: &[Message], is_meant: impl Fn(&Message) -> bool) -> Vec<usize> {
    (0..messages.len())
        .filter(|at| is_meant(&messages[*at]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_provider_refuses_is_found_and_nothing_else(
        messages in prop::collection::vec(message(), 0..24),
    ) {
        let flaws = check(&messages);
        prop_assert_eq!(flaws.is_empty(), is_taken(&messages), "{:?}", flaws);
        prop_assert!(flaws.is_sorted_by_key(Flaw::position));
    }

    #[test]
    fn what_is_repaired_is_taken_and_every_change_is_told(
        messages in prop::collection::vec(message(), 0..24),
    ) {
        let repaired = repair(&messages);
        prop_assert!(is_taken(&repaired.messages), "{:?}", repaired);
        prop_assert_eq!(check(&repaired.messages), []);
        let flaws: Vec<Flaw> = repaired.repairs.iter().map(|repair| repair.flaw.clone()).collect();
        prop_assert_eq!(&flaws, &check(&messages), "a word for each flaw");

        let again = repair(&repaired.messages);
        prop_assert_eq!(&again.messages, &repaired.messages);
        prop_assert_eq!(again.repairs, []);

        let count = |remedy: &Remedy| repaired.repairs.iter().filter(|r| r.remedy == *remedy).count();
        prop_assert_eq!(
            repaired.messages.len() + count(&Remedy::LeftOut),
            messages.len() + count(&Remedy::Answered)
        );
        let synthetic = positions(&repaired.messages, |m| m.content == INTERRUPTED);
        prop_assert_eq!(synthetic.len(), count(&Remedy::Answered));
    }

    #[test]
    fn what_is_not_flawed_stays_as_and_where_it_was(
        messages in prop::collection::vec(message(), 0..24),
    ) {
        // Each message is told apart by a field that no repair looks at.
        let mut messages = messages;
        for (at, message) in messages.iter_mut().enumerate() {
            message.extra.insert("at".into(), at.into());
        }
        let repaired = repair(&messages);
        let at = |message: &Message| message.extra.get("at").and_then(serde_json::Value::as_u64);
        let kept: Vec<usize> = repaired.messages.iter().filter_map(at).map(|at| usize::try_from(at).unwrap()).collect();
        let told = |position: usize, remedy: fn(&Remedy) -> bool| {
            repaired.repairs.iter().any(|r| r.flaw.position() == position && remedy(&r.remedy))
        };
        for position in 0..messages.len() {
            let is_left_out = told(position, |remedy| *remedy == Remedy::LeftOut);
            prop_assert_eq!(!kept.contains(&position), is_left_out, "message {}", position);
        }
        let unmoved: Vec<usize> = kept.iter().copied().filter(|at| !told(*at, |r| *r == Remedy::Moved)).collect();
        prop_assert!(unmoved.is_sorted());
        let has_renamed = repaired.repairs.iter().any(|r| matches!(r.remedy, Remedy::Renamed(_)));
        for message in &repaired.messages {
            let Some(position) = at(message).map(|at| usize::try_from(at).unwrap()) else { continue };
            let mut before = messages[position].clone();
            if message.role == Role::Tool && has_renamed {
                before.tool_call_id.clone_from(&message.tool_call_id);
            }
            if told(position, |r| matches!(r, Remedy::Renamed(_))) {
                before.tool_calls.clone_from(&message.tool_calls);
            }
            prop_assert_eq!(message, &before);
        }
    }

    #[test]
    fn a_sound_conversation_is_left_byte_for_byte_as_it_is(messages in sound()) {
        let repaired = repair(&messages);
        prop_assert_eq!(repaired.repairs, []);
        let bytes = |messages: &[Message]| serde_json::to_vec(messages).unwrap();
        prop_assert_eq!(bytes(&repaired.messages), bytes(&messages));
        let open = usize::from(messages.last().unwrap().role == Role::Assistant
            && !messages.last().unwrap().tool_calls.is_empty());
        prop_assert_eq!(open_calls(&messages).len(), open);
    }

    #[test]
    fn each_damage_to_a_sound_conversation_is_found_as_what_it_is(
        messages in sound(), kind in 0..7_u8, pick in any::<prop::sample::Index>(),
    ) {
        let mut damaged = messages;
        // Something behind it all, so that no call is open.
        damaged.extend([Message::tool("open", "late"), Message::user("end")]);
        if !check(&damaged).is_empty() {
            damaged.remove(damaged.len() - 2);
        }
        prop_assert_eq!(check(&damaged), []);
        let results = positions(&damaged, |m| m.role == Role::Tool);
        let callers = positions(&damaged, |m| !m.tool_calls.is_empty());
        if results.is_empty() { return Ok(()); }
        let result = results[pick.index(results.len())];
        let caller = callers[pick.index(callers.len())];
        let id = damaged[result].tool_call_id.clone().unwrap();
        let of_result = *callers.iter().rfind(|at| **at < result).unwrap();
        let expected = match kind {
            0 => {
                damaged.remove(result);
                vec![Flaw::CallWithoutResult { position: of_result, call: id }]
            }
            1 => {
                damaged.insert(result + 1, damaged[result].clone());
                vec![Flaw::DuplicateResult { position: result + 1, call: id }]
            }
            2 => {
                damaged.insert(result, Message::tool("nobody", "?"));
                vec![Flaw::ResultWithoutCall { position: result, call: "nobody".into() }]
            }
            3 => {
                let result = damaged.remove(result);
                damaged.push(result);
                vec![
                    Flaw::CallWithoutResult { position: of_result, call: id.clone() },
                    Flaw::ResultApart { position: damaged.len() - 1, call: id, called_at: of_result },
                ]
            }
            4 => {
                damaged[result].tool_call_id = None;
                vec![
                    Flaw::CallWithoutResult { position: of_result, call: id },
                    Flaw::ResultWithoutId { position: result },
                ]
            }
            5 => {
                damaged.insert(caller, Message::user(" \n"));
                vec![Flaw::Empty { position: caller }]
            }
            _ => {
                let call = damaged[caller].tool_calls[0].clone();
                let id = call.id.clone();
                damaged[caller].tool_calls.push(call);
                vec![
                    Flaw::DuplicateCall { position: caller, call: id.clone() },
                    Flaw::CallWithoutResult { position: caller, call: id },
                ]
            }
        };
        let found = check(&damaged);
        if kind == 3 {
            // The result may answer a call of a later turn that has the same id; apart from it, it is too much.
            prop_assert!(!found.is_empty());
            prop_assert!(found.iter().any(|flaw| flaw.position() == damaged.len() - 1), "{:?}", found);
            prop_assert!(found == expected || found.len() == 1, "{:?}", found);
        } else {
            prop_assert_eq!(found, expected);
        }
        prop_assert!(is_taken(&repair(&damaged).messages));
    }
}

#[test]
fn a_long_conversation_takes_time_in_proportion() {
    // Quadratic work over so many would not end within the time of a test.
    let calls = 20_000;
    let mut messages: Vec<Message> = Vec::new();
    for _ in 0..calls {
        messages.push(Message::assistant("").with_tool_call(ToolCall::new("a", "t", "{}")));
    }
    messages.extend((0..calls).map(|_| Message::tool("a", "")));
    let repaired = repair(&messages);
    assert_eq!(repaired.messages.len(), 2 * calls);
    assert_eq!(repaired.repairs.len(), calls - 1);

    let many = (0..calls).map(|_| ToolCall::new("a", "t", "{}"));
    let mut message = Message::assistant("");
    message.tool_calls = many.collect();
    let repaired = repair(&[message, Message::user("well?")]);
    assert_eq!(repaired.messages.len(), calls + 2);
    assert_eq!(check(&repaired.messages), []);
}

#[test]
fn results_of_renamed_calls_go_with_them() {
    let twice = calls(&["a".to_owned(), "a".to_owned()]);
    let messages = [twice, Message::tool("a", "one"), Message::tool("a", "two")];
    let repaired = repair(&messages);
    let ids: Vec<&str> = repaired.messages[0]
        .tool_calls
        .iter()
        .map(|c| c.id.as_str())
        .collect();
    assert_eq!(ids, ["a", "a-2"]);
    assert_eq!(
        repaired.messages[1..],
        [Message::tool("a", "one"), Message::tool("a-2", "two")]
    );
    assert_eq!(repaired.repairs[0].remedy, Remedy::Renamed("a-2".into()));
}
