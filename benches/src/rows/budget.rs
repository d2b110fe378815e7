//! Spending budgets: what a call within its caps pays to reserve and to settle, and one beyond them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use agent_primitives::{Clock, SessionId, SystemClock, Timestamp, Usd};
use agent_resilience::{SessionBudget, Spend, SpendBudget, SpendBudgetConfig, SpendCap};
use governor::RateLimiter;

use super::operation::repeat;
use super::rate_limit::plenty;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const SESSIONS: [&str; 2] = ["fix-login", "write-tests"];
/// A time that is passed in, on some day.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_000_000);
const ESTIMATE: u64 = 2_000_000;
const ACTUAL: u64 = 1_500_000;
/// More than all calls of a run spend.
const PLENTY: i128 = 1_000_000_000_000_000_000;

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for threads in [1, 2] {
        plans.push(Plan::new("budget, within its caps", move |name| {
            Ok(Group::new(name, within()?).threads(threads))
        }));
        plans.push(Plan::new("budget, beyond a cap", move |name| {
            Ok(Group::new(name, beyond()?).threads(threads))
        }));
    }
    plans
}

fn within() -> Result<Vec<Case>, Broken> {
    let cap_all = |cap: fn() -> SpendCap| {
        SpendBudgetConfig::default()
            .request(cap())
            .session(cap())
            .day(cap())
    };
    Ok(vec![
        two_words(),
        ours("3 caps of money", &cap_all(cap_of_money), false)?,
        ours(
            "3 caps of money and 3 of tokens",
            &cap_all(cap_of_both),
            false,
        )?,
        ours("3 caps of money, clock read", &cap_all(cap_of_money), true)?,
        map_under_a_mutex("map under a mutex, by hand", PLENTY.unsigned_abs()),
        governor_by_session(),
    ])
}

fn beyond() -> Result<Vec<Case>, Broken> {
    let nothing_left = SpendCap::usd(Usd::from_picos(1));
    Ok(vec![
        refused(
            "3 caps of money",
            &SpendBudgetConfig::default().day(nothing_left),
        )?,
        map_under_a_mutex("map under a mutex, by hand", 1),
    ])
}

fn cap_of_money() -> SpendCap {
    SpendCap::usd(Usd::from_picos(PLENTY))
}

fn cap_of_both() -> SpendCap {
    cap_of_money().and_tokens(1_000_000_000_000_000_000)
}

/// Takes the next of them in each loop, so that two threads are two sessions.
struct Turns<T> {
    of: Vec<T>,
    next: AtomicUsize,
}

impl<T> Turns<T> {
    fn new(of: Vec<T>) -> Self {
        let next = AtomicUsize::new(0);
        Self { of, next }
    }

    fn take(&self) -> Option<&T> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.of.get(turn % self.of.len().max(1))
    }
}

fn spend(picos: u64) -> Spend {
    Spend::new(Usd::from_picos(picos.into()), picos / 1_000)
}

fn sessions(config: &SpendBudgetConfig) -> Result<Turns<SessionBudget>, Broken> {
    let doing = "set up a budget";
    let budget = SpendBudget::new(config).map_err(Broken::when(doing))?;
    let sessions = SESSIONS.iter().map(|name| {
        let id = SessionId::new(*name).map_err(Broken::when(doing))?;
        let session = budget.session(&id).map_err(Broken::when(doing))?;
        // The day begins with the first call.
        let _ = session.reserve_at(Spend::tokens(1), NOW);
        Ok(session)
    });
    Ok(Turns::new(sessions.collect::<Result<_, Broken>>()?))
}

fn ours(name: &str, config: &SpendBudgetConfig, reads_clock: bool) -> Result<Case, Broken> {
    let sessions = sessions(config)?;
    let version = version_of("agent-resilience");
    Ok(Case::looped(Kind::Ours, name, version, move |calls| {
        let Some(session) = sessions.take() else {
            return;
        };
        repeat(calls, |_| {
            let now = if reads_clock {
                SystemClock.timestamp()
            } else {
                std::hint::black_box(NOW)
            };
            session
                .reserve_at(std::hint::black_box(spend(ESTIMATE)), now)
                .map(|held| held.settle_at(std::hint::black_box(spend(ACTUAL)), now))
                .is_ok()
        });
    }))
}

