//! Conversations that a provider takes, and a strict look at whether it would.

pub(crate) mod recorded;

use agent_checkpoint::{Message, Role, ToolCall};
use proptest::prelude::*;

/// What stands together in a conversation.
fn block() -> impl Strategy<Value = Vec<Message>> {
    let text = || "[a-z]{1,12}";
    let round = (text(), prop::collection::vec((0..4_u8, text()), 1..4));
    let round = round.prop_map(|(text, calls)| {
        let mut round = vec![Message::assistant(text)];
        for (id, result) in calls {
            let id = format!("c{id}");
            if round[0].tool_calls.iter().any(|call| call.id == id) {
                continue;
            }
            round[0].tool_calls.push(ToolCall::new(&id, "t", "{}"));
            round.push(Message::tool(id, result));
        }
        round
    });
    let block = prop_oneof![
        1 => text().prop_map(|text| vec![Message::system(text)]),
        3 => text().prop_map(|text| vec![Message::user(text)]),
        3 => text().prop_map(|text| vec![Message::assistant(text)]),
        // Ids are used again on purpose.
        5 => round,
    ];
    (block, 0..40_usize).prop_map(|(mut block, pinned)| {
        if let Some(message) = block.get_mut(pinned) {
            *message = message.clone().pinned();
        }
        block
    })
}

/// Up to `blocks` blocks; the last one's results may be still to come.
pub(crate) fn conversation(blocks: usize) -> impl Strategy<Value = Vec<Message>> {
    let blocks = prop::collection::vec(block(), 0..blocks);
    (blocks, any::<bool>()).prop_map(|(mut blocks, is_open)| {
        if let Some(last) = blocks.last_mut().filter(|_| is_open) {
            last.truncate(1);
        }
        blocks.concat()
    })
}

/// What a provider would refuse: results come right behind the message that calls, one for each call and in
/// any order, before anything else is said. Calls at the very end may wait for theirs.
pub(crate) fn flaws(messages: &[Message]) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut waiting: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.role == Role::Tool {
            let id = message.tool_call_id.as_deref().unwrap();
            match waiting.iter().position(|call| *call == id) {
                Some(call) => drop(waiting.remove(call)),
                None => flaws.push(format!("{at}: a result of no call")),
            }
            continue;
        }
        flaws.extend(
            waiting
                .drain(..)
                .map(|id| format!("{at}: no result for {id}")),
        );
        waiting.extend(message.tool_calls.iter().map(|call| call.id.as_str()));
        if message.content.is_empty() && message.tool_calls.is_empty() {
            flaws.push(format!("{at}: nothing in it"));
        }
    }
    flaws
}

/// A token for every character of text.
pub(crate) fn length(message: &Message) -> u64 {
    u64::try_from(message.content.len()).unwrap()
}
