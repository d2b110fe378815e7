//! Starter code for hosts: recorded sessions, a scripted provider that answers with them over real
//! HTTP, and a client that calls providers.
//!
//! ```
//! use agent_resilience::Provider;
//! use support::{ApiKey, ChatRequest, Dialect, HttpProvider, Recording, ScriptedProvider};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let recording = Recording::sample();
//! let server = ScriptedProvider::builder(recording.clone()).start().await?;
//! let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &server.url())?
//!     .key(ApiKey::new("not checked by the scripted provider")?);
//!
//! let turn = recording.turn(1).ok_or("the recording is empty")?;
//! let reply = claude.call(&ChatRequest::new("claude-sonnet-4-5", turn.before().to_vec())).await?;
//! assert_eq!(&reply.message, turn.answer());
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod call;
mod client;
mod dialect;
pub mod failover;
mod failures;
mod message;
#[doc(hidden)]
pub mod readme;
mod recording;
mod server;
mod story;
mod text;
mod tokens;
mod virtual_time;
mod watched;

pub use client::{
    ApiKey, ChatPiece, ChatReply, ChatRequest, ChatStream, Finish, HttpProvider, InvalidEndpoint,
    InvalidKey, StreamingProvider, ToolSpec,
};
pub use dialect::Dialect;
pub use failures::{HyperClient, connection_failure, hyper_client, reply_or_failure};
pub use message::{Message, Role, ToolCall};
pub use recording::{InvalidRecording, Recording, Turn};
pub use server::{
    Exchange, Fault, Progress, Rule, Script, ScriptedProvider, ScriptedProviderBuilder, Tally,
    Target,
};
pub use story::in_words;
pub use tokens::{estimate_text_tokens, estimate_tokens};
pub use virtual_time::VirtualTime;
pub use watched::{WatchedAgent, WatchedCall};

/// The program in the project's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
