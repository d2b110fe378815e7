//! What a budget refuses, tells, forgets and keeps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{
    Clock, Event, ManualClock, SessionId, SpendAmount, SpendScope, Stamp, Timestamp, TokenUsage,
    Usd,
};
use agent_resilience::{
    InvalidSpend, Percent, SessionBudget, Spend, SpendAction, SpendAdvice, SpendBudget,
    SpendBudgetConfig, SpendCap, SpendSnapshot, SpendThreshold, TokenPrice,
};

const HOUR: Duration = Duration::from_secs(3_600);
/// Berlin's rule: it needs no database.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

/// A day of 2026 and a time in UTC, `day hh:mm`, the first of January being day 1.
fn at(text: &str) -> ManualClock {
    let (day, time) = text.split_once(' ').unwrap();
    let (hour, minute) = time.split_once(':').unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap();
    let seconds = (number(day) - 1) * 86_400 + number(hour) * 3_600 + number(minute) * 60;
    ManualClock::starting_at(Timestamp::from_unix_seconds(1_767_225_600 + seconds))
}

fn daily(tokens: u64) -> SpendBudgetConfig {
    SpendBudgetConfig::default().day(SpendCap::tokens(tokens))
}

fn per_session(tokens: u64) -> SpendBudgetConfig {
    SpendBudgetConfig::default().session(SpendCap::tokens(tokens))
}

fn on(config: &SpendBudgetConfig, clock: &ManualClock) -> (SpendBudget, SessionBudget) {
    let budget = SpendBudget::with_clock(config, clock.clone()).unwrap();
    let session = budget.session(&id("s")).unwrap();
    (budget, session)
}

fn spend(session: &SessionBudget, tokens: u64) {
    let held = session.reserve(Spend::tokens(tokens)).unwrap();
    held.settle(Spend::tokens(tokens));
}

type Told = Arc<Mutex<Vec<(SpendScope, u8)>>>;

fn listening(budget: &SpendBudget) -> (SpendBudget, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let budget = budget.clone().observer(move |_: Stamp<'_>, event: &Event| {
        if let Event::Spend(it) = event {
            heard.lock().unwrap().push((it.scope, it.percent));
        }
    });
    (budget, told)
}

/// Hours from the first call at noon UTC of that day until the day ends.
fn hours_left(zone: &str, day: u32) -> f64 {
    let clock = at(&format!("{day} 12:00"));
    let (budget, session) = on(&daily(10).time_zone(zone), &clock);
    spend(&session, 1);
    let ends = budget.status().caps[0].resets_at.unwrap();
    ends.since(clock.timestamp()).as_secs_f64() / 3_600.0
}

#[test]
fn a_day_is_as_long_as_its_zone_has_it() {
    // 2026: forward on 29 March (day 88), back on 25 October (day 298).
    for (day, from_noon) in [(87, 11.0), (88, 10.0), (89, 10.0), (297, 10.0), (298, 11.0)] {
        assert_eq!(
            hours_left(BERLIN, day).to_bits(),
            f64::to_bits(from_noon),
            "day {day}"
        );
    }
    assert_eq!(hours_left("UTC", 88).to_bits(), 12.0_f64.to_bits());
    assert_eq!(hours_left("IST-5:30", 88).to_bits(), 6.5_f64.to_bits());
}

#[test]
fn days_of_23_and_25_hours_end_at_their_own_midnight() {
    for (day, hours) in [(88, 23), (298, 25), (100, 24)] {
        // Midnight in Berlin before the clocks change: 23:00 UTC in winter, 22:00 in summer.
        let eve = if day == 88 { "23:00" } else { "22:00" };
        let clock = at(&format!("{} {eve}", day - 1));
        let (budget, session) = on(&daily(10).time_zone(BERLIN), &clock);
        spend(&session, 7);
        clock.advance((HOUR * hours).saturating_sub(Duration::from_nanos(1)));
        assert_eq!(budget.spent_today(), Spend::tokens(7), "day {day}");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(budget.spent_today(), Spend::ZERO, "day {day}");
    }
}

