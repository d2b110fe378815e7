//! Nothing is lost and nothing comes from nowhere, in any order.

use std::sync::atomic::{AtomicU64, Ordering};

use agent_resilience::classify::LimitedResource::{InputTokens, OutputTokens, Requests, Tokens};
use agent_resilience::classify::{LimitSnapshot, LimitWindow};
use agent_resilience::{Cost, OwnedReservation, RateLimit, RateWindow, WindowKind};
use proptest::prelude::*;

use super::{at, left, limit};

const LIMITS: [u64; 4] = [40, 600, 400, 1_000];

fn windows() -> [RateWindow; 4] {
    [
        RateWindow::per_minute(Requests, LIMITS[0]),
        RateWindow::per_minute(InputTokens, LIMITS[1]),
        RateWindow::per_minute(OutputTokens, LIMITS[2]).kind(WindowKind::Fixed),
        RateWindow::per_day(Tokens, LIMITS[3]),
    ]
}

fn uses(cost: Cost) -> [u64; 4] {
    [
        cost.requests,
        cost.input_tokens,
        cost.output_tokens,
        cost.tokens(),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Acquire(Cost),
    Reconcile(usize, Cost),
    Drop(usize),
    Keep(usize),
    Observe(u64),
}

fn cost() -> impl Strategy<Value = Cost> {
    (0_u64..3, 0_u64..200, 0_u64..150).prop_map(|(requests, input_tokens, output_tokens)| Cost {
        requests,
        input_tokens,
        output_tokens,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => cost().prop_map(Step::Acquire),
        2 => (any::<usize>(), cost()).prop_map(|(which, cost)| Step::Reconcile(which, cost)),
        2 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Keep),
        1 => (0_u64..=LIMITS[0]).prop_map(Step::Observe),
    ];
    prop::collection::vec(step, 1..80)
}

/// What the windows must say, in whole numbers.
struct Books {
    used: [u64; 4],
    open: Vec<(OwnedReservation, Cost)>,
}

impl Books {
    fn charge(&mut self, from: Cost, to: Cost) {
        for (used, (from, to)) in self
            .used
            .iter_mut()
            .zip(uses(from).into_iter().zip(uses(to)))
        {
            *used = *used + to - from;
        }
    }

    fn take(&mut self, which: usize) -> Option<(OwnedReservation, Cost)> {
        let count = self.open.len();
        (count > 0).then(|| self.open.remove(which % count))
    }

    fn left(&self) -> Vec<u64> {
        let each = LIMITS.iter().zip(self.used);
        each.map(|(limit, used)| limit.saturating_sub(used))
            .collect()
    }
}

fn observe(limit: &RateLimit, remaining: u64) {
    let mut window = LimitWindow::new(Requests);
    window.remaining = Some(remaining);
    let mut snapshot = LimitSnapshot::NONE;
    snapshot.push(window);
    limit.observe(&snapshot, at(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// While time stands, every window's count is exact after every step, whatever the order.
    #[test]
    fn the_books_balance_after_every_step(steps in steps()) {
        let limit = limit(&windows());
        let mut books = Books { used: [0; 4], open: Vec::new() };
        for step in steps {
            match step {
                Step::Acquire(cost) => {
                    let fits = books.left().into_iter().zip(uses(cost)).all(|(left, asked)| asked == 0 || asked <= left);
                    // A debt in a window refuses every call that needs it, a cost of nothing excepted.
                    let held = limit.try_acquire_owned_at(cost, at(0));
                    prop_assert_eq!(held.is_ok(), fits);
                    if let Ok(held) = held {
                        books.charge(Cost::ZERO, cost);
                        books.open.push((held, cost));
                    }
                }
                Step::Reconcile(which, actual) => if let Some((held, estimate)) = books.take(which) {
                    held.reconcile_at(actual, at(0));
                    books.charge(estimate, actual);
                },
                Step::Drop(which) => if let Some((held, estimate)) = books.take(which) {
                    drop(held);
                    books.charge(estimate, Cost::ZERO);
                },
                Step::Keep(which) => if let Some((held, _)) = books.take(which) {
                    held.keep();
                },
                Step::Observe(remaining) => {
                    observe(&limit, remaining);
                    books.used[0] = books.used[0].max(LIMITS[0] - remaining);
                }
            }
            // A fixed window keeps no debt beyond its end.
            books.used[2] = books.used[2].min(LIMITS[2]);
            prop_assert_eq!(left(&limit, at(0)), books.left());
        }
    }
}

#[test]
fn threads_that_take_and_give_back_leave_what_was_kept() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 1_000),
        RateWindow::per_minute(Tokens, 100_000),
    ]);
    let kept = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (limit, kept) = (&limit, &kept);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for _ in 0..20_000 {
                    let cost = Cost::REQUEST.input(random.u64(1..5_000));
                    let Ok(held) = limit.try_acquire_at(cost, at(0)) else {
                        continue;
                    };
                    if random.u32(0..1_000) == 0 {
                        let used = random.u64(0..=cost.input_tokens);
                        held.reconcile_at(Cost::REQUEST.input(used), at(0));
                        kept.fetch_add(used << 32 | 1, Ordering::Relaxed);
                    } else {
                        drop(held);
                    }
                }
            });
        }
    });
    let kept = kept.into_inner();
    assert!(kept > 0);
    let expected = [1_000 - (kept & 0xFFFF_FFFF), 100_000 - (kept >> 32)];
    assert_eq!(left(&limit, at(0)), expected);
}

#[test]
fn a_race_lost_at_the_last_window_leaves_nothing_taken_in_the_first() {
    // One call's tokens at a time: two threads often see them free, and one of them loses.
    let limit = limit(&[
        RateWindow::per_minute(Requests, 1_000),
        RateWindow::per_minute(Tokens, 10),
    ]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50_000 {
                    drop(limit.try_acquire_at(Cost::REQUEST.input(10), at(0)));
                }
            });
        }
    });
    assert_eq!(left(&limit, at(0)), [1_000, 10]);
}

#[test]
fn threads_never_take_more_than_the_limit() {
    for kind in [WindowKind::Refill, WindowKind::Fixed] {
        let limit = limit(&[
            RateWindow::per_minute(Requests, 1_000).kind(kind),
            RateWindow::per_minute(Tokens, 7_000).kind(kind),
        ]);
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let taken = limit.try_take_at(Cost::REQUEST.input(10), at(0));
                        passed.fetch_add(u64::from(taken.is_ok()), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 700);
        assert_eq!(left(&limit, at(0)), [300, 0]);
    }
}
