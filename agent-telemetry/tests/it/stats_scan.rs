//! What decisions, work, providers and checkpoints come to, counted the slow way, sharing no code with
//! the crate; and the same from the database.

#![allow(clippy::indexing_slicing, reason = "test code: a missing line fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent_primitives::{BreakerState, Usd};
use agent_telemetry::{
    Body, Decision, DecisionOutcome, FilesChanged, Latency, ModelCall, Outcome, ProjectId, Record,
    Stats, TaskTiming,
};
use proptest::prelude::*;

use crate::arbitrary;
use crate::story::session_id;

/// Of all records, what `pick` takes from each.
fn all<'a, T>(records: &'a [Record], pick: impl Fn(&'a Record) -> Option<T>) -> Vec<T> {
    records.iter().filter_map(pick).collect()
}

fn sum(parts: &[u64]) -> u64 {
    let sum: u128 = parts.iter().copied().map(u128::from).sum();
    sum.try_into().unwrap_or(u64::MAX)
}

fn check_times(found: Option<Latency>, mut times: Vec<Duration>) {
    times.sort_unstable();
    let exact = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    let expected = (!times.is_empty()).then(|| [exact(50), exact(95), exact(100)]);
    assert_eq!(found.map(|it| [it.p50, it.p95, it.max]), expected);
}

fn check_mean(found: Option<f64>, values: &[f64]) {
    #[expect(clippy::cast_precision_loss, reason = "a few values")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    match found {
        Some(found) => assert!((found - mean).abs() < 1e-6, "{found} {mean}"),
        None => assert!(values.is_empty()),
    }
}

fn check_work(records: &[Record], stats: &Stats) {
    let work = &stats.work;
    let changed = all(records, |it| match &it.body {
        Body::FilesChanged(it) => Some(*it),
        _ => None,
    });
    let of = |part: fn(&FilesChanged) -> u64| sum(&changed.iter().map(part).collect::<Vec<_>>());
    assert_eq!(work.changes, changed.len() as u64);
    assert_eq!(
        [work.files, work.lines_added, work.lines_removed],
        [
            of(|it| it.files),
            of(|it| it.lines_added),
            of(|it| it.lines_removed)
        ]
    );
    let timed = all(records, |it| match &it.body {
        Body::TaskTiming(it) => Some(*it),
        _ => None,
    });
    assert_eq!(work.tasks, timed.len() as u64);
    check_times(work.queued, timed.iter().map(|it| it.queued).collect());
    check_times(work.ran, timed.iter().map(|it| it.ran).collect());
    let stretches = all(records, |it| match &it.body {
        Body::SessionEnd(it) => Some(it.elapsed),
        _ => None,
    });
    assert_eq!(work.stretches, stretches.len() as u64);
    check_times(work.stretch, stretches);
    let tasks = all(records, |it| match &it.body {
        Body::SessionStart(task) | Body::SessionResume(task) => Some((it, task)),
        _ => None,
    });
    let under = tasks.iter().filter(|(_, task)| task.parent.is_some());
    let under: BTreeSet<_> = under
        .map(|(it, _)| (&it.project, &it.session, &it.agent))
        .collect();
    assert_eq!(work.subagents, under.len() as u64);
    let users: BTreeSet<_> = tasks.iter().filter_map(|(_, task)| task.user).collect();
    assert_eq!(work.users, users.len() as u64);
}

/// Each project is as if it had been alone.
fn check_projects(records: &[Record], stats: &Stats) {
    let names: BTreeSet<Option<&ProjectId>> =
        records.iter().map(|it| it.project.as_ref()).collect();
    let lines = &stats.work.projects;
    assert_eq!(
        lines
            .iter()
            .map(|it| it.project.as_ref())
            .collect::<BTreeSet<_>>(),
        names
    );
    assert_eq!(lines.len(), names.len());
    assert!(lines.is_sorted_by_key(|line| std::cmp::Reverse(line.cost)));
    for line in lines {
        let own = records.iter().filter(|it| it.project == line.project);
        let own: Vec<Record> = own.cloned().collect();
        let alone = Stats::of(&own);
        let broken = alone
            .quality
            .violations
            .iter()
            .map(|it| it.found)
            .sum::<u64>();
        assert_eq!(
            [
                line.sessions,
                line.successes,
                line.model_calls,
                line.tool_calls,
                line.violations
            ],
            [
                alone.overview.sessions,
                alone.outcomes.success,
                alone.overview.model_calls,
                alone.overview.tool_calls,
                broken
            ]
        );
        assert_eq!(
            [
                line.files,
                line.lines_added,
                line.lines_removed,
                line.unpriced_calls
            ],
            [
                alone.work.files,
                alone.work.lines_added,
                alone.work.lines_removed,
                alone.cost.unpriced_calls
            ]
        );
        assert_eq!(line.cost, alone.cost.total);
    }
}

