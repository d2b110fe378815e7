//! Classifying a provider's failure. No peer publishes such a thing, so ours stand alone.

use agent_resilience::classify::{self, Evidence, Vendor};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// A failure as it comes off the wire, and what the verdict on it must rest on.
struct Reply {
    name: &'static str,
    vendor: Vendor,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    evidence: Evidence,
}

static REPLIES: [Reply; 4] = [
    Reply {
        name: "structured, overloaded",
        vendor: Vendor::Anthropic,
        status: 529,
        headers: &[("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy")],
        body: r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_011CSHoEeqs5C35K2UUqR7Fy"}"#,
        evidence: Evidence::Code,
    },
    Reply {
        name: "structured, rate limit with headers",
        vendor: Vendor::Anthropic,
        status: 429,
        headers: &[
            ("retry-after", "20"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-08-01T12:00:20Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "31000"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-08-01T12:00:09Z",
            ),
        ],
        body: r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 50 requests per minute."}}"#,
        evidence: Evidence::Code,
    },
    Reply {
        name: "prose, context too long",
        vendor: Vendor::Ollama,
        status: 400,
        headers: &[],
        body: "the prompt is too long: 215000 tokens > 200000 maximum, shorten it and try again",
        evidence: Evidence::Prose,
    },
    Reply {
        name: "prose, nothing that is known",
        vendor: Vendor::Ollama,
        status: 400,
        headers: &[],
        body: "the wurlitzer of this deployment could not be found in the usual place by the porter",
        evidence: Evidence::Status,
    },
];

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("classify", |name| {
        let cases = REPLIES.iter().map(case).collect::<Result<_, _>>()?;
        Ok(Group::new(name, cases))
    })]
}

fn case(reply: &'static Reply) -> Result<Case, Broken> {
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let classified = move || {
        let body = std::hint::black_box(reply.body.as_bytes());
        classify::http(reply.vendor, reply.status, &headers, body)
    };
    let seen = classified().evidence;
    if seen != reply.evidence {
        let why = format!("it rests on {seen:?} instead of {:?}", reply.evidence);
        return Err(Broken::new(format!("classify {:?}", reply.name), why));
    }
    let version = version_of("agent-resilience");
    Ok(Case::looped(
        Kind::Ours,
        reply.name,
        version,
        move |calls| {
            repeat(calls, |_| classified());
        },
    ))
}
