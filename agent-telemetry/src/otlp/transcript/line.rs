//! One line of a Claude Code transcript.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::seen::{CallKeys, CallSeen};
use crate::report::civil;
use crate::{ServiceTier, StopReason};

/// Blocks of one line that are looked at.
const BLOCKS: usize = 256;
/// Bytes of an id that is kept.
const ID: usize = 256;

/// What is read of a line. All else is passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line<'a> {
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) agent_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) is_sidechain: Option<bool>,
    #[serde(borrow, default)]
    pub(super) message: Option<Message<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    usage: Option<Usage<'a>>,
    #[serde(borrow, default)]
    pub(super) content: Blocks<'a>,
}

#[derive(Debug, Deserialize)]
struct Usage<'a> {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(borrow, default)]
    service_tier: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

impl Usage<'_> {
    fn tokens(&self) -> TokenUsage {
        let writes = self.cache_creation.as_ref();
        let long = writes
            .and_then(|it| it.ephemeral_1h_input_tokens)
            .unwrap_or(0);
        let short = writes
            .and_then(|it| it.ephemeral_5m_input_tokens)
            .unwrap_or(0);
        // The total is told by all versions, and the kinds by later ones.
        let total = self.cache_creation_input_tokens.unwrap_or(0);
        let short = short.max(total.saturating_sub(long));
        TokenUsage::new(
            self.input_tokens.unwrap_or(0),
            self.output_tokens.unwrap_or(0),
        )
        .with_cache_read(self.cache_read_input_tokens.unwrap_or(0))
        .with_cache_write_5m(short)
        .with_cache_write_1h(long)
    }
}

/// One block of a message: the call of a tool, or what came of it.
#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) is_error: Option<bool>,
}

/// The blocks of a message. One that is a plain text has none.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a>(pub(super) Vec<Block<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Blocks<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfSequence;

        impl<'de> Visitor<'de> for OfSequence {
            type Value = Blocks<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of blocks")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Blocks::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Blocks::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while blocks.len() < BLOCKS
                    && let Some(block) = all.next_element()?
                {
                    blocks.push(block);
                }
                if blocks.len() == BLOCKS {
                    while all.next_element::<IgnoredAny>()?.is_some() {}
                }
                Ok(Blocks(blocks))
            }
        }

        deserializer.deserialize_any(OfSequence)
    }
}

impl Line<'_> {
    pub(super) fn at(&self) -> Option<Timestamp> {
        moment(self.timestamp.as_deref()?)
    }

    /// The call whose answer, or a part of it, the line is. Lines that the CLI made itself are of the model
    /// `<synthetic>`, which is no name of a model.
    pub(super) fn call(&self) -> Option<CallSeen> {
        let message = self.message.as_ref()?;
        let usage = message.usage.as_ref()?;
        let model = message.model.as_deref().filter(|it| *it != "<synthetic>")?;
        let id = |it: &Option<Cow<'_, str>>| {
            let id = it.as_deref().filter(|it| !it.is_empty() && it.len() <= ID);
            id.map(str::to_owned)
        };
        Some(CallSeen {
            keys: CallKeys {
                request: id(&self.request_id),
                response: id(&message.id),
                span: None,
                item: None,
            },
            provider: ProviderId::new("anthropic").ok()?,
            model: ModelId::new(model).ok()?,
            usage: Some(usage.tokens()),
            cost: None,
            latency: None,
            first_token: None,
            attempts: 1,
            failure: None,
            stop_reason: message.stop_reason.as_deref().map(stop_reason),
            service_tier: usage.service_tier.as_deref().map(service_tier),
            streamed: false,
        })
    }
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "end_turn" | "stop_sequence" => StopReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolCalls,
        "refusal" => StopReason::ContentFilter,
        _ => StopReason::Other,
    }
}

fn service_tier(word: &str) -> ServiceTier {
    ServiceTier::from_word(word).unwrap_or(ServiceTier::Other)
}

/// `2026-01-31T08:30:59.123Z`, which is how the CLI writes all times.
fn moment(text: &str) -> Option<Timestamp> {
    let (minute, rest) = text.strip_suffix('Z')?.split_at_checked(16)?;
    let (second, fraction) = match rest.strip_prefix(':')?.split_once('.') {
        Some((second, fraction)) => (second, fraction.get(..fraction.len().min(9))?),
        None => (rest.get(1..)?, ""),
    };
    let digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    if second.len() != 2 || !digits(second) || !digits(fraction) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let seconds = second.parse().ok().filter(|it| *it <= 60)?;
    Some(civil::moment(minute)? + Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond_and_nothing_else_is() {
        let read = |text: &str| moment(text).map(Timestamp::unix_nanos);
        assert_eq!(read("1970-01-02T00:00:01.500Z"), Some(86_401_500_000_000));
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("1970-01-01T00:00:00.123456789123Z"), Some(123_456_789));
        for text in [
            "",
            "Z",
            "1970-01-01T00:00:0Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:ab.1Z",
            "größe-größe-größe:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn writes_to_the_cache_are_of_the_kind_that_is_told() {
        let usage = |json| serde_json::from_str::<Usage<'_>>(json).unwrap().tokens();
        let old = usage(r#"{"input_tokens":1,"cache_creation_input_tokens":9,"output_tokens":2}"#);
        assert_eq!(old, TokenUsage::new(1, 2).with_cache_write_5m(9));
        let new = usage(
            r#"{"input_tokens":1,"cache_creation_input_tokens":9,"output_tokens":2,"cache_read_input_tokens":3,
                "cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":7}}"#,
        );
        let kinds = TokenUsage::new(1, 2)
            .with_cache_read(3)
            .with_cache_write_5m(2)
            .with_cache_write_1h(7);
        assert_eq!(new, kinds);
    }
}
