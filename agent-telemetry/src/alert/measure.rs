//! A condition made ready: what records add to what is measured, and where the value then lies.

use std::time::Duration;

use agent_primitives::{SpendScope, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::crossing::{Crossing, Shares, Unit};
use super::gauge::{Gauge, Last, Source};
use super::limit::{Limit, Portion, Reading, Side, float, level};
use super::provider::{Down, Provider, Word};
use super::share::{Burn, Fault, Share};
use super::spent::{Budget, Spent};
use super::total::Total;
use super::window::{Ring, Sum, Tally};
use super::{Bound, BudgetPeriod, Condition, Queue};
use crate::Body;

/// A value that is older than this when it comes says nothing about now; the next one does.
const LATENESS: Duration = Duration::from_secs(300);

/// How something is measured.
#[derive(Debug, Clone)]
pub(super) enum Measure {
    Share(Share),
    Burn(Burn),
    Total(Total),
    Last(Last),
    Crossing(Crossing),
    Budget(Budget),
    Down(Down),
    Silence(Duration),
}

/// What was measured so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Signal {
    Calls(Ring<Tally>),
    Pairs(Vec<[Ring<Tally>; 2]>),
    Sum(Ring<Sum>),
    Value(Gauge),
    Shares(Shares),
    Spent(Spent),
    Provider(Provider),
    /// When the last record was.
    Sign(Timestamp),
}

/// What one record adds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    Tally(Tally),
    Amount(i128),
    Value(f64),
    Share(Unit, f64),
    Cost(Usd),
    Word(Word),
    Sign,
}

impl Measure {
    pub(super) fn new(when: &Condition) -> Self {
        match when {
            &Condition::ErrorRate {
                of,
                above,
                clear,
                window,
                at_least,
            } => Self::Share(Share {
                of,
                fault: Fault::Failed,
                fire: Portion::of(above),
                clear: Portion::of(clear.unwrap_or(above)),
                window,
                at_least,
            }),
            &Condition::Latency {
                of,
                quantile,
                above,
                clear,
                window,
                at_least,
            } => {
                let clear = clear.unwrap_or(above);
                let rest = Portion::of(1.0 - quantile);
                Self::Share(Share {
                    of,
                    fault: Fault::Slow { fire: above, clear },
                    fire: rest,
                    clear: rest,
                    window,
                    at_least,
                })
            }
            &Condition::TokensPerMinute {
                above,
                clear,
                window,
            } => Self::Total(Total::tokens(window, above, clear)),
            &Condition::CostPerHour {
                above,
                clear,
                window,
            } => Self::Total(Total::cost(window, above.picos(), clear.map(Usd::picos))),
            &Condition::QueueDepth {
                of: Queue::Tasks,
                above,
                clear,
                window,
            } => Self::Total(Total::waiting(window, above, clear)),
            &Condition::QueueDepth {
                of: Queue::Recorder,
                above,
                clear,
                ..
            } => Self::last(Source::Recorder, Limit::new(Side::Above, above, clear)),
            &Condition::Budget {
                period,
                share,
                amount: Some(amount),
            } => Self::Budget(Budget::new(period, amount, share)),
            &Condition::Budget {
                period,
                share,
                amount: None,
            } => Self::Crossing(Crossing {
                scope: scope(period),
                limit: Limit::new(Side::Reached, share, None),
            }),
            &Condition::ContextShare { share, clear } => {
                Self::last(Source::Context, Limit::new(Side::Reached, share, clear))
            }
            &Condition::ProviderDown { after, at_least } => Self::Down(Down { after, at_least }),
            Condition::BurnRate {
                of,
                objective,
                windows,
                at_least,
            } => Self::Burn(Burn {
                of: *of,
                budget: Portion::of(1.0 - objective),
                pairs: windows.clone(),
                at_least: *at_least,
            }),
            &Condition::Silence { after } => Self::Silence(after),
            Condition::Metric {
                name,
                bound,
                clear,
                stale,
            } => {
                let limit = match *bound {
                    Bound::Above(limit) => Limit::new(Side::Above, limit, *clear),
                    Bound::Below(limit) => Limit::new(Side::Below, limit, *clear),
                };
                Self::last(Source::Metric(name.clone(), *stale), limit)
            }
        }
    }

