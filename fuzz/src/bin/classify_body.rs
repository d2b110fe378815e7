//! Any reply that failed, through `classify::http` and `classify::stream_event`.
//!
//! Input: one letter each for vendor, status, two header names, four for the shape of the quota
//! body, and the filling; the two header values, a line each; the body.
#![no_main]

use std::sync::atomic::{AtomicU32, Ordering};

use agent_fuzz::Input;
use agent_primitives::{FailureKind as Kind, Timestamp};
use agent_resilience::classify::{self, Remedy, Vendor, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let slug = input.pick(&VENDORS);
    // One that is not known yet is a service that speaks OpenAI's format.
    let vendor = slug.parse().unwrap_or(Vendor::OpenAiCompatible);
    let status = input.pick(&STATUSES);
    let names = [input.pick(&HEADERS), input.pick(&HEADERS)];
    let shape = Shape {
        code: input.pick(&[0, 1, 2, 3, 4, 5]),
        code_is_last: input.pick(&[false, true]),
        message: input.pick(&MESSAGES),
        wrap: input.pick(&WRAPS),
    };
    let fill = input.pick(&FILLS);
    let headers: HeaderMap = names
        .into_iter()
        .filter_map(|name| {
            let value = HeaderValue::from_bytes(input.line()).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect();
    let reply = Reply {
        vendor,
        status,
        headers,
    };
    let body = input.rest();

    reply.check(body);
    if EXECUTIONS
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(LONG_ONCE_IN)
    {
        reply.check_cut(fill, body);
    }
    if let Some(code) = quota_code(slug, shape.code) {
        reply.check_quota(code, shape, body);
    }
});

/// At most so much of a body is read.
const READ_AT_MOST: usize = 64 * 1024;
/// A year and a day: no wait is longer.
const LONGEST_S: u64 = 366 * 86_400;

const VENDORS: [&str; 18] = [
    "anthropic",
    "openai",
    "azure_openai",
    "groq",
    "gemini",
    "vertex",
    "mistral",
    "bedrock",
    "openrouter",
    "ollama",
    "vllm",
    "llama_cpp",
    "github_copilot",
    "github_models",
    "cerebras",
    "zai",
    "cohere",
    "openai_compatible",
];

const STATUSES: [u16; 36] = [
    429, 400, 200, 500, 503, 529, 413, 402, 401, 403, 404, 408, 409, 422, 424, 498, 499, 502, 504,
    524, 501, 405, 410, 418, 425, 451, 460, 466, 520, 599, 600, 302, 204, 100, 0, 65_535,
];

const HEADERS: [&str; 26] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-should-retry",
    "x-amz-retry-after",
    "x-amzn-errortype",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-type",
    "x-ratelimit-timeremaining",
    "x-ratelimit-exceeded",
    "x-ratelimit-limit-req-minute",
    "x-ratelimit-remaining-req-minute",
    "x-ratelimit-remaining-tokens-minute",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-unified-status",
    "anthropic-ratelimit-unified-5h-utilization",
    "anthropic-ratelimit-unified-5h-reset",
    "x-error-message",
    "content-type",
];

/// How the quota body is built.
#[derive(Clone, Copy)]
struct Shape {
    code: usize,
    code_is_last: bool,
    message: Message,
    wrap: Wrap,
}

/// What stands where the sentence is expected.
#[derive(Clone, Copy)]
enum Message {
    /// The body as a JSON text.
    Text,
    /// The body itself where it is JSON of any kind.
    Json,
    /// The bytes of the body between quotation marks, in whichever encoding.
    Bytes,
}

const MESSAGES: [Message; 3] = [Message::Text, Message::Json, Message::Bytes];

#[derive(Clone, Copy)]
enum Wrap {
    None,
    List,
    Typed,
    Failed,
    Text,
    Cut,
    Followed,
}

