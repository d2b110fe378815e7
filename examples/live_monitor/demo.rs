//! Agents that tell recorded sessions to a recorder, each on a thread of its own, faster than they were.

use std::error::Error;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use agent_primitives::{
    AgentId, Clock, ContextPressure, FailureKind, Handoff, HandoffReason, ModelId, Observer,
    ProviderId, Retry, SessionId, Stamp, SystemClock, TokenUsage, ToolName,
};
use agent_telemetry::{ModelCall, Outcome, Session, SessionStart, Telemetry};
use fastrand::Rng;
use support::{Recording, Turn, estimate_tokens};

use crate::options::Options;

/// Agent, kind of work, provider, model.
const ROLES: [(&str, &str, &str, &str); 4] = [
    ("coder", "bug_fix", "claude", "claude-sonnet-4-5"),
    ("reviewer", "review", "claude", "claude-haiku-4-5"),
    ("novice", "bug_fix", "groq", "openai/gpt-oss-120b"),
    ("planner", "planning", "house", "house-model-7b"),
];
/// Tokens that a model of the demo can see at once: little, so that its sessions fill it.
const WINDOW: u64 = 12_000;

/// The agents at work.
pub(crate) struct Agents {
    /// Gone once an agent is to stop.
    stops: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Agents {
    /// Ends them where they are. Their sessions end as aborted.
    pub(crate) fn stop(self) {
        drop(self.stops);
        for thread in self.threads {
            // What it has done is recorded; a panic in it was its own.
            let _ = thread.join();
        }
    }
}

pub(crate) fn start(telemetry: &Telemetry, options: &Options) -> Agents {
    let mut agents = Agents {
        stops: Vec::new(),
        threads: Vec::new(),
    };
    for (number, role) in (0..options.agents).zip(ROLES.into_iter().cycle()) {
        let (stop, stopped) = mpsc::channel();
        let worker = Worker {
            telemetry: telemetry.clone(),
            rng: Rng::with_seed(options.seed.wrapping_add(number.into())),
            speed: options.speed,
            number,
            role,
            stopped,
        };
        agents.stops.push(stop);
        // Ends when it is stopped, which is its only error.
        agents
            .threads
            .push(thread::spawn(move || drop(worker.work())));
    }
    agents
}

struct Worker {
    telemetry: Telemetry,
    rng: Rng,
    speed: u32,
    number: u32,
    role: (&'static str, &'static str, &'static str, &'static str),
    stopped: Receiver<()>,
}

impl Worker {
    fn work(mut self) -> Result<(), Box<dyn Error>> {
        let recording = Recording::sample();
        let (agent, task, ..) = self.role;
        for session in 1_u32.. {
            let id = SessionId::new(format!("{agent}-{}.{session}", self.number))?;
            let start = SessionStart::new(id, AgentId::new(agent)?).task_type(task);
            let session = self.telemetry.session(start);
            let mut used = 1_000;
            for turn in recording.turns() {
                used += estimate_tokens(turn.before()) * self.rng.u64(1..4);
                let pressure = ContextPressure::new(used.min(WINDOW), WINDOW);
                let stamp = Stamp::at(SystemClock.timestamp());
                session.observer().observe(stamp, &pressure.into());
                self.ask(&session, turn, used)?;
                for call in &turn.answer().tool_calls {
                    let span = session.tool_call(ToolName::new(call.name.clone())?);
                    let works = Duration::from_millis(self.rng.u64(20..400));
                    self.pass(works)?;
                    if self.rng.u32(..100) < 4 {
                        span.failed();
                    } else {
                        span.ok();
                    }
                }
                if used >= WINDOW {
                    break;
                }
            }
            session.end(match self.rng.u32(..100) {
                0..80 => Outcome::Success,
                80..90 => Outcome::Escalated,
                _ => Outcome::Failed,
            });
            self.pass(Duration::from_secs(2))?;
        }
        Ok(())
    }

    /// A call, now and then after one that failed.
    fn ask(&mut self, session: &Session, turn: Turn<'_>, used: u64) -> Result<(), Box<dyn Error>> {
        let (.., provider, model) = self.role;
        let (provider, model) = (ProviderId::new(provider)?, ModelId::new(model)?);
        let kinds = [
            FailureKind::RateLimited,
            FailureKind::Overloaded,
            FailureKind::Timeout,
        ];
        if self.rng.u32(..100) < 5
            && let Some(kind) = self.rng.choice(kinds)
        {
            let latency = Duration::from_millis(self.rng.u64(100..900));
            self.pass(latency)?;
            let failed = ModelCall::new(provider.clone(), model.clone()).failed(kind);
            session.model_call(failed.latency(latency));
            let stamp = Stamp::at(SystemClock.timestamp());
            let event = if self.rng.bool() {
                Retry::new(provider.clone(), 2, Duration::from_secs(1), kind).into()
            } else {
                let other = if provider.as_str() == "groq" {
                    "claude"
                } else {
                    "groq"
                };
                let stand_in = ProviderId::new(other)?;
                let reason = HandoffReason::from(kind);
                Handoff::automatic(provider.clone(), stand_in, reason).into()
            };
            session.observer().observe(stamp, &event);
            self.pass(Duration::from_secs(1))?;
        }
        let output = estimate_tokens(std::slice::from_ref(turn.answer()));
        let tail = if self.rng.u32(..100) < 5 { 4 } else { 1 };
        let latency = Duration::from_millis((300 + 12 * output + self.rng.u64(..900)) * tail);
        self.pass(latency)?;
        let new = estimate_tokens(turn.before());
        let usage = TokenUsage::new(new, output).with_cache_read(used.saturating_sub(new));
        session.model_call(
            ModelCall::new(provider, model)
                .usage(usage)
                .latency(latency),
        );
        Ok(())
    }

    /// Time passes, as much faster as it is to.
    fn pass(&self, time: Duration) -> Result<(), &'static str> {
        match self.stopped.recv_timeout(time / self.speed) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err("the agent is to stop"),
        }
    }
}