    const fn last(source: Source, limit: Limit) -> Self {
        Self::Last(Last { source, limit })
    }

    /// Nothing measured yet.
    pub(super) fn fresh(&self, now: Timestamp) -> Signal {
        match self {
            Self::Share(share) => Signal::Calls(Ring::new(share.window, now)),
            Self::Burn(burn) => {
                let pairs = burn.pairs.iter();
                let rings = pairs.map(|it| [Ring::new(it.long, now), Ring::new(it.short, now)]);
                Signal::Pairs(rings.collect())
            }
            Self::Total(total) => Signal::Sum(Ring::new(total.window, now)),
            Self::Last(_) => Signal::Value(Gauge::default()),
            Self::Crossing(_) => Signal::Shares(Shares::default()),
            Self::Budget(budget) => Signal::Spent(budget.fresh(now)),
            Self::Down(_) => Signal::Provider(Provider::default()),
            Self::Silence(_) => Signal::Sign(now),
        }
    }

    /// Whether a signal that was read from somewhere is one of this measure.
    pub(super) fn fits(&self, signal: &Signal) -> bool {
        match (self, signal) {
            (Self::Share(share), Signal::Calls(ring)) => ring.is_over(share.window),
            (Self::Burn(burn), Signal::Pairs(rings)) => {
                burn.pairs.len() == rings.len()
                    && burn.pairs.iter().zip(rings).all(|(pair, [long, short])| {
                        long.is_over(pair.long) && short.is_over(pair.short)
                    })
            }
            (Self::Total(total), Signal::Sum(ring)) => ring.is_over(total.window),
            (Self::Last(_), Signal::Value(_))
            | (Self::Crossing(_), Signal::Shares(_))
            | (Self::Budget(_), Signal::Spent(_))
            | (Self::Down(_), Signal::Provider(_))
            | (Self::Silence(_), Signal::Sign(_)) => true,
            _ => false,
        }
    }

    /// What a record adds, if it is about this.
    pub(super) fn sample(&self, body: &Body) -> Option<Sample> {
        match self {
            Self::Share(share) => share.tally(body).map(Sample::Tally),
            Self::Burn(burn) => burn.tally(body).map(Sample::Tally),
            Self::Total(total) => total.amount(body).map(Sample::Amount),
            Self::Last(last) => last.value(body).map(Sample::Value),
            Self::Crossing(crossing) => {
                let share = crossing.share(body);
                share.map(|(unit, share)| Sample::Share(unit, share))
            }
            Self::Budget(_) => match body {
                Body::ModelCall(it) => it.cost.map(Sample::Cost),
                _ => None,
            },
            Self::Down(_) => Word::of(body).map(Sample::Word),
            Self::Silence(_) => Some(Sample::Sign),
        }
    }

    /// Whether it says nothing about `now` any more. Windows and budgets know by themselves what is too old for them.
    pub(super) fn is_past(&self, sample: Sample, at: Timestamp, now: Timestamp) -> bool {
        match (self, sample) {
            (_, Sample::Value(_)) => at < now - LATENESS,
            (Self::Crossing(crossing), Sample::Share(..)) => crossing.until(at) <= now,
            (_, Sample::Word(word)) => word.is_past(at, now),
            _ => false,
        }
    }

    /// Whether it counts: `false` for what is too late.
    pub(super) fn add(&self, signal: &mut Signal, sample: Sample, at: Timestamp) -> bool {
        match (self, signal, sample) {
            (_, Signal::Calls(ring), Sample::Tally(tally)) => ring.add(at, tally),
            (_, Signal::Pairs(rings), Sample::Tally(tally)) => {
                let mut counts = false;
                for ring in rings.iter_mut().flatten() {
                    counts |= ring.add(at, tally);
                }
                counts
            }
            (_, Signal::Sum(ring), Sample::Amount(amount)) => ring.add(at, Sum(amount)),
            (Self::Last(last), Signal::Value(gauge), Sample::Value(value)) => {
                last.set(gauge, value, at)
            }
            (Self::Crossing(crossing), Signal::Shares(shares), Sample::Share(unit, share)) => {
                crossing.set(shares, unit, share, at)
            }
            (Self::Budget(budget), Signal::Spent(spent), Sample::Cost(cost)) => {
                budget.add(spent, cost, at)
            }
            (_, Signal::Provider(provider), Sample::Word(word)) => provider.hear(word, at),
            (_, Signal::Sign(last), Sample::Sign) => {
                *last = at.max(*last);
                true
            }
            _ => false,
        }
    }

