//! The page that says that the receiver is there.

use serde_json::{Map, Value, json};

use super::intake::Signal;
use super::stats::ReceiverStats;

/// `{"status":"ok"}`, and the figures for those who may see them.
pub(super) fn page(figures: Option<&ReceiverStats>) -> Vec<u8> {
    let Some(stats) = figures else {
        return json!({ "status": "ok" }).to_string().into_bytes();
    };
    let mut requests = Map::new();
    for line in &stats.requests {
        let signal = line.signal.map_or("other", Signal::name);
        let signal = requests
            .entry(signal)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(signal) = signal {
            signal.insert(line.status.to_string(), Value::from(line.count));
        }
    }
    let page = json!({
        "status": "ok",
        "connections": {
            "open": stats.connections_open,
            "accepted": stats.connections_accepted,
            "refused": stats.connections_refused,
            "timed_out": stats.connections_timed_out,
            "idle": stats.connections_idle,
            "broken": stats.connections_broken,
            "accept_errors": stats.accept_errors,
        },
        "under_way": {
            "requests": stats.requests_under_way,
            "bytes": stats.bytes_under_way,
        },
        "bytes": {
            "received": stats.bytes_received,
            "inflated": stats.bytes_inflated,
        },
        "intake_panics": stats.intake_panics,
        "requests": requests,
    });
    page.to_string().into_bytes()
}
