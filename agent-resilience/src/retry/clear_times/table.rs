//! How long failures take to clear, learned; pure, with time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, Monotonic, ProviderId};

use super::{ClearTime, ClearTimesConfig, HintRule};
use crate::retry::step::Learned;

/// Failures further apart than this are not of one burst, and a success later than this after a
/// failure does not say when it cleared. The windows of providers that clear by themselves within a
/// conversation are a minute long; five are room for pauses in between.
const BURST_GAP: Duration = Duration::from_secs(300);

/// Below a hint only after this many samples: one may be chance, three that agree are not.
const SAMPLES_TO_UNDERCUT: u32 = 3;

/// An estimate is forgotten after so many half-lives, when a sixteenth of it is left.
const FORGOTTEN_AFTER: u32 = 4;

/// What a whole is counted in where shares are taken.
const WHOLE: u64 = 1_024;
/// The share of a sample that says "longer": too short a pause costs a call that fails, which some
/// providers count.
const LONGER: u64 = WHOLE / 4;
/// The share of a sample that says "shorter": too long a pause costs only time, and the first success
/// after a pause always comes later than the moment at which it had cleared.
const SHORTER: u64 = WHOLE / 8;

#[derive(Debug)]
pub(super) struct Table {
    config: ClearTimesConfig,
    // A list: it is short, and only searched after failures.
    entries: Vec<Entry>,
    evicted: u64,
}

#[derive(Debug)]
struct Entry {
    provider: ProviderId,
    kind: FailureKind,
    burst: Option<Burst>,
    estimate: Option<Estimate>,
    touched: Monotonic,
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    first: Monotonic,
    last: Monotonic,
}

#[derive(Debug, Clone, Copy)]
struct Estimate {
    time: Duration,
    samples: u32,
    at: Monotonic,
}

