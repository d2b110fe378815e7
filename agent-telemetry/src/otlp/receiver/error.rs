//! What hinders a receiver from starting, and from stopping in peace.

use std::fmt;
use std::io;
use std::time::Duration;

/// A receiver did not start. What it says names the address, and what to do.
///
/// ```
/// # use agent_telemetry::otlp::{Accepted, Encoding, Intake, Receiver, Refused, Signal};
/// # struct TakesAll;
/// # impl Intake for TakesAll {
/// #     fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> { Ok(Accepted::all()) }
/// #     fn flush(&self, _: std::time::Duration) -> bool { true }
/// # }
/// let first = Receiver::builder(TakesAll).bind("127.0.0.1:0").start()?;
/// let address = first.local_addr();
///
/// let error = Receiver::builder(TakesAll).bind(address).start().unwrap_err();
/// assert!(error.is_in_use());
/// assert_eq!(
///     error.to_string(),
///     format!(
///         "{address} is in use, by another receiver or an OpenTelemetry Collector perhaps; stop that one, or choose \
///          another port (port 0 takes a free one)"
///     )
/// );
/// # Ok::<(), agent_telemetry::otlp::BindError>(())
/// ```
#[derive(Debug)]
pub struct BindError {
    address: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    InUse(io::Error),
    NotAvailable(io::Error),
    Denied(io::Error),
    Unknown(io::Error),
    NoToken,
    UnfitToken,
    Thread(io::Error),
    Other(io::Error),
}

impl BindError {
    pub(super) fn bind(address: &str, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::AddrInUse => Kind::InUse(error),
            io::ErrorKind::AddrNotAvailable => Kind::NotAvailable(error),
            io::ErrorKind::PermissionDenied => Kind::Denied(error),
            _ => Kind::Other(error),
        };
        Self::new(address, kind)
    }

    pub(super) fn unknown(address: &str, error: io::Error) -> Self {
        Self::new(address, Kind::Unknown(error))
    }

    pub(super) fn no_token(address: &str) -> Self {
        Self::new(address, Kind::NoToken)
    }

    pub(super) fn unfit_token(address: &str) -> Self {
        Self::new(address, Kind::UnfitToken)
    }

    pub(super) fn thread(address: &str, error: io::Error) -> Self {
        Self::new(address, Kind::Thread(error))
    }

    fn new(address: &str, kind: Kind) -> Self {
        Self {
            address: address.to_owned(),
            kind,
        }
    }

    /// The address that was asked for.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Another program, or another receiver of this one, listens there.
    pub fn is_in_use(&self) -> bool {
        matches!(self.kind, Kind::InUse(_))
    }

    /// No network interface of this machine has the address.
    pub fn is_not_available(&self) -> bool {
        matches!(self.kind, Kind::NotAvailable(_))
    }

    /// This user may not listen there.
    pub fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Denied(_))
    }

    /// It is no address, or a name that is not known.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unknown(_))
    }

    /// The address can be reached from other machines, and there is no token that could be asked for; or a token was
    /// given that no header can carry.
    pub fn is_token(&self) -> bool {
        matches!(self.kind, Kind::NoToken | Kind::UnfitToken)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.address;
        match &self.kind {
            Kind::InUse(_) => write!(
                f,
                "{address} is in use, by another receiver or an OpenTelemetry Collector perhaps; stop that one, or \
                 choose another port (port 0 takes a free one)"
            ),
            Kind::NotAvailable(_) => write!(
                f,
                "{address} is no address of this machine; choose 127.0.0.1 for programs on this machine, or 0.0.0.0 \
                 for others as well"
            ),
            Kind::Denied(_) => write!(
                f,
                "{address} is not for this user to listen on; choose a port above 1023"
            ),
            Kind::Unknown(_) => write!(
                f,
                "{address:?} is no address that is known; write one as 127.0.0.1:4318"
            ),
            Kind::NoToken => write!(
                f,
                "{address} can be reached from other machines, and no token is asked for; set `token`, or say \
                 `without_token` if that is meant"
            ),
            Kind::UnfitToken => f.write_str(
                "the token is empty, or has other characters than visible ASCII; choose another one",
            ),
            Kind::Thread(_) => write!(
                f,
                "the receiver at {address} got no thread, or no file to wait with; raise the limits of the process"
            ),
            Kind::Other(_) => write!(f, "{address} cannot be listened on"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::InUse(error)
            | Kind::NotAvailable(error)
            | Kind::Denied(error)
            | Kind::Unknown(error)
            | Kind::Thread(error)
            | Kind::Other(error) => Some(error),
            Kind::NoToken | Kind::UnfitToken => None,
        }
    }
}

/// A receiver stopped, but not in peace.
///
/// ```
/// use std::time::Duration;
/// # use agent_telemetry::otlp::{Accepted, Encoding, Intake, Receiver, Refused, Signal};
///
/// struct NeverStores;
/// impl Intake for NeverStores {
///     # fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> { Ok(Accepted::all()) }
///     // …
///     fn flush(&self, _: Duration) -> bool {
///         false
///     }
/// }
///
/// let receiver = Receiver::builder(NeverStores).bind("127.0.0.1:0").start()?;
/// let error = receiver.shutdown(Duration::from_secs(5)).unwrap_err();
/// assert!(error.is_not_flushed() && !error.is_cut_off());
/// assert_eq!(error.to_string(), "the receiver stopped, but what it took was not all stored within 5s");
/// # Ok::<(), agent_telemetry::otlp::BindError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopError {
    pub(super) within: Duration,
    pub(super) cut_off: usize,
    pub(super) flushed: bool,
    pub(super) stuck: bool,
}

impl StopError {
    /// Connections were cut off, with what was under way on them.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off > 0
    }

    /// The intake did not store everything that it took.
    pub fn is_not_flushed(&self) -> bool {
        !self.flushed
    }

    /// The intake has not returned: the thread of the receiver is left behind with it.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            within, cut_off, ..
        } = self;
        if self.stuck {
            return write!(
                f,
                "the receiver did not stop within {within:?}, since its intake did not return"
            );
        }
        f.write_str("the receiver stopped, but ")?;
        if self.is_cut_off() {
            write!(f, "cut {cut_off} connections off")?;
        }
        if self.is_cut_off() && self.is_not_flushed() {
            f.write_str(", and ")?;
        }
        if self.is_not_flushed() {
            f.write_str("what it took was not all stored")?;
        }
        write!(f, " within {within:?}")
    }
}

impl std::error::Error for StopError {}
