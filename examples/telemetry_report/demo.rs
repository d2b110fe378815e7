//! Thirty days of work of three agents, told from recorded sessions: what they said and called is
//! theirs; times, failures and outcomes come from a seed.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use agent_primitives::{
    AgentId, FailureKind, Handoff, HandoffReason, ManualClock, ModelId, ProviderId, SessionId,
    TokenUsage, ToolName,
};
use agent_telemetry::{
    Candidate, Decision, DecisionOutcome, FilesChanged, Metric, ModelCall, Outcome, Prices,
    Session, SessionStart, Severity, SqliteSink, StopReason, TaskTiming, Telemetry, Unit,
    Violation,
};
use fastrand::Rng;
use support::{Message, Recording, Turn, estimate_tokens};

use crate::options::Demo;

const DAYS: Duration = Duration::from_secs(30 * 86_400);
const PATIENCE: Duration = Duration::from_secs(60);
/// Where more recorded sessions lie, beside the project.
const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/trajectories"
);

/// Agent, kind of work, provider, model; sessions of a hundred.
const AGENTS: [(&str, &str, &str, &str, u32); 7] = [
    ("coder", "bug_fix", "claude", "claude-sonnet-4-5", 30),
    ("coder", "refactoring", "claude", "claude-sonnet-4-5", 10),
    ("novice", "bug_fix", "claude", "claude-haiku-4-5", 20),
    ("novice", "refactoring", "claude", "claude-haiku-4-5", 4),
    ("reviewer", "review", "claude", "claude-haiku-4-5", 22),
    ("second-eye", "review", "claude", "claude-sonnet-4-5", 4),
    ("planner", "planning", "house", "house-model-7b", 10),
];
const SECOND: (&str, &str) = ("groq", "openai/gpt-oss-120b");

/// What was told.
pub(super) struct Filled {
    recordings: usize,
    sessions: u32,
    stored: u64,
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            recordings,
            sessions,
            stored,
        } = self;
        write!(
            f,
            "demo: {stored} records of {sessions} sessions, told from {recordings} recorded"
        )
    }
}

/// Fills a new database.
pub(super) fn fill(path: &Path, demo: &Demo) -> Result<Filled, Box<dyn Error>> {
    let recordings = recordings(demo.sample_only)?;
    let clock = ManualClock::starting_at(demo.until - DAYS);
    let telemetry = Telemetry::builder(SqliteSink::open(path)?)
        .clock(clock.clone())
        .prices(Prices::shipped())
        .start()?;
    let mut teller = Teller {
        rng: Rng::with_seed(demo.seed),
        telemetry,
        clock,
    };
    let mut stored = 0;
    for number in 0..demo.sessions {
        // Its part of the time, at some moment of which it begins.
        let begins = (f64::from(number) + teller.rng.f64() * 0.5) / f64::from(demo.sessions);
        let begins = demo.until - DAYS + DAYS.mul_f64(begins * 0.999);
        let now = agent_primitives::Clock::timestamp(&teller.clock);
        teller.clock.advance(begins.since(now));
        let recording = teller
            .rng
            .choice(&recordings)
            .ok_or("no recorded session")?;
        teller.tell(number, recording)?;
        if number % 64 == 63 || number + 1 == demo.sessions {
            stored = teller.telemetry.flush(PATIENCE)?.stored;
        }
    }
    teller.telemetry.shutdown(PATIENCE)?;
    Ok(Filled {
        recordings: recordings.len(),
        sessions: demo.sessions,
        stored,
    })
}

/// The committed one, and those beside the project where there are any, in the order of their names.
fn recordings(sample_only: bool) -> Result<Vec<Recording>, Box<dyn Error>> {
    let mut all = vec![Recording::sample()];
    if sample_only {
        return Ok(all);
    }
    let Ok(folder) = fs::read_dir(FOLDER) else {
        return Ok(all);
    };
    let mut paths = Vec::new();
    for entry in folder {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "traj") {
            paths.push(path);
        }
    }
    paths.sort();
    for path in paths {
        all.push(Recording::load(path)?);
    }
    Ok(all)
}

struct Teller {
    rng: Rng,
    telemetry: Telemetry,
    clock: ManualClock,
}

impl Teller {
    /// Happens in so many of a thousand cases.
    fn chance(&mut self, permille: u32) -> bool {
        self.rng.u32(..1_000) < permille
    }

    /// Mostly about so much, now and then several times that.
    fn about(&mut self, millis: u64) -> Duration {
        let spread = 0.6 + 0.8 * self.rng.f64();
        let tail = if self.chance(40) { 4.0 } else { 1.0 };
        Duration::from_millis(millis).mul_f64(spread * tail)
    }

