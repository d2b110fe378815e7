//! Broken rules, and whether they were mended.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use agent_primitives::{AgentId, Timestamp};

use super::super::interval::Share;
use super::seen::Seen;
use super::{FixLine, Percentiles, QualityLeftOut};
use crate::{Evidence, ExponentialHistogram, Record, Severity, Violation};

/// Rules, files and agents that are told apart, and those that are shown.
const KNOWN: usize = 1_024;
const SHOWN: usize = 256;
/// Violations that may be mended later, and mended ones that may be told again.
const UNMENDED: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Violations {
    all: Fixes,
    severities: List<Severity>,
    rules: List<String>,
    files: List<Option<String>>,
    agents: List<Option<AgentId>>,
    /// By what makes two of them one, as 64 bits.
    unmended: HashMap<u64, Unmended>,
    beyond: u64,
    /// What is mended, by the session that did it.
    mended: HashSet<u64>,
    mended_beyond: u64,
}

/// One that was found and not mended yet.
#[derive(Debug)]
struct Unmended {
    at: Timestamp,
    /// Who was at work then.
    agent: Option<AgentId>,
}

#[derive(Debug)]
struct List<K> {
    known: BTreeMap<K, Fixes>,
    left_out: u64,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            left_out: 0,
        }
    }
}

#[derive(Debug, Default)]
struct Fixes {
    found: u64,
    seen_again: u64,
    fixed: u64,
    times_ns: ExponentialHistogram,
    evidence: Evidence,
}

/// What a record says of a violation.
#[derive(Debug, Clone, Copy)]
enum Said {
    Found,
    FoundAndMended,
    SeenAgain,
    Mended { after: Duration },
}

/// What the report says of all of them.
pub(super) struct Told {
    pub(super) found: u64,
    pub(super) fixed: u64,
    pub(super) severities: Vec<FixLine<Severity>>,
    pub(super) rules: Vec<FixLine<String>>,
    pub(super) files: Vec<FixLine<Option<String>>>,
    pub(super) agents: Vec<FixLine<Option<AgentId>>>,
}

impl Violations {
    /// Whether it is one that was not known before.
    pub(super) fn add(&mut self, record: &Record, it: &Violation, seen: &mut Seen) -> bool {
        let Some((said, agent)) = self.said(record, it) else {
            return false;
        };
        self.all.add(said);
        let rule = it.kind.as_ref().to_owned();
        let file = it.file.as_deref().map(str::to_owned);
        self.severities
            .add("severity", it.severity, said, record, seen);
        self.rules.add("rule", rule, said, record, seen);
        self.files.add("file", file, said, record, seen);
        self.agents.add("agent", agent, said, record, seen);
        matches!(said, Said::Found | Said::FoundAndMended)
    }

    /// With whose work it is in; `None` for what the session has said before.
    fn said(&mut self, record: &Record, it: &Violation) -> Option<(Said, Option<AgentId>)> {
        let key = same(record, it);
        if it.fixed {
            let is_new = self.mend(record, key);
            return match self.unmended.remove(&key) {
                Some(found) => {
                    let after = record.at.since(found.at);
                    Some((Said::Mended { after }, found.agent))
                }
                // What another session mended before was there anew.
                None => is_new.then(|| (Said::FoundAndMended, record.agent.clone())),
            };
        }
        if let Some(found) = self.unmended.get(&key) {
            return Some((Said::SeenAgain, found.agent.clone()));
        }
        if self.unmended.len() < UNMENDED {
            let (at, agent) = (record.at, record.agent.clone());
            self.unmended.insert(key, Unmended { at, agent });
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
        Some((Said::Found, record.agent.clone()))
    }

    /// Whether the session has not said that before.
    fn mend(&mut self, record: &Record, key: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        (key, &record.session).hash(&mut hasher);
        let by = hasher.finish();
        if self.mended.len() < UNMENDED {
            return self.mended.insert(by);
        }
        let is_new = !self.mended.contains(&by);
        self.mended_beyond = self.mended_beyond.saturating_add(u64::from(is_new));
        is_new
    }

    pub(super) fn finish(self, left_out: &mut QualityLeftOut) -> Told {
        left_out.unmended = self.beyond;
        left_out.mended = self.mended_beyond;
        let beyond = &mut left_out.violations;
        let mut severities = self.severities.finish(beyond);
        severities.sort_by_key(|line| Reverse(line.of));
        Told {
            found: self.all.found,
            fixed: self.all.fixed,
            severities,
            rules: self.rules.finish(beyond),
            files: self.files.finish(beyond),
            agents: self.agents.finish(beyond),
        }
    }
}

/// The same for two records of one violation, whether it is mended or not. One at no known place is another
/// one in each session.
fn same(record: &Record, it: &Violation) -> u64 {
    let mut hasher = DefaultHasher::new();
    let within = it.file.is_none().then_some(&record.session);
    (&record.project, within, &it.kind, it.severity).hash(&mut hasher);
    (&it.message, &it.file, it.line).hash(&mut hasher);
    hasher.finish()
}

impl<K: Ord + Clone + Hash> List<K> {
    fn add(&mut self, list: &str, of: K, said: Said, record: &Record, seen: &mut Seen) {
        let is_found = matches!(said, Said::Found | Said::FoundAndMended);
        if self.known.len() >= KNOWN && !self.known.contains_key(&of) {
            self.left_out = self.left_out.saturating_add(u64::from(is_found));
            return;
        }
        let fixes = self.known.entry(of.clone()).or_default();
        fixes.add(said);
        if is_found {
            seen.add((list, of), record, &mut fixes.evidence);
        }
    }

    /// The most frequent first; equally frequent ones in the order of names.
    fn finish(self, left_out: &mut u64) -> Vec<FixLine<K>> {
        let mut known: Vec<(K, Fixes)> = self.known.into_iter().collect();
        known.sort_by_key(|(_, fixes)| Reverse(fixes.found));
        let beyond = known.iter().skip(SHOWN).map(|(_, fixes)| fixes.found);
        *left_out = left_out.saturating_add(beyond.sum::<u64>() + self.left_out);
        known.truncate(SHOWN);
        known
            .into_iter()
            .map(|(of, fixes)| fixes.line(of))
            .collect()
    }
}

impl Fixes {
    fn add(&mut self, said: Said) {
        match said {
            Said::Found => self.found += 1,
            Said::FoundAndMended => {
                self.found += 1;
                self.fixed += 1;
            }
            Said::SeenAgain => self.seen_again += 1,
            Said::Mended { after } => {
                self.fixed += 1;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a histogram holds floating-point numbers"
                )]
                self.times_ns.record(after.as_nanos() as f64);
            }
        }
    }

    fn line<K>(self, of: K) -> FixLine<K> {
        let share = Share::new(self.fixed, self.found);
        let time = |q: f64| {
            let nanos = self.times_ns.quantile(q)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and saturating"
            )]
            Some(Duration::from_nanos(nanos.round() as u64))
        };
        FixLine {
            of,
            found: self.found,
            seen_again: self.seen_again,
            fixed: self.fixed,
            fix_rate: share.value(),
            fix_interval: share.interval(),
            fix_time: Percentiles::of(self.times_ns.count(), time),
            evidence: self.evidence,
        }
    }
}
