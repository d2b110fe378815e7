//! What was spent, by the hour: what forecasts of money rest on.

use std::collections::BTreeMap;

use agent_primitives::{Timestamp, TokenUsage, Usd};

use super::calendar::{hour_begin, hour_of};
use super::course::Hourly;
use super::number::real;
use crate::report::sheet::dollars;
use crate::{Body, Period, Record, Rollups, Span};

/// Hours that are kept: nine weeks, and the one that is not over.
const HOURS: usize = 9 * 7 * 24 + 1;
/// Minutes that are kept.
const MINUTES: usize = 25 * 60;
/// Hours further apart than this have nothing to do with each other.
const FARTHEST: i64 = 9 * 7 * 24;

/// What was spent by the hour, and of late by the minute: from records, or from sums.
///
/// At most 1 513 hours with calls are kept, nine weeks and the one that is not over, and 1 500 minutes; the oldest go
/// first and are counted. Things may come in any order.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, Usd};
/// use agent_telemetry::{ModelCall, Record, SpendHistory};
///
/// let at = Timestamp::from_unix_seconds;
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///     .cost(Usd::from_micros(1_500));
/// let mut history = SpendHistory::new();
/// for second in [10, 20, 4_000] {
///     history.add(&Record::new(at(second), call.clone()));
/// }
/// assert_eq!((history.calls(), history.left_out()), (3, 0));
/// assert_eq!(history.spent(at(0), at(3_600)), Usd::from_micros(3_000));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpendHistory {
    /// By hours since 1970, those alone in which there was a call.
    hours: BTreeMap<i64, Spent>,
    /// By minutes since 1970.
    minutes: BTreeMap<i64, Spent>,
    left_out: u64,
}

/// What calls came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spent {
    pub(super) cost: Usd,
    pub(super) tokens: u64,
    pub(super) calls: u64,
    pub(super) unpriced: u64,
}

impl Spent {
    pub(super) fn absorb(&mut self, other: Self) {
        self.cost += other.cost;
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.calls = self.calls.saturating_add(other.calls);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
    }

    pub(crate) const fn new(cost: Usd, usage: TokenUsage, calls: u64, unpriced: u64) -> Self {
        Self {
            cost,
            tokens: usage.total(),
            calls,
            unpriced,
        }
    }

    const fn is_nothing(&self) -> bool {
        self.calls == 0 && self.cost.is_zero() && self.tokens == 0 && self.unpriced == 0
    }
}