#[test]
fn zones_of_the_database_are_known_where_there_is_one() {
    let config = daily(10).time_zone("Europe/Berlin");
    match config.validate() {
        Ok(()) => assert_eq!(
            hours_left("Europe/Berlin", 88).to_bits(),
            10.0_f64.to_bits()
        ),
        Err(error) => assert_eq!(
            error,
            InvalidSpend::NoTimeZones {
                name: "Europe/Berlin".to_owned()
            }
        ),
    }
}

#[test]
fn zones_that_nobody_knows_or_that_mean_two_things_are_refused() {
    for name in ["Europe/Atlantis", "", "UTC+2", "GMT-5", "12", "\u{1f550}"] {
        let error = daily(10).time_zone(name).validate().unwrap_err();
        let InvalidSpend::UnknownTimeZone { name: named } = error else {
            assert!(matches!(error, InvalidSpend::NoTimeZones { .. }), "{error}");
            continue;
        };
        assert_eq!(named, name);
    }
    let long = "x".repeat(1_000_000);
    let message = daily(10)
        .time_zone(long)
        .validate()
        .unwrap_err()
        .to_string();
    assert!(message.len() < 300, "{} bytes", message.len());
}

#[test]
fn a_clock_set_back_gives_nothing_back() {
    let clock = at("10 12:00");
    let (budget, session) = on(&daily(10), &clock);
    spend(&session, 9);
    for back in ["9 12:00", "8 12:00", "1 12:00"] {
        clock.set_timestamp(at(back).timestamp());
        assert_eq!(budget.spent_today(), Spend::tokens(9), "{back}");
        assert!(session.reserve(Spend::tokens(2)).is_err(), "{back}");
    }
}

#[test]
fn a_clock_that_was_far_ahead_once_does_not_stop_the_days() {
    let clock = at("10 12:00");
    let (budget, session) = on(&daily(10), &clock);
    spend(&session, 9);
    clock.set_timestamp(at("20000 12:00").timestamp());
    spend(&session, 5);
    clock.set_timestamp(at("10 13:00").timestamp());
    assert_eq!(budget.spent_today(), Spend::tokens(5));
    let resets_at = budget.status().caps[0].resets_at;
    assert_eq!(resets_at, Some(at("11 0:00").timestamp()));
    clock.set_timestamp(at("11 0:00").timestamp());
    assert_eq!(budget.spent_today(), Spend::ZERO);
}

#[test]
fn the_ends_of_time_are_days_as_well() {
    for nanos in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        let clock = ManualClock::starting_at(Timestamp::from_unix_nanos(nanos));
        for zone in ["UTC", BERLIN, "EAST-14", "WEST12"] {
            let (budget, session) = on(&daily(10).time_zone(zone), &clock);
            spend(&session, 4);
            assert_eq!(session.status().caps[0].left, SpendAmount::Tokens(6));
            assert_eq!(budget.spent_today(), Spend::tokens(4), "{nanos} in {zone}");
        }
    }
}

#[test]
fn what_is_under_way_at_midnight_is_held_and_spent_in_the_new_day() {
    let clock = at("10 23:59");
    let (budget, session) = on(&daily(10), &clock);
    spend(&session, 4);
    let held = session.reserve(Spend::tokens(6)).unwrap();
    clock.advance(HOUR);
    assert!(
        session.reserve(Spend::tokens(5)).is_err(),
        "6 of 10 are held"
    );
    let refused = session.reserve(Spend::tokens(5)).unwrap_err();
    assert_eq!(refused.left(), SpendAmount::Tokens(4));
    held.settle(Spend::tokens(3));
    assert_eq!(budget.spent_today(), Spend::tokens(3));
}

#[test]
fn thresholds_are_told_anew_each_day_and_only_once_in_a_session() {
    let clock = at("10 12:00");
    let config = daily(100).session(SpendCap::tokens(1_000));
    let (budget, told) = listening(&SpendBudget::with_clock(&config, clock.clone()).unwrap());
    let session = budget.session(&id("s")).unwrap();
    for _ in 0..3 {
        spend(&session, 60);
        spend(&session, 30);
        clock.advance(HOUR * 24);
    }
    spend(&session, 100);
    spend(&session, 0);
    clock.advance(HOUR * 24);
    spend(&session, 100);
    clock.advance(HOUR * 24);
    spend(&session, 30);
    let each = |of: SpendScope| {
        let told = told.lock().unwrap();
        let of_scope = told.iter().filter(|it| it.0 == of);
        of_scope.map(|it| it.1).collect::<Vec<_>>()
    };
    let full = [50, 80, 95, 100];
    let days = [[50, 80].repeat(3), full.to_vec(), full.to_vec()].concat();
    assert_eq!(each(SpendScope::Day), days);
    assert_eq!(each(SpendScope::Session), [50]);
}

