//! Nothing is lost and nothing is made up: a budget against plain sums, for any story of calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{
    Clock, Event, ManualClock, SessionId, SpendAmount, SpendScope, Stamp, Timestamp, Usd,
};
use agent_resilience::{
    OwnedSpendReservation, Spend, SpendAdvice, SpendBudget, SpendBudgetConfig, SpendCap,
};
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY_NANOS: i64 = 86_400_000_000_000;
const PERCENTS: [u64; 4] = [50, 80, 95, 100];

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        session: usize,
        picos: u64,
        tokens: u64,
    },
    Settle {
        which: usize,
        picos: u64,
        tokens: u64,
    },
    Drop {
        which: usize,
    },
    SentAndDropped {
        which: usize,
    },
    Wait {
        hours: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let amounts = || (0..40_u64, 0..40_u64);
    prop_oneof![
        5 => (0..2_usize, amounts()).prop_map(|(session, (picos, tokens))| Step::Reserve { session, picos, tokens }),
        4 => (0..64_usize, amounts()).prop_map(|(which, (picos, tokens))| Step::Settle { which, picos, tokens }),
        1 => (0..64_usize).prop_map(|which| Step::Drop { which }),
        1 => (0..64_usize).prop_map(|which| Step::SentAndDropped { which }),
        1 => (1..30_u32).prop_map(|hours| Step::Wait { hours }),
    ]
}

/// The sums of one cap, in picos and in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    spent: [u64; 2],
    reserved: [u64; 2],
    /// The highest share told.
    told: [usize; 2],
}

/// What the budget is supposed to be: sums, and a crossing for each share when it is first reached.
struct Plain {
    caps: [[u64; 2]; 3],
    sessions: [Sums; 2],
    day: Sums,
    day_number: i64,
    told: Vec<(SpendScope, u8, u64)>,
}

impl Plain {
    fn has_room(&self, session: usize, ask: [u64; 2]) -> bool {
        let [request, of_session, of_day] = self.caps;
        (0..2).all(|unit| {
            let room = |sums: &Sums, cap: u64| {
                let used = sums.spent[unit] + sums.reserved[unit];
                ask[unit] == 0 || used + ask[unit] <= cap
            };
            ask[unit] <= request[unit]
                && room(&self.sessions[session], of_session[unit])
                && room(&self.day, of_day[unit])
        })
    }

    fn reserve(&mut self, session: usize, ask: [u64; 2]) {
        for (unit, ask) in ask.into_iter().enumerate() {
            self.sessions[session].reserved[unit] += ask;
            self.day.reserved[unit] += ask;
        }
    }

    fn settle(&mut self, session: usize, held: [u64; 2], actual: [u64; 2]) {
        let [_, of_session, of_day] = self.caps;
        for (scope, sums, cap) in [
            (SpendScope::Session, &mut self.sessions[session], of_session),
            (SpendScope::Day, &mut self.day, of_day),
        ] {
            for unit in 0..2 {
                sums.reserved[unit] -= held[unit];
                sums.spent[unit] += actual[unit];
                let spent = sums.spent[unit];
                while let Some(percent) = PERCENTS.get(sums.told[unit])
                    && spent * 100 >= cap[unit] * percent
                {
                    sums.told[unit] += 1;
                    self.told
                        .push((scope, u8::try_from(*percent).unwrap(), spent));
                }
            }
        }
    }

    fn begin_day(&mut self, number: i64) {
        if number != self.day_number {
            self.day_number = number;
            self.day.spent = [0; 2];
            self.day.told = [0; 2];
        }
    }

    fn advice(&self, session: usize) -> SpendAdvice {
        let [_, of_session, of_day] = self.caps;
        let mut worst = SpendAdvice::Any;
        for (sums, cap) in [(self.sessions[session], of_session), (self.day, of_day)] {
            for (unit, cap) in cap.into_iter().enumerate() {
                let used = sums.spent[unit] + sums.reserved[unit];
                worst = worst.max(match used * 100 / cap {
                    0..80 => SpendAdvice::Any,
                    80..95 => SpendAdvice::PreferCheap,
                    _ => SpendAdvice::ForceCheap,
                });
            }
        }
        worst
    }
}

fn units(amount: SpendAmount) -> u64 {
    match amount {
        SpendAmount::Usd(usd) => u64::try_from(usd.picos()).unwrap(),
        SpendAmount::Tokens(tokens) => tokens,
    }
}

fn spend([picos, tokens]: [u64; 2]) -> Spend {
    Spend::new(Usd::from_picos(picos.into()), tokens)
}

fn cap([picos, tokens]: [u64; 2]) -> SpendCap {
    SpendCap::usd(Usd::from_picos(picos.into())).and_tokens(tokens)
}

type Told = Arc<Mutex<Vec<(SpendScope, u8, u64)>>>;

fn listening(config: &SpendBudgetConfig, clock: &ManualClock) -> (SpendBudget, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let budget = SpendBudget::with_clock(config, clock.clone()).unwrap();
    let budget = budget.observer(move |_: Stamp<'_>, event: &Event| {
        if let Event::Spend(it) = event {
            heard
                .lock()
                .unwrap()
                .push((it.scope, it.percent, units(it.spent)));
        }
    });
    (budget, told)
}

