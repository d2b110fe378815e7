//! What a header's name says: which window of which resource, and what of it.

use std::time::Duration;

use super::super::limits::LimitedResource;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Whose limit it is; windows are kept in this order when there are more than fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// Of the account or the project.
    Usual,
    /// A share of a subscription's allowance.
    Plan,
    /// A second share beside it: of one model, or over another period.
    SecondPlan,
    /// Of a project beside its organisation's.
    Project,
    /// Bought capacity: Anthropic's Priority Tier.
    Priority,
}

/// What tells one window from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) family: Family,
    pub(super) resource: LimitedResource,
    pub(super) period: Option<Duration>,
}

impl Key {
    /// By family, then resource, then period.
    pub(super) fn rank(&self) -> (Family, u8, Option<Duration>) {
        (self.family, self.resource as u8, self.period)
    }
}

/// What a header says of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Limit,
    Remaining,
    Reset,
    /// The length of the window, in seconds or minutes.
    PeriodSeconds,
    PeriodMinutes,
    /// The share used: of one, or of a hundred.
    UsedFraction,
    UsedPercent,
    /// `rejected` where nothing is left.
    Status,
}

/// Reads the name of a header, which is in lower case; `None` for one that tells of no limit.
pub(super) fn read(name: &str) -> Option<(Key, Field)> {
    // Most headers of a reply tell of something else.
    if !name.starts_with(['x', 'a', 'r']) {
        return None;
    }
    if let Some(name) = name.strip_prefix("anthropic-") {
        return anthropic(name);
    }
    if let Some(name) = name.strip_prefix("x-codex-") {
        return codex(name);
    }
    match name {
        // Cohere's trial keys: calls to one endpoint in a rolling minute.
        "x-trial-endpoint-call-limit" => return Some((calls(), Field::Limit)),
        "x-trial-endpoint-call-remaining" => return Some((calls(), Field::Remaining)),
        _ => {}
    }
    let name = name.strip_prefix("x-").unwrap_or(name);
    // Mistral counts tokens "by size".
    let (rest, resource) = if let Some(rest) = name.strip_prefix("ratelimitbysize-") {
        (rest, LimitedResource::Tokens)
    } else {
        let rest = name
            .strip_prefix("ratelimit-")
            .or_else(|| name.strip_prefix("rate-limit-"))?;
        (rest, LimitedResource::Requests)
    };
    let (field, rest) = [
        ("limit", Field::Limit),
        ("remaining", Field::Remaining),
        ("reset", Field::Reset),
        ("renewalperiod", Field::PeriodSeconds),
    ]
    .into_iter()
    .find_map(|(word, field)| Some((field, rest.strip_prefix(word)?)))?;
    Some((window(rest, resource)?, field))
}

/// `-requests`, `-tokens-minute`, `-req-minute`, `-project-tokens`, `-day` or nothing.
fn window(rest: &str, usual: LimitedResource) -> Option<Key> {
    let (rest, period) = [
        ("-minute", MINUTE),
        ("-hour", HOUR),
        ("-day", DAY),
        ("-month", DAY * 30),
        ("-second", Duration::from_secs(1)),
    ]
    .into_iter()
    .find_map(|(word, period)| Some((rest.strip_suffix(word)?, Some(period))))
    .unwrap_or((rest, None));
    let (rest, family) = match rest.strip_prefix("-project") {
        Some(rest) => (rest, Family::Project),
        None => (rest, Family::Usual),
    };
    let resource = match rest {
        "" => usual,
        "-requests" | "-req" => LimitedResource::Requests,
        "-tokens" => LimitedResource::Tokens,
        "-input-tokens" => LimitedResource::InputTokens,
        "-output-tokens" => LimitedResource::OutputTokens,
        _ => return None,
    };
    Some(Key {
        family,
        resource,
        period,
    })
}

fn calls() -> Key {
    Key {
        family: Family::Usual,
        resource: LimitedResource::Requests,
        period: Some(MINUTE),
    }
}

/// `ratelimit-requests-limit`, `priority-input-tokens-remaining`, `ratelimit-unified-5h-utilization`.
fn anthropic(name: &str) -> Option<(Key, Field)> {
    if let Some(name) = name.strip_prefix("ratelimit-unified-") {
        return unified(name);
    }
    let (rest, family) = match name.strip_prefix("priority-") {
        Some(rest) => (rest, Family::Priority),
        None => (name.strip_prefix("ratelimit-")?, Family::Usual),
    };
    let (resource, field) = rest.rsplit_once('-')?;
    let resource = match resource {
        "requests" => LimitedResource::Requests,
        "tokens" => LimitedResource::Tokens,
        "input-tokens" => LimitedResource::InputTokens,
        "output-tokens" => LimitedResource::OutputTokens,
        _ => return None,
    };
    let field = match field {
        "limit" => Field::Limit,
        "remaining" => Field::Remaining,
        "reset" => Field::Reset,
        _ => return None,
    };
    let period = Some(MINUTE);
    Some((
        Key {
            family,
            resource,
            period,
        },
        field,
    ))
}

/// `status`, `reset`, `5h-status`, `7d-reset`, `7d_opus-utilization`. What is said of bought extra
/// usage (`overage-*`) is no limit.
fn unified(name: &str) -> Option<(Key, Field)> {
    let (window, field) = name.rsplit_once('-').unwrap_or(("", name));
    let (family, period) = match window {
        "" => (Family::Plan, None),
        "5h" => (Family::Plan, Some(HOUR * 5)),
        "7d" | "weekly" => (Family::Plan, Some(DAY * 7)),
        _ if window.starts_with("7d_") => (Family::SecondPlan, Some(DAY * 7)),
        _ => return None,
    };
    let field = match field {
        "utilization" => Field::UsedFraction,
        "reset" => Field::Reset,
        "status" => Field::Status,
        _ => return None,
    };
    let resource = LimitedResource::Plan;
    Some((
        Key {
            family,
            resource,
            period,
        },
        field,
    ))
}

/// `OpenAI`'s subscriptions: `primary-used-percent`, `secondary-reset-after-seconds`. The length of
/// the window is a header too, so the two are told apart by family.
fn codex(name: &str) -> Option<(Key, Field)> {
    let (family, field) = match name.split_once('-')? {
        ("primary", field) => (Family::Plan, field),
        ("secondary", field) => (Family::SecondPlan, field),
        _ => return None,
    };
    let field = match field {
        "used-percent" => Field::UsedPercent,
        "window-minutes" => Field::PeriodMinutes,
        "reset-after-seconds" | "reset-at" => Field::Reset,
        _ => return None,
    };
    let resource = LimitedResource::Plan;
    Some((
        Key {
            family,
            resource,
            period: None,
        },
        field,
    ))
}
