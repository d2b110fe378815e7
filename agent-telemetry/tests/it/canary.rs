//! Secrets planted in every text and every name never reach a file.

#![allow(
    clippy::indexing_slicing,
    reason = "test code: a wrong place fails the test"
)]

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    Cooldown, FailureKind, Handoff, HandoffReason, ModelId, ProviderId, Restored, Retry, Scope,
    SessionId, Timestamp, TokenUsage, ToolName,
};
use agent_telemetry::{
    AgentsReport, Answer, Body, Candidate, Decision, DecisionOutcome, JsonlSink, JsonlStore,
    Metric, ModelCall, ModelsReport, Outcome, Parent, Period, ProjectId, Record, Redaction,
    Retention, SessionStart, Severity, SqliteSink, SqliteStore, Task, Telemetry, ToolCall,
    ToolOutcome, ToolsReport, Unit, Violation,
};

use crate::story::LONG;

const SECOND: Duration = Duration::from_secs(1);

/// Canaries, each with a core of its own that is looked for.
struct Aviary {
    seed: u64,
    /// Turns the forms, so that in as many rounds as there are each place meets each of them.
    round: usize,
    /// Of names and of texts in this round.
    places: [usize; 2],
    cores: Vec<String>,
}

/// Rounds in which each place meets each form.
const ROUNDS: usize = 21;

impl Aviary {
    const fn new() -> Self {
        Self {
            seed: 7,
            round: 0,
            places: [0; 2],
            cores: Vec::new(),
        }
    }

    fn next_round(&mut self) {
        self.round += 1;
        self.places = [0; 2];
    }

    fn core(&mut self) -> String {
        // Steps of SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let core = format!("{:016x}", bits ^ (bits >> 31));
        self.cores.push(core.clone());
        core
    }

    /// A word that every kind of name may be.
    fn name(&mut self) -> String {
        let core = self.core();
        self.places[0] += 1;
        match (self.places[0] + self.round) % ROUNDS {
            0 => format!("{core}@example.com"),
            1 => format!("sk-ant-api03-{core}"),
            2 => format!("ghp_{core}"),
            3 => format!("{core}Zz{}", "k".repeat(20)),
            4 => format!("sk-proj-{core}"),
            5 => format!("sk_live_{core}"),
            6 => format!("github_pat_{core}"),
            7 => format!("glpat-{core}"),
            8 => format!("gsk_{core}"),
            9 => format!("xai-{core}"),
            10 => format!("hf_{core}"),
            11 => format!("xoxb-{core}"),
            12 => format!("AKIA{core}"),
            13 => format!("AIza{core}{}", "x".repeat(19)),
            14 => format!("ya29.{core}"),
            15 => format!("eyJ{core}.{}", "x".repeat(24)),
            16 => format!("npm_{core}"),
            17 => format!("build.for-{core}@mail.example.co.uk"),
            18 => format!("api_key:{core}"),
            _ => format!("password:{core}"),
        }
    }

    fn text(&mut self) -> String {
        let core = self.core();
        self.places[1] += 1;
        match (self.places[1] + self.round) % ROUNDS {
            0 => format!("mail {core}.b@mail.example.org, please"),
            1 => format!("run with API_KEY=\"{core}\" set"),
            2 => format!("see https://ada:{core}@example.com/x"),
            3 => format!("Authorization: Bearer {core}"),
            4 => format!("PASSWORD = {core};"),
            5 => format!("{{\"api_key\": \"{core}\"}}"),
            6 => format!("aws_secret_access_key={core}"),
            7 => format!("GET /x?access_token={core}&y=1"),
            8 => format!("write to <{core}@EXAMPLE.COM>"),
            9 => format!("mailto:{core}+news@example.org?subject=hi"),
            10 => format!("src/sk-ant-api03-{core}/a.rs"),
            11 => format!("postgres://ada:{core}@db.example.com:5432/x"),
            12 => format!("the key xoxp-{core}, again"),
            13 => format!("client-secret: '{core}'"),
            14 => format!("pwd={core}"),
            15 => format!("eyJ{core}.{}.sig", "x".repeat(24)),
            16 => format!("line one\nTOKEN={core}\nline three"),
            // Cut behind the at sign, at both bounds: what is left has no form that shows it.
            17 => format!(
                "{}write to him {core}@example.com",
                "many words ".repeat(369)
            ),
            19 => format!("{}mail {core}@example.com", "many words ".repeat(9)),
            18 => format!("credential:{core}"),
            _ => format!("-----BEGIN PRIVATE KEY-----\n{core}\n-----END PRIVATE KEY-----"),
        }
    }

