//! The client library `async-openai` under a policy, and its errors as verdicts.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use agent_primitives::FailureKind;
use async_openai::error::{ApiErrorResponse, OpenAIError, StreamError};
use async_openai::middleware::HttpRequestFactory;
use http::HeaderMap;
use reqwest::{Client, Response};
use tower_service::Service;

use crate::classify::{self, Classify, Vendor, Verdict};
use crate::failure::Failure;
use crate::policy::{Policy, PolicyError};
use crate::tower::{PolicyLayer, PolicyService};

/// Causes that are looked at. A chain that loops would be a bug elsewhere; it must not hang us.
const CAUSES: usize = 16;

/// Sends the requests of `async-openai` and reads the replies that failed before the library does, which throws
/// away their headers, much of their bodies, and of some the status.
///
/// Put it into a client with `with_http_service`, under a policy ([`OpenAiService::under`]) in place of the
/// library's own retries, or alone, below layers of your own. Replies with a status of success, streams among
/// them, pass untouched.
///
/// A failure is an `OpenAIError::Boxed`, from which [`classify::openai_error`] takes the verdict unchanged. A
/// host that matches `OpenAIError::ApiError` has to look there instead: [`Failure::reply`] has all that came.
///
/// ```
/// use agent_resilience::classify::{self, Vendor};
/// use agent_resilience::{OpenAiService, Policy, RetryPolicy, TokioSleep};
/// use async_openai::Client;
/// use async_openai::config::OpenAIConfig;
/// # use async_openai::error::OpenAIError;
///
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let http = reqwest::Client::builder().no_proxy().build()?;
/// let service = OpenAiService::new(Vendor::Groq, http.clone()).under(Policy::default());
/// let config = OpenAIConfig::new().with_api_base("https://api.groq.com/openai/v1");
/// let client = Client::build(http, config).with_http_service(service);
/// # Ok::<(), reqwest::Error>(())
/// ```
#[derive(Clone)]
pub struct OpenAiService {
    vendor: Vendor,
    client: Client,
}

/// Without the client, among whose default headers the key may be.
impl fmt::Debug for OpenAiService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiService")
            .field("vendor", &self.vendor)
            .finish_non_exhaustive()
    }
}

impl OpenAiService {
    /// Sends with `client`, and reads failures as those of `vendor`.
    pub const fn new(vendor: Vendor, client: Client) -> Self {
        Self { vendor, client }
    }

    /// Itself under `policy`, whose rate limit hears what the headers of replies say. Each attempt costs
    /// [`Cost::REQUEST`](crate::Cost::REQUEST), since the library does not show what is in a request; for
    /// another cost use a [`PolicyLayer`].
    pub fn under(
        self,
        policy: Policy,
    ) -> PolicyService<Self, HttpRequestFactory, Response, Failure> {
        let vendor = self.vendor;
        let layer = PolicyLayer::new(policy)
            .limits(move |reply: &Response, now| classify::headers(vendor, reply.headers(), now));
        PolicyService::around(self, layer)
    }
}

impl Service<HttpRequestFactory> for OpenAiService {
    type Response = Response;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let Self { vendor, client } = self.clone();
        Box::pin(async move {
            let request = request.build().await.map_err(|error| {
                Failure::new(openai_error(vendor, &error)).with_source(without_url(error))
            })?;
            classify::response(vendor, client.execute(request).await?).await
        })
    }
}

/// The same error without the address, in which some providers want the key.
fn without_url(error: OpenAIError) -> OpenAIError {
    match error {
        OpenAIError::Reqwest(error) => OpenAIError::Reqwest(error.without_url()),
        error => error,
    }
}

impl From<Failure> for OpenAIError {
    fn from(failure: Failure) -> Self {
        Self::Boxed(Box::new(failure))
    }
}

impl From<PolicyError<Failure>> for OpenAIError {
    fn from(error: PolicyError<Failure>) -> Self {
        Self::Boxed(Box::new(error))
    }
}

