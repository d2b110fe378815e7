//! The accounts under every order in which threads can meet, by the model checker.
//!
//! Not part of the usual tests:
//!
//! ```text
//! RUSTFLAGS="--cfg agent_model" cargo test --release -p agent-resilience --lib budget::model
//! ```

use agent_primitives::{SpendAmount, SpendCrossing, SpendScope, Timestamp, Usd};
use loom::sync::Arc;
use loom::thread;

use super::account::{Account, Plans};
use super::amount::Units;
use super::calendar::Day;
use super::config::{SpendAction, SpendCap, SpendThreshold};
use super::ledger::Accounts;
use crate::Percent;

const DAY: i64 = 10;

/// Checks `story` under every order of its threads with up to three preemptions.
fn check(story: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(story);
}

fn day(number: i64) -> Day {
    Day {
        start: Timestamp::from_unix_nanos(number * DAY),
        end: Timestamp::from_unix_nanos((number + 1) * DAY),
    }
}

fn picos(picos: u64) -> Units {
    Units { picos, tokens: 0 }
}

fn both(amount: u64) -> Units {
    Units {
        picos: amount,
        tokens: amount,
    }
}

/// A session and a day.
struct Books {
    session: Account,
    day: Account,
}

impl Books {
    fn new(cap: SpendCap, percents: &[u8]) -> Arc<Self> {
        Self::with(cap, cap, percents)
    }

    fn with(session: SpendCap, day_cap: SpendCap, percents: &[u8]) -> Arc<Self> {
        let thresholds: Vec<_> = percents
            .iter()
            .map(|it| SpendThreshold::new(Percent::new(*it).unwrap(), SpendAction::Warn))
            .collect();
        let plans = |scope, cap| Plans::new(scope, cap, &thresholds);
        let books = Self {
            session: Account::endless(&plans(SpendScope::Session, session)),
            day: Account::daily(&plans(SpendScope::Day, day_cap)),
        };
        assert_eq!(books.day.turn(day(0)), []);
        Arc::new(books)
    }

    fn accounts(&self) -> Accounts<'_> {
        Accounts {
            session: Some(&self.session),
            day: Some(&self.day),
        }
    }

    fn day_only(&self) -> Accounts<'_> {
        Accounts {
            session: None,
            day: Some(&self.day),
        }
    }
}

fn usd(picos: u64) -> SpendCap {
    SpendCap::usd(Usd::from_picos(picos.into()))
}

/// Settles, and tells what was crossed, as the shell does.
fn settle(accounts: Accounts<'_>, held: Units, actual: Units) -> Vec<SpendCrossing> {
    let mut told = Vec::new();
    if accounts.settle(held, actual) {
        for account in [accounts.session, accounts.day].into_iter().flatten() {
            told.extend(account.crossings());
        }
    }
    told
}

/// Spent and reserved, after all threads ended.
fn used(account: &Account) -> [u64; 2] {
    account.used().map(|units| units.picos)
}

fn percents(told: &[SpendCrossing], scope: SpendScope) -> Vec<u8> {
    let of_scope = told.iter().filter(|it| it.scope == scope);
    let mut percents: Vec<u8> = of_scope.map(|it| it.percent).collect();
    percents.sort_unstable();
    percents
}

#[test]
fn callers_at_the_same_time_never_reserve_more_than_the_cap() {
    check(|| {
        let books = Books::new(usd(10), &[]);
        let ask = |books: Arc<Books>| {
            thread::spawn(move || u64::from(books.accounts().take(picos(4)).is_ok()))
        };
        let others = [ask(books.clone()), ask(books.clone())];
        let own = u64::from(books.accounts().take(picos(4)).is_ok());
        let taken = others.into_iter().map(|it| it.join().unwrap()).sum::<u64>() + own;
        assert_eq!(
            taken, 2,
            "two fit, and nobody is refused for one who is refused"
        );
        assert_eq!(used(&books.session), [0, 8]);
        assert_eq!(used(&books.day), [0, 8]);
    });
}

