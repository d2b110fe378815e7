//! The server that takes OTLP over HTTP.

mod body;
mod budget;
mod builder;
mod connection;
mod error;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod health;
mod http1;
mod inflate;
mod intake;
mod limits;
mod media;
mod patience;
mod proto;
mod receipt;
mod refusal;
mod reply;
mod route;
mod server;
mod shared;
mod site;
mod stats;
mod token;
mod wire;
mod work;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

pub use builder::ReceiverBuilder;
pub use error::{BindError, StopError};
pub use intake::{Accepted, Encoding, Intake, Refused, Signal};
pub use receipt::Receipt;
pub use stats::{ReceiverStats, RequestCount};
pub(super) use work::AT_ONCE;

use server::{StopWithin, Stopped};
use shared::Shared;

/// A server that takes metrics, logs and spans over OTLP.
///
/// It answers `POST` at `/v1/metrics`, `/v1/logs` and `/v1/traces`, in protobuf and JSON, as they are or in gzip, and
/// hands what it read to an [`Intake`]; and `GET` at `/health`. Statuses are those of the protocol: a sender tries again
/// after 429 and 503 alone. All of it runs on a thread with a runtime of its own.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use std::time::Duration;
/// use agent_telemetry::otlp::{Accepted, Encoding, Intake, Receiver, Refused, Signal};
///
/// #[derive(Default)]
/// struct Count(AtomicUsize);
/// impl Intake for Count {
///     fn take(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Accepted, Refused> {
///         assert_eq!((signal, encoding, body), (Signal::Logs, Encoding::Json, &b"{}"[..]));
///         self.0.fetch_add(1, Ordering::Relaxed);
///         Ok(Accepted::all())
///     }
///     fn flush(&self, _: Duration) -> bool {
///         true
///     }
/// }
///
/// let count = Arc::new(Count::default());
/// let receiver = Receiver::builder(Arc::clone(&count)).bind("127.0.0.1:0").start()?;
///
/// let address = format!("http://{}/v1/logs", receiver.local_addr());
/// let answer = ureq::post(&address).content_type("application/json").send("{}")?;
/// assert_eq!(answer.status(), 200);
///
/// let stats = receiver.shutdown(Duration::from_secs(5))?;
/// assert_eq!(stats.answered(Some(Signal::Logs), 200), 1);
/// assert_eq!(count.0.load(Ordering::Relaxed), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping it stops it as [`shutdown`](Self::shutdown) with five seconds does.
#[must_use = "it stops when it is dropped"]
pub struct Receiver {
    local_addr: SocketAddr,
    grpc_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    /// Taken by the stop.
    stop: Option<oneshot::Sender<StopWithin>>,
    /// Never contended: it makes of a receiver what threads can share.
    stopped: Mutex<mpsc::Receiver<Stopped>>,
}

impl Receiver {
    const DROPPED_WITHIN: Duration = Duration::from_secs(5);
    /// What the thread may take beyond its time before it counts as stuck.
    const SLACK: Duration = Duration::from_millis(500);

    /// A receiver that hands its requests to `intake`.
    pub fn builder(intake: impl Intake + 'static) -> ReceiverBuilder {
        ReceiverBuilder::new(intake)
    }

    /// Where it listens for HTTP.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it listens for gRPC; `None` where it does not.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc_addr
    }

    /// What it has done so far.
    pub fn stats(&self) -> ReceiverStats {
        self.shared.stats()
    }

    /// Stops: takes no more connections, ends those that are idle, finishes the requests under way in three quarters of
    /// `timeout`, and flushes the intake in the rest. Waits for all that, so it is not to be called in async code.
    ///
    /// # Errors
    /// [`StopError`] when something was cut off, or not flushed. The receiver has stopped then as well.
    pub fn shutdown(mut self, timeout: Duration) -> Result<ReceiverStats, StopError> {
        self.stop(timeout)?;
        Ok(self.stats())
    }

    fn stop(&mut self, within: Duration) -> Result<(), StopError> {
        let Some(stop) = self.stop.take() else {
            return Ok(());
        };
        let _ = stop.send(within);
        let stopped = self.stopped.get_mut();
        let stopped = stopped.unwrap_or_else(PoisonError::into_inner);
        let stopped = stopped.recv_timeout(within.saturating_add(Self::SLACK));
        let (cut_off, flushed, stuck) = match stopped {
            Ok(stopped) => (stopped.cut_off, stopped.flushed, false),
            Err(_) => (self.shared.connections.held(), false, true),
        };
        if cut_off == 0 && flushed {
            return Ok(());
        }
        Err(StopError {
            within,
            cut_off,
            flushed,
            stuck,
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Whoever wants to know calls `shutdown`.
        let _ = self.stop(Self::DROPPED_WITHIN);
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("local_addr", &self.local_addr)
            .field("grpc_addr", &self.grpc_addr)
            .finish_non_exhaustive()
    }
}
