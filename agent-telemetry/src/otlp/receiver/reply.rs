//! Bodies of answers, in both encodings.

use std::time::Duration;

use serde_json::{Value, json};

use super::intake::{Accepted, Encoding, Signal};
use super::proto;
use super::refusal::{Cause, Refusal};

/// The most that is told of what an intake says.
const MESSAGE: usize = 1024;
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The answer to a request that was taken: `Export…ServiceResponse`, with `partial_success` only where there is
/// something to say.
pub(super) fn accepted(signal: Signal, encoding: Encoding, accepted: &Accepted) -> Vec<u8> {
    let rejected = accepted.rejected.min(i64::MAX.cast_unsigned());
    let message = short(accepted.message.as_deref().unwrap_or_default());
    let silent = rejected == 0 && message.is_empty();
    match encoding {
        Encoding::Json if silent => b"{}".to_vec(),
        Encoding::Json => {
            let mut partial = serde_json::Map::new();
            if rejected != 0 {
                let name = match signal {
                    Signal::Metrics => "rejectedDataPoints",
                    Signal::Logs => "rejectedLogRecords",
                    Signal::Traces => "rejectedSpans",
                };
                partial.insert(name.to_owned(), Value::String(rejected.to_string()));
            }
            if !message.is_empty() {
                partial.insert("errorMessage".to_owned(), Value::from(message));
            }
            json!({ "partialSuccess": partial })
                .to_string()
                .into_bytes()
        }
        Encoding::Protobuf if silent => Vec::new(),
        Encoding::Protobuf => {
            let (mut partial, mut out) = (Vec::new(), Vec::new());
            proto::number(&mut partial, 1, rejected);
            if !message.is_empty() {
                proto::bytes(&mut partial, 2, message.as_bytes());
            }
            proto::bytes(&mut out, 1, &partial);
            out
        }
    }
}

/// The answer to a request that was refused: `google.rpc.Status`, with what was bad about it, or when to try again.
pub(super) fn refused(encoding: Encoding, refusal: &Refusal) -> Vec<u8> {
    let message = short(&refusal.message);
    let bad = refusal.cause == Cause::Malformed;
    match encoding {
        Encoding::Json => {
            let mut details = Vec::new();
            if bad {
                let violations = json!([{ "field": "body", "description": message }]);
                details.push(json!({ "@type": BAD_REQUEST, "fieldViolations": violations }));
            }
            if let Some(delay) = refusal.retry_after {
                let delay = format!("{}s", seconds(delay));
                details.push(json!({ "@type": RETRY_INFO, "retryDelay": delay }));
            }
            let mut status = json!({ "code": refusal.cause.code(), "message": message });
            if let (false, Value::Object(status)) = (details.is_empty(), &mut status) {
                status.insert("details".to_owned(), Value::Array(details));
            }
            status.to_string().into_bytes()
        }
        Encoding::Protobuf => {
            let mut out = Vec::new();
            proto::number(&mut out, 1, refusal.cause.code().into());
            proto::bytes(&mut out, 2, message.as_bytes());
            if bad {
                let (mut violation, mut violations) = (Vec::new(), Vec::new());
                proto::bytes(&mut violation, 1, b"body");
                proto::bytes(&mut violation, 2, message.as_bytes());
                proto::bytes(&mut violations, 1, &violation);
                detail(&mut out, BAD_REQUEST, &violations);
            }
            if let Some(delay) = refusal.retry_after {
                let (mut duration, mut info) = (Vec::new(), Vec::new());
                proto::number(&mut duration, 1, seconds(delay));
                proto::bytes(&mut info, 1, &duration);
                detail(&mut out, RETRY_INFO, &info);
            }
            out
        }
    }
}

fn detail(out: &mut Vec<u8>, kind: &str, value: &[u8]) {
    let mut any = Vec::new();
    proto::bytes(&mut any, 1, kind.as_bytes());
    proto::bytes(&mut any, 2, value);
    proto::bytes(out, 3, &any);
}

/// Whole seconds, rounded up, and never none: who is told zero comes back at once.
pub(super) fn seconds(delay: Duration) -> u64 {
    let more = u64::from(delay.subsec_nanos() > 0);
    delay.as_secs().saturating_add(more).max(1)
}

pub(super) fn short(text: &str) -> &str {
    let mut end = text.len().min(MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message as _;

    use super::*;

    #[test]
    fn others_read_what_was_rejected() {
        let partly = Accepted::partly(300, "NaN");
        let body = |signal| accepted(signal, Encoding::Protobuf, &partly);
        let metrics = ExportMetricsServiceResponse::decode(&*body(Signal::Metrics)).unwrap();
        let metrics = metrics.partial_success.unwrap();
        assert_eq!(
            (metrics.rejected_data_points, &*metrics.error_message),
            (300, "NaN")
        );
        let logs = ExportLogsServiceResponse::decode(&*body(Signal::Logs)).unwrap();
        assert_eq!(logs.partial_success.unwrap().rejected_log_records, 300);
        let spans = ExportTraceServiceResponse::decode(&*body(Signal::Traces)).unwrap();
        assert_eq!(spans.partial_success.unwrap().rejected_spans, 300);

        let json = |signal| String::from_utf8(accepted(signal, Encoding::Json, &partly)).unwrap();
        assert_eq!(
            json(Signal::Metrics),
            r#"{"partialSuccess":{"errorMessage":"NaN","rejectedDataPoints":"300"}}"#
        );
        assert!(json(Signal::Logs).contains(r#""rejectedLogRecords":"300""#));
        assert!(json(Signal::Traces).contains(r#""rejectedSpans":"300""#));
    }

    #[test]
    fn where_all_was_taken_nothing_is_said() {
        let all = Accepted::all();
        assert_eq!(accepted(Signal::Logs, Encoding::Protobuf, &all), b"");
        assert_eq!(accepted(Signal::Logs, Encoding::Json, &all), b"{}");
        let warned = Accepted::partly(0, "old names");
        let warned = accepted(Signal::Traces, Encoding::Json, &warned);
        assert_eq!(
            warned,
            br#"{"partialSuccess":{"errorMessage":"old names"}}"#
        );
    }

    #[test]
    fn refusals_say_what_was_bad_and_when_to_come_back() {
        let bad = Refusal::new(Cause::Malformed, "at byte 3");
        let json = String::from_utf8(refused(Encoding::Json, &bad)).unwrap();
        assert_eq!(
            json,
            r#"{"code":3,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"at byte 3","field":"body"}]}],"message":"at byte 3"}"#
        );
        let full = Refusal::full("full");
        assert_eq!(
            refused(Encoding::Protobuf, &full),
            b"\x08\x0e\x12\x04full\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01"
        );
    }

    #[test]
    fn delays_are_whole_seconds() {
        for (delay, expected) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (2_000, 2)] {
            assert_eq!(seconds(Duration::from_millis(delay)), expected, "{delay}");
        }
        assert_eq!(seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = "é".repeat(100_000);
        assert_eq!(short(&long).len(), 1024);
        let odd = format!("x{long}");
        assert_eq!(short(&odd).len(), 1023);
    }
}
