//! What today and the month come to at the current course.

use agent_primitives::{Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::history::{SpendHistory, money};
use super::outlook::Outlook;
use super::{CostBand, Missing, calendar};
use crate::Period;

/// What a day or a month comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Projected {
    /// Which time.
    pub period: Period,
    /// What was spent in it up to now.
    pub spent: Usd,
    /// What it comes to in all; `None` where it is not known.
    pub total: Option<CostBand>,
    /// What there is too little of, where there is.
    pub missing: Option<Missing>,
}

/// A day of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectedDay {
    /// Its beginning.
    pub from: Timestamp,
    /// What was spent on it up to now.
    pub spent: Usd,
    /// What it comes to in all, from today on.
    pub total: Option<CostBand>,
    /// What the month comes to up to its end, from today on.
    pub month: Option<CostBand>,
}

/// The cost of today and of the month at the current course, in UTC.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, Usd};
/// use agent_telemetry::{CostProjection, ModelCall, Record, SpendHistory};
///
/// // A dollar an hour for twelve days, up to noon of 20 November 2026.
/// let now = 1_795_176_000;
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///     .cost(Usd::from_micros(1_000_000));
/// let records: Vec<_> = (0..12 * 24)
///     .map(|hour| Record::new(Timestamp::from_unix_seconds(now - 3_600 * hour - 60), call.clone()))
///     .collect();
/// let history = SpendHistory::of(&records);
/// let projection = CostProjection::of(&history, Timestamp::from_unix_seconds(now), 7);
/// let today = projection.today.total.expect("twelve days are enough");
/// assert_eq!(projection.today.spent, "12".parse()?);
/// assert!(today.contains("24".parse()?) && projection.days.len() == 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CostProjection {
    /// Today.
    pub today: Projected,
    /// This month; what was spent before the history begins is not in it.
    pub month: Projected,
    /// The days of the month.
    pub days: Vec<ProjectedDay>,
}

impl CostProjection {
    /// As at `now`. What is drawn depends on `seed` alone.
    pub fn of(history: &SpendHistory, now: Timestamp, seed: u64) -> Self {
        let until = calendar::month(now).to();
        let outlook = Outlook::of(history, money, now, until, seed);
        Self::with(history, now, outlook.as_ref().map_err(|it| *it))
    }

    pub(super) fn with(
        history: &SpendHistory,
        now: Timestamp,
        outlook: Result<&Outlook, Missing>,
    ) -> Self {
        let projected = |period: Period| {
            let spent = history.spent(period.from(), now);
            let seen = outlook.and_then(|it| it.reach(period.to()).map(|()| it));
            Projected {
                period,
                spent,
                total: seen
                    .ok()
                    .and_then(|it| CostBand::of(spent, &it.by(period.to()))),
                missing: seen.err(),
            }
        };
        let month = projected(calendar::month(now));
        let day = |day: Period| {
            let spent = history.spent(day.from(), day.to().min(now));
            let seen = outlook.ok().filter(|it| it.reach(day.to()).is_ok());
            let seen = seen.filter(|_| day.to() > now);
            let from = day.from().max(now);
            ProjectedDay {
                from: day.from(),
                spent,
                total: seen.and_then(|it| CostBand::of(spent, &it.between(from, day.to()))),
                month: seen.and_then(|it| CostBand::of(month.spent, &it.by(day.to()))),
            }
        };
        Self {
            today: projected(calendar::day(now)),
            days: month.period.days().take(31).map(day).collect(),
            month,
        }
    }
}
