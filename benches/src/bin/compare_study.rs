//! How often `compare` claims a winner where there is none, finds one where there is, and how often its
//! intervals hold the truth, over simulated sessions: `compare_study [--reports 400] [--seed 7]`.
#![allow(
    clippy::indexing_slicing,
    reason = "places among a few that the study itself sets; one too many ends it"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::ExitCode;
use std::time::Duration;

use agent_primitives::{AgentId, InvalidId, SessionId, Usd};
use agent_telemetry::{
    CompareConfig, CompareReport, Contender, Measured, Outcome, Period, SessionResult, Verdict,
};
use fastrand::Rng;
use lexopt::prelude::*;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare_study: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is simulated.
#[derive(Clone, Copy)]
struct Setting {
    /// Sessions of each side.
    sessions: [u32; 2],
    sides: usize,
    /// The share of successes of the first side, and by how much that of the second is greater.
    rate: f64,
    better_by: f64,
    /// How many times as much the second side costs.
    dearer: f64,
    /// The standard deviation of the logarithm of a session's cost.
    skew: f64,
    /// Whether the sides do an easy and cheap and a hard and dear kind of work in different shares.
    mixed: bool,
}

const EQUAL: Setting = Setting {
    sessions: [200, 200],
    sides: 2,
    rate: 0.75,
    better_by: 0.0,
    dearer: 1.0,
    skew: 1.0,
    mixed: false,
};

/// How often something happened.
#[derive(Clone, Copy, Default)]
struct Count(u32, u32);

impl Count {
    fn add(&mut self, happened: bool) {
        self.0 += u32::from(happened);
        self.1 += 1;
    }

    fn absorb(&mut self, other: Self) {
        self.0 += other.0;
        self.1 += other.1;
    }

    fn percent(self) -> f64 {
        100.0 * f64::from(self.0) / f64::from(self.1.max(1))
    }
}

#[derive(Clone, Copy, Default)]
struct Found {
    comparisons: u32,
    /// Reports with a winner, and comparisons with one: of success, cost and time.
    reports: Count,
    winners: [Count; 3],
    /// Comparisons that say that there is not enough data.
    unsure: [Count; 3],
    /// Intervals with the truth in them: of a share, a difference, a cost, a ratio of costs.
    held: [Count; 4],
}

impl Found {
    fn absorb(&mut self, other: &Self) {
        self.comparisons += other.comparisons;
        self.reports.absorb(other.reports);
        let pairs = |own: &mut [Count], others: &[Count]| {
            for (own, other) in own.iter_mut().zip(others) {
                own.absorb(*other);
            }
        };
        pairs(&mut self.winners, &other.winners);
        pairs(&mut self.unsure, &other.unsure);
        pairs(&mut self.held, &other.held);
    }
}

struct Study {
    rng: Rng,
    ids: Vec<SessionId>,
    agents: Vec<Contender>,
    reports: u32,
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (mut reports, mut seed) = (400, 7);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("reports") => reports = args.value()?.parse()?,
            Long("seed") => seed = args.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    let ids = (0..4_000).map(|number| SessionId::new(format!("s{number}")));
    let agents = ["first", "second", "third", "fourth"].map(AgentId::new);
    let agents = agents.map(|agent| agent.map(Contender::Agent));
    let mut study = Study {
        rng: Rng::with_seed(seed),
        ids: ids.collect::<Result<_, InvalidId>>()?,
        agents: agents.into_iter().collect::<Result<_, InvalidId>>()?,
        reports,
    };
    study.no_difference();
    study.difference_of_success();
    study.difference_of_cost();
    Ok(())
}

impl Study {
    fn no_difference(&mut self) {
        println!(
            "No difference: what is claimed all the same, and how often intervals hold the truth\n"
        );
        println!(
            "  sessions   rate  skew  mixed  sides  reports with  success   cost   time  held: share  difference   cost  ratio"
        );
        println!("{:46}a winner, %", "");
        let (mut all, mut worst) = (Found::default(), 0.0_f64);
        for skew in [0.5, 1.0, 1.5] {
            for sessions in [[50, 50], [50, 200], [200, 200], [1_000, 1_000]] {
                for (rate, mixed, sides) in [
                    (0.3, false, 2),
                    (0.75, false, 4),
                    (0.75, true, 2),
                    (0.95, false, 2),
                ] {
                    let setting = Setting {
                        sessions,
                        sides,
                        rate,
                        skew,
                        mixed,
                        ..EQUAL
                    };
                    let found = self.simulate(&setting);
                    all.absorb(&found);
                    worst = worst.max(found.reports.percent());
                    let [of_first, of_second] = sessions;
                    println!(
                        "  {:<9}  {rate:<4}  {skew:<4}  {:<5}  {sides:>5}  {:>12.2}  {}  {}",
                        format!("{of_first}/{of_second}"),
                        if mixed { "yes" } else { "no" },
                        found.reports.percent(),
                        columns(&found.winners, &[7, 5, 5]),
                        columns(&found.held, &[11, 10, 5, 5]),
                    );
                }
            }
        }
        println!(
            "\n  all: {} comparisons in {} reports; a winner in {:.2} % of the reports ({worst:.2} % in the worst setting);",
            all.comparisons,
            all.reports.1,
            all.reports.percent()
        );
        println!(
            "  of success, cost and time in {} % of the comparisons; the truth is held in {} %\n",
            columns(&all.winners, &[4, 4, 4]),
            columns(&all.held, &[4, 4, 4, 4])
        );
    }

