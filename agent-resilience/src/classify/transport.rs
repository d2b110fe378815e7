//! Failures without a reply: the connection itself, by the cause that the system names or by the
//! words of client libraries that hide it.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use agent_primitives::FailureKind;

use super::prose::find;
use super::verdict::{Evidence, Verdict};

/// Causes that are looked at. A chain that loops would be a bug elsewhere; it must not hang us.
const CAUSES: usize = 16;

/// Classifies an error of the connection itself, by the [`io::Error`] among its causes and by its
/// words.
///
/// | what failed | kind |
/// |---|---|
/// | a time limit ran out | [`FailureKind::Timeout`] |
/// | refused, reset, unreachable, no such host, cut before the answer | [`FailureKind::Network`] |
/// | the body of an answer broke off | [`FailureKind::StreamCut`] |
/// | the certificate is not trusted, the address is unusable, the system forbids it | [`FailureKind::Unknown`] |
///
/// The last row is not sent again: the same would happen. A person has to look at the certificate,
/// the clock or the firewall, or another provider is asked. An error that speaks of no connection at
/// all, such as a URL that cannot be parsed, is of that row too.
///
/// ```
/// use std::io;
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Remedy};
///
/// let reset = io::Error::from(io::ErrorKind::ConnectionReset);
/// assert_eq!(classify::transport(&reset).kind, FailureKind::Network);
/// let late = io::Error::from(io::ErrorKind::TimedOut);
/// assert_eq!(classify::transport(&late).kind, FailureKind::Timeout);
/// let untrusted = io::Error::other("invalid peer certificate: UnknownIssuer");
/// assert_eq!(classify::transport(&untrusted).remedy(), Remedy::SwitchProvider);
/// ```
pub fn transport(error: &(dyn Error + 'static)) -> Verdict {
    let mut worst = Reading::Silent;
    let mut cause = Some(error);
    for _ in 0..CAUSES {
        let Some(error) = cause else { break };
        worst = worst.max(read(error));
        cause = error.source();
    }
    let kind = match worst {
        Reading::Final | Reading::Silent => FailureKind::Unknown,
        Reading::TimedOut => FailureKind::Timeout,
        Reading::BodyCut => FailureKind::StreamCut,
        Reading::Broken => FailureKind::Network,
    };
    Verdict::new(kind).evidence(Evidence::Transport)
}

/// What one cause says. The greatest among all causes decides: an outer "error sending request" says
/// less than the inner "invalid peer certificate".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Silent,
    Broken,
    BodyCut,
    TimedOut,
    Final,
}

