//! Secrets planted in every text and every name never reach a file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    Cooldown, FailureKind, Handoff, HandoffReason, ModelId, ProviderId, Restored, Retry, Scope,
    SessionId, Timestamp, TokenUsage, ToolName,
};
use agent_telemetry::{
    Answer, Body, Candidate, Decision, DecisionOutcome, Metric, ModelCall, Outcome, Parent,
    ProjectId, Record, Redaction, Retention, SessionStart, Severity, SqliteSink, SqliteStore, Task,
    Telemetry, ToolCall, ToolOutcome, Unit, Violation,
};

use crate::story::LONG;

const SECOND: Duration = Duration::from_secs(1);

/// Canaries, each with a core of its own that is looked for.
struct Aviary {
    seed: u64,
    cores: Vec<String>,
}

impl Aviary {
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
        match self.cores.len() % 4 {
            0 => format!("{core}@example.com"),
            1 => format!("sk-ant-{core}"),
            2 => format!("ghp_{core}"),
            _ => format!("{core}Zz{}", "k".repeat(20)),
        }
    }

    fn text(&mut self) -> String {
        let core = self.core();
        match self.cores.len() % 5 {
            0 => format!("mail {core}.b@mail.example.org, please"),
            1 => format!("run with API_KEY=\"{core}\" set"),
            2 => format!("see https://ada:{core}@example.com/x"),
            3 => format!("Authorization: Bearer {core}"),
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

    /// Those that stand in any file of the folder.
    fn seen_in(&self, folder: &Path) -> Vec<&str> {
        let mut seen = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            seen.extend(
                self.cores
                    .iter()
                    .map(String::as_str)
                    .filter(|core| text.contains(core)),
            );
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

#[test]
fn canaries_in_every_text_and_name_reach_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut aviary = Aviary {
        seed: 7,
        cores: Vec::new(),
    };
    let telemetry = Telemetry::builder(
        SqliteSink::open(&path)
            .unwrap()
            .retention(Retention::FOREVER),
    )
    .window(LONG)
    .start()
    .unwrap();
    // Several rounds, so that each place meets each form: there are four and five of them.
    let stored = (0..6).map(|_| tell(&telemetry, &mut aviary)).last();
    assert!(stored.unwrap() > 100 && aviary.cores.len() > 300);
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
    let mut aviary = Aviary {
        seed: 7,
        cores: Vec::new(),
    };
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
