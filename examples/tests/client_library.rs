//! The corpus through a client library: `async-openai` calls the scripted provider over HTTP, and
//! the verdict is made from what its own error type leaves of the reply.
//!
//! It throws away every header, so no hint but one in the body arrives. It keeps the status where
//! the body is `{"error": {"message": …}}` with text fields, and for 5xx; for any other body, a
//! numeric `code` included, it keeps the text and loses the status. Fields of the error that it does
//! not know (`metadata`, `innererror`) are lost as well.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something unexpected happens"
)]
#![allow(clippy::print_stdout, reason = "the figures are the point of the run")]

#[allow(
    dead_code,
    reason = "the expectations that need headers are not asked here"
)]
#[path = "../../agent-resilience/tests/corpus/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::path::Path;

use agent_primitives::{FailureKind, Timestamp};
use agent_resilience::classify::{self, Classify, Remedy, Vendor, Verdict};
use agent_resilience::{NextStep, RetryPolicy};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::{OpenAIError, StreamError};
use async_openai::middleware::ReqwestService;
use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionResponse};
use http::HeaderMap;
use support::{Fault, Recording, Rule, Script, ScriptedProvider};

use case::{Case, Claim, Phase};

/// Those whose bodies OpenAI's clients are pointed at.
const SHAPED: [&str; 12] = [
    "azure_openai",
    "cerebras",
    "github_copilot",
    "github_models",
    "groq",
    "llama_cpp",
    "mistral",
    "openai",
    "openai_compatible",
    "openrouter",
    "vllm",
    "zai",
];

/// The library's error, with whom it came from: what a host would write.
struct Failed<'a> {
    vendor: Vendor,
    error: &'a OpenAIError,
}

impl Classify for Failed<'_> {
    fn verdict(&self) -> Verdict {
        match self.error {
            OpenAIError::ApiError(reply) => {
                let said = &reply.api_error;
                // Of a 5xx the library keeps the whole body as the message.
                let body = if said.r#type.is_none() && said.code.is_none() {
                    said.message.clone().into_bytes()
                } else {
                    serde_json::to_vec(&serde_json::json!({ "error": said })).unwrap_or_default()
                };
                let status = reply.status_code.as_u16();
                classify::http(self.vendor, status, &HeaderMap::new(), &body)
            }
            // The text without its status: only what it says of itself counts. An error that says
            // nothing of itself is a broken answer only in the middle of one, which this is not.
            OpenAIError::JSONDeserialize(_, content) => {
                classify::stream_event(self.vendor, content.as_bytes())
                    .filter(|verdict| verdict.kind != FailureKind::StreamCut)
                    .unwrap_or_else(|| Verdict::new(FailureKind::Unknown))
            }
            OpenAIError::StreamError(error) => match error.as_ref() {
                StreamError::EventStream(_) => Verdict::new(FailureKind::StreamCut),
                StreamError::UnknownEvent(event) => {
                    classify::stream_event(self.vendor, event.data.as_bytes())
                        .unwrap_or_else(|| Verdict::new(FailureKind::Unknown))
                }
            },
            OpenAIError::Reqwest(error) => classify::transport(error),
            OpenAIError::InvalidArgument(_) => Verdict::new(FailureKind::InvalidRequest),
            _ => Verdict::new(FailureKind::Unknown),
        }
    }
}

fn is_retried(verdict: &Verdict) -> bool {
    let policy = RetryPolicy::default();
    let step = policy.next_step(
        verdict,
        1,
        Timestamp::UNIX_EPOCH,
        &mut policy.backoff.delays(1),
    );
    matches!(verdict.remedy(), Remedy::Wait(_) | Remedy::BackOff)
        || matches!(step, NextStep::Again(_))
}

/// HTTP failures and errors under 200, with bodies that a script can hold.
fn cases() -> Vec<(Case, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent-resilience/tests/corpus");
    Case::load(&folder)
        .into_iter()
        .filter(|case| SHAPED.contains(&case.vendor.as_str()))
        .filter(|case| matches!(case.phase, Phase::Http | Phase::SuccessBody))
        // A redirect is followed or refused before the library sees it.
        .filter(|case| case.status != 302)
        .filter_map(|case| {
            let body = String::from_utf8(case.bytes()).ok()?;
            // One vendor's megabytes are enough to send.
            let is_short = body.len() < 100_000 || case.vendor == "openai";
            is_short.then_some((case, body))
        })
        .collect()
}

fn script(cases: &[(Case, String)]) -> Script {
    Script::new(cases.iter().map(|(case, body)| {
        let headers: BTreeMap<_, _> = case
            .header_map()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Rule::new(Fault::Verbatim {
            status: case.status,
            headers,
            body: body.clone(),
        })
    }))
}

