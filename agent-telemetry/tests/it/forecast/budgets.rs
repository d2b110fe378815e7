//! When budgets run out, what a day and a month come to, how fast money goes.

use agent_primitives::Usd;
use agent_telemetry::{
    Budget, BudgetForecast, BudgetVerdict, BurnRate, CostProjection, ForecastBasis, ForecastConfig,
    ForecastReport, Missing, Outcome, Record, SessionEnd, SpendHistory,
};

use super::{NOON, a_dollar_an_hour, at, call, hours, in_office_hours, noon, steady, usd};
use crate::story::{agent as agent_id, session_id};

fn forecast(history: &SpendHistory, budget: &str) -> BudgetForecast {
    BudgetForecast::of(history, &budget.parse().unwrap(), noon(), 7)
}

#[test]
fn steady_spending_runs_out_when_a_budget_is_spent() {
    // Twelve dollars by noon, one more each hour.
    let told = forecast(&steady(14), "18/day");
    assert_eq!(told.verdict, BudgetVerdict::RunsOut);
    assert_eq!((told.spent, told.left), (usd(12), usd(6)));
    let (earliest, latest) = (told.earliest.unwrap(), told.latest.unwrap());
    assert!(
        earliest > noon() + hours(4) && latest < noon() + hours(8),
        "{told:?}"
    );
    assert_eq!(told.until, noon() + hours(12));
    let month = forecast(&steady(25), "600/month");
    // 19 days and a half are 468 dollars.
    let middle = month.middle.unwrap();
    assert!(
        middle > noon() + hours(110) && middle < noon() + hours(155),
        "{month:?}"
    );
}

#[test]
fn budget_of_more_than_is_spent_lasts() {
    let told = forecast(&steady(14), "40/day");
    assert_eq!(told.verdict, BudgetVerdict::Lasts);
    assert_eq!((told.earliest, told.latest), (None, None));
    assert!(told.probability.unwrap() < 0.1);
}

#[test]
fn spent_and_empty_budgets_are_exhausted_whatever_is_known() {
    for (history, budget) in [(steady(14), "12/day"), (SpendHistory::new(), "0/month")] {
        let told = forecast(&history, budget);
        assert_eq!(
            (told.verdict, told.left),
            (BudgetVerdict::Exhausted, Usd::ZERO)
        );
        assert_eq!((told.probability, told.middle), (Some(1.0), None));
    }
}

#[test]
fn budget_is_whole_again_when_its_day_begins() {
    let history = steady(14);
    let midnight = noon() + hours(12);
    let budget: Budget = "18/day".parse().unwrap();
    let told = BudgetForecast::of(&history, &budget, midnight, 7);
    assert_eq!(
        (told.spent, told.from, told.until),
        (Usd::ZERO, midnight, midnight + hours(24))
    );
}

#[test]
fn budget_is_told_alone_as_beside_one_that_looks_further_ahead() {
    let records = a_dollar_an_hour(24 * 14, |_| true);
    let budgets = ["30/day", "600/month", "6/5h"];
    let config = budgets
        .iter()
        .fold(ForecastConfig::default(), |config, it| {
            config.budget(it.parse().unwrap())
        });
    let report = ForecastReport::of(noon(), &config, &records);
    let alone = budgets.map(|it| forecast(&SpendHistory::of(&records), it));
    assert_eq!(report.budgets, alone);
    assert_eq!(alone[0].verdict, BudgetVerdict::Lasts);
}

#[test]
fn rolling_window_forgets_what_was_spent_before_it() {
    // Five dollars are in any five hours.
    let told = forecast(&steady(14), "6/5h");
    assert_eq!(told.spent, usd(5));
    assert!(told.probability.unwrap() < 0.9, "{told:?}");
    let tight = forecast(&steady(14), "5.1/5h");
    assert!(tight.probability > told.probability);
    // Nothing leaves a window that was silent, so that it fills from nothing.
    let silent: Vec<Record> = a_dollar_an_hour(24 * 14, |second| second < NOON - 5 * 3_600);
    let told = forecast(&SpendHistory::of(&silent), "4/5h");
    assert_eq!(told.spent, Usd::ZERO);
}

