//! Which files the work is about, read from what the agent did.

use serde_json::Value;

use super::acts::Act;

/// Names of arguments that tools of the field give to a file's path.
const NAMES: &[&str] = &[
    "path",
    "paths",
    "file",
    "files",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "notebook_path",
    "target_file",
    "relative_workspace_path",
];

/// Names of arguments that hold a command line.
const COMMANDS: &[&str] = &["command", "cmd", "script"];

/// Longer words are no paths.
const PATH_MAX: usize = 512;

/// Paths that the act names, in order.
pub(super) fn paths(act: &Act<'_>, found: &mut Vec<String>) {
    if act.tool.is_none() {
        return words(act.arguments, found);
    }
    // Arguments are text of the model's: what is no object names no file.
    let Ok(Value::Object(fields)) = serde_json::from_str(act.arguments) else {
        return;
    };
    for (name, value) in &fields {
        let name = name.to_ascii_lowercase();
        match value {
            Value::String(text) if NAMES.contains(&&*name) => path(text, found),
            Value::Array(texts) if NAMES.contains(&&*name) => {
                for text in texts.iter().filter_map(Value::as_str) {
                    path(text, found);
                }
            }
            Value::String(text) if COMMANDS.contains(&&*name) => words(text, found),
            _ => {}
        }
    }
}

fn path(text: &str, found: &mut Vec<String>) {
    let text = text.trim();
    if !["", ".", ".."].contains(&text) && text.len() <= PATH_MAX && !text.contains('\n') {
        found.push(text.to_owned());
    }
}

/// Words of the first line that look like a file's path: with a slash, or with an extension of letters.
fn words(command: &str, found: &mut Vec<String>) {
    let line = command.lines().next().unwrap_or_default();
    for word in line.split_whitespace() {
        let word = word.trim_matches(['"', '\'', ',', ';', '(', ')', '`']);
        if is_path(word) {
            path(word, found);
        }
    }
}

fn is_path(word: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@~".contains(c);
    if word.starts_with('-')
        || !word.chars().all(is_plain)
        || !word.chars().any(char::is_alphabetic)
    {
        return false;
    }
    let name = word.rsplit('/').next().unwrap_or(word);
    let has_extension = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=8).contains(&extension.len())
            && extension.starts_with(|c: char| c.is_ascii_alphabetic())
            && extension.chars().all(|c| c.is_ascii_alphanumeric())
    });
    has_extension || (word.contains('/') && word.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tool: Option<&str>, arguments: &str) -> Vec<String> {
        let mut found = Vec::new();
        let act = Act {
            at: 0,
            tool,
            arguments,
            result: None,
        };
        paths(&act, &mut found);
        found
    }

    #[test]
    fn arguments_that_are_paths_and_words_of_commands_are_found() {
        for (tool, arguments, wanted) in [
            (
                Some("open"),
                r#"{"path":"src/a.py","line":3}"#,
                vec!["src/a.py"],
            ),
            (Some("Read"), r#"{"file_path":"/x/y"}"#, vec!["/x/y"]),
            (Some("many"), r#"{"paths":["a","b"]}"#, vec!["a", "b"]),
            (
                Some("bash"),
                r#"{"command":"python -m pytest tests/t.py --maxfail=1 -q"}"#,
                vec!["tests/t.py"],
            ),
            (Some("list"), r#"{"path":"."}"#, vec![]),
            (Some("search"), r#"{"query":"a/b.rs"}"#, vec![]),
            (Some("broken"), r#"{"path":"#, vec![]),
            (None, "open src/x/fields.py 1474", vec!["src/x/fields.py"]),
            (None, "edit 1:1\nopen other.py", vec![]),
            (None, "find_file \"fields.py\" src", vec!["fields.py"]),
            (None, "pip install -e .[dev] 3.11", vec![]),
        ] {
            assert_eq!(of(tool, arguments), wanted, "{arguments}");
        }
    }
}
