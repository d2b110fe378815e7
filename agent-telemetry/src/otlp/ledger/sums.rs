//! What calls told of one model in one session, against what metrics told of it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use agent_primitives::Timestamp;

use super::super::seen::Bucket;
use super::amounts::{Amounts, share};
use super::field::fields;

/// Metrics that tell of one model.
const SOURCES: usize = 16;
/// Amounts that wait for calls that explain them. Those beyond are due at once.
const WAITING: usize = 256;
/// What calls round their cost to, in pico-dollars. Metrics have it with all decimals.
const ROUNDED: u64 = 1_000_000;

/// What one metric told so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Source {
    name: Cow<'static, str>,
    arrived: Telling,
    /// What is old enough: no call explains it any more.
    due: Telling,
}

/// As metrics tell it. Their input may be with or without the cache, their output with or without reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Telling {
    disjoint: Amounts,
    inclusive: u64,
    exclusive: u64,
    calls: u64,
}

fields!(Source { name, arrived, due });
fields!(Telling {
    disjoint,
    inclusive,
    exclusive,
    calls
});

impl Telling {
    fn add(&mut self, bucket: Bucket, amount: u64) {
        let sum = match bucket {
            Bucket::Input => &mut self.disjoint.input,
            Bucket::InputInclusive => &mut self.inclusive,
            Bucket::CacheRead => &mut self.disjoint.cache_read,
            Bucket::CacheWrite => &mut self.disjoint.cache_write,
            Bucket::Output => &mut self.disjoint.output,
            Bucket::Reasoning => &mut self.disjoint.reasoning,
            Bucket::OutputExclusive => &mut self.exclusive,
            Bucket::Cost => &mut self.disjoint.cost,
            Bucket::Calls => &mut self.calls,
        };
        *sum = sum.saturating_add(amount);
    }

    fn larger(self, other: Self) -> Self {
        Self {
            disjoint: self.disjoint.larger(other.disjoint),
            inclusive: self.inclusive.max(other.inclusive),
            exclusive: self.exclusive.max(other.exclusive),
            calls: self.calls.max(other.calls),
        }
    }

    /// In disjoint buckets; and all input, of which the buckets may be a part.
    fn told(self) -> (Amounts, u64) {
        let mut told = self.disjoint;
        if self.exclusive > 0 {
            let output = self.exclusive.saturating_add(told.reasoning);
            told.output = told.output.max(output);
        }
        (told, told.inclusive().max(self.inclusive))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    /// `None` until the clock is known.
    since: Option<Timestamp>,
    source: usize,
    bucket: Bucket,
    amount: u64,
}

/// The account of one model. What was recorded of each bucket is `calls + extra`: what calls told, each of them once,
/// and what was recorded without a call and that no call explained since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    calls: Amounts,
    extra: Amounts,
    /// Recorded without a call as uncached input, though it may have been cached.
    loan: u64,
    /// Tokens recorded without a call whose cost was not told.
    unpriced_extra: u64,
    /// A call with tokens came without its cost: metrics of cost are no measure any more.
    unpriced_calls: bool,
    /// How often calls told a cost, each of them rounded.
    costs: u64,
    sources: Vec<Source>,
    /// All that waits counts as just arrived after a restart.
    waiting: VecDeque<Waiting>,
}

fields!(
    Sums {
        calls,
        extra,
        loan,
        unpriced_extra,
        unpriced_calls,
        costs,
        sources
    }..Self::default()
);

impl Sums {
    /// Takes usage that calls tell, and gives what of it is to be recorded. Its cost is not told where it is `None`.
    pub(super) fn count(&mut self, told: Amounts, is_priced: bool) -> Amounts {
        self.calls = self.calls.plus(told);
        let mut taken = told.smaller(self.extra);
        self.extra = self.extra.minus(taken);
        for (bucket, told) in [
            (&mut taken.input, told.input),
            (&mut taken.cache_write, told.cache_write),
            (&mut taken.cache_read, told.cache_read),
        ] {
            let more = (told - *bucket).min(self.loan);
            *bucket += more;
            self.loan -= more;
        }
        let mut rest = told.minus(taken);
        let tokens = taken.tokens();
        if is_priced {
            let unpriced = tokens.min(self.unpriced_extra);
            self.unpriced_extra -= unpriced;
            rest.cost -= share(rest.cost, unpriced, told.tokens());
            self.costs = self.costs.saturating_add(1);
        } else {
            // How much was paid for these tokens is not known: it stays to be explained by calls that tell theirs.
            self.unpriced_calls |= rest.tokens() > 0;
        }
        rest
    }

    /// Takes back what was counted of a call, because it was another call told before. It stays recorded. How much that
    /// was.
    pub(super) fn retract(&mut self, told: Amounts, is_priced: bool) -> Amounts {
        let told = told.smaller(self.calls);
        self.calls = self.calls.minus(told);
        self.extra = self.extra.plus(told);
        if !is_priced {
            self.unpriced_extra = self.unpriced_extra.saturating_add(told.tokens());
        }
        told
    }

    /// `false` if there are too many metrics to know one more.
    pub(super) fn add(&mut self, source: &'static str, bucket: Bucket, amount: u64) -> bool {
        let known = self.sources.iter().position(|it| it.name == source);
        let place = known.unwrap_or(self.sources.len());
        if place == SOURCES {
            return false;
        }
        if known.is_none() {
            let name = Cow::Borrowed(source);
            self.sources.push(Source {
                name,
                ..Source::default()
            });
        }
        if let Some(source) = self.sources.get_mut(place) {
            source.arrived.add(bucket, amount);
        }
        if bucket != Bucket::Calls {
            self.waiting.push_back(Waiting {
                since: None,
                source: place,
                bucket,
                amount,
            });
        }
        if self.waiting.len() > WAITING {
            self.mature_oldest();
        }
        true
    }

