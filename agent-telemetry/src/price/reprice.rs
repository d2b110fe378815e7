//! What recorded calls cost by these prices, beside what was recorded.

use agent_primitives::Usd;

use super::{Prices, Unpriced};
use crate::{Body, Record};

/// One recorded call, priced anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repricing {
    /// What the record says: the provider's or the host's own figure, or an earlier price.
    pub recorded: Option<Usd>,
    /// What these prices say for the time of the call.
    pub own: Result<Usd, Unpriced>,
    /// Whether it is a call, and not usage that no call explains.
    pub is_call: bool,
}

/// How far recorded costs and these prices lie apart.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
/// use agent_telemetry::{Drift, ModelCall, Prices, Record};
///
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-sonnet-4-5")?)
///     .usage(TokenUsage::new(1_000, 0))
///     .cost("0.004".parse()?);
/// let records = [Record::new(Timestamp::from_unix_seconds(1_795_132_800), call)];
/// let drift = Drift::of(&Prices::shipped(), &records);
/// assert_eq!((drift.calls, drift.differing), (1, 1));
/// assert_eq!((drift.recorded, drift.own), ("0.004".parse()?, "0.003".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// Model calls seen.
    pub calls: u64,
    /// Calls with both figures, which the sums are over.
    pub compared: u64,
    /// Of those, calls whose figures differ.
    pub differing: u64,
    /// The sum of the recorded costs.
    pub recorded: Usd,
    /// The sum of the same calls by these prices.
    pub own: Usd,
    /// Calls that had no cost and have one now, and what that comes to.
    pub newly_priced: u64,
    /// What the newly priced calls cost.
    pub newly_priced_cost: Usd,
    /// Calls without a price here.
    pub unpriced: u64,
}

impl Prices {
    /// Prices a recorded model call by its time; `None` for records of other kinds. The record is left
    /// as it is.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{ModelCall, Prices, Record};
    ///
    /// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-sonnet-4-5")?)
    ///     .usage(TokenUsage::new(1_000, 0));
    /// let record = Record::new(Timestamp::from_unix_seconds(1_795_132_800), call);
    /// let repricing = Prices::shipped().reprice(&record).ok_or("a model call")?;
    /// assert_eq!(repricing.recorded, None);
    /// assert_eq!(repricing.own, Ok("0.003".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reprice(&self, record: &Record) -> Option<Repricing> {
        let Body::ModelCall(call) = &record.body else {
            return None;
        };
        Some(Repricing {
            recorded: call.cost,
            own: self.amount_of(call, record.at),
            is_call: !call.is_unexplained(),
        })
    }

    /// The record with the cost that these prices say for the time of the call, so that a report shows
    /// history by other prices; what is stored stays as it is. A call that has no price here keeps the
    /// cost that it has, and so do records of other kinds.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{ModelCall, Price, Prices, Record, Stats};
    ///
    /// let model = ModelId::new("house-model")?;
    /// let call = ModelCall::new(ProviderId::new("house")?, model.clone())
    ///     .usage(TokenUsage::new(1_000_000, 0));
    /// let history = [Record::new(Timestamp::UNIX_EPOCH, call)];
    /// assert_eq!(Stats::of(&history).cost.unpriced_calls, 1);
    ///
    /// let prices = Prices::shipped().with_model(model, Price::per_million("2".parse()?, "8".parse()?));
    /// let stats = Stats::of(history.map(|record| prices.repriced(record)));
    /// assert_eq!((stats.cost.total, stats.cost.unpriced_calls), ("2".parse()?, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn repriced(&self, mut record: Record) -> Record {
        if let Body::ModelCall(call) = &mut record.body
            && let Ok(own) = self.amount_of(call, record.at)
        {
            call.cost = Some(own);
        }
        record
    }
}

impl Drift {
    /// The drift over a history, in one pass and without keeping it.
    pub fn of<'a>(prices: &Prices, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut drift = Self::default();
        for repricing in records
            .into_iter()
            .filter_map(|record| prices.reprice(record))
        {
            drift.add(&repricing);
        }
        drift
    }

    /// Adds one call. Usage that no call explains is in the sums and, without a price, among the unpriced calls.
    pub fn add(&mut self, repricing: &Repricing) {
        let calls = u64::from(repricing.is_call);
        self.calls += calls;
        match (repricing.recorded, repricing.own) {
            (Some(recorded), Ok(own)) => {
                self.compared += calls;
                self.differing += if recorded == own { 0 } else { calls };
                self.recorded += recorded;
                self.own += own;
            }
            (None, Ok(own)) => {
                self.newly_priced += calls;
                self.newly_priced_cost += own;
            }
            (_, Err(_)) => self.unpriced += 1,
        }
    }
}