#[test]
fn a_crossing_names_the_session_and_the_moment() {
    let clock = at("10 12:00");
    let budget = SpendBudget::with_clock(&per_session(10), clock.clone()).unwrap();
    let now = clock.timestamp();
    let budget = budget.observer(move |stamp: Stamp<'_>, _: &Event| {
        assert_eq!((stamp.at, stamp.session), (now, Some(&id("s"))));
    });
    spend(&budget.session(&id("s")).unwrap(), 10);
}

#[test]
fn advice_follows_what_is_reserved_and_returns_with_it() {
    let (_, session) = on(&per_session(100), &at("1 0:00"));
    let mut held = Vec::new();
    for (reserve, advice) in [
        (79, SpendAdvice::Any),
        (1, SpendAdvice::PreferCheap),
        (15, SpendAdvice::ForceCheap),
        (5, SpendAdvice::ForceCheap),
    ] {
        held.push(session.reserve(Spend::tokens(reserve)).unwrap());
        assert_eq!(session.advice(), advice, "after {reserve} more");
    }
    held.clear();
    assert_eq!(session.advice(), SpendAdvice::Any);
}

#[test]
fn a_threshold_may_refuse_before_the_cap() {
    let refuse = SpendThreshold::new(Percent::new(60).unwrap(), SpendAction::Refuse);
    let (_, session) = on(&per_session(100).thresholds([refuse]), &at("1 0:00"));
    spend(&session, 59);
    spend(&session, 1);
    let refused = session.reserve(Spend::tokens(1)).unwrap_err();
    assert_eq!(refused.left(), SpendAmount::Tokens(40));
    assert_eq!(
        refused.to_string(),
        "the call may cost 1 token and the session's cap of 100 tokens has 40 tokens left, which a \
         threshold holds back: ask for less, or raise the cap"
    );
}

#[test]
fn what_costs_nothing_passes_an_empty_budget() {
    let config = SpendBudgetConfig::default().session(SpendCap::usd(usd("1")));
    let (_, session) = on(&config, &at("1 0:00"));
    let all = session.reserve(Spend::usd(usd("1"))).unwrap();
    all.settle(Spend::usd(usd("1")));
    assert!(session.reserve(Spend::usd(Usd::from_picos(1))).is_err());
    let local = TokenPrice::FREE.spend_estimate(8_000, 2_000);
    assert!(session.reserve(local).is_ok());
}

#[test]
fn a_call_that_cost_more_than_it_held_is_spent_whole_and_shown() {
    let (_, session) = on(&per_session(100), &at("1 0:00"));
    let held = session.reserve(Spend::tokens(90)).unwrap();
    held.settle(Spend::tokens(130));
    let status = session.status();
    let cap = status.caps[0];
    assert_eq!([cap.spent, cap.left], [130, 0].map(SpendAmount::Tokens));
    assert_eq!((status.overruns, status.overrun), (1, Spend::tokens(40)));
    let refused = session.reserve(Spend::tokens(1)).unwrap_err();
    assert!(!refused.may_fit_when_calls_end());
}

