//! What there is too much of.

use agent_telemetry::otlp::{Encoding, Refused, Signal};

use super::host::Host;
use super::requests::{CUMULATIVE, Call, Tokens, call_event, logs, text, tokens};

#[test]
fn series_beyond_the_bound_are_refused_and_counted_while_none_is_silent() {
    let host = Host::with(|it| it.series(2));
    let point = |kind| Tokens {
        session: "s1",
        kind,
        start: 0,
        time: 60,
        value: 1,
    };
    let accepted = host.metrics(&tokens(
        CUMULATIVE,
        &[point("input"), point("output"), point("cacheRead")],
    ));
    assert_eq!(accepted.rejected, 1, "{accepted:?}");
    assert_eq!(host.processor.figures().points.too_many_series, 1);
    assert!(host.processor.flush(super::host::PATIENCE));
    let accepted = host.metrics(&tokens(CUMULATIVE, &[point("cacheRead")]));
    assert_eq!(accepted.rejected, 0, "one that is silent makes room");
}

#[test]
fn no_text_of_the_sender_reaches_a_record_but_ids_and_names() {
    let host = Host::new();
    let call = Call {
        session: "s1",
        number: 0,
        second: 1,
        input: 1,
        cache_read: 1,
        output: 1,
    };
    let mut event = call_event(&call);
    for key in [
        "prompt",
        "response",
        "error",
        "tool_parameters",
        "tool_input",
        "anything",
    ] {
        event.attributes.push(text(key, "canary-5a1f"));
    }
    host.logs(&logs(vec![event]));
    let records = host.records();
    let json = serde_json::to_string(&records).unwrap();
    assert!(!records.is_empty() && !json.contains("canary"), "{json}");
}

#[test]
fn nothing_is_taken_after_the_last_handle_is_gone() {
    let host = Host::new();
    let handle = host.processor.clone();
    drop(host);
    assert!(handle.ingest(Signal::Logs, Encoding::Json, b"{}").is_ok());
    let refused = handle.ingest(Signal::Logs, Encoding::Json, b"[");
    assert!(matches!(refused, Err(Refused::Malformed(_))), "{refused:?}");
}