fn check_decisions(records: &[Record], stats: &Stats) {
    let told = |of: &Record, id: &str| {
        let mut later = records.iter().rev().filter_map(|it| match &it.body {
            Body::DecisionOutcome(outcome) if outcome.decision == id => Some((it, outcome)),
            _ => None,
        });
        later.find(|(it, _)| (&it.project, &it.session) == (&of.project, &of.session))
    };
    let made = all(records, |it| match &it.body {
        Body::Decision(decision) => Some((it, decision)),
        _ => None,
    });
    let figures = &stats.decisions;
    assert_eq!(
        (figures.made, figures.outcomes.total()),
        (made.len() as u64, figures.made)
    );
    let mut choices: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (record, decision) in &made {
        let choice = decision.choice.as_deref();
        choices
            .entry((&*decision.subject, choice))
            .or_default()
            .push((*record, *decision));
    }
    assert_eq!(figures.by_choice.len(), choices.len());
    for line in &figures.by_choice {
        let of = &choices[&(line.subject.as_str(), line.choice.as_deref())];
        let outcomes: Vec<_> = of.iter().map(|(it, made)| told(it, &made.id)).collect();
        let ended = |how| {
            outcomes
                .iter()
                .filter(|it| it.map(|(_, it)| it.outcome) == how)
                .count() as u64
        };
        assert_eq!(line.times, of.len() as u64);
        let it = line.outcomes;
        assert_eq!(
            [it.success, it.escalated, it.failed, it.aborted, it.open],
            [
                ended(Some(Outcome::Success)),
                ended(Some(Outcome::Escalated)),
                ended(Some(Outcome::Failed)),
                ended(Some(Outcome::Aborted)),
                ended(None)
            ]
        );
        let scores = outcomes
            .iter()
            .filter_map(|it| it.and_then(|(_, it)| it.score));
        check_mean(line.score, &scores.collect::<Vec<_>>());
        let sure: Vec<f64> = of.iter().filter_map(|(_, it)| it.confidence).collect();
        check_mean(line.confidence, &sure);
        let expected = of.iter().filter_map(|(_, it)| {
            it.candidates
                .iter()
                .find(|one| Some(&one.name) == it.choice.as_ref())?
                .score
        });
        check_mean(line.expected, &expected.collect::<Vec<_>>());
    }
    let lost = made.iter().flat_map(|(_, made)| {
        made.alternatives()
            .into_iter()
            .filter(|it| it.lost.is_some())
            .map(|it| &it.name)
    });
    let times = figures
        .passed_over
        .iter()
        .map(|line| line.times)
        .sum::<u64>();
    assert_eq!(times, lost.count() as u64);
    let ids: BTreeSet<_> = made
        .iter()
        .map(|(it, made)| (&it.project, &it.session, &made.id))
        .collect();
    let others: BTreeSet<_> = all(records, |it| match &it.body {
        Body::DecisionOutcome(told) => Some((&it.project, &it.session, &told.decision)),
        _ => None,
    })
    .into_iter()
    .filter(|key| !ids.contains(key))
    .collect();
    assert_eq!(figures.unmatched_outcomes, others.len() as u64);
}