#[test]
fn absurd_costs_neither_wrap_nor_open_the_cap() {
    let config = SpendBudgetConfig::default()
        .session(SpendCap::usd(usd("2000000")).and_tokens(2_000_000_000_000_000_000))
        .day(SpendCap::usd(usd("2000000")));
    let clock = at("1 0:00");
    let (budget, session) = on(&config, &clock);
    let absurd = Spend::new(Usd::MAX, u64::MAX);
    let held: Vec<_> = (0..40)
        .map(|_| session.reserve(Spend::new(Usd::from_picos(1), 1)).unwrap())
        .collect();
    for held in held {
        held.settle(absurd);
    }
    for cap in session.status().caps {
        assert_eq!(cap.reserved, at_zero(cap.cap), "{cap:?}");
        assert_eq!(cap.left, at_zero(cap.cap), "{cap:?}");
        assert!(units(cap.spent) > units(cap.cap), "{cap:?}");
    }
    assert!(session.reserve(Spend::usd(Usd::from_picos(1))).is_err());
    for day in 0..50_u32 {
        clock.advance(HOUR * 24);
        assert_eq!(budget.spent_today(), Spend::ZERO, "day {day}");
        let today = budget.without_session();
        today.reserve(Spend::usd(usd("1"))).unwrap().settle(absurd);
        assert_eq!(
            budget.spent_today().usd,
            usd("2000000"),
            "the most one call counts"
        );
    }
    let negative = Spend::usd(usd("-5"));
    budget
        .without_session()
        .reserve(negative)
        .unwrap()
        .settle(negative);
    assert_eq!(budget.spent_today().usd, usd("2000000"), "no credit");
}

fn units(amount: SpendAmount) -> i128 {
    match amount {
        SpendAmount::Usd(usd) => usd.picos(),
        SpendAmount::Tokens(tokens) => tokens.into(),
    }
}

fn at_zero(amount: SpendAmount) -> SpendAmount {
    match amount {
        SpendAmount::Usd(_) => SpendAmount::Usd(Usd::ZERO),
        SpendAmount::Tokens(_) => SpendAmount::Tokens(0),
    }
}

#[test]
fn the_longest_idle_session_goes_and_one_in_use_never() {
    let clock = at("1 0:00");
    let config = SpendBudgetConfig {
        sessions: 3,
        ..per_session(100)
    };
    let (budget, in_use) = on(&config, &clock);
    spend(&in_use, 10);
    for name in ["b", "c"] {
        clock.advance(HOUR);
        spend(&budget.session(&id(name)).unwrap(), 20);
    }
    clock.advance(HOUR);
    spend(&budget.session(&id("b")).unwrap(), 5);
    clock.advance(HOUR);
    let fourth = budget.session(&id("d")).unwrap();
    assert_eq!(budget.status().sessions_forgotten, 1);
    assert_eq!(budget.session(&id("b")).unwrap().spent(), Spend::tokens(25));
    assert_eq!(in_use.spent(), Spend::tokens(10), "older, and held");
    drop(fourth);
    assert_eq!(
        budget.session(&id("c")).unwrap().spent(),
        Spend::ZERO,
        "c went"
    );
}

#[test]
fn of_many_sessions_a_few_of_the_longest_idle_go_at_once() {
    let clock = at("1 0:00");
    let config = SpendBudgetConfig {
        sessions: 1_024,
        ..per_session(100)
    };
    let (budget, in_use) = on(&config, &clock);
    for number in 0..1_023 {
        clock.advance(HOUR / 3_600);
        spend(&budget.session(&id(&format!("n{number}"))).unwrap(), 1);
    }
    let left = |budget: &SpendBudget, number: u32| {
        let snapshot = budget.snapshot();
        let name = format!("n{number}");
        (snapshot.sessions.iter()).any(|it| it.session.as_str() == name)
    };
    for new in 0..5 {
        budget.session(&id(&format!("new{new}"))).unwrap();
        let gone = if new < 4 { 4 } else { 8 };
        assert_eq!(budget.status().sessions_forgotten, gone, "{new}");
        assert!(!left(&budget, 3) && left(&budget, 8));
        assert_eq!(left(&budget, 4), new < 4);
    }
    assert_eq!(budget.status().sessions, 1_021);
    drop(in_use);
}

#[test]
fn waiting_for_calls_does_not_help_where_a_threshold_was_reached_by_what_was_spent() {
    let refuse = SpendThreshold::new(Percent::new(60).unwrap(), SpendAction::Refuse);
    let (_, session) = on(&per_session(100).thresholds([refuse]), &at("1 0:00"));
    let held = session.reserve(Spend::tokens(30)).unwrap();
    let other = session.reserve(Spend::tokens(40)).unwrap();
    let refused = session.reserve(Spend::tokens(1)).unwrap_err();
    assert!(refused.may_fit_when_calls_end(), "nothing is spent yet");
    other.settle(Spend::tokens(60));
    let refused = session.reserve(Spend::tokens(1)).unwrap_err();
    assert!(!refused.may_fit_when_calls_end(), "60 are spent for good");
    assert!(!refused.to_string().contains("wait for"), "{refused}");
    drop(held);
}

