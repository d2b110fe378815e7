//! What comes late and only once still counts, unless something later is known.

use agent_primitives::{
    BreakerChange, BreakerState, FailureKind, ProviderId, SpendAmount, SpendCrossing, SpendScope,
    Stamp,
};
use agent_telemetry::Record;
use agent_telemetry::alert::{Alerts, BudgetPeriod, Condition};

use super::{alerts, at, attempt, seconds};

fn breaker(when: i64, to: BreakerState) -> Record {
    let claude = ProviderId::new("claude").unwrap();
    Record::new(
        at(when),
        BreakerChange::new(claude, BreakerState::Closed, to),
    )
}

fn crossed(when: i64, percent: u8) -> Record {
    let cap = SpendAmount::Tokens(1_000);
    let crossing = SpendCrossing::new(SpendScope::Day, percent, cap, cap);
    Record::of_event(Stamp::at(at(when)), &crossing.into()).unwrap()
}

fn down() -> Alerts {
    alerts(Condition::ProviderDown {
        after: seconds(60),
        at_least: 3,
    })
}

fn day() -> Alerts {
    alerts(Condition::Budget {
        period: BudgetPeriod::Day,
        share: 0.8,
        amount: None,
    })
}

#[test]
fn breaker_says_once_that_it_opens_and_once_that_it_closes() {
    let mut alerts = down();
    alerts.tick(at(5_000));
    let told = alerts.observe(&breaker(1_000, BreakerState::Open));
    assert_eq!((told.len(), alerts.counts().late), (1, 0));
    alerts.tick(at(10_000));
    let told = alerts.observe(&breaker(6_000, BreakerState::Closed));
    assert_eq!((told.len(), alerts.counts().late), (1, 0));
    assert!(alerts.firing().is_empty());
}

#[test]
fn failure_from_before_an_answer_does_not_make_an_outage_long() {
    let mut alerts = down();
    let server = Some(FailureKind::Server);
    alerts.tick(at(300));
    alerts.observe(&attempt(300, None));
    for when in [10, 280, 301, 302] {
        alerts.tick(at(when.max(300)));
        assert!(alerts.observe(&attempt(when, server)).is_empty());
    }
    alerts.tick(at(361));
    assert_eq!(alerts.observe(&attempt(361, server)).len(), 1);
}

#[test]
fn word_of_a_breaker_from_before_a_later_one_is_not_believed() {
    let mut alerts = down();
    alerts.tick(at(5_000));
    assert!(alerts.observe(&attempt(4_900, None)).is_empty());
    assert!(
        alerts
            .observe(&breaker(1_000, BreakerState::Open))
            .is_empty()
    );
    assert_eq!(alerts.counts().late, 1);
    // Within a minute the order of recording counts: the clock may have been set back.
    assert_eq!(alerts.observe(&breaker(4_890, BreakerState::Open)).len(), 1);
    assert_eq!(
        alerts.observe(&breaker(4_850, BreakerState::Closed)).len(),
        1
    );
    // Of yesterday.
    alerts.tick(at(200_000));
    assert!(
        alerts
            .observe(&breaker(100_000, BreakerState::Open))
            .is_empty()
    );
    assert_eq!(alerts.counts().late, 2);
}

#[test]
fn attempts_that_come_late_say_nothing_about_now() {
    let mut alerts = down();
    alerts.tick(at(5_000));
    for second in [0, 30, 60, 90] {
        let failed = attempt(second, Some(FailureKind::Server));
        assert!(alerts.observe(&failed).is_empty());
    }
    assert_eq!(alerts.counts().late, 4);
}

#[test]
fn crossing_counts_until_its_day_ends() {
    let mut alerts = day();
    alerts.tick(at(40_000));
    assert_eq!(alerts.observe(&crossed(10, 80)).len(), 1);
    assert_eq!(alerts.counts().late, 0);
    // Midnight is at 43 200.
    assert_eq!(alerts.tick(at(43_200)).len(), 1);
    assert!(alerts.observe(&crossed(43_000, 100)).is_empty());
    assert_eq!((alerts.counts().late, alerts.firing().len()), (1, 0));
}
