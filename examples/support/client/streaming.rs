//! A provider whose answers are read as they come.

use agent_primitives::{ProviderId, TokenUsage};
use agent_resilience::{EventStream, Failure, Part, Provider, StreamItem};
use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};

use super::parts::Parts;
use super::spoiled::Spoiled;
use super::{ChatRequest, HttpProvider, anthropic, ollama, openai};
use crate::Dialect;

/// A [`Provider`] whose reply is a stream of [`ChatPiece`]s.
///
/// It has no clocks of its own once the head of a reply is there: a
/// [`GuardedStream`](agent_resilience::GuardedStream) or a chain watches what it gives.
///
/// ```
/// use agent_resilience::FallbackChain;
/// use futures_util::StreamExt;
/// use support::{ChatRequest, Dialect, HttpProvider, Recording, ScriptedProvider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recording = Recording::sample();
/// let server = ScriptedProvider::builder(recording.clone()).start().await?;
/// let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &server.url())?;
/// let chain = FallbackChain::builder().provider(claude.streaming()).build()?;
///
/// let turn = recording.turn(1).ok_or("the recording is empty")?;
/// let request = ChatRequest::new("claude-sonnet-4-5", turn.before().to_vec());
/// let mut pieces = chain.stream(&request).await?;
/// let mut text = String::new();
/// while let Some(piece) = pieces.next().await {
///     text += &piece?.text;
/// }
/// assert_eq!(text, turn.answer().content);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StreamingProvider(HttpProvider);

impl HttpProvider {
    /// The same provider, read as it answers. Every request is streamed.
    pub const fn streaming(self) -> StreamingProvider {
        StreamingProvider(self)
    }
}

/// What came with one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatPiece {
    /// Text of the answer.
    pub text: String,
    /// Names of the tools whose calls begin here.
    pub calls: Vec<String>,
    /// Pieces of their arguments.
    pub arguments: String,
    /// What was used so far, where this event says so.
    pub usage: Option<TokenUsage>,
    /// The answer is whole.
    pub is_end: bool,
}

impl StreamItem for ChatPiece {
    fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
        tell(Part::Text(&self.text));
        for _ in &self.calls {
            tell(Part::ToolCall);
        }
        tell(Part::Arguments(&self.arguments));
        if let Some(usage) = self.usage {
            tell(Part::Usage(usage));
        }
        if self.is_end {
            tell(Part::End);
        }
    }
}

/// An answer as it comes.
pub type ChatStream = BoxStream<'static, Result<ChatPiece, Failure>>;

#[async_trait]
impl Provider<ChatRequest> for StreamingProvider {
    type Reply = ChatStream;

    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    /// Sends the conversation and waits for the head of the reply.
    async fn call(&self, request: &ChatRequest) -> Result<ChatStream, Failure> {
        let request = ChatRequest {
            stream: true,
            ..request.clone()
        };
        let response = self.0.post(&request).await?;
        let (dialect, reader) = (self.0.dialect, self.0.reader());
        // The error's own text would show the URL, where some gateways keep keys.
        let chunks = response.bytes_stream().map_err(reqwest::Error::without_url);
        let mut parts = Parts::default();
        let read = move |data: &[u8]| read(dialect, data, &mut parts);
        Ok(EventStream::new(chunks, reader, self.0.vendor(), read).boxed())
    }

    async fn probe(&self) -> Option<Result<(), Failure>> {
        self.0.probe().await
    }
}

/// What one event adds. Of what came before, `parts` keeps only what has to be remembered.
fn read(dialect: Dialect, data: &[u8], parts: &mut Parts) -> Result<Option<ChatPiece>, Spoiled> {
    if data.is_empty() {
        return Ok(None);
    }
    let (calls, usage) = (parts.calls.len(), parts.usage);
    let outcome = match dialect {
        Dialect::Anthropic => anthropic::event(data, parts),
        Dialect::OpenAi | Dialect::Groq => openai::event(data, parts),
        Dialect::Ollama => ollama::line(data, parts),
    };
    let mut piece = ChatPiece {
        text: std::mem::take(&mut parts.text),
        usage: (parts.usage != usage).then_some(parts.usage),
        ..ChatPiece::default()
    };
    let begun = parts.calls.values().skip(calls);
    piece.calls.extend(begun.map(|call| call.name.clone()));
    for call in parts.calls.values_mut() {
        piece.arguments += &std::mem::take(&mut call.arguments);
    }
    match outcome {
        // What came with the reason is given; the verdict follows by itself.
        Ok(()) | Err(Spoiled::Stopped(..)) => {}
        Err(spoiled) => return Err(spoiled),
    }
    // Servers that copy OpenAI's format do not all send `[DONE]`, and the usage comes after the reason.
    let by_reason = matches!(dialect, Dialect::OpenAi | Dialect::Groq);
    piece.is_end = outcome.is_ok() && (parts.complete || (by_reason && parts.finish.is_some()));
    Ok(Some(piece))
}
