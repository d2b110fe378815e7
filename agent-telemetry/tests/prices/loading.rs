//! What the loader makes of every key, and of what it cannot read.

use agent_telemetry::{KeyKind, LoadError, LoadReport, Prices, ProblemKind, Unpriced};

use crate::map::{EXTRACT, READ, cost, input, load, usd, whole};

fn report(map: &str) -> LoadReport {
    Prices::from_litellm(map, READ).unwrap().1
}

fn keys(report: &LoadReport, kind: KeyKind) -> Vec<&str> {
    let of_kind = report.keys.iter().filter(|(_, line)| line.kind == kind);
    of_kind.map(|(key, _)| key.as_str()).collect()
}

#[test]
fn every_entry_and_cost_key_of_the_whole_map_is_read() {
    let Some(map) = whole("entries and keys") else {
        return;
    };
    let report = report(&map);
    println!("{report}");
    assert_eq!(report.problems, []);
    assert_eq!(
        (report.entries, report.left_out, report.not_models),
        (4_553, 0, 2)
    );
    assert_eq!((report.priced, report.without_price), (4_457, 94));
    assert_eq!((report.prices, report.rounded), (18_428, 0));
    assert_eq!(report.keys_of(KeyKind::NotUnderstood), 0);
    assert_eq!(report.keys_not_listed, 0);
}

#[test]
fn extract_holds_every_cost_key_of_the_map() {
    let small = report(EXTRACT);
    assert_eq!(small.problems, []);
    assert_eq!(
        keys(&small, KeyKind::NotApplied),
        [
            "input_dbu_cost_per_token",
            "output_dbu_cost_per_token",
            "provider_specific_entry.minimax_free_input_images",
            "search_free_requests",
            "web_search_billing_unit"
        ]
    );
    let Some(map) = whole("the keys") else { return };
    let whole = report(&map);
    assert_eq!(keys(&small, KeyKind::Price), keys(&whole, KeyKind::Price));
}

#[test]
fn entry_that_cannot_be_read_is_reported_and_spoils_no_other() {
    let map = r#"{
        "good": {"input_cost_per_token": "3e-06", "output_cost_per_token": null},
        "word": {"input_cost_per_token": "dear"},
        "debt": {"input_cost_per_token": -1e-06},
        "huge": {"input_cost_per_token": 1e30},
        "list": {"input_cost_per_token": [1]},
        "text": "no entry",
        "range": {"input_cost_per_token": 1e-06, "tiered_pricing": [{"range": [5, 1]}]},
        "ranges": {"tiered_pricing": 7},
        "hours": {"off_peak_pricing": {"hours_utc": "25:00-26:00"}},
        "calendar": {"off_peak_pricing": {"weekday_timezone": "Mars/Olympus"}},
        "factor": {"input_cost_per_token": 1e-06, "regional_endpoint_uplift_multiplier": -1},
        "new": {"input_cost_per_token": 1e-06, "input_cost_per_dream": 1, "colour": "red"},
        "twice": {"input_cost_per_token": 1e-06, "input_cost_per_token": 2e-06},
        "twice": {"input_cost_per_token": 5e-06},
        "since": {"input_cost_per_token": 1e-06, "since": "yesterday"}
    }"#;
    let (prices, report) = Prices::from_litellm(map, READ).unwrap();
    let problems: Vec<(&str, &str, ProblemKind)> = report
        .problems
        .iter()
        .map(|it| (it.entry.as_str(), it.key.as_str(), it.what))
        .collect();
    assert_eq!(
        problems,
        [
            ("word", "input_cost_per_token", ProblemKind::NotANumber),
            ("debt", "input_cost_per_token", ProblemKind::Negative),
            ("huge", "input_cost_per_token", ProblemKind::TooLarge),
            ("list", "input_cost_per_token", ProblemKind::NotANumber),
            ("text", "", ProblemKind::NotAnObject),
            ("range", "tiered_pricing", ProblemKind::BadRange),
            ("ranges", "tiered_pricing", ProblemKind::NotAnObject),
            ("hours", "off_peak_pricing.hours_utc", ProblemKind::BadHours),
            (
                "calendar",
                "off_peak_pricing.weekday_timezone",
                ProblemKind::UnknownCalendar
            ),
            (
                "factor",
                "regional_endpoint_uplift_multiplier",
                ProblemKind::BadFactor
            ),
            ("new", "input_cost_per_dream", ProblemKind::NotUnderstood),
            ("twice", "input_cost_per_token", ProblemKind::Duplicate),
            ("twice", "", ProblemKind::Duplicate),
            ("since", "since", ProblemKind::BadDate),
        ]
    );
    assert_eq!(
        (report.entries, report.priced, report.left_out),
        (15, 4, 11)
    );
    assert_eq!(report.keys["colour"].kind, KeyKind::Description);
    let price = |name| cost(&prices, name, &input(1_000_000), READ).map(|it| it.amount);
    assert_eq!(price("good"), Ok(usd("3")));
    assert_eq!(price("new"), Ok(usd("1")));
    assert_eq!(price("twice"), Ok(usd("5")));
    assert_eq!(price("word"), Err(Unpriced::UnknownModel));
    assert_eq!(
        price("range"),
        Err(Unpriced::UnknownModel),
        "half a price is no price"
    );
}

