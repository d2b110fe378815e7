//! One row for each name of a metric.

use super::super::table::{Read, Signal};
use super::metric_rows::{AMOUNTS, PLAIN};
use super::*;

fn service(name: &str) -> &'static str {
    match name.split(['.', '_']).next() {
        Some("claude") => "service.name=claude-code",
        Some("gemini") => "service.name=gemini-cli",
        Some("codex") => "service.name=codex_cli_rs",
        _ => "service.name=bot",
    }
}

/// The cells of each row.
fn cells<const N: usize>(rows: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let rows = rows.lines().filter(|row| !row.is_empty());
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

#[test]
fn metric_of_each_name_becomes_what_its_row_says() {
    let mut tested = Vec::new();
    for [name, unit, text, expected] in cells(AMOUNTS) {
        let meaning = meaning(service(name), name, unit, text);
        assert!(meaning.is_known());
        for number in [Number::Int(3), Number::Double(3.0)] {
            assert_eq!(added(&meaning, number), expected, "{name}");
        }
        tested.push(name);
    }
    for [name, unit, expected] in cells(PLAIN) {
        let meaning = meaning(service(name), name, unit, "");
        assert!(meaning.is_known());
        let expected = format!("{name} {expected}");
        assert_eq!(added(&meaning, Number::Int(3)), expected);
        assert_eq!(measured(&meaning, 2, 6.0), expected, "the mean");
        tested.push(name);
    }
    assert_all_names(Signal::Metric, &tested);
}

#[test]
fn tokens_of_each_type_go_into_their_bucket() {
    for (name, key, kind, expected) in [
        ("claude_code.token.usage", "type", "input", Bucket::Input),
        ("claude_code.token.usage", "type", "output", Bucket::Output),
        (
            "claude_code.token.usage",
            "type",
            "cacheRead",
            Bucket::CacheRead,
        ),
        (
            "claude_code.token.usage",
            "type",
            "cacheCreation",
            Bucket::CacheWrite,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "input",
            Bucket::InputInclusive,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "output",
            Bucket::Output,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "completion",
            Bucket::Output,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "input",
            Bucket::InputInclusive,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "tool",
            Bucket::InputInclusive,
        ),
        ("gemini_cli.token.usage", "type", "cache", Bucket::CacheRead),
        (
            "gemini_cli.token.usage",
            "type",
            "output",
            Bucket::OutputExclusive,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "thought",
            Bucket::Reasoning,
        ),
    ] {
        let text = format!("{key}={kind} model=m");
        let meaning = meaning("", name, "", &text);
        let expected = format!("{expected:?} 7 unknown m");
        assert_eq!(added(&meaning, Number::Int(7)), expected, "{name} {kind}");
        assert_eq!(
            measured(&meaning, 2, 7.0),
            expected,
            "the sum of a histogram"
        );
    }
    let types = table::GROUPS.iter().flat_map(|group| group.rows);
    let types = types.filter_map(|row| match row.read {
        Read::Tokens(types) => Some(types.len()),
        _ => None,
    });
    assert_eq!(types.sum::<usize>(), 12, "each has a row above");
}

#[test]
fn amount_names_its_metric_and_its_span_of_time() {
    let meaning = meaning(
        "",
        "gen_ai.client.token.usage",
        "",
        "gen_ai.token.type=input",
    );
    let mut out = Vec::new();
    meaning.of_number(Number::Int(1), moment(START), moment(END), &mut out);
    let What::Amount(amount) = &out[0].what else {
        panic!()
    };
    assert_eq!(
        (amount.source, amount.since),
        ("gen_ai.client.token.usage", moment(START))
    );
    assert_eq!(out[0].at, moment(END));
}

#[test]
fn histogram_of_durations_counts_calls_and_keeps_their_mean() {
    for (operation, expected) in [
        (
            "gen_ai.operation.name=chat",
            "Calls 4 openai m\ngen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "",
            "Calls 4 openai m\ngen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=execute_tool",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=invoke_agent",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=retrieval",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=brand_new",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
    ] {
        let text = format!("gen_ai.provider.name=openai gen_ai.request.model=m {operation}");
        let meaning = meaning("", "gen_ai.client.operation.duration", "s", &text);
        assert_eq!(measured(&meaning, 4, 6.0), expected, "{operation}");
        let mut out = Vec::new();
        meaning.of_histogram(0, Some(0.0), moment(START), moment(END), &mut out);
        assert_eq!(out, []);
    }
}

#[test]
fn cost_is_exact_to_the_pico_dollar() {
    let meaning = meaning(
        "service.name=claude-code",
        "claude_code.cost.usage",
        "USD",
        "model=m",
    );
    let picos = |dollars| added(&meaning, Number::Double(dollars));
    assert_eq!(picos(0.012_345_678_901), "Cost 12345678901 anthropic m");
    assert_eq!(picos(1e-12), "Cost 1 anthropic m");
    assert_eq!(picos(-1.0), "");
    assert_eq!(picos(f64::NAN), "");
    assert_eq!(picos(f64::INFINITY), "");
    assert_eq!(picos(1e30), "");
}

#[test]
fn nothing_and_less_than_nothing_add_nothing() {
    let tokens = meaning("", "claude_code.token.usage", "", "type=input model=m");
    for number in [
        Number::Int(0),
        Number::Int(-4),
        Number::Double(-0.6),
        Number::Double(f64::NAN),
    ] {
        assert_eq!(added(&tokens, number), "");
    }
    let plain = meaning("", "claude_code.commit.count", "", "");
    assert_eq!(added(&plain, Number::Int(0)), "");
    assert_eq!(added(&plain, Number::Double(0.0)), "");
    assert_eq!(
        added(&tokens, Number::Int(i64::MAX)),
        format!("Input {} unknown m", i64::MAX)
    );
    assert_eq!(
        added(&tokens, Number::Double(1e300)),
        format!("Input {} unknown m", u64::MAX)
    );
}

#[test]
fn metric_of_another_name_stands_for_itself() {
    let meaning = meaning("session.id=s1", "my.own_metric", "ms", "model=m type=input");
    assert!(!meaning.is_known());
    assert_eq!(
        added(&meaning, Number::Double(2.0)),
        "my.own_metric 0.002 seconds"
    );
    assert_eq!(
        added(&meaning, Number::Int(-2)),
        "my.own_metric -0.002 seconds",
        "it may go down"
    );
    assert_eq!(measured(&meaning, 2, 8.0), "my.own_metric 0.004 seconds");
    let mut out = Vec::new();
    meaning.of_gauge(Number::Int(0), moment(END), &mut out);
    assert_eq!(
        lines(&out),
        "my.own_metric 0 seconds",
        "a gauge may show nothing"
    );
    assert_eq!(out[0].who.session.as_ref().unwrap().as_str(), "s1");
}

#[test]
fn gauge_of_a_known_name_adds_nothing_to_anything() {
    let meaning = meaning(
        "",
        "claude_code.token.usage",
        "tokens",
        "type=input model=m",
    );
    let mut out = Vec::new();
    meaning.of_gauge(Number::Int(3), moment(END), &mut out);
    assert_eq!(lines(&out), "claude_code.token.usage 3 count");
}

#[test]
fn long_name_of_a_metric_is_cut() {
    let meaning = meaning("", &"x".repeat(100_000), "", "");
    let mut out = Vec::new();
    meaning.of_number(Number::Int(1), moment(START), moment(END), &mut out);
    let What::Metric(metric) = &out[0].what else {
        panic!()
    };
    assert!(metric.name().len() <= 128);
}

#[test]
fn what_an_sdk_had_no_room_for_keeps_its_total_and_belongs_to_nobody() {
    let resource = "service.name=claude-code service.instance.id=i1";
    let overflow = "otel.metric.overflow=true";
    let cost = meaning(resource, "claude_code.cost.usage", "USD", overflow);
    assert!(cost.notes().overflow);
    assert_eq!(cost.who().session, None);
    assert_eq!(
        added(&cost, Number::Int(1)),
        "Cost 1000000000000 anthropic unknown"
    );
    let tokens = meaning(resource, "claude_code.token.usage", "tokens", overflow);
    assert_eq!(
        added(&tokens, Number::Int(5)),
        "claude_code.token.usage.overflow 5 tokens"
    );
}

#[test]
fn metrics_are_split_by_words_of_the_table_alone() {
    for (name, text, expected) in [
        (
            "claude_code.active_time.total",
            "type=cli",
            "claude_code.active_time.total.cli",
        ),
        (
            "claude_code.active_time.total",
            "type=secret",
            "claude_code.active_time.total",
        ),
        (
            "claude_code.code_edit_tool.decision",
            "decision=reject",
            "claude_code.code_edit_tool.decision.reject",
        ),
        (
            "codex.turn.token_usage",
            "token_type=cached_input",
            "codex.turn.token_usage.cached_input",
        ),
        (
            "codex.turn.token_usage",
            "token_type=total",
            "codex.turn.token_usage.total",
        ),
    ] {
        let meaning = meaning("", name, "", text);
        let said = added(&meaning, Number::Int(1));
        assert_eq!(said.split(' ').next(), Some(expected));
    }
}

#[test]
fn session_that_is_resumed_is_said_to_be() {
    for (start, resumed) in [
        ("fresh", false),
        ("resume", true),
        ("continue", true),
        ("agents_view", false),
    ] {
        let text = format!("start_type={start}");
        let meaning = meaning("", "claude_code.session.count", "", &text);
        assert_eq!(
            added(&meaning, Number::Int(1)),
            format!("began resumed={resumed}")
        );
    }
}

#[test]
fn reading_files_changes_none() {
    let meaning = meaning("", "gemini_cli.file.operation.count", "", "operation=read");
    assert_eq!(
        added(&meaning, Number::Int(2)),
        "gemini_cli.file.operation.count 2 count"
    );
}
