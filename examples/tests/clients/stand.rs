//! A scripted provider, a policy with every stage on a clock that the test moves, and three clients.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{ManualClock, ProviderId, Timestamp};
use agent_resilience::classify::{self, LimitedResource, Vendor, Verdict};
use agent_resilience::{
    Backoff, BreakerConfig, CircuitBreaker, ConcurrencyLimit, Cost, Failure, OpenAiService, Policy,
    PolicyError, PolicyLayer, RateLimit, RateLimitConfig, RateWindow, RetryPolicy, Sleep,
};
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionResponse};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};
use support::{
    Dialect, Recording, Rule, Script, ScriptedProvider, connection_failure, hyper_client,
    reply_or_failure,
};
use tokio::sync::Notify;
use tower::{Service, ServiceBuilder, ServiceExt};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// No pause of these tests is as long, and each time limit is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
pub(crate) const ANSWER: &str = "I will read the file, the whole of it, so that nothing is missed.";

/// Skips pauses, moving the clock; a time limit runs out when the test says so.
#[derive(Clone)]
pub(crate) struct Timer {
    clock: ManualClock,
    pub(crate) pauses: Arc<Mutex<Vec<Duration>>>,
    pub(crate) run_out: Arc<Notify>,
}

#[async_trait::async_trait]
impl Sleep for Timer {
    async fn sleep(&self, duration: Duration) {
        if duration > LONGEST_PAUSE {
            self.run_out.notified().await;
        } else {
            self.pauses.lock().unwrap().push(duration);
        }
        self.clock.advance(duration);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Reqwest,
    AsyncOpenAi,
    Hyper,
}

pub(crate) const LIBRARIES: [Library; 3] = [Library::Reqwest, Library::AsyncOpenAi, Library::Hyper];

pub(crate) struct Stand {
    pub(crate) server: ScriptedProvider,
    pub(crate) policy: Policy,
    pub(crate) timer: Timer,
    pub(crate) clock: ManualClock,
    pub(crate) rate: RateLimit,
    pub(crate) slots: ConcurrencyLimit,
    pub(crate) breaker: CircuitBreaker,
}

impl Stand {
    /// Three attempts, 1 s apart, within 10 min; 50 requests a minute, 2 at a time; a breaker that opens at
    /// the 2nd failure in a row.
    pub(crate) async fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_800_000_000));
        let server = ScriptedProvider::builder(recording())
            .script(Script::new(rules))
            .clock(Arc::new(clock.clone()))
            .start()
            .await
            .unwrap();
        let timer = Timer {
            clock: clock.clone(),
            pauses: Arc::default(),
            run_out: Arc::default(),
        };
        let window = RateWindow::per_minute(LimitedResource::Requests, 50);
        let rate = RateLimit::with_clock(&RateLimitConfig::default().window(window), clock.clone())
            .unwrap();
        let slots = ConcurrencyLimit::fixed(NonZeroU32::new(2).unwrap());
        let config = BreakerConfig {
            consecutive_failures: NonZeroU16::new(2),
            failure_rate: None,
            ..BreakerConfig::default()
        };
        let id = ProviderId::new("scripted").unwrap();
        let breaker = CircuitBreaker::new(id, config).clock(clock.clone());
        let retry = RetryPolicy {
            backoff: Backoff::constant(SECOND),
            ..RetryPolicy::default()
        };
        let policy = Policy::with_sleep(retry, timer.clone())
            .clock(clock.clone())
            .rate_limit(rate.clone())
            .concurrency(slots.clone())
            .breaker(breaker.clone());
        Self {
            server,
            policy,
            timer,
            clock,
            rate,
            slots,
            breaker,
        }
    }

    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.timer.pauses.lock().unwrap().clone()
    }

    pub(crate) fn address(&self) -> String {
        format!("{}{}", self.server.url(), Dialect::OpenAi.chat_path())
    }

    /// Asks for the first turn with `library`, and reads the answer to its end.
    pub(crate) async fn ask(&self, library: Library) -> Result<String, PolicyError<Failure>> {
        let body = body(false).to_string();
        let text = match library {
            Library::Reqwest => {
                let request = reqwest_client().post(self.address()).body(body);
                let reply = self
                    .policy
                    .send(Vendor::OpenAi, request, Cost::REQUEST)
                    .await?;
                reply.text().await.unwrap()
            }
            Library::Hyper => {
                let reply = self
                    .hyper()
                    .ready()
                    .await?
                    .call(self.hyper_request(body))
                    .await?;
                text(reply).await
            }
            Library::AsyncOpenAi => {
                let reply: CreateChatCompletionResponse = self
                    .openai()
                    .chat()
                    .create(openai_request(false))
                    .await
                    .map_err(unboxed)?;
                return Ok(reply.choices[0].message.content.clone().unwrap());
            }
        };
        let reply: Value = serde_json::from_str(&text).unwrap();
        Ok(reply["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned())
    }

    /// The same as a stream: the answer, once `release` was called.
    pub(crate) async fn ask_for_stream(&self, library: Library, release: impl FnOnce()) -> String {
        let body = body(true).to_string();
        let text = match library {
            Library::Reqwest => {
                let request = reqwest_client().post(self.address()).body(body);
                let reply = self
                    .policy
                    .send(Vendor::OpenAi, request, Cost::REQUEST)
                    .await
                    .unwrap();
                release();
                reply.text().await.unwrap()
            }
            Library::Hyper => {
                let mut service = self.hyper();
                let request = self.hyper_request(body);
                let reply = service.ready().await.unwrap().call(request).await.unwrap();
                release();
                text(reply).await
            }
            Library::AsyncOpenAi => {
                let client = self.openai();
                let mut stream = client
                    .chat()
                    .create_stream(openai_request(true))
                    .await
                    .unwrap();
                release();
                let mut answer = String::new();
                while let Some(chunk) = stream.next().await {
                    if let Some(choice) = chunk.unwrap().choices.first() {
                        answer.push_str(choice.delta.content.as_deref().unwrap_or_default());
                    }
                }
                return answer;
            }
        };
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str::<Value>(data).unwrap())
            .filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned()))
            .collect()
    }

    fn hyper_request(&self, body: String) -> http::Request<Full<Bytes>> {
        http::Request::post(self.address())
            .body(Full::from(body))
            .unwrap()
    }

    fn hyper(
        &self,
    ) -> impl Service<
        http::Request<Full<Bytes>>,
        Response = http::Response<Incoming>,
        Error = PolicyError<Failure>,
    > {
        let layer = PolicyLayer::new(self.policy.clone()).limits(
            |reply: &http::Response<Incoming>, now| {
                classify::headers(Vendor::OpenAi, reply.headers(), now)
            },
        );
        ServiceBuilder::new()
            .layer(layer)
            .and_then(|reply| reply_or_failure(Vendor::OpenAi, reply))
            .map_err(connection_failure)
            .service(hyper_client())
    }

    fn openai(&self) -> async_openai::Client<OpenAIConfig> {
        let service = OpenAiService::new(Vendor::OpenAi, reqwest_client());
        openai_client(&self.server).with_http_service(service.under(self.policy.clone()))
    }
}

