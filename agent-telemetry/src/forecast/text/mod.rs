//! The text of the report on what is to be expected.

mod amounts;
mod charts;

use std::fmt;

use amounts::Amounts;

use agent_primitives::{Timestamp, Usd};

use super::{
    BudgetForecast, ContextForecast, CostBand, ForecastBasis, ForecastReport, Missing, Projected,
};
use crate::report::civil::minute_text;
use crate::report::sheet::{Sheet, dollars};
use crate::stats::layout::{Table, count, dash, money, offer, plural, share, time};
use crate::stats::width::cut;

/// Whole days from which on intervals hold what they are to.
const PROMISED_FROM: u64 = 10;

impl fmt::Display for ForecastReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl ForecastReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let as_at = format!("as at {} UTC", minute_text(self.now));
        let mut sheet = Sheet::undated("Forecast").with_period(&as_at);
        if self.is_empty() {
            sheet.note("There is no data: no model call and no session that goes on.");
            return sheet;
        }
        self.tiles(&mut sheet);
        self.basis(&mut sheet);
        self.burning(&mut sheet);
        let budgets = sheet.section("When budgets run out");
        budgets.table(self.budgets());
        for missing in self.budgets.iter().filter_map(told_missing) {
            budgets.note(&missing);
        }
        self.course(&mut sheet);
        let contexts = sheet.section("When contexts are full");
        contexts.table(self.contexts());
        if self.contexts.iter().any(|it| it.turns.is_some()) {
            contexts.note(
                "Turns are calls of the model, each number right to within one in so many cases.",
            );
        }
        let timeouts = sheet.section("Requests that may take too long");
        timeouts.chart(self.risks());
        timeouts.table(self.timeouts());
        if self.left_out > 0 {
            let more = count(self.left_out);
            sheet.note(&format!(
                "{more} more budgets, sessions or models are left out."
            ));
        }
        if self.calls_left_out > 0 {
            let calls = plural(self.calls_left_out, "call");
            sheet.note(&format!(
                "{calls} left out: older than what is kept, or of too many models."
            ));
        }
        sheet
    }

    fn tiles(&self, sheet: &mut Sheet) {
        for (name, projected) in [
            ("today", &self.projection.today),
            ("this month", &self.projection.month),
        ] {
            if let Some(total) = projected.total {
                sheet.tile(name, &cents(total.middle), &between(&total));
            }
        }
        if let Some(hour) = self.burn.next_hour {
            sheet.tile("next hour", &cents(hour.middle), &between(&hour));
        }
    }

    fn basis(&self, sheet: &mut Sheet) {
        let top = sheet.top();
        if let Some(since) = self.since {
            let calls = plural(self.calls, "model call");
            let hours = plural(self.hours, "hour");
            let what = format!(
                "{calls} since {} UTC, in {} of {hours}",
                minute_text(since),
                count(self.active_hours)
            );
            top.fact("history", &what);
        }
        if self.unpriced_calls > 0 {
            let calls = plural(self.unpriced_calls, "call");
            let what = format!("{calls} without a known price, the cost of which is in no figure");
            top.fact("unpriced", &what);
        }
        match self.basis {
            ForecastBasis::Days if self.days < PROMISED_FROM => top.note(&format!(
                "Bounds are to hold what comes in 80 of 100 cases; after so few whole days, {}, they held it in {}.",
                self.days,
                held(self.days)
            )),
            ForecastBasis::Days => top.note("Bounds hold what comes in 80 of 100 cases."),
            ForecastBasis::Hours => top.note(
                "Bounds hold what comes in fewer than 80 of 100 cases: there are hours to tell it from, and too few whole days with spending.",
            ),
            ForecastBasis::Nothing => {
                if let Some(missing) = self.burn.missing {
                    top.note(&format!("Of money: {missing}."));
                }
            }
        }
    }

    fn burning(&self, sheet: &mut Sheet) {
        let burn = &self.burn;
        let section = sheet.section("How fast it goes");
        if self.since.is_none() {
            return;
        }
        let next = |text: Option<[String; 3]>| text.unwrap_or_else(|| [dash(), dash(), dash()]);
        let mut table = Table::new(
            0,
            ["an hour", "the last", "smoothed", "the next", "from", "to"],
        );
        let amounts = [Some(burn.last_hour), burn.smoothed];
        let decimals = Amounts::of(amounts.into_iter().flatten());
        let [middle, low, high] = next(
            burn.next_hour
                .map(|it| [it.middle, it.low, it.high].map(|it| decimals.show(it))),
        );
        table.row([
            "money".to_owned(),
            decimals.show(burn.last_hour),
            burn.smoothed.map_or_else(dash, |it| decimals.show(it)),
            middle,
            low,
            high,
        ]);
        let [middle, low, high] = next(
            burn.tokens_next_hour
                .map(|it| [it.middle, it.low, it.high].map(count)),
        );
        table.row([
            "tokens".to_owned(),
            count(burn.tokens_last_hour),
            burn.tokens_smoothed.map_or_else(dash, count),
            middle,
            low,
            high,
        ]);
        section.table(table);
        if let (Some(_), Some(when)) = (burn.active_share, burn.when_active) {
            let share = share(self.active_hours, self.hours);
            let what = format!(
                "{share} of the hours had calls, and came to {} each",
                money(when)
            );
            section.fact("active", &what);
        }
    }

    fn budgets(&self) -> Table {
        let amounts = self.budgets.iter().flat_map(|it| [it.spent, it.left]);
        let decimals = Amounts::of(amounts);
        let header = [
            "budget", "spent", "left", "verdict", "cases", "earliest", "middle", "latest",
        ];
        let mut table = Table::new(0, header);
        for it in &self.budgets {
            let [earliest, middle, latest] =
                [it.earliest, it.middle, it.latest].map(|at| at.map_or_else(dash, short));
            table.row([
                budget(it),
                decimals.show(it.spent),
                decimals.show(it.left),
                it.verdict.as_str().replace('_', " "),
                it.probability.map_or_else(dash, percent),
                earliest,
                middle,
                latest,
            ]);
        }
        table
    }

    fn course(&self, sheet: &mut Sheet) {
        let projection = &self.projection;
        let section = sheet.section("What it comes to");
        if self.since.is_none() {
            return;
        }
        section.chart(self.fan());
        section.chart(self.daily());
        let totals = [projection.today.total, projection.month.total];
        let totals = totals.into_iter().flatten().map(|it| it.high);
        let spent = [projection.today.spent, projection.month.spent];
        let decimals = Amounts::of(spent.into_iter().chain(totals));
        let mut table = Table::new(0, ["in all", "by now", "in the end", "from", "to"]);
        for (name, it) in [
            ("today", &projection.today),
            ("this month", &projection.month),
        ] {
            table.row(row(name, it, decimals));
        }
        section.table(table);
        if let Some(missing) = projection
            .month
            .missing
            .filter(|it| *it != Missing::Spending)
        {
            section.note(&format!("The month: {missing}."));
        }
        section.table(self.days(decimals));
    }

    /// From today on.
    fn days(&self, decimals: Amounts) -> Table {
        let mut table = Table::new(
            0,
            [
                "day",
                "in the end",
                "from",
                "to",
                "month by then",
                "from",
                "to",
            ],
        );
        for day in &self.projection.days {
            let (Some(total), Some(month)) = (day.total, day.month) else {
                continue;
            };
            let amounts = [
                total.middle,
                total.low,
                total.high,
                month.middle,
                month.low,
                month.high,
            ];
            let mut row = vec![date(day.from)];
            row.extend(amounts.map(|it| decimals.show(it)));
            table.push(&row);
        }
        table
    }

    fn contexts(&self) -> Table {
        let header = [
            "session",
            "in use",
            "full at",
            "a turn adds",
            "turns left",
            "cases",
            "from",
            "to",
        ];
        let mut table = Table::new(0, header);
        for it in &self.contexts {
            table.row(context(it));
        }
        table
    }

    fn timeouts(&self) -> Table {
        let header = [
            "model", "input", "limit", "too long", "from", "to", "p50", "p95", "calls",
        ];
        let mut table = Table::new(0, header);
        for it in &self.timeouts {
            table.row([
                offer(&it.provider, &it.model),
                count(it.request.input),
                time(it.request.limit),
                it.probability.map_or_else(dash, percent),
                it.interval.map_or_else(dash, |(low, _)| percent(low)),
                it.interval.map_or_else(dash, |(_, high)| percent(high)),
                it.middle.map_or_else(dash, time),
                it.p95.map_or_else(dash, time),
                count(it.calls),
            ]);
        }
        table
    }
}

