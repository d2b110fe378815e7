//! The seam between the server and what takes its requests.

use std::sync::Arc;
use std::time::Duration;

use super::receipt::Receipt;

/// What a request carries.
///
/// ```
/// use agent_telemetry::otlp::Signal;
///
/// assert_eq!(Signal::Metrics.name(), "metrics");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Data points.
    Metrics,
    /// Log records, events among them.
    Logs,
    /// Spans.
    Traces,
}

impl Signal {
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::Metrics, Self::Logs, Self::Traces];

    /// As in the paths of the protocol: `metrics`, `logs`, `traces`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// How a request is written.
///
/// ```
/// use agent_telemetry::otlp::Encoding;
///
/// assert_eq!(Encoding::Json.content_type(), "application/json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Binary protobuf.
    Protobuf,
    /// The JSON form of the protocol.
    Json,
}

impl Encoding {
    /// The media type that stands for it over HTTP.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Takes requests. It is called by the thread of the server for small requests, and by one of two threads beside it for
/// bodies of more than 256 KiB; so it is to return within milliseconds, and to refuse with [`Refused::Busy`] what it has
/// no room for, in place of waiting.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
/// use agent_telemetry::otlp::{Accepted, Encoding, Intake, Refused, Signal};
///
/// #[derive(Default)]
/// struct Bytes(AtomicUsize);
/// impl Intake for Bytes {
///     fn take(&self, _: Signal, _: Encoding, body: &[u8]) -> Result<Accepted, Refused> {
///         self.0.fetch_add(body.len(), Ordering::Relaxed);
///         Ok(Accepted::all())
///     }
///     fn flush(&self, _: Duration) -> bool {
///         true
///     }
/// }
///
/// let bytes = Bytes::default();
/// assert_eq!(bytes.take(Signal::Logs, Encoding::Json, b"{}"), Ok(Accepted::all()));
/// assert_eq!(bytes.0.into_inner(), 2);
/// ```
pub trait Intake: Send + Sync {
    /// Takes one request, whose body is inflated. What it returned is told to the sender, who sends again only what was
    /// refused as [`Busy`](Refused::Busy) or [`Unavailable`](Refused::Unavailable). A request without a body is answered
    /// before it comes here.
    ///
    /// # Errors
    /// [`Refused`] where nothing of the request was taken.
    fn take(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Accepted, Refused>;

    /// As [`take`](Self::take), for the server: an intake that waits for something before it can tell the sender hands
    /// out a receipt in place of holding up the thread. Unless implemented, it is what `take` says.
    ///
    /// # Errors
    /// [`Refused`] where nothing of the request was taken.
    fn receive(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Receipt, Refused> {
        self.take(signal, encoding, body).map(Receipt::now)
    }

    /// Stores what was taken, when the receiver stops; whether that was done within `timeout`.
    fn flush(&self, timeout: Duration) -> bool;
}

/// An intake that its host keeps a hand on.
impl<I: Intake + ?Sized> Intake for Arc<I> {
    fn take(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Accepted, Refused> {
        (**self).take(signal, encoding, body)
    }

    fn receive(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Receipt, Refused> {
        (**self).receive(signal, encoding, body)
    }

    fn flush(&self, timeout: Duration) -> bool {
        (**self).flush(timeout)
    }
}

/// A request was taken, or all of it but some items. The sender does not send those again.
///
/// ```
/// use agent_telemetry::otlp::Accepted;
///
/// let partly = Accepted::partly(2, "NaN in agent.tokens");
/// assert_eq!((partly.rejected, partly.message.as_deref()), (2, Some("NaN in agent.tokens")));
/// assert_eq!(Accepted::all().rejected, 0);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Data points, log records or spans that were not taken.
    pub rejected: u64,
    /// Why not; or a warning, where nothing was rejected. At most 1 KiB of it is sent.
    pub message: Option<String>,
}

impl Accepted {
    /// The whole request.
    pub fn all() -> Self {
        Self::default()
    }

    /// All but `rejected` items.
    pub fn partly(rejected: u64, message: impl Into<String>) -> Self {
        Self {
            rejected,
            message: Some(message.into()),
        }
    }
}

/// Nothing of a request was taken.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::otlp::Refused;
///
/// let refused = Refused::Busy { retry_after: Duration::from_secs(2) };
/// assert_eq!(refused.to_string(), "too busy; try again after 2s");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It cannot be read: 400, and never sent again. The text says where and why; at most 1 KiB of it is sent.
    #[error("malformed: {0}")]
    Malformed(String),
    /// There is no room for it now: 429.
    #[error("too busy; try again after {retry_after:?}")]
    Busy {
        /// When to try again, in whole seconds, rounded up.
        retry_after: Duration,
    },
    /// It cannot be stored for the time being: 503.
    #[error("unavailable; try again after {retry_after:?}")]
    Unavailable {
        /// When to try again, in whole seconds, rounded up.
        retry_after: Duration,
    },
    /// It has more in it than is taken at once: 413, and never sent again as it is.
    #[error("too large")]
    TooLarge,
}
