//! The shapes of good answers, checked against what the vendors document.

use serde_json::{Value, json};
use support::Dialect;

use crate::asking::{ARGUMENTS, MODES, TEXT, ask, chunks, client, first_turn, json, post, server};

fn joined<'a>(chunks: impl Iterator<Item = &'a Value>) -> String {
    chunks.filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn anthropic_streams_blocks_between_start_and_stop() {
    let server = server([]).await;
    let response = ask(&server, Dialect::Anthropic, true).await;
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let body = response.text().await.unwrap();
    let events: Vec<Value> = chunks(Dialect::Anthropic, &body)
        .into_iter()
        .map(json)
        .collect();
    let mut kinds: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let names: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(names, kinds, "the name of an event is its type");
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(joined(events.iter().map(|e| &e["delta"]["text"])), TEXT);
    assert_eq!(
        joined(events.iter().map(|e| &e["delta"]["partial_json"])),
        ARGUMENTS
    );
    let opening = events.iter().find(|e| e["index"] == 1).unwrap();
    assert_eq!(
        opening["content_block"],
        json!({"type": "tool_use", "id": "c1", "name": "read", "input": {}})
    );
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
}

#[tokio::test]
async fn anthropic_answers_plainly_with_raw_input() {
    let server = server([]).await;
    let body = ask(&server, Dialect::Anthropic, false)
        .await
        .text()
        .await
        .unwrap();
    assert!(body.contains(&format!("\"input\":{ARGUMENTS}")), "{body}");
    let message = json(&body);
    assert_eq!(message["content"][0], json!({"type": "text", "text": TEXT}));
    assert_eq!(message["stop_reason"], "tool_use");
    // "rules" and "task" are 9 bytes; nothing is long enough to be cached.
    assert_eq!(message["usage"]["input_tokens"], 3);
    assert_eq!(message["usage"]["cache_read_input_tokens"], 0);
}

#[tokio::test]
async fn openai_streams_deltas_then_usage_then_done() {
    for dialect in [Dialect::OpenAi, Dialect::Groq] {
        let server = server([]).await;
        let body = ask(&server, dialect, true).await.text().await.unwrap();
        let mut texts = chunks(dialect, &body);
        assert_eq!(texts.pop(), Some("[DONE]"));
        let events: Vec<Value> = texts.into_iter().map(json).collect();
        let deltas: Vec<&Value> = events.iter().map(|e| &e["choices"][0]["delta"]).collect();
        assert_eq!(deltas[0]["role"], "assistant");
        assert_eq!(joined(deltas.iter().map(|delta| &delta["content"])), TEXT);
        let calls: Vec<&Value> = deltas
            .iter()
            .map(|delta| &delta["tool_calls"][0])
            .filter(|call| !call.is_null())
            .collect();
        assert_eq!(
            (calls[0]["id"].as_str(), calls[0]["type"].as_str()),
            (Some("c1"), Some("function"))
        );
        assert!(calls[1..].iter().all(|call| call["id"].is_null()));
        assert_eq!(
            joined(calls.iter().map(|call| &call["function"]["arguments"])),
            ARGUMENTS
        );
        let [.., last, figures] = events.as_slice() else {
            panic!("{body}")
        };
        assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(figures["choices"], json!([]));
        assert_eq!(figures["usage"]["prompt_tokens"], 3);
        let groq_usage = &last["x_groq"]["usage"]["prompt_tokens"];
        assert_eq!(groq_usage.as_u64(), (dialect == Dialect::Groq).then_some(3));
    }
}

#[tokio::test]
async fn openai_sends_usage_in_a_stream_only_when_asked() {
    let server = server([]).await;
    let mut request = first_turn(Dialect::OpenAi, true);
    request["stream_options"] = json!({"include_usage": false});
    let response = post(&server, Dialect::OpenAi, &request).await.unwrap();
    assert!(!response.text().await.unwrap().contains("prompt_tokens"));
}

#[tokio::test]
async fn openai_answers_plainly_with_arguments_as_text() {
    let server = server([]).await;
    let body = ask(&server, Dialect::OpenAi, false).await.text().await;
    let answer = json(&body.unwrap());
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], TEXT);
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], ARGUMENTS);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["created"], 1_800_000_000);
    assert_eq!(
        answer["usage"]["total_tokens"].as_u64(),
        Some(3 + answer["usage"]["completion_tokens"].as_u64().unwrap())
    );
}

#[tokio::test]
async fn ollama_streams_lines_and_marks_the_last() {
    let server = server([]).await;
    let response = ask(&server, Dialect::Ollama, true).await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let body = response.text().await.unwrap();
    assert!(
        body.contains(&format!("\"arguments\":{ARGUMENTS}")),
        "{body}"
    );
    let lines: Vec<Value> = body.lines().map(json).collect();
    assert_eq!(
        joined(lines.iter().map(|line| &line["message"]["content"])),
        TEXT
    );
    let (last, others) = lines.split_last().unwrap();
    assert!(others.iter().all(|line| line["done"] == false));
    assert_eq!(
        (&last["done"], &last["done_reason"]),
        (&json!(true), &json!("stop"))
    );
    assert_eq!(last["prompt_eval_count"], 3);
    let calls = &others.last().unwrap()["message"]["tool_calls"];
    assert_eq!(
        (&calls[0]["id"], &calls[0]["function"]["name"]),
        (&json!("c1"), &json!("read"))
    );
}

