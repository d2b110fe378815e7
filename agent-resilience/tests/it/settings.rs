//! Settings that cannot hold, and what is said about each.

use agent_resilience::{
    Backoff, BreakerConfig, ClearTimesConfig, ConcurrencyConfig, FallbackConfig, GateConfig,
    PolicyConfig, RateLimitConfig, RecoveryConfig, RetryBudgetConfig, RetryPolicy, RouteConfig,
    SettingFault, Settings, SpendBudgetConfig, StreamLimits,
};

use SettingFault::{Contradiction, Malformed, Missing, Negative, OutOfRange, UnknownField, Zero};

/// JSON, what is wrong with it, and the whole message.
type Row = (&'static str, SettingFault, &'static str);

fn refused<T: Settings + std::fmt::Debug>(rows: &[Row]) {
    for (json, fault, message) in rows {
        let error = T::from_json(json).unwrap_err();
        assert_eq!(error.to_string(), *message, "{json}");
        assert_eq!(error.fault(), *fault, "{json}");
        let path = if error.path().is_empty() {
            "the settings"
        } else {
            error.path()
        };
        assert!(message.starts_with(&format!("{path}: ")), "{json}: {path}");
    }
}

#[test]
fn each_default_holds_and_is_read_from_nothing() {
    fn holds<T: Settings + Default + PartialEq + std::fmt::Debug>() {
        assert_eq!(Settings::validate(&T::default()), Ok(()));
        assert_eq!(T::from_json("{}"), Ok(T::default()));
    }
    holds::<Backoff>();
    holds::<RetryPolicy>();
    holds::<RetryBudgetConfig>();
    holds::<ClearTimesConfig>();
    holds::<BreakerConfig>();
    holds::<RateLimitConfig>();
    holds::<ConcurrencyConfig>();
    holds::<GateConfig>();
    holds::<RecoveryConfig>();
    holds::<PolicyConfig>();
    holds::<FallbackConfig>();
    holds::<RouteConfig>();
    holds::<StreamLimits>();
    holds::<SpendBudgetConfig>();
}

#[test]
fn what_is_no_json_at_all_is_told_with_its_place() {
    refused::<RetryPolicy>(&[
        (
            "{\"total\": ",
            Malformed,
            "the settings: is no JSON (EOF while parsing a value at line 1 column 10); mend it at the line and column named",
        ),
        (
            "[5]",
            Malformed,
            "the settings: are no object; write {\"name\": value}, with the names of the settings",
        ),
    ]);
}

#[test]
fn retry_policy_says_what_cannot_hold() {
    refused::<RetryPolicy>(&[
        (
            r#"{"max_attempt": 3}"#,
            UnknownField,
            "max_attempt: is no setting; use one of max_attempts, backoff, longest_hint, attempt_timeout, total, per_kind, or leave it out",
        ),
        (
            r#"{"max_attempts": 0}"#,
            Zero,
            "max_attempts: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"backoff": {"factor": -2}}"#,
            Negative,
            "backoff.factor: is negative (-2); give 0 or more",
        ),
        (
            r#"{"backoff": {"first": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "backoff.first: is 0; give the first pause, or retries follow one another at once",
        ),
        (
            r#"{"backoff": {"first": {"secs": 60, "nanos": 0}}}"#,
            Contradiction,
            "backoff.longest: is 30s, less than the first pause of 60s; make it at least as long as first",
        ),
        (
            r#"{"attempt_timeout": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "attempt_timeout: is 0; give the longest that an attempt may take, or null for no limit",
        ),
        (
            r#"{"total": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "total: is 0; give the longest that all attempts may take, or null for no limit",
        ),
        (
            r#"{"total": -10}"#,
            Negative,
            "total: is negative (-10); give 0 or more",
        ),
        (
            r#"{"attempt_timeout": "600s"}"#,
            Contradiction,
            "attempt_timeout: is 600s, not less than the 600s that all attempts have together; make it less than total, or null for no limit",
        ),
        (
            r#"{"total": "10 parsecs"}"#,
            Malformed,
            "total: cannot be read (invalid value: string \"10 parsecs\", expected a duration such as \"30s\" or \"1m 30s\", or a number of seconds); write a time as \"30s\"",
        ),
        (
            r#"{"per_kind": {"auth": {"max_attempts": 4}}}"#,
            Contradiction,
            "per_kind.auth.max_attempts: is 4, but a failure of kind auth is never sent again to the same provider; leave it out",
        ),
        (
            r#"{"per_kind": {"timeout": {"backoff": {"first": {"secs": 0, "nanos": 0}}}}}"#,
            Zero,
            "per_kind.timeout.backoff.first: is 0; give the first pause, or retries follow one another at once",
        ),
        (
            r#"{"per_kind": {"server": {"longest_hint": {"secs": -1, "nanos": 0}}, "timeout": {"longest_hint": {"secs": -1, "nanos": 0}}}}"#,
            Negative,
            "per_kind.server.longest_hint.secs: is negative (-1); give 0 or more",
        ),
        (
            r#"{"per_kind": {"timeout": {"max_attempts": 0}}}"#,
            Zero,
            "per_kind.timeout.max_attempts: is 0; give at least 1 or leave it out",
        ),
    ]);
}

