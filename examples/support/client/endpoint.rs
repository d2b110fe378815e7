//! Where a provider is reached, and the connections to it.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};

use crate::Dialect;

/// Why a text is not the address of a provider.
///
/// ```
/// use support::{Dialect, HttpProvider};
///
/// let error = HttpProvider::new("claude".parse()?, Dialect::Anthropic, "api.anthropic.com");
/// assert_eq!(
///     error.unwrap_err().to_string(),
///     "\"api.anthropic.com\" is not a base URL; write https://host or http://host:port"
/// );
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// The text is no URL with a host.
    #[error("{url:?} is not a base URL; write https://host or http://host:port")]
    Url {
        /// What was given.
        url: String,
    },
    /// Connections cannot be set up on this machine.
    #[error("cannot set up connections: {reason}")]
    Setup {
        /// What the system said.
        reason: String,
    },
}

/// A base URL and a pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base: String,
    client: Client,
}

impl Endpoint {
    pub(super) fn new(dialect: Dialect, base_url: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint::Url {
            url: base_url.to_owned(),
        };
        let url = Url::parse(base_url).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid());
        }
        install_tls();
        let mut client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            // A redirect would carry the key to wherever it points.
            .redirect(Policy::none());
        if is_loopback(&url) {
            client = client.no_proxy();
            if url.scheme() == "http" {
                // Reading the system's certificates takes longer than a call on loopback.
                client = client.tls_certs_only([]);
            }
        }
        Ok(Self {
            base: without_version(dialect, base_url).to_owned(),
            client: client.build().map_err(|error| InvalidEndpoint::Setup {
                reason: error.to_string(),
            })?,
        })
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }
}

/// The paths of a dialect begin with the version, so it must not stand in the base too.
fn without_version(dialect: Dialect, base_url: &str) -> &str {
    let version = match dialect {
        Dialect::Anthropic | Dialect::OpenAi => "/v1",
        Dialect::Groq => "/openai/v1",
        Dialect::Ollama => "/api",
    };
    let base = base_url.trim_end_matches('/');
    base.strip_suffix(version).unwrap_or(base)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The TLS library works only after somebody has chosen its cryptography. A host that has chosen
/// before keeps its choice.
fn install_tls() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_may_stand_in_the_base_url() {
        for (dialect, url, base) in [
            (
                Dialect::OpenAi,
                "https://api.openai.com/v1/",
                "https://api.openai.com",
            ),
            (
                Dialect::Groq,
                "https://api.groq.com/openai/v1",
                "https://api.groq.com",
            ),
            (
                Dialect::Anthropic,
                "https://gateway/team/v1",
                "https://gateway/team",
            ),
            (
                Dialect::Ollama,
                "http://localhost:11434",
                "http://localhost:11434",
            ),
        ] {
            assert_eq!(without_version(dialect, url), base);
        }
    }

    #[test]
    fn loopback_is_reached_without_a_proxy() {
        for (url, loopback) in [
            ("http://127.0.0.1:80", true),
            ("http://[::1]:80", true),
            ("http://localhost", true),
            ("https://api.openai.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), loopback, "{url}");
        }
    }
}
