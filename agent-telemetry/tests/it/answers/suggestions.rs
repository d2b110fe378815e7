//! Suggestions: what is suggested and what it saves, every figure by hand; and that chance alone suggests
//! nothing.

use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, Retry, TokenUsage, Usd};
use agent_telemetry::{
    Finding, GainBounds, Outcome, Period, Record, SuggestConfig, Suggestion, SuggestionKind,
    SuggestionsReport, ToolCall, ToolOutcome,
};
use fastrand::Rng;
use proptest::prelude::*;

use super::{at, call, end, record, task, widest};
use crate::arbitrary;
use crate::story::{provider, tool};

const DAY: i64 = 86_400;

fn report(records: &[Record]) -> SuggestionsReport {
    with(&SuggestConfig::default(), records)
}

fn with(config: &SuggestConfig, records: &[Record]) -> SuggestionsReport {
    let period = Period::new(at(0), at(30 * DAY));
    SuggestionsReport::of(period, config, records)
}

/// As of a host that gives up requests after a minute.
fn within_a_minute(records: &[Record]) -> SuggestionsReport {
    let mut config = SuggestConfig::default();
    config.timeout = Some(Duration::from_secs(60));
    with(&config, records)
}

fn of_kind(report: &SuggestionsReport, kind: SuggestionKind) -> Vec<&Suggestion> {
    let all = report.suggestions.iter();
    all.filter(|it| it.kind == kind).collect()
}

fn only(report: &SuggestionsReport) -> &Suggestion {
    assert_eq!(report.suggestions.len(), 1, "{report}");
    report.suggestions.first().unwrap()
}

/// So that what is saved in a month is twice what was spent.
fn over_15_days(mut records: Vec<Record>) -> Vec<Record> {
    records.push(record("first", "nobody", 0, task("none")));
    records.push(record("last", "nobody", 15 * DAY, task("none")));
    records
}

/// Sessions of a model, every `nth` of which fails.
fn sessions(
    model: &str,
    task_type: &'static str,
    number: u32,
    nth: u32,
    micros: i64,
) -> Vec<Record> {
    let mut records = Vec::new();
    for session in 0..number {
        let id = format!("{model}-{task_type}-{session}");
        let outcome = if session % nth == 0 {
            Outcome::Failed
        } else {
            Outcome::Success
        };
        let second = 100 + i64::from(session);
        records.push(record(&id, "a", second, task(task_type)));
        records.push(record(&id, "a", second, call("house", model, micros)));
        records.push(record(&id, "a", second + 9, end(outcome, 9)));
    }
    records
}

#[test]
fn model_that_does_it_as_well_for_less_is_suggested_with_what_it_saves() {
    let mut records = sessions("large", "fix", 600, 5, 50_000);
    records.extend(sessions("small", "fix", 600, 5, 10_000));
    // Of another kind of work the small one does nothing well.
    records.extend(sessions("large", "plan", 100, 5, 50_000));
    records.extend(sessions("small", "plan", 100, 1, 10_000));
    let report = report(&over_15_days(records));
    let it = only(&report);
    let Finding::CheaperModel {
        task_type,
        from,
        to,
        from_rate,
        to_rate,
        from_cost,
        to_cost,
        difference,
        ratio,
        ..
    } = &it.finding
    else {
        panic!("{it:?}");
    };
    assert_eq!(task_type.as_deref(), Some("fix"));
    assert_eq!(
        (from.to_string(), to.to_string()),
        ("house · large".into(), "house · small".into())
    );
    assert_eq!((*from_rate, *to_rate), (0.8, 0.8));
    assert!((from_cost - 0.0625).abs() < 1e-9 && (to_cost - 0.0125).abs() < 1e-9);
    assert!(difference.low > -0.06 && difference.contains(0.0) && ratio.contains(0.2));
    // 600 × $0.05 in 15 days, of which four fifths are saved: $48 in a month.
    let gain = it.gain;
    assert_eq!(
        gain.cost.map(|it| format!("{it:.4}")),
        Some("$48.0000".into())
    );
    assert!(gain.cost_low < gain.cost && gain.cost < gain.cost_high);
    assert_eq!(gain.bounds, GainBounds::Interval);
    assert_eq!(it.evidence.count, 1_200);
    assert!(
        it.text.contains(
            "For fix, ask house · small first in place of house · large: 80.0 % of its sessions"
        ),
        "{}",
        it.text
    );
    assert!(
        it.confidence.contains("not drawn by lot"),
        "{}",
        it.confidence
    );
    let looked = &report.looked[0];
    assert_eq!(
        (looked.candidates, looked.enough),
        (2, 1),
        "nothing can be said of a cost for no success"
    );
}