pub(crate) fn reqwest_client() -> reqwest::Client {
    // The TLS library wants its cryptography chosen even where nothing is encrypted; whoever was
    // first has chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

fn openai_client(server: &ScriptedProvider) -> async_openai::Client<OpenAIConfig> {
    let config = OpenAIConfig::new()
        .with_api_base(format!("{}/v1", server.url()))
        .with_api_key("not checked");
    async_openai::Client::build(reqwest_client(), config)
}

fn recording() -> Recording {
    let history = json!({"history": [
        {"role": "user", "content": "task"},
        {"role": "assistant", "content": ANSWER},
    ]});
    Recording::parse(&history.to_string()).unwrap()
}

pub(crate) fn body(stream: bool) -> Value {
    json!({
        "model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "task"}],
    })
}

fn openai_request(stream: bool) -> CreateChatCompletionRequest {
    serde_json::from_value(body(stream)).unwrap()
}

async fn text(reply: http::Response<Incoming>) -> String {
    let bytes = reply.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The policy's error, as a host finds it.
fn unboxed(error: OpenAIError) -> PolicyError<Failure> {
    let OpenAIError::Boxed(error) = error else {
        panic!("{error:?} is not the policy's");
    };
    *error.downcast().unwrap()
}

/// The verdict on a call that failed after so many attempts.
pub(crate) fn failed(came: Result<String, PolicyError<Failure>>) -> (u32, Verdict) {
    let error = came.unwrap_err();
    (error.attempts(), error.verdict().unwrap())
}
