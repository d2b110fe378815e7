//! What a provider's failure means, and what to do about it: one that you paste, or a few that are
//! known.
//!
//! ```text
//! cargo run --example classify
//! cargo run --example classify -- --vendor groq --status 429 --header 'retry-after: 20' < body
//! cargo run --example classify -- --vendor anthropic --stream --json --body '{"type":"error",...}'
//! ```
//!
//! Ends with 0 where the same request may be sent again, with 1 where it must not be, with 2 where
//! the arguments cannot be used, and with 3 where the data of a stream is no failure. Without
//! arguments it ends with 0 when every known case means what it should.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod options;
mod told;

use std::error::Error;
use std::process::ExitCode;

use agent_primitives::{Clock, FailureKind, SystemClock};
use agent_resilience::classify::{self, Remedy, Vendor, Verdict};
use http::HeaderMap;

use options::Options;

const REFUSED: u8 = 2;
const NO_FAILURE: u8 = 3;

fn main() -> ExitCode {
    match Options::from_env() {
        Ok(Some(options)) => run(&options),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("classify: {error}; see --help");
            ExitCode::from(REFUSED)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let Some(body) = &options.body else {
        return match known_cases() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("classify: {error}");
                ExitCode::FAILURE
            }
        };
    };
    let verdict = if options.stream {
        classify::stream_event(options.vendor, body)
    } else {
        let Options {
            vendor,
            status,
            headers,
            ..
        } = options;
        Some(classify::http(*vendor, *status, headers, body))
    };
    let Some(verdict) = verdict else {
        println!("no failure");
        return ExitCode::from(NO_FAILURE);
    };
    if options.json {
        println!("{}", told::as_json(&verdict));
    } else {
        print!("{}", told::in_words(&verdict, SystemClock.timestamp()));
    }
    match verdict.remedy() {
        Remedy::Wait(_) | Remedy::BackOff => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A failure as a vendor sends it, and what it means.
struct Known {
    title: &'static str,
    vendor: Vendor,
    status: u16,
    hint: Option<&'static str>,
    body: &'static str,
    kind: FailureKind,
}

const KNOWN: [Known; 6] = [
    Known {
        title: "Groq: a rate limit",
        vendor: Vendor::Groq,
        status: 429,
        hint: Some("20"),
        body: r#"{"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Rate limit reached: Limit 6000, Used 3513, Requested 3166."}}"#,
        kind: FailureKind::RateLimited,
    },
    Known {
        title: "OpenAI: the same status, and no money",
        vendor: Vendor::OpenAi,
        status: 429,
        hint: Some("1"),
        body: r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your current quota."}}"#,
        kind: FailureKind::QuotaExhausted,
    },
    Known {
        title: "OpenAI: the same status, and one request larger than the minute",
        vendor: Vendor::OpenAi,
        status: 429,
        hint: None,
        body: r#"{"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Request too large for gpt-4o: Limit 30000, Requested 30601."}}"#,
        kind: FailureKind::ContextTooLong,
    },
    Known {
        title: "Anthropic: the input fits, the answer that was asked for does not",
        vendor: Vendor::Anthropic,
        status: 400,
        hint: None,
        body: r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 196395 + 64000 > 204698"}}"#,
        kind: FailureKind::ContextTooLong,
    },
    Known {
        title: "Anthropic: overloaded",
        vendor: Vendor::Anthropic,
        status: 529,
        hint: None,
        body: r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        kind: FailureKind::Overloaded,
    },
    Known {
        title: "A proxy's page",
        vendor: Vendor::OpenAiCompatible,
        status: 502,
        hint: None,
        body: "<html><h1>502 Bad Gateway</h1></html>",
        kind: FailureKind::Server,
    },
];

fn known_cases() -> Result<(), Box<dyn Error>> {
    for case in &KNOWN {
        let mut headers = HeaderMap::new();
        if let Some(hint) = case.hint {
            headers.insert("retry-after", hint.parse()?);
        }
        let verdict: Verdict =
            classify::http(case.vendor, case.status, &headers, case.body.as_bytes());
        println!("{} ({})", case.title, case.status);
        println!("{}", told::in_words(&verdict, SystemClock.timestamp()));
        if verdict.kind != case.kind {
            return Err(format!("{}: {} expected", case.title, case.kind).into());
        }
    }
    Ok(())
}
