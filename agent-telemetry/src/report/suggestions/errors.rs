//! Failures that recur.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, Usd};

use super::super::interval::Share;
use super::super::seen::Seen;
use super::gain::Told;
use super::remedies::remedy;
use super::{Finding, LookedAt, SuggestConfig, Suggestion, SuggestionKind};
use crate::stats::layout::{count, money, plural};
use crate::{Body, ErrorsReport, Evidence, Record};

#[derive(Debug, Default)]
pub(super) struct Errors {
    attempts: u64,
    calls: u64,
    kinds: BTreeMap<FailureKind, OfKind>,
}

#[derive(Debug, Default)]
struct OfKind {
    attempts: u64,
    calls: u64,
    attempts_time: Duration,
    calls_time: Duration,
    pauses: Duration,
    cost: Usd,
    evidence: Evidence,
}

impl Errors {
    pub(super) fn add(&mut self, record: &Record, seen: &mut Seen) {
        let kind = match &record.body {
            Body::Attempt(it) => {
                self.attempts += 1;
                it.failure
            }
            Body::ModelCall(it) if !it.is_unexplained() => {
                self.calls += 1;
                it.failure
            }
            Body::Retry(it) => Some(it.failure),
            _ => None,
        };
        let Some(kind) = kind else {
            return;
        };
        let of = self.kinds.entry(kind).or_default();
        match &record.body {
            Body::Attempt(it) => {
                of.attempts += 1;
                of.attempts_time = of.attempts_time.saturating_add(it.elapsed);
            }
            Body::ModelCall(it) => {
                of.calls += 1;
                of.calls_time = of.calls_time.saturating_add(it.latency);
                of.cost += it.cost.unwrap_or_default();
            }
            Body::Retry(it) => of.pauses = of.pauses.saturating_add(it.delay),
            _ => {}
        }
        seen.add(("failure", kind), record, &mut of.evidence);
    }

    pub(super) fn suggest(
        self,
        config: &SuggestConfig,
        told: Told,
        recoveries: &ErrorsReport,
        found: &mut Vec<Suggestion>,
    ) -> LookedAt {
        let mut looked = LookedAt {
            kind: SuggestionKind::RecurringError,
            candidates: self.kinds.len() as u64,
            enough: 0,
            takes: format!(
                "{} of one kind, and more than {:.1} % of all attempts or calls",
                plural(config.failures, "failure"),
                config.failure_share * 100.0
            ),
            nearest: None,
        };
        for (kind, of) in self.kinds {
            // Where attempts are recorded, each failed call is some of them.
            let (failed, all) = if of.attempts > 0 {
                (of.attempts, self.attempts)
            } else {
                (of.calls, self.calls)
            };
            let share = Share::new(failed, all);
            let (Some(value), Some(interval)) = (share.value(), share.interval()) else {
                continue;
            };
            looked.enough += u64::from(failed >= config.failures);
            let recurs = failed >= config.failures && interval.low > config.failure_share;
            let Some((remedy, page)) = remedy(kind).filter(|_| recurs) else {
                continue;
            };
            let time = if of.attempts > 0 {
                of.attempts_time
            } else {
                of.calls_time
            };
            let time = time.saturating_add(of.pauses);
            let noun = if of.attempts > 0 { "attempt" } else { "call" };
            let whole = match of.calls {
                calls if calls > 0 && of.attempts > 0 => {
                    format!(", and {} with them", plural(calls, "whole call"))
                }
                _ => String::new(),
            };
            let text = format!(
                "{} of {} ended with {kind} ({:.1} %){whole}: {remedy}.",
                count(failed),
                plural(all, noun),
                value * 100.0,
            );
            let cost = if of.cost > Usd::ZERO {
                format!(" The calls cost {}.", money(of.cost))
            } else {
                String::new()
            };
            let line = recoveries.kinds.iter().find(|line| line.kind == kind);
            let (overcome, followed) =
                line.map_or((0, 0), |line| (line.recovery.recovered, line.failures));
            let overcome_so_far = match followed {
                0 => String::new(),
                of => format!(
                    " As things are, the next call succeeded after {} of {} such calls.",
                    count(overcome),
                    count(of)
                ),
            };
            let finding = Finding::RecurringError {
                failure: kind,
                attempts: of.attempts,
                calls: of.calls,
                share: value,
                interval,
                failures: followed,
                overcome,
                time,
                cost: of.cost,
                remedy: remedy.to_owned(),
                page: page.to_owned(),
            };
            found.push(Suggestion {
                kind: finding.kind(),
                text,
                gain: told.at_most(of.cost, time, failed),
                confidence: format!(
                    "{:.1} to {:.1} % of them fail so (95 %).{overcome_so_far}{cost} How: the resilience crate, {page}.",
                    interval.low * 100.0,
                    interval.high * 100.0
                ),
                finding,
                evidence: of.evidence,
            });
        }
        looked
    }
}