#[test]
fn a_session_with_a_call_under_way_is_not_forgotten() {
    let config = SpendBudgetConfig {
        sessions: 1,
        ..per_session(100)
    };
    let (budget, session) = on(&config, &at("1 0:00"));
    let held = session.reserve_owned(Spend::tokens(30)).unwrap();
    drop(session);
    assert_eq!(budget.session(&id("other")).unwrap_err().capacity, 1);
    held.settle(Spend::tokens(20));
    assert_eq!(budget.session(&id("s")).unwrap().spent(), Spend::tokens(20));
    assert!(budget.session(&id("other")).is_ok());
}

#[test]
fn a_restart_forgets_neither_the_day_nor_the_sessions_and_repeats_no_crossing() {
    let clock = at("10 12:00");
    let config = daily(100).session(SpendCap::tokens(50));
    let (budget, session) = on(&config, &clock);
    spend(&session, 40);
    let lost = session.reserve_owned(Spend::tokens(7)).unwrap();
    spend(&budget.session(&id("t")).unwrap(), 20);
    let snapshot = budget.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    let read: SpendSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(read, snapshot);
    drop(lost);

    clock.advance(HOUR);
    let (again, told) = listening(&SpendBudget::with_clock(&config, clock.clone()).unwrap());
    again.restore(&read);
    assert_eq!(
        again.spent_today(),
        Spend::tokens(67),
        "what was under way is taken for spent"
    );
    let session = again.session(&id("s")).unwrap();
    assert_eq!(session.spent(), Spend::tokens(47));
    assert!(session.reserve(Spend::tokens(4)).is_err());
    spend(&session, 1);
    assert_eq!(*told.lock().unwrap(), [(SpendScope::Session, 95)]);
    spend(&again.session(&id("u")).unwrap(), 12);
    assert_eq!(told.lock().unwrap().last(), Some(&(SpendScope::Day, 80)));

    clock.advance(HOUR * 12);
    let (tomorrow, _) = on(&config, &clock);
    tomorrow.restore(&read);
    assert_eq!(tomorrow.spent_today(), Spend::ZERO);
    assert_eq!(
        tomorrow.session(&id("t")).unwrap().spent(),
        Spend::tokens(20)
    );
}

#[test]
fn a_restart_keeps_the_sessions_used_last_and_counts_the_others() {
    let clock = at("10 12:00");
    let (budget, _) = on(&per_session(100), &clock);
    for name in ["a", "b", "c", "d"] {
        clock.advance(HOUR);
        spend(&budget.session(&id(name)).unwrap(), 9);
    }
    let config = SpendBudgetConfig {
        sessions: 2,
        ..per_session(100)
    };
    let again = SpendBudget::with_clock(&config, clock).unwrap();
    again.restore(&budget.snapshot());
    let status = again.status();
    assert_eq!((status.sessions, status.sessions_forgotten), (2, 3));
    for name in ["c", "d"] {
        assert_eq!(
            again.session(&id(name)).unwrap().spent(),
            Spend::tokens(9),
            "{name}"
        );
    }
}

#[test]
fn a_hostile_snapshot_is_bounded() {
    let text = r#"{"at": 0, "day": {"usd": "-9", "tokens": 18446744073709551615},
        "sessions": [{"session": "s", "spent": {"usd": "170141183460469231731687303", "tokens": 1}}]}"#;
    let snapshot: SpendSnapshot = serde_json::from_str(text).unwrap();
    let clock = ManualClock::default();
    let config = daily(100).session(SpendCap::usd(usd("1")));
    let (budget, session) = on(&config, &clock);
    for _ in 0..10 {
        budget.restore(&snapshot);
    }
    assert!(session.reserve(Spend::usd(Usd::from_picos(1))).is_err());
    assert!(session.reserve(Spend::tokens(1)).is_err());
    clock.advance(HOUR * 24);
    assert!(
        session.reserve(Spend::tokens(100)).is_ok(),
        "a day later the day is whole"
    );
    let unknown = serde_json::from_str::<SpendSnapshot>(r#"{"week": {}}"#).unwrap_err();
    assert!(
        unknown.to_string().contains("unknown field `week`"),
        "{unknown}"
    );
}