#[test]
fn retry_budget_and_clear_times_say_what_cannot_hold() {
    refused::<RetryBudgetConfig>(&[
        (
            r#"{"percent": 0, "min_per_second": 0}"#,
            Zero,
            "percent: is 0, and so is min_per_second: no retry would ever be made; give a share, or set max_attempts of the retries to 1",
        ),
        (
            r#"{"percent": -20}"#,
            Negative,
            "percent: is negative (-20); give 0 or more",
        ),
        (
            r#"{"window": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "window: is 0; give the time after which unused retries lapse",
        ),
        (
            r#"{"share": 20}"#,
            UnknownField,
            "share: is no setting; use one of percent, min_per_second, window, or leave it out",
        ),
    ]);
    refused::<ClearTimesConfig>(&[
        (
            r#"{"half_life": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "half_life: is 0; give the time after which what was learned counts half",
        ),
        (
            r#"{"max_keys": 0}"#,
            Zero,
            "max_keys: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"hints": "ignore"}"#,
            Malformed,
            "hints: cannot be read (unknown variant `ignore`, expected `keep` or `may_undercut`); give a value of the type expected",
        ),
    ]);
}

#[test]
fn breaker_says_what_cannot_hold() {
    refused::<BreakerConfig>(&[
        (
            r#"{"failure_rate": 101}"#,
            OutOfRange,
            "failure_rate: is out of range (101 is no percentage that could be reached, give 1 to 100); give a number in the range that the setting has",
        ),
        (
            r#"{"probes": 0}"#,
            Zero,
            "probes: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"open_for": {"secs": -5, "nanos": 0}}"#,
            Negative,
            "open_for.secs: is negative (-5); give 0 or more",
        ),
        (
            r#"{"open_for": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "open_for: is 0; give the time after which a call may be tried again",
        ),
        (
            r#"{"half_open_for": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "half_open_for: is 0; give a time longer than a call may take",
        ),
        (
            r#"{"window": {"time": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "window.time: is 0; give the time that rates look back on",
        ),
        (
            r#"{"window": {"calls": 5000}}"#,
            OutOfRange,
            "window.calls: is 5000, more than a window holds; give at most 1024",
        ),
        (
            r#"{"window": {"calls": 50}, "minimum_calls": 80}"#,
            Contradiction,
            "minimum_calls: is 80, more than the 50 calls of the window; make it at most window.calls",
        ),
        (
            r#"{"slow_calls": {"after": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "slow_calls.after: is 0; give the time from which a call is slow, or leave slow_calls out",
        ),
        (
            r#"{"consecutive_failures": null, "failure_rate": null}"#,
            Contradiction,
            "consecutive_failures: is null, and so are failure_rate and slow_calls: nothing ever opens it; set one of the three, or leave the breaker out",
        ),
        (
            r#"{"weights": {"overloaded": 0, "server": 0, "timeout": 0, "network": 0, "stream_cut": 0, "unknown": 0}}"#,
            Contradiction,
            "weights: are all 0: no failure ever opens it; give at least one kind of failure a weight, or leave the breaker out",
        ),
        (
            r#"{"weights": {"time_out": 2}}"#,
            Malformed,
            "weights.time_out: cannot be read (\"time_out\" is no kind of failure, such as \"timeout\"); give a value of the type expected",
        ),
    ]);
}

