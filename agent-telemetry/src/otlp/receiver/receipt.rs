//! What an intake says of a request that it took: the answer, or that it comes later.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use super::intake::{Accepted, Refused};

/// When to try again where the answer did not come in time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request was taken. The sender is answered at once, or when a future is ready, which holds up no other request.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::otlp::{Accepted, Encoding, Intake, Receipt, Receiver, Refused, Signal};
///
/// struct Stores;
/// impl Intake for Stores {
///     fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> {
///         Ok(Accepted::all())
///     }
///     fn receive(&self, _: Signal, _: Encoding, body: &[u8]) -> Result<Receipt, Refused> {
///         let items = body.len() as u64;
///         let stored = async move { Ok(Accepted::partly(items, "all of them")) };
///         Ok(Receipt::later(Duration::from_secs(5), stored))
///     }
///     fn flush(&self, _: Duration) -> bool {
///         true
///     }
/// }
///
/// let receiver = Receiver::builder(Stores).bind("127.0.0.1:0").start()?;
/// let address = format!("http://{}/v1/logs", receiver.local_addr());
/// let mut answer = ureq::post(&address).content_type("application/json").send("{}")?;
/// let said = answer.body_mut().read_to_string()?;
/// assert_eq!(said, r#"{"partialSuccess":{"errorMessage":"all of them","rejectedLogRecords":"2"}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the sender waits for the answer"]
pub struct Receipt(Answer);

type Later = Pin<Box<dyn Future<Output = Result<Accepted, Refused>> + Send>>;

enum Answer {
    Now(Accepted),
    Later(Duration, Later),
}

impl Receipt {
    /// This is the answer.
    pub fn now(accepted: Accepted) -> Self {
        Self(Answer::Now(accepted))
    }

    /// The answer is what `answer` gives, for which is waited as long as `within`: the sender is told 503 then, and the
    /// future is dropped. It is polled by the thread of the server, so it is to wait without blocking.
    pub fn later(
        within: Duration,
        answer: impl Future<Output = Result<Accepted, Refused>> + Send + 'static,
    ) -> Self {
        Self(Answer::Later(within, Box::pin(answer)))
    }

    pub(super) async fn answer(self) -> Result<Accepted, Refused> {
        match self.0 {
            Answer::Now(accepted) => Ok(accepted),
            Answer::Later(within, answer) => timeout(within, answer).await.unwrap_or({
                Err(Refused::Unavailable {
                    retry_after: RETRY_AFTER,
                })
            }),
        }
    }
}

impl From<Accepted> for Receipt {
    fn from(accepted: Accepted) -> Self {
        Self::now(accepted)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Answer::Now(accepted) => f.debug_tuple("Receipt").field(accepted).finish(),
            Answer::Later(within, _) => f.debug_tuple("Receipt").field(within).finish(),
        }
    }
}
