//! A secret that does not show itself.

use std::fmt;

use http::HeaderValue;

/// A provider's API key. Its `Debug` form is masked, and the client marks the header that carries
/// it as sensitive.
///
/// ```
/// use support::ApiKey;
///
/// let key = ApiKey::new("sk-very-secret\n")?;
/// assert_eq!(format!("{key:?}"), "ApiKey(****)");
/// assert!(ApiKey::new(" ").is_err());
/// # Ok::<(), support::InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct ApiKey(String);

/// Why a text is no key. The message does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is empty or has characters that no header can carry; copy it again without line breaks"
)]
pub struct InvalidKey(());

impl ApiKey {
    /// Takes `key` without the white space around it, which environment files often add.
    ///
    /// # Errors
    /// When nothing is left, or when it cannot stand in an HTTP header.
    pub fn new(key: &str) -> Result<Self, InvalidKey> {
        let key = key.trim();
        if key.is_empty() || HeaderValue::from_str(key).is_err() {
            return Err(InvalidKey(()));
        }
        Ok(Self(key.to_owned()))
    }

    /// The value of a header, after `prefix`; `None` cannot happen for a key that was accepted.
    pub(super) fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(****)")
    }
}