#[test]
fn no_model_is_suggested_without_enough_data_nor_one_that_is_worse_or_not_cheaper() {
    let cases = [
        ("few", sessions("small", "fix", 19, 5, 10_000)),
        ("vague", sessions("small", "fix", 300, 5, 10_000)),
        ("worse", sessions("small", "fix", 600, 4, 10_000)),
        ("as dear", sessions("small", "fix", 600, 5, 50_000)),
        ("other work", sessions("small", "review", 600, 5, 10_000)),
    ];
    for (name, small) in cases {
        let mut records = sessions("large", "fix", 600, 5, 50_000);
        records.extend(small);
        let report = report(&over_15_days(records));
        assert_eq!(report.suggestions, [], "{name}");
    }
    let mut records = sessions("large", "fix", 600, 5, 50_000);
    records.extend(
        sessions("small", "fix", 600, 5, 10_000)
            .into_iter()
            .map(|mut it| {
                if let agent_telemetry::Body::ModelCall(call) = &mut it.body {
                    call.cost = None;
                }
                it
            }),
    );
    assert_eq!(report(&records).suggestions, [], "unpriced");
}

#[test]
fn requests_that_take_almost_as_long_as_they_may_are_told_with_their_size() {
    let ask = |number: i64, tokens, seconds, failure: Option<FailureKind>| {
        let mut it = call("house", "large", 0)
            .usage(TokenUsage::new(tokens, 10))
            .latency(Duration::from_secs(seconds));
        it.failure = failure;
        // Too short to follow on each other, and of no kind of work.
        record(&format!("s{number}"), "a", 100, it)
    };
    let mut records: Vec<Record> = (0..100).map(|it| ask(it, 3_000, 10, None)).collect();
    for number in 100..200 {
        records.push(match number {
            0..130 => ask(number, 40_000, 48, None),
            130..134 => ask(number, 40_000, 60, Some(FailureKind::Timeout)),
            134 => ask(number, 40_000, 61, None),
            // Given up before anybody counted its tokens.
            135 => ask(number, 0, 60, Some(FailureKind::Timeout)),
            // Failed for another reason: says nothing about time.
            136..140 => ask(number, 40_000, 59, Some(FailureKind::Server)),
            _ => ask(number, 40_000, 47, None),
        });
    }
    let report = within_a_minute(&over_15_days(records));
    let found = of_kind(&report, SuggestionKind::TimeoutRisk);
    assert_eq!(found.len(), 1);
    let Finding::TimeoutRisk {
        from_tokens,
        calls,
        near_calls,
        lost_calls,
        interval,
        smaller_calls,
        smaller_share,
        unsized_calls,
        size_matters,
        ..
    } = found[0].finding
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        (from_tokens, calls, near_calls, lost_calls),
        (32_768, 95, 35, 5)
    );
    assert_eq!(
        (smaller_calls, smaller_share, size_matters, unsized_calls),
        (100, Some(0.0), true, 1)
    );
    // Wilson of 35 of 95.
    assert_eq!(
        format!("{:.3} {:.3}", interval.low, interval.high),
        "0.278 0.469"
    );
    // Six in 15 days, of which five were given up after a minute.
    let gain = found[0].gain;
    assert_eq!(
        (gain.turns, gain.time, gain.cost),
        (Some(12), Some(Duration::from_secs(600)), None)
    );
    assert_eq!(found[0].evidence.count, 36);
    let confidence = &found[0].confidence;
    assert!(
        confidence.contains("1 of unknown size was given up as well"),
        "{confidence}"
    );
    assert!(
        found[0]
            .text
            .contains("keep requests to house · large below 32.7 k tokens"),
        "{}",
        found[0].text
    );
}

