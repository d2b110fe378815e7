//! Schedules of the crate `backoff`.

use agent_resilience::{BackoffSchedule, GiveUp, Retry};
use backoff::ExponentialBackoffBuilder;
use backoff::backoff::{Constant, Stop, Zero};

use super::stage::{SECOND, Waits, hinted, ms, overloaded, policy};

#[tokio::test]
async fn a_plugged_schedule_gives_the_pauses() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(5), waits.clone()).schedule(|_| {
        let exponential = ExponentialBackoffBuilder::new()
            .with_initial_interval(ms(10))
            .with_multiplier(3.0)
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build();
        BackoffSchedule::new(exponential)
    });
    for _ in 0..2 {
        let _ = retry.run(|_| async { Err::<(), _>(overloaded()) }).await;
    }
    let once = [ms(10), ms(30), ms(90), ms(270)];
    assert_eq!(waits.all(), [once, once].concat(), "each run begins anew");
}

#[tokio::test]
async fn a_plugged_schedule_undercuts_no_hint_and_may_end_the_run() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(3), waits.clone());
    let hinted = || async { Err::<(), _>(hinted(2)) };
    let hurried = retry.clone().schedule(|_| BackoffSchedule::new(Zero {}));
    let _ = hurried.run(|_| hinted()).await;
    assert_eq!(waits.all(), [2 * SECOND, 2 * SECOND]);

    let slow = retry
        .clone()
        .schedule(|_| BackoffSchedule::new(Constant::new(ms(300))));
    let _ = slow.run(|_| hinted()).await;
    assert_eq!(waits.all()[2..], [ms(2_300), ms(2_300)]);

    let stopped = retry.schedule(|_| BackoffSchedule::new(Stop {}));
    let error = stopped.run(|_| hinted()).await.unwrap_err();
    assert_eq!((error.attempts, error.reason), (1, GiveUp::ScheduleEnded));
}
