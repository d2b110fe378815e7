//! How fast money and tokens go.

use std::time::Duration;

use agent_primitives::{Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::course::Hourly;
use super::history::{SpendHistory, money, tokens};
use super::number::{count, length, real, usd};
use super::outlook::Outlook;
use super::{CostBand, CountBand, Missing};

/// Hours after which an hour weighs half as much in what is smoothed.
const HALF_LIFE: f64 = 6.0;
/// Hours that are looked at.
const SMOOTHED_OVER: usize = 72;
const HOUR: Duration = Duration::from_secs(3_600);

/// How fast money and tokens go: in the last hour, smoothed, and in the hour that comes.
///
/// Agents work in bursts, so that the last hour says little about the next one. The next hour is told from past
/// hours at about this time of such a day that came after an hour like the last one; where there are no whole
/// days yet, from past hours.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, Usd};
/// use agent_telemetry::{BurnRate, ModelCall, Record, SpendHistory};
///
/// let at = Timestamp::from_unix_seconds;
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?);
/// // Half a dollar every ten minutes for nine hours.
/// let records = (0..54).map(|it| Record::new(at(600 * it), call.clone().cost(Usd::from_micros(500_000))));
/// let history = SpendHistory::of(&records.collect::<Vec<_>>());
/// let burn = BurnRate::of(&history, at(9 * 3_600), 7);
/// assert_eq!(burn.last_hour, "3".parse()?);
/// assert_eq!(burn.active_share, Some(1.0));
/// assert!(burn.next_hour.is_some_and(|hour| hour.contains("3".parse().unwrap())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BurnRate {
    /// Money spent in the last 60 minutes.
    pub last_hour: Usd,
    /// Money per hour: the mean over the last 72 hours at most, in which an hour weighs half as much as one six
    /// hours later. `None` before an hour is over.
    pub smoothed: Option<Usd>,
    /// Money in the next 60 minutes: in 80 of 100 cases within the band.
    pub next_hour: Option<CostBand>,
    /// Tokens of the last 60 minutes.
    pub tokens_last_hour: u64,
    /// Tokens per hour, smoothed in the same way.
    pub tokens_smoothed: Option<u64>,
    /// Tokens in the next 60 minutes.
    pub tokens_next_hour: Option<CountBand>,
    /// In which share of the hours there was a call, from 0 to 1, over the last nine weeks or since the first call.
    /// The hour that is not over counts as one.
    pub active_share: Option<f64>,
    /// Money per hour in which there was a call, over the same time.
    pub when_active: Option<Usd>,
    /// What there is too little of for telling the next hour, where there is.
    pub missing: Option<Missing>,
}

impl BurnRate {
    /// As at `now`. What is drawn depends on `seed` alone.
    pub fn of(history: &SpendHistory, now: Timestamp, seed: u64) -> Self {
        let outlook = Outlook::of(history, money, now, now, seed);
        Self::with(history, now, outlook.as_ref().map_err(|it| *it), seed)
    }

    pub(super) fn with(
        history: &SpendHistory,
        now: Timestamp,
        outlook: Result<&Outlook, Missing>,
        seed: u64,
    ) -> Self {
        let last = history.sum(now - HOUR, now);
        let known = history.known(now);
        let of_tokens = Outlook::of(history, tokens, now, now, seed).ok();
        Self {
            last_hour: last.cost,
            smoothed: smoothed(&history.hourly(now, money)).map(usd),
            next_hour: outlook
                .ok()
                .and_then(|it| CostBand::of(Usd::ZERO, &it.next_hour(money(&last)))),
            tokens_last_hour: last.tokens,
            tokens_smoothed: smoothed(&history.hourly(now, tokens)).map(count),
            tokens_next_hour: of_tokens.and_then(|it| CountBand::of(&it.next_hour(tokens(&last)))),
            active_share: (known.hours > 0).then(|| real(known.active) / real(known.hours)),
            when_active: known.sum.cost.div_round(known.active),
            missing: outlook.err(),
        }
    }
}

fn smoothed(hourly: &Hourly) -> Option<f64> {
    let begun = hourly.amounts.iter().position(|it| *it > 0.0)?;
    let known = hourly.amounts.get(begun..)?;
    let (mut sum, mut hours) = (0.0, 0.0);
    for (ago, amount) in known.iter().rev().take(SMOOTHED_OVER).enumerate() {
        let weight = 0.5_f64.powf(length(ago) / HALF_LIFE);
        sum += weight * amount;
        hours += weight * if ago == 0 { hourly.gone } else { 1.0 };
    }
    (hours >= 1.0 || known.len() > 1).then(|| sum / hours.max(f64::MIN_POSITIVE))
}
