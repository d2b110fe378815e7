//! How many turns contexts have left, turn after turn, on simulated and on recorded sessions.

use std::fs;
use std::path::{Path, PathBuf};

use agent_primitives::{ContextPressure, InvalidId, SessionId, Timestamp};
use agent_telemetry::{ContextSessions, Record};
use fastrand::Rng;
use serde::Serialize;
use serde_json::Value;

use super::lognormal;

/// Where recorded sessions lie beside the project, and the one that is part of it.
const RECORDED: [&str; 2] = [
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/trajectories"
    ),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data"),
];
/// A forecast that says so is sure to be right to within one.
const SURE: f64 = 0.8;
/// Turns that a session has before it is told.
const BEFORE: usize = 5;
/// Cases that the best possible guess is taken from.
const BEST_OF: usize = 200;

/// How turns add to a context.
enum Growth {
    /// Much the same each turn.
    Even,
    /// Small answers, and now and then the output of a tool.
    Tools,
    /// What turns of recorded sessions added, one session behind the other.
    Recorded(Vec<Vec<f64>>),
}

/// What was told of contexts.
#[derive(Debug, Default, Serialize)]
pub struct Context {
    /// Of which sessions.
    pub name: String,
    /// Forecasts.
    pub told: u32,
    /// Of a hundred intervals, those with the truth in them.
    pub coverage: f64,
    /// How many of a hundred were right to within one turn: of those that told at most 1, 2, 3, 5 and 10 turns, and
    /// of all.
    pub within_one: [f64; 6],
    /// The same of the best guess that is possible, from the distribution itself; where that is known.
    pub best: Option<[f64; 6]>,
    /// How many of a hundred forecasts say that they are right to within one in at least 80 of 100 cases.
    pub sure: f64,
    /// How many of a hundred of those were.
    pub sure_right: f64,
}

/// The bounds of the columns.
const AT_MOST: [u64; 6] = [1, 2, 3, 5, 10, u64::MAX];

#[derive(Default)]
struct Counts {
    all: [u32; 6],
    right: [u32; 6],
}

impl Counts {
    fn add(&mut self, told: u64, came: u64) {
        let columns = AT_MOST.iter().zip(&mut self.all).zip(&mut self.right);
        for ((most, all), right) in columns {
            if told <= *most {
                *all += 1;
                *right += u32::from(told.abs_diff(came) <= 1);
            }
        }
    }

    fn percent(&self) -> [f64; 6] {
        let mut percent = [0.0; 6];
        for ((it, all), right) in percent.iter_mut().zip(self.all).zip(self.right) {
            *it = 100.0 * f64::from(right) / f64::from(all.max(1));
        }
        percent
    }
}

/// Forecasts on so many sessions of each kind.
///
/// # Errors
/// None but from names that are none.
pub fn contexts(rng: &mut Rng, sessions: u32) -> Result<Vec<Context>, InvalidId> {
    let mut kinds = vec![
        ("even turns", Growth::Even),
        ("tool outputs", Growth::Tools),
    ];
    let recorded = recorded();
    if !recorded.is_empty() {
        kinds.push(("recorded", Growth::Recorded(recorded)));
    }
    let told = kinds
        .iter()
        .map(|(name, growth)| of_kind(rng, name, growth, sessions));
    told.collect()
}

fn of_kind(
    rng: &mut Rng,
    name: &str,
    growth: &Growth,
    sessions: u32,
) -> Result<Context, InvalidId> {
    let (mut counts, mut best) = (Counts::default(), Counts::default());
    let (mut held, mut told) = (0_u32, 0_u32);
    let (mut sure, mut sure_right) = (0_u32, 0_u32);
    // What others did is known, as it is of an agent that has worked before.
    let mut known = ContextSessions::new();
    for number in 0..sessions {
        let id = SessionId::new(format!("s{number}"))?;
        let (used, window) = session(rng, growth);
        let full = used
            .iter()
            .position(|it| *it >= window)
            .unwrap_or(used.len());
        for (turn, tokens) in used.iter().enumerate().take(full) {
            let at = Timestamp::from_unix_seconds(
                i64::from(number) * 100_000 + 60 * i64::try_from(turn).unwrap_or(0),
            );
            let pressure = ContextPressure::new(*tokens, window);
            known.add(&Record::new(at, pressure).of_session(id.clone()));
            if turn < BEFORE {
                continue;
            }
            let forecasts = known.forecasts(at, u64::from(number));
            let Some(forecast) = forecasts.iter().find(|it| it.session == id) else {
                continue;
            };
            let came = (full - turn) as u64;
            let turns = forecast.turns.unwrap_or(u64::MAX);
            counts.add(turns, came);
            told += 1;
            if forecast.within_one.is_some_and(|share| share >= SURE) {
                sure += 1;
                sure_right += u32::from(turns.abs_diff(came) <= 1);
            }
            held += u32::from(forecast.interval.is_some_and(|it| it.contains(came)));
            if !matches!(growth, Growth::Recorded(_)) {
                best.add(best_guess(rng, growth, window - tokens), came);
            }
        }
        // It ends, and what its turns added stays.
        let end = agent_telemetry::SessionEnd::new(
            agent_telemetry::Outcome::Success,
            std::time::Duration::ZERO,
        );
        known.add(&Record::new(Timestamp::UNIX_EPOCH, end).of_session(id));
    }
    Ok(Context {
        name: name.to_owned(),
        told,
        coverage: 100.0 * f64::from(held) / f64::from(told.max(1)),
        within_one: counts.percent(),
        best: (!matches!(growth, Growth::Recorded(_))).then(|| best.percent()),
        sure: 100.0 * f64::from(sure) / f64::from(told.max(1)),
        sure_right: 100.0 * f64::from(sure_right) / f64::from(sure.max(1)),
    })
}