    pub(super) fn read(&self, signal: &mut Signal, now: Timestamp) -> Reading {
        match (self, signal) {
            (Self::Share(share), Signal::Calls(ring)) => share.read(ring, now),
            (Self::Burn(burn), Signal::Pairs(rings)) => burn.read(rings, now),
            (Self::Total(total), Signal::Sum(ring)) => total.read(ring, now),
            (Self::Last(last), Signal::Value(gauge)) => last.read(gauge, now),
            (Self::Crossing(crossing), Signal::Shares(shares)) => crossing.read(shares, now),
            (Self::Budget(budget), Signal::Spent(spent)) => budget.read(spent, now),
            (Self::Down(down), Signal::Provider(provider)) => provider.read(down, now),
            (Self::Silence(after), Signal::Sign(last)) => {
                let passed = now.since(*last);
                Reading {
                    level: level(passed >= *after, passed >= *after),
                    value: Some(passed.as_secs_f64()),
                    limit: after.as_secs_f64(),
                }
            }
            // `fits` keeps others out.
            (_, signal) => {
                *signal = self.fresh(now);
                Limit::new(Side::Above, float(0), None).read(None)
            }
        }
    }

    /// When time alone may change the value next; `None` while it cannot.
    pub(super) fn due(&self, signal: &Signal, is_quiet: bool, now: Timestamp) -> Option<Timestamp> {
        match (self, signal) {
            // Good calls leave a window as well as bad ones, so that a share may rise by itself.
            (_, Signal::Calls(ring)) => (!ring.is_at_rest(is_quiet)).then(|| ring.next()),
            (_, Signal::Pairs(rings)) => {
                let rings = rings.iter().flatten().filter(|it| !it.is_at_rest(is_quiet));
                rings.map(Ring::next).min()
            }
            // A sum only falls.
            (_, Signal::Sum(ring)) => (!is_quiet).then(|| ring.next()),
            (_, Signal::Value(gauge)) => gauge.due(),
            (_, Signal::Shares(shares)) => shares.due(),
            (_, Signal::Spent(spent)) => spent.due(),
            (_, Signal::Provider(provider)) => provider.due(),
            (Self::Silence(after), Signal::Sign(last)) => {
                Some(*last + *after).filter(|due| *due > now)
            }
            (_, Signal::Sign(_)) => None,
        }
    }

    /// Leaves nothing in it that is ahead of `now`: the clock was set back.
    pub(super) fn rewind(&self, signal: &mut Signal, now: Timestamp) {
        match (self, signal) {
            (_, Signal::Calls(ring)) => ring.rewind(now),
            (_, Signal::Pairs(rings)) => {
                rings.iter_mut().flatten().for_each(|ring| ring.rewind(now));
            }
            (_, Signal::Sum(ring)) => ring.rewind(now),
            (Self::Last(last), Signal::Value(gauge)) => last.rewind(gauge, now),
            (Self::Crossing(crossing), Signal::Shares(shares)) => crossing.rewind(shares, now),
            (Self::Budget(budget), Signal::Spent(spent)) => budget.rewind(spent, now),
            (_, Signal::Provider(provider)) => provider.rewind(now),
            (_, Signal::Sign(last)) => *last = now.min(*last),
            // `fits` keeps others out.
            (_, signal) => *signal = self.fresh(now),
        }
    }
}

/// Whose crossings tell of a budget; there are none of a month.
const fn scope(period: BudgetPeriod) -> SpendScope {
    match period {
        BudgetPeriod::Session => SpendScope::Session,
        BudgetPeriod::Day | BudgetPeriod::Month => SpendScope::Day,
    }
}