#[test]
fn contradictions_are_refused_by_name() {
    let cap = |text| SpendCap::usd(usd(text));
    let base = SpendBudgetConfig::default;
    let percent = |it| Percent::new(it).unwrap();
    let warn = |it| SpendThreshold::new(percent(it), SpendAction::Warn);
    for (config, message) in [
        (
            base().session(cap("0")),
            "a cap of $0.00 for the session lets nothing through: leave it out or allow more",
        ),
        (
            base().request(SpendCap::tokens(0)),
            "a cap of 0 tokens for the request lets nothing through: leave it out or allow more",
        ),
        (
            base().day(cap("-3")),
            "a cap of -$3.00 for the day is negative: write what may be spent",
        ),
        (
            base().day(cap("2000000.01")),
            "a cap of $2000000.01 for the day is above $2000000.00: leave it out or lower it",
        ),
        (
            base().request(cap("3")).day(cap("2")),
            "one request may spend $3.00 and the whole day $2.00: lower the first or raise the second",
        ),
        (
            base()
                .request(SpendCap::tokens(9))
                .session(cap("1").and_tokens(8)),
            "one request may spend 9 tokens and the whole session 8 tokens: lower the first or raise the second",
        ),
        (
            base().thresholds([warn(50), warn(50)]),
            "the threshold at 50 % stands behind the one at 50 %: order them, each once",
        ),
        (
            base().thresholds([warn(80), warn(50)]),
            "the threshold at 50 % stands behind the one at 80 %: order them, each once",
        ),
        (
            base().thresholds([
                SpendThreshold::new(percent(10), SpendAction::Refuse),
                warn(50),
            ]),
            "the threshold at 50 % asks for less than the one before it: let them grow stricter",
        ),
        (
            base().thresholds((1..=17).map(warn)),
            "17 thresholds: use at most 16",
        ),
        (
            SpendBudgetConfig {
                sessions: 0,
                ..base()
            },
            "0 sessions to remember: use 1 to 65536",
        ),
        (
            SpendBudgetConfig {
                sessions: 65_537,
                ..base()
            },
            "65537 sessions to remember: use 1 to 65536",
        ),
    ] {
        assert_eq!(SpendBudget::new(&config).unwrap_err().to_string(), message);
    }
    let outlives = base().session(cap("50")).day(cap("20"));
    assert_eq!(outlives.validate(), Ok(()), "a session outlives the day");
}

#[test]
fn unknown_fields_of_a_configuration_are_refused() {
    for text in [
        r#"{"weekly": {"usd": "1"}}"#,
        r#"{"day": {"eur": "1"}}"#,
        r#"{"thresholds": [{"percent": 50, "action": "warn", "email": true}]}"#,
        r#"{"thresholds": [{"percent": 50, "action": "panic"}]}"#,
        r#"{"thresholds": [{"percent": 101, "action": "warn"}]}"#,
        r#"{"day": {"usd": 1.5}}"#,
    ] {
        assert!(
            serde_json::from_str::<SpendBudgetConfig>(text).is_err(),
            "{text}"
        );
    }
    let config = daily(7).time_zone(BERLIN);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<SpendBudgetConfig>(&text).unwrap(),
        config
    );
}

#[test]
fn status_draws_a_table() {
    let config = SpendBudgetConfig::default()
        .session(SpendCap::usd(usd("2")))
        .day(SpendCap::tokens(90_000));
    let (_, session) = on(&config, &at("1 12:00"));
    let price = TokenPrice::per_million(usd("3"), usd("15"));
    let held = session
        .reserve(price.spend_estimate(10_000, 1_000))
        .unwrap();
    session
        .reserve(price.spend_estimate(1_000, 100))
        .unwrap()
        .settle(price.spend(&TokenUsage::new(1_000, 200)));
    assert_eq!(
        session.status().to_string(),
        "\
cap      of              cap        spent     reserved         left  resets
session  money       $2.0000      $0.0060      $0.0450      $1.9490  never
day      tokens        90000         1200        11000        77800  2026-01-02T00:00:00.000Z
0 refused, 1 overran by $0.0015 and 100 tokens; 1 sessions, 0 forgotten"
    );
    drop(held);
}