#[test]
fn nothing_is_spent_at_night_and_over_the_weekend() {
    let records = a_dollar_an_hour(24 * 28, in_office_hours);
    let history = SpendHistory::of(&records);
    // Four of the ten dollars of a Friday are spent by noon.
    let today = CostProjection::of(&history, noon(), 7).today;
    assert_eq!(today.spent, usd(4));
    assert!(today.total.unwrap().contains(usd(10)), "{today:?}");
    let projection = CostProjection::of(&history, noon(), 7);
    let saturday = projection.days.iter().find(|it| it.from > noon()).unwrap();
    assert!(saturday.total.unwrap().high < usd(2), "{saturday:?}");
    let evening = BurnRate::of(&history, noon() + hours(8), 7);
    assert!(
        evening.next_hour.unwrap().high < Usd::from_micros(300_000),
        "{evening:?}"
    );
}

#[test]
fn last_hour_and_smoothed_rate_follow_what_is_spent() {
    let burn = BurnRate::of(&steady(14), noon(), 7);
    assert_eq!((burn.last_hour, burn.tokens_last_hour), (usd(1), 1_100));
    let smoothed = burn.smoothed.unwrap();
    assert!(smoothed > Usd::from_micros(990_000) && smoothed < Usd::from_micros(1_010_000));
    assert_eq!(
        (burn.active_share, burn.when_active),
        (Some(1.0), Some(usd(1)))
    );
    assert!(burn.tokens_next_hour.unwrap().contains(1_100));
    let silent = BurnRate::of(&steady(14), noon() + hours(6), 7);
    assert_eq!(silent.last_hour, Usd::ZERO);
    // Half of the weight is of the hours before.
    let half = silent.smoothed.unwrap();
    assert!(
        half > Usd::from_micros(450_000) && half < Usd::from_micros(550_000),
        "{half}"
    );
}

#[test]
fn too_little_is_said_and_not_told() {
    let told = forecast(&SpendHistory::new(), "5/day");
    assert_eq!(
        (told.verdict, told.missing),
        (BudgetVerdict::NotEnoughData, Some(Missing::Spending))
    );
    let short = SpendHistory::of(&a_dollar_an_hour(3, |_| true));
    let told = forecast(&short, "5/day");
    assert_eq!(told.missing, Some(Missing::Hours { have: 3, needed: 6 }));
    // A day and a half says something of today, and nothing of the month.
    let history = SpendHistory::of(&a_dollar_an_hour(36, |_| true));
    let projection = CostProjection::of(&history, noon(), 7);
    assert!(projection.today.total.is_some());
    assert_eq!(projection.month.total, None);
    assert_eq!(
        projection.month.missing,
        Some(Missing::Days { have: 1, needed: 4 })
    );
}

#[test]
fn sums_by_the_hour_say_what_the_records_say() {
    use agent_telemetry::{Period, Rollups};
    let records = a_dollar_an_hour(24 * 8, in_office_hours);
    let mut from_sums = SpendHistory::new();
    for hour in 0..24 * 8 {
        let from = noon() - hours(24 * 8 - hour);
        let period = Period::new(from, from + hours(1));
        from_sums.add_sums(period, &Rollups::of(&records, period));
    }
    let of = |history| CostProjection::of(history, noon(), 7);
    assert_eq!(of(&from_sums), of(&SpendHistory::of(&records)));
    // A day is not of one hour.
    let day = Period::new(noon() - hours(24), noon());
    from_sums.add_sums(day, &Rollups::of(&records, day));
    assert_eq!(from_sums.left_out(), 10);
}

#[test]
fn session_runs_out_as_its_calls_go_on() {
    let call_at = |turn: i64| Record::new(at(NOON - 600 + 60 * turn), call(usd(1)));
    let records: Vec<Record> = (0..10)
        .map(|turn| call_at(turn).of_session(session_id("s1")))
        .collect();
    let config = ForecastConfig::default().budget("15/session".parse().unwrap());
    let report = ForecastReport::of(noon(), &config, &records);
    let told = &report.budgets[0];
    assert_eq!(told.session, Some(session_id("s1")));
    assert_eq!(
        (told.spent, told.verdict),
        (usd(10), BudgetVerdict::RunsOut)
    );
    // Five calls, one a minute.
    assert_eq!(told.middle, Some(at(NOON + 300)));
}