    fn tell(&mut self, number: u32, recording: &Recording) -> Result<(), Box<dyn Error>> {
        let mut draw = self.rng.u32(..100);
        let (agent, task, provider, model, _) = *AGENTS
            .iter()
            .find(|(.., of_hundred)| {
                let found = draw < *of_hundred;
                draw = draw.saturating_sub(*of_hundred);
                found
            })
            .ok_or("the shares are not a hundred")?;
        let start = SessionStart::new(
            SessionId::new(format!("demo-{number}"))?,
            AgentId::new(agent)?,
        )
        .task_type(task);
        let session = self.telemetry.session(start);
        let queued = self.about(20_000);
        let began = agent_primitives::Clock::timestamp(&self.clock);
        self.choose(&session, number, model);
        let preferred = (provider, model);
        let mut asked = preferred;
        for turn in recording.turns().into_iter().take(16) {
            if self.chance(25) {
                asked = self.give_way(&session, asked)?;
            }
            asked = self.return_from(&session, asked, preferred)?;
            self.ask(&session, asked, turn)?;
            self.use_tools(&session, turn)?;
        }
        let ran = agent_primitives::Clock::timestamp(&self.clock).since(began);
        session.task_timing(TaskTiming::new(queued, ran));
        self.finish(session, number, agent, recording)
    }