fn holds(story: &[Step], caps: [[u64; 2]; 3]) -> Result<(), TestCaseError> {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let config = SpendBudgetConfig::default()
        .request(cap(caps[0]))
        .session(cap(caps[1]))
        .day(cap(caps[2]));
    let (budget, told) = listening(&config, &clock);
    let sessions = ["a", "b"].map(|id| budget.session(&SessionId::new(id).unwrap()).unwrap());
    let number = || clock.timestamp().unix_nanos().div_euclid(DAY_NANOS);
    let mut plain = Plain {
        caps,
        sessions: [Sums::default(); 2],
        day: Sums::default(),
        day_number: number(),
        told: Vec::new(),
    };
    let mut held: Vec<(usize, [u64; 2], OwnedSpendReservation)> = Vec::new();
    for step in story {
        match *step {
            Step::Reserve {
                session,
                picos,
                tokens,
            } => {
                plain.begin_day(number());
                let ask = [picos, tokens];
                let taken = sessions[session].reserve_owned(spend(ask));
                prop_assert_eq!(taken.is_ok(), plain.has_room(session, ask));
                if let Ok(taken) = taken {
                    plain.reserve(session, ask);
                    held.push((session, ask, taken));
                }
            }
            Step::Wait { hours } => clock.advance(HOUR * hours),
            Step::Settle { .. } | Step::Drop { .. } | Step::SentAndDropped { .. }
                if held.is_empty() => {}
            Step::Settle {
                which,
                picos,
                tokens,
            } => {
                let (session, ask, taken) = held.swap_remove(which % held.len());
                plain.begin_day(number());
                taken.settle(spend([picos, tokens]));
                plain.settle(session, ask, [picos, tokens]);
            }
            Step::Drop { which } => {
                let (session, ask, _) = held.swap_remove(which % held.len());
                // Nothing is spent, so that no day needs to begin.
                plain.settle(session, ask, [0; 2]);
            }
            Step::SentAndDropped { which } => {
                let (session, ask, mut taken) = held.swap_remove(which % held.len());
                plain.begin_day(number());
                taken.mark_sent();
                drop(taken);
                plain.settle(session, ask, ask);
            }
        }
        same_figures(&sessions, &mut plain, number())?;
    }
    prop_assert_eq!(&*told.lock().unwrap(), &plain.told);
    drop(held);
    for session in &sessions {
        for cap in session.status().caps {
            prop_assert_eq!(units(cap.reserved), 0, "everything came back");
        }
    }
    Ok(())
}

fn same_figures(
    sessions: &[agent_resilience::SessionBudget; 2],
    plain: &mut Plain,
    day: i64,
) -> Result<(), TestCaseError> {
    for (at, session) in sessions.iter().enumerate() {
        plain.begin_day(day);
        let status = session.status();
        prop_assert_eq!(status.advice, plain.advice(at));
        for (cap, (sums, unit)) in status.caps.iter().zip([
            (plain.sessions[at], 0),
            (plain.sessions[at], 1),
            (plain.day, 0),
            (plain.day, 1),
        ]) {
            let [all, spent, reserved, left] =
                [cap.cap, cap.spent, cap.reserved, cap.left].map(units);
            prop_assert_eq!([spent, reserved], [sums.spent[unit], sums.reserved[unit]]);
            prop_assert_eq!(left, all.saturating_sub(spent + reserved));
            if spent + reserved <= all {
                prop_assert_eq!(spent + reserved + left, all);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x6275_6467),
        ..ProptestConfig::default()
    })]

    #[test]
    fn spent_reserved_and_left_are_the_cap_and_every_share_is_told_once(
        story in prop::collection::vec(step(), 0..24),
        of_session in (40..160_u64, 40..160_u64),
        of_day in (40..240_u64, 40..240_u64),
    ) {
        let caps = [[35, 35], [of_session.0, of_session.1], [of_day.0, of_day.1]];
        holds(&story, caps)?;
    }
}

#[test]
fn threads_that_share_a_cap_spend_exactly_what_they_settled_and_no_more_than_it() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 2_000;
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let cap = 20_000;
    let config = SpendBudgetConfig::default().day(SpendCap::tokens(cap));
    let (budget, told) = listening(&config, &clock);
    let settled: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let id = SessionId::new(format!("agent-{thread}")).unwrap();
                let session = budget.session(&id).unwrap();
                scope.spawn(move || {
                    let mut settled = 0;
                    for call in 0..CALLS {
                        let Ok(held) = session.reserve(Spend::tokens(10)) else {
                            continue;
                        };
                        // Every third is given back, the others cost 1 to 10.
                        if call % 3 != 0 {
                            let cost = 1 + (call + thread) % 10;
                            held.settle(Spend::tokens(cost));
                            settled += cost;
                        }
                    }
                    settled
                })
            })
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(budget.spent_today(), Spend::tokens(settled));
    assert!(settled <= cap && settled > cap - 10, "{settled} of {cap}");
    let mut told: Vec<u8> = told.lock().unwrap().iter().map(|it| it.1).collect();
    told.sort_unstable();
    let reached = PERCENTS.iter().filter(|it| settled * 100 >= cap * **it);
    let reached: Vec<u8> = reached.map(|it| u8::try_from(*it).unwrap()).collect();
    assert_eq!(told, reached, "each once");
}