#[test]
fn limit_that_nobody_set_is_told_as_assumed() {
    let ask = |number: u64| {
        let mut it = call("house", "large", 0)
            .usage(TokenUsage::new(5_000, 10))
            .latency(Duration::from_secs(50 + number % 20));
        it.failure = (number % 20 == 19).then_some(FailureKind::Timeout);
        record(&format!("s{number}"), "a", 100, it)
    };
    let records: Vec<Record> = (0..60).map(ask).collect();
    let assumed = report(&records);
    let it = only(&assumed);
    let Finding::TimeoutRisk {
        limit,
        limit_assumed,
        near_calls,
        lost_calls,
        ..
    } = it.finding
    else {
        panic!("{it:?}");
    };
    // Thirty took longer than the limit and were answered all the same, but for three.
    assert_eq!((limit, limit_assumed), (Duration::from_secs(60), true));
    assert_eq!((near_calls, lost_calls), (60, 3));
    assert!(
        it.text
            .contains("where 60.00 s are assumed to be the limit (100.0 %), and 3 were given up"),
        "{}",
        it.text
    );
    assert!(it.confidence.contains("set `timeout`"), "{}", it.confidence);
    let takes = |report: &SuggestionsReport| report.looked[1].takes.contains("is assumed");
    assert!(takes(&assumed));

    let known = within_a_minute(&records);
    let it = only(&known);
    assert!(
        matches!(
            it.finding,
            Finding::TimeoutRisk {
                limit_assumed: false,
                lost_calls: 30,
                ..
            }
        ),
        "{it:?}"
    );
    assert!(
        it.text
            .contains("of the 60.00 s that they have (100.0 %), and 30 took all of it"),
        "{}",
        it.text
    );
    assert!(!it.confidence.contains("set `timeout`") && !takes(&known));
}

#[test]
fn size_that_makes_no_difference_is_no_advice() {
    let records: Vec<Record> = (0..60_u64)
        .map(|number| {
            let tokens = if number % 2 == 0 { 500 } else { 40_000 };
            let it = call("house", "large", 0)
                .usage(TokenUsage::new(tokens, 10))
                .latency(Duration::from_secs(50));
            record(&format!("s{number}"), "a", 100, it)
        })
        .collect();
    let report = report(&records);
    let text = &only(&report).text;
    assert!(
        text.contains("Of 60 requests of any size, 60 took"),
        "{text}"
    );
    assert!(text.contains("give house · large more time"), "{text}");
}

#[test]
fn turns_that_lead_nowhere_are_told_from_ten_in_three_sessions_on() {
    let use_tool = |session: &str, who: &str, second, name: &str, outcome| {
        let it = ToolCall::new(tool(name), outcome, Duration::from_secs(1));
        record(session, who, second, it)
    };
    let (failed, ok) = (ToolOutcome::Failed, ToolOutcome::Ok);
    let mut records = Vec::new();
    for session in ["s1", "s2", "s3"] {
        for second in 0..5 {
            records.push(record(
                session,
                "a",
                100 + second,
                call("house", "small", 1_000),
            ));
            records.push(use_tool(session, "a", 100 + second, "grep", failed));
        }
        // Of one whose model calls nobody records.
        for round in 0..5 {
            records.push(use_tool(session, "b", 200 + 2 * round, "edit", ok));
            records.push(use_tool(session, "b", 201 + 2 * round, "test", failed));
        }
    }
    let two_sessions: Vec<Record> = records
        .iter()
        .filter(|it| it.session.as_ref().unwrap().as_str() != "s3")
        .cloned()
        .collect();
    let all = report(&over_15_days(records));
    let repeats = of_kind(&all, SuggestionKind::RepeatedFailure);
    assert_eq!(repeats.len(), 1);
    // Four of five in each of three sessions, a second and a call each: twice that in a month.
    let gain = repeats[0].gain;
    assert_eq!(gain.cost, Some(Usd::from_micros(24_000)));
    assert_eq!(
        (gain.cost_low, gain.cost_high),
        (Some(Usd::ZERO), gain.cost)
    );
    assert_eq!(
        (gain.time, gain.turns),
        (Some(Duration::from_secs(24)), Some(24))
    );
    assert_eq!(gain.bounds, GainBounds::AtMost);
    let pairs = of_kind(&all, SuggestionKind::BackAndForth);
    // Eight of ten calls in each; no turn was told.
    assert_eq!(pairs[0].gain.turns, Some(48));
    assert_eq!(pairs[0].gain.cost, None);
    // Money comes before none.
    assert_eq!(all.suggestions[0].kind, SuggestionKind::RepeatedFailure);
    assert_eq!(report(&two_sessions).suggestions, []);
}

