//! Coming back from a shared cooldown.

use std::time::Duration;

use agent_resilience::{CooldownGate, GateConfig};
use futures_util::future::join_all;

use super::{PausedClock, SECOND, at};

/// The most of the moments that lie in any one second, at every tenth of a second.
fn busiest_second(moments: &[f64]) -> usize {
    (0..1_200)
        .map(|tenth| f64::from(tenth) / 10.0)
        .map(|from| {
            moments
                .iter()
                .filter(|at| (from..from + 1.0).contains(*at))
                .count()
        })
        .max()
        .unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn sixty_four_tasks_come_back_from_a_minute_without_a_herd() {
    for seed in 0..20 {
        let clock = PausedClock::new();
        let gate = CooldownGate::with_clock(
            GateConfig {
                seed,
                ..GateConfig::default()
            },
            clock,
        );
        gate.close_for(60 * SECOND);
        let back = join_all((0..64).map(|_| {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                clock.seconds()
            }
        }))
        .await;
        assert!(
            back.iter().all(|at| (60.0..75.1).contains(at)),
            "never before the cooldown ends"
        );
        let fair_share = 64.0 / 15.0;
        let most = f64::from(u32::try_from(busiest_second(&back)).unwrap());
        assert!(
            most <= 2.0 * fair_share,
            "{most} in one second, seed {seed}"
        );
    }
}

#[test]
fn one_seed_gives_one_sequence() {
    let delays = |seed| -> Vec<Duration> {
        let gate = CooldownGate::new(GateConfig {
            seed,
            ..GateConfig::default()
        });
        gate.close_at(at(0), 60 * SECOND);
        (0..100).map(|_| gate.delay_at(at(1))).collect()
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

#[tokio::test(start_paused = true)]
async fn a_gate_closed_again_is_waited_for_again() {
    let clock = PausedClock::new();
    let gate = CooldownGate::with_clock(GateConfig::default(), clock);
    gate.close_for(10 * SECOND);
    gate.close_for(2 * SECOND);
    let closing = async {
        tokio::time::sleep(5 * SECOND).await;
        gate.close_for(60 * SECOND);
    };
    tokio::join!(gate.wait(), closing);
    assert!(
        (65.0..80.1).contains(&clock.seconds()),
        "{}",
        clock.seconds()
    );
}

#[test]
fn an_open_gate_costs_no_place() {
    let gate = CooldownGate::new(GateConfig::default());
    assert_eq!(gate.delay_at(at(5)), Duration::ZERO);
    gate.close_at(at(5), 10 * SECOND);
    assert!(gate.delay_at(at(5)) >= 10 * SECOND);
    assert_eq!(gate.delay_at(at(15)), Duration::ZERO);
    gate.close_at(at(20), 10 * SECOND);
    gate.open();
    assert_eq!(gate.delay_at(at(20)), Duration::ZERO);
}