#[tokio::test]
async fn ollama_streams_unless_told_otherwise() {
    let server = server([]).await;
    let mut request = first_turn(Dialect::Ollama, true);
    request.as_object_mut().unwrap().remove("stream");
    let response = post(&server, Dialect::Ollama, &request).await.unwrap();
    assert!(response.text().await.unwrap().lines().count() > 2);
}

#[tokio::test]
async fn successes_carry_the_vendors_limit_headers() {
    let server = server([]).await;
    for (dialect, expected) in [
        (
            Dialect::Anthropic,
            &[
                ("request-id", "req_000000000000000000000001"),
                ("anthropic-ratelimit-requests-limit", "4000"),
                ("anthropic-ratelimit-requests-remaining", "3999"),
                ("anthropic-ratelimit-input-tokens-remaining", "399997"),
                ("anthropic-ratelimit-output-tokens-limit", "80000"),
                ("anthropic-ratelimit-tokens-reset", "2027-01-15T08:00:01Z"),
            ][..],
        ),
        (
            Dialect::OpenAi,
            &[
                ("x-request-id", "req_000000000000000000000002"),
                ("x-ratelimit-limit-requests", "5000"),
                ("x-ratelimit-remaining-requests", "4998"),
                ("x-ratelimit-remaining-tokens", "799997"),
                ("x-ratelimit-reset-tokens", "1s"),
            ],
        ),
        (
            Dialect::Groq,
            &[
                ("x-ratelimit-limit-requests", "14400"),
                ("x-ratelimit-reset-requests", "2m59.56s"),
                ("x-ratelimit-remaining-tokens", "299997"),
            ],
        ),
    ] {
        let response = ask(&server, dialect, true).await;
        for (name, value) in expected {
            assert_eq!(response.headers()[*name], *value, "{dialect} {name}");
        }
        assert!(!response.headers().contains_key("retry-after"), "{dialect}");
    }
    let headers = ask(&server, Dialect::Ollama, true).await.headers().clone();
    let limits = headers
        .keys()
        .filter(|name| name.as_str().contains("limit"));
    assert_eq!(limits.count(), 0);
}

#[tokio::test]
async fn long_histories_are_read_from_the_cache() {
    let server = server([]).await;
    let rules = "r".repeat(8_000);
    let tail = [
        json!({"role": "user", "content": "task"}),
        json!({"role": "assistant", "content": TEXT, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "read", "arguments": ARGUMENTS}}]}),
        json!({"role": "tool", "tool_call_id": "c1", "content": "fn main() {}"}),
    ];
    let mut messages = vec![json!({"role": "system", "content": rules})];
    messages.extend(tail);
    let request = json!({"model": "m", "stream": false, "messages": messages});
    let response = post(&server, Dialect::OpenAi, &request).await.unwrap();
    let usage = json(&response.text().await.unwrap())["usage"].clone();
    // 8 004 bytes were sent before: 2 001 tokens, of which whole blocks of 128 are cached, and
    // they are a part of the prompt.
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 1_920);
    assert!(usage["prompt_tokens"].as_u64().unwrap() > 2_001);
    let blocks = json!([{"type": "tool_use", "id": "c1", "name": "read",
        "input": json(ARGUMENTS)}, {"type": "text", "text": TEXT}]);
    let request = json!({
        "model": "m", "max_tokens": 1, "system": [{"type": "text", "text": rules}],
        "messages": [
            {"role": "user", "content": "task"}, {"role": "assistant", "content": blocks},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "fn main() {}"}]},
        ],
    });
    let response = post(&server, Dialect::Anthropic, &request).await.unwrap();
    let usage = json(&response.text().await.unwrap())["usage"].clone();
    // Here the cached part is not in the other figure.
    assert_eq!(usage["cache_read_input_tokens"], 2_001);
    assert!(usage["input_tokens"].as_u64().unwrap() < 100);
}

#[tokio::test]
async fn models_are_listed_for_probes() {
    let server = server([]).await;
    for (dialect, pointer) in [
        (Dialect::Anthropic, "/data/0/id"),
        (Dialect::OpenAi, "/data/0/id"),
        (Dialect::Groq, "/data/0/id"),
        (Dialect::Ollama, "/models/0/name"),
    ] {
        let url = format!("{}{}", server.url(), dialect.models_path());
        let response = client().get(url).send().await.unwrap();
        let body = json(&response.text().await.unwrap());
        assert_eq!(body.pointer(pointer), Some(&json!("scripted")), "{dialect}");
    }
    let tally = server.tally();
    assert_eq!((tally.probes, tally.chats, tally.answered), (4, 0, 4));
}

#[tokio::test]
async fn equal_requests_get_equal_answers() {
    let server = server([]).await;
    for dialect in Dialect::ALL {
        for stream in MODES {
            let first = ask(&server, dialect, stream).await.bytes().await.unwrap();
            let again = ask(&server, dialect, stream).await.bytes().await.unwrap();
            assert_eq!(first, again, "{dialect} {stream}");
        }
    }
}