const WRAPS: [Wrap; 7] = [
    Wrap::None,
    Wrap::List,
    Wrap::Typed,
    Wrap::Failed,
    Wrap::Text,
    Wrap::Cut,
    Wrap::Followed,
];

/// What a body is lengthened with, past the part that is read.
#[derive(Clone, Copy)]
enum Fill {
    Spaces,
    Message,
}

const FILLS: [Fill; 2] = [Fill::Spaces, Fill::Message];

/// A long body takes a hundred times as long as a short one, so it is tried once in so many
/// executions: the first too, so that a stored input repeats what it found.
const LONG_ONCE_IN: u32 = 128;
static EXECUTIONS: AtomicU32 = AtomicU32::new(0);

/// A code for money or a long allowance that is used up, as the vendor writes it; `None` for those
/// that have no such code.
fn quota_code(vendor: &str, at: usize) -> Option<&'static str> {
    // OpenAI, "Error codes" page.
    const OPENAI: [&str; 6] = [
        r#""code":"insufficient_quota""#,
        r#""code":"credit_balance_exhausted""#,
        r#""code":"organization_spend_limit_exceeded""#,
        r#""code":"project_spend_limit_exceeded""#,
        r#""code":"organization_usage_limit_exceeded""#,
        r#""type":"insufficient_quota","code":null"#,
    ];
    // Anthropic, "Errors" page.
    const ANTHROPIC: [&str; 2] = [
        r#""type":"billing_error""#,
        r#""type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}"#,
    ];
    let table: &[&str] = match vendor {
        "anthropic" => &ANTHROPIC,
        "openai" | "azure_openai" | "groq" | "openai_compatible" => &OPENAI,
        _ => return None,
    };
    table.get(at % table.len()).copied()
}

struct Reply {
    vendor: Vendor,
    status: u16,
    headers: HeaderMap,
}

impl Reply {
    fn http(&self, body: &[u8]) -> Verdict {
        classify::http(self.vendor, self.status, &self.headers, body)
    }

    fn check(&self, body: &[u8]) {
        let verdict = self.http(body);
        consistent(&verdict);
        assert_eq!(verdict, self.http(body), "the same reply, another verdict");
        let event = classify::stream_event(self.vendor, body);
        event.as_ref().inspect(|verdict| consistent(verdict));
    }

