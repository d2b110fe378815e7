//! Whether a reply is good enough.

use std::error::Error;
use std::fmt;

use agent_primitives::{FailureKind, Scope};
use serde::{Deserialize, Serialize};

use crate::classify::Verdict;
use crate::failure::Failure;

/// How closely a reply is looked at.
///
/// ```
/// use agent_resilience::CheckLevel;
///
/// assert!(CheckLevel::Off < CheckLevel::Basic && CheckLevel::Basic < CheckLevel::Enhanced);
/// assert_eq!(serde_json::to_string(&CheckLevel::Enhanced)?, "\"enhanced\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Not at all.
    Off,
    /// What costs nothing: that it is not empty, that JSON is JSON.
    #[default]
    Basic,
    /// All that the host knows to look for.
    Enhanced,
}

/// When a reply is looked at, and what follows when it is not good enough.
///
/// ```
/// use agent_resilience::{CheckConfig, CheckLevel};
///
/// let config: CheckConfig = serde_json::from_str(r#"{"level": "off"}"#)?;
/// assert_eq!((config.level, config.after_weaker), (CheckLevel::Off, CheckLevel::Enhanced));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// For most replies; basic by default.
    pub level: CheckLevel,
    /// For replies of a provider whose [strength](crate::Profile::strength) is less than that of one
    /// before it in the order of preference, as after a switch; enhanced by default. The level of most
    /// replies counts where it is higher.
    pub after_weaker: CheckLevel,
    /// Offers a rejected request to stronger providers first; by default so. Else to the next.
    pub escalate: bool,
}

impl Default for CheckConfig {
    fn default() -> Self {
        Self {
            level: CheckLevel::Basic,
            after_weaker: CheckLevel::Enhanced,
            escalate: true,
        }
    }
}

/// Looks whether a reply is good enough. A rejected one is a failure of quality: the request goes on to
/// another provider, nobody rests for it, and what the reply cost is spent.
///
/// ```
/// use agent_primitives::{HandoffReason, ProviderId};
/// use agent_resilience::{CheckLevel, Failure, FallbackChain, Provider, Rejection, ReplyCheck};
///
/// struct NotEmpty;
/// impl ReplyCheck<str, String> for NotEmpty {
///     fn check(&self, _: &str, reply: &String, _: CheckLevel) -> Result<(), Rejection> {
///         if reply.is_empty() { Err(Rejection::new("the reply is empty")) } else { Ok(()) }
///     }
/// }
///
/// # struct Says(ProviderId, &'static str);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Says {
/// #     type Reply = String;
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<String, Failure> { Ok(self.1.to_owned()) }
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let says_nothing = Says("small".parse()?, "");
/// # let says_much = Says("large".parse()?, "much");
/// let chain = FallbackChain::builder()
///     .provider(says_nothing)
///     .provider(says_much)
///     .reply_check(NotEmpty)
///     .build()?;
/// let reply = chain.call("well?").await?;
/// assert_eq!((reply.value.as_str(), reply.handoffs[0].reason), ("much", HandoffReason::Quality));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ReplyCheck<Req: ?Sized, Rep>: Send + Sync {
    /// Looks at one reply, as closely as `level` says; never called with [`CheckLevel::Off`].
    ///
    /// # Errors
    /// [`Rejection`] says what is not good enough.
    fn check(&self, request: &Req, reply: &Rep, level: CheckLevel) -> Result<(), Rejection>;
}

/// Why a reply is not good enough.
///
/// ```
/// use agent_resilience::Rejection;
///
/// let rejection = Rejection::new("no test was run");
/// assert_eq!(rejection.to_string(), "reply rejected: no test was run");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection(String);

impl Rejection {
    /// For this reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reply rejected: {}", self.0)
    }
}

impl Error for Rejection {}

impl From<Rejection> for Failure {
    /// A failure of this request alone.
    fn from(rejection: Rejection) -> Self {
        let verdict = Verdict::new(FailureKind::Unknown).scope(Scope::Request);
        Self::new(verdict).with_source(rejection)
    }
}