    /// From the second provider back to the first: when it fails as well, or when the first works again.
    fn return_from<'a>(
        &mut self,
        session: &Session,
        from: (&'a str, &'a str),
        to: (&'a str, &'a str),
    ) -> Result<(&'a str, &'a str), Box<dyn Error>> {
        if from != SECOND || to == SECOND {
            return Ok(from);
        }
        let reason = match self.rng.u32(..1_000) {
            0..90 => HandoffReason::Overloaded,
            90..150 => HandoffReason::Recovered,
            _ => return Ok(from),
        };
        if reason == HandoffReason::Overloaded {
            let failed = ModelCall::new(ProviderId::new(from.0)?, ModelId::new(from.1)?);
            let latency = self.about(400);
            self.clock.advance(latency);
            session.model_call(failed.latency(latency).failed(FailureKind::Overloaded));
        }
        session.handoff(Handoff::automatic(
            ProviderId::new(from.0)?,
            ProviderId::new(to.0)?,
            reason,
        ));
        Ok(to)
    }

    /// Which model is to do it.
    fn choose(&mut self, session: &Session, number: u32, model: &'static str) {
        let mut decision = Decision::new(format!("d-{number}"), "model")
            .choice(model)
            .confidence(f64::from(self.rng.u32(50..100)) / 100.0);
        for (.., name, _) in [AGENTS[0], AGENTS[2], AGENTS[6]] {
            let score = f64::from(self.rng.u32(20..70)) / 100.0;
            let candidate = Candidate::new(name);
            decision = decision.candidate(match name {
                _ if name == model => candidate.score(score + 0.25),
                "house-model-7b" => candidate.score(score).lost("its window is too small"),
                "claude-haiku-4-5" => candidate.score(score).lost("too many errors this week"),
                _ => candidate.score(score).lost("too dear for the task"),
            });
        }
        session.decision(decision);
    }

    /// A call that fails, and the change of hands that follows.
    fn give_way<'a>(
        &mut self,
        session: &Session,
        from: (&'a str, &'a str),
    ) -> Result<(&'a str, &'a str), Box<dyn Error>> {
        let kinds = [
            FailureKind::RateLimited,
            FailureKind::Overloaded,
            FailureKind::Timeout,
        ];
        let kind = self.rng.choice(kinds).ok_or("no kind of failure")?;
        let failed = ModelCall::new(ProviderId::new(from.0)?, ModelId::new(from.1)?);
        let latency = self.about(900);
        session.model_call(failed.attempts(3).latency(latency).failed(kind));
        let to = if from == SECOND { from } else { SECOND };
        if to != from {
            let handoff = Handoff::automatic(
                ProviderId::new(from.0)?,
                ProviderId::new(to.0)?,
                HandoffReason::from(kind),
            );
            session.handoff(handoff);
        }
        Ok(to)
    }

    fn ask(
        &mut self,
        session: &Session,
        (provider, model): (&str, &str),
        turn: Turn<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let new = estimate_tokens(turn.before());
        let read = estimate_tokens(turn.history()).saturating_sub(new);
        let output = estimate_tokens(std::slice::from_ref(turn.answer()));
        let (first, token) = match provider {
            "groq" => (140, 3),
            "house" => (60, 9),
            _ => (620, 14),
        };
        let first_token = self.about(first);
        let latency = first_token + self.about(token * output);
        self.clock.advance(latency);
        let usage = TokenUsage::new(new, output).with_cache_read(read);
        let call = ModelCall::new(ProviderId::new(provider)?, ModelId::new(model)?)
            .usage(usage)
            .latency(latency)
            .first_token(first_token)
            .streamed();
        let stop = if tools(turn.answer()).is_empty() {
            StopReason::Stop
        } else {
            StopReason::ToolCalls
        };
        session.model_call(call.stop_reason(stop));
        Ok(())
    }

    fn use_tools(&mut self, session: &Session, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        for name in tools(turn.answer()) {
            let span = session.tool_call(ToolName::new(name)?);
            let time = match turn.execution_time() {
                Some(time) => time.mul_f64(0.8 + 0.4 * self.rng.f64()),
                None => self.about(90),
            };
            self.clock.advance(time);
            match self.rng.u32(..1_000) {
                0..4 => drop(span),
                4..60 => span.failed(),
                _ => span.ok(),
            }
        }
        Ok(())
    }

    /// The work goes to a person, or from the novice to the coder, who takes it up in a session of its own.
    fn escalate(
        &mut self,
        session: &Session,
        number: u32,
        agent: &str,
        recording: &Recording,
    ) -> Result<(), Box<dyn Error>> {
        let from = AgentId::new(agent)?;
        if agent != "novice" {
            let to = AgentId::new("on-call")?;
            session.handoff(Handoff::manual(from, to, HandoffReason::Manual));
            return Ok(());
        }
        let coder = AgentId::new("coder")?;
        let reason = HandoffReason::Quality;
        session.handoff(Handoff::automatic(from, coder.clone(), reason));
        let waits = self.about(4_000);
        self.clock.advance(waits);
        let id = SessionId::new(format!("demo-{number}-rescue"))?;
        let rescue = session.subagent(SessionStart::new(id, coder.clone()).task_type("rescue"));
        for turn in recording.turns().into_iter().take(8) {
            self.ask(&rescue, (AGENTS[0].2, AGENTS[0].3), turn)?;
            self.use_tools(&rescue, turn)?;
        }
        let draw = self.rng.u32(..100);
        let ended = outcome(draw, [70, 85, 100]);
        if ended == Outcome::Escalated {
            let to = AgentId::new("on-call")?;
            rescue.handoff(Handoff::manual(coder, to, HandoffReason::Manual));
        }
        rescue.end(ended);
        Ok(())
    }

    fn finish(
        &mut self,
        session: Session,
        number: u32,
        agent: &str,
        recording: &Recording,
    ) -> Result<(), Box<dyn Error>> {
        if agent == "coder" {
            let passed = f64::from(self.rng.u32(80..=100)) / 100.0;
            session.metric(Metric::new("test_pass_rate", passed, Unit::Ratio)?);
            let changed = FilesChanged::new(self.rng.u64(1..9));
            session.files_changed(changed.lines(self.rng.u64(1..200), self.rng.u64(0..80)));
        }
        if self.chance(120) {
            let violation = Violation::new("lint", Severity::Warning, "unused import");
            let violation = violation.at("src/login.rs", self.rng.u32(1..400));
            session.violation(if self.chance(700) {
                violation.fixed()
            } else {
                violation
            });
        }
        if self.chance(30) {
            session.violation(Violation::new("tests", Severity::Error, "a test fails"));
        }
        let draw = self.rng.u32(..100);
        let outcome = match agent {
            "novice" => outcome(draw, [58, 88, 97]),
            _ => outcome(draw, [82, 90, 97]),
        };
        if outcome == Outcome::Escalated {
            self.escalate(&session, number, agent, recording)?;
        }
        let score = f64::from(self.rng.u32(40..100)) / 100.0;
        let told = DecisionOutcome::new(format!("d-{number}"), outcome).score(score);
        session.decision_outcome(told);
        session.end(outcome);
        Ok(())
    }
}

/// Below which of a hundred a session ends in success, is escalated, and fails.
const fn outcome(draw: u32, [success, escalated, failed]: [u32; 3]) -> Outcome {
    if draw < success {
        Outcome::Success
    } else if draw < escalated {
        Outcome::Escalated
    } else if draw < failed {
        Outcome::Failed
    } else {
        Outcome::Aborted
    }
}

/// The tools that an answer calls; where it has a block of commands instead, the first word of it.
fn tools(answer: &Message) -> Vec<&str> {
    if !answer.tool_calls.is_empty() {
        return answer
            .tool_calls
            .iter()
            .map(|call| call.name.as_str())
            .collect();
    }
    let block = answer.content.rsplit("```").nth(1);
    block
        .and_then(|block| block.split_whitespace().next())
        .filter(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
        .into_iter()
        .collect()
}
