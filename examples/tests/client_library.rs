//! The corpus through a client library: `async-openai` calls the scripted provider over HTTP, once as it is
//! and once with `OpenAiService` below it.
//!
//! As it is, the verdict is made from what its own error type leaves of the reply. It throws away every header, so no hint but one in the body arrives. It keeps the status where
//! the body is `{"error": {"message": …}}` with text fields, and for 5xx; for any other body, a
//! numeric `code` included, it keeps the text and loses the status. Fields of the error that it does
//! not know (`metadata`, `innererror`) are lost as well. With the service every verdict is the one that is made
//! of the whole reply.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]
#![allow(clippy::print_stdout, reason = "the figures are the point of the run")]

#[allow(
    dead_code,
    reason = "the expectations that need headers are not asked here"
)]
#[path = "../../agent-resilience/tests/it/corpus/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

use agent_primitives::{FailureKind, Timestamp};
use agent_resilience::classify::{self, Classify, Remedy, Vendor, Verdict};
use agent_resilience::{NextStep, OpenAiService, Policy, RetryPolicy, TokioSleep};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::ReqwestService;
use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionResponse};
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

fn http_client() -> reqwest::Client {
    // The TLS library wants its cryptography chosen even where nothing is encrypted; whoever was
    // first has chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    http.build().unwrap()
}

fn config(server: &ScriptedProvider) -> OpenAIConfig {
    OpenAIConfig::new()
        .with_api_base(format!("{}/v1", server.url()))
        .with_api_key("not checked")
}

/// The library, without the requests that it would send again by itself: up to three.
fn client(server: &ScriptedProvider) -> Client<OpenAIConfig> {
    let http = http_client();
    Client::build(http.clone(), config(server)).with_http_service(ReqwestService::new(http))
}

/// The same for replies of each vendor, with `OpenAiService` below it, under a policy that asks once.
fn below(server: &ScriptedProvider) -> impl Fn(Vendor) -> Client<OpenAIConfig> + use<> {
    let once = RetryPolicy {
        max_attempts: NonZeroU32::MIN,
        ..RetryPolicy::default()
    };
    let (http, config) = (http_client(), config(server));
    move |vendor| {
        let policy = Policy::with_sleep(once.clone(), TokioSleep);
        let service = OpenAiService::new(vendor, http.clone()).under(policy);
        Client::build(http.clone(), config.clone()).with_http_service(service)
    }
}

/// How much of what the sources tell is right.
#[derive(Debug, Default)]
struct Right {
    cases: usize,
    by_the_library: usize,
    by_the_service: usize,
    by_plain_http: usize,
}

impl Right {
    /// Counts a case of which `wanted` is known.
    fn add<T: PartialEq>(&mut self, wanted: &T, found: &Found, read: impl Fn(&Verdict) -> T) {
        let is_right = |verdict| usize::from(read(verdict) == *wanted);
        self.cases += 1;
        self.by_the_library += is_right(&found.library);
        self.by_the_service += is_right(&found.service);
        self.by_plain_http += is_right(&found.plain);
    }
}

/// The verdicts on one reply, by the three ways to it.
struct Found {
    library: Verdict,
    service: Verdict,
    plain: Verdict,
}

/// How the library's error tells of a reply.
#[derive(Debug, Default)]
struct Figures {
    with_status: usize,
    without_status: usize,
    /// Cases of which the source tells the kind.
    kinds: Right,
    /// Those among them whose status the library keeps.
    kinds_with_status: Right,
    /// Cases of which the source tells what else would fail.
    scopes: Right,
    /// Cases with a hint.
    hints: Right,
    final_ones: usize,
    retried: Vec<String>,
    unlike_plain_http: Vec<String>,
}

impl Figures {
    fn add(&mut self, case: &Case, by_itself: &OpenAIError, below: &OpenAIError) {
        let has_status = matches!(by_itself, OpenAIError::ApiError(_));
        self.with_status += usize::from(has_status);
        self.without_status += usize::from(!has_status);
        let vendor: Vendor = case.vendor.parse().unwrap();
        let found = Found {
            library: classify::openai_error(vendor, by_itself),
            service: classify::openai_error(vendor, below),
            plain: classify::http(vendor, case.status, &case.header_map(), &case.bytes()),
        };
        if let Claim::Is(kind) = case.kind {
            self.kinds.add(&kind, &found, |verdict| verdict.kind);
            if has_status {
                self.kinds_with_status
                    .add(&kind, &found, |verdict| verdict.kind);
            }
        }
        if let Some(scope) = case.scope {
            self.scopes.add(&scope, &found, |verdict| verdict.scope);
        }
        if found.plain.retry_after.is_some() {
            self.hints.add(&found.plain.retry_after, &found, |verdict| {
                verdict.retry_after
            });
        }
        // A reply under 200 has passed the service; it is for who reads it.
        if case.status != 200 && found.service != found.plain {
            self.unlike_plain_http.push(format!(
                "  {} {} \"{}\": {below:?}",
                case.vendor, case.status, case.name
            ));
        }
        if case.never_retry {
            self.final_ones += 1;
            for (verdict, error) in [(&found.library, by_itself), (&found.service, below)] {
                if is_retried(verdict) {
                    self.retried.push(format!(
                        "  {} {} \"{}\": {} from {error:?}",
                        case.vendor, case.status, case.name, verdict.kind
                    ));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_service_below_a_client_library_keeps_what_the_library_throws_away() {
    let cases = cases();
    let recording = Recording::sample();
    let request = request(&recording);
    let start = || {
        ScriptedProvider::builder(recording.clone())
            .script(script(&cases))
            .start()
    };
    let servers = [start().await.unwrap(), start().await.unwrap()];
    let (by_itself, below) = (client(&servers[0]), below(&servers[1]));
    let mut figures = Figures::default();
    for (case, _) in &cases {
        let ask = |client: Client<OpenAIConfig>| {
            let request = request.clone();
            async move {
                let reply: Result<CreateChatCompletionResponse, _> =
                    client.chat().create(request).await;
                reply.unwrap_err()
            }
        };
        let service = below(case.vendor.parse().unwrap());
        figures.add(case, &ask(by_itself.clone()).await, &ask(service).await);
    }
    println!("{} replies over HTTP: {figures:#?}", cases.len());
    for server in servers {
        let chats = server.tally().chats;
        assert_eq!(chats, cases.len() as u64, "one request each");
    }
    assert!(figures.retried.is_empty(), "{}", figures.retried.join("\n"));
    assert!(cases.len() >= 200, "{} cases", cases.len());
    assert!(figures.final_ones >= 100, "{} final", figures.final_ones);
    let unlike = figures.unlike_plain_http;
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
    // What the library loses besides: statuses of bodies that are not `{"error": {…}}` with text in it.
    let kinds = figures.kinds;
    assert!(kinds.by_the_library * 10 >= kinds.cases * 6, "{kinds:?}");
    assert!(
        kinds.by_the_service >= kinds.by_the_library + 70,
        "{kinds:?}"
    );
    let kept = figures.kinds_with_status;
    let enough = kept.cases > 100 && kept.by_the_library * 10 >= kept.cases * 9;
    assert!(enough, "{kept:?}");
    let hints = figures.hints;
    assert!(hints.by_the_library * 2 < hints.cases, "{hints:?}");
    assert_eq!(hints.by_the_service, hints.cases, "{hints:?}");
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
    assert_eq!(error.verdict().kind, FailureKind::Network, "{error:?}");
}
