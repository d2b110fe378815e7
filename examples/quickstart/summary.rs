//! What came of the session: compared with the recording, counted, and shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, FileStore, Message};
use agent_primitives::{Initiator, SessionId, Usd};
use agent_telemetry::{Body, Period, SqliteStore, Stats};
use serde::Serialize;
use serde_json::value::RawValue;
use support::Recording;

use crate::options::{CHECKPOINTS, DATABASE, Options};
use crate::spent::{self, Spent};
use crate::timeline::Timeline;

/// What the stage saw of a run.
#[derive(Debug)]
pub(crate) struct Run {
    turns: usize,
    seed: u64,
    /// Host processes that were killed.
    pub(crate) crashes: u32,
    /// From the start of the process after the last crash until the session was restored.
    pub(crate) recovered: Option<Duration>,
    /// Requests that each scripted provider saw.
    pub(crate) provider_calls: BTreeMap<String, u64>,
    /// The whole run.
    pub(crate) wall: Duration,
}

impl Run {
    /// A run of `turns` turns that is about to start.
    pub(crate) const fn new(turns: usize, seed: u64) -> Self {
        Self {
            turns,
            seed,
            crashes: 0,
            recovered: None,
            provider_calls: BTreeMap::new(),
            wall: Duration::ZERO,
        }
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    turns: usize,
    turns_lost: usize,
    crashes: u32,
    recovered_ms: Option<f64>,
    provider_calls: BTreeMap<String, u64>,
    retries: u64,
    handoffs: Vec<Moved>,
    checkpoints: u64,
    logical_bytes: u64,
    bytes_on_disk: u64,
    /// An exact decimal number, not a float.
    cost_usd: Box<RawValue>,
    /// The same as the budget counted it, kept in the log.
    spent_usd: Box<RawValue>,
    wall_ms: f64,
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Moved {
    from: String,
    to: String,
    reason: String,
    automatic: bool,
}

/// Prints the report, or the JSON object.
///
/// # Errors
/// When the log or the database cannot be read, or a turn was lost.
pub(crate) fn show(run: Run, options: &Options, timeline: &Timeline) -> Result<(), Box<dyn Error>> {
    let (checkpoints, database) = (options.dir.join(CHECKPOINTS), options.dir.join(DATABASE));
    let log = Checkpointer::builder(
        FileStore::open(&checkpoints)?,
        SessionId::new("quickstart")?,
    )
    .open()?;
    let figures = log.figures()?;
    let store = SqliteStore::open_read_only(&database)?;
    let stats = store.stats()?;
    let spent = log
        .component::<Spent>()?
        .map_or(Usd::ZERO, |spent| spent.total());

    let mut moves = Vec::new();
    let mut summary = Summary {
        turns: run.turns,
        turns_lost: turns_lost(&options.recording, log.history())?,
        crashes: run.crashes,
        recovered_ms: run.recovered.map(millis),
        provider_calls: run.provider_calls,
        retries: 0,
        handoffs: Vec::new(),
        checkpoints: 0,
        logical_bytes: figures.logical_bytes,
        bytes_on_disk: figures.stored_bytes,
        cost_usd: RawValue::from_string(exact(&stats.cost.total.to_string()))?,
        spent_usd: RawValue::from_string(exact(&spent.to_string()))?,
        wall_ms: millis(run.wall),
        seed: run.seed,
    };
    for record in store.records() {
        match record?.body {
            Body::Retry(_) => summary.retries += 1,
            Body::CheckpointSaved(_) => summary.checkpoints += 1,
            Body::Handoff(handoff) => {
                moves.push(handoff.to_string());
                summary.handoffs.push(Moved {
                    from: handoff.from.to_string(),
                    to: handoff.to.to_string(),
                    reason: handoff.reason.to_string(),
                    automatic: handoff.initiator == Initiator::Automatic,
                });
            }
            // What a scripted provider saw is known better; this is for real endpoints.
            Body::Attempt(attempt) if options.real_time => {
                let name = attempt.provider.to_string();
                if options
                    .endpoints
                    .get(&name)
                    .is_some_and(|url| !url.contains("127.0.0.1"))
                {
                    *summary.provider_calls.entry(name).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    timeline.print(&format!("\n{stats}"));
    answers(&store, &stats, timeline)?;
    timeline.print(&format!(
        "{} of {} turns recovered byte for byte; {} crash, back after {:.1} ms; {:.2} s in all, the \
         session's own clock skips its pauses",
        summary.turns - summary.turns_lost,
        summary.turns,
        summary.crashes,
        summary.recovered_ms.unwrap_or_default(),
        run.wall.as_secs_f64(),
    ));
    timeline.print(&format!(
        "the budget counted {spent} of ${}; the work moved {} times: {}",
        spent::CAP,
        moves.len(),
        moves.join(", "),
    ));
    timeline.print(&format!(
        "checkpoint log  {}  ({} bytes for {} of state; try: cargo run --release --example session_recovery -- show quickstart --dir {})",
        checkpoints.display(),
        summary.bytes_on_disk,
        summary.logical_bytes,
        options.dir.display(),
    ));
    timeline.print(&format!(
        "database        {}  (try: sqlite3 {} 'SELECT * FROM v_sessions')",
        database.display(),
        database.display()
    ));
    if options.json {
        // The object is the last line of stdout, and the only one.
        println!("{}", serde_json::to_string(&summary)?);
    }
    match summary.turns_lost {
        0 => Ok(()),
        lost => Err(format!("{lost} turns were lost").into()),
    }
}

/// Who gave work to whom and what came of it, and what it cost: the same questions that one asks over a month.
fn answers(store: &SqliteStore, stats: &Stats, timeline: &Timeline) -> Result<(), Box<dyn Error>> {
    let Some((first, last)) = stats.overview.period else {
        return Ok(());
    };
    let period = Period::new(first, last + Duration::from_nanos(1));
    timeline.print(&store.handoffs_report(period)?.to_string());
    if let Some(cost) = store.cost_report(period)? {
        timeline.print(&cost.to_string());
    }
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    // To the microsecond; the rest is noise.
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

/// A dollar amount as a JSON number.
fn exact(amount: &str) -> String {
    amount.replace('$', "")
}

/// Turns of the recording that are not in the recovered conversation, message by message and byte
/// by byte as JSON.
fn turns_lost(recording: &Recording, recovered: &[Message]) -> serde_json::Result<usize> {
    let mut lost = 0;
    for turn in recording.turns() {
        let end = turn.history().len();
        let start = end - turn.before().len();
        let expected = turn.before().iter().chain([turn.answer()]);
        let found = recovered.get(start..=end).unwrap_or_default();
        let mut same = found.len() == turn.before().len() + 1;
        for (found, expected) in found.iter().zip(expected) {
            same &= serde_json::to_vec(found)? == serde_json::to_vec(expected)?;
        }
        lost += usize::from(!same);
    }
    // Messages after the last answer belong to the last turn.
    let all = recording.messages();
    if lost == 0 && serde_json::to_vec(recovered)? != serde_json::to_vec(all)? {
        lost = 1;
    }
    Ok(lost)
}