fn read(error: &(dyn Error + 'static)) -> Reading {
    let mut said = Said::default();
    // The text that is kept is the beginning; an error that cannot be written says nothing.
    let _ = write!(said, "{error}");
    let by_words = by_words(said.text());
    match error.downcast_ref::<io::Error>() {
        Some(error) => by_words.max(by_kind(error.kind())),
        None => by_words,
    }
}

/// The kinds of the standard library, all that are stable in the oldest supported version.
fn by_kind(kind: io::ErrorKind) -> Reading {
    use io::ErrorKind as Kind;
    match kind {
        Kind::TimedOut => Reading::TimedOut,
        // The system, a sandbox or a firewall forbids the connection.
        Kind::PermissionDenied
        // An address that cannot be used, and bytes that are not TLS or not HTTP.
        | Kind::InvalidInput
        | Kind::InvalidData
        | Kind::InvalidFilename
        | Kind::ArgumentListTooLong
        | Kind::Unsupported
        // What fails on this machine, whomever it asks.
        | Kind::OutOfMemory
        | Kind::StorageFull
        | Kind::QuotaExceeded
        | Kind::FileTooLarge
        | Kind::ReadOnlyFilesystem => Reading::Final,
        // Refused, reset, aborted, unreachable, not connected, broken pipe, interrupted, the file of
        // a local socket that is missing, and the many that the standard library has no name for,
        // such as a host name that is not found.
        _ => Reading::Broken,
    }
}

/// Sources: the messages of rustls, native-tls, hyper, reqwest, ureq, curl, Node's undici and
/// Python's httpx and requests.
fn by_words(text: &str) -> Reading {
    const FINAL: [&str; 5] = [
        "certificate",
        "unknownissuer",
        "unknownca",
        "self-signed",
        "self signed",
    ];
    const TIMED_OUT: [&str; 5] = [
        "timed out",
        "timeout",
        "etimedout",
        "deadline has elapsed",
        "deadline exceeded",
    ];
    const BODY_CUT: [&str; 9] = [
        "reading a body",
        "body error",
        "incomplete chunked read",
        "incompleteread",
        "incompletebody",
        "ended prematurely",
        "premature close",
        "stream disconnected",
        "outstanding read data remaining",
    ];
    const BROKEN: [&str; 20] = [
        "connect",
        "connection",
        "econn",
        "reset",
        "closed",
        "broken pipe",
        "eof",
        "unexpected end of file",
        "incompletemessage",
        "incomplete message",
        "socket",
        "handshake",
        "unreachable",
        "no route to host",
        "dns",
        "enotfound",
        "getaddrinfo",
        "name or service not known",
        "error sending request",
        "fetch failed",
    ];
    let says = |words: &[&str]| words.iter().any(|word| find(text, word).is_some());
    if says(&FINAL) {
        Reading::Final
    } else if says(&TIMED_OUT) {
        Reading::TimedOut
    } else if says(&BODY_CUT) {
        Reading::BodyCut
    } else if says(&BROKEN) {
        Reading::Broken
    } else {
        Reading::Silent
    }
}

/// The beginning of an error's text, kept without an allocation.
struct Said {
    bytes: [u8; Self::KEPT],
    len: usize,
}

impl Said {
    const KEPT: usize = 512;

    fn text(&self) -> &str {
        self.bytes
            .get(..self.len)
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl Default for Said {
    fn default() -> Self {
        Self {
            bytes: [0; Self::KEPT],
            len: 0,
        }
    }
}

impl Write for Said {
    /// Fails when it is full, so that a long error is not written to its end.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = Self::KEPT - self.len;
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (Some(from), Some(to)) = (
            text.as_bytes().get(..end),
            self.bytes.get_mut(self.len..self.len + end),
        ) else {
            return Err(fmt::Error);
        };
        to.copy_from_slice(from);
        self.len += end;
        if end < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as a client library wraps it.
    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<dyn Error>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref()
        }
    }

    fn said(words: &'static str) -> FailureKind {
        transport(&Layer(words, None)).kind
    }

    #[test]
    fn every_kind_of_the_system_has_its_meaning() {
        use io::ErrorKind as Kind;
        for (kinds, expected) in [
            (&[Kind::TimedOut][..], FailureKind::Timeout),
            (
                &[
                    Kind::ConnectionRefused,
                    Kind::ConnectionReset,
                    Kind::ConnectionAborted,
                    Kind::HostUnreachable,
                    Kind::NetworkUnreachable,
                    Kind::NetworkDown,
                    Kind::NotConnected,
                    Kind::AddrInUse,
                    Kind::AddrNotAvailable,
                    Kind::BrokenPipe,
                    Kind::UnexpectedEof,
                    Kind::WriteZero,
                    Kind::Interrupted,
                    Kind::WouldBlock,
                    Kind::NotFound,
                    Kind::Other,
                ],
                FailureKind::Network,
            ),
            (
                &[
                    Kind::PermissionDenied,
                    Kind::InvalidInput,
                    Kind::InvalidData,
                    Kind::Unsupported,
                    Kind::OutOfMemory,
                    Kind::StorageFull,
                ],
                FailureKind::Unknown,
            ),
        ] {
            for kind in kinds {
                let verdict = transport(&io::Error::from(*kind));
                assert_eq!(verdict.kind, expected, "{kind:?}");
                assert_eq!(verdict.evidence, Evidence::Transport);
            }
        }
    }

    #[test]
    fn words_tell_where_a_library_hides_the_cause() {
        for (words, expected) in [
            ("error trying to connect: dns error", FailureKind::Network),
            (
                "connection closed before message completed",
                FailureKind::Network,
            ),
            (
                "peer closed connection without sending TLS close_notify",
                FailureKind::Network,
            ),
            ("tls handshake eof", FailureKind::Network),
            (
                "getaddrinfo ENOTFOUND api.example.org",
                FailureKind::Network,
            ),
            ("socket hang up", FailureKind::Network),
            (
                "error reading a body from connection",
                FailureKind::StreamCut,
            ),
            (
                "peer closed connection without sending complete message body (incomplete chunked read)",
                FailureKind::StreamCut,
            ),
            ("Response ended prematurely", FailureKind::StreamCut),
            ("operation timed out", FailureKind::Timeout),
            (
                "tcp connect error: deadline has elapsed",
                FailureKind::Timeout,
            ),
            (
                "builder error: relative URL without a base",
                FailureKind::Unknown,
            ),
            ("expected value at line 1 column 1", FailureKind::Unknown),
            ("", FailureKind::Unknown),
        ] {
            assert_eq!(said(words), expected, "{words}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_not_tried_again() {
        for words in [
            "invalid peer certificate: UnknownIssuer",
            "certificate verify failed: unable to get local issuer certificate",
            "received fatal alert: UnknownCA",
            "self signed certificate in certificate chain: connection timed out",
        ] {
            assert_eq!(said(words), FailureKind::Unknown, "{words}");
        }
    }

    #[test]
    fn the_cause_that_says_most_decides_wherever_it_stands() {
        let inner = io::Error::other("invalid peer certificate: NotValidForName");
        let wrapped = Layer("error sending request", Some(Box::new(inner)));
        assert_eq!(transport(&wrapped).kind, FailureKind::Unknown);
        let inner = io::Error::from(io::ErrorKind::TimedOut);
        let wrapped = Layer("connection error", Some(Box::new(inner)));
        assert_eq!(transport(&wrapped).kind, FailureKind::Timeout);
        let inner = io::Error::from(io::ErrorKind::UnexpectedEof);
        let wrapped = Layer("request or response body error", Some(Box::new(inner)));
        assert_eq!(transport(&wrapped).kind, FailureKind::StreamCut);
    }

    #[test]
    fn a_long_text_is_read_to_its_bound() {
        let long = "é".repeat(Said::KEPT) + " timed out";
        let said = io::Error::other(long);
        assert_eq!(transport(&said).kind, FailureKind::Network);
        let mut kept = Said::default();
        assert!(write!(kept, "a{}", "é".repeat(Said::KEPT)).is_err());
        assert_eq!(kept.text().len(), Said::KEPT - 1);
    }
}
