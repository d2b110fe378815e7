//! The keys of a session that is to be opened.

use super::Builder;
use crate::Error;
#[cfg(feature = "encryption")]
use crate::encrypt::Keyring;
use crate::format::keys::Keys;

/// Keys as they were given, or as another session has them.
pub(super) enum Keying {
    Made(Keys),
    #[cfg(feature = "encryption")]
    Given(Keyring),
}

impl Default for Keying {
    fn default() -> Self {
        Self::Made(Keys::default())
    }
}

impl Keying {
    #[cfg_attr(
        not(feature = "encryption"),
        expect(
            clippy::unnecessary_wraps,
            reason = "what may fail is not in this build"
        )
    )]
    pub(super) fn make(&self) -> Result<Keys, Error> {
        match self {
            Self::Made(keys) => Ok(keys.clone()),
            #[cfg(feature = "encryption")]
            Self::Given(keyring) => keyring.clone().into_keys(),
        }
    }
}

impl Builder {
    /// The keys with which the session is opened.
    pub(crate) fn keying(&self) -> Result<Keys, Error> {
        self.keys.make()
    }
}

#[cfg(feature = "encryption")]
impl Builder {
    /// Encrypts whatever is written, and reads what a key of `keyring` opens; plain unless set.
    ///
    /// A session that was written with another key gives [`Error::is_wrong_key`] and stays as it is. See
    /// [`encrypt`](crate::encrypt).
    #[must_use]
    pub fn encryption(mut self, keyring: Keyring) -> Self {
        self.keys = Keying::Given(keyring);
        self
    }
}

#[cfg(test)]
impl Builder {
    /// These very keys.
    pub(crate) fn keys(mut self, keys: Keys) -> Self {
        self.keys = Keying::Made(keys);
        self
    }
}