impl Classify for OpenAIError {
    /// As of `OpenAI` itself; see [`classify::openai_error`].
    fn verdict(&self) -> Verdict {
        openai_error(Vendor::OpenAi, self)
    }
}

/// Classifies an error of the client library `async-openai` that came from `vendor`.
///
/// | the library's error | the verdict |
/// |---|---|
/// | `Boxed`, from an [`OpenAiService`](crate::OpenAiService), under other layers too | the one that was made of the whole reply, unchanged |
/// | `ApiError` | from status, type, code and sentence; without headers, so that no hint but one in the sentence arrives |
/// | `JSONDeserialize` | from what the text says of itself, since the status is gone |
/// | `StreamError` | from the event, or a stream that was cut |
/// | `Reqwest` | from the connection |
/// | `InvalidArgument` | an invalid request |
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Vendor};
/// use async_openai::error::OpenAIError;
///
/// let error = OpenAIError::InvalidArgument("no messages".into());
/// assert_eq!(classify::openai_error(Vendor::Vllm, &error).kind, FailureKind::InvalidRequest);
/// ```
pub fn openai_error(vendor: Vendor, error: &OpenAIError) -> Verdict {
    match error {
        OpenAIError::Boxed(error) => boxed(error.as_ref()),
        OpenAIError::ApiError(reply) => api_error(vendor, reply),
        // The text without its status: only what it says of itself counts. An error that says nothing
        // of itself is a broken answer only in the middle of one, which this is not.
        OpenAIError::JSONDeserialize(_, content) => {
            classify::stream_event(vendor, content.as_bytes())
                .filter(|verdict| verdict.kind != FailureKind::StreamCut)
                .unwrap_or_else(|| Verdict::new(FailureKind::Unknown))
        }
        OpenAIError::StreamError(error) => match error.as_ref() {
            StreamError::EventStream(_) => Verdict::new(FailureKind::StreamCut),
            StreamError::UnknownEvent(event) => {
                classify::stream_event(vendor, event.data.as_bytes())
                    .unwrap_or_else(|| Verdict::new(FailureKind::Unknown))
            }
        },
        OpenAIError::Reqwest(error) => error.verdict(),
        OpenAIError::InvalidArgument(_) => Verdict::new(FailureKind::InvalidRequest),
        _ => Verdict::new(FailureKind::Unknown),
    }
}

fn api_error(vendor: Vendor, reply: &ApiErrorResponse) -> Verdict {
    let said = &reply.api_error;
    let status = reply.status_code.as_u16();
    // Of a 5xx the library keeps the whole body as the message.
    let body = if said.r#type.is_none() && said.code.is_none() {
        said.message.clone().into_bytes()
    } else {
        serde_json::to_vec(&serde_json::json!({ "error": said })).unwrap_or_default()
    };
    classify::http(vendor, status, &HeaderMap::new(), &body)
}

/// The verdict that is among the causes, or what their words say of the connection.
fn boxed(error: &(dyn Error + 'static)) -> Verdict {
    let mut cause = Some(error);
    for _ in 0..CAUSES {
        let Some(error) = cause else { break };
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.verdict().clone();
        }
        if let Some(error) = error.downcast_ref::<PolicyError<Failure>>() {
            return error.as_failure();
        }
        cause = error.source();
    }
    classify::transport(error)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[tokio::test]
    async fn neither_its_debug_nor_its_errors_show_a_key() {
        let key = HeaderValue::from_static("Bearer hush");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, key)]);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().default_headers(headers);
        let client = client.build().unwrap();
        let mut service = OpenAiService::new(Vendor::Groq, client.clone());
        assert_eq!(format!("{service:?}"), "OpenAiService { vendor: Groq, .. }");

        let request = HttpRequestFactory::new(move || {
            let request = client.get("file:///v1?key=hush").build();
            async move { request.map_err(OpenAIError::Reqwest) }
        });
        let failure = service.call(request).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::InvalidRequest);
        let why = format!("{failure:?} {}", failure.source().unwrap());
        assert!(why.contains("BadScheme") && !why.contains("hush"), "{why}");
    }
}