/// Tokens in use after each turn until the window is full, and the window.
fn session(rng: &mut Rng, growth: &Growth) -> (Vec<u64>, u64) {
    let window = match growth {
        Growth::Recorded(_) => 24_000.0,
        _ => 160_000.0,
    };
    let mut sum = window * (0.05 + 0.1 * rng.f64());
    let mut used = vec![tokens(sum)];
    while sum < window {
        let grown: Vec<f64> = match growth {
            Growth::Recorded(sessions) => rng.choice(sessions).cloned().unwrap_or_default(),
            other => vec![turn(rng, other)],
        };
        for grown in grown {
            sum += grown;
            used.push(tokens(sum));
        }
    }
    (used, tokens(window))
}

fn turn(rng: &mut Rng, growth: &Growth) -> f64 {
    match growth {
        Growth::Tools if rng.f64() < 0.2 => 9_000.0 * lognormal(rng, 0.8),
        Growth::Tools => 900.0 * lognormal(rng, 0.6),
        _ => 4_000.0 * lognormal(rng, 0.35),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some tokens"
)]
fn tokens(sum: f64) -> u64 {
    sum.round() as u64
}

/// The number that turns out right to within one most often, where it is known how turns come about.
fn best_guess(rng: &mut Rng, growth: &Growth, left: u64) -> u64 {
    let mut cases: Vec<u64> = (0..BEST_OF)
        .map(|_| {
            let (mut sum, mut turns) = (0.0, 0);
            while tokens(sum) < left {
                sum += turn(rng, growth);
                turns += 1;
            }
            turns
        })
        .collect();
    cases.sort_unstable();
    let within = |it: u64| cases.iter().filter(|case| case.abs_diff(it) <= 1).count();
    let (first, last) = (cases.first().copied(), cases.last().copied());
    let guesses = first.unwrap_or(0)..=last.unwrap_or(0);
    guesses.max_by_key(|it| within(*it)).unwrap_or(0)
}

/// What each turn of each recorded session added, in tokens of four bytes.
fn recorded() -> Vec<Vec<f64>> {
    let of_folder = |folder: &str| -> Vec<Vec<f64>> {
        let files = fs::read_dir(Path::new(folder)).into_iter().flatten();
        let mut paths: Vec<PathBuf> = files.filter_map(|it| Some(it.ok()?.path())).collect();
        paths.sort();
        paths.iter().filter_map(|path| of_file(path)).collect()
    };
    let found = RECORDED.map(of_folder);
    let found = found.into_iter().find(|it| !it.is_empty());
    found.unwrap_or_default()
}

fn of_file(path: &Path) -> Option<Vec<f64>> {
    let session: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let (mut bytes, mut before, mut grown) = (0, None, Vec::new());
    for message in session.get("history")?.as_array()? {
        let is_answer = message.get("role").and_then(Value::as_str) == Some("assistant");
        if is_answer && let Some(before) = before.replace(bytes) {
            #[expect(clippy::cast_precision_loss, reason = "some bytes")]
            grown.push((bytes - before) as f64 / 4.0);
        }
        bytes += match message.get("content") {
            Some(Value::String(text)) => text.len(),
            Some(other) => other.to_string().len(),
            None => 0,
        };
        bytes += message
            .get("tool_calls")
            .map_or(0, |it| it.to_string().len());
    }
    (grown.len() >= 3).then_some(grown)
}