#[test]
fn long_session_runs_out_at_the_pace_of_its_calls() {
    // A tenth of a cent a second, and five dollars left: five thousand calls.
    let call_at = |turn: i64| Record::new(at(NOON - 100 + turn), call(Usd::from_micros(1_000)));
    let records: Vec<Record> = (0..100)
        .map(|turn| call_at(turn).of_session(session_id("s1")))
        .collect();
    let config = ForecastConfig::default().budget("5.1/session".parse().unwrap());
    let told = &ForecastReport::of(noon(), &config, &records).budgets[0];
    assert_eq!(told.verdict, BudgetVerdict::RunsOut);
    let middle = told.middle.unwrap().since(noon()).as_secs();
    assert!((4_990..=5_010).contains(&middle), "{middle}");
    // At this pace a day comes to 86 dollars.
    let config = ForecastConfig::default().budget("90/session".parse().unwrap());
    let told = &ForecastReport::of(noon(), &config, &records).budgets[0];
    assert_eq!(told.verdict, BudgetVerdict::Lasts);
}

#[test]
fn dearest_sessions_are_told_and_the_others_counted() {
    let mut records = Vec::new();
    for turn in 0..5 {
        for number in 0..40 {
            let session = session_id(&format!("s{number}"));
            let second = NOON - 600 + 60 * turn + number;
            records.push(Record::new(at(second), call(usd(1 + number))).of_session(session));
        }
    }
    let config = ForecastConfig::default().budget("500/session".parse().unwrap());
    let report = ForecastReport::of(noon(), &config, &records);
    assert_eq!(report.budgets.len(), 16);
    let first = &report.budgets[0];
    assert_eq!(
        (first.session.clone(), first.spent),
        (Some(session_id("s39")), usd(200))
    );
    assert_eq!(report.left_out, 24);
    let words = "24 more budgets, sessions or models are left out.";
    assert!(report.to_string().contains(words), "{report}");
}

#[test]
fn session_goes_on_spending_after_the_end_of_one_of_its_agents() {
    let mut records = Vec::new();
    for turn in 0..10 {
        let agent = agent_id(if turn % 2 == 0 { "one" } else { "two" });
        let record = Record::new(at(NOON - 600 + 60 * turn), call(usd(1)));
        records.push(record.of_session(session_id("s1")).of_agent(agent));
    }
    let end = SessionEnd::new(Outcome::Success, hours(1));
    let end = Record::new(at(NOON - 50), end).of_session(session_id("s1"));
    records.push(end.clone().of_agent(agent_id("one")));
    let config = ForecastConfig::default().budget("15/session".parse().unwrap());
    let told = |records: &[Record]| ForecastReport::of(noon(), &config, records).budgets;
    assert_eq!(told(&records)[0].spent, usd(10));
    records.push(end.of_agent(agent_id("two")));
    assert!(told(&records).is_empty());
    // It goes on under the same name, and so does its budget.
    let last = Record::new(at(NOON - 10), call(usd(1)));
    records.push(last.of_session(session_id("s1")).of_agent(agent_id("two")));
    assert_eq!(told(&records)[0].spent, usd(11));
}