impl Table {
    pub(super) fn new(config: ClearTimesConfig) -> Self {
        Self {
            config,
            entries: Vec::new(),
            evicted: 0,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bursts that no success has ended yet.
    pub(super) fn open(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.burst.is_some())
            .count()
    }

    pub(super) fn failed(&mut self, provider: &ProviderId, kind: FailureKind, now: Monotonic) {
        let Some(entry) = self.entry(provider, kind, now) else {
            return;
        };
        entry.touched = now;
        match &mut entry.burst {
            Some(burst) if now.since(burst.last) <= BURST_GAP => burst.last = burst.last.max(now),
            burst => {
                *burst = Some(Burst {
                    first: now,
                    last: now,
                });
            }
        }
    }

    pub(super) fn succeeded(&mut self, provider: &ProviderId, began: Monotonic) {
        let half_life = self.config.half_life;
        for entry in &mut self.entries {
            let Some(burst) = entry.burst else { continue };
            if began.since(burst.last) > BURST_GAP {
                entry.burst = None;
            } else if entry.provider == *provider && began >= burst.last {
                // A call from before the last failure would not say that it has cleared. It did so
                // at some time between that failure and this call; the middle errs least.
                entry.burst = None;
                let seen = (burst.last.since(burst.first) + began.since(burst.first)) / 2;
                entry.estimate = Some(Estimate::mixed(entry.estimate, seen, began, half_life));
            }
        }
    }

    pub(super) fn expected(
        &self,
        provider: &ProviderId,
        kind: FailureKind,
        now: Monotonic,
    ) -> Option<Learned> {
        let entry = self.entries.iter().find(|entry| entry.is(provider, kind))?;
        let estimate = entry.estimate?;
        if now.since(estimate.at) >= self.config.half_life.saturating_mul(FORGOTTEN_AFTER) {
            return None;
        }
        let passed = entry
            .burst
            .map_or(Duration::ZERO, |burst| now.since(burst.first));
        let mut learned = Learned::new(estimate.time.saturating_sub(passed));
        learned.may_undercut_hint =
            self.config.hints == HintRule::MayUndercut && estimate.samples >= SAMPLES_TO_UNDERCUT;
        Some(learned)
    }

    pub(super) fn all(&self) -> Vec<ClearTime> {
        let known = self.entries.iter().filter_map(|entry| {
            let Estimate { time, samples, at } = entry.estimate?;
            Some(ClearTime {
                provider: entry.provider.clone(),
                kind: entry.kind,
                time,
                samples,
                at,
            })
        });
        known.collect()
    }

    /// The entry of a key, made where there is none; the one that was longest unused makes room.
    fn entry(
        &mut self,
        provider: &ProviderId,
        kind: FailureKind,
        now: Monotonic,
    ) -> Option<&mut Entry> {
        let known = self
            .entries
            .iter()
            .position(|entry| entry.is(provider, kind));
        let index = if let Some(index) = known {
            index
        } else {
            let fresh = Entry {
                provider: provider.clone(),
                kind,
                burst: None,
                estimate: None,
                touched: now,
            };
            if self.entries.len() < self.config.max_keys.get() {
                self.entries.push(fresh);
                self.entries.len() - 1
            } else {
                let ages = self.entries.iter().enumerate();
                let (oldest, _) = ages.min_by_key(|(_, entry)| entry.touched)?;
                *self.entries.get_mut(oldest)? = fresh;
                self.evicted = self.evicted.saturating_add(1);
                oldest
            }
        };
        self.entries.get_mut(index)
    }
}

impl Entry {
    fn is(&self, provider: &ProviderId, kind: FailureKind) -> bool {
        self.kind == kind && self.provider == *provider
    }
}

impl Estimate {
    /// `old + share * (seen - old)`, where the share is a quarter or an eighth and grows towards one
    /// as the old estimate ages.
    fn mixed(old: Option<Self>, seen: Duration, now: Monotonic, half_life: Duration) -> Self {
        let Some(old) = old else {
            return Self {
                time: seen,
                samples: 1,
                at: now,
            };
        };
        let share = if seen > old.time { LONGER } else { SHORTER };
        let kept = (WHOLE - share) * left_of(now.since(old.at), half_life) / WHOLE;
        let mix = |old: u128, seen: u128| {
            let (kept, whole) = (u128::from(kept), u128::from(WHOLE));
            (old * kept + seen * (whole - kept)) / whole
        };
        let nanos = mix(old.time.as_nanos(), seen.as_nanos());
        Self {
            time: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            samples: old.samples.saturating_add(1),
            at: now,
        }
    }
}

/// What is left of a [`WHOLE`] after `age`: half after each half-life, on a straight line in between,
/// which every machine computes alike.
fn left_of(age: Duration, half_life: Duration) -> u64 {
    let (age, half_life) = (age.as_nanos(), half_life.as_nanos().max(1));
    let Ok(halvings) = u32::try_from(age / half_life) else {
        return 0;
    };
    let whole = WHOLE.checked_shr(halvings).unwrap_or(0);
    let gone = u128::from(whole) * (age % half_life) / half_life / 2;
    whole - u64::try_from(gone).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_estimate_weighs_less() {
        let half_life = Duration::from_secs(60);
        let left = |seconds| left_of(Duration::from_secs(seconds), half_life);
        assert_eq!([0, 30, 60, 90, 120].map(left), [1_024, 768, 512, 384, 256]);
        assert_eq!(left(u64::MAX), 0);
        assert_eq!(left_of(Duration::from_secs(1), Duration::ZERO), 0);
    }

    #[test]
    fn samples_mix_by_the_documented_shares() {
        let second = Duration::from_secs(1);
        let at = |seconds: u64| Monotonic::from_nanos(seconds * 1_000_000_000);
        let hour = 3_600 * second;
        let first = Estimate::mixed(None, 20 * second, at(0), hour);
        assert_eq!((first.time, first.samples), (20 * second, 1));
        let longer = Estimate::mixed(Some(first), 60 * second, at(0), hour);
        assert_eq!((longer.time, longer.samples), (30 * second, 2));
        let shorter = Estimate::mixed(Some(first), 4 * second, at(0), hour);
        assert_eq!(shorter.time, 18 * second);
        // After a half-life the old one counts half: 20 * 7/16 + 4 * 9/16.
        let aged = Estimate::mixed(Some(first), 4 * second, at(3_600), hour);
        assert_eq!(aged.time, 11 * second);
    }
}