fn context(it: &ContextForecast) -> [String; 8] {
    let turns = match (it.turns, it.missing) {
        (Some(turns), _) => count(turns),
        (None, Some(_)) => dash(),
        (None, None) => "many".to_owned(),
    };
    [
        cut(it.session.as_str(), 32),
        count(it.used),
        it.threshold.map_or_else(dash, count),
        it.growth.map_or_else(dash, count),
        turns,
        it.within_one.map_or_else(dash, percent),
        it.interval.map_or_else(dash, |it| count(it.low)),
        it.interval.map_or_else(dash, |it| count(it.high)),
    ]
}

fn row(name: &str, it: &Projected, decimals: Amounts) -> [String; 5] {
    let shown = |amount: Option<Usd>| amount.map_or_else(dash, |it| decimals.show(it));
    [
        name.to_owned(),
        decimals.show(it.spent),
        shown(it.total.map(|it| it.middle)),
        shown(it.total.map(|it| it.low)),
        shown(it.total.map(|it| it.high)),
    ]
}

/// Of 100 simulated cases, with seven days and with five; see `docs/forecasts.md`.
const fn held(days: u64) -> &'static str {
    if days < 7 { "57 to 75" } else { "69 to 79" }
}

/// Behind the session that it is of: where there is no room for both, the session is what rows differ in.
fn budget(it: &BudgetForecast) -> String {
    match &it.session {
        Some(session) => format!("{} {}", cut(session.as_str(), 14), it.budget),
        None => it.budget.to_string(),
    }
}

fn told_missing(it: &BudgetForecast) -> Option<String> {
    let missing = it.missing?;
    Some(format!("{}: {missing}.", budget(it)))
}

fn between(band: &CostBand) -> String {
    format!("{} to {}", cents(band.low), cents(band.high))
}

/// Two decimals, where that shows anything.
fn cents(amount: Usd) -> String {
    if amount.is_zero() || dollars(amount).abs() >= 0.1 {
        format!("{amount:.2}")
    } else {
        money(amount)
    }
}

/// What is not certain is neither none nor all of the cases.
fn percent(share: f64) -> String {
    match share * 100.0 {
        it if it <= 0.0 => "0 %".to_owned(),
        it if it < 1.0 => "< 1 %".to_owned(),
        it if it >= 100.0 => "100 %".to_owned(),
        it if it > 99.0 => "> 99 %".to_owned(),
        it => format!("{it:.0} %"),
    }
}

/// Without the year.
fn short(at: Timestamp) -> String {
    let text = minute_text(at);
    text.get(5..).unwrap_or(&text).to_owned()
}

fn date(at: Timestamp) -> String {
    let text = minute_text(at);
    text.get(..10).unwrap_or(&text).to_owned()
}
