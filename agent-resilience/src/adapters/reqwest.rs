//! Requests of `reqwest` under a policy, its replies and errors as verdicts.

use agent_primitives::FailureKind;
use http::HeaderMap;
use reqwest::{Error, Request, RequestBuilder, Response};

use crate::classify::{self, Classify, Evidence, Vendor, Verdict};
use crate::failed_reply::FailedReply;
use crate::failure::Failure;
use crate::limit::Cost;
use crate::policy::{Policy, PolicyError};
use crate::retry::{FailedTry, GiveUp, RetryError};

/// Lets a reply of `vendor` pass whose status means success, its body untouched; makes a [`Failure`] of any
/// other, with its headers and the first 64 KiB of its body in the verdict and as its
/// [`reply`](Failure::reply).
///
/// A body that breaks off is read as far as it came. How long that may take is for a timeout around the call
/// to say, such as a policy's attempt timeout.
///
/// # Errors
/// A [`Failure`], when the status is not of the 2xx.
///
/// # Cancel safety
/// Dropping the future closes the connection.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Vendor};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let body = r#"{"error":{"code":"insufficient_quota","message":"check your plan"}}"#;
/// let reply = reqwest::Response::from(http::Response::builder().status(429).body(body).unwrap());
/// let failure = classify::response(Vendor::OpenAi, reply).await.unwrap_err();
/// assert_eq!(failure.kind(), FailureKind::QuotaExhausted);
/// assert_eq!(failure.reply().unwrap().body(), body.as_bytes());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn response(vendor: Vendor, response: Response) -> Result<Response, Failure> {
    if response.status().is_success() {
        return Ok(response);
    }
    Err(read(response).await.into_failure(vendor))
}

/// Reads a bounded part of a failed reply. What breaks off or is longer says enough with its beginning.
async fn read(mut response: Response) -> FailedReply {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = FailedReply::BODY_MAX.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= FailedReply::BODY_MAX {
            break;
        }
    }
    let status = response.status().as_u16();
    FailedReply::new(status, std::mem::take(response.headers_mut()), body)
}

impl Policy {
    /// Sends `request` to `vendor` under all stages, until a reply with a status of success arrives or the
    /// verdict forbids another try. Feature `reqwest`.
    ///
    /// The reply's headers tell the rate limit what the provider counts; its body is left alone, so that a
    /// stream is the caller's to read. The attempt timeout therefore ends with the headers, and permit, slot
    /// and reservation are given back with them. A host that wants the body under the policy, and its usage
    /// settled, reads it inside [`Policy::run`]: a `reqwest::Error` and a [`Failure`] both become the failure
    /// of an attempt with `?`.
    ///
    /// A request whose body is a stream cannot be copied: it is sent once, and a failure that would have been
    /// followed by another attempt is given up for [`GiveUp::NotReplayable`].
    ///
    /// # Errors
    /// A [`PolicyError`]: refused by a stage, or failed with a [`Failure`], whose [`reply`](Failure::reply) is
    /// what the provider sent. A request that cannot be built makes no attempt.
    ///
    /// # Cancel safety
    /// As [`Policy::run`]: dropping the future gives everything back.
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Vendor;
    /// use agent_resilience::{Cost, Policy, RetryPolicy, TokioSleep};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let once = RetryPolicy { max_attempts: std::num::NonZeroU32::MIN, ..RetryPolicy::default() };
    /// let policy = Policy::with_sleep(once, TokioSleep);
    /// # let _ = rustls::crypto::ring::default_provider().install_default();
    /// let http = reqwest::Client::builder().no_proxy().build().unwrap();
    /// // Nobody listens there.
    /// let request = http.post("http://127.0.0.1:9/v1/chat/completions").body("{}");
    /// let error = policy.send(Vendor::OpenAi, request, Cost::REQUEST).await.unwrap_err();
    /// assert_eq!(error.verdict().map(|verdict| verdict.kind), Some(FailureKind::Network));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn send(
        &self,
        vendor: Vendor,
        request: RequestBuilder,
        cost: Cost,
    ) -> Result<Response, PolicyError<Failure>> {
        let (client, built) = request.build_split();
        let mut request = Some(built.map_err(|error| unbuilt(error.into()))?);
        let mut copy = request.as_ref().and_then(Request::try_clone);
        let is_only_one = copy.is_none();
        let run = self.run(cost, |_| {
            // The copy was seen to be possible before the first attempt.
            let next = copy.take().or_else(|| match &request {
                Some(original) if !is_only_one => original.try_clone(),
                _ => request.take(),
            });
            let client = &client;
            async move {
                let request =
                    next.ok_or_else(|| Failure::new(Verdict::new(FailureKind::InvalidRequest)))?;
                response(vendor, client.execute(request).await?).await
            }
        });
        let reply = if is_only_one { run.once() } else { run }.await?;
        self.observe(&classify::headers(
            vendor,
            reply.headers(),
            self.timestamp(),
        ));
        Ok(reply)
    }
}

fn unbuilt(failure: Failure) -> PolicyError<Failure> {
    PolicyError::Failed(RetryError {
        attempts: 0,
        reason: GiveUp::NotRetryable,
        last: FailedTry::Error(failure),
    })
}

impl Classify for Error {
    /// What the connection did, by [`classify::transport`]; the status, where the error was made of one; an
    /// invalid request, where it was never sent.
    fn verdict(&self) -> Verdict {
        if let Some(status) = self.status() {
            let status = status.as_u16();
            return classify::http(Vendor::OpenAiCompatible, status, &HeaderMap::new(), b"");
        }
        let verdict = classify::transport(self);
        if verdict.kind != FailureKind::Unknown {
            return verdict;
        }
        if self.is_builder() {
            Verdict::new(FailureKind::InvalidRequest)
        } else if self.is_timeout() {
            Verdict::new(FailureKind::Timeout).evidence(Evidence::Transport)
        } else {
            verdict
        }
    }
}

impl From<Error> for Failure {
    /// Classified, and without its address, in which some providers want the key.
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::Failure;
    ///
    /// # let _ = rustls::crypto::ring::default_provider().install_default();
    /// let error = reqwest::Client::new().get("not an address").build().unwrap_err();
    /// assert_eq!(Failure::from(error).kind(), FailureKind::InvalidRequest);
    /// ```
    fn from(error: Error) -> Self {
        Self::new(error.verdict()).with_source(error.without_url())
    }
}