#[test]
fn rate_limit_says_what_cannot_hold() {
    const DAY: &str = r#""period": {"secs": 86400, "nanos": 0}"#;
    let windows = |windows: &str| {
        let json = format!(r#"{{"windows": [{windows}]}}"#);
        RateLimitConfig::from_json(&json.replace("DAY", DAY)).unwrap_err()
    };
    for (json, fault, message) in [
        (
            r#"{"resource": "requests", "limit": 0, DAY}"#,
            Zero,
            "windows[0].limit: a limit of 0 requests in 86400s lets nothing through; leave the window out or allow at least 1",
        ),
        (
            r#"{"resource": "requests", "limit": 10, "burst": 0, DAY}"#,
            Zero,
            "windows[0].burst: a limit of 0 requests in 86400s lets nothing through; leave the window out or allow at least 1",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, DAY}, {"resource": "tokens", "limit": -9, DAY}"#,
            Negative,
            "windows[1].limit: is negative (-9); give 0 or more",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, "period": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "windows[0].period: a period of 0ns for tokens cannot be counted; use more than 0 and at most 366 days",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, "burst": 10, DAY}"#,
            Contradiction,
            "windows[0].burst: is 10, more than the limit of 9; make it at most limit, or leave it out",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, "burst": 3, "kind": "fixed", DAY}"#,
            Contradiction,
            "windows[0].burst: is 3, but a fixed window may be used up at once; leave it out, or let the window refill",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, DAY}, {"resource": "tokens", "limit": 12, DAY}"#,
            Contradiction,
            "windows[1]: limits the same in the same time as windows[0]; keep the smaller of the two",
        ),
        (
            r#"{"resource": "concurrency", "limit": 9, DAY}"#,
            Contradiction,
            "windows[0].resource: calls under way have no period; use a concurrency limit",
        ),
        (
            r#"{"resource": "tokens", "limit": 9}"#,
            Missing,
            "windows[0]: lacks a setting (missing field `period`); add it",
        ),
        (
            r#"{"resource": "tokens", "limit": 9, "per": "day", DAY}"#,
            UnknownField,
            "windows[0].per: is no setting; use one of resource, limit, period, burst, kind, or leave it out",
        ),
    ] {
        let error = windows(json);
        assert_eq!(
            (error.to_string().as_str(), error.fault()),
            (message, fault),
            "{json}"
        );
    }
    let many: Vec<_> = (1..=RateLimitConfig::WINDOWS_MAX + 1)
        .map(|secs| {
            format!(
                r#"{{"resource": "tokens", "limit": 9, "period": {{"secs": {secs}, "nanos": 0}}}}"#
            )
        })
        .collect();
    let error = windows(&many.join(", "));
    assert_eq!((error.path(), error.fault()), ("windows", OutOfRange));
}

#[test]
fn concurrency_and_gate_say_what_cannot_hold() {
    refused::<ConcurrencyConfig>(&[
        (
            r#"{"limit": 0}"#,
            Zero,
            "limit: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"limit": 300, "adaptive": {}}"#,
            Contradiction,
            "limit: is 300, outside of adaptive.min and adaptive.max; start between min and max",
        ),
        (
            r#"{"adaptive": {"min": 9, "max": 3}}"#,
            OutOfRange,
            "adaptive.min: is out of range; use at least 1 and at most max",
        ),
        (
            r#"{"adaptive": {"backoff": 1.0}}"#,
            OutOfRange,
            "adaptive.backoff: is out of range; use more than 0 and less than 1",
        ),
        (
            r#"{"adaptive": {"max": -1}}"#,
            Negative,
            "adaptive.max: is negative (-1); give 0 or more",
        ),
        (
            r#"{"adaptive": {"head_room": 1}}"#,
            UnknownField,
            "adaptive.head_room: is no setting; use one of min, max, headroom, tolerance, smoothing, long_window, backoff, or leave it out",
        ),
    ]);
    refused::<GateConfig>(&[
        (
            r#"{"ramp_max": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "ramp_max: is 0; give the longest time over which tasks come back, or they come back together",
        ),
        (
            r#"{"ramp_min": {"secs": 40, "nanos": 0}}"#,
            Contradiction,
            "ramp_min: is 40s, more than ramp_max of 30s; make it at most ramp_max",
        ),
    ]);
}

