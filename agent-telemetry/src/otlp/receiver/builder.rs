//! Options of the receiver.

use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Receiver;
use super::error::BindError;
use super::intake::Intake;
use super::limits::Limits;
use super::route::Rules;
use super::server::{self, Listening};
use super::shared::Shared;
use super::site::Names;
use super::token::Token;

/// A receiver about to start.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
/// use agent_telemetry::otlp::Receiver;
/// # use agent_telemetry::otlp::{Accepted, Encoding, Intake, Refused, Signal};
/// # struct TakesAll;
/// # impl Intake for TakesAll {
/// #     fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> { Ok(Accepted::all()) }
/// #     fn flush(&self, _: Duration) -> bool { true }
/// # }
///
/// let receiver = Receiver::builder(TakesAll)
///     .bind("0.0.0.0:0")
///     .token("s3cret")
///     .max_body(NonZeroUsize::new(4 << 20).expect("not zero"))
///     .idle_timeout(Duration::from_secs(300))
///     .start()?;
/// assert_ne!(receiver.local_addr().port(), 0);
///
/// // Others may reach it, so it asks for a token unless told otherwise.
/// assert!(Receiver::builder(TakesAll).bind("0.0.0.0:0").start().unwrap_err().is_token());
/// assert!(Receiver::builder(TakesAll).bind("0.0.0.0:0").without_token().start().is_ok());
/// # Ok::<(), agent_telemetry::otlp::BindError>(())
/// ```
#[must_use = "nothing is received before `start`"]
pub struct ReceiverBuilder {
    intake: Arc<dyn Intake>,
    address: String,
    #[cfg(feature = "otlp-grpc")]
    grpc: Option<String>,
    token: Option<String>,
    without_token: bool,
    hosts: Vec<String>,
    limits: Limits,
}

impl ReceiverBuilder {
    pub(super) fn new(intake: impl Intake + 'static) -> Self {
        Self {
            intake: Arc::new(intake),
            address: "127.0.0.1:4318".to_owned(),
            #[cfg(feature = "otlp-grpc")]
            grpc: None,
            token: None,
            without_token: false,
            hosts: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Where to listen for HTTP, as a [`SocketAddr`] or a text such as `localhost:4318`; `127.0.0.1:4318` unless set,
    /// which is reached from this machine alone. Port 0 takes a free one.
    pub fn bind(mut self, address: impl fmt::Display) -> Self {
        self.address = address.to_string();
        self
    }

    /// Where to listen for gRPC as well, customarily `127.0.0.1:4317`; nowhere unless set.
    #[cfg(feature = "otlp-grpc")]
    pub fn grpc(mut self, address: impl fmt::Display) -> Self {
        self.grpc = Some(address.to_string());
        self
    }

    /// What senders have to show: `Authorization: Bearer …`; nothing unless set. Visible ASCII. It is told to anybody
    /// who reads along, since there is no TLS here.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Takes from anybody who reaches it, also on an address that other machines reach.
    pub fn without_token(mut self) -> Self {
        (self.token, self.without_token) = (None, true);
        self
    }

    /// One more name that the receiver is called by, without a port. Only matters on loopback, where requests to other
    /// names than those of loopback are refused: they come from pages in a browser whose name was made to resolve to
    /// loopback, or through a forwarding such as `host.docker.internal`, which this allows.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Largest body as it comes, in bytes; 64 MiB unless set. A larger one is answered 413.
    pub fn max_body(mut self, bytes: NonZeroUsize) -> Self {
        self.limits.max_body = bytes.get();
        self
    }

    /// Largest body after inflating, in bytes; 64 MiB unless set. Inflating ends there, and 413 is answered.
    pub fn max_inflated(mut self, bytes: NonZeroUsize) -> Self {
        self.limits.max_inflated = bytes.get();
        self
    }

    /// Most connections at a time, of HTTP and gRPC together; 256 unless set. One more is told 503 and ended.
    pub fn max_connections(mut self, connections: NonZeroUsize) -> Self {
        self.limits.max_connections = connections.get();
        self
    }

    /// Most requests at a time, on all connections together; 256 unless set. One more is answered 503.
    pub fn max_requests(mut self, requests: NonZeroUsize) -> Self {
        self.limits.max_requests = requests.get();
        self
    }

    /// Most bytes that the bodies of all requests may take in memory at a time, packed and inflated; 256 MiB unless
    /// set. A request that would take more is answered 503, so a value below `max_body` and `max_inflated` together
    /// refuses some for ever.
    pub fn max_bytes_under_way(mut self, bytes: NonZeroUsize) -> Self {
        self.limits.max_bytes_under_way = bytes.get();
        self
    }

    /// Longest time from the first byte of a head to its last, and from a new connection to its first head; 10 s unless
    /// set. The connection ends then.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout;
        self
    }

    /// Longest time for a body, beyond what [`min_rate`](Self::min_rate) allows; 30 s unless set. 408 is answered then.
    /// The sender has as long for reading an answer.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.limits.body_timeout = timeout;
        self
    }