    fn difference_of_success(&mut self) {
        println!(
            "A true difference of success, from 75 %: how often it is found, and not enough data said, %\n"
        );
        println!("  points  sessions each  found  not enough data  difference held");
        for points in [5.0, 10.0, 20.0] {
            for sessions in [50, 200, 1_000] {
                let better_by = points / 100.0;
                let sessions = [sessions, sessions];
                let found = self.simulate(&Setting {
                    sessions,
                    better_by,
                    ..EQUAL
                });
                println!(
                    "  {points:>6}  {:>13}  {:>5.1}  {:>15.1}  {:>15.1}",
                    sessions[0],
                    found.winners[0].percent(),
                    found.unsure[0].percent(),
                    found.held[1].percent(),
                );
            }
        }
    }

    fn difference_of_cost(&mut self) {
        println!("\nA true ratio of costs: how often it is found, and not enough data said, %\n");
        println!("  ratio  skew  sessions each  found  not enough data  ratio held");
        for (dearer, skew) in [(1.25, 0.5), (1.25, 1.0), (2.0, 1.0), (2.0, 1.5)] {
            for sessions in [50, 200, 1_000] {
                let sessions = [sessions, sessions];
                let found = self.simulate(&Setting {
                    sessions,
                    dearer,
                    skew,
                    ..EQUAL
                });
                println!(
                    "  {dearer:>5}  {skew:<4}  {:>13}  {:>5.1}  {:>15.1}  {:>10.1}",
                    sessions[0],
                    found.winners[1].percent(),
                    found.unsure[1].percent(),
                    found.held[3].percent(),
                );
            }
        }
    }

    fn simulate(&mut self, setting: &Setting) -> Found {
        let mut found = Found::default();
        for _ in 0..self.reports {
            let results = self.sessions(setting);
            let report =
                CompareReport::of_results(Period::ALL, &CompareConfig::default(), &results);
            let mut any = false;
            for pair in &report.pairs {
                let measures = [
                    &pair.success,
                    &pair.cost_per_success,
                    &pair.time_per_success,
                ];
                for (place, measure) in measures.into_iter().enumerate() {
                    let won = matches!(measure.verdict, Verdict::Better { .. });
                    let unsure = matches!(measure.verdict, Verdict::NotEnoughData { .. });
                    found.winners[place].add(won);
                    found.unsure[place].add(unsure);
                    found.comparisons += 1;
                    any |= won;
                }
                let turned = pair.first != self.agents[0];
                let by = if turned {
                    setting.better_by
                } else {
                    -setting.better_by
                };
                let times = if turned {
                    setting.dearer
                } else {
                    1.0 / setting.dearer
                };
                hold(&mut found.held[1], &pair.success, by);
                hold(&mut found.held[3], &pair.cost_per_success, times);
            }
            found.reports.add(any);
            for side in report
                .sides
                .iter()
                .filter(|side| side.who == self.agents[0])
            {
                let interval = side.success_interval.filter(|_| !setting.mixed);
                if let Some(interval) = interval {
                    found.held[0].add(interval.contains(setting.rate));
                }
                let mean = (setting.skew * setting.skew / 2.0).exp();
                let spent = mean * (setting.rate + 1.5 * (1.0 - setting.rate)) / 100.0;
                let interval = side.cost_interval.filter(|_| !setting.mixed);
                if let Some(interval) = interval {
                    found.held[2].add(interval.contains(spent / setting.rate));
                }
            }
        }
        found
    }

    fn sessions(&mut self, setting: &Setting) -> Vec<SessionResult> {
        let mut results = Vec::new();
        for side in 0..setting.sides {
            let is_first = side == 0;
            let sessions = setting.sessions[usize::from(!is_first)];
            for id in 0..sessions {
                let easy_share = if is_first { 0.3 } else { 0.7 };
                let easy = !setting.mixed || self.rng.f64() < easy_share;
                let mut rate = if easy {
                    setting.rate
                } else {
                    setting.rate - 0.4
                };
                let mut cost = if easy { 0.01 } else { 0.05 };
                if !is_first {
                    rate += setting.better_by;
                    cost *= setting.dearer;
                }
                let success = self.rng.f64() < rate;
                cost *= (setting.skew * self.normal()).exp();
                // Whoever fails has tried for longer.
                cost *= if success { 1.0 } else { 1.5 };
                let seconds = cost * 2_000.0 * (0.3 * self.normal()).exp();
                let outcome = if success {
                    Outcome::Success
                } else {
                    Outcome::Failed
                };
                let who = self.agents[side].clone();
                let session = self.ids[id as usize].clone();
                #[expect(clippy::cast_possible_truncation, reason = "a few dollars")]
                let cost = Usd::from_picos((cost * 1e12) as i128);
                results.push(
                    SessionResult::new(who, session, outcome)
                        .task_type(if easy { "easy" } else { "hard" })
                        .cost(cost)
                        .elapsed(Duration::from_secs_f64(seconds)),
                );
            }
        }
        results
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.rng.f64(), self.rng.f64());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

fn hold(count: &mut Count, measured: &Measured, truth: f64) {
    if let Some(interval) = measured.interval {
        count.add(interval.contains(truth));
    }
}

fn columns(counts: &[Count], widths: &[usize]) -> String {
    let shown: Vec<String> = counts
        .iter()
        .zip(widths)
        .map(|(count, width)| match count.1 {
            0 => format!("{:>width$}", "-"),
            _ => format!("{:>width$.1}", count.percent()),
        })
        .collect();
    shown.join("  ")
}