fn check_service(records: &[Record], stats: &Stats) {
    for line in &stats.performance.providers {
        let mut times = Vec::new();
        let [mut failed, mut retries, mut openings, mut rests] = [0_u64; 4];
        let [mut waited, mut rested] = [Duration::ZERO; 2];
        for record in records {
            match &record.body {
                Body::Attempt(it) if it.provider == line.provider => match it.failure {
                    None => times.push(it.elapsed),
                    Some(_) => failed += 1,
                },
                Body::Retry(it) if it.provider == line.provider => {
                    retries += 1;
                    waited = waited.saturating_add(it.delay);
                }
                Body::Breaker(it) if it.provider == line.provider => {
                    openings += u64::from(it.to == BreakerState::Open);
                }
                Body::Cooldown(it) if it.provider == line.provider => {
                    rests += 1;
                    rested = rested.saturating_add(it.duration);
                }
                _ => {}
            }
        }
        assert_eq!(
            [
                line.attempts,
                line.failed,
                line.retries,
                line.breaker_openings,
                line.cooldowns
            ],
            [
                failed + times.len() as u64,
                failed,
                retries,
                openings,
                rests
            ]
        );
        assert_eq!((line.retry_delay, line.cooldown_time), (waited, rested));
        check_times(line.latency, times);
    }
    let (quality, lines) = (&stats.quality, &stats.performance.providers);
    assert_eq!(
        lines.iter().map(|it| it.retries).sum::<u64>(),
        quality.retries
    );
    assert_eq!(
        lines.iter().map(|it| it.cooldowns).sum::<u64>(),
        quality.cooldowns
    );
    for line in &stats.performance.checkpoints {
        let saved = all(records, |it| match &it.body {
            Body::CheckpointSaved(it) if it.kind == line.kind => Some(it),
            _ => None,
        });
        let bytes = |part: fn(&agent_primitives::CheckpointSaved) -> u64| {
            sum(&saved.iter().map(|it| part(it)).collect::<Vec<_>>())
        };
        assert_eq!(
            [line.saved, line.logical_bytes, line.stored_bytes],
            [
                saved.len() as u64,
                bytes(|it| it.logical_bytes),
                bytes(|it| it.stored_bytes)
            ]
        );
        check_times(line.latency, saved.iter().map(|it| it.elapsed).collect());
    }
    let saved = stats
        .performance
        .checkpoints
        .iter()
        .map(|it| it.saved)
        .sum::<u64>();
    assert_eq!(saved, stats.overview.checkpoints);
    let restores = all(records, |it| match &it.body {
        Body::Restored(it) => Some(it.elapsed),
        _ => None,
    });
    check_times(stats.performance.restore, restores);
}

