//! The host: a receiver and a processor on a database.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver as Waits, channel};
use std::time::{Duration, Instant};

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::otlp::{Processor, Receiver};
use agent_telemetry::{
    Mark, Metric, Prices, Record, Sink, SinkError, SqliteSink, SqliteStore, Telemetry, UserKey,
};

use super::SESSIONS;
use super::report::{Soak, Sum};
use super::send::Sent;
use crate::claude_code::{MODELS, SORTS, cost_picos, session, tokens};
use crate::harness::Broken;
use crate::held::Held;
use crate::large::resident;

/// Records that fill the caches of the store before memory is looked at.
const WARM: u32 = 20_000;
const WARM_AT_ONCE: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Takes what the program of `sender` sends, which is run with the address and `seconds` as its arguments.
///
/// # Errors
/// When a step cannot be done.
pub fn soak(folder: &Path, seconds: u32, sender: &mut Command) -> Result<Soak, Broken> {
    let file = folder.join("telemetry.db");
    let bare = memory()?;
    let sink = SqliteSink::open(&file).map_err(Broken::when("open the database"))?;
    let rows = Arc::new(Rows::default());
    let telemetry = Telemetry::builder(Counting(sink, Arc::clone(&rows)))
        .prices(Prices::none())
        .start()
        .map_err(Broken::when("start the recorder"))?;
    warm(&telemetry)?;
    let (records, marks) = rows.now();
    let before = memory()?;
    let bytes = size(folder)?;

    let processor = Processor::builder(&telemetry)
        .start()
        .map_err(Broken::when("start the processor"))?;
    let receiver = Receiver::builder(processor.clone())
        .bind("127.0.0.1:0")
        .start()
        .map_err(Broken::when("start the receiver"))?;
    let (sent, Memory { half, peak }) = run(sender, receiver.local_addr(), seconds)?;
    let after = memory()?;
    receiver
        .shutdown(PATIENCE)
        .map_err(Broken::when("stop the receiver"))?;
    if !processor.flush(PATIENCE) {
        return Err(Broken::new("store what waits", "it takes too long"));
    }
    let figures = processor.figures();
    drop(processor);
    let stopped = telemetry.shutdown(PATIENCE);
    stopped.map_err(Broken::when("stop the recorder"))?;
    let (records, marks) = {
        let (all_records, all_marks) = rows.now();
        (all_records - records, all_marks - marks)
    };
    let store = SqliteStore::open_read_only(&file).map_err(Broken::when("open the database"))?;
    let held = Held::of(&store).map_err(Broken::when("read the database"))?;
    let (held, truth, wrong) = compare(&held, sent.rounds);
    Ok(Soak {
        taken: figures.points.added,
        points: figures.points.total(),
        records,
        marks,
        bare,
        before,
        after,
        peak,
        half,
        bytes: size(folder)?.saturating_sub(bytes),
        held,
        truth,
        wrong,
        sent,
    })
}

fn memory() -> Result<u64, Broken> {
    let (now, _) =
        resident().ok_or_else(|| Broken::new("read the memory", "the system does not tell"))?;
    Ok(now)
}

/// What is written counts from here on as what the store itself takes.
fn warm(telemetry: &Telemetry) -> Result<(), Broken> {
    let at = Timestamp::from_unix_seconds(1_795_132_800);
    for number in 0..WARM {
        let record = Record::new(at, Metric::count("soak.warm", number));
        telemetry.record_priced(record);
        if number % WARM_AT_ONCE == 0 {
            let stored = telemetry.flush(PATIENCE);
            stored.map_err(Broken::when("store records"))?;
        }
    }
    let stored = telemetry.flush(PATIENCE);
    stored.map(drop).map_err(Broken::when("store records"))
}

struct Memory {
    half: u64,
    peak: u64,
}

/// What was sent, and the memory meanwhile.
fn run(sender: &mut Command, to: SocketAddr, seconds: u32) -> Result<(Sent, Memory), Broken> {
    let sender = sender.arg(to.to_string()).arg(seconds.to_string());
    let sender = sender.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = sender.spawn().map_err(Broken::when("run the senders"))?;
    let watched = watch(&mut child, seconds);
    if watched.is_err() {
        let _ = child.kill();
    }
    let said = child.wait_with_output();
    let said = said.map_err(Broken::when("hear from the senders"))?;
    let seen = watched?;
    let sent = serde_json::from_slice(&said.stdout);
    Ok((sent.map_err(Broken::when("hear from the senders"))?, seen))
}

fn watch(child: &mut Child, seconds: u32) -> Result<Memory, Broken> {
    let (_never, pause): (_, Waits<()>) = channel();
    let half_time = Duration::from_secs(seconds.into()) / 2;
    let began = Instant::now();
    let mut seen = Memory { half: 0, peak: 0 };
    loop {
        let ended = child.try_wait();
        if ended
            .map_err(Broken::when("wait for the senders"))?
            .is_some()
        {
            return Ok(seen);
        }
        let _ = pause.recv_timeout(LOOK);
        let now = memory()?;
        seen.peak = seen.peak.max(now);
        if began.elapsed() <= half_time {
            seen.half = now;
        }
    }
}

fn size(folder: &Path) -> Result<u64, Broken> {
    let doing = "look at the files of the database";
    let mut size = 0;
    for file in std::fs::read_dir(folder).map_err(Broken::when(doing))? {
        let file = file.map_err(Broken::when(doing))?;
        size += file.metadata().map_err(Broken::when(doing))?.len();
    }
    Ok(size)
}

/// What is held, what was sent, and how many sessions differ in any of their values.
fn compare(held: &Held, rounds: u32) -> (Sum, Sum, u32) {
    let (mut all, mut truth, mut wrong) = (Sum::default(), Sum::default(), 0);
    for number in 0..SESSIONS {
        let of = held.sessions.get(&session(number));
        let mut differs = false;
        for (model, name) in MODELS.iter().enumerate() {
            let calls = of.and_then(|it| it.models.get(*name).copied());
            let calls = calls.unwrap_or_default();
            let has = [
                calls.input,
                calls.output,
                calls.cache_read,
                calls.cache_write,
            ];
            let sent: [u64; SORTS.len()] =
                std::array::from_fn(|sort| tokens(number, model, sort, rounds));
            let cost = i128::from(cost_picos(model, rounds));
            differs |= has != sent || calls.cost_picos != cost;
            all.tokens += has.iter().sum::<u64>();
            all.cost += Usd::from_picos(calls.cost_picos);
            truth.tokens += sent.iter().sum::<u64>();
            truth.cost += Usd::from_picos(cost);
        }
        wrong += u32::from(differs);
    }
    (all, truth, wrong)
}

#[derive(Debug, Default)]
struct Rows {
    records: AtomicU64,
    marks: AtomicU64,
}

impl Rows {
    fn now(&self) -> (u64, u64) {
        let (records, marks) = (&self.records, &self.marks);
        (
            records.load(Ordering::Relaxed),
            marks.load(Ordering::Relaxed),
        )
    }
}

/// Counts what is written.
struct Counting(SqliteSink, Arc<Rows>);

impl Sink for Counting {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.0.write(batch)?;
        let marks: usize = batch.iter().map(|it| it.marks().len()).sum();
        let rows = &self.1;
        rows.records
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        rows.marks.fetch_add(marks as u64, Ordering::Relaxed);
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.0.user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        self.0.marks()
    }
}
