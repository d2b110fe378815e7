//! Errors in the words of each vendor.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::pairing::Unpaired;
use crate::Dialect;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    RateLimited { retry_after: Option<Duration> },
    Quota,
    Overloaded,
    Server,
    Gateway,
    Unauthorized,
    ContextTooLong { tokens: u64, limit: u64 },
    BodyTooLarge,
    NoSuchPath { path: String },
    Unpaired(Unpaired),
    Invalid { message: String },
}

/// What goes into an error besides its kind.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) dialect: Dialect,
    pub(super) model: &'a str,
    pub(super) request_id: &'a str,
}

/// An error response.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) is_html: bool,
}

// What a reverse proxy says when nobody stands behind it.
const GATEWAY_PAGE: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n\
    <body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";

/// The response for `refusal`.
pub(super) fn response(refusal: &Refusal, about: &About<'_>) -> Refused {
    if matches!(refusal, Refusal::Gateway) {
        return Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            body: GATEWAY_PAGE.to_owned(),
            is_html: true,
        };
    }
    let (status, body) = error(refusal, about);
    Refused {
        // Every literal below is a valid status.
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        body: body.to_string(),
        is_html: false,
    }
}

/// The error that stands in the middle of a stream whose status was 200.
pub(super) fn event(refusal: &Refusal, about: &About<'_>) -> String {
    let (_, body) = error(refusal, about);
    match about.dialect {
        Dialect::Anthropic => super::anthropic::event("error", body),
        Dialect::OpenAi => super::openai::event(&body),
        Dialect::Groq => format!("event: error\n{}", super::openai::event(&body)),
        Dialect::Ollama => format!("{body}\n"),
    }
}

fn error(refusal: &Refusal, about: &About<'_>) -> (u16, Value) {
    match about.dialect {
        Dialect::Anthropic => anthropic(refusal, about),
        Dialect::OpenAi => openai(refusal, about),
        Dialect::Groq => groq(refusal, about),
        Dialect::Ollama => ollama(refusal, about),
    }
}

