//! The text of the report on quality.

use std::fmt;

use agent_primitives::Timestamp;

use super::{dash, percentiles, plural_first};
use crate::Unit;
use crate::report::Interval;
use crate::report::civil::minute_text;
use crate::report::quality::{
    Correction, FixLine, OutcomeLine, QualityReport, ScoreDay, ScoreLine,
};
use crate::report::sheet::{Bar, Chart, Scale, Section, Series, Sheet, number as real};
use crate::stats::layout::{Table, count, number, plural, share};
use crate::stats::width::cut;

/// Columns of a name beside others.
const NAME: usize = 24;

impl fmt::Display for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Rule { kind, file } => match file {
                Some(file) => format!("{kind} in {file}"),
                None => format!("{kind}, at no known place"),
            },
            Self::Decision { subject, choice } => match choice {
                Some(choice) => format!("{choice} as {subject}"),
                None => format!("nothing as {subject}"),
            },
        };
        f.pad(&text)
    }
}

impl QualityReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Quality", self.period);
        if self.is_empty() {
            sheet.note("There is nothing about quality in this period.");
            self.left_out(sheet.section("Left out"));
            return sheet;
        }
        self.totals(&mut sheet);
        let scores = sheet.section("Scores");
        // Shares and points have no axis in common.
        let shares = "Shares by day, with the 95 % interval of the mean";
        scores.chart(self.courses(shares, Unit::Ratio, Scale::Share));
        let points = "Scores by day, with the 95 % interval of the mean";
        scores.chart(self.courses(points, Unit::Score, Scale::Count));
        scores.table(self.scores());
        scores.table(self.score_days());
        self.violations(sheet.section("Broken rules"));
        let again = sheet.section("Corrected again and again");
        again.table(self.corrections());
        let ends = sheet.section("How sessions ended");
        ends.chart(success(&self.days));
        ends.table(outcomes("week from", &self.weeks));
        ends.table(outcomes("day", &self.days));
        self.left_out(sheet.section("Left out"));
        sheet
    }

    fn totals(&self, sheet: &mut Sheet) {
        let it = &self.outcomes;
        let ended = it.total() - it.open;
        let top = sheet.top();
        let sessions = match ended {
            0 => "none has ended".to_owned(),
            _ => format!(
                "{} of {} that ended, {}",
                plural(it.success, "success").replace("successs", "successes"),
                count(ended),
                share(it.success, ended)
            ),
        };
        top.fact("sessions", &sessions);
        let rules = match self.found {
            0 => "none was broken".to_owned(),
            _ => format!(
                "{} found, {} mended, {}",
                plural(self.found, "violation"),
                count(self.fixed),
                share(self.fixed, self.found)
            ),
        };
        top.fact("rules", &rules);
        let lines = self.corrections.len() as u64;
        if lines > 0 {
            let what = format!("{} had to be corrected in several sessions", count(lines));
            top.fact("recurring", &what);
        }
    }

    fn scores(&self) -> Table {
        let header = [
            "score",
            "agent",
            "values",
            "mean",
            "95 % interval",
            "lowest",
            "highest",
        ];
        let mut table = Table::new(1, header);
        for line in &self.scores {
            table.row([
                line.name.clone(),
                agent(line),
                count(line.count),
                figure(line.mean, line.unit),
                between(line.interval, line.unit),
                figure(line.min, line.unit),
                figure(line.max, line.unit),
            ]);
        }
        table
    }

    /// The last days first, since a text shows only some.
    fn score_days(&self) -> Table {
        let header = ["score", "agent", "day", "values", "mean", "95 % interval"];
        let mut table = Table::new(2, header);
        let mut days: Vec<(&ScoreLine, &ScoreDay)> = Vec::new();
        for line in &self.scores {
            days.extend(line.days.iter().map(|day| (line, day)));
        }
        // Stable: within a day in the order of the scores.
        days.sort_by_key(|(_, day)| std::cmp::Reverse(day.from));
        for (line, it) in days {
            table.row([
                line.name.clone(),
                agent(line),
                day(it.from),
                count(it.count),
                figure(it.mean, line.unit),
                between(it.interval, line.unit),
            ]);
        }
        table
    }

    fn courses(&self, title: &str, unit: Unit, scale: Scale) -> Chart {
        let series = |line: &ScoreLine| {
            let agent = line.agent.as_ref().map(|it| format!(" · {it}"));
            Series {
                label: format!("{}{}", line.name, agent.unwrap_or_default()),
                points: line.days.iter().map(|day| (day.from, day.mean)).collect(),
                band: Some(line.days.iter().map(bounds).collect()),
            }
        };
        Chart::Lines {
            title: title.to_owned(),
            scale,
            series: self
                .scores
                .iter()
                .filter(|line| line.unit == unit)
                .map(series)
                .collect(),
        }
    }

    fn violations(&self, section: &mut Section) {
        let bar = |line: &FixLine<String>| {
            let note = format!("{} mended", share(line.fixed, line.found));
            Bar::new(line.of.clone(), real(line.found)).with_note(note)
        };
        section.chart(Chart::Bars {
            title: "Found by rule".to_owned(),
            scale: Scale::Count,
            bars: self.rules.iter().map(bar).collect(),
        });
        section.table(fixes("severity", &self.severities, ToString::to_string));
        section.table(fixes("rule", &self.rules, Clone::clone));
        section.table(fixes("file", &self.files, |it| {
            it.clone().unwrap_or_else(|| "(no file)".to_owned())
        }));
        section.table(fixes("agent", &self.agents, |it| {
            it.as_ref()
                .map_or_else(|| "(none)".to_owned(), ToString::to_string)
        }));
    }

    fn corrections(&self) -> Table {
        let header = [
            "what",
            "sessions",
            "times",
            "of",
            "share",
            "95 % interval",
            "last",
        ];
        let mut table = Table::new(0, header);
        for line in &self.corrections {
            table.row([
                line.what.to_string(),
                count(line.evidence.count),
                count(line.times),
                count(line.of),
                share(line.times, line.of),
                percents(line.interval),
                day(line.last),
            ]);
        }
        table
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        for (name, number, what) in [
            ("scores", it.scores, "score of less frequent names"),
            (
                "violations",
                it.violations,
                "violation in less frequent lines",
            ),
            (
                "unmended",
                it.unmended,
                "violation whose mending is not looked for",
            ),
            (
                "mended",
                it.mended,
                "mended violation that would count again",
            ),
            ("corrections", it.corrections, "less frequent correction"),
            (
                "decisions",
                it.decisions,
                "decision whose outcome is not looked for",
            ),
            ("unmatched", it.unmatched, "outcome of other decisions"),
            (
                "sessions",
                it.sessions,
                "session beyond what is kept in memory",
            ),
            (
                "evidence",
                it.evidence,
                "record whose session is not counted",
            ),
            ("days", it.days, "value of earlier days"),
        ] {
            if number > 0 {
                section.fact(name, &plural_first(number, what));
            }
        }
    }
}

