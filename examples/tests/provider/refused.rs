//! Requests that no provider would answer.

use serde_json::{Value, json};
use support::{Dialect, ScriptedProvider};

use crate::asking::{client, first_turn, json, post, recording, server};

async fn refused(dialect: Dialect, body: &Value) -> (u16, String) {
    let server = server([]).await;
    let response = post(&server, dialect, body).await.unwrap();
    let tally = server.tally();
    assert_eq!((tally.chats, tally.refused), (1, 1), "{body}");
    assert_eq!(server.log()[0].turn, None);
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn what_is_not_in_the_recording_is_an_invalid_request() {
    for dialect in Dialect::ALL {
        let mut body = first_turn(dialect, true);
        *body["messages"].as_array_mut().unwrap().last_mut().unwrap() =
            json!({"role": "user", "content": "something else"});
        let (status, error) = refused(dialect, &body).await;
        assert_eq!(status, 400);
        assert!(error.contains("nowhere in the recording"), "{error}");
    }
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_an_invalid_request() {
    for dialect in Dialect::ALL {
        for body in [json!(null), json!({}), json!({"model": "m", "messages": 7})] {
            assert_eq!(refused(dialect, &body).await.0, 400, "{dialect} {body}");
        }
    }
}

#[tokio::test]
async fn a_lost_tool_result_is_refused_in_the_vendors_words() {
    let anthropic = json!({"model": "m", "max_tokens": 1, "messages": [
        {"role": "user", "content": "task"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "c1", "name": "read", "input": {}}]},
        {"role": "user", "content": "go on"},
    ]});
    let (status, error) = refused(Dialect::Anthropic, &anthropic).await;
    assert_eq!(status, 400);
    assert!(
        error.contains(
            "`tool_use` ids were found without `tool_result` blocks immediately after: c1"
        ),
        "{error}"
    );
    let openai = json!({"model": "m", "messages": [
        {"role": "user", "content": "task"},
        {"role": "tool", "tool_call_id": "c9", "content": "x"},
    ]});
    for dialect in [Dialect::OpenAi, Dialect::Groq] {
        let (status, error) = refused(dialect, &openai).await;
        assert_eq!(status, 400);
        assert!(
            error.contains("must be a response to a preceeding message"),
            "{error}"
        );
    }
    let (status, error) = refused(Dialect::Ollama, &openai).await;
    assert_eq!(status, 400);
    assert!(
        error.contains("a tool result without a call before it: c9"),
        "{error}"
    );
}

#[tokio::test]
async fn anthropic_wants_its_version_and_an_output_limit() {
    let server = server([]).await;
    let body = first_turn(Dialect::Anthropic, true);
    let url = format!("{}{}", server.url(), Dialect::Anthropic.chat_path());
    let response = client()
        .post(url)
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let error = json(&response.text().await.unwrap());
    assert_eq!(
        error["error"]["message"],
        "anthropic-version: header is required"
    );
    let mut body = first_turn(Dialect::Anthropic, true);
    body.as_object_mut().unwrap().remove("max_tokens");
    let (status, error) = refused(Dialect::Anthropic, &body).await;
    assert_eq!(status, 400);
    assert!(error.contains("max_tokens"), "{error}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let server = ScriptedProvider::builder(recording())
        .body_max(200)
        .start()
        .await
        .unwrap();
    for dialect in Dialect::ALL {
        let mut body = first_turn(dialect, true);
        assert_eq!(post(&server, dialect, &body).await.unwrap().status(), 200);
        body["padding"] = json!("x".repeat(200));
        assert_eq!(post(&server, dialect, &body).await.unwrap().status(), 413);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_not_found() {
    let server = server([]).await;
    for path in ["/", "/v1/messages", "/v1/complete"] {
        let response = client().get(format!("{}{path}", server.url())).send().await;
        assert_eq!(response.unwrap().status(), 404, "{path}");
    }
}
