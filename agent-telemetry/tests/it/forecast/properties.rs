//! What holds of any records.

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{
    Budget, BudgetForecast, BudgetPeriod, CostProjection, ForecastConfig, ForecastReport,
    SpendHistory,
};
use proptest::prelude::*;

use super::{NOON, at, call, noon};
use crate::arbitrary;

/// Any hourly sums of up to five weeks before noon, in cents.
fn history() -> impl Strategy<Value = SpendHistory> {
    let sum = prop_oneof![3 => Just(0_i64), 5 => 1_i64..500, 1 => 1_i64..100_000];
    prop::collection::vec(sum, 1..24 * 35).prop_map(|sums| {
        let ago = (0..sums.len() as i64).rev();
        let records = ago.zip(sums).filter(|(_, cents)| *cents > 0);
        let records = records.map(|(ago, cents)| {
            let cost = Usd::from_micros(10_000 * cents);
            agent_telemetry::Record::new(at(NOON - 3_600 * ago - 1_000), call(cost))
        });
        SpendHistory::of(&records.collect::<Vec<_>>())
    })
}

fn period() -> impl Strategy<Value = BudgetPeriod> {
    prop_oneof![
        Just(BudgetPeriod::Day),
        Just(BudgetPeriod::Month),
        (1_u32..800).prop_map(|hours| BudgetPeriod::Rolling { hours }),
    ]
}

/// Nothing is later than what is never.
fn order(at: Option<Timestamp>) -> (bool, Option<Timestamp>) {
    (at.is_none(), at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_money_lasts_longer(
        history in history(),
        period in period(),
        cents in 1_i64..200_000,
        more in 0_i64..50_000,
        later in 0_u64..90_000,
        seed in any::<u64>(),
    ) {
        let now = noon() + std::time::Duration::from_secs(later);
        let told = |cents: i64| {
            let budget = Budget::new(Usd::from_micros(10_000 * cents), period);
            BudgetForecast::of(&history, &budget, now, seed)
        };
        let (less, more) = (told(cents), told(cents + more));
        prop_assert!(less.probability >= more.probability, "{:?} {:?}", less, more);
        if !less.left.is_zero() {
            for (less, more) in [
                (less.earliest, more.earliest),
                (less.middle, more.middle),
                (less.latest, more.latest),
            ] {
                prop_assert!(order(less) <= order(more));
            }
        }
        for it in [&less, &more] {
            let times = [it.earliest, it.middle, it.latest];
            prop_assert!(times.map(order).is_sorted(), "{:?}", it);
            prop_assert!(times.iter().flatten().all(|at| now <= *at && *at <= it.until), "{:?}", it);
            prop_assert!(it.probability.is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
    }

    #[test]
    fn bounds_are_in_order_and_the_whole_holds_its_parts(history in history(), seed in any::<u64>()) {
        let told = CostProjection::of(&history, noon(), seed);
        for it in [&told.today, &told.month] {
            if let Some(total) = it.total {
                prop_assert!(it.spent <= total.low && total.low <= total.middle && total.middle <= total.high);
            }
        }
        if let (Some(today), Some(month)) = (told.today.total, told.month.total) {
            prop_assert!(today.low <= month.low && today.middle <= month.middle);
        }
        let known: Vec<_> = told.days.iter().filter_map(|day| day.month).collect();
        prop_assert!(known.iter().map(|it| it.low).is_sorted() && known.iter().map(|it| it.high).is_sorted());
        prop_assert_eq!(CostProjection::of(&history, noon(), seed), told);
    }

    #[test]
    fn any_records_give_a_report(records in arbitrary::records(), nanos in any::<i64>(), budgets in prop::collection::vec(any::<i64>(), 0..4)) {
        let mut config = ForecastConfig::default().window(1_000).full_at(0.8);
        for (place, micros) in budgets.into_iter().enumerate() {
            let period = [BudgetPeriod::Session, BudgetPeriod::Day, BudgetPeriod::Month, BudgetPeriod::Rolling { hours: 0 }][place];
            config = config.budget(Budget::new(Usd::from_micros(micros), period));
        }
        let last = records.iter().map(|it| it.at).max().unwrap_or_default();
        for now in [Timestamp::from_unix_nanos(nanos), last, Timestamp::from_unix_nanos(i64::MAX)] {
            let report = ForecastReport::of(now, &config, &records);
            let text = report.to_string();
            prop_assert!(super::super::answers::widest(&text) <= 100, "{}", text);
            let json = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(&serde_json::from_str::<ForecastReport>(&json).unwrap(), &report);
            prop_assert!(report.to_html().ends_with("</html>\n"));
        }
    }
}