impl SpendHistory {
    /// Of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of records.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut history = Self::new();
        for record in records {
            history.add(record);
        }
        history
    }

    /// One more record; what is no model call changes nothing.
    pub fn add(&mut self, record: &Record) {
        if let Body::ModelCall(call) = &record.body {
            let spent = Spent::new(
                call.cost.unwrap_or_default(),
                call.usage,
                u64::from(!call.is_unexplained()),
                u64::from(call.is_unpriced()),
            );
            self.put(Span::Hour.start(record.at), spent);
            self.put_minute(Span::Minute.start(record.at), spent);
        }
    }

    /// The sums of a period that lies in one hour; those of one that does not are left out and counted. Records
    /// that are in sums which were added are not to be added as well.
    pub fn add_sums(&mut self, period: Period, sums: &Rollups) {
        let mut all = Spent::default();
        for cell in sums.agents.values() {
            let (calls, unpriced) = (cell.model_calls, cell.unpriced_calls);
            all.absorb(Spent::new(cell.cost, cell.usage, calls, unpriced));
        }
        if period.is_empty() || all.is_nothing() {
            return;
        }
        let within = |span| {
            let whole = period.outward(span);
            let length = whole.to().since(whole.from()).as_secs();
            i64::try_from(length).is_ok_and(|it| it <= span.seconds())
        };
        if !within(Span::Hour) {
            self.left_out = self.left_out.saturating_add(all.calls.max(1));
            return;
        }
        self.put(Span::Hour.start(period.from()), all);
        if within(Span::Minute) {
            self.put_minute(Span::Minute.start(period.from()), all);
        }
    }

    /// What an hour came to, by where it begins in seconds since 1970.
    pub(crate) fn put(&mut self, second: i64, spent: Spent) {
        if spent.is_nothing() {
            return;
        }
        let hour = second.div_euclid(Span::Hour.seconds());
        self.hours.entry(hour).or_default().absorb(spent);
        if self.hours.len() > HOURS
            && let Some((_, oldest)) = self.hours.pop_first()
        {
            self.left_out = self.left_out.saturating_add(oldest.calls.max(1));
        }
    }

    /// What a minute came to, which its hour has in it already.
    pub(crate) fn put_minute(&mut self, second: i64, spent: Spent) {
        if spent.is_nothing() {
            return;
        }
        let minute = second.div_euclid(Span::Minute.seconds());
        self.minutes.entry(minute).or_default().absorb(spent);
        if self.minutes.len() > MINUTES {
            self.minutes.pop_first();
        }
    }

    /// Model calls in it.
    pub fn calls(&self) -> u64 {
        let each = self.hours.values().map(|it| it.calls);
        each.fold(0, u64::saturating_add)
    }

    /// Calls without a known price in it, the cost of which no forecast has.
    pub fn unpriced_calls(&self) -> u64 {
        let each = self.hours.values().map(|it| it.unpriced);
        each.fold(0, u64::saturating_add)
    }

    /// Calls that are older than what is kept, or were in sums of more than an hour.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The hour of the first call that is kept.
    pub fn begun(&self) -> Option<Timestamp> {
        let (hour, _) = self.hours.first_key_value()?;
        Some(hour_begin(*hour))
    }

    /// What was spent from one time up to another: whole hours, and minutes at the ends where they are kept.
    pub fn spent(&self, from: Timestamp, to: Timestamp) -> Usd {
        self.sum(from, to).cost
    }

    pub(super) fn sum(&self, from: Timestamp, to: Timestamp) -> Spent {
        let mut sum = Spent::default();
        if from >= to {
            return sum;
        }
        // The last hour that is begun, and the first one that is over.
        let (first, last) = (hour_of(from), hour_of(to));
        let (is_whole, ends) = (hour_begin(first) == from, hour_begin(last) == to);
        let inner = first.saturating_add(i64::from(!is_whole))..last;
        if inner.start < inner.end {
            for (_, spent) in self.hours.range(inner) {
                sum.absorb(*spent);
            }
        }
        let mut edge = |hour: i64| {
            for (minute, spent) in self.minutes_of(hour) {
                let at = Timestamp::from_unix_seconds(minute.saturating_mul(60));
                if from <= at && at < to {
                    sum.absorb(spent);
                }
            }
        };
        if !is_whole {
            edge(first);
        }
        if !ends && (last != first || is_whole) {
            edge(last);
        }
        sum
    }

    /// The minutes of an hour. Where minutes are not kept any more, the whole is of its first one.
    fn minutes_of(&self, hour: i64) -> Vec<(i64, Spent)> {
        let first = hour.saturating_mul(60);
        let known: Vec<(i64, Spent)> = self
            .minutes
            .range(first..first.saturating_add(60))
            .map(|(minute, spent)| (*minute, *spent))
            .collect();
        match self.hours.get(&hour) {
            Some(whole) if known.is_empty() => vec![(first, *whole)],
            _ => known,
        }
    }

    /// Hours without gaps up to now, at most nine weeks of them, as figures.
    pub(super) fn hourly(&self, now: Timestamp, of: impl Fn(&Spent) -> f64) -> Hourly {
        let current = hour_of(now);
        let oldest = current.saturating_sub(FARTHEST);
        let known = self.hours.range(oldest..=current);
        let first = known.map(|(hour, _)| *hour).next().unwrap_or(current);
        // From the beginning of its day on.
        let first = first.div_euclid(24).saturating_mul(24);
        let length = usize::try_from(current.saturating_sub(first)).unwrap_or(0);
        let mut amounts = vec![0.0; length + 1];
        for (hour, spent) in self.hours.range(first..current) {
            let place = usize::try_from(hour.saturating_sub(first)).unwrap_or(usize::MAX);
            if let Some(amount) = amounts.get_mut(place) {
                *amount = figure(of(spent));
            }
        }
        if let Some(last) = amounts.last_mut() {
            *last = figure(of(&self.sum(hour_begin(current), now)));
        }
        Hourly {
            amounts,
            first,
            gone: super::calendar::gone(now),
        }
    }

    /// What there is of the last nine weeks up to now: all of it of the same time.
    pub(super) fn known(&self, now: Timestamp) -> Known {
        let current = hour_of(now);
        let oldest = current.saturating_sub(FARTHEST);
        let mut hours = self.hours.range(oldest..=current).map(|(hour, _)| *hour);
        let Some(first) = hours.next() else {
            return Known::default();
        };
        let sum = self.sum(hour_begin(first), now);
        let last = self.sum(hour_begin(current), now);
        let whole = self.hours.range(first..current).count() as u64;
        // An hour that has just begun is none yet.
        let begun = current.saturating_add(i64::from(hour_begin(current) < now));
        Known {
            since: (!sum.is_nothing()).then_some(hour_begin(first)),
            hours: u64::try_from(begun.saturating_sub(first)).unwrap_or(0),
            active: whole + u64::from(!last.is_nothing()),
            sum,
        }
    }
}

/// What forecasts of money rest on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The hour of the first call.
    pub(super) since: Option<Timestamp>,
    /// Hours since then, the one that is not over among them.
    pub(super) hours: u64,
    /// Those with a call.
    pub(super) active: u64,
    /// What the calls came to.
    pub(super) sum: Spent,
}

/// What records say may be anything.
const fn figure(value: f64) -> f64 {
    value.clamp(0.0, 1e18)
}

pub(super) const fn money(spent: &Spent) -> f64 {
    dollars(spent.cost)
}

pub(super) const fn tokens(spent: &Spent) -> f64 {
    real(spent.tokens)
}