    /// Bytes that pay for one more second of a body's time; 131 072 unless set.
    pub fn min_rate(mut self, bytes_per_second: NonZeroU32) -> Self {
        self.limits.min_rate = bytes_per_second;
        self
    }

    /// Longest time between two requests on a connection; 120 s unless set. SDKs send once a minute or more often.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = timeout;
        self
    }

    /// Binds, and starts the thread of the receiver. It brings its own runtime, so none is needed here.
    ///
    /// # Errors
    /// [`BindError`] when the address is not to be had, or may be reached by others and no token is set, or when the
    /// system gives no thread.
    pub fn start(self) -> Result<Receiver, BindError> {
        let token = match self.token.clone().map(Token::new) {
            Some(None) => return Err(BindError::unfit_token(&self.address)),
            token => token.flatten(),
        };
        let (http, local_addr) = self.listen(&self.address)?;
        #[cfg(feature = "otlp-grpc")]
        let grpc = match &self.grpc {
            Some(address) => Some(self.listen(address)?),
            None => None,
        };
        #[cfg(feature = "otlp-grpc")]
        let grpc_addr = grpc.as_ref().map(|(_, address)| *address);
        #[cfg(not(feature = "otlp-grpc"))]
        let grpc_addr = None;
        let names = Names {
            loopback_only: is_loopback(local_addr),
            others: self.hosts,
        };
        let rules = Rules {
            names,
            token,
            max_body: self.limits.max_body,
        };
        let shared = Arc::new(Shared::new(self.intake, self.limits, rules));
        let listening = Listening {
            http,
            #[cfg(feature = "otlp-grpc")]
            grpc: grpc.map(|(listener, _)| listener),
        };
        let runtime = server::runtime().map_err(|it| BindError::thread(&self.address, it))?;
        let (stop, told) = oneshot::channel();
        let (ended, stopped) = mpsc::channel();
        let ours = Arc::clone(&shared);
        // Not joined: a stop waits for its word, with a limit.
        std::thread::Builder::new()
            .name("agent-otlp".to_owned())
            .spawn(move || server::run(runtime, listening, &ours, told, &ended))
            .map_err(|it| BindError::thread(&self.address, it))?;
        Ok(Receiver {
            local_addr,
            grpc_addr,
            shared,
            stop: Some(stop),
            stopped: Mutex::new(stopped),
        })
    }

    fn listen(&self, address: &str) -> Result<(TcpListener, SocketAddr), BindError> {
        let known = address
            .to_socket_addrs()
            .map_err(|error| BindError::unknown(address, error))?;
        let known: Vec<SocketAddr> = known.collect();
        // Before it is bound, so that nobody reaches it in between.
        let open = known.iter().any(|it| !is_loopback(*it));
        if open && self.token.is_none() && !self.without_token {
            return Err(BindError::no_token(address));
        }
        let bound = TcpListener::bind(&*known).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        bound.map_err(|error| BindError::bind(address, error))
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("address", &self.address)
            .field("token", &self.token.is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
