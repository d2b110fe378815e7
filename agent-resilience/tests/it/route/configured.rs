//! Settings that cannot hold are refused, each with what to do.

use std::time::Duration;

use agent_resilience::{InvalidRoute, RouteConfig, RouteStrategy, RouteWeights};

#[test]
fn the_default_and_every_strategy_hold() {
    for strategy in [
        RouteStrategy::Preference,
        RouteStrategy::Cheapest,
        RouteStrategy::Fastest,
        RouteStrategy::Balanced(RouteWeights::default()),
        RouteStrategy::Learned,
    ] {
        let config = RouteConfig::new(strategy);
        assert_eq!(config.validate(), Ok(()));
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<RouteConfig>(&json).unwrap(), config);
        assert!(json.contains(strategy.as_str()), "{json}");
    }
}

#[test]
fn what_cannot_hold_is_named() {
    let still = RouteConfig {
        assumed_latency: Duration::ZERO,
        ..RouteConfig::default()
    };
    assert_eq!(still.validate(), Err(InvalidRoute::AssumedLatency));

    let mut forgetful = RouteConfig::default();
    forgetful.learned.half_life = Duration::ZERO;
    let refused = forgetful.validate().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a half-life of 0 forgets everything at once: give at least a second"
    );

    let mut roomless = RouteConfig::default();
    roomless.learned.capacity = 0;
    assert_eq!(roomless.validate(), Err(InvalidRoute::NoRoom));

    let weightless: RouteConfig = serde_json::from_str(
        r#"{"strategy": {"balanced": {"price": 0, "latency": 0, "success": 0, "strength": 0}}}"#,
    )
    .unwrap();
    assert_eq!(weightless.validate(), Err(InvalidRoute::NoWeight));
}

#[test]
fn unknown_and_impossible_fields_are_refused_when_read() {
    let refused = |json: &str| {
        serde_json::from_str::<RouteConfig>(json)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(r#"{"stratgy": "cheapest"}"#).starts_with("unknown field `stratgy`"));
    assert!(refused(r#"{"strategy": "best"}"#).starts_with("unknown variant `best`"));
    assert!(refused(r#"{"strategy": {"balanced": {"price": -1}}}"#).contains("`-1`"));
    assert!(refused(r#"{"strategy": {"balanced": {"price": 1.5}}}"#).contains("`1.5`"));
    assert!(refused(r#"{"strategy": {"balanced": {"prize": 1}}}"#).contains("`prize`"));
    assert!(refused(r#"{"learned": {"half_life_calls": 0}}"#).contains("nonzero"));
    assert!(refused(r#"{"assumed_price": {"input": "-1", "output": "1"}}"#).contains("negative"));
}