fn agent(line: &ScoreLine) -> String {
    let name = line.agent.as_ref().map_or_else(dash, ToString::to_string);
    cut(&name, NAME)
}

/// The mean itself where there is no interval.
fn bounds(day: &ScoreDay) -> (f64, f64) {
    day.interval
        .map_or((day.mean, day.mean), |it| (it.low, it.high))
}

/// Shares with as many decimals each, so that those of a column can be compared.
fn figure(value: f64, unit: Unit) -> String {
    if unit == Unit::Ratio && (value == 0.0 || (1e-3..1e3).contains(&value.abs())) {
        format!("{value:.3}")
    } else {
        number(value)
    }
}

fn between(interval: Option<Interval>, unit: Unit) -> String {
    interval.map_or_else(dash, |it| {
        format!("{} to {}", figure(it.low, unit), figure(it.high, unit))
    })
}

fn percents(interval: Option<Interval>) -> String {
    interval.map_or_else(dash, |it| {
        format!("{:.1} to {:.1} %", it.low * 100.0, it.high * 100.0)
    })
}

fn day(at: Timestamp) -> String {
    let text = minute_text(at);
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn fixes<K>(of: &str, lines: &[FixLine<K>], name: impl Fn(&K) -> String) -> Table {
    let header = [
        of,
        "found",
        "again",
        "mended",
        "rate",
        "95 % interval",
        "timed",
        "after p50",
        "p95",
    ];
    let mut table = Table::new(0, header);
    for line in lines {
        let [p50, p95, _] = percentiles(line.fix_time);
        table.row([
            name(&line.of),
            count(line.found),
            count(line.seen_again),
            count(line.fixed),
            share(line.fixed, line.found),
            percents(line.fix_interval),
            count(line.fix_time.map_or(0, |it| it.count)),
            p50,
            p95,
        ]);
    }
    table
}

/// The last ones first, since a text shows only some.
fn outcomes(of: &str, lines: &[OutcomeLine]) -> Table {
    let header = [
        of,
        "ended",
        "success",
        "rate",
        "95 % interval",
        "escalated",
        "failed",
        "aborted",
    ];
    let mut table = Table::new(0, header);
    for line in lines.iter().rev() {
        let it = &line.outcomes;
        table.row([
            day(line.from),
            count(it.total()),
            count(it.success),
            share(it.success, it.total()),
            percents(line.success_interval),
            count(it.escalated),
            count(it.failed),
            count(it.aborted),
        ]);
    }
    table
}

fn success(days: &[OutcomeLine]) -> Chart {
    let known = || {
        let lines = days.iter();
        lines.filter_map(|line| Some((line.from, line.success_rate?, line.success_interval?)))
    };
    Chart::Lines {
        title: "Sessions that ended in success, with the 95 % interval".to_owned(),
        scale: Scale::Share,
        series: vec![Series {
            label: "success".to_owned(),
            points: known().map(|(from, rate, _)| (from, rate)).collect(),
            band: Some(known().map(|(_, _, it)| (it.low, it.high)).collect()),
        }],
    }
}
