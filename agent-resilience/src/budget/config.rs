//! What may be spent, as plain data.

use agent_primitives::{SpendAmount, SpendScope, Usd};
use serde::{Deserialize, Serialize};

use super::amount::{MOST_PICOS, MOST_TOKENS};
use super::calendar::Calendar;
use crate::Percent;

/// What one request, one session or one day may spend: money, tokens, both or, by default, anything.
///
/// ```
/// use agent_resilience::SpendCap;
///
/// let cap = SpendCap::usd("2.50".parse()?).and_tokens(400_000);
/// let read: SpendCap = serde_json::from_str(r#"{"usd": "2.50", "tokens": 400000}"#)?;
/// assert_eq!(read, cap);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpendCap {
    /// Money; not capped by default.
    pub usd: Option<Usd>,
    /// Tokens of any kind; not capped by default.
    pub tokens: Option<u64>,
}

impl SpendCap {
    /// Anything.
    pub const NONE: Self = Self {
        usd: None,
        tokens: None,
    };

    /// So much money.
    pub const fn usd(usd: Usd) -> Self {
        Self {
            usd: Some(usd),
            tokens: None,
        }
    }

    /// So many tokens.
    pub const fn tokens(tokens: u64) -> Self {
        Self {
            usd: None,
            tokens: Some(tokens),
        }
    }

    /// And so many tokens.
    #[must_use]
    pub const fn and_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    pub(super) fn amounts(self) -> [Option<SpendAmount>; 2] {
        [
            self.usd.map(SpendAmount::Usd),
            self.tokens.map(SpendAmount::Tokens),
        ]
    }
}

/// What to do once a share of a cap is reached. Ordered: each asks for more than the one before.
///
/// ```
/// use agent_resilience::SpendAction;
///
/// assert!(SpendAction::Warn < SpendAction::Refuse);
/// assert_eq!(serde_json::to_string(&SpendAction::PreferCheap)?, r#""prefer_cheap""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendAction {
    /// Tell the observer, and go on.
    Warn,
    /// Advise to weigh the price more.
    PreferCheap,
    /// Advise to take the cheapest that will do.
    ForceCheap,
    /// Refuse calls that cost anything.
    Refuse,
}

/// A share of every cap, and what to do there.
///
/// ```
/// use agent_resilience::{SpendAction, SpendThreshold};
///
/// let threshold: SpendThreshold = serde_json::from_str(r#"{"percent": 80, "action": "warn"}"#)?;
/// assert_eq!(threshold.action, SpendAction::Warn);
/// assert!(serde_json::from_str::<SpendThreshold>(r#"{"percent": 0, "action": "warn"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendThreshold {
    /// The share.
    pub percent: Percent,
    /// What to do from there on.
    pub action: SpendAction,
}

impl SpendThreshold {
    /// `action` from `percent` on.
    pub const fn new(percent: Percent, action: SpendAction) -> Self {
        Self { percent, action }
    }
}

/// The caps of a [`SpendBudget`](crate::SpendBudget).
///
/// ```
/// use agent_resilience::{SpendBudgetConfig, SpendCap};
///
/// let config: SpendBudgetConfig = serde_json::from_str(
///     r#"{"session": {"usd": "5"}, "day": {"usd": "40", "tokens": 20000000}, "time_zone": "CET-1"}"#,
/// )?;
/// assert_eq!(config.session, SpendCap::usd("5".parse()?));
/// config.validate()?;
///
/// let swapped = SpendBudgetConfig::default()
///     .request(SpendCap::usd("10".parse()?))
///     .session(SpendCap::usd("5".parse()?));
/// assert_eq!(
///     swapped.validate().unwrap_err().to_string(),
///     "one request may spend $10.00 and the whole session $5.00: lower the first or raise the second"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpendBudgetConfig {
    /// What the estimate of one call may be.
    pub request: SpendCap,
    /// What all calls of one session may spend together.
    pub session: SpendCap,
    /// What all calls of one calendar day may spend together.
    pub day: SpendCap,
    /// Whose midnight ends a day: a name of the IANA time zone database (`Europe/Berlin`), or a rule as
    /// POSIX writes them (`CET-1CEST,M3.5.0,M10.5.0/3`), which needs no database. `UTC` by default.
    pub time_zone: String,
    /// Shares of the session's and the day's caps, rising. By default a warning at 50 %, cheap models
    /// preferred from 80 %, forced from 95 %, and refusal at 100 %. What would go past the cap itself
    /// is refused whatever stands here.
    pub thresholds: Vec<SpendThreshold>,
    /// Sessions that are remembered; 4 096 by default, at most 65 536. When one more comes, the one is
    /// forgotten that was idle longest, and with it as many as there are 256ths; see [`SpendBudget::session`](crate::SpendBudget::session).
    pub sessions: u32,
}