#[test]
fn one_day_and_idle_ones_are_not_enough() {
    let trial = |second: i64| second < NOON - 12 * 3_600 - 10 * 86_400;
    let history = SpendHistory::of(&a_dollar_an_hour(24 * 12, trial));
    let projection = CostProjection::of(&history, noon(), 7);
    let missing = Some(Missing::ActiveDays { have: 2, needed: 3 });
    assert_eq!(
        (projection.today.total, projection.today.missing),
        (None, missing)
    );
    assert!(projection.days.iter().all(|day| day.month.is_none()));
    let burn = BurnRate::of(&history, noon(), 7);
    assert_eq!((burn.next_hour, burn.missing), (None, missing));
    assert_eq!(forecast(&history, "5/day").missing, missing);
    // Thursday and Friday, and a weekend: hours tell it.
    let monday = noon() + hours(3 * 24);
    let begun = |second: i64| second >= NOON - 36 * 3_600 && in_office_hours(second);
    let history = SpendHistory::of(&a_dollar_an_hour(24 * 12, begun));
    let told = CostProjection::of(&history, monday, 7).today;
    assert!(told.total.is_some_and(|it| it.high > usd(0)), "{told:?}");
}

#[test]
fn few_days_promise_less() {
    let told = |days: i64| {
        let records = a_dollar_an_hour(24 * days, |_| true);
        ForecastReport::of(noon(), &ForecastConfig::default(), &records)
    };
    let few = told(7);
    assert_eq!((few.basis, few.days), (ForecastBasis::Days, 7));
    let text = few.to_string().replace("\n  ", " ");
    let words = "after so few whole days, 7, they held it in 69 to 79.";
    assert!(text.contains(words), "{few}");
    let fewer = told(5).to_string().replace("\n  ", " ");
    assert!(fewer.contains("whole days, 5, they held it in 57 to 75."));
    let enough = told(12).to_string();
    let words = "Bounds hold what comes in 80 of 100 cases.";
    assert!(enough.contains(words), "{enough}");
}

#[test]
fn figures_of_the_history_are_of_one_time() {
    // A call ten weeks ago, and one in each of the last three hours, the last of which is not over.
    let seconds = [NOON - 70 * 86_400, NOON - 7_000, NOON - 3_000, NOON + 600];
    let records = seconds.map(|second| Record::new(at(second), call(usd(3))));
    let now = at(NOON + 900);
    let report = ForecastReport::of(now, &ForecastConfig::default(), &records);
    assert_eq!(report.since, Some(at(NOON - 7_200)));
    assert_eq!((report.calls, report.hours, report.active_hours), (3, 3, 3));
    assert_eq!(report.burn.when_active, Some(usd(3)));
    assert_eq!(report.burn.active_share, Some(1.0));
}

#[test]
fn long_names_and_small_amounts_fit_the_width() {
    let name = "a-session-with-a-name-that-takes-more-than-a-line-".repeat(2);
    let mut records = a_dollar_an_hour(24 * 14, |_| true);
    for turn in 0..10 {
        let cost = Usd::from_micros(1_234 + turn);
        let record = Record::new(at(NOON - 600 + 60 * turn), call(cost));
        records.push(record.of_session(session_id(&name)));
    }
    let config = ["0.015/session", "123456.789/month", "0.000001/day"].iter();
    let config = config.fold(ForecastConfig::default(), |config, it| {
        config.budget(it.parse().unwrap())
    });
    let report = ForecastReport::of(noon(), &config, &records).to_string();
    assert!(super::super::answers::widest(&report) <= 100, "{report}");
    assert!(report.contains("  a-session-wit…"), "{report}");
    assert!(report.contains("  $123456.789/mo…"), "{report}");
}

#[test]
fn report_fits_its_width_and_says_what_it_rests_on() {
    let records = a_dollar_an_hour(24 * 28, in_office_hours);
    let config = ForecastConfig::default()
        .budget("8/day".parse().unwrap())
        .budget("150/month".parse().unwrap())
        .budget("20/5h".parse().unwrap());
    let report = ForecastReport::of(noon(), &config, &records);
    assert_eq!(report.basis, ForecastBasis::Days);
    let text = report.to_string();
    for words in [
        "Forecast, as at 2026-11-20 12:00 UTC",
        "200 model calls since 2026-10-23 12:00 UTC",
        "$8.00/day",
        "runs out",
        "Requests that may take too long",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    let page = report.to_html();
    assert!(
        page.contains("Cost of the month") && page.contains("class=\"band"),
        "{page}"
    );
    let none = ForecastReport::of(noon(), &config, &[]).to_string();
    assert!(none.contains("There is no data"), "{none}");
}
