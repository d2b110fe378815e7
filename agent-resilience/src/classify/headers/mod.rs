//! Rate-limit headers of every vendor, by the grammar of their names.

mod ietf;
mod name;

use std::time::Duration;

use agent_primitives::Timestamp;
use http::HeaderMap;

use super::hint::{self, When, parse_hint};
use super::limits::{LimitSnapshot, LimitWindow, LimitedResource};
use super::vendor::Vendor;
use name::{DAY, Family, Field, HOUR, Key, MINUTE};

/// Reads the rate-limit headers of any reply, failed or not, that arrived at `now`: resets become
/// dates. Headers that are missing or malformed are left out.
///
/// | headers | sent by |
/// |---|---|
/// | `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-*`, `anthropic-priority-*` | Anthropic, keys |
/// | `anthropic-ratelimit-unified-{5h,7d}-{utilization,reset,status}`, `-status`, `-reset`, `-representative-claim` | Anthropic, subscriptions |
/// | `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` | `OpenAI`, Azure and compatible services |
/// | the same, where requests are counted by the day and tokens by the minute | Groq |
/// | `x-ratelimit-renewalperiod-*`, `x-ratelimit-type`, `x-ratelimit-timeremaining` | Azure, GitHub Models |
/// | `x-ratelimit-*-{req,tokens}-minute`, `x-ratelimitbysize-*`, of a minute of the clock | Mistral |
/// | `x-ratelimit-*-{requests,tokens}-{minute,hour,day}` | Cerebras, `SambaNova` |
/// | `x-ratelimit-{limit,remaining,reset}` | `OpenRouter`, GitHub |
/// | `x-trial-endpoint-call-*` | Cohere |
/// | `x-codex-{primary,secondary}-*` | `OpenAI`, subscriptions |
/// | `ratelimit-*`, `ratelimit` with `ratelimit-policy` | services that follow the IETF draft |
///
/// Ollama sends none. The names tell the vendors apart, so a gateway that passes on the headers of
/// another vendor is read too; `vendor` says what the names leave out.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_resilience::classify::{self, LimitedResource, Vendor, When};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-ratelimit-limit-req-minute", "30".parse()?);
/// headers.insert("x-ratelimit-remaining-req-minute", "0".parse()?);
/// let now = Timestamp::from_unix_seconds(90);
/// let snapshot = classify::headers(Vendor::Mistral, &headers, now);
/// let requests = snapshot.tightest(LimitedResource::Requests).unwrap();
/// assert!(requests.is_empty());
/// assert_eq!(requests.reset, Some(When::At(Timestamp::from_unix_seconds(120))));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn headers(vendor: Vendor, headers: &HeaderMap, now: Timestamp) -> LimitSnapshot {
    gather(vendor, headers, Some(now)).resolved(now)
}

/// The same with resets as they were sent.
pub(super) fn read(vendor: Vendor, headers: &HeaderMap) -> LimitSnapshot {
    gather(vendor, headers, None)
}

fn gather(vendor: Vendor, headers: &HeaderMap, now: Option<Timestamp>) -> LimitSnapshot {
    let mut snapshot = LimitSnapshot::NONE;
    if vendor == Vendor::Ollama {
        return snapshot;
    }
    let mut windows = Windows::default();
    for (name, value) in headers {
        let Some((key, field)) = name::read(name.as_str()) else {
            continue;
        };
        let Ok(text) = str::from_utf8(value.as_bytes()) else {
            continue;
        };
        if let Some(window) = windows.of(key) {
            set(window, field, text.trim());
        }
    }
    windows.claimed(headers);
    for (key, mut window) in windows.0.into_iter().flatten() {
        window.period = window.period.or_else(|| usual_period(vendor, &key));
        // Mistral counts by the minute of the clock and sends no reset.
        if vendor == Vendor::Mistral && window.period == Some(MINUTE) && window.reset.is_none() {
            window.reset = now.map(next_minute);
        }
        snapshot.push(window);
    }
    if let Some(window) = named_by_github(headers) {
        snapshot.push(window);
    }
    ietf::read(headers, &mut snapshot);
    snapshot
}

/// Groq, "Rate limits": `x-ratelimit-limit-requests` is of a day and `-tokens` of a minute.
fn usual_period(vendor: Vendor, key: &Key) -> Option<Duration> {
    match (vendor, key.resource) {
        (Vendor::Groq, LimitedResource::Requests) => Some(DAY),
        (Vendor::Groq, LimitedResource::Tokens) => Some(MINUTE),
        _ => None,
    }
}

