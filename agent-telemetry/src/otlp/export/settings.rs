//! What a sink is told about its server, and what is made of it.

use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Uri, header};

use super::error::{Kind, OtlpError};
use super::http::Target;
use super::style::OtlpSignal;

/// Of all signals, or of one where it differs.
#[derive(Clone, Default)]
pub(super) struct Settings {
    /// Of all signals: what their paths are below of. Of one: the whole address.
    pub(super) address: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Option<Duration>,
    pub(super) gzip: Option<bool>,
    pub(super) is_off: bool,
}

/// The longest wait for an answer, unless set.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The address where nothing says another one.
const ADDRESS: &str = "http://localhost:4318";

impl Settings {
    /// Where a signal goes, by these settings and, ahead of them, its own.
    pub(super) fn target(&self, own: &Self, signal: OtlpSignal) -> Result<Target, OtlpError> {
        let address = own.address.clone().unwrap_or_else(|| {
            let all = self.address.as_deref().unwrap_or(ADDRESS);
            format!("{}{}", all.trim_end_matches('/'), signal.path())
        });
        let address = address.parse().ok().filter(is_plain);
        let address = address.ok_or_else(|| OtlpError::new(Kind::Address(signal)))?;
        let headers = if own.headers.is_empty() {
            &self.headers
        } else {
            &own.headers
        };
        let headers = headers.iter().map(|(name, value)| header(name, value));
        let headers = headers.collect::<Option<_>>();
        Ok(Target {
            address,
            headers: headers.ok_or_else(|| OtlpError::new(Kind::Header))?,
            timeout: own.timeout.or(self.timeout).unwrap_or(TIMEOUT),
        })
    }

    /// Whether a signal goes out, and whether compressed.
    pub(super) fn wanted(&self, own: &Self) -> Option<bool> {
        let is_off = self.is_off || own.is_off;
        (!is_off).then(|| own.gzip.or(self.gzip) == Some(true))
    }
}

fn is_plain(address: &Uri) -> bool {
    matches!(address.scheme_str(), Some("http" | "https"))
        && address.host().is_some_and(|it| !it.is_empty())
        && address.query().is_none()
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    const OURS: [HeaderName; 6] = [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::HOST,
        header::CONNECTION,
    ];
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    (!OURS.contains(&name)).then_some((name, value))
}
