//! What can be wrong with the settings of a sink.

use std::io;

use super::style::OtlpSignal;

/// Why a sink cannot be made. It repeats no address and no header, which may hold secrets. The cause, if it has one, is its
/// [`source`](std::error::Error::source).
///
/// ```
/// use agent_telemetry::otlp::OtlpSink;
///
/// let error = OtlpSink::builder("collector:4318").build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address for traces begins with http:// or https://, names a host, and has no query"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct OtlpError {
    kind: Kind,
    source: Option<io::Error>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Kind {
    #[error("the address for {0} begins with http:// or https://, names a host, and has no query")]
    Address(OtlpSignal),
    #[error("{0} asks for another protocol than http/protobuf, which is the one that there is")]
    Protocol(String),
    #[error("{0} has a value that says nothing; see its documentation, or leave it out")]
    Variable(String),
    #[error("a header is no header of HTTP, or one that the sink sets itself")]
    Header,
    #[error("no signal is to be sent; leave one of them in")]
    Silent,
    #[error(
        "the folder of the queue cannot be opened, or another process has it; give each its own"
    )]
    Queue,
    #[error("the thread that sends cannot be started")]
    Thread,
}

impl OtlpError {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    pub(super) const fn io(kind: Kind, source: io::Error) -> Self {
        Self {
            kind,
            source: Some(source),
        }
    }

    /// Whether the folder of the queue is not to be had.
    pub fn is_queue(&self) -> bool {
        self.kind == Kind::Queue
    }
}
