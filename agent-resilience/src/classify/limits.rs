//! Rate limits as a provider states them, in one shape.

use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hint::When;

/// What a limit counts.
///
/// ```
/// use agent_resilience::classify::LimitedResource;
///
/// let json = serde_json::to_string(&LimitedResource::InputTokens)?;
/// assert_eq!(json, "\"input_tokens\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitedResource {
    /// Calls.
    Requests,
    /// Tokens of either kind.
    Tokens,
    /// Input tokens, where counted apart.
    InputTokens,
    /// Output tokens, where counted apart.
    OutputTokens,
    /// Calls under way at the same time.
    Concurrency,
    /// The share of a plan's allowance, in a unit that the vendor keeps to itself.
    Plan,
}

/// One limit and what is left of it.
///
/// ```
/// use agent_resilience::classify::{LimitWindow, LimitedResource};
///
/// let mut window = LimitWindow::new(LimitedResource::Requests);
/// window.limit = Some(50);
/// window.remaining = Some(0);
/// assert!(window.is_empty());
/// assert_eq!(window.used(), Some(1_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LimitWindow {
    /// What is counted.
    pub resource: LimitedResource,
    /// The time over which it is counted, where it is known.
    #[serde(default)]
    pub period: Option<Duration>,
    /// How much is allowed in the period.
    #[serde(default)]
    pub limit: Option<u64>,
    /// How much is left.
    #[serde(default)]
    pub remaining: Option<u64>,
    /// The share used, in thousandths; may exceed 1000. Where the vendor states only this.
    #[serde(default)]
    pub used_permille: Option<u32>,
    /// When the whole limit is free again; usually later than the moment at which the next request
    /// fits.
    #[serde(default)]
    pub reset: Option<When>,
}

impl LimitWindow {
    /// A window of which only the resource is known.
    pub const fn new(resource: LimitedResource) -> Self {
        Self {
            resource,
            period: None,
            limit: None,
            remaining: None,
            used_permille: None,
            reset: None,
        }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.remaining == Some(0) || self.used_permille.is_some_and(|used| used >= 1_000)
    }

    /// The share used in thousandths, stated or computed from limit and remaining.
    pub fn used(&self) -> Option<u32> {
        self.used_permille.or_else(|| {
            let (limit, remaining) = (self.limit.filter(|limit| *limit > 0)?, self.remaining?);
            let used = u128::from(limit.saturating_sub(remaining)) * 1_000 / u128::from(limit);
            u32::try_from(used).ok()
        })
    }

    fn says_something(&self) -> bool {
        self.limit.is_some()
            || self.remaining.is_some()
            || self.used_permille.is_some()
            || self.reset.is_some()
    }
}

/// What a provider says is left of its limits: at most [`LimitSnapshot::CAPACITY`] windows, in the
/// order in which they were read.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_resilience::classify::{self, LimitedResource, Vendor, When};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-ratelimit-limit-tokens", "6000".parse()?);
/// headers.insert("x-ratelimit-remaining-tokens", "120".parse()?);
/// headers.insert("x-ratelimit-reset-tokens", "7.66s".parse()?);
/// let now = Timestamp::from_unix_seconds(1_000);
/// let snapshot = classify::headers(Vendor::Groq, &headers, now);
/// let tokens = snapshot.tightest(LimitedResource::Tokens).unwrap();
/// assert_eq!((tokens.limit, tokens.remaining), (Some(6_000), Some(120)));
/// assert_eq!(tokens.period, Some(Duration::from_secs(60)));
/// assert_eq!(tokens.reset, Some(When::At(now + Duration::from_millis(7_660))));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitSnapshot {
    windows: [Option<LimitWindow>; Self::CAPACITY],
}

impl LimitSnapshot {
    /// Windows that fit. No vendor sends more at once.
    pub const CAPACITY: usize = 6;

    /// Nothing is known.
    pub const NONE: Self = Self {
        windows: [None; Self::CAPACITY],
    };

    /// Adds a window that says something; `false` when it says nothing or there is no room.
    ///
    /// ```
    /// use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource};
    ///
    /// let mut snapshot = LimitSnapshot::NONE;
    /// let mut window = LimitWindow::new(LimitedResource::Requests);
    /// assert!(!snapshot.push(window));
    /// window.remaining = Some(3);
    /// assert!(snapshot.push(window));
    /// ```
    pub fn push(&mut self, window: LimitWindow) -> bool {
        if !window.says_something() {
            return false;
        }
        let room = self.windows.iter_mut().find(|place| place.is_none());
        room.map(|place| *place = Some(window)).is_some()
    }

    /// The windows.
    pub fn windows(&self) -> impl Iterator<Item = &LimitWindow> {
        self.windows.iter().flatten()
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.windows().next().is_none()
    }

    /// Of the windows that count `resource`, the one with the least left: by share where it is known,
    /// else the first.
    pub fn tightest(&self, resource: LimitedResource) -> Option<&LimitWindow> {
        self.windows()
            .filter(|window| window.resource == resource)
            .reduce(|best, next| {
                if next.used() > best.used() {
                    next
                } else {
                    best
                }
            })
    }

    /// The same windows with every reset as a date, for a reply that arrived at `now`.
    #[must_use]
    pub fn resolved(mut self, now: Timestamp) -> Self {
        for window in self.windows.iter_mut().flatten() {
            window.reset = window.reset.map(|reset| When::At(now + reset.delay(now)));
        }
        self
    }

    /// When the limits that are used up are free again: the latest of them, dates before durations.
    pub fn empty_until(&self) -> Option<When> {
        self.windows()
            .filter(|window| window.is_empty())
            .filter_map(|window| window.reset)
            .max_by_key(|when| match when {
                When::In(delay) => (false, delay.as_nanos()),
                When::At(at) => (true, u128::try_from(at.unix_nanos()).unwrap_or(0)),
            })
    }
}

impl Serialize for LimitSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.windows())
    }
}

impl<'de> Deserialize<'de> for LimitSnapshot {
    /// Windows beyond the capacity are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut snapshot = Self::NONE;
        for window in Vec::<LimitWindow>::deserialize(deserializer)? {
            snapshot.push(window);
        }
        Ok(snapshot)
    }
}
