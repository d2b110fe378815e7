//! What a recorder takes while nothing is recorded.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage};
use agent_telemetry::{Answer, Session, SessionStart, SqliteSink, Telemetry};

use crate::harness::Broken;
use crate::large::resident;

/// The writer's thread, by the name that the recorder gives it.
const WRITER: &str = "agent-telemetry";
/// Calls that are recorded before the rest, so that all that is made lazily is there.
const CALLS: u32 = 100;

/// What was seen of a recorder at rest.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// How long it was looked at.
    pub watched: Duration,
    /// How often the writer's thread slept and was woken meanwhile.
    pub wakes: u64,
    /// Threads that the recorder has.
    pub threads: usize,
    /// Resident memory that came with the recorder, its open database and its prices.
    pub memory: u64,
}

impl Idle {
    /// Whether nothing wakes, and the memory is at most so much.
    pub const fn rests(&self, memory: u64) -> bool {
        self.wakes == 0 && self.threads == 1 && self.memory <= memory
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "idle for {:?}: {} thread, woken {} times, {} KiB above what the process took before",
            self.watched,
            self.threads,
            self.wakes,
            self.memory / 1024
        )
    }
}

/// Opens a database in `folder`, records a session in it, and watches for `watched`.
///
/// # Errors
/// When a step cannot be done, or the system does not tell about threads and memory.
pub fn idle(folder: &Path, watched: Duration) -> Result<Idle, Broken> {
    let before = memory()?;
    let sink = SqliteSink::open(folder.join("idle.db")).map_err(Broken::when("open a database"))?;
    let telemetry = Telemetry::builder(sink)
        .start()
        .map_err(Broken::when("start telemetry"))?;
    let _session = record(&telemetry)?;
    let memory = memory()?.saturating_sub(before);
    let sleeps = sleeps()?;
    // Longer than any window, and nothing else happens in this process.
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(watched);
    let after = self::sleeps()?;
    Ok(Idle {
        watched,
        wakes: after.iter().sum::<u64>() - sleeps.iter().sum::<u64>(),
        threads: after.len(),
        memory,
    })
}

/// The session stays open: a recorder at rest in the midst of work.
fn record(telemetry: &Telemetry) -> Result<Session, Broken> {
    let doing = "name a session";
    let start = SessionStart::new(
        SessionId::new("idle").map_err(Broken::when(doing))?,
        AgentId::new("idle").map_err(Broken::when(doing))?,
    );
    let session = telemetry.session(start);
    let model = session.model(
        ProviderId::new("anthropic").map_err(Broken::when(doing))?,
        ModelId::new("claude-sonnet-4-5").map_err(Broken::when(doing))?,
    );
    for number in 0..CALLS {
        let usage = TokenUsage::new(u64::from(number), 200);
        model.record(Answer::new(usage, Duration::from_millis(640)));
    }
    telemetry
        .flush(Duration::from_secs(30))
        .map_err(Broken::when("store the records"))?;
    Ok(session)
}

fn memory() -> Result<u64, Broken> {
    let (now, _) =
        resident().ok_or_else(|| Broken::new("read the memory", "the system does not tell"))?;
    Ok(now)
}

/// How often each writer thread of this process has gone to sleep.
fn sleeps() -> Result<Vec<u64>, Broken> {
    let doing = "look at the threads of this process";
    let mut sleeps = Vec::new();
    for thread in fs::read_dir("/proc/self/task").map_err(Broken::when(doing))? {
        let path = thread.map_err(Broken::when(doing))?.path().join("status");
        let status = fs::read_to_string(path).map_err(Broken::when(doing))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim)
        };
        if field("Name:") == Some(WRITER) {
            let count = field("voluntary_ctxt_switches:").and_then(|count| count.parse().ok());
            sleeps.push(count.ok_or_else(|| Broken::new(doing, "one does not say how it sleeps"))?);
        }
    }
    if sleeps.is_empty() {
        return Err(Broken::new(doing, "the writer is not among them"));
    }
    Ok(sleeps)
}
