//! Requests over HTTP.

use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Uri};

use super::answer::Reply;
use super::request::Request;

/// Longest answer that is read. What is longer says nothing.
const ANSWER_BYTES: u64 = 64 << 10;

/// Sends a request and says what came back.
pub(super) trait Post: Send {
    fn post(&mut self, request: &Request) -> Reply;
}

/// Where the requests of a signal go.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: Uri,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Duration,
}

/// Connections that are kept between requests.
pub(super) struct Http {
    /// By signal.
    targets: [Target; 3],
    agent: Option<ureq::Agent>,
}

impl Http {
    pub(super) const fn new(targets: [Target; 3]) -> Self {
        Self {
            targets,
            agent: None,
        }
    }
}

impl Post for Http {
    fn post(&mut self, request: &Request) -> Reply {
        let Some(target) = self.targets.get(request.signal.index()) else {
            return Reply::Nothing("no address");
        };
        let agent = self.agent.get_or_insert_with(agent);
        let mut post = agent
            .post(&target.address)
            .config()
            .timeout_global(Some(target.timeout))
            .build()
            .content_type("application/x-protobuf");
        if request.is_gzip {
            post = post.header("Content-Encoding", "gzip");
        }
        for (name, value) in &target.headers {
            post = post.header(name, value);
        }
        let mut answer = match post.send(&request.body) {
            Ok(answer) => answer,
            // What the library says may repeat the address, which may hold a secret.
            Err(ureq::Error::Timeout(_)) => return Reply::Nothing("time was up"),
            Err(ureq::Error::HostNotFound) => return Reply::Nothing("no such host"),
            Err(_) => return Reply::Nothing("no connection"),
        };
        let retry_after = answer.headers().get("Retry-After");
        let retry_after = retry_after.and_then(|it| it.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES);
        Reply::Answer {
            status,
            retry_after,
            // The status has said already whether it was taken.
            body: body.read_to_vec().unwrap_or_default(),
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        // A redirection, or a proxy that the environment names, would take the headers elsewhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!(
            "OTel-OTLP-Exporter-agent-telemetry/",
            env!("CARGO_PKG_VERSION")
        ))
        .build()
        .into()
}
