//! Tells the result of an action that failed from others.

use serde_json::{Map, Value};

use crate::Message;

/// Whether the result says that the action failed. Conservative: what is not surely a failure is none.
///
/// First what is structured, in an additional field, a part or a result that is a JSON object: `is_error`
/// (Anthropic's tool results), `isError` (Model Context Protocol), a status code that is not zero, an `error`.
/// Then the first and last lines of the text, as shells, compilers and test runners write them.
pub(super) fn is_failure(result: &Message) -> bool {
    if let Some(verdict) = of_fields(&result.extra) {
        return verdict;
    }
    let told = |part: &Value| of_fields(part.as_object()?);
    if let Some(verdict) = result.parts.iter().find_map(told) {
        return verdict;
    }
    let text = result.content.trim();
    if text.starts_with('{')
        && text.len() <= JSON_MAX
        && let Ok(Value::Object(fields)) = serde_json::from_str(text)
    {
        return of_fields(&fields).unwrap_or(false);
    }
    of_text(text)
}

/// Longer results are not parsed.
const JSON_MAX: usize = 256 * 1024;

fn of_fields(fields: &Map<String, Value>) -> Option<bool> {
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("is_error" | "isError", Value::Bool(failed)) => return Some(*failed),
            ("success" | "ok", Value::Bool(worked)) => return Some(!worked),
            ("exit_code" | "exitCode" | "returncode" | "return_code" | "exit_status", value) => {
                if let Some(code) = value.as_i64() {
                    return Some(code != 0);
                }
            }
            ("error", Value::String(text)) if !text.is_empty() => return Some(true),
            ("error", Value::Object(_)) => return Some(true),
            _ => {}
        }
    }
    None
}

/// The first line begins so.
const FIRST: &[&str] = &[
    "error:",
    "error[",
    "fatal:",
    "traceback (most recent call last):",
    "exception:",
    "command failed",
    "syntaxerror:",
    "usage error",
];

/// A line that is exactly so, as linters and test runners write it, letters' case included.
const EXACT: &[&str] = &["ERRORS:", "Traceback (most recent call last):"];

/// A line begins so, letters' case included.
const BEGINS: &[&str] = &[
    "error: could not compile",
    "error: process didn't exit successfully",
    "test result: FAILED",
    "FAILED (failures=",
    "FAILED (errors=",
    "npm ERR!",
    "make: *** ",
];

/// The last line ends so.
const LAST: &[&str] = &[
    ": command not found",
    ": No such file or directory",
    ": Permission denied",
    ": Is a directory",
    ": Not a directory",
];

/// How many lines at the beginning and at the end are looked at.
const LINES: usize = 40;

fn of_text(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default().trim();
    let lower = first.to_ascii_lowercase();
    if FIRST.iter().any(|begin| lower.starts_with(begin)) {
        return true;
    }
    let ends = text
        .lines()
        .take(LINES)
        .chain(text.lines().rev().take(LINES));
    for line in ends {
        let line = line.trim_end();
        if EXACT.contains(&line) || BEGINS.iter().any(|begin| line.starts_with(begin)) {
            return true;
        }
        if is_exit(line) {
            return true;
        }
    }
    let last = text.lines().rev().take(SHELL_LINES);
    last.map(str::trim_end)
        .any(|line| LAST.iter().any(|end| line.ends_with(end)) && is_shell(line))
}

/// A prompt and a line of state may follow what a shell said.
const SHELL_LINES: usize = 4;

/// As `bash: line 1: foo: command not found` and `cat: x: No such file or directory`.
fn is_shell(line: &str) -> bool {
    let program = line.split(": ").next().unwrap_or_default();
    !program.is_empty() && program.len() <= 64 && !program.contains(char::is_whitespace)
}

/// `exit code: 2`, `Exit code 1`, `exit status 101`, `exited with code 3`; zero is no failure.
fn is_exit(line: &str) -> bool {
    let line = line.trim().trim_matches(['(', ')', '[', ']', '.']);
    let lower = line.to_ascii_lowercase();
    let words = [
        "exit code",
        "exit status",
        "exited with code",
        "process exited with code",
        "command exited with code",
    ];
    words.iter().any(|begin| {
        let rest = lower.strip_prefix(begin);
        let code = rest.map(|rest| rest.trim_start_matches([':', ' ', '=']));
        code.is_some_and(|code| code.parse::<i64>().is_ok_and(|code| code != 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_structured_decides() {
        let mut message = Message::tool("c", "Traceback (most recent call last):");
        message.extra.insert("is_error".into(), json!(false));
        assert!(!is_failure(&message), "the field says that it is none");
        message.extra.insert("is_error".into(), json!(true));
        assert!(is_failure(&message));
        let part = Message::tool("c", "").with_part(json!({"isError": true}));
        assert!(is_failure(&part));
        for (text, wanted) in [
            (r#"{"exit_code": 1, "stdout": ""}"#, true),
            (r#"{"exit_code": 0, "stderr": "error: x"}"#, false),
            (r#"{"error": "no such table"}"#, true),
            (r#"{"error": null, "rows": []}"#, false),
            (r#"{"success": false}"#, true),
            (r#"{"names": ["error: x"]}"#, false),
        ] {
            assert_eq!(is_failure(&Message::tool("c", text)), wanted, "{text}");
        }
    }

    #[test]
    fn failures_of_shells_compilers_and_test_runners_are_known_and_others_are_not() {
        for text in [
            "error[E0308]: mismatched types",
            "Error: no such file",
            "fatal: not a git repository",
            "out\nTraceback (most recent call last):\n  File \"x\"\nKeyError: 'a'",
            "running 3 tests\ntest result: FAILED. 2 passed; 1 failed",
            "bash: line 1: foo: command not found",
            "cat: x.py: No such file or directory\n(Open file: n/a)\n(Current directory: /r)\nbash-$",
            "Your proposed edit has introduced new syntax error(s).\r\n\r\nERRORS:\r\n- E999 Indent",
            "output\nexit code: 2",
            "(exit status 101)",
            "   Compiling x\nerror: could not compile `x`",
        ] {
            assert!(is_failure(&Message::tool("c", text)), "{text}");
        }
        for text in [
            "",
            "344",
            "exit code: 0",
            "[File: fields.py]\n1466:            raise ValueError(msg)\n",
            "grep: errors.py\nThe error: is documented",
            "0 errors, 0 warnings",
            "test result: ok. 3 passed; 0 failed",
            "the log said: command not found",
            "def error():\n    pass",
        ] {
            assert!(!is_failure(&Message::tool("c", text)), "{text}");
        }
    }
}