#[test]
fn recovery_says_what_cannot_hold() {
    refused::<RecoveryConfig>(&[
        (
            r#"{"ladder": []}"#,
            Contradiction,
            "ladder: is empty: no request is ever changed; name at least one strategy, or use no recovery",
        ),
        (
            r#"{"ladder": [{"strategy": "chunk"}, {"strategy": "chunk"}]}"#,
            Contradiction,
            "ladder[1].strategy: is chunk, as in ladder[0]; name each strategy once and give it tries",
        ),
        (
            r#"{"ladder": [{"strategy": "stop"}, {"strategy": "chunk"}]}"#,
            Contradiction,
            "ladder[1].strategy: is chunk, behind stop in ladder[0]; put it before stop, or leave it out",
        ),
        (
            r#"{"ladder": [{"strategy": "chunk", "tries": 0}]}"#,
            Zero,
            "ladder[0].tries: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"reduce": 95}"#,
            OutOfRange,
            "reduce: is 95 %: next to nothing would be left; give at most 90",
        ),
        (
            r#"{"margin": 60}"#,
            OutOfRange,
            "margin: is 60 %: more than half of each window would stay empty; give at most 50",
        ),
        (
            r#"{"max_parts": 1}"#,
            OutOfRange,
            "max_parts: is 1: a request in one part is not split; give at least 2, or leave chunk out of the ladder",
        ),
        (
            r#"{"max_output": 100}"#,
            Contradiction,
            "max_output: is 100, less than min_output of 256; make it at least min_output",
        ),
        (
            r#"{"remember": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "remember: is 0; give the time for which a learned limit is kept to",
        ),
    ]);
    for json in [
        r#"{"ladder": [{"strategy": "pray"}]}"#,
        r#"{"max_steps": 4294967296}"#,
    ] {
        assert!(RecoveryConfig::from_json(json).is_err(), "{json}");
    }
}

#[test]
fn streams_of_a_chain_are_given_no_time_that_the_chain_has_not() {
    refused::<FallbackConfig>(&[
        (
            r#"{"stream": {"first_token": "180s"}}"#,
            Contradiction,
            "stream.first_token: is 180s, and the chain gives up after 120s; shorten it, or lengthen attempt_timeout",
        ),
        (
            r#"{"attempt_timeout": null, "retry": {"attempt_timeout": "90s"}, "stream": {"first_token": "91s"}}"#,
            Contradiction,
            "stream.first_token: is 91s, and the chain gives up after 90s; shorten it, or lengthen attempt_timeout",
        ),
        (
            r#"{"stream": {"total": "15m"}}"#,
            Contradiction,
            "stream.total: is 900s, and the chain gives up after 600s; shorten it, or lengthen retry.total",
        ),
    ]);
    for json in [
        r#"{"stream": {"first_token": "120s"}}"#,
        r#"{"attempt_timeout": "180s", "stream": {"first_token": "180s"}}"#,
        r#"{"attempt_timeout": "10s"}"#,
        r#"{"retry": {"total": "30s"}, "attempt_timeout": "10s"}"#,
        r#"{"retry": {"total": null}, "attempt_timeout": null, "stream": {"total": "1h", "first_token": "30m"}}"#,
    ] {
        assert!(FallbackConfig::from_json(json).is_ok(), "{json}");
    }
}

