//! Why a request was not taken, in the words of both protocols.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, ALLOW, HeaderName, WWW_AUTHENTICATE};

use super::intake::Refused;

/// When to try again where the receiver itself has no room.
const SOON: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Malformed,
    NoToken,
    Forbidden,
    NotFound,
    /// The methods that would do.
    Method(&'static str),
    TooSlow,
    TooLarge,
    ContentType,
    ContentEncoding,
    NotImplemented,
    Busy,
    Unavailable,
    /// The intake panicked.
    Internal,
}

impl Cause {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// As in `google.rpc.Code`, which are the codes of gRPC.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Malformed | Self::ContentType | Self::ContentEncoding => 3,
            Self::TooSlow => 4,
            Self::NotFound => 5,
            Self::Forbidden => 7,
            Self::TooLarge | Self::Busy => 8,
            Self::Method(_) | Self::NotImplemented => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::NoToken => 16,
        }
    }

    /// The header that says what would do.
    pub(super) const fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Method(allowed) => Some((ALLOW, allowed)),
            Self::NoToken => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::ContentEncoding => Some((ACCEPT_ENCODING, "gzip, identity")),
            Self::ContentType => Some((
                HeaderName::from_static("accept-post"),
                "application/x-protobuf, application/json",
            )),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) message: Cow<'static, str>,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cause,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The receiver has no room for it.
    pub(super) fn full(message: &'static str) -> Self {
        Self {
            retry_after: Some(SOON),
            ..Self::new(Cause::Unavailable, message)
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(why) => Self::new(Cause::Malformed, why),
            Refused::TooLarge => Self::new(
                Cause::TooLarge,
                "the request has more in it than is taken at once",
            ),
            Refused::Busy { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(Cause::Busy, "the receiver is busy")
            },
            Refused::Unavailable { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(
                    Cause::Unavailable,
                    "the receiver cannot store for the time being",
                )
            },
        }
    }
}
