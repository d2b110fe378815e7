//! How long a stream may keep its reader waiting, as plain data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a stream may keep its reader waiting: three clocks, each of which can be left out.
///
/// Only waiting is counted as idle. A reader that takes its time is never held against the provider:
/// where `total` runs out once the answer has begun, the verdict is of
/// [`Scope::Request`](agent_primitives::Scope::Request), for which nobody is blamed.
///
/// In a chain the limits of a request hold beside these: its
/// [`attempt_timeout`](crate::FallbackConfig::attempt_timeout) until the answer begins, its
/// [`total`](crate::RetryPolicy::total) until the end. Lengthen both.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::StreamLimits;
///
/// let limits: StreamLimits =
///     serde_json::from_str(r#"{"idle": "20s", "total": null}"#)?;
/// assert_eq!(limits.idle, Some(Duration::from_secs(20)));
/// assert_eq!(limits.total, None);
/// assert_eq!(limits.first_token, StreamLimits::default().first_token);
/// assert!(limits.validate().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamLimits {
    /// From the start until something of the answer is there: text, reasoning, a tool call; 60 s by
    /// default. The head of an answer and pings do not end this wait.
    #[serde(with = "crate::duration::optional")]
    pub first_token: Option<Duration>,
    /// The longest wait for more once the answer has begun; 60 s by default. Longer for a model that
    /// writes long arguments of a tool call at a vendor that sends them in one piece.
    #[serde(with = "crate::duration::optional")]
    pub idle: Option<Duration>,
    /// From the start to the end; 10 min by default, as the client libraries of Anthropic and `OpenAI`
    /// give to a request.
    #[serde(with = "crate::duration::optional")]
    pub total: Option<Duration>,
    /// How long what follows the end is waited for, such as the usage; 5 s by default. When it is over
    /// the stream ends, complete.
    #[serde(with = "crate::duration")]
    pub trailing: Duration,
    /// Whether what carries nothing of the answer, such as a ping, ends an idle wait; `false` by
    /// default: a ping shows that the connection lives, and not that the model does.
    pub meta_is_life: bool,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            first_token: Some(Duration::from_secs(60)),
            idle: Some(Duration::from_secs(60)),
            total: Some(Duration::from_secs(600)),
            trailing: Duration::from_secs(5),
            meta_is_life: false,
        }
    }
}

impl StreamLimits {
    /// No limits: a stream is only watched for its end.
    pub const NONE: Self = Self {
        first_token: None,
        idle: None,
        total: None,
        trailing: Duration::MAX,
        meta_is_life: false,
    };

    /// Sets the wait until the answer begins.
    #[must_use]
    pub const fn first_token(mut self, wait: Duration) -> Self {
        self.first_token = Some(wait);
        self
    }

    /// Sets the wait for more.
    #[must_use]
    pub const fn idle(mut self, wait: Duration) -> Self {
        self.idle = Some(wait);
        self
    }

    /// Sets the time from the start to the end.
    #[must_use]
    pub const fn total(mut self, time: Duration) -> Self {
        self.total = Some(time);
        self
    }

    /// Looks for limits that cannot be meant.
    ///
    /// # Errors
    /// [`InvalidStreamLimits`] for a clock of zero, and for one that can never run out because `total`
    /// is over before it.
    pub fn validate(&self) -> Result<(), InvalidStreamLimits> {
        let clocks = [
            (StreamClock::FirstToken, self.first_token),
            (StreamClock::Idle, self.idle),
            (StreamClock::Total, self.total),
        ];
        for (clock, limit) in clocks {
            if limit.is_some_and(|limit| limit.is_zero()) {
                return Err(InvalidStreamLimits::Zero(clock));
            }
            if let (Some(limit), Some(total)) = (limit, self.total)
                && limit > total
            {
                return Err(InvalidStreamLimits::BeyondTotal {
                    clock,
                    limit,
                    total,
                });
            }
        }
        Ok(())
    }
}

/// One of the clocks of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamClock {
    /// Until something of the answer is there.
    FirstToken,
    /// Between two pieces of it.
    Idle,
    /// Over all.
    Total,
    /// Until the moment when the caller needs the end, whoever is slow.
    Deadline,
}

impl StreamClock {
    /// Its word in configuration and in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstToken => "first_token",
            Self::Idle => "idle",
            Self::Total => "total",
            Self::Deadline => "deadline",
        }
    }
}

impl fmt::Display for StreamClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Limits that cannot be meant.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::StreamLimits;
///
/// let error = StreamLimits::default().idle(Duration::ZERO).validate().unwrap_err();
/// assert_eq!(error.to_string(), "idle is zero: leave it out, or allow some time");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStreamLimits {
    /// A clock that is over before it starts.
    #[error("{0} is zero: leave it out, or allow some time")]
    Zero(StreamClock),
    /// A clock that never runs out, since the total does so first.
    #[error(
        "{clock} is {limit:?} and total only {total:?}: lengthen the total or shorten the other"
    )]
    BeyondTotal {
        /// Which.
        clock: StreamClock,
        /// Its limit.
        limit: Duration,
        /// The total.
        total: Duration,
    },
}