fn next_minute(now: Timestamp) -> When {
    let nanos = i64::try_from(MINUTE.as_nanos()).unwrap_or(i64::MAX);
    let left = nanos - now.unix_nanos().rem_euclid(nanos);
    When::At(now + Duration::from_nanos(u64::try_from(left).unwrap_or(0)))
}

fn set(window: &mut LimitWindow, field: Field, text: &str) {
    match field {
        Field::Limit => window.limit = count(text).or(window.limit),
        Field::Remaining => window.remaining = count(text).or(window.remaining),
        Field::Reset => window.reset = parse_hint(text).or(window.reset),
        Field::PeriodSeconds => window.period = count(text).map(Duration::from_secs),
        Field::PeriodMinutes => {
            window.period = count(text).map(|count| MINUTE * u32::try_from(count).unwrap_or(0));
        }
        Field::UsedFraction => used(window, permille(text, 1_000.0)),
        Field::UsedPercent => used(window, permille(text, 10.0)),
        Field::Status if text == "rejected" => used(window, Some(1_000)),
        Field::Status => {}
    }
}

/// A window that is rejected is used up, whatever its rounded share.
fn used(window: &mut LimitWindow, permille: Option<u32>) {
    window.used_permille = window.used_permille.max(permille);
}

/// A whole number; what follows a comma or semicolon in old IETF drafts is a policy.
fn count(text: &str) -> Option<u64> {
    let number = text.split([',', ';']).next().unwrap_or_default();
    number.trim().parse().ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn permille(text: &str, scale: f64) -> Option<u32> {
    let share = text.parse::<f64>().ok()? * scale;
    (0.0..=1e6).contains(&share).then(|| share.round() as u32)
}

/// GitHub Models names the one limit that was met: `UserByMinute`, `UserByModelByDay`,
/// `UserConcurrentRequests`, and how long it lasts.
fn named_by_github(headers: &HeaderMap) -> Option<LimitWindow> {
    let kind = hint::text(headers, "x-ratelimit-type")?;
    let left = hint::text(headers, "x-ratelimit-timeremaining").and_then(parse_hint)?;
    let (resource, period) = match kind {
        "UserConcurrentRequests" => (LimitedResource::Concurrency, None),
        _ if kind.ends_with("ByMinute") => (LimitedResource::Requests, Some(MINUTE)),
        _ if kind.ends_with("ByDay") => (LimitedResource::Requests, Some(DAY)),
        _ => return None,
    };
    Some(LimitWindow {
        period,
        remaining: Some(0),
        reset: Some(left),
        ..LimitWindow::new(resource)
    })
}

/// The windows in the order of their keys, however their headers come. Of more than fit, the last
/// ones are lost.
#[derive(Default)]
struct Windows([Option<(Key, LimitWindow)>; LimitSnapshot::CAPACITY]);

impl Windows {
    /// The window of `key`, new where there is none; `None` where there is no room.
    fn of(&mut self, key: Key) -> Option<&mut LimitWindow> {
        let at = self.0.iter().position(|place| {
            place.is_none_or(|(other, _)| other == key || other.rank() > key.rank())
        })?;
        let rest = self.0.get_mut(at..)?;
        if !rest.first()?.is_some_and(|(other, _)| other == key) {
            rest.rotate_right(1);
            *rest.first_mut()? = None;
        }
        let new = LimitWindow {
            period: key.period,
            ..LimitWindow::new(key.resource)
        };
        Some(&mut rest.first_mut()?.get_or_insert((key, new)).1)
    }

    fn take(&mut self, key: Key) -> Option<LimitWindow> {
        let is = |place: &Option<(Key, _)>| place.is_some_and(|(other, _)| other == key);
        let at = self.0.iter().position(is)?;
        let rest = self.0.get_mut(at..)?;
        let window = rest.first_mut()?.take();
        rest.rotate_left(1);
        window.map(|(_, window)| window)
    }

    /// Anthropic's subscriptions: what is said of the whole is of the window that the claim names.
    /// Accounts on bought extra usage get only that.
    fn claimed(&mut self, headers: &HeaderMap) {
        let key = |period| Key {
            family: Family::Plan,
            resource: LimitedResource::Plan,
            period,
        };
        if !self
            .0
            .iter()
            .flatten()
            .any(|(other, _)| *other == key(None))
        {
            return;
        }
        let name = "anthropic-ratelimit-unified-representative-claim";
        let period = match hint::text(headers, name) {
            Some("five_hour") => Some(HOUR * 5),
            Some("seven_day") => Some(DAY * 7),
            _ => return,
        };
        if let Some(whole) = self.take(key(None))
            && let Some(window) = self.of(key(period))
        {
            window.reset = window.reset.or(whole.reset);
            used(window, whole.used_permille);
        }
    }
}
