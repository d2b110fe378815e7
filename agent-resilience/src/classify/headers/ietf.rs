//! The `RateLimit` and `RateLimit-Policy` fields of the IETF draft, in the forms of its versions.

use std::time::Duration;

use http::HeaderMap;

use super::super::hint::{self, When};
use super::super::limits::{LimitSnapshot, LimitWindow, LimitedResource};

/// Policies in one field that are looked at.
const ITEMS: usize = 6;

/// Adds the windows of `ratelimit: "default";r=50;t=30` with `ratelimit-policy:
/// "default";q=100;w=60`, and of `ratelimit: limit=100, remaining=50, reset=30` as versions before 8
/// wrote it. Source: draft-ietf-httpapi-ratelimit-headers.
pub(super) fn read(headers: &HeaderMap, snapshot: &mut LimitSnapshot) {
    let Some(text) = hint::text(headers, "ratelimit") else {
        return;
    };
    let policies = hint::text(headers, "ratelimit-policy").unwrap_or_default();
    if text.trim_start().starts_with("limit=") {
        let part = |name| parameter(text.split(','), name);
        snapshot.push(LimitWindow {
            limit: part("limit"),
            remaining: part("remaining"),
            reset: part("reset").map(in_seconds),
            ..LimitWindow::new(LimitedResource::Requests)
        });
        return;
    }
    for item in text.split(',').take(ITEMS) {
        let name = name_of(item);
        let policy = policies
            .split(',')
            .take(ITEMS)
            .find(|policy| name_of(policy) == name)
            .unwrap_or_default();
        let unit = policy
            .split(';')
            .find_map(|part| part.trim().strip_prefix("qu="))
            .map(|unit| unit.trim_matches('"'));
        let resource = match unit {
            None | Some("requests") => LimitedResource::Requests,
            Some("tokens") => LimitedResource::Tokens,
            Some("concurrent-requests") => LimitedResource::Concurrency,
            // Bytes, or what only the service knows.
            Some(_) => continue,
        };
        snapshot.push(LimitWindow {
            period: parameter(policy.split(';'), "w").map(Duration::from_secs),
            limit: parameter(policy.split(';'), "q"),
            remaining: parameter(item.split(';'), "r"),
            reset: parameter(item.split(';'), "t").map(in_seconds),
            ..LimitWindow::new(resource)
        });
    }
}

fn in_seconds(seconds: u64) -> When {
    When::In(Duration::from_secs(seconds))
}

fn name_of(item: &str) -> &str {
    item.split(';').next().unwrap_or_default().trim()
}

fn parameter<'a>(mut parts: impl Iterator<Item = &'a str>, name: &str) -> Option<u64> {
    parts.find_map(|part| {
        part.trim()
            .strip_prefix(name)?
            .strip_prefix('=')?
            .parse()
            .ok()
    })
}