fn anthropic(refusal: &Refusal, about: &About<'_>) -> (u16, Value) {
    let mut details = Value::Null;
    let (status, kind, message) = match refusal {
        Refusal::RateLimited { .. } => (
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 400,000 input tokens per minute.".to_owned(),
        ),
        Refusal::Quota => {
            details = json!({"error_code": "enforced_spend_limit_reached"});
            (429, "rate_limit_error", "You have reached your specified API usage limits.".to_owned())
        }
        Refusal::Overloaded => (529, "overloaded_error", "Overloaded".to_owned()),
        Refusal::Server | Refusal::Gateway => (500, "api_error", "Internal server error".to_owned()),
        Refusal::Unauthorized => (401, "authentication_error", "invalid x-api-key".to_owned()),
        Refusal::ContextTooLong { tokens, limit } => (
            400,
            "invalid_request_error",
            format!("prompt is too long: {tokens} tokens > {limit} maximum"),
        ),
        Refusal::BodyTooLarge => (
            413,
            "request_too_large",
            "Request exceeds the maximum size".to_owned(),
        ),
        Refusal::NoSuchPath { path } => (404, "not_found_error", format!("Not found: {path}")),
        Refusal::Unpaired(Unpaired::Call { index, ids }) => (
            400,
            "invalid_request_error",
            format!(
                "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
                ids.join(", ")
            ),
        ),
        Refusal::Unpaired(Unpaired::Result { index, id }) => (
            400,
            "invalid_request_error",
            format!(
                "messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ),
        ),
        Refusal::Invalid { message } => (400, "invalid_request_error", message.clone()),
    };
    let error = json!({"details": details, "type": kind, "message": message});
    (
        status,
        json!({"type": "error", "error": error, "request_id": about.request_id}),
    )
}

fn openai(refusal: &Refusal, about: &About<'_>) -> (u16, Value) {
    let model = about.model;
    let (status, kind, code, message) = match refusal {
        Refusal::RateLimited { retry_after } => (
            429,
            "tokens",
            json!("rate_limit_exceeded"),
            format!(
                "Rate limit reached for {model} in organization org-example on tokens per min (TPM): Limit 30000, Used 29500, Requested 1500.{} Visit https://platform.openai.com/account/rate-limits to learn more.",
                try_again(*retry_after)
            ),
        ),
        Refusal::Quota => (
            429,
            "insufficient_quota",
            json!("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.".to_owned(),
        ),
        Refusal::Overloaded => (
            503,
            "server_error",
            json!("server_is_overloaded"),
            "The server is currently overloaded with other requests. Please try again later.".to_owned(),
        ),
        Refusal::Server | Refusal::Gateway => (
            500,
            "server_error",
            Value::Null,
            "The server had an error while processing your request. Sorry about that!".to_owned(),
        ),
        Refusal::Unauthorized => (
            401,
            "invalid_request_error",
            json!("invalid_api_key"),
            "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.".to_owned(),
        ),
        Refusal::ContextTooLong { tokens, limit } => (
            400,
            "invalid_request_error",
            json!("context_length_exceeded"),
            format!(
                "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens. Please reduce the length of the messages."
            ),
        ),
        other => rejected(other),
    };
    (status, openai_body(kind, &code, &message))
}

fn groq(refusal: &Refusal, about: &About<'_>) -> (u16, Value) {
    let model = about.model;
    let (status, kind, code, message) = match refusal {
        Refusal::RateLimited { retry_after } => (
            429,
            "tokens",
            json!("rate_limit_exceeded"),
            format!(
                "Rate limit reached for model `{model}` in organization `org_example` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Used 5800, Requested 1500.{}",
                try_again(*retry_after)
            ),
        ),
        Refusal::ContextTooLong { tokens, limit } => (
            413,
            "tokens",
            json!("rate_limit_exceeded"),
            format!(
                "Request too large for model `{model}` in organization `org_example` service tier `on_demand` on tokens per minute (TPM): Limit {limit}, Requested {tokens}, please reduce your message size and try again."
            ),
        ),
        Refusal::Overloaded => (
            503,
            "internal_server_error",
            Value::Null,
            format!(
                "{model} is currently over capacity. Please try again and back off exponentially. Visit https://groqstatus.com to see if there is an active incident."
            ),
        ),
        Refusal::Server | Refusal::Gateway => (
            500,
            "internal_server_error",
            Value::Null,
            "Internal Server Error".to_owned(),
        ),
        Refusal::Unauthorized => (
            401,
            "invalid_request_error",
            json!("invalid_api_key"),
            "Invalid API Key".to_owned(),
        ),
        Refusal::Quota => return openai(refusal, about),
        other => rejected(other),
    };
    let error = if code.is_null() {
        json!({"message": message, "type": kind})
    } else {
        json!({"message": message, "type": kind, "code": code})
    };
    (status, json!({"error": error}))
}

fn openai_body(kind: &str, code: &Value, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// What OpenAI and Groq refuse in the same words.
fn rejected(refusal: &Refusal) -> (u16, &'static str, Value, String) {
    let (status, message) = match refusal {
        Refusal::BodyTooLarge => (413, "Request body is too large".to_owned()),
        Refusal::NoSuchPath { path } => (404, format!("Invalid URL ({path})")),
        Refusal::Unpaired(Unpaired::Call { ids, .. }) => (
            400,
            format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                ids.join(", ")
            ),
        ),
        Refusal::Unpaired(Unpaired::Result { index, .. }) => (
            400,
            format!(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. (messages[{index}])"
            ),
        ),
        Refusal::Invalid { message } => (400, message.clone()),
        other => (500, format!("unexpected refusal {other:?}")),
    };
    (status, "invalid_request_error", Value::Null, message)
}

fn try_again(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!(
            " Please try again in {}.",
            super::headers::go_duration(wait)
        )
    })
}

/// Ollama has only a text.
fn ollama(refusal: &Refusal, about: &About<'_>) -> (u16, Value) {
    let (status, message) = match refusal {
        Refusal::RateLimited { .. } => (429, "too many requests".to_owned()),
        Refusal::Quota => (
            402,
            "you have reached your usage limit, please upgrade to continue".to_owned(),
        ),
        Refusal::Overloaded => (
            503,
            "server busy, please try again.  maximum pending requests exceeded".to_owned(),
        ),
        Refusal::Server | Refusal::Gateway => (
            500,
            "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details".to_owned(),
        ),
        Refusal::Unauthorized => (401, "unauthorized".to_owned()),
        Refusal::ContextTooLong { .. } => (
            400,
            "the input length exceeds the context length".to_owned(),
        ),
        Refusal::BodyTooLarge => (413, "http: request body too large".to_owned()),
        Refusal::NoSuchPath { path } => (404, format!("path {path:?} not found")),
        // Ollama itself takes such conversations; saying so helps the host more.
        Refusal::Unpaired(unpaired) => (400, unpaired_text(unpaired, about.model)),
        Refusal::Invalid { message } => (400, message.clone()),
    };
    (status, json!({"error": message}))
}

fn unpaired_text(unpaired: &Unpaired, model: &str) -> String {
    match unpaired {
        Unpaired::Call { index, ids } => format!(
            "{model}: messages[{index}] calls tools without a result after it: {}",
            ids.join(", ")
        ),
        Unpaired::Result { index, id } => {
            format!("{model}: messages[{index}] is a tool result without a call before it: {id}")
        }
    }
}