impl Default for SpendBudgetConfig {
    fn default() -> Self {
        let thresholds = [
            (50, SpendAction::Warn),
            (80, SpendAction::PreferCheap),
            (95, SpendAction::ForceCheap),
            (100, SpendAction::Refuse),
        ];
        Self {
            request: SpendCap::NONE,
            session: SpendCap::NONE,
            day: SpendCap::NONE,
            time_zone: "UTC".to_owned(),
            thresholds: thresholds
                .into_iter()
                .filter_map(|(percent, action)| {
                    Some(SpendThreshold::new(Percent::new(percent)?, action))
                })
                .collect(),
            sessions: 4_096,
        }
    }
}

/// A budget that cannot be kept. The message says what to change.
///
/// ```
/// use agent_resilience::{SpendBudget, SpendBudgetConfig};
///
/// let config = SpendBudgetConfig::default().time_zone("Mars/Olympus_Mons");
/// let message = SpendBudget::new(&config).unwrap_err().to_string();
/// assert!(message.contains("Mars/Olympus_Mons"), "{message}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpend {
    /// A cap of zero.
    #[error("a cap of {cap} for the {scope} lets nothing through: leave it out or allow more")]
    Nothing {
        /// Whose cap.
        scope: SpendScope,
        /// The cap.
        cap: SpendAmount,
    },
    /// A cap below zero.
    #[error("a cap of {cap} for the {scope} is negative: write what may be spent")]
    Negative {
        /// Whose cap.
        scope: SpendScope,
        /// The cap.
        cap: Usd,
    },
    /// A cap beyond what is counted exactly.
    #[error("a cap of {cap} for the {scope} is above {most}: leave it out or lower it")]
    TooMuch {
        /// Whose cap.
        scope: SpendScope,
        /// The cap.
        cap: SpendAmount,
        /// The largest that is accepted.
        most: SpendAmount,
    },
    /// One request may spend more than what it is a part of.
    #[error(
        "one request may spend {request} and the whole {scope} {cap}: lower the first or raise the second"
    )]
    Contradiction {
        /// The cap of one request.
        request: SpendAmount,
        /// The other cap's scope.
        scope: SpendScope,
        /// The other cap.
        cap: SpendAmount,
    },
    /// Thresholds that do not rise.
    #[error("the threshold at {second} stands behind the one at {first}: order them, each once")]
    NotRising {
        /// The one before.
        first: Percent,
        /// The one behind it, which is not larger.
        second: Percent,
    },
    /// A threshold that asks for less than the one before.
    #[error(
        "the threshold at {percent} asks for less than the one before it: let them grow stricter"
    )]
    Weaker {
        /// The weaker one.
        percent: Percent,
    },
    /// More thresholds than are counted.
    #[error("{0} thresholds: use at most {max}", max = SpendBudgetConfig::THRESHOLDS_MAX)]
    TooManyThresholds(usize),
    /// No session is remembered, or too many.
    #[error("{0} sessions to remember: use 1 to {max}", max = SpendBudgetConfig::SESSIONS_MAX)]
    Sessions(u32),
    /// A time zone that nobody knows.
    #[error(
        "no time zone is called {name:?}: use a name such as Europe/Berlin, or a POSIX rule such as CET-1CEST,M3.5.0,M10.5.0/3"
    )]
    UnknownTimeZone {
        /// The name.
        name: String,
    },
    /// A time zone's name where there is no time zone database.
    #[error(
        "this machine has no time zone database to look {name:?} up in: install one (tzdata), use UTC, or write a POSIX rule such as CET-1CEST,M3.5.0,M10.5.0/3"
    )]
    NoTimeZones {
        /// The name.
        name: String,
    },
}

impl SpendBudgetConfig {
    /// Most thresholds.
    pub const THRESHOLDS_MAX: usize = 16;
    /// Most sessions that are remembered.
    pub const SESSIONS_MAX: u32 = 65_536;