#[test]
fn a_call_takes_from_all_caps_or_from_none() {
    let (wide, narrow) = (usd(20).and_tokens(20), usd(20).and_tokens(5));
    for (session, day_cap) in [(narrow, wide), (wide, narrow)] {
        check(move || {
            // One's tokens run out first: what was taken of the others comes back.
            let books = Books::with(session, day_cap, &[]);
            let ask = |books: Arc<Books>| {
                thread::spawn(move || u64::from(books.accounts().take(both(4)).is_ok()))
            };
            let other = ask(books.clone());
            let own = u64::from(books.accounts().take(both(4)).is_ok());
            assert_eq!(other.join().unwrap() + own, 1);
            for account in [&books.session, &books.day] {
                assert_eq!(account.used(), [Units::ZERO, both(4)]);
            }
        });
    }
}

#[test]
fn a_call_that_never_fits_keeps_nobody_out() {
    check(|| {
        let books = Books::new(usd(10).and_tokens(5), &[]);
        let never = {
            let books = books.clone();
            let ask = Units {
                picos: 8,
                tokens: 9,
            };
            thread::spawn(move || books.accounts().take(ask).is_err())
        };
        assert_eq!(books.accounts().take(picos(8)), Ok(()));
        assert!(never.join().unwrap());
        assert_eq!(books.day.used(), [Units::ZERO, picos(8)]);
    });
}

#[test]
fn what_is_settled_dropped_and_reserved_adds_up() {
    check(|| {
        let books = Books::new(usd(10), &[]);
        books.accounts().take(picos(6)).unwrap();
        books.accounts().take(picos(4)).unwrap();
        let settling = {
            let books = books.clone();
            thread::spawn(move || settle(books.accounts(), picos(6), picos(3)))
        };
        let dropping = {
            let books = books.clone();
            thread::spawn(move || books.accounts().give_back(picos(4)))
        };
        let own = u64::from(books.accounts().take(picos(5)).is_ok());
        assert!(settling.join().unwrap().is_empty());
        dropping.join().unwrap();
        assert_eq!(used(&books.session), [3, own * 5]);
        assert_eq!(used(&books.day), [3, own * 5]);
        assert_eq!(
            books.accounts().take(picos(7 - own * 5)),
            Ok(()),
            "exactly the rest"
        );
        assert!(books.accounts().take(picos(1)).is_err());
    });
}

#[test]
fn each_threshold_is_told_once_by_calls_that_settle_together() {
    check(|| {
        let books = Books::new(usd(10), &[50, 80, 100]);
        books.accounts().take(picos(9)).unwrap();
        let calls = [3, 3].map(|cost| {
            let books = books.clone();
            thread::spawn(move || settle(books.accounts(), picos(3), picos(cost)))
        });
        // Costs one more than it held.
        let mut told = settle(books.accounts(), picos(3), picos(4));
        for call in calls {
            told.extend(call.join().unwrap());
        }
        assert_eq!(percents(&told, SpendScope::Session), [50, 80, 100]);
        assert_eq!(percents(&told, SpendScope::Day), [50, 80, 100]);
    });
}

#[test]
fn a_new_day_never_lets_more_through_than_its_cap() {
    check(|| {
        let books = Books::new(usd(10), &[]);
        books.day_only().take(picos(6)).unwrap();
        let settling = {
            let books = books.clone();
            thread::spawn(move || settle(books.day_only(), picos(6), picos(5)))
        };
        let asking = {
            let books = books.clone();
            thread::spawn(move || u64::from(books.day_only().take(picos(4)).is_ok()))
        };
        assert_eq!(books.day.turn(day(1)), []);
        let own = u64::from(books.day_only().take(picos(5)).is_ok());
        settling.join().unwrap();
        let other = asking.join().unwrap();
        let [spent, reserved] = used(&books.day);
        assert!(spent == 0 || spent == 5, "counted in one day, whole");
        assert_eq!(reserved, own * 5 + other * 4);
        assert!(
            spent + reserved <= 10,
            "{spent} spent and {reserved} reserved"
        );
        let left = 10 - spent - reserved;
        assert!(left == 0 || books.day_only().take(picos(left)).is_ok());
        assert!(books.day_only().take(picos(1)).is_err());
    });
}

