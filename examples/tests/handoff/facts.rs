//! What of a recorded session must survive a handoff, read from its messages.

use std::collections::BTreeSet;

use support::{Message, Role};

/// One thing that must survive, as the very text that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact {
    /// What kind of fact it is.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// Something that the agent did.
pub(crate) struct Step<'a> {
    pub(crate) tool: &'a str,
    /// The arguments, or the command, as the agent wrote them.
    pub(crate) text: &'a str,
    /// What the agent said to it.
    pub(crate) why: &'a str,
    /// What came of it, where that is known.
    pub(crate) result: Option<&'a str>,
    /// The id and arguments of a tool call.
    pub(crate) call: Option<&'a support::ToolCall>,
}

/// What must survive of these messages:
///
/// - of the task: each number, and each word with a digit, a `_`, a `/`, a dot or a capital letter within it;
/// - each later request of the user, whole;
/// - each file that the agent made or changed, as the agent named it;
/// - each command that failed, whole, and the line that says how;
/// - each call without a result: its id, its tool and its arguments, whole;
/// - what the host keeps ([`super::giver`]): each decision with its reason, each artifact's path and digest,
///   the next step.
pub(crate) fn facts(messages: &[Message]) -> Vec<Fact> {
    let mut facts = BTreeSet::new();
    let mut add = |kind: &'static str, text: &str| {
        let text = text.trim().to_owned();
        if !text.is_empty() {
            facts.insert(Fact { kind, text });
        }
    };
    let steps = steps(messages);
    let observed: Vec<&str> = steps.iter().filter_map(|step| step.result).collect();
    let said = messages.iter().filter(|m| m.role == Role::User);
    let mut said = said
        .map(|m| m.content.as_str())
        .filter(|text| !observed.contains(text));
    for word in said
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(identifier)
    {
        add("task", word);
    }
    said.for_each(|request| add("request", request));
    let mut open_file = None;
    for step in &steps {
        open_file = path(step).or(open_file);
        if let (true, Some(path)) = (is_change(step), open_file) {
            add("file", path);
        }
        if let Some(line) = step.result.and_then(failure) {
            add("failed", step.text);
            add("error", line);
        }
        if let (Some(call), None) = (step.call, step.result) {
            add("open call", &call.id);
            add("open call", &call.name);
            add("open call", &call.arguments);
        }
    }
    for kept in super::giver::kept(messages) {
        add("kept by the host", &kept);
    }
    facts.into_iter().collect()
}

/// The word without the marks around it, where it is a number or looks like a name.
fn identifier(word: &str) -> Option<&str> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let within = word.get(1..).unwrap_or_default();
    let is_name = word.contains(|c: char| c.is_ascii_digit() || c == '_' || c == '/')
        || within.contains(|c: char| c.is_ascii_uppercase() || c == '.');
    (word.len() > 1 && is_name).then_some(word)
}

/// What the agent did, oldest first: its tool calls, or where it makes none its blocks of text.
pub(crate) fn steps(messages: &[Message]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let calls_tools = messages
        .iter()
        .any(|message| !message.tool_calls.is_empty());
    for (at, message) in messages.iter().enumerate() {
        for call in &message.tool_calls {
            // Ids are used again, so the next result of the id is the call's.
            let mut later = messages.iter().skip(at + 1);
            let result = later.find(|m| m.tool_call_id.as_deref() == Some(&call.id));
            steps.push(Step {
                tool: &call.name,
                text: &call.arguments,
                why: &message.content,
                result: result.map(|m| m.content.as_str()),
                call: Some(call),
            });
        }
        if calls_tools || message.role != Role::Assistant {
            continue;
        }
        for (open, close) in [("```\n", "\n```"), ("<command>\n", "\n</command>")] {
            let Some((why, rest)) = message
                .content
                .rsplit_once(close)
                .and_then(|(before, _)| before.rsplit_once(open))
            else {
                continue;
            };
            let next = messages.get(at + 1).filter(|m| m.role == Role::User);
            steps.push(Step {
                tool: rest.split_whitespace().next().unwrap_or_default(),
                text: rest,
                why,
                result: next.map(|m| m.content.as_str()),
                call: None,
            });
        }
    }
    steps
}

/// The file that the step opens, makes or changes.
pub(crate) fn path<'a>(step: &Step<'a>) -> Option<&'a str> {
    if !["open", "create", "edit", "insert", "replace", "read_file"].contains(&step.tool) {
        return None;
    }
    if step.call.is_none() {
        let is_named = ["open", "create"].contains(&step.tool);
        return step.text.split_whitespace().nth(1).filter(|_| is_named);
    }
    ["\"path\"", "\"filename\"", "\"file_name\""]
        .iter()
        .find_map(|name| {
            let (_, rest) = step.text.split_once(name)?;
            rest.split('"').nth(1)
        })
}

pub(crate) fn is_change(step: &Step<'_>) -> bool {
    ["create", "edit", "insert", "replace"].contains(&step.tool)
}

/// The line that says that the command failed: as a shell, Python, a Rust test or SWE-agent's editor writes it.
fn failure(result: &str) -> Option<&str> {
    let mut lines = result.lines().map(str::trim_end);
    let begins = |line: &str| {
        ["- E", "test result: FAILED", "bash: ", "error: "]
            .iter()
            .any(|b| line.starts_with(b))
    };
    if result.contains("Traceback (most recent call last)") {
        return lines.rfind(|line| line.contains("Error"));
    }
    lines.find(|line| begins(line))
}