    fn provider(&mut self) -> ProviderId {
        ProviderId::new(self.name()).unwrap()
    }

    fn task(&mut self) -> Task {
        let mut task = Task::default();
        task.task_type = Some(self.text().into());
        task.description = Some(self.text().into());
        let parent = Parent::new(SessionId::new(self.name()).unwrap());
        task.parent = Some(parent.agent(AgentId::new(self.name()).unwrap()));
        task
    }

    fn bodies(&mut self) -> Vec<Body> {
        let overloaded = FailureKind::Overloaded;
        let checkpoint = |it: &mut Self| CheckpointId::new(it.name()).unwrap();
        vec![
            Body::SessionStart(self.task()),
            Body::SessionResume(self.task()),
            ModelCall::new(self.provider(), ModelId::new(self.name()).unwrap()).into(),
            ToolCall::new(ToolName::new(self.name()).unwrap(), ToolOutcome::Ok, SECOND).into(),
            Handoff::manual(
                self.provider(),
                AgentId::new(self.name()).unwrap(),
                HandoffReason::Cost,
            )
            .into(),
            Attempt::new(self.provider(), 1, SECOND).into(),
            Retry::new(self.provider(), 2, SECOND, overloaded).into(),
            BreakerChange::new(self.provider(), BreakerState::Closed, BreakerState::Open).into(),
            Cooldown::new(self.provider(), Scope::Key, overloaded, SECOND).into(),
            CheckpointSaved::new(checkpoint(self), CheckpointKind::Auto).into(),
            Restored::new(checkpoint(self), SECOND).into(),
            Metric::new(self.text(), 1.0, Unit::Count).unwrap().into(),
            Violation::new(self.text(), Severity::Info, self.text())
                .at(self.text(), 1)
                .into(),
            Decision::new(self.text(), self.text())
                .candidate(Candidate::new(self.text()).lost(self.text()))
                .choice(self.text())
                .into(),
            DecisionOutcome::new(self.text(), Outcome::Success).into(),
        ]
    }

    /// Those that stand in a text or a file, each of which is sixteen hexadecimal digits.
    fn seen_in_bytes(&self, bytes: &[u8]) -> Vec<&str> {
        let cores: HashSet<&str> = self.cores.iter().map(String::as_str).collect();
        let mut digits = 0_usize;
        let mut seen = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            digits = if byte.is_ascii_hexdigit() {
                digits + 1
            } else {
                0
            };
            if digits >= 16 {
                let word = std::str::from_utf8(&bytes[at - 15..=at]).unwrap();
                seen.extend(cores.get(word));
            }
        }
        seen
    }

    /// Those that stand in any file of the folder.
    fn seen_in(&self, folder: &Path) -> Vec<&str> {
        let mut seen = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            seen.extend(self.seen_in_bytes(&bytes));
        }
        seen
    }
}

fn tell(telemetry: &Telemetry, aviary: &mut Aviary) -> u64 {
    for body in aviary.bodies() {
        let record = Record::new(Timestamp::UNIX_EPOCH, body)
            .of_project(ProjectId::new(aviary.name()).unwrap())
            .of_session(SessionId::new(aviary.name()).unwrap())
            .of_agent(AgentId::new(aviary.name()).unwrap());
        telemetry.record(record);
    }
    let start = SessionStart::new(
        SessionId::new(aviary.name()).unwrap(),
        AgentId::new(aviary.name()).unwrap(),
    )
    .project(ProjectId::new(aviary.name()).unwrap())
    .description(aviary.text())
    .user(telemetry.user(&aviary.name()));
    let session = telemetry.session(start);
    for body in aviary.bodies() {
        if let Body::Violation(violation) = body {
            session.violation(violation);
        }
    }
    let handle = session.model(aviary.provider(), ModelId::new(aviary.name()).unwrap());
    handle.record(Answer::new(TokenUsage::new(1, 1), SECOND));
    let tool = session.tool(ToolName::new(aviary.name()).unwrap());
    tool.record(ToolOutcome::Ok, SECOND);
    telemetry.flush(LONG).unwrap().stored
}

/// Each form in each place.
fn tell_all(telemetry: &Telemetry, aviary: &mut Aviary) -> u64 {
    let mut stored = 0;
    for _ in 0..ROUNDS {
        stored = tell(telemetry, aviary);
        aviary.next_round();
    }
    stored
}

