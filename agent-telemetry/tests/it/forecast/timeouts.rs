//! How likely requests take too long.

use std::time::Duration;

use agent_primitives::{FailureKind, TokenUsage};
use agent_telemetry::{CallTimes, Missing, ModelCall, RequestSize, TimeoutRisk};
use fastrand::Rng;

use crate::story::{model, provider};

fn call(input: u64, output: u64, seconds: f64) -> ModelCall {
    ModelCall::new(provider("claude"), model("claude-haiku-4-5"))
        .usage(TokenUsage::new(input, output))
        .latency(Duration::from_secs_f64(seconds))
}

fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Half a second, twenty microseconds for a token read, fifteen milliseconds for one written, and chance.
fn seconds(rng: &mut Rng, input: u64, output: u64) -> f64 {
    let told = 0.5 + 2e-5 * input as f64 + 0.015 * output as f64;
    told * (0.35 * normal(rng)).exp()
}

fn drawn(rng: &mut Rng) -> (u64, u64) {
    let input = 10_000.0 * (0.8 * normal(rng)).exp();
    let output = 400.0 * (0.9 * normal(rng)).exp();
    (input as u64, output as u64)
}

fn risk(times: &CallTimes, request: &RequestSize) -> TimeoutRisk {
    times.risk(&provider("claude"), &model("claude-haiku-4-5"), request)
}

#[test]
fn share_of_requests_that_take_too_long_is_told() {
    let mut rng = Rng::with_seed(5);
    let mut times = CallTimes::new();
    for _ in 0..500 {
        let (input, output) = drawn(&mut rng);
        let seconds = seconds(&mut rng, input, output);
        times.add(&call(input, output, seconds));
    }
    for (input, limit) in [(5_000, 10.0), (10_000, 20.0), (60_000, 10.0)] {
        let request = RequestSize::new(input, Duration::from_secs_f64(limit));
        let told = risk(&times, &request);
        let over = (0..4_000).filter(|_| {
            let (_, output) = drawn(&mut rng);
            seconds(&mut rng, input, output) > limit
        });
        let truth = over.count() as f64 / 4_000.0;
        let (low, high) = told.interval.unwrap();
        assert!(
            (told.probability.unwrap() - truth).abs() < 0.08,
            "{truth} {told:?}"
        );
        assert!(
            low < truth + 0.03 && high > truth - 0.03,
            "{truth} {told:?}"
        );
    }
}

#[test]
fn fewer_tokens_to_write_and_more_time_make_it_less_likely() {
    let mut rng = Rng::with_seed(6);
    let mut times = CallTimes::new();
    for _ in 0..200 {
        let (input, output) = drawn(&mut rng);
        let seconds = seconds(&mut rng, input, output);
        times.add(&call(input, output, seconds));
    }
    let request = RequestSize::new(10_000, Duration::from_secs(10));
    let [all, short] = [request, request.max_output(100)].map(|it| risk(&times, &it));
    assert!(short.probability.unwrap() < 0.1 && all.probability.unwrap() > 0.2);
    let mut before = 1.0;
    for limit in [1, 2, 5, 10, 20, 60] {
        let told = risk(
            &times,
            &RequestSize::new(10_000, Duration::from_secs(limit)),
        );
        let (low, high) = told.interval.unwrap();
        let share = told.probability.unwrap();
        assert!(share <= before && low <= share && share <= high, "{told:?}");
        before = share;
    }
}

#[test]
fn calls_that_were_given_up_took_too_long() {
    let mut times = CallTimes::new();
    for number in 0..40 {
        times.add(&call(10_000, 100, 2.0));
        if number % 4 == 0 {
            times.add(&call(10_000, 0, 30.0).failed(FailureKind::Timeout));
        }
        times.add(&call(10_000, 0, 0.1).failed(FailureKind::Overloaded));
    }
    let told = risk(&times, &RequestSize::new(10_000, Duration::from_secs(60)));
    assert_eq!((told.calls, told.probability), (50, Some(0.2)));
    assert_eq!(
        (told.middle, told.p95),
        (Some(Duration::from_secs(2)), None)
    );
}

#[test]
fn too_few_calls_and_none_of_the_size_are_said() {
    let mut times = CallTimes::new();
    let request = RequestSize::new(10_000, Duration::from_secs(60));
    for _ in 0..19 {
        times.add(&call(10_000, 100, 2.0));
    }
    let told = risk(&times, &request);
    assert_eq!(
        told.missing,
        Some(Missing::Calls {
            have: 19,
            needed: 20
        })
    );
    assert_eq!((told.probability, told.interval), (None, None));
    times.add(&call(10_000, 100, 2.0));
    assert_eq!(risk(&times, &request).probability, Some(0.0));
    let large = RequestSize::new(100_000, Duration::from_secs(60));
    assert_eq!(
        risk(&times, &large).missing,
        Some(Missing::Larger { seen: 10_000 })
    );
}