#[test]
fn failure_that_recurs_comes_with_what_answers_it() {
    let mut records = Vec::new();
    for number in 0..1_000_u32 {
        let mut attempt = Attempt::new(provider("house"), 1, Duration::from_secs(1));
        // Every twentieth; every hundredth for a reason that is too rare; none is answered.
        attempt.failure = match number % 100 {
            0 | 20 | 40 | 60 | 80 => Some(FailureKind::RateLimited),
            1 => Some(FailureKind::Server),
            2..=5 => Some(FailureKind::Unknown),
            _ => None,
        };
        let kind = attempt.failure;
        let session = format!("s{}", number % 10);
        records.push(record(&session, "a", 100, attempt));
        if kind == Some(FailureKind::RateLimited) {
            let retry = Retry::new(
                provider("house"),
                2,
                Duration::from_secs(2),
                FailureKind::RateLimited,
            );
            records.push(record(&session, "a", 100, retry));
        }
    }
    let report = report(&over_15_days(records));
    let it = only(&report);
    let Finding::RecurringError {
        failure,
        attempts,
        calls,
        share,
        interval,
        time,
        remedy,
        page,
        failures,
        overcome,
        ..
    } = &it.finding
    else {
        panic!("{it:?}");
    };
    assert_eq!(
        (*failure, *attempts, *calls, *share),
        (FailureKind::RateLimited, 50, 0, 0.05)
    );
    // Wilson of 50 of 1 000.
    assert_eq!(
        format!("{:.4} {:.4}", interval.low, interval.high),
        "0.0381 0.0653"
    );
    assert_eq!(*time, Duration::from_secs(50 + 100));
    assert!(remedy.contains("RateLimit") && page == "docs/presets.md");
    // All in one session, where an attempt without a failure comes next.
    assert_eq!((*failures, *overcome), (50, 50));
    assert!(
        it.confidence
            .contains("As things are, the next call succeeded after 50 of 50 such calls."),
        "{}",
        it.confidence
    );
    assert_eq!(
        (it.gain.time, it.gain.turns),
        (Some(Duration::from_secs(300)), Some(100))
    );
    // Numbers that end in 0 belong to one of ten sessions.
    assert_eq!(it.evidence.count, 1);
    let looked = report
        .looked
        .iter()
        .find(|it| it.kind == SuggestionKind::RecurringError);
    assert_eq!(looked.map(|it| (it.candidates, it.enough)), Some((3, 3)));
}

#[test]
fn input_that_every_call_repeats_is_told_with_what_a_cache_saves() {
    let records = |read: u64| {
        let mut records = Vec::new();
        for session in 0..30 {
            for turn in 1..=4 {
                let usage = TokenUsage::new(2_000 * turn, 100).with_cache_read(read);
                let it = call("claude", "claude-sonnet-4-5", 0).usage(usage);
                records.push(record(&format!("s{session}"), "a", 100, it));
            }
        }
        over_15_days(records)
    };
    let found = report(&records(0));
    let it = only(&found);
    let Finding::UncachedInput {
        calls,
        input,
        repeated,
        ..
    } = it.finding
    else {
        panic!("{it:?}");
    };
    assert_eq!((calls, input, repeated), (120, 600_000, 360_000));
    // A session costs 20 000 × $3 a million; with a cache 12 000 × $0.30 and 8 000 × $3.75: $0.0264 less.
    // Thirty of them in 15 days.
    assert_eq!(it.gain.cost, Some(Usd::from_micros(1_584_000)));
    assert_eq!(report(&records(1)).suggestions, []);
}

#[test]
fn nothing_to_suggest_is_said_with_what_it_takes() {
    let report = report(&[]);
    let text = report.to_string();
    assert!(text.contains("Nothing to suggest"), "{text}");
    assert!(
        text.contains("a cheaper model: two models asked first in 20 or more sessions"),
        "{text}"
    );
    assert_eq!(report.looked.len(), 6);
}

