//! What an agent did, and what came of it.

use crate::history::Pairs;
use crate::{Message, Role};

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
pub(super) fn acts<'a>(messages: &[&'a Message]) -> (Vec<Act<'a>>, Vec<bool>) {
    let pairs = Pairs::of(messages);
    let mut acts = Vec::new();
    let mut observed = vec![false; messages.len()];
    let by_text = messages.iter().all(|message| message.tool_calls.is_empty());
    for (at, message) in messages.iter().enumerate() {
        let results = pairs.results.get(&at).into_iter().flatten();
        for (call, result) in message.tool_calls.iter().zip(results) {
            let result = *result;
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
    use crate::ToolCall;

    fn call(id: &str, name: &str) -> ToolCall {
        ToolCall::new(id, name, "{}")
    }

    #[test]
    fn a_call_is_told_with_what_came_of_it() {
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
        let (acts, observed) = acts(&messages);
        let told: Vec<_> = acts
            .iter()
            .map(|act| act.result.map(|r| &*r.content))
            .collect();
        assert_eq!(told, [Some("1"), Some("2"), None]);
        assert!(!observed.contains(&true));
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
        let (acts, observed) = acts(&messages);
        let told: Vec<_> = acts.iter().map(Act::text).collect();
        assert_eq!(told, ["ls -F", "open a.py"]);
        assert_eq!(observed, [false, false, true, false, true, false, false]);
    }
}
