//! Usage that no call explains is in every figure of tokens and money, and in no other one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent_primitives::{ManualClock, Timestamp, TokenUsage};
use agent_telemetry::alert::{Calls, Condition};
use agent_telemetry::prometheus::{Exposition, Format, Totals};
use agent_telemetry::{
    AgentsReport, Body, CompareConfig, CompareReport, ContenderKind, CostReport, Drift,
    ErrorsReport, ForecastConfig, ForecastReport, GenAiNames, HandoffsReport, LiveConfig,
    MemorySink, Metrics, ModelCall, ModelsReport, Operation, PerformanceReport, Period, Prices,
    QualityReport, Record, Rollups, Stats, StopReason, SuggestConfig, SuggestionsReport,
    ToolSequencesReport, ToolsReport, Value,
};
use serde::Serialize;

use crate::alerts::{alerts, failed, hear, seconds};
use crate::story::{LONG, model, provider, recorder, records};

/// What a sum says of the same tokens and money, with all that a call may say beside them.
fn told(call: &ModelCall) -> ModelCall {
    let mut told = ModelCall::unexplained(call.provider.clone(), call.model.clone())
        .usage(call.usage)
        .latency(Duration::from_secs(3_600))
        .first_token(Duration::from_secs(1_800))
        .stop_reason(StopReason::Length)
        .streamed();
    told.cost = call.cost;
    told.service_tier = call.service_tier;
    told
}

/// Where in the order of recording usage is told of.
#[derive(Clone, Copy)]
enum Told {
    AheadOfTheCall,
    BehindTheCall,
}

/// The story, and with each call as much usage as it had.
fn with_usage(records: &[Record], told_of: Told) -> Vec<Record> {
    let twice = records.iter().flat_map(|record| {
        let mut more = None;
        if let Body::ModelCall(call) = &record.body {
            let mut usage = record.clone();
            usage.body = told(call).into();
            more = Some(usage);
        }
        let call = Some(record.clone());
        let both = match told_of {
            Told::AheadOfTheCall => [more, call],
            Told::BehindTheCall => [call, more],
        };
        both.into_iter().flatten()
    });
    twice.collect()
}

/// Every figure by its name, lists by the places in them.
fn figures(name: &str, value: &serde_json::Value, into: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (field, value) in fields {
                figures(&format!("{name}.{field}"), value, into);
            }
        }
        serde_json::Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                figures(&format!("{name} {place}"), value, into);
            }
        }
        value => {
            into.insert(name.to_owned(), value.to_string());
        }
    }
}

/// The names of the figures that are different, without places.
fn changed(before: &impl Serialize, after: &impl Serialize) -> BTreeSet<String> {
    let all = |report: &serde_json::Value| {
        let mut all = BTreeMap::new();
        figures("", report, &mut all);
        all
    };
    let [before, after] = [serde_json::to_value(before), serde_json::to_value(after)];
    let (before, after) = (all(&before.unwrap()), all(&after.unwrap()));
    let names = before.keys().chain(after.keys());
    let different = names.filter(|name| before.get(*name) != after.get(*name));
    let short = |name: &String| {
        let parts = name.trim_start_matches('.').split('.');
        let parts = parts.filter_map(|part| part.split(' ').next());
        parts.collect::<Vec<_>>().join(".")
    };
    different.map(short).collect()
}

fn days(records: &[Record]) -> CostReport {
    let sums = Rollups::of(records, Period::ALL);
    CostReport::of(Period::ALL, [(Period::ALL, sums)])
}

/// What may be different: amounts of tokens and money, and the number of records.
fn is_spending(name: &str) -> bool {
    const AMOUNTS: [&str; 15] = [
        "cost",
        "cost_after",
        "cost_per_success",
        "extra_cost",
        "last_hour",
        "per_session",
        "per_success",
        "records",
        "spent",
        "tokens_last_hour",
        "tokens_smoothed",
        "smoothed",
        "unpriced_calls",
        "when_active",
        "total",
    ];
    let parts: Vec<&str> = name.split('.').collect();
    let is_within = parts
        .iter()
        .any(|it| ["usage", "cost_interval"].contains(it));
    // What each model cost on a day.
    is_within || name == "days.models" || parts.last().is_some_and(|it| AMOUNTS.contains(it))
}

