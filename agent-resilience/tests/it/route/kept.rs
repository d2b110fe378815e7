//! Decisions that are written and read again.

use agent_resilience::{
    Candidate, Considered, Decision, Needs, Profile, RouteConfig, Score, Skip, SpendAdvice, decide,
};

fn decided(count: usize) -> Decision {
    let profile = Profile::default();
    let candidates = (0..count).map(|place| match place % 3 {
        0 => Candidate::new(&profile).skip(Skip::Tried),
        _ => Candidate::new(&profile),
    });
    let config = RouteConfig::default();
    decide(
        candidates,
        &Needs::default(),
        &config,
        SpendAdvice::PreferCheap,
        0,
    )
}

#[test]
fn a_decision_reads_back_as_it_was() {
    for count in [0, 1, 2, 32, 33, 200] {
        let decision = decided(count);
        let json = serde_json::to_string(&decision).unwrap();
        assert_eq!(
            serde_json::from_str::<Decision>(&json).unwrap(),
            decision,
            "{json}"
        );
    }
    let json = serde_json::to_value(decided(3)).unwrap();
    let expected = serde_json::json!({
        "strategy": "preference",
        "advice": "prefer_cheap",
        "chosen": 1,
        "considered": [{"skipped": "tried"}, {"chosen": 3_000}, {"lost": 2_000}],
        "left_out": 0
    });
    let shape = |value: &serde_json::Value| {
        value["considered"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_object().unwrap().keys().next().unwrap().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(&json), shape(&expected));
    assert_eq!(
        (&json["strategy"], &json["chosen"]),
        (&expected["strategy"], &expected["chosen"])
    );
    assert_eq!(json["advice"], expected["advice"]);
}

#[test]
fn texts_that_no_decision_wrote_are_refused() {
    let with = |chosen: &str, considered: &str, left_out: u32| {
        serde_json::from_str::<Decision>(&format!(
            r#"{{"strategy": "cheapest", "advice": "any", "chosen": {chosen},
                "considered": [{considered}], "left_out": {left_out}}}"#
        ))
        .map_err(|error| error.to_string())
    };
    let read = with("1", r#"{"lost": -5}, {"chosen": 7}"#, 0).unwrap();
    assert_eq!(read.of(1), Some(Considered::Chosen(Score::from_milli(7))));
    assert_eq!(with("3", r#"{"lost": 1}"#, 3).unwrap().chosen(), Some(3));
    let many = vec![r#"{"lost": 1}"#; 33].join(",");
    assert!(
        with("null", &many, 0)
            .unwrap_err()
            .starts_with("33 candidates")
    );
    for (chosen, considered, left_out) in [
        ("0", r#"{"lost": 1}"#, 0),
        ("null", r#"{"chosen": 1}"#, 0),
        ("0", r#"{"chosen": 1}, {"chosen": 1}"#, 0),
        ("1", r#"{"chosen": 1}, {"lost": 1}"#, 0),
        ("4", r#"{"lost": 1}"#, 3),
        ("2", r#"{"chosen": 1}"#, 3),
    ] {
        let refused = with(chosen, considered, left_out).unwrap_err();
        assert!(
            refused.starts_with("the chosen candidate and the one"),
            "{considered}: {refused}"
        );
    }
}

#[test]
fn a_decision_is_small_enough_to_keep() {
    assert!(size_of::<Decision>() <= 288, "{}", size_of::<Decision>());
}