#[test]
fn text_that_is_no_map_is_an_error() {
    for text in ["", "[]", "{", "7", "{\"a\": }", "{} {}", "\u{feff}{}"] {
        let error = Prices::from_litellm(text, READ).unwrap_err();
        assert!(matches!(error, LoadError::Syntax(_)), "{text:?}: {error}");
    }
    let deep = format!("{{\"deep\": {}", "[".repeat(1 << 20));
    assert!(matches!(
        Prices::from_litellm(&deep, READ),
        Err(LoadError::Syntax(_))
    ));
    let nested = format!(
        "{{\"deep\": {{\"tiered_pricing\": {}{}}}}}",
        "[".repeat(9_999),
        "]".repeat(9_999)
    );
    assert_eq!(report(&nested).left_out, 1);
}

#[test]
fn map_beyond_the_limits_is_refused() {
    let many: Vec<String> = (0..100_001).map(|it| format!("\"{it}\":{{}}")).collect();
    let error = Prices::from_litellm(&format!("{{{}}}", many.join(",")), READ).unwrap_err();
    assert!(
        matches!(error, LoadError::TooManyEntries { limit: 100_000 }),
        "{error}"
    );
    let endless = std::io::repeat(b' ');
    let error = Prices::from_litellm_reader(endless, READ).unwrap_err();
    assert!(
        matches!(error, LoadError::TooLong { limit: 67_108_864 }),
        "{error}"
    );
    let fields: Vec<String> = (0..1_001).map(|it| format!("\"{it}\":0")).collect();
    let wide = format!(
        "{{\"wide\":{{{}}},\"{}\":{{}}}}",
        fields.join(","),
        "n".repeat(513)
    );
    let report = report(&wide);
    assert_eq!(report.left_out, 2);
    assert!(
        report
            .problems
            .iter()
            .all(|it| it.what == ProblemKind::Oversized),
        "{report:?}"
    );
}

#[test]
fn problems_and_keys_beyond_what_is_listed_are_counted() {
    let entries: Vec<String> = (0..1_500)
        .map(|it| {
            let keys: Vec<String> = (0..10).map(|key| format!("\"k{it}-{key}\":0")).collect();
            format!(
                "\"{it}\":{{{},\"input_cost_per_token\":\"x\"}}",
                keys.join(",")
            )
        })
        .collect();
    let report = report(&format!("{{{}}}", entries.join(",")));
    assert_eq!(
        (report.problems.len(), report.problems_not_listed),
        (1_000, 500)
    );
    assert_eq!((report.keys.len(), report.keys_not_listed), (10_000, 5_001));
}

#[test]
fn price_of_zero_is_known_and_a_missing_one_is_not() {
    let prices = load(
        r#"{"free": {"input_cost_per_token": 0, "output_cost_per_token": 0.0}, "none": {"mode": "chat"}}"#,
    );
    assert_eq!(
        cost(&prices, "free", &input(5), READ).map(|it| it.amount),
        Ok(usd("0"))
    );
    assert_eq!(
        cost(&prices, "none", &input(5), READ).unwrap_err(),
        Unpriced::UnknownModel
    );
    assert_eq!(
        cost(&prices, "sample_spec", &input(5), READ).unwrap_err(),
        Unpriced::UnknownModel
    );
}
