//! Who is not asked, and what is said of it.

use agent_resilience::{
    Availability, Candidate, Capabilities, Considered, Decision, Needs, Profile, RouteConfig, Skip,
    SpendAdvice, decide,
};

/// The decision between one with these capabilities and one that is able to do everything.
fn beside_an_able_one(capabilities: Capabilities, needs: &Needs) -> Decision {
    let unable = Profile::default().capabilities(capabilities);
    let able = Profile::default();
    decide(
        [Candidate::new(&unable), Candidate::new(&able)],
        needs,
        &RouteConfig::default(),
        SpendAdvice::Any,
        0,
    )
}

#[test]
fn each_need_that_is_not_met_is_a_reason_of_its_own() {
    let able = Capabilities::default();
    let window = able.context_window(1_000);
    let cases = [
        (
            able.without_tools(),
            Needs::default().tools(),
            Skip::NoTools,
        ),
        (
            able.without_vision(),
            Needs::default().vision(),
            Skip::NoVision,
        ),
        (
            able.without_json_mode(),
            Needs::default().json_mode(),
            Skip::NoJsonMode,
        ),
        (
            able.without_prefill(),
            Needs::default().prefill(),
            Skip::NoPrefill,
        ),
        (
            window,
            Needs::default().input(501).output(500),
            Skip::ContextWindow,
        ),
        (window, Needs::default().input(1_000), Skip::ContextWindow),
        (
            window,
            Needs::default().input(u64::MAX).output(u64::MAX),
            Skip::ContextWindow,
        ),
        (
            able.max_output(99),
            Needs::default().output(100),
            Skip::OutputLimit,
        ),
    ];
    for (capabilities, needs, reason) in cases {
        let decision = beside_an_able_one(capabilities, &needs);
        assert_eq!(
            decision.of(0),
            Some(Considered::Skipped(reason)),
            "{needs:?}"
        );
        assert_eq!(decision.chosen(), Some(1), "{needs:?}");
        assert!(reason.is_misfit());
        let nothing_needed = beside_an_able_one(capabilities, &Needs::default());
        assert_eq!(nothing_needed.chosen(), Some(0), "{needs:?}");
    }
}

#[test]
fn what_fits_exactly_fits() {
    let exact = Capabilities::default()
        .context_window(1_000)
        .max_output(400);
    for needs in [
        Needs::default().input(600).output(400),
        Needs::default().input(999),
        Needs::default().output(400),
    ] {
        assert_eq!(
            beside_an_able_one(exact, &needs).chosen(),
            Some(0),
            "{needs:?}"
        );
    }
}

#[test]
fn every_reason_of_the_keeper_is_passed_on() {
    let profile = Profile::default();
    for reason in Skip::ALL {
        let candidates = [
            Candidate::new(&profile).skip(*reason),
            Candidate::new(&profile),
        ];
        let decision = decide(
            candidates,
            &Needs::default(),
            &RouteConfig::default(),
            SpendAdvice::Any,
            0,
        );
        assert_eq!(decision.of(0), Some(Considered::Skipped(*reason)));
        assert_eq!(decision.chosen(), Some(1));
    }
}

#[test]
fn what_waiting_does_not_change_is_said_first() {
    let blind = Profile::default().capabilities(Capabilities::default().without_vision());
    let mut resting = Candidate::new(&blind);
    resting.availability = Availability::Skipped(Skip::Resting);
    let needs = Needs::default().vision();
    let config = RouteConfig::default();
    let decision = decide([resting], &needs, &config, SpendAdvice::Any, 0);
    assert_eq!(decision.considered(), [Considered::Skipped(Skip::NoVision)]);
    assert_eq!(decision.chosen(), None);
}

#[test]
fn of_nobody_nobody_is_chosen() {
    let decision = decide(
        [],
        &Needs::default(),
        &RouteConfig::default(),
        SpendAdvice::Any,
        0,
    );
    assert_eq!((decision.chosen(), decision.considered().len()), (None, 0));
    assert_eq!(decision.to_string(), "");
}
