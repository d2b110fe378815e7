//! A tiny recording, a server for it, and requests written by hand: nothing here goes through the
//! client that is tested elsewhere.

use std::sync::Arc;

use agent_primitives::{ManualClock, Timestamp};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use support::{Dialect, Fault, Recording, Rule, Script, ScriptedProvider};

/// The arguments of the only tool call; the spaces must survive.
pub(crate) const ARGUMENTS: &str = r#"{ "path":"a.rs",  "line": 1.50 }"#;
pub(crate) const TEXT: &str = "I will read the file – the whole of it, so that nothing is missed.";

/// Both modes: streamed and plain.
pub(crate) const MODES: [bool; 2] = [true, false];

pub(crate) fn recording() -> Recording {
    let history = json!({"history": [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "task"},
        {"role": "assistant", "content": TEXT, "tool_calls": [
            {"id": "c1", "function": {"name": "read", "arguments": ARGUMENTS}}]},
        {"role": "tool", "content": "fn main() {}", "tool_call_ids": ["c1"]},
        {"role": "assistant", "content": "done"}
    ]});
    Recording::parse(&history.to_string()).unwrap()
}

pub(crate) async fn server(rules: impl IntoIterator<Item = Rule>) -> ScriptedProvider {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_800_000_000));
    ScriptedProvider::builder(recording())
        .script(Script::new(rules))
        .clock(Arc::new(clock))
        .start()
        .await
        .unwrap()
}

/// A server that spoils every request in the same way.
pub(crate) async fn always(fault: Fault) -> ScriptedProvider {
    server([Rule::new(fault).always()]).await
}

/// Asks for the first turn.
pub(crate) fn first_turn(dialect: Dialect, stream: bool) -> Value {
    match dialect {
        Dialect::Anthropic => json!({
            "model": "m", "max_tokens": 100, "stream": stream, "system": "rules",
            "messages": [{"role": "user", "content": "task"}],
        }),
        Dialect::OpenAi | Dialect::Groq => json!({
            "model": "m", "stream": stream, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "developer", "content": "rules"},
                {"role": "user", "content": [{"type": "text", "text": "task"}]},
            ],
        }),
        Dialect::Ollama => json!({
            "model": "m", "stream": stream, "messages": [
                {"role": "system", "content": "rules"}, {"role": "user", "content": "task"},
            ],
        }),
    }
}

pub(crate) fn client() -> Client {
    // The first of several users in one process wins; all of them want the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

pub(crate) async fn post(
    server: &ScriptedProvider,
    dialect: Dialect,
    body: &Value,
) -> reqwest::Result<Response> {
    client()
        .post(format!("{}{}", server.url(), dialect.chat_path()))
        .header("anthropic-version", "2023-06-01")
        .body(body.to_string())
        .send()
        .await
}

pub(crate) async fn ask(server: &ScriptedProvider, dialect: Dialect, stream: bool) -> Response {
    post(server, dialect, &first_turn(dialect, stream))
        .await
        .unwrap()
}

/// The JSON texts of a streamed answer, in order, and whatever else stands where JSON should.
pub(crate) fn chunks(dialect: Dialect, body: &str) -> Vec<&str> {
    let prefix = if dialect == Dialect::Ollama {
        ""
    } else {
        "data: "
    };
    body.lines()
        .filter(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix(prefix))
        .collect()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