/// How many figures of all reports are different.
fn check_reports(before: &[Record], told_of: Told) -> usize {
    let after = &with_usage(before, told_of)[..];
    let period = Period::ALL;
    let sums = |records: &[Record]| Rollups::of(records, period);
    let compared = |records: &[Record], of| {
        let mut config = CompareConfig::default();
        config.of = of;
        CompareReport::of(period, &config, records)
    };
    let now = before.last().unwrap().at;
    let forecast = |records: &[Record]| ForecastReport::of(now, &forecast_config(), records);
    let suggest = SuggestConfig::default();
    macro_rules! both {
        ($report:expr) => {
            changed(&$report(before), &$report(after))
        };
    }
    // What changed, and whether it tells of spending.
    let table = [
        (both!(|it: &[Record]| Stats::of(it)), true),
        (
            both!(|it: &[Record]| AgentsReport::of(period, &sums(it))),
            true,
        ),
        (
            both!(|it: &[Record]| ModelsReport::of(period, &sums(it))),
            true,
        ),
        (
            both!(|it: &[Record]| ToolsReport::of(period, &sums(it))),
            false,
        ),
        (both!(days), true),
        (both!(|it| compared(it, ContenderKind::Agents)), false),
        (both!(|it| compared(it, ContenderKind::Models)), false),
        (both!(|it: &[Record]| HandoffsReport::of(period, it)), false),
        (
            both!(|it: &[Record]| PerformanceReport::of(period, it)),
            false,
        ),
        (both!(|it: &[Record]| ErrorsReport::of(period, it)), false),
        (both!(|it: &[Record]| QualityReport::of(period, it)), false),
        (
            both!(|it: &[Record]| ToolSequencesReport::of(period, it)),
            false,
        ),
        (
            both!(|it: &[Record]| SuggestionsReport::of(period, &suggest, it)),
            false,
        ),
        (both!(forecast), true),
    ];
    for (place, (found, spends)) in table.iter().enumerate() {
        let others: Vec<&String> = found.iter().filter(|it| !is_spending(it)).collect();
        assert!(others.is_empty(), "{place}: {others:?}");
        assert!(!spends || !found.is_empty(), "{place}");
    }
    table.iter().map(|(found, _)| found.len()).sum()
}

fn forecast_config() -> ForecastConfig {
    let mut config = ForecastConfig::default();
    config.window = Some(200_000);
    config
}

#[test]
fn every_report_changes_in_tokens_and_money_alone() {
    let whole = records();
    let of_whole = [Told::AheadOfTheCall, Told::BehindTheCall].map(|it| check_reports(&whole, it));
    // While a session is under way, and so has a context and may have its next turn.
    let of_part = check_reports(&whole[..40], Told::BehindTheCall);
    println!(
        "unexplained: {of_whole:?} and {of_part} figures of 14 reports are different, all of spending"
    );
}

/// Of two models in one session, the one that was called first answers for it.
#[test]
fn model_that_a_sum_is_of_was_not_asked_first() {
    let of_other = |record: &Record| {
        let mut record = record.clone();
        if let Body::ModelCall(call) = &mut record.body
            && call.is_unexplained()
        {
            (call.provider, call.model) = (provider("claude"), model("other"));
        }
        record
    };
    let before = records();
    let after = with_usage(&before, Told::AheadOfTheCall);
    let after: Vec<Record> = after.iter().map(of_other).collect();
    let report = |records: &[Record]| {
        let mut config = CompareConfig::default();
        config.of = ContenderKind::Models;
        CompareReport::of(Period::ALL, &config, records)
    };
    let found = changed(&report(&before), &report(&after));
    assert!(found.iter().all(|it| is_spending(it)), "{found:?}");
}

/// What a sum said: 700 tokens for two dollars.
fn sum_of(record: &Record) -> Record {
    let mut record = record.clone();
    let sum = ModelCall::unexplained(provider("claude"), model("small"));
    record.body = sum
        .usage(TokenUsage::new(700, 0))
        .cost("2".parse().unwrap())
        .into();
    record
}

#[test]
fn alerts_count_it_as_spending_and_not_as_a_call() {
    let errors = Condition::ErrorRate {
        of: Calls::ModelCalls,
        above: 0.5,
        clear: None,
        window: seconds(300),
        at_least: 20,
    };
    let sums: Vec<Record> = (0..20).map(|when| sum_of(&failed(when))).collect();
    let failures: Vec<Record> = (20..40).map(failed).collect();
    let both = [sums.clone(), failures].concat();
    // 20 of 20 at second 39, and not 20 of 40.
    assert_eq!(hear(&mut alerts(errors), &both, 60), ["firing 39"]);
    let dear = Condition::CostPerHour {
        above: "20".parse().unwrap(),
        clear: None,
        window: seconds(3_600),
    };
    assert_eq!(hear(&mut alerts(dear), &sums, 60), ["firing 10"]);
}

#[test]
fn running_totals_add_it_and_nobody_is_at_work_for_it() {
    let clock = ManualClock::default();
    let telemetry = recorder(MemorySink::new(), &clock);
    let live = telemetry.subscribe(LiveConfig::new()).unwrap();
    telemetry.record(sum_of(&failed(0)));
    telemetry.flush(LONG).unwrap();
    let totals = live.totals();
    assert_eq!((totals.records, totals.sessions_running), (1, 0));
    let sums = totals.sums;
    assert_eq!(
        (sums.model_calls, sums.unpriced, sums.failures()),
        (0, 0, 0)
    );
    assert_eq!((sums.usage.total(), sums.cost), (700, "2".parse().unwrap()));
    assert_eq!(totals.last_minute.sums, sums);
    assert_eq!(totals.latency, None);
}

