//! How often intervals hold what comes, over simulated days. A larger study is `forecast_study` in the benches.

use agent_primitives::Usd;
use agent_telemetry::{CostProjection, Record, SpendHistory};
use fastrand::Rng;

use super::{NOON, at, call, noon};

fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[test]
fn intervals_of_today_hold_what_comes_in_about_80_of_100_cases() {
    let mut rng = Rng::with_seed(21);
    let (mut held, mut missed, mut linear) = (0, 0.0, 0.0);
    for _ in 0..200 {
        // Three weeks and the rest of today, with bursts in office hours.
        let (mut past, mut rest, mut morning) = (Vec::new(), 0.0, 0.0);
        for hour in -24 * 21..12_i64 {
            let second = NOON + 3_600 * hour;
            let day = 1.0 + 0.3 * ((second / 86_400 * 7_919) % 13) as f64 / 13.0;
            let share = if super::in_office_hours(second) {
                0.7
            } else {
                0.05
            };
            if rng.f64() > share * day / 1.3 {
                continue;
            }
            let dollars = (0.7 * normal(&mut rng)).exp();
            if hour >= 0 {
                rest += dollars;
                continue;
            }
            if hour >= -12 {
                morning += dollars;
            }
            let cost = Usd::from_micros((dollars * 1e6) as i64);
            past.push(Record::new(at(second + 1_800), call(cost)));
        }
        let today = CostProjection::of(&SpendHistory::of(&past), noon(), 7).today;
        let total = today.total.unwrap();
        let came = morning + rest;
        held += i32::from(total.contains(Usd::from_micros((came * 1e6) as i64)));
        missed += (total.middle.picos() as f64 / 1e12 - came).abs();
        linear += (2.0 * morning - came).abs();
    }
    assert!((145..=178).contains(&held), "{held} of 200");
    assert!(missed < linear, "{missed} against {linear}");
}