fn check_terms_and_rules(records: &[Record], stats: &Stats) {
    let calls = all(records, |it| match &it.body {
        Body::ModelCall(it) => Some(it),
        _ => None,
    });
    for line in &stats.performance.models {
        let of = calls
            .iter()
            .filter(|it| it.attempts > 0 || it.failure.is_some())
            .filter(|it| (&it.provider, &it.model) == (&line.provider, &line.model));
        let of: Vec<_> = of.collect();
        assert_eq!(line.calls, of.len() as u64);
        assert_eq!(
            line.streamed,
            of.iter().filter(|it| it.streamed).count() as u64
        );
        assert_eq!(
            line.stop_reasons.iter().map(|it| it.calls).sum::<u64>(),
            line.calls
        );
        for stop in &line.stop_reasons {
            let stopped = of.iter().filter(|it| it.stop_reason == stop.reason);
            assert_eq!(stop.calls, stopped.count() as u64);
        }
        let last = line.stop_reasons.iter().position(|it| it.reason.is_none());
        assert!(last.is_none_or(|place| place + 1 == line.stop_reasons.len()));
    }
    let mut total = Usd::ZERO;
    for line in &stats.cost.by_service_tier {
        let of: Vec<_> = calls
            .iter()
            .filter(|it| it.service_tier == line.tier)
            .collect();
        let is_call = |it: &&&ModelCall| it.attempts > 0 || it.failure.is_some();
        assert_eq!(
            line.calls,
            of.iter().filter(|it| is_call(it)).count() as u64
        );
        let unpriced = of.iter().filter(|it| it.is_unpriced()).count();
        assert_eq!(line.unpriced_calls, unpriced as u64);
        assert_eq!(line.cost, of.iter().filter_map(|it| it.cost).sum::<Usd>());
        total += line.cost;
    }
    assert_eq!(total, stats.cost.total);

    let broken = all(records, |it| match &it.body {
        Body::Violation(it) => Some(it),
        _ => None,
    });
    let figures = |of: Vec<&&agent_telemetry::Violation>| {
        (
            of.len() as u64,
            of.iter().filter(|it| it.fixed).count() as u64,
        )
    };
    let quality = &stats.quality;
    for line in &quality.violation_kinds {
        let of: Vec<_> = broken.iter().filter(|it| it.kind == line.kind).collect();
        assert_eq!(Some(line.severity), of.iter().map(|it| it.severity).max());
        assert_eq!((line.found, line.fixed), figures(of));
    }
    for line in &quality.violation_files {
        let of = broken
            .iter()
            .filter(|it| it.file.as_deref() == line.file.as_deref());
        assert_eq!((line.found, line.fixed), figures(of.collect()));
    }
    for found in [
        quality
            .violation_kinds
            .iter()
            .map(|it| it.found)
            .sum::<u64>(),
        quality
            .violation_files
            .iter()
            .map(|it| it.found)
            .sum::<u64>(),
    ] {
        assert_eq!(found, broken.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_are_those_of_a_scan(records in arbitrary::records()) {
        let stats = Stats::of(&records);
        check_work(&records, &stats);
        check_projects(&records, &stats);
        check_decisions(&records, &stats);
        check_service(&records, &stats);
        check_terms_and_rules(&records, &stats);
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn database_gives_the_figures_of_memory(records in arbitrary::records()) {
        use agent_telemetry::{Retention, Sink, SqliteSink, SqliteStore};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let mut sink = SqliteSink::open(&path).unwrap().retention(Retention::FOREVER);
        let (first, second) = records.split_at(records.len() / 2);
        sink.write(first).unwrap();
        sink.write(second).unwrap();
        let stored = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
        prop_assert_eq!(stored, Stats::of(&records));
    }
}

#[test]
fn outcome_belongs_to_the_decision_of_its_session_and_the_last_one_counts() {
    let at = |body: Body, session: &str| {
        Record::new(agent_primitives::Timestamp::UNIX_EPOCH, body).of_session(session_id(session))
    };
    let told = |how| Body::from(DecisionOutcome::new("d", how));
    let stats = Stats::of([
        at(told(Outcome::Failed), "a"),
        at(Decision::new("d", "tool").choice("grep").into(), "a"),
        at(Decision::new("d", "tool").into(), "b"),
        at(told(Outcome::Success), "a"),
        at(told(Outcome::Aborted), "c"),
    ]);
    let outcomes = stats.decisions.outcomes;
    assert_eq!(
        [outcomes.success, outcomes.failed, outcomes.open],
        [1, 0, 1]
    );
    assert_eq!(stats.decisions.unmatched_outcomes, 1);
    let text = stats.to_string();
    assert!(
        text.contains("2, 1 with a known outcome, 1 outcome of others"),
        "{text}"
    );
    assert!(text.contains("(none)"), "{text}");
}

#[test]
fn projects_are_listed_where_there_are_several() {
    let at = agent_primitives::Timestamp::UNIX_EPOCH;
    let shop = ProjectId::new("shop").unwrap();
    let timing = TaskTiming::new(Duration::from_secs(4), Duration::from_secs(90));
    let mut records = vec![Record::new(at, timing).of_project(shop)];
    let text = Stats::of(&records).to_string();
    assert!(
        text.contains("task in the queue       1   4.00 s") && !text.contains("shop"),
        "{text}"
    );
    records.push(Record::new(at, FilesChanged::new(1).lines(2, 3)));
    let text = Stats::of(&records).to_string();
    assert!(
        text.contains("shop") && text.contains("(none given)"),
        "{text}"
    );
    assert!(
        text.contains("1 file with 2 lines added and 3 removed"),
        "{text}"
    );
}

#[test]
fn report_that_was_written_before_there_were_these_figures_is_still_read() {
    let stats = Stats::of(crate::story::records());
    let mut json = serde_json::to_value(&stats).unwrap();
    let read = |json: &serde_json::Value| serde_json::from_value::<Stats>(json.clone()).unwrap();
    assert_eq!(read(&json), stats);
    let object = json.as_object_mut().unwrap();
    object.remove("work");
    object.remove("decisions");
    for (part, names) in [
        ("quality", &["violation_kinds", "violation_files"][..]),
        ("performance", &["providers", "checkpoints", "restore"]),
        ("cost", &["by_service_tier"]),
    ] {
        for name in names {
            assert!(
                object[part]
                    .as_object_mut()
                    .unwrap()
                    .remove(*name)
                    .is_some(),
                "{name}"
            );
        }
    }
    let older = read(&json);
    assert_eq!((older.work.files, older.decisions.made), (0, 0));
    assert_eq!(older.cost.total, stats.cost.total);
}
