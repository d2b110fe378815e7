//! Burn rates over pairs of windows, against figures worked out by hand.

use agent_telemetry::Record;
use agent_telemetry::alert::{Calls, Condition, WindowPair};

use super::{alerts, at, failed, good, hear};

fn burn(pair: WindowPair) -> Condition {
    Condition::BurnRate {
        of: Calls::ModelCalls,
        objective: 0.99,
        windows: vec![pair],
        at_least: 20,
    }
}

/// A call each so many seconds, of which each so many fail from a second on, until another.
fn calls(until: i64, step: usize, fails: impl Fn(i64) -> bool) -> Vec<Record> {
    (0..until)
        .step_by(step)
        .map(|second| {
            if fails(second) {
                failed(second)
            } else {
                good(second)
            }
        })
        .collect()
}

#[test]
fn fast_pair_fires_when_both_windows_are_14_4_times_over() {
    // One call a second; after an hour all fail. The hour then has 3 600 calls, of which more than 14.4 % must have
    // failed, 518.4: with the 519th failure. The long window forgets whole minutes, so that it has 3 540 to 3 600 calls
    // when that happens: at 3 600 + 509 it has 3 541 + 509 % 60 = 3 570 calls, of which 14.4 % are 514.08; at 3 600 + 514
    // it has 3 575, of which they are 514.8, and 515 calls have failed.
    let records = calls(4_500, 1, |second| second >= 3_600);
    let mut alerts = alerts(burn(WindowPair::FAST));
    let heard = hear(&mut alerts, &records, 4_500);
    assert_eq!(heard, ["firing 4114"]);
    assert_eq!(alerts.firing()[0].since, at(4_114));
}

#[test]
fn short_window_ends_the_alert_soon_after_the_failures() {
    // Failures end at 4 500. The 5 minutes have 296 to 300 calls, and end the alert when at most 14.4 % of them, 43, have
    // failed: at 4 500 + 256 there are 297 calls, of which 41 have (the part of 5 s that began at 4 455 has gone), 13.8 %.
    let records = calls(6_000, 1, |second| (3_600..4_500).contains(&second));
    let heard = hear(&mut alerts(burn(WindowPair::FAST)), &records, 6_000);
    assert_eq!(heard.len(), 2, "{heard:?}");
    let ended: i64 = heard[1].strip_prefix("resolved ").unwrap().parse().unwrap();
    // In thousandths of the calls within.
    let of_five_minutes = |at: i64| {
        let from = (at / 5 - 59) * 5;
        (4_500 - from).max(0) * 1_000 / (at - from + 1)
    };
    assert!(
        of_five_minutes(ended) < 144 && of_five_minutes(ended - 1) >= 144,
        "{ended}"
    );
    assert!((4_750..4_760).contains(&ended), "{ended}");
}

#[test]
fn burn_does_not_come_and_go_where_calls_are_as_few_as_are_needed() {
    // One in 3 minutes: 19 or 20 in an hour, as its parts fall; one or two in 5 minutes.
    let records = calls(20_000, 180, |_| true);
    let heard = hear(&mut alerts(burn(WindowPair::FAST)), &records, 30_000);
    // The last of them at 19 980 leaves the short window of 5 s parts.
    assert_eq!(heard, ["firing 3420", "resolved 20280"]);
}

#[test]
fn value_is_that_of_the_window_that_decides() {
    let records = calls(6_000, 1, |second| (3_600..4_500).contains(&second));
    let mut alerts = alerts(burn(WindowPair::FAST));
    let mut told = Vec::new();
    for record in &records {
        told.extend(alerts.tick(record.at));
        told.extend(alerts.observe(record));
    }
    let values: Vec<_> = told.iter().map(|it| it.value.unwrap() > it.limit).collect();
    assert_eq!(values, [true, false]);
}

#[test]
fn each_pair_has_its_own_factor_and_windows() {
    // A call each 10 s, one in 12 of which fails: 8.3 times over.
    let records = calls(86_400, 10, |second| second % 120 == 0);
    assert!(hear(&mut alerts(burn(WindowPair::FAST)), &records, 86_400).is_empty());
    // With at least 20 calls in the long window, of which 2 have failed: at 190 s.
    assert_eq!(
        hear(&mut alerts(burn(WindowPair::MEDIUM)), &records, 3_600),
        ["firing 190"]
    );
    assert_eq!(
        hear(&mut alerts(burn(WindowPair::SLOW)), &records, 3_600),
        ["firing 190"]
    );
    // One in 80 is 1.25 times over, which only the slow pair minds.
    let records = calls(86_400, 10, |second| second % 800 == 0);
    let medium = hear(
        &mut alerts(burn(WindowPair::MEDIUM)),
        &records[30..],
        86_400,
    );
    assert!(medium.is_empty(), "{medium:?}");
    let slow = hear(&mut alerts(burn(WindowPair::SLOW)), &records[30..], 86_400);
    // 1 of 51 calls at 800 s.
    assert_eq!(slow.first().map(String::as_str), Some("firing 800"));
}

#[test]
fn several_pairs_are_one_alert_that_names_the_first_that_is_over() {
    let all = Condition::BurnRate {
        of: Calls::ModelCalls,
        objective: 0.99,
        windows: vec![WindowPair::FAST, WindowPair::MEDIUM, WindowPair::SLOW],
        at_least: 20,
    };
    let mut alerts = alerts(all);
    let told: Vec<_> = (0..20)
        .flat_map(|second| alerts.observe(&failed(second)))
        .collect();
    assert_eq!(told.len(), 1);
    assert!((told[0].limit - 14.4).abs() < 1e-9);
    assert!((told[0].value.unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(
        told[0].summary,
        "errors 100 times as fast as an objective of 99 % allows (limit 14.4)"
    );
}