    /// What stands after the part that is read changes nothing.
    fn check_cut(&self, fill: Fill, body: &[u8]) {
        let (head, byte): (&[u8], u8) = match fill {
            Fill::Spaces => (b"", b' '),
            Fill::Message => (br#"{"error":{"message":""#, b'x'),
        };
        // The body lies across the end, in the middle.
        let start = READ_AT_MOST - (body.len() / 2).min(READ_AT_MOST / 2);
        let mut long = head.to_vec();
        long.resize(start, byte);
        if matches!(fill, Fill::Message) {
            long.extend_from_slice(br#"","#);
        }
        long.extend_from_slice(body);
        long.resize(long.len().max(READ_AT_MOST + 1), b' ');
        let cut = &long[..READ_AT_MOST];
        assert_eq!(self.http(&long), self.http(cut));
    }

    /// A body that names a quota code is never sent again, whatever stands around it.
    fn check_quota(&self, code: &str, shape: Shape, body: &[u8]) {
        let quota = quota_body(code, shape, body.get(..2_048).unwrap_or(body));
        let verdict = self.http(&quota);
        assert!(
            !is_retry(verdict.remedy()),
            "{:?} {} is sent again: {} as {verdict:?}",
            self.vendor,
            self.status,
            quota.escape_ascii()
        );
        let event = classify::stream_event(self.vendor, &quota);
        assert!(
            event.as_ref().is_some_and(|v| !is_retry(v.remedy())),
            "{:?} event {} as {event:?}",
            self.vendor,
            quota.escape_ascii()
        );
    }
}

fn quota_body(code: &str, shape: Shape, text: &[u8]) -> Vec<u8> {
    let quoted = || serde_json::to_vec(&String::from_utf8_lossy(text)).unwrap_or_default();
    let message = match shape.message {
        Message::Json if is_json(text) => text.to_vec(),
        Message::Text | Message::Json => quoted(),
        Message::Bytes => {
            let plain = text
                .iter()
                .filter(|byte| **byte >= b' ' && !matches!(byte, b'"' | b'\\'));
            [b"\"".as_slice(), &plain.copied().collect::<Vec<_>>(), b"\""].concat()
        }
    };
    let fields = if shape.code_is_last {
        [b"\"message\":", &*message, b",", code.as_bytes()].concat()
    } else {
        [code.as_bytes(), b",\"message\":", &message].concat()
    };
    let error = [b"{\"error\":{", &*fields, b"}}"].concat();
    let around = |head: &[u8], body: &[u8], tail: &[u8]| [head, body, tail].concat();
    match shape.wrap {
        Wrap::None => error,
        Wrap::List => around(b"[", &error, b"]"),
        Wrap::Typed => around(
            br#"{"type":"error","request_id":"r","error":{"#,
            &fields,
            b"}}",
        ),
        Wrap::Failed => around(
            br#"{"type":"response.failed","response":"#,
            &error,
            br#","sequence_number":3}"#,
        ),
        Wrap::Text => match str::from_utf8(&error) {
            Ok(error) => around(
                b"{\"error\":",
                &serde_json::to_vec(error).unwrap_or_default(),
                b"}",
            ),
            Err(_) => error,
        },
        // Nothing of the code is lost: it is first, or the cut takes only the brackets.
        Wrap::Cut => error[..error.len() - 2].to_vec(),
        Wrap::Followed => around(b" \r\n", &error, text),
    }
}

/// Whether `text` is well-formed, with half a surrogate pair allowed. A bare number is left out: it
/// may be larger than any that can be read.
fn is_json(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'"' | b'{' | b'['))
        && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn is_retry(remedy: Remedy) -> bool {
    matches!(remedy, Remedy::Wait(_) | Remedy::BackOff)
}

/// What holds of every verdict.
fn consistent(verdict: &Verdict) {
    let may_pass = matches!(
        verdict.kind,
        Kind::RateLimited
            | Kind::Overloaded
            | Kind::Server
            | Kind::Timeout
            | Kind::Network
            | Kind::StreamCut
    );
    let numbers = verdict.context.unwrap_or_default();
    match verdict.remedy() {
        Remedy::Wait(when) => {
            assert!(may_pass, "waits: {verdict:?}");
            assert_eq!(verdict.retry_after, Some(when));
        }
        Remedy::BackOff => assert!(may_pass && verdict.retry_after.is_none(), "{verdict:?}"),
        Remedy::ShrinkOutput(fits) => {
            assert_eq!(verdict.kind, Kind::ContextTooLong);
            assert_eq!(fits, numbers.output_fits);
        }
        Remedy::ShrinkContext(limit) => {
            assert!(matches!(
                verdict.kind,
                Kind::ContextTooLong | Kind::PayloadTooLarge
            ));
            assert!(limit.is_none() || limit == numbers.limit, "{verdict:?}");
        }
        _ => {}
    }
    if let Some(fits) = numbers.output_fits {
        assert!(fits > 0, "an output of nothing fits: {verdict:?}");
        assert!(
            numbers.limit.is_none_or(|limit| fits <= limit),
            "{verdict:?}"
        );
    }
    if let Some(when) = verdict.retry_after {
        for now in [
            Timestamp::UNIX_EPOCH,
            Timestamp::from_unix_seconds(1_800_000_000),
        ] {
            assert!(when.delay(now).as_secs() <= LONGEST_S, "{verdict:?}");
        }
    }
    let stored = serde_json::to_vec(verdict).expect("a verdict can be stored");
    let read: Verdict = serde_json::from_slice(&stored).expect("a stored verdict is read");
    assert_eq!(&read, verdict);
}