    fn mature_oldest(&mut self) {
        if let Some(oldest) = self.waiting.pop_front()
            && let Some(source) = self.sources.get_mut(oldest.source)
        {
            source.due.add(oldest.bucket, oldest.amount);
        }
    }

    /// Whether more is due than before.
    pub(super) fn mature(&mut self, now: Timestamp, grace: Duration) -> bool {
        for waiting in self.waiting.iter_mut().rev() {
            if waiting.since.is_some() {
                break;
            }
            waiting.since = Some(now);
        }
        let before = self.waiting.len();
        while let Some(Waiting {
            since: Some(since), ..
        }) = self.waiting.front()
            && now.since(*since) >= grace
        {
            self.mature_oldest();
        }
        self.waiting.len() < before
    }

    /// All is due.
    pub(super) fn mature_all(&mut self) -> bool {
        let any = !self.waiting.is_empty();
        while !self.waiting.is_empty() {
            self.mature_oldest();
        }
        any
    }

    /// About how many bytes a mark of it has.
    pub(super) fn weight(&self) -> usize {
        1_024 + 800 * self.sources.len()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What metrics told that is due and not recorded; counts as recorded from now on.
    pub(super) fn excess(&mut self) -> Amounts {
        let (told, input) = self
            .sources
            .iter()
            .fold(Telling::default(), |sum, it| sum.larger(it.due))
            .told();
        let recorded = self.calls.plus(self.extra);
        let missing = told.minus(recorded);
        let mut input = input.saturating_sub(recorded.inclusive().saturating_add(self.loan));
        let mut excess = Amounts {
            output: missing.output,
            reasoning: missing.reasoning.min(missing.output),
            ..Amounts::default()
        };
        let extra = &mut self.extra;
        for (missing, extra, excess) in [
            (
                missing.cache_read,
                &mut extra.cache_read,
                &mut excess.cache_read,
            ),
            (
                missing.cache_write,
                &mut extra.cache_write,
                &mut excess.cache_write,
            ),
            (missing.input, &mut extra.input, &mut excess.input),
        ] {
            let repaid = missing.min(self.loan);
            self.loan -= repaid;
            *excess = (missing - repaid).min(input);
            input -= *excess;
            *extra = extra.saturating_add(repaid).saturating_add(*excess);
        }
        self.loan = self.loan.saturating_add(input);
        excess.input = excess.input.saturating_add(input);
        extra.output = extra.output.saturating_add(excess.output);
        extra.reasoning = extra.reasoning.saturating_add(excess.reasoning);
        if self.tells_cost() {
            let rounded = self.costs.saturating_mul(ROUNDED);
            if excess.tokens() > 0 || missing.cost > rounded {
                excess.cost = missing.cost;
                self.extra.cost = self.extra.cost.saturating_add(missing.cost);
            }
        } else {
            self.unpriced_extra = self.unpriced_extra.saturating_add(excess.tokens());
        }
        excess
    }

    /// Whether metrics say what usage without a call costs.
    pub(super) fn tells_cost(&self) -> bool {
        !self.unpriced_calls && self.sources.iter().any(|it| it.arrived.disjoint.cost > 0)
    }

    /// What calls told, and what metrics told so far.
    pub(super) fn told(&self) -> (Amounts, Amounts) {
        let all = self
            .sources
            .iter()
            .fold(Telling::default(), |sum, it| sum.larger(it.arrived));
        let (mut told, input) = all.told();
        told.input = told
            .input
            .saturating_add(input.saturating_sub(told.inclusive()));
        (self.calls, told)
    }

    /// Recorded without a call so far, and not explained since.
    pub(super) fn unexplained(&self) -> Amounts {
        let mut extra = self.extra;
        extra.input = extra.input.saturating_add(self.loan);
        extra
    }

    /// Calls that metrics told.
    pub(super) fn calls_by_metrics(&self) -> u64 {
        self.sources
            .iter()
            .map(|it| it.arrived.calls)
            .max()
            .unwrap_or(0)
    }

    /// After a restart: what arrived and is not due waits again.
    pub(super) fn resume(&mut self) {
        self.sources.truncate(SOURCES);
        self.waiting.clear();
        for (place, source) in self.sources.iter().enumerate() {
            let (arrived, due) = (&source.arrived, &source.due);
            let rest = arrived.disjoint.minus(due.disjoint);
            for (bucket, amount) in [
                (Bucket::Input, rest.input),
                (Bucket::CacheRead, rest.cache_read),
                (Bucket::CacheWrite, rest.cache_write),
                (Bucket::Output, rest.output),
                (Bucket::Reasoning, rest.reasoning),
                (Bucket::Cost, rest.cost),
                (
                    Bucket::InputInclusive,
                    arrived.inclusive.saturating_sub(due.inclusive),
                ),
                (
                    Bucket::OutputExclusive,
                    arrived.exclusive.saturating_sub(due.exclusive),
                ),
            ] {
                if amount > 0 {
                    let since = None;
                    self.waiting.push_back(Waiting {
                        since,
                        source: place,
                        bucket,
                        amount,
                    });
                }
            }
        }
    }
}