#[test]
fn chains_routes_streams_and_budgets_say_what_cannot_hold() {
    refused::<FallbackConfig>(&[
        (
            r#"{"retry": {"backoff": {"first": {"secs": 0, "nanos": 0}}}}"#,
            Zero,
            "retry.backoff.first: is 0; give the first pause, or retries follow one another at once",
        ),
        (
            r#"{"breaker": {"probes": -1}}"#,
            Negative,
            "breaker.probes: is negative (-1); give 0 or more",
        ),
        (
            r#"{"rest": {"first": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "rest.first: is 0; give the rest after a first failure, or a provider that fails is asked at once",
        ),
        (
            r#"{"rest": {"first": {"secs": 700, "nanos": 0}}}"#,
            Contradiction,
            "rest.longest: is 600s, less than the first rest of 700s; make it at least as long as first",
        ),
        (
            r#"{"attempt_timeout": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "attempt_timeout: is 0; give the longest that an attempt may take, or null for no limit",
        ),
        (
            r#"{"probe_every": {"secs": 0, "nanos": 0}}"#,
            Zero,
            "probe_every: is 0; give the time between two probes",
        ),
    ]);
    for (error, path, fault) in [
        (
            RouteConfig::from_json(r#"{"assumed_latency": {"secs": 0, "nanos": 0}}"#).unwrap_err(),
            "assumed_latency",
            Zero,
        ),
        (
            RouteConfig::from_json(r#"{"learned": {"capacity": 0}}"#).unwrap_err(),
            "learned.capacity",
            Zero,
        ),
        (
            RouteConfig::from_json(r#"{"learned": {"half_life": {"secs": 0, "nanos": 0}}}"#)
                .unwrap_err(),
            "learned.half_life",
            Zero,
        ),
        (
            StreamLimits::from_json(r#"{"idle": {"secs": 0, "nanos": 0}}"#).unwrap_err(),
            "idle",
            Zero,
        ),
        (
            StreamLimits::from_json(r#"{"first_token": {"secs": 700, "nanos": 0}}"#).unwrap_err(),
            "first_token",
            Contradiction,
        ),
        (
            SpendBudgetConfig::from_json(r#"{"day": {"tokens": 0}}"#).unwrap_err(),
            "day",
            Zero,
        ),
        (
            SpendBudgetConfig::from_json(r#"{"session": {"usd": "-1"}}"#).unwrap_err(),
            "session",
            Negative,
        ),
        (
            SpendBudgetConfig::from_json(r#"{"request": {"tokens": 9}, "day": {"tokens": 8}}"#)
                .unwrap_err(),
            "request",
            Contradiction,
        ),
        (
            SpendBudgetConfig::from_json(r#"{"time_zone": "Mars/Olympus"}"#).unwrap_err(),
            "time_zone",
            OutOfRange,
        ),
    ] {
        assert_eq!((error.path(), error.fault()), (path, fault), "{error}");
        assert!(error.to_string().contains("; "), "{error}");
    }
}

#[test]
fn policy_names_the_path_through_all_of_it() {
    refused::<PolicyConfig>(&[
        (
            r#"{"retries": {}}"#,
            UnknownField,
            "retries: is no setting; use one of vendor, retry, retry_budget, clear_times, rate_limit, concurrency, breaker, or leave it out",
        ),
        (
            r#"{"vendor": "grok"}"#,
            Malformed,
            "vendor: cannot be read (unknown variant `grok`, expected one of `anthropic`, `open_ai`, `openai`, `azure_openai`, `groq`, `gemini`, `vertex`, `mistral`, `bedrock`, `openrouter`, `ollama`, `vllm`, `llama_cpp`, `github_copilot`, `github_models`, `cerebras`, `zai`, `cohere`, `open_ai_compatible`, `openai_compatible`); give a value of the type expected",
        ),
        (
            r#"{"retry": {"per_kind": {"server": {"backoff": {"factor": 0}}}}}"#,
            Zero,
            "retry.per_kind.server.backoff.factor: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"retry": {"backoff": {"first": {"secs": 31, "nanos": 0}}}}"#,
            Contradiction,
            "retry.backoff.longest: is 30s, less than the first pause of 31s; make it at least as long as first",
        ),
        (
            r#"{"retry_budget": {"window": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "retry_budget.window: is 0; give the time after which unused retries lapse",
        ),
        (
            r#"{"clear_times": {"half_life": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "clear_times.half_life: is 0; give the time after which what was learned counts half",
        ),
        (
            r#"{"rate_limit": {"windows": [{"resource": "requests", "limit": 0, "period": {"secs": 60, "nanos": 0}}]}}"#,
            Zero,
            "rate_limit.windows[0].limit: a limit of 0 requests in 60s lets nothing through; leave the window out or allow at least 1",
        ),
        (
            r#"{"concurrency": {"adaptive": {"long_window": 0}}}"#,
            OutOfRange,
            "concurrency.adaptive.long_window: is out of range; use at least 1",
        ),
        (
            r#"{"breaker": {"slow_calls": {"percent": 0}}}"#,
            Zero,
            "breaker.slow_calls.percent: is 0; give at least 1 or leave it out",
        ),
        (
            r#"{"breaker": {"guards": "everything"}}"#,
            Malformed,
            "breaker.guards: cannot be read (unknown variant `everything`, expected one of `request`, `key`, `model`, `provider`, `account`); give a value of the type expected",
        ),
        (
            r#"{"retry": {"total": {"secs": 100, "nanos": 0}}, "breaker": {"half_open_for": {"secs": 0, "nanos": 0}}}"#,
            Zero,
            "breaker.half_open_for: is 0; give a time longer than a call may take",
        ),
    ]);
}

#[test]
fn hostile_settings_are_refused_in_bounded_time_and_without_a_panic() {
    let nested = format!("{}{}", "{\"retry\":".repeat(100), "}".repeat(100));
    let wide = format!(
        "{{{}}}",
        (0..5_000)
            .map(|n| format!("\"k{n}\": {n}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let long = format!("{{\"{}\": 1}}", "x".repeat(100_000));
    for json in [
        "",
        "null",
        "7",
        "[]",
        "[1,2]",
        &nested,
        &wide,
        &long,
        "{\"retry\": null}",
        "{\"\": 1}",
    ] {
        let error = PolicyConfig::from_json(json).map(|_| ()).unwrap_err();
        assert!(error.path().len() < 1_000, "{}", error.path().len());
    }
}
