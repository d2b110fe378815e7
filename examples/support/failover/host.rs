//! The program that needs an answer, put together in four ways.

use std::error::Error;

use agent_primitives::ProviderId;
use agent_resilience::{
    ChainError, Cost, FallbackBuilder, FallbackChain, FallbackConfig, Policy, Provider, Retry,
    RetryPolicy, StreamLimits, StreamOptions,
};
use futures_util::StreamExt;

use super::catalogue::ATTEMPT_LIMIT;
use super::stage::{ANSWER, CallSeen, Ended, QUESTION, since_start};
use crate::{ChatReply, ChatRequest, ChatStream, HttpProvider, Message, VirtualTime};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A [`FallbackChain`] of the two providers, whose answers are shown once they are whole.
    Chain,
    /// The same chain, whose answers are shown as they come: what was shown cannot be taken back.
    Streaming,
    /// A client of the preferred provider that asks once.
    Once,
    /// A client of the preferred provider with a [`Policy`].
    Retrying,
}

/// The settings of every chain: the crate's own, but for the time limit of an attempt, and probes often
/// enough to see the end of an outage of a minute.
const SETTINGS: &str = r#"{"attempt_timeout": "10s", "probe_every": "15s"}"#;

pub(super) enum Host {
    Chain(FallbackChain<ChatRequest, ChatReply>),
    Streaming(FallbackChain<ChatRequest, ChatStream>),
    Once(HttpProvider),
    Retrying(Box<Policy>, HttpProvider),
}

impl Host {
    pub(super) fn new(
        caller: Caller,
        primary: HttpProvider,
        fallback: HttpProvider,
        time: &VirtualTime,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(match caller {
            Caller::Chain => {
                let chain = FallbackChain::builder()
                    .provider(primary)
                    .provider(fallback);
                Self::Chain(set(chain, time)?)
            }
            Caller::Streaming => {
                let chain = FallbackChain::builder()
                    .provider(primary.streaming())
                    .provider(fallback.streaming());
                Self::Streaming(set(chain, time)?)
            }
            Caller::Once => Self::Once(
                primary
                    .first_byte_timeout(ATTEMPT_LIMIT)
                    .first_token_timeout(ATTEMPT_LIMIT)
                    .idle_timeout(ATTEMPT_LIMIT),
            ),
            Caller::Retrying => {
                let retry = Retry::with_sleep(RetryPolicy::default(), time.clone());
                let policy = Policy::new(retry.attempt_timeout(ATTEMPT_LIMIT));
                Self::Retrying(Box::new(policy.clock(time.clone())), primary)
            }
        })
    }

    pub(super) async fn call(&self, time: &VirtualTime) -> CallSeen {
        let at = since_start(time);
        let request = ChatRequest::new("m", vec![Message::user(QUESTION)]);
        let ended = match self {
            Self::Once(provider) => ended(provider.id(), provider.call(&request).await),
            Self::Retrying(policy, provider) => {
                let reply = policy.run(Cost::REQUEST, |_| provider.call(&request)).await;
                ended(provider.id(), reply)
            }
            Self::Chain(chain) => {
                chain.probe_due().await;
                match chain.call(&request).await {
                    Ok(reply) => ended(&reply.provider.clone(), Ok::<_, ChainError>(reply.value)),
                    Err(error) => Ended::Failed(error.to_string()),
                }
            }
            Self::Streaming(chain) => {
                chain.probe_due().await;
                read(chain, &request)
                    .await
                    .unwrap_or_else(|error| Ended::Failed(error.to_string()))
            }
        };
        CallSeen {
            at,
            took: since_start(time).saturating_sub(at),
            ended,
        }
    }
}

fn set<Rep: Send>(
    chain: FallbackBuilder<ChatRequest, Rep>,
    time: &VirtualTime,
) -> Result<FallbackChain<ChatRequest, Rep>, Box<dyn Error>> {
    let config: FallbackConfig = serde_json::from_str(SETTINGS)?;
    let chain = chain.config(config).seed(7);
    Ok(chain.clock(time.clone()).sleep(time.clone()).build()?)
}

/// Reads an answer as a person would see it.
async fn read(
    chain: &FallbackChain<ChatRequest, ChatStream>,
    request: &ChatRequest,
) -> Result<Ended, Box<dyn Error>> {
    let limits = StreamLimits::default()
        .first_token(ATTEMPT_LIMIT)
        .idle(ATTEMPT_LIMIT);
    let options = StreamOptions::default().limits(limits)?;
    let mut pieces = chain.stream_with(request, &options).await?;
    let (mut text, mut tokens) = (String::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        text += &piece.text;
        tokens = piece.usage.map_or(tokens, |usage| usage.total());
    }
    Ok(Ended::Answered {
        whole: text == ANSWER,
        by: pieces.provider().to_string(),
        tokens,
    })
}

fn ended(by: &ProviderId, reply: Result<ChatReply, impl Error>) -> Ended {
    match reply {
        Ok(reply) => Ended::Answered {
            whole: reply.message.content == ANSWER,
            by: by.to_string(),
            tokens: reply.usage.total(),
        },
        Err(error) => Ended::Failed(error.to_string()),
    }
}