    /// Sets what the estimate of one call may be.
    #[must_use]
    pub const fn request(mut self, cap: SpendCap) -> Self {
        self.request = cap;
        self
    }

    /// Sets what one session may spend.
    #[must_use]
    pub const fn session(mut self, cap: SpendCap) -> Self {
        self.session = cap;
        self
    }

    /// Sets what one calendar day may spend.
    #[must_use]
    pub const fn day(mut self, cap: SpendCap) -> Self {
        self.day = cap;
        self
    }

    /// Sets whose midnight ends a day.
    #[must_use]
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self
    }

    /// Sets the shares at which something is done.
    #[must_use]
    pub fn thresholds(mut self, thresholds: impl IntoIterator<Item = SpendThreshold>) -> Self {
        self.thresholds = thresholds.into_iter().collect();
        self
    }

    /// Whether such a budget can be kept on this machine, as
    /// [`SpendBudget::new`](crate::SpendBudget::new) finds it.
    ///
    /// # Errors
    /// [`InvalidSpend`] with the first fault.
    pub fn validate(&self) -> Result<(), InvalidSpend> {
        self.check().map(drop)
    }

    pub(super) fn check(&self) -> Result<Calendar, InvalidSpend> {
        self.check_caps()?;
        self.check_thresholds()?;
        if !(1..=Self::SESSIONS_MAX).contains(&self.sessions) {
            return Err(InvalidSpend::Sessions(self.sessions));
        }
        Calendar::new(&self.time_zone)
    }

    fn check_caps(&self) -> Result<(), InvalidSpend> {
        for (scope, cap) in [
            (SpendScope::Request, self.request),
            (SpendScope::Session, self.session),
            (SpendScope::Day, self.day),
        ] {
            for cap in cap.amounts().into_iter().flatten() {
                check_cap(scope, cap)?;
            }
            if scope != SpendScope::Request {
                self.check_against_request(scope, cap)?;
            }
        }
        Ok(())
    }

    /// A session's cap may be above the day's: sessions outlive days.
    fn check_against_request(&self, scope: SpendScope, cap: SpendCap) -> Result<(), InvalidSpend> {
        let contradiction = |request, cap| {
            Err(InvalidSpend::Contradiction {
                request,
                scope,
                cap,
            })
        };
        match (self.request.usd, cap.usd) {
            (Some(one), Some(all)) if one > all => {
                return contradiction(SpendAmount::Usd(one), SpendAmount::Usd(all));
            }
            _ => {}
        }
        match (self.request.tokens, cap.tokens) {
            (Some(one), Some(all)) if one > all => {
                contradiction(SpendAmount::Tokens(one), SpendAmount::Tokens(all))
            }
            _ => Ok(()),
        }
    }

    fn check_thresholds(&self) -> Result<(), InvalidSpend> {
        if self.thresholds.len() > Self::THRESHOLDS_MAX {
            return Err(InvalidSpend::TooManyThresholds(self.thresholds.len()));
        }
        let pairs = self.thresholds.iter().zip(self.thresholds.iter().skip(1));
        for (first, second) in pairs {
            if second.percent <= first.percent {
                return Err(InvalidSpend::NotRising {
                    first: first.percent,
                    second: second.percent,
                });
            }
            if second.action < first.action {
                return Err(InvalidSpend::Weaker {
                    percent: second.percent,
                });
            }
        }
        Ok(())
    }
}

fn check_cap(scope: SpendScope, cap: SpendAmount) -> Result<(), InvalidSpend> {
    let (is_nothing, most) = match cap {
        SpendAmount::Usd(usd) if usd < Usd::ZERO => {
            return Err(InvalidSpend::Negative { scope, cap: usd });
        }
        SpendAmount::Usd(usd) => {
            let most = Usd::from_picos(MOST_PICOS.into());
            (
                usd.is_zero(),
                (usd > most).then_some(SpendAmount::Usd(most)),
            )
        }
        SpendAmount::Tokens(tokens) => {
            let most = SpendAmount::Tokens(MOST_TOKENS);
            (tokens == 0, (tokens > MOST_TOKENS).then_some(most))
        }
    };
    if is_nothing {
        return Err(InvalidSpend::Nothing { scope, cap });
    }
    match most {
        Some(most) => Err(InvalidSpend::TooMuch { scope, cap, most }),
        None => Ok(()),
    }
}