fn refused(name: &str, config: &SpendBudgetConfig) -> Result<Case, Broken> {
    let sessions = sessions(config)?;
    let version = version_of("agent-resilience");
    Ok(Case::looped(Kind::Ours, name, version, move |calls| {
        let Some(session) = sessions.take() else {
            return;
        };
        repeat(calls, |_| {
            let ask = std::hint::black_box(spend(ESTIMATE));
            session.reserve_at(ask, std::hint::black_box(NOW)).is_err()
        });
    }))
}

/// The least that two shared sums take: reserved in both and corrected in both.
fn two_words() -> Case {
    let sums = [AtomicU64::new(0), AtomicU64::new(0)];
    Case::looped(Kind::Floor, "two words, twice each", "", move |calls| {
        repeat(calls, |_| {
            for sum in &sums {
                sum.fetch_add(std::hint::black_box(ESTIMATE), Ordering::AcqRel);
            }
            for sum in &sums {
                sum.fetch_sub(std::hint::black_box(ESTIMATE - ACTUAL), Ordering::AcqRel);
            }
        });
    })
}

#[derive(Default, Clone, Copy)]
struct Sums {
    spent: u128,
    reserved: u128,
}

/// What a host writes first: the caps of a session and of a day, no calendar, no thresholds, nothing
/// that comes back when a call is dropped.
struct ByHand {
    cap: u128,
    sums: Mutex<(HashMap<String, Sums>, Sums)>,
}

impl ByHand {
    fn reserve(&self, session: &str, ask: u64) -> bool {
        let ask = u128::from(ask);
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let (sessions, day) = &mut *sums;
        let Some(session) = sessions.get_mut(session) else {
            return false;
        };
        let fits = |sums: &Sums| sums.spent + sums.reserved + ask <= self.cap;
        if ask > self.cap || !fits(session) || !fits(day) {
            return false;
        }
        session.reserved += ask;
        day.reserved += ask;
        true
    }

    fn settle(&self, session: &str, held: u64, actual: u64) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let (sessions, day) = &mut *sums;
        for sums in sessions.get_mut(session).into_iter().chain([day]) {
            sums.reserved -= u128::from(held);
            sums.spent += u128::from(actual);
        }
    }
}

fn map_under_a_mutex(name: &str, cap: u128) -> Case {
    let sessions = SESSIONS.map(|name| (name.to_owned(), Sums::default()));
    let budget = ByHand {
        cap,
        sums: Mutex::new((sessions.into_iter().collect(), Sums::default())),
    };
    let names = Turns::new(SESSIONS.to_vec());
    Case::looped(Kind::Floor, name, "", move |calls| {
        let Some(name) = names.take() else { return };
        repeat(calls, |_| {
            let (name, ask) = (std::hint::black_box(*name), std::hint::black_box(ESTIMATE));
            let taken = budget.reserve(name, ask);
            if taken {
                budget.settle(name, ask, std::hint::black_box(ACTUAL));
            }
            taken
        });
    })
}

/// The nearest of a rate limiter: weighed, by session, in one sum; it gives nothing back.
fn governor_by_session() -> Case {
    let limiter = RateLimiter::dashmap(plenty());
    let names = Turns::new(SESSIONS.to_vec());
    let weight = NonZeroU32::MIN.saturating_add(3);
    let version = version_of("governor");
    Case::looped(
        Kind::Peer,
        "governor by session, 4 cells",
        version,
        move |calls| {
            let Some(name) = names.take() else { return };
            repeat(calls, |_| {
                matches!(
                    limiter.check_key_n(std::hint::black_box(name), weight),
                    Ok(Ok(()))
                )
            });
        },
    )
}