/// The first turn of the recording, as the library writes it.
fn request(recording: &Recording) -> CreateChatCompletionRequest {
    let messages: Vec<_> = recording
        .turn(1)
        .unwrap()
        .before()
        .iter()
        .map(|message| {
            let role = serde_json::to_value(message.role).unwrap();
            serde_json::json!({ "role": role, "content": message.content })
        })
        .collect();
    serde_json::from_value(serde_json::json!({ "model": "gpt-4o", "messages": messages })).unwrap()
}

/// The library, without the requests that it would send again by itself: up to three.
fn client(server: &ScriptedProvider) -> Client<OpenAIConfig> {
    // The TLS library wants its cryptography chosen even where nothing is encrypted; whoever was
    // first has chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let config = OpenAIConfig::new()
        .with_api_base(format!("{}/v1", server.url()))
        .with_api_key("not checked");
    Client::build(http.clone(), config).with_http_service(ReqwestService::new(http))
}

/// How many kinds are right.
#[derive(Debug, Default)]
struct Kinds {
    cases: usize,
    by_the_library: usize,
    by_plain_http: usize,
}

/// How the library's error tells of a reply.
#[derive(Debug, Default)]
struct Figures {
    with_status: usize,
    without_status: usize,
    /// Cases of which the source tells the kind.
    known: Kinds,
    /// Those among them whose status the library keeps.
    known_with_status: Kinds,
    final_ones: usize,
    retried: Vec<String>,
}

impl Figures {
    fn add(&mut self, case: &Case, error: &OpenAIError) {
        let has_status = matches!(error, OpenAIError::ApiError(_));
        self.with_status += usize::from(has_status);
        self.without_status += usize::from(!has_status);
        let vendor: Vendor = case.vendor.parse().unwrap();
        let verdict = Failed { vendor, error }.verdict();
        if let Claim::Is(kind) = case.kind {
            let plain = classify::http(vendor, case.status, &case.header_map(), &case.bytes());
            let mut counts = vec![&mut self.known];
            if has_status {
                counts.push(&mut self.known_with_status);
            }
            for count in counts {
                count.cases += 1;
                count.by_the_library += usize::from(kind == verdict.kind);
                count.by_plain_http += usize::from(kind == plain.kind);
            }
        }
        if case.never_retry {
            self.final_ones += 1;
            if is_retried(&verdict) {
                self.retried.push(format!(
                    "  {} {} \"{}\": {} from {error:?}",
                    case.vendor, case.status, case.name, verdict.kind
                ));
            }
        }
    }
}

#[tokio::test]
async fn no_final_failure_is_retried_on_the_word_of_a_client_library() {
    let cases = cases();
    let recording = Recording::sample();
    let request = request(&recording);
    let server = ScriptedProvider::builder(recording)
        .script(script(&cases))
        .start()
        .await
        .unwrap();
    let client = client(&server);
    let mut figures = Figures::default();
    for (case, _) in &cases {
        let reply: Result<CreateChatCompletionResponse, _> =
            client.chat().create(request.clone()).await;
        figures.add(case, &reply.unwrap_err());
    }
    println!("{} replies over HTTP: {figures:#?}", cases.len());
    assert_eq!(server.tally().chats, cases.len() as u64, "one request each");
    assert!(figures.retried.is_empty(), "{}", figures.retried.join("\n"));
    assert!(cases.len() >= 200, "{} cases", cases.len());
    assert!(figures.final_ones >= 100, "{} final", figures.final_ones);
    // What it loses besides: statuses of bodies that are not `{"error": {…}}` with text in it.
    let Kinds {
        cases,
        by_the_library,
        ..
    } = figures.known;
    assert!(by_the_library * 10 >= cases * 6, "{:?}", figures.known);
    let Kinds {
        cases,
        by_the_library,
        ..
    } = figures.known_with_status;
    let enough = cases > 100 && by_the_library * 10 >= cases * 9;
    assert!(enough, "{:?}", figures.known_with_status);
}

#[tokio::test]
async fn a_refused_connection_is_the_network_also_on_the_word_of_a_client_library() {
    let server = ScriptedProvider::builder(Recording::sample())
        .start()
        .await
        .unwrap();
    let client = client(&server);
    let request = request(&Recording::sample());
    drop(server);
    let error = client.chat().create(request).await.unwrap_err();
    let failed = Failed {
        vendor: Vendor::OpenAi,
        error: &error,
    };
    assert_eq!(failed.verdict().kind, FailureKind::Network, "{error:?}");
}
