//! What a host on `hyper` writes to have the bodies of failures read: they say more than the status.

use agent_resilience::classify::{self, Vendor};
use agent_resilience::{FailedReply, Failure};
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;

/// A client of `hyper-util` for requests that can be sent again.
pub type HyperClient = Client<HttpConnector, Full<Bytes>>;

/// A client without TLS.
pub fn hyper_client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A connection that failed.
///
/// ```
/// use agent_primitives::FailureKind;
/// use support::{connection_failure, hyper_client};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // Nobody listens there.
/// let error = hyper_client().get("http://127.0.0.1:9/".parse()?).await.unwrap_err();
/// assert_eq!(connection_failure(error).kind(), FailureKind::Network);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn connection_failure(error: Error) -> Failure {
    Failure::new(classify::transport(&error)).with_source(error)
}

/// Lets a reply of `vendor` pass whose status means success, its body unread; makes a failure of any other,
/// with its headers and the beginning of its body.
///
/// # Errors
/// The failure.
///
/// # Cancel safety
/// Dropping the future closes the connection.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::Vendor;
/// use support::{
///     Fault, Message, Recording, Rule, Script, ScriptedProvider, hyper_client, reply_or_failure,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let script = Script::new([Rule::new(Fault::InsufficientQuota)]);
/// let said = vec![Message::user("hi"), Message::assistant("hello")];
/// let recording = Recording::from_messages(said)?;
/// let server = ScriptedProvider::builder(recording).script(script).start().await?;
/// let request = http::Request::post(format!("{}/v1/chat/completions", server.url()));
/// let request = request.body(r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#.into())?;
/// let reply = hyper_client().request(request).await?;
/// let failure = reply_or_failure(Vendor::OpenAi, reply).await.unwrap_err();
/// // The status is that of a rate limit; the body says better.
/// assert_eq!(failure.kind(), FailureKind::QuotaExhausted);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn reply_or_failure(
    vendor: Vendor,
    reply: Response<Incoming>,
) -> Result<Response<Incoming>, Failure> {
    if reply.status().is_success() {
        return Ok(reply);
    }
    let (head, mut body) = reply.into_parts();
    let mut read = Vec::new();
    // What breaks off says enough with its beginning.
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(bytes) = frame.data_ref() {
            read.extend_from_slice(bytes);
        }
        if read.len() >= FailedReply::BODY_MAX {
            break;
        }
    }
    Err(FailedReply::new(head.status.as_u16(), head.headers, read).into_failure(vendor))
}
