//! One policy around three HTTP clients: `hyper-util` by a tower layer, `reqwest`, and `async-openai`.
//!
//! ```text
//! cargo run --example tower_client
//! ```
//!
//! A real server on loopback fails as the vendors do. Each part says what it did, what the client was told, and
//! how often it was asked; the program fails when that was more or less often than it should have been.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use agent_primitives::{Clock, SystemClock};
use agent_resilience::classify::{self, LimitedResource, Vendor, Verdict, When};
use agent_resilience::{
    BreakerConfig, CircuitBreaker, Cost, Failure, OpenAiService, Policy, PolicyError, PolicyLayer,
    RateLimit, RateLimitConfig, RateWindow,
};
use async_openai::config::OpenAIConfig;
use async_openai::middleware::ReqwestService;
use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionResponse};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};
use support::{
    Fault, Recording, Rule, Script, ScriptedProvider, connection_failure, hyper_client,
    reply_or_failure,
};
use tower::{Service, ServiceBuilder, ServiceExt};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    // The TLS library wants its cryptography chosen even where nothing is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    a_tower_layer().await?;
    the_same_for_reqwest().await?;
    a_client_library().await
}

/// Which stages there are, and in which order, is said once.
fn policy(limit: &RateLimit) -> Outcome<Policy> {
    let two_in_a_row = BreakerConfig {
        consecutive_failures: NonZeroU16::new(2),
        ..BreakerConfig::default()
    };
    Ok(Policy::default()
        .attempt_timeout(Duration::from_secs(30))
        .total(Duration::from_secs(60))
        .rate_limit(limit.clone())
        .breaker(CircuitBreaker::new("scripted".parse()?, two_in_a_row)))
}

fn limit() -> Outcome<RateLimit> {
    let per_minute = RateWindow::per_minute(LimitedResource::Requests, 30);
    Ok(RateLimit::new(
        &RateLimitConfig::default().window(per_minute),
    )?)
}

async fn a_tower_layer() -> Outcome<()> {
    println!("hyper-util with a tower layer");
    let hint = Some(Duration::from_secs(1));
    let (server, question) = server([
        Rule::new(Fault::RateLimited { retry_after: hint }),
        Rule::new(Fault::InsufficientQuota).requests(3..=3),
    ])
    .await?;
    let limit = limit()?;
    let layer = PolicyLayer::new(policy(&limit)?)
        .cost(|request: &Request<Full<Bytes>>| estimate(request))
        .limits(|reply: &Response<Incoming>, now| {
            classify::headers(Vendor::OpenAi, reply.headers(), now)
        });
    let mut client = ServiceBuilder::new()
        .layer(layer)
        .and_then(|reply| reply_or_failure(Vendor::OpenAi, reply))
        .map_err(connection_failure)
        .service(hyper_client());

    let ask = || Request::post(chat(&server)).body(Full::from(question.to_string()));
    let start = Instant::now();
    let reply = client.ready().await?.call(ask()?).await?;
    let took = start.elapsed().as_secs_f64();
    println!(
        "  429 with a hint of 1 s: {} after {took:.1} s",
        reply.status()
    );
    let window = limit
        .status_at(SystemClock.monotonic())
        .next()
        .ok_or("one window")?;
    println!(
        "  the reply says: {} of {} requests are left",
        window.remaining, window.limit
    );

    let refused = client.ready().await?.call(ask()?).await;
    let failure = Failure::from(refused.err().ok_or("the quota is used up")?);
    let status = failure.reply().ok_or("it was answered")?.status();
    println!(
        "  {status} because of a quota: {}, not asked again",
        failure.kind()
    );
    asked(&server, 3)
}

/// A host that counts tokens says how many; here a token is four bytes.
fn estimate(request: &Request<Full<Bytes>>) -> Cost {
    use hyper::body::Body;
    let bytes = request.body().size_hint().lower();
    Cost::REQUEST.input(bytes / 4)
}

async fn the_same_for_reqwest() -> Outcome<()> {
    println!("reqwest");
    let (server, question) = server([Rule::new(Fault::Overloaded).always()]).await?;
    let policy = policy(&limit()?)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    for _ in 0..2 {
        let request = http.post(chat(&server)).body(question.to_string());
        match policy.send(Vendor::OpenAi, request, Cost::REQUEST).await {
            Err(PolicyError::Refused { by, attempts, .. }) => {
                println!("  asked {attempts} times, then: {by}");
            }
            other => return Err(format!("{other:?} in place of a refusal").into()),
        }
    }
    asked(&server, 2)
}

async fn a_client_library() -> Outcome<()> {
    println!("async-openai");
    // As OpenRouter says it: the code is a number, and the hint is in a header.
    let limited = Fault::Verbatim {
        status: 429,
        headers: [("retry-after".to_owned(), "7".to_owned())].into(),
        body: r#"{"error":{"code":429,"message":"Provider returned error"}}"#.to_owned(),
    };
    let (server, question) = server([Rule::new(limited).always()]).await?;
    let question: CreateChatCompletionRequest = serde_json::from_value(question)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let config = OpenAIConfig::new().with_api_base(format!("{}/v1", server.url()));
    let client = async_openai::Client::build(http.clone(), config);

    let by_itself = client
        .clone()
        .with_http_service(ReqwestService::new(http.clone()));
    let service = OpenAiService::new(Vendor::OpenRouter, http).under(policy(&limit()?)?);
    let under_policy = client.with_http_service(service);
    for (name, client) in [("by itself", by_itself), ("under the policy", under_policy)] {
        let chat = client.chat();
        let came: Result<CreateChatCompletionResponse, _> = chat.create(question.clone()).await;
        let error = came.err().ok_or("the limit is met")?;
        let verdict = classify::openai_error(Vendor::OpenRouter, &error);
        println!("  {name}: {}, {}", verdict.kind, hint_of(&verdict));
    }
    asked(&server, 2)
}

fn hint_of(verdict: &Verdict) -> String {
    match verdict.retry_after {
        Some(When::In(wait)) => format!("to be asked again in {wait:?}"),
        Some(when) => format!("to be asked again at {when:?}"),
        None => "nobody knows when to ask again".to_owned(),
    }
}

async fn server(rules: impl IntoIterator<Item = Rule>) -> Outcome<(ScriptedProvider, Value)> {
    let recording = Recording::sample();
    let turn = recording.turn(1).ok_or("the sample has a turn")?;
    let messages: Vec<Value> = turn
        .before()
        .iter()
        .map(|message| json!({ "role": message.role, "content": message.content }))
        .collect();
    let question = json!({ "model": "gpt-4o", "messages": messages });
    let builder = ScriptedProvider::builder(recording.clone());
    let server = builder.script(Script::new(rules)).start().await?;
    Ok((server, question))
}

fn chat(server: &ScriptedProvider) -> String {
    format!("{}/v1/chat/completions", server.url())
}

/// The provider was asked so often.
fn asked(server: &ScriptedProvider, times: u64) -> Outcome<()> {
    match server.tally().chats {
        chats if chats == times => Ok(()),
        chats => Err(format!("asked {chats} times in place of {times}").into()),
    }
}
