//! A provider that is called over HTTP.

mod anthropic;
mod chat;
mod endpoint;
mod key;
mod ollama;
mod openai;
mod parts;
mod spoiled;
mod streaming;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ProviderId, SystemClock};
use agent_resilience::classify::{self, Evidence, Vendor, Verdict};
use agent_resilience::{EventReader, Failure, Metering, Provider, Sleep, TokioSleep};
use async_trait::async_trait;
use reqwest::{RequestBuilder, Response};
use serde_json::value::RawValue;

use crate::{Dialect, ToolCall};
use endpoint::Endpoint;
use parts::Parts;
use spoiled::Spoiled;

pub use chat::{ChatReply, ChatRequest, Finish, ToolSpec};
pub use endpoint::InvalidEndpoint;
pub use key::{ApiKey, InvalidKey};
pub use streaming::{ChatPiece, ChatStream, StreamingProvider};

// An answer of 128 000 tokens is about 0.5 MiB; as single-token events some 60 MiB.
const REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;
// What the classifier looks at.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// One provider behind one URL and one key: a [`Provider`] that answers [`ChatRequest`]s.
///
/// Four clocks run: until the reply begins (60 s), from there to its first word (60 s), between two pieces
/// of it (30 s), and over all (10 min); what runs out is a timeout. An answer that breaks off, does not parse or ends without
/// the vendor's last word is a cut stream, never a success.
///
/// ```
/// use std::time::Duration;
/// use support::{ApiKey, Dialect, HttpProvider};
///
/// let url = "https://api.anthropic.com";
/// let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, url)?
///     .key(ApiKey::new("sk-an-example")?)
///     .model("claude-sonnet-4-5")
///     .idle_timeout(Duration::from_secs(20));
/// assert_eq!(claude.dialect(), Dialect::Anthropic);
/// assert!(!format!("{claude:?}").contains("sk-an-example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpProvider {
    id: ProviderId,
    dialect: Dialect,
    endpoint: Endpoint,
    key: Option<ApiKey>,
    model: Option<String>,
    first_byte: Duration,
    idle: Duration,
    first_token: Duration,
    total: Duration,
    sleep: Arc<dyn Sleep>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider")
            .field("id", &self.id)
            .field("dialect", &self.dialect)
            .field("endpoint", &self.endpoint)
            .field("key", &self.key)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl HttpProvider {
    /// A provider at `base_url`: scheme, host and port; a version path such as `/v1`, as the
    /// vendors' own libraries want it, may follow.
    ///
    /// # Errors
    /// When the URL is not `http://` or `https://` with a host, or the system's certificates cannot
    /// be loaded.
    pub fn new(id: ProviderId, dialect: Dialect, base_url: &str) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            id,
            dialect,
            endpoint: Endpoint::new(dialect, base_url)?,
            key: None,
            model: None,
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            first_token: Duration::from_secs(60),
            total: Duration::from_secs(600),
            sleep: Arc::new(TokioSleep),
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the key; none is sent unless set.
    #[must_use]
    pub fn key(mut self, key: ApiKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Asks for this model, whichever a request names.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The longest wait until the reply begins; 60 s unless set.
    #[must_use]
    pub const fn first_byte_timeout(mut self, wait: Duration) -> Self {
        self.first_byte = wait;
        self
    }

    /// The longest wait between two pieces of a reply; 30 s unless set.
    #[must_use]
    pub const fn idle_timeout(mut self, wait: Duration) -> Self {
        self.idle = wait;
        self
    }

    /// The longest wait from the start of a streamed reply to the first word of the answer; 60 s unless
    /// set.
    #[must_use]
    pub const fn first_token_timeout(mut self, wait: Duration) -> Self {
        self.first_token = wait;
        self
    }

    /// How its clocks run; on tokio's timer unless set.
    #[must_use]
    pub fn sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// What the resets of its limits are dated by; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The longest a call may take; 10 min unless set.
    #[must_use]
    pub const fn total_timeout(mut self, wait: Duration) -> Self {
        self.total = wait;
        self
    }

    /// The format that it speaks.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Cuts a streamed reply into its events.
    fn reader(&self) -> EventReader {
        let reader = if self.dialect == Dialect::Ollama {
            EventReader::lines()
        } else {
            EventReader::sse()
        };
        reader.max_event_bytes(REPLY_BYTES_MAX)
    }

    fn vendor(&self) -> Vendor {
        match self.dialect {
            Dialect::Anthropic => Vendor::Anthropic,
            Dialect::OpenAi => Vendor::OpenAi,
            Dialect::Groq => Vendor::Groq,
            Dialect::Ollama => Vendor::Ollama,
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, Failure> {
        let response = self.post(request).await?;
        let now = self.clock.timestamp();
        let limits = classify::headers(self.vendor(), response.headers(), now);
        let parts = if request.stream {
            self.read_stream(response).await?
        } else {
            self.read_whole(response).await?
        };
        let mut reply = parts.reply()?;
        reply.limits = limits;
        Ok(reply)
    }

    /// Sends a conversation and waits for the head of the reply.
    async fn post(&self, request: &ChatRequest) -> Result<Response, Failure> {
        let model = self.model.as_deref().unwrap_or(&request.model);
        let body = match self.dialect {
            Dialect::Anthropic => anthropic::body(request, model),
            Dialect::OpenAi | Dialect::Groq => Ok(openai::body(request, model)),
            Dialect::Ollama => ollama::body(request, model),
        }
        .map_err(|error| {
            // A tool call whose arguments are no JSON, which this vendor's format cannot carry.
            Failure::new(Verdict::new(FailureKind::InvalidRequest)).with_source(error)
        })?;
        let post = self
            .endpoint
            .post(self.dialect.chat_path())
            .header("content-type", "application/json")
            .body(body);
        self.send(post).await
    }

    /// Sends a request and waits for a reply with a status that means success.
    async fn send(&self, mut request: RequestBuilder) -> Result<Response, Failure> {
        let key = self.key.as_ref();
        if self.dialect == Dialect::Anthropic {
            request = request.header("anthropic-version", "2023-06-01");
            if let Some(value) = key.and_then(|key| key.header("")) {
                request = request.header("x-api-key", value);
            }
        } else if let Some(value) = key.and_then(|key| key.header("Bearer ")) {
            request = request.header("authorization", value);
        }
        let mut response = match self.within(self.first_byte, request.send()).await {
            None => return Err(timed_out(Spoiled::Stalled(self.first_byte))),
            // The error's own text would show the URL, where some gateways keep keys.
            Some(Err(error)) => {
                let error = error.without_url();
                return Err(Failure::new(classify::transport(&error)).with_source(error));
            }
            Some(Ok(response)) => response,
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let mut body = Vec::new();
        // An error body that breaks off is classified by what has come of it.
        while let Some(Ok(Some(chunk))) = self.within(self.idle, response.chunk()).await {
            body.extend_from_slice(&chunk);
            if body.len() >= ERROR_BYTES_MAX {
                break;
            }
        }
        let status = response.status().as_u16();
        let verdict = classify::http(self.vendor(), status, response.headers(), &body);
        Err(Failure::new(verdict).with_source(RefusedReply {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        }))
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Vec<u8>>, Spoiled> {
        match self.within(self.idle, response.chunk()).await {
            None => Err(Spoiled::Stalled(self.idle)),
            Some(Err(error)) => Err(Spoiled::Cut(error.without_url())),
            Some(Ok(chunk)) => Ok(chunk.map(|chunk| chunk.to_vec())),
        }
    }

    /// What `work` comes to, or nothing once `wait` is over. What is ready is taken, however late it is.
    async fn within<T>(&self, wait: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep.sleep(wait) => None,
        }
    }

    async fn read_whole(&self, mut response: Response) -> Result<Parts, Spoiled> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            if body.len() + chunk.len() > REPLY_BYTES_MAX {
                return Err(Spoiled::TooLarge(REPLY_BYTES_MAX));
            }
            body.extend_from_slice(&chunk);
        }
        self.reported(&body)?;
        match self.dialect {
            Dialect::Anthropic => anthropic::whole(&body),
            Dialect::OpenAi | Dialect::Groq => openai::whole(&body),
            Dialect::Ollama => {
                let mut parts = Parts::default();
                ollama::line(&body, &mut parts)?;
                Ok(parts)
            }
        }
    }

    async fn read_stream(&self, mut response: Response) -> Result<Parts, Spoiled> {
        let mut parts = Parts::default();
        let mut reader = self.reader();
        let mut first_token = std::pin::pin!(self.sleep.sleep(self.first_token));
        let mut read = 0;
        loop {
            let chunk = if parts.has_begun() {
                self.chunk(&mut response).await
            } else {
                tokio::select! {
                    biased;
                    chunk = self.chunk(&mut response) => chunk,
                    () = &mut first_token => Err(Spoiled::Stalled(self.first_token)),
                }
            };
            let chunk = match chunk {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // The answer is there; how the connection ends does not matter.
                Err(_) if parts.complete => break,
                Err(error) => return Err(error),
            };
            read += chunk.len();
            if read > REPLY_BYTES_MAX {
                return Err(Spoiled::TooLarge(REPLY_BYTES_MAX));
            }
            let mut rest = &*chunk;
            while let Some(data) = reader
                .next_event(&mut rest)
                .map_err(|error| Spoiled::TooLarge(error.max))?
            {
                self.piece(data, &mut parts)?;
            }
        }
        match self.dialect {
            // The last line may come without an end.
            Dialect::Ollama if !parts.complete => {
                if let Some(data) = reader.last_event() {
                    self.piece(data, &mut parts)?;
                }
            }
            // Some servers that copy OpenAI's format say why the model stopped, and never `[DONE]`. The body
            // itself was complete, or it would have ended with an error.
            Dialect::OpenAi | Dialect::Groq => parts.complete |= parts.finish.is_some(),
            _ => {}
        }
        Ok(parts)
    }

    fn piece(&self, data: &[u8], parts: &mut Parts) -> Result<(), Spoiled> {
        if data.is_empty() || parts.complete {
            return Ok(());
        }
        self.reported(data)?;
        match self.dialect {
            Dialect::Anthropic => anthropic::event(data, parts),
            Dialect::OpenAi | Dialect::Groq => openai::event(data, parts),
            Dialect::Ollama => ollama::line(data, parts),
        }
    }

    /// An error under status 200.
    fn reported(&self, data: &[u8]) -> Result<(), Spoiled> {
        match classify::stream_event(self.vendor(), data) {
            None => Ok(()),
            Some(verdict) => {
                let text = String::from_utf8_lossy(data.get(..ERROR_BYTES_MAX).unwrap_or(data));
                Err(Spoiled::Reported(text.into_owned(), Box::new(verdict)))
            }
        }
    }
}

/// A timeout outside the reading of a reply.
fn timed_out(why: Spoiled) -> Failure {
    Failure::new(Verdict::new(FailureKind::Timeout).evidence(Evidence::Transport)).with_source(why)
}

/// What stood in an error reply, for people.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}: {body}")]
struct RefusedReply {
    status: u16,
    body: String,
}

#[async_trait]
impl Provider<ChatRequest> for HttpProvider {
    type Reply = ChatReply;

    fn id(&self) -> &ProviderId {
        &self.id
    }

    /// Sends the conversation and reads the whole answer.
    async fn call(&self, request: &ChatRequest) -> Result<ChatReply, Failure> {
        self.within(self.total, self.chat(request))
            .await
            .unwrap_or_else(|| Err(timed_out(Spoiled::Late(self.total))))
    }

    /// What the reply says it took, and what is left of the limits. The cost follows from the price of the
    /// link's profile.
    fn metering(&self, reply: &ChatReply) -> Metering {
        Metering::default().usage(reply.usage).limits(reply.limits)
    }

    /// Asks for the list of models.
    async fn probe(&self) -> Option<Result<(), Failure>> {
        let get = self.endpoint.get(self.dialect.models_path());
        Some(self.send(get).await.map(drop))
    }
}

/// The arguments as JSON for formats that do not carry them as text.
fn arguments(call: &ToolCall) -> serde_json::Result<&RawValue> {
    // A call without arguments is recorded as an empty text by some vendors.
    serde_json::from_str(if call.arguments.is_empty() {
        "{}"
    } else {
        &call.arguments
    })
}

/// Tools as OpenAI describes them, and Ollama after it.
fn function_tools(tools: &[ToolSpec]) -> serde_json::Value {
    tools
        .iter()
        .map(|tool| {
            serde_json::json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        })
        .collect()
}