#[test]
fn page_of_totals_changes_in_tokens_and_money_alone() {
    let page = |records: &[Record]| {
        let totals = Totals::new();
        totals.add(records);
        let mut text = String::new();
        let mut page = Exposition::new(&mut text, Format::OpenMetrics);
        page.totals(&totals).unwrap();
        page.finish().unwrap();
        text
    };
    let records = records();
    let (before, after) = (
        page(&records),
        page(&with_usage(&records, Told::BehindTheCall)),
    );
    let before: BTreeSet<&str> = before.lines().collect();
    let others = after.lines().filter(|line| !before.contains(line));
    let names: BTreeSet<&str> = others.filter_map(|line| line.split('{').next()).collect();
    let expected = [
        "agent_cost_usd_total",
        "agent_model_cost_usd_total",
        "agent_model_tokens_total",
        "agent_model_unpriced_calls_total",
        "agent_records_total",
        "agent_tokens_total",
        "agent_unpriced_calls_total",
    ];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn metrics_of_calls_have_its_tokens_and_no_time() {
    for (names, expected) in [
        (
            GenAiNames::Latest,
            ("gen_ai.client.inference.usage.input_tokens", 700),
        ),
        // These have but a histogram for them.
        (GenAiNames::V1_41, ("gen_ai.client.token.usage", 1)),
    ] {
        let metrics = Metrics::new();
        let calls = metrics.model_calls(names).unwrap();
        let Body::ModelCall(sum) = sum_of(&failed(0)).body else {
            panic!("not a model call");
        };
        let late = sum.latency(seconds(60)).first_token(seconds(30));
        calls.record(Operation::Chat, &late);
        let mut found = BTreeMap::new();
        for family in metrics.snapshot().families {
            for series in family.series {
                let value = match series.value {
                    Value::Counter(count) => count,
                    Value::Histogram(values) => values.count(),
                    other => panic!("{other:?}"),
                };
                *found.entry(family.name.to_string()).or_insert(0) += value;
            }
        }
        found.retain(|_, value| *value > 0);
        let (name, value) = expected;
        assert_eq!(found, BTreeMap::from([(name.to_owned(), value)]));
    }
}

#[test]
fn sum_is_priced_as_the_shortest_prompts_are() {
    let map = r#"{"acme/long": {
        "input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token": 4e-06
    }}"#;
    let day = Timestamp::from_unix_seconds(1_795_132_800);
    let (prices, _) = Prices::from_litellm(map, day).unwrap();
    let call = ModelCall::new(provider("acme"), model("long")).usage(TokenUsage::new(300_000, 0));
    let amount = |call: &ModelCall| prices.amount_of(call, day).unwrap();
    assert_eq!(amount(&call), "0.6".parse().unwrap());
    assert_eq!(amount(&call.clone().attempts(0)), "0.3".parse().unwrap());
    let sum = call.attempts(0).cost("1".parse().unwrap());
    let drift = Drift::of(&prices, &[Record::new(day, sum)]);
    assert_eq!((drift.calls, drift.compared, drift.differing), (0, 0, 0));
    assert_eq!(
        (drift.recorded, drift.own),
        ("1".parse().unwrap(), "0.3".parse().unwrap())
    );
}

#[test]
fn recorder_prices_what_the_sender_did_not_where_it_is_asked_to() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let at = Timestamp::from_unix_seconds(1_795_132_800);
    let call = ModelCall::new(provider("claude"), model("claude-haiku-4-5"));
    let call = call.usage(TokenUsage::new(1_000, 100));
    telemetry.record(Record::new(at, call.clone()));
    telemetry.record_priced(Record::new(at, call.clone()));
    telemetry.record_priced(Record::new(at, call.clone().cost("7".parse().unwrap())));
    telemetry.record_priced(Record::new(at, call.attempts(0)));
    telemetry.flush(LONG).unwrap();
    let records = sink.records();
    let costs = records.iter().map(|record| match &record.body {
        Body::ModelCall(call) => call.cost.map(|cost| cost.to_string()),
        other => panic!("{other:?}"),
    });
    let costs: Vec<_> = costs.collect();
    let some = |cost: &str| Some(cost.to_owned());
    assert_eq!(
        costs,
        [None, some("$0.0015"), some("$7.00"), some("$0.0015")]
    );
}

#[test]
fn refused_call_is_a_call_and_usage_of_nothing_is_owed_nothing() {
    let refused = ModelCall::new(provider("p"), model("m")).attempts(0);
    assert!(refused.is_unexplained() && !refused.is_unpriced());
    let refused = refused.failed(agent_primitives::FailureKind::Overloaded);
    assert!(!refused.is_unexplained());
    let stats = Stats::of([Record::new(Timestamp::UNIX_EPOCH, refused)]);
    assert_eq!(
        (stats.overview.model_calls, stats.cost.unpriced_calls),
        (1, 0)
    );
    let used = ModelCall::unexplained(provider("p"), model("m")).usage(TokenUsage::new(1, 0));
    assert!(used.is_unpriced());
    let stats = Stats::of([Record::new(Timestamp::UNIX_EPOCH, used)]);
    assert_eq!(
        (stats.overview.model_calls, stats.cost.unpriced_calls),
        (0, 1)
    );
}
