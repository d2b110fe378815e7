//! Budgets that the host guards, as crossings tell of them.

use agent_primitives::{SpendAmount, SpendCrossing, SpendScope, Stamp};
use agent_telemetry::Record;
use agent_telemetry::alert::{BudgetPeriod, Condition};

use super::{alerts, at, hear};

const DOLLARS: SpendAmount = SpendAmount::Usd(agent_primitives::Usd::ZERO);
const TOKENS: SpendAmount = SpendAmount::Tokens(1_000);

fn crossed(when: i64, percent: u8, cap: SpendAmount) -> Record {
    let crossing = SpendCrossing::new(SpendScope::Day, percent, cap, cap);
    Record::of_event(Stamp::at(at(when)), &crossing.into()).unwrap()
}

fn day(share: f64) -> Condition {
    Condition::Budget {
        period: BudgetPeriod::Day,
        share,
        amount: None,
    }
}

#[test]
fn dollars_and_tokens_are_two_budgets() {
    let records = [
        crossed(10, 80, DOLLARS),
        crossed(20, 50, TOKENS),
        crossed(30, 100, TOKENS),
    ];
    let heard = hear(&mut alerts(day(0.8)), &records, 43_300);
    assert_eq!(heard, ["firing 10", "resolved 43200"]);
    let mut all = alerts(day(1.0));
    assert_eq!(hear(&mut all, &records, 60), ["firing 30"]);
}

#[test]
fn budget_that_was_raised_ends_its_alert_with_the_next_crossing() {
    let records = [
        crossed(10, 80, DOLLARS),
        // The clock was set back a little, and it is still the next one.
        crossed(5, 100, DOLLARS),
        crossed(600, 50, DOLLARS),
        crossed(900, 80, DOLLARS),
    ];
    let heard = hear(&mut alerts(day(0.8)), &records, 1_000);
    assert_eq!(heard, ["firing 10", "resolved 600", "firing 900"]);
    let heard = hear(&mut alerts(day(1.0)), &records[..2], 1_000);
    assert_eq!(heard, ["firing 10"]);
}

#[test]
fn shares_that_one_call_crosses_may_come_in_any_order() {
    let records = [
        crossed(10, 100, DOLLARS),
        crossed(10, 80, DOLLARS),
        crossed(10, 50, DOLLARS),
    ];
    assert_eq!(
        hear(&mut alerts(day(1.0)), &records, 100),
        ["firing 10"],
        "and it stays"
    );
}