#[test]
fn canaries_in_every_text_and_name_reach_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut aviary = Aviary::new();
    let telemetry = Telemetry::builder(
        SqliteSink::open(&path)
            .unwrap()
            .retention(Retention::FOREVER),
    )
    .window(LONG)
    .start()
    .unwrap();
    let stored = tell_all(&telemetry, &mut aviary);
    assert!(stored > 350 && aviary.cores.len() > 1_500);
    // With the log and the index beside it, and once they are gone.
    assert_eq!(aviary.seen_in(folder.path()), [""; 0]);
    drop(telemetry);
    assert_eq!(aviary.seen_in(folder.path()), [""; 0]);
    let store = SqliteStore::open_read_only(&path).unwrap();
    let projects: std::collections::BTreeSet<_> = store
        .records()
        .map(|it| it.unwrap().project.unwrap())
        .collect();
    assert!(projects.len() > 90, "different names stay different");
}

#[test]
fn search_finds_canaries_that_are_not_masked() {
    let folder = tempfile::tempdir().unwrap();
    let mut aviary = Aviary::new();
    let telemetry = Telemetry::builder(SqliteSink::open(folder.path().join("t.db")).unwrap())
        .redaction(Redaction::none())
        .window(LONG)
        .start()
        .unwrap();
    tell(&telemetry, &mut aviary);
    drop(telemetry);
    let seen = aviary.seen_in(folder.path()).len();
    // All but the address of the user, which is hashed whatever the redaction, and the other records
    // of the second telling that were not recorded.
    assert!(seen > 60, "{seen} of {}", aviary.cores.len());
}

#[test]
fn person_is_the_same_in_every_run_and_another_one_in_another_store() {
    let folder = tempfile::tempdir().unwrap();
    let user = |name: &str| {
        let sink = SqliteSink::open(folder.path().join(name)).unwrap();
        let telemetry = Telemetry::builder(sink).start().unwrap();
        telemetry.user("ada@example.com")
    };
    let first = user("a.db");
    assert_eq!(user("a.db"), first);
    assert_ne!(user("b.db"), first);
}

#[test]
fn canaries_reach_no_line_of_json_and_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut aviary = Aviary::new();
    let sink = JsonlSink::open(folder.path()).unwrap();
    let telemetry = Telemetry::builder(sink).window(LONG).start().unwrap();
    tell_all(&telemetry, &mut aviary);
    drop(telemetry);
    assert_eq!(aviary.seen_in(folder.path()), [""; 0]);
    let store = JsonlStore::open(folder.path()).unwrap();
    let stats = store.stats().unwrap();
    assert!(stats.decisions.made > 0 && stats.quality.violation_files.len() > 10);
    let sums = store.rollups(Period::ALL).unwrap();
    for text in [
        stats.to_string(),
        format!("{stats:?}"),
        serde_json::to_string(&stats).unwrap(),
        AgentsReport::of(Period::ALL, &sums).to_string(),
        serde_json::to_string(&ModelsReport::of(Period::ALL, &sums)).unwrap(),
        format!("{:?}", ToolsReport::of(Period::ALL, &sums)),
    ] {
        assert!(text.len() > 1_000, "{text}");
        assert_eq!(aviary.seen_in_bytes(text.as_bytes()), [""; 0]);
    }
}

/// An error with all that it says of its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(text, "{error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}

#[test]
fn canaries_are_in_no_error_and_no_state_of_a_recorder_that_cannot_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let sink = SqliteSink::open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("DROP TABLE violations").unwrap();
    let mut aviary = Aviary::new();
    let telemetry = Telemetry::builder(sink).window(LONG).start().unwrap();
    for body in aviary.bodies() {
        let record = Record::new(Timestamp::UNIX_EPOCH, body)
            .of_session(SessionId::new(aviary.name()).unwrap());
        telemetry.record(record);
    }
    let mut error = telemetry.flush(Duration::ZERO).unwrap_err();
    while telemetry.health().error.is_none() {
        error = telemetry.flush(Duration::from_millis(1)).unwrap_err();
    }
    let health = telemetry.health();
    let of_sink = health.error.clone().expect("the sink has refused");
    let mut seen = vec![
        told(&error),
        told(&*of_sink),
        format!("{health:?}"),
        format!("{telemetry:?}"),
        format!("{:?}", telemetry.dropped()),
    ];
    assert_eq!((health.stored, health.waiting), (0, 15), "{seen:?}");
    // The batch that SQLite took back has left nothing either.
    drop(telemetry);
    assert_eq!(aviary.seen_in(folder.path()), [""; 0]);
    let store = SqliteStore::open_read_only(&path).unwrap();
    seen.extend(store.stats().err().map(|error| told(&error)));
    assert_eq!(seen.len(), 6, "the table is gone");
    for text in seen {
        assert_eq!(aviary.seen_in_bytes(text.as_bytes()), [""; 0], "{text}");
    }
}