/// By Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Name, share of successes, and how many times as dear as others.
type Side = (&'static str, f64, f64);

/// A month in which nothing but the models differs.
fn simulate(rng: &mut Rng, sides: &[Side], sessions: u32) -> SuggestionsReport {
    let mut records = Vec::new();
    for (model, rate, dear) in sides {
        for task_type in ["fix", "review"] {
            for number in 0..sessions {
                let id = format!("{model}-{task_type}-{number}");
                let outcome = if rng.f64() < *rate {
                    Outcome::Success
                } else {
                    Outcome::Failed
                };
                #[expect(clippy::cast_possible_truncation, reason = "a few dollars")]
                let micros = (normal(rng).exp() * dear * 1e5) as i64;
                let second = rng.i64(0..29 * DAY);
                records.push(record(&id, "a", second, task(task_type)));
                records.push(record(&id, "a", second, call("house", model, micros)));
                records.push(record(&id, "a", second, end(outcome, 9)));
            }
        }
    }
    report(&records)
}

fn suggests(report: &SuggestionsReport) -> bool {
    !of_kind(report, SuggestionKind::CheaperModel).is_empty()
}

#[test]
fn chance_suggests_another_model_in_no_more_than_five_of_a_hundred_reports() {
    let mut rng = Rng::with_seed(17);
    // All alike; and one that costs a third and is worse by just the margin, which is no suggestion either.
    let alike = [("m1", 0.95, 1.0), ("m2", 0.95, 1.0), ("m3", 0.95, 1.0)];
    let worse = [("m1", 0.95, 1.0), ("m2", 0.90, 0.3)];
    for (name, sides, sessions, reports) in [
        ("alike", &alike[..], 250, 100),
        ("worse", &worse[..], 400, 100),
    ] {
        let found = (0..reports)
            .filter(|_| suggests(&simulate(&mut rng, sides, sessions)))
            .count();
        println!("{name}: another model in {found} of {reports} reports");
        assert!(found * 20 <= reports, "{name}: {found} of {reports}");
    }
}

#[test]
fn model_that_costs_a_third_and_does_as_well_is_found() {
    let mut rng = Rng::with_seed(18);
    let sides = [("m1", 0.95, 1.0), ("m2", 0.95, 0.3)];
    let found = (0..20)
        .filter(|_| suggests(&simulate(&mut rng, &sides, 400)))
        .count();
    println!("found in {found} of 20 reports");
    assert!(found >= 18, "{found} of 20");
}

#[cfg(feature = "sqlite")]
#[test]
fn database_says_what_the_records_say() {
    use agent_telemetry::{Retention, Sink, SqliteSink, SqliteStore};

    let mut records = crate::story::records();
    records.extend(sessions("large", "fix", 600, 5, 50_000));
    records.extend(sessions("small", "fix", 600, 5, 10_000));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    sink.write(&records).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let config = SuggestConfig::default();
    let stored = store.suggestions_report(Period::ALL, &config).unwrap();
    assert_eq!(
        stored,
        SuggestionsReport::of(Period::ALL, &config, &records)
    );
    assert!(suggests(&stored));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_are_told(
        records in arbitrary::records(),
        (margin, near, least) in (any::<f64>(), any::<f64>(), 0_u64..3),
        timeout in any::<Option<Duration>>(),
    ) {
        let mut config = SuggestConfig::default();
        (config.rate_margin, config.near, config.near_share) = (margin, near, -1.0);
        (config.requests, config.wasted_calls, config.wasted_sessions) = (least, least, least);
        (config.failures, config.failure_share) = (least, -1.0);
        (config.uncached_calls, config.repeated_share, config.timeout) = (least, -1.0, timeout);
        let report = SuggestionsReport::of(Period::ALL, &config, &records);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        prop_assert!(report.to_html().ends_with("</html>\n"));
        for it in &report.suggestions {
            let json = serde_json::to_string(it).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Suggestion>(&json).unwrap(), it);
        }
        let config = SuggestConfig::default();
        let report = SuggestionsReport::of(Period::ALL, &config, &records);
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<SuggestionsReport>(&json).unwrap(), report);
    }
}