#[test]
fn a_call_that_overruns_at_the_turn_is_counted_in_one_day_whole() {
    check(|| {
        let books = Books::new(usd(10), &[]);
        books.day_only().take(picos(2)).unwrap();
        let settling = {
            let books = books.clone();
            thread::spawn(move || settle(books.day_only(), picos(2), picos(9)))
        };
        assert_eq!(books.day.turn(day(1)), []);
        settling.join().unwrap();
        let [spent, reserved] = used(&books.day);
        assert!(spent == 0 || spent == 9, "{spent} spent");
        assert_eq!(reserved, 0);
        assert_eq!(books.day_only().take(picos(10 - spent)), Ok(()));
        assert!(books.day_only().take(picos(1)).is_err());
    });
}

#[test]
fn two_threads_begin_a_day_once() {
    check(|| {
        let books = Books::new(usd(10), &[50]);
        books.day_only().take(picos(9)).unwrap();
        assert_eq!(settle(books.day_only(), picos(9), picos(9)).len(), 1);
        let other = {
            let books = books.clone();
            thread::spawn(move || {
                books.day.turn(day(1));
                books.day_only().take(picos(6)).unwrap();
                settle(books.day_only(), picos(6), picos(6))
            })
        };
        let mut told = books.day.turn(day(1));
        told.extend(other.join().unwrap());
        assert_eq!(percents(&told, SpendScope::Day), [50]);
        assert_eq!(used(&books.day), [6, 0], "not given back a second time");
    });
}

#[test]
fn a_threshold_crossed_at_the_turn_is_told_once_and_of_the_right_day() {
    check(|| {
        let books = Books::new(usd(10), &[50, 100]);
        books.day_only().take(picos(8)).unwrap();
        let settling = {
            let books = books.clone();
            thread::spawn(move || settle(books.day_only(), picos(8), picos(8)))
        };
        let mut told = books.day.turn(day(1));
        told.extend(settling.join().unwrap());
        assert_eq!(percents(&told, SpendScope::Day), [50]);
        assert_eq!(told[0].spent, SpendAmount::Usd(Usd::from_picos(8)));
        // Today's threshold is still to come, unless it was today's.
        let [spent, _] = used(&books.day);
        assert!(spent == 0 || spent == 8);
        books.day_only().take(picos(2)).unwrap();
        let told = settle(books.day_only(), picos(2), picos(2));
        let expected: &[u8] = if spent == 8 { &[100] } else { &[] };
        assert_eq!(percents(&told, SpendScope::Day), expected);
    });
}

#[test]
fn spending_seen_by_nobody_at_the_turn_is_told_of_the_new_day() {
    check(|| {
        // 9 of 10 are spent: the next threshold of the old day is far, that of the new one near.
        let books = Books::new(usd(10), &[10, 100]);
        books.day_only().take(picos(9)).unwrap();
        let told = settle(books.day_only(), picos(8), picos(8));
        assert_eq!(percents(&told, SpendScope::Day), [10]);
        let settling = {
            let books = books.clone();
            thread::spawn(move || settle(books.day_only(), picos(1), picos(1)))
        };
        let mut told = books.day.turn(day(1));
        told.extend(settling.join().unwrap());
        let [spent, reserved] = used(&books.day);
        assert_eq!(reserved, 0);
        let expected: &[u8] = if spent == 1 { &[10] } else { &[] };
        assert_eq!(
            percents(&told, SpendScope::Day),
            expected,
            "{spent} spent today"
        );
    });
}
