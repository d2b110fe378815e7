//! A reply with a status that means failure, kept as the source of what was made of it.

use std::error::Error;
use std::fmt;

use http::HeaderMap;

use crate::classify::{self, Vendor};
use crate::failure::Failure;

/// A reply whose status means failure: what a verdict was made from, for those who want to look at it
/// themselves. [`Failure::reply`] finds it.
///
/// Neither `Debug` nor `Display` shows headers or the body, since both can hold parts of keys and prompts.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::FailedReply;
/// use agent_resilience::classify::Vendor;
///
/// let body = br#"{"error":{"code":"insufficient_quota","message":"check your plan"}}"#;
/// let reply = FailedReply::new(429, http::HeaderMap::new(), body.to_vec());
/// let failure = reply.into_failure(Vendor::OpenAi);
/// assert_eq!(failure.kind(), FailureKind::QuotaExhausted);
/// let reply = failure.reply().unwrap();
/// assert_eq!((reply.status(), reply.body()), (429, &body[..]));
/// assert_eq!(reply.to_string(), "status 429 with a body of 67 bytes");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FailedReply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl FailedReply {
    /// Bytes of a body that are read at most: as many as [`classify::http`] looks at, 64 KiB.
    pub const BODY_MAX: usize = classify::READ_AT_MOST;

    /// A reply; of a body that is longer than [`FailedReply::BODY_MAX`] the beginning is kept.
    pub fn new(status: u16, headers: HeaderMap, mut body: Vec<u8>) -> Self {
        body.truncate(Self::BODY_MAX);
        Self {
            status,
            headers,
            body,
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, or as much of it as arrived and is kept.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Classifies it as a reply of `vendor`, and is the source of the failure.
    pub fn into_failure(self, vendor: Vendor) -> Failure {
        let verdict = classify::http(vendor, self.status, &self.headers, &self.body);
        Failure::new(verdict).with_source(self)
    }
}

impl Failure {
    /// The reply that led to the verdict, where there was one and it was kept.
    pub fn reply(&self) -> Option<&FailedReply> {
        self.source()?.downcast_ref()
    }
}

impl fmt::Display for FailedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, .. } = self;
        write!(f, "status {status} with a body of {} bytes", body.len())
    }
}

impl fmt::Debug for FailedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedReply")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .finish()
    }
}

impl Error for FailedReply {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_reply_shows_none_of_its_content() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", http::HeaderValue::from_static("sk-secret"));
        let reply = FailedReply::new(401, headers, b"sk-secret".to_vec());
        let said = format!(
            "{reply} {reply:?} {:?}",
            reply.clone().into_failure(Vendor::OpenAi)
        );
        assert!(!said.contains("secret"), "{said}");
        assert!(said.contains("401"), "{said}");
    }

    #[test]
    fn a_long_body_is_kept_to_its_bound() {
        let reply = FailedReply::new(500, HeaderMap::new(), vec![b'x'; 1 << 20]);
        assert_eq!(reply.body().len(), 64 * 1024);
    }
}
