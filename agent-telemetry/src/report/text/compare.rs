//! The text of the report that compares agents or models.

use std::fmt;
use std::time::Duration;

use super::{dash, plural_first};
use crate::report::Interval;
use crate::report::compare::{
    CompareReport, Contender, ContenderKind, Measured, PairLine, Shortage, SideLine, Verdict,
};
use crate::report::sheet::{Bar, Chart, Scale, Section, Sheet};
use crate::stats::layout::{Decimals, Table, count, money, plural, share, time};
use crate::stats::width::cut;

/// Columns of a name in a pair or a verdict.
const NAME: usize = 24;

impl fmt::Display for CompareReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

/// One measure of a pair, and how to write its difference.
type Measure = (
    &'static str,
    fn(&PairLine) -> &Measured,
    fn(f64) -> String,
    &'static str,
);

const MEASURES: [Measure; 3] = [
    ("success", |pair| &pair.success, points, "difference"),
    (
        "cost per success",
        |pair| &pair.cost_per_success,
        times,
        "ratio",
    ),
    (
        "time per success",
        |pair| &pair.time_per_success,
        times,
        "ratio",
    ),
];

impl CompareReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let title = match self.config.of {
            ContenderKind::Agents => "Agents compared",
            ContenderKind::Models => "Models compared, by the one first asked in a session",
        };
        let mut sheet = Sheet::new(title, self.period);
        self.asked(sheet.top());
        if self.sides.is_empty() {
            sheet.note("There were no sessions that began and ended in this period.");
            self.left_out(sheet.top());
            return sheet;
        }
        let sessions = sheet.section("Success");
        sessions.chart(Chart::Bars {
            title: "Sessions that ended in success, with the 95 % interval".to_owned(),
            scale: Scale::Share,
            bars: self.bars(|side| (side.success_rate, side.success_interval)),
        });
        sessions.table(self.successes());
        sessions.table(self.task_types());
        let cost = sheet.section("Cost and time for each success");
        cost.chart(Chart::Bars {
            title: "Cost for each success, with the 95 % interval".to_owned(),
            scale: Scale::Usd,
            bars: self.bars(|side| {
                let value = side
                    .cost_per_success
                    .filter(|_| side.cost_interval.is_some());
                (value.map(crate::report::sheet::dollars), side.cost_interval)
            }),
        });
        cost.table(self.costs());
        cost.chart(Chart::Bars {
            title: "Time at work for each success, with the 95 % interval".to_owned(),
            scale: Scale::Time,
            bars: self.bars(|side| {
                let value = side
                    .time_per_success
                    .filter(|_| side.time_interval.is_some());
                (
                    value.as_ref().map(Duration::as_secs_f64),
                    side.time_interval,
                )
            }),
        });
        cost.table(self.times());
        if self.pairs.is_empty() {
            sheet.note("There is nothing to compare: only one did such work.");
        } else {
            let pairs =
                sheet.section("One against the other, over the kinds of work that both did");
            for measure in MEASURES {
                pairs.table(self.differences(measure));
            }
            let apart = (self.pairs.len() - self.compared().count()) as u64;
            if apart > 0 {
                pairs.note(&format!(
                    "{} did no work of the same kind and cannot be compared.",
                    plural(apart, "pair")
                ));
            }
            let claims = self.pairs.iter().flat_map(measured);
            let compared = claims.filter(|it| it.adjusted.is_some()).count() as u64;
            if compared > 0 {
                pairs.note(&format!(
                    "An interval is for its comparison alone. One is called better where chance would make any of {} look so in less than 5 of 100 reports.",
                    plural(compared, "comparison")
                ));
            }
            sheet.section("What is missing").table(self.missing());
        }
        self.left_out(sheet.section("Left out"));
        sheet
    }

    fn asked(&self, section: &mut Section) {
        if let Some(task_type) = &self.config.task_type {
            section.fact("task type", task_type);
        }
        if let Some(project) = &self.config.project {
            section.fact("project", project.as_str());
        }
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        for (name, number, what) in [
            ("open", it.open, "session that has not ended"),
            (
                "partly",
                it.partly,
                "session that began before the period or ended after it",
            ),
            (
                "unnamed",
                it.unnamed,
                "session that names nobody to compare",
            ),
            ("sides", it.sides, "side with fewer sessions"),
            ("beyond", it.beyond, "session beyond what is kept in memory"),
        ] {
            if number > 0 {
                section.fact(name, &plural_first(number, what));
            }
        }
    }

    fn bars(&self, of: impl Fn(&SideLine) -> (Option<f64>, Option<Interval>)) -> Vec<Bar> {
        let bar = |side: &SideLine| {
            let (value, interval) = of(side);
            Some(Bar {
                label: side.who.to_string(),
                value: value?,
                interval: interval.map(|it| (it.low, it.high)),
                note: plural(side.sessions, "session"),
            })
        };
        self.sides.iter().filter_map(bar).collect()
    }

    fn noun(&self) -> &'static str {
        match self.config.of {
            ContenderKind::Agents => "agent",
            ContenderKind::Models => "model",
        }
    }

    fn successes(&self) -> Table {
        let header = [
            self.noun(),
            "ended",
            "success",
            "rate",
            "95 % interval",
            "escalated",
            "failed",
            "aborted",
        ];
        let mut table = Table::new(0, header);
        for side in &self.sides {
            let interval = side.success_interval.map_or_else(dash, |it| {
                format!("{:.1} to {:.1} %", it.low * 100.0, it.high * 100.0)
            });
            table.row([
                side.who.to_string(),
                count(side.sessions),
                count(side.success),
                share(side.success, side.sessions),
                interval,
                count(side.escalated),
                count(side.failed),
                count(side.aborted),
            ]);
        }
        table
    }

    fn task_types(&self) -> Table {
        let mut table = Table::new(1, ["task types", "of", "ended", "success", "rate"]);
        for side in &self.sides {
            for line in &side.task_types {
                table.row([
                    line.task_type
                        .clone()
                        .unwrap_or_else(|| "(none)".to_owned()),
                    cut(&side.who.to_string(), 40),
                    count(line.sessions),
                    count(line.success),
                    share(line.success, line.sessions),
                ]);
            }
        }
        table
    }

    fn costs(&self) -> Table {
        let costs = self.sides.iter();
        let decimals = Decimals::of(costs.filter_map(|side| side.cost_per_success));
        let header = [
            self.noun(),
            "cost",
            "unpriced",
            "per success",
            "95 % interval",
        ];
        let mut table = Table::new(0, header);
        for side in &self.sides {
            let interval = side
                .cost_interval
                .map_or_else(dash, |it| format!("${:.4} to ${:.4}", it.low, it.high));
            let is_known = side.unpriced_sessions < side.sessions;
            let of_known = |text: String| if is_known { text } else { dash() };
            table.row([
                side.who.to_string(),
                of_known(money(side.cost)),
                count(side.unpriced_sessions),
                side.cost_per_success
                    .map_or_else(dash, |cost| of_known(decimals.show(cost))),
                interval,
            ]);
        }
        table
    }

    fn times(&self) -> Table {
        let mut table = Table::new(0, [self.noun(), "time per success", "95 % interval"]);
        let sides = self.sides.iter().filter(|side| {
            let time = side.time_per_success;
            time.is_some_and(|time| !time.is_zero())
        });
        for side in sides {
            let interval = side
                .time_interval
                .and_then(|it| Some((whole(it.low)?, whole(it.high)?)));
            table.row([
                side.who.to_string(),
                side.time_per_success.map_or_else(dash, time),
                interval.map_or_else(dash, |(low, high)| {
                    format!("{} to {}", time(low), time(high))
                }),
            ]);
        }
        table
    }

    /// Those with a better side first, and those that cannot be told last.
    fn differences(&self, (name, of, show, difference): Measure) -> Table {
        let mut table = Table::new(1, [name, "what follows", difference, "95 % interval"]);
        let mut pairs: Vec<&PairLine> = self.compared().collect();
        pairs.sort_by_key(|pair| match of(pair).verdict {
            Verdict::Better { .. } => 0,
            Verdict::NoDifferenceSeen => 1,
            Verdict::NotEnoughData { .. } => 2,
        });
        for pair in pairs {
            let it = of(pair);
            table.row([
                label(pair),
                match &it.verdict {
                    Verdict::Better { contender } => format!("{} is better", short(contender)),
                    other => other.to_string(),
                },
                it.difference.map_or_else(dash, show),
                it.interval.map_or_else(dash, |interval| {
                    format!("{} to {}", show(interval.low), show(interval.high))
                }),
            ]);
        }
        table
    }

    /// The pairs with work in common.
    fn compared(&self) -> impl Iterator<Item = &PairLine> {
        let pairs = self.pairs.iter();
        pairs.filter(|pair| !pair.task_types.is_empty())
    }

    fn missing(&self) -> Table {
        let mut table = Table::new(2, ["pair", "for", "to say more"]);
        for pair in self.compared() {
            let shortages = MEASURES.map(|(name, of, ..)| (name, &of(pair).verdict));
            // The same for all is said once.
            let [first, rest @ ..] = &shortages;
            let is_same = rest.iter().all(|it| it.1 == first.1);
            for (name, verdict) in shortages.iter().take(if is_same { 1 } else { 3 }) {
                if let Verdict::NotEnoughData { shortage } = verdict {
                    table.row([
                        label(pair),
                        if is_same {
                            "all".to_owned()
                        } else {
                            (*name).to_owned()
                        },
                        needed(shortage, pair),
                    ]);
                }
            }
        }
        table
    }
}

