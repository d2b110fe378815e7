//! What went wrong, and how far it reaches.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// What a failed call means, apart from which vendor said it.
    ///
    /// A word that this version does not know reads as [`FailureKind::Unknown`].
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    ///
    /// assert_eq!(FailureKind::RateLimited.as_str(), "rate_limited");
    /// let newer: FailureKind = serde_json::from_str("\"solar_flare\"")?;
    /// assert_eq!(newer, FailureKind::Unknown);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    FailureKind {
        /// Too many requests or tokens for now; clears by itself.
        RateLimited = "rate_limited",
        /// Money, credit or a long allowance is used up; waiting does not help.
        QuotaExhausted = "quota_exhausted",
        /// The service has no capacity at the moment.
        Overloaded = "overloaded",
        /// The request does not fit the model's context window.
        ContextTooLong = "context_too_long",
        /// The request has more bytes than the service takes.
        PayloadTooLarge = "payload_too_large",
        /// The answer was cut at the output limit.
        OutputLimit = "output_limit",
        /// The key is missing, wrong or expired.
        Auth = "auth",
        /// The key is right but may not do this.
        Permission = "permission",
        /// No such model or resource.
        NotFound = "not_found",
        /// The request is malformed; sending it again changes nothing.
        InvalidRequest = "invalid_request",
        /// Refused by a content filter or policy.
        ContentPolicy = "content_policy",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection could not be made or broke before an answer.
        Network = "network",
        /// The service failed inside.
        Server = "server",
        /// The answer broke off after it had begun.
        StreamCut = "stream_cut",
        /// The caller gave up.
        Cancelled = "cancelled",
        /// None of the above could be told.
        #[serde(other)]
        Unknown = "unknown",
    }
}

words! {
    /// How far a failure reaches: what else would fail in the same way now.
    ///
    /// ```
    /// use agent_primitives::Scope;
    ///
    /// assert_eq!(Scope::Account.to_string(), "account");
    /// assert!(Scope::Request < Scope::Account, "ordered from narrow to wide");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    Scope {
        /// Only this request.
        Request = "request",
        /// Every request with this key.
        Key = "key",
        /// Every request to this model.
        Model = "model",
        /// Every request to this provider.
        Provider = "provider",
        /// Everything that shares this account's allowance, at whichever provider it is spent.
        Account = "account",
    }
}
