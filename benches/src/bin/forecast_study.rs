//! How often the intervals of forecasts hold what comes, and how far off they are beside the linear projection, over
//! simulated histories and recorded sessions: `forecast_study [--short] [--cases 150] [--seed 7] [--contexts]`, the
//! last for contexts alone.
//!
//! Ends with 1 where the intervals hold what comes in less than 72 or more than 88 of 100 cases, or budgets are told
//! less than 30 percent better than by the linear projection.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::ExitCode;

use agent_benches::forecast::{Context, Kind, Score, calls, contexts, report_ms, spending};
use fastrand::Rng;
use lexopt::prelude::*;
use serde_json::json;

/// Days of history.
const DAYS: [usize; 6] = [2, 5, 7, 10, 21, 35];
const SHORT_DAYS: [usize; 2] = [10, 28];
/// Histories that the promise is made for have at least so many days.
const PROMISED_FROM: usize = 10;
const COVERAGE: std::ops::RangeInclusive<f64> = 72.0..=88.0;
const GAIN: f64 = 30.0;

fn main() -> ExitCode {
    match run() {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            for what in broken {
                eprintln!("forecast_study: {what}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("forecast_study: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What does not hold.
fn run() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let (mut cases, mut seed, mut is_short, mut contexts_alone) = (None, 7, false, false);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("short") => is_short = true,
            Long("contexts") => contexts_alone = true,
            Long("cases") => cases = Some(args.value()?.parse::<u32>()?),
            Long("seed") => seed = args.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    let mut rng = Rng::with_seed(seed);
    if contexts_alone {
        print_contexts(&contexts(&mut rng, 2 * cases.unwrap_or(150))?);
        return Ok(Vec::new());
    }
    let (days, usual): (&[usize], u32) = if is_short {
        (&SHORT_DAYS, 60)
    } else {
        (&DAYS, 150)
    };
    let cases = cases.unwrap_or(usual);
    let mut broken = Vec::new();
    let mut rows = Vec::new();
    let mut promised = [Score::default(); 5];
    println!(
        "Money: intervals that hold what comes, of 100 (above and below it), and how much less the error is\n"
    );
    println!("  days  shape          {}", headings());
    for days in days {
        let mut pooled = [Score::default(); 5];
        for (shape, scores) in spending(&mut rng, *days, cases)? {
            println!("  {days:>4}  {:<13}  {}", shape.name(), cells(&scores));
            for (sum, score) in pooled.iter_mut().zip(&scores) {
                sum.absorb(score);
            }
            rows.push(json!({ "days": days, "shape": shape, "scores": by_kind(&scores) }));
        }
        println!("  {days:>4}  {:<13}  {}\n", "all", cells(&pooled));
        if *days >= PROMISED_FROM {
            for (sum, score) in promised.iter_mut().zip(&pooled) {
                sum.absorb(score);
            }
        }
    }
    println!(
        "  from {PROMISED_FROM} days on       {}\n",
        cells(&promised)
    );
    let mut budgets = Score::default();
    for (kind, score) in Kind::ALL.iter().zip(&promised) {
        hold(&mut broken, &format!("{kind:?}"), score.coverage());
        if matches!(kind, Kind::DayBudget | Kind::MonthBudget) {
            budgets.absorb(score);
        }
    }
    let gain = budgets.gain().unwrap_or(0.0);
    println!(
        "  budgets of both kinds, errors as parts of their period: {gain:.1} % less than the linear projection\n"
    );
    if gain < GAIN {
        broken.push(format!("budgets are told {gain:.1} % better, not {GAIN} %"));
    }
    let told = contexts(&mut rng, if is_short { 30 } else { 2 * cases })?;
    print_contexts(&told);
    for context in &told {
        if !(70.0..=92.0).contains(&context.coverage) {
            broken.push(format!("{}: {:.1} of 100", context.name, context.coverage));
        }
    }
    let times = calls(&mut rng, 4 * cases)?;
    println!(
        "\nRequests that take too long: the true share is held by {:.1} of 100 intervals, of {}\n",
        times.coverage(),
        times.cases()
    );
    hold(&mut broken, "requests", times.coverage());
    let took = report_ms(&mut rng)?;
    println!("A report over a month of hours with two budgets: {took:.2} ms\n");
    println!(
        "{}",
        json!({
            "seed": seed, "cases": cases, "money": rows, "promised": by_kind(&promised),
            "budget_gain_percent": gain, "contexts": told, "requests": times, "report_ms": took,
        })
    );
    Ok(broken)
}

fn hold(broken: &mut Vec<String>, what: &str, coverage: f64) {
    if !COVERAGE.contains(&coverage) {
        broken.push(format!(
            "{what}: {coverage:.1} of 100 intervals hold what comes"
        ));
    }
}

fn headings() -> String {
    [
        "next hour",
        "today",
        "month",
        "day's budget",
        "month's budget",
    ]
    .map(|it| format!("{it:<25}"))
    .concat()
}

fn cells(scores: &[Score]) -> String {
    let cell = |score: &Score| {
        if score.cases() == 0 {
            return format!("{:<25}", "-");
        }
        let (below, above) = score.beyond();
        let gain = score
            .gain()
            .map_or_else(String::new, |it| format!("{it:>+6.1} %"));
        format!(
            "{:5.1} ({below:4.1} {above:4.1}){gain:<9} ",
            score.coverage()
        )
    };
    scores.iter().map(cell).collect()
}

fn by_kind(scores: &[Score]) -> Vec<serde_json::Value> {
    let each = Kind::ALL.iter().zip(scores);
    each.map(|(kind, score)| {
        json!({
            "kind": kind, "intervals": score.cases(), "coverage": score.coverage(), "gain_percent": score.gain(),
        })
    })
    .collect()
}

fn print_contexts(told: &[Context]) {
    println!(
        "Contexts: turns told right to within one, of 100, by how many were told (the best possible guess)\n"
    );
    println!(
        "  sessions      forecasts  intervals  at most 1      at most 2      at most 3      at most 5      at most 10     all            sure (right)"
    );
    for it in told {
        let column = |place: usize| {
            let right = it.within_one.get(place).copied().unwrap_or(0.0);
            let best = it.best.and_then(|it| it.get(place).copied());
            let best = best.map_or_else(String::new, |it| format!(" ({it:.1})"));
            format!("{:<15}", format!("{right:.1}{best}"))
        };
        let columns: String = (0..6).map(column).collect();
        println!(
            "  {:<12}  {:>9}  {:>9.1}  {columns}{:.1} ({:.1})",
            it.name, it.told, it.coverage, it.sure, it.sure_right
        );
    }
}
