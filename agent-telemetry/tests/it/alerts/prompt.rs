//! From crossing to delivery: at most one second, on a clock that the test owns.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use agent_primitives::{Clock as _, ManualClock, SessionId, Timestamp};
use agent_telemetry::alert::{Alerting, AlertingBuilder, Condition, Notification, Rule};
use agent_telemetry::{MemorySink, Telemetry};
use proptest::prelude::*;

use super::deliver::{SOON, busy, noon};
use super::restart::{event, of_each_kind, record};
use super::{rules, tokens};

const SECOND: Duration = Duration::from_secs(1);
/// How far the clock goes on at once.
const STEP: Duration = Duration::from_millis(10);

/// What was heard, and when by the clock.
type Heard = (Notification, Timestamp);

fn heard_by(builder: AlertingBuilder, clock: &ManualClock) -> (Alerting, Receiver<Heard>) {
    let (sender, told) = channel();
    let watch = clock.clone();
    let callback = move |it: &Notification| {
        let _ = sender.send((it.clone(), watch.timestamp()));
    };
    let builder = builder.callback(callback).clock(clock.clone());
    (builder.start().unwrap(), told)
}

/// Lets the clock go on, no faster than time itself, until something is heard.
fn hear(told: &Receiver<Heard>, clock: &ManualClock) -> Heard {
    for _ in 0..SOON.as_millis() / STEP.as_millis() {
        if let Ok(heard) = told.recv_timeout(STEP) {
            return heard;
        }
        clock.advance(STEP);
    }
    panic!("nobody was told");
}

#[test]
fn what_a_record_crosses_is_heard_within_a_second_of_its_being_recorded() {
    let clock = noon();
    let (alerting, told) = heard_by(Alerting::builder(busy()), &clock);
    // As it is used: with the window of the recorder, and no flush.
    let telemetry = Telemetry::builder(alerting.around(MemorySink::new()))
        .clock(Arc::new(clock.clone()))
        .start()
        .unwrap();
    let mut longest = Duration::ZERO;
    for session in 0..20 {
        let now = clock.timestamp();
        let id = SessionId::new(format!("s{session}")).unwrap();
        let mut crossing = tokens(0, 200).of_session(id);
        crossing.at = now;
        telemetry.record(crossing);
        let (alert, heard) = hear(&told, &clock);
        assert_eq!(alert.at, now);
        longest = longest.max(heard.since(now));
    }
    println!("the longest of 20: {longest:?}");
    assert!(longest <= SECOND, "{longest:?}");
}

#[test]
fn what_time_alone_changes_is_heard_within_a_second_of_its_moment() {
    let clock = noon();
    let silent = Condition::Silence {
        after: Duration::from_millis(400),
    };
    let mut held = busy().as_slice()[0].clone();
    held.hold = Duration::from_millis(700);
    let rules = rules([Rule::new("silent", silent), held]);
    let (alerting, told) = heard_by(Alerting::builder(rules), &clock);
    let began = clock.timestamp();
    alerting.observe(&[tokens(0, 200)]);
    for (rule, after) in [("silent", 400), ("busy", 700)] {
        let (alert, heard) = hear(&told, &clock);
        let moment = began + Duration::from_millis(after);
        assert_eq!((alert.rule.as_str(), alert.at), (rule, moment));
        assert!(heard.since(moment) <= SECOND, "{alert}: {heard}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_kind_of_rule_is_heard_within_a_second_of_its_moment(
        steps in prop::collection::vec(event(), 1..20),
    ) {
        let clock = noon();
        let (alerting, told) = heard_by(Alerting::builder(of_each_kind()), &clock);
        let mut now = 0;
        for (wait, kind) in steps {
            for _ in 0..wait {
                clock.advance(SECOND);
                alerting.tick();
                prop_assert!(alerting.flush(SOON));
            }
            now += wait;
            alerting.observe(&[record(now, kind)]);
            prop_assert!(alerting.flush(SOON));
        }
        let mut count = 0;
        for (alert, heard) in told.try_iter() {
            prop_assert!(alert.at <= heard && heard.since(alert.at) <= SECOND, "{alert}: {heard}");
            count += 1;
        }
        prop_assert_eq!(count, alerting.health().told);
    }
}
