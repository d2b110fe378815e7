//! What an agent did, and which result answers what.

use std::collections::HashMap;

use crate::{Message, Role, ToolCall};

/// Which result answers which call. A result belongs to the nearest call before it that has its id and no
/// result yet, since models use ids again.
#[derive(Debug)]
pub(super) struct Calls {
    /// By message, by call: where its result is.
    results: Vec<Vec<Option<usize>>>,
    /// By message: the message that made the call which this one answers.
    callers: Vec<Option<usize>>,
}

impl Calls {
    pub(super) fn of(messages: &[&Message]) -> Self {
        let mut unanswered: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
        let mut results: Vec<Vec<Option<usize>>> = Vec::with_capacity(messages.len());
        let mut callers = vec![None; messages.len()];
        for (at, (message, caller)) in messages.iter().zip(&mut callers).enumerate() {
            results.push(vec![None; message.tool_calls.len()]);
            for (number, call) in message.tool_calls.iter().enumerate() {
                unanswered.entry(&call.id).or_default().push((at, number));
            }
            if message.role != Role::Tool {
                continue;
            }
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            let call = unanswered.get_mut(id).and_then(Vec::pop);
            if let Some((made, number)) = call {
                *caller = Some(made);
                let result = results.get_mut(made).and_then(|r| r.get_mut(number));
                if let Some(result) = result {
                    *result = Some(at);
                }
            }
        }
        Self { results, callers }
    }

    /// Where the result of a call is.
    pub(super) fn result(&self, at: usize, number: usize) -> Option<usize> {
        self.results.get(at)?.get(number).copied().flatten()
    }

    /// Where the call is that the message at `at` answers.
    pub(super) fn caller(&self, at: usize) -> Option<usize> {
        self.callers.get(at).copied().flatten()
    }

    /// Calls of the last message that makes any, which have no result, where nothing but results came since.
    pub(super) fn open<'a>(&self, messages: &[&'a Message]) -> Vec<&'a ToolCall> {
        let last = messages.iter().rposition(|m| m.role != Role::Tool);
        let Some((at, message)) = last.and_then(|at| Some((at, *messages.get(at)?))) else {
            return Vec::new();
        };
        let calls = message.tool_calls.iter().enumerate();
        let open = calls.filter(|(number, _)| self.result(at, *number).is_none());
        open.map(|(_, call)| call).collect()
    }
}

/// One thing that an agent did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'a> {
    /// Position of the newest message that it is told in.
    pub(super) at: usize,
    /// The tool, where it was a tool call.
    pub(super) tool: Option<&'a str>,
    /// The arguments of the call, or the command as the agent wrote it.
    pub(super) arguments: &'a str,
    /// What came of it.
    pub(super) result: Option<&'a Message>,
}

impl Act<'_> {
    /// As one line of text, or several where the command has several.
    pub(super) fn text(&self) -> String {
        match self.tool {
            Some(tool) => format!("{tool} {}", self.arguments),
            None => self.arguments.to_owned(),
        }
    }
}

/// What the agent did, oldest first, and which messages of the user are nothing but what came of it.
///
/// An agent whose model calls no tools works by text: the last fenced block of an answer, or its `command`
/// element, is what it does, and the message behind is what came of it. So do the text formats of SWE-agent.
pub(super) fn acts<'a>(messages: &[&'a Message], calls: &Calls) -> (Vec<Act<'a>>, Vec<bool>) {
    let mut acts = Vec::new();
    let mut observed = vec![false; messages.len()];
    let by_text = messages.iter().all(|message| message.tool_calls.is_empty());
    for (at, message) in messages.iter().enumerate() {
        for (number, call) in message.tool_calls.iter().enumerate() {
            let result = calls.result(at, number);
            acts.push(Act {
                at: result.unwrap_or(at),
                tool: Some(&call.name),
                arguments: &call.arguments,
                result: result.and_then(|at| messages.get(at).copied()),
            });
        }
        if !by_text || message.role != Role::Assistant {
            continue;
        }
        if let Some(command) = command(&message.content) {
            let result = messages.get(at + 1).filter(|next| next.role == Role::User);
            if let (Some(observed), true) = (observed.get_mut(at + 1), result.is_some()) {
                *observed = true;
            }
            acts.push(Act {
                at: at + usize::from(result.is_some()),
                tool: None,
                arguments: command,
                result: result.copied(),
            });
        }
    }
    (acts, observed)
}

/// The command in an answer that is text.
fn command(text: &str) -> Option<&str> {
    const OPEN: &str = "<command>";
    if let Some(at) = text.rfind(OPEN) {
        let rest = text.get(at + OPEN.len()..)?;
        return Some(rest.split("</command>").next()?.trim());
    }
    let end = text.trim_end().strip_suffix("```")?;
    let at = end.rfind("```")?;
    // The word behind the fence names a language.
    let (_, block) = end.get(at + 3..)?.split_once('\n')?;
    let block = block.trim_end();
    (!block.trim().is_empty()).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str, name: &str) -> ToolCall {
        ToolCall::new(id, name, "{}")
    }

    #[test]
    fn a_result_belongs_to_the_nearest_open_call_of_its_id() {
        let messages = [
            Message::user("go"),
            Message::assistant("").with_tool_call(call("a", "one")),
            Message::tool("a", "1"),
            Message::assistant("")
                .with_tool_call(call("a", "two"))
                .with_tool_call(call("b", "three")),
            Message::tool("a", "2"),
        ];
        let messages: Vec<_> = messages.iter().collect();
        let calls = Calls::of(&messages);
        assert_eq!((calls.result(1, 0), calls.result(3, 0)), (Some(2), Some(4)));
        assert_eq!((calls.caller(4), calls.caller(1)), (Some(3), None));
        let open: Vec<_> = calls.open(&messages).iter().map(|c| &*c.name).collect();
        assert_eq!(open, ["three"]);
        let (acts, observed) = acts(&messages, &calls);
        let told: Vec<_> = acts
            .iter()
            .map(|act| act.result.map(|r| &*r.content))
            .collect();
        assert_eq!(told, [Some("1"), Some("2"), None]);
        assert!(!observed.contains(&true));
    }

    #[test]
    fn calls_that_somebody_spoke_after_are_not_open() {
        let messages = [
            Message::assistant("").with_tool_call(call("a", "one")),
            Message::user("stop"),
        ];
        let messages: Vec<_> = messages.iter().collect();
        assert!(Calls::of(&messages).open(&messages).is_empty());
    }

    #[test]
    fn an_agent_that_calls_no_tools_works_by_blocks_of_text() {
        let messages = [
            Message::user("task"),
            Message::assistant("I look.\n```bash\nls -F\n```"),
            Message::user("src/"),
            Message::assistant("Now\n<command>\nopen a.py\n</command>"),
            Message::user("[File: a.py]"),
            Message::assistant("Which one?"),
            Message::user("the second"),
        ];
        let messages: Vec<_> = messages.iter().collect();
        let (acts, observed) = acts(&messages, &Calls::of(&messages));
        let told: Vec<_> = acts.iter().map(Act::text).collect();
        assert_eq!(told, ["ls -F", "open a.py"]);
        assert_eq!(observed, [false, false, true, false, true, false, false]);
    }
}