fn measured(pair: &PairLine) -> [&Measured; 3] {
    MEASURES.map(|(_, of, ..)| of(pair))
}

/// A model without its provider: pairs have little room.
fn short(who: &Contender) -> String {
    match who {
        Contender::Agent(agent) => cut(agent.as_str(), NAME),
        Contender::Model { model, .. } => cut(model.as_str(), NAME),
    }
}

fn label(pair: &PairLine) -> String {
    format!("{} / {}", short(&pair.first), short(&pair.second))
}

fn points(difference: f64) -> String {
    // No minus before nothing.
    format!("{:+.1} pt", (difference * 1_000.0).round() / 10.0 + 0.0)
}

fn times(ratio: f64) -> String {
    match ratio {
        0.0..1_000.0 => format!("{ratio:.2} ×"),
        _ => format!("{ratio:.1e} ×"),
    }
}

fn whole(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn needed(shortage: &Shortage, pair: &PairLine) -> String {
    let more = |number: u64, who: &Contender| {
        format!(
            "about {} more ended sessions of {}",
            count(number),
            short(who)
        )
    };
    match shortage {
        Shortage::CommonWork => "a task type that both did in two sessions".to_owned(),
        Shortage::Sessions { first, second } => match (*first, *second) {
            (0, 0) => "more ended sessions".to_owned(),
            (number, 0) => more(number, &pair.first),
            (0, number) => more(number, &pair.second),
            (a, b) => format!(
                "about {} more of {}, {} of {}",
                count(a),
                cut(&short(&pair.first), 18),
                count(b),
                cut(&short(&pair.second), 18)
            ),
        },
        Shortage::Prices => "prices: too many calls have none".to_owned(),
        Shortage::Amounts => "amounts above nothing".to_owned(),
        Shortage::Evenness => "more sessions: a few make up most of it".to_owned(),
    }
}
