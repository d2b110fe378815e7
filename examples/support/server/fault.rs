//! What a provider can do wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A failure, in the form that the called vendor gives it.
///
/// A chunk is one event or line of a streamed answer; an answer that is not streamed counts as
/// four chunks of equal size. `after_chunks` is cut to one less than the answer has, so that no
/// fault comes too late to be seen.
///
/// ```
/// use std::time::Duration;
/// use support::Fault;
///
/// let fault: Fault = serde_json::from_str(r#"{"fault": "rate_limited", "retry_after_ms": 2000}"#)?;
/// assert_eq!(fault, Fault::RateLimited { retry_after: Some(Duration::from_secs(2)) });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// Too many requests or tokens: 429.
    RateLimited {
        /// What `retry-after` says, in whole seconds rounded up; no such header when absent. Ollama
        /// sends none.
        #[serde(default, rename = "retry_after_ms", with = "millis::optional")]
        retry_after: Option<Duration>,
    },
    /// Money or a long allowance is used up: 429 as well, 402 from Ollama.
    InsufficientQuota,
    /// No capacity: 529 from Anthropic, 503 from the others.
    Overloaded,
    /// An error inside the service: 500.
    ServerError,
    /// A gateway in front of the service has nobody to ask: 503 with a page of HTML.
    Unavailable,
    /// The key is wrong: 401.
    Unauthorized,
    /// The conversation does not fit: only for requests of more than `limit` tokens as
    /// [`estimate_tokens`](crate::estimate_tokens) counts them. Others do not meet this fault, and
    /// do not use it up.
    ContextTooLong {
        /// The context window.
        limit: u64,
    },
    /// A reply of the script's own, with no header fields but these and the length: what some service
    /// was seen to say, word for word.
    Verbatim {
        /// The status.
        status: u16,
        /// The header fields.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body.
        body: String,
    },
    /// The connection is reset before anything is answered.
    Reset,
    /// Nothing is answered until the client gives up or the server stops.
    Silence,
    /// The first byte comes late.
    SlowStart {
        /// How late.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
    },
    /// A streamed answer begins at once, and its first chunk comes late. An answer that is not streamed
    /// comes late as a whole.
    SlowFirstChunk {
        /// How late.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
    },
    /// The answer stops in the middle, and after a while the connection is closed.
    Stall {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
        /// How long nothing comes.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
    },
    /// The connection is closed in the middle of the answer.
    Cut {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
    },
    /// The answer ends in the middle as if it were complete, without the event that ends it.
    Unfinished {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
    },
    /// One chunk is not valid JSON; the others follow as if nothing had happened.
    Malformed {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
    },
    /// The status is 200, and in the middle of the stream the service says that it is overloaded.
    /// An answer that is not streamed is replaced by the error.
    ErrorEvent {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
    },
    /// The answer stops in the middle until [`release`](crate::ScriptedProvider::release) is
    /// called, then goes on: time to kill the client.
    Hold {
        /// Chunks that arrive before.
        #[serde(default)]
        after_chunks: usize,
    },
}

impl Fault {
    /// Whether a request of `tokens` can meet it.
    pub(super) const fn concerns(&self, tokens: u64) -> bool {
        match self {
            Self::ContextTooLong { limit } => tokens > *limit,
            _ => true,
        }
    }

    /// Whether a probe, which has neither a conversation nor a streamed answer, can meet it.
    pub(super) const fn suits_probes(&self) -> bool {
        !matches!(
            self,
            Self::ContextTooLong { .. }
                | Self::Unfinished { .. }
                | Self::Malformed { .. }
                | Self::ErrorEvent { .. }
        )
    }
}

/// Durations as whole milliseconds.
mod millis {
    use super::{Deserialize, Duration};
    use serde::{Deserializer, Serialize, Serializer};

    fn whole(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        whole(*value).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }

    pub(super) mod optional {
        use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, whole};

        #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
        pub(in super::super) fn serialize<S: Serializer>(
            value: &Option<Duration>,
            out: S,
        ) -> Result<S::Ok, S::Error> {
            value.map(whole).serialize(out)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            Option::<u64>::deserialize(from).map(|millis| millis.map(Duration::from_millis))
        }
    }
}
