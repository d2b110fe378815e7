//! Telling by an HTTP request.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ureq::http::Uri;

use super::receiver::{Receive, ReceiveError};
use crate::alert::Notification;

/// The longest wait for an answer, unless set.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A receiver that sends each [`Notification`] as JSON in a POST request, over HTTP or HTTPS.
///
/// The request has the header `Idempotency-Key` with the id of the notification, and with a secret `X-Signature-256`:
/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits. An answer of 2xx is a delivery. 408, 425, 429, 5xx and a
/// broken connection are tried again; any other answer is a refusal, and so is a redirection, which is not followed.
///
/// ```
/// use agent_telemetry::alert::{Alerting, Rules, Webhook};
///
/// let hook = Webhook::new("https://alerts.example.com/agents/T0KEN")?.secret("hush");
/// assert_eq!(format!("{hook:?}"), "Webhook { host: \"alerts.example.com\", signed: true, .. }");
/// let alerting = Alerting::builder(Rules::recommended()).receiver(hook);
/// assert!(Webhook::new("ftp://example.com").is_err());
/// # Ok::<(), agent_telemetry::alert::InvalidWebhook>(())
/// ```
#[must_use]
pub struct Webhook {
    address: Uri,
    secret: Option<Vec<u8>>,
    timeout: Duration,
    agent: Option<ureq::Agent>,
}

/// An address that is none of HTTP or HTTPS. It does not repeat it, since addresses of hooks are secrets.
///
/// ```
/// let error = agent_telemetry::alert::Webhook::new("alerts").unwrap_err();
/// assert_eq!(error.to_string(), "the address of a webhook begins with http:// or https:// and names a host");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address of a webhook begins with http:// or https:// and names a host")]
#[non_exhaustive]
pub struct InvalidWebhook;

/// An answer that is no delivery.
#[derive(Debug, thiserror::Error)]
#[error("the webhook answered {0}")]
struct Answered(u16);

/// A request that got no answer. What the library says may repeat the address, so only its kind is told.
#[derive(Debug, thiserror::Error)]
#[error("the webhook gave no answer: {0}")]
struct NoAnswer(&'static str);

impl Webhook {
    /// Sends to this address.
    ///
    /// # Errors
    /// [`InvalidWebhook`] when it is no address of HTTP or HTTPS.
    pub fn new(address: &str) -> Result<Self, InvalidWebhook> {
        let address: Uri = address.parse().map_err(|_| InvalidWebhook)?;
        let is_http = matches!(address.scheme_str(), Some("http" | "https"));
        if !is_http || address.host().is_none_or(str::is_empty) {
            return Err(InvalidWebhook);
        }
        Ok(Self {
            address,
            secret: None,
            timeout: TIMEOUT,
            agent: None,
        })
    }

    /// Sets the secret that signs each body; unsigned unless set.
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Sets how long one request may take altogether; 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.agent = None;
        self
    }
}

impl Receive for Webhook {
    fn receive(&mut self, told: &Notification) -> Result<(), ReceiveError> {
        let body = serde_json::to_string(told).map_err(ReceiveError::never)?;
        let agent = self.agent.get_or_insert_with(|| agent(self.timeout));
        let mut request = agent
            .post(&self.address)
            .content_type("application/json")
            .header("Idempotency-Key", &told.id);
        if let Some(secret) = &self.secret {
            request = request.header("X-Signature-256", signature(secret, &body));
        }
        let answer = request.send(&body).map_err(|error| match error {
            ureq::Error::Timeout(_) => ReceiveError::later(NoAnswer("time was up")),
            ureq::Error::HostNotFound => ReceiveError::later(NoAnswer("no such host")),
            ureq::Error::Io(error) => {
                ReceiveError::later(std::io::Error::new(error.kind(), NoAnswer("connection")))
            }
            _ => ReceiveError::later(NoAnswer("connection")),
        })?;
        match answer.status().as_u16() {
            200..300 => Ok(()),
            status @ (408 | 425 | 429 | 500..) => Err(ReceiveError::later(Answered(status))),
            status => Err(ReceiveError::never(Answered(status))),
        }
    }
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A redirection would take the signature elsewhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

fn signature(secret: &[u8], body: &str) -> String {
    use fmt::Write as _;
    let mut text = "sha256=".to_owned();
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) {
        mac.update(body.as_bytes());
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path may hold a secret.
        f.debug_struct("Webhook")
            .field("host", &self.address.host().unwrap_or_default())
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_that_of_the_published_vector() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature(b"Jefe", "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
