//! Operations of one sort into lines.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use super::slow::Slowest;
use super::speed::Speeds;
use super::{Operated, ProfileLine, Trend};
use crate::report::Percentiles;
use crate::report::times::Times;
use crate::{ModelCall, Record};

/// Lines that are told apart, and those that are shown.
const KNOWN: usize = 512;
const SHOWN: usize = 64;
/// Fewest successful operations of a period that has a trend.
const ENOUGH: u64 = 30;

/// Lines of one list.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    known: HashMap<Operated, Profile>,
    beyond: u64,
}

#[derive(Debug, Default)]
struct Profile {
    count: u64,
    failed: u64,
    time: Duration,
    latency: Times,
    first_token: Times,
    speeds: Speeds,
    slowest: Slowest,
    before: Times,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed<'a> {
    pub(super) record: &'a Record,
    pub(super) elapsed: Duration,
    pub(super) failed: bool,
    /// Whether it lies in the preceding period.
    pub(super) before: bool,
}

impl Profiles {
    pub(super) fn add(&mut self, of: Operated, it: Timed<'_>) {
        if let Some(profile) = self.profile(of, it) {
            profile.add(it);
        }
    }

    pub(super) fn add_call(&mut self, of: Operated, it: Timed<'_>, call: &ModelCall) {
        if let Some(profile) = self.profile(of, it) {
            profile.add(it);
            if !it.before && !it.failed {
                if let Some(first) = call.first_token {
                    profile.first_token.add(first);
                }
                profile.speeds.add(call);
            }
        }
    }

    fn profile(&mut self, of: Operated, it: Timed<'_>) -> Option<&mut Profile> {
        if self.known.len() >= KNOWN && !self.known.contains_key(&of) {
            self.beyond += u64::from(!it.before);
            return None;
        }
        Some(self.known.entry(of).or_default())
    }

    /// What took the most time first, then by number and name; the time of all, and how many operations
    /// are on no line.
    pub(super) fn finish(self) -> (Vec<ProfileLine>, Duration, u64) {
        let known = self.known.into_iter();
        let mut profiles: Vec<(Operated, Profile)> = known.filter(|(_, it)| it.count > 0).collect();
        profiles.sort_by(|(a, x), (b, y)| {
            (Reverse(x.time), Reverse(x.count), a).cmp(&(Reverse(y.time), Reverse(y.count), b))
        });
        let times = profiles.iter().map(|(_, it)| it.time);
        let time = times.fold(Duration::ZERO, Duration::saturating_add);
        let beyond: u64 = profiles.iter().skip(SHOWN).map(|(_, it)| it.count).sum();
        let shown = profiles.into_iter().take(SHOWN);
        let lines = shown.map(|(of, profile)| profile.line(of, time)).collect();
        (lines, time, self.beyond + beyond)
    }
}

impl Profile {
    fn add(&mut self, it: Timed<'_>) {
        if it.before {
            if !it.failed {
                self.before.add(it.elapsed);
            }
            return;
        }
        self.count += 1;
        self.failed += u64::from(it.failed);
        self.time = self.time.saturating_add(it.elapsed);
        if !it.failed {
            self.latency.add(it.elapsed);
        }
        self.slowest.add(it.record, it.elapsed, it.failed);
    }

    fn line(self, of: Operated, whole: Duration) -> ProfileLine {
        let latency = self.latency.percentiles();
        ProfileLine {
            of,
            count: self.count,
            failed: self.failed,
            time: self.time,
            time_share: times(self.time, whole),
            latency,
            trend: trend(latency, self.before.percentiles()),
            first_token: self.first_token.percentiles(),
            output: self.speeds.finish(),
            slowest: self.slowest.finish(),
        }
    }
}

/// How many times as long.
fn times(time: Duration, as_long: Duration) -> Option<f64> {
    (!as_long.is_zero()).then(|| time.as_secs_f64() / as_long.as_secs_f64())
}

fn trend(now: Option<Percentiles>, before: Option<Percentiles>) -> Option<Trend> {
    let (now, before) = (now?, before?);
    (now.count.min(before.count) >= ENOUGH).then(|| Trend {
        before,
        p50: times(now.p50, before.p50),
        p95: times(now.p95, before.p95),
    })
}
